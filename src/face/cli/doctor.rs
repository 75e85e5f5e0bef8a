//! `nba doctor`: whether this machine can build and answer, a line a check. Changes nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use super::printer::Printer;
use super::settings::Settings;
use crate::embed::ModelIdentity;
use crate::engine::{identity_of, open_model};
use crate::error::{Error, Fault, Result};
use crate::face::wire::with_causes;
use crate::snapshot::Snapshot;

/// A build writes a generation beside those that are there: so many times the size of the one that serves should be free.
const ROOM: u64 = 2;
/// Without an index, so many bytes should be.
const ROOM_FOR_THE_FIRST: u64 = 1 << 30;

/// What a check found.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    const fn ok(name: &'static str, found: String) -> Self {
        Self { name, ok: true, found, advice: None }
    }

    fn problem(name: &'static str, found: String, advice: &str) -> Self {
        Self { name, ok: false, found, advice: Some(advice.to_owned()) }
    }

    /// An error's own words, which say what to do where something can be done.
    fn failed(name: &'static str, error: &Error) -> Self {
        Self { name, ok: false, found: with_causes(error), advice: None }
    }
}

pub(super) fn doctor(settings: &Settings, printer: &Printer) -> Result<ExitCode> {
    let mut checks = vec![Check::ok("program", format!("nba {}, {}", env!("CARGO_PKG_VERSION"), cpu()))];
    checks.push(Check::ok("config", config(settings)));
    let identity = model(settings, &mut checks);
    let needed = index(settings, identity.as_ref(), &mut checks);
    let folder = nearest_folder(&settings.index);
    checks.push(permissions(folder));
    checks.extend(room(folder, needed));

    let ok = checks.iter().all(|check| check.ok);
    if printer.json() {
        printer.document(&json!({ "ok": ok, "checks": checks }))?;
    } else {
        printer.text(&shown(&checks))?;
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(Fault::Setup.exit_code()) })
}

fn shown(checks: &[Check]) -> String {
    let mut out = String::new();
    for Check { name, ok, found, advice } in checks {
        let sign = if *ok { "ok" } else { "problem" };
        let _ = writeln!(out, "{name:<12} {sign:<8} {}", found.replace('\n', "\n                      "));
        if let Some(advice) = advice {
            let _ = writeln!(out, "                      {advice}");
        }
    }
    out
}

/// What the kernels of embedding and search can use.
fn cpu() -> String {
    let mut features: Vec<&str> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
            ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ];
        features.extend(known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let features = if features.is_empty() { "no wide instructions".to_owned() } else { features.join(" ") };
    format!("{} with {features}, cores: {cores}", std::env::consts::ARCH)
}

fn config(settings: &Settings) -> String {
    settings.config_file.as_ref().map_or_else(|| "no file, all defaults".to_owned(), |file| file.display().to_string())
}

/// Opens the model and has it embed a text, which needs the runtime.
fn model(settings: &Settings, checks: &mut Vec<Check>) -> Option<ModelIdentity> {
    let opened = settings.model().and_then(|path| Ok((identity_of(&path)?, path)));
    let (identity, path) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            checks.push(Check::failed("model", &error));
            return None;
        }
    };
    let dimension = identity.dimension;
    checks.push(Check::ok("model", format!("{}, {dimension} dimensions", identity.name)));
    let embedded = open_model(&path, &settings.config.embed).and_then(|model| model.embed(&["bom dia"]));
    checks.push(match embedded {
        Ok(_) => Check::ok("runtime", "the model embeds a text".to_owned()),
        Err(error) => Check::failed("runtime", &error),
    });
    Some(identity)
}

/// Opens what serves, and holds its model against the one that there is. How much room a build should have.
fn index(settings: &Settings, model: Option<&ModelIdentity>, checks: &mut Vec<Check>) -> u64 {
    let snapshot = match Snapshot::open(&settings.index) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            checks.push(Check::failed("index", &error));
            return ROOM_FOR_THE_FIRST;
        }
    };
    let generation = snapshot.generation();
    let megabytes = generation.bytes() as f64 / 1e6;
    let found = format!("{} opens: {} rows, {megabytes:.1} MB", generation.name, generation.rows());
    checks.push(match model {
        Some(model) if *model != generation.model => Check::problem(
            "index",
            format!("{found}; it was built with model {}, and this is {}", generation.model.name, model.name),
            "name that model with --model, NBA_MODEL or the configuration, or build the index anew",
        ),
        _ => Check::ok("index", found),
    });
    generation.bytes() * ROOM
}

/// The index folder, or what is there above it.
fn nearest_folder(index: &Path) -> &Path {
    let there = index.ancestors().find(|folder| folder.is_dir());
    there.unwrap_or(Path::new("."))
}

/// Whether a build could write: a file is made and is gone again.
fn permissions(folder: &Path) -> Check {
    let shown = folder.display();
    match tempfile::tempfile_in(folder) {
        Ok(_) => Check::ok("permissions", format!("{shown} can be written")),
        Err(error) => Check::problem(
            "permissions",
            format!("{shown} cannot be written: {error}"),
            "builds and feedback need that, answers do not: give this user the right, or name another folder with --index",
        ),
    }
}

/// Whether a build has room; nothing where the system does not tell.
#[cfg(unix)]
fn room(folder: &Path, needed: u64) -> Option<Check> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{:.1} GB free, a build should have {:.1}", free as f64 / 1e9, needed as f64 / 1e9);
    Some(if free >= needed {
        Check::ok("disk", found)
    } else {
        Check::problem("disk", found, "free some, or keep fewer generations: build.keep")
    })
}

#[cfg(not(unix))]
fn room(_: &Path, _: u64) -> Option<Check> {
    None
}
