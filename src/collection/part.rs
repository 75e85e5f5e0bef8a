//! An unchanging part of a collection: rows sorted by key, their vectors, their words. In memory, or mapped from a folder that
//! a merge wrote. Knows nothing of rows that are gone, nor of other parts.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::euclid::{Space, first_axis};
use super::row::{Key, NewRow, batch_of};
use super::schema::Schema;
use super::words::Words;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{FileEntry, Rows, check_files, json_cell, list_files, write_rows};
use crate::rank::{Row, RowSet, Scored, TopK};
use crate::vector::{self, Kind, VectorIndex, VectorParams, distance_squared, dot};

const ROWS_FILE: &str = "rows.arrow";
/// The vectors as they were given, where those that are searched differ.
const RAW_FOLDER: &str = "raw";
const SEARCHED_FOLDER: &str = "vector";
/// So many candidates more are looked at exactly than are asked for: what rounding may have put behind.
const SPARE: usize = 16;

/// Rows, sorted by key.
pub(super) struct Part {
    schema: Arc<Schema>,
    n_rows: usize,
    keys: Keys,
    table: Table,
    vectors: Option<Vectors>,
    words: OnceLock<Words>,
}

enum Keys {
    Integers(Int64Array),
    Texts(StringArray),
}

enum Table {
    Memory(RecordBatch),
    Mapped(Rows),
}

enum Vectors {
    /// One after another, zeros for rows without one, with half of each squared length.
    Memory {
        numbers: Vec<f32>,
        half_squares: Vec<f32>,
        missing: Option<RowSet>,
    },
    Mapped {
        space: Space,
        searched: Box<dyn VectorIndex>,
        raw: Option<Box<dyn VectorIndex>>,
        missing: Option<RowSet>,
    },
}

/// What a folder with a part holds: kept by whoever names the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartEntry {
    pub(super) rows: usize,
    vectors: Option<VectorsEntry>,
    files: Vec<FileEntry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorsEntry {
    kind: Kind,
    space: Space,
    /// Rows without a vector.
    missing: Vec<Row>,
}

impl Part {
    /// A part in memory. Rows come sorted by key, each key once.
    pub(super) fn of(schema: &Arc<Schema>, rows: &[NewRow]) -> Result<Self> {
        let batch = batch_of(schema, rows)?;
        let keys = Keys::of(schema, batch.column_by_name(schema.key()))?;
        let vectors = schema.vector().map(|column| Vectors::of(column.dimension, rows.iter().map(NewRow::vector)));
        let schema = Arc::clone(schema);
        Ok(Self { schema, n_rows: rows.len(), keys, table: Table::Memory(batch), vectors, words: OnceLock::new() })
    }

    /// Writes rows, sorted by key, into an empty folder, flushed.
    pub(super) fn write(folder: &Path, schema: &Schema, rows: &Sorted<'_>, params: &VectorParams) -> Result<PartEntry> {
        let n_rows = write_rows(&folder.join(ROWS_FILE), rows.batches())?;
        let vectors = match schema.vector() {
            Some(column) => Some(write_vectors(folder, column.dimension, rows, params)?),
            None => None,
        };
        Ok(PartEntry { rows: n_rows, vectors, files: list_files(folder)? })
    }

    /// Maps what [`Part::write`] wrote. Sizes are checked.
    pub(super) fn open(folder: &Path, schema: &Arc<Schema>, entry: &PartEntry) -> Result<Self> {
        check_files(folder, &entry.files, false)?;
        let rows = Rows::open(&folder.join(ROWS_FILE), entry.rows)?;
        let keys = Keys::of(schema, Some(&rows.column(schema.key())?))?;
        let vectors = match (schema.vector(), &entry.vectors) {
            (Some(column), Some(vectors)) => {
                let dimension = vectors.space.dimension(column.dimension);
                let searched = vector::open(&folder.join(SEARCHED_FOLDER), vectors.kind, entry.rows, dimension)?;
                let raw = match vectors.space {
                    Space::Unit => None,
                    Space::Lifted(_) | Space::Appended(_) => {
                        Some(vector::open(&folder.join(RAW_FOLDER), Kind::Flat, entry.rows, column.dimension)?)
                    }
                };
                let mut missing = RowSet::none(entry.rows);
                vectors.missing.iter().filter(|&&row| (row as usize) < entry.rows).for_each(|&row| missing.insert(row));
                let missing = (!vectors.missing.is_empty()).then_some(missing);
                Some(Vectors::Mapped { space: vectors.space, searched, raw, missing })
            }
            _ => None,
        };
        let (schema, table) = (Arc::clone(schema), Table::Mapped(rows));
        Ok(Self { schema, n_rows: entry.rows, keys, table, vectors, words: OnceLock::new() })
    }

    pub(super) const fn len(&self) -> usize {
        self.n_rows
    }

    pub(super) const fn is_mapped(&self) -> bool {
        matches!(self.table, Table::Mapped(_))
    }

    pub(super) fn key(&self, row: Row) -> Key {
        self.keys.get(row as usize)
    }

    /// The row of a key.
    pub(super) fn find(&self, key: &Key) -> Option<Row> {
        let row = self.first_at(key, false);
        (row < self.n_rows && self.key(row as Row) == *key).then_some(row as Row)
    }

    /// The first row whose key is at least `key`, or greater than it.
    pub(super) fn first_at(&self, key: &Key, greater: bool) -> usize {
        let (mut low, mut high) = (0, self.n_rows);
        while low < high {
            let middle = usize::midpoint(low, high);
            let order = self.keys.compare(middle, key);
            if order.is_lt() || (greater && order.is_eq()) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// A value as JSON; `None` for a column that is not there.
    pub(super) fn value(&self, row: Row, column: &str) -> Result<Value> {
        if self.schema.vector().is_some_and(|vector| vector.name == column) {
            return Ok(self.vector(row).map_or(Value::Null, |vector| vector.iter().copied().collect()));
        }
        match &self.table {
            Table::Memory(batch) => {
                let values = batch.column_by_name(column).ok_or_else(|| self.schema.unknown(column))?;
                Ok(json_cell(values, row as usize))
            }
            Table::Mapped(rows) => {
                let cells = rows.cells(row, &[column.to_owned()]).map_err(|error| self.named(error, column))?;
                Ok(cells.into_iter().next().map_or(Value::Null, |(_, value)| value))
            }
        }
    }

    /// The vector as it was given.
    pub(super) fn vector(&self, row: Row) -> Option<&[f32]> {
        match self.vectors.as_ref()? {
            Vectors::Memory { missing, .. } | Vectors::Mapped { missing, .. }
                if missing.as_ref().is_some_and(|missing| missing.contains(row)) =>
            {
                None
            }
            Vectors::Memory { numbers, .. } => {
                let dimension = self.schema.vector()?.dimension;
                numbers.get(row as usize * dimension..(row as usize + 1) * dimension)
            }
            Vectors::Mapped { raw: Some(raw), .. } => Some(raw.vector(row)),
            Vectors::Mapped { searched, raw: None, .. } => Some(searched.vector(row)),
        }
    }

    /// The rows that a filter lets through.
    pub(super) fn matching(&self, filter: &Filter) -> Result<RowSet> {
        match &self.table {
            Table::Memory(batch) => filter.rows(batch),
            Table::Mapped(rows) => rows.matching(filter),
        }
    }

    /// The words of its rows; read when they are first asked for, which is before others see the part.
    pub(super) fn words(&self) -> Result<&Words> {
        if let Some(words) = self.words.get() {
            return Ok(words);
        }
        let columns = self.schema.text_columns();
        let words = match &self.table {
            Table::Memory(batch) => Words::of(std::iter::once(Ok(batch.clone())), &columns)?,
            Table::Mapped(rows) => Words::of(rows.batches(Some(&columns))?, &columns)?,
        };
        Ok(self.words.get_or_init(|| words))
    }

    /// The nearest rows to a vector: squared distances, exact, in no order; at least `k` where so many are eligible. `live` has
    /// the rows that may be hits; `None` for all.
    pub(super) fn nearest(&self, query: &[f32], k: usize, live: Option<&RowSet>) -> Vec<(Row, f32)> {
        let candidates: Vec<Row> = match &self.vectors {
            None => Vec::new(),
            Some(Vectors::Memory { numbers, half_squares, missing }) => {
                let mut best = TopK::new(k + SPARE);
                for (row, (vector, half_square)) in (0..).zip(numbers.chunks_exact(query.len()).zip(half_squares)) {
                    let is_out = live.is_some_and(|live| !live.contains(row))
                        || missing.as_ref().is_some_and(|missing| missing.contains(row));
                    if !is_out {
                        best.push(Scored { row, score: dot(query, vector) - half_square });
                    }
                }
                best.into_sorted().into_iter().map(|found| found.row).collect()
            }
            Some(Vectors::Mapped { space, searched, missing, .. }) => {
                let with_vector =
                    missing.as_ref().map(|missing| RowSet::from_fn(self.n_rows, |row| !missing.contains(row as Row)));
                let eligible = match (live, with_vector) {
                    (Some(live), Some(present)) => Some(present.and(live)),
                    (Some(live), None) => Some(live.clone()),
                    (None, present) => present,
                };
                let query = space.place_query(query).unwrap_or_else(|| first_axis(searched.dimension()));
                searched.search(&query, k + SPARE, eligible.as_ref()).into_iter().map(|found| found.row).collect()
            }
        };
        let exact = |row: Row| Some((row, distance_squared(query, self.vector(row)?)));
        candidates.into_iter().filter_map(exact).collect()
    }

    fn named(&self, error: Error, column: &str) -> Error {
        if matches!(error, Error::UnknownColumn { .. }) { self.schema.unknown(column) } else { error }
    }
}

fn write_vectors(folder: &Path, dimension: usize, rows: &Sorted<'_>, params: &VectorParams) -> Result<VectorsEntry> {
    let present = || rows.order.iter().filter_map(|&(part, row)| rows.parts[part].vector(row));
    let space = Space::of(present().map(|vector| dot(vector, vector)));
    let missing = (0..).zip(&rows.order).filter(|(_, (part, row))| rows.parts[*part].vector(*row).is_none());
    let missing: Vec<Row> = missing.map(|(at, _)| at).collect();
    let kept = space.dimension(dimension);
    let placed = rows.order.iter().map(|&(part, row)| match rows.parts[part].vector(row) {
        Some(vector) => space.place(vector),
        None => first_axis(kept),
    });
    let searched = folder.join(SEARCHED_FOLDER);
    fs::create_dir(&searched)?;
    // A graph knows unit vectors alone.
    let kind = if params.kind == Kind::Hnsw && space != Space::Unit { Kind::Codes } else { params.kind };
    let params = VectorParams { kind, ..params.clone() };
    let built = vector::build_for(&searched, placed, kept, &params, &|placed| space.as_query(placed))?;
    if space != Space::Unit {
        let raw = folder.join(RAW_FOLDER);
        fs::create_dir(&raw)?;
        let zeros = vec![0.0; dimension];
        let given = rows.order.iter().map(|&(part, row)| rows.parts[part].vector(row).unwrap_or(&zeros));
        vector::build(&raw, given, dimension, &VectorParams { kind: Kind::Flat, ..params })?;
    }
    Ok(VectorsEntry { kind: built.kind, space, missing })
}

impl Vectors {
    fn of<'a>(dimension: usize, vectors: impl ExactSizeIterator<Item = Option<&'a [f32]>>) -> Self {
        let n_rows = vectors.len();
        let (mut numbers, mut half_squares) = (Vec::with_capacity(n_rows * dimension), Vec::with_capacity(n_rows));
        let mut missing = RowSet::none(n_rows);
        for (row, vector) in (0..).zip(vectors) {
            match vector {
                Some(vector) => numbers.extend_from_slice(vector),
                None => {
                    missing.insert(row);
                    numbers.resize(numbers.len() + dimension, 0.0);
                }
            }
            let vector = &numbers[numbers.len() - dimension..];
            half_squares.push(dot(vector, vector) / 2.0);
        }
        Self::Memory { numbers, half_squares, missing: (missing.count() > 0).then_some(missing) }
    }
}

impl Keys {
    fn of(schema: &Schema, column: Option<&ArrayRef>) -> Result<Self> {
        let column = column.ok_or_else(|| schema.unknown(schema.key()))?;
        if let Some(texts) = column.as_string_opt::<i32>() {
            return Ok(Self::Texts(texts.clone()));
        }
        let integers = cast(column, &DataType::Int64).map_err(|error| Error::internal("reading keys", error))?;
        Ok(Self::Integers(integers.as_primitive::<Int64Type>().clone()))
    }

    fn get(&self, row: usize) -> Key {
        match self {
            Self::Integers(keys) => Key::Integer(keys.value(row)),
            Self::Texts(keys) => Key::Text(keys.value(row).to_owned()),
        }
    }

    fn compare(&self, row: usize, key: &Key) -> std::cmp::Ordering {
        match (self, key) {
            (Self::Integers(keys), Key::Integer(key)) => keys.value(row).cmp(key),
            (Self::Texts(keys), Key::Text(key)) => keys.value(row).cmp(key.as_str()),
            // A key of the other type comes of another schema: it is nowhere.
            (Self::Integers(_), Key::Text(_)) => std::cmp::Ordering::Less,
            (Self::Texts(_), Key::Integer(_)) => std::cmp::Ordering::Greater,
        }
    }
}

/// Rows of several parts in the order of their keys.
pub(super) struct Sorted<'a> {
    pub(super) parts: Vec<&'a Part>,
    /// Part and row.
    pub(super) order: Vec<(usize, Row)>,
    pub(super) schema: &'a Schema,
}

/// Rows that are gathered into one batch on the way to the disk.
const GATHERED: usize = 1_024;

impl Sorted<'_> {
    /// The rows in batches, the first of which may be empty.
    fn batches(&self) -> impl Iterator<Item = Result<RecordBatch>> + '_ {
        let empty = RecordBatch::new_empty(Arc::new(self.schema.arrow()));
        let gathered = self.order.chunks(GATHERED).map(|rows| self.gather(rows));
        std::iter::once(Ok(empty)).chain(gathered)
    }

    fn gather(&self, rows: &[(usize, Row)]) -> Result<RecordBatch> {
        let failed = |error| Error::internal("gathering rows", error);
        // The batches that these rows lie in, each once.
        let mut sources: Vec<RecordBatch> = Vec::new();
        let mut places = std::collections::HashMap::new();
        let mut indices = Vec::with_capacity(rows.len());
        for &(part, row) in rows {
            let (block, at) = self.parts[part].place(row);
            let source = match places.get(&(part, block)) {
                Some(&source) => source,
                None => {
                    sources.push(self.parts[part].block(block)?);
                    places.insert((part, block), sources.len() - 1);
                    sources.len() - 1
                }
            };
            indices.push((source, at));
        }
        let sources: Vec<&RecordBatch> = sources.iter().collect();
        arrow::compute::interleave_record_batch(&sources, &indices).map_err(failed)
    }

    /// The rows as one part in memory.
    pub(super) fn to_part(&self, schema: &Arc<Schema>) -> Result<Part> {
        let batch = self.gather(&self.order)?;
        let keys = Keys::of(schema, batch.column_by_name(schema.key()))?;
        let vectors = self.order.iter().map(|&(part, row)| self.parts[part].vector(row));
        let vectors = schema.vector().map(|column| Vectors::of(column.dimension, vectors));
        let (schema, n_rows) = (Arc::clone(schema), self.order.len());
        Ok(Part { schema, n_rows, keys, table: Table::Memory(batch), vectors, words: OnceLock::new() })
    }
}

impl Part {
    /// The block of rows that a row lies in, and its place there.
    fn place(&self, row: Row) -> (usize, usize) {
        match &self.table {
            Table::Memory(_) => (0, row as usize),
            Table::Mapped(rows) => rows.place(row),
        }
    }

    fn block(&self, block: usize) -> Result<RecordBatch> {
        match &self.table {
            Table::Memory(batch) => Ok(batch.clone()),
            Table::Mapped(rows) => rows.block(block),
        }
    }
}
