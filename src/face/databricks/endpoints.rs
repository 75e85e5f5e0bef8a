//! Endpoints: what clients ask of them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Reply;
use super::errors::Refusal;
use super::shapes::{CREATOR, endpoint};
use crate::catalog::{Catalog, Endpoint, EndpointKind, NewEndpoint, Tag};
use crate::error::{Error, Result};
use crate::face::clock::now_millis;

/// `POST /endpoints`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Create {
    pub(super) name: Option<String>,
    endpoint_type: Option<String>,
    budget_policy_id: Option<String>,
    usage_policy_id: Option<String>,
    target_qps: Option<i64>,
}

/// `PATCH /endpoints/{name}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Patch {
    pub(super) target_qps: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tags {
    custom_tags: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Budget {
    budget_policy_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metrics {
    metrics: Vec<Value>,
}

pub(super) fn list(catalog: &Catalog) -> Result<Reply, Refusal> {
    let all: Vec<Value> = catalog.endpoints().iter().map(|it| shown(catalog, it)).collect::<Result<_>>()?;
    Ok(Reply::new(json!({ "endpoints": all })))
}

pub(super) fn create(catalog: &Catalog, asked: Create) -> Result<Reply, Refusal> {
    let made = make(catalog, asked)?;
    Ok(Reply::new(shown(catalog, &made)?))
}

pub(super) fn make(catalog: &Catalog, asked: Create) -> Result<Endpoint> {
    let name = asked.name.ok_or_else(|| Error::argument("name", "an endpoint needs one"))?;
    let kind = match asked.endpoint_type.as_deref() {
        None | Some("STANDARD") => EndpointKind::Standard,
        Some("STORAGE_OPTIMIZED") => EndpointKind::StorageOptimized,
        Some(other) => {
            let message = format!("`{other}` is not STANDARD or STORAGE_OPTIMIZED");
            return Err(Error::argument("endpoint_type", message));
        }
    };
    let new = NewEndpoint {
        name,
        kind,
        creator: CREATOR.to_owned(),
        budget_policy: asked.budget_policy_id,
        usage_policy: asked.usage_policy_id,
        target_qps: asked.target_qps,
    };
    catalog.create_endpoint(new, now_millis())
}

pub(super) fn get(catalog: &Catalog, name: &str) -> Result<Reply, Refusal> {
    Ok(Reply::new(shown(catalog, &catalog.endpoint(name)?)?))
}

pub(super) fn patch(catalog: &Catalog, name: &str, asked: Patch) -> Result<Reply, Refusal> {
    let changed = retarget(catalog, name, asked)?;
    Ok(Reply::new(shown(catalog, &changed)?))
}

pub(super) fn retarget(catalog: &Catalog, name: &str, asked: Patch) -> Result<Endpoint> {
    catalog.change_endpoint(name, now_millis(), |endpoint| {
        endpoint.target_qps = asked.target_qps;
        Ok(())
    })
}

pub(super) fn tags(catalog: &Catalog, name: &str, asked: Tags) -> Result<Reply, Refusal> {
    let changed = catalog.change_endpoint(name, now_millis(), |endpoint| {
        endpoint.tags = asked.custom_tags;
        Ok(())
    })?;
    Ok(Reply::new(json!({ "name": changed.name, "custom_tags": changed.tags })))
}

pub(super) fn budget(catalog: &Catalog, name: &str, asked: Budget) -> Result<Reply, Refusal> {
    let changed = catalog.change_endpoint(name, now_millis(), |endpoint| {
        endpoint.budget_policy = asked.budget_policy_id;
        Ok(())
    })?;
    let id = changed.budget_policy;
    Ok(Reply::new(json!({ "budget_policy_id": id, "effective_budget_policy_id": id })))
}

/// No series are kept: each metric that was asked for comes back without values.
pub(super) fn metrics(catalog: &Catalog, name: &str, asked: Metrics) -> Result<Reply, Refusal> {
    catalog.endpoint(name)?;
    let values = asked.metrics.into_iter().map(|metric| json!({ "metric": metric, "values": [] }));
    Ok(Reply::new(json!({ "metric_values": values.collect::<Vec<_>>() })))
}

pub(super) fn start(catalog: &Catalog, name: &str, run: bool) -> Result<Reply, Refusal> {
    let changed = catalog.change_endpoint(name, now_millis(), |endpoint| {
        if endpoint.stopped != run {
            let state = if run { "runs already" } else { "is stopped already" };
            return Err(Error::State { what: "endpoint", name: name.to_owned(), state: state.to_owned() });
        }
        endpoint.stopped = !run;
        Ok(())
    })?;
    let mut body = shown(catalog, &changed)?;
    body["endpoint_status"]["state"] = json!(if run { "STARTING" } else { "STOPPING" });
    Ok(Reply::new(body))
}

pub(super) fn delete(catalog: &Catalog, name: &str) -> Result<Reply, Refusal> {
    catalog.delete_endpoint(name)?;
    Ok(Reply::nothing())
}

fn shown(catalog: &Catalog, it: &Endpoint) -> Result<Value> {
    Ok(endpoint(it, catalog.indexes(Some(&it.name))?.len()))
}
