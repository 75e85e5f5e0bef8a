//! The directory of the desk's own two indexes, under the names that the Databricks face gives them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Directory, IndexTool, Presets};
use crate::engine::{By, Engine, SearchRequest};
use crate::error::{Error, Result};
use crate::face::mcp::fresh;
use crate::face::question::filter;
use crate::index::{Cells, Hit, QueryKind};
use crate::rebuild::{STEPS, TICKETS};

/// Where the desk's indexes are.
const CATALOG: &str = "main";
const SCHEMA: &str = "support";

/// What an agent is told of each of them.
const DESCRIPTIONS: [(&str, &str); 2] = [
    (
        TICKETS,
        "Searches the tickets of a customer support desk, a row a ticket: what the customer asked for, how it was solved and how long that took. Personal data are masked.",
    ),
    (
        STEPS,
        "Searches what the agents of a customer support desk did, a row an action: the conversation just before, the action, the message, and how the ticket ended. Personal data are masked.",
    ),
];

/// The directory.
pub(in crate::face::mcp) fn directory(engine: Arc<Engine>) -> Directory {
    let answering = Arc::clone(&engine);
    Directory {
        list: Arc::new(move |catalog, schema| list(&engine, catalog, schema)),
        query: Arc::new(move |name, text, presets| query(&answering, name, text, presets)),
    }
}

fn list(engine: &Engine, catalog: &str, schema: &str) -> Result<Vec<IndexTool>> {
    if (catalog, schema) != (CATALOG, SCHEMA) {
        return Ok(Vec::new());
    }
    fresh(engine)?;
    let names: Vec<String> = engine.with_snapshot(|snapshot| snapshot.index_names().map(str::to_owned).collect());
    let known = DESCRIPTIONS.iter().filter(|(name, _)| names.iter().any(|there| there == name));
    let tool = |(name, description): &(&str, &str)| IndexTool {
        full_name: format!("{CATALOG}.{SCHEMA}.{name}"),
        description: (*description).to_owned(),
    };
    Ok(known.map(tool).collect())
}

fn query(engine: &Engine, full_name: &str, text: &str, presets: &Presets) -> Result<Vec<Map<String, Value>>> {
    fresh(engine)?;
    let prefix = format!("{CATALOG}.{SCHEMA}.");
    let index = full_name.strip_prefix(prefix.as_str()).unwrap_or(full_name);
    if presets.columns_to_rerank.is_some() {
        return Err(Error::argument("columns_to_rerank", "this index has no reranker; leave it out"));
    }
    let kind = presets.kind()?;
    let columns = match &presets.columns {
        Some(columns) => columns.clone(),
        None => {
            let mut all = engine.with_snapshot(|snapshot| Ok::<_, Error>(snapshot.index(index)?.columns()))?;
            all.retain(|name| !name.starts_with("__"));
            all
        }
    };
    let request = SearchRequest {
        index: index.to_owned(),
        by: By::Text(text.to_owned()),
        kind,
        k: presets.num_results,
        filter: filter(presets.filters.as_deref())?,
        columns: Some(columns),
        one_per_group: false,
        explain: false,
    };
    let found = engine.search(&request)?;
    let scored = found.rows.into_iter().map(|(hit, cells)| (score(&hit, kind), cells));
    let row = |(score, cells): (f64, Cells)| {
        let mut row: Map<String, Value> = cells.into_iter().collect();
        if presets.include_score {
            row.insert("score".to_owned(), json!(score));
        }
        row
    };
    Ok(scored.filter(|(score, _)| presets.score_threshold.is_none_or(|least| *score >= least)).map(row).collect())
}

/// The service's score of a nearest vector, 1 / (1 + d²), where d² = 2 − 2 cos; the others are ours.
fn score(hit: &Hit, kind: QueryKind) -> f64 {
    let score = f64::from(hit.score);
    if kind == QueryKind::Ann { 1.0 / (3.0 - 2.0 * score) } else { score }
}
