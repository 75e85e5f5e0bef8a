//! Writes an index whole into an empty folder. Whoever calls decides when it becomes visible.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::{AsArray as _, RecordBatch};
use fs_err as fs;
use rayon::prelude::*;

use super::manifest::{FORMAT, IndexSpec, Manifest, SegmentEntry, list_files, write_json};
use super::rows::{self, ROWS_FILE, Rows, SEGMENT};
use super::space::Space;
use crate::disk::sync_folder;
use crate::embed::{ModelIdentity, RowVectors};
use crate::error::{Error, Result};
use crate::keyword::KeywordIndex;
use crate::vector;

/// So many vectors are placed at once by all cores.
const PLACED_AT_ONCE: usize = 4_096;

/// Writes rows, vectors and keyword index, flushed to the disk; the manifest and its sha256 come back.
///
/// Rows are written as they come, in batches of any size of which there is at least one, and looked at again in the file;
/// vector `n` belongs to row `n`. Of neither is more in memory than a batch.
///
/// # Errors
/// [`Error::UnknownColumn`] for a column of `spec` that the rows lack, [`Error::Argument`] for a key that is null or
/// occurs twice, I/O errors, and those of the batches.
pub fn write<'v>(
    folder: &Path,
    spec: &IndexSpec,
    batches: impl IntoIterator<Item = Result<RecordBatch>>,
    vectors: impl Into<RowVectors<'v>>,
    model: &ModelIdentity,
) -> Result<(Manifest, String)> {
    let vectors = vectors.into();
    let check = |batch: &RecordBatch| {
        let mut columns =
            [&spec.key, &spec.group, &spec.embedded].into_iter().chain(&spec.language).chain(&spec.labels);
        columns.try_for_each(|column| rows::text_column(batch, column).map(|_| ()))
    };
    let segment = folder.join(SEGMENT);
    fs::create_dir_all(&segment)?;
    let path = segment.join(ROWS_FILE);
    let n_rows = rows::write(&path, batches, check)?;
    if vectors.len() != n_rows {
        return Err(Error::argument("vectors", format!("{} for {n_rows} rows", vectors.len())));
    }
    let rows = Rows::open(&path, n_rows)?;
    check_keys(spec, &rows)?;

    let [vector_folder, keyword_folder] = ["vector", "keyword"].map(|name| segment.join(name));
    fs::create_dir(&vector_folder)?;
    fs::create_dir(&keyword_folder)?;
    let space = match &spec.language {
        Some(column) => Space::of(vectors, rows.column(column)?.as_string()),
        None => Space::default(),
    };
    let space = match &spec.labels {
        Some(column) => space.learn(vectors, rows.column(column)?.as_string()),
        None => space,
    };
    space.write(&segment)?;
    let vector_index = || {
        let placed = (0..n_rows).step_by(PLACED_AT_ONCE).flat_map(|start| {
            let rows = (start..(start + PLACED_AT_ONCE).min(n_rows)).into_par_iter();
            rows.map(|row| space.place_vector(&vectors.of(row))).collect::<Vec<_>>()
        });
        vector::build(&vector_folder, placed, model.dimension, &spec.vector)
    };
    let keyword_index = || {
        let exact = spec.exact.as_deref();
        let searched: Vec<&str> = spec.text_fields.iter().map(|field| field.name.as_str()).chain(exact).collect();
        let batches = rows.batches(Some(&searched))?;
        KeywordIndex::build(&keyword_folder, &spec.text_fields, exact, batches, spec.keyword_memory)
    };
    // The words keep one core busy; the vectors can use the others.
    let (built, words) = rayon::join(vector_index, keyword_index);
    let built = built?;
    words?;

    let manifest = Manifest {
        format: FORMAT,
        name: spec.name.clone(),
        model: model.clone(),
        key: spec.key.clone(),
        group: spec.group.clone(),
        embedded: spec.embedded.clone(),
        text_fields: spec.text_fields.clone(),
        exact: spec.exact.clone(),
        language: spec.language.clone(),
        labels: spec.labels.clone(),
        segments: vec![SegmentEntry {
            name: SEGMENT.to_owned(),
            rows: n_rows,
            vector: built.kind,
            vector_why: built.why,
            files: list_files(&segment)?,
        }],
    };
    let sha256 = write_json(&folder.join("manifest.json"), &manifest)?;
    sync_folder(folder)?;
    Ok((manifest, sha256))
}

fn check_keys(spec: &IndexSpec, rows: &Rows) -> Result<()> {
    let keys = rows.texts(&spec.key)?;
    let mut seen: HashSet<&str> = HashSet::with_capacity(keys.len());
    let mut row = 0;
    for (at, key) in keys {
        if at != row || !seen.insert(key) {
            break;
        }
        row += 1;
    }
    if row as usize == rows.len() {
        return Ok(());
    }
    Err(Error::argument("key", format!("`{}` of row {row} is null or occurs twice", spec.key)))
}
