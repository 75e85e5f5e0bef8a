//! A table of any schema: a CSV or Parquet file, a folder of Parquet files, a Delta Lake folder → Arrow batches of a few plain
//! types. Owns what types the cells of a CSV file have. Knows no key and no rule.
//!
//! A CSV column has the first of these types that every cell fits; blank cells are no value and fit all:
//!
//! | type | every cell is |
//! |---|---|
//! | bigint | a whole number without leading zeros, such as `-12` |
//! | double | a finite number, such as `1.5` or `1e-3` |
//! | boolean | `true` or `false`, in any case |
//! | date | `2026-01-31` |
//! | timestamp | `2026-01-31 08:00:00` with or without a fraction, `T`, `Z` or an offset; without one it is UTC |
//! | array of doubles | a JSON list of numbers, such as `[0.1, 2]` |
//! | string | anything |

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow::array::{ArrayRef, Float64Builder, ListBuilder, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use fs_err as fs;

use crate::error::{Error, Problem, Result};
use crate::table::cell::Cells;
use crate::table::schema::{Kind, UTC};
use crate::table::source::{ParquetSource, Source, folder_source};
use crate::table::{csv, delta, parquet};

/// A table of any schema.
#[derive(Debug, Clone)]
pub struct Untyped {
    /// What was read.
    pub path: PathBuf,
    /// The columns: texts, booleans, whole numbers, floats, days, microseconds UTC, and lists of these.
    pub schema: SchemaRef,
    /// The rows, in the order of the files.
    pub batches: Vec<RecordBatch>,
    /// Columns of other types, which are left out.
    pub left_out: Vec<String>,
    /// Of a CSV file the line on which each row starts; empty otherwise.
    lines: Vec<u64>,
}

impl Untyped {
    /// Where a row is, counted over all batches from 0: its line in a CSV file, else its number from 1.
    #[must_use]
    pub fn line(&self, row: usize) -> u64 {
        self.lines.get(row).copied().unwrap_or(row as u64 + 1)
    }
}

/// Reads a table.
///
/// # Errors
/// [`Error::Line`] with file, line and column; [`Error::Input`] for what is not there or cannot be read.
pub fn read(path: &Path) -> Result<Untyped> {
    match source_of(path)? {
        Source::Csv(file) => read_csv(&file),
        Source::Parquet(source) => {
            let mut batches = Vec::new();
            for file in &source.files {
                batches.extend(parquet::batches_of(file)?.map_err(|message| {
                    problem(&file.path, None, None, format!("cannot be read as Parquet: {message}"))
                })?);
            }
            plain(path, batches)
        }
        Source::Delta(folder) => {
            let batches = delta::rows(&folder)?.map_err(|message| problem(&folder, None, None, message))?;
            plain(path, batches)
        }
    }
}

/// The files of a table with size and instant of change, as one text: another text means that it may have changed.
///
/// # Errors
/// [`Error::Input`] for what is not there or cannot be read.
pub fn state(path: &Path) -> Result<String> {
    let files = match source_of(path)? {
        Source::Csv(file) => vec![file],
        Source::Parquet(source) => source.files.into_iter().map(|file| file.path).collect(),
        Source::Delta(folder) => delta::last_commit(&folder, None)?.map(|(_, file)| file).into_iter().collect(),
    };
    let mut states = Vec::with_capacity(files.len());
    for file in files {
        let metadata = fs::metadata(&file).map_err(Error::Input)?;
        let changed = metadata.modified().map_err(Error::Input)?;
        let since_1970 = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        states.push(format!("{}:{}:{}", file.display(), metadata.len(), since_1970.as_nanos()));
    }
    Ok(states.join("\n"))
}

/// A batch as a Parquet file.
///
/// # Errors
/// [`Error::Internal`] for what no table should hold.
pub fn to_parquet(batch: &RecordBatch) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("nba".to_owned())
        .build();
    let mut bytes = Vec::new();
    let write = || {
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
        writer.write(batch)?;
        writer.close()
    };
    write().map_err(|error: ::parquet::errors::ParquetError| Error::internal("writing a table", error))?;
    Ok(bytes)
}

fn source_of(path: &Path) -> Result<Source> {
    // The error of a file that is not there names it.
    let metadata = fs::metadata(path).map_err(Error::Input)?;
    if metadata.is_dir() {
        let found = folder_source(path, None).map_err(Error::of_input)?;
        return found
            .ok_or_else(|| problem(path, None, None, "holds no Parquet file and no Delta Lake log".to_owned()));
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        return Ok(Source::Parquet(ParquetSource::alone(path.to_owned())));
    }
    Ok(Source::Csv(path.to_owned()))
}

fn problem(file: &Path, line: Option<u64>, column: Option<&str>, message: String) -> Error {
    Error::Line(Problem { file: file.to_owned(), line, column: column.map(str::to_owned), value: None, message })
}

fn read_csv(file: &Path) -> Result<Untyped> {
    let records = csv::records(file)?.map_err(|(line, message)| problem(file, line, None, message))?;
    let mut fields = Vec::with_capacity(records.header.len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(records.header.len());
    for (at, name) in records.header.iter().enumerate() {
        if records.header[..at].contains(name) {
            return Err(problem(file, Some(1), Some(name), "is the name of two columns".to_owned()));
        }
        let cells: Vec<&str> = records.rows.iter().map(|(_, cells)| cells[at].trim()).collect();
        let column = inferred(&cells);
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(records.rows.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
        .map_err(|error| Error::internal("reading CSV", error))?;
    let lines = records.rows.iter().map(|(line, _)| *line).collect();
    Ok(Untyped { path: file.to_owned(), schema, batches: vec![batch], left_out: Vec::new(), lines })
}

/// A column with the narrowest type that all cells fit.
fn inferred(cells: &[&str]) -> ArrayRef {
    let given = || cells.iter().filter(|cell| !cell.is_empty());
    // A column without any value is text.
    if given().next().is_some() {
        if given().all(|cell| cell.starts_with('['))
            && let Some(lists) = lists(cells)
        {
            return lists;
        }
        let is_boolean = |cell: &&str| cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false");
        let candidates = [
            (Kind::Integer, given().all(|cell| is_whole(cell))),
            (Kind::Float, given().all(|cell| is_number(cell))),
            (Kind::Boolean, given().all(is_boolean)),
            (Kind::Date, true),
            (Kind::Timestamp, true),
        ];
        for (kind, _) in candidates.into_iter().filter(|(_, fits)| *fits) {
            let mut column = Cells::new(kind);
            let lower =
                |cell: &&str| if kind == Kind::Boolean { cell.to_ascii_lowercase() } else { (*cell).to_owned() };
            if cells.iter().all(|cell| column.push(Some(&lower(cell)))) {
                return column.finish();
            }
        }
    }
    let mut column = Cells::new(Kind::Text);
    cells.iter().for_each(|cell| _ = column.push(Some(cell)));
    column.finish()
}

/// Whether a cell is a whole number and no code such as `007`.
fn is_whole(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

/// Whether a cell is a number and no code such as `007.1`.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let mut bytes = digits.bytes();
    let (first, second) = (bytes.next(), bytes.next());
    let is_code = first == Some(b'0') && second.is_some_and(|byte| byte.is_ascii_digit());
    first.is_some_and(|byte| byte.is_ascii_digit() || byte == b'.') && !is_code
}

fn lists(cells: &[&str]) -> Option<ArrayRef> {
    let mut column = ListBuilder::new(Float64Builder::new());
    for cell in cells {
        if cell.is_empty() {
            column.append_null();
            continue;
        }
        let numbers: Vec<f64> = serde_json::from_str(cell).ok()?;
        numbers.iter().for_each(|&number| column.values().append_value(number));
        column.append(true);
    }
    Some(Arc::new(column.finish()))
}

/// Batches of files with their columns cast to plain types. Files that come later are read by the first one's columns.
fn plain(path: &Path, batches: Vec<RecordBatch>) -> Result<Untyped> {
    let source = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let (mut fields, mut left_out) = (Vec::new(), Vec::new());
    for field in source.fields() {
        match plain_type(field.data_type()) {
            Some(kind) => fields.push(Field::new(field.name(), kind, true)),
            None => left_out.push(field.name().clone()),
        }
    }
    let schema = Arc::new(Schema::new(fields));
    let mut read = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let column = batch
                .column_by_name(field.name())
                .ok_or_else(|| problem(path, None, Some(field.name()), "is missing in one of the files".to_owned()))?;
            columns.push(
                cast(column, field.data_type())
                    .map_err(|error| problem(path, None, Some(field.name()), format!("cannot be read: {error}")))?,
            );
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .map_err(|error| Error::internal("reading a table", error))?;
        read.push(batch);
    }
    Ok(Untyped { path: path.to_owned(), schema, batches: read, left_out, lines: Vec::new() })
}

/// The plain type that holds the values of an Arrow type; `None` for structs, maps and bytes.
fn plain_type(from: &DataType) -> Option<DataType> {
    Some(match from {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32 => from.clone(),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            DataType::Float64
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        DataType::Dictionary(_, values) => return plain_type(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let kind = plain_type(item.data_type()).filter(|kind| !matches!(kind, DataType::List(_)))?;
            DataType::List(Arc::new(Field::new_list_field(kind, true)))
        }
        _ => return None,
    })
}
