//! Walks a desk's history in the order of time and asks at each step of an agent what would have been recommended then,
//! with nothing that was not known then; beside baselines that need no text.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::actions::{Counts, most_frequent};
use crate::desk::{Catalogue, OTHER};
use crate::history::{History, PastMoment};
use crate::rebuild::Past;
use crate::recommend::{LearnParams, Learned, RecommendParams, Situation, recommend};

/// It is learnt anew when the evidence has grown by this factor.
const GROWTH: f64 = 1.25;
/// Positions from this on are counted together.
const LAST_POSITION: usize = 3;
/// Resamples of a bootstrap.
const RESAMPLES: usize = 1000;
/// Bins of the calibration error.
const BINS: usize = 10;
/// What the seed's method takes for a satisfied customer.
const SATISFIED: f64 = 4.0;

/// How a replay is done.
#[derive(Debug, Clone, Copy)]
pub struct ReplayParams {
    /// Only steps from this instant on are asked about, in microseconds since 1970 UTC.
    pub since: i64,
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
    /// What the agent did.
    pub action: String,
    /// Where that stood in the answer, from 1; `None` if it was not there.
    pub rank: Option<usize>,
    /// The confidence in the first action; 0 where there was none.
    pub confidence: f32,
    /// Whether something was recommended.
    pub answered: bool,
    /// Where the action stood in the answer of each of [`BASELINES`], from 1.
    pub baselines: [Option<usize>; 4],
}

/// Predictors that look at no text: the most frequent action, that in the subcategory, that after the last action, and
/// the seed's method: what was done at the same place in tickets of the same category and subcategory with a CSAT of 4 or
/// more, by CSAT, then by hours.
pub const BASELINES: [&str; 4] = ["majority", "by_subcategory", "by_last_action", "same_kind_by_csat"];

/// A figure and its 95 % bootstrap interval over tickets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The mean over the steps.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How often the answers named what the agent did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hits {
    /// How many steps.
    pub steps: usize,
    /// The share in which it stood first.
    pub hit_at_1: Figure,
    /// The share in which it stood among the first three.
    pub hit_at_3: Figure,
    /// The mean of 1 / its place, 0 where it was not there (mean reciprocal rank).
    pub mrr: Figure,
}

/// The figures of a replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// Over all steps, answered or not.
    pub all: Hits,
    /// The share of steps that were answered, 0 to 1.
    pub coverage: f64,
    /// The share of answered steps whose first action was not what the agent did, 0 to 1.
    pub risk: f64,
    /// Expected calibration error of the confidence: the mean over ten bins of |confidence − hit@1|, by their sizes.
    pub calibration_error: f64,
    /// By category.
    pub by_category: BTreeMap<String, Hits>,
    /// By the number of actions before; the last is `3+`.
    pub by_position: BTreeMap<String, Hits>,
    /// What needs no text.
    pub baselines: BTreeMap<&'static str, Hits>,
}

/// Answers every step since an instant with what was known before it, oldest first.
#[must_use]
pub fn replay(
    past: &Past,
    catalogue: &Catalogue,
    params: &ReplayParams,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Vec<Replayed> {
    let mut history = past.history(i64::MIN, params.learn.seed);
    let is_asked = |past: &PastMoment<'_>| past.at >= params.since && past.action.is_some_and(|action| action != OTHER);
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
    let situation = Situation { likely: learned.predict(&past.moment), ..past.situation() };
    let params = RecommendParams { shown: usize::MAX, ..*params };
    let advice = recommend(&situation, learned.trust, &states, &[], catalogue, &[], &params);
    let action = past.action.unwrap_or(OTHER);
    Replayed {
        ticket_id: past.ticket.id.clone(),
        position: past.moment.done.len(),
        category: past.ticket.category.clone(),
        action: action.to_owned(),
        rank: advice.actions.iter().position(|ranked| ranked.action == action).map(|place| place + 1),
        confidence: advice.actions.first().map_or(0.0, |ranked| ranked.confidence),
        answered: advice.abstention.is_none(),
        baselines: baselines(history, past, known)
            .map(|order| order.iter().position(|&it| it == action).map(|place| place + 1)),
    }
}

/// The answers of [`BASELINES`], best first.
fn baselines<'a>(history: &'a History<'_>, asked: &PastMoment<'_>, known: &[usize]) -> [Vec<&'a str>; 4] {
    let (mut overall, mut in_kind, mut after) = (Counts::new(), Counts::new(), Counts::new());
    let mut best_tickets: BTreeMap<&str, (f64, f64, &'a str)> = BTreeMap::new();
    let position = asked.moment.done.len();
    for past in known.iter().map(|&place| &history.moments()[place]) {
        let Some(action) = past.action else { continue };
        let same_kind =
            past.ticket.category == asked.ticket.category && past.ticket.subcategory == asked.ticket.subcategory;
        *overall.entry(action).or_default() += 1;
        if same_kind {
            *in_kind.entry(action).or_default() += 1;
        }
        if past.moment.done.last() == asked.moment.done.last() {
            *after.entry(action).or_default() += 1;
        }
        let csat = past.outcome.csat.unwrap_or(0.0);
        if same_kind && csat >= SATISFIED && past.moment.done.len() == position {
            let hours = past.outcome.hours.unwrap_or(f64::MAX);
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

impl ReplayReport {
    /// The figures of answers; intervals resample tickets with this seed.
    #[must_use]
    pub fn of(steps: &[Replayed], seed: u64) -> Self {
        let ranks =
            |of: &dyn Fn(&Replayed) -> Option<usize>| hits(steps.iter().map(|it| (&*it.ticket_id, of(it))), seed);
        let grouped = |key: &dyn Fn(&Replayed) -> String| {
            let keys: BTreeSet<String> = steps.iter().map(key).collect();
            let of = |wanted: &str| {
                let group = steps.iter().filter(|step| key(step) == wanted);
                hits(group.map(|step| (&*step.ticket_id, step.rank)), seed)
            };
            keys.into_iter().map(|key| (key.clone(), of(&key))).collect()
        };
        let answered: Vec<&Replayed> = steps.iter().filter(|step| step.answered).collect();
        let wrong = answered.iter().filter(|step| step.rank != Some(1)).count();
        Self {
            all: ranks(&|step| step.rank),
            coverage: answered.len() as f64 / steps.len().max(1) as f64,
            risk: wrong as f64 / answered.len().max(1) as f64,
            calibration_error: calibration_error(steps),
            by_category: grouped(&|step| step.category.clone()),
            by_position: grouped(&|step| match step.position {
                few if few < LAST_POSITION => few.to_string(),
                _ => format!("{LAST_POSITION}+"),
            }),
            baselines: (0..BASELINES.len()).map(|at| (BASELINES[at], ranks(&|step| step.baselines[at]))).collect(),
        }
    }
}

fn calibration_error(steps: &[Replayed]) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for step in steps {
        let bin = &mut bins[((step.confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.0 += f64::from(step.confidence);
        bin.1 += f64::from(u8::from(step.rank == Some(1)));
    }
    bins.iter().map(|(confidence, hits)| (confidence - hits).abs()).sum::<f64>() / steps.len().max(1) as f64
}

/// The figures of ranks, each with its ticket; tickets are resampled, since the steps of one are alike.
fn hits<'a>(ranks: impl Iterator<Item = (&'a str, Option<usize>)>, seed: u64) -> Hits {
    // Of each ticket: steps, hits at 1, hits at 3, sum of reciprocal ranks.
    let mut tickets: BTreeMap<&str, [f64; 4]> = BTreeMap::new();
    for (ticket, rank) in ranks {
        let sums = tickets.entry(ticket).or_default();
        let within = |places: usize| f64::from(u8::from(rank.is_some_and(|rank| rank <= places)));
        let values = [1.0, within(1), within(3), rank.map_or(0.0, |rank| 1.0 / rank as f64)];
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    let tickets: Vec<[f64; 4]> = tickets.into_values().collect();
    let means = |picked: &mut dyn Iterator<Item = &[f64; 4]>| {
        let sums = picked.fold([0.0; 4], |sums, ticket| std::array::from_fn(|at| sums[at] + ticket[at]));
        [1, 2, 3].map(|at| if sums[0] > 0.0 { sums[at] / sums[0] } else { 0.0 })
    };
    let mean = means(&mut tickets.iter());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn: [Vec<f64>; 3] = Default::default();
    for _ in 0..if tickets.is_empty() { 0 } else { RESAMPLES } {
        let sample: Vec<usize> = (0..tickets.len()).map(|_| rng.random_range(0..tickets.len())).collect();
        let values = means(&mut sample.iter().map(|&at| &tickets[at]));
        drawn.iter_mut().zip(values).for_each(|(all, value)| all.push(value));
    }
    let mut figures = mean.into_iter().zip(&mut drawn).map(|(mean, drawn)| {
        drawn.sort_by(f64::total_cmp);
        let at = |share: f64| drawn.get((share * (drawn.len().saturating_sub(1)) as f64).round() as usize).copied();
        Figure { mean, low: at(0.025).unwrap_or(mean), high: at(0.975).unwrap_or(mean) }
    });
    let mut next = || figures.next().unwrap_or(Figure { mean: 0.0, low: 0.0, high: 0.0 });
    Hits {
        steps: tickets.iter().map(|ticket| ticket[0] as usize).sum(),
        hit_at_1: next(),
        hit_at_3: next(),
        mrr: next(),
    }
}
