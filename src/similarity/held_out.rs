//! Pairs of a row that an index has not seen and a hit that it finds for it, with what is known of both. Knows no ticket: the
//! rows have labels, and a pair is alike where both have the same.
//!
//! An index learns from its rows' labels in which directions they lie apart (`index`), so that two of its own rows look more
//! alike than they will look when one is new. So rows are held out: an index of the others is written and asked for them, as
//! it would be for a new text, and thrown away.

use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _, BooleanArray, StringArray};
use arrow::compute::filter_record_batch;
use rayon::prelude::*;

use super::{Evidence, Pair};
use crate::embed::RowVectors;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{Codes, FusionParams, IndexReader, IndexSpec, Query, QueryKind, QueryVector, Rows};
use crate::keyword::KeywordParams;
use crate::snapshot::SnapshotWriter;

/// Into so many parts rows are divided; each is held out of an index of the others.
const PARTS: usize = 5;
/// With more rows, one part alone is held out: it is large enough.
const MOST_ROWS_FOR_ALL_PARTS: usize = 10_000;
/// So many rows are asked for at most, in all parts together.
const MOST_QUERIES: usize = 1_000;
/// So many hits of each are looked at.
const HITS: usize = 50;

/// The rows of an index, and how it is asked.
#[derive(Clone, Copy)]
pub struct Labelled<'a> {
    /// What index they make; it names the column with the labels.
    pub spec: &'a IndexSpec,
    /// The rows, as an index of the writer has them.
    pub rows: &'a Rows,
    /// Their vectors, as the model makes them.
    pub vectors: RowVectors<'a>,
    /// Which rows may be hits.
    pub hits: &'a Filter,
    /// How a row is asked for.
    pub whole: &'a (dyn Fn(usize) -> Question + Sync),
    /// A shorter way to ask for it, if there is one.
    pub short: &'a (dyn Fn(usize) -> Option<Question> + Sync),
    /// How legs are fused.
    pub fusion: FusionParams,
    /// How words are scored.
    pub keyword: &'a KeywordParams,
}

/// A text as a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The text, not blank.
    pub text: String,
    /// Its vector, as the model makes it.
    pub vector: Vec<f32>,
    /// The codes in it.
    pub codes: Codes,
    /// Its language, where that is sure.
    pub language: Option<String>,
}

impl Labelled<'_> {
    /// The pairs of rows that were held out and the hits for each, those without a label left out; in the order of the rows
    /// and then the hits. None in an index without labels.
    ///
    /// # Errors
    /// Those of [`SnapshotWriter::try_index`] and [`IndexReader::query`].
    pub(super) fn pairs(&self, writer: &SnapshotWriter) -> Result<Vec<Pair>> {
        let Some(labels) = &self.spec.labels else { return Ok(Vec::new()) };
        let labels = &self.texts(labels)?;
        let columns = self.columns();
        let labelled: Vec<usize> = (0..labels.len()).filter(|&row| labels.is_valid(row)).collect();
        let n_parts = if labelled.len() > MOST_ROWS_FOR_ALL_PARTS { 1 } else { PARTS };
        let mut pairs = Vec::new();
        for part in 0..n_parts {
            let mut held: Vec<usize> =
                labelled.iter().copied().filter(|&row| scattered(row) % PARTS as u64 == part as u64).collect();
            held.sort_by_key(|&row| scattered(row));
            held.truncate(MOST_QUERIES / n_parts);
            if held.is_empty() {
                continue;
            }
            let held: BTreeSet<usize> = held.into_iter().collect();
            let kept: Vec<usize> = (0..labels.len()).filter(|row| !held.contains(row)).collect();
            let mut next = 0;
            let batches = self.rows.batches(Some(&columns))?.map(|batch| {
                let batch = batch?;
                let mask = (next..next + batch.num_rows()).map(|row| Some(!held.contains(&row)));
                let mask = BooleanArray::from_iter(mask);
                next += batch.num_rows();
                filter_record_batch(&batch, &mask)
                    .map_err(|error| Error::internal("leaving rows out of an index", error))
            });
            let vectors = RowVectors::Picked(&self.vectors, &kept);
            let found = writer.try_index(self.spec, batches, vectors, |index| {
                let found: Vec<Vec<Pair>> =
                    held.par_iter().map(|&row| self.ask(index, row, &kept, labels)).collect::<Result<_>>()?;
                Ok(found.concat())
            })?;
            pairs.extend(found);
        }
        pairs.sort_by_key(|pair| pair.query);
        Ok(pairs)
    }

    /// The columns that a question looks at: the index that is asked has no other.
    fn columns(&self) -> Vec<&str> {
        let IndexSpec { key, group, embedded, text_fields, exact, language, labels, .. } = self.spec;
        let of_spec = [key, group, embedded].into_iter().chain(exact).chain(language).chain(labels);
        let of_spec = of_spec.chain(text_fields.iter().map(|field| &field.name)).map(String::as_str);
        of_spec.chain(self.hits.columns()).collect::<BTreeSet<&str>>().into_iter().collect()
    }

    /// A text column of few different values.
    pub(super) fn texts(&self, column: &str) -> Result<StringArray> {
        let array = self.rows.column(column)?;
        let texts = array.as_string_opt::<i32>();
        texts.cloned().ok_or_else(|| Error::argument("column", format!("`{column}` is not text")))
    }

    /// Asks an index of the rows `kept` for a row that it does not have, in both ways.
    fn ask(&self, index: &IndexReader, row: usize, kept: &[usize], labels: &StringArray) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        for (question, is_short) in [(Some((self.whole)(row)), false), ((self.short)(row), true)] {
            let Some(question) = question.filter(|question| !question.text.trim().is_empty()) else { continue };
            let vector = QueryVector::Raw(question.vector);
            let query = Query {
                filter: Some(self.hits.clone()),
                codes: question.codes,
                fusion: self.fusion,
                keyword: self.keyword.clone(),
                ..Query::new(QueryKind::Hybrid, Some(vector.clone()), Some(question.text), HITS)
            };
            let hits = index.query(&query)?.hits;
            let evidence = Evidence::of(index, &vector, question.language.as_deref(), &hits)?;
            for (rank, (hit, evidence)) in hits.iter().zip(evidence).enumerate() {
                let at = kept[hit.row as usize];
                if labels.is_valid(at) {
                    let alike = labels.value(at) == labels.value(row);
                    pairs.push(Pair { query: row, is_short, rank, evidence, alike });
                }
            }
        }
        Ok(pairs)
    }
}

/// A number that follows from a row alone and from which nothing can be told of its neighbours (SplitMix64; Steele, Lea,
/// Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
pub(super) fn scattered(row: usize) -> u64 {
    let mut z = (row as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
