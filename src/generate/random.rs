//! Where chance comes from: one independent stream for each row of each table, and draws that are the same on every
//! machine. Knows no domain.
//!
//! Only additions, multiplications and products are used: `ln`, `exp` and `cos` differ in their last bit
//! between platforms, and the files must not.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The tables that draw.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    World = 0,
    Companies = 1,
    Customers = 2,
    Agents = 3,
    Tickets = 4,
    /// The words of a ticket: apart, so that a longer name does not change how the ticket ends.
    Prose = 5,
    /// What is asked about the desk.
    Queries = 6,
}

/// Chance for one row: the seed is the key of the cipher, table and row its stream, so rows never share draws.
#[derive(Debug, Clone)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of row `number` of a table.
    pub(super) fn of(seed: u64, table: Table, number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(((table as u64) << 56) | number);
        Self(rng)
    }

    /// Uniform in `0..1`.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high)
    }

    /// Uniform in `low..high`.
    pub(super) fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability; beyond 0 and 1 it is certain.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// The place of one of these probabilities, which add up to 1.
    pub(super) fn among(&mut self, probabilities: &[f64]) -> usize {
        let draw = self.unit();
        let mut sum = 0.0;
        let place = probabilities.iter().position(|probability| {
            sum += probability;
            draw < sum
        });
        place.unwrap_or(probabilities.len() - 1)
    }

    /// Uniform in `0..count`, which must not be empty.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    /// Nearly normal with mean 0 and deviation 1: twelve uniform draws (Irwin–Hall).
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// One of the items, which must not be empty.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// The place of one weight, in proportion; the weights must not all be zero.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut left = self.0.random_range(0..total);
        for (at, weight) in weights.enumerate() {
            if left < u64::from(weight) {
                return at;
            }
            left -= u64::from(weight);
        }
        unreachable!("the draw is below the sum of the weights")
    }

    /// `count` decimal digits.
    pub(super) fn digits(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.0.random_range(0..10_u8)).collect()
    }
}
