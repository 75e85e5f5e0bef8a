//! The one place that prints: data on standard output, talk on standard error, no colour into a pipe; files whole.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::disk::{new_file, parent};
use crate::error::{Error, Result};
use crate::face::wire::{ErrorJson, with_causes};

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

    /// Standard output for many lines, with a buffer.
    pub(super) fn lines() -> Lines {
        Lines { out: io::BufWriter::new(io::stdout()), closed: false }
    }

    /// Prints one JSON document on one line, for a reader who waits for it.
    #[cfg(feature = "http")]
    pub(super) fn line(&self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(value).map_err(|error| Error::internal("writing JSON", error))?;
        text.push('\n');
        quiet_if_closed(io::stdout().write_all(text.as_bytes()))
    }

    /// Says something beside the data.
    pub(super) fn note(&self, text: &str) {
        // Talk that nobody can hear is no reason to fail.
        let _ = writeln!(AutoStream::new(io::stderr(), ColorChoice::Auto), "{text}");
    }

    /// Prints the help that was asked for, or says what is wrong with the words of the command line.
    pub(super) fn usage(&self, error: &clap::Error) -> ExitCode {
        let exit_code = u8::try_from(error.exit_code()).unwrap_or(2);
        if self.json && error.use_stderr() {
            let message = error.render().to_string();
            let message = message.trim().trim_start_matches("error: ");
            self.note(&json!({ "error": message, "exit_code": exit_code }).to_string());
        } else {
            // Help that nobody can read is no reason to fail.
            let _ = error.print();
        }
        ExitCode::from(exit_code)
    }

    /// Says what went wrong, and with which exit code the program ends.
    pub(super) fn error(&self, error: &Error) -> ExitCode {
        if self.json {
            self.note(&json!(ErrorJson::from(error)).to_string());
        } else {
            self.note(&format!("\u{1b}[1;31merror:\u{1b}[0m {}", with_causes(error)));
        }
        ExitCode::from(error.fault().exit_code())
    }
}

/// Lines of data on their way to standard output.
pub(super) struct Lines {
    out: io::BufWriter<io::Stdout>,
    closed: bool,
}

impl Lines {
    /// Writes a text; once the reader has seen enough, nothing.
    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        let written = if self.closed { Ok(()) } else { self.out.write_all(text.as_bytes()) };
        self.settle(written)
    }

    /// Writes what is left.
    pub(super) fn end(&mut self) -> Result<()> {
        let written = if self.closed { Ok(()) } else { self.out.flush() };
        self.settle(written)
    }

    /// Whether nobody reads any more.
    pub(super) const fn closed(&self) -> bool {
        self.closed
    }

    fn settle(&mut self, written: io::Result<()>) -> Result<()> {
        self.closed |= written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        quiet_if_closed(written)
    }
}

/// Writes a file whole or not at all.
pub(super) fn write_whole(path: &Path, write: impl FnOnce(&mut dyn io::Write) -> Result<()>) -> Result<()> {
    // It is others who read reports and metrics.
    let mut file = new_file(parent(path))?;
    write(&mut file)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A reader that has seen enough (`nba … | head`) is no error.
fn quiet_if_closed(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// How far a phase is: a bar on a terminal, nothing elsewhere.
pub(super) struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar for texts, or for whatever else is counted in a phase of this name.
    pub(super) fn new(phase: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(Printer::watched().then(|| ProgressBar::new(0).with_style(style).with_message(phase)))
    }

    pub(super) fn show(&mut self, done: usize, total: usize) {
        if let Some(bar) = &self.0 {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
