//! An unchanging picture of an index, be it one of the catalogue's own or one of the desk's: the one way to ask either.

use std::sync::Arc;

use serde_json::Value;

use super::source::column;
use crate::collection::{self, CollectionQuery, Column, RowId, VectorColumn};
use crate::engine::{Engine, Held};
use crate::error::{Error, Result};
use crate::index::{IndexReader, QueryKind};
use crate::rank::Row;

/// An unchanging picture of an index. Cheap to make; `Send + Sync`.
pub enum IndexView {
    /// Of an index of the catalogue.
    Own(collection::View),
    /// Of an index of the desk.
    Desk(DeskView),
}

/// An index of a generation of the desk.
pub struct DeskView {
    pub(super) engine: Arc<Engine>,
    pub(super) held: Held,
    pub(super) index: String,
}

/// A row of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowAt {
    /// Of an index of the catalogue.
    Own(RowId),
    /// Of an index of the desk.
    Desk(Row),
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The best rows with their scores, best first.
    pub hits: Vec<(RowAt, f64)>,
    /// Every row that the filter lets through and, by words alone, that shares one; empty unless asked for.
    pub matched: Vec<RowAt>,
}

impl IndexView {
    /// The columns but for the vectors.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        match self {
            Self::Own(view) => view.schema().columns().to_vec(),
            Self::Desk(desk) => {
                let types = desk.reader().map(IndexReader::column_types).unwrap_or_default();
                types.iter().filter_map(|(name, kind)| column(name, kind)).collect()
            }
        }
    }

    /// The column of the vectors. Those of the desk lie in a space of their own and are not shown.
    #[must_use]
    pub fn vector_column(&self) -> Option<VectorColumn> {
        match self {
            Self::Own(view) => view.schema().vector().cloned(),
            Self::Desk(_) => None,
        }
    }

    /// The names of all columns, that of the vectors last.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let columns = self.columns().into_iter().map(|column| column.name);
        columns.chain(self.vector_column().map(|column| column.name)).collect()
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Own(view) => view.len(),
            Self::Desk(desk) => desk.reader().map_or(0, |index| index.manifest().rows() - index.hidden_rows()),
        }
    }

    /// Answers; with all rows that match besides where `matched` says so.
    ///
    /// # Errors
    /// [`Error::Argument`], [`Error::UnknownColumn`], [`Error::Filter`].
    pub fn query(&self, ask: CollectionQuery, matched: bool) -> Result<Found> {
        match self {
            Self::Own(view) => {
                let found = view.query(&ask)?;
                let hits = found.hits.iter().map(|hit| (RowAt::Own(hit.row), hit.score)).collect();
                let matched =
                    if matched { found.matched.rows()?.into_iter().map(RowAt::Own).collect() } else { Vec::new() };
                Ok(Found { hits, matched })
            }
            Self::Desk(desk) => desk.query(ask, matched),
        }
    }

    /// Rows in the order of their keys, after a key as text.
    ///
    /// # Errors
    /// [`Error::Argument`] for what cannot be a key of the index.
    pub fn after(&self, key: Option<&str>, n: usize) -> Result<Vec<RowAt>> {
        match self {
            Self::Own(view) => {
                let key = key.map(|key| view.schema().key_from_text(key)).transpose();
                let key = key.map_err(|message| Error::argument("last_primary_key", message))?;
                Ok(view.after(key.as_ref(), n).into_iter().map(RowAt::Own).collect())
            }
            Self::Desk(desk) => {
                let index = desk.reader()?;
                let mut rows = index.text_values(&index.manifest().key)?;
                rows.retain(|(_, own)| key.is_none_or(|key| *own > key));
                rows.sort_by_key(|(_, key)| *key);
                Ok(rows.into_iter().take(n).map(|(row, _)| RowAt::Desk(row)).collect())
            }
        }
    }

    /// The key of a row as text.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn key(&self, row: RowAt) -> Result<String> {
        match (self, row) {
            (Self::Own(view), RowAt::Own(row)) => Ok(view.key(row).to_string()),
            (Self::Desk(desk), RowAt::Desk(row)) => {
                let index = desk.reader()?;
                Ok(index.text(row, &index.manifest().key)?.unwrap_or_default().to_owned())
            }
            _ => Err(of_another_view()),
        }
    }

    /// A cell: null, text, number, boolean or list; instants as RFC 3339 in UTC, days as `2026-06-30`.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`], [`Error::Corrupt`].
    pub fn value(&self, row: RowAt, column: &str) -> Result<Value> {
        match (self, row) {
            (Self::Own(view), RowAt::Own(row)) => view.value(row, column),
            (Self::Desk(desk), RowAt::Desk(row)) => {
                let mut cells = desk.reader()?.cells(row, &[column.to_owned()])?;
                Ok(cells.pop().map_or(Value::Null, |(_, value)| value))
            }
            _ => Err(of_another_view()),
        }
    }
}

impl DeskView {
    fn reader(&self) -> Result<&IndexReader> {
        self.held.snapshot().index(&self.index)
    }

    /// Answers with the desk's own ranking, whose nearest are scored as the catalogue's are: 1 / (1 + d²), which of unit vectors is
    /// 1 / (3 − 2 cos).
    fn query(&self, ask: CollectionQuery, matched: bool) -> Result<Found> {
        if ask.text_columns.is_some() {
            let message = "the desk's own indexes search the columns that they were built with; leave it out";
            return Err(Error::argument("query_columns", message));
        }
        let index = self.reader()?;
        let text = ask.text.as_deref().filter(|_| ask.kind != QueryKind::Ann);
        let matched = if matched {
            let words = text.filter(|_| ask.kind == QueryKind::FullText);
            let words = words.map(|text| (text, self.engine.keyword_params()));
            index.matching(ask.filter.as_ref(), words)?.into_iter().map(RowAt::Desk).collect()
        } else {
            Vec::new()
        };
        let query = self.engine.question(ask.kind, ask.vector.as_deref(), text, ask.k, ask.filter)?;
        let score = |score: f32| match ask.kind {
            QueryKind::Ann => 1.0 / (3.0 - 2.0 * f64::from(score)),
            QueryKind::Hybrid | QueryKind::FullText => f64::from(score),
        };
        let found = index.query(&query)?;
        let hits = found.hits.iter().map(|hit| (RowAt::Desk(hit.row), score(hit.score))).collect();
        Ok(Found { hits, matched })
    }
}

fn of_another_view() -> Error {
    Error::internal("reading a row", "it is of another view")
}
