//! A score and a point in one number. Knows neither graph nor codes.

/// A score and its point in one number that sorts as [`crate::rank::by_rank`] does, the better the greater: heaps compare
/// it in one instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64);

impl Key {
    pub(super) fn new(score: f32, point: u32) -> Self {
        let bits = score.to_bits();
        // The order of `f32::total_cmp` as an order of unsigned numbers: negative ones are turned around.
        let ordered = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Self(u64::from(ordered) << 32 | u64::from(!point))
    }

    pub(super) const fn point(self) -> u32 {
        !(self.0 as u32)
    }

    pub(super) fn score(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Key;
    use crate::rank::{Scored, by_rank};

    proptest! {
        #[test]
        fn keys_sort_as_ranks_do(a in any::<(f32, u32)>(), b in any::<(f32, u32)>()) {
            let [left, right] = [a, b].map(|(score, row)| Scored { row, score });
            prop_assert_eq!(by_rank(&left, &right), Key::new(b.0, b.1).cmp(&Key::new(a.0, a.1)));
            prop_assert_eq!(Key::new(a.0, a.1).point(), a.1);
            prop_assert_eq!(Key::new(a.0, a.1).score().to_bits(), a.0.to_bits());
        }
    }
}
