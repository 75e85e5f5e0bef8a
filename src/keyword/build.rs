//! Writes the keyword index: one segment, document `n` is row `n`, the same bytes every time. Knows no query.

use std::io;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use fs_err as fs;
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::{LockError, OpenWriteError};
use tantivy::index::SegmentId;
use tantivy::indexer::merge_filtered_segments;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{RawTokenizer, TokenizerManager};
use tantivy::{Index, IndexSettings, SingleSegmentIndexWriter, TantivyDocument, TantivyError};

use super::exact::field_name as exact_name;
use super::{KeywordIndex, Language, TextField, check, field_name};
use crate::error::{Error, Result};

/// How many bytes of terms are gathered in memory where nobody says: enough for some hundred thousand texts.
pub const KEYWORD_MEMORY: usize = 512 << 20;

/// What tantivy sizes its first tables by.
const FIRST_TABLES_BYTES: usize = 50_000_000;

/// tantivy names a segment by a random number; this name takes its place.
const SEGMENT_NAME: &str = "00000000000000000000000000000001";

/// The folder of parts that do not fit into memory together, until they are one segment.
const PARTS_FOLDER: &str = "parts";

impl KeywordIndex {
    /// Indexes the text columns `fields` of `batches` of rows, or columns of lists of texts, into `folder`, which is made if
    /// need be and must be empty. The files are synced, the folder is not: publishing it is the caller's work. A NULL is a
    /// row without text; a list is as one text.
    ///
    /// Once terms and their rows take about `memory` bytes they are written as a part; parts are made one at the end.
    ///
    /// # Errors
    /// [`Error::Argument`] for fields that make no sense or a folder that is not empty, [`Error::UnknownColumn`],
    /// [`Error::Io`] where the folder cannot be written, and those of `batches`.
    pub fn build(
        folder: &Path,
        fields: &[TextField],
        exact: Option<&str>,
        batches: impl IntoIterator<Item = Result<RecordBatch>>,
        memory: usize,
    ) -> Result<()> {
        check(fields)?;
        fs::create_dir_all(folder)?;
        if fs::read_dir(folder)?.next().is_some() {
            return Err(Error::argument("folder", format!("{} is not empty", folder.display())));
        }
        let mut schema = Schema::builder();
        let mut columns: Vec<(Vec<Field>, &str)> = Vec::new();
        for field in fields {
            let indexed = field.analyzers.iter().map(|&language| {
                let indexing = TextFieldIndexing::default()
                    .set_tokenizer(language.code())
                    .set_index_option(IndexRecordOption::WithFreqs);
                let options = TextOptions::default().set_indexing_options(indexing);
                schema.add_text_field(&field_name(&field.name, language), options)
            });
            columns.push((indexed.collect(), &field.name));
        }
        if let Some(name) = exact {
            let indexing = TextFieldIndexing::default().set_tokenizer(EXACT).set_fieldnorms(false);
            let options = TextOptions::default().set_indexing_options(indexing);
            columns.push((vec![schema.add_text_field(&exact_name(name), options)], name));
        }
        let failed = |error| failed(folder, error);
        let mut parts = Parts::begin(folder, schema.build(), memory).map_err(failed)?;
        for batch in batches {
            let batch = batch?;
            let texts: Vec<(&[Field], Texts<'_>)> = columns
                .iter()
                .map(|(fields, name)| Ok((fields.as_slice(), text_column(&batch, name)?)))
                .collect::<Result<_>>()?;
            for row in 0..batch.num_rows() {
                let mut document = TantivyDocument::default();
                for (fields, text) in &texts {
                    for text in text(row) {
                        fields.iter().for_each(|&field| document.add_text(field, text));
                    }
                }
                parts.add(document).map_err(failed)?;
            }
        }
        parts.finish().map_err(failed)?;
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

/// The segment that is being written, and those before it that had to make room.
struct Parts<'a> {
    folder: &'a Path,
    schema: Schema,
    memory: usize,
    written: Vec<Index>,
    writer: SingleSegmentIndexWriter,
}

impl<'a> Parts<'a> {
    /// The first part is written where the whole is to be: mostly it is the whole.
    fn begin(folder: &'a Path, schema: Schema, memory: usize) -> tantivy::Result<Self> {
        let writer = writer(folder, &schema)?;
        Ok(Self { folder, schema, memory, written: Vec::new(), writer })
    }

    fn add(&mut self, document: TantivyDocument) -> tantivy::Result<()> {
        if self.writer.mem_usage() > self.memory {
            let folder = self.folder.join(PARTS_FOLDER).join((self.written.len() + 1).to_string());
            fs::create_dir_all(&folder)?;
            let full = std::mem::replace(&mut self.writer, writer(&folder, &self.schema)?);
            self.written.push(full.finalize()?);
        }
        self.writer.add_document(document)
    }

    /// Makes one segment of all parts, in their order.
    fn finish(mut self) -> tantivy::Result<()> {
        let last = self.writer.finalize()?;
        if self.written.is_empty() {
            return Ok(());
        }
        self.written.push(last);
        let mut segments = Vec::new();
        for part in &self.written {
            segments.extend(part.searchable_segments()?);
        }
        let parts = self.folder.join(PARTS_FOLDER);
        let whole = parts.join("whole");
        fs::create_dir(&whole)?;
        merge_filtered_segments(&segments, settings(), vec![None; segments.len()], MmapDirectory::open(&whole)?)?;
        drop((segments, self.written));
        for entry in fs::read_dir(self.folder)? {
            let path = entry?.path();
            if path.is_file() {
                fs::remove_file(&path)?;
            }
        }
        for entry in fs::read_dir(&whole)? {
            let entry = entry?;
            fs::rename(entry.path(), self.folder.join(entry.file_name()))?;
        }
        fs::remove_dir_all(&parts)?;
        Ok(())
    }
}

fn writer(folder: &Path, schema: &Schema) -> tantivy::Result<SingleSegmentIndexWriter> {
    let tokenizers = TokenizerManager::new();
    tokenizers.register(EXACT, RawTokenizer::default());
    for language in [Language::Portuguese, Language::English] {
        tokenizers.register(language.code(), language.remembering_analyzer());
    }
    let builder = Index::builder().schema(schema.clone()).tokenizers(tokenizers).settings(settings());
    builder.single_segment_index_writer(MmapDirectory::open(folder)?, FIRST_TABLES_BYTES)
}

/// Nothing is stored, so there is nothing for a thread of its own to compress.
fn settings() -> IndexSettings {
    IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() }
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
    let text = without_payload(&text).map_err(|error| Error::internal("reading what tantivy wrote", error))?;
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

/// The list of a segment's parts goes, which tantivy names by random numbers.
fn without_payload(meta: &str) -> serde_json::Result<String> {
    let mut value: serde_json::Value = serde_json::from_str(meta)?;
    let payload = value.as_object_mut().and_then(|object| object.remove("payload"));
    if payload.is_some() { serde_json::to_string_pretty(&value) } else { Ok(meta.to_owned()) }
}
