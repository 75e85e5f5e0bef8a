//! P@1, P@10, hit@3, hit@5 and kNN accuracy of each leg, on an index that is built for the purpose and thrown away.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, ListBuilder, RecordBatch, StringArray, StringBuilder};
use serde::Serialize;
use serde_json::json;

use super::csv_rows::read_rows;
use crate::desk::{identifier_terms, is_only_codes, query_terms, sure_language};
use crate::embed::{Embedder, Vector};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{Codes, FusionParams, Hit, IndexReader, IndexSpec, Query, QueryKind, QueryVector, write};
use crate::keyword::{KEYWORD_MEMORY, KeywordParams, Language, TextField};
use crate::vector::{Kind, VectorParams};

/// How many neighbours vote, and how deep precision is looked at.
const K: usize = 10;

/// In leave one out, in so many parts labels are held back in turn.
const FOLDS: usize = 5;
/// A neighbour's vote weighs e^((s / s_best − 1) / temperature), s its score.
const VOTE_TEMPERATURE: f32 = 0.1;

/// A text and the label that says what it resembles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The text.
    pub text: String,
    /// Its label.
    pub label: String,
}

/// What is searched for in what.
#[derive(Debug, Clone)]
pub enum RetrievalTask {
    /// Every test row is searched for among the train rows.
    Split {
        /// Rows to search in.
        train: Vec<Sample>,
        /// Rows to search for.
        test: Vec<Sample>,
    },
    /// Every row is searched for among all others.
    LeaveOneOut(Vec<Sample>),
}

/// How well one leg found rows of the same label. All shares of the rows searched for, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct LegReport {
    /// The first hit has the label.
    pub p_at_1: f64,
    /// The share of the first ten places that hold a row of the label; a missing hit counts against it.
    pub p_at_10: f64,
    /// One of the first three hits has the label.
    pub hit_at_3: f64,
    /// One of the first five hits has the label.
    pub hit_at_5: f64,
    /// The label with the highest sum of votes among the first ten hits is right; a vote weighs e^((s / s_best − 1) / 0.1).
    pub knn_accuracy: f64,
}

/// The legs, each alone, and fused.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Legs {
    /// Nearest vectors.
    pub dense: LegReport,
    /// BM25.
    pub keyword: LegReport,
    /// Both, fused.
    pub hybrid: LegReport,
}

/// The figures of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RetrievalReport {
    /// How many rows were searched for.
    pub rows: usize,
    /// How well.
    pub legs: Legs,
}

/// Reads two columns of a CSV file.
///
/// # Errors
/// [`Error::UnknownColumn`] with the columns there are, [`Error::Data`] with file and line, I/O errors.
pub fn read_samples(path: &Path, text: &str, label: &str, delimiter: u8) -> Result<Vec<Sample>> {
    let rows = read_rows(path, &[text, label], &[], delimiter)?;
    let sample = |cells: Vec<String>| {
        let mut cells = cells.into_iter();
        Sample { text: cells.next().unwrap_or_default(), label: cells.next().unwrap_or_default() }
    };
    Ok(rows.into_iter().map(|row| sample(row.cells)).collect())
}

/// Builds an index of the rows in a temporary folder and searches it with each leg.
///
/// # Errors
/// Model errors, I/O errors.
pub fn evaluate_retrieval(
    task: &RetrievalTask,
    embedder: &dyn Embedder,
    (fusion, keyword): (&FusionParams, &KeywordParams),
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<RetrievalReport> {
    let (base, queries) = match task {
        RetrievalTask::Split { train, test } => (train, test),
        RetrievalTask::LeaveOneOut(rows) => (rows, rows),
    };
    let leave_one_out = matches!(task, RetrievalTask::LeaveOneOut(_));
    let own: &[Sample] = if leave_one_out { &[] } else { queries };
    let texts: Vec<&str> = base.iter().chain(own).map(|sample| sample.text.as_str()).collect();
    let vectors = embedder.embed_with_progress(&texts, &mut |done| on_progress(done, texts.len()))?;
    let (base_vectors, own_vectors) = vectors.split_at(base.len());
    let query_vectors = if leave_one_out { base_vectors } else { own_vectors };

    // Labels teach the index's space: a row is searched for in one that has not seen its label.
    let folds = if leave_one_out { FOLDS } else { 1 };
    let folders: Vec<tempfile::TempDir> = (0..folds).map(|_| tempfile::tempdir()).collect::<std::io::Result<_>>()?;
    let indexes: Vec<IndexReader> = (0..folds)
        .map(|fold| {
            let knows = |row: usize| !leave_one_out || row % folds != fold;
            build(folders[fold].path(), base, &knows, base_vectors, embedder)
        })
        .collect::<Result<_>>()?;
    let leg = |kind| -> Result<LegReport> {
        let mut sums = LegReport::default();
        for (at, (sample, vector)) in queries.iter().zip(query_vectors).enumerate() {
            let k = K.min(base.len());
            // In leave one out a row must not find itself.
            let filter = leave_one_out.then(|| Filter::from_json(&json!({ "row NOT": at.to_string() }))).transpose()?;
            let query = Query {
                fusion: *fusion,
                keyword: keyword.clone(),
                one_per_group: false,
                filter,
                codes: Codes { values: query_terms(&sample.text), alone: is_only_codes(&sample.text) },
                ..Query::new(kind, Some(QueryVector::Raw(vector.to_vec())), Some(sample.text.clone()), k)
            };
            let hits = indexes[at % folds].query(&query)?.hits;
            add(&mut sums, &hits, base, &sample.label);
        }
        let rows = queries.len() as f64;
        Ok(LegReport {
            p_at_1: sums.p_at_1 / rows,
            p_at_10: sums.p_at_10 / rows,
            hit_at_3: sums.hit_at_3 / rows,
            hit_at_5: sums.hit_at_5 / rows,
            knn_accuracy: sums.knn_accuracy / rows,
        })
    };
    let legs =
        Legs { dense: leg(QueryKind::Ann)?, keyword: leg(QueryKind::FullText)?, hybrid: leg(QueryKind::Hybrid)? };
    Ok(RetrievalReport { rows: queries.len(), legs })
}

/// Adds what one query found.
fn add(sums: &mut LegReport, hits: &[Hit], base: &[Sample], truth: &str) {
    let is_right = |hit: &Hit| base[hit.row as usize].label == truth;
    let share = |holds: bool| f64::from(u8::from(holds));
    sums.p_at_1 += share(hits.first().is_some_and(is_right));
    sums.p_at_10 += hits.iter().filter(|hit| is_right(hit)).count() as f64 / K as f64;
    sums.hit_at_3 += share(hits.iter().take(3).any(is_right));
    sums.hit_at_5 += share(hits.iter().take(5).any(is_right));

    let mut votes: BTreeMap<&str, f64> = BTreeMap::new();
    for hit in hits {
        let below_best = hit.score / hits[0].score - 1.0;
        let weight = if hits[0].score > 0.0 { f64::from(below_best / VOTE_TEMPERATURE).exp() } else { 1.0 };
        *votes.entry(&base[hit.row as usize].label).or_default() += weight;
    }
    // Of equal sums the label first in the alphabet wins.
    let winner = votes.iter().rev().max_by(|a, b| a.1.total_cmp(b.1)).map(|(label, _)| *label);
    sums.knn_accuracy += share(winner == Some(truth));
}

fn identifier_lists(base: &[Sample]) -> ListArray {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for sample in base {
        identifier_terms([sample.text.as_str()]).into_iter().for_each(|term| lists.values().append_value(term));
        lists.append(true);
    }
    lists.finish()
}

/// An index of all rows, whose space learns from the labels of those for which `knows` holds.
fn build(
    folder: &Path,
    base: &[Sample],
    knows: &dyn Fn(usize) -> bool,
    vectors: &[Vector],
    embedder: &dyn Embedder,
) -> Result<IndexReader> {
    let keys = StringArray::from_iter_values((0..base.len()).map(|row| row.to_string()));
    let texts = StringArray::from_iter_values(base.iter().map(|sample| &sample.text));
    let languages = StringArray::from_iter(base.iter().map(|sample| sure_language(&sample.text)));
    let labels = base.iter().enumerate().map(|(row, sample)| knows(row).then_some(&sample.label));
    let columns: [(&str, ArrayRef); 5] = [
        ("row", Arc::new(keys)),
        ("text", Arc::new(texts)),
        ("language", Arc::new(languages)),
        ("identifiers", Arc::new(identifier_lists(base))),
        ("label", Arc::new(StringArray::from_iter(labels))),
    ];
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| Error::internal("making rows", error))?;
    let analyzers = vec![Language::Portuguese, Language::English];
    let spec = IndexSpec {
        name: "evaluation".to_owned(),
        key: "row".to_owned(),
        group: "row".to_owned(),
        embedded: "text".to_owned(),
        text_fields: vec![TextField { name: "text".to_owned(), analyzers, boost: 1.0 }],
        exact: Some("identifiers".to_owned()),
        language: Some("language".to_owned()),
        labels: Some("label".to_owned()),
        vector: VectorParams { kind: Kind::Flat, ..VectorParams::default() },
        keyword_memory: KEYWORD_MEMORY,
    };
    let (_, sha256) = write(folder, &spec, [Ok(batch)], vectors, embedder.identity())?;
    IndexReader::open(folder, &sha256, false)
}
