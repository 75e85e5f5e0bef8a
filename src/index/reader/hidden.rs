//! Rows that no answer may show, and what is left of a query: tombstones of an immutable index, kept in memory.

use super::{IndexReader, Segment};
use crate::error::Result;
use crate::filter::Filter;
use crate::keyword::{KeywordParams, Occurrences};
use crate::rank::{Row, RowSet};

impl IndexReader {
    /// Hides rows for as long as the reader lives: no query finds them, no key names them, no column lists their values.
    /// Statistics of words and of vectors still follow from all rows.
    pub fn hide(&mut self, is_hidden: impl Fn(Row) -> bool) {
        for segment in &mut self.segments {
            let (base, len) = (segment.base, segment.rows.len());
            let visible = RowSet::from_fn(len, |row| segment.is_visible(row as Row) && !is_hidden(base + row as Row));
            segment.visible = (visible.count() < len).then_some(visible);
        }
    }

    /// How many rows are hidden.
    #[must_use]
    pub fn hidden_rows(&self) -> usize {
        self.segments.iter().map(|segment| segment.rows.len() - segment.eligible(segment.visible.as_ref())).sum()
    }

    /// The rows that a filter lets through and that are not hidden, in row order.
    ///
    /// # Errors
    /// [`crate::Error::Filter`], [`crate::Error::UnknownColumn`], [`crate::Error::Corrupt`].
    pub fn rows_where(&self, filter: &Filter) -> Result<Vec<Row>> {
        let masks = self.masks(Some(filter))?;
        let rows = |(segment, mask): (&Segment, &RowSet)| mask.iter().map(|row| segment.base + row).collect::<Vec<_>>();
        Ok(self.segments.iter().zip(masks.iter().flatten()).flat_map(rows).collect())
    }

    /// In how many rows the words of a text are, column by column; hidden rows do not count.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`].
    pub fn occurrences(&self, text: &str, params: &KeywordParams) -> Result<Occurrences> {
        let mut all = Occurrences::new();
        for segment in &self.segments {
            for (place, occurrence) in segment.keyword.occurrences(text, segment.visible.as_ref(), params)? {
                let sum = all.entry(place).or_default();
                sum.rows += occurrence.rows;
                for (term, rows) in occurrence.spellings {
                    *sum.spellings.entry(term).or_default() += rows;
                }
            }
        }
        Ok(all)
    }

    /// By segment, the rows that may be hits; all for `None`.
    pub(super) fn masks(&self, filter: Option<&Filter>) -> Result<Vec<Option<RowSet>>> {
        let mask = |segment: &Segment| {
            let matching = filter.map(|filter| segment.rows.matching(filter)).transpose()?;
            Ok(match (matching, &segment.visible) {
                (Some(matching), Some(visible)) => Some(matching.and(visible)),
                (matching, visible) => matching.or_else(|| visible.clone()),
            })
        };
        self.segments.iter().map(mask).collect()
    }
}

impl Segment {
    pub(super) fn is_visible(&self, row: Row) -> bool {
        self.visible.as_ref().is_none_or(|visible| visible.contains(row))
    }

    pub(super) fn eligible(&self, mask: Option<&RowSet>) -> usize {
        mask.map_or(self.rows.len(), RowSet::count)
    }
}
