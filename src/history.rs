//! A desk's past in memory: its moments, what was known from when on, and which of them are alike. Exact; keeps no file.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::desk::{Author, Catalogue, Desk, OTHER, Step, Ticket, language, thread_id};
use crate::recommend::{
    Ending, Example, LearnParams, Learned, Moment, Outcome, RecommendParams, SimilarState, Situation, Vote, eligible,
    expected_success, learn, votes,
};
use crate::vector::dot;

/// Of the moments before a held-out one, only the newest so many are compared with it: it is done for each of those.
const MOST_COMPARED: usize = 100_000;
/// A young desk holds out so many moments, or half of all.
const FEWEST_HELD_OUT: usize = 100;
/// Of the held-out moments, so many, evenly spread, set the shares.
const MOST_HELD_OUT: usize = 2_000;

/// Every step of a desk's tickets, in the order of the desk, and which of them are evidence.
pub struct History<'a> {
    moments: Vec<PastMoment<'a>>,
    /// Moments of tickets that ended, with a known action: in the order in which they became known. Of threads that are the
    /// same, the one that became known first.
    evidence: Vec<usize>,
}

/// A step of a ticket, with the vectors that stand for it.
pub struct PastMoment<'a> {
    /// Its ticket.
    pub ticket: &'a Ticket,
    /// Equal for tickets with the same thread, which count once.
    pub thread_id: String,
    /// When the agent acted, in microseconds since 1970 UTC; for what is still to be done, when the last turn was.
    pub at: i64,
    /// What was known then.
    pub moment: Moment<'a>,
    /// What the agent did; `None` for what is still to be done.
    pub action: Option<&'a str>,
    /// What the agent wrote.
    pub message: &'a str,
    /// The unit vector of the state.
    pub state: &'a [f32],
    /// How the ticket ended.
    pub outcome: Outcome,
    /// The probability that such a ticket ends well, 0 to 1.
    pub expected_success: f32,
    /// `pt` or `en`: the language of subject and description; `?` where they have no words.
    pub language: &'static str,
    /// Whether nothing may be known of its ticket: see [`History::forget`].
    forgotten: bool,
}

impl PastMoment<'_> {
    /// From when on what happened in the ticket is known: its end; never while it is active, or if it is forgotten.
    #[must_use]
    pub fn known_from(&self) -> i64 {
        if self.forgotten || self.ticket.status.is_active() {
            return i64::MAX;
        }
        let last_turn = self.ticket.thread.last().map_or(self.ticket.created_at, |turn| turn.at);
        self.ticket.closed_at.unwrap_or(last_turn).max(last_turn)
    }

    /// What was known to whoever asked for advice then.
    #[must_use]
    pub fn situation(&self) -> Situation {
        Situation {
            category: Some(self.ticket.category.clone()),
            // The tables tell the last status alone.
            status: None,
            channel: Some(self.ticket.channel.clone()),
            priority: Some(self.ticket.priority.clone()),
            done: self.moment.done.iter().map(|&action| action.to_owned()).collect(),
            expected_success: Some(self.expected_success),
            likely: Vec::new(),
            acceptance: BTreeMap::new(),
            desk_age_days: None,
        }
    }

    fn as_similar(&self, similarity: f32) -> SimilarState {
        SimilarState {
            ticket_id: self.ticket.id.clone(),
            thread_id: self.thread_id.clone(),
            position: self.moment.done.len(),
            similarity,
            action: self.action.unwrap_or(OTHER).to_owned(),
            last_action: self.moment.done.last().map(|&action| action.to_owned()),
            category: Some(self.ticket.category.clone()),
            outcome: self.outcome.clone(),
            expected_success: Some(self.expected_success),
            message: self.message.to_owned(),
        }
    }
}

impl<'a> History<'a> {
    /// From a desk's tickets, the steps of each, the action of each agent turn, the vector of each step's state in the
    /// same order, and the vector of any text. How well tickets are expected to end follows from what was known before
    /// the instant `as_of`.
    #[must_use]
    pub fn of(
        desk: &'a Desk,
        steps: &'a [Vec<Step>],
        actions_of: &'a [Vec<String>],
        states: &'a [impl AsRef<[f32]>],
        vector_of: impl Fn(&str) -> &'a [f32],
        (as_of, seed): (i64, u64),
    ) -> Self {
        let mut moments: Vec<PastMoment<'a>> = Vec::with_capacity(states.len());
        for ((ticket, steps), actions) in desk.tickets.iter().zip(steps).zip(actions_of) {
            // Of what is known from the start alone: later messages must not tell about earlier moments.
            let opening = format!("{}\n{}", ticket.subject, ticket.description);
            let (language, thread_id) = (language(&opening), thread_id(ticket));
            for step in steps {
                let state = states[moments.len()].as_ref();
                moments.push(past_moment((ticket, &thread_id, language), step, actions, state, &vector_of));
            }
        }
        let mut history = Self { moments, evidence: Vec::new() };
        history.find_evidence();
        history.expect_as_of(as_of, seed);
        history
    }

    /// From now on nothing is ever known of the tickets of a category, as if it had not been seen before.
    pub fn forget(&mut self, category: &str) {
        let is_forgotten = |past: &PastMoment<'_>| past.ticket.category == category;
        self.moments.iter_mut().for_each(|past| past.forgotten |= is_forgotten(past));
        self.find_evidence();
    }

    /// Sets what may be evidence, in the order in which it becomes known.
    fn find_evidence(&mut self) {
        let moments = &self.moments;
        let mut ended: Vec<usize> = (0..moments.len()).filter(|&at| moments[at].known_from() < i64::MAX).collect();
        ended.sort_by_key(|&at| (moments[at].known_from(), at));
        let mut seen = BTreeSet::new();
        ended.retain(|&at| seen.insert((&moments[at].thread_id, moments[at].moment.done.len())));
        ended.retain(|&at| moments[at].action.is_some_and(|action| action != OTHER));
        self.evidence = ended;
    }

    /// Sets how well tickets are expected to end by the ends that were known before an instant. Of threads that are the
    /// same one counts, and none has a say in what is expected of another.
    pub fn expect_as_of(&mut self, instant: i64, seed: u64) {
        let mut ticket_of: BTreeMap<&str, &str> = BTreeMap::new();
        for past in self.moments.iter().filter(|past| past.known_from() < instant) {
            ticket_of.entry(&past.thread_id).or_insert(&past.ticket.id);
        }
        let mut seen = BTreeSet::new();
        let mut counts = |past: &PastMoment<'a>| {
            past.known_from() < instant && seen.insert((past.thread_id.clone(), past.moment.done.len()))
        };
        let endings: Vec<Ending<'_>> = self
            .moments
            .iter()
            .map(|past| Ending {
                ticket: ticket_of.get(past.thread_id.as_str()).copied().unwrap_or(&past.ticket.id),
                moment: &past.moment,
                success: past.outcome.success().filter(|_| counts(past)),
            })
            .collect();
        let expected = expected_success(&endings, seed);
        self.moments.iter_mut().zip(expected).for_each(|(past, expected)| past.expected_success = expected);
    }

    /// All moments, in the order of the desk.
    #[must_use]
    pub fn moments(&self) -> &[PastMoment<'a>] {
        &self.moments
    }

    /// The evidence that was known before an instant, in the order in which it became known: places in
    /// [`History::moments`].
    #[must_use]
    pub fn known_before(&self, instant: i64) -> &[usize] {
        &self.evidence[..self.evidence.partition_point(|&at| self.moments[at].known_from() < instant)]
    }

    /// The `k` moments among `places` that are most like the one at `at`, best first, ties by place. None is of its own
    /// ticket.
    #[must_use]
    pub fn similar(&self, at: usize, places: &[usize], k: usize) -> Vec<SimilarState> {
        let asked = &self.moments[at];
        let mut found: Vec<(f32, usize)> = places
            .iter()
            .filter(|&&place| self.moments[place].ticket.id != asked.ticket.id)
            .map(|&place| (dot(asked.state, self.moments[place].state), place))
            .collect();
        let order = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if k < found.len() {
            found.select_nth_unstable_by(k, order);
            found.truncate(k);
        }
        found.sort_unstable_by(order);
        found.into_iter().map(|(similarity, place)| self.moments[place].as_similar(similarity)).collect()
    }

    /// Learns from what is known in `places`, oldest first; confidence is fitted to what the catalogue's rules leave.
    #[must_use]
    pub fn learn(
        &self,
        places: &[usize],
        catalogue: &Catalogue,
        params: &LearnParams,
        recommend: &RecommendParams,
    ) -> Learned {
        let share = places.len() as f64 * params.held_out;
        let held_out = places.len() - (share as usize).max(FEWEST_HELD_OUT.min(places.len() / 2));
        let stride = (places.len() - held_out).div_ceil(MOST_HELD_OUT).max(1);
        let kept: Vec<usize> =
            (0..places.len()).filter(|&at| at < held_out || (at - held_out).is_multiple_of(stride)).collect();
        let examples: Vec<Example<'_>> = kept
            .iter()
            .map(|&at| &self.moments[places[at]])
            .map(|past| {
                let action = past.action.unwrap_or(OTHER);
                let kind = catalogue.get(action).map_or(OTHER, |action| action.kind.as_str());
                Example { moment: past.moment.clone(), action, kind }
            })
            .collect();
        let compared = &places[held_out.saturating_sub(MOST_COMPARED)..held_out];
        let votes_of = |at: usize| self.votes(places[kept[at]], compared, recommend);
        let eligible_of =
            |at: usize, votes: Vec<Vote>| eligible(&votes, &self.moments[places[kept[at]]].situation(), catalogue).0;
        learn(&examples, held_out, &votes_of, &eligible_of, params)
    }

    /// The votes of the moments among `places` that are most like the one at `at`.
    fn votes(&self, at: usize, places: &[usize], recommend: &RecommendParams) -> Vec<Vote> {
        let similar = self.similar(at, places, recommend.states);
        votes(&self.moments[at].situation(), &similar, &[], recommend)
    }

    /// What the ranker expects at each moment that is still to come, by place.
    #[must_use]
    pub fn likely_next(&self, learned: &Learned) -> Vec<(usize, Vec<Vote>)> {
        let pending = (0..self.moments.len()).into_par_iter().filter(|&at| self.moments[at].action.is_none());
        pending.map(|at| (at, learned.predict(&self.moments[at].moment))).collect()
    }
}

fn past_moment<'a>(
    (ticket, thread_id, language): (&'a Ticket, &str, &'static str),
    step: &'a Step,
    actions: &'a [String],
    state: &'a [f32],
    vector_of: &impl Fn(&str) -> &'a [f32],
) -> PastMoment<'a> {
    let done = actions[..step.position.min(actions.len())].iter().map(String::as_str).collect();
    let before = &ticket.thread[..step.turn.min(ticket.thread.len())];
    let context = [
        ("category", Some(ticket.category.as_str())),
        ("subcategory", ticket.subcategory.as_deref()),
        ("channel", Some(ticket.channel.as_str())),
        ("priority", Some(ticket.priority.as_str())),
        ("language", Some(language)),
    ];
    PastMoment {
        ticket,
        thread_id: thread_id.to_owned(),
        at: ticket.thread.get(step.turn).or(ticket.thread.last()).map_or(ticket.created_at, |turn| turn.at),
        moment: Moment {
            turns: step.turns().map(|part| (part.text.as_str(), vector_of(&part.text))).collect(),
            said: before.iter().filter(|turn| turn.author == Author::Customer).map(|turn| &*turn.text).collect(),
            subject: step.subject().map(|part| vector_of(&part.text)),
            done,
            context: context.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            customer_spoke_last: step.last_turn_is_customer,
        },
        action: step.message.as_ref().and_then(|_| actions.get(step.position)).map(String::as_str),
        message: step.message.as_deref().unwrap_or_default(),
        state,
        outcome: Outcome {
            resolved: (!ticket.status.is_active()).then(|| ticket.status.is_resolved()),
            reopened: ticket.reopened_count.map(|count| count > 0),
            csat: ticket.csat_score,
            hours: ticket.resolution_hours,
            sla_breached: ticket.sla_breached,
        },
        expected_success: 0.0,
        language,
        forgotten: false,
    }
}
