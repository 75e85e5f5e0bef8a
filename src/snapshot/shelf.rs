//! The generations of an index folder that are still there: listed, rolled back to, removed. Knows no content of an index.

use std::path::Path;

use fs_err as fs;

use super::current::{self, Serving, number};
use super::lock::{Alone, WriteLock};
use super::{GENERATION_FILE, Generation, Snapshot, noted_sum};
use crate::disk::sync_folder;
use crate::error::{Error, Result};
use crate::index::read_json;

/// A generation of an index folder.
#[derive(Debug)]
pub struct Shelved {
    /// Its name, such as `g000001`.
    pub name: String,
    /// What it says about itself, or why that cannot be read.
    pub generation: Result<Generation>,
    /// Whether it is what serves.
    pub serves: bool,
    /// Whether some process has it open, so that no build removes it.
    pub in_use: bool,
}

/// Every generation of an index folder, oldest first. Reads what each says about itself and no index.
///
/// # Errors
/// [`Error::NoIndex`], [`Error::Corrupt`] for a `CURRENT` that cannot be understood, I/O errors.
pub fn list(root: &Path) -> Result<Vec<Shelved>> {
    let serving = current::read(root)?.ok_or_else(|| Error::NoIndex { path: root.to_owned() })?;
    let shelved = |name: String| {
        let folder = root.join(&name);
        let generation = read(&folder);
        // What cannot be locked may be in use.
        let in_use = !matches!(Alone::with(&folder), Ok(Some(_)));
        Shelved { generation, serves: name == serving.name, in_use, name }
    };
    Ok(names(root)?.into_iter().map(shelved).collect())
}

/// What the generation of a folder says about itself.
pub(super) fn read(folder: &Path) -> Result<Generation> {
    noted_sum(folder).and_then(|sum| read_json(&folder.join(GENERATION_FILE), &sum))
}

/// Makes another generation serve: the named one, or else the newest that is older than the one that serves. It must open,
/// as [`Snapshot::open`] has it. Returns what serves now.
///
/// # Errors
/// [`Error::UnknownGeneration`]; [`Error::Argument`] where it serves already, or where there is none that is older;
/// [`Error::Busy`] while another process writes; [`Error::Format`], [`Error::Corrupt`], I/O errors. What served then still
/// does.
pub fn roll_back(root: &Path, to: Option<&str>, holder: &str) -> Result<Generation> {
    if !root.join("CURRENT").exists() {
        return Err(Error::NoIndex { path: root.to_owned() });
    }
    let _lock = WriteLock::take(root, holder)?;
    let name = match to {
        Some(name) => name.to_owned(),
        None => older(root)?,
    };
    let snapshot = Snapshot::open_named(root, &name)?;
    // A damaged `CURRENT` serves nothing, and this is a way out.
    if current::read(root).is_ok_and(|serving| serving.is_some_and(|serving| serving.name == name)) {
        return Err(Error::argument("generation", format!("`{name}` serves already")));
    }
    current::replace(root, &Serving { name, sha256: snapshot.sha256.clone() })?;
    sync_folder(root)?;
    Ok(snapshot.generation.clone())
}

/// Clears what a dead writer left.
///
/// # Errors
/// [`Error::Busy`] while another process writes; I/O errors.
pub fn tidy(root: &Path, holder: &str) -> Result<()> {
    let _lock = WriteLock::take(root, holder)?;
    sweep(root)
}

/// The newest generation that is older than the one that serves.
fn older(root: &Path) -> Result<String> {
    let serving = current::read(root)?.ok_or_else(|| Error::NoIndex { path: root.to_owned() })?;
    let mut older = names(root)?;
    older.retain(|name| number(name) < number(&serving.name));
    let none = || Error::argument("generation", format!("there is none before `{}`, which serves", serving.name));
    older.pop().ok_or_else(none)
}

/// Removes what was being written or removed when a process died. The caller holds the lock.
pub(super) fn sweep(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(".g") && (name.ends_with(".new") || name.ends_with(".old")) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Removes all but `keep` generations: the one that serves stays, then the one that served before it, then the newest; and
/// whatever somebody has open. The caller holds the lock.
pub(super) fn remove_old(root: &Path, serving: &str, before: Option<&Serving>, keep: usize) -> Result<()> {
    let first = [Some(serving), before.map(|before| before.name.as_str())];
    let mut names = names(root)?;
    names.reverse();
    // False is before true, and the order among equals stays.
    names.sort_by_key(|name| first.map(|first| first != Some(name.as_str())));
    for name in names.into_iter().skip(keep.max(1)) {
        remove(root, &name)?;
    }
    Ok(())
}

/// Removes a generation unless somebody has it open. A process that dies meanwhile leaves nothing that could be opened.
pub(super) fn remove(root: &Path, name: &str) -> Result<Removal> {
    let folder = root.join(name);
    let gone = root.join(format!(".{name}.old"));
    let Some(alone) = Alone::with(&folder)? else { return Ok(Removal::InUse) };
    fs::rename(&folder, &gone)?;
    drop(alone);
    fs::remove_dir_all(&gone)?;
    Ok(Removal::Done)
}

/// What became of a generation that was to be removed.
pub(super) enum Removal {
    Done,
    /// Somebody has it open.
    InUse,
}

/// The names of the generations, oldest first.
pub(super) fn names(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| number(name).is_some());
    names.sort_by_key(|name| number(name));
    Ok(names)
}

/// That there is no such generation, and which there are.
pub(super) fn unknown(root: &Path, name: &str) -> Error {
    match names(root) {
        Ok(known) if !known.is_empty() => Error::UnknownGeneration { name: name.to_owned(), known },
        _ => Error::NoIndex { path: root.to_owned() },
    }
}
