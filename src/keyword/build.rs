//! Writes the keyword index: one segment, document `n` is row `n`, the same bytes every time. Knows no query.

use std::io;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use fs_err as fs;
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::{LockError, OpenWriteError};
use tantivy::index::SegmentId;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{RawTokenizer, TokenizerManager};
use tantivy::{Index, IndexSettings, SingleSegmentIndexWriter, TantivyDocument, TantivyError};

use super::exact::field_name as exact_name;
use super::{KeywordIndex, Language, TextField, check, field_name};
use crate::error::{Error, Result};

/// What tantivy sizes its first tables by. The single-segment writer never flushes before the end.
const MEMORY_BUDGET_BYTES: usize = 50_000_000;

/// tantivy names a segment by a random number; this name takes its place.
const SEGMENT_NAME: &str = "00000000000000000000000000000001";

impl KeywordIndex {
    /// Indexes the text columns `fields` of `rows`, or columns of lists of texts, into `folder`, which is made if need be
    /// and must be empty. The files are synced, the folder is not: publishing it is the caller's work. A NULL is a row
    /// without text; a list is as one text.
    ///
    /// # Errors
    /// [`Error::Argument`] for fields that make no sense or a folder that is not empty, [`Error::UnknownColumn`],
    /// [`Error::Io`] where the folder cannot be written.
    pub fn build(folder: &Path, fields: &[TextField], exact: Option<&str>, rows: &RecordBatch) -> Result<()> {
        check(fields)?;
        fs::create_dir_all(folder)?;
        if fs::read_dir(folder)?.next().is_some() {
            return Err(Error::argument("folder", format!("{} is not empty", folder.display())));
        }
        let mut schema = Schema::builder();
        let mut texts = Vec::new();
        for field in fields {
            let column = text_column(rows, &field.name)?;
            let indexed = field.analyzers.iter().map(|&language| {
                let indexing = TextFieldIndexing::default()
                    .set_tokenizer(language.code())
                    .set_index_option(IndexRecordOption::WithFreqs);
                let options = TextOptions::default().set_indexing_options(indexing);
                schema.add_text_field(&field_name(&field.name, language), options)
            });
            texts.push((indexed.collect::<Vec<Field>>(), column));
        }
        if let Some(name) = exact {
            let indexing = TextFieldIndexing::default().set_tokenizer(EXACT).set_fieldnorms(false);
            let options = TextOptions::default().set_indexing_options(indexing);
            texts.push((vec![schema.add_text_field(&exact_name(name), options)], text_column(rows, name)?));
        }
        let writer = write(folder, schema.build(), &texts, rows.num_rows());
        writer.map_err(|error| failed(folder, error))?;
        name_segment(folder)
    }
}

/// What tantivy calls the tokenizer that leaves a value as it is.
const EXACT: &str = "exact";

/// The texts of a column, by row.
type Texts<'a> = Box<dyn Fn(usize) -> Vec<&'a str> + 'a>;

fn text_column<'a>(rows: &'a RecordBatch, name: &str) -> Result<Texts<'a>> {
    let column = rows.column_by_name(name).ok_or_else(|| Error::UnknownColumn {
        column: name.to_owned(),
        known: rows.schema().fields().iter().map(|field| field.name().clone()).collect(),
    })?;
    match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            Ok(Box::new(move |row| texts.is_valid(row).then(|| texts.value(row)).into_iter().collect()))
        }
        DataType::LargeUtf8 => {
            let texts = column.as_string::<i64>();
            Ok(Box::new(move |row| texts.is_valid(row).then(|| texts.value(row)).into_iter().collect()))
        }
        DataType::List(item) if *item.data_type() == DataType::Utf8 => {
            let lists = column.as_list::<i32>();
            let texts = lists.values().as_string::<i32>();
            Ok(Box::new(move |row| {
                let offsets = lists.value_offsets();
                let items = offsets[row] as usize..offsets[row + 1] as usize;
                items.filter(|&at| lists.is_valid(row) && texts.is_valid(at)).map(|at| texts.value(at)).collect()
            }))
        }
        other => Err(Error::argument("text fields", format!("column `{name}` holds {other}, not text"))),
    }
}

fn write(folder: &Path, schema: Schema, texts: &[(Vec<Field>, Texts<'_>)], rows: usize) -> tantivy::Result<()> {
    let tokenizers = TokenizerManager::new();
    tokenizers.register(EXACT, RawTokenizer::default());
    for language in [Language::Portuguese, Language::English] {
        tokenizers.register(language.code(), language.analyzer());
    }
    // Nothing is stored, so there is nothing for a thread of its own to compress.
    let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
    let builder = Index::builder().schema(schema).tokenizers(tokenizers).settings(settings);
    let directory = MmapDirectory::open(folder)?;
    let mut writer: SingleSegmentIndexWriter = builder.single_segment_index_writer(directory, MEMORY_BUDGET_BYTES)?;
    for row in 0..rows {
        let mut document = TantivyDocument::default();
        for (fields, text) in texts {
            for text in text(row) {
                fields.iter().for_each(|&field| document.add_text(field, text));
            }
        }
        writer.add_document(document)?;
    }
    writer.finalize()?;
    Ok(())
}

/// That a disk is full or a folder closed is no bug, in whichever of its errors tantivy hands that on; of some it keeps the
/// text alone.
fn failed(folder: &Path, error: TantivyError) -> Error {
    let text = error.to_string();
    let code = text.rsplit_once("(os error ").and_then(|(_, after)| after.split(')').next()?.parse().ok());
    let of_system = match (&error, code) {
        (TantivyError::IoError(error), _)
        | (TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: error, .. }), _)
        | (TantivyError::LockFailure(LockError::IoError(error), _), _) => {
            Some(io::Error::new(error.kind(), error.to_string()))
        }
        (_, Some(code)) => Some(io::Error::from_raw_os_error(code)),
        (_, None) => None,
    };
    match of_system {
        Some(cause) => {
            let what = format!("failed to write the keyword index in `{}`: {cause}", folder.display());
            io::Error::new(cause.kind(), what).into()
        }
        None => Error::internal("writing the keyword index", error),
    }
}

/// Renames the segment and drops the list of files that only a later writer would need.
fn name_segment(folder: &Path) -> Result<()> {
    let internal = |error: TantivyError| Error::internal("naming the segment of the keyword index", error);
    let segments = Index::open_in_dir(folder).and_then(|index| index.searchable_segment_ids()).map_err(internal)?;
    let random = segments.first().map(SegmentId::uuid_string).unwrap_or_default();
    let meta = folder.join("meta.json");
    let text = fs::read_to_string(&meta)?;
    let hyphenated = |name: &str| [&name[..8], &name[8..12], &name[12..16], &name[16..20], &name[20..]].join("-");
    // tantivy makes this file readable for its owner alone; a new one may be read like the others.
    fs::remove_file(&meta)?;
    fs::write(&meta, text.replace(&hyphenated(&random), &hyphenated(SEGMENT_NAME)))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(component) = name.strip_prefix(&random) {
            fs::rename(&path, folder.join(format!("{SEGMENT_NAME}{component}")))?;
        } else if name == ".managed.json" {
            fs::remove_file(&path)?;
        }
    }
    fs::File::open(&meta)?.sync_all()?;
    Ok(())
}
