//! Multinomial logistic regression: numbers → a probability for each class. Knows no text and no action.

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

/// The weights of a trained classifier: P(class c | x) = e^(w_c · x + b_c) / Σ e^(w_k · x + b_k).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Softmax {
    /// How many dense features it looks at; those of a row beyond are passed over.
    dense: usize,
    /// (dense + sparse features + 1) × classes, the last row being the bias. Sparse features have none where it looks at none.
    weights: Array2<f32>,
}

impl Softmax {
    /// Fits by Adam the mean log loss plus `strength` / (2 n) × the squared weights. Of the features of rows it looks at
    /// the dense and sparse ones that `width` counts: all or none of either. The same rows, classes and seed give the same
    /// weights on one kind of processor.
    pub(super) fn fit(
        rows: &[&Encoded],
        truths: &[usize],
        classes: usize,
        (dense, sparse): (usize, usize),
        strength: f32,
        seed: u64,
    ) -> Self {
        let none = Self { dense, weights: Array2::zeros((dense + sparse + 1, classes)) };
        none.moved(rows, truths, strength, seed, 1)
    }

    /// Fits to rows most of which this has seen: a third of the passes, from a third of the first step, is enough. `places`
    /// are the classes of [`Softmax::fit`] by their places here; `None` for one that is new.
    pub(super) fn fit_on(
        &self,
        places: &[Option<usize>],
        rows: &[&Encoded],
        truths: &[usize],
        strength: f32,
        seed: u64,
    ) -> Self {
        let mut weights = Array2::zeros((self.weights.nrows(), places.len()));
        for (mut column, place) in weights.axis_iter_mut(Axis(1)).zip(places) {
            place.iter().for_each(|&place| column.assign(&self.weights.column(place)));
        }
        Self { dense: self.dense, weights }.moved(rows, truths, strength, seed, 3)
    }

    /// Moves the weights towards the optimum, in one of so many parts of the passes and of the first step.
    fn moved(self, rows: &[&Encoded], truths: &[usize], strength: f32, seed: u64, part: usize) -> Self {
        let Self { dense, mut weights } = self;
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
                let mut residual = probabilities(&weights, &inputs.view(), &picked);
                for (mut row, &at) in residual.axis_iter_mut(Axis(0)).zip(batch) {
                    row[truths[at]] -= 1.0;
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
        Self { dense, weights }
    }

    /// From weights as [`Softmax::weights`] gives them; `None` if their number does not fit.
    pub(super) fn from_weights(dense: usize, sparse: usize, classes: usize, weights: Vec<f32>) -> Option<Self> {
        Some(Self { dense, weights: Array2::from_shape_vec((dense + sparse + 1, classes), weights).ok()? })
    }

    /// All weights, feature by feature.
    pub(super) fn weights(&self) -> Vec<f32> {
        self.weights.iter().copied().collect()
    }

    /// The probability of each class, in the order of the classes; they add up to 1.
    pub(super) fn predict(&self, row: &Encoded) -> Vec<f32> {
        let inputs = dense_rows(&[row], self.dense);
        probabilities(&self.weights, &inputs.view(), &[row]).into_raw_vec_and_offset().0
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

fn probabilities(weights: &Array2<f32>, inputs: &ArrayView2<'_, f32>, rows: &[&Encoded]) -> Array2<f32> {
    let dense = inputs.ncols();
    let mut scores = Array2::zeros((rows.len(), weights.ncols()));
    general_mat_mul(1.0, inputs, &weights.slice(s![..dense, ..]), 0.0, &mut scores);
    for (mut score, row) in scores.axis_iter_mut(Axis(0)).zip(rows) {
        score += &weights.row(weights.nrows() - 1);
        for &(place, value) in sparse_of(row, weights.nrows() - 1 - dense) {
            score.scaled_add(value, &weights.row(dense + place as usize));
        }
        let highest = score.fold(f32::NEG_INFINITY, |highest, value| highest.max(*value));
        score.mapv_inplace(|value| (value - highest).exp());
        let sum = score.sum();
        score /= sum;
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
