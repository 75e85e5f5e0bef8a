//! Checked tables as Parquet files, to be read back as the start of a later read. What is kept is not checked again.

use std::path::Path;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use arrow::compute::concat_batches;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::table::schema::TableSpec;
use crate::table::{Mark, Table};

/// The key of a file's metadata under which [`Beside`] lies, as JSON.
const BESIDE: &str = "nba";

/// What is kept of a table beside its rows.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    header: Vec<String>,
    mark: Mark,
}

/// Tables that an earlier read left.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    tables: Vec<Table>,
}

impl Kept {
    /// The table of a spec's name, if it was kept.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Adds a table as [`write()`] wrote it. `file` is what messages call it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the bytes are no table of this spec.
    pub fn add(&mut self, spec: &TableSpec, file: &Path, bytes: &[u8]) -> Result<()> {
        let damaged = |reason: String| Error::corrupt(file, reason);
        let read = || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes))?;
            let beside = builder
                .metadata()
                .file_metadata()
                .key_value_metadata()
                .and_then(|all| all.iter().find(|entry| entry.key == BESIDE).and_then(|entry| entry.value.clone()));
            let batches = builder.with_batch_size(1 << 16).build()?.collect::<Result<Vec<_>, _>>()?;
            Ok((beside, concat_batches(&spec.schema(), &batches)?))
        };
        let (beside, batch) = read().map_err(|error: ::parquet::errors::ParquetError| damaged(error.to_string()))?;
        let beside = beside.ok_or_else(|| damaged("it does not say how far it was read".to_owned()))?;
        let Beside { header, mark } = serde_json::from_str(&beside).map_err(|error| damaged(error.to_string()))?;
        let rows = batch.num_rows();
        self.tables.push(Table {
            name: spec.name,
            batch,
            file: file.to_owned(),
            lines: (1..=rows as u64).collect(),
            known: vec![true; rows],
            skipped: 0,
            header,
            changes: None,
            mark,
        });
        Ok(())
    }
}

/// A table as a Parquet file.
///
/// # Errors
/// [`Error::Internal`] for what no table should hold.
pub fn write(table: &Table) -> Result<Vec<u8>> {
    let internal = |error: &dyn std::fmt::Display| Error::internal("keeping a table", error.to_string());
    let beside = Beside { header: table.header.clone(), mark: table.mark.clone() };
    let beside = serde_json::to_string(&beside).map_err(|error| internal(&error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("nba".to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(BESIDE.to_owned(), beside)]))
        .build();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, table.batch.schema(), Some(properties)).map_err(|error| internal(&error))?;
    writer.write(&table.batch).map_err(|error| internal(&error))?;
    writer.close().map_err(|error| internal(&error))?;
    Ok(bytes)
}
