//! A desk with the vectors of its texts and the actions of its messages, and the rows that follow from them. Holds no vector,
//! no step and no row: each is made when it is asked for, some tickets at a time.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use rayon::prelude::*;

use super::{ActionCounts, Progress};
use crate::desk::{
    self, AssignParams, Assigner, Catalogue, Desk, Name, OTHER, Step, Thread, Ticket, Turn, step_places, steps,
};
use crate::embed::{Blends, Embedder, KeptVectors, VectorCache};
use crate::error::Result;
use crate::history::{History, Sources};
use crate::recommend::Learned;

/// So many tickets make a batch of rows: some megabytes.
const TICKETS_PER_BATCH: usize = 1_024;

/// A desk with the vectors of its texts and the actions of its messages: what a build indexes and a replay walks.
pub struct Past {
    /// The tickets.
    pub desk: Desk,
    pub(super) actions: ActionCounts,
    pub(super) kept: Arc<KeptVectors>,
    threads: Vec<Thread>,
    actions_of: Vec<Vec<Name>>,
    states: Blends,
}

impl Past {
    /// Embeds what a desk's people wrote, from the cache where it can, and assigns an action to each agent message.
    ///
    /// # Errors
    /// Model and I/O errors, and those of `progress`, which hears how far it is.
    pub fn embed(
        desk: Desk,
        catalogue: &Catalogue,
        assign: &AssignParams,
        embedder: &dyn Embedder,
        cache: &VectorCache,
        progress: &mut dyn FnMut(Progress) -> Result<()>,
    ) -> Result<Self> {
        let texts = |each: &mut dyn FnMut(&[Cow<'_, str>]) -> Result<()>| visit_texts(&desk, catalogue, each);
        let mut on_progress = |so_far| progress(Progress::Embedded(so_far));
        let kept = Arc::new(cache.embed(embedder, &texts, &mut on_progress)?);
        let (actions_of, actions) = assign_actions(&desk, catalogue, &kept, assign);
        let states = Blends::of_each(&kept, &desk.tickets, |states, ticket| {
            let parts = |step: &Step<'_>| states.push(step.state_parts.iter().map(|part| (part.text, part.weight)));
            steps(ticket).iter().try_for_each(parts)
        })?;
        let threads = desk.tickets.par_iter().map(Thread::of).collect();
        Ok(Self { desk, actions, kept, threads, actions_of, states })
    }

    /// Its moments; how well tickets are expected to end follows from what was known before the instant `as_of`.
    #[must_use]
    pub fn history(&self, as_of: i64, seed: u64) -> History<'_> {
        let Self { desk, kept, threads, actions_of, states, .. } = self;
        History::of(Sources { desk, threads, actions_of, kept, states }, (as_of, seed))
    }

    /// The vector by which each ticket is found.
    pub(super) fn ticket_vectors(&self) -> Result<Blends> {
        Blends::of_each(&self.kept, &self.desk.tickets, |vectors, ticket| {
            let problem = desk::problem_text(ticket);
            let parts = desk::ticket_parts(ticket, &problem);
            vectors.push(parts.iter().map(|part| (part.text, part.weight)))
        })
    }

    /// The vector of each step's state.
    pub(super) const fn states(&self) -> &Blends {
        &self.states
    }

    /// The rows of tickets, batch by batch.
    pub(super) fn ticket_rows(&self, catalogue: &Catalogue) -> impl Iterator<Item = Result<RecordBatch>> {
        let Desk { tickets, agents, .. } = &self.desk;
        in_batches(tickets.len(), move |range| {
            let threads = &self.threads[range.clone()];
            desk::ticket_rows(&tickets[range.clone()], agents, catalogue, threads, &self.actions_of[range])
        })
    }

    /// The rows of steps with what was learnt of each, batch by batch.
    pub(super) fn step_rows(
        &self,
        history: &History<'_>,
        learned: &Learned,
    ) -> impl Iterator<Item = Result<RecordBatch>> {
        let tickets = &self.desk.tickets;
        let mut ends: Vec<usize> = vec![0];
        for batch in tickets.chunks(TICKETS_PER_BATCH) {
            ends.push(ends[ends.len() - 1] + batch.iter().map(|ticket| step_places(ticket).count()).sum::<usize>());
        }
        in_batches(tickets.len(), move |range| {
            let batch = range.start / TICKETS_PER_BATCH;
            let moments = ends[batch]..ends.get(batch + 1).copied().unwrap_or(0);
            let threads = &self.threads[range.clone()];
            let rows = desk::step_rows(&tickets[range.clone()], threads, &self.actions_of[range])?;
            desk::add_lessons(rows, &history.lessons(moments, learned))
        })
    }
}

/// What `make` makes of some tickets at a time, in their order; a few batches at once, one a thread. Of no tickets one batch.
fn in_batches(
    n_tickets: usize,
    make: impl Fn(Range<usize>) -> Result<RecordBatch> + Sync,
) -> impl Iterator<Item = Result<RecordBatch>> {
    let at_once = TICKETS_PER_BATCH * rayon::current_num_threads();
    (0..n_tickets.max(1)).step_by(at_once).flat_map(move |start| {
        let starts = (start..(start + at_once).min(n_tickets.max(1))).into_par_iter().step_by(TICKETS_PER_BATCH);
        let batches = starts.map(|start| make(start..(start + TICKETS_PER_BATCH).min(n_tickets)));
        batches.collect::<Vec<Result<RecordBatch>>>()
    })
}

/// Tells every text that a build embeds, some of them more than once.
fn visit_texts(desk: &Desk, catalogue: &Catalogue, each: &mut dyn FnMut(&[Cow<'_, str>]) -> Result<()>) -> Result<()> {
    each(&catalogue.examples().into_iter().map(Cow::Borrowed).collect::<Vec<_>>())?;
    for tickets in desk.tickets.chunks(TICKETS_PER_BATCH * rayon::current_num_threads()) {
        each(&tickets.par_iter().flat_map_iter(texts_of).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// The texts of a ticket that a build embeds. Most turns are part of several states, and told once.
fn texts_of(ticket: &Ticket) -> Vec<Cow<'_, str>> {
    let problem = desk::problem_text(ticket);
    let steps = steps(ticket);
    let of_states = steps.iter().flat_map(|step| &step.state_parts).map(|part| part.text);
    let unlabelled = ticket.agent_turns().filter(|turn| turn.action.is_none() && !turn.text.trim().is_empty());
    let mut told = HashSet::new();
    let turns = desk::later_turns(ticket).chain(unlabelled).map(|turn| turn.text.as_str()).chain(of_states);
    let mut texts: Vec<Cow<'_, str>> = turns.filter(|text| told.insert(text.as_ptr())).map(Cow::Borrowed).collect();
    texts.push(Cow::Owned(problem));
    texts
}

/// For each ticket, the action of each agent turn: as given, else by the nearest examples, else [`OTHER`].
fn assign_actions(
    desk: &Desk,
    catalogue: &Catalogue,
    kept: &KeptVectors,
    params: &AssignParams,
) -> (Vec<Vec<Name>>, ActionCounts) {
    let examples: Vec<&[f32]> = catalogue.examples().into_iter().map(|text| kept.of(text)).collect();
    let assigner = Assigner::new(catalogue, &examples, params);
    // An action is written down once, and not at each of millions of turns.
    let ids: Vec<Name> = catalogue.actions.iter().map(|action| Name::from(action.id.as_str())).collect();
    let other = Name::from(OTHER);
    // A message with an action of its own has no vector: see `visit_texts`.
    let is_assigned = |turn: &&Turn| turn.action.is_none() && !turn.text.trim().is_empty();
    let of_tickets = |tickets: &[Ticket]| {
        let unlabelled = tickets.iter().flat_map(|ticket| ticket.agent_turns().map(move |turn| (ticket, turn)));
        let messages: Vec<(&[f32], &str)> = unlabelled
            .filter(|(_, turn)| is_assigned(turn))
            .map(|(ticket, turn)| (kept.of(&turn.text), &*ticket.category))
            .collect();
        let mut assigned = assigner.assign_all(&messages).into_iter();
        let mut counts = ActionCounts::default();
        let mut action = |turn: &Turn| {
            if let Some(given) = &turn.action {
                counts.given += 1;
                return Name::clone(given);
            }
            let action = is_assigned(&turn).then(|| assigned.next()).flatten().flatten();
            *(if action.is_some() { &mut counts.assigned } else { &mut counts.other }) += 1;
            Name::clone(action.map_or(&other, |action| &ids[action]))
        };
        let actions: Vec<Vec<Name>> =
            tickets.iter().map(|ticket| ticket.agent_turns().map(&mut action).collect()).collect();
        (actions, counts)
    };
    let parts: Vec<(Vec<Vec<Name>>, ActionCounts)> =
        desk.tickets.par_chunks(TICKETS_PER_BATCH).map(of_tickets).collect();
    let counts = parts.iter().fold(ActionCounts::default(), |sum, (_, counts)| sum + *counts);
    (parts.into_iter().flat_map(|(actions, _)| actions).collect(), counts)
}
