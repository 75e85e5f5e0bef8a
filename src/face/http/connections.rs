//! Connections: taken as long as there may be more, served until they end or the server does, never waited for long.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::metrics::Metrics;
use super::tls::Tls;
use crate::config::ServeParams;

/// How long to wait after the system gave no connection, as where too many files are open.
const PAUSE: Duration = Duration::from_millis(200);
/// How long an answer to a connection that is refused may take to be written.
const REFUSING: Duration = Duration::from_secs(1);
/// The buffer of a connection, in kibibytes, unless heads may be larger.
const BUFFER_KB: usize = 256;
const TOO_MANY: &str = "{\"error\":\"too many connections are open; ask again\",\"exit_code\":6}";
const TOO_SLOW: &str = "{\"error\":\"the head of the request took too long to come\",\"exit_code\":2}";

/// What every connection is served by.
pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) metrics: Metrics,
    http: http1::Builder,
    head_time: Duration,
    places: Arc<Semaphore>,
}

impl Connections {
    pub(super) fn new(router: Router, tls: Option<Arc<Tls>>, metrics: Metrics, params: &ServeParams) -> Self {
        let head_time = Duration::from_secs(params.head_seconds);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(head_time)
            .max_headers(params.headers)
            .max_header_size(params.head_kb * 1024)
            .max_buf_size(params.head_kb.max(BUFFER_KB) * 1024);
        let places = Arc::new(Semaphore::new(params.connections));
        Self { router, tls, metrics, http, head_time, places }
    }

    /// Takes connections until `stop` says so; whoever holds a receiver of it is still served then.
    pub(super) async fn take(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = told(&mut stop) => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    self.metrics.connection_fault("not_accepted");
                    if !is_of_one_connection(&error) {
                        sleep(PAUSE).await;
                    }
                    continue;
                }
            };
            let (connections, stop) = (Arc::clone(&self), stop.clone());
            match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => {
                    _ = tokio::spawn(async move {
                        connections.serve(stream, stop).await;
                        drop(place);
                    })
                }
                Err(_) => self.refuse(stream),
            }
        }
    }

    /// Says that there are too many, without a task: there might be as many as there are connections.
    fn refuse(&self, stream: TcpStream) {
        self.metrics.connection_fault("too_many");
        // Neither call waits: the stream stays as the runtime has made it.
        if self.tls.is_none()
            && let Ok(mut stream) = stream.into_std()
        {
            // What has come is read, or the system would take the answer back.
            let _come = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(raw("503 Service Unavailable", "retry-after: 1\r\n", TOO_MANY).as_bytes());
        }
    }

    async fn serve(&self, stream: TcpStream, stop: watch::Receiver<bool>) {
        let _open = Open::new(self.metrics.connections());
        // An answer is written whole: nothing is gained by waiting for more of it.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.drive(stream, stop).await };
        match timeout(self.head_time, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.drive(stream, stop).await,
            Ok(Err(_)) => self.metrics.connection_fault("tls"),
            Err(_late) => self.metrics.connection_fault("slow"),
        }
    }

    async fn drive(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        mut stop: watch::Receiver<bool>,
    ) {
        let service = TowerToHyperService::new(self.router.clone());
        let mut connection = self.http.serve_connection(TokioIo::new(stream), service);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = told(&mut stop) => {
                Pin::new(&mut connection).graceful_shutdown();
                (&mut connection).await
            }
        };
        let Err(error) = ended else { return };
        self.metrics.connection_fault(kind(&error));
        if error.is_timeout() {
            let parts = connection.into_parts();
            // One that only stayed open is told nothing: it might take that for the answer to its next request.
            if !parts.read_buf.is_empty() {
                let mut stream = parts.io.into_inner();
                let answer = raw("408 Request Timeout", "", TOO_SLOW);
                let written = async {
                    stream.write_all(answer.as_bytes()).await?;
                    stream.shutdown().await
                };
                // Whoever sends slowly may read slowly.
                let _ = timeout(REFUSING, written).await;
            }
        }
    }
}

/// Ends when the server is told to, or is gone.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|&stop| stop).await;
}

/// An answer from below the routes.
fn raw(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn kind(error: &hyper::Error) -> &'static str {
    if error.is_timeout() {
        "slow"
    } else if error.is_parse() {
        "malformed"
    } else if error.is_incomplete_message() {
        "broke_off"
    } else {
        "other"
    }
}

/// Whether the next connection may go well.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Counts a connection for as long as it lives.
struct Open(Gauge);

impl Open {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
