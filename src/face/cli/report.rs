//! The report of a build as a file: JSON or Markdown, by the file's ending.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::build::{End, purged};
use super::printer::write_whole;
use crate::desk::Changes;
use crate::error::{Error, Result};
use crate::face::wire::with_causes;
use crate::rebuild::{BuildReport, Verdict};
use crate::snapshot::Generation;

/// The exit code of a build that nothing has changed for.
const NOTHING_TO_DO: u8 = 3;

/// A build that has ended: what report, metrics and logs are made of.
pub(super) struct Night<'a> {
    index: &'a Path,
    /// When it ended.
    at: String,
    pub(super) exit_code: u8,
    end: &'a Result<End>,
}

/// How a build ended, in short.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    outcome: &'static str,
    exit_code: u8,
    at: String,
    index: String,
    /// What serves now, as far as the build knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    serving: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> Night<'a> {
    pub(super) fn new(index: &'a Path, at: String, end: &'a Result<End>) -> Self {
        let exit_code = match end {
            Ok(End::Published(_)) => 0,
            Ok(End::Nothing(..)) => NOTHING_TO_DO,
            Ok(End::Refused(_, error)) | Err(error) => error.fault().exit_code(),
        };
        Self { index, at, exit_code, end }
    }

    pub(super) fn head(&self) -> Head {
        let (outcome, serving, error) = match self.end {
            Ok(End::Published(report)) => ("published", Some(&report.generation), None),
            Ok(End::Nothing(generation, _)) => ("nothing_to_do", Some(generation), None),
            Ok(End::Refused(report, error)) => ("refused", report.last.as_ref(), Some(error)),
            Err(error) => ("failed", None, Some(error)),
        };
        Head {
            outcome,
            exit_code: self.exit_code,
            at: self.at.clone(),
            index: self.index.display().to_string(),
            serving: serving.map(|generation| generation.name.clone()),
            error: error.map(with_causes),
        }
    }

    /// What was built, published or not.
    pub(super) fn report(&self) -> Option<&BuildReport> {
        match self.end {
            Ok(End::Published(report) | End::Refused(report, _)) => Some(report),
            Ok(End::Nothing(..)) | Err(_) => None,
        }
    }
}

/// Refuses a file of whose ending there is no report, before anything is done.
pub(super) fn check(file: &Path) -> Result<()> {
    match ending(file) {
        Some("json" | "md") => Ok(()),
        _ => Err(Error::argument("--report", format!("{} must end in .json or .md", file.display()))),
    }
}

fn ending(file: &Path) -> Option<&str> {
    file.extension()?.to_str()
}

/// Writes the report whole or not at all.
pub(super) fn write(file: &Path, night: &Night<'_>) -> Result<()> {
    let text = match ending(file) {
        Some("md") => markdown(night),
        _ => {
            let mut document = json!(night.head());
            if let Some(report) = night.report() {
                document["report"] = json!(report);
                document["rows_per_second"] =
                    rates(report).map(|(phase, _, rate)| (phase.to_owned(), json!(rate))).collect();
            }
            format!("{document:#}\n")
        }
    };
    write_whole(file, |out| Ok(out.write_all(text.as_bytes())?))
}

/// Each phase with its seconds, and the rows of both indexes that it did a second.
fn rates(report: &BuildReport) -> impl Iterator<Item = (&'static str, f64, f64)> {
    let rows = report.generation.rows() as f64;
    report.seconds.iter().map(move |&(phase, seconds)| (phase, seconds, rows / seconds.max(1e-9)))
}

fn markdown(night: &Night<'_>) -> String {
    let head = night.head();
    let mut out = format!("# Build of {}: {}\n\n", head.index, head.outcome.replace('_', " "));
    let _ = writeln!(out, "- ended {}, exit code {}", head.at, head.exit_code);
    let _ = writeln!(out, "- serving: {}", head.serving.as_deref().unwrap_or("what served before, if anything did"));
    if let Some(by) = night.report().and_then(|report| report.forced_by.as_ref()) {
        let _ = writeln!(out, "- published though gates do not hold, at the wish of {by}");
    }
    if let Some(error) = &head.error {
        let _ = writeln!(out, "\n```text\n{error}\n```");
    }
    if let Some(report) = night.report() {
        out.push_str(&changed(report));
        out.push_str(&came_in(report));
        out.push_str(&gates(&report.gates));
        out.push_str(&phases(report));
    }
    out
}

/// The new generation beside the one that served before.
fn changed(report: &BuildReport) -> String {
    let (new, last) = (&report.generation, report.last.as_ref());
    let before =
        |figure: &dyn Fn(&Generation) -> Option<String>| last.and_then(figure).unwrap_or_else(|| "–".to_owned());
    let mut out = format!(
        "\n## What changed\n\n| | {} | {} |\n|---|--:|--:|\n",
        last.map_or("before", |last| &last.name),
        new.name
    );
    for (name, index) in &new.indexes {
        let rows = before(&|last| Some(last.indexes.get(name)?.rows.to_string()));
        let _ = writeln!(out, "| rows of {name} | {rows} | {} |", index.rows);
    }
    let megabytes = |generation: &Generation| format!("{:.1}", generation.bytes() as f64 / 1e6);
    let _ = writeln!(out, "| MB | {} | {} |", before(&|last| Some(megabytes(last))), megabytes(new));
    let _ = writeln!(out, "| built | {} | {} |", before(&|last| Some(last.created_at.clone())), new.created_at);
    if let Some(last) = last {
        let inputs = new.inputs.iter().filter(|(name, sum)| last.inputs.get(*name) != Some(*sum));
        let names: Vec<&str> = inputs.map(|(name, _)| name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let _ = writeln!(out, "\nInputs that changed: {names}.");
    }
    if let Some(why) = &report.last_unread {
        let _ = writeln!(out, "\nWhat served before cannot be compared with: {why}.");
    }
    if let Some(forgotten) = &report.forgotten {
        let _ = write!(out, "\nForgotten: {} of the tables' tickets left out", forgotten.left_out);
        let purging = forgotten.generations.as_ref().map(|purging| format!("; {}", purged(purging)));
        let _ = writeln!(out, "{}.", purging.unwrap_or_default());
    }
    let _ = writeln!(out, "\nTexts: {}, of which {} had a vector.", report.texts, report.reused);
    out
}

fn came_in(report: &BuildReport) -> String {
    let mut out = "\n## What came in\n\n| table | rows | skipped | columns |\n|---|--:|--:|--:|\n".to_owned();
    for table in &report.tables {
        let _ = writeln!(out, "| {} | {} | {} | {} |", table.name, table.rows, table.skipped, table.columns.len());
    }
    for (name, of) in report.changes() {
        let _ = write!(out, "\n{name}: {}.\n", changes(of));
    }
    out
}

/// What changed in a table, in a line.
pub(super) fn changes(changes: &Changes) -> String {
    let Changes { set, deleted, rows_passed_over, files, files_passed_over } = changes;
    let mut text = format!("{set} rows set, {deleted} deleted");
    if *files > 0 {
        let _ = write!(text, "; {files} files read");
    }
    if *files_passed_over > 0 {
        let _ = write!(text, "; {files_passed_over} files of no newer partition passed over");
    }
    if *rows_passed_over > 0 {
        let _ = write!(text, "; {rows_passed_over} rows of versions already read passed over");
    }
    text
}

fn gates(gates: &[Verdict]) -> String {
    let mut out =
        "\n## Gates\n\n| | gate | of | found | value | limit | key |\n|---|---|---|---|--:|--:|---|\n".to_owned();
    for verdict in gates {
        let Verdict { gate, of, value, limit, passed, found, key } = verdict;
        let sign = if *passed { "ok" } else { "**refused**" };
        let value = value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
        let found = found.replace('|', "\\|");
        let _ = writeln!(out, "| {sign} | {gate} | {of} | {found} | {value} | {limit} | `build.gates.{key}` |");
    }
    out
}

fn phases(report: &BuildReport) -> String {
    let mut out = "\n## Phases\n\n| phase | seconds | rows/s |\n|---|--:|--:|\n".to_owned();
    for (phase, seconds, rate) in rates(report) {
        let _ = writeln!(out, "| {phase} | {seconds:.2} | {rate:.0} |");
    }
    out
}
