//! Writes an index whole into an empty folder. Whoever calls decides when it becomes visible.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, RecordBatch};
use fs_err as fs;
use rayon::prelude::*;

use super::manifest::{FORMAT, IndexSpec, Manifest, SegmentEntry, list_files, sync_folder, write_json};
use super::rows;
use super::space::Space;
use crate::embed::{ModelIdentity, Vector};
use crate::error::{Error, Result};
use crate::keyword::KeywordIndex;
use crate::vector;

/// Writes rows, vectors and keyword index, flushed to the disk; the manifest and its sha256 come back.
///
/// `vectors[n]` belongs to row `n`. `phase` is told `vectors` and `keyword` as each begins.
///
/// # Errors
/// [`Error::UnknownColumn`] for a column of `spec` that the rows lack, [`Error::Argument`] for a key that is null or
/// occurs twice, and I/O errors.
pub fn write(
    folder: &Path,
    spec: &IndexSpec,
    batch: &RecordBatch,
    vectors: &[Vector],
    model: &ModelIdentity,
    phase: &mut dyn FnMut(&'static str),
) -> Result<(Manifest, String)> {
    if vectors.len() != batch.num_rows() {
        return Err(Error::argument("vectors", format!("{} for {} rows", vectors.len(), batch.num_rows())));
    }
    check_keys(spec, batch)?;
    for column in [&spec.group, &spec.embedded].into_iter().chain(&spec.language).chain(&spec.labels) {
        rows::text_column(batch, column)?;
    }

    let segment = folder.join("0");
    fs::create_dir_all(&segment)?;
    rows::write(&segment.join("rows.arrow"), batch)?;

    phase("vectors");
    let folder_of = |name| -> Result<PathBuf> {
        let inner = segment.join(name);
        fs::create_dir(&inner)?;
        Ok(inner)
    };
    let space = match &spec.language {
        Some(column) => Space::of(vectors, rows::text_column(batch, column)?),
        None => Space::default(),
    };
    let space = match &spec.labels {
        Some(column) => space.learn(vectors, rows::text_column(batch, column)?),
        None => space,
    };
    space.write(&segment)?;
    let placed: Vec<Vector> = vectors.par_iter().map(|vector| space.place_vector(vector)).collect();
    let built = vector::build(&folder_of("vector")?, &placed, model.dimension, &spec.vector)?;
    phase("keyword");
    KeywordIndex::build(&folder_of("keyword")?, &spec.text_fields, spec.exact.as_deref(), batch)?;

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
            name: "0".to_owned(),
            rows: batch.num_rows(),
            vector: built.kind,
            vector_why: built.why,
            files: list_files(&segment)?,
        }],
    };
    let sha256 = write_json(&folder.join("manifest.json"), &manifest)?;
    sync_folder(folder)?;
    Ok((manifest, sha256))
}

fn check_keys(spec: &IndexSpec, batch: &RecordBatch) -> Result<()> {
    let keys = rows::text_column(batch, &spec.key)?;
    let mut seen = BTreeSet::new();
    for row in 0..keys.len() {
        if keys.is_null(row) || !seen.insert(keys.value(row)) {
            return Err(Error::argument("key", format!("`{}` of row {row} is null or occurs twice", spec.key)));
        }
    }
    Ok(())
}
