//! What is forgotten, held against generations: rows of those that are open are hidden, those that hold such rows are
//! removed. Knows no ticket: a row goes with all rows of its group, in every index of the generation.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde::Serialize;

use super::lock::WriteLock;
use super::shelf::{self, Removal};
use super::{Snapshot, current};
use crate::error::Result;
use crate::forgotten::{Forgotten, INPUT, Keys, Ledger, Purged, SALT_BYTES};
use crate::index::IndexReader;
use crate::rank::Row;

impl Snapshot {
    /// What was forgotten when it was opened.
    #[must_use]
    pub const fn forgotten(&self) -> &Forgotten {
        &self.forgotten
    }

    /// How many groups of rows are hidden, and how many rows.
    #[must_use]
    pub fn hidden(&self) -> (usize, usize) {
        (self.hidden_groups, self.indexes.values().map(IndexReader::hidden_rows).sum())
    }

    /// Whether nothing of `root` was forgotten since this was opened.
    ///
    /// # Errors
    /// [`crate::Error::Ledger`], I/O errors.
    pub fn hides_all(&self, root: &Path) -> Result<bool> {
        Ok(Ledger::of(root).read()?.head() == self.forgotten.head())
    }
}

/// Refuses a ledger by which a generation that is there cannot have been built: a build by it would bring rows back.
///
/// # Errors
/// [`crate::Error::Ledger`]; I/O errors.
pub fn check_ledger(root: &Path, forgotten: &Forgotten) -> Result<()> {
    if !root.exists() {
        return Ok(());
    }
    for name in shelf::names(root)? {
        // What cannot be read noted nothing.
        if let Ok(generation) = shelf::read(&root.join(name)) {
            forgotten.since(generation.inputs.get(INPUT).map(String::as_str))?;
        }
    }
    Ok(())
}

/// Hides every row with a value that is forgotten, and every row of its group; returns how many groups that are.
pub(super) fn hide(indexes: &mut BTreeMap<String, IndexReader>, keys: &Keys) -> Result<usize> {
    let mut groups = BTreeSet::new();
    if keys.is_empty() {
        return Ok(0);
    }
    for index in indexes.values() {
        let columns = index.columns();
        for column in keys.columns().filter(|column| columns.iter().any(|it| it == column)) {
            // Many rows have the same value, and a hash takes its time.
            let mut known: HashMap<&str, bool> = HashMap::new();
            for (row, value) in index.text_values(column)? {
                if *known.entry(value).or_insert_with(|| keys.has(column, value)) {
                    groups.extend(index.text(row, &index.manifest().group)?.map(str::to_owned));
                }
            }
        }
    }
    for index in indexes.values_mut() {
        let of_groups = index.text_values(&index.manifest().group)?.into_iter();
        let hidden: BTreeSet<Row> =
            of_groups.filter(|(_, group)| groups.contains(*group)).map(|(row, _)| row).collect();
        index.hide(|row| hidden.contains(&row));
    }
    Ok(groups.len())
}

/// What became of the generations that hold rows that are forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Purging {
    /// Removed.
    pub removed: Vec<String>,
    /// Still there, since somebody has them open: the next purge tries again.
    pub in_use: Vec<String>,
    /// Whether nothing that was asked for is left in any generation, which the ledger then notes.
    pub complete: bool,
}

/// Removes every generation but the serving one that holds rows that are forgotten, or that cannot be opened to see, and
/// notes it in the ledger once none is left. Nothing is done where nothing is pending, and none is removed before one
/// serves that was built without these rows. `None` where nothing was pending.
///
/// # Errors
/// [`crate::Error::Busy`] while another process writes; [`crate::Error::Ledger`]; I/O errors.
pub fn purge(root: &Path, at: &str, holder: &str) -> Result<Option<Purging>> {
    if !Ledger::of(root).read()?.is_pending() {
        return Ok(None);
    }
    let _lock = WriteLock::take(root, holder)?;
    purge_locked(root, at).map(Some)
}

/// [`purge`] for a caller that holds the lock and has looked whether anything is pending.
pub(super) fn purge_locked(root: &Path, at: &str) -> Result<Purging> {
    // Among what a dead writer left may be a generation that was being removed.
    shelf::sweep(root)?;
    let mut purging = Purging::default();
    let Some(serving) = current::read(root)? else { return Ok(purging) };
    let opened = Snapshot::open_named(root, &serving.name)?;
    let Some(through) = opened.generation().inputs.get(INPUT).cloned() else { return Ok(purging) };
    for name in shelf::names(root)?.into_iter().filter(|name| *name != serving.name) {
        let holds_none = Snapshot::open_named(root, &name).is_ok_and(|it| it.hidden().1 == 0);
        if holds_none {
            continue;
        }
        match shelf::remove(root, &name)? {
            Removal::Done => purging.removed.push(name),
            Removal::InUse => purging.in_use.push(name),
        }
    }
    // What was forgotten while this generation was built may be in it, and waits for the next one.
    purging.complete = purging.in_use.is_empty() && opened.forgotten().head() == Some(&through);
    if purging.in_use.is_empty() {
        let purged = Purged { at: at.to_owned(), generation: serving.name, through };
        Ledger::of(root).change([0; SALT_BYTES], |forgotten| forgotten.purge(purged))?;
    }
    Ok(purging)
}
