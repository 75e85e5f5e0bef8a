//! The mutable index: 100,000 rows of 384 numbers and some 40 words, asked by vector, by words and by both while it is as a
//! merge left it and after many small changes; and 100,000 single changes in a row.
//!
//! `cargo bench --bench collection`; `NBA_ROWS=20000` for fewer rows, `NBA_SPREAD=0.3` for vectors whose lengths are e to the
//! power of .3 times a normal number. Figures are ratios to the exact scan of all vectors in the same run, shares of the
//! nearest rows that are found, and shares of the time that one flushed write takes.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench measures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::time::{Duration, Instant};

use nba::collection::{
    Batch, Collection, CollectionParams, CollectionQuery, Column, ColumnType, Key, Schema, VectorColumn,
};
use nba::stage::Watch;
use nba::{Filter, QueryKind};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const DIMENSION: usize = 384;
const CLUSTERS: usize = 500;
const ASKED: usize = 400;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n: usize = std::env::var("NBA_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(100_000);
    let spread: f32 = std::env::var("NBA_SPREAD").ok().map_or(0.0, |spread| spread.parse().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let words: Vec<String> = (0..30_000).map(|n| format!("w{n}")).collect();
    let centres: Vec<Vec<f32>> =
        (0..CLUSTERS).map(|_| (0..DIMENSION).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
    let vector = |rng: &mut ChaCha8Rng| -> Vec<f32> {
        let centre = &centres[rng.random_range(0..CLUSTERS)];
        let raw: Vec<f32> = centre.iter().map(|x| x + rng.random_range(-0.8..0.8)).collect();
        let mut length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        if spread > 0.0 {
            let normal: f32 = (0..12).map(|_| rng.random_range(-0.5..0.5)).sum();
            length *= (spread * normal).exp();
        }
        raw.into_iter().map(|x| x / length).collect()
    };
    // Zipf's law: the n-th word is n times rarer than the first.
    let text = |rng: &mut ChaCha8Rng, n: usize| {
        let word = |rng: &mut ChaCha8Rng| &words[((30_000_f64).powf(rng.random::<f64>()) - 1.0) as usize];
        (0..n).map(|_| word(rng).as_str()).collect::<Vec<_>>().join(" ")
    };
    let row = |rng: &mut ChaCha8Rng, id: usize| json!({ "id": id, "text": text(rng, 40), "category": &"abcd"[id % 4..=id % 4], "v": vector(rng) });
    let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: ColumnType::parse(kind).unwrap() };
    let columns = vec![column("id", "bigint"), column("text", "string"), column("category", "string")];
    let schema =
        Schema::new("id".to_owned(), columns, Some(VectorColumn { name: "v".to_owned(), dimension: DIMENSION }))?;
    let fit = |value: &Value| schema.row(value.as_object().unwrap()).unwrap();

    let folder = tempfile::tempdir()?;
    let collection = Collection::create(folder.path(), schema.clone(), &CollectionParams::default())?;
    let all: Vec<Value> = (0..n).map(|id| row(&mut rng, id)).collect();
    let start = Instant::now();
    collection.apply(Batch { upserts: all.iter().map(&fit).collect(), deletes: Vec::new() })?;
    println!("{n} rows in one change: {:.1} s", start.elapsed().as_secs_f64());

    let asked: Vec<(Vec<f32>, String)> = (0..ASKED).map(|_| (vector(&mut rng), text(&mut rng, 12))).collect();
    let start = Instant::now();
    let mut sum = 0.0;
    for (query, _) in asked.iter().take(10) {
        let view = collection.view();
        for id in view.after(None, n) {
            sum += view.vector(id).map_or(0.0, |v| v.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum::<f32>());
        }
    }
    let scan = start.elapsed() / 10;
    println!("exact scan, one thread: {:.2} ms ({sum:.0})", ms(scan));
    while collection.tend()? {}
    measure("merged", &collection, &asked, scan)?;
    for k in [10, 200] {
        println!("of the {k} nearest {:.4} are found", recall(&collection, &asked[..100], k)?);
    }

    let changes = n;
    let (mut slowest, mut times) = (Duration::ZERO, Vec::new());
    let start = Instant::now();
    for at in 0..changes {
        let began = Instant::now();
        let id = rng.random_range(0..n + n / 10);
        let batch = if at % 5 == 4 {
            Batch { upserts: Vec::new(), deletes: vec![Key::Integer(id as i64)] }
        } else {
            Batch { upserts: vec![fit(&row(&mut rng, id))], deletes: Vec::new() }
        };
        collection.apply(batch)?;
        times.push(began.elapsed());
        slowest = slowest.max(began.elapsed());
    }
    times.sort();
    let p = |share: f64| ms(times[(times.len() as f64 * share) as usize]);
    println!(
        "{changes} single changes: {:.0} s, p50 {:.2} ms, p99 {:.2} ms, slowest {:.0} ms",
        start.elapsed().as_secs_f64(),
        p(0.5),
        p(0.99),
        ms(slowest)
    );
    measure("after them", &collection, &asked, scan)?;
    let start = Instant::now();
    // It has changed since nobody looked, and not since the first look.
    let merged = collection.tend()? || collection.tend()?;
    println!("merged at the end: {merged}, {:.1} s", start.elapsed().as_secs_f64());
    let rows = collection.view().len();
    drop(collection);
    let start = Instant::now();
    let opened = Collection::open(folder.path(), &CollectionParams::default())?;
    assert_eq!(opened.view().len(), rows);
    println!("opened with {rows} rows: {:.2} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// The share of the `k` nearest rows that are found, against all rows.
fn recall(collection: &Collection, asked: &[(Vec<f32>, String)], k: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let view = collection.view();
    let rows: Vec<&[f32]> = view.after(None, view.len()).into_iter().filter_map(|row| view.vector(row)).collect();
    let mut n_found = 0;
    for (query, _) in asked {
        let distance = |row: &[f32]| row.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let mut distances: Vec<f32> = rows.iter().map(|row| distance(row)).collect();
        let farthest = *distances.select_nth_unstable_by(k - 1, f32::total_cmp).1;
        let query = CollectionQuery {
            kind: QueryKind::Ann,
            vector: Some(query.clone()),
            text: None,
            text_columns: None,
            k,
            filter: None,
            watch: Watch::default(),
        };
        let hits = view.query(&query)?.hits;
        n_found += hits.iter().filter(|hit| view.vector(hit.row).is_some_and(|row| distance(row) <= farthest)).count();
    }
    Ok(n_found as f64 / (k * asked.len()) as f64)
}

fn measure(
    when: &str,
    collection: &Collection,
    asked: &[(Vec<f32>, String)],
    scan: Duration,
) -> Result<(), Box<dyn std::error::Error>> {
    let filter = Filter::parse(r#"{"category": "b"}"#)?;
    for (name, kind, k, filter) in [
        ("ANN", QueryKind::Ann, 10, None),
        ("ANN, the best 200", QueryKind::Ann, 200, None),
        ("ANN, a quarter of the rows", QueryKind::Ann, 10, Some(filter.clone())),
        ("FULL_TEXT", QueryKind::FullText, 10, None),
        ("FULL_TEXT, the best 200", QueryKind::FullText, 200, None),
        ("HYBRID", QueryKind::Hybrid, 10, None),
    ] {
        let mut times = Vec::new();
        for (vector, text) in asked {
            let query = CollectionQuery {
                kind,
                vector: Some(vector.clone()),
                text: Some(text.clone()),
                text_columns: None,
                k,
                filter: filter.clone(),
                watch: Watch::default(),
            };
            let start = Instant::now();
            assert_eq!(collection.view().query(&query)?.hits.len(), k);
            times.push(start.elapsed());
        }
        times.sort();
        let mean = times.iter().sum::<Duration>() / times.len() as u32;
        println!(
            "{when}: {name}: mean {:.2} ms ({:.2} of the scan), p50 {:.2}, p99 {:.2}",
            ms(mean),
            mean.as_secs_f64() / scan.as_secs_f64(),
            ms(times[times.len() / 2]),
            ms(times[times.len() * 99 / 100])
        );
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
