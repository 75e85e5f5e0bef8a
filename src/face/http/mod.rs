//! HTTP on this machine: listens, mounts the native API and the Databricks face, ends when it is told to.
//! Owns the server's life; what a route answers is in `routes` and in `databricks`.

mod routes;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{background, databricks};
use crate::desk::TitleLanguage;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// The largest body of a request, in bytes: a vector and a long text fit many times over.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// How long what is being answered may take to end once the server was told to.
const GRACE: Duration = Duration::from_secs(10);

/// Answers on `listen` until Ctrl-C or SIGTERM; `ready` hears the real address once connections are taken.
///
/// # Errors
/// [`Error::Argument`] for an address that other machines reach; I/O errors, such as an address in use.
pub fn serve(
    engine: Engine,
    language: TitleLanguage,
    listen: SocketAddr,
    ready: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    refuse_other_machines(listen)?;
    let runtime = background::runtime()?;
    let ended = runtime.block_on(run(router(Arc::new(engine), language), listen, ready));
    // Whatever is still computed after the grace has nobody to tell.
    runtime.shutdown_background();
    ended
}

/// Refuses an address that other machines can reach: whoever reaches the server reads the desk.
///
/// # Errors
/// [`Error::Argument`].
pub fn refuse_other_machines(listen: SocketAddr) -> Result<()> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let message = format!(
        "{listen} can be reached from other machines, and this server asks for no token; listen on 127.0.0.1:{} and put a proxy with access control before it",
        listen.port()
    );
    Err(Error::argument("--listen", message))
}

/// Every route of the server.
fn router(engine: Arc<Engine>, language: TitleLanguage) -> Router {
    let router = routes::router(Arc::clone(&engine), language);
    #[cfg(feature = "mcp")]
    let router = router.merge(super::mcp::http_service(Arc::clone(&engine), language));
    router
        .nest(databricks::PREFIX, databricks::router(engine))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(refuse_other_sites))
}

/// Refuses what a page of another site makes a browser on this machine ask, be it by a name of its own that leads to
/// 127.0.0.1 (DNS rebinding): such a request says so in `Host` or `Origin`.
async fn refuse_other_sites(request: Request, next: Next) -> Response {
    for name in [HOST, ORIGIN] {
        if let Some(value) = request.headers().get(&name).filter(|value| !names_this_machine(value)) {
            let value = String::from_utf8_lossy(value.as_bytes());
            return routes::refused(StatusCode::FORBIDDEN, format!("{name} `{value}` is not this machine"));
        }
    }
    next.run(request).await
}

/// Whether a `Host` or an `Origin` is `localhost` or a loopback address.
fn names_this_machine(value: &HeaderValue) -> bool {
    let authority = value.to_str().ok().and_then(|text| {
        let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        after_scheme.parse::<Authority>().ok()
    });
    authority.is_some_and(|authority| {
        let host = authority.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

async fn run(router: Router, listen: SocketAddr, ready: impl FnOnce(SocketAddr) -> Result<()>) -> Result<()> {
    let stop = stop_signal()?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}")))?;
    ready(listener.local_addr()?)?;

    let (tell, told) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async { _ = told.await });
    let server = tokio::spawn(server.into_future());
    stop.await;
    // A server that is gone already needs no telling.
    _ = tell.send(());
    match tokio::time::timeout(GRACE, server).await {
        Ok(ended) => Ok(ended.map_err(|panic| Error::internal("serving", panic))??),
        Err(_still_answering) => Ok(()),
    }
}

/// Ends with the first Ctrl-C or SIGTERM after this call.
#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends with the first Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()>> {
    Ok(async { _ = tokio::signal::ctrl_c().await })
}
