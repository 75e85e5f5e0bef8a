//! The native JSON API: the questions of `question`, the answers of `wire`, a status for each fault.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{OriginalUri, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::json;

use super::MAX_BODY;
use crate::desk::TitleLanguage;
use crate::engine::Engine;
use crate::error::{Error, Fault, Result};
use crate::face::background::blocking;
use crate::face::clock::{now, now_micros};
use crate::face::question::{FeedbackQuestion, RecommendQuestion, SearchQuestion, SimilarQuestion, read};
use crate::face::wire::{ErrorJson, FeedbackJson, RecommendJson, SearchJson, SimilarJson, StatusJson};

/// What the routes answer from.
#[derive(Clone)]
struct Served {
    engine: Arc<Engine>,
    language: TitleLanguage,
}

/// A body that came whole, or why it did not.
type Body = Result<Bytes, BytesRejection>;

pub(super) fn router(engine: Arc<Engine>, language: TitleLanguage) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/v1/status", get(status))
        .route("/v1/similar", post(similar))
        .route("/v1/recommend", post(recommend))
        .route("/v1/feedback", post(feedback))
        .route("/v1/search", post(search))
        .route("/v1/reload", post(reload))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Served { engine, language })
}

async fn health(State(Served { engine, .. }): State<Served>) -> Response {
    answer(move || json_text(&json!({ "ok": true, "generation": generation(&engine) }))).await
}

async fn status(State(Served { engine, .. }): State<Served>) -> Response {
    answer(move || engine.with_snapshot(|snapshot| json_text(&StatusJson::new(snapshot)?))).await
}

async fn similar(State(Served { engine, language }): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<SimilarQuestion>("body", body)?.request()?;
        json_text(&SimilarJson::new(engine.similar(&request)?, language))
    })
    .await
}

async fn recommend(State(Served { engine, language }): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<RecommendQuestion>("body", body)?.request(now_micros())?;
        json_text(&RecommendJson::new(engine.recommend(&request)?, language))
    })
    .await
}

async fn feedback(State(Served { engine, language }): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<FeedbackQuestion>("body", body)?.request(now());
        json_text(&FeedbackJson::new(engine.record_feedback(&request)?, language))
    })
    .await
}

async fn search(State(Served { engine, .. }): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<SearchQuestion>("body", body)?.request()?;
        json_text(&SearchJson::from(engine.search(&request)?))
    })
    .await
}

async fn reload(State(Served { engine, .. }): State<Served>) -> Response {
    answer(move || {
        let reloaded = engine.reload_if_changed()?;
        json_text(&json!({ "reloaded": reloaded, "generation": generation(&engine) }))
    })
    .await
}

async fn unknown_path(OriginalUri(uri): OriginalUri) -> Response {
    refused(StatusCode::NOT_FOUND, format!("no path `{}`; `nba serve --help` lists those there are", uri.path()))
}

async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, format!("`{}` does not take {method}; see the header `allow`", uri.path()))
}

/// The answer to a question that came in a body.
async fn asked(body: Body, work: impl FnOnce(&[u8]) -> Result<String> + Send + 'static) -> Response {
    match body {
        Ok(body) => answer(move || work(&body)).await,
        Err(rejection) => refused(rejection.status(), rejected(&rejection)),
    }
}

/// The JSON text that `work` makes off the server's threads, or the error in the CLI's shape.
pub(super) async fn answer(work: impl FnOnce() -> Result<String> + Send + 'static) -> Response {
    match blocking(work).await {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => (status_of(error.fault()), Json(ErrorJson::from(&error))).into_response(),
    }
}

pub(super) fn refused(status: StatusCode, message: String) -> Response {
    (status, Json(ErrorJson::usage(message))).into_response()
}

/// Why a body did not come whole.
fn rejected(rejection: &BytesRejection) -> String {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return format!("the body is larger than {MAX_BODY} bytes");
    }
    rejection.body_text()
}

fn status_of(fault: Fault) -> StatusCode {
    StatusCode::from_u16(fault.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn generation(engine: &Engine) -> String {
    engine.with_snapshot(|snapshot| snapshot.generation().name.clone())
}

fn json_text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("writing JSON", error))
}
