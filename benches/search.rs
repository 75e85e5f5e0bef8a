//! How fast the engine searches, embeds and builds, beside how well.
//!
//! Data: a generated desk of 5,000 tickets (seed 42) for text; 20,000 vectors of 128 dimensions in 2,000 clusters
//! (seed 42), as dense with near-duplicates as tickets are, for vectors. Recall is printed before each speed it belongs to.
//! Compare rows of one run: the figures of two runs, or two machines, do not compare.
//!
//! `cargo bench --bench search`; the embedding group needs `make runtime` and says so when it is absent.

#![expect(clippy::print_stdout, reason = "recall stands beside the speed it belongs to")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nba::embed::{EmbedParams, Embedder, HashedEmbedder, ModelSpec, OnnxEmbedder, Vector};
use nba::generate::{GenerateParams, generate};
use nba::index::{Query, QueryKind, QueryVector};
use nba::rebuild::{BuildParams, BuildRequest, Extract, build};
use nba::recommend::{Outcome, SimilarState, SimilarTicket, Situation, Trust, recommend};
use nba::snapshot::Snapshot;
use nba::vector::{self, Kind, VectorIndex, VectorParams};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const ROWS: usize = 20_000;
const DIMENSION: usize = 128;
const QUERIES: usize = 200;

/// Points around 2,000 centres, then queries around the same centres.
fn clustered() -> (Vec<Vector>, Vec<Vector>) {
    let mut random = ChaCha8Rng::seed_from_u64(42);
    let mut noise = |scale: f32| -> Vec<f32> { (0..DIMENSION).map(|_| random.random_range(-scale..scale)).collect() };
    let centres: Vec<Vec<f32>> = (0..2_000).map(|_| noise(1.0)).collect();
    let mut near = |at: usize| {
        let moved = centres[at % centres.len()].iter().zip(noise(0.6)).map(|(centre, step)| centre + step);
        Vector::new(moved.collect()).expect("a sum of noise is not zero")
    };
    let base = (0..ROWS).map(&mut near).collect();
    (base, (0..QUERIES).map(near).collect())
}

fn vectors(criterion: &mut Criterion) {
    let (base, queries) = clustered();
    let open = |kind| -> (tempfile::TempDir, Box<dyn VectorIndex>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let params = VectorParams { kind, ..VectorParams::default() };
        let built = vector::build(folder.path(), &base, DIMENSION, &params).expect("a build");
        let index = vector::open(folder.path(), built.kind, ROWS, DIMENSION).expect("an index");
        (folder, index)
    };
    let (_flat_folder, flat) = open(Kind::Flat);
    let (_hnsw_folder, hnsw) = open(Kind::Hnsw);
    for k in [10, 100] {
        let found: usize = queries
            .iter()
            .map(|query| {
                let exact = flat.search(query, k, None);
                let rows = hnsw.search(query, k, None);
                rows.iter().filter(|hit| exact.iter().any(|right| right.row == hit.row)).count()
            })
            .sum();
        println!("hnsw recall@{k} {:.4}, flat 1.0000 (exact)", found as f64 / (k * QUERIES) as f64);
    }
    let mut group = criterion.benchmark_group("vector");
    group.throughput(Throughput::Elements(QUERIES as u64));
    for (name, index) in [("flat", &flat), ("hnsw", &hnsw)] {
        group.bench_function(BenchmarkId::new(name, ROWS), |bencher| {
            bencher.iter(|| queries.iter().map(|query| index.search(black_box(query), 10, None).len()).sum::<usize>());
        });
    }
    group.finish();
}

fn desk(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("desk");
    let params = GenerateParams { tickets: 5_000, ..GenerateParams::default() };
    generate(&data, &params, &mut |_, _| {}).expect("a desk");
    let catalogue = nba::Catalogue::built_in();
    let build_params = BuildParams::default();
    let embedder = HashedEmbedder::new(DIMENSION);
    let request = BuildRequest {
        data,
        extract: Extract::Full,
        at: std::collections::BTreeMap::new(),
        index: folder.path().join("index"),
        catalogue: &catalogue,
        now: "2026-07-01T02:00:00Z".to_owned(),
        holder: "bench".to_owned(),
        params: &build_params,
        recommend: &nba::RecommendParams::default(),
        fusion: nba::FusionParams::default(),
        keyword: &nba::KeywordParams::default(),
        forced_by: None,
    };

    let mut group = criterion.benchmark_group("build");
    group.sample_size(10);
    group.bench_function("5,000 tickets, hashed vectors", |bencher| {
        bencher.iter(|| build(&request, &embedder, &mut |_| Ok(())).expect("a build"));
    });
    group.finish();

    // Also where only some groups are asked for.
    build(&request, &embedder, &mut |_| Ok(())).expect("a build");
    let snapshot = Snapshot::open(&request.index).expect("an index");
    let index = snapshot.index("tickets").expect("the tickets");
    let keys = index.text_values("ticket_id").expect("their ids");
    let queries: Vec<(Vec<f32>, String)> = keys
        .iter()
        .step_by(keys.len() / 50)
        .map(|(row, _)| {
            let text = index.text(*row, "subject").expect("a subject").unwrap_or_default();
            (index.vector(*row).to_vec(), text.to_owned())
        })
        .collect();
    let mut group = criterion.benchmark_group("query");
    group.throughput(Throughput::Elements(queries.len() as u64));
    for (name, kind) in [("dense", QueryKind::Ann), ("keyword", QueryKind::FullText), ("hybrid", QueryKind::Hybrid)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (vector, text) in &queries {
                    let query = Query::new(kind, Some(QueryVector::Raw(vector.clone())), Some(text.clone()), 10);
                    black_box(index.query(&query).expect("an answer"));
                }
            });
        });
    }
    group.finish();
}

/// What `recommend` adds to the retrieval, whatever the size of the index: as many neighbours as the default asks for, all
/// of different tickets, with every action of the catalogue among them.
fn advice(criterion: &mut Criterion) {
    let catalogue = nba::Catalogue::built_in();
    let actions: Vec<String> = catalogue.actions.iter().map(|action| action.id.clone()).collect();
    let action = |at: usize| actions[at % actions.len()].clone();
    let params = nba::RecommendParams::default();
    let outcome = |at: usize| Outcome {
        resolved: Some(true),
        reopened: Some(at.is_multiple_of(7)),
        csat: Some(1.0 + (at % 5) as f64),
        hours: Some(1.0 + at as f64),
        sla_breached: Some(at.is_multiple_of(3)),
    };
    let id = |at: usize| format!("TICKET-{at:06}");
    let states: Vec<SimilarState> = (0..params.states)
        .map(|at| SimilarState {
            ticket_id: id(at),
            thread_id: id(at),
            position: at % 4,
            similarity: 0.95 - 0.001 * at as f32,
            action: action(at),
            last_action: at.checked_sub(1).map(action),
            category: Some("FINANCIAL".to_owned()),
            outcome: outcome(at),
            expected_success: Some(0.7),
            message: "o repasse foi agendado para amanhã ".repeat(6),
        })
        .collect();
    let tickets: Vec<SimilarTicket> = (0..params.tickets)
        .map(|at| SimilarTicket {
            ticket_id: id(at),
            thread_id: id(at),
            similarity: 0.95 - 0.001 * at as f32,
            actions: (at..at + 5).map(action).collect(),
            solved_by: Some(action(at + 4)),
            solution: Some("o repasse foi agendado para amanhã ".repeat(6)),
            outcome: outcome(at),
            agent_id: Some(format!("AGENT-{}", at % 9)),
        })
        .collect();
    let situation = Situation { category: Some("FINANCIAL".to_owned()), done: vec![action(0)], ..Situation::default() };
    criterion.bench_function("recommend/50 states and 20 tickets", |bencher| {
        bencher
            .iter(|| recommend(black_box(&situation), Trust::default(), &states, &tickets, &catalogue, &[], &params));
    });
}

fn embedding(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/portuguese-multilingual-e5-small");
    let open = || OnnxEmbedder::open(&ModelSpec::open(&folder)?, &EmbedParams::default());
    let embedder: Arc<dyn Embedder> = match open() {
        Ok(embedder) => Arc::new(embedder),
        Err(error) => {
            println!("embedding is not measured: {error}");
            return;
        }
    };
    let texts: Vec<String> = (0..64)
        .map(|at| format!("o repasse do pedido {at} não caiu na conta, o extrato mostra liquidado desde ontem"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut group = criterion.benchmark_group("embed");
    group.sample_size(10);
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("64 texts of some 25 tokens", |bencher| {
        bencher.iter(|| embedder.embed(black_box(&texts)).expect("vectors"));
    });
    group.finish();
}

criterion_group!(benches, vectors, desk, advice, embedding);
criterion_main!(benches);
