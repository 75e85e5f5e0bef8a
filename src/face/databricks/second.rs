//! The second generation of the service: resource names in place of paths, the same endpoints and indexes below. Owns what differs.
//!
//! ```text
//! workspaces/{any}/endpoints/{endpoint}/indexes/{catalog.schema.index}:query
//! ```

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{self, Call, Reply};
use super::errors::Refusal;
use super::rows::distinct;
use super::{data, endpoints, indexes, query, shapes};
use crate::catalog::{Catalog, Endpoint, Index};
use crate::error::{Error, Result};

/// The field that has another name here, and its name in the first generation.
const MODEL: (&str, &str) = ("embedding_model_endpoint", "embedding_model_endpoint_name");

/// How much of a list is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Slice {
    page_size: Option<usize>,
    page_token: Option<String>,
}

pub(super) fn route(catalog: &Arc<Catalog>, call: &Call, path: &[String]) -> Result<Reply, Refusal> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let ["workspaces", workspace, "endpoints", rest @ ..] = path.as_slice() else { return Err(call.unknown()) };
    let names = Names { workspace };
    match (call.method, rest) {
        ("GET", []) => {
            let all = catalog.endpoints();
            let shown = all.iter().map(|it| names.endpoint_json(catalog, it)).collect::<Result<Vec<_>>>()?;
            sliced(call, "endpoints", shown)
        }
        ("POST", []) => {
            let mut asked: endpoints::Create = call.json()?;
            asked.name = call.param("endpoint_id").map(str::to_owned).or(asked.name);
            Ok(Reply::new(names.endpoint_json(catalog, &endpoints::make(catalog, asked)?)?))
        }
        ("GET", [endpoint]) => Ok(Reply::new(names.endpoint_json(catalog, &catalog.endpoint(endpoint)?)?)),
        ("PATCH", [endpoint]) => {
            let changed = endpoints::retarget(catalog, endpoint, call.json()?)?;
            Ok(Reply::new(names.endpoint_json(catalog, &changed)?))
        }
        ("DELETE", [endpoint]) => endpoints::delete(catalog, endpoint),
        ("GET", [endpoint, "indexes"]) => {
            let all = catalog.indexes(Some(endpoint))?;
            sliced(call, "indexes", all.iter().map(|index| names.index_json(index, call)).collect())
        }
        ("POST", [endpoint, "indexes"]) => {
            let mut asked: indexes::Create = call::read(renamed(call.object()?, MODEL.0, MODEL.1))?;
            asked.name = call.param("index_id").map(str::to_owned).or(asked.name);
            asked.endpoint_name = Some((*endpoint).to_owned());
            Ok(Reply::new(names.index_json(&indexes::make(catalog, asked)?, call)))
        }
        (method, [endpoint, "indexes", last]) => {
            let (name, verb) = last.rsplit_once(':').unwrap_or((last, ""));
            let index = indexes::find(catalog, Some(endpoint), name)?;
            match (method, verb) {
                ("GET", "") => Ok(Reply::new(names.index_json(&index, call))),
                ("DELETE", "") => indexes::delete(catalog, &index),
                ("POST", "query") => ask(catalog, &index, call),
                ("POST", "scan") => scan(&index, &call.json()?),
                ("POST", "upsertData") => data::upsert(&index, &call.json()?),
                ("POST", "removeData") => data::delete(&index, data::keys(call)?),
                ("POST", "sync") => indexes::sync(catalog, &index),
                _ => Err(call.unknown()),
            }
        }
        _ => Err(call.unknown()),
    }
}

/// A query, whose number of rows has another name; there are no pages.
fn ask(catalog: &Catalog, index: &Index, call: &Call) -> Result<Reply, Refusal> {
    let mut body = call.object()?;
    let wanted = ["page_size", "max_results"].into_iter().find_map(|key| body.remove(key).filter(|it| !it.is_null()));
    if let Some(wanted) = wanted {
        body.insert("num_results".to_owned(), wanted);
    }
    let mut answer = query::whole(catalog, index, &body)?;
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("next_page_token");
    }
    Ok(Reply::new(answer))
}

/// Rows in the order of their keys, as plain objects; the token is the last key.
fn scan(index: &Index, asked: &Slice) -> Result<Reply, Refusal> {
    let view = index.view()?;
    let rows = data::after_key(&view, asked.page_token.as_deref(), asked.page_size)?;
    let names = distinct(&view.names());
    let row = |&row: &_| names.iter().map(|name| Ok((name.clone(), view.value(row, name)?))).collect();
    let objects = rows.iter().map(row).collect::<Result<Vec<Map<String, Value>>>>()?;
    let last = rows.last().map(|&row| view.key(row)).transpose()?.unwrap_or_default();
    let more = !view.after(Some(&last).filter(|key| !key.is_empty()).map(String::as_str), 1)?.is_empty();
    let next = if more && !rows.is_empty() { last } else { String::new() };
    Ok(Reply::new(json!({ "data": objects, "next_page_token": next })))
}

/// A part of a list; the token is how many entries came before.
fn sliced(call: &Call, key: &str, all: Vec<Value>) -> Result<Reply, Refusal> {
    let number = |name: &'static str| {
        let given = call.param(name).map(|text| text.parse::<usize>());
        given.transpose().map_err(|_| Error::argument(name, "it is no number that this server gave"))
    };
    let start = number("page_token")?.unwrap_or_default();
    let size = number("page_size")?.filter(|size| *size > 0).unwrap_or(usize::MAX);
    let end = start.saturating_add(size);
    let next = if end < all.len() { end.to_string() } else { String::new() };
    let part: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    Ok(Reply::new(json!({ key: part, "next_page_token": next })))
}

/// The names of things in a workspace, of which there is one, whatever it is called.
struct Names<'a> {
    workspace: &'a str,
}

impl Names<'_> {
    fn endpoint(&self, name: &str) -> String {
        format!("workspaces/{}/endpoints/{name}", self.workspace)
    }

    fn endpoint_json(&self, catalog: &Catalog, it: &Endpoint) -> Result<Value> {
        let count = catalog.indexes(Some(&it.name))?.len();
        let mut out = shapes::endpoint(it, count);
        if let Some(object) = out.as_object_mut() {
            for key in ["num_indexes", "creation_timestamp", "last_updated_timestamp", "scaling_info"] {
                object.remove(key);
            }
            object.insert("name".to_owned(), json!(self.endpoint(&it.name)));
            object.insert("index_count".to_owned(), json!(count));
            object.insert("create_time".to_owned(), json!(instant(it.created_ms)));
            object.insert("update_time".to_owned(), json!(instant(it.updated_ms)));
            object.insert("replica_count".to_owned(), json!(1));
            if let Some(qps) = it.target_qps {
                object.insert("target_qps".to_owned(), json!(qps));
            }
        }
        Ok(out)
    }

    fn index_json(&self, index: &Index, call: &Call) -> Value {
        let Value::Object(shown) = shapes::index(index, call) else { return Value::Null };
        let mut out = renamed(shown, MODEL.1, MODEL.0);
        let endpoint = self.endpoint(&index.endpoint.name);
        out.insert("name".to_owned(), json!(format!("{endpoint}/indexes/{}", index.record.name)));
        out.insert("endpoint".to_owned(), json!(endpoint));
        out.insert("create_time".to_owned(), json!(instant(index.record.created_ms)));
        out.remove("endpoint_name");
        out.remove("endpoint_id");
        Value::Object(out)
    }
}

/// The object with a key by another name, however deep it lies.
fn renamed(object: Map<String, Value>, from: &str, to: &str) -> Map<String, Value> {
    let value = |value: Value| match value {
        Value::Object(inner) => Value::Object(renamed(inner, from, to)),
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(inner) => Value::Object(renamed(inner, from, to)),
                other => other,
            })
            .collect(),
        other => other,
    };
    object.into_iter().map(|(key, inner)| (if key == from { to.to_owned() } else { key }, value(inner))).collect()
}

fn instant(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
