//! Indexes: what clients ask of them but for their rows.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Call, Reply};
use super::errors::Refusal;
use super::patience::within;
use super::shapes::{CREATOR, index as shown, short};
use crate::catalog::{
    Catalog, DeltaSync, DirectAccess, Embedded, Index, NewIndex, Pipeline, Spec, Subtype, VectorSpec, bare,
};
use crate::error::{Error, Result};
use crate::face::clock::now_millis;

/// `POST /indexes`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Create {
    pub(super) name: Option<String>,
    pub(super) endpoint_name: Option<String>,
    primary_key: Option<String>,
    index_type: Option<String>,
    index_subtype: Option<String>,
    delta_sync_index_spec: Option<Following>,
    direct_access_index_spec: Option<Written>,
    usage_policy_id: Option<String>,
    payload_logging_enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Following {
    source_table: Option<String>,
    pipeline_type: Option<String>,
    embedding_source_columns: Option<Vec<SourceColumn>>,
    embedding_vector_columns: Option<Vec<VectorColumn>>,
    columns_to_sync: Option<Vec<String>>,
    columns_to_index: Option<Vec<String>>,
    embedding_writeback_table: Option<String>,
    budget_policy_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    schema_json: Option<String>,
    embedding_source_columns: Option<Vec<SourceColumn>>,
    embedding_vector_columns: Option<Vec<VectorColumn>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SourceColumn {
    name: Option<String>,
    embedding_model_endpoint_name: Option<String>,
    model_endpoint_name_for_query: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VectorColumn {
    name: Option<String>,
    embedding_dimension: Option<usize>,
}

/// The index of a name; on an endpoint where that is named too.
pub(super) fn find(catalog: &Catalog, endpoint: Option<&str>, name: &str) -> Result<Index> {
    let index = catalog.index(name)?;
    if endpoint.is_none_or(|endpoint| endpoint == index.endpoint.name) {
        return Ok(index);
    }
    Err(Error::NotThere { what: "index", name: bare(name) })
}

pub(super) fn list(catalog: &Catalog, endpoint: Option<&str>) -> Result<Reply, Refusal> {
    let all: Vec<Map<String, Value>> = catalog.indexes(endpoint)?.iter().map(short).collect();
    Ok(Reply::new(json!({ "vector_indexes": all })))
}

pub(super) fn create(catalog: &Arc<Catalog>, call: &Call, endpoint: Option<&str>) -> Result<Reply, Refusal> {
    let mut asked: Create = call.json()?;
    if let Some(endpoint) = endpoint {
        asked.endpoint_name = Some(endpoint.to_owned());
    }
    let made = make(catalog, asked)?;
    Ok(Reply::new(shown(&made, call)))
}

pub(super) fn make(catalog: &Arc<Catalog>, asked: Create) -> Result<Index> {
    let subtype = match asked.index_subtype.as_deref() {
        None | Some("HYBRID") => Subtype::Hybrid,
        Some("FULL_TEXT") => Subtype::FullText,
        Some(other) => {
            return Err(Error::argument("index_subtype", format!("`{other}` is not HYBRID or FULL_TEXT")));
        }
    };
    let specs = (asked.delta_sync_index_spec, asked.direct_access_index_spec);
    let spec = match (asked.index_type.as_deref(), specs) {
        (Some("DELTA_SYNC"), (Some(spec), None)) => Spec::DeltaSync(spec.read()?),
        (Some("DIRECT_ACCESS"), (None, Some(spec))) => Spec::DirectAccess(spec.read()?),
        (Some("DELTA_SYNC"), _) => {
            return Err(Error::argument("delta_sync_index_spec", "a DELTA_SYNC index needs this spec and no other"));
        }
        (Some("DIRECT_ACCESS"), _) => {
            let message = "a DIRECT_ACCESS index needs this spec and no other";
            return Err(Error::argument("direct_access_index_spec", message));
        }
        (given, _) => {
            let message = format!("`{}` is not DELTA_SYNC or DIRECT_ACCESS", given.unwrap_or_default());
            return Err(Error::argument("index_type", message));
        }
    };
    let new = NewIndex {
        name: required("name", asked.name)?,
        endpoint: required("endpoint_name", asked.endpoint_name)?,
        primary_key: required("primary_key", asked.primary_key)?,
        subtype,
        spec,
        creator: CREATOR.to_owned(),
        usage_policy: asked.usage_policy_id,
        payload_logging: asked.payload_logging_enabled.unwrap_or_default(),
    };
    let name = new.name.clone();
    let own = Arc::clone(catalog);
    // A large table is embedded for minutes: the index is there by then, and says how far it is.
    match within(move || own.create_index(new, now_millis())) {
        Some(made) => made,
        None => catalog.index(&name),
    }
}

pub(super) fn get(index: &Index, call: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::new(shown(index, call)))
}

pub(super) fn delete(catalog: &Catalog, index: &Index) -> Result<Reply, Refusal> {
    catalog.delete_index(&index.record.name)?;
    Ok(Reply::nothing())
}

pub(super) fn sync(catalog: &Arc<Catalog>, index: &Index) -> Result<Reply, Refusal> {
    let (own, name) = (Arc::clone(catalog), index.record.name.clone());
    if let Some(done) = within(move || own.sync(&name, now_millis())) {
        done?;
    }
    Ok(Reply::nothing())
}

/// Whether questions are written to a file.
pub(super) fn log_payload(catalog: &Catalog, index: &Index, call: &Call) -> Result<Reply, Refusal> {
    let object = call.object()?;
    let Some(enabled) = object.get("payload_logging_enabled").and_then(Value::as_bool) else {
        let message = "it is the one thing of an index that can be changed; give true or false";
        return Err(Error::argument("payload_logging_enabled", message).into());
    };
    let changed = catalog.change_index(&index.record.name, |record| record.payload_logging = enabled)?;
    Ok(Reply::new(shown(&changed, call)))
}

pub(super) fn usage_policy(catalog: &Catalog, index: &Index, call: &Call) -> Result<Reply, Refusal> {
    let policy = call.object()?.get("usage_policy_id").and_then(Value::as_str).map(str::to_owned);
    let changed = catalog.change_index(&index.record.name, |record| record.usage_policy = policy)?;
    Ok(Reply::new(shown(&changed, call)))
}

impl Following {
    fn read(self) -> Result<DeltaSync> {
        let pipeline = match self.pipeline_type.as_deref() {
            Some("TRIGGERED") => Pipeline::Triggered,
            Some("CONTINUOUS") => Pipeline::Continuous,
            Some(other) => {
                let message = format!("`{other}` is not TRIGGERED or CONTINUOUS");
                return Err(Error::argument("pipeline_type", message));
            }
            None => return Err(Error::argument("pipeline_type", "give TRIGGERED or CONTINUOUS")),
        };
        let columns = match (self.columns_to_sync, self.columns_to_index) {
            (Some(_), Some(_)) => {
                return Err(Error::argument("columns_to_index", "it is another name of `columns_to_sync`; give one"));
            }
            (columns, None) | (None, columns) => columns,
        };
        let embedded = one("embedding_source_columns", self.embedding_source_columns)?;
        if embedded.as_ref().is_some_and(|column| column.name.is_none()) {
            return Err(Error::argument("embedding_source_columns", "`name` says which column is embedded"));
        }
        Ok(DeltaSync {
            source_table: required("source_table", self.source_table)?,
            pipeline,
            columns: columns.filter(|columns| !columns.is_empty()),
            embedded: embedded.map(SourceColumn::read).transpose()?,
            vector: vector(self.embedding_vector_columns)?,
            writeback: self.embedding_writeback_table.map(|name| bare(&name)),
            budget_policy: self.budget_policy_id,
        })
    }
}

impl Written {
    fn read(self) -> Result<DirectAccess> {
        let text = required("schema_json", self.schema_json)?;
        let columns = serde_json::from_str(&text)
            .map_err(|error| Error::argument("schema_json", format!("{error}; give {{\"column\": \"type\", …}}")))?;
        let embedded = one("embedding_source_columns", self.embedding_source_columns)?;
        let model = embedded.map(SourceColumn::read).transpose()?;
        Ok(DirectAccess { vector: vector(self.embedding_vector_columns)?, columns, model })
    }
}

impl SourceColumn {
    fn read(self) -> Result<Embedded> {
        let model = required("embedding_model_endpoint_name", self.embedding_model_endpoint_name)?;
        Ok(Embedded { column: self.name, model, query_model: self.model_endpoint_name_for_query })
    }
}

fn vector(columns: Option<Vec<VectorColumn>>) -> Result<Option<VectorSpec>> {
    let Some(column) = one("embedding_vector_columns", columns)? else { return Ok(None) };
    let dimension = column.embedding_dimension;
    let dimension = dimension.ok_or_else(|| Error::argument("embedding_dimension", "a column of vectors needs one"))?;
    Ok(Some(VectorSpec { name: required("embedding_vector_columns", column.name)?, dimension }))
}

/// The one entry of a list, as there is one vector a row.
fn one<T>(name: &'static str, list: Option<Vec<T>>) -> Result<Option<T>> {
    let mut list = list.unwrap_or_default();
    if list.len() > 1 {
        return Err(Error::argument(name, format!("{} columns are named, and a row has one vector", list.len())));
    }
    Ok(list.pop())
}

fn required(name: &'static str, value: Option<String>) -> Result<String> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| Error::argument(name, "it is missing"))
}
