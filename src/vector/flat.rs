//! The exact index: every eligible row is looked at. Also what the graph falls back on where walking does not pay.

use std::ops::Range;

use rayon::prelude::*;

use super::VectorIndex;
use super::dot::dot;
use super::map::Matrix;
use crate::rank::{Row, RowSet, Scored, TopK};

/// Rows that one thread scans at a stretch: about a millisecond of work, so that sharing it out costs nothing beside it.
const ROWS_PER_TASK: usize = 16_384;

/// All vectors, and nothing else.
pub(super) struct FlatIndex {
    vectors: Matrix,
}

impl FlatIndex {
    pub(super) const fn new(vectors: Matrix) -> Self {
        Self { vectors }
    }
}

impl VectorIndex for FlatIndex {
    fn rows(&self) -> usize {
        self.vectors.rows()
    }

    fn dimension(&self) -> usize {
        self.vectors.dimension()
    }

    fn vector(&self, row: Row) -> &[f32] {
        self.vectors.row(row)
    }

    fn search(&self, query: &[f32], k: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
        scan(&self.vectors, query, k, eligible)
    }
}

/// The best `k` of all eligible rows. However many threads take part, the total order of ranks makes the same list.
pub(super) fn scan(vectors: &Matrix, query: &[f32], k: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
    assert_eq!(query.len(), vectors.dimension(), "a query of another dimension");
    let n_rows = vectors.rows();
    if let Some(set) = eligible {
        assert_eq!(set.universe(), n_rows, "a set of another index's rows");
    }
    if let Some(set) = eligible
        && set.count() <= ROWS_PER_TASK
    {
        let mut best = TopK::new(k);
        set.iter().for_each(|row| best.push(Scored { row, score: dot(query, vectors.row(row)) }));
        return best.into_sorted();
    }
    if n_rows <= ROWS_PER_TASK {
        return scan_range(vectors, query, k, eligible, 0..n_rows).into_sorted();
    }
    let tasks = (0..n_rows.div_ceil(ROWS_PER_TASK)).into_par_iter();
    let parts: Vec<Vec<Scored>> = tasks
        .map(|task| {
            let start = task * ROWS_PER_TASK;
            let range = start..(start + ROWS_PER_TASK).min(n_rows);
            scan_range(vectors, query, k, eligible, range).into_sorted()
        })
        .collect();
    let mut best = TopK::new(k);
    for hit in parts.into_iter().flatten() {
        best.push(hit);
    }
    best.into_sorted()
}

fn scan_range(vectors: &Matrix, query: &[f32], k: usize, eligible: Option<&RowSet>, rows: Range<usize>) -> TopK {
    let mut best = TopK::new(k);
    for row in rows.map(|row| row as Row) {
        if eligible.is_none_or(|set| set.contains(row)) {
            best.push(Scored { row, score: dot(query, vectors.row(row)) });
        }
    }
    best
}
