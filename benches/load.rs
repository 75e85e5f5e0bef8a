//! A server under load on loopback, at 100,000 rows: queries by vector and how many of the nearest rows they find, then hybrid
//! queries by text beside what the embedder alone gives on the same texts in the same run, in turns.
//!
//! ```text
//! cargo bench --bench load                     20 s of each, hybrid queries in four parts; the rows are messages of a generated desk, embedded once
//! NBA_VECTOR_SECONDS=300 NBA_SECONDS=60 NBA_ROWS=20000 NBA_CONNECTIONS=4 cargo bench --bench load
//! ```
//!
//! The client runs on the same cores as the server: it sends bytes that were made before, and reads lengths.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench measures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nba::{EmbedParams, Embedder as _, ModelSpec, OnnxEmbedder, Vector};
use serde_json::{Value, json};

const API: &str = "/api/2.0/vector-search";
const INDEX: &str = "main.load.messages";
const PER_REQUEST: usize = 500;
const ROUNDS: usize = 4;
const ASKED_FOR_RECALL: usize = 200;

fn main() {
    let number = |name: &str, usual: usize| std::env::var(name).ok().map_or(usual, |it| it.parse().unwrap());
    let (n, connections) = (number("NBA_ROWS", 100_000), number("NBA_CONNECTIONS", 4));
    let (by_vector_seconds, seconds) = (number("NBA_VECTOR_SECONDS", 20), number("NBA_SECONDS", 20));
    let model = std::env::var("NBA_MODEL").unwrap_or_else(|_| "models/portuguese-multilingual-e5-small".to_owned());
    let embedder = OnnxEmbedder::open(&ModelSpec::open(Path::new(&model)).unwrap(), &EmbedParams::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (messages, questions) = texts(folder.path(), n);

    let start = Instant::now();
    let vectors = embedder.embed(&messages.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    println!("{n} messages embedded: {:.0}/s", n as f64 / start.elapsed().as_secs_f64());

    let server = Server::start(folder.path(), &model);
    server.create(embedder.identity().dimension);
    let start = Instant::now();
    for (at, (texts, vectors)) in messages.chunks(PER_REQUEST).zip(vectors.chunks(PER_REQUEST)).enumerate() {
        let rows = texts.iter().zip(vectors).enumerate();
        let rows: Vec<Value> = rows
            .map(|(n, (text, vector))| json!({ "id": at * PER_REQUEST + n, "text": text, "v": vector.to_vec() }))
            .collect();
        let inputs = Value::from(rows).to_string();
        server.ask("upsert-data", &json!({ "inputs_json": inputs }));
    }
    println!("{n} rows upserted, {PER_REQUEST} a request: {:.0}/s", n as f64 / start.elapsed().as_secs_f64());

    let asked = embedder.embed(&questions.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let by_vector: Vec<Value> = asked
        .iter()
        .map(|vector| json!({ "columns": ["id", "text"], "query_vector": vector.to_vec(), "num_results": 10 }))
        .collect();
    server.load("by vector", &by_vector, connections, by_vector_seconds);
    for k in [10, 200] {
        let found = server.recall(&vectors, &asked[..ASKED_FOR_RECALL], k);
        println!("of the {k} nearest to {ASKED_FOR_RECALL} questions {found:.4} are found");
    }

    // Each question once, so that no answer comes out of a cache.
    let hybrid: Vec<Value> = questions
        .iter()
        .map(|text| json!({ "columns": ["id", "text"], "query_text": text, "query_type": "HYBRID", "num_results": 10 }))
        .collect();
    // In turns with the embedder alone, a text at a time on two threads, as questions come: the machine's mood changes.
    let part = hybrid.len() / ROUNDS;
    let (mut served, mut alone) = (0.0, 0.0);
    for (round, hybrid) in hybrid.chunks(part).take(ROUNDS).enumerate() {
        served += server.load("hybrid, by text", hybrid, connections, seconds.div_ceil(ROUNDS));
        alone += embedded(&embedder, &questions[round * part..], seconds.div_ceil(ROUNDS));
    }
    let (served, alone) = (served / ROUNDS as f64, alone / ROUNDS as f64);
    println!(
        "hybrid, by text: {served:.0}/s; the embedder alone: {alone:.0}/s; hybrid queries are {:.0} % of that",
        100.0 * served / alone
    );
}

/// How many texts a second two threads embed, one at a time.
fn embedded(embedder: &OnnxEmbedder, texts: &[String], seconds: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while start.elapsed().as_secs() < seconds as u64 {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    embedder.embed(&[texts[at % texts.len()].as_str()]).unwrap();
                }
            });
        }
    });
    next.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// Messages of a generated desk, and what people ask: neither twice.
fn texts(folder: &Path, n: usize) -> (Vec<String>, Vec<String>) {
    let desk = folder.join("desk");
    let mut messages = Vec::new();
    let mut questions = Vec::new();
    let tickets = (n / 3).to_string();
    let args =
        ["generate", "--tickets", &tickets, "--locale", "mixed", "--seed", "5", "--labels", "--queries", "--out"];
    let status = Command::new(env!("CARGO_BIN_EXE_nba")).args(args).arg(&desk).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    for (file, column, into) in
        [("ticket_interactions.csv", "message", &mut messages), ("tickets.csv", "description", &mut questions)]
    {
        let mut reader = csv::Reader::from_path(desk.join(file)).unwrap();
        let at = reader.headers().unwrap().iter().position(|name| name == column).unwrap();
        let mut seen = BTreeSet::new();
        for record in reader.records() {
            let text = record.unwrap()[at].to_owned();
            if text.split_whitespace().count() > 2 && seen.insert(text.clone()) {
                into.push(text);
            }
        }
    }
    // Few of the messages are said twice in other words; what lacks is said again.
    let distinct = messages.len();
    println!("{distinct} distinct messages, {} questions", questions.len());
    messages = (0..n).map(|at| messages[at % distinct].clone()).collect();
    (messages, questions)
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// On an index of the fixtures, which `nba serve` wants.
    fn start(folder: &Path, model: &str) -> Self {
        let index = folder.join("index");
        let nba = |args: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_nba"));
            command.args(args).arg("--index").arg(&index).env("NBA_MODEL", model).stderr(Stdio::null());
            command
        };
        assert!(nba(&["index", "build", "--data", "fixtures"]).stdout(Stdio::null()).status().unwrap().success());
        let mut child = nba(&["serve", "--listen", "127.0.0.1:0", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    fn create(&self, dimension: usize) {
        let mut connection = self.connect();
        let endpoint = json!({ "name": "load", "endpoint_type": "STANDARD" });
        connection.ask(&self.request(&format!("{API}/endpoints"), &endpoint));
        let schema = json!({ "id": "long", "text": "string", "v": "array<float>" }).to_string();
        let index = json!({
            "name": INDEX, "endpoint_name": "load", "primary_key": "id", "index_type": "DIRECT_ACCESS",
            "direct_access_index_spec": {
                "embedding_vector_columns": [{ "name": "v", "embedding_dimension": dimension }],
                "embedding_source_columns": [{ "embedding_model_endpoint_name": "local" }],
                "schema_json": schema,
            },
        });
        connection.ask(&self.request(&format!("{API}/indexes"), &index));
    }

    fn ask(&self, verb: &str, body: &Value) {
        self.connect().ask(&self.request(&format!("{API}/indexes/{INDEX}/{verb}"), body));
    }

    fn request(&self, path: &str, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        let (host, length) = (&self.address, body.len());
        format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection(BufReader::new(stream))
    }

    /// Sends requests over some connections for some seconds; how many a second were answered.
    fn load(&self, what: &str, bodies: &[Value], connections: usize, seconds: usize) -> f64 {
        let requests: Vec<Vec<u8>> =
            bodies.iter().map(|body| self.request(&format!("{API}/indexes/{INDEX}/query"), body)).collect();
        // So that a model is loaded.
        self.connect().ask(&requests[requests.len() - 1]);
        let next = AtomicUsize::new(0);
        let mut memory = vec![self.memory()];
        let start = Instant::now();
        let mut times: Vec<Duration> = std::thread::scope(|scope| {
            let ask = || {
                let mut connection = self.connect();
                let mut times = Vec::new();
                while start.elapsed().as_secs() < seconds as u64 {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let began = Instant::now();
                    connection.ask(&requests[at % requests.len()]);
                    times.push(began.elapsed());
                }
                times
            };
            let threads: Vec<_> = (0..connections).map(|_| scope.spawn(ask)).collect();
            for part in 1..=5 {
                std::thread::sleep(Duration::from_millis(seconds as u64 * 200 * part).saturating_sub(start.elapsed()));
                memory.push(self.memory());
            }
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let rate = times.len() as f64 / start.elapsed().as_secs_f64();
        times.sort();
        let p = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "{what}: {} queries on {connections} connections, {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms; all answered; own memory by fifths {memory:?} MiB, {} MiB with mapped files",
            times.len(),
            p(0.5),
            p(0.99),
            p(0.999),
            self.status("VmRSS:")
        );
        rate
    }

    /// The share of the k nearest rows, by a scan of all, that the server finds.
    fn recall(&self, rows: &[Vector], asked: &[Vector], k: usize) -> f64 {
        let mut connection = self.connect();
        let mut found = 0;
        for query in asked {
            let dot = |row: &Vector| query.iter().zip(row.iter()).map(|(a, b)| a * b).sum::<f32>();
            let mut exact: Vec<(f32, usize)> = rows.iter().map(dot).zip(0..).collect();
            exact.select_nth_unstable_by(k - 1, |a, b| b.0.total_cmp(&a.0));
            let nearest: BTreeSet<usize> = exact[..k].iter().map(|(_, id)| *id).collect();
            let body = json!({ "columns": ["id"], "query_vector": query.to_vec(), "num_results": k });
            let answer = connection.ask(&self.request(&format!("{API}/indexes/{INDEX}/query"), &body));
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let hits = answer["result"]["data_array"].as_array().unwrap().iter();
            found += hits.filter(|hit| nearest.contains(&(hit[0].as_u64().unwrap() as usize))).count();
        }
        found as f64 / (asked.len() * k) as f64
    }

    /// What the server has in memory besides mapped files, in mebibytes.
    fn memory(&self) -> usize {
        self.status("RssAnon:")
    }

    fn status(&self, name: &str) -> usize {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Sends a request and reads the body of its answer, which must be a success.
    fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.0.get_mut().write_all(request).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let from = head.len();
            self.0.read_line(&mut head).unwrap();
            let line = head[from..].to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}{}", String::from_utf8_lossy(&body));
        body
    }
}
