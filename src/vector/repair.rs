//! Makes sure that a walk from the entry point can reach every point. Pure: links and vectors in, links out.

use super::dot::dot;

/// A point that nobody links to gets links from so many of the nearest points that can be reached.
const LINKS_FOR_A_LOST_POINT: usize = 3;

/// Which points can be reached from `entry`.
pub(super) fn reachable<'a>(n_points: usize, entry: u32, links_of: impl Fn(u32) -> &'a [u32]) -> Vec<bool> {
    let mut reached = vec![false; n_points];
    spread(&mut reached, entry, links_of);
    reached
}

/// Adds links to points that cannot be reached from `entry`, in ascending order, and returns how many there were.
///
/// A lost point knows its neighbours even though none of them knows it, so those that can be reached link back to it. What
/// it leads to is then within reach as well. One whose neighbours are all lost is linked from the nearest point of all.
pub(super) fn repair(links: &mut [Vec<u32>], entry: u32, points: &[&[f32]]) -> usize {
    let mut reached = reachable(points.len(), entry, |point| links[point as usize].as_slice());
    let mut n_repaired = 0;
    for lost in 0..points.len() {
        if reached[lost] {
            continue;
        }
        let known = links[lost].iter().copied().filter(|&neighbour| reached[neighbour as usize]);
        let mut from: Vec<u32> = known.take(LINKS_FOR_A_LOST_POINT).collect();
        if from.is_empty() {
            from.extend(nearest_reached(lost, &reached, points));
        }
        for neighbour in from {
            links[neighbour as usize].push(lost as u32);
        }
        n_repaired += 1;
        spread(&mut reached, lost as u32, |point| links[point as usize].as_slice());
    }
    n_repaired
}

/// Marks `start` and all that it leads to.
fn spread<'a>(reached: &mut [bool], start: u32, links_of: impl Fn(u32) -> &'a [u32]) {
    let mut to_visit = vec![start];
    reached[start as usize] = true;
    while let Some(point) = to_visit.pop() {
        for &neighbour in links_of(point) {
            if !std::mem::replace(&mut reached[neighbour as usize], true) {
                to_visit.push(neighbour);
            }
        }
    }
}

fn nearest_reached(lost: usize, reached: &[bool], points: &[&[f32]]) -> Option<u32> {
    let candidates = (0..points.len()).filter(|&point| reached[point]);
    let nearest = candidates.max_by(|&a, &b| dot(points[lost], points[a]).total_cmp(&dot(points[lost], points[b])));
    nearest.map(|point| point as u32)
}
