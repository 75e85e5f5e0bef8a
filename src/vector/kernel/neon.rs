//! The kernel for NEON: half a part of a fold, which is a byte of each of 16 points, a register. Knows no other kernel.
//!
//! NEON is part of every target that this is compiled for, so its instructions are safe to name: none here takes a pointer.

use std::arch::aarch64::{
    float32x4_t, uint8x16_t, uint16x8_t, uint32x4_t, vaddq_f32, vaddq_u8, vaddvq_u32, vaddw_high_u8, vaddw_u8,
    vandq_u8, vandq_u32, vcgeq_f32, vcvtq_f32_u32, vdupq_n_f32, vdupq_n_u8, vdupq_n_u16, vget_low_u8, vget_low_u16,
    vmovl_high_u16, vmovl_u16, vmulq_f32, vqtbl1q_u8, vshrq_n_u8,
};

use super::Scan;
use crate::vector::bits::{BLOCK, Factors, Fold, SCALE, SHIFT, Tables, Terms};

/// [`super::points_within`].
pub(super) fn points_within(mut scan: Scan<'_>) {
    let n_folds = scan.tables.tables.len();
    for block in scan.range.clone() {
        let bounds = bounds(scan.blocks.block(block, n_folds), scan.tables, scan.terms);
        let reaching = reaching(bounds, scan.level);
        scan.push(block, bytemuck::cast_ref(&bounds), reaching);
    }
}

/// The bounds of a block, four points a register.
#[inline(always)]
fn bounds((codes, factors): (&[Fold], &Factors), tables: &Tables, terms: Terms) -> [float32x4_t; 8] {
    let sums = sums(codes, &tables.tables);
    let (step, offset) = (vdupq_n_f32(tables.step), vdupq_n_f32(terms.offset));
    let base = vdupq_n_f32(terms.base);
    let shifts: [float32x4_t; 8] = bytemuck::cast(factors[SHIFT]);
    let scales: [float32x4_t; 8] = bytemuck::cast(factors[SCALE]);
    let mut bounds = shifts;
    for at in 0..8 {
        let eight = sums[at / 2];
        let sum = if at % 2 == 0 { vmovl_u16(vget_low_u16(eight)) } else { vmovl_high_u16(eight) };
        let product = vaddq_f32(vmulq_f32(vcvtq_f32_u32(sum), step), offset);
        bounds[at] = vaddq_f32(vaddq_f32(shifts[at], base), vmulq_f32(scales[at], product));
    }
    bounds
}

/// The sums of a block's points, eight a register.
#[inline(always)]
fn sums(codes: &[Fold], tables: &[[[u8; BLOCK]; 8]]) -> [uint16x8_t; 4] {
    let low_nibble = vdupq_n_u8(15);
    let mut sums = [vdupq_n_u16(0); 4];
    for (fold, tables) in codes.iter().zip(tables) {
        let parts: [[uint8x16_t; 2]; 4] = bytemuck::cast(*fold);
        // The second copy of each table is for wider registers.
        let tables: [[uint8x16_t; 2]; 8] = bytemuck::cast(*tables);
        for half in 0..2 {
            let mut sum = vdupq_n_u8(0);
            for part in 0..4 {
                let bytes = parts[part][half];
                let low = vqtbl1q_u8(tables[part][0], vandq_u8(bytes, low_nibble));
                let high = vqtbl1q_u8(tables[4 + part][0], vshrq_n_u8::<4>(bytes));
                sum = vaddq_u8(sum, vaddq_u8(low, high));
            }
            sums[2 * half] = vaddw_u8(sums[2 * half], vget_low_u8(sum));
            sums[2 * half + 1] = vaddw_high_u8(sums[2 * half + 1], sum);
        }
    }
    sums
}

/// One bit for each of 32 bounds that is `level` or more.
#[inline(always)]
fn reaching(bounds: [float32x4_t; 8], level: f32) -> u32 {
    let level = vdupq_n_f32(level);
    let mut bits = 0;
    for (at, bounds) in bounds.into_iter().enumerate() {
        let weights: uint32x4_t = bytemuck::cast([1_u32, 2, 4, 8]);
        bits |= vaddvq_u32(vandq_u32(vcgeq_f32(bounds, level), weights)) << (4 * at);
    }
    bits
}
