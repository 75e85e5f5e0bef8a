//! One query: what the service's body means here, and the manifest and rows that answer it.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::{By, Engine, SearchRequest};
use crate::error::{Error, Result};
use crate::face::question::{DEFAULT_K, filter};
use crate::filter::Filter;
use crate::index::{Hit, QueryKind};

/// The most rows of one answer: the service gives more by pages.
const MAX_RESULTS: usize = 1000;

/// The body of a query. As with the service, `null` is as good as absent and unknown fields are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    columns: Option<Vec<String>>,
    query_text: Option<String>,
    query_vector: Option<Vec<f32>>,
    query_type: Option<String>,
    num_results: Option<usize>,
    filters_json: Option<String>,
    filter_string: Option<String>,
    score_threshold: Option<f64>,
    // What would change the answer and is not there.
    query_columns: Option<Value>,
    sort_columns: Option<Value>,
    facets: Option<Value>,
    reranker: Option<Value>,
    columns_to_rerank: Option<Value>,
}

impl Query {
    /// The answer of an index.
    pub(super) fn answer(self, engine: &Engine, index: &str) -> Result<Value> {
        self.refuse_what_is_not_there()?;
        let kind = kind(self.query_type.as_deref())?;
        let k = self.num_results.unwrap_or(DEFAULT_K);
        if k == 0 || k > MAX_RESULTS {
            let message = format!("{k} is not between 1 and {MAX_RESULTS}; there is no paging");
            return Err(Error::argument("num_results", message));
        }
        let columns = distinct(self.columns.unwrap_or_default());
        if columns.is_empty() {
            return Err(Error::argument("columns", "name at least one column to return"));
        }
        let request = SearchRequest {
            index: index.to_owned(),
            by: by(self.query_text, self.query_vector, kind)?,
            kind,
            k,
            filter: only(self.filters_json.as_deref(), self.filter_string.as_deref())?,
            columns: Some(columns.clone()),
            one_per_group: false,
            explain: false,
        };
        let found = engine.search(&request)?;

        let threshold = self.score_threshold.unwrap_or(f64::NEG_INFINITY);
        let rows = found.rows.into_iter().map(|(hit, cells)| (score(&hit, kind), cells));
        let rows: Vec<Vec<Value>> = rows
            .filter(|(score, _)| *score >= threshold)
            .map(|(score, cells)| cells.into_iter().map(|(_, value)| value).chain([json!(score)]).collect())
            .collect();
        let names = columns.iter().map(String::as_str).chain(["score"]);
        Ok(json!({
            "manifest": {
                "column_count": columns.len() + 1,
                // Clients look a column up as `{"name": …}`: one key more and they do not find it.
                "columns": names.map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            },
            "result": { "row_count": rows.len(), "data_array": rows },
        }))
    }

    fn refuse_what_is_not_there(&self) -> Result<()> {
        let absent = [
            ("query_columns", &self.query_columns),
            ("sort_columns", &self.sort_columns),
            ("facets", &self.facets),
            ("reranker", &self.reranker),
            ("columns_to_rerank", &self.columns_to_rerank),
        ];
        match absent.into_iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => Err(Error::argument(name, "this server does not support it; leave it out")),
            None => Ok(()),
        }
    }
}

fn kind(name: Option<&str>) -> Result<QueryKind> {
    let name = name.unwrap_or("ANN");
    let kinds = [("ANN", QueryKind::Ann), ("HYBRID", QueryKind::Hybrid), ("FULL_TEXT", QueryKind::FullText)];
    kinds
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, kind)| kind)
        .ok_or_else(|| Error::argument("query_type", format!("`{name}` is not `ANN`, `HYBRID` or `FULL_TEXT`")))
}

fn by(text: Option<String>, vector: Option<Vec<f32>>, kind: QueryKind) -> Result<By> {
    match (text, vector, kind) {
        (Some(text), None, _) => Ok(By::Text(text)),
        (None, Some(vector), QueryKind::Ann) => Ok(By::Vector(vector)),
        (None, Some(_), _) => Err(Error::argument("query_text", "a HYBRID or FULL_TEXT query needs it")),
        (Some(_), Some(_), _) => Err(Error::argument(
            "query_vector",
            "this server does not support it beside `query_text`; give one of them",
        )),
        (None, None, _) => Err(Error::argument("query_text", "give `query_text` or `query_vector`")),
    }
}

/// The filter of a query; blank text is none.
fn only(json: Option<&str>, sql: Option<&str>) -> Result<Option<Filter>> {
    let given = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
    match (given(json), given(sql)) {
        (true, true) => Err(Error::argument("filter_string", "give it or `filters_json`, not both")),
        (true, false) => filter(json),
        (false, true) => filter(sql),
        (false, false) => Ok(None),
    }
}

/// Each column once, in the order asked for.
fn distinct(columns: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        if !once.contains(&column) {
            once.push(column);
        }
    }
    once
}

/// The service's score of a nearest vector is 1 / (1 + d²); with unit vectors d² = 2 − 2 cos. The others are ours:
/// BM25, and the fused score.
fn score(hit: &Hit, kind: QueryKind) -> f64 {
    let score = f64::from(hit.score);
    if kind == QueryKind::Ann { 1.0 / (3.0 - 2.0 * score) } else { score }
}
