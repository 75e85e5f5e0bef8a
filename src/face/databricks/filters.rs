//! The filter of a query: which of its two fields, in which of the two dialects.

use serde_json::Value;

use crate::catalog::{Catalog, EndpointKind, Index};
use crate::error::{Error, Result};
use crate::filter::Filter;

/// Reads the filter of a query; blank text is none. Either field takes either dialect on either kind of endpoint, since
/// `databricks-sdk` has the one field alone; a strict server takes what the kind of endpoint has.
pub(super) fn read(
    catalog: &Catalog,
    index: &Index,
    json: Option<&Value>,
    sql: Option<&str>,
) -> Result<Option<Filter>> {
    let sql = sql.filter(|text| !text.trim().is_empty());
    let json = json.filter(|value| !is_blank(value));
    if let (Some(_), Some(_)) = (json, sql) {
        return Err(Error::argument("filter_string", "give it or `filters_json`, not both"));
    }
    let is_sql = sql.is_some() || json.is_some_and(|json| json.as_str().is_some_and(is_sql));
    if catalog.is_strict() && !index.is_built_in() && (json.is_some() || sql.is_some()) {
        match (index.endpoint.kind, is_sql) {
            (EndpointKind::Standard, true) => {
                let message = "an index on a STANDARD endpoint takes filters in JSON; give `filters_json`";
                return Err(Error::argument("filter_string", message));
            }
            (EndpointKind::StorageOptimized, false) => {
                let message = "an index on a STORAGE_OPTIMIZED endpoint takes filters in SQL; give `filter_string`";
                return Err(Error::argument("filters_json", message));
            }
            _ => {}
        }
    }
    match (json, sql) {
        (Some(Value::String(text)), _) => Filter::parse(text).map(Some),
        (Some(value), _) => Filter::from_json(value).map(Some),
        (None, Some(text)) => Filter::parse(text).map(Some),
        (None, None) => Ok(None),
    }
}

fn is_sql(text: &str) -> bool {
    !text.trim_start().starts_with(['{', '['])
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => matches!(text.trim(), "" | "null" | "{}" | "[]" | "\"\""),
        Value::Array(items) => items.is_empty(),
        Value::Object(pairs) => pairs.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
