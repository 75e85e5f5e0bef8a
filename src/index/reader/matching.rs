//! All rows that a question lets through, ranked or not, and the types of their columns: what is counted rather than shown.

use arrow::datatypes::DataType;

use super::{IndexReader, Segment};
use crate::error::Result;
use crate::filter::Filter;
use crate::keyword::KeywordParams;
use crate::rank::Row;

impl IndexReader {
    /// The columns with their Arrow types, in their order.
    #[must_use]
    pub fn column_types(&self) -> Vec<(String, DataType)> {
        self.segments.first().map(|segment| segment.rows.types()).unwrap_or_default()
    }

    /// Every row for which the filter holds and which shares a word with the text, where either is given; ascending, none hidden.
    ///
    /// # Errors
    /// [`crate::Error::Filter`] and [`crate::Error::UnknownColumn`] for a filter that does not fit; [`crate::Error::Corrupt`].
    pub fn matching(&self, filter: Option<&Filter>, text: Option<(&str, &KeywordParams)>) -> Result<Vec<Row>> {
        let masks = self.masks(filter)?;
        let mut matching = Vec::new();
        for (segment, mask) in self.segments.iter().zip(&masks) {
            let words = text.map(|(text, params)| segment.keyword.matches(text, None, params)).transpose()?;
            let is_match = |row: &Row| {
                mask.as_ref().is_none_or(|mask| mask.contains(*row))
                    && words.as_ref().is_none_or(|words| words.score(*row) > 0.0)
            };
            matching.extend((0..segment.len()).filter(is_match).map(|row| segment.base + row));
        }
        Ok(matching)
    }
}

impl Segment {
    fn len(&self) -> Row {
        self.rows.len() as Row
    }
}
