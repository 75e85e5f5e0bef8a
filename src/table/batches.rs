//! Arrow batches → a draft of a table, their columns cast to the declared kinds. Knows no file format and no rule that
//! spans rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::table::cell::{Cells, whole};
use crate::table::draft::{Draft, columns_of};
use crate::table::problem::Problems;
use crate::table::schema::{Kind, TableSpec, UTC};

/// A draft that grows by batches, file by file.
pub(super) struct Batches {
    draft: Draft,
    /// For each column that is sought its pieces.
    chunks: Vec<Vec<ArrayRef>>,
    file: PathBuf,
    /// Rows of the file so far.
    rows: u64,
}

impl Batches {
    pub(super) fn new(spec: &TableSpec, order: usize) -> Self {
        let chunks = vec![Vec::new(); spec.sought().count()];
        Self { draft: Draft::new(spec, order), chunks, file: PathBuf::new(), rows: 0 }
    }

    pub(super) fn begin(&mut self, file: &Path) {
        self.draft.begin_part(file);
        self.file = file.to_owned();
        self.rows = 0;
    }

    /// Adds a batch of the file that was begun; `false`, and a problem, if it cannot be of this table.
    pub(super) fn push(&mut self, batch: &RecordBatch, problems: &mut Problems) -> bool {
        let Self { draft, chunks, file, rows } = self;
        let (spec, order) = (draft.spec, draft.order);
        let header: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let Some(places) = columns_of(&spec, &header, order, file, problems) else { return false };
        draft.name_columns(&header, &places);
        let first_row = draft.lines.len();
        for _ in 0..batch.num_rows() {
            *rows += 1;
            draft.begin_row(*rows);
        }
        for (at, (place, sought)) in places.iter().zip(spec.sought()).enumerate() {
            let kind = sought.kind;
            let Some(source) = place.map(|field| batch.column(field)) else {
                chunks[at].push(new_null_array(&kind.data_type(), batch.num_rows()));
                continue;
            };
            let Some(column) = converted(source, kind) else {
                let message = format!("has type {}, which cannot be read as {}", source.data_type(), kind.expected());
                problems.file(order, file, Some(&header[place.unwrap_or_default()]), message);
                return false;
            };
            let lost = (0..source.len()).filter(|&row| column.is_null(row) && !is_absent(source, row));
            for row in lost {
                let (row, value) = (first_row + row, shown(source, row));
                draft.keep[row] = false;
                problems.cell(draft, row, at, value.as_deref(), || format!("is not {}", kind.expected()));
            }
            chunks[at].push(column);
        }
        true
    }

    /// All that was added.
    pub(super) fn finish(self) -> Result<Draft> {
        let Self { mut draft, chunks, .. } = self;
        for (chunk, sought) in chunks.iter().zip(draft.spec.sought()) {
            let arrays: Vec<&dyn Array> = chunk.iter().map(AsRef::as_ref).collect();
            draft.columns.push(if arrays.is_empty() {
                new_null_array(&sought.kind.data_type(), 0)
            } else {
                concat(&arrays).map_err(|error| Error::internal("joining batches of a table", error))?
            });
        }
        Ok(draft)
    }
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
