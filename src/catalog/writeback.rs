//! The rows of an index with their vectors as a Parquet file, so that they can be read as a table.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, NaiveDate};
use serde_json::Value;

use super::store::{Store, WRITEBACK};
use crate::collection::{ColumnType, Primitive, View};
use crate::disk::{replace, sync_folder};
use crate::error::{Error, Result};
use crate::table::untyped::to_parquet;

/// Replaces the file of an index.
pub(super) fn write(view: &View, store: &Store) -> Result<()> {
    replace(&store.writeback(), &format!("{WRITEBACK}.new"), &to_parquet(&batch(view)?)?)?;
    sync_folder(&store.folder)
}

fn batch(view: &View) -> Result<RecordBatch> {
    let schema = view.schema();
    let vector = schema.vector().map(|vector| (vector.name.clone(), ColumnType::Array(Primitive::Float)));
    let columns = schema.columns().iter().map(|column| (column.name.clone(), column.kind)).chain(vector);
    let rows = view.after(None, view.len());
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (name, kind) in columns {
        let cells = rows.iter().map(|&row| view.value(row, &name)).collect::<Result<Vec<Value>>>()?;
        let array = array(kind, &cells);
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::internal("writing back an index", error))
}

/// Cells as an Arrow column.
fn array(kind: ColumnType, cells: &[Value]) -> ArrayRef {
    let kind = match kind {
        ColumnType::One(kind) => return plain(kind, &cells.iter().collect::<Vec<_>>()),
        ColumnType::Array(kind) => kind,
    };
    let items: Vec<&Value> = cells.iter().filter_map(Value::as_array).flatten().collect();
    let items = plain(kind, &items);
    let offsets = OffsetBuffer::from_lengths(cells.iter().map(|cell| cell.as_array().map_or(0, Vec::len)));
    let nulls = NullBuffer::from_iter(cells.iter().map(Value::is_array));
    Arc::new(ListArray::new(
        Arc::new(Field::new_list_field(items.data_type().clone(), true)),
        offsets,
        items,
        Some(nulls),
    ))
}

fn plain(kind: Primitive, cells: &[&Value]) -> ArrayRef {
    let numbers = || cells.iter().map(|cell| cell.as_i64());
    let texts = || cells.iter().map(|cell| cell.as_str());
    let micros = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros());
    let days = |text: &str| text.parse::<NaiveDate>().ok().map(|day| day.to_epoch_days());
    match kind {
        Primitive::Tinyint => Arc::new(numbers().map(|n| n.and_then(|n| i8::try_from(n).ok())).collect::<Int8Array>()),
        Primitive::Smallint => {
            Arc::new(numbers().map(|n| n.and_then(|n| i16::try_from(n).ok())).collect::<Int16Array>())
        }
        Primitive::Int => Arc::new(numbers().map(|n| n.and_then(|n| i32::try_from(n).ok())).collect::<Int32Array>()),
        Primitive::Bigint => Arc::new(numbers().collect::<Int64Array>()),
        Primitive::Float => {
            Arc::new(cells.iter().map(|cell| cell.as_f64().map(|x| x as f32)).collect::<Float32Array>())
        }
        Primitive::Double => Arc::new(cells.iter().map(|cell| cell.as_f64()).collect::<Float64Array>()),
        Primitive::Boolean => Arc::new(cells.iter().map(|cell| cell.as_bool()).collect::<BooleanArray>()),
        Primitive::String => Arc::new(texts().collect::<StringArray>()),
        Primitive::Date => Arc::new(texts().map(|text| text.and_then(days)).collect::<Date32Array>()),
        Primitive::Timestamp => {
            let instants = texts().map(|text| text.and_then(micros)).collect::<TimestampMicrosecondArray>();
            Arc::new(instants.with_timezone("UTC"))
        }
    }
}
