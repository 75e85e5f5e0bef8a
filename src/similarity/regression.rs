//! Logistic regression whose weights are never negative, so that more of a feature never makes the answer less likely. Pure.

/// Newton steps at most; the loss is convex, and some ten suffice.
const MOST_STEPS: usize = 60;
/// What moves by less is done.
const TOLERANCE: f64 = 1e-9;
/// The pull of each weight to 0, as that many cases would pull: without it a weight would grow for ever where a feature parts
/// all cases.
const PULL: f64 = 1.0;

/// Features, and whether it was so; what the case counts.
pub(super) type Case<const N: usize> = ([f64; N], bool, f64);

/// The intercept and the weights, each 0 or more, of the least log loss of P = 1 / (1 + e^−(intercept + Σ weight × feature)),
/// which each case adds to by what it counts.
///
/// Newton's steps find it for the features that are in; those whose weights come out below 0 are taken out, and it is looked
/// for again.
pub(super) fn fit<const N: usize>(cases: &[Case<N>]) -> (f64, [f64; N]) {
    let mut is_in = [true; N];
    loop {
        let (intercept, weights) = newton(cases, is_in);
        let falling: Vec<usize> = (0..N).filter(|&at| weights[at] < 0.0).collect();
        if falling.is_empty() {
            return (intercept, weights);
        }
        falling.into_iter().for_each(|at| is_in[at] = false);
    }
}

fn newton<const N: usize>(cases: &[Case<N>], is_in: [bool; N]) -> (f64, [f64; N]) {
    let used: Vec<usize> = (0..N).filter(|&at| is_in[at]).collect();
    // The intercept is the last.
    let size = used.len() + 1;
    let (mut intercept, mut weights) = (0.0, [0.0; N]);
    for _ in 0..MOST_STEPS {
        let mut gradient: Vec<f64> = used.iter().map(|&at| PULL * weights[at]).chain([0.0]).collect();
        let mut hessian = vec![vec![0.0; size]; size];
        hessian.iter_mut().enumerate().for_each(|(at, row)| row[at] = if at + 1 < size { PULL } else { f64::EPSILON });
        let mut x = vec![1.0; size];
        for (features, so, counts) in cases {
            x.iter_mut().zip(&used).for_each(|(x, &at)| *x = features[at]);
            let p = probability(intercept, &weights, features);
            let (error, spread) = (counts * (p - f64::from(u8::from(*so))), counts * p * (1.0 - p));
            for (at, row) in hessian.iter_mut().enumerate() {
                gradient[at] += error * x[at];
                row.iter_mut().zip(&x).for_each(|(sum, other)| *sum += spread * x[at] * other);
            }
        }
        let steps: Vec<f64> = solve(hessian, gradient).into_iter().map(|step| step.clamp(-2.0, 2.0)).collect();
        used.iter().zip(&steps).for_each(|(&at, step)| weights[at] -= step);
        intercept -= steps[size - 1];
        if steps.iter().all(|step| step.abs() < TOLERANCE) {
            break;
        }
    }
    (intercept, weights)
}

/// What the weights make of features.
pub(super) fn probability<const N: usize>(intercept: f64, weights: &[f64; N], features: &[f64; N]) -> f64 {
    let logit = intercept + weights.iter().zip(features).map(|(weight, x)| weight * x).sum::<f64>();
    1.0 / (1.0 + (-logit).exp())
}

/// The x of matrix · x = right, by Gauss's elimination; the matrix is positive definite, so that no pivot is 0.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for at in 0..n {
        let (pivots, below) = matrix.split_at_mut(at + 1);
        let pivot = &pivots[at];
        for (row, line) in below.iter_mut().enumerate() {
            let factor = line[at] / pivot[at];
            line.iter_mut().zip(pivot).for_each(|(x, above)| *x -= factor * above);
            right[at + 1 + row] -= factor * right[at];
        }
    }
    for at in (0..n).rev() {
        let known: f64 = (at + 1..n).map(|column| matrix[at][column] * right[column]).sum();
        right[at] = (right[at] - known) / matrix[at][at];
    }
    right
}
