//! What is set beside a query's text, in the `_meta` of a call: an agent's owner sets it, the model does not.

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::face::databricks::Preset;

/// How many rows a query gets that does not say.
const DEFAULT_RESULTS: usize = 5;

/// Reads what is set beside the text: numbers and truth values may come as text, and keys of others are passed over.
///
/// # Errors
/// [`Error::Argument`] with the key.
pub(super) fn read(meta: &JsonObject) -> Result<Preset> {
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
    Ok(Preset {
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
