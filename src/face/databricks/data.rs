//! Rows that are written, deleted and read through.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Call, Reply};
use super::errors::Refusal;
use crate::catalog::{Index, IndexView, RowAt};
use crate::collection::Batch;
use crate::error::{Error, Result};

/// Rows of a scan that does not say.
const DEFAULT_ROWS: usize = 10;
/// The most rows of one scan.
const MAX_ROWS: usize = 10_000;

/// `POST /indexes/{name}/upsert-data`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Upsert {
    inputs_json: Option<String>,
}

/// `POST /indexes/{name}/scan`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Scan {
    num_results: Option<usize>,
    last_primary_key: Option<Value>,
}

pub(super) fn upsert(index: &Index, asked: &Upsert) -> Result<Reply, Refusal> {
    let text = asked.inputs_json.as_deref().unwrap_or_default();
    let rows: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|error| {
        Error::argument("inputs_json", format!("it is not the text of a JSON list of rows: {error}"))
    })?;
    let (mut upserts, mut failed) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        match index.row(row)? {
            Ok(row) => upserts.push(row),
            Err(_) => failed.push(shown(row.get(&index.record.primary_key).unwrap_or(&Value::Null))),
        }
    }
    written(index, Batch { upserts, deletes: Vec::new() }, &failed)
}

/// The keys of a deletion: repeated parameters, a body, or both.
pub(super) fn keys(call: &Call) -> Result<Vec<Value>, Refusal> {
    let mut keys: Vec<Value> = call.all("primary_keys").map(|key| json!(key)).collect();
    match call.object()?.get("primary_keys") {
        None | Some(Value::Null) => {}
        Some(Value::Array(more)) => keys.extend(more.iter().cloned()),
        Some(_) => return Err(Error::argument("primary_keys", "give a list of keys").into()),
    }
    if keys.is_empty() {
        return Err(Error::argument("primary_keys", "give at least one").into());
    }
    Ok(keys)
}

pub(super) fn delete(index: &Index, keys: Vec<Value>) -> Result<Reply, Refusal> {
    let (mut deletes, mut failed) = (Vec::with_capacity(keys.len()), Vec::new());
    for key in &keys {
        match index.key(key)? {
            Ok(key) => deletes.push(key),
            Err(_) => failed.push(shown(key)),
        }
    }
    written(index, Batch { upserts: Vec::new(), deletes }, &failed)
}

/// Writes a batch, and says which of its rows were none.
fn written(index: &Index, batch: Batch, failed: &[String]) -> Result<Reply, Refusal> {
    let count = batch.upserts.len() + batch.deletes.len();
    // Also of nothing: an index that follows a table says so.
    index.apply(batch)?;
    let status = match (count, failed.len()) {
        (_, 0) => "SUCCESS",
        (0, _) => "FAILURE",
        _ => "PARTIAL_SUCCESS",
    };
    let result = json!({ "success_row_count": count, "failed_primary_keys": failed });
    Ok(Reply::new(json!({ "status": status, "result": result })))
}

pub(super) fn scan(index: &Index, asked: &Scan) -> Result<Reply, Refusal> {
    let after = asked.last_primary_key.as_ref().map(shown);
    let view = index.view()?;
    let rows = after_key(&view, after.as_deref(), asked.num_results)?;
    let names = view.names();
    let data: Vec<Value> = rows.iter().map(|&row| fields(&view, row, &names)).collect::<Result<_>>()?;
    let mut out = json!({ "data": data });
    if let Some(&last) = rows.last() {
        out["last_primary_key"] = json!(view.key(last)?);
    }
    Ok(Reply::new(out))
}

/// The rows after a key, in the order of the keys.
pub(super) fn after_key(view: &IndexView, after: Option<&str>, n: Option<usize>) -> Result<Vec<RowAt>> {
    let n = n.unwrap_or(DEFAULT_ROWS);
    if n == 0 || n > MAX_ROWS {
        return Err(Error::argument("num_results", format!("{n} is not between 1 and {MAX_ROWS}")));
    }
    view.after(after.filter(|key| !key.is_empty()), n)
}

fn fields(view: &IndexView, row: RowAt, names: &[String]) -> Result<Value> {
    let field = |name: &String| Ok(json!({ "key": name, "value": typed(&view.value(row, name)?) }));
    let fields = names.iter().map(field).collect::<Result<Vec<Value>>>()?;
    Ok(json!({ "fields": fields }))
}

/// A value that says its type, as a scan has it.
fn typed(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(it) => json!({ "bool_value": it }),
        Value::Number(it) => json!({ "number_value": it }),
        Value::String(it) => json!({ "string_value": it }),
        Value::Array(items) => {
            json!({ "list_value": { "values": items.iter().map(typed).collect::<Vec<_>>() } })
        }
        Value::Object(pairs) => {
            let field = |(key, value): (&String, &Value)| json!({ "key": key, "value": typed(value) });
            json!({ "struct_value": { "fields": pairs.iter().map(field).collect::<Vec<_>>() } })
        }
    }
}

/// A key as text.
fn shown(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}
