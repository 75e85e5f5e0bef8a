//! HTTP: listens, puts the routes behind who may ask, how much is taken on and what is noted, ends when it is told to.
//! Owns the server's life; each concern has a file of its own.
//!
//! ```text
//! connections ─► observe (id, logs, metrics) ─► access (token, scope) ─► limits (body, queue, time) ─► routes, databricks
//! ```

mod access;
mod connections;
mod limits;
mod log;
mod metrics;
mod observe;
mod refusal;
mod routes;
mod service;
mod tls;
mod tokens;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::access::Access;
use self::connections::Connections;
use self::limits::Limits;
use self::log::Log;
use self::observe::Observer;
use self::service::Service;
use self::tls::Tls;
use super::background::{self, aside};
use super::databricks;
use crate::catalog::Catalog;
use crate::config::ServeParams;
use crate::desk::TitleLanguage;
use crate::engine::Engine;
use crate::error::{Error, Result};

pub use self::metrics::Metrics;
pub use self::observe::Asked;
pub use self::tokens::{Grant, Scope};

/// How long what is being answered may take to end once the server was told to.
const GRACE: Duration = Duration::from_secs(10);

/// Everything a server is made of.
pub struct Serving {
    /// What it answers from.
    pub engine: Arc<Engine>,
    /// The vector search API beside it.
    pub catalog: Arc<Catalog>,
    /// In which language titles of actions are shown.
    pub language: TitleLanguage,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who may ask, and how much is taken on.
    pub params: ServeParams,
    /// Where the engine's [`crate::EngineParams::watch`] counts.
    pub metrics: Metrics,
    /// Tells the operator what happens beside requests.
    pub note: Arc<Note>,
}

/// Says something to the operator.
pub type Note = dyn Fn(&str) + Send + Sync;

/// Answers until Ctrl-C or SIGTERM; `ready` hears the real address once connections are taken. SIGHUP reads tokens and
/// certificates again and opens logs anew.
///
/// # Errors
/// [`Error::Argument`] for an address that other machines reach where there are no tokens; [`Error::Config`] for files
/// that cannot be used; I/O errors, such as an address in use.
pub fn serve(serving: Serving, ready: impl FnOnce(SocketAddr) -> Result<()>) -> Result<()> {
    check(serving.listen, &serving.params)?;
    let listen = serving.listen;
    let server = Server::new(serving)?;
    let runtime = background::runtime(limits::threads(&server.params))?;
    let ended = runtime.block_on(server.run(listen, ready));
    // Whatever is still computed after the grace has nobody to tell.
    runtime.shutdown_background();
    ended
}

/// Refuses what cannot be served, before anything is opened: an address that other machines can reach without tokens, since
/// whoever reaches the server reads the desk, and half of a certificate.
///
/// # Errors
/// [`Error::Argument`].
pub fn check(listen: SocketAddr, params: &ServeParams) -> Result<()> {
    if params.tls_cert.is_some() != params.tls_key.is_some() {
        return Err(Error::argument(
            "--tls-cert",
            "a certificate and a key go together; give --tls-key too, or neither",
        ));
    }
    if listen.ip().is_loopback() || params.tokens.is_some() {
        return Ok(());
    }
    let message = format!(
        "{listen} can be reached from other machines, and no token is asked for; give --tokens FILE, or listen on 127.0.0.1:{}",
        listen.port()
    );
    Err(Error::argument("--listen", message))
}

/// The parts that live as long as the server.
struct Server {
    catalog: Arc<Catalog>,
    service: Arc<Service>,
    access: Arc<Access>,
    observer: Arc<Observer>,
    connections: Arc<Connections>,
    tls: Option<Arc<Tls>>,
    params: ServeParams,
    note: Arc<Note>,
}

impl Server {
    fn new(serving: Serving) -> Result<Self> {
        let Serving { engine, catalog, language, listen, params, metrics, note } = serving;
        let access = Arc::new(Access::new(params.tokens.clone())?);
        let tls = match (&params.tls_cert, &params.tls_key) {
            (Some(certificate), Some(key)) => Some(Arc::new(Tls::load(certificate, key)?)),
            _ => None,
        };
        if tls.is_none() && !listen.ip().is_loopback() {
            note("warning: without --tls-cert tokens and answers cross the network as they are");
        }
        let log = |path: &Option<_>| path.as_deref().map(|path| Log::open(path, metrics.lost_lines())).transpose();
        let (requests, questions) = (log(&params.access_log)?, log(&params.query_log)?);
        let observer = Arc::new(Observer::new(Arc::clone(&engine), metrics.clone(), requests, questions)?);
        let limits = Arc::new(Limits::new(&params));
        let service = Arc::new(Service::new(
            Arc::clone(&engine),
            metrics.clone(),
            Arc::clone(&limits),
            Arc::clone(&access),
            Arc::clone(&note),
        ));
        let router = routes::router(Arc::clone(&engine), language, &params, observer.logs_questions())
            .merge(service::router(Arc::clone(&service)));
        #[cfg(feature = "mcp")]
        let router = router.merge(super::mcp::http_service(engine, Arc::clone(&catalog), language));
        let router = router
            .fallback(routes::unknown_path)
            .method_not_allowed_fallback(routes::wrong_method)
            .merge(databricks::router(Arc::clone(&catalog), if tls.is_some() { "https" } else { "http" }));
        let router = behind(router, &observer, &access, limits);
        let connections = Arc::new(Connections::new(router, tls.clone(), metrics, &params));
        Ok(Self { catalog, service, access, observer, connections, tls, params, note })
    }

    async fn run(self, listen: SocketAddr, ready: impl FnOnce(SocketAddr) -> Result<()>) -> Result<()> {
        let mut stop_signals = signals::stop()?;
        let mut hangups = signals::hangup()?;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}")))?;
        ready(listener.local_addr()?)?;

        let (stop, stopped) = watch::channel(false);
        tokio::spawn(Arc::clone(&self.connections).take(listener, stopped));
        tokio::spawn(databricks::follow(Arc::clone(&self.catalog)));
        tokio::spawn(warm(Arc::clone(&self.service), self.params.warm));
        tokio::spawn(reload(Arc::clone(&self.service), self.params.reload_seconds));
        loop {
            tokio::select! {
                () = stop_signals.next() => break,
                () = hangups.next() => self.refresh().await,
            }
        }
        // A server that is gone already needs no telling.
        let _ = stop.send(true);
        tokio::select! {
            // Every connection holds a receiver.
            _ = timeout(GRACE, stop.closed()) => {}
            // Whoever asks twice means now.
            () = stop_signals.next() => {}
        }
        Ok(())
    }

    /// Reads again what may have been replaced.
    async fn refresh(&self) {
        self.observer.reopen();
        let (access, tls) = (Arc::clone(&self.access), self.tls.clone());
        let read = aside(move || {
            let tokens = access.reload();
            tls.map_or(Ok(()), |tls| tls.reload()).and(tokens)
        });
        match read.await {
            Ok(()) => (self.note)("read again: tokens, certificate, logs"),
            Err(error) => (self.note)(&format!("not read again, what was there goes on: {error}")),
        }
    }
}

/// The routes behind what every request goes through, the outermost last.
fn behind(router: Router, observer: &Arc<Observer>, access: &Arc<Access>, limits: Arc<Limits>) -> Router {
    router
        // `limits` has read the body, as far as it may go on this route.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(limits, limits::limit))
        .layer(from_fn_with_state(Arc::clone(access), access::admit))
        .layer(from_fn_with_state(Arc::clone(observer), observe::observe))
}

/// Loads the model, so that no question waits for it.
async fn warm(service: Arc<Service>, wanted: bool) {
    if wanted {
        // Who cannot load a model answers about tickets all the same, and says why not about texts.
        let _ = aside({
            let service = Arc::clone(&service);
            move || service.warm()
        })
        .await;
    }
    service.is_warm();
}

/// Looks now and then whether another generation serves.
async fn reload(service: Arc<Service>, seconds: u64) {
    if seconds == 0 {
        return;
    }
    let mut ticks = interval(Duration::from_secs(seconds));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let service = Arc::clone(&service);
        // It keeps and tells what went wrong.
        let _ = aside(move || service.reload()).await;
    }
}

/// What the system tells a server.
#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::error::Result;

    /// Ctrl-C and SIGTERM.
    pub(super) fn stop() -> Result<Signals> {
        Ok(Signals(vec![signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    /// SIGHUP.
    pub(super) fn hangup() -> Result<Signals> {
        Ok(Signals(vec![signal(SignalKind::hangup())?]))
    }

    /// Signals of some kinds.
    pub(super) struct Signals(Vec<Signal>);

    impl Signals {
        /// Ends with the next that comes.
        pub(super) async fn next(&mut self) {
            std::future::poll_fn(|context| {
                if self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                    return std::task::Poll::Ready(());
                }
                std::task::Poll::Pending
            })
            .await;
        }
    }
}

/// What the system tells a server: Ctrl-C alone.
#[cfg(not(unix))]
mod signals {
    use crate::error::Result;

    pub(super) fn stop() -> Result<Signals> {
        Ok(Signals { comes: true })
    }

    pub(super) fn hangup() -> Result<Signals> {
        Ok(Signals { comes: false })
    }

    pub(super) struct Signals {
        comes: bool,
    }

    impl Signals {
        pub(super) async fn next(&mut self) {
            if !self.comes || tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
