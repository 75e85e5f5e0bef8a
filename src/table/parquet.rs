//! Parquet files → a draft of a table. Knows no kind of a cell.

use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use fs_err as fs;

use crate::error::{Error, Result};
use crate::table::Changes;
use crate::table::batches::Batches;
use crate::table::draft::Draft;
use crate::table::partition::FolderValue;
use crate::table::problem::Problems;
use crate::table::schema::TableSpec;
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
    let mut table = Batches::new(spec, order);
    for ParquetFile { path: file, values } in files {
        let batches = match batches(file)? {
            Ok(batches) => batches,
            Err(message) => {
                problems.file(order, file, None, format!("cannot be read as Parquet: {message}"));
                return Ok(None);
            }
        };
        table.begin(file);
        for batch in &batches {
            if !table.push(&with_folder_values(batch, values)?, problems) {
                return Ok(None);
            }
        }
    }
    table.finish().map(Some)
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

/// The batches of a file with what its folders say, at least one, or why it is none.
pub(super) fn batches_of(file: &ParquetFile) -> Result<Result<Vec<RecordBatch>, String>> {
    let batches = match batches(&file.path)? {
        Ok(batches) => batches,
        Err(message) => return Ok(Err(message)),
    };
    batches.iter().map(|batch| with_folder_values(batch, &file.values)).collect::<Result<_>>().map(Ok)
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
