//! How far a distribution has drifted: the population stability index, and what chance alone makes of it. Pure.

use serde::{Deserialize, Serialize};

use super::gates::Drift;
use crate::embed::{RowVectors, Vector};
use crate::vector::dot;

/// Cosines fall into so many bins.
const BINS: usize = 10;
/// How rarely chance is to exceed what it is allowed: the quantile of the normal distribution for 1 in 1,000.
const Z: f64 = 3.09;
/// Lent to each count, so that what was not there is no infinite drift.
const LENT: f64 = 0.5;

/// PSI = Σ (a − e) ln(a / e) over bins, e being the share that a bin had and a the share that it has (Siddiqi, Credit Risk
/// Scorecards, 2006, who calls more than 0.25 a significant shift). `counts` has what each bin had and has.
///
/// Two samples of the same with n and m members give (1/n + 1/m) times a chi-square variable of bins − 1 degrees of freedom
/// (Yurdakul, Statistical Properties of Population Stability Index, 2018), so of small desks much is chance. Its quantile
/// is taken by Wilson and Hilferty's cube.
pub(super) fn psi(counts: &[(usize, usize)]) -> Drift {
    let bins = counts.len() as f64;
    let n: f64 = counts.iter().map(|(before, _)| *before as f64).sum();
    let m: f64 = counts.iter().map(|(_, now)| *now as f64).sum();
    if counts.len() < 2 || n == 0.0 || m == 0.0 {
        return Drift { psi: 0.0, chance: 0.0 };
    }
    let share = |count: usize, all: f64| (count as f64 + LENT) / (all + bins * LENT);
    let part = |&(before, now): &(usize, usize)| {
        let (e, a) = (share(before, n), share(now, m));
        (a - e) * (a / e).ln()
    };
    let freedom = bins - 1.0;
    let spread = 2.0 / (9.0 * freedom);
    let quantile = freedom * (1.0 - spread + Z * spread.sqrt()).powi(3);
    Drift { psi: counts.iter().map(part).sum(), chance: (1.0 / n + 1.0 / m) * quantile }
}

/// Where vectors lie: their mean, and how their cosines with it are spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Their mean, of unit length.
    mean: Vec<f32>,
    /// Upper bounds of all bins but the last: the deciles of the cosines.
    bounds: Vec<f32>,
    /// How many cosines are in each bin.
    counts: Vec<usize>,
}

impl Spread {
    /// `None` where there are no vectors, or they have no mean.
    pub(super) fn of(vectors: RowVectors<'_>) -> Option<Self> {
        let mean = Vector::weighted_sum(vectors.iter().map(|vector| (vector, 1.0)))?.into_numbers();
        let mut cosines: Vec<f32> = vectors.iter().map(|vector| dot(&vector, &mean)).collect();
        cosines.sort_unstable_by(f32::total_cmp);
        let bounds: Vec<f32> =
            (1..BINS).map(|bin| cosines[(cosines.len() * bin / BINS).min(cosines.len() - 1)]).collect();
        let counts = counted(&cosines, &bounds);
        Some(Self { mean, bounds, counts })
    }

    /// How far other vectors of the same model have drifted from these, by their cosines with the mean of these.
    pub(super) fn drift_to(&self, vectors: RowVectors<'_>) -> Option<Drift> {
        if vectors.iter().any(|vector| vector.len() != self.mean.len()) {
            return None;
        }
        let cosines: Vec<f32> = vectors.iter().map(|vector| dot(&vector, &self.mean)).collect();
        let counts: Vec<(usize, usize)> = self.counts.iter().copied().zip(counted(&cosines, &self.bounds)).collect();
        Some(psi(&counts))
    }
}

fn counted(cosines: &[f32], bounds: &[f32]) -> Vec<usize> {
    let mut counts = vec![0; bounds.len() + 1];
    for cosine in cosines {
        counts[bounds.partition_point(|bound| bound <= cosine)] += 1;
    }
    counts
}
