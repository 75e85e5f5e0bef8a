//! What the body of a query asks, checked against the index before anything is embedded or searched.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facets::{self, Facet};
use super::rows::{Sort, check_columns, distinct};
use crate::catalog::{Index, IndexView, Subtype};
use crate::error::{Error, Result};
use crate::face::question::DEFAULT_K;
use crate::index::QueryKind;

/// The most rows by vectors; and by words, or by both.
const MAX_NEAREST: usize = 10_000;
const MAX_OF_WORDS: usize = 200;
/// The most bytes of a query's text.
const MAX_TEXT: usize = 32_764;
/// The one model that looks at rows again.
const RERANKER: &str = "databricks_reranker";

/// The body of a query. Unknown fields are passed over.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    pub(super) columns: Vec<String>,
    pub(super) query_text: Option<String>,
    pub(super) query_vector: Option<Vec<f32>>,
    pub(super) query_type: Option<String>,
    pub(super) num_results: Option<usize>,
    pub(super) filters_json: Option<Value>,
    pub(super) filter_string: Option<String>,
    pub(super) score_threshold: Option<f64>,
    pub(super) query_columns: Option<Vec<String>>,
    pub(super) sort_columns: Option<Vec<String>>,
    pub(super) facets: Option<Vec<String>>,
    pub(super) reranker: Option<Reranker>,
    pub(super) columns_to_rerank: Option<Vec<String>>,
    pub(super) debug_level: Option<i64>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Reranker {
    pub(super) model: Option<String>,
    pub(super) model_type: Option<String>,
    pub(super) parameters: Option<RerankParameters>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RerankParameters {
    columns_to_rerank: Option<Vec<String>>,
}

/// What a query asks, checked against the index.
pub(super) struct Checked {
    pub(super) columns: Vec<String>,
    pub(super) kind: QueryKind,
    pub(super) k: usize,
    pub(super) text: Option<String>,
    pub(super) sorts: Vec<Sort>,
    pub(super) facets: Vec<Facet>,
    pub(super) rerank: Option<Vec<String>>,
}

impl Query {
    pub(super) fn check(&self, index: &Index, view: &IndexView) -> Result<Checked> {
        let kind = self.kind(index)?;
        // The desk's own ranking has no such limit.
        let is_wide = kind == QueryKind::Ann || index.is_built_in();
        let most = if is_wide { MAX_NEAREST } else { MAX_OF_WORDS };
        let k = self.num_results.unwrap_or(DEFAULT_K);
        if k == 0 || k > most {
            return Err(Error::argument("num_results", format!("{k} is not between 1 and {most}")));
        }
        let columns = distinct(&self.columns);
        if columns.is_empty() {
            return Err(Error::argument("columns", "name at least one column to return"));
        }
        check_columns(view, &columns)?;
        check_columns(view, self.query_columns.as_deref().unwrap_or_default())?;
        let sorts = self.sort_columns.iter().flatten().map(|text| Sort::read(text, view)).collect::<Result<_>>()?;
        let facets = facets::read(self.facets.as_deref().unwrap_or_default(), view)?;
        let text = self.text(kind)?;
        Ok(Checked { columns, kind, k, text, sorts, facets, rerank: self.rerank(view)? })
    }

    /// An index of words alone is asked by words unless said otherwise.
    fn kind(&self, index: &Index) -> Result<QueryKind> {
        let of_words = index.record.subtype == Subtype::FullText;
        let name = self.query_type.as_deref().unwrap_or(if of_words { "FULL_TEXT" } else { "ANN" });
        let kinds = [("ANN", QueryKind::Ann), ("HYBRID", QueryKind::Hybrid), ("FULL_TEXT", QueryKind::FullText)];
        let kind = kinds.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| kind);
        match kind {
            None => Err(Error::argument("query_type", format!("`{name}` is not `ANN`, `HYBRID` or `FULL_TEXT`"))),
            Some(QueryKind::Ann | QueryKind::Hybrid) if of_words => {
                let message = format!("`{}` is a FULL_TEXT index: it has no vectors", index.record.name);
                Err(Error::argument("query_type", message))
            }
            Some(kind) => Ok(kind),
        }
    }

    fn text(&self, kind: QueryKind) -> Result<Option<String>> {
        let text = self.query_text.as_ref().filter(|text| !text.trim().is_empty());
        if let Some(text) = text.filter(|text| text.len() > MAX_TEXT) {
            let message = format!("{} bytes; {MAX_TEXT} are the most", text.len());
            return Err(Error::argument("query_text", message));
        }
        match (kind, text, &self.query_vector) {
            (QueryKind::Ann, None, None) => Err(Error::argument("query_text", "give `query_text` or `query_vector`")),
            (QueryKind::Ann, Some(_), Some(_)) => {
                Err(Error::argument("query_vector", "give it or `query_text`; a HYBRID query takes both"))
            }
            (QueryKind::Hybrid | QueryKind::FullText, None, _) => {
                Err(Error::argument("query_text", "a HYBRID or FULL_TEXT query needs it"))
            }
            _ => Ok(text.cloned()),
        }
    }

    /// The columns that are looked at again; `None` where nobody asked.
    fn rerank(&self, view: &IndexView) -> Result<Option<Vec<String>>> {
        let given = self.reranker.as_ref();
        if let Some(model) = given.map(|it| it.model.as_deref().unwrap_or_default()).filter(|name| *name != RERANKER) {
            return Err(Error::argument("reranker", format!("`{model}` is not `{RERANKER}`")));
        }
        let within = given.and_then(|it| it.parameters.as_ref()?.columns_to_rerank.clone());
        let columns = within.or_else(|| self.columns_to_rerank.clone()).unwrap_or_default();
        check_columns(view, &columns)?;
        match (given, columns.is_empty()) {
            (Some(_), true) => Err(Error::argument("columns_to_rerank", "a reranker needs at least one")),
            (None, true) => Ok(None),
            (_, false) => Ok(Some(columns)),
        }
    }
}
