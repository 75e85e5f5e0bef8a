//! What becomes of every token's numbers between two matrix products, in one go for each token. Knows no graph.
//!
//! `models/convert.py` defines these steps by standard operators; the order of sums and the error function differ from those
//! in the last digits. A row is a token's numbers. Its code has a byte for each, such that its largest magnitude becomes
//! [`LIMIT`] and zero becomes [`ZERO`]: a row's code depends on that row alone, so a vector never depends on its batch.
//!
//! Loops are written out, since closures would be compiled without the instructions that `pulp` chooses.

use pulp::{Arch, NullaryFnOnce};

/// What the largest magnitude of a row is coded as.
const LIMIT: f32 = 127.0;

/// The code of zero.
const ZERO: f32 = 128.0;

/// Added to a number of at most 2²², leaves its nearest integer, ties to even, in the low bits.
const ROUNDING: f32 = 12_582_912.0;

/// Kept from the square root of a variance that is zero.
const EPSILON: f32 = 1e-12;

/// Partial sums kept side by side, so that the order of additions does not depend on the width of registers.
const LANES: usize = 16;

/// A matrix product whose rows still lack their scale, and what is then added to each.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    /// Rows × the length of `bias`.
    pub(super) sums: &'a [f32],
    /// The scale of each row.
    pub(super) row_max: &'a [f32],
    /// One number for each column.
    pub(super) bias: &'a [f32],
}

/// Rows as codes, and the largest magnitude of each.
pub(super) struct Codes<'a> {
    pub(super) codes: &'a mut [u8],
    pub(super) row_max: &'a mut [f32],
}

/// Layer normalization: what is multiplied and what is added, for each column.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub(super) scale: &'a [f32],
    pub(super) shift: &'a [f32],
}

/// Codes rows of `width` numbers.
pub(super) fn quantize(rows: &[f32], width: usize, out: Codes<'_>) {
    Arch::new().dispatch(Quantize { rows, width, out });
}

/// Scales a product, adds its bias, and cuts each row into three equal parts.
pub(super) fn split(product: Product<'_>, parts: [&mut [f32]; 3]) {
    Arch::new().dispatch(Split { product, parts });
}

/// The Gaussian error linear unit, x·Φ(x) (Hendrycks and Gimpel 2016), of a product, as codes.
pub(super) fn gelu(product: Product<'_>, out: Codes<'_>) {
    Arch::new().dispatch(Gelu { product, out });
}

/// Layer normalization (Ba, Kiros, Hinton 2016) of `residual` and a product, as numbers and as codes.
pub(super) fn norm(product: Product<'_>, residual: &[f32], norm: Norm<'_>, normed: &mut [f32], out: Codes<'_>) {
    Arch::new().dispatch(Normed { product, residual, norm, normed, out });
}

struct Quantize<'a> {
    rows: &'a [f32],
    width: usize,
    out: Codes<'a>,
}

impl NullaryFnOnce for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { rows, width, out } = self;
        let codes = out.codes.chunks_exact_mut(width);
        for ((row, codes), row_max) in rows.chunks_exact(width).zip(codes).zip(out.row_max) {
            *row_max = code(row, codes);
        }
    }
}

struct Split<'a> {
    product: Product<'a>,
    parts: [&'a mut [f32]; 3],
}

impl NullaryFnOnce for Split<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { product: Product { sums, row_max, bias }, parts } = self;
        let width = bias.len() / 3;
        for (third, part) in parts.into_iter().enumerate() {
            let columns = third * width..(third + 1) * width;
            let rows = sums.chunks_exact(3 * width).zip(row_max).zip(part.chunks_exact_mut(width));
            for ((row, row_max), part) in rows {
                scaled(&row[columns.clone()], *row_max, &bias[columns.clone()], part);
            }
        }
    }
}

struct Gelu<'a> {
    product: Product<'a>,
    out: Codes<'a>,
}

impl NullaryFnOnce for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { product: Product { sums, row_max, bias }, out } = self;
        let width = bias.len();
        let mut opened = vec![0.0; width];
        let codes = out.codes.chunks_exact_mut(width).zip(out.row_max);
        for ((row, row_max), (codes, out_max)) in sums.chunks_exact(width).zip(row_max).zip(codes) {
            scaled(row, *row_max, bias, &mut opened);
            for x in &mut opened {
                *x = 0.5 * *x * (1.0 + error_function(*x * std::f32::consts::FRAC_1_SQRT_2));
            }
            *out_max = code(&opened, codes);
        }
    }
}

struct Normed<'a> {
    product: Product<'a>,
    residual: &'a [f32],
    norm: Norm<'a>,
    normed: &'a mut [f32],
    out: Codes<'a>,
}

impl NullaryFnOnce for Normed<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { product: Product { sums, row_max, bias }, residual, norm, normed, out } = self;
        let width = bias.len();
        let given = sums.chunks_exact(width).zip(row_max).zip(residual.chunks_exact(width));
        let made = normed.chunks_exact_mut(width).zip(out.codes.chunks_exact_mut(width).zip(out.row_max));
        for (((row, row_max), residual), (normed, (codes, out_max))) in given.zip(made) {
            scaled(row, *row_max, bias, normed);
            for (x, residual) in normed.iter_mut().zip(residual) {
                *x += residual;
            }
            let mean = sum(normed) / width as f32;
            for x in normed.iter_mut() {
                *x -= mean;
            }
            let deviation = (sum_of_squares(normed) / width as f32 + EPSILON).sqrt();
            for ((x, scale), shift) in normed.iter_mut().zip(norm.scale).zip(norm.shift) {
                *x = *x / deviation * scale + shift;
            }
            *out_max = code(normed, codes);
        }
    }
}

/// A row of a product, scaled, with its bias.
#[inline(always)]
fn scaled(row: &[f32], row_max: f32, bias: &[f32], out: &mut [f32]) {
    for ((x, bias), out) in row.iter().zip(bias).zip(out) {
        *out = x * row_max + bias;
    }
}

/// Codes a row and returns its largest magnitude.
#[inline(always)]
fn code(row: &[f32], codes: &mut [u8]) -> f32 {
    // Magnitudes are in the order of their bits, and the maximum of integers needs no order of evaluation.
    let mut largest = 0_u32;
    for x in row {
        largest = largest.max(x.to_bits() & 0x7fff_ffff);
    }
    let row_max = f32::from_bits(largest);
    let factor = if row_max > 0.0 { LIMIT / row_max } else { 0.0 };
    for (x, code) in row.iter().zip(codes) {
        *code = (x * factor + (ROUNDING + ZERO)).to_bits() as u8;
    }
    row_max
}

#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for block in blocks {
        for lane in 0..LANES {
            sums[lane] += block[lane];
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

#[inline(always)]
fn sum_of_squares(row: &[f32]) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for block in blocks {
        for lane in 0..LANES {
            sums[lane] += block[lane] * block[lane];
        }
    }
    let mut rest_sum = 0.0;
    for x in rest {
        rest_sum += x * x;
    }
    sums.iter().sum::<f32>() + rest_sum
}

/// erf(x) within 4e-7: the quotient of polynomials that numerical libraries (Eigen, XLA) use for `f32`.
#[inline(always)]
fn error_function(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let mut above = -2.726_142e-10_f32;
    for coefficient in
        [2.770_681_4e-8, -2.101_024e-6, -5.692_506_4e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_3e-2_f32]
    {
        above = above * square + coefficient;
    }
    let mut below = -1.456_607_2e-5_f32;
    for coefficient in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2_f32] {
        below = below * square + coefficient;
    }
    x * above / below
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The integral by its series, in twice the precision.
    fn exact_error_function(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200_u32 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn the_error_function_is_that_of_its_series() {
        for step in -500_i16..=500 {
            let x = f32::from(step) / 100.0;
            let apart = f64::from(error_function(x)) - exact_error_function(f64::from(x));
            assert!(apart.abs() < 4e-7, "erf({x}) is off by {apart}");
        }
    }

    /// What the codes of a row must be, in the plainest way.
    fn assert_codes(row: &[f32], codes: &[u8], row_max: f32) {
        assert_eq!(row_max, row.iter().fold(0.0_f32, |most, x| most.max(x.abs())));
        for (x, &code) in row.iter().zip(codes) {
            let exact = if row_max > 0.0 { f64::from(*x) * 127.0 / f64::from(row_max) } else { 0.0 };
            assert!((f64::from(code) - 128.0 - exact).abs() < 0.5 + 1e-4, "{x} of {row_max} is coded as {code}");
        }
    }

    fn near(found: f32, exact: f64) -> bool {
        (f64::from(found) - exact).abs() <= 1e-5 * exact.abs().max(1.0)
    }

    fn rows() -> impl Strategy<Value = (usize, Vec<f32>)> {
        (1_usize..12, 1_usize..4).prop_flat_map(|(thirds, n_rows)| {
            (Just(3 * thirds), prop::collection::vec(-9.0_f32..9.0, 3 * thirds * n_rows))
        })
    }

    proptest! {
        #[test]
        fn steps_are_what_their_formulas_say((width, sums) in rows(), zeroed in any::<bool>(), seed in 0.1_f32..2.0) {
            let n_rows = sums.len() / width;
            let mut sums = sums;
            if zeroed {
                sums[..width].fill(0.0);
            }
            let column = |a: f32, b: f32| -> Vec<f32> { (0..width).map(|at| a * (at as f32 * b).sin() * seed).collect() };
            let scales: Vec<f32> = (0..n_rows).map(|row| seed + row as f32 / 10.0).collect();
            let bias = if zeroed { vec![0.0; width] } else { column(0.5, 1.3) };
            let product = Product { sums: &sums, row_max: &scales, bias: &bias };
            let exact = |row: usize, at: usize| {
                f64::from(sums[row * width + at]) * f64::from(scales[row]) + f64::from(bias[at])
            };
            let (mut codes, mut row_max) = (vec![0; sums.len()], vec![0.0; n_rows]);

            quantize(&sums, width, Codes { codes: &mut codes, row_max: &mut row_max });
            for (at, row) in sums.chunks(width).enumerate() {
                assert_codes(row, &codes[at * width..][..width], row_max[at]);
            }

            let mut parts = [(); 3].map(|()| vec![0.0; sums.len() / 3]);
            let [a, b, c] = &mut parts;
            split(product, [a, b, c]);
            for row in 0..n_rows {
                for at in 0..width {
                    let third = width / 3;
                    let found = parts[at / third][row * third + at % third];
                    prop_assert!(near(found, exact(row, at)));
                }
            }

            gelu(product, Codes { codes: &mut codes, row_max: &mut row_max });
            for row in 0..n_rows {
                let opened: Vec<f64> = (0..width)
                    .map(|at| exact(row, at))
                    .map(|x| x * 0.5 * (1.0 + exact_error_function((x / 2.0_f64.sqrt()).clamp(-5.0, 5.0))))
                    .collect();
                let most = opened.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
                prop_assert!(near(row_max[row], most));
                // Far below zero Φ is 1 + erf of about −1, which leaves no digits to compare codes by.
                for (x, &code) in opened.iter().zip(&codes[row * width..]).filter(|_| most > 0.01) {
                    prop_assert!((f64::from(code) - 128.0 - x * 127.0 / most).abs() < 0.51);
                }
            }

            let residual: Vec<f32> = sums.iter().rev().copied().collect();
            let (scale, shift) = (column(1.0, 0.7), column(0.2, 2.1));
            let mut normed = vec![0.0; sums.len()];
            let out = Codes { codes: &mut codes, row_max: &mut row_max };
            norm(product, &residual, Norm { scale: &scale, shift: &shift }, &mut normed, out);
            for row in 0..n_rows {
                let added: Vec<f64> =
                    (0..width).map(|at| exact(row, at) + f64::from(residual[row * width + at])).collect();
                let mean = added.iter().sum::<f64>() / width as f64;
                let variance = added.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / width as f64;
                for at in 0..width {
                    let unit = (added[at] - mean) / (variance + 1e-12).sqrt();
                    let expected = unit * f64::from(scale[at]) + f64::from(shift[at]);
                    prop_assert!((f64::from(normed[row * width + at]) - expected).abs() < 1e-3);
                }
                assert_codes(&normed[row * width..][..width], &codes[row * width..][..width], row_max[row]);
            }
        }
    }
}
