//! What the best possible adviser would say: the chances of each next action, by the very plot that makes the threads.
//! Knows the model, the plot and the desk's agents; no text and no file.
//!
//! Two of them. The **oracle** knows all odds of the generator and, before each action, what anybody could have read by
//! then: the kind of problem, which moves were made, the cause once some words have told it, and the particulars that
//! only some causes have. Neither cause nor agent: those it infers (Bayes),
//!
//! ```text
//! P(action | heard) ∝ Σ cause, agent   P(cause) P(words | cause) P(agent) P(moves so far, then action | cause, agent)
//! ```
//!
//! The **insider** also knows the cause from the start, and who answers and how well: nobody can foresee more.
//! Neither knows that a ticket will be left unfinished, so of threads that the generator cuts off both see no less than
//! of whole ones.

use std::collections::BTreeMap;

use super::model::{Cause, Kind, insight};
use super::plot::{Dice, Move, Plot, Premise};

/// An agent who may be the one: skill, match with the kind, and how likely it is this one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) skill: f64,
    pub(super) fit: f64,
    pub(super) probability: f64,
}

/// A particular of the ticket that only some causes have, such as the response code of a refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Particular<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// How many messages were there before it was first named; 0 if the subject or the first message names it.
    pub(super) said_at: usize,
}

/// A thread and all that words can tell of it.
#[derive(Debug)]
pub(super) struct Oracle<'a> {
    pub(super) kind: &'a Kind,
    /// What some of the moves tell.
    pub(super) cause: &'a Cause,
    pub(super) moves: &'a [Move],
    pub(super) particulars: Vec<Particular<'a>>,
    pub(super) candidates: Vec<Candidate>,
}

/// Actions with their probabilities, likeliest first, ties by id.
pub(super) type Ranking = Vec<(String, f64)>;

impl Oracle<'_> {
    /// What the oracle expects in place of the move at `at`, given that an agent makes it.
    pub(super) fn foresee(&self, at: usize) -> Ranking {
        let mut sums = BTreeMap::new();
        for cause in &self.kind.causes {
            let weight = f64::from(cause.weight) * self.probability_of_words(at, cause);
            if weight > 0.0 {
                self.add(at, cause, weight, &self.candidates, &mut sums);
            }
        }
        ranked(sums)
    }

    /// Likewise the insider, who knows that the agent is this one.
    pub(super) fn know(&self, at: usize, agent: Candidate) -> Ranking {
        let mut sums = BTreeMap::new();
        self.add(at, self.cause, 1.0, &[agent], &mut sums);
        ranked(sums)
    }

    /// P(what was read before the move at `at` | cause, moves), but for what is the same for all causes.
    fn probability_of_words(&self, at: usize, cause: &Cause) -> f64 {
        if cause.id != self.cause.id && self.moves[..at].iter().any(Move::tells_cause) {
            return 0.0;
        }
        let named = self.particulars.iter().filter(|particular| particular.said_at < at);
        let chance = named.map(|particular| {
            let values = &cause.slots[particular.name];
            if values.iter().any(|value| value == particular.value) { 1.0 / values.len() as f64 } else { 0.0 }
        });
        chance.product()
    }

    fn add(&self, at: usize, cause: &Cause, weight: f64, agents: &[Candidate], sums: &mut BTreeMap<String, f64>) {
        let insights: Vec<f64> = agents.iter().map(|agent| insight(agent.skill, agent.fit, cause.hard)).collect();
        let premise = Premise { kind: self.kind, cause, thorough: false };
        for (step, chances) in continuations(premise, &self.moves[..at], &insights) {
            if !step.action().is_empty() {
                let chance: f64 = chances.iter().zip(agents).map(|(chance, agent)| chance * agent.probability).sum();
                *sums.entry(step.action().to_owned()).or_default() += weight * chance;
            }
        }
    }
}

fn ranked(sums: BTreeMap<String, f64>) -> Ranking {
    let total: f64 = sums.values().sum();
    let mut ranking: Ranking = sums.into_iter().map(|(action, sum)| (action, sum / total)).collect();
    ranking.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranking
}

/// Every move that can follow `heard`, with P(`heard`, then the move) for each insight.
fn continuations(premise: Premise<'_>, heard: &[Move], insights: &[f64]) -> Vec<(Move, Vec<f64>)> {
    let mut found = Vec::new();
    let mut forks = Vec::new();
    loop {
        let mut dice =
            EverySide { heard, insights, forks, passed: 0, chances: vec![1.0; insights.len()], known: 0, next: None };
        Plot::unfold(premise, &mut dice);
        if let Some(step) = dice.next.filter(|_| dice.known == heard.len()) {
            found.push((step, dice.chances));
        }
        forks = dice.forks;
        while let Some((side, sides)) = forks.pop() {
            if side + 1 < sides {
                forks.push((side + 1, sides));
                break;
            }
        }
        if forks.is_empty() {
            return found;
        }
    }
}

/// Dice that fall on each side in turn, one play after the other, as long as the plot goes as was heard, and for one
/// move more.
struct EverySide<'a> {
    heard: &'a [Move],
    insights: &'a [f64],
    /// On which of how many sides the dice fall at each fork of this play.
    forks: Vec<(usize, usize)>,
    /// How many forks have been passed.
    passed: usize,
    /// The probability of what fell so far, for each insight.
    chances: Vec<f64>,
    /// How many moves were as heard.
    known: usize,
    /// The first move that was not heard.
    next: Option<Move>,
}

impl EverySide<'_> {
    /// On which of the sides they fall. What comes after the next move does not matter: then it is always the first.
    fn fall(&mut self, sides: usize) -> Option<usize> {
        if self.next.is_some() {
            return None;
        }
        if self.passed == self.forks.len() {
            self.forks.push((0, sides));
        }
        self.passed += 1;
        Some(self.forks[self.passed - 1].0)
    }

    fn weigh(&mut self, probability: impl Fn(f64) -> f64) {
        self.chances.iter_mut().zip(self.insights).for_each(|(chance, &insight)| *chance *= probability(insight));
    }
}

impl Dice for EverySide<'_> {
    fn happens(&mut self, probability: f64) -> bool {
        self.happens_by(&|_| probability)
    }

    fn happens_by(&mut self, probability: &dyn Fn(f64) -> f64) -> bool {
        let Some(side) = self.fall(2) else { return false };
        self.weigh(|insight| if side == 1 { probability(insight) } else { 1.0 - probability(insight) });
        side == 1
    }

    fn among(&mut self, probabilities: &[f64]) -> usize {
        let Some(side) = self.fall(probabilities.len()) else { return 0 };
        self.weigh(|_| probabilities[side]);
        side
    }

    fn below(&mut self, count: usize) -> usize {
        let Some(side) = self.fall(count) else { return 0 };
        self.weigh(|_| 1.0 / count as f64);
        side
    }

    fn hear(&mut self, step: &Move) {
        if self.next.is_none() {
            match self.heard.get(self.known) {
                Some(known) if known == step => self.known += 1,
                _ => self.next = Some(step.clone()),
            }
        }
    }
}
