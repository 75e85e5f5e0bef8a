//! How alike two rows are, as a probability that means the same whatever was asked: that both have the same label.
//! Knows indexes and their rows' labels, and no ticket.
//!
//! ```text
//! rows ──► an index without some of them ──► asked for those: hits ──► features of each pair ──► logistic regression
//!                                                                      whether labels agree ──┘   and how far it is off
//! ```
//!
//! A fused score orders the hits of one question and says nothing of another: BM25 counts as a share of the question's best
//! hit, and cosines lie closer together in one region than in another. The features here depend on the two rows and on the
//! index as a whole, and neither on what else was found nor on a filter.

mod held_out;
mod measure;
mod regression;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use arrow::array::StringArray;
use serde::{Deserialize, Serialize};

pub use held_out::{Labelled, Question};
pub use measure::{Fit, Group, Measured};

use crate::error::Result;
use crate::index::{Hit, IndexReader, QueryVector};
use crate::snapshot::SnapshotWriter;
use held_out::scattered;
use regression::probability;

/// Why a desk may have no such scale.
pub const WHY_NONE: &str = "a build learns them from 100 tickets and more with a subcategory, some alike and some not";

/// Fewer rows than this that were held out and asked for teach nothing.
const FEWEST_QUERIES: usize = 100;
/// Nor do fewer pairs that are alike, or that are not.
const FEWEST_OF_EACH: usize = 100;
/// Into so many parts the rows that were asked for are divided to measure how well a fit to the others holds.
const FOLDS: u64 = 5;
/// How many features there are.
const FEATURES: usize = 5;

/// What speaks for two rows being alike.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// How far their cosine stands out among those that either has with rows at large: see [`IndexReader::prominence`].
    pub prominence: f32,
    /// See [`Hit::words`].
    pub words: f32,
    /// BM25, from 0 up. A share of few words tells less than the same share of many.
    pub bm25: f32,
    /// How rare the identifiers are that they share: see [`crate::keyword::Shared::score`].
    pub identifiers: f32,
    /// Whether they are in different languages, as far as is known: then few words can agree, and that speaks less against.
    pub is_other_language: bool,
}

impl Evidence {
    /// What each hit of a hybrid query has; `language` is the query's, where that is known.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for rows that cannot be read.
    pub fn of(index: &IndexReader, vector: &QueryVector, language: Option<&str>, hits: &[Hit]) -> Result<Vec<Self>> {
        let prominence = index.prominence(vector, hits);
        let evidence = |(hit, prominence): (&Hit, f32)| {
            let of_hit = index.language(hit.row)?;
            Ok(Self {
                prominence,
                words: hit.words,
                bm25: hit.keyword.map_or(0.0, |leg| leg.score),
                identifiers: hit.exact.map_or(0.0, |leg| leg.score),
                is_other_language: language.is_some_and(|language| of_hit.is_some_and(|of_hit| of_hit != language)),
            })
        };
        hits.iter().zip(prominence).map(evidence).collect()
    }

    fn features(&self) -> [f64; FEATURES] {
        [
            f64::from(self.prominence),
            f64::from(self.words),
            f64::from(self.bm25).ln_1p(),
            f64::from(self.identifiers.min(1.0)),
            f64::from(u8::from(self.is_other_language)),
        ]
    }
}

/// A row that was held out and a hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The row that was held out.
    pub query: usize,
    /// Whether it was asked for in the shorter way.
    pub is_short: bool,
    /// The place of the hit in the answer, from 0.
    pub rank: usize,
    /// What speaks for their being alike.
    pub evidence: Evidence,
    /// Whether they have the same label.
    pub alike: bool,
}

/// The scale of an index: from evidence to the probability that two rows have the same label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Similarity {
    intercept: f32,
    /// Each 0 or more.
    weights: [f32; FEATURES],
    /// How well it holds.
    pub measured: Measured,
}

impl Similarity {
    /// Learns the scale of an index that `writer` writes; `None` where its rows teach none. `by` are text columns by whose
    /// values it is measured besides.
    ///
    /// # Errors
    /// Those of writing and asking an index; [`crate::Error::UnknownColumn`] for a column of `by` that there is not.
    pub fn learn(writer: &SnapshotWriter, rows: &Labelled<'_>, by: &[&str]) -> Result<Option<Self>> {
        let pairs = rows.pairs(writer)?;
        let groups = by.iter().map(|&by| Ok((by, rows.texts(by)?))).collect::<Result<Vec<_>>>()?;
        let groups: Vec<(&str, &StringArray)> = groups.iter().map(|(by, texts)| (*by, texts)).collect();
        Ok(Self::fit(&pairs, &groups))
    }

    /// Fits it to pairs, those of one row together. What is said of how well it holds comes from fits to the other rows:
    /// five times a fifth of the rows is left out. A pair counts the less the later its hit comes, as 1 / its place does, so
    /// that it holds for the first hits and for those of a long answer alike.
    fn fit(pairs: &[Pair], by: &[(&str, &StringArray)]) -> Option<Self> {
        let queries: BTreeSet<usize> = pairs.iter().map(|pair| pair.query).collect();
        let n_alike = pairs.iter().filter(|pair| pair.alike).count();
        if queries.len() < FEWEST_QUERIES || n_alike.min(pairs.len() - n_alike) < FEWEST_OF_EACH {
            return None;
        }
        let fit_to = |is_in: &dyn Fn(&Pair) -> bool| {
            let case = |pair: &Pair| (pair.evidence.features(), pair.alike, 1.0 / (pair.rank as f64 + 1.0));
            regression::fit(&pairs.iter().filter(|pair| is_in(pair)).map(case).collect::<Vec<_>>())
        };
        let fold = |pair: &Pair| (scattered(pair.query) >> 32) % FOLDS;
        let others: Vec<(f64, [f64; FEATURES])> =
            (0..FOLDS).map(|left_out| fit_to(&|pair| fold(pair) != left_out)).collect();
        let said = |pair: &Pair| {
            let (intercept, weights) = &others[fold(pair) as usize];
            probability(*intercept, weights, &pair.evidence.features()) as f32
        };
        let cases: Vec<(&Pair, f32)> = pairs.iter().map(|pair| (pair, said(pair))).collect();
        let (intercept, weights) = fit_to(&|_| true);
        let measured = Measured::of(&cases, queries.len(), by);
        Some(Self { intercept: intercept as f32, weights: weights.map(|weight| weight as f32), measured })
    }

    /// The probability, 0 to 1. More of any evidence never makes it less.
    #[must_use]
    pub fn of(&self, evidence: &Evidence) -> f32 {
        probability(f64::from(self.intercept), &self.weights.map(f64::from), &evidence.features()) as f32
    }
}
