//! A query: what its body asks, in which order its parts run, and the page that answers it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::call::{self, Reply};
use super::errors::Refusal;
use super::facets::{self, Facet};
use super::filters;
use super::pages::{self, Place};
use super::rows::{Sort, check_columns, distinct, shown, sorted};
use crate::catalog::{Ask, Catalog, Index, IndexView, RERANKED, RowAt, Subtype, rerank};
use crate::error::{Error, Result};
use crate::face::clock::{Stopwatch, now};
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
    model: Option<String>,
    model_type: Option<String>,
    parameters: Option<RerankParameters>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RerankParameters {
    columns_to_rerank: Option<Vec<String>>,
}

/// `query-next-page`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NextPage {
    page_token: Option<String>,
}

/// The whole answer, before a page is cut from it.
pub(super) struct Answer {
    pub(super) view: IndexView,
    pub(super) columns: Vec<String>,
    /// In the order in which they are shown.
    pub(super) hits: Vec<(RowAt, f64)>,
    /// Columns and rows of facets, where there are some.
    facets: Option<Vec<Value>>,
    debug: Option<Value>,
}

/// What a query asks, checked against the index.
struct Checked {
    columns: Vec<String>,
    kind: QueryKind,
    k: usize,
    text: Option<String>,
    sorts: Vec<Sort>,
    facets: Vec<Facet>,
    rerank: Option<Vec<String>>,
}

/// The first page of a query.
pub(super) fn first_page(catalog: &Catalog, index: &Index, body: &Map<String, Value>) -> Result<Reply, Refusal> {
    let (query, answer) = asked(catalog, index, body)?;
    Ok(Reply::new(page(index, &query, &answer, &Cut { start: 0, before: 0, rows: pages::ROWS })?))
}

/// All rows of a query at once.
pub(super) fn whole(catalog: &Catalog, index: &Index, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let (query, answer) = asked(catalog, index, body)?;
    Ok(page(index, &query, &answer, &Cut { start: 0, before: 0, rows: usize::MAX })?)
}

fn asked(catalog: &Catalog, index: &Index, body: &Map<String, Value>) -> Result<(Query, Answer), Refusal> {
    let query: Query = call::read(body.clone())?;
    let answer = answer(catalog, index, &query)?;
    log(index, body, answer.hits.len())?;
    Ok((query, answer))
}

/// The page that a token asks for.
pub(super) fn next_page(catalog: &Catalog, index: &Index, asked: &NextPage) -> Result<Reply, Refusal> {
    let token = asked.page_token.as_deref().unwrap_or_default();
    let Place { query, offset, last, .. } = pages::read(token, &index.record.id)?;
    let mut answer = answer(catalog, index, &query)?;
    let start = pages::resume(&answer, offset, &last)?;
    // Rows that went meanwhile make room for others, of which nobody asked for more.
    let left = query.num_results.unwrap_or(DEFAULT_K).saturating_sub(offset);
    answer.hits.truncate(start.saturating_add(left));
    Ok(Reply::new(page(index, &query, &answer, &Cut { start, before: offset, rows: pages::ROWS })?))
}

/// Answers a query whole.
pub(super) fn answer(catalog: &Catalog, index: &Index, query: &Query) -> Result<Answer> {
    let whole = Stopwatch::start();
    let view = index.view()?;
    let checked = query.check(index, &view)?;
    let filter = filters::read(catalog, index, query.filters_json.as_ref(), query.filter_string.as_deref())?;

    let mut warnings = Vec::new();
    let embedding = Stopwatch::start();
    let vector = match (&query.query_vector, checked.kind) {
        (_, QueryKind::FullText) => None,
        (Some(vector), _) => Some(vector.clone()),
        (None, _) => Some(catalog.embed(index, checked.text.as_deref().unwrap_or_default())?),
    };
    let embedding_ms = embedding.ms();

    let searching = Stopwatch::start();
    // What is looked at again has to be found first.
    let depth = if checked.rerank.is_some() { checked.k.max(RERANKED) } else { checked.k };
    let found = view.query(Ask {
        kind: checked.kind,
        vector,
        text: checked.text.clone().filter(|_| checked.kind != QueryKind::Ann),
        text_columns: query.query_columns.clone().filter(|columns| !columns.is_empty()),
        k: depth,
        filter,
        matched: !checked.facets.is_empty(),
    })?;
    let searching_ms = searching.ms();
    let threshold = query.score_threshold.unwrap_or(f64::NEG_INFINITY);
    let mut hits: Vec<(RowAt, f64)> = found.hits.into_iter().filter(|(_, score)| *score >= threshold).collect();

    let reranking = Stopwatch::start();
    if let Some(columns) = &checked.rerank {
        match reranked(catalog, index, &view, checked.text.as_deref(), columns, &hits) {
            Ok(again) => hits = again,
            // A second look that fails must not take the first.
            Err(reason) => warnings.push(format!("rows were not reranked: {reason}")),
        }
        if query.reranker.as_ref().is_some_and(|it| it.model_type.as_deref() == Some("MODEL_TYPE_FINETUNED")) {
            warnings.push("there is no fine-tuned reranker here: the base one was taken".to_owned());
        }
    }
    let reranking_ms = reranking.ms();
    hits.truncate(checked.k);
    if !checked.sorts.is_empty() {
        hits = sorted(&view, hits, &checked.sorts)?;
    }
    let facets = match checked.facets.is_empty() {
        true => None,
        false => Some(facets::count(&view, &found.matched, &checked.facets)?),
    };
    let debug = (query.debug_level.unwrap_or_default() > 0 || !warnings.is_empty()).then(|| {
        let mut debug = json!({ "response_time": whole.ms(), "ann_time": searching_ms, "warnings": warnings });
        if query.query_vector.is_none() && checked.kind != QueryKind::FullText {
            debug["embedding_gen_time"] = json!(embedding_ms);
        }
        if checked.rerank.is_some() {
            debug["reranker_time"] = json!(reranking_ms);
        }
        debug
    });
    Ok(Answer { view, columns: checked.columns, hits, facets, debug })
}

impl Query {
    fn check(&self, index: &Index, view: &IndexView) -> Result<Checked> {
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

/// The best rows in the order of a second look, before the others; or why there was none.
fn reranked(
    catalog: &Catalog,
    index: &Index,
    view: &IndexView,
    text: Option<&str>,
    columns: &[String],
    hits: &[(RowAt, f64)],
) -> Result<Vec<(RowAt, f64)>, String> {
    let text = text.ok_or("the query has no `query_text`")?;
    let failed = |error: Error| error.to_string();
    let model = catalog.reranker(index).map_err(failed)?;
    let (best, rest) = hits.split_at(hits.len().min(RERANKED));
    let texts = best.iter().map(|(row, _)| text_of(view, *row, columns)).collect::<Result<Vec<_>>>();
    let scores = rerank(model.as_ref(), text, &texts.map_err(failed)?).map_err(failed)?;
    let mut again: Vec<(RowAt, f64)> = best.iter().zip(scores).map(|((row, _), score)| (*row, score)).collect();
    again.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    again.extend_from_slice(rest);
    Ok(again)
}

fn text_of(view: &IndexView, row: RowAt, columns: &[String]) -> Result<String> {
    let cell = |column: &String| {
        Ok(match view.value(row, column)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        })
    };
    let cells = columns.iter().filter_map(|column| cell(column).transpose()).collect::<Result<Vec<String>>>()?;
    Ok(cells.join(" "))
}

/// Which rows of an answer are a page.
struct Cut {
    start: usize,
    /// How many were shown before.
    before: usize,
    /// How many at most.
    rows: usize,
}

fn page(index: &Index, query: &Query, answer: &Answer, cut: &Cut) -> Result<Value> {
    let Answer { view, columns, hits, .. } = answer;
    let end = cut.start.saturating_add(cut.rows);
    let shown_now = hits.iter().skip(cut.start).take(cut.rows);
    let rows: Vec<Value> = shown_now.map(|(row, score)| shown(view, *row, columns, *score)).collect::<Result<_>>()?;
    let names = columns.iter().map(String::as_str).chain(["score"]);
    let mut out = json!({
        "manifest": {
            "column_count": columns.len() + 1,
            // Clients look a column up as `{"name": …}`: one key more and they do not find it.
            "columns": names.map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        },
        "result": { "row_count": rows.len(), "data_array": rows },
        "next_page_token": "",
    });
    if let Some(facets) = &answer.facets {
        out["manifest"]["facet_column_count"] = json!(facets::COLUMNS.len());
        out["manifest"]["facet_columns"] = facets::COLUMNS.iter().map(|name| json!({ "name": name })).collect();
        out["facet_result"] = json!({ "facet_row_count": facets.len(), "facet_array": facets });
    }
    if let Some(debug) = &answer.debug {
        out["debug_info"] = debug.clone();
    }
    if end < hits.len() {
        let last = view.key(hits[end - 1].0)?;
        let place = Place { query: query.clone(), index: index.record.id.clone(), offset: cut.before + cut.rows, last };
        out["next_page_token"] = json!(pages::write(&place)?);
    }
    Ok(out)
}

fn log(index: &Index, body: &Map<String, Value>, rows: usize) -> Result<()> {
    if index.record.payload_logging {
        let line = json!({ "at": now(), "index": index.record.name, "request": body, "row_count": rows });
        index.log(&line.to_string())?;
    }
    Ok(())
}
