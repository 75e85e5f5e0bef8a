//! What is noted of each request: an id, how long it took, a line for the access log, one for the log of questions.
//! No line holds a query string, a body, or any other word of a client but the id and, masked, a question.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;

use super::limits::BodyBytes;
use super::log::Log;
use super::metrics::{Metrics, instant, name_of};
use super::tokens::Grant;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::face::clock::now;

/// The header that names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a client, in characters.
const LONGEST_ID: usize = 64;
/// What is noted where the client went away before there was an answer, as nginx notes it.
const WENT_AWAY: u16 = 499;
/// The route of what no route is for.
const NO_ROUTE: &str = "unmatched";

/// A question for the log of questions. A route that answers one puts it among the extensions of its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The text, masked, or the id of a ticket or row.
    pub question: String,
    /// With which legs, where there is a choice.
    pub kind: Option<&'static str>,
    /// How many were asked for.
    pub k: Option<usize>,
    /// The columns of the filter; no values.
    pub filter: Vec<String>,
    /// The keys of what was found, or the ids of actions, best first.
    pub found: Vec<String>,
}

/// Who notes it.
pub(super) struct Observer {
    engine: Arc<Engine>,
    metrics: Metrics,
    access: Option<Log>,
    questions: Option<Log>,
    /// What ids of this run begin with.
    run: String,
    count: AtomicU64,
}

impl Observer {
    /// # Errors
    /// [`Error::Internal`] where the system gives no random bytes.
    pub(super) fn new(
        engine: Arc<Engine>,
        metrics: Metrics,
        access: Option<Log>,
        questions: Option<Log>,
    ) -> Result<Self> {
        let mut run = [0; 8];
        getrandom::fill(&mut run).map_err(|error| Error::internal("asking the system for random bytes", error))?;
        let run = format!("{:016x}", u64::from_le_bytes(run));
        Ok(Self { engine, metrics, access, questions, run, count: AtomicU64::new(0) })
    }

    /// Whether questions are logged: what goes into a line need not be made otherwise.
    pub(super) const fn logs_questions(&self) -> bool {
        self.questions.is_some()
    }

    /// Opens the files of the logs by their names again.
    pub(super) fn reopen(&self) {
        [&self.access, &self.questions].into_iter().flatten().for_each(Log::reopen);
    }

    /// The id of a request: the client's own where it is one, else a new one.
    fn id(&self, request: &Request) -> HeaderValue {
        let is_id = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            (1..=LONGEST_ID).contains(&bytes.len())
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
        };
        request.headers().get(REQUEST_ID).filter(is_id).cloned().unwrap_or_else(|| {
            let id = format!("{}-{}", self.run, self.count.fetch_add(1, Ordering::Relaxed));
            HeaderValue::from_str(&id).unwrap_or_else(|_| unreachable!("hex digits make a header"))
        })
    }
}

/// A line of the access log.
#[derive(Serialize)]
struct Line<'a> {
    at: String,
    id: &'a str,
    method: &'a str,
    route: &'a str,
    status: u16,
    ms: f64,
    bytes_in: usize,
    /// Null where the length is not known beforehand.
    bytes_out: Option<u64>,
    token: Option<&'a str>,
    generation: &'a str,
}

/// A line of the log of questions.
#[derive(Serialize)]
struct QuestionLine<'a> {
    at: String,
    id: &'a str,
    route: &'a str,
    ms: f64,
    generation: &'a str,
    #[serde(flatten)]
    asked: &'a Asked,
}

/// Notes a request and its answer.
pub(super) async fn observe(State(observer): State<Arc<Observer>>, request: Request, next: Next) -> Response {
    let id = observer.id(&request);
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let noted =
        Noted { observer, id: id.clone(), route, method: request.method().clone(), start: instant(), done: false };
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    noted.answered(&response);
    response
}

/// A request of which a note is made, whatever becomes of it.
struct Noted {
    observer: Arc<Observer>,
    id: HeaderValue,
    route: String,
    method: Method,
    start: Instant,
    done: bool,
}

impl Noted {
    fn answered(mut self, response: &Response) {
        self.done = true;
        self.note(response.status(), Some(response));
    }

    fn note(&self, status: StatusCode, response: Option<&Response>) {
        let Observer { engine, metrics, access, questions, .. } = &*self.observer;
        let taken = self.start.elapsed();
        metrics.request(&self.route, &self.method, status, taken);
        let asked = response.and_then(|response| response.extensions().get::<Asked>());
        let (access, questions) = (access.as_ref(), questions.as_ref().zip(asked));
        if access.is_none() && questions.is_none() {
            return;
        }
        let (at, id) = (now(), self.id.to_str().unwrap_or_default());
        let ms = (taken.as_secs_f64() * 1e6).round() / 1e3;
        let generation = engine.with_snapshot(|snapshot| snapshot.generation().name.clone());
        let (route, generation) = (self.route.as_str(), generation.as_str());
        if let Some((log, asked)) = questions {
            log.line(&QuestionLine { at: at.clone(), id, route, ms, generation, asked });
        }
        if let Some(log) = access {
            let extensions = response.map(Response::extensions);
            let grant = extensions.and_then(|it| it.get::<Grant>());
            log.line(&Line {
                at,
                id,
                method: name_of(&self.method),
                route,
                status: status.as_u16(),
                ms,
                bytes_in: extensions.and_then(|it| it.get::<BodyBytes>()).map_or(0, |bytes| bytes.0),
                bytes_out: response.and_then(|response| response.body().size_hint().exact()),
                token: grant.and_then(|grant| grant.token.as_deref()),
                generation,
            });
        }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if !self.done {
            self.note(StatusCode::from_u16(WENT_AWAY).unwrap_or(StatusCode::BAD_REQUEST), None);
        }
    }
}
