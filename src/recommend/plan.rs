//! What similar tickets say about the way to the solution: how long, who, in which steps.

use std::collections::BTreeMap;

use super::outcome::{Quartiles, average_success, shrunk_success};
use super::votes::{best, distinct_tickets};
use super::{RecommendParams, SimilarTicket};
use crate::desk::Agent;

/// The way to the solution, as far as similar tickets show it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The most similar ticket that ended well and says how: (ticket id, what the agent wrote).
    pub approach: Option<(String, String)>,
    /// Hours to resolution, weighted by similarity.
    pub hours: Option<Quartiles>,
    /// Active agents by success on the similar tickets, best first, ties by the fewest active tickets, then by id.
    pub agents: Vec<AgentChoice>,
    /// The sequence of actions that agrees best with those of the similar tickets that ended well.
    pub key_steps: Vec<String>,
}

/// Somebody who did well on similar tickets.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentChoice {
    /// Who.
    pub agent: Agent,
    /// How many of the similar tickets were theirs.
    pub tickets: usize,
    /// Success rate on them, shrunk to the average, 0 to 1.
    pub success_rate: f32,
}

/// How many agents a plan names.
const AGENTS_SHOWN: usize = 3;

pub(super) fn plan(tickets: &[SimilarTicket], agents: &[Agent], params: &RecommendParams) -> Plan {
    let tickets = distinct_tickets(tickets);
    let best = best(tickets.iter().map(|ticket| ticket.similarity));
    let weight = |ticket: &SimilarTicket| f64::from(((ticket.similarity - best) / params.ticket_temperature).exp());
    let hours = tickets.iter().filter_map(|ticket| Some((ticket.outcome.hours?, weight(ticket)))).collect();
    let good: Vec<(&SimilarTicket, f64)> = tickets
        .iter()
        .filter(|ticket| ticket.outcome.success() == Some(true))
        .map(|ticket| (*ticket, weight(ticket)))
        .collect();
    Plan {
        approach: good.iter().find_map(|(ticket, _)| Some((ticket.ticket_id.clone(), ticket.solution.clone()?))),
        hours: Quartiles::of(hours),
        agents: best_agents(&tickets, agents, params),
        key_steps: typical_sequence(&good),
    }
}

fn best_agents(tickets: &[&SimilarTicket], agents: &[Agent], params: &RecommendParams) -> Vec<AgentChoice> {
    let average = average_success(tickets.iter().map(|ticket| &ticket.outcome));
    let mut of_agent: BTreeMap<&str, Vec<&SimilarTicket>> = BTreeMap::new();
    for ticket in tickets {
        if let Some(agent) = &ticket.agent_id {
            of_agent.entry(agent).or_default().push(ticket);
        }
    }
    let mut choices: Vec<AgentChoice> = agents
        .iter()
        .filter(|agent| agent.active)
        .filter_map(|agent| {
            let theirs = of_agent.get(agent.id.as_str())?;
            let outcomes = theirs.iter().map(|ticket| &ticket.outcome);
            let success_rate = shrunk_success(outcomes, average, params.prior_strength);
            Some(AgentChoice { agent: agent.clone(), tickets: theirs.len(), success_rate })
        })
        .collect();
    choices.sort_by(|a, b| {
        b.success_rate
            .total_cmp(&a.success_rate)
            .then(a.agent.active_tickets.cmp(&b.agent.active_tickets))
            .then_with(|| a.agent.id.cmp(&b.agent.id))
    });
    choices.truncate(AGENTS_SHOWN);
    choices
}

/// The medoid of the sequences: the one with the highest weighted agreement with all others.
fn typical_sequence(good: &[(&SimilarTicket, f64)]) -> Vec<String> {
    let mut best: (f64, &[String]) = (0.0, &[]);
    for (candidate, _) in good {
        let agreement: f64 =
            good.iter().map(|(other, weight)| weight * agreement(&candidate.actions, &other.actions)).sum();
        if agreement > best.0 {
            best = (agreement, &candidate.actions);
        }
    }
    best.1.to_vec()
}

/// 2 × the longest common subsequence over the sum of the lengths: 1 for equal sequences, 0 for nothing in common.
fn agreement(a: &[String], b: &[String]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let mut above = vec![0usize; b.len() + 1];
    for left in a {
        let mut diagonal = 0;
        for (at, right) in b.iter().enumerate() {
            let here = if left == right { diagonal + 1 } else { above[at + 1].max(above[at]) };
            diagonal = std::mem::replace(&mut above[at + 1], here);
        }
    }
    2.0 * above[b.len()] as f64 / (a.len() + b.len()) as f64
}
