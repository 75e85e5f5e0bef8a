//! From the answers of a replay to figures: hits with intervals, calibration, the risk of answering.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::oracle::ORACLES;
use super::replay::{BASELINES, Replayed};

/// Positions from this on are counted together.
const LAST_POSITION: usize = 3;
/// Resamples of a bootstrap.
const RESAMPLES: usize = 1000;
/// Bins of the calibration error.
const BINS: usize = 10;
/// Points of a risk–coverage curve.
const TENTHS: usize = 10;

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

/// Steps whose first actions were about as sure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub steps: usize,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// How often the first action was right, 0 to 1.
    pub hit_at_1: f64,
}

/// How often answers are wrong when only the surest are given (a risk–coverage curve).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskCurve {
    /// The mean risk over all coverages, 0 to 1: the area under the curve. Less is better.
    pub area: f64,
    /// By tenths of the steps.
    pub points: Vec<Risk>,
}

/// A point of a [`RiskCurve`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Risk {
    /// The share of the steps that is answered, above 0 to 1.
    pub coverage: f64,
    /// The share of those whose first action is not what the agent did, 0 to 1.
    pub risk: f64,
    /// The least confidence, or cosine, that is answered then.
    pub least: f32,
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
    /// What the error is the mean of: how sure, how often right.
    pub reliability: Vec<Bin>,
    /// Staying silent below a confidence.
    pub risk_by_confidence: RiskCurve,
    /// Staying silent below a cosine of the most similar moment: what a fixed threshold would do.
    pub risk_by_similarity: RiskCurve,
    /// By category.
    pub by_category: BTreeMap<String, Hits>,
    /// By the language of the problem.
    pub by_language: BTreeMap<String, Hits>,
    /// By the number of actions before; the last is `3+`.
    pub by_position: BTreeMap<String, Hits>,
    /// What needs no text.
    pub baselines: BTreeMap<&'static str, Hits>,
    /// What nobody can beat: [`ORACLES`], on a generated desk; else empty.
    pub oracles: BTreeMap<&'static str, Hits>,
}

impl ReplayReport {
    /// The figures of answers, and of those of [`ORACLES`] where there are any; intervals resample tickets with this seed.
    #[must_use]
    pub fn of(steps: &[Replayed], oracles: Option<&[[Option<usize>; 2]]>, seed: u64) -> Self {
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
            calibration_error: calibration_error(&reliability(steps), steps.len()),
            reliability: reliability(steps),
            risk_by_confidence: RiskCurve::of(steps, &|step| step.confidence),
            risk_by_similarity: RiskCurve::of(steps, &|step| step.similarity),
            by_category: grouped(&|step| step.category.clone()),
            by_language: grouped(&|step| step.language.to_owned()),
            by_position: grouped(&|step| match step.position {
                few if few < LAST_POSITION => few.to_string(),
                _ => format!("{LAST_POSITION}+"),
            }),
            baselines: (0..BASELINES.len()).map(|at| (BASELINES[at], ranks(&|step| step.baselines[at]))).collect(),
            oracles: oracles.map_or_else(BTreeMap::new, |answers| {
                let of =
                    |at: usize| hits(steps.iter().zip(answers).map(|(it, ranks)| (&*it.ticket_id, ranks[at])), seed);
                (0..ORACLES.len()).map(|at| (ORACLES[at], of(at))).collect()
            }),
        }
    }
}

/// The bins that are not empty, least confident first.
fn reliability(steps: &[Replayed]) -> Vec<Bin> {
    let mut bins = [(0, 0.0, 0.0); BINS];
    for step in steps {
        let bin = &mut bins[((step.confidence * BINS as f32) as usize).min(BINS - 1)];
        *bin = (bin.0 + 1, bin.1 + f64::from(step.confidence), bin.2 + f64::from(u8::from(step.rank == Some(1))));
    }
    let bins = bins.into_iter().filter(|(steps, ..)| *steps > 0);
    bins.map(|(steps, confidence, hits)| Bin {
        steps,
        confidence: confidence / steps as f64,
        hit_at_1: hits / steps as f64,
    })
    .collect()
}

fn calibration_error(bins: &[Bin], steps: usize) -> f64 {
    let sum: f64 = bins.iter().map(|bin| (bin.confidence - bin.hit_at_1).abs() * bin.steps as f64).sum();
    sum / steps.max(1) as f64
}

impl RiskCurve {
    /// The surest first, by what stands for being sure; ties in the order of the steps.
    fn of(steps: &[Replayed], sure: &dyn Fn(&Replayed) -> f32) -> Self {
        let mut order: Vec<&Replayed> = steps.iter().collect();
        order.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
        let mut wrong = 0;
        let risks: Vec<f64> = (1..)
            .zip(&order)
            .map(|(count, step)| {
                wrong += usize::from(step.rank != Some(1));
                f64::from(wrong as u32) / f64::from(count)
            })
            .collect();
        let at = |tenth: usize| {
            let count = (steps.len() * tenth).div_ceil(TENTHS);
            count.checked_sub(1).map(|last| Risk {
                coverage: tenth as f64 / TENTHS as f64,
                risk: risks[last],
                least: sure(order[last]),
            })
        };
        let area = risks.iter().sum::<f64>() / risks.len().max(1) as f64;
        Self { area, points: (1..=TENTHS).filter_map(at).collect() }
    }
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
