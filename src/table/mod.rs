//! Source files → checked Arrow batches, or every fault with its file and line. Knows nothing of any particular table.
//!
//! A table is a CSV file (`,` or `;`, UTF-8), a Parquet file, or a folder of Parquet files read in the order of their
//! names. Faults name file, line, column and value; values of free text are never shown, since they may be personal.

mod cell;
mod check;
mod csv;
mod parquet;
mod problem;
pub mod schema;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::table::problem::Problems;
use crate::table::schema::TableSpec;
use crate::table::source::Source;

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
    /// How many rows were dropped; 0 unless lenient.
    pub skipped: usize,
    /// Every column that its files have, read or not, sorted.
    pub header: Vec<String>,
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
    // A folder that is not there is one fault, not one a table.
    fs_err::read_dir(folder)?;
    let mut problems = Problems::new(params);
    let mut drafts: Vec<Draft> = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for (order, spec) in specs.iter().enumerate() {
        let source = match source::find(folder, spec)? {
            Ok(source) => source,
            Err(message) => {
                problems.file(order, &folder.join(spec.name), None, message);
                continue;
            }
        };
        let draft = match &source {
            Source::Csv(file) => csv::read(file, spec, order, &mut problems)?,
            Source::Parquet { files, .. } => parquet::read(files, spec, order, &mut problems)?,
        };
        if let Some(mut draft) = draft {
            check::rows(&mut draft, &mut problems);
            drafts.push(draft);
            files.push(source.path().to_owned());
        }
    }
    check::references(&mut drafts, &mut problems);
    problems.into_result()?;

    let tables = drafts.into_iter().zip(files).map(|(draft, file)| draft.finish(file)).collect::<Result<Vec<_>>>()?;
    let skipped = tables.iter().map(|table| table.skipped).sum();
    Ok(Tables { tables, skipped })
}

/// The files that [`read`] would read, in its order. Of a table for which there
/// is none, or more than one source, there are none here: it is [`read`] that says so.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read.
pub fn files(folder: &Path, specs: &[TableSpec]) -> Result<Vec<PathBuf>> {
    fs_err::read_dir(folder)?;
    let mut files = Vec::new();
    for spec in specs {
        match source::find(folder, spec)? {
            Ok(Source::Csv(file)) => files.push(file),
            Ok(Source::Parquet { files: parts, .. }) => files.extend(parts),
            Err(_) => {}
        }
    }
    Ok(files)
}

/// Reads and checks one table of its own, whatever its file is called. References to other tables are not followed.
///
/// # Errors
/// Those of [`read`].
pub fn read_file(file: &Path, spec: &TableSpec, params: &ReadParams) -> Result<Table> {
    let mut problems = Problems::new(params);
    let is_parquet = file.extension().is_some_and(|ending| ending == "parquet");
    let draft = if is_parquet {
        parquet::read(&[file.to_owned()], spec, 0, &mut problems)?
    } else {
        csv::read(file, spec, 0, &mut problems)?
    };
    let draft = draft.map(|mut draft| {
        check::rows(&mut draft, &mut problems);
        draft
    });
    problems.into_result()?;
    draft
        .ok_or_else(|| Error::internal("reading a table", "nothing was read, and no problem was told"))?
        .finish(file.to_owned())
}

/// A table that was read and is not yet checked.
#[derive(Debug)]
struct Draft {
    spec: TableSpec,
    /// The table's place among the specs.
    order: usize,
    /// The files it came from.
    parts: Vec<Part>,
    /// For each column of the spec its name in the file, where it has one.
    headers: Vec<Option<String>>,
    /// Every column of the files.
    header: BTreeSet<String>,
    columns: Vec<ArrayRef>,
    lines: Vec<u64>,
    /// Whether the row is good so far.
    keep: Vec<bool>,
    /// Rows that could not be taken apart, and are in no column.
    malformed: usize,
}

#[derive(Debug)]
struct Part {
    file: PathBuf,
    first_row: usize,
}

impl Draft {
    fn new(spec: &TableSpec, order: usize) -> Self {
        let (parts, headers, header, columns, lines, keep) = Default::default();
        Self { spec: *spec, order, parts, headers, header, columns, lines, keep, malformed: 0 }
    }

    fn begin_part(&mut self, file: &Path) {
        self.parts.push(Part { file: file.to_owned(), first_row: self.lines.len() });
    }

    fn begin_row(&mut self, line: u64) -> usize {
        self.lines.push(line);
        self.keep.push(true);
        self.lines.len() - 1
    }

    fn part_of(&self, row: usize) -> usize {
        self.parts.partition_point(|part| part.first_row <= row) - 1
    }

    fn finish(self, file: PathBuf) -> Result<Table> {
        let internal = |error| Error::internal("putting a checked table together", error);
        let keep = BooleanArray::from(self.keep);
        // Mostly all rows are good, and columns of texts are large.
        let kept: Vec<ArrayRef> = if keep.false_count() == 0 {
            self.columns
        } else {
            let filtered = self.columns.iter().map(|column| arrow::compute::filter(column, &keep));
            filtered.collect::<Result<_, _>>().map_err(internal)?
        };
        let batch = RecordBatch::try_new(self.spec.schema(), kept).map_err(internal)?;
        let lines: Vec<u64> =
            self.lines.iter().zip(keep.values()).filter_map(|(&line, keep)| keep.then_some(line)).collect();
        let skipped = self.malformed + self.lines.len() - lines.len();
        let header = self.header.into_iter().collect();
        Ok(Table { name: self.spec.name, batch, file, lines, skipped, header })
    }
}

/// For each column of the spec its place in the file. `None` when a required one is missing or one is there twice.
fn columns_of(
    spec: &TableSpec,
    header: &[String],
    order: usize,
    file: &Path,
    problems: &mut Problems,
) -> Option<Vec<Option<usize>>> {
    let mut places = Vec::with_capacity(spec.columns.len());
    let mut usable = true;
    for column in spec.columns {
        let names = || std::iter::once(&column.name).chain(column.aliases);
        let is_this = |found: &String| names().any(|name| name.eq_ignore_ascii_case(found));
        let found: Vec<usize> = (0..header.len()).filter(|&at| is_this(&header[at])).collect();
        if found.len() > 1 {
            let twice: Vec<&str> = found.iter().map(|&at| header[at].as_str()).collect();
            problems.file(order, file, Some(column.name), format!("is there more than once: {}", twice.join(", ")));
            usable = false;
        }
        if found.is_empty() && column.required {
            let looked_for: Vec<&str> = names().copied().collect();
            let message = format!("no such column; looked for {} in {}", looked_for.join(", "), header.join(", "));
            problems.file(order, file, Some(column.name), message);
            usable = false;
        }
        places.push(found.first().copied());
    }
    usable.then_some(places)
}
