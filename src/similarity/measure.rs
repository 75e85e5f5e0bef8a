//! How far probabilities are from what happens. Pure.

use std::collections::BTreeSet;

use arrow::array::{Array as _, StringArray};
use serde::{Deserialize, Serialize};

use super::Pair;

/// Bins of the calibration error, of equally many cases each.
const BINS: usize = 10;
/// A group of fewer cases is not told: its error would be chance.
const FEWEST_TOLD: usize = 200;

/// How many hits an answer shows unless others are asked for.
const SHOWN: usize = 10;

/// How well similarities hold on pairs that they were not learnt from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// How many rows were asked for.
    pub queries: usize,
    /// All pairs of a row and one of its first ten hits.
    pub all: Fit,
    /// Those of one kind of question or hit; groups of fewer than 200 pairs are left out.
    pub groups: Vec<Group>,
}

/// Probabilities beside what happened.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// How many cases.
    pub pairs: usize,
    /// The mean probability, 0 to 1.
    pub said: f32,
    /// How many of them were so, 0 to 1.
    pub seen: f32,
    /// Expected calibration error: cases in the order of their probability in ten bins of the same size; the mean over the
    /// bins of how far the mean probability is from the share of those that were so.
    pub error: f32,
}

/// The cases that have something in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What is in common: `hits`, `question`, or a column of the row that was asked for.
    pub by: String,
    /// And which, such as `first 3`, `short`, `FINANCIAL`.
    pub value: String,
    /// How well similarities hold there.
    pub fit: Fit,
}

impl Fit {
    /// Of what was said of each case and whether it was so.
    #[must_use]
    pub fn of(cases: &[(f32, bool)]) -> Self {
        let mut sorted = cases.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let n = sorted.len();
        let (said, seen) = sums(&sorted);
        let gaps = (0..BINS).map(|bin| {
            let (said, seen) = sums(&sorted[bin * n / BINS..(bin + 1) * n / BINS]);
            (said - seen).abs()
        });
        let per_case = |sum: f64| (sum / n.max(1) as f64) as f32;
        Self { pairs: n, said: per_case(said), seen: per_case(seen), error: per_case(gaps.sum()) }
    }
}

/// What was said of some cases together, and how many were so.
fn sums(cases: &[(f32, bool)]) -> (f64, f64) {
    let said = cases.iter().map(|(said, _)| f64::from(*said)).sum();
    (said, cases.iter().filter(|(_, so)| *so).count() as f64)
}

impl Measured {
    /// From pairs and what was said of each, on how many questions' rows; `by` are columns of the rows.
    pub(super) fn of(cases: &[(&Pair, f32)], queries: usize, by: &[(&str, &StringArray)]) -> Self {
        let fit = |is_in: &dyn Fn(&Pair) -> bool| {
            let cases = cases.iter().filter(|(pair, _)| is_in(pair));
            Fit::of(&cases.map(|(pair, said)| (*said, pair.alike)).collect::<Vec<_>>())
        };
        let is_shown = |pair: &Pair| pair.rank < SHOWN;
        let mut groups = Vec::new();
        let mut tell = |by: &str, value: &str, fit: Fit| {
            if fit.pairs >= FEWEST_TOLD {
                groups.push(Group { by: by.to_owned(), value: value.to_owned(), fit });
            }
        };
        tell("hits", "first 3", fit(&|pair| pair.rank < 3));
        tell("hits", "first 50", fit(&|_| true));
        tell("hits", "other language", fit(&|pair| is_shown(pair) && pair.evidence.is_other_language));
        tell("question", "whole", fit(&|pair| is_shown(pair) && !pair.is_short));
        tell("question", "short", fit(&|pair| is_shown(pair) && pair.is_short));
        for (by, column) in by {
            let values: BTreeSet<&str> = column.iter().flatten().collect();
            for value in values {
                let is_of = |pair: &Pair| column.is_valid(pair.query) && column.value(pair.query) == value;
                tell(by, value, fit(&|pair| is_shown(pair) && is_of(pair)));
            }
        }
        Self { queries, all: fit(&is_shown), groups }
    }
}
