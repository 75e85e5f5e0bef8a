//! The nearest of some centres for each of many points: the bulk of a build, so four points meet sixteen centres at a time.
//! Knows no cluster.
//!
//! Every sum adds its products in the order of the numbers, whatever the instruction set, so that the same points are put to
//! the same centres on any machine. `ndarray` (`matrixmultiply`) rounds differently where it finds fused instructions.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::dot::dot;

/// Centres side by side: two registers of AVX2.
const LANES: usize = 16;

/// Points side by side: with [`LANES`] centres, all sums stay in registers.
const ROWS: usize = 4;

/// Points that meet a panel of centres while it is in the nearest cache: a multiple of [`ROWS`].
const POINTS_PER_TILE: usize = 64;

/// Centres, ready to be compared with points.
pub(super) struct Centres {
    dimension: usize,
    /// Panels of [`LANES`] centres: what each centre's score begins with, then their first numbers, their second numbers, …
    panels: Vec<[f32; LANES]>,
}

impl Centres {
    /// Centres that lie one after another, `dimension` numbers each.
    pub(super) fn new(centres: &[f32], dimension: usize) -> Self {
        let mut panels = Vec::with_capacity((centres.len() / dimension).div_ceil(LANES) * (dimension + 1));
        for panel in centres.chunks(LANES * dimension) {
            // A score is ⟨p, c⟩ − ⟨c, c⟩ / 2, which is the greater the smaller the distance. No point is near to no centre.
            let mut row = [f32::NEG_INFINITY; LANES];
            for (start, centre) in row.iter_mut().zip(panel.chunks_exact(dimension)) {
                *start = -dot(centre, centre) / 2.0;
            }
            panels.push(row);
            for number in 0..dimension {
                let mut row = [0.0; LANES];
                row.iter_mut().zip(panel.chunks_exact(dimension)).for_each(|(x, centre)| *x = centre[number]);
                panels.push(row);
            }
        }
        Self { dimension, panels }
    }

    /// The nearest centre of each point; of several, the first.
    pub(super) fn nearest(&self, points: &[&[f32]]) -> Vec<u32> {
        let tiles = points.par_chunks(POINTS_PER_TILE);
        tiles.flat_map_iter(|tile| self.nearest_of_tile(tile)).collect()
    }

    fn nearest_of_tile(&self, tile: &[&[f32]]) -> Vec<u32> {
        let none = Best { scores: [f32::NEG_INFINITY; LANES], panels: [0; LANES] };
        let mut bests = [none; POINTS_PER_TILE];
        for (panel, numbers) in self.panels.chunks_exact(self.dimension + 1).enumerate() {
            for (points, bests) in tile.chunks(ROWS).zip(bests.chunks_exact_mut(ROWS)) {
                // Points that are not there are the first one again.
                let points = std::array::from_fn(|at| *points.get(at).unwrap_or(&points[0]));
                let scores = Arch::new().dispatch(Scores { points, panel: numbers });
                bests.iter_mut().zip(&scores).for_each(|(best, scores)| best.raise(scores, panel as u32));
            }
        }
        bests[..tile.len()].iter().map(Best::centre).collect()
    }
}

/// The best score that a point has in each lane, and the panel where.
#[derive(Clone, Copy)]
struct Best {
    scores: [f32; LANES],
    panels: [u32; LANES],
}

struct Scores<'a> {
    points: [&'a [f32]; ROWS],
    panel: &'a [[f32; LANES]],
}

impl NullaryFnOnce for Scores<'_> {
    type Output = [[f32; LANES]; ROWS];

    // Compiled alone, so that the sums stay in registers: as a part of the loops around it they did not.
    #[inline(always)]
    fn call(self) -> [[f32; LANES]; ROWS] {
        let mut sums = [self.panel[0]; ROWS];
        let [a, b, c, d] = self.points;
        for ((((centres, a), b), c), d) in self.panel[1..].iter().zip(a).zip(b).zip(c).zip(d) {
            for lane in 0..LANES {
                sums[0][lane] += a * centres[lane];
                sums[1][lane] += b * centres[lane];
                sums[2][lane] += c * centres[lane];
                sums[3][lane] += d * centres[lane];
            }
        }
        sums
    }
}

impl Best {
    fn raise(&mut self, scores: &[f32; LANES], panel: u32) {
        for ((score, best), best_panel) in scores.iter().zip(&mut self.scores).zip(&mut self.panels) {
            let is_better = *score > *best;
            *best = if is_better { *score } else { *best };
            *best_panel = if is_better { panel } else { *best_panel };
        }
    }

    /// The centre of the best score; of several, the first.
    fn centre(&self) -> u32 {
        let mut best = (f32::NEG_INFINITY, 0);
        for lane in 0..LANES {
            let (score, centre) = (self.scores[lane], self.panels[lane] * LANES as u32 + lane as u32);
            if score > best.0 || (score == best.0 && centre < best.1) {
                best = (score, centre);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_is_the_first_of_the_nearest(
            dimension in 1_usize..40,
            n_centres in 1_usize..40,
            n_points in 0_usize..150,
            // Few different numbers, so that sums are exact and distances tie.
            numbers in prop::collection::vec(-2_i8..=2, 190 * 40),
        ) {
            let numbers: Vec<f32> = numbers.into_iter().map(f32::from).collect();
            let (centres, points) = numbers.split_at(n_centres * dimension);
            let points: Vec<&[f32]> = points.chunks_exact(dimension).take(n_points).collect();
            let distance = |point: &[f32], centre: &[f32]| -> f32 {
                point.iter().zip(centre).map(|(x, y)| (x - y) * (x - y)).sum()
            };
            let first_nearest = |point: &&[f32]| {
                let distances = centres.chunks_exact(dimension).map(|centre| distance(point, centre));
                distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at as u32)
            };
            let expected: Vec<Option<u32>> = points.iter().map(first_nearest).collect();
            let found = Centres::new(centres, dimension).nearest(&points);
            prop_assert_eq!(found.into_iter().map(Some).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn every_instruction_set_gives_the_same_scores(raw in prop::collection::vec(-1.0_f32..1.0, 4 * 17 + LANES * 18)) {
            let (points, panel) = raw.split_at(4 * 17);
            let panel = panel.as_chunks::<LANES>().0;
            let points = || Scores { points: std::array::from_fn(|at| &points[at * 17..][..17]), panel };
            prop_assert_eq!(Arch::new().dispatch(points()), points().call());
        }
    }
}
