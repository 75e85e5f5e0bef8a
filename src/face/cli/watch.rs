//! What a build says on standard error while it runs: a bar on a terminal, a line a phase elsewhere, or structured logs.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::args::LogFormat;
use super::printer::Printer;
use super::report::Night;
use crate::error::Error;
use crate::embed::Embedded;
use crate::face::clock::now;
use crate::rebuild::{Progress, Verdict};

/// Shows a build.
pub(super) struct Watch<'a> {
    printer: &'a Printer,
    logs: bool,
    bar: Option<ProgressBar>,
    last_line: String,
}

impl<'a> Watch<'a> {
    pub(super) fn new(printer: &'a Printer, log: LogFormat) -> Self {
        let logs = log == LogFormat::Json;
        let bar = (!logs && Printer::watched()).then(ProgressBar::no_length);
        Self { printer, logs, bar, last_line: String::new() }
    }

    pub(super) fn show(&mut self, progress: Progress) {
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
            (None, Progress::Embedded(Embedded { done, total, .. })) => {
                // One line each quarter: enough for a log, too little to fill it.
                let quarter = (done * 4).checked_div(total).unwrap_or(4) * 25;
                let fields = json!({ "percent": quarter, "texts": total });
                self.line(format!("embed {quarter:>3} % of {total} texts"), "embedded", &fields);
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
