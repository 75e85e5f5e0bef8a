//! The clock of the faces: what lies below them is told the time.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// The present instant in RFC 3339, to the second.
pub(super) fn now() -> String {
    instant().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The present instant in microseconds since 1970 UTC.
pub(super) fn now_micros() -> i64 {
    instant().timestamp_micros()
}

/// The present instant in milliseconds since 1970 UTC.
#[cfg(feature = "http")]
pub(super) fn now_millis() -> i64 {
    instant().timestamp_millis()
}

/// How long something takes.
#[cfg(feature = "http")]
pub(super) struct Stopwatch(std::time::Instant);

#[cfg(feature = "http")]
impl Stopwatch {
    /// Begins now.
    pub(super) fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a face times what it asks for")]
        let now = std::time::Instant::now();
        Self(now)
    }

    /// Milliseconds since then.
    pub(super) fn ms(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1_000.0
    }
}

fn instant() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "a face reads the clock and passes it on")]
    let now = SystemTime::now();
    DateTime::<Utc>::from(now)
}
