//! One request taken apart, and one answer put together. Knows no path.

use axum::Json;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::errors::Refusal;
use crate::error::Error;

/// A request.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// As it was sent.
    pub(super) path: String,
    params: Vec<(String, String)>,
    body: &'a Bytes,
    /// Scheme, name and port by which this server was called.
    origin: &'a str,
}

/// An answer that is no refusal.
pub(super) struct Reply {
    body: Value,
    header: Option<(&'static str, &'static str)>,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        method: &'a axum::http::Method,
        path: &str,
        query: &str,
        body: &'a Bytes,
        origin: &'a str,
    ) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let params = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
        });
        Self { method: method.as_str(), path: path.to_owned(), params: params.collect(), body, origin }
    }

    /// The first value of a parameter, unless it is empty.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// Every value of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.params.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as an object; an empty one where there is none.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.trim_ascii().is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Refusal::bad_request("the body is not a JSON object")),
            Err(error) => Err(Refusal::bad_request(&format!("the body is not JSON: {error}"))),
        }
    }

    /// The body as a request. Fields that it does not know are passed over, and `null` is as good as absent.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        read(self.object()?)
    }

    /// The address of a path on this server.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// That there is no such path.
    pub(super) fn unknown(&self) -> Refusal {
        Refusal::no_path(&format!("no `{} {}` here; docs/databricks.md lists what there is", self.method, self.path))
    }
}

impl Reply {
    pub(super) const fn new(body: Value) -> Self {
        Self { body, header: None }
    }

    /// The empty object: clients read every success as one.
    pub(super) fn nothing() -> Self {
        Self::new(Value::Object(Map::new()))
    }

    pub(super) fn with_header(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    pub(super) fn response(self) -> Response {
        match self.header {
            Some(header) => ([header], Json(self.body)).into_response(),
            None => Json(self.body).into_response(),
        }
    }
}

/// Reads a request out of an object.
pub(super) fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Refusal> {
    let given: Map<String, Value> = object.into_iter().filter(|(_, value)| !value.is_null()).collect();
    serde_json::from_value(Value::Object(given)).map_err(|error| Error::argument("body", error.to_string()).into())
}

/// The pieces of a path, each decoded.
pub(super) fn pieces(path: &str) -> Vec<String> {
    path.split('/').filter(|piece| !piece.is_empty()).map(decoded).collect()
}

/// What `%2C` and the like stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
