//! What a server counts and times, as Prometheus reads it. No label holds what a client wrote.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::limits::Limits;
use crate::engine::{CacheCounts, Engine};
use crate::error::{Error, Result};
use crate::face::clock::now_micros;
use crate::stage::{Stage, Watch};

/// Upper bounds of the times of requests and of stages, in seconds.
const REQUEST_SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const STAGE_SECONDS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Labels: a name and a value each.
type Labels<const N: usize> = [(&'static str, String); N];
type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;
type Seconds = Gauge<f64, AtomicU64>;

/// Everything that is counted and timed. Clones share it.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    started: Instant,
    requests: Family<Labels<3>, Counter>,
    request_seconds: Histograms,
    stage_seconds: Histograms,
    connection_faults: Family<Labels<1>, Counter>,
    reloads: Family<Labels<1>, Counter>,
    lost_lines: Counter,
    texts: Family<Labels<1>, Counter>,
    kept_vectors: Gauge,
    connections: Gauge,
    running: Gauge,
    waiting: Gauge,
    generation: Gauge<i64, AtomicI64>,
    generation_age: Seconds,
    uptime: Seconds,
    memory: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::default(),
            started: instant(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            stage_seconds: Family::new_with_constructor(|| Histogram::new(STAGE_SECONDS)),
            connection_faults: Family::default(),
            reloads: Family::default(),
            lost_lines: Counter::default(),
            texts: Family::default(),
            kept_vectors: Gauge::default(),
            connections: Gauge::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
            generation: Gauge::default(),
            generation_age: Gauge::default(),
            uptime: Gauge::default(),
            memory: Gauge::default(),
        };
        inner.register();
        Self(Arc::new(inner))
    }

    /// Times the stages of an engine's questions.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let seconds = self.0.stage_seconds.clone();
        Watch::new(Arc::new(move |stage: Stage, work: &mut dyn FnMut()| {
            let start = instant();
            work();
            let labels = [("stage", stage.name().to_owned())];
            seconds.get_or_create(&labels).observe(start.elapsed().as_secs_f64());
        }))
    }

    /// Notes a request that was answered, or whose sender went away.
    pub(super) fn request(&self, route: &str, method: &Method, status: StatusCode, taken: Duration) {
        let labels = [
            ("route", route.to_owned()),
            ("method", name_of(method).to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        self.0.requests.get_or_create(&labels).inc();
        let labels = [("route", route.to_owned())];
        self.0.request_seconds.get_or_create(&labels).observe(taken.as_secs_f64());
    }

    /// Notes a connection that ended otherwise than it should.
    pub(super) fn connection_fault(&self, kind: &'static str) {
        self.0.connection_faults.get_or_create(&[("kind", kind.to_owned())]).inc();
    }

    /// Notes a look for another generation that found one, or failed.
    pub(super) fn reload(&self, outcome: &'static str) {
        self.0.reloads.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    /// How many lines of logs were lost, to be counted on.
    pub(super) fn lost_lines(&self) -> Counter {
        self.0.lost_lines.clone()
    }

    /// The connections that are open, to be counted on.
    pub(super) fn connections(&self) -> Gauge {
        self.0.connections.clone()
    }

    /// Everything in Prometheus's text format.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub(super) fn text(&self, engine: &Engine, limits: &Limits) -> Result<String> {
        let inner = &self.0;
        let (running, waiting) = limits.queue();
        inner.running.set(running as i64);
        inner.waiting.set(waiting as i64);
        inner.uptime.set(inner.started.elapsed().as_secs_f64());
        inner.memory.set(resident_memory());
        let CacheCounts { hits, misses, entries } = engine.cache_counts();
        for (outcome, count) in [("kept", hits), ("embedded", misses)] {
            let counter = inner.texts.get_or_create(&[("vector", outcome.to_owned())]);
            counter.inner().store(count, Ordering::Relaxed);
        }
        inner.kept_vectors.set(entries as i64);
        let (name, created_at) = engine.with_snapshot(|snapshot| {
            let generation = snapshot.generation();
            (generation.name.clone(), generation.created_at.clone())
        });
        inner.generation.set(name.trim_start_matches('g').parse().unwrap_or_default());
        inner.generation_age.set(age(&created_at));
        let mut text = String::new();
        encode(&mut text, &inner.registry).map_err(|error| Error::internal("writing metrics", error))?;
        Ok(text)
    }
}

impl Inner {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("nba_http_requests", "Requests by route, method and status", self.requests.clone());
        registry.register(
            "nba_http_request_seconds",
            "How long requests took, waiting included, by route",
            self.request_seconds.clone(),
        );
        registry.register(
            "nba_stage_seconds",
            "How long the stages of questions took: embedding, filter, legs, fusion",
            self.stage_seconds.clone(),
        );
        registry.register(
            "nba_http_running",
            "Requests that are being answered: computed, or next in line",
            self.running.clone(),
        );
        registry.register("nba_http_waiting", "Requests that wait for a place", self.waiting.clone());
        registry.register("nba_http_connections", "Connections that are open", self.connections.clone());
        registry.register(
            "nba_http_connection_faults",
            "Connections that were refused or broke, by kind",
            self.connection_faults.clone(),
        );
        registry.register(
            "nba_texts",
            "Texts of questions whose vector was kept or had to be made",
            self.texts.clone(),
        );
        registry.register("nba_kept_vectors", "Vectors of texts that are kept", self.kept_vectors.clone());
        registry.register("nba_generation", "Number of the generation that answers", self.generation.clone());
        registry.register(
            "nba_generation_age_seconds",
            "How long ago the build of that generation began",
            self.generation_age.clone(),
        );
        registry.register("nba_reloads", "Looks for another generation that found one or failed", self.reloads.clone());
        registry.register("nba_log_lines_lost", "Lines of logs that could not be written", self.lost_lines.clone());
        registry.register("nba_uptime_seconds", "How long the server has run", self.uptime.clone());
        registry.register("process_resident_memory_bytes", "Memory that is resident", self.memory.clone());
        let version: Family<Labels<1>, Gauge> = Family::default();
        version.get_or_create(&[("version", env!("CARGO_PKG_VERSION").to_owned())]).set(1);
        registry.register("nba_info", "The program's version", version);
    }
}

/// A method by its name; a client may make up any number of others, which may be any word of its own.
pub(super) fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Seconds since an instant in RFC 3339; 0 where that is none, or lies ahead.
fn age(created_at: &str) -> f64 {
    let Ok(created) = chrono::DateTime::parse_from_rfc3339(created_at) else { return 0.0 };
    ((now_micros() - created.timestamp_micros()) as f64 / 1e6).max(0.0)
}

/// In bytes; 0 where the system does not tell.
fn resident_memory() -> i64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<i64>().unwrap_or_default() * 1024
}

/// The present instant of a clock that never goes back.
pub(super) fn instant() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a face times what it serves")]
    Instant::now()
}
