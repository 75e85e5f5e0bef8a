//! How much slack a recall needs, measured on the index's own points. Knows neither files nor rows.

use rayon::prelude::*;

use super::bits::{BLOCK, SCALE, Tables};
use super::kernel::bounds_of_block;
use super::scan::{Question, Scan};
use crate::rank::{Scored, TopK};

/// Points that are asked for their neighbours, evenly spread over all.
const SAMPLE: usize = 500;

/// So many neighbours of each are looked at.
const NEIGHBOURS: usize = 20;

/// Five times the width of the estimates' errors, which is 0.6 units: the neighbours that are found with it are taken for the
/// true ones. Where the slack that comes out is more than half of it, it is doubled.
const WIDE: f32 = 3.0;

/// The least slack with which a share `recall` of the nearest neighbours of some points are found among all others.
///
/// A neighbour is lost when its bound does not reach the k-th best score. By how many units an estimate must be raised to
/// reach it depends on the neighbour and the level, and hardly on k, so that one slack serves every k.
pub(super) fn slack_for(scan: Scan<'_>, points: &[&[f32]], recall: f64) -> f32 {
    let n_sampled = points.len().min(SAMPLE);
    let sample: Vec<u32> = (0..n_sampled).map(|at| (at * points.len() / n_sampled) as u32).collect();
    let mut wide = WIDE;
    loop {
        let mut needs: Vec<f32> =
            sample.par_iter().flat_map_iter(|&point| needs_of(scan, points, point, wide)).collect();
        needs.sort_unstable_by(|a, b| b.total_cmp(a));
        let n_lost = ((1.0 - recall) * needs.len() as f64) as usize;
        let slack = needs.get(n_lost).copied().unwrap_or(0.0);
        if slack < wide / 2.0 {
            return slack;
        }
        wide *= 2.0;
    }
}

/// The slack that each of a point's nearest others needs to be found.
fn needs_of(scan: Scan<'_>, points: &[&[f32]], point: u32, wide: f32) -> Vec<f32> {
    let query = points[point as usize];
    let estimates = Tables::new(scan.axes, query);
    let mut mask = vec![u32::MAX; points.len().div_ceil(BLOCK)];
    mask[point as usize / BLOCK] &= !(1 << (point % BLOCK as u32));
    let k = NEIGHBOURS.min(points.len() - 1);
    if k == 0 {
        return Vec::new();
    }
    let tables = estimates.clone().with_slack(wide);
    let question = Question { query, tables: &tables, k, mask: Some(&mask) };
    let keep = |row: u32, score: f32, kept: &mut TopK| kept.push(Scored { row, score });
    let nearest = scan.nearest(&question, |other| points[other as usize], keep).into_sorted();
    let level = nearest.last().map_or(0.0, |hit| hit.score);
    let need = |hit: &Scored| {
        let (block, at) = (hit.row as usize / BLOCK, hit.row as usize % BLOCK);
        let estimate = bounds_of_block(scan.blocks, &estimates, block)[at];
        let unit = scan.blocks.factors[block][SCALE][at] * estimates.unit;
        if estimate < level { (level - estimate) / unit } else { 0.0 }
    };
    nearest.iter().map(need).collect()
}
