//! Thousands of requests that nobody sends in good faith: the server answers none with a fault of its own, grows by nothing,
//! touches no file, and goes on answering. `NBA_ABUSE=100000` for more of them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::sync::Mutex;
use std::thread;

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use regex::bytes::Regex;
use serde_json::{Value, json};

use crate::serve::Server;
use crate::support::{Sandbox, files, trials};

/// How much memory may be resident beyond what was after the first requests, in bytes.
const GROWTH: f64 = 96e6;
const CLIENTS: usize = 4;
/// Where to ask, the last ones nowhere.
const PATHS: [&str; 16] = [
    "/v1/similar",
    "/v1/recommend",
    "/v1/search",
    "/v1/embed",
    "/v1/mask",
    "/v1/feedback",
    "/v1/reload",
    "/v1/status",
    "/readyz",
    "/metrics",
    "/api/2.0/vector-search/indexes/main.support.tickets/query",
    "/api/2.0/vector-search/indexes/main.support.steps",
    "/../../etc/passwd",
    "/v1/%2e%2e/%00",
    "*",
    "http://elsewhere.example/v1/similar",
];
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get", "\u{1}"];
/// Pieces of filters in both dialects.
const WORDS: [&str; 48] = [
    "category",
    "csat_score",
    "created_at",
    "status",
    "tags",
    "colour",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "IS",
    "NULL",
    "BETWEEN",
    "=",
    "<>",
    "<",
    ">=",
    "!=",
    "(",
    ")",
    "((((",
    ",",
    "'",
    "''",
    "'FINANCIAL'",
    "'a%_\\'",
    "1",
    "-0",
    "1e999",
    "0x10",
    "9223372036854775808",
    "TRUE",
    "FALSE",
    "TO_TIMESTAMP('2026-01-01')",
    "TO_TIMESTAMP('x')",
    ";",
    "--",
    "/*",
    "\u{0}",
    "é",
    "🦀",
    "`status`",
    "\"status\"",
    "{",
    "}",
    "[",
    "]",
];
/// Values of JSON that fit badly.
const VALUES: [&str; 20] = [
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "99999999999999999999",
    "\"\"",
    "\"TICKET-0042\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "[]",
    "{}",
    "[[[[]]]]",
    "{\"a\":{\"a\":{}}}",
    "\"category = 'FINANCIAL'\"",
    "{\"category\": \"FINANCIAL\"}",
    "{\"csat_score >=\": 4}",
    "[{\"status\": [\"OPEN\"]}, {\"OR\": 1}]",
    "1.5",
    "\"tickets\"",
];
const KEYS: [&str; 18] = [
    "ticket",
    "text",
    "texts",
    "k",
    "filter",
    "index",
    "vector",
    "row",
    "type",
    "columns",
    "explain",
    "min_similarity",
    "verdict",
    "action",
    "filters_json",
    "query_text",
    "query_type",
    "num_results",
];

/// What one client makes up.
struct Rogue(ChaCha8Rng);

impl Rogue {
    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of.choose(&mut self.0).unwrap()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most);
        (0..length).map(|_| self.0.random::<u8>()).collect()
    }

    /// A filter that may be one, with values that need not fit.
    fn sound_filter(&mut self, depth: usize) -> String {
        if depth > 0 && self.below(2) == 0 {
            let (left, right) = (self.sound_filter(depth - 1), self.sound_filter(depth - 1));
            let joined = self.one(&["AND", "OR", "AND NOT"]);
            return format!("({left}) {joined} ({right})");
        }
        let column = self.one(&["category", "csat_score", "created_at", "status", "tags", "escalated", "subject"]);
        let value =
            self.one(&["'FINANCIAL'", "4", "-1.5", "TRUE", "NULL", "TO_TIMESTAMP('2026-05-01')", "'%a_'", "''"]);
        let operator = self.one(&["=", "<>", "<", ">=", "LIKE", "IN", "IS NOT", "IS", "NOT IN"]);
        if operator.ends_with("IN") {
            format!("{column} {operator} ({value}, {value})")
        } else {
            format!("{column} {operator} {value}")
        }
    }

    fn filter(&mut self) -> String {
        if self.below(2) == 0 {
            return self.sound_filter(3);
        }
        let length = self.below(14);
        (0..length).map(|_| self.one(&WORDS)).collect::<Vec<_>>().join(if self.below(4) == 0 { "" } else { " " })
    }

    /// A question that may even be one.
    fn question(&mut self) -> Vec<u8> {
        let fields: Vec<String> = (0..self.below(5))
            .map(|_| {
                let key = self.one(&KEYS);
                let value = match self.below(4) {
                    0 => json!(self.filter()).to_string(),
                    1 => json!(String::from_utf8_lossy(&self.bytes(60))).to_string(),
                    _ => self.one(&VALUES).to_owned(),
                };
                format!("\"{key}\": {value}")
            })
            .collect();
        format!("{{{}}}", fields.join(", ")).into_bytes()
    }

    fn body(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => self.bytes(3000),
            1 => "[".repeat(self.below(20_000)).into_bytes(),
            2 => "{\"filter\":".repeat(self.below(5000)).into_bytes(),
            3 => json!({ "ticket": "TICKET-0042", "filter": "(".repeat(self.below(4000)) }).to_string().into_bytes(),
            4 => json!({ "ticket": "TICKET-0042", "filter": self.filter() }).to_string().into_bytes(),
            5 => json!({ "columns": ["status"], "query_text": "a", "filters_json": self.filter() })
                .to_string()
                .into_bytes(),
            6 => json!({ "text": "9".repeat(self.below(90_000)) }).to_string().into_bytes(),
            _ => self.question(),
        }
    }

    fn head(&mut self, length: &str) -> String {
        let (method, path) = (self.one(&METHODS), self.one(&PATHS));
        let version = self.one(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9"]);
        let host = self.one(&["localhost", "localhost", "localhost", "evil.example", "", "\u{7f}"]);
        format!("{method} {path} {version}\r\nhost: {host}\r\n{length}\r\n")
    }

    /// The bytes of one connection.
    fn request(&mut self) -> Vec<u8> {
        let body = self.body();
        let sized = format!("content-length: {}\r\n", body.len());
        let path = self.one(&PATHS[..7]);
        let whole = |head: String, body: &[u8]| [head.as_bytes(), body].concat();
        match self.below(12) {
            0 => self.bytes(4000),
            1 => whole(self.head(&sized), &body),
            2 => {
                let mut bytes = whole(self.head(&sized), &body);
                bytes.truncate(self.below(bytes.len() + 1));
                bytes
            }
            3 => {
                let header = format!("x: {}\r\n", "y".repeat(self.below(200_000)));
                whole(self.head(&header), b"")
            }
            4 => {
                let headers = "a: b\r\n".repeat(self.below(400));
                whole(self.head(&headers), b"")
            }
            5 => {
                let lengths =
                    ["-1", "1e3", "99999999999999999999", "0x10", "1\r\ncontent-length: 2", "+5", " ", "3, 3"];
                let length = format!("content-length: {}\r\n", self.one(&lengths));
                whole(self.head(&length), &body)
            }
            6 => {
                let chunks = [
                    "5\r\nhello\r\n0\r\n\r\n",
                    "FFFFFFFFFFFFFFFF\r\n",
                    "-1\r\n",
                    "5;a=b\r\nhel",
                    "zz\r\n",
                    "0\r\nx: y",
                ];
                let coded = self.one(&["chunked", "gzip, chunked", "chunked, chunked", "identity", "\u{b}chunked"]);
                let both = if self.below(3) == 0 { "content-length: 3\r\n" } else { "" };
                let chunks = self.one(&chunks).as_bytes();
                whole(self.head(&format!("transfer-encoding: {coded}\r\n{both}")), chunks)
            }
            7 => {
                let uri: String =
                    (0..self.below(70_000)).map(|_| self.one(&["a", "%", "%00", "/", "?", "&"])).collect();
                format!("GET /{uri} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
            }
            8 => {
                let mut bytes = whole(self.head(&sized), &body);
                for _ in 0..=self.below(8) {
                    let at = self.below(bytes.len());
                    bytes[at] = self.0.random();
                }
                bytes
            }
            // In good form, whatever is asked; and several in one go.
            9 => whole(format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{sized}\r\n"), &body)
                .repeat(1 + self.below(3)),
            _ => whole(format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{sized}\r\n"), &body),
        }
    }
}

/// What comes back, as far as the connection stands.
fn sent(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = server.connect();
    let mut answer = Vec::new();
    // The server may have said what it has to say before all of it was sent.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn memory(server: &Server) -> f64 {
    let metrics = server.send("GET", "/metrics", "", "").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    line.unwrap().parse().unwrap()
}

#[test]
fn whatever_is_sent_the_server_has_no_fault_and_goes_on() {
    let sandbox = Sandbox::with_small_index();
    sandbox.write("nba.toml", "[serve]\nhead_seconds = 2\nbody_seconds = 2\nreload_seconds = 1\n");
    let all = trials("NBA_ABUSE", 3000);
    let server = Server::start_with(&sandbox, &["--access-log", "access.log", "--query-log", "queries.log"]);
    let known = |folder: &str| -> Vec<(String, Vec<u8>)> {
        let all = files(&sandbox.path(folder)).into_iter();
        let kept = all.filter(|file| !file.starts_with("feedback/") && !file.starts_with("index/feedback/"));
        let kept = kept.filter(|file| !matches!(file.as_str(), "access.log" | "queries.log" | "stderr"));
        kept.map(|file| (file.clone(), fs_err::read(sandbox.path(folder).join(&file)).unwrap())).collect()
    };
    let before = known("");
    let fault = Regex::new(r"(?s-u)^HTTP/1\.[01] (5\d\d)|\r\n\r\n.*HTTP/1\.[01] (5\d\d) ").unwrap();
    let (statuses, mut first) = (Mutex::new(BTreeMap::<u16, usize>::new()), 0.0);
    let run = |seed: u64, requests: usize| {
        let mut rogue = Rogue(ChaCha8Rng::seed_from_u64(seed));
        for at in 0..requests {
            let bytes = rogue.request();
            let answer = sent(&server, &bytes);
            let is_fault = fault.is_match(&answer) && !answer.starts_with(b"HTTP/1.1 503");
            let told = || (String::from_utf8_lossy(&bytes).into_owned(), String::from_utf8_lossy(&answer).into_owned());
            assert!(!is_fault, "seed {seed}, request {at}: {:?}", told());
            let status = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            *statuses.lock().unwrap().entry(status.unwrap_or_default()).or_default() += 1;
        }
    };
    // Heads that never end, for as long as the server has patience.
    let slow: Vec<_> = (0..50)
        .map(|at| {
            let mut stream = server.connect();
            stream.write_all(&b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: y"[..10 + at % 30]).unwrap();
            stream
        })
        .collect();
    for round in 0..2 {
        let part = if round == 0 { all / 4 } else { all - all / 4 };
        let requests = part / CLIENTS;
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let run = &run;
                scope.spawn(move || run((round * CLIENTS + client) as u64, requests));
            }
        });
        if round == 0 {
            first = memory(&server);
        }
    }
    for mut stream in slow {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    let grown = memory(&server) - first;
    assert!(grown < GROWTH, "it grew by {grown} bytes");
    // 0 are those that nothing came back for; a few of each of the others, or the requests are too tame.
    let statuses = statuses.into_inner().unwrap();
    for status in [0, 200, 400, 403, 404, 405, 414, 431] {
        assert!(statuses.get(&status).is_some_and(|&times| times > all / 1000), "{status} of {statuses:?}");
    }
    assert!(statuses[&0] < all / 2, "most were not even understood: {statuses:?}");

    assert_eq!(server.get("/healthz")["ok"], true);
    let ours: Value = server.post("/v1/search", &json!({ "index": "tickets", "text": "estorno", "k": 1 }));
    assert_eq!(ours["rows"].as_array().unwrap().len(), 1);
    assert!(!sandbox.read("stderr").contains("panicked"), "{}", sandbox.read("stderr"));
    assert_eq!(known(""), before, "a file was touched");
}
