//! The walk: from the nearest gateways, always on from the best point not yet left, until the best that is open is worse
//! than the worst that is kept (Malkov and Yashunin 2016, algorithm 2). Sees codes only; exact scores are its caller's.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::HnswIndex;
use super::key::Key;
use super::quantize::QueryCode;

/// Begin at so many gateways: a cluster that has no gateway of its own is found from one of its neighbours.
const N_STARTS: usize = 4;

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
        let mut look_at = |point: u32, open: &mut BinaryHeap<Key>, kept: &mut BinaryHeap<Reverse<Key>>| {
            if !visited.insert(point) {
                return;
            }
            let key = Key::new(graph.score(&walk.query, point), point);
            if kept.len() == walk.ef && kept.peek().is_some_and(|worst| key < worst.0) {
                return;
            }
            open.push(key);
            if is_eligible(point) {
                kept.push(Reverse(key));
                if kept.len() > walk.ef {
                    kept.pop();
                }
            }
        };
        for start in starts(graph, &walk.query) {
            look_at(start, &mut open, &mut kept);
        }
        while let Some(best) = open.pop() {
            if kept.len() == walk.ef && kept.peek().is_some_and(|worst| best < worst.0) {
                break;
            }
            for &neighbour in graph.links_of(best.point()) {
                look_at(neighbour, &mut open, &mut kept);
            }
        }
        kept.into_iter().map(|key| key.0.point()).collect()
    })
}

/// The first gateway, from which every point can be reached, and the nearest ones.
fn starts(graph: &HnswIndex, query: &QueryCode) -> Vec<u32> {
    let mut keys: Vec<Key> = graph.gateways().iter().map(|&point| Key::new(graph.score(query, point), point)).collect();
    keys.sort_unstable_by_key(|&key| Reverse(key));
    keys.truncate(N_STARTS);
    graph.gateways().first().copied().into_iter().chain(keys.into_iter().map(Key::point)).collect()
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
