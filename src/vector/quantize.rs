//! Vectors → codes of one byte a number, a quarter of the memory to walk through. Knows no graph.

use super::dot::dot_codes_four;

/// The largest code; −128 is left out so that codes are symmetric.
const LARGEST_CODE: f32 = 127.0;

/// Appends the code of a vector, and returns the scale by which its codes must be multiplied to give the vector back.
pub(super) fn quantize(vector: &[f32], codes: &mut Vec<i8>) -> f32 {
    let largest = vector.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    // Of unit vectors the largest is never 0; of a damaged file it may be.
    let scale = if largest > 0.0 { largest / LARGEST_CODE } else { 1.0 };
    codes.extend(vector.iter().map(|x| (x / scale).round() as i8));
    scale
}

/// A query as a code.
pub(super) struct QueryCode(Vec<i8>);

impl QueryCode {
    pub(super) fn new(query: &[f32]) -> Self {
        let mut codes = Vec::with_capacity(query.len());
        quantize(query, &mut codes);
        Self(codes)
    }

    /// About the cosines with the vectors of four codes, times a number that is the same for all: good for comparing.
    pub(super) fn score_four(&self, codes: [&[i8]; 4], scales: [f32; 4]) -> [f32; 4] {
        let products = dot_codes_four(&self.0, codes);
        std::array::from_fn(|at| products[at] as f32 * scales[at])
    }
}
