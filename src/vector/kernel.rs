//! Codes and tables → bounds, 32 points at a time. Knows neither rows nor what a bound is for.
//!
//! Two kernels, chosen when they run, that give the same bits: one for AVX2, through `pulp`'s safe names of its instructions,
//! and a plain one that also judges it. There is none for AVX-512 or NEON yet: what has not been run is not shipped.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;

use super::bits::{BLOCK, Factors, Fold, SCALE, SHIFT, Tables, Terms};
use super::key::Key;

/// Codes and factors of many blocks.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub(super) codes: &'a [Fold],
    pub(super) factors: &'a [Factors],
}

impl<'a> Blocks<'a> {
    /// One block's codes and factors.
    #[inline(always)]
    fn block(&self, at: usize, n_folds: usize) -> (&'a [Fold], &'a Factors) {
        (&self.codes[at * n_folds..(at + 1) * n_folds], &self.factors[at])
    }
}

/// Adds to `found` the points of `range` of blocks whose bounds are `level` or more.
pub(super) fn points_within(
    blocks: Blocks<'_>,
    tables: &Tables,
    terms: Terms,
    range: Range<usize>,
    level: f32,
    found: &mut Vec<Key>,
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = V3::try_new() {
        return simd.vectorize(Avx2PointsWithin { simd, blocks, tables, terms, range, level, found });
    }
    plain_points_within(blocks, tables, terms, range, level, found);
}

/// The kernel for any machine.
fn plain_points_within(
    blocks: Blocks<'_>,
    tables: &Tables,
    terms: Terms,
    range: Range<usize>,
    level: f32,
    found: &mut Vec<Key>,
) {
    for block in range {
        for (at, bound) in bounds_of_block(blocks, tables, terms, block).into_iter().enumerate() {
            if bound >= level {
                found.push(Key::new(bound, (block * BLOCK + at) as u32));
            }
        }
    }
}

/// The bounds of a block's points.
pub(super) fn bounds_of_block(blocks: Blocks<'_>, tables: &Tables, terms: Terms, block: usize) -> [f32; BLOCK] {
    let (codes, factors) = blocks.block(block, tables.tables.len());
    let mut sums = [0_u16; BLOCK];
    for (fold, tables) in codes.iter().zip(&tables.tables) {
        for (part, bytes) in fold.iter().enumerate() {
            for (sum, byte) in sums.iter_mut().zip(bytes) {
                let low = tables[2 * part][usize::from(byte & 15)];
                let high = tables[2 * part + 1][usize::from(byte >> 4)];
                *sum += u16::from(low) + u16::from(high);
            }
        }
    }
    std::array::from_fn(|at| {
        let product = f32::from(sums[at]) * tables.step + terms.offset;
        (factors[SHIFT][at] + terms.base) + factors[SCALE][at] * product
    })
}

#[cfg(target_arch = "x86_64")]
struct Avx2PointsWithin<'a> {
    simd: V3,
    blocks: Blocks<'a>,
    tables: &'a Tables,
    terms: Terms,
    range: Range<usize>,
    level: f32,
    found: &'a mut Vec<Key>,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Avx2PointsWithin<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, blocks, tables, terms, range, level, found } = self;
        let n_folds = tables.tables.len();
        for block in range {
            let bounds = avx2::bounds(simd, blocks.block(block, n_folds), tables, terms);
            let mut reaching = avx2::reaching(simd, bounds, level);
            let bounds: [f32; BLOCK] = bytemuck::cast(bounds);
            while reaching != 0 {
                let at = reaching.trailing_zeros() as usize;
                found.push(Key::new(bounds[at], (block * BLOCK + at) as u32));
                reaching &= reaching - 1;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{__m128i, __m256, __m256i, _CMP_GE_OQ};

    use pulp::x86::V3;

    use super::{Factors, Fold, SCALE, SHIFT, Tables, Terms};

    /// The bounds of a block, eight points a register.
    #[inline(always)]
    pub(super) fn bounds(
        simd: V3,
        (codes, factors): (&[Fold], &Factors),
        tables: &Tables,
        terms: Terms,
    ) -> [__m256; 4] {
        let V3 { avx, avx2, .. } = simd;
        let low_nibble = avx._mm256_set1_epi8(15);
        let low_byte = avx._mm256_set1_epi16(255);
        let mut even: __m256i = avx._mm256_setzero_si256();
        let mut odd = even;
        for (fold, tables) in codes.iter().zip(&tables.tables) {
            let mut sum = avx._mm256_setzero_si256();
            for part in 0..4 {
                let bytes: __m256i = bytemuck::cast(fold[part]);
                let low = avx2._mm256_and_si256(bytes, low_nibble);
                let high = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(bytes), low_nibble);
                let low = avx2._mm256_shuffle_epi8(bytemuck::cast(tables[2 * part]), low);
                let high = avx2._mm256_shuffle_epi8(bytemuck::cast(tables[2 * part + 1]), high);
                sum = avx2._mm256_add_epi8(sum, avx2._mm256_add_epi8(low, high));
            }
            even = avx2._mm256_add_epi16(even, avx2._mm256_and_si256(sum, low_byte));
            odd = avx2._mm256_add_epi16(odd, avx2._mm256_srli_epi16::<8>(sum));
        }
        // Points 0 to 7 and 16 to 23, then 8 to 15 and 24 to 31: unpacking works in halves.
        let (outer, inner) = (avx2._mm256_unpacklo_epi16(even, odd), avx2._mm256_unpackhi_epi16(even, odd));
        let sums: [__m128i; 4] = [
            avx._mm256_castsi256_si128(outer),
            avx._mm256_castsi256_si128(inner),
            avx2._mm256_extracti128_si256::<1>(outer),
            avx2._mm256_extracti128_si256::<1>(inner),
        ];
        let (step, offset) = (avx._mm256_set1_ps(tables.step), avx._mm256_set1_ps(terms.offset));
        let base = avx._mm256_set1_ps(terms.base);
        let shifts: [__m256; 4] = bytemuck::cast(factors[SHIFT]);
        let scales: [__m256; 4] = bytemuck::cast(factors[SCALE]);
        let mut bounds = shifts;
        // A loop and no closure: closures are compiled without the instructions that `vectorize` lets their surroundings use.
        for at in 0..4 {
            let sum = avx._mm256_cvtepi32_ps(avx2._mm256_cvtepu16_epi32(sums[at]));
            let product = avx._mm256_add_ps(avx._mm256_mul_ps(sum, step), offset);
            bounds[at] = avx._mm256_add_ps(avx._mm256_add_ps(shifts[at], base), avx._mm256_mul_ps(scales[at], product));
        }
        bounds
    }

    /// One bit for each of 32 bounds that is `level` or more.
    #[inline(always)]
    pub(super) fn reaching(simd: V3, bounds: [__m256; 4], level: f32) -> u32 {
        let level = simd.avx._mm256_set1_ps(level);
        let mut bits = 0;
        for (at, bounds) in bounds.into_iter().enumerate() {
            let reaches = simd.avx._mm256_cmp_ps::<_CMP_GE_OQ>(bounds, level);
            bits |= (simd.avx._mm256_movemask_ps(reaches) as u32) << (8 * at);
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_kernels_give_the_same_bits(
            n_folds in 0_usize..5,
            n_blocks in 1_usize..6,
            seed in any::<u64>(),
            factors in (-2.0_f32..2.0, 0.0_f32..2.0, -1.0_f32..1.0),
            level in -3.0_f32..3.0,
        ) {
            let mut state = seed;
            let mut byte = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            };
            let codes: Vec<Fold> =
                (0..n_folds * n_blocks).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| byte()))).collect();
            let (shift, scale, base) = factors;
            let mut number = |largest: f32| f32::from(byte()) * largest / 255.0;
            let factors: Vec<Factors> = (0..n_blocks)
                .map(|_| [shift, scale].map(|largest| std::array::from_fn(|_| number(largest))))
                .collect();
            let tables = (0..n_folds)
                .map(|_| std::array::from_fn(|_| {
                    let half: [u8; 16] = std::array::from_fn(|_| byte() & 31);
                    std::array::from_fn(|at| half[at % 16])
                }))
                .collect();
            let tables = Tables { tables, step: 0.037, offset: -3.3 };
            let terms = Terms { base, offset: -2.9 };
            let blocks = Blocks { codes: &codes, factors: &factors };
            for (first, level) in [(0, f32::NEG_INFINITY), (n_blocks / 2, level)] {
                let [found, expected] = [points_within, plain_points_within].map(|kernel| {
                    let mut found = Vec::new();
                    kernel(blocks, &tables, terms, first..n_blocks, level, &mut found);
                    found
                });
                prop_assert_eq!(found, expected);
            }
        }
    }
}
