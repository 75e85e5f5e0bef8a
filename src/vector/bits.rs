//! Vectors → codes of one bit a direction with two factors a point, and a query → tables that turn such codes into bounds.
//!
//! The estimator of RaBitQ (Gao and Long 2024, arXiv 2405.12497). With the centre c of a point's cluster, the point's
//! difference from it along the axes o, its signs x, and the query's difference w,
//!
//! ```text
//! ⟨v, q⟩  =  ⟨c, q⟩ + ⟨v − c, c⟩ + ⟨v − c, q − c⟩,     ⟨v − c, q − c⟩ ≈ f ⟨x, w⟩,     f = ⟨o, o⟩ / ⟨o, x⟩
//! ```
//!
//! which is unbiased over random rotations. With the mean m of all points, ⟨x, w⟩ is what x says of q − m, which is looked up
//! in tables that serve all clusters, less what it says of c − m, which does not depend on the query.
//!
//! The error is about as wide for all points, in units of f |w|. So a *slack* of that many units is added: the result is a
//! bound that the true cosine passes as seldom as the slack was chosen for, and raising each estimate to its bound costs
//! nothing, since it only moves a constant.
//!
//! Codes lie in blocks of 32 points for `kernel`: four directions make a nibble, a query has one table of 16 small numbers
//! for each, and a point's nibbles pick the numbers to be added (André, Kermarrec and Le Scouarnec 2015).

use super::axes::{Axes, difference};
use super::dot::dot;

/// Points in a block.
pub(super) const BLOCK: usize = 32;

/// Directions that are padded to a multiple of this: eight nibbles, whose numbers add up within a byte.
const DIRECTIONS_PER_FOLD: usize = 32;

/// The largest number in a table: 8 × 31 fits a byte.
const LARGEST: f32 = 31.0;

/// The codes of 32 points along 32 directions. Byte `p` of part `i` has point `p`'s nibbles 2i (low) and 2i + 1.
pub(super) type Fold = [[u8; BLOCK]; 4];

/// Two factors of 32 points: ⟨v − c, c⟩ − f ⟨x, c − m⟩ at [`SHIFT`], −∞ where a cluster's last block has no point any more,
/// and f at [`SCALE`].
pub(super) type Factors = [[f32; BLOCK]; 2];
pub(super) const SHIFT: usize = 0;
pub(super) const SCALE: usize = 1;

/// How many folds the code of a point has.
pub(super) const fn folds(dimension: usize) -> usize {
    dimension.div_ceil(DIRECTIONS_PER_FOLD)
}

/// The codes and factors of up to 32 points of the cluster around `centre`.
pub(super) fn encode_block<'a>(
    axes: Axes<'_>,
    centre: &[f32],
    points: impl Iterator<Item = &'a [f32]>,
) -> (Vec<Fold>, Factors) {
    let mut codes = vec![[[0; BLOCK]; 4]; folds(axes.mean.len())];
    let mut factors = [[f32::NEG_INFINITY; BLOCK], [0.0; BLOCK]];
    let centre_along = axes.project(centre);
    for (at, point) in points.enumerate() {
        let apart = difference(point, centre);
        let along = axes.turn(&apart);
        for (direction, _) in along.iter().enumerate().filter(|(_, x)| **x >= 0.0) {
            let (part, bit) = (direction / 8, direction % 8);
            codes[part / 4][part % 4][at] |= 1 << bit;
        }
        let sum: f32 = along.iter().map(|x| x.abs()).sum();
        let scale = if sum > 0.0 { dot(&along, &along) / sum } else { 0.0 };
        let of_centre: f32 = along.iter().zip(&centre_along).map(|(x, c)| if *x >= 0.0 { *c } else { -c }).sum();
        factors[SCALE][at] = scale;
        factors[SHIFT][at] = dot(&apart, centre) - scale * of_centre;
    }
    (codes, factors)
}

/// A query, ready to be compared with codes.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    /// For each fold and each of its eight nibbles 16 numbers, twice: a register of 32 bytes looks up in halves. First the
    /// low nibbles of its four parts, then the high ones, so that tables of like nibbles lie side by side.
    pub(super) tables: Vec<[[u8; BLOCK]; 8]>,
    /// ⟨x, q − m⟩ ≈ step × sum + offset
    pub(super) step: f32,
    pub(super) offset: f32,
}

/// What turns sums into bounds in one cluster: (shift + base) + scale × (step × sum + offset).
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// ⟨c, q⟩
    pub(super) base: f32,
    /// The tables' own offset, and the slack.
    pub(super) offset: f32,
}

impl Tables {
    /// Tables of a query.
    pub(super) fn new(axes: Axes<'_>, query: &[f32]) -> Self {
        let mut along = axes.project(query);
        along.resize(folds(along.len()) * DIRECTIONS_PER_FOLD, 0.0);
        let reach = |four: &[f32; 4]| four.iter().map(|x| x.abs()).sum::<f32>();
        let nibbles = along.as_chunks::<4>().0;
        let step = 2.0 * nibbles.iter().map(reach).fold(0.0, f32::max) / LARGEST;
        let table = |four: &[f32; 4]| -> [u8; BLOCK] {
            // Twice the sum of the numbers whose signs are +: what is to be added to the least sum, which has none.
            let least: f32 = four.iter().map(|x| 2.0 * x.min(0.0)).sum();
            let half: [u8; BLOCK / 2] = std::array::from_fn(|index| {
                let sum: f32 = (0..4).map(|bit| if index >> bit & 1 == 1 { 2.0 * four[bit] } else { 0.0 }).sum();
                // Never negative, so that half more and cut off is rounded, without a call.
                if step > 0.0 { ((sum - least) / step + 0.5) as u8 } else { 0 }
            });
            std::array::from_fn(|index| half[index % half.len()])
        };
        let tables_of_fold = |nibbles: &[[f32; 4]; 8]| [0, 2, 4, 6, 1, 3, 5, 7].map(|at| table(&nibbles[at]));
        let tables = nibbles.as_chunks::<8>().0.iter().map(tables_of_fold).collect();
        let offset = -nibbles.iter().map(reach).sum::<f32>();
        Self { tables, step, offset }
    }
}
