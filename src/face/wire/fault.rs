//! The JSON of what went wrong, in every face but that of Databricks.

use serde::Serialize;

use crate::error::{Error, Fault};

/// What went wrong.
#[derive(Debug, Serialize)]
pub struct ErrorJson {
    error: String,
    exit_code: u8,
}

impl ErrorJson {
    /// A fault in the words that came in, found before there was a request.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::of(Fault::Caller, message)
    }

    /// A fault that has no [`Error`].
    #[must_use]
    pub fn of(fault: Fault, message: impl Into<String>) -> Self {
        Self { error: message.into(), exit_code: fault.exit_code() }
    }
}

impl From<&Error> for ErrorJson {
    fn from(error: &Error) -> Self {
        Self { error: with_causes(error), exit_code: error.fault().exit_code() }
    }
}

/// The message of an error, then those of what caused it, a line each.
#[must_use]
pub fn with_causes(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(&format!("\n  caused by: {cause}"));
        source = cause.source();
    }
    message
}
