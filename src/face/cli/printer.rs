//! The one place that prints: data on standard output, talk on standard error, no colour into a pipe.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Result};

/// Writes what the commands say.
pub(super) struct Printer {
    json: bool,
}

impl Printer {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the caller asked for JSON.
    pub(super) const fn json(&self) -> bool {
        self.json
    }

    /// Whether somebody watches: progress bars are drawn only then.
    pub(super) fn watched() -> bool {
        io::stderr().is_terminal()
    }

    /// Prints text, styled where the terminal shows styles.
    pub(super) fn text(&self, text: &str) -> Result<()> {
        quiet_if_closed(AutoStream::new(io::stdout(), ColorChoice::Auto).write_all(text.as_bytes()))
    }

    /// Prints one JSON document.
    pub(super) fn document(&self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value).map_err(|error| Error::internal("writing JSON", error))?;
        text.push('\n');
        quiet_if_closed(io::stdout().write_all(text.as_bytes()))
    }

    /// Says something beside the data.
    pub(super) fn note(&self, text: &str) {
        // Talk that nobody can hear is no reason to fail.
        let _ = writeln!(AutoStream::new(io::stderr(), ColorChoice::Auto), "{text}");
    }

    /// Says what went wrong, and with which exit code the program ends.
    pub(super) fn error(&self, error: &Error) -> ExitCode {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            message.push_str(&format!("\n  caused by: {cause}"));
            source = cause.source();
        }
        if self.json {
            self.note(&json!({ "error": message, "exit_code": error.fault().exit_code() }).to_string());
        } else {
            self.note(&format!("\u{1b}[1;31merror:\u{1b}[0m {message}"));
        }
        ExitCode::from(error.fault().exit_code())
    }
}

/// A reader that has seen enough (`nba … | head`) is no error.
fn quiet_if_closed(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
