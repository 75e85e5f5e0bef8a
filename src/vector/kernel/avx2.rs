//! The kernel for AVX2: one part of a fold, which is a byte of each of 32 points, a register. Knows no other kernel.

use std::arch::x86_64::{__m128i, __m256, __m256i, _CMP_GE_OQ};

use pulp::NullaryFnOnce;
use pulp::x86::V3;

use super::Scan;
use crate::vector::bits::{Factors, Fold, SCALE, SHIFT, Tables, Terms};

/// [`super::points_within`], to be called through `vectorize`.
pub(super) struct PointsWithin<'a> {
    pub(super) simd: V3,
    pub(super) scan: Scan<'a>,
}

impl NullaryFnOnce for PointsWithin<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, mut scan } = self;
        let n_folds = scan.tables.tables.len();
        for block in scan.range.clone() {
            let bounds = bounds(simd, scan.blocks.block(block, n_folds), scan.tables, scan.terms);
            let reaching = reaching(simd, bounds, scan.level);
            scan.push(block, bytemuck::cast_ref(&bounds), reaching);
        }
    }
}

/// The bounds of a block, eight points a register.
#[inline(always)]
fn bounds(simd: V3, (codes, factors): (&[Fold], &Factors), tables: &Tables, terms: Terms) -> [__m256; 4] {
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
            let low = avx2._mm256_shuffle_epi8(bytemuck::cast(tables[part]), low);
            let high = avx2._mm256_shuffle_epi8(bytemuck::cast(tables[4 + part]), high);
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
fn reaching(simd: V3, bounds: [__m256; 4], level: f32) -> u32 {
    let level = simd.avx._mm256_set1_ps(level);
    let mut bits = 0;
    for (at, bounds) in bounds.into_iter().enumerate() {
        let reaches = simd.avx._mm256_cmp_ps::<_CMP_GE_OQ>(bounds, level);
        bits |= (simd.avx._mm256_movemask_ps(reaches) as u32) << (8 * at);
    }
    bits
}
