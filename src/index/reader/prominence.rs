//! How far a cosine stands out among those that its two ends have with rows at large.

use super::{IndexReader, Segment};
use crate::index::query::{Hit, QueryVector};
use crate::rank::Row;
use crate::vector::products_into;

/// By how many rows a vector's cosines with rows at large are told.
const AT_LARGE: usize = 512;

/// What cosines at least deviate: where all rows are the same, none stands out without bound.
const LEAST_DEVIATION: f32 = 0.01;

impl IndexReader {
    /// How far the cosine of a query and each hit stands out among the cosines that either has with rows at large (some that
    /// are spread evenly over the index, whatever the filter), in standard deviations; 0 for a hit without a cosine. A cosine
    /// of .5 is much where rows lie far apart and little where they lie close together.
    #[must_use]
    pub fn prominence(&self, vector: &QueryVector, hits: &[Hit]) -> Vec<f32> {
        let mut prominences = vec![0.0; hits.len()];
        for segment in &self.segments {
            let range = segment.base..segment.base + segment.rows.len() as Row;
            let here: Vec<usize> = (0..hits.len()).filter(|&at| range.contains(&hits[at].row)).collect();
            let mut vectors = self.placed(vector, segment);
            here.iter().for_each(|&at| vectors.extend(self.vector(hits[at].row)));
            let spreads = segment.spreads(&vectors);
            for (&at, &of_hit) in here.iter().zip(&spreads[1..]) {
                prominences[at] = hits[at].dense.map_or(0.0, |leg| spreads[0].prominence(of_hit, leg.score));
            }
        }
        prominences
    }
}

/// The cosines of a vector with rows at large.
#[derive(Debug, Clone, Copy)]
struct Spread {
    mean: f32,
    deviation: f32,
}

impl Spread {
    /// How far a cosine stands out for both its ends.
    fn prominence(self, other: Self, cosine: f32) -> f32 {
        (cosine - (self.mean + other.mean) / 2.0) / (self.deviation * other.deviation).sqrt()
    }
}

impl Segment {
    /// That of each of some vectors, which lie one after another; each row at large is read once.
    fn spreads(&self, vectors: &[f32]) -> Vec<Spread> {
        let n = self.rows.len().min(AT_LARGE);
        let mut cosines: Vec<Vec<f32>> = vec![Vec::with_capacity(n); vectors.len() / self.vector.dimension()];
        let mut of_row = Vec::with_capacity(cosines.len());
        for row in (0..n).map(|at| (at * self.rows.len() / n) as Row) {
            products_into(self.vector.vector(row), vectors, &mut of_row);
            cosines.iter_mut().zip(&of_row).for_each(|(cosines, &cosine)| cosines.push(cosine));
        }
        let spread = |cosines: &Vec<f32>| {
            let mean = cosines.iter().sum::<f32>() / n.max(1) as f32;
            let variance = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>() / n.max(1) as f32;
            Spread { mean, deviation: variance.sqrt().max(LEAST_DEVIATION) }
        };
        cosines.iter().map(spread).collect()
    }
}
