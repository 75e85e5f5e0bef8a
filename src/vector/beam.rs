//! The walk: from the nearest gateways, always on from the best point not yet left, until the best that is open is worse
//! than the worst that is kept (Malkov and Yashunin 2016, algorithm 2). Sees codes only; exact scores are its caller's.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::HnswIndex;
use super::key::Key;
use super::quantize::QueryCode;

/// Begin at so many gateways: a cluster that has no gateway of its own is found from one of its neighbours.
const N_STARTS: usize = 8;

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
        let (mut fresh, mut scored): (Vec<u32>, Vec<Key>) = (Vec::new(), starts(graph, &walk.query));
        scored.retain(|key| visited.insert(key.point()));
        loop {
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
            graph.score(&walk.query, &fresh, &mut scored);
        }
        kept.into_iter().map(|key| key.0.point()).collect()
    })
}

/// The first gateway, from which every point can be reached, and the nearest ones.
fn starts(graph: &HnswIndex, query: &QueryCode) -> Vec<Key> {
    let mut keys = Vec::with_capacity(graph.gateways().len());
    graph.score(query, graph.gateways(), &mut keys);
    let first = keys.first().copied();
    keys.sort_unstable_by_key(|&key| Reverse(key));
    keys.truncate(N_STARTS);
    keys.extend(first);
    keys
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
