//! Parquet → a draft of a table, its columns cast to the declared kinds. Knows no rule that spans rows.

use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use fs_err as fs;

use crate::error::{Error, Result};
use crate::table::Changes;
use crate::table::cell::{Cells, whole};
use crate::table::draft::{Draft, columns_of};
use crate::table::partition::FolderValue;
use crate::table::problem::Problems;
use crate::table::schema::{Kind, TableSpec, UTC};
use crate::table::source::{ParquetFile, ParquetSource};

/// Reads a source, and notes how far it goes.
pub(super) fn read_source(
    source: &ParquetSource,
    spec: &TableSpec,
    order: usize,
    problems: &mut Problems,
) -> Result<Option<Draft>> {
    let Some(mut draft) = read(&source.files, spec, order, problems)? else { return Ok(None) };
    draft.mark.partition = source.newest.as_ref().map(ToString::to_string);
    draft.changes =
        Some(Changes { files: source.files.len(), files_passed_over: source.passed_over, ..Changes::default() });
    Ok(Some(draft))
}

/// Reads one file or the files of a folder, one after the other. `None` when one cannot be a table of this spec.
pub(super) fn read(
    files: &[ParquetFile],
    spec: &TableSpec,
    order: usize,
    problems: &mut Problems,
) -> Result<Option<Draft>> {
    let mut draft = Draft::new(spec, order);
    let mut chunks: Vec<Vec<ArrayRef>> = vec![Vec::new(); spec.sought().count()];
    for ParquetFile { path: file, values } in files {
        let batches = match batches(file)? {
            Ok(batches) => batches,
            Err(message) => {
                problems.file(order, file, None, format!("cannot be read as Parquet: {message}"));
                return Ok(None);
            }
        };
        draft.begin_part(file);
        let mut number = 0;
        for (index, batch) in batches.iter().enumerate() {
            let batch = &with_folder_values(batch, values)?;
            let header: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
            let Some(places) = columns_of(spec, &header, order, file, problems) else { return Ok(None) };
            if index == 0 {
                draft.name_columns(&header, &places);
            }
            let first_row = draft.lines.len();
            for _ in 0..batch.num_rows() {
                number += 1;
                draft.begin_row(number);
            }
            for (at, (place, sought)) in places.iter().zip(spec.sought()).enumerate() {
                let kind = sought.kind;
                let Some(source) = place.map(|field| batch.column(field)) else {
                    chunks[at].push(new_null_array(&kind.data_type(), batch.num_rows()));
                    continue;
                };
                let Some(column) = converted(source, kind) else {
                    let message =
                        format!("has type {}, which cannot be read as {}", source.data_type(), kind.expected());
                    problems.file(order, file, Some(&header[place.unwrap_or_default()]), message);
                    return Ok(None);
                };
                let lost = (0..source.len()).filter(|&row| column.is_null(row) && !is_absent(source, row));
                for row in lost {
                    let (row, value) = (first_row + row, shown(source, row));
                    draft.keep[row] = false;
                    problems.cell(&draft, row, at, value.as_deref(), || format!("is not {}", kind.expected()));
                }
                chunks[at].push(column);
            }
        }
    }
    for (chunk, sought) in chunks.iter().zip(spec.sought()) {
        let arrays: Vec<&dyn Array> = chunk.iter().map(AsRef::as_ref).collect();
        draft.columns.push(if arrays.is_empty() {
            new_null_array(&sought.kind.data_type(), 0)
        } else {
            concat(&arrays).map_err(|error| Error::internal("joining Parquet batches", error))?
        });
    }
    Ok(Some(draft))
}

/// The batches of a file, at least one, or why it is none.
fn batches(file: &Path) -> Result<Result<Vec<RecordBatch>, String>> {
    let (handle, _) = fs::File::open(file)?.into_parts();
    let read = || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(handle)?;
        let schema = builder.schema().clone();
        let mut batches = builder.with_batch_size(1 << 16).build()?.collect::<Result<Vec<_>, _>>()?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    };
    Ok(read().map_err(|error: ::parquet::errors::ParquetError| error.to_string()))
}

/// The batch with a column for each value that the folders say and the file does not.
fn with_folder_values(batch: &RecordBatch, values: &[FolderValue]) -> Result<RecordBatch> {
    let schema = batch.schema();
    let mut fields = schema.fields().to_vec();
    let mut columns = batch.columns().to_vec();
    for (name, value) in values {
        if !schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name)) {
            fields.push(Arc::new(Field::new(name, DataType::Utf8, true)));
            columns.push(Arc::new(StringArray::from(vec![value.as_deref(); batch.num_rows()])));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| Error::internal("adding what folders say to a Parquet batch", error))
}

/// The column as its declared kind, null where a value does not fit; `None` if the types have nothing in common.
fn converted(source: &ArrayRef, kind: Kind) -> Option<ArrayRef> {
    let from = source.data_type();
    if let DataType::Dictionary(_, values) = from {
        return converted(&cast(source, values).ok()?, kind);
    }
    if matches!(from, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null) {
        let texts = cast(source, &DataType::Utf8).ok()?;
        let mut cells = Cells::new(kind);
        for text in texts.as_string::<i32>() {
            cells.push(text);
        }
        return Some(cells.finish());
    }
    let decimal = matches!(from, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..));
    match kind {
        Kind::Text if from.is_integer() => cast(source, &DataType::Utf8).ok(),
        Kind::Integer if from.is_integer() => cast(source, &DataType::Int64).ok(),
        Kind::Integer if from.is_floating() || decimal => {
            let numbers = cast(source, &DataType::Float64).ok()?;
            Some(Arc::new(
                numbers.as_primitive::<Float64Type>().iter().map(|x| x.and_then(whole)).collect::<Int64Array>(),
            ))
        }
        Kind::Float if from.is_integer() || from.is_floating() || decimal => {
            let numbers = cast(source, &DataType::Float64).ok()?;
            let finite = numbers.as_primitive::<Float64Type>().iter().map(|x| x.filter(|x| x.is_finite()));
            Some(Arc::new(finite.collect::<Float64Array>()))
        }
        Kind::Boolean if *from == DataType::Boolean => Some(source.clone()),
        Kind::Boolean if from.is_integer() => {
            let mut cells = Cells::new(kind);
            for text in cast(source, &DataType::Utf8).ok()?.as_string::<i32>() {
                cells.push(text);
            }
            Some(cells.finish())
        }
        Kind::Timestamp => timestamps(source),
        Kind::Date if matches!(from, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None)) => {
            cast(source, &DataType::Date32).ok()
        }
        Kind::Text | Kind::Integer | Kind::Float | Kind::Boolean | Kind::Date => None,
    }
}

/// Timestamps of any unit and zone, and dates, as microseconds UTC. Arrow keeps instants in UTC whatever zone they are
/// shown in, so the zone's name is exchanged and the number kept; without a zone they are taken as UTC.
fn timestamps(source: &ArrayRef) -> Option<ArrayRef> {
    let from = source.data_type();
    let zone = if let DataType::Timestamp(_, zone) = from { zone.clone() } else { None };
    if !matches!(from, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) {
        return None;
    }
    let micros = cast(source, &DataType::Timestamp(TimeUnit::Microsecond, zone)).ok()?;
    Some(Arc::new(micros.as_primitive::<TimestampMicrosecondType>().clone().with_timezone(UTC)))
}

/// No value in the source, or what stands for none: blank text, NaN.
fn is_absent(source: &ArrayRef, row: usize) -> bool {
    source.is_null(row) || shown(source, row).is_some_and(|text| text.trim().is_empty() || text == "NaN")
}

fn shown(source: &ArrayRef, row: usize) -> Option<String> {
    let text = cast(&source.slice(row, 1), &DataType::Utf8).ok()?;
    let text = text.as_string::<i32>();
    text.is_valid(0).then(|| text.value(0).to_owned())
}
