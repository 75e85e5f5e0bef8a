//! What an action is predicted from: a moment of a conversation as numbers. Pure; knows no classifier.

use std::collections::{BTreeMap, HashMap};

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
/// Where a word is: in one of the last turns, newest first.
const PLACES: [&str; TURNS] = ["word0", "word1", "word2"];
/// Where in a conversation a word of the customer's is, if anywhere; and one of the agent's.
const SAID: &str = "said";
const TOLD: &str = "told";
/// A feature counts once it occurs in so many moments,
const FEWEST_MOMENTS: usize = 2;
/// and in one of so many: rarer words are numbers and typos, which cost time and tell nothing (see `benches/README.md`).
const MOMENTS_PER_FEATURE: usize = 2_000;
/// Threads with more actions than this look alike.
const MOST_ACTIONS_COUNTED: usize = 12;

/// What is known at a moment of a conversation, before the agent acts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment<'a> {
    /// The last turns that have words, newest first, at most [`TURNS`]: the text and its unit vector.
    pub turns: Vec<(&'a str, &'a [f32])>,
    /// All that the customer wrote so far, in any order.
    pub said: Vec<&'a str>,
    /// All that agents wrote so far, in any order.
    pub told: Vec<&'a str>,
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

    /// Tells the words of the last turns by name, each turn's apart, and those of all that the customer wrote, alone and
    /// together with the kind of ticket, and of all that agents wrote; some more than once.
    fn each_word(&self, each: &mut dyn FnMut(&str)) {
        let mut name = String::new();
        let kind = self.kind();
        let mut note = |place: &str, text: &str| {
            let lower = text.to_lowercase();
            let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            let asks = (place != SAID && lower.contains('?')).then_some("?");
            for word in words.chain(asks) {
                name.clear();
                name.extend([place, "=", word]);
                each(&name);
                if place == SAID && !kind.is_empty() {
                    name.extend(["&category=", kind]);
                    each(&name);
                }
            }
        };
        for ((text, _), place) in self.turns.iter().zip(PLACES) {
            note(place, text);
        }
        self.said.iter().for_each(|text| note(SAID, text));
        self.told.iter().for_each(|text| note(TOLD, text));
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

        // By name in how many moments it occurs, and the last of them.
        type Counts = HashMap<String, (u32, usize)>;
        let count = |mut counts: Counts, (at, moment): (usize, &&Moment<'_>)| {
            let mut note = |name: &str| match counts.get_mut(name) {
                Some((count, last)) => {
                    *count += u32::from(*last != at);
                    *last = at;
                }
                None => drop(counts.insert(name.to_owned(), (1, at))),
            };
            moment.circumstances().iter().for_each(|name| note(name));
            moment.each_word(&mut note);
            counts
        };
        let add = |mut counts: Counts, more: Counts| {
            more.into_iter().for_each(|(name, (more, _))| counts.entry(name).or_default().0 += more);
            counts
        };
        let counts = moments.par_iter().enumerate().fold(Counts::new, count).reduce(Counts::new, add);
        let fewest = FEWEST_MOMENTS.max(moments.len() / MOMENTS_PER_FEATURE);
        let frequent = counts.into_iter().filter(|(_, (count, _))| *count as usize >= fewest);
        let mut names: BTreeMap<String, u32> = frequent.map(|(name, _)| (name, 0)).collect();
        names.values_mut().zip(0..).for_each(|(place, number)| *place = number);
        Self { mean, vectors: TURNS + usize::from(has_subjects), names }
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
        self.encode_by(moment, |name| self.names.get(name).copied())
    }

    /// Each of many moments as numbers.
    pub(super) fn encode_each(&self, moments: &[&Moment<'_>]) -> Vec<Encoded> {
        let places: HashMap<&str, u32> = self.names.iter().map(|(name, &place)| (name.as_str(), place)).collect();
        moments.par_iter().map(|moment| self.encode_by(moment, |name| places.get(name).copied())).collect()
    }

    fn encode_by(&self, moment: &Moment<'_>, place_of: impl Fn(&str) -> Option<u32>) -> Encoded {
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
        let each_once = |mut places: Vec<u32>, value: f32| {
            places.sort_unstable();
            places.dedup();
            places.into_iter().map(move |place| (place, value))
        };
        let circumstances = moment.circumstances().iter().filter_map(|name| place_of(name)).collect();
        let mut words = Vec::new();
        moment.each_word(&mut |name| words.extend(place_of(name)));
        let sparse = each_once(circumstances, 1.0).chain(each_once(words, WORD)).collect();
        Encoded { dense, sparse }
    }
}
