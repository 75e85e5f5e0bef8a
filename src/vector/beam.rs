//! The walk: from the gateways, always on from the best point not yet left, until the best that is open is worse
//! than the worst that is kept (Malkov and Yashunin 2016, algorithm 2). Sees codes only; exact scores are its caller's.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::HnswIndex;
use super::key::Key;
use super::quantize::QueryCode;

/// A question to the graph.
pub(super) struct Walk {
    pub(super) query: QueryCode,
    /// How many eligible points are kept.
    pub(super) ef: usize,
}

/// About the nearest eligible points, in no order. Points that are not eligible are walked through and not kept.
pub(super) fn nearest(graph: &HnswIndex, walk: &Walk, is_eligible: impl Fn(u32) -> bool) -> Vec<u32> {
    VISITED.with_borrow_mut(|visited| {
        visited.forget(graph.n_points());
        let mut open: BinaryHeap<Key> = BinaryHeap::new();
        let mut kept: BinaryHeap<Reverse<Key>> = BinaryHeap::with_capacity(walk.ef + 1);
        // All gateways: under a filter the nearest that are eligible may lie far from the nearest of all.
        let mut fresh: Vec<u32> = graph.gateways().iter().copied().filter(|&point| visited.insert(point)).collect();
        let mut scored: Vec<Key> = Vec::new();
        loop {
            graph.score(&walk.query, &fresh, &mut scored);
            for key in scored.drain(..) {
                if kept.len() == walk.ef && kept.peek().is_some_and(|worst| key < worst.0) {
                    continue;
                }
                open.push(key);
                if is_eligible(key.point()) {
                    kept.push(Reverse(key));
                    if kept.len() > walk.ef {
                        kept.pop();
                    }
                }
            }
            let Some(best) = open.pop() else { break };
            if kept.len() == walk.ef && kept.peek().is_some_and(|worst| best < worst.0) {
                break;
            }
            fresh.clear();
            fresh.extend(graph.links_of(best.point()).iter().filter(|&&neighbour| visited.insert(neighbour)));
        }
        kept.into_iter().map(|key| key.0.point()).collect()
    })
}

/// Which points this walk has seen. Marks are numbers of walks, so forgetting costs nothing.
struct Visited {
    marks: Vec<u32>,
    walk: u32,
}

thread_local! {
    static VISITED: RefCell<Visited> = const { RefCell::new(Visited { marks: Vec::new(), walk: 0 }) };
}

impl Visited {
    /// Starts a walk on a graph of so many points.
    fn forget(&mut self, n_points: usize) {
        if self.marks.len() < n_points {
            self.marks.resize(n_points, 0);
        }
        if self.walk == u32::MAX {
            self.marks.fill(0);
            self.walk = 0;
        }
        self.walk += 1;
    }

    /// Marks a point; false when it was marked before, or is none (see `Lists::of`).
    fn insert(&mut self, point: u32) -> bool {
        let Some(mark) = self.marks.get_mut(point as usize) else { return false };
        std::mem::replace(mark, self.walk) != self.walk
    }
}
