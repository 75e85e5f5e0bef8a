//! What is answered to a request that no route sees, or that none may answer: in the shape of the API that was asked.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::error::Fault;
use crate::face::wire::ErrorJson;

/// Whether clients of Databricks ask there; they read errors in a shape of their own.
pub(super) fn is_of_databricks(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/serving-endpoints/")
}

/// A status and why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// After how many seconds it may be worth to ask again.
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// The server has too much to do.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// The answer to a request for this path.
    pub(super) fn response(self, path: &str) -> Response {
        let Self { status, message, retry_after } = self;
        let mut response = if is_of_databricks(path) {
            (status, Json(json!({ "error_code": code(status), "message": message }))).into_response()
        } else {
            let fault = if status.is_server_error() { Fault::Busy } else { Fault::Caller };
            (status, Json(ErrorJson::of(fault, message))).into_response()
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The code that clients of Databricks map to an exception.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        StatusCode::FORBIDDEN => "PERMISSION_DENIED",
        StatusCode::NOT_FOUND => "ENDPOINT_NOT_FOUND",
        StatusCode::TOO_MANY_REQUESTS => "RESOURCE_EXHAUSTED",
        StatusCode::SERVICE_UNAVAILABLE => "TEMPORARILY_UNAVAILABLE",
        StatusCode::GATEWAY_TIMEOUT => "DEADLINE_EXCEEDED",
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::REQUEST_TIMEOUT => "BAD_REQUEST",
        _ => "INVALID_PARAMETER_VALUE",
    }
}
