//! What a build says on standard error while it runs: a bar on a terminal, a line a phase elsewhere, or structured logs.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::args::LogFormat;
use super::printer::Printer;
use super::report::Night;
use crate::embed::Embedded;
use crate::error::Error;
use crate::face::clock::now;
use crate::rebuild::{Progress, Verdict};

/// Shows a build.
pub(super) struct Watch<'a> {
    printer: &'a Printer,
    logs: bool,
    bar: Option<ProgressBar>,
    last_line: String,
    /// Whether to say how many texts an earlier build had embedded.
    resumes: bool,
    pace: Option<Pace>,
}

/// How fast texts are embedded.
struct Pace {
    since: Instant,
    /// How many were done then.
    from: usize,
    /// When it was last said.
    said: Instant,
}

impl Pace {
    /// How often it is said where nobody watches.
    const EVERY: Duration = Duration::from_secs(60);

    /// The rate and the time left, once a minute.
    fn line(&mut self, so_far: Embedded) -> Option<String> {
        if self.said.elapsed() < Self::EVERY {
            return None;
        }
        self.said = instant();
        let rate = (so_far.done - self.from) as f64 / self.since.elapsed().as_secs_f64();
        let left = (so_far.total - so_far.done) as f64 / rate;
        let Embedded { done, total, .. } = so_far;
        (rate > 0.0).then(|| {
            format!(
                "embed {done} of {total} texts, {rate:.0}/s, {} left",
                HumanDuration(Duration::from_secs(left as u64))
            )
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "rates are told to people")]
fn instant() -> Instant {
    Instant::now()
}

impl<'a> Watch<'a> {
    pub(super) fn new(printer: &'a Printer, log: LogFormat, resumes: bool) -> Self {
        let logs = log == LogFormat::Json;
        let bar = (!logs && Printer::watched()).then(ProgressBar::no_length);
        Self { printer, logs, bar, last_line: String::new(), resumes, pace: None }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        if let Progress::Embedded(so_far) = progress {
            self.begin_embedding(so_far);
        }
        match (&self.bar, progress) {
            (Some(bar), Progress::Phase(phase)) => {
                bar.set_style(style("{spinner} {msg} {elapsed}"));
                bar.set_message(phase);
                bar.enable_steady_tick(std::time::Duration::from_millis(100));
            }
            (Some(bar), Progress::Embedded(Embedded { done, total, .. })) => {
                bar.set_style(style("{spinner} {msg} [{bar:30}] {pos}/{len} texts, {per_sec}, {eta} left"));
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
            (None, Progress::Phase(phase)) => self.line(phase.to_owned(), "phase", &json!({ "phase": phase })),
            (None, Progress::Embedded(so_far @ Embedded { done, total, .. })) => {
                if let Some(line) = self.pace.as_mut().and_then(|pace| pace.line(so_far)) {
                    self.line(line, "pace", &json!({ "done": done, "texts": total }));
                }
                // One line each quarter: enough for a log, too little to fill it.
                let quarter = (done * 4).checked_div(total).unwrap_or(4) * 25;
                let fields = json!({ "percent": quarter, "texts": total });
                self.line(format!("embed {quarter:>3} % of {total} texts"), "embedded", &fields);
            }
        }
    }

    /// Notes when embedding began, and says what was there.
    fn begin_embedding(&mut self, Embedded { done, reused, total }: Embedded) {
        if self.pace.is_some() {
            return;
        }
        let now = instant();
        self.pace = Some(Pace { since: now, from: done, said: now });
        if self.resumes {
            let line = format!("resume: {reused} of {total} texts had been embedded");
            let fields = json!({ "texts": total, "reused": reused });
            match &self.bar {
                Some(bar) => bar.println(line),
                None => self.line(line, "resume", &fields),
            }
        }
    }

    /// Tells the verdicts, where structured logs are wanted.
    pub(super) fn gates(&self, gates: &[Verdict]) {
        for verdict in gates {
            self.log("gate", &json!(verdict));
        }
    }

    /// Removes what is drawn.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Tells how it ended, where structured logs are wanted.
    pub(super) fn end(&self, night: &Night<'_>) {
        self.log("end", &json!(night.head()));
    }

    /// Says what went wrong, unless a log has said so, and with which exit code the program ends.
    pub(super) fn error(&self, error: &Error) -> ExitCode {
        if self.logs { ExitCode::from(error.fault().exit_code()) } else { self.printer.error(error) }
    }

    fn line(&mut self, line: String, event: &str, fields: &Value) {
        if line == self.last_line {
            return;
        }
        if self.logs {
            self.log(event, fields);
        } else {
            self.printer.note(&line);
        }
        self.last_line = line;
    }

    fn log(&self, event: &str, fields: &Value) {
        if !self.logs {
            return;
        }
        let mut object =
            serde_json::Map::from_iter([("event".to_owned(), event.into()), ("at".to_owned(), now().into())]);
        object.extend(fields.as_object().cloned().unwrap_or_default());
        self.printer.note(&Value::Object(object).to_string());
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
