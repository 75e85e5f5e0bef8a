//! How well a ticket could be expected to end, before anything is known of what the agent does next. Pure.
//!
//! Hard tickets are escalated. That they end badly more often is no fault of escalating, so an action is judged by how its
//! tickets ended beside how such tickets end (indirect standardization: observed less expected).

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::features::{Encoded, Encoder, Moment};
use super::logistic::{Link, Logistic, Task};

/// Fewer known ends than this make no model: every ticket is then expected to end like the average one.
const FEWEST_ENDS: usize = 100;
/// Each moment is judged by a model that has not seen its ticket: one of so many.
const FOLDS: usize = 5;
/// How strongly weights are held near 0. Circumstances that few tickets share say little.
const STRENGTH: f32 = 20.0;

/// Of more moments with a known end than this, so many, evenly spread, teach the model: it has few weights to learn.
const MOST_ENDS: usize = 50_000;

/// The ticket of a moment, and whether that ended well, where known.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The ticket.
    pub ticket: &'a str,
    /// Whether the ticket ended well.
    pub success: Option<bool>,
}

/// For each moment the probability that its ticket ends well, from its circumstances alone, 0 to 1. No moment's own
/// ticket has a say in it, and no ticket whose end is not known has one in any.
///
/// `moment_of` tells what was known at a moment, of which turns, subject and what was written are not looked at; it is asked
/// for one after another, so that not all need be in memory.
#[must_use]
pub fn expected_success<'a>(
    endings: &[Ending<'_>],
    moment_of: &(dyn Fn(usize) -> Moment<'a> + Sync),
    seed: u64,
) -> Vec<f32> {
    // Features and folds follow from what is known alone: a replay also holds what is still to come.
    let known: Vec<usize> = (0..endings.len()).filter(|&at| endings[at].success.is_some()).collect();
    let successes: f32 = known.iter().map(|&at| f32::from(u8::from(endings[at].success == Some(true)))).sum();
    // One success and one failure are added (Laplace), so that the average is never 0 or 1.
    let average = (successes + 1.0) / (known.len() as f32 + 2.0);
    if known.len() < FEWEST_ENDS {
        return vec![average; endings.len()];
    }
    let bare =
        |at: usize| Moment { turns: Vec::new(), said: Vec::new(), told: Vec::new(), subject: None, ..moment_of(at) };
    let learnt_from: Vec<usize> = known.iter().copied().step_by(known.len().div_ceil(MOST_ENDS)).collect();
    let moments: Vec<Moment<'_>> = learnt_from.iter().map(|&at| bare(at)).collect();
    let encoder = Encoder::of(&moments.iter().collect::<Vec<_>>());
    let rows: Vec<Encoded> = moments.par_iter().map(|moment| encoder.encode(moment)).collect();
    drop(moments);

    let tickets: BTreeSet<&str> = known.iter().map(|&at| endings[at].ticket).collect();
    let folds: BTreeMap<&str, usize> = tickets.into_iter().zip((0..FOLDS).cycle()).collect();
    // `None` for a ticket whose end is not known: no model has seen it, and all judge it alike.
    let fold_of = |at: usize| folds.get(endings[at].ticket).copied();
    let models: Vec<Logistic> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| {
            let others = learnt_from.iter().zip(&rows).filter(|&(&at, _)| fold_of(at) != Some(fold));
            let seen = others.filter_map(|(&at, row)| Some((row, vec![usize::from(endings[at].success?)])));
            let (inputs, truths): (Vec<&Encoded>, Vec<Vec<usize>>) = seen.unzip();
            let task = Task { rows: &inputs, truths: &truths, classes: 2, strength: STRENGTH, seed };
            Logistic::fit(&task, Link::OneOf, encoder.width(), None)
        })
        .collect();
    let expected = |at: usize| {
        let row = encoder.encode(&bare(at));
        match fold_of(at) {
            Some(own) => models[own].predict(&row)[1],
            None => models.iter().fold(0.0, |sum, model| sum + model.predict(&row)[1] / FOLDS as f32),
        }
    };
    (0..endings.len()).into_par_iter().map(expected).collect()
}
