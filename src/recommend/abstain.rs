//! When to stay silent, and the words for it.

use serde::Serialize;

use super::{RankedAction, RecommendParams, SimilarState, SimilarTicket};

/// Why nothing is recommended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Abstention {
    /// The history holds nothing to compare with.
    NoHistory,
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
}

impl std::fmt::Display for Abstention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoHistory => write!(f, "there is no resolved ticket to compare with"),
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
        }
    }
}

/// The first reason that holds, if any. `actions` are the eligible ones, best first.
pub(super) fn reason(
    states: &[SimilarState],
    tickets: &[SimilarTicket],
    actions: &[RankedAction],
    params: &RecommendParams,
) -> Option<Abstention> {
    let similarities =
        states.iter().map(|state| state.similarity).chain(tickets.iter().map(|ticket| ticket.similarity));
    let Some(best) = similarities.max_by(f32::total_cmp) else {
        return Some(Abstention::NoHistory);
    };
    if best < params.min_similarity {
        return Some(Abstention::NothingSimilar { best, needed: params.min_similarity });
    }
    let Some(first) = actions.first() else {
        return Some(Abstention::OutsideCatalogue);
    };
    if first.confidence < params.min_confidence {
        return Some(Abstention::LowConfidence { best: first.confidence, needed: params.min_confidence });
    }
    None
}
