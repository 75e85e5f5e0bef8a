//! Codes and tables → bounds, 32 points at a time. Knows neither rows nor what a bound is for.
//!
//! Four kernels that give the same bits, chosen when they run: for AVX-512, AVX2 and NEON, through `pulp`'s safe names of
//! their instructions, and a plain one for any machine, which also judges the others.
//!
//! What has not been run is not shipped. AVX2 and AVX-512 ran and were measured on machines that have them
//! (`benches/README.md`); for NEON the tests ran under `qemu-aarch64` 7.2, which says that the bits are right, and nothing of
//! speed.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(test)]
mod tests;

use std::ops::Range;

#[cfg(target_arch = "aarch64")]
use pulp::aarch64::Neon;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

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

/// What a kernel is asked: the points of a range of blocks whose bounds are `level` or more.
struct Scan<'a> {
    blocks: Blocks<'a>,
    tables: &'a Tables,
    terms: Terms,
    range: Range<usize>,
    level: f32,
    found: &'a mut Vec<Key>,
}

impl Scan<'_> {
    /// Adds the points of a block for which `reaching` has a bit.
    #[inline(always)]
    fn push(&mut self, block: usize, bounds: &[f32; BLOCK], mut reaching: u32) {
        while reaching != 0 {
            let at = reaching.trailing_zeros() as usize;
            self.found.push(Key::new(bounds[at], (block * BLOCK + at) as u32));
            reaching &= reaching - 1;
        }
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
    let scan = Scan { blocks, tables, terms, range, level, found };
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(simd) = V4::try_new() {
            return simd.vectorize(avx512::PointsWithin { simd, scan });
        }
        if let Some(simd) = V3::try_new() {
            return simd.vectorize(avx2::PointsWithin { simd, scan });
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(simd) = Neon::try_new() {
        return simd.vectorize(neon::PointsWithin { simd, scan });
    }
    plain_points_within(scan);
}

/// The kernel for any machine.
fn plain_points_within(mut scan: Scan<'_>) {
    for block in scan.range.clone() {
        let bounds = bounds_of_block(scan.blocks, scan.tables, scan.terms, block);
        let mut reaching = 0;
        for (at, bound) in bounds.iter().enumerate() {
            reaching |= u32::from(*bound >= scan.level) << at;
        }
        scan.push(block, &bounds, reaching);
    }
}

/// The bounds of a block's points.
pub(super) fn bounds_of_block(blocks: Blocks<'_>, tables: &Tables, terms: Terms, block: usize) -> [f32; BLOCK] {
    let (codes, factors) = blocks.block(block, tables.tables.len());
    let mut sums = [0_u16; BLOCK];
    for (fold, tables) in codes.iter().zip(&tables.tables) {
        let (of_low, of_high) = tables.split_at(fold.len());
        for ((bytes, low), high) in fold.iter().zip(of_low).zip(of_high) {
            for (sum, byte) in sums.iter_mut().zip(bytes) {
                *sum += u16::from(low[usize::from(byte & 15)]) + u16::from(high[usize::from(byte >> 4)]);
            }
        }
    }
    std::array::from_fn(|at| {
        let product = f32::from(sums[at]) * tables.step + terms.offset;
        (factors[SHIFT][at] + terms.base) + factors[SCALE][at] * product
    })
}
