//! Every kernel that this machine can run, against the plain one.

use proptest::prelude::*;

use super::*;

/// What a kernel is tested on.
struct Case {
    codes: Vec<Fold>,
    factors: Vec<Factors>,
    tables: Tables,
    terms: Terms,
}

impl Case {
    /// Arbitrary codes and tables; the last block lacks some points.
    fn new(n_folds: usize, n_blocks: usize, n_absent: usize, seed: u64, [shift, scale, base]: [f32; 3]) -> Self {
        let mut state = seed;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let codes = (0..n_folds * n_blocks).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| byte()))).collect();
        let tables = (0..n_folds)
            .map(|_| {
                std::array::from_fn(|_| {
                    // Now and then the largest number that there is, so that sums come up to what a byte holds.
                    let half: [u8; 16] = std::array::from_fn(|_| (byte() & 63).min(31));
                    std::array::from_fn(|at| half[at % 16])
                })
            })
            .collect();
        let mut number = |largest: f32| f32::from(byte()) * largest / 255.0;
        let mut factors: Vec<Factors> =
            (0..n_blocks).map(|_| [shift, scale].map(|largest| std::array::from_fn(|_| number(largest)))).collect();
        if let Some(last) = factors.last_mut() {
            last[SHIFT][BLOCK - n_absent..].fill(f32::NEG_INFINITY);
            last[SCALE][BLOCK - n_absent..].fill(0.0);
        }
        let tables = Tables { tables, step: 0.037, offset: -3.3 };
        Self { codes, factors, tables, terms: Terms { base, offset: -2.9 } }
    }

    /// What a kernel finds from block `first` on.
    fn found(&self, kernel: fn(Scan<'_>), first: usize, level: f32) -> Vec<Key> {
        let mut found = Vec::new();
        let blocks = Blocks { codes: &self.codes, factors: &self.factors };
        let range = first..self.factors.len();
        kernel(Scan { blocks, tables: &self.tables, terms: self.terms, range, level, found: &mut found });
        found
    }
}

/// A kernel and its name.
type Named = (&'static str, fn(Scan<'_>));

/// The kernel that is chosen, and the others that this machine could run.
fn kernels() -> Vec<Named> {
    let mut kernels: Vec<Named> = vec![("chosen", |scan| {
        points_within(scan.blocks, scan.tables, scan.terms, scan.range, scan.level, scan.found);
    })];
    #[cfg(target_arch = "x86_64")]
    {
        if V4::try_new().is_some() {
            kernels.push(("avx512", |scan| {
                let simd = V4::try_new().expect("it was there a moment ago");
                simd.vectorize(avx512::PointsWithin { simd, scan });
            }));
        }
        if V3::try_new().is_some() {
            kernels.push(("avx2", |scan| {
                let simd = V3::try_new().expect("it was there a moment ago");
                simd.vectorize(avx2::PointsWithin { simd, scan });
            }));
        }
    }
    #[cfg(target_arch = "aarch64")]
    if Neon::try_new().is_some() {
        kernels.push(("neon", |scan| {
            let simd = Neon::try_new().expect("it was there a moment ago");
            simd.vectorize(neon::PointsWithin { simd, scan });
        }));
    }
    kernels
}

proptest! {
    #[test]
    fn all_kernels_give_the_same_bits(
        n_folds in 0_usize..14,
        n_blocks in 1_usize..6,
        n_absent in 0..BLOCK,
        seed in any::<u64>(),
        shift in -2.0_f32..2.0,
        scale in 0.0_f32..2.0,
        base in -1.0_f32..1.0,
        level in -3.0_f32..30.0,
    ) {
        let case = Case::new(n_folds, n_blocks, n_absent, seed, [shift, scale, base]);
        for (first, level) in [(0, f32::NEG_INFINITY), (n_blocks / 2, level)] {
            let expected = case.found(plain_points_within, first, level);
            for (name, kernel) in kernels() {
                prop_assert_eq!(case.found(kernel, first, level), &expected[..], "{}", name);
            }
        }
    }
}

#[test]
fn the_largest_sums_fit() {
    let mut case = Case::new(13, 1, 0, 0, [0.0, 1.0, 0.0]);
    case.tables.tables.fill([[31; BLOCK]; 8]);
    case.tables.step = 1.0;
    case.terms = Terms { base: 0.0, offset: 0.0 };
    case.factors = vec![[[0.0; BLOCK], [1.0; BLOCK]]];
    let expected: Vec<Key> = (0..BLOCK as u32).map(|point| Key::new(13.0 * 8.0 * 31.0, point)).collect();
    for (name, kernel) in kernels() {
        assert_eq!(case.found(kernel, 0, f32::NEG_INFINITY), expected, "{name}");
    }
    assert_eq!(case.found(plain_points_within, 0, f32::NEG_INFINITY), expected);
}
