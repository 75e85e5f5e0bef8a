//! Logistic regression: numbers → a probability for each class, of which one is true or any number. Knows no text and no action.

use super::features::Encoded;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// Rows whose mean gradient makes one step, where that makes at most [`MOST_STEPS`] a pass.
const BATCH: usize = 128;
/// Steps in a pass over many rows: each step moves every weight, which takes longer than the gradient of a few rows.
const MOST_STEPS: usize = 80;
/// Passes over the rows, where that makes at least [`FEWEST_STEPS`].
const PASSES: usize = 12;
/// Steps that few rows need to come near the optimum.
const FEWEST_STEPS: usize = 600;
/// The first step size; it falls to 0 in a straight line.
const STEP: f32 = 0.01;
/// Adam's decay rates and its guard against division by 0 (Kingma and Ba 2015, arXiv 1412.6980).
const DECAY: (f32, f32) = (0.9, 0.99);
const GUARD: f32 = 1e-6;

/// What the scores s_c = w_c · x + b_c of the classes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// One class is true: P(c | x) = e^(s_c) / Σ e^(s_k).
    OneOf,
    /// Any number of classes is: P(c | x) = 1 / (1 + e^(−s_c)).
    AnyOf,
}

/// A trained classifier.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logistic {
    pub(super) link: Link,
    /// How many dense features it looks at; those of a row beyond are passed over.
    dense: usize,
    /// (dense + sparse features + 1) × classes, the last row being the bias. Sparse features have none where it looks at none.
    weights: Array2<f32>,
}

/// What a classifier is fitted to.
pub(super) struct Task<'a> {
    pub(super) rows: &'a [&'a Encoded],
    /// For each row the classes that are true, each once: one where one of all is.
    pub(super) truths: &'a [Vec<usize>],
    pub(super) classes: usize,
    /// How strongly weights are held near 0. Above 0.
    pub(super) strength: f32,
    pub(super) seed: u64,
}

impl Logistic {
    /// Fits by Adam the mean log loss plus `strength` / (2 n) × the squared weights. Of the features of rows it looks at
    /// the dense and sparse ones that `width` counts: all or none of either. The same task gives the same weights on one
    /// kind of processor.
    ///
    /// Where most of the rows have been seen by a classifier that is `known`, a third of the passes, from its weights and a
    /// third of the first step, is enough; with it come the places of the classes there, `None` for one that is new.
    pub(super) fn fit(
        task: &Task<'_>,
        link: Link,
        (dense, sparse): (usize, usize),
        known: Option<(&Self, &[Option<usize>])>,
    ) -> Self {
        let mut weights = Array2::zeros((dense + sparse + 1, task.classes));
        let Some((known, places)) = known else { return Self { link, dense, weights }.moved(task, 1) };
        for (mut column, place) in weights.axis_iter_mut(Axis(1)).zip(places) {
            place.iter().for_each(|&place| column.assign(&known.weights.column(place)));
        }
        Self { link, dense, weights }.moved(task, 3)
    }

    /// Moves the weights towards the optimum, in one of so many parts of the passes and of the first step.
    fn moved(self, task: &Task<'_>, part: usize) -> Self {
        let Self { link, dense, mut weights } = self;
        let &Task { rows, truths, strength, seed, .. } = task;
        let n = rows.len();
        let mut gradient = Array2::<f32>::zeros(weights.raw_dim());
        let (mut mean, mut square) = (gradient.clone(), gradient.clone());
        let mut order: Vec<usize> = (0..n).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let batch = BATCH.max(n.div_ceil(MOST_STEPS));
        let per_pass = n.div_ceil(batch).max(1);
        let passes = PASSES.max(FEWEST_STEPS.div_ceil(per_pass)).div_ceil(part);
        let first_step = STEP / part as f32;
        let decay = strength / n.max(1) as f32;
        let mut step = 0;
        for _ in 0..passes {
            order.shuffle(&mut rng);
            for batch in order.chunks(batch) {
                let picked: Vec<&Encoded> = batch.iter().map(|&at| rows[at]).collect();
                let inputs = dense_rows(&picked, dense);
                let mut residual = probabilities(link, &weights, &inputs.view(), &picked);
                for (mut row, &at) in residual.axis_iter_mut(Axis(0)).zip(batch) {
                    truths[at].iter().for_each(|&class| row[class] -= 1.0);
                }
                residual /= batch.len() as f32;
                gradient_of(&mut gradient, &inputs.view(), &picked, &residual);

                step += 1;
                let size = first_step * (1.0 - (step - 1) as f32 / (passes * per_pass) as f32);
                let unbias = (1.0 - DECAY.0.powi(step), 1.0 - DECAY.1.powi(step));
                ndarray::Zip::from(&mut weights).and(&mut gradient).and(&mut mean).and(&mut square).for_each(
                    |weight, gradient, mean, square| {
                        let slope = *gradient + decay * *weight;
                        *mean = DECAY.0 * *mean + (1.0 - DECAY.0) * slope;
                        *square = DECAY.1 * *square + (1.0 - DECAY.1) * slope * slope;
                        *weight -= size * (*mean / unbias.0) / ((*square / unbias.1).sqrt() + GUARD);
                        *gradient = 0.0;
                    },
                );
            }
        }
        Self { link, dense, weights }
    }

    /// From weights as [`Logistic::weights`] gives them; `None` if their number does not fit.
    pub(super) fn from_weights(
        link: Link,
        (dense, sparse): (usize, usize),
        classes: usize,
        weights: Vec<f32>,
    ) -> Option<Self> {
        Some(Self { link, dense, weights: Array2::from_shape_vec((dense + sparse + 1, classes), weights).ok()? })
    }

    /// All weights, feature by feature.
    pub(super) fn weights(&self) -> Vec<f32> {
        self.weights.iter().copied().collect()
    }

    /// The probability of each class, in the order of the classes; where one is true they add up to 1.
    pub(super) fn predict(&self, row: &Encoded) -> Vec<f32> {
        let inputs = dense_rows(&[row], self.dense);
        probabilities(self.link, &self.weights, &inputs.view(), &[row]).into_raw_vec_and_offset().0
    }
}

fn dense_rows(rows: &[&Encoded], dense: usize) -> Array2<f32> {
    let mut inputs = Array2::zeros((rows.len(), dense));
    for (mut input, row) in inputs.axis_iter_mut(Axis(0)).zip(rows) {
        input.iter_mut().zip(&row.dense).for_each(|(to, from)| *to = *from);
    }
    inputs
}

/// The sparse features of a row, for who looks at so many.
fn sparse_of(row: &Encoded, sparse: usize) -> &[(u32, f32)] {
    if sparse == 0 { &[] } else { &row.sparse }
}

fn probabilities(link: Link, weights: &Array2<f32>, inputs: &ArrayView2<'_, f32>, rows: &[&Encoded]) -> Array2<f32> {
    let dense = inputs.ncols();
    let mut scores = Array2::zeros((rows.len(), weights.ncols()));
    general_mat_mul(1.0, inputs, &weights.slice(s![..dense, ..]), 0.0, &mut scores);
    for (mut score, row) in scores.axis_iter_mut(Axis(0)).zip(rows) {
        score += &weights.row(weights.nrows() - 1);
        for &(place, value) in sparse_of(row, weights.nrows() - 1 - dense) {
            score.scaled_add(value, &weights.row(dense + place as usize));
        }
        match link {
            Link::OneOf => {
                let highest = score.fold(f32::NEG_INFINITY, |highest, value| highest.max(*value));
                score.mapv_inplace(|value| (value - highest).exp());
                let sum = score.sum();
                score /= sum;
            }
            Link::AnyOf => score.mapv_inplace(|value| 1.0 / (1.0 + (-value).exp())),
        }
    }
    scores
}

fn gradient_of(gradient: &mut Array2<f32>, inputs: &ArrayView2<'_, f32>, rows: &[&Encoded], residual: &Array2<f32>) {
    let dense = inputs.ncols();
    let last = gradient.nrows() - 1;
    general_mat_mul(1.0, &inputs.t(), residual, 0.0, &mut gradient.slice_mut(s![..dense, ..]));
    for (row, residual) in rows.iter().zip(residual.axis_iter(Axis(0))) {
        for &(place, value) in sparse_of(row, last - dense) {
            gradient.row_mut(dense + place as usize).scaled_add(value, &residual);
        }
        gradient.row_mut(last).scaled_add(1.0, &residual);
    }
}
