//! Endpoints and indexes in the service's shape. What is absent is left out: clients fail on a `null` where a spec could be.

use serde_json::{Map, Value, json};

use super::call::Call;
use crate::catalog::{
    DeltaSync, DirectAccess, Embedded, Endpoint, EndpointKind, Index, Pipeline, Readiness, Spec, Subtype, VectorSpec,
};

/// Who makes everything here: callers are not told apart.
pub(super) const CREATOR: &str = "local";

pub(super) fn endpoint(it: &Endpoint, indexes: usize) -> Value {
    let mut out = json!({
        "name": it.name,
        "id": it.id,
        "endpoint_type": endpoint_type(it.kind),
        "creator": it.creator,
        "last_updated_user": it.updated_by,
        "creation_timestamp": it.created_ms,
        "last_updated_timestamp": it.updated_ms,
        "num_indexes": indexes,
        "endpoint_status": { "state": if it.stopped { "STOPPED" } else { "ONLINE" }, "message": "" },
    });
    let object = out.as_object_mut();
    if let Some(object) = object {
        if !it.tags.is_empty() {
            object.insert("custom_tags".to_owned(), json!(it.tags));
        }
        add(object, "budget_policy_id", it.budget_policy.as_deref());
        add(object, "effective_budget_policy_id", it.budget_policy.as_deref());
        add(object, "usage_policy_id", it.usage_policy.as_deref());
        if let Some(qps) = it.target_qps {
            let scaling = json!({ "requested_target_qps": qps, "state": "SCALING_CHANGE_APPLIED" });
            object.insert("scaling_info".to_owned(), scaling);
        }
    }
    out
}

pub(super) const fn endpoint_type(kind: EndpointKind) -> &'static str {
    match kind {
        EndpointKind::Standard => "STANDARD",
        EndpointKind::StorageOptimized => "STORAGE_OPTIMIZED",
    }
}

/// An index as lists have it.
pub(super) fn short(index: &Index) -> Map<String, Value> {
    let record = &index.record;
    let subtype = match record.subtype {
        Subtype::Hybrid => "HYBRID",
        Subtype::FullText => "FULL_TEXT",
    };
    let kind = match record.spec {
        Spec::DeltaSync(_) => "DELTA_SYNC",
        Spec::DirectAccess(_) => "DIRECT_ACCESS",
    };
    let pairs = [
        ("name", &*record.name),
        ("id", &record.id),
        ("endpoint_name", &index.endpoint.name),
        ("endpoint_id", &index.endpoint.id),
        ("primary_key", &record.primary_key),
        ("creator", &record.creator),
        ("index_type", kind),
        ("index_subtype", subtype),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// An index in full.
pub(super) fn index(index: &Index, call: &Call) -> Value {
    let mut out = short(index);
    match &index.record.spec {
        Spec::DeltaSync(spec) => {
            out.insert("delta_sync_index_spec".to_owned(), delta_sync(spec, &index.record.id));
        }
        Spec::DirectAccess(spec) => {
            out.insert("direct_access_index_spec".to_owned(), direct_access(spec));
        }
    }
    out.insert("status".to_owned(), status(index, call));
    add(&mut out, "usage_policy_id", index.record.usage_policy.as_deref());
    if index.record.payload_logging {
        out.insert("payload_logging_enabled".to_owned(), json!(true));
    }
    // An addition: the service does not say which columns there are.
    let columns = index.columns().unwrap_or_default();
    let columns = columns.iter().map(|column| json!({ "name": column.name, "type": column.kind.name() }));
    out.insert("columns".to_owned(), columns.collect());
    Value::Object(out)
}

fn delta_sync(spec: &DeltaSync, id: &str) -> Value {
    let mut out = Map::new();
    add(&mut out, "source_table", Some(&spec.source_table));
    let pipeline = match spec.pipeline {
        Pipeline::Triggered => "TRIGGERED",
        Pipeline::Continuous => "CONTINUOUS",
    };
    add(&mut out, "pipeline_type", Some(pipeline));
    add(&mut out, "pipeline_id", Some(id));
    if let Some(columns) = &spec.columns {
        out.insert("columns_to_sync".to_owned(), json!(columns));
    }
    add_embedded(&mut out, spec.embedded.as_ref());
    add_vector(&mut out, spec.vector.as_ref());
    add(&mut out, "embedding_writeback_table", spec.writeback.as_deref());
    add(&mut out, "budget_policy_id", spec.budget_policy.as_deref());
    Value::Object(out)
}

fn direct_access(spec: &DirectAccess) -> Value {
    let mut out = Map::new();
    out.insert("schema_json".to_owned(), json!(json!(spec.columns).to_string()));
    add_embedded(&mut out, spec.model.as_ref());
    add_vector(&mut out, spec.vector.as_ref());
    Value::Object(out)
}

fn add_embedded(out: &mut Map<String, Value>, embedded: Option<&Embedded>) {
    if let Some(embedded) = embedded {
        let mut column = Map::new();
        add(&mut column, "name", embedded.column.as_deref());
        add(&mut column, "embedding_model_endpoint_name", Some(&embedded.model));
        add(&mut column, "model_endpoint_name_for_query", embedded.query_model.as_deref());
        out.insert("embedding_source_columns".to_owned(), json!([column]));
    }
}

fn add_vector(out: &mut Map<String, Value>, vector: Option<&VectorSpec>) {
    if let Some(VectorSpec { name, dimension }) = vector {
        let columns = json!([{ "name": name, "embedding_dimension": dimension }]);
        out.insert("embedding_vector_columns".to_owned(), columns);
    }
}

fn add(out: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.insert(key.to_owned(), json!(value));
    }
}

fn status(index: &Index, call: &Call) -> Value {
    let spec = index.record.delta_sync();
    let is_continuous = spec.is_some_and(|spec| spec.pipeline == Pipeline::Continuous);
    let (ready, state, message) = match index.readiness() {
        Readiness::Online if spec.is_none() => (true, "ONLINE_DIRECT_ACCESS", String::new()),
        Readiness::Online => (true, "ONLINE_NO_PENDING_UPDATE", String::new()),
        Readiness::Filling => (false, "PROVISIONING_INITIAL_SNAPSHOT", String::new()),
        Readiness::Updating if is_continuous => (true, "ONLINE_CONTINUOUS_UPDATE", String::new()),
        Readiness::Updating => (true, "ONLINE_TRIGGERED_UPDATE", String::new()),
        Readiness::Stale(reason) => (true, "ONLINE_PIPELINE_FAILED", reason),
        Readiness::Failed(reason) => (false, "OFFLINE_FAILED", reason),
    };
    let synced = index.record.synced.as_ref();
    let message = match synced.filter(|_| index.is_built_in()) {
        Some(synced) => format!("generation {}", synced.source),
        None => message,
    };
    let mut out = json!({
        "ready": ready,
        "detailed_state": state,
        "message": message,
        "indexed_row_count": index.rows(),
        "index_url": call.url(&format!("/api/2.0/vector-search/indexes/{}", index.record.name)),
    });
    if let Some(synced) = synced.filter(|_| !index.is_built_in()) {
        out["triggered_update_status"] = json!({ "last_processed_commit_version": synced.number });
        // An addition: what the last sync did.
        out["last_sync"] = json!({
            "timestamp": synced.at_ms,
            "upserted_rows": synced.upserted,
            "deleted_rows": synced.deleted,
            "embedded_texts": synced.embedded,
        });
    }
    out
}
