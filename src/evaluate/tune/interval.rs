//! How sure a mean gain is, where a pair of tickets is judged from both ends. Pure.
//!
//! Two questions are not independent that share an answer, nor a question and its answer, which asks too: with judgements
//! dealt at random, an interval that takes questions for independent is √2 too narrow. The variance here counts every
//! covariance of pairs with a thread in common (Fafchamps, Gubert: The Formation of Risk Sharing Networks, 2007; Aronow,
//! Samii, Assenova: Cluster-Robust Variance Estimation for Dyadic Data, 2015), and is never less than that of the threads'
//! own gains.

use std::collections::BTreeMap;

use super::super::report::Figure;
use super::questions::Asked;

/// Half of a 95 % interval in standard errors. What is chosen without one fold hangs together with what is chosen without
/// another, which no variance of the gains shows (Bengio, Grandvalet: No Unbiased Estimator of the Variance of K-Fold
/// Cross-Validation, 2004): with judgements at random, gains lay 1.13 times as far apart as their standard errors say.
const REACH: f64 = 1.96 * 1.15;

/// What an answer gave to a question's gain: the groups of both, and how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) asks: usize,
    pub(super) answers: usize,
    pub(super) gain: f64,
}

/// The mean of the questions' gains, and its interval.
pub(super) fn interval(asked: &Asked, gains: &[f64], pairs: &[Pair]) -> Figure {
    let groups: Vec<usize> = asked.questions.iter().map(|question| question.group).collect();
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    let error = standard_error(&groups, gains, pairs, asked.groups);
    Figure { mean, low: mean - REACH * error, high: mean + REACH * error }
}

/// The standard error of the mean of gains; `groups` are those of the gains, of `n_groups` that ask or answer.
pub(super) fn standard_error(groups: &[usize], gains: &[f64], pairs: &[Pair], n_groups: usize) -> f64 {
    let n = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let mut own: BTreeMap<usize, f64> = BTreeMap::new();
    for (&group, gain) in groups.iter().zip(gains) {
        *own.entry(group).or_default() += gain - mean;
    }
    let few = own.len() as f64 / (own.len() as f64 - 1.0).max(1.0);
    let of_groups: f64 = own.values().map(|sum| sum * sum).sum::<f64>() * few;
    if pairs.is_empty() {
        return of_groups.sqrt() / n;
    }
    // What a group gave as an answer, beside what a group gives on average.
    let mut nodes = vec![-pairs.iter().map(|pair| pair.gain).sum::<f64>() / n_groups as f64; n_groups];
    let mut dyads: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for pair in pairs {
        nodes[pair.answers] += pair.gain;
        *dyads.entry((pair.asks.min(pair.answers), pair.asks.max(pair.answers))).or_default() += pair.gain;
    }
    for (group, sum) in own {
        nodes[group] += sum;
    }
    // Each dyad's own square is counted at both its ends, and once too often.
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let of_dyads = squares(&mut nodes.into_iter()) - squares(&mut dyads.into_values());
    of_groups.max(of_dyads).sqrt() / n
}
