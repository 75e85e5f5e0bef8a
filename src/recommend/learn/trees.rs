//! Gradient boosted trees: a row of numbers → the probability of yes. Knows no action.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How many trees, and what each adds of what it would add alone.
const TREES: usize = 100;
const RATE: f64 = 0.1;
/// Splits one above the other; a tree has at most 2 to the power of this many leaves.
const DEPTH: usize = 4;
/// Values of a feature are told apart by at most so many thresholds, less one.
const BINS: usize = 64;
/// A leaf has at least so many rows.
const FEWEST_ROWS: u32 = 40;
/// How strongly what a leaf adds is held near 0.
const STRENGTH: f64 = 5.0;

/// A sum of trees, in the scale of log odds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trees {
    base: f32,
    trees: Vec<Tree>,
}

/// A binary tree of full depth: the children of node `i` are `2 i + 1` and `2 i + 2`. A node that is not split sends
/// every row to the left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tree {
    /// For each inner node the feature and the greatest value that goes left; `None` where it is not split.
    splits: Vec<Option<(u16, f32)>>,
    /// What each leaf adds.
    leaves: Vec<f32>,
}

/// Gradient, curvature and number of rows.
type Sums = (f64, f64, u32);

impl Trees {
    /// Fits the log loss by Newton steps on second-order sums (Friedman 2001; Chen and Guestrin 2016, arXiv 1603.02754).
    /// `rows` holds `width` finite numbers for each answer. No chance is involved.
    pub(super) fn fit(rows: &[f32], width: usize, answers: &[bool]) -> Self {
        if answers.is_empty() {
            return Self::default();
        }
        let count = answers.len();
        let yes = answers.iter().filter(|&&answer| answer).count() as f64;
        let share = (yes + 1.0) / (count as f64 + 2.0);
        let base = (share / (1.0 - share)).ln() as f32;
        let columns: Vec<Column> = (0..width).into_par_iter().map(|at| Column::of(rows, width, at)).collect();
        let mut scores = vec![base; count];
        let mut trees = Vec::with_capacity(TREES);
        for _ in 0..TREES {
            let slopes: Vec<(f64, f64)> = scores
                .iter()
                .zip(answers)
                .map(|(&score, &answer)| {
                    let p = sigmoid(f64::from(score));
                    (p - f64::from(u8::from(answer)), p * (1.0 - p))
                })
                .collect();
            let (tree, leaf_of) = Tree::grow(&columns, &slopes);
            scores.iter_mut().zip(&leaf_of).for_each(|(score, &leaf)| *score += tree.leaves[usize::from(leaf)]);
            trees.push(tree);
        }
        Self { base, trees }
    }

    /// Whether nothing was learnt.
    pub(super) fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// The probability of yes, 0 to 1.
    pub(super) fn predict(&self, row: &[f32]) -> f32 {
        let score: f32 = self.base + self.trees.iter().map(|tree| tree.value(row)).sum::<f32>();
        sigmoid(f64::from(score)) as f32
    }

    /// Whether rows of `width` numbers can be asked about.
    pub(super) fn suits(&self, width: usize) -> bool {
        let whole = |tree: &Tree| tree.splits.len() + 1 == 1 << DEPTH && tree.leaves.len() == 1 << DEPTH;
        let inside = |tree: &Tree| tree.splits.iter().flatten().all(|&(feature, _)| usize::from(feature) < width);
        self.trees.iter().all(|tree| whole(tree) && inside(tree))
    }
}

impl Tree {
    /// The tree that lowers the loss most, level by level, and the leaf of each row.
    fn grow(columns: &[Column], slopes: &[(f64, f64)]) -> (Self, Vec<u16>) {
        let mut place: Vec<u16> = vec![0; slopes.len()];
        let mut splits: Vec<Option<(u16, f32)>> = Vec::with_capacity((1 << DEPTH) - 1);
        for level in 0..DEPTH {
            let nodes = 1 << level;
            let found: Vec<Vec<Option<Split>>> =
                columns.par_iter().map(|column| column.best_splits(slopes, &place, nodes)).collect();
            let best: Vec<Option<(usize, Split)>> = (0..nodes)
                .map(|node| {
                    let offers = found.iter().enumerate().filter_map(|(feature, of)| Some((feature, of[node]?)));
                    offers.max_by(|a, b| a.1.gain.total_cmp(&b.1.gain).then(b.0.cmp(&a.0)))
                })
                .collect();
            for (row, place) in place.iter_mut().enumerate() {
                let right = best[usize::from(*place)]
                    .is_some_and(|(feature, split)| columns[feature].bins[row] > split.last_left);
                *place = 2 * *place + u16::from(right);
            }
            splits.extend(best.iter().map(|found| {
                found.map(|(feature, split)| (feature as u16, columns[feature].bounds[usize::from(split.last_left)]))
            }));
        }
        let mut sums = vec![(0.0, 0.0); 1 << DEPTH];
        for (&place, &(gradient, curvature)) in place.iter().zip(slopes) {
            let sum = &mut sums[usize::from(place)];
            *sum = (sum.0 + gradient, sum.1 + curvature);
        }
        let leaves =
            sums.iter().map(|&(gradient, curvature)| (-RATE * gradient / (curvature + STRENGTH)) as f32).collect();
        (Self { splits, leaves }, place)
    }

    fn value(&self, row: &[f32]) -> f32 {
        let mut node = 0;
        while let Some(split) = self.splits.get(node) {
            let right = split.is_some_and(|(feature, greatest_left)| row[usize::from(feature)] > greatest_left);
            node = 2 * node + 1 + usize::from(right);
        }
        self.leaves[node - self.splits.len()]
    }
}

/// A split of one node by one feature.
#[derive(Debug, Clone, Copy)]
struct Split {
    gain: f64,
    /// The last bin that goes left.
    last_left: u8,
}

/// A feature of all rows, cut into bins.
struct Column {
    /// The greatest value of each bin but the last.
    bounds: Vec<f32>,
    bins: Vec<u8>,
}

impl Column {
    fn of(rows: &[f32], width: usize, at: usize) -> Self {
        let values: Vec<f32> = rows.iter().skip(at).step_by(width).copied().collect();
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let mut bounds: Vec<f32> = (1..BINS).map(|bin| sorted[bin * (sorted.len() - 1) / BINS]).collect();
        bounds.dedup();
        let bins = values.iter().map(|value| bounds.partition_point(|bound| bound < value) as u8).collect();
        Self { bounds, bins }
    }

    /// For each node of a level the best split by this feature, if any lowers the loss.
    fn best_splits(&self, slopes: &[(f64, f64)], place: &[u16], nodes: usize) -> Vec<Option<Split>> {
        let bins = self.bounds.len() + 1;
        let mut sums: Vec<Sums> = vec![(0.0, 0.0, 0); nodes * bins];
        for ((&bin, &node), &(gradient, curvature)) in self.bins.iter().zip(place).zip(slopes) {
            let sum = &mut sums[usize::from(node) * bins + usize::from(bin)];
            *sum = (sum.0 + gradient, sum.1 + curvature, sum.2 + 1);
        }
        sums.chunks(bins).map(best_split).collect()
    }
}

fn best_split(bins: &[Sums]) -> Option<Split> {
    let add = |a: Sums, b: &Sums| (a.0 + b.0, a.1 + b.1, a.2 + b.2);
    let all = bins.iter().fold((0.0, 0.0, 0), add);
    let worth = |sums: Sums| sums.0 * sums.0 / (sums.1 + STRENGTH);
    let mut left = (0.0, 0.0, 0);
    let mut best: Option<Split> = None;
    for (bin, sums) in bins[..bins.len() - 1].iter().enumerate() {
        left = add(left, sums);
        let right = (all.0 - left.0, all.1 - left.1, all.2 - left.2);
        if left.2 < FEWEST_ROWS || right.2 < FEWEST_ROWS {
            continue;
        }
        let gain = worth(left) + worth(right) - worth(all);
        if gain > best.map_or(1e-9, |best| best.gain) {
            best = Some(Split { gain, last_left: bin as u8 });
        }
    }
    best
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
