//! How well the catalogue covers what agents wrote, and what it lacks: a desk's messages, embedded and held against it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::desk::discover::{self, DiscoverParams, Place, Proposal, Sentence};
use crate::desk::{AssignParams, Assigner, Catalogue, Desk, Likeness, OTHER};
use crate::embed::{Embedder, Vector};
use crate::error::{Error, Result};

/// How many examples and confusions a report shows.
const SHOWN: usize = 10;

/// What a catalogue makes of the messages of a desk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// Tickets of the desk.
    pub tickets: usize,
    /// Messages of agents that have words.
    pub messages: usize,
    /// Of those, messages whose action the tables give; a build takes it.
    pub given: usize,
    /// Messages that the examples assign to an action, given or not.
    pub assigned: usize,
    /// Messages that are like no example.
    pub other: usize,
    /// `assigned` of `messages`, 0 to 1.
    pub assigned_share: f64,
    /// `other` of `messages`, 0 to 1.
    pub other_share: f64,
    /// Every action, in the order of the catalogue.
    pub actions: Vec<ActionCount>,
    /// Assigned messages that are least like their action, the least first.
    pub least_certain: Vec<Example>,
    /// Messages without action that are most like one, the most first.
    pub nearest_misses: Vec<Example>,
    /// How right the assignment is, where the tables give actions.
    pub accuracy: Option<Accuracy>,
}

/// How often an action occurs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionCount {
    /// Its id.
    pub action: String,
    /// Messages that the examples assign to it.
    pub assigned: usize,
    /// `assigned` of all messages, 0 to 1.
    pub share: f64,
    /// Messages to which the tables give it.
    pub given: usize,
    /// Messages to which the tables give it and the examples assign it.
    pub right: usize,
}

/// A message and the action it is most like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The ticket.
    pub ticket_id: String,
    /// What the agent wrote, masked.
    pub message: String,
    /// The action it is most like.
    pub action: String,
    /// How much, -1 to 1.
    pub likeness: f32,
}

/// The assignment held against the actions of the tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accuracy {
    /// Messages whose action the tables give.
    pub labelled: usize,
    /// Share assigned to that action, 0 to 1.
    pub right: f64,
    /// Share left without action, 0 to 1.
    pub other: f64,
    /// Share assigned to another action, 0 to 1.
    pub wrong: f64,
    /// What is taken for what most often.
    pub confusions: Vec<Confusion>,
}

/// Messages of one action that are taken for another, or for none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confusion {
    /// The action of the tables.
    pub given: String,
    /// What the examples say; `OTHER` for none.
    pub assigned: String,
    /// How many messages.
    pub messages: usize,
    /// The first of them, masked.
    pub example: String,
}

/// New entries for a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiscoverReport {
    /// Messages of agents that have words.
    pub messages: usize,
    /// Of those, messages without action, or with one they are hardly like; those whose action the tables give are not.
    pub open: usize,
    /// Different sentences of all messages.
    pub sentences: usize,
    /// The entries, those said in most tickets first.
    pub proposals: Vec<Proposal>,
    /// The same as a catalogue file.
    pub toml: String,
}

/// A message of an agent.
struct Message<'a> {
    ticket: usize,
    text: &'a str,
    given: Option<&'a str>,
    category: &'a str,
}

/// Says for each message of the desk what the catalogue makes of it. Tells now and then how many of how many texts are
/// embedded.
///
/// # Errors
/// [`Error::Argument`] if no agent wrote anything; those of the embedder.
pub fn check(
    desk: &Desk,
    catalogue: &Catalogue,
    params: &AssignParams,
    embedder: &dyn Embedder,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<CheckReport> {
    let messages = messages(desk)?;
    let vectors = Vectors::of(catalogue, messages.iter().map(|message| message.text), embedder, on_progress)?;
    let assigner = vectors.assigner(catalogue, params);
    let nearest: Vec<Option<Likeness>> =
        messages.iter().map(|message| assigner.nearest(vectors.get(message.text), message.category)).collect();
    let assigned: Vec<Option<usize>> = nearest
        .iter()
        .map(|nearest| nearest.filter(|&nearest| assigner.is_assigned(nearest)).map(|nearest| nearest.action))
        .collect();

    let n_assigned = assigned.iter().flatten().count();
    let share = |count: usize| count as f64 / messages.len() as f64;
    let is_right = |at: usize, action: usize| messages[at].given == Some(catalogue.actions[action].id.as_str());
    let actions = catalogue.actions.iter().enumerate().map(|(action, entry)| {
        let of_it: Vec<usize> = (0..messages.len()).filter(|&at| assigned[at] == Some(action)).collect();
        ActionCount {
            action: entry.id.clone(),
            assigned: of_it.len(),
            share: share(of_it.len()),
            given: messages.iter().filter(|message| message.given == Some(entry.id.as_str())).count(),
            right: of_it.into_iter().filter(|&at| is_right(at, action)).count(),
        }
    });

    let example = |(at, nearest): &(usize, Likeness)| Example {
        ticket_id: desk.tickets[messages[*at].ticket].id.clone(),
        message: messages[*at].text.to_owned(),
        action: catalogue.actions[nearest.action].id.clone(),
        likeness: nearest.likeness,
    };
    let ranked = |is_assigned: bool| {
        let mut ranked: Vec<(usize, Likeness)> =
            nearest.iter().enumerate().filter_map(|(at, nearest)| nearest.map(|nearest| (at, nearest))).collect();
        ranked.retain(|(at, _)| assigned[*at].is_some() == is_assigned);
        ranked.sort_by(|a, b| a.1.likeness.total_cmp(&b.1.likeness).then(a.0.cmp(&b.0)));
        ranked
    };
    let least_certain = ranked(true).iter().take(SHOWN).map(example).collect();
    let nearest_misses = ranked(false).iter().rev().take(SHOWN).map(example).collect();
    Ok(CheckReport {
        tickets: desk.tickets.len(),
        messages: messages.len(),
        given: messages.iter().filter(|message| message.given.is_some()).count(),
        assigned: n_assigned,
        other: messages.len() - n_assigned,
        assigned_share: share(n_assigned),
        other_share: share(messages.len() - n_assigned),
        actions: actions.collect(),
        least_certain,
        nearest_misses,
        accuracy: accuracy(&messages, &assigned, catalogue),
    })
}

fn accuracy(messages: &[Message<'_>], assigned: &[Option<usize>], catalogue: &Catalogue) -> Option<Accuracy> {
    let (mut right, mut other, mut labelled) = (0, 0, 0);
    let mut confused: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (message, action) in messages.iter().zip(assigned) {
        let Some(given) = message.given else { continue };
        let action = action.map_or(OTHER, |action| &catalogue.actions[action].id);
        labelled += 1;
        right += usize::from(action == given);
        other += usize::from(action == OTHER && given != OTHER);
        if action != given {
            confused.entry((given, action)).or_default().push(message.text);
        }
    }
    if labelled == 0 {
        return None;
    }
    let mut confusions: Vec<((&str, &str), Vec<&str>)> = confused.into_iter().collect();
    confusions.sort_by_key(|(pair, texts)| (Reverse(texts.len()), *pair));
    confusions.truncate(SHOWN);
    let share = |count: usize| count as f64 / labelled as f64;
    let confusion = |((given, assigned), texts): ((&str, &str), Vec<&str>)| Confusion {
        given: given.to_owned(),
        assigned: assigned.to_owned(),
        messages: texts.len(),
        example: texts[0].to_owned(),
    };
    Some(Accuracy {
        labelled,
        right: share(right),
        other: share(other),
        wrong: share(labelled - right - other),
        confusions: confusions.into_iter().map(confusion).collect(),
    })
}

/// Proposes entries for what agents say and no action covers. Tells now and then how many of how many texts are embedded.
///
/// # Errors
/// [`Error::Argument`] if no agent wrote anything; those of the embedder.
pub fn discover(
    desk: &Desk,
    catalogue: &Catalogue,
    (assign, params): (&AssignParams, &DiscoverParams),
    embedder: &dyn Embedder,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<DiscoverReport> {
    let messages = messages(desk)?;
    let texts = messages.iter().flat_map(|message| discover::sentences(message.text).chain([message.text]));
    let vectors = Vectors::of(catalogue, texts, embedder, on_progress)?;
    let assigner = vectors.assigner(catalogue, assign);
    let limit = assign.threshold + params.unsure;
    let mut places: BTreeMap<&str, Vec<Place<'_>>> = BTreeMap::new();
    let mut open = 0;
    for message in &messages {
        let nearest = assigner.nearest(vectors.get(message.text), message.category);
        let is_open = message.given.is_none() && nearest.is_none_or(|nearest| nearest.likeness < limit);
        open += usize::from(is_open);
        for sentence in discover::sentences(message.text) {
            let place = Place { ticket: message.ticket, category: message.category, is_open };
            places.entry(sentence).or_default().push(place);
        }
    }
    let sentences: Vec<Sentence<'_>> = places
        .into_iter()
        .map(|(text, places)| Sentence { text, vector: assigner.seen(vectors.get(text)), places })
        .collect();
    let clusters = discover::clusters(&sentences, &assigner, params);
    let proposals = discover::propose(&sentences, &clusters, &assigner, catalogue);
    let toml = discover::to_toml(&proposals);
    Ok(DiscoverReport { messages: messages.len(), open, sentences: sentences.len(), proposals, toml })
}

fn messages(desk: &Desk) -> Result<Vec<Message<'_>>> {
    let mut messages = Vec::new();
    for (ticket, it) in desk.tickets.iter().enumerate() {
        for turn in it.agent_turns().filter(|turn| !turn.text.trim().is_empty()) {
            messages.push(Message { ticket, text: &turn.text, given: turn.action.as_deref(), category: &it.category });
        }
    }
    if messages.is_empty() {
        return Err(Error::argument("--data", "no agent wrote anything in these tickets"));
    }
    Ok(messages)
}

/// The vectors of the catalogue's examples and of other texts.
struct Vectors<'a> {
    by_text: BTreeMap<&'a str, Vector>,
}

impl<'a> Vectors<'a> {
    fn of(
        catalogue: &'a Catalogue,
        texts: impl Iterator<Item = &'a str>,
        embedder: &dyn Embedder,
        on_progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self> {
        let distinct: BTreeSet<&str> = texts.chain(catalogue.examples()).collect();
        let distinct: Vec<&str> = distinct.into_iter().collect();
        let vectors = embedder.embed_with_progress(&distinct, &mut |done| on_progress(done, distinct.len()))?;
        Ok(Self { by_text: distinct.into_iter().zip(vectors).collect() })
    }

    fn get(&self, text: &str) -> &Vector {
        &self.by_text[text]
    }

    fn assigner<'c>(&self, catalogue: &'c Catalogue, params: &AssignParams) -> Assigner<'c> {
        let examples: Vec<&Vector> = catalogue.examples().into_iter().map(|text| self.get(text)).collect();
        Assigner::new(catalogue, &examples, params)
    }
}
