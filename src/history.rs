//! A desk's past in memory: its moments, what was known from when on, and which of them are alike. Exact; keeps no file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rayon::prelude::*;

use crate::desk::{Author, Catalogue, Desk, Lesson, Name, OTHER, Thread, Ticket, Turn, step_at, step_places};
use crate::embed::{Blends, KeptVectors};
use crate::rank::{Row, Scored, TopK};
use crate::recommend::{
    Ending, Example, LearnParams, Learned, Moment, Outcome, RecommendParams, SimilarState, Situation, Vote, eligible,
    expected_success, learn, votes,
};
use crate::vector::products_into;

/// Of the moments before a held-out one, only the newest so many are compared with it: it is done for each of those.
const MOST_COMPARED: usize = 50_000;
/// A young desk holds out so many moments, or half of all.
const FEWEST_HELD_OUT: usize = 100;
/// Of the held-out moments, so many, evenly spread, set the shares.
const MOST_HELD_OUT: usize = 2_000;
/// So many of them are compared with each of those before while its vector is in the cache.
const ASKED_AT_ONCE: usize = 16;

/// What a history is made of: a desk, and for each of its tickets what cannot be read off it.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The tickets.
    pub desk: &'a Desk,
    /// The conversation of each.
    pub threads: &'a [Thread],
    /// The action of each agent turn of each.
    pub actions_of: &'a [Vec<Name>],
    /// The vectors of all texts.
    pub kept: &'a KeptVectors,
    /// The vectors of all steps' states, in the order of the desk.
    pub states: &'a Blends,
}

/// Every step of a desk's tickets, in the order of the desk, and which of them are evidence.
pub struct History<'a> {
    sources: Sources<'a>,
    moments: Vec<PastMoment<'a>>,
    /// Moments of tickets that ended, with a known action: in the order in which they became known. Of threads that are the
    /// same, the one that became known first.
    evidence: Vec<usize>,
    /// The vectors of all states, one after another, where they are held.
    held: Option<Vec<f32>>,
}

/// A step of a ticket: where it is. What was known then, and its vectors, are looked up when they are asked for.
pub struct PastMoment<'a> {
    /// Its ticket.
    pub ticket: &'a Ticket,
    /// The ticket's conversation.
    pub thread: &'a Thread,
    /// When the agent acted, in microseconds since 1970 UTC; for what is still to be done, when the last turn was.
    pub at: i64,
    /// The actions before.
    pub done: &'a [Name],
    /// What the agent did; `None` for what is still to be done.
    pub action: Option<&'a str>,
    /// The actions from this one on.
    to_come: &'a [Name],
    /// The probability that such a ticket ends well, 0 to 1.
    pub expected_success: f32,
    /// The agent's turn in the thread; the thread's length for what is still to be done.
    turn: usize,
    /// Whether nothing may be known of its ticket: see [`History::forget`].
    forgotten: bool,
}

impl<'a> PastMoment<'a> {
    fn of(ticket: &'a Ticket, thread: &'a Thread, actions: &'a [Name], (position, turn): (usize, usize)) -> Self {
        let taken = ticket.thread.get(turn);
        let (done, to_come) = actions.split_at(position.min(actions.len()));
        Self {
            ticket,
            thread,
            at: taken.or(ticket.thread.last()).map_or(ticket.created_at, |turn| turn.at),
            done,
            action: taken.and_then(|_| to_come.first()).map(AsRef::as_ref),
            to_come,
            expected_success: 0.0,
            turn,
            forgotten: false,
        }
    }

    /// From when on what happened in the ticket is known: its end; never while it is active, or if it is forgotten.
    #[must_use]
    pub fn known_from(&self) -> i64 {
        if self.forgotten || self.ticket.status.is_active() {
            return i64::MAX;
        }
        let last_turn = self.ticket.thread.last().map_or(self.ticket.created_at, |turn| turn.at);
        self.ticket.closed_at.unwrap_or(last_turn).max(last_turn)
    }

    /// How the ticket ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let ticket = self.ticket;
        Outcome {
            resolved: (!ticket.status.is_active()).then(|| ticket.status.is_resolved()),
            reopened: ticket.reopened_count.map(|count| count > 0),
            csat: ticket.csat_score,
            hours: ticket.resolution_hours,
            sla_breached: ticket.sla_breached,
        }
    }

    /// What was known to whoever asked for advice then.
    #[must_use]
    pub fn situation(&self) -> Situation {
        Situation {
            category: Some(self.ticket.category.to_string()),
            // The tables tell the last status alone.
            status: None,
            channel: Some(self.ticket.channel.to_string()),
            priority: Some(self.ticket.priority.to_string()),
            done: self.done.iter().map(|action| action.to_string()).collect(),
            expected_success: Some(self.expected_success),
            likely: Vec::new(),
            acceptance: BTreeMap::new(),
            desk_age_days: None,
        }
    }

    /// What was known of it but for what anybody wrote.
    fn circumstances(&self) -> Moment<'a> {
        let context = [
            ("category", Some(&*self.ticket.category)),
            ("subcategory", self.ticket.subcategory.as_deref()),
            ("channel", Some(&*self.ticket.channel)),
            ("priority", Some(&*self.ticket.priority)),
            ("language", Some(self.thread.language)),
        ];
        Moment {
            done: self.done.iter().map(AsRef::as_ref).collect(),
            context: context.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            customer_spoke_last: self.before().last().is_none_or(|turn| turn.author == Author::Customer),
            ..Moment::default()
        }
    }

    fn before(&self) -> &'a [Turn] {
        &self.ticket.thread[..self.turn.min(self.ticket.thread.len())]
    }

    fn as_similar(&self, similarity: f32) -> SimilarState {
        SimilarState {
            ticket_id: self.ticket.id.clone(),
            thread_id: self.thread.id.clone(),
            position: self.done.len(),
            similarity,
            action: self.action.unwrap_or(OTHER).to_owned(),
            last_action: self.done.last().map(ToString::to_string),
            category: Some(self.ticket.category.to_string()),
            outcome: self.outcome(),
            expected_success: Some(self.expected_success),
            message: self.ticket.thread.get(self.turn).map(|turn| turn.text.clone()).unwrap_or_default(),
        }
    }
}

impl<'a> History<'a> {
    /// How well tickets are expected to end follows from what was known before the instant `as_of`.
    #[must_use]
    pub fn of(sources: Sources<'a>, (as_of, seed): (i64, u64)) -> Self {
        let mut moments: Vec<PastMoment<'a>> = Vec::with_capacity(sources.states.len());
        let tickets = sources.desk.tickets.iter().zip(sources.threads).zip(sources.actions_of);
        for ((ticket, thread), actions) in tickets {
            moments.extend(step_places(ticket).map(|place| PastMoment::of(ticket, thread, actions, place)));
        }
        let mut history = Self { sources, moments, evidence: Vec::new(), held: None };
        history.find_evidence();
        history.expect_as_of(as_of, seed);
        history
    }

    /// Holds the vectors of all states in memory from now on: for who asks for [`History::similar`] of many.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = Some((0..self.moments.len()).flat_map(|at| self.sources.states.of(at).into_owned()).collect());
        self
    }

    /// From now on nothing is ever known of the tickets of a category, as if it had not been seen before.
    pub fn forget(&mut self, category: &str) {
        let is_forgotten = |past: &PastMoment<'_>| &*past.ticket.category == category;
        self.moments.iter_mut().for_each(|past| past.forgotten |= is_forgotten(past));
        self.find_evidence();
    }

    /// Sets what may be evidence, in the order in which it becomes known.
    fn find_evidence(&mut self) {
        let moments = &self.moments;
        let mut ended: Vec<usize> = (0..moments.len()).filter(|&at| moments[at].known_from() < i64::MAX).collect();
        ended.sort_by_key(|&at| (moments[at].known_from(), at));
        let mut seen = BTreeSet::new();
        ended.retain(|&at| seen.insert((&moments[at].thread.id, moments[at].done.len())));
        ended.retain(|&at| moments[at].action.is_some_and(|action| action != OTHER));
        self.evidence = ended;
    }

    /// Sets how well tickets are expected to end by the ends that were known before an instant. Of threads that are the
    /// same one counts, and none has a say in what is expected of another.
    pub fn expect_as_of(&mut self, instant: i64, seed: u64) {
        let moments = &self.moments;
        let mut ticket_of: BTreeMap<&str, &str> = BTreeMap::new();
        for past in moments.iter().filter(|past| past.known_from() < instant) {
            ticket_of.entry(&past.thread.id).or_insert(&past.ticket.id);
        }
        let mut seen = BTreeSet::new();
        let mut counts = |past: &PastMoment<'a>| {
            past.known_from() < instant && seen.insert((past.thread.id.as_str(), past.done.len()))
        };
        let ending = |past: &PastMoment<'a>| Ending {
            ticket: ticket_of.get(past.thread.id.as_str()).copied().unwrap_or(&past.ticket.id),
            success: past.outcome().success().filter(|_| counts(past)),
        };
        let endings: Vec<Ending<'_>> = moments.iter().map(ending).collect();
        let expected = expected_success(&endings, &|at| moments[at].circumstances(), seed);
        self.moments.iter_mut().zip(expected).for_each(|(past, expected)| past.expected_success = expected);
    }

    /// All moments, in the order of the desk.
    #[must_use]
    pub fn moments(&self) -> &[PastMoment<'a>] {
        &self.moments
    }

    /// What was known at a moment.
    #[must_use]
    pub fn moment(&self, at: usize) -> Moment<'a> {
        let past = &self.moments[at];
        let step = step_at(past.ticket, past.done.len(), past.turn);
        let kept = self.sources.kept;
        let written_by =
            |author| past.before().iter().filter(move |turn| turn.author == author).map(|turn| &*turn.text);
        Moment {
            turns: step.turns().map(|part| (part.text, kept.of(part.text))).collect(),
            said: written_by(Author::Customer).collect(),
            told: written_by(Author::Agent).collect(),
            subject: step.subject().map(|part| kept.of(part.text)),
            ..past.circumstances()
        }
    }

    /// The unit vector of the state at a moment.
    fn state(&self, at: usize) -> Cow<'_, [f32]> {
        match &self.held {
            Some(numbers) => {
                let dimension = numbers.len() / self.moments.len().max(1);
                Cow::Borrowed(&numbers[at * dimension..][..dimension])
            }
            None => self.sources.states.of(at),
        }
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
        let states = places.iter().map(|&place| (place, self.state(place)));
        self.similar_to_each(&[at], states, k).pop().unwrap_or_default()
    }

    /// [`History::similar`] of some moments, for each in turn; each of the others is read once.
    fn similar_to_each(
        &self,
        asked: &[usize],
        others: impl Iterator<Item = (usize, impl AsRef<[f32]>)>,
        k: usize,
    ) -> Vec<Vec<SimilarState>> {
        let states: Vec<f32> = asked.iter().flat_map(|&at| self.state(at).into_owned()).collect();
        let mut asked: Vec<(&Ticket, TopK)> = asked.iter().map(|&at| (self.moments[at].ticket, TopK::new(k))).collect();
        let mut scores = Vec::with_capacity(asked.len());
        for (place, other) in others {
            products_into(other.as_ref(), &states, &mut scores);
            for ((ticket, best), &score) in asked.iter_mut().zip(&scores) {
                if !std::ptr::eq(*ticket, self.moments[place].ticket) {
                    best.push(Scored { row: place as Row, score });
                }
            }
        }
        let similar = |hit: Scored| self.moments[hit.row as usize].as_similar(hit.score);
        asked.into_iter().map(|(_, best)| best.into_sorted().into_iter().map(similar).collect()).collect()
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
        // Of those before, the newest alone are learnt from.
        let first = held_out.saturating_sub(params.most);
        let kept: Vec<usize> = (first..places.len())
            .filter(|&at| at < held_out || (at - held_out).is_multiple_of(stride))
            .map(|at| places[at])
            .collect();
        let examples: Vec<Example<'_>> = kept
            .iter()
            .map(|&at| {
                let past = &self.moments[at];
                let action = past.action.unwrap_or(OTHER);
                let kind = catalogue.get(action).map_or(OTHER, |action| action.kind.as_str());
                let later = past.to_come.iter().skip(1).map(AsRef::as_ref).collect();
                Example { moment: self.moment(at), action, kind, later }
            })
            .collect();
        let compared: Vec<(usize, Cow<'_, [f32]>)> = places[held_out.saturating_sub(MOST_COMPARED)..held_out]
            .par_iter()
            .map(|&place| (place, self.state(place)))
            .collect();
        let asked = &kept[held_out - first..];
        let voted: Vec<Vec<Vote>> = asked
            .par_chunks(ASKED_AT_ONCE)
            .flat_map_iter(|asked| {
                let others = compared.iter().map(|(place, state)| (*place, state.as_ref()));
                let similar = self.similar_to_each(asked, others, recommend.states);
                let vote = |(&at, similar): (&usize, Vec<SimilarState>)| {
                    votes(&self.moments[at].situation(), &similar, &[], recommend)
                };
                asked.iter().zip(similar).map(vote).collect::<Vec<_>>()
            })
            .collect();
        drop(compared);
        let votes_of = |at: usize| voted[at - (held_out - first)].clone();
        let eligible_of =
            |at: usize, votes: Vec<Vote>| eligible(&votes, &self.moments[kept[at]].situation(), catalogue).0;
        learn(&examples, held_out - first, &votes_of, &eligible_of, params)
    }

    /// What was learnt of the steps of some tickets, in the order of the desk: for one that is still to come also what the
    /// ranker expects.
    #[must_use]
    pub fn lessons(&self, moments: Range<usize>, learned: &Learned) -> Vec<Lesson> {
        let lesson = |at: usize| {
            let past = &self.moments[at];
            let likely = if past.action.is_none() { learned.predict(&self.moment(at)) } else { Vec::new() };
            Lesson {
                expected_success: past.expected_success,
                likely: likely.into_iter().map(|vote| (vote.action, vote.probability)).collect(),
            }
        };
        moments.into_par_iter().map(lesson).collect()
    }
}
