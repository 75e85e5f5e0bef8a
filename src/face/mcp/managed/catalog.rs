//! The directory of the vector search API: its indexes, the desk's own two among them, and what they answer.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Directory, IndexTool};
use crate::catalog::{Catalog, IndexRecord};
use crate::engine::Engine;
use crate::error::Result;
use crate::face::databricks::{Preset, indexes_of_schema, rows_for_text};
use crate::face::mcp::fresh;

/// What an agent is told of the desk's own.
const DESCRIPTIONS: [(&str, &str); 2] = [
    (
        "main.support.tickets",
        "Searches the tickets of a customer support desk, a row a ticket: what the customer asked for, how it was solved and how long that took. Personal data are masked.",
    ),
    (
        "main.support.steps",
        "Searches what the agents of a customer support desk did, a row an action: the conversation just before, the action, the message, and how the ticket ended. Personal data are masked.",
    ),
];

/// The directory. What is forgotten by now is asked of `engine` before each answer.
pub(in crate::face::mcp) fn directory(engine: Arc<Engine>, catalog: Arc<Catalog>) -> Directory {
    let (looking, listing) = (Arc::clone(&engine), Arc::clone(&catalog));
    Directory {
        list: Arc::new(move |catalog, schema| list(&looking, &listing, &format!("{catalog}.{schema}"))),
        query: Arc::new(move |name, text, preset| query(&engine, &catalog, name, text, preset)),
    }
}

/// The indexes that a text can be asked of: the desk's as they are described, then the others by name.
fn list(engine: &Engine, catalog: &Catalog, schema: &str) -> Result<Vec<IndexTool>> {
    fresh(engine)?;
    let mut found = indexes_of_schema(catalog, schema)?;
    found.retain(|record| record.embedded().is_some());
    let place = |record: &IndexRecord| DESCRIPTIONS.iter().position(|(name, _)| *name == record.name);
    found.sort_by_key(|record| place(record).unwrap_or(DESCRIPTIONS.len()));
    let tool = |record: IndexRecord| {
        let description = match place(&record) {
            Some(at) => DESCRIPTIONS[at].1.to_owned(),
            None => match record.delta_sync() {
                Some(spec) => format!("Searches the rows of the table {} for a text.", spec.source_table),
                None => format!("Searches the rows of {} for a text.", record.name),
            },
        };
        IndexTool { full_name: record.name, description }
    };
    Ok(found.into_iter().map(tool).collect())
}

fn query(
    engine: &Engine,
    catalog: &Catalog,
    name: &str,
    text: &str,
    preset: &Preset,
) -> Result<Vec<Map<String, Value>>> {
    fresh(engine)?;
    rows_for_text(catalog, name, text, preset)
}
