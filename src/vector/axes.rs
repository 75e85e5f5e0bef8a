//! Where codes look: the mean of the points, and directions at random that span the whole space. Knows no code.
//!
//! Random directions spread every difference evenly over the signs, as the estimator of `bits` wants it. Fewer directions, the
//! principal ones, lost: of 100,000 utterances in 384 numbers, the best 192 directions hold 0.88 of the variance, and halve
//! what is scanned, but ten times as many points had to be scored exactly for the same recall.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::dot::{dot, products};

const SEED: u64 = 0x6178_6573;

/// A mean, and orthonormal directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axes<'a> {
    pub(super) mean: &'a [f32],
    /// One after another, as many numbers each as the mean.
    directions: &'a [f32],
}

/// The mean of `points` and as many directions as they have numbers, for [`Axes::read`].
pub(super) fn learn(points: &[&[f32]], dimension: usize) -> Vec<f32> {
    let mut numbers = mean_of(points.iter().copied(), dimension);
    numbers.extend(random_directions(dimension));
    numbers
}

impl<'a> Axes<'a> {
    /// What [`learn`] returned, or a file holds.
    pub(super) fn read(numbers: &'a [f32], dimension: usize) -> Self {
        let (mean, directions) = numbers.split_at(dimension);
        Self { mean, directions }
    }

    /// How far a vector lies from the mean along each direction.
    pub(super) fn project(&self, vector: &[f32]) -> Vec<f32> {
        self.turn(&difference(vector, self.mean))
    }

    /// What a difference of two vectors is along each direction.
    pub(super) fn turn(&self, difference: &[f32]) -> Vec<f32> {
        products(difference, self.directions)
    }

    fn each(&self) -> std::slice::ChunksExact<'a, f32> {
        self.directions.chunks_exact(self.mean.len().max(1))
    }

    /// Whether the directions are orthogonal and of unit length.
    pub(super) fn are_orthonormal(&self) -> bool {
        let near = |found: f32, expected: f32| (found - expected).abs() < 1e-3;
        self.each().enumerate().all(|(at, direction)| {
            near(dot(direction, direction), 1.0) && self.each().take(at).all(|other| near(dot(direction, other), 0.0))
        })
    }
}

/// A vector less another one.
pub(super) fn difference(vector: &[f32], other: &[f32]) -> Vec<f32> {
    vector.iter().zip(other).map(|(x, y)| x - y).collect()
}

/// The mean of points; of none, zeros.
pub(super) fn mean_of<'a>(points: impl Iterator<Item = &'a [f32]>, dimension: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dimension];
    let mut n_points = 0.0_f64;
    for point in points {
        for (sum, x) in sums.iter_mut().zip(point) {
            *sum += f64::from(*x);
        }
        n_points += 1.0;
    }
    sums.into_iter().map(|sum| (sum / n_points.max(1.0)) as f32).collect()
}

/// Vectors that are orthogonal and of unit length, by Gram and Schmidt.
fn random_directions(dimension: usize) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut directions: Vec<f32> = Vec::with_capacity(dimension * dimension);
    while directions.len() < dimension * dimension {
        let mut next: Vec<f32> = (0..dimension).map(|_| random.random_range(-1.0_f32..1.0)).collect();
        let before = dot(&next, &next).sqrt();
        // Twice is enough: what rounding leaves of the first pass goes in the second.
        for _ in 0..2 {
            for other in directions.chunks_exact(dimension) {
                let along = dot(&next, other);
                next.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
            }
        }
        let left = dot(&next, &next).sqrt();
        // Else it depends on those before it, up to rounding, and another is drawn.
        if left > 1e-3 * before {
            directions.extend(next.into_iter().map(|x| x / left));
        }
    }
    directions
}
