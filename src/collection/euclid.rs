//! Nearest by Euclidean distance as nearest by cosine, since an index of vectors knows cosines alone.
//!
//! Let every vector be divided by the largest length, so that none is longer than 1. ‖q − x‖² is least where q·x − ‖x‖²/2 is
//! greatest, that is the product of (q, 1) and (x, −‖x‖²/2). A third number brings all of the latter to one length, and it
//! meets a 0 in the query: so the order by cosine is that by distance. (Bachrach et al., 2014, reduce inner products likewise.)
//! Where all vectors have unit length already, nothing is needed.

use serde::{Deserialize, Serialize};

use crate::embed::Vector;
use crate::vector::dot;

/// How far from 1 a length may be and still count as 1: what rounding does to unit vectors.
const UNIT: f32 = 1e-6;

/// How the vectors of a part are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Space {
    /// As they are: all have unit length.
    Unit,
    /// Divided by this, with two numbers more.
    Lifted(f32),
}

impl Space {
    /// For vectors of these squared lengths.
    pub(super) fn of(squares: impl Iterator<Item = f32>) -> Self {
        let (mut least, mut most) = (f32::MAX, 0.0_f32);
        for square in squares {
            least = least.min(square);
            most = most.max(square);
        }
        if least > most || ((least.sqrt() - 1.0).abs() <= UNIT && (most.sqrt() - 1.0).abs() <= UNIT) {
            return Self::Unit;
        }
        Self::Lifted(if most > 0.0 { most.sqrt() } else { 1.0 })
    }

    /// How many numbers a kept vector has.
    pub(super) const fn dimension(self, raw: usize) -> usize {
        match self {
            Self::Unit => raw,
            Self::Lifted(_) => raw + 2,
        }
    }

    /// A vector as it is kept: of unit length.
    pub(super) fn place(self, vector: &[f32]) -> Vec<f32> {
        let Self::Lifted(scale) = self else { return vector.to_vec() };
        let mut placed: Vec<f32> = vector.iter().map(|x| x / scale).collect();
        let square = dot(&placed, &placed);
        // ‖x‖² + ‖x‖⁴ / 4 is at most 5/4.
        placed.push(-square / 2.0);
        placed.push((1.25 - square - square * square / 4.0).max(0.0).sqrt());
        unit(placed)
    }

    /// A query as it is compared; `None` for one without direction, from which all unit vectors are equally far.
    pub(super) fn place_query(self, query: &[f32]) -> Option<Vec<f32>> {
        match self {
            Self::Unit => Vector::new(query.to_vec()).map(Vector::into_numbers),
            Self::Lifted(scale) => {
                let mut placed: Vec<f32> = query.iter().map(|x| x / scale).collect();
                placed.extend([1.0, 0.0]);
                Vector::new(placed).map(Vector::into_numbers)
            }
        }
    }
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let n = vector.len();
    // What has no direction can not come of `place`, whose numbers have the length √1.25.
    Vector::new(vector).map_or_else(|| first_axis(n), Vector::into_numbers)
}

/// What stands for a vector that is not there; rows without one are never looked for.
pub(super) fn first_axis(n: usize) -> Vec<f32> {
    let mut vector = vec![0.0; n];
    if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}
