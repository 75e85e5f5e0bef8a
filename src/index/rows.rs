//! The rows of a segment: Arrow IPC on disk, memory-mapped. A column of a block of rows is looked at when it is first asked
//! for and stays a view of the file, so that a query on a large index reads what it needs and nothing else.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions, StringArray, new_empty_array};
use arrow::buffer::Buffer;
use arrow::compute::{concat, concat_batches};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::FileWriter;
use arrow::ipc::{Block, MetadataVersion, root_as_footer};
use bytes::Bytes;
use fs_err as fs;
use lru::LruCache;

use super::cell::{Cells, json_cell};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::rank::{Row, RowSet};

/// The folder of the segment that a build writes.
pub(super) const SEGMENT: &str = "0";
/// The file of a segment that holds its rows.
pub(super) const ROWS_FILE: &str = "rows.arrow";

/// Rows of every block but the last. Part of the format. A hit costs the checking of a block of each column it shows, and
/// a filter costs a look at every block: at 1,024 both are some microseconds.
const ROWS_PER_BLOCK: usize = 1_024;

/// What so many filters let through is kept: callers ask with few, time and again, and a filter costs milliseconds of a large
/// index where the search itself takes less than one.
const KEPT_FILTERS: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// The column as text.
pub(super) fn text_column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    let column = batch.column_by_name(name).ok_or_else(|| unknown_column(&batch.schema(), name))?;
    column.as_string_opt::<i32>().ok_or_else(|| not_text(name))
}

fn unknown_column(schema: &SchemaRef, name: &str) -> Error {
    Error::UnknownColumn {
        column: name.to_owned(),
        known: schema.fields().iter().map(|field| field.name().clone()).collect(),
    }
}

fn not_text(name: &str) -> Error {
    Error::argument("column", format!("`{name}` is not text"))
}

/// Writes the rows as they come, whatever the size of the batches; their number comes back. There is one batch at least, for
/// the schema, and `check` looks at it before anything is written.
pub(super) fn write(
    path: &Path,
    batches: impl IntoIterator<Item = Result<RecordBatch>>,
    check: impl FnOnce(&RecordBatch) -> Result<()>,
) -> Result<usize> {
    let mut batches = batches.into_iter();
    let first = batches.next().ok_or_else(|| Error::argument("rows", "there is no batch, not even an empty one"))??;
    check(&first)?;
    let file = std::io::BufWriter::new(fs::File::create(path)?);
    let mut writer = FileWriter::try_new(file, &first.schema()).map_err(failed)?;
    let mut n_rows = 0;
    // What does not fill a block yet.
    let mut waiting = first.slice(0, 0);
    for batch in std::iter::once(Ok(first)).chain(batches) {
        let batch = batch?;
        n_rows += batch.num_rows();
        waiting = match waiting.num_rows() {
            0 => batch,
            _ => concat_batches(&batch.schema(), [&waiting, &batch]).map_err(failed)?,
        };
        while waiting.num_rows() >= ROWS_PER_BLOCK {
            writer.write(&waiting.slice(0, ROWS_PER_BLOCK)).map_err(failed)?;
            waiting = waiting.slice(ROWS_PER_BLOCK, waiting.num_rows() - ROWS_PER_BLOCK);
        }
    }
    if waiting.num_rows() > 0 {
        writer.write(&waiting).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(n_rows)
}

/// Writes rows as they come, as [`write`] does, whatever their columns.
pub(crate) fn write_all(path: &Path, batches: impl IntoIterator<Item = Result<RecordBatch>>) -> Result<usize> {
    write(path, batches, |_| Ok(()))
}

fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => error.into(),
        other => Error::internal("writing Arrow rows", other),
    }
}

/// A text of the rows.
pub(super) struct TextCell<'a> {
    pub(super) column: &'a str,
    pub(super) row: Row,
    /// Where in the file its bytes lie; nowhere for a text that was not read in place.
    pub(super) range: Option<Range<usize>>,
    pub(super) text: &'a str,
}

/// The rows of an index that are mapped.
pub struct Rows {
    path: PathBuf,
    n_rows: usize,
    schema: SchemaRef,
    version: MetadataVersion,
    blocks: Vec<Block>,
    buffer: Buffer,
    /// Column by column within block by block.
    columns: Vec<OnceLock<ArrayRef>>,
    /// What the filters that came last let through, by their text in SQL. Rows never change.
    kept: Mutex<LruCache<String, RowSet>>,
}

impl Rows {
    /// The rows of an index's only segment.
    pub(crate) fn of(index: &Path, n_rows: usize) -> Result<Self> {
        Self::open(&index.join(SEGMENT).join(ROWS_FILE), n_rows)
    }

    /// Maps the rows that [`write`] wrote, of which there must be `n_rows`. Looks at the footer alone.
    pub(crate) fn open(path: &Path, n_rows: usize) -> Result<Self> {
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
        let schema = Arc::new(try_fb_to_schema(schema).map_err(|error| damaged(error.to_string()))?);
        let blocks: Vec<Block> = footer.recordBatches().iter().flat_map(|blocks| blocks.iter().copied()).collect();
        if blocks.len() != n_rows.div_ceil(ROWS_PER_BLOCK) {
            return Err(damaged(format!("{} blocks are not those of {n_rows} rows", blocks.len())));
        }
        if blocks.iter().any(|block| extent(block).is_none_or(|(_, end)| end > footer_at)) {
            return Err(damaged("a block beyond the end".to_owned()));
        }
        let columns = (0..blocks.len() * schema.fields().len()).map(|_| OnceLock::new()).collect();
        let kept = Mutex::new(LruCache::new(KEPT_FILTERS));
        Ok(Self { path: path.to_owned(), n_rows, version: footer.version(), schema, blocks, buffer, columns, kept })
    }

    pub(super) const fn len(&self) -> usize {
        self.n_rows
    }

    /// The names of the columns, in their order.
    pub(super) fn names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The columns with their types.
    pub(super) fn types(&self) -> Vec<(String, DataType)> {
        self.schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    }

    /// The rows block by block, views of the file: all columns, or those of these names.
    ///
    /// # Errors
    /// As [`Rows::column`].
    pub fn batches<'a>(&'a self, columns: Option<&[&str]>) -> Result<impl Iterator<Item = Result<RecordBatch>> + 'a> {
        let columns: Vec<usize> = match columns {
            Some(names) => names.iter().map(|name| self.position(name)).collect::<Result<_>>()?,
            None => (0..self.schema.fields().len()).collect(),
        };
        let schema = Arc::new(self.schema.project(&columns).map_err(|error| self.damaged(&error))?);
        // Without rows there is still a schema.
        let empty = self.blocks.is_empty().then(|| Ok(RecordBatch::new_empty(Arc::clone(&schema))));
        let blocks = (0..self.blocks.len()).map(move |block| self.batch(block, &columns, &schema));
        Ok(empty.into_iter().chain(blocks))
    }

    /// Some columns of a block.
    fn batch(&self, block: usize, columns: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        self.load(block, columns)?;
        let arrays = columns.iter().map(|&column| self.array(block, column).cloned()).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows_in(block)));
        RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(|error| self.damaged(&error))
    }

    /// A column whole, copied.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`]; [`Error::Corrupt`] for rows that cannot be read.
    pub fn column(&self, name: &str) -> Result<ArrayRef> {
        let column = self.position(name)?;
        let blocks: Vec<&ArrayRef> =
            (0..self.blocks.len()).map(|block| self.array(block, column)).collect::<Result<_>>()?;
        if blocks.is_empty() {
            return Ok(new_empty_array(self.schema.field(column).data_type()));
        }
        let arrays: Vec<&dyn Array> = blocks.into_iter().map(AsRef::as_ref).collect();
        concat(&arrays).map_err(|error| self.damaged(&error))
    }

    /// Looks at every value of every column.
    pub(super) fn verify(&self) -> Result<()> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        (0..self.blocks.len()).try_for_each(|block| self.load(block, &all))
    }

    /// The row whose text in a column is this one.
    pub(super) fn row_of(&self, column: &str, text: &str) -> Result<Option<Row>> {
        let column = self.text_position(column)?;
        for block in 0..self.blocks.len() {
            let values = self.array(block, column)?.as_string::<i32>();
            if let Some(at) = values.iter().position(|value| value == Some(text)) {
                return Ok(Some((block * ROWS_PER_BLOCK + at) as Row));
            }
        }
        Ok(None)
    }

    /// The texts of a row's column of lists; none where it is null.
    ///
    /// # Errors
    /// As [`Rows::column`].
    pub fn list(&self, row: Row, column: &str) -> Result<Vec<String>> {
        let (block, at) = place(row);
        let lists = self.array(block, self.position(column)?)?.as_list_opt::<i32>().ok_or_else(|| not_text(column))?;
        let values = lists.is_valid(at).then(|| lists.value(at));
        let texts = values.as_ref().and_then(|values| values.as_string_opt::<i32>());
        Ok(texts.into_iter().flatten().flatten().map(str::to_owned).collect())
    }

    /// The text of a row's column; `None` where it is null.
    ///
    /// # Errors
    /// As [`Rows::column`].
    pub fn text(&self, row: Row, column: &str) -> Result<Option<&str>> {
        let (block, at) = place(row);
        let values = self.array(block, self.text_position(column)?)?.as_string::<i32>();
        Ok((!values.is_null(at)).then(|| values.value(at)))
    }

    /// Every text of a column that is not null, with its row.
    pub(super) fn texts(&self, column: &str) -> Result<Vec<(Row, &str)>> {
        let column = self.text_position(column)?;
        let mut texts = Vec::with_capacity(self.n_rows);
        for block in 0..self.blocks.len() {
            let values = self.array(block, column)?.as_string::<i32>().iter();
            texts.extend(values.zip(block * ROWS_PER_BLOCK..).filter_map(|(value, row)| Some((row as Row, value?))));
        }
        Ok(texts)
    }

    /// Every text of every column, lists too.
    pub(super) fn visit_texts(&self, visit: &mut dyn FnMut(TextCell<'_>)) -> Result<()> {
        for block in 0..self.blocks.len() {
            for (column, field) in self.schema.fields().iter().enumerate() {
                let array = self.array(block, column)?;
                let mut each = |at: usize, text: &str| {
                    let start = (text.as_ptr() as usize).checked_sub(self.buffer.as_ptr() as usize);
                    let range = start.map(|start| start..start + text.len()).filter(|it| it.end <= self.buffer.len());
                    visit(TextCell { column: field.name(), row: (block * ROWS_PER_BLOCK + at) as Row, range, text });
                };
                if let Some(texts) = array.as_string_opt::<i32>() {
                    texts.iter().enumerate().for_each(|(at, text)| text.into_iter().for_each(|text| each(at, text)));
                } else if let Some(lists) = array.as_list_opt::<i32>() {
                    for (at, list) in lists.iter().enumerate() {
                        let texts = list.as_ref().and_then(|list| list.as_string_opt::<i32>());
                        texts.into_iter().flatten().flatten().for_each(|text| each(at, text));
                    }
                }
            }
        }
        Ok(())
    }

    /// Some columns of a row, as JSON values in the order asked for.
    pub(crate) fn cells(&self, row: Row, names: &[String]) -> Result<Cells> {
        let (block, at) = place(row);
        let columns: Vec<usize> = names.iter().map(|name| self.position(name)).collect::<Result<_>>()?;
        self.load(block, &columns)?;
        let cell = |(name, column): (&String, usize)| Ok((name.clone(), json_cell(self.array(block, column)?, at)));
        names.iter().zip(columns).map(cell).collect()
    }

    /// The rows for which a filter is true. Looks at the columns that it names.
    pub(crate) fn matching(&self, filter: &Filter) -> Result<RowSet> {
        let text = filter.to_string();
        if let Some(kept) = self.kept().get(&text) {
            return Ok(kept.clone());
        }
        let matching = self.evaluate(filter)?;
        self.kept().put(text, matching.clone());
        Ok(matching)
    }

    fn kept(&self) -> MutexGuard<'_, LruCache<String, RowSet>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn evaluate(&self, filter: &Filter) -> Result<RowSet> {
        let columns: Vec<usize> =
            filter.columns().into_iter().map(|name| self.position(name)).collect::<Result<_>>()?;
        let schema = Arc::new(self.schema.project(&columns).map_err(|error| self.damaged(&error))?);
        // Without any rows too, whatever does not fit the columns is to show.
        if self.blocks.is_empty() {
            return filter.rows(&RecordBatch::new_empty(schema));
        }
        let mut by_block = Vec::with_capacity(self.blocks.len());
        for block in 0..self.blocks.len() {
            by_block.push(filter.rows(&self.batch(block, &columns, &schema)?)?);
        }
        Ok(RowSet::from_fn(self.n_rows, |row| by_block[row / ROWS_PER_BLOCK].contains((row % ROWS_PER_BLOCK) as Row)))
    }

    /// The block that a row lies in, and its place there.
    #[expect(clippy::unused_self, reason = "all rows lie in blocks of one size, which is nobody else's business")]
    pub(crate) const fn place(&self, row: Row) -> (usize, usize) {
        place(row)
    }

    /// All columns of a block.
    pub(crate) fn block(&self, block: usize) -> Result<RecordBatch> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        self.batch(block, &all, &self.schema)
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.schema.index_of(name).map_err(|_| unknown_column(&self.schema, name))
    }

    fn text_position(&self, name: &str) -> Result<usize> {
        let column = self.position(name)?;
        if *self.schema.field(column).data_type() == DataType::Utf8 { Ok(column) } else { Err(not_text(name)) }
    }

    fn rows_in(&self, block: usize) -> usize {
        ROWS_PER_BLOCK.min(self.n_rows - block * ROWS_PER_BLOCK)
    }

    fn slot(&self, block: usize, column: usize) -> &OnceLock<ArrayRef> {
        &self.columns[block * self.schema.fields().len() + column]
    }

    fn array(&self, block: usize, column: usize) -> Result<&ArrayRef> {
        self.load(block, &[column])?;
        self.slot(block, column).get().ok_or_else(|| Error::internal("reading rows", "a column was not loaded"))
    }

    /// Decodes those of a block's columns that nobody has asked for yet.
    fn load(&self, block: usize, columns: &[usize]) -> Result<()> {
        let missing: Vec<usize> =
            columns.iter().copied().filter(|&column| self.slot(block, column).get().is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let entry = &self.blocks[block];
        let (start, end) = extent(entry).ok_or_else(|| self.damaged("negative length"))?;
        let message = self.buffer.slice_with_length(start, end - start);
        let decoder = FileDecoder::new(Arc::clone(&self.schema), self.version).with_projection(missing.clone());
        // Arrow asserts where buffers lie rather than checks it; a damaged file must not take a server down.
        let read = catch_unwind(AssertUnwindSafe(|| decoder.read_record_batch(entry, &message)));
        let batch =
            read.map_err(|_| self.damaged("a column beyond its block"))?.map_err(|error| self.damaged(&error))?;
        let batch = batch.ok_or_else(|| self.damaged("an empty block"))?;
        if batch.num_rows() != self.rows_in(block) {
            return Err(self.damaged(&format!("block {block} has {} rows", batch.num_rows())));
        }
        for (column, array) in missing.into_iter().zip(batch.columns()) {
            // Another thread may have been faster, with an equal array.
            let _ = self.slot(block, column).set(Arc::clone(array));
        }
        Ok(())
    }

    fn damaged(&self, reason: &(impl ToString + ?Sized)) -> Error {
        Error::corrupt(&self.path, reason.to_string())
    }
}

/// A row's block, and its place there.
const fn place(row: Row) -> (usize, usize) {
    (row as usize / ROWS_PER_BLOCK, row as usize % ROWS_PER_BLOCK)
}

/// Where in the file a block starts and ends; `None` for numbers that are no place.
fn extent(block: &Block) -> Option<(usize, usize)> {
    let start = usize::try_from(block.offset()).ok()?;
    let head = usize::try_from(block.metaDataLength()).ok()?;
    let body = usize::try_from(block.bodyLength()).ok()?;
    Some((start, start.checked_add(head)?.checked_add(body)?))
}
