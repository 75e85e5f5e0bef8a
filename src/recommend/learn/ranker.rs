//! The ranker: a moment → how likely each action is, in two stages. Knows no votes.
//!
//! ```text
//! moment ─► logistic regressions ─► the likeliest few ┬─► trees: which of them? ─► probabilities
//!       ├─► by vectors alone which is next; by words ─┤
//!       │   and circumstances which are still to come │
//!       ├─► habits: what followed such histories ─────┤
//!       ├─► likeness to the moments of each action ───┤
//!       └─► was it done already, and when ────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::features::{Encoded, Encoder, Moment};
use super::habits::Habits;
use super::kinds::{ByKind, Usual};
use super::likeness::{LIKENESSES, Likeness};
use super::logistic::{Link, Logistic, Task};
use super::trees::Trees;
use super::{Example, LearnParams};
use crate::recommend::votes::Vote;

/// So many of the likeliest actions are looked at twice.
const CANDIDATES: usize = 12;
/// What the habits weigh where candidates are chosen; the regression weighs the rest.
const HABITS: f32 = 0.15;
/// The trees learn from what a first stage says of moments that it has not seen: one first stage for each of so many parts.
const PARTS: usize = 3;
/// Of so many cases, evenly spread, the trees learn: they have few features.
const MOST_LESSONS: usize = 10_000;
/// An action that was never done so far was done so long ago.
const NEVER: f32 = 50.0;
/// Below this a probability is as good as 0 to the trees.
const LEAST: f32 = 1e-4;
/// Numbers for each candidate.
const WIDTH: usize = 7 + 2 * LIKENESSES + SIDES;
/// From so many sides a moment is looked at apart: by its vectors, for what is next, and by its words and circumstances, for
/// what is still to come in the conversation: many more moments tell of that.
const SIDES: usize = 2;
/// The part of [`LearnParams::strength`] by which the weights of what is still to come are held near 0: by cross-validation.
const FORESEEING_STRENGTH: f32 = 0.3;

/// A classifier of moments by the next action.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranker {
    first: First,
    trees: Trees,
}

/// What each action has for itself at a moment, from four sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct First {
    actions: Vec<String>,
    encoder: Arc<Encoder>,
    classifier: Logistic,
    /// Regressions that see one side each; `None` of what was learnt from few moments in format 8, and before it.
    sides: Option<[Logistic; SIDES]>,
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
    #[serde(default)]
    has_sides: bool,
    /// Whether the second side tells what is still to come; up to format 8 it told what is next.
    #[serde(default)]
    foresees: bool,
    usual: Option<Usual>,
    habits: Habits,
    likeness: Likeness,
    trees: Trees,
}

/// Examples, oldest first, and each as numbers: made once, however many rankers are fitted to how many parts of them.
pub(super) struct Cases<'a> {
    examples: &'a [Example<'a>],
    encoder: Arc<Encoder>,
    rows: Vec<Encoded>,
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

impl<'a> Cases<'a> {
    pub(super) fn of(examples: &'a [Example<'a>]) -> Self {
        let moments: Vec<&Moment<'_>> = examples.iter().map(|example| &example.moment).collect();
        let encoder = Arc::new(Encoder::of(&moments));
        let rows = encoder.encode_each(&moments);
        Self { examples, encoder, rows }
    }

    /// Those that are learnt from of the first `end`: the newest `most`. `None` where they are too few.
    pub(super) fn learnt_from(&self, end: usize, params: &LearnParams) -> Option<Range<usize>> {
        let newest = end.saturating_sub(params.most)..end;
        (newest.len() >= params.fewest).then_some(newest)
    }
}

impl Ranker {
    pub(super) fn new(first: First, lessons: &Lessons) -> Self {
        let trees = Trees::fit(&lessons.rows, WIDTH, &lessons.answers);
        Self { first, trees }
    }

    /// How likely each action is, likeliest first.
    pub(super) fn predict(&self, moment: &Moment<'_>) -> Vec<Vote> {
        self.predict_encoded(moment, &self.first.encoder.encode(moment))
    }

    /// [`Ranker::predict`] of one of the examples.
    pub(super) fn predict_case(&self, cases: &Cases<'_>, at: usize) -> Vec<Vote> {
        self.predict_encoded(&cases.examples[at].moment, &cases.rows[at])
    }

    fn predict_encoded(&self, moment: &Moment<'_>, row: &Encoded) -> Vec<Vote> {
        let Look { mut probabilities, candidates, rows } = self.first.look(moment, row);
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
        let First { actions, encoder, sides, by_kind, habits, likeness, .. } = self.first.clone();
        let encoder = Encoder::clone(&encoder);
        let (has_sides, usual) = (sides.is_some(), by_kind.map(|by_kind| by_kind.usual));
        let foresees = sides.is_some_and(|[_, second]| second.link == Link::AnyOf);
        RankerHeader { actions, encoder, has_sides, foresees, usual, habits, likeness, trees: self.trees.clone() }
    }

    /// The numbers that are no part of the header.
    pub(super) fn weights(&self) -> Vec<f32> {
        let mut weights = self.first.classifier.weights();
        weights.extend(self.first.sides.iter().flatten().flat_map(Logistic::weights));
        weights.extend(self.first.by_kind.iter().flat_map(|by_kind| by_kind.classifier.weights()));
        weights.extend(self.first.likeness.means());
        weights
    }

    /// From header and weights; `None` if they do not fit together.
    pub(super) fn from_parts(header: RankerHeader, mut weights: Vec<f32>) -> Option<Self> {
        let RankerHeader { actions, encoder, has_sides, foresees, usual, habits, likeness, trees } = header;
        let means = weights.split_off(weights.len().checked_sub(likeness.width())?);
        let likeness = likeness.with_means(means, actions.len())?;
        let (dense, sparse) = encoder.width();
        let mut take = |link: Link, (dense, sparse): (usize, usize)| {
            let own = (dense + sparse + 1) * actions.len();
            let rest = (weights.len() >= own).then(|| weights.split_off(own))?;
            Logistic::from_weights(link, (dense, sparse), actions.len(), std::mem::replace(&mut weights, rest))
        };
        let classifier = take(Link::OneOf, (dense, sparse))?;
        let second = if foresees { Link::AnyOf } else { Link::OneOf };
        let sides = match has_sides {
            true => Some([take(Link::OneOf, (dense, 0))?, take(second, (0, sparse))?]),
            false => None,
        };
        let of_kinds = weights;
        let by_kind = match usual {
            Some(usual) if usual.fits(actions.len()) => {
                let classifier = Logistic::from_weights(Link::OneOf, (dense, sparse), usual.kinds.len(), of_kinds)?;
                Some(ByKind { usual, classifier })
            }
            Some(_) => return None,
            None => of_kinds.is_empty().then_some(None)?,
        };
        let first = First { actions, encoder: Arc::new(encoder), classifier, sides, by_kind, habits, likeness };
        trees.suits(WIDTH).then_some(Self { first, trees })
    }
}

impl First {
    /// Fits to the cases at `places`, from what is `known` of most of them, if anything is; `None` where they have less than
    /// two actions.
    pub(super) fn fit(cases: &Cases<'_>, places: &[usize], params: &LearnParams, known: Option<&Self>) -> Option<Self> {
        let examples: Vec<&Example<'_>> = places.iter().map(|&at| &cases.examples[at]).collect();
        let mut classes: BTreeMap<&str, usize> = examples.iter().map(|example| (example.action, 0)).collect();
        classes.values_mut().zip(0..).for_each(|(class, number)| *class = number);
        if classes.len() < 2 {
            return None;
        }
        let rows: Vec<&Encoded> = places.iter().map(|&at| &cases.rows[at]).collect();
        let truths: Vec<usize> = examples.iter().map(|example| classes[example.action]).collect();
        let kind_of: BTreeMap<&str, &str> = examples.iter().map(|example| (example.action, example.kind)).collect();
        let (dense, sparse) = cases.encoder.width();
        let seen = examples.iter().zip(&rows).zip(&truths);
        let seen: Vec<(&Moment<'_>, &Encoded, usize)> =
            seen.map(|((example, row), &class)| (&example.moment, *row, class)).collect();
        let known_classes = known.map(|known| -> Vec<Option<usize>> {
            classes.keys().map(|action| known.actions.iter().position(|known| known == action)).collect()
        });
        let next: Vec<Vec<usize>> = truths.iter().map(|&class| vec![class]).collect();
        let fit = |known: Option<&Logistic>, truths: &[Vec<usize>], link, width| {
            let strength = if link == Link::AnyOf { FORESEEING_STRENGTH * params.strength } else { params.strength };
            let task = Task { rows: &rows, truths, classes: classes.len(), strength, seed: params.seed };
            Logistic::fit(&task, link, width, known.zip(known_classes.as_deref()))
        };
        let known_sides = known.and_then(|known| known.sides.as_ref());
        let of_actions = || {
            let by_vectors = || fit(known_sides.map(|[side, _]| side), &next, Link::OneOf, (dense, 0));
            let foreseen = || {
                let to_come: Vec<Vec<usize>> = examples.iter().map(|example| to_come(example, &classes)).collect();
                fit(known_sides.map(|[_, side]| side), &to_come, Link::AnyOf, (0, sparse))
            };
            let of_sides = || rayon::join(by_vectors, foreseen);
            let all = || fit(known.map(|known| &known.classifier), &next, Link::OneOf, (dense, sparse));
            rayon::join(all, of_sides)
        };
        let kinds: Vec<&str> = kind_of.into_values().collect();
        let known_kinds = known.and_then(|known| known.by_kind.as_ref());
        let of_kinds = || ByKind::fit(&seen, &kinds, (dense, sparse), params.seed, known_kinds);
        let ((classifier, sides), by_kind) = rayon::join(of_actions, of_kinds);
        let sides = Some(<[Logistic; SIDES]>::from(sides));
        let habits = Habits::of(seen.iter().map(|&(moment, _, class)| (moment, class)));
        let taken = seen.iter().map(|&(moment, row, class)| (moment.kind(), &*row.dense, class));
        let likeness = Likeness::of(taken, cases.encoder.vector_length());
        let actions = classes.into_keys().map(str::to_owned).collect();
        Some(Self { actions, encoder: Arc::clone(&cases.encoder), classifier, sides, by_kind, habits, likeness })
    }

    /// Looks at a moment, which `encoded` is as numbers.
    fn look(&self, moment: &Moment<'_>, encoded: &Encoded) -> Look {
        let classes = self.actions.len();
        let by_words = self.classifier.predict(encoded);
        let probabilities = match &self.by_kind {
            Some(by_kind) => by_kind.predict(moment, encoded, &by_words),
            None => by_words,
        };
        let sides: Vec<Vec<f32>> = self.sides.iter().flatten().map(|side| side.predict(encoded)).collect();
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
            rows.extend((0..SIDES).map(|side| sides.get(side).map_or(0.0, |of| of[at].max(LEAST).ln())));
        }
        Look { probabilities, candidates, rows }
    }
}

/// What was still to come at a moment, this action too: its classes, each once.
fn to_come(example: &Example<'_>, classes: &BTreeMap<&str, usize>) -> Vec<usize> {
    let actions = example.later.iter().chain([&example.action]);
    actions.filter_map(|action| classes.get(action).copied()).collect::<BTreeSet<usize>>().into_iter().collect()
}

impl Lessons {
    /// Whether of so many cases one part is enough to learn from.
    pub(super) fn need_one_part(range: &Range<usize>) -> bool {
        range.len().div_ceil(PARTS) >= MOST_LESSONS
    }

    /// Looks at each part of the cases in `range` with a first stage that has seen the others. Neighbouring cases, such as
    /// those of one ticket, are in one part. Where a part is enough to learn from, the newest alone is looked at, and the
    /// first stage that has seen those before comes back too.
    pub(super) fn draw(cases: &Cases<'_>, range: Range<usize>, params: &LearnParams) -> (Self, Option<First>) {
        let size = range.len().div_ceil(PARTS);
        let looked_at = |part: usize, stride: usize| {
            let (unseen, others): (Vec<usize>, Vec<usize>) =
                range.clone().partition(|at| (at - range.start) / size == part);
            let mut lessons = Self::default();
            let first = First::fit(cases, &others, params, None);
            if let Some(first) = &first {
                lessons.add(first, cases, unseen.into_iter().step_by(stride));
            }
            (lessons, first)
        };
        if Self::need_one_part(&range) {
            return looked_at(PARTS - 1, size.div_ceil(MOST_LESSONS));
        }
        let stride = range.len().div_ceil(MOST_LESSONS).max(1);
        let drawn: Vec<(Self, _)> = (0..PARTS).into_par_iter().map(|part| looked_at(part, stride)).collect();
        let mut all = Self::default();
        for (lessons, _) in drawn {
            all.rows.extend(lessons.rows);
            all.answers.extend(lessons.answers);
        }
        (all, None)
    }

    /// Adds what a first stage says of cases that it has not seen.
    pub(super) fn add(&mut self, first: &First, cases: &Cases<'_>, unseen: impl IntoIterator<Item = usize>) {
        for at in unseen {
            let example = &cases.examples[at];
            let Look { candidates, rows, .. } = first.look(&example.moment, &cases.rows[at]);
            let answers = candidates.iter().map(|&at| first.actions[at] == example.action);
            // Where none of the candidates is right there is nothing to choose.
            if answers.clone().any(|right| right) {
                self.answers.extend(answers);
                self.rows.extend(rows);
            }
        }
    }
}
