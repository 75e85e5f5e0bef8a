//! Refusals: status and code as the service's clients map them, and a message.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::error::{Error, Fault};
use crate::face::wire::with_causes;

/// An answer that says why there is none.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn bad_request(message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "BAD_REQUEST", message: message.to_owned() }
    }

    pub(super) fn no_path(message: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "ENDPOINT_NOT_FOUND", message: message.to_owned() }
    }

    /// That a body did not come whole.
    pub(super) fn of_body(rejection: &BytesRejection) -> Self {
        Self { status: rejection.status(), code: "BAD_REQUEST", message: rejection.body_text() }
    }

    /// What the service has and this server has not.
    pub(super) fn not_implemented(message: &str) -> Self {
        Self { status: StatusCode::NOT_IMPLEMENTED, code: "NOT_IMPLEMENTED", message: message.to_owned() }
    }

    pub(super) fn response(self) -> Response {
        (self.status, Json(json!({ "error_code": self.code, "message": self.message }))).into_response()
    }
}

/// Clients retry a 429 and a 503 for minutes, so what waiting does not mend is told as 500.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (status, code) = match (&error, error.fault()) {
            (Error::State { .. }, _) => (StatusCode::BAD_REQUEST, "INVALID_STATE"),
            (_, Fault::Caller | Fault::Input) => (StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE"),
            (_, Fault::NotFound) => (StatusCode::NOT_FOUND, "RESOURCE_DOES_NOT_EXIST"),
            (_, Fault::Conflict) => (StatusCode::CONFLICT, "RESOURCE_ALREADY_EXISTS"),
            (_, Fault::Denied) => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            (_, Fault::Busy) => (StatusCode::CONFLICT, "RESOURCE_CONFLICT"),
            (_, Fault::Stop) => (StatusCode::CONFLICT, "ABORTED"),
            (_, Fault::Gate | Fault::Setup | Fault::Bug) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        };
        Self { status, code, message: with_causes(&error) }
    }
}
