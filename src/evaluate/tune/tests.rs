//! Tuning on planted desks: where one leg knows the answers and the other knows nothing, and where nothing does.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, RecordBatch, StringArray, StringBuilder};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::interval::{Pair, standard_error};
use super::*;
use crate::embed::{ModelIdentity, Vector};
use crate::error::Error;
use crate::index::{Codes, IndexSpec, QueryVector, write};
use crate::keyword::{KEYWORD_MEMORY, Language, TextField};
use crate::rebuild::BoostParams;
use crate::vector::{Kind, VectorParams};

const DIMENSION: usize = 32;
const LABELS: usize = 5;

/// What knows which action solves a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Vectors,
    Words,
    Subject,
    Nothing,
}

/// An index of tickets without vectors' or words' help beyond what is told; lives as long as its folder.
fn desk(told: Told, tickets: usize, labels: usize) -> (tempfile::TempDir, IndexReader) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut rows: [Vec<String>; 7] = Default::default();
    let mut vectors = Vec::new();
    for ticket in 0..tickets {
        let label = ticket % labels;
        let mut noise =
            |words: usize| -> Vec<String> { (0..words).map(|_| format!("w{}", rng.random_range(0..40))).collect() };
        let (mut problem, mut subject) = (noise(6), noise(2));
        if told == Told::Words {
            problem.push(format!("label{label}"));
        }
        if told == Told::Subject {
            subject.push(format!("label{label}"));
            problem.push(format!("label{label}"));
            problem.extend((0..4).map(|_| format!("label{}", rng.random_range(0..labels))));
        }
        let mut numbers: Vec<f32> = (0..DIMENSION).map(|_| rng.random_range(-1.0..1.0)).collect();
        numbers[label] += if told == Told::Vectors { 3.0 } else { 0.0 };
        vectors.push(Vector::new(numbers).unwrap());
        let cells = [
            format!("T{ticket}"),
            "RESOLVED".to_owned(),
            // Every tenth ticket was entered twice.
            format!("thread{}", if ticket % 10 == 9 { ticket - labels } else { ticket }),
            subject.join(" "),
            problem.join(" "),
            "etc".to_owned(),
            format!("ACTION{label}"),
        ];
        rows.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
    }
    let names = ["ticket_id", "status", "thread_id", "subject", "problem", "tags", "solved_by"];
    let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let mut columns: Vec<(&str, ArrayRef)> = names.into_iter().zip(rows.map(text)).collect();
    let mut identifiers = ListBuilder::new(StringBuilder::new());
    (0..tickets).for_each(|_| identifiers.append(true));
    columns.push(("identifiers", Arc::new(identifiers.finish())));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let field = |name: &str| TextField { name: name.to_owned(), analyzers: vec![Language::Portuguese], boost: 1.0 };
    let spec = IndexSpec {
        name: TICKETS.to_owned(),
        key: "ticket_id".to_owned(),
        group: "ticket_id".to_owned(),
        embedded: "problem".to_owned(),
        text_fields: ["subject", "problem"].map(field).to_vec(),
        exact: Some("identifiers".to_owned()),
        language: None,
        labels: None,
        vector: VectorParams { kind: Kind::Flat, ..VectorParams::default() },
        keyword_memory: KEYWORD_MEMORY,
    };
    let model = ModelIdentity { name: "none".to_owned(), fingerprint: "none".to_owned(), dimension: DIMENSION };
    let folder = tempfile::tempdir().unwrap();
    let (_, sha256) = write(folder.path(), &spec, [Ok(batch)], &vectors, &model).unwrap();
    let reader = IndexReader::open(folder.path(), &sha256, false).unwrap();
    (folder, reader)
}

fn params() -> TuneParams {
    let keyword = KeywordParams::default();
    let words = Words { k1: keyword.k1, b: keyword.b, boosts: BoostParams::default() };
    TuneParams {
        judge: Judge::Column("solved_by".to_owned()),
        current: Setting { fusion: crate::FusionParams::default(), words },
        keyword,
        seed: 42,
        most: 1_000,
        permute: None,
    }
}

fn tuned(index: &IndexReader, params: &TuneParams) -> Result<TuneReport> {
    let Judge::Column(column) = &params.judge else { panic!("judged by a column") };
    let ask = |row, problem: &str| Ok((Some(QueryVector::Row(row)), problem.to_owned(), Codes::default()));
    tune_by(index, &Asked::of_history(index, &ask, column, params)?, params, &mut |_, _| {})
}

#[test]
fn words_count_more_where_vectors_know_nothing() {
    let (_folder, index) = desk(Told::Words, 200, LABELS);
    let report = tuned(&index, &params()).unwrap();
    assert!(report.is_sure && report.gain.mean > 0.1, "{report:#?}");
    let fusion = report.chosen.fusion;
    assert!(fusion.keyword_weight > params().current.fusion.keyword_weight, "{fusion:?}");
    // One question a thread; copies of it are no answers.
    assert_eq!((report.questions, report.groups, report.labels), (180, 180, Some(LABELS)));
}

#[test]
fn words_count_less_where_they_know_nothing() {
    let (_folder, index) = desk(Told::Vectors, 200, LABELS);
    let current = params().current;
    let fusion = crate::FusionParams { keyword_weight: 2.0, ..current.fusion };
    let report = tuned(&index, &TuneParams { current: Setting { fusion, ..current }, ..params() }).unwrap();
    assert!(report.is_sure && report.gain.mean > 0.1, "{report:#?}");
    assert!(report.chosen.fusion.keyword_weight < 0.5, "{:?}", report.chosen);
}

#[test]
fn a_column_that_tells_gets_a_boost_without_a_new_build() {
    let (_folder, index) = desk(Told::Subject, 200, LABELS);
    let report = tuned(&index, &params()).unwrap();
    let boost = report.changes.iter().find(|change| change.key == "build.keyword.subject_boost").unwrap();
    assert!(report.is_sure && boost.needs_build && report.chosen.words.boosts.subject_boost > 1.0, "{report:#?}");
    // Nothing is searched in tags here, so their boost stays.
    assert_eq!(report.chosen.words.boosts.tags_boost, params().current.words.boosts.tags_boost);
}

#[test]
fn noise_is_no_gain() {
    let (_folder, index) = desk(Told::Nothing, 120, LABELS);
    let (_other_folder, told) = desk(Told::Words, 120, LABELS);
    for seed in 0..3 {
        let permuted = TuneParams { permute: Some(seed), ..params() };
        for index in [&index, &told] {
            let report = tuned(index, &permuted).unwrap();
            assert!(!report.is_sure && report.gain.low <= 0.0, "{seed}: {report:#?}");
        }
    }
    assert!(!tuned(&index, &params()).unwrap().is_sure);
}

#[test]
fn the_same_is_found_again_on_any_number_of_threads() {
    let (_folder, index) = desk(Told::Words, 120, LABELS);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| tuned(&index, &params()).unwrap())
    };
    let first = with(1);
    assert_eq!(with(4), first);
    let other_folds = tuned(&index, &TuneParams { seed: 43, ..params() }).unwrap();
    assert_ne!(other_folds.gain, first.gain);
}

#[test]
fn boosts_at_query_time_are_those_of_a_build() {
    let (_folder, index) = desk(Told::Subject, 60, LABELS);
    let query = crate::index::Query::new(
        crate::index::QueryKind::Hybrid,
        Some(crate::index::QueryVector::Row(3)),
        Some("label3 w1 w2".to_owned()),
        10,
    );
    let as_built = index.legs(&query, &crate::keyword::Boosts::new()).unwrap();
    let same = [("subject".to_owned(), 1.0)].into_iter().collect();
    assert_eq!(index.legs(&query, &same).unwrap(), as_built);
    let doubled = [("subject".to_owned(), 2.0), ("problem".to_owned(), 2.0)].into_iter().collect();
    let doubled = index.legs(&query, &doubled).unwrap();
    for (one, two) in as_built.candidates.iter().zip(&doubled.candidates) {
        assert_eq!(one.row, two.row);
        assert_eq!(one.keyword.map(|(_, score)| score * 2.0), two.keyword.map(|(_, score)| score));
    }
    // And what a query answers is what its legs fuse to.
    let rows: Vec<_> = as_built.fused(&query.fusion).iter().take(10).map(|it| it.scored.row).collect();
    assert_eq!(index.query(&query).unwrap().hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), rows);
    let unknown = [("tags".to_owned(), 2.0)].into_iter().collect();
    assert!(matches!(index.legs(&query, &unknown), Err(Error::UnknownColumn { .. })));
}

#[test]
fn too_little_history_is_refused() {
    let (_folder, index) = desk(Told::Words, 40, LABELS);
    let refused = |judge: &str| {
        let params = TuneParams { judge: Judge::Column(judge.to_owned()), ..params() };
        tuned(&index, &params).unwrap_err().to_string()
    };
    expect_test::expect![
        "too little to go by: 36 resolved threads whose `solved_by` another one has too, and at least 60 are needed"
    ]
    .assert_eq(&refused("solved_by"));
    expect_test::expect!["judge: all resolved tickets with a value in `status` have the same; judge by another column"]
        .assert_eq(&refused("status"));
    expect_test::expect!["no column `solvedby`; there are `ticket_id`, `status`, `thread_id`, `subject`, `problem`, `tags`, `solved_by`, `identifiers`"].assert_eq(&refused("solvedby"));
}

/// Gains of questions that are made of pairs at random, each seen from both ends: the interval that takes questions for
/// independent leaves out 0 far more often than one time in twenty, ours does not.
#[test]
fn the_interval_of_pairs_at_random_holds_the_truth() {
    let (n, rounds) = (60, 400);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let groups: Vec<usize> = (0..n).collect();
    let (mut ours, mut naive) = (0, 0);
    for _ in 0..rounds {
        let mut gains = vec![0.0; n];
        let mut pairs = Vec::new();
        for one in 0..n {
            for other in 0..one {
                if rng.random_range(0.0..1.0) < 0.15 {
                    let gain = if rng.random_range(0..2) == 0 { 0.1 } else { -0.1 };
                    for (asks, answers) in [(one, other), (other, one)] {
                        gains[asks] += gain;
                        pairs.push(Pair { asks, answers, gain });
                    }
                }
            }
        }
        let mean: f64 = gains.iter().sum::<f64>() / n as f64;
        ours += usize::from(mean.abs() > 1.96 * standard_error(&groups, &gains, &pairs, n));
        naive += usize::from(mean.abs() > 1.96 * standard_error(&groups, &gains, &[], n));
    }
    let share = |count: usize| count as f64 / f64::from(rounds);
    assert!(share(ours) < 0.08 && share(naive) > 0.12, "{} and {}", share(ours), share(naive));
}
