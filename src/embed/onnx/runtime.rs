//! Finds and opens the shared library of ONNX Runtime, once a process. Knows no model.
//!
//! `ort` loads the library on first use and panics where it cannot, so nothing of `ort` may run before [`environment`]
//! has returned one.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::error::{Error, Result};

/// The environment and the library it came from. `ort` allows one a process, ever, so it is never dropped.
static OPENED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The variable that names the library where no parameter does.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// The environment of this process, opened now or before.
///
/// The library is `explicit`, else what `ORT_DYLIB_PATH` names, and then no other is tried. Otherwise the first that can
/// be used: beside the executable, in `models_runtime`, where the system's loader looks.
///
/// # Errors
/// [`Error::Runtime`] with all that was tried when there is no library that serves, or when this process already uses
/// another one than `explicit`.
pub(super) fn environment(explicit: Option<&Path>, models_runtime: &Path) -> Result<Environment> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(missing) = explicit.filter(|path| !path.exists()) {
        return Err(fault(format!("{} does not exist", missing.display())));
    }
    if let Some((path, environment)) = opened.as_ref() {
        return match explicit {
            Some(other) if other != path => Err(fault(format!(
                "this process already uses {}, and {} cannot be loaded beside it",
                path.display(),
                other.display()
            ))),
            _ => Ok(environment.clone()),
        };
    }
    let mut tried = Vec::new();
    for (place, candidate) in candidates(explicit, models_runtime, &mut tried) {
        match open(&candidate) {
            Ok(environment) => {
                *opened = Some((candidate, environment.clone()));
                return Ok(environment);
            }
            Err(reason) => tried.push(format!("{place}: {reason}")),
        }
    }
    Err(fault(format!("no library that can be used; tried\n    {}", tried.join("\n    "))))
}

/// The files to try, best first, each with the place it stands for. Places without a library go to `missing`.
fn candidates(
    explicit: Option<&Path>,
    models_runtime: &Path,
    missing: &mut Vec<String>,
) -> Vec<(&'static str, PathBuf)> {
    if let Some(path) = explicit {
        return vec![("the path that was given", path.to_owned())];
    }
    if let Some(path) = env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        return vec![(LIBRARY_VARIABLE, path.into())];
    }
    let mut found = Vec::new();
    let beside_executable = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    for (place, folder) in
        [("beside the executable", beside_executable), ("the models", Some(models_runtime.to_owned()))]
    {
        let Some(folder) = folder else { continue };
        match newest_library(&folder) {
            Some(path) => found.push((place, path)),
            None => missing.push(format!("{place}: no {} in {}", file_name(), folder.display())),
        }
    }
    found.push(("the system's loader", file_name().into()));
    found
}

/// `libonnxruntime.so`, or with a version after it (`.so.1.31.1`), the greatest name if there are several.
fn newest_library(folder: &Path) -> Option<PathBuf> {
    let plain = folder.join(file_name());
    if plain.exists() {
        return Some(plain);
    }
    let versioned = format!("{}.", file_name());
    let entries = fs_err::read_dir(folder).ok()?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&versioned)))
        .max()
}

fn file_name() -> String {
    format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX)
}

/// Opens one library. `ort` looks whether it is ONNX Runtime and new enough before it keeps it.
fn open(path: &Path) -> Result<Environment, String> {
    let is_file_name = path.components().count() == 1 && path.is_relative();
    if !is_file_name && !path.exists() {
        return Err(format!("{} does not exist", path.display()));
    }
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    let environment = builder
        .with_name("nba")
        .with_telemetry(false)
        .build()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    // What goes wrong comes back as an error; only faces talk.
    environment.set_log_level(LogLevel::Fatal);
    Ok(environment)
}

fn fault(reason: String) -> Error {
    Error::Runtime { reason, needed_minor: ort::MINOR_VERSION }
}
