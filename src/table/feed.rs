//! Changes folded: of the rows of each key, in the order of their versions, the newest image or none. Knows no file format.
//!
//! A row with `_change_type` does what Delta Lake's change data feed means by it: `insert` and `update_postimage` set the
//! row of their key; `delete` and `update_preimage` take it away, unless the same version sets it, since the order of rows
//! within a version means nothing. Deleting what is not there does nothing. Two rows that set one key in one version are a
//! key that repeats.
//!
//! A key keeps the place at which it first came, whatever happened to it in between; so the same changes once more
//! change nothing.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;

use crate::error::Result;
use crate::table::Changes;
use crate::table::draft::Draft;
use crate::table::problem::Problems;

/// What `_change_type` may say, and whether the row is then there.
const TYPES: [(&str, bool); 4] =
    [("insert", true), ("update_preimage", false), ("update_postimage", true), ("delete", false)];

/// What the rows of one version do: to which keys.
#[derive(Default)]
struct Version<'a> {
    set: HashMap<&'a str, usize>,
    gone: HashSet<&'a str>,
    /// The keys that are set, in the order of the rows.
    order: Vec<&'a str>,
}

/// Applies the rows of `fresh` to those of `kept`, if an earlier read left any; rows of versions that it has seen are passed
/// over. A table that is no feed is a list of rows to be set.
///
/// What comes back has the columns of the spec; a table that neither is a feed nor has kept rows is unchanged.
pub(super) fn apply(kept: Option<Draft>, mut fresh: Draft, problems: &mut Problems) -> Result<Folded> {
    let last = fresh.columns.len() - 1;
    let (versions, types) = (fresh.columns.remove(last), fresh.columns.remove(last - 1));
    let is_feed = fresh.is_feed;
    let Some(key) = fresh.spec.key().filter(|_| is_feed || kept.is_some()) else {
        fresh.changes = None;
        return Ok(Folded { draft: fresh, deleted: HashSet::new() });
    };
    let seen = kept.as_ref().and_then(|kept| kept.mark.version);
    let mut changes = fresh.changes.take().unwrap_or(Changes { files: 1, ..Changes::default() });
    let (versions, types) = (versions.as_primitive::<Int64Type>(), types.as_string::<i32>());
    let keys_column = fresh.columns[key].clone();
    let keys = keys_column.as_string::<i32>();

    let mut by_version: BTreeMap<i64, Version<'_>> = BTreeMap::new();
    for row in 0..keys.len() {
        let mut version = 0;
        let mut sets = true;
        if is_feed {
            let Some((at, does)) = understood(&fresh, row, (types, versions), problems) else {
                fresh.malformed += 1;
                continue;
            };
            (version, sets) = (at, does);
            if seen.is_some_and(|seen| version <= seen) {
                changes.rows_passed_over += 1;
                continue;
            }
        }
        if keys.is_null(row) {
            // A cell that was not understood is told already.
            if fresh.keep[row] {
                problems.cell(&fresh, row, key, None, || "must have a value".to_owned());
            }
            fresh.malformed += 1;
            continue;
        }
        let (name, entry) = (keys.value(row), by_version.entry(version).or_default());
        if !sets {
            entry.gone.insert(name);
        } else if let Some(&earlier) = entry.set.get(name) {
            let line = fresh.lines[earlier];
            let within = if is_feed { format!(" in version {version}") } else { String::new() };
            problems.cell(&fresh, row, key, Some(name), || format!("is not unique{within}; line {line} has it too"));
            fresh.malformed += 1;
        } else {
            entry.set.insert(name, row);
            entry.order.push(name);
        }
    }

    let newest = by_version.last_key_value().map(|(version, _)| *version).filter(|_| is_feed);
    let kept_keys = kept.as_ref().map(|kept| kept.columns[key].clone());
    let kept_keys = kept_keys.as_ref().map(|column| column.as_string::<i32>());
    let n_kept = kept_keys.map_or(0, |keys| keys.len());
    let mut slots: Vec<Option<usize>> = (0..n_kept).map(Some).collect();
    let mut slot_of: HashMap<&str, usize> =
        kept_keys.into_iter().flatten().flatten().enumerate().map(|(slot, key)| (key, slot)).collect();
    for version in by_version.values() {
        for name in version.gone.iter().filter(|name| !version.set.contains_key(*name)) {
            if let Some(&slot) = slot_of.get(name) {
                slots[slot] = None;
            }
        }
        for name in &version.order {
            let slot = *slot_of.entry(name).or_insert_with(|| {
                slots.push(None);
                slots.len() - 1
            });
            slots[slot] = Some(n_kept + version.set[name]);
        }
    }
    let deleted: HashSet<String> =
        slot_of.iter().filter(|(_, slot)| slots[**slot].is_none()).map(|(name, _)| (*name).to_owned()).collect();
    let rows: Vec<usize> = slots.iter().copied().flatten().collect();
    changes.set = rows.iter().filter(|&&row| row >= n_kept).count();
    // What came and went within the changes was never there.
    let was_there = |slot: usize| n_kept == 0 || slot < n_kept;
    changes.deleted = slot_of.values().filter(|&&slot| slots[slot].is_none() && was_there(slot)).count();

    let mark = fresh.mark.clone();
    let mut draft = match kept {
        Some(mut kept) => {
            kept.append(fresh)?;
            kept
        }
        None => fresh,
    };
    draft.pick(&rows)?;
    draft.mark.version = draft.mark.version.max(newest).max(mark.version);
    draft.mark.partition = mark.partition.or(draft.mark.partition);
    draft.changes = Some(changes);
    Ok(Folded { draft, deleted })
}

/// A table whose changes are applied.
pub(super) struct Folded {
    pub(super) draft: Draft,
    /// The keys that were there and are there no more.
    pub(super) deleted: HashSet<String>,
}

/// The version of a row of a feed, and whether it sets its key; `None`, and a problem, if that cannot be told.
fn understood(
    fresh: &Draft,
    row: usize,
    (types, versions): (&StringArray, &Int64Array),
    problems: &mut Problems,
) -> Option<(i64, bool)> {
    let [type_at, version_at] = [fresh.spec.columns.len(), fresh.spec.columns.len() + 1];
    let word = types.is_valid(row).then(|| types.value(row));
    let does = TYPES.iter().find(|(name, _)| Some(*name) == word).map(|(_, sets)| *sets);
    if does.is_none() {
        let names = TYPES.map(|(name, _)| name).join(", ");
        problems.cell(fresh, row, type_at, word, || match word {
            Some(_) => format!("is not one of {names}"),
            None => format!("must have a value in a change feed: {names}"),
        });
    }
    let version = versions.is_valid(row).then(|| versions.value(row));
    if version.is_none() && fresh.keep[row] {
        problems.cell(fresh, row, version_at, None, || "must have a value in a change feed".to_owned());
    }
    version.zip(does)
}
