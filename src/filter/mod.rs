//! One filter over typed columns, written in either of two dialects, to the set of rows it lets through.
//! Owns the meaning of a filter; knows no index, no ticket and no wire format beyond the filter itself.
//!
//! ```text
//! {"status": "RESOLVED", "hours <=": 24}         JSON: `json`
//! status = 'RESOLVED' AND hours <= 24            SQL:  `sql`, and what `Display` writes
//! ```
//!
//! **NULL.** Logic is SQL's, with three values: a comparison with a NULL cell is neither true nor false, and a row
//! passes only where the whole is true. So SQL `status <> 'OPEN'` drops rows without a status. The JSON dialect has
//! no way to write `OR status IS NULL`, so there `{"status NOT": "OPEN"}` and `NOT LIKE` are complements, which keep
//! such rows; [`Filter`]'s `Display` shows it.
//!
//! **Types.** Numbers compare by value whatever their width (a literal for a `Float32` column is rounded to it first);
//! text compares byte by byte; a text literal beside a date or timestamp is read as ISO 8601, in UTC unless it says
//! otherwise. On a list, of texts or of any of these, `=` and `IN` mean "contains". Anything else is an
//! [`Error::Filter`], not a coercion.

mod cell;
mod evaluate;
mod expr;
mod json;
mod sql;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use arrow::array::RecordBatch;

use crate::error::{Error, Result};
use crate::rank::RowSet;
use expr::Expr;

/// How deep parentheses, `NOT` and JSON lists may nest, so that no filter can exhaust the stack.
pub const MAX_DEPTH: usize = 64;

/// How many values one condition may name: an `IN`, a list of the JSON dialect, the terms of one OR key.
pub const MAX_VALUES: usize = 1024;

/// A condition on the columns of a row.
#[derive(Debug, Clone)]
pub struct Filter {
    /// All of them must be true.
    parts: Vec<Part>,
}

/// What was read from one text.
#[derive(Debug, Clone)]
struct Part {
    expr: Expr,
    /// As written, for the caret of errors that only show when the columns are known.
    text: String,
}

impl Filter {
    /// The filter that lets every row through.
    #[must_use]
    pub fn all() -> Self {
        Self { parts: Vec::new() }
    }

    fn of(expr: Expr, text: String) -> Self {
        Self { parts: vec![Part { expr, text }] }
    }

    /// Reads a filter in the dialect that its first character tells: `{` and `[` open JSON, anything else is SQL.
    ///
    /// # Errors
    /// [`Error::Filter`] with the position of the fault.
    pub fn parse(text: &str) -> Result<Self> {
        let trimmed = text.trim_start();
        if trimmed.starts_with(['{', '[']) {
            return Ok(Self::of(json::parse_text(text)?, text.to_owned()));
        }
        if trimmed.trim_end() == "null" {
            return Ok(Self::all());
        }
        Self::from_sql(text)
    }

    /// Reads a filter in the JSON dialect; `null` and `""` are the filter that lets every row through.
    ///
    /// # Errors
    /// [`Error::Filter`] with the position of the fault in the value as rendered to one line.
    pub fn from_json(value: &serde_json::Value) -> Result<Self> {
        let text = value.to_string();
        Ok(Self::of(json::parse_value(value, &text)?, text))
    }

    /// Reads a filter in the SQL dialect: what follows `WHERE`.
    ///
    /// # Errors
    /// [`Error::Filter`] with the position of the fault.
    pub fn from_sql(text: &str) -> Result<Self> {
        Ok(Self::of(sql::parse(text)?, text.to_owned()))
    }

    /// The filter that lets through what both do.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// Its parts as they were written.
    #[must_use]
    pub fn written(&self) -> Vec<&str> {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    /// The columns that are named, sorted, each once.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = BTreeSet::new();
        for part in &self.parts {
            part.expr.visit(&mut |clause| _ = columns.insert(clause.column.as_str()));
        }
        columns.into_iter().collect()
    }

    /// The rows for which the filter is true.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`] for a column that the rows do not have, [`Error::Filter`] where a value does not fit
    /// its column.
    pub fn rows(&self, batch: &RecordBatch) -> Result<RowSet> {
        let mut rows = RowSet::from_fn(batch.num_rows(), |_| true);
        for part in &self.parts {
            rows = rows.and(&evaluate::rows(&part.expr, batch, &part.text)?);
        }
        Ok(rows)
    }
}

/// The filter in the SQL dialect; [`Filter::from_sql`] reads it back.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Expr::all(self.parts.iter().map(|part| part.expr.clone()).collect()).fmt(f)
    }
}

fn too_many(what: &str) -> String {
    format!("{what} takes at most {MAX_VALUES} values; join several conditions with OR")
}

/// An [`Error::Filter`] at byte `at` of `text`: on one line, cut to what is near the fault, position in characters.
fn fault(text: &str, at: usize, message: impl Into<String>) -> Error {
    const NEAR: usize = 80;
    let characters: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = text.char_indices().take_while(|(byte, _)| *byte < at).count();
    let start = if characters.len() > 2 * NEAR { before.saturating_sub(NEAR) } else { 0 };
    let end = if characters.len() > 2 * NEAR { (before + NEAR).min(characters.len()) } else { characters.len() };
    let mut shown = String::new();
    if start > 0 {
        shown.push('…');
    }
    shown.extend(&characters[start..end]);
    if end < characters.len() {
        shown.push('…');
    }
    Error::Filter { text: shown, at: before - start + usize::from(start > 0), message: message.into() }
}
