//! Questions to a collection at one moment: rows by key, in key order, by vector, by words, by both. Knows no file.

use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::Value;

use super::row::{Key, check_vector};
use super::schema::Schema;
use super::state::State;
use super::words::{self, Asked, Searched};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{MAX_K, QueryKind};
use crate::rank::{Row, RowSet};
use crate::stage::{Stage, Watch};

/// How many candidates each leg of a hybrid query brings at least.
const HYBRID_DEPTH: usize = 200;
/// Reciprocal rank fusion's damping, with ranks from 0. What a row gets for being first in both lists is then 1.
const DAMPING: f64 = 60.0;

/// The rows of a collection at one moment. Cheap to clone; `Send + Sync`.
#[derive(Clone)]
pub struct View {
    state: Arc<State>,
}

/// A row of a view. Means nothing in another view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    slot: u32,
    row: Row,
}

/// What to look for.
#[derive(Debug, Clone)]
pub struct CollectionQuery {
    /// By vector, by words, or both.
    pub kind: QueryKind,
    /// Of the collection's dimension and finite, for `Ann` and `Hybrid`.
    pub vector: Option<Vec<f32>>,
    /// For `FullText` and `Hybrid`.
    pub text: Option<String>,
    /// The text columns that words are looked for in; all where there is `None`.
    pub text_columns: Option<Vec<String>>,
    /// How many rows, 1 to 10,000.
    pub k: usize,
    /// Which rows may be hits; applied before ranking.
    pub filter: Option<Filter>,
    /// Who times the legs.
    pub watch: Watch,
}

/// A row that answers a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CollectionHit {
    /// Which.
    pub row: RowId,
    /// Higher is better: see [`View::query`].
    pub score: f64,
}

/// The answer to a query.
pub struct CollectionFound {
    /// Best first; equal scores by key.
    pub hits: Vec<CollectionHit>,
    /// All rows that the query could have found, were k no limit.
    pub matched: Matched,
}

/// The rows that the filter of a query lets through and that, in a `FullText` query, have one of its words.
pub struct Matched {
    /// By slot; `None` for all rows that are live.
    sets: Vec<Option<RowSet>>,
    view: View,
    asked: Option<Asked>,
}

impl Matched {
    /// The rows, in no meaningful order that is yet the same each time.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for rows that cannot be read.
    pub fn rows(&self) -> Result<Vec<RowId>> {
        let sets = match &self.asked {
            None => self.sets.clone(),
            Some(asked) => {
                let searched = self.view.searched(&self.sets)?;
                words::matching(&searched, asked).into_iter().map(Some).collect()
            }
        };
        let rows = sets.iter().zip(&self.view.state.slots).enumerate().flat_map(|(at, (set, slot))| {
            let rows: Vec<Row> = match set {
                Some(set) => set.iter().collect(),
                None => (0..slot.part.len() as Row).collect(),
            };
            rows.into_iter().map(move |row| RowId { slot: at as u32, row })
        });
        Ok(rows.collect())
    }
}

impl View {
    pub(super) fn of(state: Arc<State>) -> Self {
        Self { state }
    }

    /// How many rows there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.state.len()
    }

    /// The columns.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.state.schema
    }

    /// The row of a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<RowId> {
        self.state.find(key).map(|(slot, row)| RowId { slot: slot as u32, row })
    }

    /// The first `n` rows whose keys come after one, in the order of keys.
    #[must_use]
    pub fn after(&self, key: Option<&Key>, n: usize) -> Vec<RowId> {
        let mut rows: Vec<(Key, RowId)> = Vec::new();
        for (at, slot) in (0..).zip(&self.state.slots) {
            let first = key.map_or(0, |key| slot.part.first_at(key, true));
            let live = (first as Row..slot.part.len() as Row).filter(|&row| slot.is_live(row));
            rows.extend(live.take(n).map(|row| (slot.part.key(row), RowId { slot: at, row })));
        }
        rows.sort();
        rows.into_iter().take(n).map(|(_, row)| row).collect()
    }

    /// A row's key.
    #[must_use]
    pub fn key(&self, row: RowId) -> Key {
        self.part(row).key(row.row)
    }

    /// A value as JSON: whole numbers, numbers, texts, truth values, lists; days as `2026-06-30`, moments as RFC 3339 in UTC. A
    /// vector is a list of numbers.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`]; [`Error::Corrupt`] for a row that cannot be read.
    pub fn value(&self, row: RowId, column: &str) -> Result<Value> {
        self.part(row).value(row.row, column)
    }

    /// The text of a column; `None` where it is null or no text.
    ///
    /// # Errors
    /// As [`View::value`].
    pub fn text(&self, row: RowId, column: &str) -> Result<Option<String>> {
        Ok(match self.value(row, column)? {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// A row's vector, as it was given.
    #[must_use]
    pub fn vector(&self, row: RowId) -> Option<&[f32]> {
        self.part(row).vector(row.row)
    }

    /// The best rows, and all that match.
    ///
    /// The score of `Ann` is 1 / (1 + d²), d the Euclidean distance. That of `FullText` is Okapi BM25 with k1 = 1.2, b = 0.75 and
    /// idf = ln(1 + (N − n + ½) / (n + ½)), over the plain lower-case words of the text columns one after another; N and n
    /// count all rows, whatever the filter. `Hybrid` is reciprocal rank fusion, 30 Σ 1 / (60 + rank) with ranks from 0, of the
    /// best max(200, k) of either.
    ///
    /// # Errors
    /// [`Error::Argument`] for a vector or text that is missing or does not fit; [`Error::UnknownColumn`];
    /// [`Error::Filter`]; [`Error::Corrupt`].
    pub fn query(&self, query: &CollectionQuery) -> Result<CollectionFound> {
        self.check(query)?;
        let watch = &query.watch;
        let sets = watch.time(Stage::Filter, || self.eligible(query.filter.as_ref()))?;
        let text = query.text.as_deref().filter(|_| query.kind != QueryKind::Ann);
        let asked = text.map(|text| Asked::of(text, query.text_columns.clone()));
        let depth = if query.kind == QueryKind::Hybrid { query.k.max(HYBRID_DEPTH) } else { query.k };
        let near = match &query.vector {
            Some(vector) if query.kind != QueryKind::FullText => {
                watch.time(Stage::Dense, || self.nearest(vector, depth, &sets))
            }
            _ => Vec::new(),
        };
        let worded = match &asked {
            Some(asked) => watch.time(Stage::Keyword, || self.worded(asked, depth, &sets))?,
            None => Vec::new(),
        };
        let mut hits = match query.kind {
            QueryKind::Ann => near,
            QueryKind::FullText => worded,
            QueryKind::Hybrid => watch.time(Stage::Fuse, || self.fused(&near, &worded, query.k)),
        };
        hits.truncate(query.k);
        let asked = asked.filter(|_| query.kind == QueryKind::FullText);
        Ok(CollectionFound { hits, matched: Matched { sets, view: self.clone(), asked } })
    }

    fn check(&self, query: &CollectionQuery) -> Result<()> {
        if query.k == 0 || query.k > MAX_K {
            return Err(Error::argument("num_results", format!("{} is not between 1 and {MAX_K}", query.k)));
        }
        if query.kind != QueryKind::FullText {
            let column =
                self.schema().vector().ok_or_else(|| Error::argument("query_type", "this index has no vectors"))?;
            let vector = query
                .vector
                .as_ref()
                .ok_or_else(|| Error::argument("query_vector", "an ANN or HYBRID query needs one"))?;
            check_vector(vector, column.dimension).map_err(|reason| Error::argument("query_vector", reason))?;
        }
        if query.kind != QueryKind::Ann && query.text.is_none() {
            return Err(Error::argument("query_text", "a HYBRID or FULL_TEXT query needs it"));
        }
        let texts = self.schema().text_columns();
        for column in query.text_columns.iter().flatten() {
            if !texts.contains(&column.as_str()) {
                if self.schema().names().contains(&column.as_str()) {
                    return Err(Error::argument("query_columns", format!("`{column}` is not text")));
                }
                return Err(self.schema().unknown(column));
            }
        }
        Ok(())
    }

    /// The live rows that a filter lets through, by slot; `None` for all of a slot.
    fn eligible(&self, filter: Option<&Filter>) -> Result<Vec<Option<RowSet>>> {
        if let Some(filter) = filter {
            // Without any rows too, whatever does not fit the columns is to show.
            filter.rows(&RecordBatch::new_empty(Arc::new(self.schema().arrow())))?;
        }
        let of_slot = |slot: &super::Slot| {
            let live =
                slot.dead.as_ref().map(|dead| RowSet::from_fn(slot.part.len(), |row| !dead.contains(row as Row)));
            let let_through = filter.map(|filter| slot.part.matching(filter)).transpose()?;
            Ok(match (live, let_through) {
                (Some(live), Some(rows)) => Some(rows.and(&live)),
                (live, rows) => live.or(rows),
            })
        };
        self.state.slots.iter().map(of_slot).collect()
    }

    fn nearest(&self, vector: &[f32], k: usize, sets: &[Option<RowSet>]) -> Vec<CollectionHit> {
        let mut found: Vec<(f32, RowId)> = Vec::new();
        for (at, (slot, set)) in (0..).zip(self.state.slots.iter().zip(sets)) {
            let rows = slot.part.nearest(vector, k, set.as_ref());
            found.extend(rows.into_iter().map(|(row, squared)| (squared, RowId { slot: at, row })));
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| self.key(a.1).cmp(&self.key(b.1))));
        found.truncate(k);
        found.into_iter().map(|(squared, row)| CollectionHit { row, score: 1.0 / (1.0 + f64::from(squared)) }).collect()
    }

    fn worded(&self, asked: &Asked, k: usize, sets: &[Option<RowSet>]) -> Result<Vec<CollectionHit>> {
        let mut found = words::best(&self.searched(sets)?, asked, k);
        let key = |found: &words::Match| self.state.slots[found.part].part.key(found.row);
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| key(a).cmp(&key(b))));
        found.truncate(k);
        let hit = |found: words::Match| CollectionHit {
            row: RowId { slot: found.part as u32, row: found.row },
            score: f64::from(found.score),
        };
        Ok(found.into_iter().map(hit).collect())
    }

    fn searched<'a>(&'a self, sets: &'a [Option<RowSet>]) -> Result<Vec<Searched<'a>>> {
        let one = |(slot, set): (&'a super::Slot, &'a Option<RowSet>)| {
            let words = slot.part.words()?;
            Ok(Searched { words, rows: slot.part.len(), dead: slot.dead.as_deref(), eligible: set.as_ref() })
        };
        self.state.slots.iter().zip(sets).map(one).collect()
    }

    /// The best `k` of two lists of the best.
    fn fused(&self, near: &[CollectionHit], worded: &[CollectionHit], k: usize) -> Vec<CollectionHit> {
        let mut sums: Vec<(RowId, f64)> = Vec::with_capacity(near.len() + worded.len());
        for list in [near, worded] {
            sums.extend(list.iter().enumerate().map(|(rank, hit)| (hit.row, DAMPING / 2.0 / (DAMPING + rank as f64))));
        }
        sums.sort_by_key(|(row, _)| *row);
        let mut fused: Vec<CollectionHit> = Vec::with_capacity(sums.len());
        for (row, score) in sums {
            match fused.last_mut().filter(|last| last.row == row) {
                Some(last) => last.score += score,
                None => fused.push(CollectionHit { row, score }),
            }
        }
        let order = |a: &CollectionHit, b: &CollectionHit| {
            b.score.total_cmp(&a.score).then_with(|| self.key(a.row).cmp(&self.key(b.row)))
        };
        // Two lists tie at every rank, and keys are read to part them: of the best alone.
        if k < fused.len() {
            fused.select_nth_unstable_by(k, order);
            fused.truncate(k);
        }
        fused.sort_by(order);
        fused
    }

    fn part(&self, row: RowId) -> &super::part::Part {
        &self.state.slots[row.slot as usize].part
    }
}
