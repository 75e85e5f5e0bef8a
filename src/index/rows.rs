//! The rows of a segment: Arrow IPC on disk, memory-mapped, read without copying.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::FileWriter;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use fs_err as fs;
use serde_json::Value;

use crate::error::{Error, Result};

/// Some columns of one row, in the order they were asked for.
pub type Cells = Vec<(String, Value)>;

/// The column as text.
pub(super) fn text_column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    let column = column(batch, name)?;
    column.as_string_opt::<i32>().ok_or_else(|| Error::argument("column", format!("`{name}` is not text")))
}

/// The column of that name.
pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array> {
    batch.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| Error::UnknownColumn {
        column: name.to_owned(),
        known: batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
    })
}

/// A value as JSON: null, text, number, boolean, list; instants as RFC 3339 in UTC, days as `2026-06-30`.
pub(super) fn json_cell(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Float32 => column.as_primitive::<Float32Type>().value(row).into(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            instant(micros).into()
        }
        DataType::Date32 => {
            let days = i64::from(column.as_primitive::<Date32Type>().value(row));
            instant(days * 86_400_000_000)[..10].into()
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|item| json_cell(&items, item)).collect()
        }
        other => format!("<{other}>").into(),
    }
}

/// Microseconds since 1970 as RFC 3339 in UTC.
fn instant(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// Writes the rows as one batch.
pub(super) fn write(path: &Path, batch: &RecordBatch) -> Result<()> {
    let failed = |error| Error::internal("writing Arrow rows", error);
    let file = fs::File::create(path)?;
    let mut writer = FileWriter::try_new(file, &batch.schema()).map_err(failed)?;
    writer.write(batch).map_err(failed)?;
    writer.finish().map_err(failed)
}

/// Maps the rows that [`write`] wrote.
pub(super) fn open(path: &Path) -> Result<RecordBatch> {
    let damaged = |reason: String| Error::corrupt(path, reason);
    let file = fs::File::open(path)?;
    #[expect(unsafe_code, reason = "rows are mapped, so that a query reads only the pages it needs")]
    // SAFETY: files of a published generation are never written again, only unlinked, which keeps the mapping whole.
    let map = unsafe { memmap2::Mmap::map(&file) }?;
    let buffer = Buffer::from(Bytes::from_owner(map));

    let trailer_at = buffer.len().checked_sub(10).ok_or_else(|| damaged("too short for Arrow".to_owned()))?;
    let trailer: [u8; 10] = buffer[trailer_at..].try_into().map_err(|_| damaged("no trailer".to_owned()))?;
    let footer_length = read_footer_length(trailer).map_err(|error| damaged(error.to_string()))?;
    let footer_at = trailer_at.checked_sub(footer_length).ok_or_else(|| damaged("bad footer".to_owned()))?;
    let footer = root_as_footer(&buffer[footer_at..trailer_at]).map_err(|error| damaged(error.to_string()))?;
    let schema = footer.schema().ok_or_else(|| damaged("no schema".to_owned()))?;
    let schema = try_fb_to_schema(schema).map_err(|error| damaged(error.to_string()))?;
    let decoder = FileDecoder::new(Arc::new(schema), footer.version());

    let block = match footer.recordBatches() {
        Some(blocks) if blocks.len() == 1 => *blocks.get(0),
        _ => return Err(damaged("not one record batch".to_owned())),
    };
    let (Ok(start), Ok(head), Ok(body)) =
        (usize::try_from(block.offset()), usize::try_from(block.metaDataLength()), usize::try_from(block.bodyLength()))
    else {
        return Err(damaged("negative length".to_owned()));
    };
    if start.checked_add(head).and_then(|end| end.checked_add(body)).is_none_or(|end| end > buffer.len()) {
        return Err(damaged("a block beyond the end".to_owned()));
    }
    let message = buffer.slice_with_length(start, head + body);
    match decoder.read_record_batch(&block, &message) {
        Ok(Some(batch)) => Ok(batch),
        Ok(None) => Err(damaged("an empty block".to_owned())),
        Err(error) => Err(damaged(error.to_string())),
    }
}
