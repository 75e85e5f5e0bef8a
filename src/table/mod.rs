//! Source files → checked Arrow batches, or every fault with its file and line. Knows nothing of any particular table.
//!
//! A table is a CSV file (`,` or `;`, UTF-8), a Parquet file, or a folder of Parquet files read in the order of their
//! names,
//! in partitions (`day=2026-11-20/`) or not. A table that says what its rows do is a change feed, and is folded; changes are
//! read onto what an earlier read left. Faults name file, line, column and value; values of free text are never shown, since they may be personal.

mod batches;
mod cell;
mod check;
mod csv;
mod delta;
mod draft;
mod feed;
mod kept;
mod parquet;
mod partition;
mod problem;
pub mod schema;
mod source;
#[cfg(test)]
mod tests;
pub mod untyped;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::table::draft::Draft;
pub use crate::table::kept::{Kept, write as keep};
use crate::table::partition::Partition;
use crate::table::problem::Problems;
use crate::table::schema::TableSpec;
use crate::table::source::{NoSource, ParquetFile, Source};

/// How strictly tables are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadParams {
    /// Drop and count faulty rows, and the rows that refer to them, in place of failing. Missing files and columns
    /// remain errors.
    pub lenient: bool,
    /// How many problems an error lists; all are counted.
    pub max_problems: usize,
}

impl Default for ReadParams {
    fn default() -> Self {
        Self { lenient: false, max_problems: 20 }
    }
}

/// The tables of one folder, in the order of their specs.
#[derive(Debug, Clone)]
pub struct Tables {
    /// One for each spec.
    pub tables: Vec<Table>,
    /// How many rows were dropped in all; 0 unless lenient.
    pub skipped: usize,
}

impl Tables {
    /// The table of a spec's name, which must be one of those that were read.
    #[must_use]
    pub fn get(&self, name: &str) -> &Table {
        self.tables.iter().find(|table| table.name == name).expect("only tables whose specs were read are asked for")
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> &mut Table {
        let found = self.tables.iter_mut().find(|table| table.name == name);
        found.expect("only tables whose specs were read are asked for")
    }
}

/// One table, checked.
#[derive(Debug, Clone)]
pub struct Table {
    /// The spec's name.
    pub name: &'static str,
    /// The good rows, in file order, with the schema of the spec.
    pub batch: RecordBatch,
    /// The file or folder that was read.
    pub file: PathBuf,
    /// For each row the line on which it starts (CSV, the header is line 1) or its number from 1 in its file (Parquet).
    pub lines: Vec<u64>,
    /// For each row whether it is as an earlier read left it.
    pub known: Vec<bool>,
    /// How many rows were dropped; 0 unless lenient.
    pub skipped: usize,
    /// Every column that its files have, read or not, sorted.
    pub header: Vec<String>,
    /// What changed; `None` where the table was read as it is.
    pub changes: Option<Changes>,
    /// How far it was read.
    pub mark: Mark,
}

/// How far a table was read: what a later read need not read again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The highest version in a change feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The newest partition of a folder of files, or the last name of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
}

/// What a read of changes did to a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Rows that were set, new or not.
    pub set: usize,
    /// Rows that were there and were taken away.
    pub deleted: usize,
    /// Rows of a feed whose versions had been read before.
    pub rows_passed_over: usize,
    /// Files that were read.
    pub files: usize,
    /// Files that were not, as they are of no newer partition.
    pub files_passed_over: usize,
}

/// What a read of changes starts from.
#[derive(Debug, Clone)]
pub struct Onto<'a> {
    /// Tables that an earlier read left. A table that is not among them is read as it is.
    pub kept: &'a Kept,
    /// Which files of folders are read; `None` reads all.
    pub since: Option<Since>,
    /// The tables whose files hold all of their rows, unless they are change feeds.
    pub whole: &'a [&'a str],
}

/// From where on partitions are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// After the newest that was read.
    Last,
    /// After this one, such as `2026-11-20` or, for folders in folders, `2026/11/20`; else after the file of this name.
    After(String),
}

/// Which part of the tables is read.
#[derive(Debug, Clone, Default)]
pub struct Extent<'a> {
    /// Changes are read onto this; `None` reads every row.
    pub onto: Option<Onto<'a>>,
    /// As of which version Delta Lake tables are read, by a name of the table; the newest where there is none.
    pub at: BTreeMap<String, i64>,
}

impl Extent<'_> {
    fn at(&self, spec: &TableSpec) -> Option<i64> {
        spec.names().find_map(|name| self.at.get(name)).copied()
    }
}

const NO_VERSIONS: &str = "has no versions; only a Delta Lake table is read at one";
const UNKNOWN_VERSION: &str = "is a Delta Lake table, and what serves was made of no version of it, after which changes \
                               could be read; build from all tables once";

/// So many texts are mapped beside each other before they are put into their column.
const ROWS_AT_ONCE: usize = 1 << 16;

impl Table {
    /// Puts another text in the place of each of a text column in the rows that were read now.
    pub fn map_new(&mut self, column: &str, map: impl Fn(usize, &str) -> String + Sync) {
        let texts = self.texts(column);
        let mapped = |row: usize| match texts.is_valid(row) {
            true if self.known[row] => Some(Cow::Borrowed(texts.value(row))),
            true => Some(Cow::Owned(map(row, texts.value(row)))),
            false => None,
        };
        let mut column_of = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
        for start in (0..texts.len()).step_by(ROWS_AT_ONCE) {
            let rows = start..texts.len().min(start + ROWS_AT_ONCE);
            let block: Vec<Option<Cow<'_, str>>> = rows.into_par_iter().map(mapped).collect();
            block.into_iter().for_each(|text| column_of.append_option(text));
        }
        self.replace(column, Arc::new(column_of.finish()));
    }

    /// Leaves an optional column without a value, where the table has it.
    pub fn empty(&mut self, column: &str) {
        if let Some(values) = self.batch.column_by_name(column) {
            self.replace(column, new_null_array(values.data_type(), values.len()));
        }
    }

    /// Leaves the rows whose text in a column is wanted.
    pub fn retain(&mut self, column: &str, wanted: impl Fn(&str) -> bool) {
        let keep: Vec<bool> = self.texts(column).iter().map(|text| text.is_some_and(&wanted)).collect();
        if keep.iter().all(|&keep| keep) {
            return;
        }
        let mut kept = keep.iter();
        self.lines.retain(|_| kept.next() == Some(&true));
        let mut kept = keep.iter();
        self.known.retain(|_| kept.next() == Some(&true));
        self.batch = filter_record_batch(&self.batch, &BooleanArray::from(keep)).expect("a mask of the same length");
    }

    fn replace(&mut self, column: &str, values: ArrayRef) {
        let schema = self.batch.schema();
        let mut columns = self.batch.columns().to_vec();
        columns[schema.index_of(column).expect("only columns that the spec declares are replaced")] = values;
        self.batch = RecordBatch::try_new(schema, columns).expect("a column of the same kind and length");
    }
}

/// Typed columns. All panic when the spec declares no such column or another kind: that is a bug of the caller.
impl Table {
    /// A text column.
    #[must_use]
    pub fn texts(&self, column: &str) -> &StringArray {
        self.column(column).as_string()
    }

    /// A column of whole numbers.
    #[must_use]
    pub fn integers(&self, column: &str) -> &Int64Array {
        self.column(column).as_primitive::<Int64Type>()
    }

    /// A column of numbers.
    #[must_use]
    pub fn floats(&self, column: &str) -> &Float64Array {
        self.column(column).as_primitive::<Float64Type>()
    }

    /// A column of truth values.
    #[must_use]
    pub fn booleans(&self, column: &str) -> &BooleanArray {
        self.column(column).as_boolean()
    }

    /// A column of moments, in microseconds since 1970 UTC.
    #[must_use]
    pub fn timestamps(&self, column: &str) -> &TimestampMicrosecondArray {
        self.column(column).as_primitive::<TimestampMicrosecondType>()
    }

    fn column(&self, name: &str) -> &ArrayRef {
        self.batch.column_by_name(name).expect("only columns that the spec declares are asked for")
    }
}

/// Reads and checks the tables of a folder.
///
/// # Errors
/// [`Error::Data`] with the first problems and their number: files or columns that are missing, cells of the wrong
/// kind, values missing or not allowed, keys that repeat, references to nothing, rows with the wrong number of fields.
/// [`Error::Io`] for what cannot be read.
pub fn read(folder: &Path, specs: &[TableSpec], params: &ReadParams) -> Result<Tables> {
    read_extent(folder, specs, params, &Extent::default())
}

/// Reads a part of the tables of a folder onto what an earlier read left, and checks what comes of it.
///
/// # Errors
/// Those of [`read`]; they name rows that were kept by their number in the file that keeps them.
pub fn read_extent(folder: &Path, specs: &[TableSpec], params: &ReadParams, extent: &Extent<'_>) -> Result<Tables> {
    // A folder that is not there is one fault, not one a table.
    fs_err::read_dir(folder)?;
    let of_spec = |(order, spec): (usize, &TableSpec)| {
        let mut problems = Problems::new(params);
        let read = read_one(folder, spec, order, extent, &mut problems)?;
        Ok::<_, Error>((read, problems))
    };
    let read: Vec<Result<(Option<ReadTable>, Problems)>> = specs.par_iter().enumerate().map(of_spec).collect();
    let mut problems = Problems::new(params);
    let mut drafts: Vec<Draft> = Vec::new();
    let mut deleted: HashMap<&'static str, HashSet<String>> = HashMap::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for (spec, of_spec) in specs.iter().zip(read) {
        let (table, found) = of_spec?;
        problems.add(found);
        let Some(table) = table else { continue };
        drafts.push(table.draft);
        files.push(table.file);
        deleted.extend(table.deleted.map(|keys| (spec.name, keys)));
    }
    check::parts(&mut drafts, &deleted)?;
    check::references(&mut drafts, &mut problems);
    problems.into_result()?;

    let tables = drafts.into_iter().zip(files).map(|(draft, file)| draft.finish(file)).collect::<Result<Vec<_>>>()?;
    let skipped = tables.iter().map(|table| table.skipped).sum();
    Ok(Tables { tables, skipped })
}

/// A table as it was read, before it is held against the others.
struct ReadTable {
    draft: Draft,
    /// Where it lies.
    file: PathBuf,
    /// The keys of rows that are gone, of a table that was not merely kept.
    deleted: Option<HashSet<String>>,
}

/// Reads and checks a table by itself; `None` where it cannot be read, and the problems say why.
fn read_one(
    folder: &Path,
    spec: &TableSpec,
    order: usize,
    extent: &Extent<'_>,
    problems: &mut Problems,
) -> Result<Option<ReadTable>> {
    let onto = extent.onto.as_ref();
    let kept = onto.and_then(|onto| onto.kept.get(spec.name));
    let at = extent.at(spec);
    let source = match find(folder, spec, onto)? {
        Ok(source) => source,
        Err(NoSource::Missing(_)) if let Some(kept) = kept => {
            let draft = Draft::of_kept(spec, order, kept);
            return Ok(Some(ReadTable { draft, file: kept.file.clone(), deleted: None }));
        }
        Err(NoSource::Missing(message) | NoSource::Ambiguous(message)) => {
            problems.file(order, &folder.join(spec.name), None, message);
            return Ok(None);
        }
    };
    let draft = match &source {
        Source::Csv(file) => csv::read(file, spec, order, problems)?,
        Source::Parquet(source) => parquet::read_source(source, spec, order, problems)?,
        Source::Delta(path) => {
            let whole = onto.is_none_or(|onto| onto.whole.contains(&spec.name));
            let after = kept.filter(|_| !whole).map(|kept| kept.mark.version);
            if after == Some(None) {
                problems.file(order, path, None, UNKNOWN_VERSION.to_owned());
                return Ok(None);
            }
            delta::read(path, delta::Versions { after: after.flatten(), at }, spec, order, problems)?
        }
    };
    if at.is_some() && !matches!(source, Source::Delta(_)) {
        problems.file(order, source.path(), None, NO_VERSIONS.to_owned());
    }
    let Some(fresh) = draft else { return Ok(None) };
    let is_whole = !fresh.is_feed && onto.is_some_and(|onto| onto.whole.contains(&spec.name));
    let kept = kept.filter(|_| !is_whole).map(|kept| Draft::of_kept(spec, order, kept));
    let mut folded = feed::apply(kept, fresh, problems)?;
    check::rows(&mut folded.draft, problems);
    Ok(Some(ReadTable { draft: folded.draft, file: source.path().to_owned(), deleted: Some(folded.deleted) }))
}

/// The files that [`read_extent`] would read, in its order; of a Delta Lake table the commit that its version ends with. Of a table for which there
/// is none, or more than one source, there are none here: it is [`read_extent`] that says so.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read.
pub fn files(folder: &Path, specs: &[TableSpec], extent: &Extent<'_>) -> Result<Vec<PathBuf>> {
    fs_err::read_dir(folder)?;
    let mut files = Vec::new();
    for spec in specs {
        match find(folder, spec, extent.onto.as_ref())? {
            Ok(Source::Csv(file)) => files.push(file),
            Ok(Source::Parquet(source)) => files.extend(source.files.into_iter().map(|file| file.path)),
            Ok(Source::Delta(path)) => {
                files.extend(delta::last_commit(&path, extent.at(spec))?.map(|(_, file)| file));
            }
            Err(_) => {}
        }
    }
    Ok(files)
}

/// Where a table lies, and which of its files are newer than asked.
fn find(folder: &Path, spec: &TableSpec, onto: Option<&Onto<'_>>) -> Result<Result<Source, NoSource>> {
    let since = onto.and_then(|onto| match onto.since.as_ref()? {
        Since::Last => onto.kept.get(spec.name)?.mark.partition.clone(),
        Since::After(value) => Some(value.clone()),
    });
    source::find(folder, spec, since.as_deref().map(Partition::parse).as_ref())
}

/// Reads and checks one table of its own, whatever its file is called. References to other tables are not followed.
///
/// # Errors
/// Those of [`read`].
pub fn read_file(file: &Path, spec: &TableSpec, params: &ReadParams) -> Result<Table> {
    let mut problems = Problems::new(params);
    let is_parquet = file.extension().is_some_and(|ending| ending == "parquet");
    let draft = if is_parquet {
        parquet::read(&[ParquetFile::alone(file.to_owned())], spec, 0, &mut problems)?
    } else {
        csv::read(file, spec, 0, &mut problems)?
    };
    let draft = match draft {
        Some(draft) => {
            let mut draft = feed::apply(None, draft, &mut problems)?.draft;
            check::rows(&mut draft, &mut problems);
            Some(draft)
        }
        None => None,
    };
    problems.into_result()?;
    draft
        .ok_or_else(|| Error::internal("reading a table", "nothing was read, and no problem was told"))?
        .finish(file.to_owned())
}
