//! Walks a desk's history in the order of time and asks at each step of an agent what would have been recommended then,
//! with nothing that was not known then; beside baselines that need no text.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::actions::{Counts, most_frequent};
use crate::desk::{Catalogue, OTHER};
use crate::history::{History, PastMoment};
use crate::rebuild::Past;
use crate::recommend::{LearnParams, Learned, RecommendParams, Situation, recommend};

/// It is learnt anew when the evidence has grown by this factor.
const GROWTH: f64 = 1.25;
/// What the seed's method takes for a satisfied customer.
const SATISFIED: f64 = 4.0;

/// How a replay is done.
#[derive(Debug, Clone)]
pub struct ReplayParams {
    /// Only steps from this instant on are asked about, in microseconds since 1970 UTC.
    pub since: i64,
    /// Only steps of tickets of this category are asked about, and nothing is ever known of them: a kind of problem that
    /// the desk has not seen before.
    pub unseen: Option<String>,
    /// How neighbours vote.
    pub recommend: RecommendParams,
    /// How is learnt.
    pub learn: LearnParams,
}

/// One step, answered with what was known before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// The ticket.
    pub ticket_id: String,
    /// How many actions were done in it before.
    pub position: usize,
    /// Its category.
    pub category: String,
    /// Its language: `pt` or `en`; `?` where it has no words.
    pub language: &'static str,
    /// What the agent did.
    pub action: String,
    /// Where that stood in the answer, from 1; `None` if it was not there.
    pub rank: Option<usize>,
    /// The confidence in the first action; 0 where there was none.
    pub confidence: f32,
    /// The cosine of the most similar moment, −1 to 1; 0 where there was none.
    pub similarity: f32,
    /// Whether something was recommended.
    pub answered: bool,
    /// Where the action stood in the answer of each of [`BASELINES`], from 1.
    pub baselines: [Option<usize>; 4],
}

/// Predictors that look at no text: the most frequent action, that in the subcategory, that after the last action, and
/// the seed's method: what was done at the same place in tickets of the same category and subcategory with a CSAT of 4 or
/// more, by CSAT, then by hours.
pub const BASELINES: [&str; 4] = ["majority", "by_subcategory", "by_last_action", "same_kind_by_csat"];

/// Answers every step since an instant with what was known before it, oldest first.
#[must_use]
pub fn replay(
    past: &Past,
    catalogue: &Catalogue,
    params: &ReplayParams,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Vec<Replayed> {
    let mut history = past.history(i64::MIN, params.learn.seed).held();
    if let Some(category) = &params.unseen {
        history.forget(category);
    }
    let is_asked = |past: &PastMoment<'_>| {
        let is_wanted = params.unseen.as_ref().is_none_or(|category| **category == *past.ticket.category);
        is_wanted && past.at >= params.since && past.action.is_some_and(|action| action != OTHER)
    };
    let mut asked: Vec<usize> = (0..history.moments().len()).filter(|&at| is_asked(&history.moments()[at])).collect();
    asked.sort_by_key(|&at| (history.moments()[at].at, at));

    let mut replayed = Vec::with_capacity(asked.len());
    let (mut learned, mut learnt_from) = (Learned::default(), None);
    for (done, &at) in asked.iter().enumerate() {
        let now = history.moments()[at].at;
        let known = history.known_before(now).len();
        if learnt_from.is_none_or(|before: usize| known as f64 >= before as f64 * GROWTH && known > before) {
            history.expect_as_of(now, params.learn.seed);
            learned = history.learn(history.known_before(now), catalogue, &params.learn, &params.recommend);
            learnt_from = Some(known);
        }
        replayed.push(answer(&history, at, &learned, catalogue, &params.recommend));
        on_progress(done + 1, asked.len());
    }
    replayed
}

fn answer(
    history: &History<'_>,
    at: usize,
    learned: &Learned,
    catalogue: &Catalogue,
    params: &RecommendParams,
) -> Replayed {
    let past = &history.moments()[at];
    let known = history.known_before(past.at);
    let states = history.similar(at, known, params.states);
    let situation = Situation { likely: learned.predict(&history.moment(at)), ..past.situation() };
    let params = RecommendParams { shown: usize::MAX, ..*params };
    let advice = recommend(&situation, learned.trust, &states, &[], catalogue, &[], &params);
    let action = past.action.unwrap_or(OTHER);
    Replayed {
        ticket_id: past.ticket.id.clone(),
        position: past.done.len(),
        category: past.ticket.category.to_string(),
        language: past.thread.language,
        action: action.to_owned(),
        rank: advice.actions.iter().position(|ranked| ranked.action == action).map(|place| place + 1),
        confidence: advice.actions.first().map_or(0.0, |ranked| ranked.confidence),
        similarity: states.first().map_or(0.0, |state| state.similarity),
        answered: advice.abstention.is_none(),
        baselines: baselines(history, past, known)
            .map(|order| order.iter().position(|&it| it == action).map(|place| place + 1)),
    }
}

/// The answers of [`BASELINES`], best first.
fn baselines<'a>(history: &'a History<'_>, asked: &PastMoment<'_>, known: &[usize]) -> [Vec<&'a str>; 4] {
    let (mut overall, mut in_kind, mut after) = (Counts::new(), Counts::new(), Counts::new());
    let mut best_tickets: BTreeMap<&str, (f64, f64, &'a str)> = BTreeMap::new();
    let position = asked.done.len();
    for past in known.iter().map(|&place| &history.moments()[place]) {
        let Some(action) = past.action else { continue };
        let same_kind =
            past.ticket.category == asked.ticket.category && past.ticket.subcategory == asked.ticket.subcategory;
        *overall.entry(action).or_default() += 1;
        if same_kind {
            *in_kind.entry(action).or_default() += 1;
        }
        if past.done.last() == asked.done.last() {
            *after.entry(action).or_default() += 1;
        }
        let csat = past.outcome().csat.unwrap_or(0.0);
        if same_kind && csat >= SATISFIED && past.done.len() == position {
            let hours = past.outcome().hours.unwrap_or(f64::MAX);
            best_tickets.insert(&past.ticket.id, (csat, hours, action));
        }
    }
    let mut best: Vec<(&str, (f64, f64, &str))> = best_tickets.into_iter().collect();
    best.sort_by(|(a, x), (b, y)| y.0.total_cmp(&x.0).then(x.1.total_cmp(&y.1)).then(a.cmp(b)));
    let mut seen = BTreeSet::new();
    let by_csat = best.into_iter().map(|(_, (.., action))| action).filter(|action| seen.insert(*action)).collect();
    let by_count = |counts| most_frequent(&[Some(counts)]);
    [by_count(&overall), by_count(&in_kind), by_count(&after), by_csat]
}
