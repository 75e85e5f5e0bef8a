//! `nba index build`: progress while it runs, a summary when it is done.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::args::BuildArgs;
use super::feedback::unusable;
use super::printer::Printer;
use super::settings::Settings;
use crate::desk::Catalogue;
use crate::engine::{Engine, identity_of, open_model};
use crate::error::{Error, Result};
use crate::face::clock::now;
use crate::feedback::LogReport;
use crate::rebuild::{BuildReport, BuildRequest, Progress, catalogue_beside, nothing_to_do};
use crate::similarity::{Measured, WHY_NONE};
use crate::snapshot::Generation;

/// The exit code of a build that nothing has changed for.
const NOTHING_TO_DO: u8 = 3;

pub(super) fn build(args: BuildArgs, settings: Settings, printer: &Printer) -> Result<ExitCode> {
    let mut params = settings.config.build.clone();
    params.vector.kind = args.vector.unwrap_or(params.vector.kind);
    params.keep = args.keep.unwrap_or(params.keep);
    if params.keep == 0 {
        return Err(Error::argument("--keep", "it must be 1 or more: the new generation is one"));
    }
    params.read.lenient |= args.lenient;

    let catalogue = catalogue(args.actions.or(settings.config.actions.clone()), &args.data)?;
    let model = settings.model()?;
    let request = BuildRequest {
        data: args.data,
        index: settings.index.clone(),
        catalogue: &catalogue,
        now: now(),
        holder: format!("`nba index build` with process id {} since {}", std::process::id(), now()),
        params: &params,
        recommend: &settings.config.recommend,
        fusion: settings.config.fusion,
        keyword: &settings.config.keyword,
    };
    let unchanged = if args.force { None } else { nothing_to_do(&request, &identity_of(&model)?)? };
    if let Some(generation) = unchanged {
        nothing(&generation, &settings.index, printer)?;
        return Ok(ExitCode::from(NOTHING_TO_DO));
    }
    let embedder = open_model(&model, &settings.config.embed)?;
    let mut display = Display::new(printer);
    let report = Engine::build(&request, embedder.as_ref(), &mut |progress| display.show(progress))?;
    display.end();
    if printer.json() {
        printer.document(&report)?;
    } else {
        printer.text(&summary(&report, &settings.index))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn nothing(generation: &Generation, index: &Path, printer: &Printer) -> Result<()> {
    if printer.json() {
        return printer.document(&json!({ "generation": generation, "nothing_to_do": true }));
    }
    printer.text(&format!(
        "nothing to do: generation {} of {} was made from the same tables, catalogue, configuration, model and feedback\n",
        generation.name,
        index.display()
    ))
}

/// The catalogue that was named, the data folder's own, or the built-in one.
pub(super) fn catalogue(named: Option<PathBuf>, data: &Path) -> Result<Catalogue> {
    match named.or_else(|| catalogue_beside(data)) {
        Some(path) => Catalogue::from_toml(&path),
        None => Ok(Catalogue::built_in()),
    }
}

/// A bar on a terminal, a line a phase elsewhere.
struct Display<'a> {
    printer: &'a Printer,
    bar: Option<ProgressBar>,
    last_line: String,
}

impl<'a> Display<'a> {
    fn new(printer: &'a Printer) -> Self {
        Self { printer, bar: Printer::watched().then(ProgressBar::no_length), last_line: String::new() }
    }

    fn show(&mut self, progress: Progress) {
        match (&self.bar, progress) {
            (Some(bar), Progress::Phase(phase)) => {
                bar.set_style(style("{spinner} {msg} {elapsed}"));
                bar.set_message(phase);
                bar.enable_steady_tick(std::time::Duration::from_millis(100));
            }
            (Some(bar), Progress::Embedded { done, total }) => {
                bar.set_style(style("{spinner} {msg} [{bar:30}] {pos}/{len} texts, {per_sec}, {eta} left"));
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
            (None, Progress::Phase(phase)) => self.line(phase.to_owned()),
            (None, Progress::Embedded { done, total }) => {
                // One line each quarter: enough for a log, too little to fill it.
                let quarter = (done * 4).checked_div(total).unwrap_or(4) * 25;
                self.line(format!("embed {quarter:>3} % of {total} texts"));
            }
        }
    }

    fn line(&mut self, line: String) {
        if line != self.last_line {
            self.printer.note(&line);
            self.last_line = line;
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn summary(report: &BuildReport, index: &Path) -> String {
    let generation = &report.generation;
    let seconds: f64 = report.seconds.iter().map(|(_, seconds)| seconds).sum();
    let rows = generation.rows();
    let mut out = format!("generation {} of {} serves now\n", generation.name, index.display());
    for (name, entry) in &generation.indexes {
        let _ = writeln!(out, "  {name:<8} {:>8} rows  {:>8.1} MB", entry.rows, entry.bytes as f64 / 1e6);
    }
    let _ = writeln!(out, "  skipped  {:>8} rows", report.skipped);
    let actions = &report.actions;
    let _ = writeln!(out, "  actions  {} given, {} assigned, {} OTHER", actions.given, actions.assigned, actions.other);
    let _ = writeln!(out, "  similar  {}", similarity(report.similarity.as_ref()));
    if report.feedback != LogReport::default() {
        let _ = writeln!(out, "  feedback {:>8} records{}", report.feedback.records, unusable(&report.feedback));
    }
    let phases: Vec<String> = report.seconds.iter().map(|(phase, seconds)| format!("{phase} {seconds:.1} s")).collect();
    let _ = writeln!(
        out,
        "  {seconds:.1} s: {} · {} texts embedded, {} reused · {:.0} rows/s",
        phases.join(", "),
        report.texts - report.reused,
        report.reused,
        rows as f64 / seconds
    );
    out
}

/// What the scale of similarities is worth, in a line.
fn similarity(measured: Option<&Measured>) -> String {
    match measured {
        None => format!("no percentages: {WHY_NONE}"),
        Some(Measured { queries, all, .. }) => format!(
            "percentages learnt from {queries} tickets, calibration error {:.3} on {} pairs held out",
            all.error, all.pairs
        ),
    }
}
