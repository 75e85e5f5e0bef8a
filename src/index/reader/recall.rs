//! How much of the exact answer the search of an index's vectors finds, asked by its own rows.

use rayon::prelude::*;
use serde::Serialize;

use super::{IndexReader, Segment};
use crate::rank::{Row, Scored, TopK};
use crate::vector::dot;

/// Rows are near enough to count when they are as near as this short of the last of the exact answer: copies are alike.
const SLACK: f32 = 1e-6;

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
            let counts: Vec<(usize, usize)> = rows.par_iter().map(|&row| found_of(segment, row as Row, k)).collect();
            found += counts.iter().map(|(found, _)| found).sum::<usize>();
            wanted += counts.iter().map(|(_, wanted)| wanted).sum::<usize>();
        }
        Recall { asked: n_asked, share: if wanted == 0 { 1.0 } else { found as f64 / wanted as f64 } }
    }
}

/// How many of the nearest others of a row are found, and how many there are.
fn found_of(segment: &Segment, row: Row, k: usize) -> (usize, usize) {
    let query = segment.vector.vector(row);
    let mut nearest = TopK::new(k);
    for other in (0..segment.vector.rows() as Row).filter(|&other| other != row) {
        nearest.push(Scored { row: other, score: dot(query, segment.vector.vector(other)) });
    }
    let exact = nearest.into_sorted();
    let Some(last) = exact.last() else { return (0, 0) };
    let answer = segment.vector.search(query, k + 1, None);
    let near = answer.iter().filter(|hit| hit.row != row && hit.score >= last.score - SLACK);
    (near.count().min(exact.len()), exact.len())
}
