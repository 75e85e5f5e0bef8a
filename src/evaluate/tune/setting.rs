//! What is tuned: the parameters, the values that are tried, and in which order.

use std::fmt;

use serde::Serialize;

use crate::index::{Fusion, FusionParams};
use crate::keyword::Boosts;
use crate::rebuild::BoostParams;

/// How words are scored, as far as it is tuned. Two settings with the same words find the same candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Words {
    /// See [`crate::KeywordParams::k1`].
    pub k1: f32,
    /// See [`crate::KeywordParams::b`].
    pub b: f32,
    /// What the columns weigh.
    pub boosts: BoostParams,
}

/// One way to find similar tickets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// How the legs become one.
    pub fusion: FusionParams,
    /// How words are scored.
    pub words: Words,
}

/// The value of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// A number.
    Number(f32),
    /// A formula of fusion.
    Method(Fusion),
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Method(Fusion::Convex) => f.write_str("convex"),
            Self::Method(Fusion::Rrf) => f.write_str("rrf"),
        }
    }
}

/// What can be tuned where.
pub(super) struct Room<'a> {
    /// Whether words are searched for in a column.
    pub(super) has: &'a dyn Fn(&str) -> bool,
    /// Whether questions are what people type. Whole tickets ask for no code: they cannot tell what codes need, and
    /// must not spoil it.
    pub(super) asks_codes: bool,
}

/// What is changed together in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coordinate {
    /// Formula, its damping, and the weight of words: another formula needs other weights.
    Fusion,
    Exact,
    K1,
    B,
    Subject,
    Tags,
    Thread,
}

impl Coordinate {
    /// What decides most comes first.
    pub(super) const ALL: [Self; 7] =
        [Self::Fusion, Self::Exact, Self::B, Self::K1, Self::Subject, Self::Tags, Self::Thread];

    /// The settings that differ from one in this alone.
    pub(super) fn others(self, at: &Setting, room: &Room<'_>) -> Vec<Setting> {
        let has = room.has;
        let with_words = |change: &dyn Fn(&mut Words, f32), values: &[f32]| -> Vec<Setting> {
            let changed = values.iter().map(|&value| {
                let mut words = at.words;
                change(&mut words, value);
                Setting { words, ..*at }
            });
            changed.collect()
        };
        let mut others = match self {
            Self::Fusion => fusions(at),
            Self::Exact if room.asks_codes => {
                let changed = EXACT_WEIGHTS.map(|weight| FusionParams { exact_weight: weight * unit(at), ..at.fusion });
                changed.map(|fusion| Setting { fusion, ..*at }).to_vec()
            }
            Self::K1 => with_words(&|words, value| words.k1 = value, &K1),
            Self::B => with_words(&|words, value| words.b = value, &B),
            Self::Subject if has(SUBJECT) => with_words(&|words, value| words.boosts.subject_boost = value, &BOOSTS),
            Self::Tags if has(TAGS) => with_words(&|words, value| words.boosts.tags_boost = value, &BOOSTS),
            Self::Thread if has(THREAD) => with_words(&|words, value| words.boosts.thread_boost = value, &BOOSTS),
            Self::Exact | Self::Subject | Self::Tags | Self::Thread => Vec::new(),
        };
        others.retain(|other| other != at);
        others
    }
}

const SUBJECT: &str = "subject";
const TAGS: &str = "tags";
const THREAD: &str = "thread";

/// Beside a dense leg of weight 1.
const KEYWORD_WEIGHTS: [f32; 9] = [0.0, 0.1, 0.2, 0.42, 0.7, 1.2, 2.0, 4.0, 10.0];
const EXACT_WEIGHTS: [f32; 5] = [0.0, 0.25, 0.5, 1.0, 2.0];
const DAMPINGS: [f32; 2] = [10.0, 60.0];
const K1: [f32; 7] = [0.3, 0.6, 0.9, 1.2, 1.6, 2.2, 3.0];
const B: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
const BOOSTS: [f32; 6] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0];

/// The weight of the dense leg, which only says what the others are measured by.
fn unit(at: &Setting) -> f32 {
    if at.fusion.dense_weight > 0.0 { at.fusion.dense_weight } else { 1.0 }
}

fn fusions(at: &Setting) -> Vec<Setting> {
    // Its damping is of no account to the other formula.
    let formulas = [(Fusion::Convex, at.fusion.k)].into_iter().chain(DAMPINGS.map(|k| (Fusion::Rrf, k)));
    let mut settings = Vec::new();
    for (method, k) in formulas {
        for weight in KEYWORD_WEIGHTS {
            let keyword_weight = weight * unit(at);
            // Without any leg there is no search.
            if keyword_weight + at.fusion.dense_weight > 0.0 {
                settings.push(Setting { fusion: FusionParams { method, k, keyword_weight, ..at.fusion }, ..*at });
            }
        }
    }
    settings
}

/// Every parameter: its key, and whether it counts only in an index that is built anew.
const KEYS: [(&str, bool); 9] = [
    ("fusion.method", false),
    ("fusion.k", false),
    ("fusion.keyword_weight", false),
    ("fusion.exact_weight", false),
    ("keyword.k1", false),
    ("keyword.b", false),
    ("build.keyword.subject_boost", true),
    ("build.keyword.tags_boost", true),
    ("build.keyword.thread_boost", true),
];

/// By which settings are kept apart, and those that score words alike.
pub(super) type SettingKey = [u32; KEYS.len()];
pub(super) type WordsKey = [u32; 5];

impl Setting {
    fn values(&self) -> [SettingValue; KEYS.len()] {
        let Self { fusion, words } = self;
        [
            SettingValue::Method(fusion.method),
            SettingValue::Number(fusion.k),
            SettingValue::Number(fusion.keyword_weight),
            SettingValue::Number(fusion.exact_weight),
            SettingValue::Number(words.k1),
            SettingValue::Number(words.b),
            SettingValue::Number(words.boosts.subject_boost),
            SettingValue::Number(words.boosts.tags_boost),
            SettingValue::Number(words.boosts.thread_boost),
        ]
    }

    /// The parameter of a key that [`differences`] names.
    pub(super) fn value(&self, key: &str) -> SettingValue {
        let at = KEYS.iter().position(|(known, _)| *known == key).unwrap_or_default();
        self.values()[at]
    }

    pub(super) fn key(&self) -> SettingKey {
        self.values().map(|value| match value {
            SettingValue::Number(number) => number.to_bits(),
            SettingValue::Method(method) => u32::from(method == Fusion::Rrf),
        })
    }
}

impl Words {
    pub(super) fn key(&self) -> WordsKey {
        let BoostParams { subject_boost, tags_boost, thread_boost } = self.boosts;
        [self.k1, self.b, subject_boost, tags_boost, thread_boost].map(f32::to_bits)
    }

    /// The boosts of the columns that an index has.
    pub(super) fn boosts(&self, has: &dyn Fn(&str) -> bool) -> Boosts {
        let BoostParams { subject_boost, tags_boost, thread_boost } = self.boosts;
        let all = [(SUBJECT, subject_boost), (TAGS, tags_boost), (THREAD, thread_boost)];
        all.into_iter().filter(|(name, _)| has(name)).map(|(name, boost)| (name.to_owned(), boost)).collect()
    }
}

/// Key, values and whether a build is needed, of each parameter that two settings do not share; but not of a damping that
/// the second has no use for.
pub(super) fn differences(from: &Setting, to: &Setting) -> Vec<(&'static str, SettingValue, SettingValue, bool)> {
    let values = from.values().into_iter().zip(to.values());
    let all = KEYS.into_iter().zip(values).map(|((key, needs_build), (from, to))| (key, from, to, needs_build));
    let has_use = |key: &str| key != "fusion.k" || to.fusion.method == Fusion::Rrf;
    all.filter(|(key, old, new, _)| old != new && has_use(key)).collect()
}
