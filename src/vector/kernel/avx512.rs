//! The kernel for AVX-512: two parts of a fold, which are two bytes of each of 32 points, a register. Knows no other kernel.

use std::arch::x86_64::{__m256i, __m512, __m512i, _CMP_GE_OQ};

use pulp::NullaryFnOnce;
use pulp::x86::V4;

use super::Scan;
use crate::vector::bits::{BLOCK, Factors, Fold, SCALE, SHIFT, Terms};

/// [`super::points_within`], to be called through `vectorize`.
pub(super) struct PointsWithin<'a> {
    pub(super) simd: V4,
    pub(super) scan: Scan<'a>,
}

impl NullaryFnOnce for PointsWithin<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, mut scan } = self;
        let n_folds = scan.tables.tables.len();
        for block in scan.range.clone() {
            let sums = sums(simd, scan.blocks.block(block, n_folds).0, &scan.tables.tables);
            let bounds = bounds(simd, sums, &scan.blocks.factors[block], scan.tables.step, scan.terms);
            let reaching = reaching(simd, bounds, scan.level);
            scan.push(block, bytemuck::cast_ref(&bounds), reaching);
        }
    }
}

/// The sums of a block's points, 16 a register.
#[inline(always)]
fn sums(simd: V4, codes: &[Fold], tables: &[[[u8; BLOCK]; 8]]) -> [__m256i; 2] {
    let V4 { avx512f, avx512bw, .. } = simd;
    let avx2 = simd.avx2;
    let low_byte = avx512f._mm512_set1_epi16(255);
    let zero = avx512f._mm512_setzero_si512();
    let (mut even, mut odd) = (zero, zero);
    // A fold adds up to four numbers, which are at most 31, to each byte of a register: two folds fit.
    let (pairs, last) = codes.as_chunks::<2>();
    let (table_pairs, last_tables) = tables.as_chunks::<2>();
    for (pair, tables) in pairs.iter().zip(table_pairs) {
        let sum = add_fold(simd, add_fold(simd, zero, &pair[0], &tables[0]), &pair[1], &tables[1]);
        even = avx512bw._mm512_add_epi16(even, avx512f._mm512_and_si512(sum, low_byte));
        odd = avx512bw._mm512_add_epi16(odd, avx512bw._mm512_srli_epi16::<8>(sum));
    }
    for (fold, tables) in last.iter().zip(last_tables) {
        let sum = add_fold(simd, zero, fold, tables);
        even = avx512bw._mm512_add_epi16(even, avx512f._mm512_and_si512(sum, low_byte));
        odd = avx512bw._mm512_add_epi16(odd, avx512bw._mm512_srli_epi16::<8>(sum));
    }
    let [[even, even_too], [odd, odd_too]]: [[__m256i; 2]; 2] = bytemuck::cast([even, odd]);
    let (even, odd) = (avx2._mm256_add_epi16(even, even_too), avx2._mm256_add_epi16(odd, odd_too));
    // Points 0 to 7 and 16 to 23, then 8 to 15 and 24 to 31: unpacking works in halves.
    let (outer, inner) = (avx2._mm256_unpacklo_epi16(even, odd), avx2._mm256_unpackhi_epi16(even, odd));
    [avx2._mm256_permute2x128_si256::<0x20>(outer, inner), avx2._mm256_permute2x128_si256::<0x31>(outer, inner)]
}

/// `sum` with what a fold adds: parts 0 and 2 to its lower half, 1 and 3 to its upper one.
#[inline(always)]
fn add_fold(simd: V4, mut sum: __m512i, fold: &Fold, tables: &[[u8; BLOCK]; 8]) -> __m512i {
    let V4 { avx512f, avx512bw, .. } = simd;
    let low_nibble = avx512f._mm512_set1_epi8(15);
    let parts: [__m512i; 2] = bytemuck::cast(*fold);
    let tables: [__m512i; 4] = bytemuck::cast(*tables);
    for at in 0..2 {
        let low = avx512f._mm512_and_si512(parts[at], low_nibble);
        let high = avx512f._mm512_and_si512(avx512bw._mm512_srli_epi16::<4>(parts[at]), low_nibble);
        let low = avx512bw._mm512_shuffle_epi8(tables[at], low);
        let high = avx512bw._mm512_shuffle_epi8(tables[2 + at], high);
        sum = avx512bw._mm512_add_epi8(sum, avx512bw._mm512_add_epi8(low, high));
    }
    sum
}

/// The bounds of a block, 16 points a register.
#[inline(always)]
fn bounds(simd: V4, sums: [__m256i; 2], factors: &Factors, step: f32, terms: Terms) -> [__m512; 2] {
    let avx512f = simd.avx512f;
    let (step, offset) = (avx512f._mm512_set1_ps(step), avx512f._mm512_set1_ps(terms.offset));
    let base = avx512f._mm512_set1_ps(terms.base);
    let shifts: [__m512; 2] = bytemuck::cast(factors[SHIFT]);
    let scales: [__m512; 2] = bytemuck::cast(factors[SCALE]);
    let mut bounds = shifts;
    for at in 0..2 {
        let sum = avx512f._mm512_cvtepi32_ps(avx512f._mm512_cvtepu16_epi32(sums[at]));
        let product = avx512f._mm512_add_ps(avx512f._mm512_mul_ps(sum, step), offset);
        let shift = avx512f._mm512_add_ps(shifts[at], base);
        bounds[at] = avx512f._mm512_add_ps(shift, avx512f._mm512_mul_ps(scales[at], product));
    }
    bounds
}

/// One bit for each of 32 bounds that is `level` or more.
#[inline(always)]
fn reaching(simd: V4, [first, second]: [__m512; 2], level: f32) -> u32 {
    let level = simd.avx512f._mm512_set1_ps(level);
    let first = simd.avx512f._mm512_cmp_ps_mask::<_CMP_GE_OQ>(first, level);
    let second = simd.avx512f._mm512_cmp_ps_mask::<_CMP_GE_OQ>(second, level);
    u32::from(second) << 16 | u32::from(first)
}
