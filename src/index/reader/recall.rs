//! How much of the exact answer the search of an index's vectors finds, asked by its own rows.

use rayon::prelude::*;
use serde::Serialize;

use super::{IndexReader, Segment};
use crate::rank::{Row, Scored, TopK};
use crate::vector::products_into;

/// Rows are near enough to count when they are as near as this short of the last of the exact answer: copies are alike.
const SLACK: f32 = 1e-6;

/// So many rows ask in one reading of all: what they need stays in a core's cache.
const ASKED_AT_ONCE: usize = 16;

/// What a search found of what an exact scan finds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Recall {
    /// Rows that asked for their nearest others.
    pub asked: usize,
    /// The share that was found, 0 to 1; 1 where nothing was to be found.
    pub share: f64,
}

impl IndexReader {
    /// How much of their `k` nearest others some rows find, at most `asked` of them, spread evenly.
    #[must_use]
    pub fn recall(&self, asked: usize, k: usize) -> Recall {
        let (mut n_asked, mut found, mut wanted) = (0, 0, 0);
        for segment in &self.segments {
            let n_rows = segment.vector.rows();
            let rows: Vec<usize> = (0..n_rows).step_by(n_rows.div_ceil(asked).max(1)).collect();
            n_asked += rows.len();
            let some = |rows: &[usize]| found_of_each(segment, rows, k);
            let counts: Vec<(usize, usize)> = rows.par_chunks(ASKED_AT_ONCE).flat_map_iter(some).collect();
            found += counts.iter().map(|(found, _)| found).sum::<usize>();
            wanted += counts.iter().map(|(_, wanted)| wanted).sum::<usize>();
        }
        Recall { asked: n_asked, share: if wanted == 0 { 1.0 } else { found as f64 / wanted as f64 } }
    }
}

/// How many of the nearest others of each row are found, and how many there are. The others are read once for all.
fn found_of_each(segment: &Segment, rows: &[usize], k: usize) -> Vec<(usize, usize)> {
    let queries: Vec<f32> = rows.iter().flat_map(|&row| segment.vector.vector(row as Row)).copied().collect();
    let mut asked: Vec<(Row, TopK)> = rows.iter().map(|&row| (row as Row, TopK::new(k))).collect();
    let mut scores = Vec::with_capacity(rows.len());
    for other in 0..segment.vector.rows() as Row {
        products_into(segment.vector.vector(other), &queries, &mut scores);
        for ((_, nearest), &score) in asked.iter_mut().zip(&scores).filter(|((row, _), _)| *row != other) {
            nearest.push(Scored { row: other, score });
        }
    }
    let found_of = |(row, nearest): (Row, TopK)| {
        let exact = nearest.into_sorted();
        let Some(last) = exact.last() else { return (0, 0) };
        let answer = segment.vector.search(segment.vector.vector(row), k + 1, None);
        let near = answer.iter().filter(|hit| hit.row != row && hit.score >= last.score - SLACK);
        (near.count().min(exact.len()), exact.len())
    };
    asked.into_iter().map(found_of).collect()
}
