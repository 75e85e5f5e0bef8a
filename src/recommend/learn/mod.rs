//! What a desk's own history teaches: which action comes next in which circumstances, how far to trust that, and how well
//! tickets of a kind end anyway.
//!
//! ```text
//! moments, oldest first ──► train ───► ranker ─┐
//!                      └──► held out ─► votes ─┴─► share of each ─► calibration ─► ranker again, on all moments
//! ```

mod calibrate;
mod difficulty;
mod features;
mod habits;
mod kinds;
mod likeness;
mod logistic;
mod ranker;
#[cfg(test)]
mod tests;
mod trees;

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use calibrate::Calibration;
pub use difficulty::{Ending, expected_success};
pub use features::{Moment, TURNS};

use super::Trust;
use super::votes::Vote;
use crate::error::{Error, Result};
use ranker::{Cases, First, Lessons, Ranker, RankerHeader};

/// How a build learns from the desk's history. Part of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearnParams {
    /// Fewer moments than this teach nothing: similar moments alone then vote.
    pub fewest: usize,
    /// Only the newest so many moments are learnt from.
    pub most: usize,
    /// How strongly weights are held near 0 (L2). Above 0.
    pub strength: f32,
    /// The share of the moments, the newest, on which shares and confidence are set. Between 0 and 1.
    pub held_out: f64,
    /// The same moments and seed give the same ranker.
    pub seed: u64,
}

impl Default for LearnParams {
    fn default() -> Self {
        Self { fewest: 60, most: 30_000, strength: 0.7, held_out: 0.2, seed: 42 }
    }
}

/// A moment and what the agent did then.
#[derive(Debug, Clone, PartialEq)]
pub struct Example<'a> {
    /// What was known.
    pub moment: Moment<'a>,
    /// What was done.
    pub action: &'a str,
    /// Of which kind that is; the same for all where kinds are not known.
    pub kind: &'a str,
    /// What else was done later in the same conversation, in any order, as far as that is known.
    pub later: Vec<&'a str>,
}

/// What was learnt: P(action) = share × the ranker's + (1 − share) × the votes', and how often the first is right.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Learned {
    ranker: Option<Ranker>,
    /// How far it is trusted beside the votes of similar moments.
    pub trust: Trust,
    /// How it did at the moments that were held out; `None` where there were none, and once it has been read back: its bytes
    /// do not have it.
    pub judged: Option<Judged>,
}

/// How often what agents did was among the first three of what was learnt, at moments that had not been learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The moments, one or more.
    pub moments: usize,
    /// At how many of them it was.
    pub hits: usize,
}

/// What stands before the weights in the bytes of a [`Learned`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    trust: Trust,
    ranker: Option<RankerHeader>,
}

/// Of each held-out answer, so many of the likeliest actions set the calibration: the first by score is one of them.
const CALIBRATED: usize = 3;

/// Learns from examples, oldest first.
///
/// The examples from `held_out` on are not trained on at first: on them the share is chosen that has the least log loss,
/// and the calibration is fitted. `votes` gives the votes for one of those by similar moments before `held_out` alone,
/// `eligible` what is left of an opinion on one of those once the rules have been asked. Then the ranker is trained
/// again, on all.
#[must_use]
pub fn learn(
    examples: &[Example<'_>],
    held_out: usize,
    votes: &(dyn Fn(usize) -> Vec<Vote> + Sync),
    eligible: &dyn Fn(usize, Vec<Vote>) -> Vec<Vote>,
    params: &LearnParams,
) -> Learned {
    let held_out = held_out.min(examples.len());
    let cases = Cases::of(examples);
    let fit =
        |range: Range<usize>, known: Option<&First>| First::fit(&cases, &range.collect::<Vec<_>>(), params, known);
    let before = cases.learnt_from(held_out, params);
    let whole = cases.learnt_from(examples.len(), params);
    let draw = || before.clone().map(|range| Lessons::draw(&cases, range, params)).unwrap_or_default();
    let (before, all, lessons) = if before.as_ref().is_some_and(Lessons::need_one_part) {
        // Of many cases the fits begin where one to most of them has ended.
        let (lessons, older) = draw();
        let before = before.and_then(|range| fit(range, older.as_ref()));
        let all = whole.and_then(|range| fit(range, before.as_ref()));
        (before, all, lessons)
    } else {
        let of_all = || whole.and_then(|range| fit(range, None));
        let of_before = || rayon::join(|| before.clone().and_then(|range| fit(range, None)), draw);
        let ((before, (lessons, _)), all) = rayon::join(of_before, of_all);
        (before, all, lessons)
    };
    // What has not been seen to work is not learnt from all either.
    let more = before.as_ref().zip(all).map(|(before, all)| {
        let mut more = lessons.clone();
        more.add(before, &cases, held_out..examples.len());
        (all, more)
    });
    let (ranker, on_all) = rayon::join(
        || before.map(|first| Ranker::new(first, &lessons)),
        || more.map(|(first, lessons)| Ranker::new(first, &lessons)),
    );
    let answers: Vec<(Vec<Vote>, Vec<Vote>, &str)> = (held_out..examples.len())
        .into_par_iter()
        .map(|at| {
            let by_ranker = ranker.as_ref().map(|ranker| ranker.predict_case(&cases, at)).unwrap_or_default();
            (by_ranker, votes(at), examples[at].action)
        })
        .collect();
    let share = if ranker.is_some() { best_share(&answers) } else { 0.0 };
    let shown: Vec<Vec<(f32, bool)>> = answers
        .iter()
        .enumerate()
        .map(|(at, (by_ranker, by_votes, action))| {
            let left = eligible(held_out + at, mix(by_ranker, by_votes, share));
            let right = |vote: Vote| (vote.probability, vote.action == *action);
            left.into_iter().take(CALIBRATED).map(right).collect()
        })
        .collect();
    let hits = shown.iter().filter(|answer| answer.iter().any(|(_, right)| *right)).count();
    let judged = (!shown.is_empty()).then_some(Judged { moments: shown.len(), hits });
    let first = shown.concat();
    let trust = Trust { share, calibration: Calibration::fit(&first) };
    Learned { ranker: on_all, trust, judged }
}

/// The share of the ranker that makes what was really done the likeliest: the least mean log loss.
fn best_share(answers: &[(Vec<Vote>, Vec<Vote>, &str)]) -> f32 {
    /// The shares that are tried: 0 to 1 in steps of a twentieth.
    const STEPS: u16 = 20;
    /// What was never foreseen is taken to be so likely, lest one surprise outweigh all else.
    const UNFORESEEN: f32 = 1e-3;
    let probability = |votes: &[Vote], action: &str| {
        votes.iter().find(|vote| vote.action == action).map_or(0.0, |vote| vote.probability)
    };
    let pairs: Vec<(f32, f32)> = answers
        .iter()
        .map(|(by_ranker, by_votes, action)| (probability(by_ranker, action), probability(by_votes, action)))
        .collect();
    let loss = |share: f32| -> f64 {
        pairs.iter().map(|(ranker, votes)| -f64::from((share * ranker + (1.0 - share) * votes + UNFORESEEN).ln())).sum()
    };
    let shares = (0..=STEPS).map(|step| f32::from(step) / f32::from(STEPS));
    shares.map(|share| (loss(share), share)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, share)| share)
}

/// Both opinions as one, best first, ties by id. Where one side has none, the other decides.
#[must_use]
pub fn mix(by_ranker: &[Vote], by_votes: &[Vote], share: f32) -> Vec<Vote> {
    let share = match (by_ranker.is_empty(), by_votes.is_empty()) {
        (true, _) => 0.0,
        (false, true) => 1.0,
        (false, false) => share,
    };
    let mut sums: BTreeMap<&str, f32> = BTreeMap::new();
    for (votes, part) in [(by_ranker, share), (by_votes, 1.0 - share)] {
        for vote in votes {
            *sums.entry(&vote.action).or_default() += part * vote.probability;
        }
    }
    Vote::ranked(sums.into_iter().map(|(action, probability)| (action.to_owned(), probability)))
}

impl Learned {
    /// What the ranker expects, best first; empty where there is none.
    #[must_use]
    pub fn predict(&self, moment: &Moment<'_>) -> Vec<Vote> {
        self.ranker.as_ref().map(|ranker| ranker.predict(moment)).unwrap_or_default()
    }

    /// The form in which it is kept: a line of JSON, then the weights as little-endian 32-bit floats.
    ///
    /// # Errors
    /// [`Error::Internal`] if JSON cannot be made of it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = Header { trust: self.trust, ranker: self.ranker.as_ref().map(Ranker::header) };
        let mut bytes =
            serde_json::to_vec(&header).map_err(|error| Error::internal("writing what was learnt", error))?;
        bytes.push(b'\n');
        let weights = self.ranker.as_ref().map(Ranker::weights).unwrap_or_default();
        bytes.extend(weights.iter().flat_map(|weight| weight.to_le_bytes()));
        Ok(bytes)
    }

    /// Reads what [`Learned::to_bytes`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let Header { trust, ranker } = serde_json::from_slice(&bytes[..end]).ok()?;
        let (numbers, rest) = bytes[end + 1..].as_chunks::<4>();
        let weights: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        let ranker = match ranker {
            Some(header) => Some(Ranker::from_parts(header, weights)?),
            None => weights.is_empty().then_some(None)?,
        };
        rest.is_empty().then_some(Self { ranker, trust, judged: None })
    }
}
