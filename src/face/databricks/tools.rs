//! Indexes as tools of an agent: which a schema has, and rows as objects for a text.

use serde_json::{Map, Value, json};

use super::asked::Query;
use super::query;
use crate::catalog::{Catalog, IndexRecord};
use crate::error::Result;

/// What is settled before an agent asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// How many rows.
    pub num_results: usize,
    /// Only rows that match, in either dialect of filters.
    pub filters: Option<String>,
    /// `ANN` (where `None`), `HYBRID` or `FULL_TEXT`.
    pub query_type: Option<String>,
    /// Which columns come back; all but those that begin with `__` where `None`.
    pub columns: Option<Vec<String>>,
    /// The columns of a second look at the best rows.
    pub columns_to_rerank: Option<Vec<String>>,
    /// Whether rows have their `score`.
    pub include_score: bool,
    /// Rows below it are left out.
    pub score_threshold: Option<f64>,
}

/// The indexes of a schema such as `main.support`, by name.
///
/// # Errors
/// [`crate::Error::Corrupt`] for an index of the desk.
pub fn indexes_of_schema(catalog: &Catalog, schema: &str) -> Result<Vec<IndexRecord>> {
    let prefix = format!("{schema}.");
    let mut found: Vec<IndexRecord> = catalog.indexes(None)?.into_iter().map(|index| index.record).collect();
    found.retain(|record| record.name.strip_prefix(&prefix).is_some_and(|name| !name.contains('.')));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The best rows of an index for a text, as objects.
///
/// # Errors
/// [`crate::Error::NotThere`]; those of a query.
pub fn rows_for_text(catalog: &Catalog, index: &str, text: &str, preset: &Preset) -> Result<Vec<Map<String, Value>>> {
    let index = catalog.index(index)?;
    let all = || index.view().map(|view| view.names().into_iter().filter(|name| !name.starts_with("__")).collect());
    let columns = preset.columns.clone().map_or_else(all, Ok)?;
    let query = Query {
        columns,
        query_text: Some(text.to_owned()),
        query_type: preset.query_type.clone(),
        num_results: Some(preset.num_results),
        filters_json: preset.filters.clone().map(Value::String),
        score_threshold: preset.score_threshold,
        columns_to_rerank: preset.columns_to_rerank.clone(),
        ..Query::default()
    };
    let answer = query::answer(catalog, &index, &query)?;
    let row = |&(row, score): &(_, f64)| {
        let cell = |column: &String| Ok((column.clone(), answer.view.value(row, column)?));
        let mut cells = answer.columns.iter().map(cell).collect::<Result<Map<String, Value>>>()?;
        if preset.include_score {
            cells.insert("score".to_owned(), json!(score));
        }
        Ok(cells)
    };
    answer.hits.iter().map(row).collect()
}
