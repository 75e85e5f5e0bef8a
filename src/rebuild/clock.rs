//! How long each phase of a build took. The only reader of a clock below `face`.

use std::time::Instant;

/// Seconds by phase; a phase that comes back adds up.
#[derive(Default)]
pub(super) struct Clock {
    seconds: Vec<(&'static str, f64)>,
    running: Option<(usize, Instant)>,
}

impl Clock {
    pub(super) fn phase(&mut self, name: &'static str) -> &'static str {
        self.stop();
        let at = self.seconds.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.seconds.push((name, 0.0));
            self.seconds.len() - 1
        });
        #[expect(clippy::disallowed_methods, reason = "the report says how long each phase took")]
        let now = Instant::now();
        self.running = Some((at, now));
        name
    }

    fn stop(&mut self) {
        if let Some((at, since)) = self.running.take() {
            self.seconds[at].1 += since.elapsed().as_secs_f64();
        }
    }

    /// What was measured so far; stops.
    pub(super) fn stopped(&mut self) -> Vec<(&'static str, f64)> {
        self.stop();
        self.seconds.clone()
    }
}
