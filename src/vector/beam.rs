//! The walk: from the gateways, always on from the best point not yet left, until the best that is open is worse
//! than the worst that is kept (Malkov and Yashunin 2016, algorithm 2). Sees codes only; exact scores are its caller's.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::key::Key;
use super::points::Lists;
use super::quantize::QueryCode;

/// What a walk sees of a graph, on disk or still being built.
#[derive(Clone, Copy)]
pub(super) struct Net<'a> {
    /// The code of each point, `dimension` numbers each, and its scale.
    pub(super) codes: &'a [i8],
    pub(super) scales: &'a [f32],
    pub(super) dimension: usize,
    /// The points that each point is linked to.
    pub(super) links: Lists<'a>,
    /// Where a walk begins.
    pub(super) gateways: &'a [u32],
}

/// A question to the graph.
pub(super) struct Walk {
    pub(super) query: QueryCode,
    /// How many eligible points are kept.
    pub(super) ef: usize,
}

impl Net<'_> {
    /// Appends each point with about its cosine with the query, for comparing. Four codes are read at a time, while the next
    /// four are on their way, which hides what one waits for memory: 1.25 to 1.5 times the queries of 100,000 points.
    fn score(&self, query: &QueryCode, points: &[u32], keys: &mut Vec<Key>) {
        let code = |point: u32| &self.codes[point as usize * self.dimension..][..self.dimension];
        for (at, some) in points.chunks(4).enumerate() {
            points.iter().skip(4 * (at + 1)).take(4).for_each(|&point| prefetch(code(point)));
            let four: [u32; 4] = std::array::from_fn(|at| *some.get(at).unwrap_or(&some[0]));
            let scores = query.score_four(four.map(code), four.map(|point| self.scales[point as usize]));
            keys.extend(some.iter().zip(scores).map(|(&point, score)| Key::new(score, point)));
        }
    }
}

/// Asks for memory that is soon to be read.
#[inline(always)]
fn prefetch(code: &[i8]) {
    const LINE: usize = 64;
    #[cfg(target_arch = "x86_64")]
    for line in code.chunks(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(unsafe_code, reason = "there is no safe name for the instruction")]
        // SAFETY: a hint reads nothing that the program sees, whatever the address; this one is that of a slice.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr());
        }
    }
}

/// About the nearest eligible points, in no order. Points that are not eligible are walked through and not kept.
pub(super) fn nearest(net: Net<'_>, walk: &Walk, is_eligible: impl Fn(u32) -> bool) -> Vec<u32> {
    VISITED.with_borrow_mut(|visited| {
        visited.forget(net.scales.len());
        let mut open: BinaryHeap<Key> = BinaryHeap::new();
        let mut kept: BinaryHeap<Reverse<Key>> = BinaryHeap::with_capacity(walk.ef + 1);
        // All gateways: under a filter the nearest that are eligible may lie far from the nearest of all.
        let mut fresh: Vec<u32> = net.gateways.iter().copied().filter(|&point| visited.insert(point)).collect();
        let mut scored: Vec<Key> = Vec::new();
        loop {
            net.score(&walk.query, &fresh, &mut scored);
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
            fresh.extend(net.links.of(best.point()).iter().filter(|&&neighbour| visited.insert(neighbour)));
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
