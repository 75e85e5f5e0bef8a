//! When to stay silent, and the words for it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{RankedAction, RecommendParams, Situation, Vote};

/// Why nothing is recommended. Reasons are looked at in this order, and the first that holds is told: what is wrong with
/// the history, then with the neighbours, then with the best action.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Abstention {
    /// The history holds nothing to compare with.
    NoHistory,
    /// What the index knows is out of date.
    IndexTooOld {
        /// How many days ago the newest thing happened that it knows.
        days: f64,
        /// How many days would have been allowed.
        allowed: f64,
    },
    /// The most similar case is not similar enough.
    NothingSimilar {
        /// Its cosine.
        best: f32,
        /// The cosine that would have been enough.
        needed: f32,
    },
    /// What agents did in similar cases is not in the catalogue, or not allowed for this category.
    OutsideCatalogue,
    /// The best action is too likely to be the wrong one.
    LowConfidence {
        /// Its confidence, 0 to 1.
        best: f32,
        /// The confidence that would have been enough.
        needed: f32,
    },
    /// The ranker and the votes of similar cases name different first actions, and neither is sure.
    LegsDisagree {
        /// How far apart they are: the total variation distance of the two distributions, 0 to 1.
        distance: f32,
        /// The distance that would have been allowed.
        allowed: f32,
        /// The confidence of the best action, 0 to 1.
        best: f32,
        /// The confidence that would have been enough in spite of it.
        needed: f32,
    },
    /// The best action was done in too few similar cases whose end is known.
    TooFewOutcomes {
        /// In how many distinct ones.
        known: usize,
        /// How many would have been enough.
        needed: usize,
    },
}

impl std::fmt::Display for Abstention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoHistory => write!(f, "there is no resolved ticket to compare with"),
            Self::IndexTooOld { days, allowed } => write!(
                f,
                "the index is out of date: the newest it knows is {days:.1} days old, {allowed} are allowed; build it anew"
            ),
            Self::NothingSimilar { best, needed } => {
                write!(f, "no similar case: the best has cosine {best:.3}, {needed:.3} is needed")
            }
            Self::OutsideCatalogue => {
                write!(f, "what agents did in similar cases is not in the catalogue for this category")
            }
            Self::LowConfidence { best, needed } => {
                write!(
                    f,
                    "similar cases went different ways: the best action has confidence {best:.2}, {needed:.2} is needed"
                )
            }
            Self::LegsDisagree { distance, allowed, best, needed } => write!(
                f,
                "the course of the thread and the similar cases point to different actions (distance {distance:.2}, \
                 {allowed:.2} is allowed): the best has confidence {best:.2}, {needed:.2} is then needed"
            ),
            Self::TooFewOutcomes { known, needed } => write!(
                f,
                "too few similar cases show how the best action ends: {known} do, {needed} {} needed",
                if *needed == 1 { "is" } else { "are" }
            ),
        }
    }
}

/// The first reason that holds, if any: see [`Abstention`].
///
/// `similarities` are those of all neighbours. `actions` are the eligible ones, best first; `legs` what the ranker and
/// the votes each expect among those, likeliest first.
pub(super) fn reason(
    situation: &Situation,
    similarities: impl Iterator<Item = f32>,
    actions: &[RankedAction],
    legs: &[Vec<Vote>; 2],
    params: &RecommendParams,
) -> Option<Abstention> {
    let Some(best) = similarities.max_by(f32::total_cmp) else {
        return Some(Abstention::NoHistory);
    };
    let allowed = params.max_age_days;
    if let Some(days) = situation.desk_age_days.filter(|days| allowed > 0.0 && *days > allowed) {
        return Some(Abstention::IndexTooOld { days, allowed });
    }
    if best < params.min_similarity {
        return Some(Abstention::NothingSimilar { best, needed: params.min_similarity });
    }
    let Some(first) = actions.first() else {
        return Some(Abstention::OutsideCatalogue);
    };
    if first.confidence < params.min_confidence {
        return Some(Abstention::LowConfidence { best: first.confidence, needed: params.min_confidence });
    }
    let (best, needed) = (first.confidence, params.disagreement_confidence);
    if let Some(distance) = disagreement(legs).filter(|far| best < needed && *far > params.max_disagreement) {
        return Some(Abstention::LegsDisagree { distance, allowed: params.max_disagreement, best, needed });
    }
    let known = first.evidence.len() + first.counter_evidence.len();
    if known < params.min_support {
        return Some(Abstention::TooFewOutcomes { known, needed: params.min_support });
    }
    None
}

/// Where two opinions name different first actions, their total variation distance: ½ Σ |p − q|, each scaled to sum to 1.
fn disagreement([one, other]: &[Vec<Vote>; 2]) -> Option<f32> {
    if one.first()?.action == other.first()?.action {
        return None;
    }
    let mut differences: BTreeMap<&str, f32> = BTreeMap::new();
    for (votes, sign) in [(one, 1.0), (other, -1.0)] {
        let total: f32 = votes.iter().map(|vote| vote.probability).sum();
        for vote in votes {
            *differences.entry(&vote.action).or_default() += sign * vote.probability / total;
        }
    }
    Some(differences.values().map(|difference| difference.abs()).sum::<f32>() / 2.0)
}
