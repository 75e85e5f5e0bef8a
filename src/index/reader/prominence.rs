//! How far a cosine stands out among those that its two ends have with rows at large.

use super::{IndexReader, Segment};
use crate::index::query::{Hit, QueryVector};
use crate::rank::Row;
use crate::vector::dot;

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
        let of_query: Vec<Spread> =
            self.segments.iter().map(|segment| segment.spread(&self.placed(vector, segment))).collect();
        let prominence = |hit: &Hit| {
            let at = self.segments.partition_point(|segment| segment.base <= hit.row) - 1;
            let of_hit = self.segments[at].spread(self.vector(hit.row));
            hit.dense.map_or(0.0, |leg| of_query[at].prominence(of_hit, leg.score))
        };
        hits.iter().map(prominence).collect()
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
    fn spread(&self, vector: &[f32]) -> Spread {
        let n = self.rows.len().min(AT_LARGE);
        let rows = (0..n).map(|at| (at * self.rows.len() / n) as Row);
        let cosines: Vec<f32> = rows.map(|row| dot(self.vector.vector(row), vector)).collect();
        let mean = cosines.iter().sum::<f32>() / n.max(1) as f32;
        let variance = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>() / n.max(1) as f32;
        Spread { mean, deviation: variance.sqrt().max(LEAST_DEVIATION) }
    }
}
