//! `nba index build`: progress while it runs, a summary when it is done.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fs_err as fs;
use serde_json::json;

use super::args::BuildArgs;
use super::feedback::unusable;
use super::metrics;
use super::printer::Printer;
use super::report::{self, Night};
use super::settings::Settings;
use super::stop::Stop;
use super::watch::Watch;
use crate::desk::{Catalogue, Since};
use crate::engine::{identity_of, open_model};
use crate::error::{Error, Result};
use crate::face::clock::now;
use crate::face::explain::plural;
use crate::feedback::LogReport;
use crate::rebuild::{
    BuildReport, BuildRequest, Extract, Forgetting, Progress, catalogue_beside, nothing_to_do, prepare,
};
use crate::similarity::{Measured, WHY_NONE};
use crate::snapshot::{Generation, Purging};

/// How a build ended, if not in an error.
pub(super) enum End {
    /// There was nothing to do: this serves, and goes on serving; what was left to purge of what is forgotten.
    Nothing(Generation, Option<Purging>),
    /// A generation was published.
    Published(BuildReport),
    /// Gates keep it from being published; the error says which.
    Refused(BuildReport, Error),
}

pub(super) fn build(args: BuildArgs, settings: Settings, printer: &Printer) -> Result<ExitCode> {
    args.report.iter().try_for_each(|file| report::check(file))?;
    let mut watch = Watch::new(printer, args.log, args.resume);
    let end = run(&args, &settings, &mut watch);
    watch.clear();
    let night = Night::new(&settings.index, now(), &end);
    for file in &args.report {
        report::write(file, &night)?;
    }
    if let Some(file) = &args.metrics {
        metrics::write(file, &night)?;
    }
    watch.end(&night);
    let exit_code = ExitCode::from(night.exit_code);
    let end = match end {
        Ok(end) => end,
        Err(error) => return Ok(watch.error(&error)),
    };
    match end {
        End::Nothing(generation, purging) => nothing(&generation, purging.as_ref(), &settings.index, printer)?,
        End::Published(report) if printer.json() => printer.document(&report)?,
        End::Published(report) => printer.text(&summary(&report, &settings.index))?,
        End::Refused(_, error) => return Ok(watch.error(&error)),
    }
    Ok(exit_code)
}

fn run(args: &BuildArgs, settings: &Settings, watch: &mut Watch<'_>) -> Result<End> {
    let mut params = settings.config.build.clone();
    params.vector.kind = args.vector.unwrap_or(params.vector.kind);
    params.keep = args.keep.unwrap_or(params.keep);
    if params.keep == 0 {
        return Err(Error::argument("--keep", "it must be 1 or more: the new generation is one"));
    }
    params.read.lenient |= args.lenient;
    params.memory_mb = args.memory.unwrap_or(params.memory_mb);

    let catalogue = catalogue(args.actions.clone().or(settings.config.actions.clone()), &args.data)?;
    let model = settings.model()?;
    let request = BuildRequest {
        data: args.data.clone(),
        extract: extract(args),
        at: args.at.iter().cloned().collect(),
        index: settings.index.clone(),
        catalogue: &catalogue,
        now: now(),
        holder: format!("`nba index build` with process id {} since {}", std::process::id(), now()),
        params: &params,
        recommend: &settings.config.recommend,
        fusion: settings.config.fusion,
        keyword: &settings.config.keyword,
        forced_by: args.force.then(who),
    };
    let unchanged = if args.force { None } else { nothing_to_do(&request, &identity_of(&model)?)? };
    if let Some((generation, purging)) = unchanged {
        return Ok(End::Nothing(generation, purging));
    }
    let embedder = open_model(&model, &settings.config.embed)?;
    let stop = Stop::listen()?;
    let mut kept = 0;
    let mut on_progress = |watch: &mut Watch<'_>, progress| {
        watch.show(progress);
        if let Progress::Embedded(so_far) = progress {
            kept = so_far.done;
        }
        if stop.is_asked() { Err(Error::Stopped { kept }) } else { Ok(()) }
    };
    let candidate = prepare(&request, embedder.as_ref(), &mut |progress| on_progress(watch, progress))?;
    watch.gates(&candidate.report().gates);
    let judged = candidate.report().clone();
    match candidate.publish(&mut |progress| on_progress(watch, progress)) {
        Ok(report) => Ok(End::Published(report)),
        Err(error @ Error::Refused { .. }) => Ok(End::Refused(judged, error)),
        Err(error) => Err(error),
    }
}

/// What the source tables hold, as the flags say.
fn extract(args: &BuildArgs) -> Extract {
    let since = args.since.as_deref().map(|value| match value {
        "last" => Since::Last,
        value => Since::After(value.to_owned()),
    });
    if args.changes || since.is_some() { Extract::Changes { since } } else { Extract::Full }
}

/// Who runs this program, as far as the system tells: `user@host`.
pub(super) fn who() -> String {
    let known = |variables: &[&str]| variables.iter().find_map(|name| env::var(name).ok().filter(|it| !it.is_empty()));
    let user = known(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".to_owned());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    let host = host.or_else(|| known(&["HOSTNAME", "COMPUTERNAME"])).unwrap_or_else(|| "unknown".to_owned());
    format!("{user}@{host}")
}

fn nothing(generation: &Generation, purging: Option<&Purging>, index: &Path, printer: &Printer) -> Result<()> {
    if printer.json() {
        let mut document = json!({ "generation": generation, "nothing_to_do": true });
        if let Some(purging) = purging {
            document["purged"] = json!(purging);
        }
        return printer.document(&document);
    }
    let purged = purging.map(|purging| format!("{}\n", purged(purging)));
    printer.text(&format!(
        "nothing to do: generation {} of {} was made from the same tables, catalogue, configuration, model and feedback\n{}",
        generation.name,
        index.display(),
        purged.unwrap_or_default()
    ))
}

/// The catalogue that was named, the data folder's own, or the built-in one.
pub(super) fn catalogue(named: Option<PathBuf>, data: &Path) -> Result<Catalogue> {
    match named.or_else(|| catalogue_beside(data)) {
        Some(path) => Catalogue::from_toml(&path),
        None => Ok(Catalogue::built_in()),
    }
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
    for (name, changes) in report.changes() {
        let _ = writeln!(out, "  changes  {name}: {}", report::changes(changes));
    }
    let actions = &report.actions;
    let _ = writeln!(out, "  actions  {} given, {} assigned, {} OTHER", actions.given, actions.assigned, actions.other);
    let _ = writeln!(out, "  similar  {}", similarity(report.similarity.as_ref()));
    if report.feedback != LogReport::default() {
        let _ = writeln!(out, "  feedback {:>8} records{}", report.feedback.records, unusable(&report.feedback));
    }
    if let Some(forgotten) = &report.forgotten {
        let left_out = forgotten.left_out;
        let _ = writeln!(out, "  forgotten {left_out:>7} ticket{} left out{}", plural(left_out), purged_by(forgotten));
    }
    let _ = writeln!(out, "  gates    {}", gates(report));
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

/// What a build removed of those who are forgotten, besides leaving them out.
fn purged_by(forgotten: &Forgetting) -> String {
    let lines = forgotten.feedback;
    let feedback = if lines == 0 { String::new() } else { format!(", {lines} line{} of feedback gone", plural(lines)) };
    let generations = forgotten.generations.as_ref().map(|purging| format!("; {}", purged(purging)));
    feedback + &generations.unwrap_or_default()
}

/// What became of the generations that hold what is forgotten.
pub(super) fn purged(purging: &Purging) -> String {
    let Purging { removed, in_use, complete } = purging;
    let mut parts = Vec::new();
    if !removed.is_empty() {
        parts.push(format!("removed {}", removed.join(", ")));
    }
    if !in_use.is_empty() {
        let names = in_use.join(", ");
        parts.push(format!("open somewhere: {names}; reload or end that program, and build again"));
    }
    parts.push(if *complete { "nothing is left of them" } else { "not all is purged yet" }.to_owned());
    parts.join("; ")
}

/// What the gates said of a generation that was published, a line each that does not hold.
fn gates(report: &BuildReport) -> String {
    let compared = report.last.as_ref().map_or_else(
        || "nothing served before to compare with".to_owned(),
        |last| format!("compared with {}", last.name),
    );
    let Some(by) = &report.forced_by else { return format!("all {} hold, {compared}", report.gates.len()) };
    let failed: String = report.failed().map(|verdict| format!("\n           {}", verdict.line())).collect();
    format!("{} of {} do not hold, published at the wish of {by}{failed}", report.failed().count(), report.gates.len())
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
