//! How likely each action is here: similar states vote for what was done in them.

use std::collections::BTreeMap;

use super::{RecommendParams, SimilarState, SimilarTicket, Situation};

/// The share of the neighbours' weight that an action got.
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    /// The action's id.
    pub action: String,
    /// Its share, 0 to 1; all shares add up to 1.
    pub probability: f32,
}

impl Vote {
    /// Likeliest first, ties by id; what is not likely at all is left out.
    pub(super) fn ranked(shares: impl IntoIterator<Item = (String, f32)>) -> Vec<Self> {
        let mut votes: Vec<Self> = shares
            .into_iter()
            .filter(|(_, probability)| *probability > 0.0)
            .map(|(action, probability)| Self { action, probability })
            .collect();
        votes.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.action.cmp(&b.action)));
        votes
    }
}

/// The votes for every action that a neighbour took, best first, ties by id.
///
/// Where there is no similar state, similar tickets vote for what solved them. A neighbour weighs
/// e^((s − s_best) / temperature), times the factors for the same last action and the same category.
#[must_use]
pub fn votes(
    situation: &Situation,
    states: &[SimilarState],
    tickets: &[SimilarTicket],
    params: &RecommendParams,
) -> Vec<Vote> {
    let best_state = best(states.iter().map(|state| state.similarity));
    let by_states = shares(states.iter().map(|state| {
        let mut weight = ((state.similarity - best_state) / params.temperature).exp();
        if state.last_action.as_deref() == situation.last_action() {
            weight *= params.same_last_action;
        }
        if situation.category.is_some() && state.category == situation.category {
            weight *= params.same_category;
        }
        (state.action.as_str(), weight)
    }));

    let best_ticket = best(tickets.iter().map(|ticket| ticket.similarity));
    let by_tickets = shares(tickets.iter().filter_map(|ticket| {
        let weight = ((ticket.similarity - best_ticket) / params.temperature).exp();
        Some((ticket.solved_by.as_deref()?, weight))
    }));

    let sums = if by_states.is_empty() { by_tickets } else { by_states };
    Vote::ranked(sums.into_iter().map(|(action, probability)| (action.to_owned(), probability)))
}

fn best(similarities: impl Iterator<Item = f32>) -> f32 {
    similarities.fold(f32::NEG_INFINITY, f32::max)
}

fn shares<'a>(weighted: impl Iterator<Item = (&'a str, f32)>) -> BTreeMap<&'a str, f32> {
    let mut sums: BTreeMap<&str, f32> = BTreeMap::new();
    for (action, weight) in weighted {
        *sums.entry(action).or_default() += weight;
    }
    let total: f32 = sums.values().sum();
    sums.values_mut().for_each(|sum| *sum /= total);
    sums
}
