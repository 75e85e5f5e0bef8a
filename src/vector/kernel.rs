//! Codes and tables → bounds, 32 points at a time. Knows neither rows nor what a bound is for.
//!
//! Two kernels, chosen when they run, that give the same bits: one for AVX2, through `pulp`'s safe names of its instructions,
//! and a plain one that also judges it. There is none for AVX-512 or NEON yet: what has not been run is not shipped.

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;

use super::bits::{BLOCK, Factors, Fold, SCALE, SHIFT, Tables};

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

/// The largest bound in each block from `first` on, into `best`. With a mask, one word a block, only points count whose bit
/// is set, and a block without any is not looked at.
pub(super) fn best_of_blocks(
    blocks: Blocks<'_>,
    tables: &Tables,
    first: usize,
    mask: Option<&[u32]>,
    best: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = V3::try_new() {
        return simd.vectorize(Avx2BestOfBlocks { simd, blocks, tables, first, mask, best });
    }
    plain_best_of_blocks(blocks, tables, first, mask, best);
}

/// The bounds of a block's points.
pub(super) fn bounds_of_block(blocks: Blocks<'_>, tables: &Tables, block: usize) -> [f32; BLOCK] {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = V3::try_new() {
        return simd.vectorize(Avx2BoundsOfBlock { simd, blocks, tables, block });
    }
    plain_bounds_of_block(blocks, tables, block)
}

/// The kernel for any machine.
fn plain_best_of_blocks(blocks: Blocks<'_>, tables: &Tables, first: usize, mask: Option<&[u32]>, best: &mut [f32]) {
    for (block, slot) in (first..).zip(best) {
        let bits = mask.map_or(u32::MAX, |mask| mask[block]);
        *slot = best_where(&plain_bounds_of_block(blocks, tables, block), bits);
    }
}

fn plain_bounds_of_block(blocks: Blocks<'_>, tables: &Tables, block: usize) -> [f32; BLOCK] {
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
        let product = f32::from(sums[at]) * tables.step + tables.offset;
        (factors[SHIFT][at] + tables.base) + factors[SCALE][at] * product
    })
}

fn best_where(bounds: &[f32; BLOCK], bits: u32) -> f32 {
    let eligible = bounds.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
    eligible.fold(f32::NEG_INFINITY, |best, (_, &bound)| best.max(bound))
}

#[cfg(target_arch = "x86_64")]
struct Avx2BestOfBlocks<'a> {
    simd: V3,
    blocks: Blocks<'a>,
    tables: &'a Tables,
    first: usize,
    mask: Option<&'a [u32]>,
    best: &'a mut [f32],
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Avx2BestOfBlocks<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, blocks, tables, first, mask, best } = self;
        let n_folds = tables.tables.len();
        for (block, slot) in (first..).zip(best) {
            *slot = match mask.map_or(u32::MAX, |mask| mask[block]) {
                0 => f32::NEG_INFINITY,
                u32::MAX => {
                    let [a, b, c, d] = avx2::bounds(simd, blocks.block(block, n_folds), tables);
                    let best = simd.avx._mm256_max_ps(simd.avx._mm256_max_ps(a, b), simd.avx._mm256_max_ps(c, d));
                    let [a, b, c, d, e, f, g, h]: [f32; 8] = bytemuck::cast(best);
                    a.max(b).max(c.max(d)).max(e.max(f).max(g.max(h)))
                }
                bits => {
                    let bounds = avx2::bounds(simd, blocks.block(block, n_folds), tables);
                    best_where(&bytemuck::cast(bounds), bits)
                }
            };
        }
    }
}

#[cfg(target_arch = "x86_64")]
struct Avx2BoundsOfBlock<'a> {
    simd: V3,
    blocks: Blocks<'a>,
    tables: &'a Tables,
    block: usize,
}

#[cfg(target_arch = "x86_64")]
impl pulp::NullaryFnOnce for Avx2BoundsOfBlock<'_> {
    type Output = [f32; BLOCK];

    #[inline(always)]
    fn call(self) -> [f32; BLOCK] {
        let block = self.blocks.block(self.block, self.tables.tables.len());
        bytemuck::cast(avx2::bounds(self.simd, block, self.tables))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{__m128i, __m256, __m256i};

    use pulp::x86::V3;

    use super::{Factors, Fold, SCALE, SHIFT, Tables};

    /// The bounds of a block, eight points a register.
    #[inline(always)]
    pub(super) fn bounds(simd: V3, (codes, factors): (&[Fold], &Factors), tables: &Tables) -> [__m256; 4] {
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
        let (step, offset) = (avx._mm256_set1_ps(tables.step), avx._mm256_set1_ps(tables.offset));
        let base = avx._mm256_set1_ps(tables.base);
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
            mask in prop::collection::vec(prop_oneof![Just(0), Just(u32::MAX), any::<u32>()], 6),
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
            let tables = Tables { tables, base, step: 0.037, offset: -3.3, unit: 1.0 };
            let blocks = Blocks { codes: &codes, factors: &factors };
            for block in 0..n_blocks {
                let [found, expected] = [bounds_of_block, plain_bounds_of_block]
                    .map(|kernel| kernel(blocks, &tables, block).map(f32::to_bits));
                prop_assert_eq!(found, expected);
            }
            for (first, mask) in [(0, None), (n_blocks / 2, Some(mask.as_slice()))] {
                let mut found = vec![0.0; n_blocks - first];
                let mut expected = found.clone();
                best_of_blocks(blocks, &tables, first, mask, &mut found);
                plain_best_of_blocks(blocks, &tables, first, mask, &mut expected);
                prop_assert_eq!(found, expected);
            }
        }
    }
}
