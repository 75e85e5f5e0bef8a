//! What `nba serve` is told once and for all: files, and how much it takes on. Plain values; knows no protocol.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The longest URI that the HTTP library reads, in bytes.
const LONGEST_URI: usize = 65_534;

/// How a server serves. Sizes in kibibytes where a name ends in `_kb`, times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeParams {
    /// Who may ask: a file with a name, a scope and a secret a line.
    pub tokens: Option<PathBuf>,
    /// The certificate chain, PEM; the server then speaks TLS alone.
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Where a line is added for each request; `-` is standard error.
    pub access_log: Option<PathBuf>,
    /// Where a line is added for each question, masked.
    pub query_log: Option<PathBuf>,
    /// The largest body.
    pub body_kb: usize,
    /// The largest body below `/api/`, where clients of Databricks write.
    pub databricks_body_kb: usize,
    /// What all bodies together may take that are being read.
    pub bodies_mb: usize,
    /// The longest URI, in bytes.
    pub uri_bytes: usize,
    /// The largest head of a request: its first line and its headers.
    pub head_kb: usize,
    /// How many headers a request may have.
    pub headers: usize,
    /// The longest text of a question.
    pub text_kb: usize,
    /// How many texts one request may have embedded or masked.
    pub texts: usize,
    /// How many requests are answered at once; 0 is two a core, of which one is computed and one is ready to follow.
    pub running: usize,
    /// How many wait beside them.
    pub waiting: usize,
    /// How many connections are open at once.
    pub connections: usize,
    /// How long a head may take to come, and a connection may stay idle.
    pub head_seconds: u64,
    /// How long a body may take to come.
    pub body_seconds: u64,
    /// How long an answer may take, waiting included.
    pub answer_seconds: u64,
    /// How often it is looked whether another generation serves; 0 is never.
    pub reload_seconds: u64,
    /// Whether the model is loaded before a text asks for it.
    pub warm: bool,
}

impl Default for ServeParams {
    fn default() -> Self {
        Self {
            tokens: None,
            tls_cert: None,
            tls_key: None,
            access_log: None,
            query_log: None,
            body_kb: 2048,
            databricks_body_kb: 12_288,
            bodies_mb: 256,
            uri_bytes: LONGEST_URI,
            head_kb: 128,
            headers: 100,
            text_kb: 64,
            texts: 256,
            running: 0,
            waiting: 128,
            connections: 512,
            head_seconds: 30,
            body_seconds: 30,
            answer_seconds: 30,
            reload_seconds: 5,
            warm: true,
        }
    }
}

impl ServeParams {
    /// The rules that hold, each with what to say where it does not.
    pub(super) fn rules(&self) -> [(bool, &'static str); 6] {
        let kilobytes = [self.body_kb, self.databricks_body_kb, self.text_kb];
        [
            (
                kilobytes.iter().all(|kb| (1..=1 << 20).contains(kb)),
                "serve.body_kb, serve.databricks_body_kb and serve.text_kb must be between 1 and 1048576",
            ),
            (
                (1..=1 << 20).contains(&self.bodies_mb)
                    && self.bodies_mb * 1024 >= self.body_kb.max(self.databricks_body_kb),
                "serve.bodies_mb must hold the largest body, and be 1048576 at most",
            ),
            ((64..=LONGEST_URI).contains(&self.uri_bytes), "serve.uri_bytes must be between 64 and 65534"),
            (
                (8..=16_384).contains(&self.head_kb) && (8..=10_000).contains(&self.headers),
                "serve.head_kb must be between 8 and 16384, serve.headers between 8 and 10000",
            ),
            (self.texts >= 1 && self.connections >= 1, "serve.texts and serve.connections must be 1 or more"),
            (
                [self.head_seconds, self.body_seconds, self.answer_seconds].iter().all(|s| (1..=86_400).contains(s))
                    && self.reload_seconds <= 86_400,
                "serve.head_seconds, body_seconds and answer_seconds must be between 1 and 86400, reload_seconds 86400 at most",
            ),
        ]
    }

    /// Takes paths as written in a file of this folder.
    pub(super) fn below(&mut self, folder: &Path) {
        let paths =
            [&mut self.tokens, &mut self.tls_cert, &mut self.tls_key, &mut self.access_log, &mut self.query_log];
        for path in paths.into_iter().flatten().filter(|path| path.as_os_str() != "-") {
            *path = folder.join(&path);
        }
    }
}
