//! Neighbours → ranked actions with evidence, or an abstention. Pure: no index, no model, no clock.
//!
//! ```text
//! ranker, similar states ─► likely? (P) ─┐
//!                                        ├─► score = P × V^β × F ─► ranked actions ─► enough? ─► advice
//! how they ended, and were to end ─► (V) ┤     (what to expect of each)              └► abstain, with the reason
//! what people made of it ───────────► (F) ┘
//! similar tickets ─► plan: hours, agent, key steps
//! ```

mod abstain;
mod learn;
mod outcome;
mod plan;
#[cfg(test)]
mod tests;
mod votes;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use abstain::Abstention;
pub use learn::{
    Calibration, Ending, Example, Judged, LearnParams, Learned, Moment, TURNS, expected_success, learn, mix,
};
pub use outcome::{Outcome, Outlook, Quartiles, Shrunk, Value};
pub use plan::{AgentChoice, Plan};
pub use votes::{Vote, votes};

use crate::desk::{Agent, Catalogue, Circumstances, Ineligible, OTHER};
use crate::feedback::FeedbackParams;

/// What is known of the ticket that needs an action.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Situation {
    /// Its category, where known.
    pub category: Option<String>,
    /// Its status, as in the tables, where known.
    pub status: Option<String>,
    /// The channel it came in by, where known.
    pub channel: Option<String>,
    /// Its priority, where known.
    pub priority: Option<String>,
    /// What agents did so far in the thread, oldest first.
    pub done: Vec<String>,
    /// The probability that a ticket in these circumstances ends well, whatever is done next, 0 to 1, where known.
    pub expected_success: Option<f32>,
    /// What the ranker expects, likeliest first; empty where nothing was learnt.
    pub likely: Vec<Vote>,
    /// F: how much more often than others people accept an action here, above 0; 1 for an action that is not in it.
    pub acceptance: BTreeMap<String, f32>,
    /// How many days ago the newest thing happened of which the neighbours' desk knows, where that is known.
    pub desk_age_days: Option<f64>,
}

/// How far what was learnt is trusted; see [`Learned`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// What the ranker decides of P, 0 to 1; the votes of similar states decide the rest.
    pub share: f32,
    /// From P to how often such an answer is right.
    pub calibration: Calibration,
}

impl Situation {
    /// What the agent did last, if anything.
    #[must_use]
    pub fn last_action(&self) -> Option<&str> {
        self.done.last().map(String::as_str)
    }

    /// What the catalogue's rules look at.
    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            category: self.category.as_deref(),
            status: self.status.as_deref(),
            channel: self.channel.as_deref(),
            priority: self.priority.as_deref(),
            done: &self.done,
        }
    }
}

/// A moment in an earlier thread that resembled this one, and what the agent did then.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarState {
    /// The ticket it comes from.
    pub ticket_id: String,
    /// Equal for tickets with the same thread, which count once: see [`crate::desk::thread_id`].
    pub thread_id: String,
    /// How many actions were done in the thread before.
    pub position: usize,
    /// Cosine between the two states, −1 to 1.
    pub similarity: f32,
    /// What the agent did.
    pub action: String,
    /// What the agent had done before that, if anything.
    pub last_action: Option<String>,
    /// The ticket's category, where known.
    pub category: Option<String>,
    /// How the ticket ended.
    pub outcome: Outcome,
    /// The probability with which a ticket in such circumstances ends well, 0 to 1, where known.
    pub expected_success: Option<f32>,
    /// What the agent wrote, masked.
    pub message: String,
}

/// A resolved ticket whose problem resembled this one's.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarTicket {
    /// Its id.
    pub ticket_id: String,
    /// Equal for tickets with the same thread, which count once.
    pub thread_id: String,
    /// Cosine between the two problems, −1 to 1.
    pub similarity: f32,
    /// The actions that agents took, in order.
    pub actions: Vec<String>,
    /// What solved it, where known.
    pub solved_by: Option<String>,
    /// What the agent wrote when solving it, masked.
    pub solution: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Who worked on it.
    pub agent_id: Option<String>,
}

/// How neighbours become a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecommendParams {
    /// How many similar states vote.
    pub states: usize,
    /// How many similar tickets vote and make the plan.
    pub tickets: usize,
    /// A neighbour weighs e^((s − s_best) / temperature), s its cosine. Above 0.
    pub temperature: f32,
    /// The same of tickets, whose cosines lie further apart in the space of their index. Above 0.
    pub ticket_temperature: f32,
    /// A state with the same last action weighs this many times more. 1 or more.
    pub same_last_action: f32,
    /// A state of the same category weighs this many times more. 1 or more.
    pub same_category: f32,
    /// β, the exponent of V in the score P × V^β × F. 0 leaves out how tickets ended.
    pub outcome_weight: f32,
    /// How many tickets' worth of weight the average of all neighbours has in each success rate. Above 0.
    pub prior_strength: f32,
    /// Below this best similarity nothing is recommended. −1 to 1.
    pub min_similarity: f32,
    /// Below this confidence the best action is not recommended. 0 to 1.
    pub min_confidence: f32,
    /// Nor with fewer distinct similar cases in which it was done and whose end is known. 0 asks for none.
    pub min_support: usize,
    /// Nor where ranker and votes name different first actions, the distance between what they expect is above this (0 to
    /// 1; 1 allows all), and the confidence is below `disagreement_confidence`.
    pub max_disagreement: f32,
    /// See `max_disagreement`. 0 to 1.
    pub disagreement_confidence: f32,
    /// Nothing is recommended from a desk whose newest ticket or turn is older than so many days; 0 allows any age.
    pub max_age_days: f64,
    /// How many actions an answer shows at most.
    pub shown: usize,
    /// How what people made of recommendations counts: F.
    pub feedback: FeedbackParams,
}

impl Default for RecommendParams {
    fn default() -> Self {
        Self {
            states: 50,
            tickets: 20,
            temperature: 0.015,
            ticket_temperature: 0.1,
            same_last_action: 8.0,
            same_category: 16.0,
            outcome_weight: 0.5,
            prior_strength: 5.0,
            min_similarity: 0.8,
            min_confidence: 0.15,
            min_support: 1,
            max_disagreement: 1.0,
            disagreement_confidence: 0.25,
            max_age_days: 0.0,
            shown: 5,
            feedback: FeedbackParams::default(),
        }
    }
}

/// What to do next, or why not to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// Set when no recommendation is made; the rest is then shown as context only.
    pub abstention: Option<Abstention>,
    /// Actions, best first.
    pub actions: Vec<RankedAction>,
    /// What agents did in similar cases and may not be done here, likeliest first.
    pub removed: Vec<Removed>,
    /// What the similar tickets say about the way to the solution.
    pub plan: Plan,
}

/// An action that a rule of the catalogue forbids here.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// Its id.
    pub action: String,
    /// P: how likely it would be, 0 to 1.
    pub probability: f32,
    /// The rule.
    pub rule: Ineligible,
}

/// What is less likely than this is not worth telling that it was removed.
const LEAST_TOLD: f32 = 0.01;

/// An action, how good it looks, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedAction {
    /// Its id in the catalogue.
    pub action: String,
    /// P × V^β × F: the order of the list.
    pub score: f32,
    /// P: how likely it is here, by the ranker and by the share of the neighbours' weight that did this, 0 to 1.
    pub probability: f32,
    /// How often an action of this P was the right one, 0 to 1: P as the desk's newest history has calibrated it.
    pub confidence: f32,
    /// V: how a ticket like this one ends when it is done, 0 to 1; see [`Value`].
    pub success_rate: f32,
    /// The 90 % interval of V.
    pub success_interval: (f32, f32),
    /// F: how much more often than others people accept it here, above 0, 1 being as often.
    pub acceptance: f32,
    /// What tickets came to in which it was done.
    pub outlook: Outlook,
    /// What names it.
    pub basis: Basis,
    /// Distinct similar cases in which it was done: tickets, those with the same thread counted once.
    pub support: usize,
    /// Of those, tickets that ended well, most similar first.
    pub evidence: Vec<Evidence>,
    /// Of those, tickets that did not, most similar first.
    pub counter_evidence: Vec<Evidence>,
}

/// What an action is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// It was done at similar moments; the ranker may expect it too.
    SimilarCases,
    /// No moment is similar; it solved similar tickets.
    SimilarTickets,
    /// No similar case shows it: the ranker, which learnt from other threads, expects it from the course of this one.
    Learnt,
}

impl std::fmt::Display for Basis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SimilarCases => "done in similar cases",
            Self::SimilarTickets => "no similar case; it solved similar tickets",
            Self::Learnt => "no similar case; learnt from the course of other threads",
        })
    }
}

/// A ticket that speaks for or against an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The ticket.
    pub ticket_id: String,
    /// Its cosine, −1 to 1.
    pub similarity: f32,
    /// What the agent wrote, masked.
    pub message: String,
    /// How many tickets with this very thread it stands for, itself included: 1 or more.
    pub identical: usize,
}

/// Ranks what was done in similar states by how likely it applies and how well it ended.
#[must_use]
pub fn recommend(
    situation: &Situation,
    trust: Trust,
    states: &[SimilarState],
    tickets: &[SimilarTicket],
    catalogue: &Catalogue,
    agents: &[Agent],
    params: &RecommendParams,
) -> Advice {
    let plan = plan::plan(tickets, agents, params);
    let by_votes = votes(situation, states, tickets, params);
    let (possible, removed) = eligible(&mix(&situation.likely, &by_votes, trust.share), situation, catalogue);
    let cases = Cases::of(states);
    let mut actions: Vec<RankedAction> =
        possible.iter().map(|vote| ranked(vote, &by_votes, situation, &cases, trust, params)).collect();
    actions.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.action.cmp(&b.action)));
    let legs = [&situation.likely, &by_votes].map(|leg| eligible(leg, situation, catalogue).0);
    // Cosines of tickets are on another scale; they tell where there is no moment at all.
    let similarities = states
        .iter()
        .map(|it| it.similarity)
        .chain(tickets.iter().filter(|_| states.is_empty()).map(|it| it.similarity));
    let abstention = abstain::reason(situation, similarities, &actions, &legs, params);
    actions.truncate(params.shown);
    Advice { abstention, actions, removed, plan }
}

/// The votes for what may be done, and what may not, both in the order of the votes.
///
/// What a rule forbids leaves its share of P to the rest; what is outside the catalogue keeps it, since it may happen.
#[must_use]
pub fn eligible(votes: &[Vote], situation: &Situation, catalogue: &Catalogue) -> (Vec<Vote>, Vec<Removed>) {
    let (mut possible, mut removed) = (Vec::new(), Vec::new());
    let mut forbidden = 0.0;
    for vote in votes.iter().filter(|vote| vote.action != OTHER) {
        let verdict = catalogue.check(&vote.action, &situation.circumstances());
        if verdict.as_ref().is_err_and(|rule| *rule != Ineligible::NotInCatalogue) {
            forbidden += vote.probability;
        }
        match verdict {
            Ok(()) => possible.push(vote.clone()),
            Err(rule) if vote.probability >= LEAST_TOLD => {
                removed.push(Removed { action: vote.action.clone(), probability: vote.probability, rule });
            }
            Err(_) => {}
        }
    }
    // Rounding may leave less than what is possible: no P is then more than 1.
    let left = possible.iter().map(|vote: &Vote| vote.probability).sum::<f32>().max(1.0 - forbidden);
    possible.iter_mut().for_each(|vote| vote.probability /= left);
    (possible, removed)
}

/// The similar states, those at the same place of the same thread counted once.
struct Cases<'a> {
    distinct: Vec<&'a SimilarState>,
    /// The tickets of each thread.
    tickets: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The cosine of the most similar.
    best: f32,
    /// How many of them ended well: see [`outcome::average_success`].
    average: f32,
}

impl<'a> Cases<'a> {
    fn of(states: &'a [SimilarState]) -> Self {
        let distinct = votes::distinct_states(states);
        let mut tickets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for state in states {
            tickets.entry(&state.thread_id).or_default().insert(&state.ticket_id);
        }
        let best = votes::best(distinct.iter().map(|state| state.similarity));
        let average = outcome::average_success(distinct.iter().map(|state| &state.outcome));
        Self { distinct, tickets, best, average }
    }

    /// Where an action was done, the most similar state of each thread, most similar first.
    fn with(&self, action: &str) -> Vec<&'a SimilarState> {
        let mut cases: Vec<&SimilarState> =
            self.distinct.iter().copied().filter(|state| state.action == action).collect();
        cases.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then_with(|| a.ticket_id.cmp(&b.ticket_id)));
        let mut seen = BTreeSet::new();
        cases.retain(|case| seen.insert(&case.thread_id));
        cases
    }

    fn outlook(&self, cases: &[&SimilarState], situation: &Situation, params: &RecommendParams) -> Outlook {
        let weight = |case: &SimilarState| votes::weight(case, self.best, situation, params);
        let weighted: Vec<(&Outcome, f32)> = cases.iter().map(|case| (&case.outcome, weight(case))).collect();
        let all: Vec<&Outcome> = self.distinct.iter().map(|state| &state.outcome).collect();
        Outlook::of(&weighted, &all, params.prior_strength)
    }

    /// The cases that ended well, and those that did not.
    fn evidence(&self, cases: &[&SimilarState]) -> (Vec<Evidence>, Vec<Evidence>) {
        let that_ended = |well: bool| {
            let ended = cases.iter().filter(move |case| case.outcome.success() == Some(well));
            ended.map(|case| Evidence {
                ticket_id: case.ticket_id.clone(),
                similarity: case.similarity,
                message: case.message.clone(),
                identical: self.tickets.get(case.thread_id.as_str()).map_or(1, BTreeSet::len),
            })
        };
        (that_ended(true).collect(), that_ended(false).collect())
    }
}

fn ranked(
    vote: &Vote,
    by_votes: &[Vote],
    situation: &Situation,
    all: &Cases<'_>,
    trust: Trust,
    params: &RecommendParams,
) -> RankedAction {
    let cases = all.with(&vote.action);
    let average = all.average;
    let ends =
        cases.iter().filter_map(|case| Some((case.outcome.success()?, case.expected_success.unwrap_or(average))));
    let value = Value::of(ends, situation.expected_success.unwrap_or(average), params.prior_strength);
    let basis = if !cases.is_empty() {
        Basis::SimilarCases
    } else if by_votes.iter().any(|by| by.action == vote.action) {
        Basis::SimilarTickets
    } else {
        Basis::Learnt
    };
    let acceptance = situation.acceptance.get(&vote.action).copied().unwrap_or(1.0);
    let success_rate = value.mean;
    let (evidence, counter_evidence) = all.evidence(&cases);
    RankedAction {
        action: vote.action.clone(),
        score: vote.probability * success_rate.powf(params.outcome_weight) * acceptance,
        probability: vote.probability,
        confidence: trust.calibration.confidence(vote.probability),
        success_rate,
        success_interval: value.interval,
        acceptance,
        outlook: all.outlook(&cases, situation, params),
        basis,
        support: cases.len(),
        evidence,
        counter_evidence,
    }
}
