//! The column whose values are looked for as they are: identifiers. Which rows share one, and how rare it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tantivy::index::InvertedIndexReader;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet as _, SegmentReader, TERMINATED, Term};

use super::{KeywordIndex, failed, guarded};
use crate::error::{Error, Result};
use crate::rank::{Row, RowSet};

/// The exact column of an index, opened.
pub(super) struct ExactColumn {
    /// The column's name.
    pub(super) name: String,
    field: Field,
    pub(super) postings: Arc<InvertedIndexReader>,
}

/// What a row shares with a query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shared {
    /// The sum over the values that it shares of 1 / n, for a value that n rows hold: 0 up. A value points to each of its
    /// rows alike. With the logarithms of BM25 in its place, what one row of forty holds still outdid every likeness
    /// (`benches/README.md`).
    pub score: f32,
    /// These values, in the order of the query.
    pub values: Vec<String>,
}

impl std::fmt::Debug for ExactColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExactColumn").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ExactColumn {
    pub(super) fn open(folder: &Path, reader: &SegmentReader, name: &str) -> Result<Self> {
        let field = reader
            .schema()
            .get_field(&field_name(name))
            .map_err(|_| Error::corrupt(folder, format!("it was built without exact column `{name}`")))?;
        let postings = reader.inverted_index(field).map_err(|error| failed(folder, error))?;
        Ok(Self { name: name.to_owned(), field, postings })
    }
}

impl KeywordIndex {
    /// The `eligible` rows (all for `None`) that hold one of `values` in the exact column, and which of them; nothing in an
    /// index without such a column.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the files are damaged.
    pub fn sharing(&self, values: &[String], eligible: Option<&RowSet>) -> Result<BTreeMap<Row, Shared>> {
        let Some(column) = &self.exact else { return Ok(BTreeMap::new()) };
        let damaged = |error: std::io::Error| failed(&self.folder, error.into());
        let mut rows: BTreeMap<Row, Shared> = BTreeMap::new();
        guarded(&self.folder, || {
            for value in values {
                let term = Term::from_field_text(column.field, value);
                let Some(info) = column.postings.get_term_info(&term).map_err(damaged)? else { continue };
                let points = 1.0 / info.doc_freq as f32;
                let postings = column.postings.read_postings_from_terminfo(&info, IndexRecordOption::Basic);
                let mut postings = postings.map_err(damaged)?;
                while postings.doc() != TERMINATED {
                    let row = postings.doc();
                    if row as usize >= self.rows {
                        let message = format!("an identifier is in row {row} of {}", self.rows);
                        return Err(Error::corrupt(&self.folder, message));
                    }
                    if eligible.is_none_or(|set| set.contains(row)) {
                        let shared = rows.entry(row).or_default();
                        shared.score += points;
                        shared.values.push(value.clone());
                    }
                    postings.advance();
                }
            }
            Ok(())
        })?;
        Ok(rows)
    }
}

/// What tantivy calls the field of an exact column.
pub(super) fn field_name(column: &str) -> String {
    format!("{column}#exact")
}
