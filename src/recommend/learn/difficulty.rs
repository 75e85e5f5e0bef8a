//! How well a ticket could be expected to end, before anything is known of what the agent does next. Pure.
//!
//! Hard tickets are escalated. That they end badly more often is no fault of escalating, so an action is judged by how its
//! tickets ended beside how such tickets end (indirect standardization: observed less expected).

use std::collections::{BTreeMap, BTreeSet};

use super::features::{Encoded, Encoder, Moment};
use super::softmax::Softmax;

/// Fewer known ends than this make no model: every ticket is then expected to end like the average one.
const FEWEST_ENDS: usize = 100;
/// Each moment is judged by a model that has not seen its ticket: one of so many.
const FOLDS: usize = 5;
/// How strongly weights are held near 0. Circumstances that few tickets share say little.
const STRENGTH: f32 = 20.0;

/// A moment, the ticket it is from, and whether that ended well, where known.
#[derive(Debug, Clone)]
pub struct Ending<'a> {
    /// The ticket.
    pub ticket: &'a str,
    /// What was known at the moment. Its turns are not looked at.
    pub moment: &'a Moment<'a>,
    /// Whether the ticket ended well.
    pub success: Option<bool>,
}

/// For each moment the probability that its ticket ends well, from its circumstances alone, 0 to 1. No moment's own
/// ticket has a say in it, and no ticket whose end is not known has one in any.
#[must_use]
pub fn expected_success(endings: &[Ending<'_>], seed: u64) -> Vec<f32> {
    let known = endings.iter().filter_map(|ending| ending.success);
    let (successes, count) =
        known.fold((0.0, 0usize), |(successes, count), success| (successes + f32::from(u8::from(success)), count + 1));
    // One success and one failure are added (Laplace), so that the average is never 0 or 1.
    let average = (successes + 1.0) / (count as f32 + 2.0);
    if count < FEWEST_ENDS {
        return vec![average; endings.len()];
    }
    let bare: Vec<Moment<'_>> = endings
        .iter()
        .map(|ending| Moment { turns: Vec::new(), said: Vec::new(), subject: None, ..ending.moment.clone() })
        .collect();
    // Features and folds follow from what is known alone: a replay also holds what is still to come.
    let is_known = |ending: &&Ending<'_>| ending.success.is_some();
    let learnt_from = endings.iter().zip(&bare).filter(|(ending, _)| is_known(ending)).map(|(_, moment)| moment);
    let encoder = Encoder::of(&learnt_from.collect::<Vec<_>>());
    let rows: Vec<Encoded> = bare.iter().map(|moment| encoder.encode(moment)).collect();

    let tickets: BTreeSet<&str> = endings.iter().filter(is_known).map(|ending| ending.ticket).collect();
    let folds: BTreeMap<&str, usize> = tickets.into_iter().zip((0..FOLDS).cycle()).collect();
    // `None` for a ticket whose end is not known: no model has seen it, and all judge it alike.
    let fold_of = |ending: &Ending<'_>| folds.get(ending.ticket).copied();
    let mut expected = vec![0.0; endings.len()];
    for fold in 0..FOLDS {
        let others = endings.iter().zip(&rows).filter(|(ending, _)| fold_of(ending) != Some(fold));
        let seen: Vec<(&Encoded, usize)> =
            others.filter_map(|(ending, row)| Some((row, usize::from(ending.success?)))).collect();
        let (inputs, truths): (Vec<&Encoded>, Vec<usize>) = seen.into_iter().unzip();
        let model = Softmax::fit(&inputs, &truths, 2, encoder.width().1, STRENGTH, seed);
        for ((ending, row), expected) in endings.iter().zip(&rows).zip(&mut expected) {
            match fold_of(ending) {
                Some(own) if own == fold => *expected = model.predict(row)[1],
                Some(_) => {}
                None => *expected += model.predict(row)[1] / FOLDS as f32,
            }
        }
    }
    expected
}
