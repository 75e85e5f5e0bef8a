//! What is set beside a query's text, in the `_meta` of a call: an agent's owner sets it, the model does not.

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::index::QueryKind;

/// How many rows a query gets that does not say.
const DEFAULT_RESULTS: usize = 5;

/// What is set beside the text. Numbers and truth values may come as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Presets {
    /// How many rows.
    pub num_results: usize,
    /// Only rows that match, in either dialect of filters.
    pub filters: Option<String>,
    /// `ANN`, unless set.
    pub query_type: Option<String>,
    /// Which columns; by default all whose names do not begin with `__`.
    pub columns: Option<Vec<String>>,
    /// By which columns the best rows are put in order once more.
    pub columns_to_rerank: Option<Vec<String>>,
    /// Whether rows have their score.
    pub include_score: bool,
    /// Only rows with at least this score.
    pub score_threshold: Option<f64>,
}

impl Presets {
    /// Reads them; keys of others are passed over.
    ///
    /// # Errors
    /// [`Error::Argument`] with the key.
    pub fn of(meta: &JsonObject) -> Result<Self> {
        let number = |key: &'static str| {
            let read = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
            given(meta, key).map(|value| read(value).ok_or_else(|| wrong(key, value, "a number"))).transpose()
        };
        let text = |key: &'static str| {
            let read = |value: &Value| value.as_str().map(str::to_owned);
            given(meta, key).map(|value| read(value).ok_or_else(|| wrong(key, value, "a text"))).transpose()
        };
        let names = |key: &'static str| {
            let cut = |text: String| {
                text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect::<Vec<_>>()
            };
            Ok::<_, Error>(text(key)?.map(cut).filter(|names| !names.is_empty()))
        };
        let num_results = match number("num_results")? {
            None => DEFAULT_RESULTS,
            Some(count) if count.fract() == 0.0 && (1.0..=10_000.0).contains(&count) => count as usize,
            Some(count) => {
                return Err(Error::argument("num_results", format!("{count} is no whole number from 1 to 10000")));
            }
        };
        Ok(Self {
            num_results,
            // The service takes a text; JSON as it is says the same.
            filters: given(meta, "filters")
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .filter(|text| !text.trim().is_empty()),
            query_type: text("query_type")?,
            columns: names("columns")?,
            columns_to_rerank: names("columns_to_rerank")?,
            include_score: given(meta, "include_score").map_or(Ok(false), truth)?,
            score_threshold: number("score_threshold")?,
        })
    }

    /// Which legs the query has.
    ///
    /// # Errors
    /// [`Error::Argument`] for a word that is none.
    pub fn kind(&self) -> Result<QueryKind> {
        let kinds = [("ANN", QueryKind::Ann), ("HYBRID", QueryKind::Hybrid), ("FULL_TEXT", QueryKind::FullText)];
        let asked = self.query_type.as_deref().unwrap_or("ANN");
        let found = kinds.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(asked));
        found
            .map(|(_, kind)| kind)
            .ok_or_else(|| Error::argument("query_type", format!("`{asked}` is not ANN, HYBRID or FULL_TEXT")))
    }
}

fn given<'a>(meta: &'a JsonObject, key: &str) -> Option<&'a Value> {
    meta.get(key).filter(|value| !value.is_null())
}

fn truth(value: &Value) -> Result<bool> {
    let word = value.as_str().map(str::to_lowercase);
    match (value.as_bool(), word.as_deref()) {
        (Some(value), _) => Ok(value),
        (None, Some("true")) => Ok(true),
        (None, Some("false")) => Ok(false),
        _ => Err(wrong("include_score", value, "true or false")),
    }
}

fn wrong(key: &'static str, value: &Value, wanted: &str) -> Error {
    Error::argument(key, format!("{value} is not {wanted}"))
}
