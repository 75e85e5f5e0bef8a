//! `nba replay`: how often the recommendation would have been what the agent did, on the desk's own history.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, NaiveDate};
use fs_err as fs;

use super::args::ReplayArgs;
use super::build::catalogue;
use super::plot::svg;
use super::printer::{Bar, Printer};
use super::settings::Settings;
use crate::desk;
use crate::embed::VectorCache;
use crate::engine::open_model;
use crate::error::{Error, Result};
use crate::evaluate::{Figure, Hits, Oracle, ReplayParams, ReplayReport, RiskCurve, replay as walk};
use crate::rebuild::{Past, Progress};

pub(super) fn replay(args: ReplayArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let config = &settings.config;
    let since = args.since.as_deref().map_or(Ok(i64::MIN), instant)?;
    let catalogue = catalogue(args.actions.or(config.actions.clone()), &args.data)?;
    let mut read = config.build.read;
    read.lenient |= args.lenient;
    let desk = desk::load(&args.data, &read)?;
    let oracle = Oracle::beside(&args.data)?;
    let embedder = open_model(&settings.model()?, &config.embed)?;
    let cache = VectorCache::temporary(embedder.identity())?;
    let mut bar = Bar::new("embed");
    let past = Past::embed(desk, &catalogue, &config.build.assign, embedder.as_ref(), &cache, &mut |progress| {
        if let Progress::Embedded(so_far) = progress {
            bar.show(so_far.done, so_far.total);
        }
        Ok(())
    })?;
    bar.end();
    if let Some(category) = &args.unseen
        && !past.desk.tickets.iter().any(|ticket| *ticket.category == **category)
    {
        let known: BTreeSet<&str> = past.desk.tickets.iter().map(|ticket| &*ticket.category).collect();
        let known = known.into_iter().collect::<Vec<_>>().join("`, `");
        return Err(Error::argument(
            "--unseen",
            format!("no ticket has the category `{category}`; there are `{known}`"),
        ));
    }
    let params = ReplayParams { since, unseen: args.unseen, recommend: config.recommend, learn: config.build.learn };
    let mut bar = Bar::new("replay");
    let steps = walk(&past, &catalogue, &params, &mut |done, total| bar.show(done, total));
    bar.end();
    if steps.is_empty() {
        return Err(Error::argument("--since", "no agent did anything from then on; give an earlier date"));
    }
    let oracles = oracle.map(|oracle| oracle.ranks(&steps)).transpose()?;
    let report = ReplayReport::of(&steps, oracles.as_deref(), config.build.learn.seed);
    if let Some(folder) = &args.report {
        write_report(folder, &report)?;
    }
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
    for (name, hits) in report.baselines.iter().chain(&report.oracles) {
        line(&name.replace('_', " "), hits);
    }
    for (category, hits) in &report.by_category {
        line(&format!("  in {category}"), hits);
    }
    for (language, hits) in &report.by_language {
        line(&format!("  in {language}"), hits);
    }
    for (position, hits) in &report.by_position {
        line(&format!("  after {position} actions"), hits);
    }
    out.push_str(&summary(report));
    out
}

fn summary(report: &ReplayReport) -> String {
    format!(
        "answered {:.1} % of the steps, {:.1} % of those with another first action than the agent's; calibration error {:.3}\n\
         mean risk when only the surest are answered: {:.3} by confidence, {:.3} by a fixed cosine\n",
        report.coverage * 100.0,
        report.risk * 100.0,
        report.calibration_error,
        report.risk_by_confidence.area,
        report.risk_by_similarity.area
    )
}

/// Writes `replay.md` and the plots that it shows; all is made before anything is written.
fn write_report(folder: &Path, report: &ReplayReport) -> Result<()> {
    let curve = |curve: &RiskCurve| curve.points.iter().map(|point| (point.coverage, point.risk)).collect();
    let reliability = [
        ("nba", report.reliability.iter().map(|bin| (bin.confidence, bin.hit_at_1)).collect()),
        ("as sure as right", vec![(0.0, 0.0), (1.0, 1.0)]),
    ];
    let risk = [
        ("by confidence", curve(&report.risk_by_confidence)),
        ("by a fixed cosine", curve(&report.risk_by_similarity)),
    ];
    let drawn = |plot: std::result::Result<_, _>| plot.map_err(|error| Error::internal("drawing a plot", error));
    let files = [
        ("reliability.svg", drawn(svg("confidence", "hit@1", &reliability))?),
        ("coverage-risk.svg", drawn(svg("coverage", "risk", &risk))?),
        ("replay.md", markdown(report)),
    ];
    fs::create_dir_all(folder)?;
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn markdown(report: &ReplayReport) -> String {
    let mut out = String::from("# Replay\n\n");
    let _ = writeln!(out, "{}", summary(report).replace('\n', "  \n"));
    let mut rows = vec![("nba".to_owned(), report.all)];
    rows.extend(report.baselines.iter().chain(&report.oracles).map(|(name, hits)| (name.replace('_', " "), *hits)));
    let mut table = |title: &str, rows: Vec<(String, Hits)>| {
        let _ =
            writeln!(out, "| {title} | steps | hit@1 (95 %) | hit@3 (95 %) | MRR (95 %) |\n|---|---:|---:|---:|---:|");
        let figure = |it: &Figure| format!("{:.3} ({:.3}–{:.3})", it.mean, it.low, it.high);
        for (name, hits) in rows {
            let (one, three, mrr) = (figure(&hits.hit_at_1), figure(&hits.hit_at_3), figure(&hits.mrr));
            let _ = writeln!(out, "| {} | {} | {one} | {three} | {mrr} |", name.replace('|', "\\|"), hits.steps);
        }
        out.push('\n');
    };
    table("answers of", rows);
    let groups =
        [("category", &report.by_category), ("language", &report.by_language), ("actions before", &report.by_position)];
    for (title, group) in groups {
        table(title, group.iter().map(|(key, hits)| (key.clone(), *hits)).collect());
    }
    out.push_str(
        "![How often the first action is right, by its confidence](reliability.svg)\n\n\
         ![How often answers are wrong, by the share that is answered](coverage-risk.svg)\n",
    );
    out
}
