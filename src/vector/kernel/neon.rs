//! The kernel for NEON: half a part of a fold, which is a byte of each of 16 points, a register. Knows no other kernel.

use std::arch::aarch64::{float32x4_t, uint8x16_t, uint16x8_t, uint32x4_t};

use pulp::NullaryFnOnce;
use pulp::aarch64::Neon;

use super::Scan;
use crate::vector::bits::{BLOCK, Factors, Fold, SCALE, SHIFT, Tables, Terms};

/// [`super::points_within`], to be called through `vectorize`.
pub(super) struct PointsWithin<'a> {
    pub(super) simd: Neon,
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

/// The bounds of a block, four points a register.
#[inline(always)]
fn bounds(simd: Neon, (codes, factors): (&[Fold], &Factors), tables: &Tables, terms: Terms) -> [float32x4_t; 8] {
    let neon = simd.neon;
    let sums = sums(simd, codes, &tables.tables);
    let (step, offset) = (neon.vdupq_n_f32(tables.step), neon.vdupq_n_f32(terms.offset));
    let base = neon.vdupq_n_f32(terms.base);
    let shifts: [float32x4_t; 8] = bytemuck::cast(factors[SHIFT]);
    let scales: [float32x4_t; 8] = bytemuck::cast(factors[SCALE]);
    let mut bounds = shifts;
    for at in 0..8 {
        let eight = sums[at / 2];
        let sum = if at % 2 == 0 { neon.vmovl_u16(neon.vget_low_u16(eight)) } else { neon.vmovl_high_u16(eight) };
        let product = neon.vaddq_f32(neon.vmulq_f32(neon.vcvtq_f32_u32(sum), step), offset);
        bounds[at] = neon.vaddq_f32(neon.vaddq_f32(shifts[at], base), neon.vmulq_f32(scales[at], product));
    }
    bounds
}

/// The sums of a block's points, eight a register.
#[inline(always)]
fn sums(simd: Neon, codes: &[Fold], tables: &[[[u8; BLOCK]; 8]]) -> [uint16x8_t; 4] {
    let neon = simd.neon;
    let low_nibble = neon.vdupq_n_u8(15);
    let mut sums = [neon.vdupq_n_u16(0); 4];
    for (fold, tables) in codes.iter().zip(tables) {
        let parts: [[uint8x16_t; 2]; 4] = bytemuck::cast(*fold);
        // The second copy of each table is for wider registers.
        let tables: [[uint8x16_t; 2]; 8] = bytemuck::cast(*tables);
        for half in 0..2 {
            let mut sum = neon.vdupq_n_u8(0);
            for part in 0..4 {
                let bytes = parts[part][half];
                let low = neon.vqtbl1q_u8(tables[part][0], neon.vandq_u8(bytes, low_nibble));
                let high = neon.vqtbl1q_u8(tables[4 + part][0], neon.vshrq_n_u8::<4>(bytes));
                sum = neon.vaddq_u8(sum, neon.vaddq_u8(low, high));
            }
            sums[2 * half] = neon.vaddw_u8(sums[2 * half], neon.vget_low_u8(sum));
            sums[2 * half + 1] = neon.vaddw_high_u8(sums[2 * half + 1], sum);
        }
    }
    sums
}

/// One bit for each of 32 bounds that is `level` or more.
#[inline(always)]
fn reaching(simd: Neon, bounds: [float32x4_t; 8], level: f32) -> u32 {
    let neon = simd.neon;
    let level = neon.vdupq_n_f32(level);
    let mut bits = 0;
    for (at, bounds) in bounds.into_iter().enumerate() {
        let weights: uint32x4_t = bytemuck::cast([1_u32, 2, 4, 8]);
        bits |= neon.vaddvq_u32(neon.vandq_u32(neon.vcgeq_f32(bounds, level), weights)) << (4 * at);
    }
    bits
}
