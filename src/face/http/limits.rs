//! How much a server takes on: bodies, requests that run and wait, and how long each may take. What is beyond is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::refusal::{Refusal, is_of_databricks};
use crate::config::ServeParams;
use crate::face::background::{Held, cores, holding};

/// How long the rest of a body that is refused is read, so that its sender comes to read the answer.
const LINGER: Duration = Duration::from_secs(1);
/// What is answered at once, whatever else is going on: it computes nothing.
const AT_ONCE: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/.well-known/databricks-config"];

/// How many bytes of a request's body came; every answer carries one among its extensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyBytes(pub(super) usize);

/// The limits, and what is used up of them.
pub(super) struct Limits {
    params: ServeParams,
    running: Arc<Semaphore>,
    places: usize,
    waiting: AtomicUsize,
    /// In kibibytes.
    bodies: Arc<Semaphore>,
}

/// How many requests are computed at once.
pub(super) fn threads(params: &ServeParams) -> usize {
    if params.running == 0 { cores() } else { params.running }
}

impl Limits {
    pub(super) fn new(params: &ServeParams) -> Self {
        let places = if params.running == 0 { 2 * threads(params) } else { params.running };
        Self {
            params: params.clone(),
            running: Arc::new(Semaphore::new(places)),
            places,
            waiting: AtomicUsize::new(0),
            bodies: Arc::new(Semaphore::new(params.bodies_mb * 1024)),
        }
    }

    /// How many requests are computed, and how many wait for that.
    pub(super) fn queue(&self) -> (usize, usize) {
        (self.places - self.running.available_permits().min(self.places), self.waiting.load(Ordering::Relaxed))
    }

    fn check_uri(&self, request: &Request) -> Result<(), Refusal> {
        let length = request.uri().path_and_query().map_or(0, |it| it.as_str().len());
        if length <= self.params.uri_bytes {
            return Ok(());
        }
        let message = format!("a URI of {length} bytes; {} are the most", self.params.uri_bytes);
        Err(Refusal::new(StatusCode::URI_TOO_LONG, message))
    }

    /// A place among those that run, within `deadline`.
    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Ok(place) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(place);
        }
        let _waits = Waits::begin(&self.waiting, self.params.waiting)
            .ok_or_else(|| Refusal::busy("too many requests wait already; ask again"))?;
        match timeout_at(deadline, Arc::clone(&self.running).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_closed)) => Err(Refusal::busy("the server ends")),
            Err(_late) => Err(Refusal::busy("too many requests were before this one; ask again")),
        }
    }

    /// The whole body of a request, with what it takes of the room for bodies.
    async fn body(&self, body: Body, declared: Option<u64>, limit: usize) -> Result<(Bytes, Room), Refusal> {
        let wait = Duration::from_secs(self.params.body_seconds);
        let mut body = body;
        let read = async {
            if declared.is_some_and(|declared| declared > limit as u64) {
                return Err(too_large(limit));
            }
            let mut room = Room(None);
            let mut bytes = Vec::with_capacity(declared.unwrap_or_default().min(64 * 1024) as usize);
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the body broke off"))?;
                let Ok(data) = frame.into_data() else { continue };
                if bytes.len() + data.len() > limit {
                    return Err(too_large(limit));
                }
                room.take(&self.bodies, bytes.len(), data.len())?;
                bytes.extend_from_slice(&data);
            }
            Ok((Bytes::from(bytes), room))
        };
        let read = timeout(wait, read).await.unwrap_or_else(|_| {
            let message = format!("the body took longer than {} s to come", wait.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, message))
        });
        if read.as_ref().is_err_and(|refusal| refusal.status == StatusCode::PAYLOAD_TOO_LARGE) {
            let rest = async { while let Some(Ok(_)) = body.frame().await {} };
            // One that goes on sending will not read the answer.
            let _ = timeout(LINGER, rest).await;
        }
        read
    }
}

/// Reads the body, waits for a place, and gives the route no longer than it may take.
pub(super) async fn limit(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (answer, bytes) = limited(&limits, request, next, &path).await;
    let mut response = answer.unwrap_or_else(|refusal| refusal.response(&path));
    response.extensions_mut().insert(BodyBytes(bytes));
    response
}

async fn limited(limits: &Limits, request: Request, next: Next, path: &str) -> (Result<Response, Refusal>, usize) {
    if let Err(refusal) = limits.check_uri(&request) {
        return (Err(refusal), 0);
    }
    let largest = if is_of_databricks(path) { limits.params.databricks_body_kb } else { limits.params.body_kb };
    let (head, body) = request.into_parts();
    let declared = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let (body, room) = match limits.body(body, declared, largest * 1024).await {
        Ok(whole) => whole,
        Err(refusal) => return (Err(refusal), 0),
    };
    let bytes = body.len();
    let next = next.run(Request::from_parts(head, Body::from(body)));
    (answered(limits, next, room, path).await, bytes)
}

async fn answered(
    limits: &Limits,
    next: impl Future<Output = Response>,
    room: Room,
    path: &str,
) -> Result<Response, Refusal> {
    let seconds = limits.params.answer_seconds;
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let held: Held =
        if AT_ONCE.contains(&path) { Arc::new(room) } else { Arc::new((limits.place(deadline).await?, room)) };
    timeout_at(deadline, holding(held, next)).await.map_err(|_late| Refusal {
        retry_after: Some(1),
        ..Refusal::new(StatusCode::GATEWAY_TIMEOUT, format!("the answer took longer than {seconds} s"))
    })
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
}

/// One that waits, for as long as the value lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    /// `None` where as many wait already as may.
    fn begin(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let one_more = |waiting: usize| (waiting < most).then_some(waiting + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self(waiting))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a body takes of the room for all bodies.
struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    /// Takes room for `more` bytes beside the `so_far` that came, by whole kibibytes.
    fn take(&mut self, bodies: &Arc<Semaphore>, so_far: usize, more: usize) -> Result<(), Refusal> {
        let kilobytes = (so_far + more).div_ceil(1024) - so_far.div_ceil(1024);
        let kilobytes = u32::try_from(kilobytes).unwrap_or(u32::MAX);
        let taken = Arc::clone(bodies)
            .try_acquire_many_owned(kilobytes)
            .map_err(|_| Refusal::busy("too many large bodies are being read; ask again"))?;
        match &mut self.0 {
            Some(room) => room.merge(taken),
            none => *none = Some(taken),
        }
        Ok(())
    }
}
