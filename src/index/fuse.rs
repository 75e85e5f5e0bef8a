//! How the scores of the legs become one. Pure: no index, no I/O, no clock.

use serde::{Deserialize, Serialize};

use crate::rank::{Row, Scored, by_rank};

#[cfg(test)]
mod tests;

/// Of a query that is nothing but codes, the other legs keep this part of their weights: enough to order rows that hold the
/// same codes.
const BESIDE_CODES: f32 = 0.05;

/// By which formula legs are fused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// The sum over the legs of weight × score on the leg's own scale: the cosine, BM25 as a share of the best that the
    /// query found in the row's language, and how rare what is shared is. A convex combination but for a constant factor (Bruch, Gai, Ingber: An
    /// Analysis of Fusion Functions for Hybrid Retrieval, TOIS 2023).
    Convex,
    /// The sum over the legs of weight / (k + rank), ranks from 1; a leg without a rank gives nothing (Cormack, Clarke,
    /// Büttcher: Reciprocal Rank Fusion outperforms Condorcet, SIGIR 2009; there all weights are 1).
    Rrf,
}

/// How the legs become one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FusionParams {
    /// The formula.
    pub method: Fusion,
    /// Damping of `rrf`: the larger, the less the first ranks stand out. 0 or more.
    pub k: f32,
    /// Weight of the dense leg, 0 or more.
    pub dense_weight: f32,
    /// Weight of the keyword leg for a query that some row has every word of, 0 or more.
    pub keyword_weight: f32,
    /// Weight of shared identifiers, 0 or more.
    pub exact_weight: f32,
}

impl Default for FusionParams {
    fn default() -> Self {
        Self { method: Fusion::Convex, k: 60.0, dense_weight: 1.0, keyword_weight: 0.42, exact_weight: 0.5 }
    }
}

/// What each leg weighs for one query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Nearest vectors.
    pub dense: f32,
    /// Shared words.
    pub keyword: f32,
    /// Shared identifiers.
    pub exact: f32,
}

impl FusionParams {
    /// The weights for a query of whose words the best row has the share `coverage`, 0 to 1.
    ///
    /// The keyword leg weighs `keyword_weight` × √`coverage`: BM25 is told as a share of the query's best, and of a query
    /// whose words hardly occur, misspelt or in another language, the best is not much. Where nothing but codes is asked for
    /// (`only_codes`), the other legs keep a twentieth of their weights.
    #[must_use]
    pub fn weights(&self, coverage: f32, only_codes: bool) -> Weights {
        let kept = if only_codes { BESIDE_CODES } else { 1.0 };
        Weights {
            dense: kept * self.dense_weight,
            keyword: kept * self.keyword_weight * coverage.sqrt(),
            exact: self.exact_weight,
        }
    }
}

/// How one leg saw a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg {
    /// Rank in that leg, from 1; `None` where the row was not among its candidates.
    pub rank: Option<u32>,
    /// The leg's own score: cosine in −1…1 for dense, BM25 from 0 up for keyword, 0 up for identifiers.
    pub score: f32,
    /// The leg's weight for this query.
    pub weight: f32,
    /// What the leg gave to the fused score.
    pub contribution: f32,
}

/// Rank and score of a row in one leg; no rank where it was not among the leg's candidates.
pub type Seen = (Option<u32>, f32);

/// A row that a leg found, with what every leg says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The row.
    pub row: Row,
    /// The cosine; `None` where that leg was not asked.
    pub dense: Option<Seen>,
    /// BM25; `None` where the row shares no term with the query.
    pub keyword: Option<Seen>,
    /// What BM25 is told in shares of, so that the best of a language has 1 or less. Above 0 where the row shares a term.
    pub keyword_unit: f32,
    /// How rare the identifiers are that it shares with the query; `None` where it shares none.
    pub exact: Option<Seen>,
}

/// What the legs found for a hybrid query, before it is fused: it can be fused by any parameters without another search.
#[derive(Debug, Clone, PartialEq)]
pub struct Legs {
    /// The rows that a leg found, in their order.
    pub candidates: Vec<Candidate>,
    /// What share of the query's words its best row by words has, 0 to 1: see [`crate::keyword::Matches::share`].
    pub coverage: f32,
    /// Whether the query is nothing but codes, and some row has one of them.
    pub only_codes: bool,
}

impl Legs {
    /// The candidates, best first.
    #[must_use]
    pub fn fused(&self, params: &FusionParams) -> Vec<Fused> {
        fuse(&self.candidates, &params.weights(self.coverage, self.only_codes), params)
    }
}

/// A row of the fused list, and what each leg saw in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// The row and the sum of its contributions.
    pub scored: Scored,
    /// Nearest vectors.
    pub dense: Option<Leg>,
    /// Shared words; `None` where there are none.
    pub keyword: Option<Leg>,
    /// Shared identifiers; `None` where there are none.
    pub exact: Option<Leg>,
}

/// Fuses what the legs know of each candidate; the result is best first, ties by row. A leg's better score never makes a row
/// worse.
#[must_use]
pub fn fuse(candidates: &[Candidate], weights: &Weights, params: &FusionParams) -> Vec<Fused> {
    let leg = |(rank, score): Seen, weight: f32, unit: f32| {
        let contribution = match params.method {
            Fusion::Convex => weight * score / unit,
            Fusion::Rrf => rank.map_or(0.0, |rank| weight / (params.k + rank as f32)),
        };
        Leg { rank, score, weight, contribution }
    };
    let mut fused: Vec<Fused> = candidates
        .iter()
        .map(|candidate| {
            let dense = candidate.dense.map(|seen| leg(seen, weights.dense, 1.0));
            let keyword = candidate.keyword.map(|seen| leg(seen, weights.keyword, candidate.keyword_unit));
            let exact = candidate.exact.map(|seen| leg(seen, weights.exact, 1.0));
            let score = [dense, keyword, exact].iter().flatten().map(|leg| leg.contribution).sum();
            Fused { scored: Scored { row: candidate.row, score }, dense, keyword, exact }
        })
        .collect();
    fused.sort_by(|a, b| by_rank(&a.scored, &b.scored));
    fused
}

/// The hits of a leg that nothing is fused with: its score is the hit's.
pub(super) fn alone(hits: &[Scored], seen: impl Fn(Fused, Leg) -> Fused) -> Vec<Fused> {
    let nothing = |scored| Fused { scored, dense: None, keyword: None, exact: None };
    let leg = |rank, score| Leg { rank: Some(rank), score, weight: 1.0, contribution: score };
    hits.iter().zip(1..).map(|(&hit, rank)| seen(nothing(hit), leg(rank, hit.score))).collect()
}
