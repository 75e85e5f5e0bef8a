//! `nba tune`: how the desk's similar tickets are best found, and the configuration that says so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::TuneArgs;
use super::printer::{Bar, Printer};
use super::settings::Settings;
use crate::config::{Config, Edit, EditValue, edit};
use crate::error::{Error, Result};
use crate::evaluate::{
    Change, FOLDS, Figure, Judge, Metric, Setting, SettingValue, TuneParams, TuneReport, Words, read_questions,
    tune as search,
};
use crate::face::clock;

/// The file that is written where no other is in force.
const DEFAULT_FILE: &str = "nba.toml";

#[derive(Debug, Serialize)]
struct TuneJson<'a> {
    #[serde(flatten)]
    report: &'a TuneReport,
    /// The file that holds the changes now.
    written: Option<&'a Path>,
    /// By which seed judgements were dealt out at random.
    permuted: Option<u64>,
}

pub(super) fn tune(args: &TuneArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let config = &settings.config;
    let judge = match &args.queries {
        Some(file) => Judge::Questions(read_questions(file)?),
        None => Judge::Column(args.judge.clone()),
    };
    let by = args.queries.as_ref().map_or_else(|| args.judge.clone(), |file| file.display().to_string());
    let current = setting(config);
    let params = TuneParams {
        judge,
        current,
        keyword: config.keyword.clone(),
        seed: args.seed,
        most: usize::max(args.most, 1),
        permute: args.permute,
    };
    let engine = settings.engine()?;
    let mut bar = Bar::new("tune");
    let report = search(&engine, &params, &mut |done, total| bar.show(done, total))?;
    bar.end();
    let file = settings.config_file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let is_kept = report.is_sure && !args.dry_run && args.permute.is_none();
    if is_kept {
        write(&file, settings.config_file.is_some(), &current, &report)?;
    }
    if printer.json() {
        let written = is_kept.then_some(file.as_path());
        return printer.document(&TuneJson { report: &report, written, permuted: args.permute });
    }
    let mut text = figures(&report, &by);
    text += &match (report.is_sure, is_kept) {
        (false, _) => "nothing better than noise was found: the configuration stays as it is\n".to_owned(),
        (true, false) => "nothing is written\n".to_owned(),
        (true, true) => format!("written to {}\n", file.display()),
    };
    if is_kept && report.changes.iter().any(|change| change.needs_build) {
        text += "boosts count from the next `nba index build` on, the rest at once\n";
    }
    printer.text(&text)
}

/// What a configuration says of what is tuned.
fn setting(config: &Config) -> Setting {
    let words = Words { k1: config.keyword.k1, b: config.keyword.b, boosts: config.build.keyword };
    Setting { fusion: config.fusion, words }
}

/// Writes the changes, unless the file says by now something else than what they are better than.
fn write(file: &Path, is_there: bool, current: &Setting, report: &TuneReport) -> Result<()> {
    if is_there && setting(&Config::load(file)?) != *current {
        let message = "it was changed while the search ran: nothing is written; run it again".to_owned();
        return Err(Error::Config { path: file.to_owned(), message });
    }
    let day = clock::now().chars().take(10).collect::<String>();
    let gain = gain(&report.gain);
    let edits = report.changes.iter().map(|change| {
        let name = change.key.rsplit('.').next().unwrap_or(change.key);
        let mark = format!("nba tune, {name}:");
        let value = match change.to {
            SettingValue::Number(number) => EditValue::Number(number),
            SettingValue::Method(_) => EditValue::Text(change.to.to_string()),
        };
        let comment = format!(
            "{mark} {} until {day}; {} {gain} by {} questions, with all that was tuned",
            change.from,
            report.metric.name(),
            report.questions
        );
        Edit { key: change.key, value, mark, comment }
    });
    edit(file, &edits.collect::<Vec<_>>())
}

/// A gain with its sign and its interval.
fn gain(gain: &Figure) -> String {
    format!("{:+.3} (95 %: {:+.3} to {:+.3})", gain.mean, gain.low, gain.high)
}

fn figures(report: &TuneReport, by: &str) -> String {
    let mut out = match report.metric {
        Metric::Precision => format!(
            "{} resolved tickets, each of another thread, ask for others with the same {by} ({} values)\n\
             P@10: the share of the first ten that have it\n",
            report.questions,
            report.labels.unwrap_or_default()
        ),
        Metric::ReciprocalRank => format!(
            "{} questions of {by}, {} sets of them without a common answer\n\
             MRR: one by the rank of the first right ticket\n",
            report.questions, report.groups
        ),
    };
    if report.space_has_seen {
        let _ = writeln!(out, "the index's space was learnt from {by}: vectors are flattered, beside words");
    }
    let _ = writeln!(out, "{:<28}{:>8.3}", "in force", report.current);
    let _ = writeln!(out, "{:<28}{:>8.3}  {}", "tuned, on held-out questions", report.tuned, gain(&report.gain));
    let changes: &[Change] = if report.is_sure { &report.changes } else { &[] };
    for change in changes {
        let _ = writeln!(
            out,
            "  {:<26}{:>8} → {}, as in {} of {FOLDS} folds",
            change.key,
            change.from.to_string(),
            change.to,
            change.folds
        );
    }
    out
}
