//! What an action is predicted from: a moment of a conversation as numbers. Pure; knows no classifier.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How many of the last turns are looked at.
pub const TURNS: usize = 3;
/// The vectors of turns are as long as this, so that the learning rate suits them as well as the yes-or-no features.
const VECTOR_LENGTHS: [f32; TURNS] = [8.0, 8.0, 5.6];
/// Likewise the vector of the subject.
const SUBJECT_LENGTH: f32 = 8.0;
/// The value of a word that occurs in a turn. Words are many, so each says less than, say, the last action.
const WORD: f32 = 0.5;
/// Where in a conversation a word of the customer's is, if anywhere.
const SAID: &str = "said";
/// A feature counts once it occurs in so many moments.
const FEWEST_MOMENTS: usize = 2;
/// Threads with more actions than this look alike.
const MOST_ACTIONS_COUNTED: usize = 12;

/// What is known at a moment of a conversation, before the agent acts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment<'a> {
    /// The last turns that have words, newest first, at most [`TURNS`]: the text and its unit vector.
    pub turns: Vec<(&'a str, &'a [f32])>,
    /// All that the customer wrote so far, in any order.
    pub said: Vec<&'a str>,
    /// The unit vector of the subject, where there is one.
    pub subject: Option<&'a [f32]>,
    /// The actions done so far in the thread, oldest first.
    pub done: Vec<&'a str>,
    /// What is known of the ticket from the start: (name, value), such as (`category`, `FINANCIAL`).
    pub context: Vec<(&'static str, &'a str)>,
    /// Whether the agent is to answer rather than to go on.
    pub customer_spoke_last: bool,
}

impl Moment<'_> {
    /// The circumstances by name: what was done, how far the thread is, what is known of the ticket.
    ///
    /// Each value of the context comes alone and together with the last action.
    pub(super) fn circumstances(&self) -> Vec<String> {
        let last = self.done.last().copied().unwrap_or_default();
        let from = |count: usize| self.done[self.done.len().saturating_sub(count)..].join(">");
        let mut names = vec![
            format!("last={last}"),
            format!("last2={}", from(2)),
            format!("last3={}", from(3)),
            format!("actions={}", self.done.len().min(MOST_ACTIONS_COUNTED)),
            format!("customer={}", self.customer_spoke_last),
        ];
        names.extend(self.done.iter().map(|action| format!("done={action}")));
        for (name, value) in &self.context {
            names.push(format!("{name}={value}"));
            names.push(format!("{name}={value}&last={last}"));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The kind of ticket: its category, empty where unknown.
    pub(super) fn kind(&self) -> &str {
        self.context.iter().find(|(name, _)| *name == "category").map_or("", |(_, value)| *value)
    }

    /// The words of the last turns by name, each turn's apart, and those of all that the customer wrote.
    fn words(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut note = |place: &str, text: &str| {
            let lower = text.to_lowercase();
            let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            names.extend(words.map(|word| format!("{place}={word}")));
            if place != SAID && lower.contains('?') {
                names.push(format!("{place}=?"));
            }
        };
        for (at, (text, _)) in self.turns.iter().enumerate().take(TURNS) {
            note(&format!("word{at}"), text);
        }
        self.said.iter().for_each(|text| note(SAID, text));
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Which features there are, and where each stands in a row of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Encoder {
    /// The mean vector of the texts it was made from: what all have in common tells nothing.
    mean: Vec<f32>,
    /// Vectors in a row: those of the turns, and of the subject where there are subjects.
    vectors: usize,
    /// Words and circumstances by name.
    names: BTreeMap<String, u32>,
}

/// A moment as numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Encoded {
    /// The centred vectors of the turns and the subject, one after the other.
    pub(super) dense: Vec<f32>,
    /// The other features that are not 0, by place.
    pub(super) sparse: Vec<(u32, f32)>,
}

impl Encoder {
    /// Notes the features of some moments.
    pub(super) fn of(moments: &[&Moment<'_>]) -> Self {
        let vectors =
            || moments.iter().flat_map(|it| it.turns.iter().take(TURNS).map(|(_, vector)| *vector).chain(it.subject));
        let has_subjects = moments.iter().any(|moment| moment.subject.is_some());
        let mut mean = vec![0.0; vectors().next().map_or(0, <[f32]>::len)];
        for vector in vectors() {
            mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        }
        let count = vectors().count().max(1) as f32;
        mean.iter_mut().for_each(|sum| *sum /= count);

        let count = |mut counts: BTreeMap<String, u32>, moment: &&Moment<'_>| {
            for name in moment.circumstances().into_iter().chain(moment.words()) {
                *counts.entry(name).or_default() += 1;
            }
            counts
        };
        let add = |mut counts: BTreeMap<String, u32>, more: BTreeMap<String, u32>| {
            more.into_iter().for_each(|(name, more)| *counts.entry(name).or_default() += more);
            counts
        };
        let mut counts = moments.par_iter().fold(BTreeMap::new, count).reduce(BTreeMap::new, add);
        counts.retain(|_, count| *count as usize >= FEWEST_MOMENTS);
        counts.values_mut().zip(0..).for_each(|(place, number)| *place = number);
        Self { mean, vectors: TURNS + usize::from(has_subjects), names: counts }
    }

    /// How many dense numbers and how many other features a row has.
    pub(super) fn width(&self) -> (usize, usize) {
        (self.vectors * self.mean.len(), self.names.len())
    }

    /// How long each of the vectors in a row is.
    pub(super) fn vector_length(&self) -> usize {
        self.mean.len()
    }

    /// A moment as numbers; features that were never noted are left out.
    pub(super) fn encode(&self, moment: &Moment<'_>) -> Encoded {
        let mut dense = vec![0.0; self.vectors * self.mean.len()];
        let mut put = |place: usize, vector: &[f32], length: f32| {
            let from = place * self.mean.len();
            for ((number, value), mean) in dense.iter_mut().skip(from).zip(vector).zip(&self.mean) {
                *number = (value - mean) * length;
            }
        };
        for (place, ((_, vector), length)) in moment.turns.iter().zip(VECTOR_LENGTHS).enumerate() {
            put(place, vector, length);
        }
        if let Some(subject) = moment.subject.filter(|_| self.vectors > TURNS) {
            put(TURNS, subject, SUBJECT_LENGTH);
        }
        let known = |names: Vec<String>, value: f32| {
            names.into_iter().filter_map(move |name| Some((*self.names.get(&name)?, value)))
        };
        let sparse = known(moment.circumstances(), 1.0).chain(known(moment.words(), WORD)).collect();
        Encoded { dense, sparse }
    }
}
