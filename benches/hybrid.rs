//! The index of the product, driven over JSON lines by `benches/peers/run.py`: rows of (number, text) with given vectors,
//! asked for nearest vectors, best keyword matches, or both. Owns the protocol; knows no other engine and no judge.
//!
//! ```text
//! cargo bench --bench hybrid -- --base base.npy --texts base.txt --queries q.npy --query-texts q.txt --index FOLDER
//! {"build": {"kind": "auto"}}                  → {"seconds": {"vectors": 1.0, "keyword": 1.0, "total": 2.1}, "bytes": 1}
//! {"open": true}                               → {"seconds": 0.01, "kind": "flat"}
//! {"kind": "hybrid", "k": 10, "first": 0, "count": 100} → {"latencies": [0.001, …], "rows": [[7, …], …]}
//! ```
//!
//! `build` takes the fields of `VectorParams`; `kind` of a question is that of [`QueryKind`]. Queries are asked one after
//! another; a latency, in seconds, runs from a ready query to its answer. A fault ends the process with its message.
//! Vectors are what `nba embed --out` writes; row `n` is line `n`. Without arguments it says so and does nothing.

#![expect(clippy::print_stdout, reason = "answers are lines of standard output")]
#![expect(clippy::disallowed_methods, reason = "a driver measures")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use fs_err as fs;
use nba::embed::{ModelIdentity, Vector};
use nba::index::{IndexReader, IndexSpec, Query, QueryKind, QueryVector, write};
use nba::keyword::{KEYWORD_MEMORY, KeywordParams, Language, TextField};
use nba::vector::VectorParams;
use serde::Deserialize;
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One line of standard input.
#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    Build { build: VectorParams },
    Open { open: bool },
    Ask { kind: QueryKind, k: usize, first: usize, count: usize },
}

/// What the arguments name.
struct Files {
    base: PathBuf,
    texts: PathBuf,
    queries: PathBuf,
    query_texts: PathBuf,
    index: PathBuf,
}

impl Files {
    fn from_arguments() -> Outcome<Option<Self>> {
        // `cargo bench` adds `--bench`.
        let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
        if words.is_empty() {
            return Ok(None);
        }
        let mut given: BTreeMap<&str, &str> = BTreeMap::new();
        for pair in words.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} has no value", pair[0]).into()) };
            given.insert(name, value);
        }
        let mut take = |name: &str| given.remove(name).map(PathBuf::from).ok_or_else(|| format!("{name} is missing"));
        let files = Self {
            base: take("--base")?,
            texts: take("--texts")?,
            queries: take("--queries")?,
            query_texts: take("--query-texts")?,
            index: take("--index")?,
        };
        given.keys().next().map_or(Ok(Some(files)), |name| Err(format!("{name} is not known").into()))
    }
}

fn main() -> Outcome<()> {
    let Some(files) = Files::from_arguments()? else {
        println!("hybrid: driven by benches/peers/run.py, see its header");
        return Ok(());
    };
    let queries = read_vectors(&files.queries)?;
    let texts = read_lines(&files.query_texts, queries.len())?;
    let mut reader: Option<IndexReader> = None;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Build { build: params } => build(&files, &params)?,
            Request::Open { open: sums } => {
                let sha256 = fs::read_to_string(sum_file(&files.index))?;
                let start = Instant::now();
                let opened = IndexReader::open(&files.index, &sha256, sums)?;
                let seconds = start.elapsed().as_secs_f64();
                let kind = opened.manifest().segments.first().map(|segment| segment.vector.as_str());
                let answer = json!({"seconds": seconds, "kind": kind});
                reader = Some(opened);
                answer
            }
            Request::Ask { kind, k, first, count } => {
                let index = reader.as_ref().ok_or("open the index first")?;
                let mut latencies = Vec::with_capacity(count);
                let mut rows = Vec::with_capacity(count);
                for (vector, text) in queries.iter().zip(&texts).skip(first).take(count) {
                    // The peers have neither synonyms nor other spellings.
                    let keyword = KeywordParams::exact();
                    let query = Query {
                        keyword,
                        ..Query::new(kind, Some(QueryVector::Raw(vector.to_vec())), Some(text.clone()), k)
                    };
                    let start = Instant::now();
                    let found = index.query(&query)?;
                    latencies.push(start.elapsed().as_secs_f64());
                    rows.push(found.hits.iter().map(|hit| hit.row).collect::<Vec<_>>());
                }
                json!({"latencies": latencies, "rows": rows})
            }
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// Writes the index; what reading the input takes is not counted, what syncing to the disk takes is.
fn build(files: &Files, params: &VectorParams) -> Outcome<serde_json::Value> {
    let vectors = read_vectors(&files.base)?;
    let texts = read_lines(&files.texts, vectors.len())?;
    let keys = StringArray::from_iter_values((0..texts.len()).map(|row| row.to_string()));
    let columns: [(&str, ArrayRef); 2] =
        [("row", Arc::new(keys)), ("text", Arc::new(StringArray::from_iter_values(texts)))];
    let batch = RecordBatch::try_from_iter(columns)?;
    let dimension = vectors.first().map_or(0, |vector| vector.len());
    let spec = IndexSpec {
        name: "peers".to_owned(),
        key: "row".to_owned(),
        group: "row".to_owned(),
        embedded: "text".to_owned(),
        text_fields: vec![TextField {
            name: "text".to_owned(),
            analyzers: vec![Language::Portuguese, Language::English],
            boost: 1.0,
        }],
        exact: None,
        language: None,
        labels: None,
        vector: params.clone(),
        keyword_memory: KEYWORD_MEMORY,
    };
    let model = ModelIdentity { name: "given vectors".to_owned(), fingerprint: "0".repeat(64), dimension };

    let start = Instant::now();
    let (manifest, sha256) = write(&files.index, &spec, [Ok(batch)], &vectors, &model)?;
    let seconds = json!({"total": start.elapsed().as_secs_f64()});
    fs::write(sum_file(&files.index), sha256)?;
    Ok(json!({"seconds": seconds, "bytes": manifest.bytes()}))
}

/// Where the manifest's sum is kept; in the product the generation knows it.
fn sum_file(index: &Path) -> PathBuf {
    index.join("manifest.sha256")
}

fn read_lines(path: &Path, rows: usize) -> Outcome<Vec<String>> {
    let lines: Vec<String> = fs::read_to_string(path)?.lines().map(str::to_owned).collect();
    if lines.len() != rows {
        return Err(format!("{}: {} lines for {rows} vectors", path.display(), lines.len()).into());
    }
    Ok(lines)
}

/// Reads what `nba embed --out` and numpy write: format 1.0, little-endian `f32`, rows × dimension.
fn read_vectors(path: &Path) -> Outcome<Vec<Vector>> {
    let bytes = fs::read(path)?;
    let wrong = |what: &str| format!("{}: {what}", path.display());
    if bytes.len() < 10 || !bytes.starts_with(b"\x93NUMPY\x01") {
        return Err(wrong("not an .npy file of format 1").into());
    }
    let body = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(bytes.get(10..body).ok_or_else(|| wrong("it ends within its header"))?)?;
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    let shape: Vec<usize> = shape.unwrap_or_default().split(',').filter_map(|side| side.trim().parse().ok()).collect();
    let &[rows, dimension] = shape.as_slice() else { return Err(wrong("not a table of two dimensions").into()) };
    let c_order = header.contains("'<f4'") && header.contains("'fortran_order': False");
    if !c_order || bytes.len() - body != rows * dimension * 4 {
        return Err(wrong("not little-endian f32 in C order, or cut short").into());
    }
    bytes[body..]
        .chunks_exact(dimension * 4)
        .map(|row| {
            let numbers =
                row.chunks_exact(4).map(|number| f32::from_le_bytes([number[0], number[1], number[2], number[3]]));
            Vector::new(numbers.collect()).ok_or_else(|| wrong("a row is zero or not finite").into())
        })
        .collect()
}
