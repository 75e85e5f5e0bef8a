//! Dot products, written so that the compiler vectorises them and so that every machine gets the same sum.

/// Partial sums kept side by side: four registers of AVX, and enough of them to hide the latency of an addition.
const LANES: usize = 32;

/// The dot product of two vectors of equal length; of unit vectors, their cosine.
///
/// The order of the additions is fixed by [`LANES`], whatever the width of the machine's registers.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a_block, b_block) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a_block[lane] * b_block[lane];
        }
    }
    let mut rest = 0.0;
    for (x, y) in a_rest.iter().zip(b_rest) {
        rest += x * y;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0] + rest
}

/// The dot product of two codes of equal length; exact up to 130,000 numbers.
pub(super) fn dot_codes(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum()
}
