//! The native JSON API: the questions of `question`, the answers of `wire`, a status for each fault.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;

use super::observe::Asked;
use super::refusal::Refusal;
use crate::config::ServeParams;
use crate::desk::{Masker, TitleLanguage};
use crate::engine::{By, Engine, Recommendation, SearchAnswer, SimilarTickets, Subject};
use crate::error::{Error, Fault, Result};
use crate::face::background::blocking;
use crate::face::clock::{now, now_micros};
use crate::face::masking::{MaskedLine, masked_lines, masked_text};
use crate::face::question::{
    EmbedQuestion, FeedbackQuestion, MaskQuestion, RecommendQuestion, SearchQuestion, SimilarQuestion, TicketQuestion,
    read,
};
use crate::face::wire::{
    EmbedJson, ErrorJson, FeedbackJson, MaskJson, RecommendJson, SearchJson, SimilarJson, TicketJson,
};
use crate::filter::Filter;
use crate::index::QueryKind;

/// After how many seconds a machine may have been put right.
const RETRY_SECONDS: u64 = 30;

/// What the routes answer from.
#[derive(Clone)]
struct Served {
    engine: Arc<Engine>,
    language: TitleLanguage,
    /// Whether what was asked and found is noted.
    notes: bool,
    /// How many texts a request may bring, and how many bytes one of them may have.
    texts: usize,
    longest: usize,
}

/// A body that came whole, or why it did not.
type Body = Result<Bytes, BytesRejection>;

/// The JSON of an answer, and what is noted of its question.
pub(super) struct Answer {
    json: String,
    asked: Option<Asked>,
}

impl From<String> for Answer {
    fn from(json: String) -> Self {
        Self { json, asked: None }
    }
}

pub(super) fn router(engine: Arc<Engine>, language: TitleLanguage, params: &ServeParams, notes: bool) -> Router {
    let served = Served { engine, language, notes, texts: params.texts, longest: params.text_kb * 1024 };
    Router::new()
        .route("/v1/similar", post(similar))
        .route("/v1/recommend", post(recommend))
        .route("/v1/feedback", post(feedback))
        .route("/v1/search", post(search))
        .route("/v1/ticket", post(ticket))
        .route("/v1/embed", post(embed))
        .route("/v1/mask", post(mask))
        .with_state(served)
}

async fn similar(State(served): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<SimilarQuestion>("body", body)?.request()?;
        let answer = served.engine.similar(&request)?;
        let asked = served.notes.then(|| {
            let found = |answer: &SimilarTickets| answer.tickets.iter().map(|it| it.hit.key.clone()).collect();
            noted(subject(&request.subject), None, Some(request.k), request.filter.as_ref(), found(&answer))
        });
        Ok(Answer { json: json_text(&SimilarJson::new(answer, served.language))?, asked })
    })
    .await
}

async fn recommend(State(served): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<RecommendQuestion>("body", body)?.request(now_micros())?;
        let answer = served.engine.recommend(&request)?;
        let asked = served.notes.then(|| {
            let found = |answer: &Recommendation| answer.advice.actions.iter().map(|it| it.action.clone()).collect();
            noted(subject(&request.subject), None, None, request.filter.as_ref(), found(&answer))
        });
        Ok(Answer { json: json_text(&RecommendJson::new(answer, served.language))?, asked })
    })
    .await
}

async fn feedback(State(served): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<FeedbackQuestion>("body", body)?.request(now());
        Ok(json_text(&FeedbackJson::new(served.engine.record_feedback(&request)?, served.language))?.into())
    })
    .await
}

async fn search(State(served): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let request = read::<SearchQuestion>("body", body)?.request()?;
        let answer = served.engine.search(&request)?;
        let asked = served.notes.then(|| {
            let found = |answer: &SearchAnswer| answer.rows.iter().map(|(hit, _)| hit.key.clone()).collect();
            let question = match &request.by {
                By::Text(text) => without_personal_data(text),
                By::Vector(_) => "a vector".to_owned(),
                By::Row(key) => without_personal_data(key),
            };
            noted(question, Some(request.kind), Some(request.k), request.filter.as_ref(), found(&answer))
        });
        Ok(Answer { json: json_text(&SearchJson::from(answer))?, asked })
    })
    .await
}

async fn ticket(State(served): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let TicketQuestion { ticket } = read("body", body)?;
        Ok(json_text(&TicketJson::new(served.engine.ticket(&ticket)?, served.language))?.into())
    })
    .await
}

async fn embed(State(served): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let EmbedQuestion { texts } = read("body", body)?;
        served.check_count(&texts)?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (identity, vectors) = served.engine.embed_texts(&texts)?;
        Ok(json_text(&EmbedJson::new(identity, vectors))?.into())
    })
    .await
}

async fn mask(State(served): State<Served>, body: Body) -> Response {
    asked(body, move |body| {
        let masker = Masker::patterns_only();
        let lines = match read("body", body)? {
            MaskQuestion { text: Some(text), texts: None } => {
                served.check_length("text", &text)?;
                masked_lines(&masker, &text)
            }
            MaskQuestion { text: None, texts: Some(texts) } => {
                served.check_count(&texts)?;
                texts.iter().try_for_each(|text| served.check_length("texts", text))?;
                let masked = texts.iter().map(|text| masked_text(&masker, text));
                (1..).zip(masked).map(|(number, masked)| MaskedLine { number, masked }).collect()
            }
            _ => return Err(Error::argument("text", "give `text` or `texts`, one of them")),
        };
        Ok(json_text(&MaskJson::new(lines))?.into())
    })
    .await
}

impl Served {
    fn check_count(&self, texts: &[String]) -> Result<()> {
        if (1..=self.texts).contains(&texts.len()) {
            return Ok(());
        }
        Err(Error::argument("texts", format!("{} texts; give 1 to {}", texts.len(), self.texts)))
    }

    fn check_length(&self, name: &'static str, text: &str) -> Result<()> {
        if text.len() <= self.longest {
            return Ok(());
        }
        Err(Error::argument(name, format!("a text of {} bytes; {} are the most", text.len(), self.longest)))
    }
}

fn noted(
    question: String,
    kind: Option<QueryKind>,
    k: Option<usize>,
    filter: Option<&Filter>,
    found: Vec<String>,
) -> Asked {
    let kind = kind.map(|kind| match kind {
        QueryKind::Ann => "ann",
        QueryKind::Hybrid => "hybrid",
        QueryKind::FullText => "full_text",
    });
    let filter = filter.map(Filter::columns).unwrap_or_default().into_iter().map(without_personal_data).collect();
    Asked { question, kind, k, filter, found }
}

fn subject(subject: &Subject) -> String {
    let (Subject::Ticket(text) | Subject::Text(text)) = subject;
    without_personal_data(text)
}

fn without_personal_data(text: &str) -> String {
    Masker::patterns_only().mask(text, None).into_owned()
}

pub(super) async fn unknown_path(OriginalUri(uri): OriginalUri) -> Response {
    let message = format!("no path `{}`; `nba serve --help` lists those there are", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, message).response(uri.path())
}

pub(super) async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Response {
    let message = format!("`{}` does not take {method}; see the header `allow`", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message).response(uri.path())
}

/// The answer to a question that came in a body.
async fn asked(body: Body, work: impl FnOnce(&[u8]) -> Result<Answer> + Send + 'static) -> Response {
    match body {
        Ok(body) => answer(move || work(&body)).await,
        Err(rejection) => Refusal::new(rejection.status(), rejection.body_text()).response(""),
    }
}

/// What `work` answers off the server's threads, or the error in the CLI's shape.
pub(super) async fn answer<T: Into<Answer> + Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Response {
    match blocking(work).await.map(T::into) {
        Ok(Answer { json, asked }) => {
            let mut response = ([(header::CONTENT_TYPE, "application/json")], json).into_response();
            if let Some(asked) = asked {
                response.extensions_mut().insert(asked);
            }
            response
        }
        Err(error) => {
            let mut response = (status_of(error.fault()), Json(ErrorJson::from(&error))).into_response();
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            }
            response
        }
    }
}

fn status_of(fault: Fault) -> StatusCode {
    StatusCode::from_u16(fault.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(super) fn json_text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("writing JSON", error))
}
