//! How likely each action is here: similar states vote for what was done in them.

use std::collections::{BTreeMap, BTreeSet};

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
/// e^((s − s_best) / temperature), times the factors for the same last action and the same category; of tickets with a
/// temperature of their own and without factors. Of those with the
/// same thread, the first votes.
#[must_use]
pub fn votes(
    situation: &Situation,
    states: &[SimilarState],
    tickets: &[SimilarTicket],
    params: &RecommendParams,
) -> Vec<Vote> {
    let states = distinct_states(states);
    let best_state = best(states.iter().map(|state| state.similarity));
    let by_states =
        shares(states.iter().map(|state| (state.action.as_str(), weight(state, best_state, situation, params))));

    let tickets = distinct_tickets(tickets);
    let best_ticket = best(tickets.iter().map(|ticket| ticket.similarity));
    let by_tickets = shares(tickets.iter().filter_map(|ticket| {
        let weight = ((ticket.similarity - best_ticket) / params.ticket_temperature).exp();
        Some((ticket.solved_by.as_deref()?, weight))
    }));

    let sums = if by_states.is_empty() { by_tickets } else { by_states };
    Vote::ranked(sums.into_iter().map(|(action, probability)| (action.to_owned(), probability)))
}

/// What a similar state weighs where the best has the cosine `best`; above 0.
pub(super) fn weight(state: &SimilarState, best: f32, situation: &Situation, params: &RecommendParams) -> f32 {
    let mut weight = ((state.similarity - best) / params.temperature).exp();
    if state.last_action.as_deref() == situation.last_action() {
        weight *= params.same_last_action;
    }
    if situation.category.is_some() && state.category == situation.category {
        weight *= params.same_category;
    }
    weight
}

/// Of states at the same place of the same thread, the first.
pub(super) fn distinct_states(states: &[SimilarState]) -> Vec<&SimilarState> {
    let mut seen = BTreeSet::new();
    states.iter().filter(|state| seen.insert((&state.thread_id, state.position))).collect()
}

/// Of tickets with the same thread, the first.
pub(super) fn distinct_tickets(tickets: &[SimilarTicket]) -> Vec<&SimilarTicket> {
    let mut seen = BTreeSet::new();
    tickets.iter().filter(|ticket| seen.insert(&ticket.thread_id)).collect()
}

/// The highest of some cosines; −∞ of none.
pub(super) fn best(similarities: impl Iterator<Item = f32>) -> f32 {
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
