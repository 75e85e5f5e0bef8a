//! The questions of every face: their defaults, and their JSON form for the faces that take JSON.
//! Knows no transport; what an engine makes of a question is the engine's.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::{By, FeedbackRequest, RecommendRequest, SearchRequest, SimilarRequest, Subject};
use crate::error::{Error, Result};
use crate::feedback::Kind;
use crate::filter::Filter;
use crate::index::QueryKind;

/// How many hits a question gets that does not say.
pub const DEFAULT_K: usize = 10;

/// Asks for similar tickets:
/// `{"ticket"|"text", "k"?, "filter"?, "every_ticket"?, "min_similarity"?, "explain"?}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimilarQuestion {
    ticket: Option<String>,
    text: Option<String>,
    k: Option<usize>,
    filter: Option<Value>,
    #[serde(default)]
    every_ticket: bool,
    min_similarity: Option<f32>,
    #[serde(default)]
    explain: bool,
}

/// Asks what to do next: `{"ticket"|"text", "filter"?, "min_confidence"?}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecommendQuestion {
    ticket: Option<String>,
    text: Option<String>,
    filter: Option<Value>,
    min_confidence: Option<f32>,
}

/// Queries an index: `{"index", "text"|"vector"|"row", "type"?, "k"?, "filter"?, "columns"?, "all_rows"?,
/// "explain"?}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchQuestion {
    index: String,
    text: Option<String>,
    vector: Option<Vec<f32>>,
    row: Option<String>,
    #[serde(rename = "type")]
    kind: Option<QueryKind>,
    k: Option<usize>,
    filter: Option<Value>,
    columns: Option<Vec<String>>,
    #[serde(default)]
    all_rows: bool,
    #[serde(default)]
    explain: bool,
}

/// Asks for a whole ticket: `{"ticket"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketQuestion {
    /// Which.
    pub ticket: String,
}

/// Says what became of a recommended action:
/// `{"ticket", "action", "verdict": "accepted"|"rejected"|"edited"|"displayed", "edited_to"?, "recommendation"?, "by"?}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedbackQuestion {
    ticket: String,
    action: String,
    verdict: Kind,
    edited_to: Option<String>,
    recommendation: Option<String>,
    by: Option<String>,
}

/// Asks for the vectors of texts as they are: `{"texts"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedQuestion {
    /// The texts, none of them empty.
    pub texts: Vec<String>,
}

/// Asks for texts without personal data: `{"text"}` line by line, or `{"texts"}` each as a whole.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskQuestion {
    /// A text of any number of lines.
    pub text: Option<String>,
    /// Several texts.
    pub texts: Option<Vec<String>>,
}

impl SimilarQuestion {
    /// The engine's request.
    ///
    /// # Errors
    /// [`Error::Argument`], [`Error::Filter`].
    pub fn request(self) -> Result<SimilarRequest> {
        let (subject, filter) = (subject(self.ticket, self.text)?, filter_value(self.filter.as_ref())?);
        Ok(SimilarRequest {
            subject,
            k: self.k.unwrap_or(DEFAULT_K),
            filter,
            every_ticket: self.every_ticket,
            min_similarity: self.min_similarity,
            explain: self.explain,
        })
    }
}

impl RecommendQuestion {
    /// The engine's request; `now` is the present instant in microseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`Error::Argument`], [`Error::Filter`].
    pub fn request(self, now: i64) -> Result<RecommendRequest> {
        let (subject, filter) = (subject(self.ticket, self.text)?, filter_value(self.filter.as_ref())?);
        Ok(RecommendRequest { subject, filter, min_confidence: self.min_confidence, now: Some(now) })
    }
}

impl FeedbackQuestion {
    /// The engine's request; `at` is the present instant in RFC 3339.
    #[must_use]
    pub fn request(self, at: String) -> FeedbackRequest {
        let Self { ticket, action, verdict, edited_to, recommendation, by } = self;
        FeedbackRequest { at, ticket, action, verdict, edited_to, recommendation, by }
    }
}

impl SearchQuestion {
    /// The engine's request.
    ///
    /// # Errors
    /// [`Error::Argument`], [`Error::Filter`].
    pub fn request(self) -> Result<SearchRequest> {
        let by = match (self.text, self.vector, self.row) {
            (Some(text), None, None) => By::Text(text),
            (None, Some(vector), None) => By::Vector(vector),
            (None, None, Some(row)) => By::Row(row),
            _ => return Err(Error::argument("text", "give one of `text`, `vector` and `row`")),
        };
        Ok(SearchRequest {
            index: self.index,
            kind: self.kind.unwrap_or_else(|| default_kind(&by)),
            by,
            k: self.k.unwrap_or(DEFAULT_K),
            filter: filter_value(self.filter.as_ref())?,
            columns: self.columns,
            one_per_group: !self.all_rows,
            explain: self.explain,
        })
    }
}

/// Reads a question. `what` is what the face calls that which holds it.
///
/// # Errors
/// [`Error::Argument`] for what is no JSON or not this question, with the field's name.
pub fn read<T: DeserializeOwned>(what: &'static str, json: &[u8]) -> Result<T> {
    // Read as a list, its items would become the fields in their order, names and all unchecked.
    if json.trim_ascii_start().starts_with(b"[") {
        return Err(Error::argument(what, "give a JSON object, not a list"));
    }
    serde_json::from_slice(json).map_err(|error| Error::argument(what, error.to_string()))
}

/// Which legs a search has that does not say: a vector has no words.
#[must_use]
pub fn default_kind(by: &By) -> QueryKind {
    match by {
        By::Text(_) | By::Row(_) => QueryKind::Hybrid,
        By::Vector(_) => QueryKind::Ann,
    }
}

/// A filter as text, in the dialect that its first character tells.
///
/// # Errors
/// [`Error::Filter`].
pub fn filter(text: Option<&str>) -> Result<Option<Filter>> {
    text.map(Filter::parse).transpose()
}

/// A filter as JSON has it: text in either dialect, or the JSON dialect itself.
fn filter_value(value: Option<&Value>) -> Result<Option<Filter>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => filter(Some(text)),
        Some(json) => Filter::from_json(json).map(Some),
    }
}

fn subject(ticket: Option<String>, text: Option<String>) -> Result<Subject> {
    match (ticket, text) {
        (Some(ticket), None) => Ok(Subject::Ticket(ticket)),
        (None, Some(text)) => Ok(Subject::Text(text)),
        _ => Err(Error::argument("ticket", "give `ticket` or `text`, one of them")),
    }
}
