//! Who may ask what: a token and its scope, or, where there are none, this machine alone.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::refusal::{Refusal, is_of_databricks};
use super::tokens::{Grant, Scope, Tokens};
use crate::error::Result;

/// What tells nothing of a desk and has to be reached by load balancers and by clients that have not signed in.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/.well-known/databricks-config"];
/// What is posted to be answered, and changes nothing. The tools of `/mcp` look at the scope themselves.
const QUESTIONS: [&str; 7] =
    ["/v1/similar", "/v1/recommend", "/v1/search", "/v1/ticket", "/v1/embed", "/v1/mask", "/mcp"];
/// The same of clients of Databricks, by how the path ends.
const QUESTIONS_OF_DATABRICKS: [&str; 7] =
    ["/query", "/query-next-page", "/scan", ":query", ":scan", "/invocations", "/metrics"];
/// Where tools are asked below `/api/`.
const TOOLS_OF_DATABRICKS: &str = "/api/2.0/mcp/";

/// The doorkeeper of a server.
pub(super) struct Access {
    file: Option<PathBuf>,
    tokens: RwLock<Option<Arc<Tokens>>>,
}

impl Access {
    /// With the tokens of a file, or with none.
    ///
    /// # Errors
    /// Those of [`Tokens::load`].
    pub(super) fn new(file: Option<PathBuf>) -> Result<Self> {
        let access = Self { file, tokens: RwLock::new(None) };
        access.reload()?;
        Ok(access)
    }

    /// Reads the file again. Where that fails, the tokens stay those that were.
    ///
    /// # Errors
    /// Those of [`Tokens::load`].
    pub(super) fn reload(&self) -> Result<()> {
        if let Some(file) = &self.file {
            let tokens = Arc::new(Tokens::load(file)?);
            *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Some(tokens);
        }
        Ok(())
    }

    fn admit(&self, request: &Request) -> Result<Grant, Refusal> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(tokens) = tokens else {
            refuse_other_sites(request.headers())?;
            return Ok(Grant::everything());
        };
        let Some(needed) = scope_of(request.method(), request.uri().path()) else {
            return Ok(Grant { scope: Scope::Read, token: None });
        };
        let secret = bearer(request.headers())
            .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "give a token: `Authorization: Bearer TOKEN`"))?;
        let grant = tokens
            .grant(secret)
            .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "no such token; it may have been replaced"))?;
        if grant.scope < needed {
            let message =
                format!("this needs the scope `{}`, and the token has `{}`", needed.name(), grant.scope.name());
            return Err(Refusal::new(StatusCode::FORBIDDEN, message));
        }
        Ok(grant)
    }
}

/// Lets a request pass with its [`Grant`], which the answer carries too, or refuses it.
pub(super) async fn admit(State(access): State<Arc<Access>>, mut request: Request, next: Next) -> Response {
    match access.admit(&request) {
        Ok(grant) => {
            request.extensions_mut().insert(grant.clone());
            let mut response = next.run(request).await;
            response.extensions_mut().insert(grant);
            response
        }
        Err(refusal) => refusal.response(request.uri().path()),
    }
}

/// The scope that a request needs; `None` for what anybody may ask. Whatever is not known to change nothing needs `write`.
pub(super) fn scope_of(method: &Method, path: &str) -> Option<Scope> {
    if OPEN.contains(&path) {
        return None;
    }
    let is_question = || {
        let of_databricks = is_of_databricks(path)
            && (QUESTIONS_OF_DATABRICKS.iter().any(|end| path.ends_with(end)) || path.starts_with(TOOLS_OF_DATABRICKS));
        QUESTIONS.contains(&path) || of_databricks
    };
    let reads = match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => true,
        Method::POST => is_question(),
        // Ends a session of one's own.
        Method::DELETE => path == "/mcp" || path.starts_with(TOOLS_OF_DATABRICKS),
        _ => false,
    };
    Some(if reads { Scope::Read } else { Scope::Write })
}

/// The secret of an `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.as_bytes();
    let (scheme, secret) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| secret.trim_ascii())
}

/// Refuses what a page of another site makes a browser on this machine ask, be it by a name of its own that leads to
/// 127.0.0.1 (DNS rebinding): such a request says so in `Host` or `Origin`. A token no such page can know.
fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in [HOST, ORIGIN] {
        if let Some(value) = headers.get(&name).filter(|value| !names_this_machine(value)) {
            let value = String::from_utf8_lossy(value.as_bytes());
            return Err(Refusal::new(StatusCode::FORBIDDEN, format!("{name} `{value}` is not this machine")));
        }
    }
    Ok(())
}

/// Whether a `Host` or an `Origin` is `localhost` or a loopback address.
pub(super) fn names_this_machine(value: &HeaderValue) -> bool {
    let authority = value.to_str().ok().and_then(|text| {
        let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        after_scheme.parse::<Authority>().ok()
    });
    authority.is_some_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}
