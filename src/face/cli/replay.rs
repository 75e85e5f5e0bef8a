//! `nba replay`: how often the recommendation would have been what the agent did, on the desk's own history.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate};

use super::args::ReplayArgs;
use super::build::catalogue;
use super::printer::{Bar, Printer};
use super::settings::Settings;
use crate::desk;
use crate::engine::open_model;
use crate::error::{Error, Result};
use crate::evaluate::{Hits, ReplayParams, ReplayReport, replay as walk};
use crate::rebuild::{Past, Progress};

pub(super) fn replay(args: ReplayArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let config = &settings.config;
    let since = args.since.as_deref().map_or(Ok(i64::MIN), instant)?;
    let catalogue = catalogue(args.actions.or(config.actions.clone()), &args.data)?;
    let mut read = config.build.read;
    read.lenient |= args.lenient;
    let desk = desk::load(&args.data, &read)?;
    let embedder = open_model(&settings.model()?, &config.embed)?;
    let mut bar = Bar::new("embed");
    let past = Past::embed(desk, &catalogue, &config.build.assign, embedder.as_ref(), None, &mut |progress| {
        if let Progress::Embedded { done, total } = progress {
            bar.show(done, total);
        }
    })?;
    bar.end();
    let params = ReplayParams { since, recommend: config.recommend, learn: config.build.learn };
    let mut bar = Bar::new("replay");
    let steps = walk(&past, &catalogue, &params, &mut |done, total| bar.show(done, total));
    bar.end();
    if steps.is_empty() {
        return Err(Error::argument("--since", "no agent did anything from then on; give an earlier date"));
    }
    let report = ReplayReport::of(&steps, config.build.learn.seed);
    if printer.json() { printer.document(&report) } else { printer.text(&table(&report)) }
}

/// Microseconds since 1970 of a date, or of a date with time.
fn instant(text: &str) -> Result<i64> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    day.map(|midnight| midnight.and_utc().timestamp_micros())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros()))
        .ok_or_else(|| {
            Error::argument("--since", format!("`{text}` is no date such as 2026-03-01 or 2026-03-01T12:00:00Z"))
        })
}

fn table(report: &ReplayReport) -> String {
    let mut out = format!("{:<28}{:>7}{:>22}{:>9}{:>8}\n", "", "steps", "hit@1 (95 %)", "hit@3", "MRR");
    let mut line = |name: &str, hits: &Hits| {
        let interval = format!("{:.3} ({:.3}–{:.3})", hits.hit_at_1.mean, hits.hit_at_1.low, hits.hit_at_1.high);
        let _ =
            writeln!(out, "{name:<28}{:>7}{interval:>22}{:>9.3}{:>8.3}", hits.steps, hits.hit_at_3.mean, hits.mrr.mean);
    };
    line("nba", &report.all);
    for (name, hits) in &report.baselines {
        line(&name.replace('_', " "), hits);
    }
    for (category, hits) in &report.by_category {
        line(&format!("  in {category}"), hits);
    }
    for (position, hits) in &report.by_position {
        line(&format!("  after {position} actions"), hits);
    }
    let _ = writeln!(
        out,
        "answered {:.1} % of the steps, {:.1} % of those with another first action than the agent's; calibration error {:.3}",
        report.coverage * 100.0,
        report.risk * 100.0,
        report.calibration_error
    );
    out
}
