//! Reciprocal rank fusion of two ranked lists. Pure: no index, no I/O, no clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rank::{Row, Scored};

/// How the dense and the keyword list become one.
///
/// The score of a row is Σ `weight / (k + rank)` over the lists that hold it, with ranks from 1
/// (Cormack, Clarke, Büttcher: Reciprocal Rank Fusion outperforms Condorcet, SIGIR 2009; there all weights are 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FusionParams {
    /// Damping: the larger, the less the first ranks stand out. 0 or more.
    pub k: f32,
    /// Weight of the dense list, 0 or more.
    pub dense_weight: f32,
    /// Weight of the keyword list, 0 or more.
    pub keyword_weight: f32,
}

impl Default for FusionParams {
    fn default() -> Self {
        Self { k: 60.0, dense_weight: 1.0, keyword_weight: 0.5 }
    }
}

/// How one list saw a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg {
    /// Rank in that list, from 1.
    pub rank: u32,
    /// The list's own score: cosine in −1…1 for dense, BM25 from 0 up for keyword.
    pub score: f32,
    /// What the list gave to the fused score.
    pub contribution: f32,
}

/// A row of the fused list. A list that does not hold the row gave nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// The row and the sum of its contributions.
    pub scored: Scored,
    /// How the dense list saw it.
    pub dense: Option<Leg>,
    /// How the keyword list saw it.
    pub keyword: Option<Leg>,
}

/// Fuses two lists, each best first; the result is best first, ties by row.
#[must_use]
pub fn fuse(dense: &[Scored], keyword: &[Scored], params: &FusionParams) -> Vec<Fused> {
    let mut rows: BTreeMap<Row, [Option<Leg>; 2]> = BTreeMap::new();
    for (which, (list, weight)) in [(dense, params.dense_weight), (keyword, params.keyword_weight)].iter().enumerate() {
        for (rank, hit) in (1u32..).zip(list.iter()) {
            let contribution = weight / (params.k + rank as f32);
            rows.entry(hit.row).or_default()[which] = Some(Leg { rank, score: hit.score, contribution });
        }
    }
    let mut fused: Vec<Fused> = rows
        .into_iter()
        .map(|(row, [dense, keyword])| {
            let score = [dense, keyword].iter().flatten().map(|leg| leg.contribution).sum();
            Fused { scored: Scored { row, score }, dense, keyword }
        })
        .collect();
    fused.sort_by(|a, b| crate::rank::by_rank(&a.scored, &b.scored));
    fused
}
