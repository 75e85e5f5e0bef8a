//! The rules of a spec over rows that were read: values that must be there, enums, keys, references. Knows no file format.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, StringArray};

use crate::error::Result;
use crate::table::draft::Draft;
use crate::table::problem::Problems;

/// Checks required values, enums and unique keys of one table. Of rows that share a key the first good one stays.
pub(super) fn rows(draft: &mut Draft, problems: &mut Problems) {
    let mut keep = std::mem::take(&mut draft.keep);
    let understood = keep.clone();
    for (at, spec) in draft.spec.columns.iter().enumerate() {
        let column = &draft.columns[at];
        if spec.required {
            // Of a row with a cell that was not understood nothing is said here: that cell counts as empty.
            for row in (0..column.len()).filter(|&row| understood[row] && column.is_null(row)) {
                problems.cell(draft, row, at, None, || "must have a value".to_owned());
                keep[row] = false;
            }
        }
        let Some(allowed) = spec.one_of else { continue };
        for (row, value) in texts(column) {
            if !allowed.contains(&value) {
                problems.cell(draft, row, at, Some(value), || format!("is not one of {}", allowed.join(", ")));
                keep[row] = false;
            }
        }
    }
    for (at, _) in draft.spec.columns.iter().enumerate().filter(|(_, spec)| spec.unique) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (row, value) in texts(&draft.columns[at]) {
            if !keep[row] {
                continue;
            }
            if let Some(&earlier) = first.get(value) {
                let line = draft.lines[earlier];
                problems.cell(draft, row, at, Some(value), || format!("is not unique; line {line} has it too"));
                keep[row] = false;
            } else {
                first.insert(value, row);
            }
        }
    }
    draft.keep = keep;
}

/// Drops the rows that are parts of rows which a change feed deleted.
pub(super) fn parts(drafts: &mut [Draft], deleted: &HashMap<&str, HashSet<String>>) -> Result<()> {
    for draft in drafts {
        for (at, spec) in draft.spec.columns.iter().enumerate().filter(|(_, spec)| spec.part) {
            let Some(gone) = spec.references.and_then(|(table, _)| deleted.get(table)).filter(|gone| !gone.is_empty())
            else {
                continue;
            };
            let went: HashSet<usize> =
                texts(&draft.columns[at]).filter(|(_, value)| gone.contains(*value)).map(|(row, _)| row).collect();
            let left: Vec<usize> = (0..draft.lines.len()).filter(|row| !went.contains(row)).collect();
            draft.pick(&left)?;
            draft.changes.get_or_insert_default().deleted += went.len();
        }
    }
    Ok(())
}

/// Checks the references between tables. When lenient, a row whose target was dropped is dropped too, until nothing
/// changes; otherwise a target counts although it has problems of its own, so that one fault is not told many times.
pub(super) fn references(drafts: &mut [Draft], problems: &mut Problems) {
    loop {
        let mut changed = false;
        for table in 0..drafts.len() {
            let lost = dangling(drafts, table, problems);
            changed |= !lost.is_empty();
            for row in lost {
                drafts[table].keep[row] = false;
            }
        }
        if !changed || !problems.lenient() {
            return;
        }
    }
}

/// The rows of a table with a reference to nothing.
fn dangling(drafts: &[Draft], table: usize, problems: &mut Problems) -> Vec<usize> {
    let draft = &drafts[table];
    let mut lost = Vec::new();
    for (at, spec) in draft.spec.columns.iter().enumerate() {
        let Some((target, key)) = spec.references else { continue };
        let Some(target) = drafts.iter().find(|other| other.spec.name == target) else { continue };
        let Some(key_at) = target.spec.columns.iter().position(|column| column.name == key) else { continue };
        let present: HashSet<&str> = texts(&target.columns[key_at])
            .filter(|&(row, _)| target.keep[row] || !problems.lenient())
            .map(|(_, value)| value)
            .collect();
        for (row, value) in texts(&draft.columns[at]) {
            if present.contains(value) || (problems.lenient() && !draft.keep[row]) {
                continue;
            }
            let whole = if draft.is_known(row) { "; a build onto what serves needs that table whole" } else { "" };
            problems.cell(draft, row, at, Some(value), || format!("is not a {key} of {}{whole}", target.spec.name));
            lost.push(row);
        }
    }
    lost
}

/// The values of a text column with their rows.
fn texts(column: &dyn Array) -> impl Iterator<Item = (usize, &str)> {
    let column: &StringArray = column.as_string();
    column.iter().enumerate().filter_map(|(row, value)| Some((row, value?)))
}
