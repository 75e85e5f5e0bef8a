//! The query wire shape of Databricks Vector Search, for clients written against it: one query, one description.
//! Owns that shape and its error bodies; what it does not do it refuses by name. Knows nothing of the native API.

mod query;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::background::blocking;
use super::question::read;
use super::wire::with_causes;
use crate::engine::Engine;
use crate::error::{Error, Fault, Result};
use query::Query;

/// Where the service's own clients look for it.
pub(super) const PREFIX: &str = "/api/2.0/vector-search";
/// The catalog and schema that the indexes answer to, besides their bare names.
const SCHEMA: &str = "main.support.";

/// The routes below [`PREFIX`].
pub(super) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/indexes/{name}", get(describe))
        // `databricks-sdk` posts, `databricks-ai-search` sends GET with a body.
        .route("/indexes/{name}/query", get(run_query).post(run_query))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(engine)
}

async fn describe(State(engine): State<Arc<Engine>>, Path(name): Path<String>) -> Response {
    answer(move || {
        engine.with_snapshot(|snapshot| {
            let index = snapshot.index(bare(&name))?;
            let manifest = index.manifest();
            let columns: Vec<Value> = index.columns().into_iter().map(|column| json!({ "name": column })).collect();
            Ok(json!({
                "name": format!("{SCHEMA}{}", manifest.name),
                "endpoint_name": "nba",
                "primary_key": manifest.key,
                "index_type": "DELTA_SYNC",
                "index_subtype": "HYBRID",
                "delta_sync_index_spec": {
                    "pipeline_type": "TRIGGERED",
                    "embedding_source_columns": [{ "name": manifest.embedded }],
                },
                "status": {
                    "ready": true,
                    "detailed_state": "ONLINE_NO_PENDING_UPDATE",
                    "message": format!("generation {}", snapshot.generation().name),
                    "indexed_row_count": manifest.rows(),
                },
                // An addition: the service does not say which columns there are.
                "columns": columns,
            }))
        })
    })
    .await
}

async fn run_query(
    State(engine): State<Arc<Engine>>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match body {
        Ok(body) => answer(move || read::<Query>("body", &body)?.answer(&engine, bare(&name))).await,
        Err(rejection) => refused(rejection.status(), "INVALID_PARAMETER_VALUE", &rejection.body_text()),
    }
}

async fn unknown_path(OriginalUri(uri): OriginalUri) -> Response {
    let message = format!("no path `{}`: this server describes indexes and queries them", uri.path());
    refused(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", &message)
}

async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Response {
    let message = format!("`{}` does not take {method}: an index changes by `nba index build` alone", uri.path());
    refused(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", &message)
}

/// The index of a name as clients write it: with catalog and schema, with backticks, or bare.
fn bare(name: &str) -> &str {
    let name = name.trim_matches('`');
    name.strip_prefix(SCHEMA).unwrap_or(name)
}

async fn answer(work: impl FnOnce() -> Result<Value> + Send + 'static) -> Response {
    match blocking(work).await {
        Ok(value) => Json(value).into_response(),
        Err(error) => failed(&error),
    }
}

/// Statuses and codes as the service's clients map them. They retry a 503 for minutes, so a machine that is not set up
/// is told as 500.
fn failed(error: &Error) -> Response {
    let (status, code) = match error.fault() {
        Fault::Caller | Fault::Input => (StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE"),
        Fault::NotFound => (StatusCode::NOT_FOUND, "RESOURCE_DOES_NOT_EXIST"),
        Fault::Gate | Fault::Setup | Fault::Busy | Fault::Stop | Fault::Bug => {
            (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR")
        }
    };
    refused(status, code, &with_causes(error))
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error_code": code, "message": message }))).into_response()
}
