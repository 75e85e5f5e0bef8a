//! What clients of the service ask besides: discovery, who they are, models, columns of tables, permissions.

use serde_json::{Map, Value, json};

use super::call::{Call, Reply};
use super::errors::Refusal;
use super::shapes::CREATOR;
use crate::catalog::{Catalog, Endpoint, bare};
use crate::collection::{Column, ColumnType, Primitive};
use crate::error::{Error, Result};
use crate::face::clock::now_millis;

/// What somebody may do with an endpoint.
const LEVELS: [(&str, &str); 3] = [
    ("CAN_CREATE", "Can create endpoints"),
    ("CAN_USE", "Can use the endpoint"),
    ("CAN_MANAGE", "Can manage the endpoint"),
];
/// By which of these keys an entry names somebody.
const PRINCIPALS: [&str; 3] = ["user_name", "group_name", "service_principal_name"];

/// The paths of no generation.
pub(super) fn route(catalog: &Catalog, call: &Call, path: &[String]) -> Result<Reply, Refusal> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (call.method, path.as_slice()) {
        // Clients wait for this before anything else.
        ("GET", [".well-known", "databricks-config"]) => Ok(Reply::new(json!({ "workspace_id": "1", "cloud": "AWS" }))),
        ("GET", ["api", "2.0", "preview", "scim", "v2", "Me"]) => {
            let me = json!({ "id": "1", "userName": CREATOR, "displayName": CREATOR, "active": true });
            Ok(Reply::new(me).with_header("x-databricks-org-id", "1"))
        }
        ("POST", ["oidc", "v1", "token"]) => Ok(Reply::new(json!({
            "access_token": CREATOR, "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis",
        }))),
        ("GET", ["api", "2.0", "serving-endpoints"]) => Ok(Reply::new(json!({ "endpoints": [] }))),
        ("GET", ["api", "2.0", "serving-endpoints", name]) => model(catalog, name),
        ("POST", ["serving-endpoints", name, "invocations"])
        | ("POST", ["api", "2.0", "serving-endpoints", name, "invocations"]) => embed(catalog, name, call),
        (_, ["api", "2.0", "serving-endpoints", ..]) => {
            Err(Refusal::not_implemented("models are not made here; name them in the configuration, under [models]"))
        }
        ("GET", ["api", "2.1", "unity-catalog", "tables", name]) => table(catalog, name),
        (_, ["api", "2.1", "unity-catalog", "tables", ..]) => {
            Err(Refusal::not_implemented("tables are not made here; name them in the configuration, under [tables]"))
        }
        (method, ["api", "2.0", "permissions", "vector-search-endpoints", id, rest @ ..]) => {
            permissions(catalog, call, method, id, rest)
        }
        _ => Err(call.unknown()),
    }
}

fn model(catalog: &Catalog, name: &str) -> Result<Reply, Refusal> {
    catalog.check_model(name)?;
    let state = json!({ "ready": "READY", "config_update": "NOT_UPDATING" });
    let body = json!({ "name": name, "id": name, "creator": CREATOR, "route_optimized": false, "state": state });
    Ok(Reply::new(body))
}

/// Embeds texts as the service's models do: a vector for each, in their order.
fn embed(catalog: &Catalog, name: &str, call: &Call) -> Result<Reply, Refusal> {
    let texts: Vec<String> = match call.object()?.remove("input") {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) => texts
            .into_iter()
            .map(|text| match text {
                Value::String(text) => Ok(text),
                other => Err(Error::argument("input", format!("`{other}` is no text"))),
            })
            .collect::<Result<_>>()?,
        _ => return Err(Error::argument("input", "give a text or a list of texts").into()),
    };
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = catalog.model(name)?.embed(&texts)?;
    let data = vectors.iter().zip(0..).map(|(vector, at): (_, usize)| {
        json!({ "object": "embedding", "index": at, "embedding": vector.as_ref() as &[f32] })
    });
    Ok(Reply::new(json!({ "object": "list", "data": data.collect::<Vec<_>>(), "model": name })))
}

/// The columns of a table or of an index.
fn table(catalog: &Catalog, name: &str) -> Result<Reply, Refusal> {
    let name = bare(name);
    let columns = catalog.columns(&name)?;
    let columns: Vec<Value> = columns.iter().zip(0..).map(|(column, at)| described(column, at)).collect();
    let mut parts = name.splitn(3, '.');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (of_catalog, schema, short) = (part(), part(), part());
    Ok(Reply::new(json!({
        "full_name": name,
        "catalog_name": of_catalog,
        "schema_name": schema,
        "name": short,
        "table_type": "MANAGED",
        "columns": columns,
    })))
}

fn described(column: &Column, at: usize) -> Value {
    let type_name = match column.kind {
        ColumnType::Array(_) => "ARRAY",
        ColumnType::One(kind) => match kind {
            Primitive::Tinyint => "BYTE",
            Primitive::Smallint => "SHORT",
            Primitive::Int => "INT",
            Primitive::Bigint => "LONG",
            Primitive::Float => "FLOAT",
            Primitive::Double => "DOUBLE",
            Primitive::Boolean => "BOOLEAN",
            Primitive::String => "STRING",
            Primitive::Date => "DATE",
            Primitive::Timestamp => "TIMESTAMP",
        },
    };
    json!({ "name": column.name, "type_name": type_name, "type_text": column.kind.name(), "position": at })
}

/// Entries are kept and given back; nobody is refused by them.
fn permissions(catalog: &Catalog, call: &Call, method: &str, id: &str, rest: &[&str]) -> Result<Reply, Refusal> {
    let endpoint = catalog.endpoint_of_id(id)?;
    match (method, rest) {
        ("GET", []) => Ok(Reply::new(granted(&endpoint))),
        ("PUT" | "PATCH", []) => {
            let entries = entries(call.object()?)?;
            let changed = catalog.change_endpoint(&endpoint.name, now_millis(), |endpoint| {
                if method == "PUT" {
                    endpoint.permissions.clear();
                }
                for entry in entries {
                    endpoint.permissions.retain(|own| principal(own) != principal(&entry));
                    endpoint.permissions.push(entry);
                }
                Ok(())
            })?;
            Ok(Reply::new(granted(&changed)))
        }
        ("GET", ["permissionLevels"]) => {
            let levels = LEVELS.iter().map(|(level, words)| json!({ "permission_level": level, "description": words }));
            Ok(Reply::new(json!({ "permission_levels": levels.collect::<Vec<_>>() })))
        }
        _ => Err(call.unknown()),
    }
}

fn entries(mut body: Map<String, Value>) -> Result<Vec<Value>> {
    let entries = match body.remove("access_control_list") {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    for entry in &entries {
        let level = entry.get("permission_level").and_then(Value::as_str).unwrap_or_default();
        if !LEVELS.iter().any(|(known, _)| *known == level) {
            return Err(Error::argument(
                "permission_level",
                format!("`{level}` is not CAN_CREATE, CAN_USE or CAN_MANAGE"),
            ));
        }
        if principal(entry).is_none() {
            let message = "each entry names a `user_name`, `group_name` or `service_principal_name`";
            return Err(Error::argument("access_control_list", message));
        }
    }
    Ok(entries)
}

/// Whom an entry is about.
fn principal(entry: &Value) -> Option<(&'static str, &str)> {
    PRINCIPALS.into_iter().find_map(|key| Some((key, entry.get(key)?.as_str()?)))
}

fn granted(endpoint: &Endpoint) -> Value {
    let shown = |entry: &Value| {
        let level = json!([{ "permission_level": entry["permission_level"], "inherited": false }]);
        let mut out = Map::new();
        if let Some((key, name)) = principal(entry) {
            out.insert(key.to_owned(), json!(name));
        }
        out.insert("all_permissions".to_owned(), level);
        Value::Object(out)
    };
    json!({
        "object_id": format!("/vector-search-endpoints/{}", endpoint.id),
        "object_type": "vector-search-endpoints",
        "access_control_list": endpoint.permissions.iter().map(shown).collect::<Vec<_>>(),
    })
}
