//! Figures of a build for Prometheus, as a file that its node exporter's textfile collector reads.

use std::fmt::{Display, Write as _};
use std::path::Path;

use super::printer::write_whole;
use super::report::Night;
use crate::error::Result;
use crate::face::clock::now_micros;

/// Writes them whole or not at all.
pub(super) fn write(file: &Path, night: &Night<'_>) -> Result<()> {
    let text = metrics(night, now_micros() as f64 / 1e6);
    write_whole(file, |out| Ok(out.write_all(text.as_bytes())?))
}

fn metrics(night: &Night<'_>, ended: f64) -> String {
    let mut out = Metrics(String::new());
    out.one(
        "exit_code",
        "Exit code of the last build: 0 published, 3 nothing to do, 4 refused by a gate.",
        night.exit_code,
    );
    out.one("end_timestamp_seconds", "When the last build ended, in seconds since 1970 UTC.", format!("{ended:.3}"));
    let Some(report) = night.report() else { return out.0 };
    out.one("published", "Whether the generation that was built serves.", u8::from(report.published));
    out.one("forced", "Whether it was published though gates do not hold.", u8::from(report.forced_by.is_some()));
    out.many("phase_seconds", "Seconds by phase.", &["phase"], report.seconds.iter().map(|(phase, s)| ([*phase], s)));
    let indexes = &report.generation.indexes;
    out.many("rows", "Rows by index.", &["index"], indexes.iter().map(|(name, index)| ([name.as_str()], index.rows)));
    out.many(
        "bytes",
        "Bytes by index.",
        &["index"],
        indexes.iter().map(|(name, index)| ([name.as_str()], index.bytes)),
    );
    let tables = &report.tables;
    out.many(
        "source_rows",
        "Good rows by table.",
        &["table"],
        tables.iter().map(|table| ([table.name.as_str()], table.rows)),
    );
    out.many(
        "skipped_rows",
        "Rows left out as faulty, by table.",
        &["table"],
        tables.iter().map(|table| ([table.name.as_str()], table.skipped)),
    );
    out.one("texts", "Distinct texts that have a vector.", report.texts);
    out.one("texts_reused", "How many of these vectors an earlier build had made.", report.reused);
    let gates = &report.gates;
    let labels = ["gate", "of"];
    out.many(
        "gate_passed",
        "Whether each gate holds.",
        &labels,
        gates.iter().map(|it| ([it.gate, it.of.as_str()], u8::from(it.passed))),
    );
    out.many(
        "gate_value",
        "What each gate found, in the unit of its limit.",
        &labels,
        gates.iter().filter_map(|it| Some(([it.gate, it.of.as_str()], it.value?))),
    );
    out.many(
        "gate_limit",
        "The limit of each gate.",
        &labels,
        gates.iter().map(|it| ([it.gate, it.of.as_str()], it.limit)),
    );
    out.0
}

/// The text that Prometheus reads.
struct Metrics(String);

impl Metrics {
    fn head(&mut self, name: &str, help: &str) {
        let _ = write!(self.0, "# HELP nba_build_{name} {help}\n# TYPE nba_build_{name} gauge\n");
    }

    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help);
        let _ = writeln!(self.0, "nba_build_{name} {value}");
    }

    /// One line a value, told apart by labels.
    fn many<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str; N],
        values: impl Iterator<Item = ([&'a str; N], impl Display)>,
    ) {
        self.head(name, help);
        for (texts, value) in values {
            let pairs: Vec<String> =
                labels.iter().zip(texts).map(|(label, text)| format!("{label}={text:?}")).collect();
            let _ = writeln!(self.0, "nba_build_{name}{{{}}} {value}", pairs.join(","));
        }
    }
}
