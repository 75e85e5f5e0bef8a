//! Which file or folder holds a table. Knows no content.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::Result;
use crate::table::schema::TableSpec;

/// Where a table lies.
#[derive(Debug)]
pub(super) enum Source {
    Csv(PathBuf),
    Parquet { path: PathBuf, files: Vec<PathBuf> },
}

impl Source {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Csv(path) | Self::Parquet { path, .. } => path,
        }
    }
}

/// The one file or folder that holds the table, or a message that names what was looked for.
pub(super) fn find(folder: &Path, spec: &TableSpec) -> Result<Result<Source, String>> {
    let mut found: Vec<Source> = Vec::new();
    for stem in spec.stems {
        let csv = folder.join(format!("{stem}.csv"));
        if csv.is_file() {
            found.push(Source::Csv(csv));
        }
        for path in [folder.join(format!("{stem}.parquet")), folder.join(stem)] {
            let files = parquet_files(&path)?;
            if !files.is_empty() {
                found.push(Source::Parquet { path, files });
            }
        }
    }
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(|source| source.path().display().to_string()).collect();
        return Ok(Err(format!("more than one file holds this table; keep one of {}", names.join(", "))));
    }
    Ok(found.pop().ok_or_else(|| {
        let names: Vec<String> =
            spec.stems.iter().map(|stem| format!("{stem}.csv, {stem}.parquet, {stem}/*.parquet")).collect();
        format!("no such table; looked for {}", names.join(", "))
    }))
}

/// The file itself, or the Parquet files of a folder by name; names that begin with `_` or `.` are bookkeeping.
fn parquet_files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(if path.extension().is_some_and(|ending| ending == "parquet") {
            vec![path.to_owned()]
        } else {
            vec![]
        });
    }
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['_', '.']));
        if file.is_file() && !hidden && file.extension().is_some_and(|ending| ending == "parquet") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
