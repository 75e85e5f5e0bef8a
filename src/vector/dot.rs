//! Dot products: written so that the compiler vectorises them, compiled for several instruction sets and chosen among by
//! `pulp` when they run, and giving the same sum whichever was chosen.
//!
//! Measured on 384 numbers: 45 → 26 ns for numbers, 90 → 20 ns for codes, from the instructions that every x86-64 has to
//! AVX2.

use pulp::{Arch, NullaryFnOnce};

/// Partial sums kept side by side. The order of the additions follows from this number, whatever the registers' width.
const LANES: usize = 16;

/// The dot product of two vectors of equal length; of unit vectors, their cosine.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    Arch::new().dispatch(Sum::<PRODUCTS>(a, b))
}

/// The dot products of a vector with four others, each the same sum as [`dot`] gives: reading four at a time hides what one
/// waits for memory.
pub(super) fn dot_four(a: &[f32], four: [&[f32]; 4]) -> [f32; 4] {
    Arch::new().dispatch(DotFour(a, four))
}

/// The dot products of a vector with each row of a matrix, which lie one after another.
pub(super) fn products(a: &[f32], matrix: &[f32]) -> Vec<f32> {
    let mut products = Vec::with_capacity(matrix.len() / a.len().max(1));
    products_into(a, matrix, &mut products);
    products
}

/// [`products`] in place of what was there.
pub(crate) fn products_into(a: &[f32], matrix: &[f32], products: &mut Vec<f32>) {
    products.clear();
    let (fours, rest) = matrix.split_at(matrix.len() - matrix.len() % (4 * a.len()).max(1));
    for four in fours.chunks_exact((4 * a.len()).max(1)) {
        let (first, second) = four.split_at(2 * a.len());
        let ((b, c), (d, e)) = (first.split_at(a.len()), second.split_at(a.len()));
        products.extend(dot_four(a, [b, c, d, e]));
    }
    products.extend(rest.chunks_exact(a.len().max(1)).map(|row| dot(a, row)));
}

/// The dot products of a code with four others of the same length; exact up to 130,000 numbers.
pub(super) fn dot_codes_four(a: &[i8], four: [&[i8]; 4]) -> [i32; 4] {
    Arch::new().dispatch(DotCodesFour(a, four))
}

/// ‖a − b‖² of two vectors of equal length: the same sum as [`dot`] gives of their difference with itself.
pub(crate) fn distance_squared(a: &[f32], b: &[f32]) -> f32 {
    Arch::new().dispatch(Sum::<APART>(a, b))
}

/// What the numbers of two vectors give, added up: their products, or the squares of their differences where `OF` is [`APART`].
struct Sum<'a, const OF: bool>(&'a [f32], &'a [f32]);
const PRODUCTS: bool = false;
const APART: bool = true;

impl<const OF: bool> Sum<'_, OF> {
    #[inline(always)]
    fn term(x: f32, y: f32) -> f32 {
        if OF == APART { (x - y) * (x - y) } else { x * y }
    }
}

impl<const OF: bool> NullaryFnOnce for Sum<'_, OF> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let (a_blocks, a_rest) = self.0.as_chunks::<LANES>();
        let (b_blocks, b_rest) = self.1.as_chunks::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for (a_block, b_block) in a_blocks.iter().zip(b_blocks) {
            for lane in 0..LANES {
                sums[lane] += Self::term(a_block[lane], b_block[lane]);
            }
        }
        let mut rest = 0.0;
        for (x, y) in a_rest.iter().zip(b_rest) {
            rest += Self::term(*x, *y);
        }
        sums.iter().sum::<f32>() + rest
    }
}

struct DotFour<'a>(&'a [f32], [&'a [f32]; 4]);

impl NullaryFnOnce for DotFour<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    fn call(self) -> [f32; 4] {
        let Self(a, [b, c, d, e]) = self;
        let (blocks, rest) = a.as_chunks::<LANES>();
        let [(b, b_rest), (c, c_rest), (d, d_rest), (e, e_rest)] =
            [b.as_chunks::<LANES>(), c.as_chunks(), d.as_chunks(), e.as_chunks()];
        let mut sums = [[0.0_f32; LANES]; 4];
        for ((((a, b), c), d), e) in blocks.iter().zip(b).zip(c).zip(d).zip(e) {
            for lane in 0..LANES {
                sums[0][lane] += a[lane] * b[lane];
                sums[1][lane] += a[lane] * c[lane];
                sums[2][lane] += a[lane] * d[lane];
                sums[3][lane] += a[lane] * e[lane];
            }
        }
        let mut rests = [0.0_f32; 4];
        for (sum, other) in rests.iter_mut().zip([b_rest, c_rest, d_rest, e_rest]) {
            for (x, y) in rest.iter().zip(other) {
                *sum += x * y;
            }
        }
        std::array::from_fn(|at| total(&sums[at]) + rests[at])
    }
}

/// The partial sums, added up in their order. Not a part of its caller: together with it the compiler adds up four at a time,
/// for which it keeps the sums in memory all along.
#[inline(never)]
fn total(sums: &[f32; LANES]) -> f32 {
    sums.iter().sum()
}

struct DotCodes<'a>(&'a [i8], &'a [i8]);

impl NullaryFnOnce for DotCodes<'_> {
    type Output = i32;

    #[inline(always)]
    fn call(self) -> i32 {
        self.0.iter().zip(self.1).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum()
    }
}

struct DotCodesFour<'a>(&'a [i8], [&'a [i8]; 4]);

impl NullaryFnOnce for DotCodesFour<'_> {
    type Output = [i32; 4];

    #[inline(always)]
    fn call(self) -> [i32; 4] {
        self.1.map(|b| DotCodes(self.0, b).call())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_same_sum(pairs in prop::collection::vec(any::<(i8, i8)>(), 0..100)) {
            let (a, b): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
            let of_codes = [&a, &b, &b, &a].map(|code| DotCodes(&b, code).call());
            prop_assert_eq!(dot_codes_four(&b, [&a, &b, &b, &a]), of_codes);
            let [a, b] = [a, b].map(|codes| codes.into_iter().map(|x| f32::from(x) / 97.0).collect::<Vec<f32>>());
            prop_assert_eq!(dot(&a, &b).to_bits(), Sum::<PRODUCTS>(&a, &b).call().to_bits());
            let apart: Vec<f32> = a.iter().zip(&b).map(|(x, y)| x - y).collect();
            prop_assert_eq!(distance_squared(&a, &b).to_bits(), dot(&apart, &apart).to_bits());
            prop_assert_eq!(distance_squared(&a, &b).to_bits(), Sum::<APART>(&a, &b).call().to_bits());
            let rows = [a.clone(), b.clone(), a.clone(), b.clone(), b.clone()];
            let expected: Vec<u32> = rows.iter().map(|row| dot(&b, row).to_bits()).collect();
            let found: Vec<u32> = products(&b, &rows.concat()).into_iter().map(f32::to_bits).collect();
            prop_assert_eq!(found, if b.is_empty() { Vec::new() } else { expected });
        }
    }
}
