//! The scan of codes: which points could be among the nearest, and their exact scores. Knows neither files nor rows.
//!
//! A point's bound is an estimate of its score raised by a slack, and what cannot reach the best by its bound is not looked
//! at. In one pass over all codes the largest bound of each block of 32 points is kept. The k-th largest of those is a level
//! that k points reach; these are scored exactly, and the k-th best of their scores is a level that every hit has to reach.
//! Only points whose bounds do are scored too, best first, while the level rises.
//!
//! The answer follows from the bounds alone: not from threads, nor from the order of blocks.

use rayon::prelude::*;

use super::axes::Axes;
use super::bits::{BLOCK, Tables};
use super::dot::dot;
use super::kernel::{Blocks, best_of_blocks, bounds_of_block};
use super::key::Key;
use crate::rank::TopK;

/// Blocks that one thread scans at a stretch: some 0.2 ms of work. Fewer are not shared out; tests share out small indexes.
const BLOCKS_PER_TASK: usize = if cfg!(test) { 64 } else { 4_096 };

/// Codes, and what makes tables for them.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) axes: Axes<'a>,
    pub(super) blocks: Blocks<'a>,
    pub(super) n_points: usize,
}

/// A question to codes.
pub(super) struct Question<'a> {
    pub(super) query: &'a [f32],
    pub(super) tables: &'a Tables,
    /// How many are wanted, 1 or more.
    pub(super) k: usize,
    /// One word a block: the points that count. All do where there is none.
    pub(super) mask: Option<&'a [u32]>,
}

impl Scan<'_> {
    /// Scores every point whose bound reaches the k-th best score. `vector_of` a point is read, and `keep` is told its score,
    /// which it keeps as one hit or more.
    pub(super) fn nearest<'v>(
        &self,
        question: &Question<'_>,
        vector_of: impl Fn(u32) -> &'v [f32],
        mut keep: impl FnMut(u32, f32, &mut TopK),
    ) -> TopK {
        let best = self.best_of_blocks(question);
        let mut kept = TopK::new(question.k);
        let mut score = |points: Vec<Key>, kept: &mut TopK| {
            for key in points {
                if kept.threshold().is_some_and(|least| key.score() < least) {
                    return;
                }
                keep(key.point(), dot(question.query, vector_of(key.point())), kept);
            }
        };
        let first_level = self.level(question, &best);
        score(self.points_within(question, &best, first_level, f32::INFINITY), &mut kept);
        if let Some(level) = kept.threshold()
            && level < first_level
        {
            score(self.points_within(question, &best, level, first_level), &mut kept);
        }
        kept
    }

    fn best_of_blocks(&self, question: &Question<'_>) -> Vec<f32> {
        let &Question { tables, mask, .. } = question;
        let mut best = vec![f32::NEG_INFINITY; self.n_points.div_ceil(BLOCK)];
        if best.len() <= BLOCKS_PER_TASK {
            best_of_blocks(self.blocks, tables, 0, mask, &mut best);
        } else {
            best.par_chunks_mut(BLOCKS_PER_TASK)
                .enumerate()
                .for_each(|(task, best)| best_of_blocks(self.blocks, tables, task * BLOCKS_PER_TASK, mask, best));
        }
        best
    }

    /// A bound that k points reach; −∞ when there are not so many.
    fn level(&self, question: &Question<'_>, best: &[f32]) -> f32 {
        // With many wanted, the largest of each block say too little.
        let mut bounds = if question.k <= best.len() / 4 {
            best.to_vec()
        } else {
            let all = self.points_within(question, best, f32::NEG_INFINITY, f32::INFINITY);
            all.into_iter().map(Key::score).collect()
        };
        if bounds.len() < question.k {
            return f32::NEG_INFINITY;
        }
        *bounds.select_nth_unstable_by(question.k - 1, |a, b| b.total_cmp(a)).1
    }

    /// Points whose bounds are at least `from` and less than `below`, best first.
    fn points_within(&self, question: &Question<'_>, best: &[f32], from: f32, below: f32) -> Vec<Key> {
        let mut keys = Vec::new();
        for block in (0..best.len()).filter(|&block| best[block] >= from) {
            let bits = question.mask.map_or(u32::MAX, |mask| mask[block]);
            let bounds = bounds_of_block(self.blocks, question.tables, block);
            let n_here = BLOCK.min(self.n_points - block * BLOCK);
            for (at, &bound) in bounds[..n_here].iter().enumerate() {
                if bound >= from && bound < below && bits >> at & 1 == 1 {
                    keys.push(Key::new(bound, (block * BLOCK + at) as u32));
                }
            }
        }
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys
    }
}
