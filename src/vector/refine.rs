//! Makes a graph's links better before it is frozen. Pure: links and vectors in, links out; knows neither who linked the
//! points nor how they are walked.
//!
//! Each point is given the links that it would choose among candidates: best first, those that are nearer to it than to any
//! that it has chosen (the relative neighbourhood of Malkov and Yashunin 2016, algorithm 4, and of Fu and others 2019, arXiv
//! 1707.00143). Then every link is offered to the point that it leads to, which chooses again among all that it knows now,
//! and fills what room is left with the nearest ones that were passed over.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::dot::dot_four;
use super::key::Key;

/// Candidates of a point that are looked at: the nearest ones.
const MOST_CANDIDATES: usize = 400;

/// The links that the points choose among the links that they have and the `candidates_of` each, at most `degree` each,
/// nearest first but for those that only fill. The same arguments give the same result with any number of threads.
pub(super) fn refine(
    links: &[Vec<u32>],
    points: &[&[f32]],
    degree: usize,
    candidates_of: impl Fn(usize) -> Vec<u32> + Sync,
) -> Vec<Vec<u32>> {
    let chosen: Vec<Vec<u32>> = (0..points.len())
        .into_par_iter()
        .map(|point| {
            let mut candidates = candidates_of(point);
            candidates.extend(&links[point]);
            let mut nearest = scored(points, point, candidates);
            nearest.truncate(MOST_CANDIDATES);
            choose(points, &nearest, degree).0
        })
        .collect();
    let mut offered: Vec<Vec<u32>> = vec![Vec::new(); points.len()];
    for (point, others) in chosen.iter().enumerate() {
        others.iter().for_each(|&other| offered[other as usize].push(point as u32));
    }
    (0..points.len())
        .into_par_iter()
        .map(|point| {
            let known = [&chosen[point], &offered[point], &links[point]].into_iter().flatten().copied();
            let (mut best, passed_over) = choose(points, &scored(points, point, known.collect()), degree);
            let room = degree - best.len();
            best.extend(passed_over.into_iter().take(room));
            best
        })
        .collect()
}

/// The neighbours of a point's neighbours, some of them more than once.
pub(super) fn two_hops(links: &[Vec<u32>], point: usize) -> Vec<u32> {
    links[point].iter().flat_map(|&other| &links[other as usize]).copied().collect()
}

/// Candidates with their cosines with the point, nearest first, each once and the point itself never.
fn scored(points: &[&[f32]], point: usize, mut candidates: Vec<u32>) -> Vec<Key> {
    candidates.sort_unstable();
    candidates.dedup();
    candidates.retain(|&candidate| candidate as usize != point);
    let mut keys = Vec::with_capacity(candidates.len());
    for some in candidates.chunks(4) {
        let scores = four_cosines(points, points[point], some);
        keys.extend(some.iter().zip(scores).map(|(&candidate, score)| Key::new(score, candidate)));
    }
    keys.sort_unstable_by_key(|&key| Reverse(key));
    keys
}

/// Of candidates, nearest first, those that are nearer to the point than to any chosen before; and those that are not.
fn choose(points: &[&[f32]], candidates: &[Key], degree: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut chosen, mut passed_over) = (Vec::with_capacity(degree), Vec::new());
    for candidate in candidates {
        if chosen.len() == degree {
            break;
        }
        let vector = points[candidate.point() as usize];
        let is_nearer =
            |some: &[u32]| four_cosines(points, vector, some).iter().all(|&cosine| cosine < candidate.score());
        let list = if chosen.chunks(4).all(is_nearer) { &mut chosen } else { &mut passed_over };
        list.push(candidate.point());
    }
    (chosen, passed_over)
}

/// The cosines with one to four points; where there are fewer than four, the first one's again.
fn four_cosines(points: &[&[f32]], vector: &[f32], some: &[u32]) -> [f32; 4] {
    dot_four(vector, std::array::from_fn(|at| points[*some.get(at).unwrap_or(&some[0]) as usize]))
}
