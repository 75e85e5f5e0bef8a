//! The routes about the server itself: whether it lives and can answer, its figures, its contract, what serves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::Note;
use super::access::Access;
use super::limits::Limits;
use super::metrics::Metrics;
use super::routes::{answer, json_text};
use crate::engine::Engine;
use crate::error::Result;
use crate::face::background::aside;
use crate::face::wire::{StatusJson, with_causes};

/// The contract of the native API.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");
const JSON: &str = "application/json";
/// Prometheus's text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What these routes answer from.
pub(super) struct Service {
    engine: Arc<Engine>,
    metrics: Metrics,
    limits: Arc<Limits>,
    access: Arc<Access>,
    note: Arc<Note>,
    warm: AtomicBool,
    /// Why the last look for another generation failed, if it did.
    failed: Mutex<Option<String>>,
}

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .route("/v1/status", get(status))
        .route("/v1/reload", post(reload))
        .with_state(service)
}

impl Service {
    pub(super) fn new(
        engine: Arc<Engine>,
        metrics: Metrics,
        limits: Arc<Limits>,
        access: Arc<Access>,
        note: Arc<Note>,
    ) -> Self {
        let (warm, failed) = (AtomicBool::new(false), Mutex::new(None));
        Self { engine, metrics, limits, access, note, warm, failed }
    }

    /// Loads the model. What goes wrong is told to the operator.
    pub(super) fn warm(&self) -> Result<()> {
        self.engine.warm().inspect_err(|error| {
            (self.note)(&format!("warning: no model, so that no text can be embedded: {}", with_causes(error)));
        })
    }

    /// Notes that the model was loaded, or need not be.
    pub(super) fn is_warm(&self) {
        self.warm.store(true, Ordering::Relaxed);
    }

    /// Swaps in the generation that serves, if it is another. What goes wrong is counted, kept, and told once.
    pub(super) fn reload(&self) -> Result<bool> {
        let reloaded = self.engine.reload_if_changed();
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match &reloaded {
            Ok(swapped) => {
                *failed = None;
                if *swapped {
                    self.metrics.reload("done");
                    (self.note)(&format!("answering from {}", self.generation()));
                }
            }
            Err(error) => {
                self.metrics.reload("failed");
                let why = with_causes(error);
                if failed.as_ref() != Some(&why) {
                    (self.note)(&format!("warning: {} goes on answering: {why}", self.generation()));
                    *failed = Some(why);
                }
            }
        }
        reloaded
    }

    fn generation(&self) -> String {
        self.engine.with_snapshot(|snapshot| snapshot.generation().name.clone())
    }
}

async fn health(State(service): State<Arc<Service>>) -> Response {
    told(JSON, aside(move || json_text(&json!({ "ok": true, "generation": service.generation() }))).await).await
}

/// Whether questions can be answered now.
async fn ready(State(service): State<Arc<Service>>) -> Response {
    let look = move || {
        let ledger = service.engine.check_ledger().err().map(|error| with_causes(&error));
        let is_warm = service.warm.load(Ordering::Relaxed);
        let why = ledger.or_else(|| (!is_warm).then(|| "the model is being loaded".to_owned()));
        let failed = service.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let body = json!({
            "ready": why.is_none(),
            "generation": service.generation(),
            "reason": why,
            "reload_error": failed,
        });
        Ok((why.is_none(), json_text(&body)?))
    };
    match aside(look).await {
        Ok((true, text)) => ([(header::CONTENT_TYPE, JSON)], text).into_response(),
        Ok((false, text)) => {
            let headers = [(header::CONTENT_TYPE, JSON), (header::RETRY_AFTER, "1")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
        }
        Err(error) => answer(|| Err::<String, _>(error)).await,
    }
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    told(METRICS, aside(move || service.metrics.text(&service.engine, &service.limits)).await).await
}

/// A text, or the error in the CLI's shape.
async fn told(kind: &'static str, text: Result<String>) -> Response {
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(error) => answer(|| Err::<String, _>(error)).await,
    }
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, JSON)], OPENAPI).into_response()
}

async fn status(State(service): State<Arc<Service>>) -> Response {
    answer(move || service.engine.with_snapshot(|snapshot| json_text(&StatusJson::new(snapshot)?))).await
}

async fn reload(State(service): State<Arc<Service>>) -> Response {
    answer(move || {
        service.access.reload()?;
        let reloaded = service.reload()?;
        json_text(&json!({ "reloaded": reloaded, "generation": service.generation() }))
    })
    .await
}
