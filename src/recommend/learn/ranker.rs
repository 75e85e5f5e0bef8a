//! The ranker: a moment → how likely each action is, in two stages. Knows no votes.
//!
//! ```text
//! moment ─► logistic regressions ─► the likeliest few ┬─► trees: which of them? ─► probabilities
//!       ├─► habits: what followed such histories ─────┤
//!       ├─► likeness to the moments of each action ───┤
//!       └─► was it done already, and when ────────────┘
//! ```

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::features::{Encoded, Encoder, Moment};
use super::habits::Habits;
use super::kinds::{ByKind, Usual};
use super::likeness::{LIKENESSES, Likeness};
use super::softmax::Softmax;
use super::trees::Trees;
use super::{Example, LearnParams};
use crate::recommend::votes::Vote;

/// So many of the likeliest actions are looked at twice.
const CANDIDATES: usize = 12;
/// What the habits weigh where candidates are chosen; the regression weighs the rest.
const HABITS: f32 = 0.15;
/// The trees learn from what a first stage says of moments that it has not seen: one first stage for each of so many parts.
const PARTS: usize = 3;
/// An action that was never done so far was done so long ago.
const NEVER: f32 = 50.0;
/// Below this a probability is as good as 0 to the trees.
const LEAST: f32 = 1e-4;
/// Numbers for each candidate.
const WIDTH: usize = 7 + 2 * LIKENESSES;

/// A classifier of moments by the next action.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranker {
    first: First,
    trees: Trees,
}

/// What each action has for itself at a moment, from four sides.
#[derive(Debug, Clone, PartialEq)]
struct First {
    actions: Vec<String>,
    encoder: Encoder,
    softmax: Softmax,
    by_kind: Option<ByKind>,
    habits: Habits,
    likeness: Likeness,
}

/// A ranker without its weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RankerHeader {
    actions: Vec<String>,
    encoder: Encoder,
    usual: Option<Usual>,
    habits: Habits,
    likeness: Likeness,
    trees: Trees,
}

/// What the trees learn from: candidates as numbers, and whether each was what was done.
#[derive(Debug, Clone, Default)]
pub(super) struct Lessons {
    rows: Vec<f32>,
    answers: Vec<bool>,
}

/// The likeliest actions at a moment.
struct Look {
    /// The probability of each action by the regressions.
    probabilities: Vec<f32>,
    /// The places of the candidates.
    candidates: Vec<usize>,
    /// [`WIDTH`] numbers for each of them.
    rows: Vec<f32>,
}

impl Ranker {
    /// `None` where there is too little to learn from. If there are no lessons yet they are drawn from the examples,
    /// else the given ones are used: the first stage alone is then fitted to the examples.
    pub(super) fn fit(examples: &[Example<'_>], lessons: &mut Lessons, params: &LearnParams) -> Option<Self> {
        let newest = &examples[examples.len().saturating_sub(params.most)..];
        if newest.len() < params.fewest {
            return None;
        }
        let examples: Vec<&Example<'_>> = newest.iter().collect();
        let first = First::fit(&examples, params)?;
        if lessons.answers.is_empty() {
            lessons.draw(&examples, params);
        }
        let trees = Trees::fit(&lessons.rows, WIDTH, &lessons.answers);
        Some(Self { first, trees })
    }

    /// How likely each action is, likeliest first.
    pub(super) fn predict(&self, moment: &Moment<'_>) -> Vec<Vote> {
        let Look { mut probabilities, candidates, rows } = self.first.look(moment);
        if self.trees.is_empty() {
            return Vote::ranked(self.first.actions.iter().cloned().zip(probabilities));
        }
        let again: Vec<f32> = rows.chunks(WIDTH).map(|row| self.trees.predict(row)).collect();
        let before: f32 = candidates.iter().map(|&at| probabilities[at]).sum();
        let after: f32 = again.iter().sum();
        for (at, again) in candidates.into_iter().zip(again) {
            probabilities[at] = before * again / after;
        }
        Vote::ranked(self.first.actions.iter().cloned().zip(probabilities))
    }

    pub(super) fn header(&self) -> RankerHeader {
        let First { actions, encoder, by_kind, habits, likeness, .. } = self.first.clone();
        let usual = by_kind.map(|by_kind| by_kind.usual);
        RankerHeader { actions, encoder, usual, habits, likeness, trees: self.trees.clone() }
    }

    /// The numbers that are no part of the header.
    pub(super) fn weights(&self) -> Vec<f32> {
        let mut weights = self.first.softmax.weights();
        weights.extend(self.first.by_kind.iter().flat_map(|by_kind| by_kind.softmax.weights()));
        weights.extend(self.first.likeness.means());
        weights
    }

    /// From header and weights; `None` if they do not fit together.
    pub(super) fn from_parts(header: RankerHeader, mut weights: Vec<f32>) -> Option<Self> {
        let RankerHeader { actions, encoder, usual, habits, likeness, trees } = header;
        let means = weights.split_off(weights.len().checked_sub(likeness.width())?);
        let likeness = likeness.with_means(means, actions.len())?;
        let (dense, sparse) = encoder.width();
        let of_actions = (dense + sparse + 1) * actions.len();
        let of_kinds = (weights.len() >= of_actions).then(|| weights.split_off(of_actions))?;
        let by_kind = match usual {
            Some(usual) if usual.fits(actions.len()) => {
                let softmax = Softmax::from_weights(dense, sparse, usual.kinds.len(), of_kinds)?;
                Some(ByKind { usual, softmax })
            }
            Some(_) => return None,
            None => of_kinds.is_empty().then_some(None)?,
        };
        let softmax = Softmax::from_weights(dense, sparse, actions.len(), weights)?;
        let first = First { actions, encoder, softmax, by_kind, habits, likeness };
        trees.suits(WIDTH).then_some(Self { first, trees })
    }
}

impl First {
    fn fit(examples: &[&Example<'_>], params: &LearnParams) -> Option<Self> {
        let mut places: BTreeMap<&str, usize> = examples.iter().map(|example| (example.action, 0)).collect();
        places.values_mut().zip(0..).for_each(|(place, number)| *place = number);
        if places.len() < 2 {
            return None;
        }
        let encoder = Encoder::of(&examples.iter().map(|example| &example.moment).collect::<Vec<_>>());
        let rows: Vec<Encoded> = examples.iter().map(|example| encoder.encode(&example.moment)).collect();
        let truths: Vec<usize> = examples.iter().map(|example| places[example.action]).collect();
        let inputs: Vec<&Encoded> = rows.iter().collect();
        let sparse = encoder.width().1;
        let softmax = Softmax::fit(&inputs, &truths, places.len(), sparse, params.strength, params.seed);
        let kind_of: BTreeMap<&str, &str> = examples.iter().map(|example| (example.action, example.kind)).collect();
        let seen = examples.iter().zip(&rows).zip(&truths);
        let seen: Vec<(&Moment<'_>, &Encoded, usize)> =
            seen.map(|((example, row), &class)| (&example.moment, row, class)).collect();
        let by_kind = ByKind::fit(&seen, &kind_of.into_values().collect::<Vec<_>>(), sparse, params.seed);
        let taken = || examples.iter().zip(&truths);
        let habits = Habits::of(taken().map(|(example, &class)| (&example.moment, class)));
        let seen = taken().zip(&rows).map(|((example, &class), row)| (example.moment.kind(), &*row.dense, class));
        let likeness = Likeness::of(seen, encoder.vector_length());
        let actions = places.into_keys().map(str::to_owned).collect();
        Some(Self { actions, encoder, softmax, by_kind, habits, likeness })
    }

    fn look(&self, moment: &Moment<'_>) -> Look {
        let encoded = self.encoder.encode(moment);
        let classes = self.actions.len();
        let by_words = self.softmax.predict(&encoded);
        let probabilities = match &self.by_kind {
            Some(by_kind) => by_kind.predict(moment, &encoded, &by_words),
            None => by_words,
        };
        let habits = self.habits.predict(moment, classes);
        let likeness = self.likeness.predict(moment.kind(), &encoded.dense, classes);
        let highest = |of: &[f32]| of.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let (surest, likest) = (highest(&probabilities), likeness.each_ref().map(|of| highest(of)));

        let pooled = |at: usize| (1.0 - HABITS) * probabilities[at] + HABITS * habits[at];
        let mut candidates: Vec<usize> = (0..classes).collect();
        candidates.sort_by(|&a, &b| pooled(b).total_cmp(&pooled(a)).then(a.cmp(&b)));
        candidates.truncate(CANDIDATES);

        let done = &moment.done;
        let mut rows = Vec::with_capacity(candidates.len() * WIDTH);
        for &at in &candidates {
            let times = done.iter().filter(|&&action| action == self.actions[at]).count();
            let since = done.iter().rev().position(|&action| action == self.actions[at]);
            rows.extend([
                probabilities[at].max(LEAST).ln(),
                surest.ln(),
                habits[at].max(LEAST).ln(),
                times as f32,
                since.map_or(NEVER, |since| since as f32),
                done.len() as f32,
                f32::from(u8::from(moment.customer_spoke_last)),
            ]);
            rows.extend(likeness.iter().zip(likest).flat_map(|(of, likest)| [of[at], of[at] - likest]));
        }
        Look { probabilities, candidates, rows }
    }
}

impl Lessons {
    /// Looks at each part of the examples with a first stage that has seen the others. Neighbouring examples, such as those
    /// of one ticket, are in one part.
    fn draw(&mut self, examples: &[&Example<'_>], params: &LearnParams) {
        let size = examples.len().div_ceil(PARTS);
        let drawn: Vec<Self> = (0..PARTS)
            .into_par_iter()
            .map(|part| {
                let inside = |at: usize| at / size == part;
                let others: Vec<&Example<'_>> =
                    examples.iter().enumerate().filter(|(at, _)| !inside(*at)).map(|(_, example)| *example).collect();
                let mut lessons = Self::default();
                if let Some(first) = First::fit(&others, params) {
                    let unseen = examples.iter().enumerate().filter(|(at, _)| inside(*at));
                    unseen.for_each(|(_, example)| lessons.add_one(&first, example));
                }
                lessons
            })
            .collect();
        for lessons in drawn {
            self.rows.extend(lessons.rows);
            self.answers.extend(lessons.answers);
        }
    }

    /// Adds what the first stage of a ranker says of examples that it has not seen.
    pub(super) fn add(&mut self, ranker: &Ranker, examples: &[Example<'_>]) {
        examples.iter().for_each(|example| self.add_one(&ranker.first, example));
    }

    fn add_one(&mut self, first: &First, example: &Example<'_>) {
        let Look { candidates, rows, .. } = first.look(&example.moment);
        let answers = candidates.iter().map(|&at| first.actions[at] == example.action);
        // Where none of the candidates is right there is nothing to choose.
        if answers.clone().any(|right| right) {
            self.answers.extend(answers);
            self.rows.extend(rows);
        }
    }
}
