//! The scan of codes: which points could be among the nearest, and their exact scores. Knows neither files nor rows.
//!
//! A point's bound is an estimate of its score raised by a slack, and so is a cluster's, of the scores in it: what cannot
//! reach the best by its bound is not looked at. Clusters are visited best first, in rounds, each four times as large as the
//! one before. A round scans the codes of its clusters, and those of their points whose bounds reach the k-th best score so
//! far are scored exactly, four at a time and best first, while that level rises. The visit ends at the first cluster that does not reach it.
//!
//! Of 100,000 utterances 113 are scored exactly for a question, in a quarter of its 260 µs; of 1,000,000 it is 130, in a
//! thirtieth of 2.7 ms. Codes of one byte a number between the bits and the vectors would save a part of that at most.
//!
//! The answer follows from the bounds alone: not from threads, nor from the order in which a round's clusters are scanned.

use std::ops::Range;

use rayon::prelude::*;

use super::axes::Axes;
use super::bits::{BLOCK, Tables, Terms};
use super::dot::{dot, dot_four, products};
use super::kernel::{Blocks, points_within};
use super::key::Key;
use crate::rank::TopK;

/// Blocks in the first round, or those of eight times the number of wanted points.
const FIRST_BLOCKS: usize = 32;

/// Blocks that are not shared out to threads: some 0.5 ms of work, to which waking a thread adds little. A server's questions
/// keep all cores busy as it is. Tests share out small indexes.
const BLOCKS_PER_TASK: usize = if cfg!(test) { 16 } else { 8_192 };

/// Codes in clusters, and what makes tables for them.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) axes: Axes<'a>,
    pub(super) blocks: Blocks<'a>,
    pub(super) clusters: Clusters<'a>,
}

/// Clusters of points: each has its own blocks.
#[derive(Clone, Copy)]
pub(super) struct Clusters<'a> {
    /// One after another, as many numbers each as a vector.
    pub(super) centres: &'a [f32],
    /// See [`super::partition::radius`].
    pub(super) radii: &'a [f32],
    /// The square of each centre's length.
    pub(super) lengths: &'a [f32],
    /// The first block of each, and the end of the last.
    pub(super) starts: &'a [u32],
}

impl Clusters<'_> {
    /// The blocks of a cluster.
    pub(super) fn blocks(&self, cluster: usize) -> Range<usize> {
        self.starts[cluster] as usize..self.starts[cluster + 1] as usize
    }
}

/// How far estimates are raised to bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slacks {
    /// Of clusters, in units of their radius.
    pub(super) clusters: f32,
    /// Of codes; see `bits`.
    pub(super) codes: f32,
}

/// A question to codes.
pub(super) struct Question<'a> {
    pub(super) query: &'a [f32],
    /// How many are wanted, 1 or more.
    pub(super) k: usize,
    pub(super) slacks: Slacks,
    /// What does not reach this score is not wanted; −∞ where nothing is known.
    pub(super) least: f32,
}

/// How near a query is to a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near {
    /// The dot product with the centre.
    pub(super) base: f32,
    /// The distance to the centre.
    pub(super) distance: f32,
}

impl Scan<'_> {
    /// Scores every eligible point whose bounds reach the k-th best score. `vector_of` a point is read, and `keep` is told
    /// its score, which it keeps as one hit or more.
    pub(super) fn nearest<'v>(
        &self,
        question: &Question<'_>,
        is_eligible: impl Fn(u32) -> bool,
        vector_of: impl Fn(u32) -> &'v [f32],
        mut keep: impl FnMut(u32, f32, &mut TopK),
    ) -> TopK {
        let tables = Tables::new(self.axes, question.query);
        let nears = self.nears(question.query);
        let bound = |(near, radius): (&Near, &f32)| near.base + question.slacks.clusters * radius;
        let bounds = nears.iter().zip(self.clusters.radii).map(bound);
        let mut clusters: Vec<Key> = bounds.zip(0..).map(|(bound, cluster)| Key::new(bound, cluster)).collect();
        clusters.sort_unstable_by(|a, b| b.cmp(a));

        let mut kept = TopK::new(question.k);
        let mut rest = clusters.as_slice();
        let mut n_blocks = FIRST_BLOCKS.max(question.k * 8 / BLOCK);
        loop {
            let level = kept.threshold().unwrap_or(question.least).max(question.least);
            let round;
            (round, rest) = rest.split_at(self.round(rest, level, n_blocks));
            if round.is_empty() {
                return kept;
            }
            let scan = |clusters: &[Key]| {
                let mut found = Vec::new();
                for cluster in clusters {
                    let near = nears[cluster.point() as usize];
                    let offset = tables.offset + question.slacks.codes * near.distance;
                    let terms = Terms { base: near.base, offset };
                    let range = self.clusters.blocks(cluster.point() as usize);
                    points_within(self.blocks, &tables, terms, range, level, &mut found);
                }
                found
            };
            let mut found = if n_blocks <= BLOCKS_PER_TASK {
                scan(round)
            } else {
                round.par_chunks(round.len().div_ceil(8)).flat_map_iter(scan).collect()
            };
            found.sort_unstable_by(|a, b| b.cmp(a));
            let mut best_first = found.into_iter();
            loop {
                let least = kept.threshold().unwrap_or(question.least).max(question.least);
                let four = next_four(&mut best_first, least, &is_eligible);
                let Some(first) = four[0] else { break };
                let scores = dot_four(question.query, four.map(|point| vector_of(point.unwrap_or(first))));
                four.into_iter().flatten().zip(scores).for_each(|(point, score)| keep(point, score, &mut kept));
            }
            n_blocks *= 4;
        }
    }

    /// How many clusters, best first, make a round of so many blocks.
    fn round(&self, clusters: &[Key], level: f32, n_blocks: usize) -> usize {
        let mut so_far = 0;
        let fits = |cluster: &&Key| {
            let before = so_far;
            so_far += self.clusters.blocks(cluster.point() as usize).len();
            before < n_blocks && cluster.score() >= level
        };
        clusters.iter().take_while(fits).count()
    }

    /// How near a query is to each cluster.
    pub(super) fn nears(&self, query: &[f32]) -> Vec<Near> {
        let Clusters { centres, lengths, .. } = self.clusters;
        let own_length = dot(query, query);
        let near =
            |(base, length): (f32, &f32)| Near { base, distance: (own_length + length - 2.0 * base).max(0.0).sqrt() };
        products(query, centres).into_iter().zip(lengths).map(near).collect()
    }
}

/// The next four eligible points whose bounds reach `least`, or as many as there are.
fn next_four(
    best_first: &mut impl Iterator<Item = Key>,
    least: f32,
    is_eligible: impl Fn(u32) -> bool,
) -> [Option<u32>; 4] {
    let mut reaching =
        best_first.take_while(|key| key.score() >= least).map(Key::point).filter(|&point| is_eligible(point));
    std::array::from_fn(|_| reaching.next())
}
