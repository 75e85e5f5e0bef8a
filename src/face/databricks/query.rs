//! A query: in which order its parts run, and the page that answers it. What its body asks is in `asked`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::asked::Query;
use super::call::{self, Reply};
use super::errors::Refusal;
use super::facets;
use super::filters;
use super::pages::{self, Place};
use super::rows::{shown, sorted};
use crate::catalog::{Catalog, Index, IndexView, RERANKED, RowAt, rerank};
use crate::collection::CollectionQuery;
use crate::error::{Error, Result};
use crate::face::clock::{Stopwatch, now};
use crate::face::question::DEFAULT_K;
use crate::index::QueryKind;
use crate::stage::{Stage, Watch};

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
    watch: Watch,
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
    let ask = CollectionQuery {
        kind: checked.kind,
        vector,
        text: checked.text.clone().filter(|_| checked.kind != QueryKind::Ann),
        text_columns: query.query_columns.clone().filter(|columns| !columns.is_empty()),
        k: depth,
        filter,
        watch: catalog.watch().clone(),
    };
    let found = view.query(ask, !checked.facets.is_empty())?;
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
    Ok(Answer { view, columns: checked.columns, hits, facets, debug, watch: catalog.watch().clone() })
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
    let rows = || shown_now.map(|(row, score)| shown(view, *row, columns, *score)).collect::<Result<Vec<Value>>>();
    let rows = answer.watch.time(Stage::Cells, rows)?;
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
