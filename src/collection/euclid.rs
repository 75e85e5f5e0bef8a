//! Nearest by Euclidean distance as greatest by dot product, since an index of vectors knows dot products alone.
//!
//! ‖q − x‖² is least where q·x − ‖x‖²/2 is greatest, that is the product of (q, a) and (x, (m − ‖x‖²) / 2a), whatever m and a
//! are: they move all products by am/2a. (Bachrach et al., 2014, reduce inner products to cosines likewise.) Codes err by the
//! distance of a vector from its cluster's centre times that of the query from it, squared (r² + s²/4a²)(r² + a²) where s is
//! how far ‖x‖² strays from m and r how far either is without its last number. That is least at a² = s/2.
//! Where all vectors have unit length already, nothing is needed.

use serde::{Deserialize, Serialize};

use crate::embed::Vector;
use crate::vector::dot;

/// How far from 1 a length may be and still count as 1: what rounding does to unit vectors.
const UNIT: f32 = 1e-6;

/// The least that a query's last number is: where all vectors are of one length, the others' are 0 but for rounding.
const LEAST_LAST: f32 = 0.01;

/// How the vectors of a part are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Space {
    /// As they are: all have unit length.
    Unit,
    /// Divided by this, with two numbers more that bring all to one length: in parts that were written up to 2026-11-28.
    Lifted(f32),
    /// With one number more.
    Appended(Appended),
}

/// See the top of the file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Appended {
    /// All vectors are divided by this, so that none is longer than 1.
    scale: f32,
    /// m: the middle one of ‖x‖².
    middle: f32,
    /// a: the last number of a query.
    last: f32,
}

impl Space {
    /// For vectors of these squared lengths.
    pub(super) fn of(squares: impl Iterator<Item = f32>) -> Self {
        let mut squares: Vec<f32> = squares.collect();
        squares.sort_unstable_by(f32::total_cmp);
        let (Some(least), Some(most)) = (squares.first(), squares.last()) else { return Self::Unit };
        if (least.sqrt() - 1.0).abs() <= UNIT && (most.sqrt() - 1.0).abs() <= UNIT {
            return Self::Unit;
        }
        let scale = if *most > 0.0 { most.sqrt() } else { 1.0 };
        squares.iter_mut().for_each(|square| *square /= scale * scale);
        let middle = squares[squares.len() / 2];
        // The middle one of how far they stray: a few that are far longer than the others do not count.
        let mut astray: Vec<f32> = squares.iter().map(|square| (square - middle).abs()).collect();
        astray.sort_unstable_by(f32::total_cmp);
        let last = (astray[astray.len() / 2] / 2.0).sqrt().max(LEAST_LAST);
        Self::Appended(Appended { scale, middle, last })
    }

    /// How many numbers a kept vector has.
    pub(super) const fn dimension(self, raw: usize) -> usize {
        match self {
            Self::Unit => raw,
            Self::Lifted(_) => raw + 2,
            Self::Appended(_) => raw + 1,
        }
    }

    /// A vector as it is kept.
    pub(super) fn place(self, vector: &[f32]) -> Vec<f32> {
        match self {
            Self::Unit => vector.to_vec(),
            Self::Lifted(scale) => {
                let mut placed = divided(vector, scale);
                let square = dot(&placed, &placed);
                // ‖x‖² + ‖x‖⁴ / 4 is at most 5/4.
                placed.push(-square / 2.0);
                placed.push((1.25 - square - square * square / 4.0).max(0.0).sqrt());
                unit(placed)
            }
            Self::Appended(Appended { scale, middle, last }) => {
                let mut placed = divided(vector, scale);
                let square = dot(&placed, &placed);
                placed.push((middle - square) / (2.0 * last));
                placed
            }
        }
    }

    /// A query as it is compared; `None` for one without direction, from which all unit vectors are equally far.
    pub(super) fn place_query(self, query: &[f32]) -> Option<Vec<f32>> {
        match self {
            Self::Unit => Vector::new(query.to_vec()).map(Vector::into_numbers),
            Self::Lifted(scale) => {
                let mut placed = divided(query, scale);
                placed.extend([1.0, 0.0]);
                Vector::new(placed).map(Vector::into_numbers)
            }
            Self::Appended(Appended { scale, last, .. }) => {
                let mut placed = divided(query, scale);
                placed.push(last);
                Some(placed)
            }
        }
    }

    /// A kept vector as the query that its row would be.
    pub(super) fn as_query(self, placed: &[f32]) -> Vec<f32> {
        let mut query = placed.to_vec();
        if let (Self::Appended(Appended { last, .. }), Some(of_query)) = (self, query.last_mut()) {
            *of_query = last;
        }
        query
    }
}

fn divided(vector: &[f32], scale: f32) -> Vec<f32> {
    vector.iter().map(|x| x / scale).collect()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vector::distance_squared;

    proptest! {
        /// Of any two vectors whose distances differ by more than rounding, the nearer has the greater product.
        #[test]
        fn the_nearer_has_the_greater_product(
            vectors in prop::collection::vec(prop::collection::vec(-3.0_f32..3.0, 4), 2..12),
            query in prop::collection::vec(-3.0_f32..3.0, 4),
            length in 0.01_f32..100.0,
        ) {
            let vectors: Vec<Vec<f32>> = vectors.iter().map(|it| it.iter().map(|x| x * length).collect()).collect();
            let query: Vec<f32> = query.iter().map(|x| x * length).collect();
            let squares = || vectors.iter().map(|vector| dot(vector, vector));
            let longest = squares().fold(0.0, f32::max).sqrt();
            prop_assume!(longest > 0.0);
            for space in [Space::of(squares()), Space::Lifted(longest)] {
                let placed: Vec<Vec<f32>> = vectors.iter().map(|vector| space.place(vector)).collect();
                prop_assert!(placed.iter().all(|placed| placed.len() == space.dimension(4)));
                let asked = space.place_query(&query).unwrap();
                for (a, near) in vectors.iter().zip(&placed) {
                    for (b, far) in vectors.iter().zip(&placed) {
                        let apart = distance_squared(&query, b) - distance_squared(&query, a);
                        if apart > 1e-3 * length * length {
                            prop_assert!(dot(&asked, near) > dot(&asked, far), "{space:?}: {a:?} before {b:?}");
                        }
                    }
                }
                if let Space::Appended(_) = space {
                    prop_assert_eq!(Some(space.as_query(&placed[0])), space.place_query(&vectors[0]));
                }
            }
        }
    }
}
