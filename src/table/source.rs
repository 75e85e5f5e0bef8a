//! Which file or folder holds a table, and which of its files are read. Knows no content.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::Result;
use crate::table::delta;
use crate::table::partition::{FolderValue, Partition, folder_value};
use crate::table::schema::TableSpec;

/// Where a table lies.
#[derive(Debug)]
pub(super) enum Source {
    Csv(PathBuf),
    Parquet(ParquetSource),
    /// A folder with the log of a Delta Lake table.
    Delta(PathBuf),
}

/// One Parquet file, or a folder of them.
#[derive(Debug)]
pub(super) struct ParquetSource {
    pub(super) path: PathBuf,
    /// In the order of their paths.
    pub(super) files: Vec<ParquetFile>,
    /// How many files were passed over, as they are not of a newer partition.
    pub(super) passed_over: usize,
    /// The newest partition of all, those that were passed over included; `None` where there are none.
    pub(super) newest: Option<Partition>,
}

/// A file, and what the names of its folders say.
#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    pub(super) path: PathBuf,
    pub(super) values: Vec<FolderValue>,
}

impl ParquetFile {
    pub(super) const fn alone(path: PathBuf) -> Self {
        Self { path, values: Vec::new() }
    }
}

impl ParquetSource {
    pub(super) fn alone(path: PathBuf) -> Self {
        Self { path: path.clone(), files: vec![ParquetFile::alone(path)], passed_over: 0, newest: None }
    }
}

impl Source {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Csv(path) | Self::Delta(path) => path,
            Self::Parquet(source) => &source.path,
        }
    }
}

/// Why a table has no source.
#[derive(Debug)]
pub(super) enum NoSource {
    /// There is none; the message names what was looked for.
    Missing(String),
    /// There is more than one.
    Ambiguous(String),
}

/// The one file or folder that holds the table. Of a folder of Parquet files only those of partitions after `since` are read.
pub(super) fn find(folder: &Path, spec: &TableSpec, since: Option<&Partition>) -> Result<Result<Source, NoSource>> {
    let mut found: Vec<Source> = Vec::new();
    for stem in spec.stems {
        let csv = folder.join(format!("{stem}.csv"));
        if csv.is_file() {
            found.push(Source::Csv(csv));
        }
        let parquet = folder.join(format!("{stem}.parquet"));
        if parquet.is_file() {
            found.push(Source::Parquet(ParquetSource::alone(parquet)));
        } else {
            found.extend(folder_source(&parquet, since)?);
        }
        found.extend(folder_source(&folder.join(stem), since)?);
    }
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(|source| source.path().display().to_string()).collect();
        let message = format!("more than one file holds this table; keep one of {}", names.join(", "));
        return Ok(Err(NoSource::Ambiguous(message)));
    }
    Ok(found.pop().ok_or_else(|| {
        let names: Vec<String> =
            spec.stems.iter().map(|stem| format!("{stem}.csv, {stem}.parquet, {stem}/*.parquet")).collect();
        NoSource::Missing(format!("no such table; looked for {}", names.join(", ")))
    }))
}

/// The Delta Lake table or the Parquet files of a folder; `None` where it has neither.
pub(super) fn folder_source(path: &Path, since: Option<&Partition>) -> Result<Option<Source>> {
    if delta::is_table(path) {
        return Ok(Some(Source::Delta(path.to_owned())));
    }
    if !path.is_dir() {
        return Ok(None);
    }
    let mut all = Vec::new();
    gather(path, &[], &mut all)?;
    if all.is_empty() {
        return Ok(None);
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    let mut newest: Option<Partition> = None;
    let mut files = Vec::new();
    let mut passed_over = 0;
    for file in all {
        let partition = Partition::of(&file.values, &file.path);
        // What has no partition may be new.
        if since.zip(partition.as_ref()).is_none_or(|(since, partition)| partition.is_after(since)) {
            files.push(file);
        } else {
            passed_over += 1;
        }
        if let Some(partition) = partition
            && newest.as_ref().is_none_or(|newest| partition.is_after(newest))
        {
            newest = Some(partition);
        }
    }
    Ok(Some(Source::Parquet(ParquetSource { path: path.to_owned(), files, passed_over, newest })))
}

/// The Parquet files of a folder and of its partitions (`day=2026-11-20/`); names that begin with `_` or `.` are bookkeeping.
fn gather(folder: &Path, values: &[FolderValue], files: &mut Vec<ParquetFile>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(['_', '.']) {
            continue;
        }
        if path.is_dir() {
            if let Some(value) = folder_value(&name) {
                gather(&path, &[values, &[value]].concat(), files)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.push(ParquetFile { path, values: values.to_vec() });
        }
    }
    Ok(())
}
