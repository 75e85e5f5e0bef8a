//! The next action in two steps: of which kind it is, then which one of that kind. Pure.
//!
//! There are few kinds (to ask, to investigate, to resolve, …), so that few moments teach which comes next; and which
//! action of a kind a sort of ticket needs shows after one or two such tickets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::features::{Encoded, Moment};
use super::logistic::{Link, Logistic, Task};

/// How strongly the weights of kinds are held near 0. More than those of actions: with few classes and many features,
/// few moments would be learnt by heart.
const STRENGTH: f32 = 30.0;
/// What a ticket is known by, from coarse to fine: names of [`Moment::context`].
const LEVELS: [&str; 2] = ["category", "subcategory"];
/// How many moments' worth of weight the coarser level has in the counts of a finer one.
const PRIOR: f32 = 1.0;
/// Within a kind, the part of the classifier of actions; what is usual in such tickets decides the rest.
const BY_WORDS: f32 = 0.3;

/// Which kinds come next, and what is usual within each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ByKind {
    pub(super) usual: Usual,
    pub(super) classifier: Logistic,
}

/// How often each action was taken in which sort of ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Usual {
    /// The kinds, in the order of the classes.
    pub(super) kinds: Vec<String>,
    /// The kind of each action of the classifier, as a place in `kinds`.
    kind_of: Vec<usize>,
    /// By sort of ticket, from `[]` for all: how often each action was taken, by the action's place.
    counts: BTreeMap<String, BTreeMap<usize, f32>>,
}

impl ByKind {
    /// From moments as numbers, what was done in each (a place among the actions), and the kind of each action; from
    /// what is `known` of most of them, if anything is. `None` where there are not two kinds.
    pub(super) fn fit(
        moments: &[(&Moment<'_>, &Encoded, usize)],
        kinds_of: &[&str],
        width: (usize, usize),
        seed: u64,
        known: Option<&Self>,
    ) -> Option<Self> {
        let mut kinds: Vec<String> = kinds_of.iter().map(|&kind| kind.to_owned()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.len() < 2 {
            return None;
        }
        let kind_of: Vec<usize> =
            kinds_of.iter().map(|kind| kinds.partition_point(|known| known.as_str() < *kind)).collect();
        let mut counts: BTreeMap<String, BTreeMap<usize, f32>> = BTreeMap::new();
        for &(moment, _, action) in moments {
            for sort in sorts(moment) {
                *counts.entry(sort).or_default().entry(action).or_default() += 1.0;
            }
        }
        let rows: Vec<&Encoded> = moments.iter().map(|(_, row, _)| *row).collect();
        let truths: Vec<Vec<usize>> = moments.iter().map(|&(.., action)| vec![kind_of[action]]).collect();
        let places: Option<Vec<Option<usize>>> = known.map(|Self { usual, .. }| {
            kinds.iter().map(|kind| usual.kinds.iter().position(|known| known == kind)).collect()
        });
        let known = known.map(|known| &known.classifier).zip(places.as_deref());
        let task = Task { rows: &rows, truths: &truths, classes: kinds.len(), strength: STRENGTH, seed };
        let classifier = Logistic::fit(&task, Link::OneOf, width, known);
        Some(Self { usual: Usual { kinds, kind_of, counts }, classifier })
    }

    /// P(action) = P(kind) × P(action | kind), from what the classifier of actions expects.
    pub(super) fn predict(&self, moment: &Moment<'_>, row: &Encoded, by_words: &[f32]) -> Vec<f32> {
        let kinds = self.classifier.predict(row);
        let usual = self.usual.within_kinds(moment);
        let words = self.usual.share_of_kind(by_words);
        let within = usual.iter().zip(words).map(|(usual, words)| (1.0 - BY_WORDS) * usual + BY_WORDS * words);
        within.zip(&self.usual.kind_of).map(|(within, &kind)| within * kinds[kind]).collect()
    }
}

impl Usual {
    /// P(action | kind, sort of ticket) for each action: what was usual in tickets of the finest known level, to which
    /// the coarser level adds as if by [`PRIOR`] moments.
    fn within_kinds(&self, moment: &Moment<'_>) -> Vec<f32> {
        let mut shares = self.share_of_kind(&vec![1.0; self.kind_of.len()]);
        for counts in sorts(moment).iter().map_while(|sort| self.counts.get(sort)) {
            let mut sums: Vec<f32> = shares.iter().map(|share| share * PRIOR).collect();
            counts.iter().for_each(|(&action, count)| sums[action] += count);
            shares = self.share_of_kind(&sums);
        }
        shares
    }

    /// Each weight as a share of those of its kind; as much for each where all are 0.
    fn share_of_kind(&self, weights: &[f32]) -> Vec<f32> {
        let (mut sums, mut sizes) = (vec![0.0; self.kinds.len()], vec![0.0; self.kinds.len()]);
        for (weight, &kind) in weights.iter().zip(&self.kind_of) {
            sums[kind] += weight;
            sizes[kind] += 1.0;
        }
        let share = |(weight, &kind): (&f32, &usize)| {
            if sums[kind] > 0.0 { weight / sums[kind] } else { 1.0 / sizes[kind] }
        };
        weights.iter().zip(&self.kind_of).map(share).collect()
    }

    /// Whether every place is one of `actions` actions or of the kinds.
    pub(super) fn fits(&self, actions: usize) -> bool {
        let known = self.counts.values().flat_map(BTreeMap::keys).all(|&action| action < actions);
        known && self.kind_of.len() == actions && self.kind_of.iter().all(|&kind| kind < self.kinds.len())
    }
}

/// The sorts of ticket that a moment's is of, coarsest first: all, then by each level that is known.
fn sorts(moment: &Moment<'_>) -> Vec<String> {
    let mut known: Vec<&str> = Vec::new();
    let mut sorts = vec![format!("{known:?}")];
    for level in LEVELS {
        let Some((_, value)) = moment.context.iter().find(|(name, _)| *name == level) else { break };
        known.push(value);
        sorts.push(format!("{known:?}"));
    }
    sorts
}
