//! How much slack a recall needs, measured on the index's own points. Knows neither files nor rows.

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::AsQuery;
use super::bits::{BLOCK, SCALE, Tables, Terms};
use super::kernel::bounds_of_block;
use super::scan::{Question, Scan, Slacks};
use crate::rank::{Scored, TopK};

/// Points that are asked for their neighbours, evenly spread over all.
const SAMPLE: usize = 500;

/// So many neighbours of each are looked at. Where scores lie close together, as without any structure, fewer neighbours need
/// more slack: measured with 20 for a recall of .98, the best 10 were found to .969; with 10, the best 20 are found to .992.
const NEIGHBOURS: usize = 10;

/// Five times the width of the estimates' errors, which is 0.6 units: the neighbours that are found with it are taken for the
/// true ones. Where the slack that comes out is more than half of it, it is doubled.
const WIDE: f32 = 3.0;

/// So much that every cluster is visited.
const EVERY_CLUSTER: f32 = 1e9;

/// With these nearly all neighbours are found fast. Since those that they miss can only be nearer, they show how near the
/// others must be at least.
const LIKELY: Slacks = Slacks { clusters: 0.5, codes: 1.0 };

/// The part of the loss that clusters may cause. Codes may cause the rest.
const CLUSTERS_PART: f64 = 0.5;

/// The least slacks with which a share `recall` of the nearest neighbours of some points are found among all others.
/// `points` has an empty vector where there is none.
///
/// A neighbour is lost when its bound does not reach the k-th best score. By how many units an estimate must be raised to
/// reach it depends on the neighbour and the level, and little on k, so that one slack serves every k of ten or more.
pub(super) fn slacks_for(scan: Scan<'_>, points: &[&[f32]], as_query: AsQuery<'_>, recall: f64) -> Slacks {
    let all = existing(points);
    let sample = spread(&all, SAMPLE);
    let k = NEIGHBOURS.min(all.len().saturating_sub(1));
    let mut wide = WIDE;
    loop {
        let slacks = Slacks { clusters: EVERY_CLUSTER, codes: wide };
        let needs: Vec<Slacks> = sample
            .par_iter()
            .flat_map_iter(|&point| needs_of(scan, points, (point, &as_query(points[point as usize])), k, slacks))
            .collect();
        let share = |of: fn(&Slacks) -> f32, part: f64| {
            let mut sorted: Vec<f32> = needs.iter().map(of).collect();
            sorted.sort_unstable_by(|a, b| b.total_cmp(a));
            let n_lost = ((1.0 - recall) * part * sorted.len() as f64) as usize;
            sorted.get(n_lost).copied().unwrap_or(0.0)
        };
        let clusters = share(|need| need.clusters, CLUSTERS_PART);
        let codes = share(|need| need.codes, 1.0 - CLUSTERS_PART);
        if codes < wide / 2.0 {
            return Slacks { clusters, codes };
        }
        wide *= 2.0;
    }
}

/// Points that are asked how many others codes leave to them.
const ASKED: usize = 100;

/// The share of the points that are scored exactly beyond those that are wanted: where it is large, codes are of no use.
pub(super) fn scored_share(scan: Scan<'_>, points: &[&[f32]], as_query: AsQuery<'_>, slacks: Slacks) -> f64 {
    let all = existing(points);
    let k = NEIGHBOURS.min(all.len());
    let is_eligible = |other: u32| !points[other as usize].is_empty();
    let scored = |&point: &u32| {
        let mut n_scored = 0;
        let query = &as_query(points[point as usize]);
        let question = Question { query, k, slacks, least: f32::NEG_INFINITY };
        scan.nearest(
            &question,
            is_eligible,
            |other| points[other as usize],
            |row, score, kept| {
                n_scored += 1;
                kept.push(Scored { row, score });
            },
        );
        n_scored - k
    };
    let asked = spread(&all, ASKED);
    let n_scored: usize = asked.par_iter().map(scored).sum();
    n_scored as f64 / (asked.len() * (all.len() - k)).max(1) as f64
}

fn existing(points: &[&[f32]]) -> Vec<u32> {
    (0..points.len() as u32).filter(|&point| !points[point as usize].is_empty()).collect()
}

/// So many of `all`, or all, evenly spread.
fn spread(all: &[u32], n: usize) -> Vec<u32> {
    let n = all.len().min(n);
    (0..n).map(|at| all[at * all.len() / n]).collect()
}

/// The slacks that each of a point's nearest others needs to be found, the point being a query.
fn needs_of(scan: Scan<'_>, points: &[&[f32]], (point, query): (u32, &[f32]), k: usize, slacks: Slacks) -> Vec<Slacks> {
    if k == 0 {
        return Vec::new();
    }
    let nearest_with = |slacks: Slacks, least: f32| {
        let keep = |row: u32, score: f32, kept: &mut TopK| kept.push(Scored { row, score });
        let is_eligible = |other| other != point && !points[other as usize].is_empty();
        let question = Question { query, k, slacks, least };
        scan.nearest(&question, is_eligible, |other| points[other as usize], keep).into_sorted()
    };
    let likely = nearest_with(LIKELY, f32::NEG_INFINITY);
    let nearest = nearest_with(slacks, likely.get(k - 1).map_or(f32::NEG_INFINITY, |hit| hit.score));
    let level = nearest.last().map_or(0.0, |hit| hit.score);
    let need = |estimate: f32, unit: f32| if estimate < level { (level - estimate) / unit } else { 0.0 };
    let tables = Tables::new(scan.axes, query);
    let nears = scan.nears(query);
    let needs = |hit: &Scored| {
        let (block, at) = (hit.row as usize / BLOCK, hit.row as usize % BLOCK);
        let cluster = scan.clusters.starts.partition_point(|&start| start as usize <= block) - 1;
        let near = nears[cluster];
        let terms = Terms { base: near.base, offset: tables.offset };
        let estimate = bounds_of_block(scan.blocks, &tables, terms, block)[at];
        let codes = need(estimate, scan.blocks.factors[block][SCALE][at] * near.distance);
        Slacks { clusters: need(near.base, scan.clusters.radii[cluster]), codes }
    };
    nearest.iter().map(needs).collect()
}
