//! Vector search alone, on vectors from a file: recall beside speed, one thread, for our own tables and for the peer bench.
//!
//! ```text
//! cargo bench --bench vectors -- --base base.npy --queries queries.npy --folder DIR [options]
//!   --base F         .npy, `<f4`, C order, rows × dimension; read only when an index has to be built
//!   --queries F      .npy of the same kind; every row is asked
//!   --folder D       indexes are kept below it, one folder for each way of building, and used again when there
//!   --truth F        .npy, `<i4` or `<i8`: the exact nearest rows of each query, best first, 100 or more;
//!                    without it an exact scan answers first
//!   --request JSON   one request (below); may be repeated; without one and without --serve: `{"kind":"codes"}`
//!   --serve          then reads requests as JSON lines from the standard input until it ends
//! ```
//!
//! A request is an object; every key may be absent:
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `kind` | `"codes"` | `codes`, `hnsw`, `auto`; `flat` is the exact scan of all vectors |
//! | `params` | `{}` | keys of `[build.vector]` for the build, such as `{"recall": 0.999}` (of `codes`) or `{"hnsw": {"m": 32}}` |
//! | `percent` | `100` | how many of 100 rows are eligible: row `r` is when `(r × 2654435761 mod 2³²) < percent × 2³² / 100` |
//! | `queries` | all | ask only so many, the first ones |
//! | `threads` | `1` | threads for one query; queries are asked one after another in any case |
//!
//! The answer is one JSON line: `kind`, `params`, `percent`, `recall_at_10`, `recall_at_100`, `queries_per_second`, `p50_us`,
//! `p99_us` (k = 10), `queries_per_second_at_100` (k = 100), `build_seconds`, `bytes` (of the index, vectors included),
//! `peak_rss_kb` (of the process since it began: for a figure of queries alone, use built folders and `--truth`).
//! A hit counts as found when its row is among the exact ones or its score is the worst of theirs or better: rows with equal
//! vectors are interchangeable. A request that fails is answered by `{"error": …}`.

#![expect(clippy::print_stdout, reason = "a program that answers on its standard output")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err as fs;
use nba::Vector;
use nba::rank::{Row, RowSet, Scored};
use nba::vector::{self, Kind, VectorIndex, VectorParams};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let Some(mut bench) = Bench::from_arguments()? else {
        println!("vectors: nothing to measure; see the head of benches/vectors.rs");
        return Ok(());
    };
    for request in std::mem::take(&mut bench.requests) {
        bench.answer(&request);
    }
    if bench.serve {
        for line in std::io::stdin().lock().lines() {
            bench.answer(&line?);
        }
    }
    Ok(())
}

/// A request; see the head of the file.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Request {
    kind: String,
    params: Value,
    percent: f64,
    queries: usize,
    threads: usize,
}

impl Default for Request {
    fn default() -> Self {
        Self { kind: "codes".to_owned(), params: json!({}), percent: 100.0, queries: usize::MAX, threads: 1 }
    }
}

/// What is written beside an index when it was built.
#[derive(Serialize, Deserialize)]
struct Built {
    kind: Kind,
    rows: usize,
    dimension: usize,
    build_seconds: f64,
}

struct Bench {
    base: Option<PathBuf>,
    folder: PathBuf,
    queries: Vec<Vec<f32>>,
    truth: Option<Vec<Vec<Row>>>,
    requests: Vec<String>,
    serve: bool,
    open: BTreeMap<String, (Box<dyn VectorIndex>, Built)>,
}

impl Bench {
    /// `None` when no queries are named, as when all benches are run.
    fn from_arguments() -> Fallible<Option<Self>> {
        let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut arguments = std::env::args().skip(1);
        let mut serve = false;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--serve" => serve = true,
                "--base" | "--queries" | "--folder" | "--truth" | "--request" => {
                    let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
                    named.entry(argument).or_default().push(value);
                }
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        let path = |name: &str| named.get(name).and_then(|values| values.last()).map(PathBuf::from);
        let Some(queries) = path("--queries") else { return Ok(None) };
        let truth = path("--truth").map(|path| Npy::read(&path)?.integers()).transpose()?;
        let mut requests = named.get("--request").cloned().unwrap_or_default();
        if requests.is_empty() && !serve {
            requests.push("{}".to_owned());
        }
        Ok(Some(Self {
            base: path("--base"),
            folder: path("--folder").ok_or("--folder is missing")?,
            queries: Npy::read(&queries)?.floats()?,
            truth,
            requests,
            serve,
            open: BTreeMap::new(),
        }))
    }

    fn answer(&mut self, line: &str) {
        let answer = self.measure(line).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        println!("{answer}");
    }

    fn measure(&mut self, line: &str) -> Fallible<Value> {
        let request: Request = serde_json::from_str(line)?;
        let place = self.open_index(&request.kind, &request.params)?;
        let rows = self.open[&place].1.rows;
        let limit = (request.percent / 100.0 * 4_294_967_296.0) as u64;
        let eligible = |row: usize| u64::from((row as u32).wrapping_mul(2_654_435_761)) < limit;
        let mask = (request.percent < 100.0).then(|| RowSet::from_fn(rows, eligible));
        let queries = self.queries[..request.queries.min(self.queries.len())].to_vec();
        let truth = self.exact(&queries, mask.as_ref())?;
        let (index, built) = &self.open[&place];

        let pool = rayon::ThreadPoolBuilder::new().num_threads(request.threads.max(1)).build()?;
        let tens = pool.install(|| Round::run(index.as_ref(), &queries, 10, mask.as_ref()));
        let hundreds = pool.install(|| Round::run(index.as_ref(), &queries, 100, mask.as_ref()));
        Ok(json!({
            "kind": request.kind,
            "params": request.params,
            "percent": request.percent,
            "recall_at_10": tens.recall(index.as_ref(), &queries, &truth, 10),
            "recall_at_100": hundreds.recall(index.as_ref(), &queries, &truth, 100),
            "queries_per_second": tens.per_second(),
            "p50_us": tens.quantile(0.5),
            "p99_us": tens.quantile(0.99),
            "queries_per_second_at_100": hundreds.per_second(),
            "build_seconds": built.build_seconds,
            "bytes": bytes_below(&self.folder.join(&place))?,
            "peak_rss_kb": peak_rss_kb(),
        }))
    }

    /// Opens what a request names, after building it when it is not there; its folder's name comes back.
    fn open_index(&mut self, kind: &str, params: &Value) -> Fallible<String> {
        let words: String = params.to_string().chars().filter(|c| c.is_alphanumeric() || ".-_".contains(*c)).collect();
        let place = format!("{kind}-{words}").trim_end_matches('-').to_owned();
        if self.open.contains_key(&place) {
            return Ok(place);
        }
        let folder = self.folder.join(&place);
        let note = self.folder.join(format!("{place}.json"));
        if !note.exists() {
            let base = self.base.as_deref().ok_or("--base is missing and the index is not built")?;
            let base = Npy::read(base)?.floats()?;
            let dimension = base.first().map_or(0, Vec::len);
            let vectors: Vec<Vector> = base
                .into_iter()
                .map(|row| Vector::new(row).ok_or("a row has no direction"))
                .collect::<Result<_, _>>()?;
            let mut params: VectorParams = serde_json::from_value(params.clone())?;
            params.kind = kind.parse()?;
            fs::create_dir_all(&folder)?;
            let start = Instant::now();
            let report = vector::build(&folder, &vectors, dimension, &params)?;
            let build_seconds = start.elapsed().as_secs_f64();
            let built = Built { kind: report.kind, rows: report.rows, dimension, build_seconds };
            fs::write(&note, serde_json::to_vec(&built)?)?;
        }
        let built: Built = serde_json::from_slice(&fs::read(&note)?)?;
        let index = vector::open(&folder, built.kind, built.rows, built.dimension)?;
        self.open.insert(place.clone(), (index, built));
        Ok(place)
    }

    /// The exact nearest hundred of each query.
    fn exact(&mut self, queries: &[Vec<f32>], mask: Option<&RowSet>) -> Fallible<Vec<Vec<Row>>> {
        if let (Some(truth), None) = (&self.truth, mask) {
            return Ok(truth.clone());
        }
        let place = self.open_index("flat", &json!({}))?;
        let scan = &self.open[&place].0;
        let truth: Vec<Vec<Row>> =
            queries.iter().map(|query| scan.search(query, 100, mask).iter().map(|hit| hit.row).collect()).collect();
        if mask.is_none() && queries.len() == self.queries.len() {
            self.truth = Some(truth.clone());
        }
        Ok(truth)
    }
}

/// The answers of one round, and how long each took.
struct Round {
    answers: Vec<Vec<Scored>>,
    micros: Vec<f64>,
}

impl Round {
    fn run(index: &dyn VectorIndex, queries: &[Vec<f32>], k: usize, mask: Option<&RowSet>) -> Self {
        for query in queries.iter().take(50) {
            std::hint::black_box(index.search(query, k, mask));
        }
        let mut round = Self { answers: Vec::with_capacity(queries.len()), micros: Vec::with_capacity(queries.len()) };
        for query in queries {
            let start = Instant::now();
            round.answers.push(index.search(query, k, mask));
            round.micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
        round
    }

    fn recall(&self, index: &dyn VectorIndex, queries: &[Vec<f32>], truth: &[Vec<Row>], k: usize) -> f64 {
        let (mut n_found, mut n_expected) = (0, 0);
        for ((hits, query), exact) in self.answers.iter().zip(queries).zip(truth) {
            let exact = &exact[..k.min(exact.len())];
            let score = |row: Row| index.vector(row).iter().zip(query).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let worst = exact.last().map_or(f64::MAX, |&row| score(row));
            let is_right = |hit: &&Scored| exact.contains(&hit.row) || score(hit.row) >= worst;
            n_found += hits.iter().filter(is_right).count();
            n_expected += exact.len();
        }
        n_found as f64 / n_expected.max(1) as f64
    }

    fn per_second(&self) -> f64 {
        self.micros.len() as f64 / self.micros.iter().sum::<f64>() * 1e6
    }

    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get((sorted.len() as f64 * part) as usize).copied().unwrap_or_default()
    }
}

fn bytes_below(folder: &Path) -> Fallible<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// 0 where the system does not say.
fn peak_rss_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

/// A matrix of NumPy's own format, version 1, as it is on disk.
struct Npy {
    path: PathBuf,
    kind: String,
    columns: usize,
    bytes: Vec<u8>,
}

impl Npy {
    fn read(path: &Path) -> Fallible<Self> {
        let mut bytes = fs::read(path)?;
        let fault = || format!("{}: not a two-dimensional .npy file, version 1, C order", path.display());
        if bytes.len() < 10 || !bytes.starts_with(b"\x93NUMPY\x01") {
            return Err(fault().into());
        }
        let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let head = String::from_utf8_lossy(bytes.get(10..end).ok_or_else(fault)?).into_owned();
        let after = |key: &str| head.split(key).nth(1).map(|rest| rest.trim_start_matches([' ', ':']).to_owned());
        let kind = after("'descr'").ok_or_else(fault)?.trim_start_matches('\'').chars().take(3).collect();
        let shape = after("'shape'").ok_or_else(fault)?;
        let shape: Vec<usize> =
            shape.trim_start_matches('(').split([',', ')']).map_while(|part| part.trim().parse().ok()).collect();
        let &[_, columns] = shape.as_slice() else { return Err(fault().into()) };
        if !after("'fortran_order'").ok_or_else(fault)?.starts_with("False") {
            return Err(fault().into());
        }
        bytes.drain(..end);
        Ok(Self { path: path.to_owned(), kind, columns, bytes })
    }

    fn floats(&self) -> Fallible<Vec<Vec<f32>>> {
        self.rows("<f4", |number: [u8; 4]| f32::from_le_bytes(number))
    }

    fn integers(&self) -> Fallible<Vec<Vec<Row>>> {
        if self.kind == "<i8" {
            return self.rows("<i8", |number: [u8; 8]| i64::from_le_bytes(number) as Row);
        }
        self.rows("<i4", |number: [u8; 4]| i32::from_le_bytes(number) as Row)
    }

    fn rows<const SIZE: usize, T>(&self, kind: &str, number: impl Fn([u8; SIZE]) -> T) -> Fallible<Vec<Vec<T>>> {
        if self.kind != kind {
            return Err(format!("{}: numbers are {}, not {kind}", self.path.display(), self.kind).into());
        }
        let (numbers, _) = self.bytes.as_chunks::<SIZE>();
        Ok(numbers.chunks(self.columns.max(1)).map(|row| row.iter().map(|bytes| number(*bytes)).collect()).collect())
    }
}
