//! A folder with the log of a Delta Lake table → a draft of a table: its rows at a version, or what changed after one. The
//! kernel replays the log and applies deletion vectors; of the log only the names of its files are looked at here.

#[cfg(feature = "delta")]
mod kernel;

use std::path::{Path, PathBuf};

use fs_err as fs;

#[cfg(feature = "delta")]
use self::kernel::batches;
use crate::error::Result;
use crate::table::Changes;
use crate::table::batches::Batches;
use crate::table::draft::Draft;
use crate::table::problem::Problems;
use crate::table::schema::TableSpec;

/// The folder of a table's log.
const LOG: &str = "_delta_log";

/// Which rows of a table are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Versions {
    /// What changed after this version; `None` reads all rows.
    pub(super) after: Option<i64>,
    /// As of this version; `None` is the newest.
    pub(super) at: Option<i64>,
}

/// Whether a folder holds a Delta Lake table.
pub(super) fn is_table(folder: &Path) -> bool {
    folder.join(LOG).is_dir()
}

/// The commit that a version of a table ends with, which no other version shares; `None` where the log has no such file.
pub(super) fn last_commit(folder: &Path, at: Option<i64>) -> Result<Option<(i64, PathBuf)>> {
    let mut last: Option<(i64, PathBuf)> = None;
    for entry in fs::read_dir(folder.join(LOG))? {
        let path = entry?.path();
        let version = path.file_name().and_then(|name| commit_version(&name.to_string_lossy()));
        let version = version.filter(|&version| at.is_none_or(|at| version <= at));
        if let Some(version) = version
            && last.as_ref().is_none_or(|(newest, _)| version > *newest)
        {
            last = Some((version, path));
        }
    }
    Ok(last)
}

/// The number in `00000000000000000012.json`.
fn commit_version(name: &str) -> Option<i64> {
    let digits = name.strip_suffix(".json").filter(|digits| digits.len() == 20)?;
    digits.parse().ok()
}

/// Reads a table. `None`, and a problem, if that is not possible.
pub(super) fn read(
    folder: &Path,
    versions: Versions,
    spec: &TableSpec,
    order: usize,
    problems: &mut Problems,
) -> Result<Option<Draft>> {
    let newest = last_commit(folder, None)?.map(|(version, _)| version);
    let Some(newest) = newest else {
        problems.file(order, folder, None, "is a Delta Lake table without a commit in its log".to_owned());
        return Ok(None);
    };
    if let Some(at) = versions.at.filter(|&at| at > newest || at < 0) {
        problems.file(order, folder, None, format!("has no version {at}; the newest is {newest}"));
        return Ok(None);
    }
    let end = versions.at.unwrap_or(newest);
    let mut table = Batches::new(spec, order);
    table.begin(folder);
    // Where nothing is newer, there is no range of versions to ask for.
    if versions.after.is_none_or(|after| after < end) {
        let batches = match batches(&fs::canonicalize(folder)?, versions.after, end) {
            Ok(batches) => batches,
            Err(reason) => {
                let what = match versions.after {
                    None => format!("is a Delta Lake table whose version {end} cannot be read: {reason}"),
                    Some(after) => format!(
                        "is a Delta Lake table whose changes after version {after} cannot be read: {reason}; it needs \
                         delta.enableChangeDataFeed for that, or a build from all tables"
                    ),
                };
                problems.file(order, folder, None, what);
                return Ok(None);
            }
        };
        for batch in &batches {
            if !table.push(batch, problems) {
                return Ok(None);
            }
        }
    }
    let mut draft = table.finish()?;
    draft.is_feed = versions.after.is_some();
    draft.changes = Some(Changes::default());
    draft.mark.version = Some(end);
    Ok(Some(draft))
}

/// All rows of the newest version, or why there are none.
pub(super) fn rows(folder: &Path) -> Result<Result<Vec<arrow::record_batch::RecordBatch>, String>> {
    let Some((newest, _)) = last_commit(folder, None)? else {
        return Ok(Err("is a Delta Lake table without a commit in its log".to_owned()));
    };
    let read = batches(&fs::canonicalize(folder)?, None, newest);
    Ok(read.map_err(|reason| format!("is a Delta Lake table whose version {newest} cannot be read: {reason}")))
}

/// What is said in place of rows.
#[cfg(not(feature = "delta"))]
fn batches(_: &Path, _: Option<i64>, _: i64) -> Result<Vec<arrow::record_batch::RecordBatch>, String> {
    Err("this program was built without; build it with `--features delta`, or export the table as Parquet".to_owned())
}
