//! From how likely a model says to how often it is right: Platt's logistic curve. Pure.

use serde::{Deserialize, Serialize};

/// Fewer answers than this say too little to bend the curve.
const FEWEST_ANSWERS: usize = 30;
/// Newton steps; the loss is convex in two numbers.
const STEPS: usize = 50;
/// Probabilities are held so far away from 0 and 1.
const EDGE: f64 = 1e-4;

/// P(right) = 1 / (1 + e^−(slope · logit(p) + shift)) (Platt 1999, on the log odds of p). 32-bit numbers, which are the same
/// after being written as JSON and read again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    slope: f32,
    shift: f32,
    /// How many answers it was fitted to; 0 for none.
    pub answers: usize,
}

impl Default for Calibration {
    /// Takes every probability at its word.
    fn default() -> Self {
        Self { slope: 1.0, shift: 0.0, answers: 0 }
    }
}

impl Calibration {
    /// Fits the curve to answers: how likely each was said to be, and whether it was right.
    ///
    /// Targets are smoothed as Platt does, so that few answers that were all right promise no certainty.
    #[must_use]
    pub fn fit(answers: &[(f32, bool)]) -> Self {
        if answers.len() < FEWEST_ANSWERS {
            return Self::default();
        }
        let right = answers.iter().filter(|(_, right)| *right).count() as f64;
        let wrong = answers.len() as f64 - right;
        let target = |is_right: bool| if is_right { (right + 1.0) / (right + 2.0) } else { 1.0 / (wrong + 2.0) };
        let rows: Vec<(f64, f64)> =
            answers.iter().map(|&(p, is_right)| (logit(f64::from(p)), target(is_right))).collect();
        let (mut slope, mut shift) = (1.0, 0.0);
        for _ in 0..STEPS {
            // Gradient and Hessian of the log loss, with a little weight on staying at slope 1 and shift 0.
            let (mut gradient, mut hessian) = ([slope - 1.0, shift], [1.0, 0.0, 1.0]);
            for &(x, target) in &rows {
                let p = sigmoid(slope * x + shift);
                let (error, spread) = (p - target, p * (1.0 - p));
                gradient = [gradient[0] + error * x, gradient[1] + error];
                hessian = [hessian[0] + spread * x * x, hessian[1] + spread * x, hessian[2] + spread];
            }
            let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
            let moved = [
                (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant,
                (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant,
            ];
            slope -= moved[0].clamp(-1.0, 1.0);
            shift -= moved[1].clamp(-1.0, 1.0);
        }
        // A curve that falls would make the likelier answer the less trusted one: then all are as good as their mean.
        if slope <= 0.0 {
            (slope, shift) = (0.0, logit(right / answers.len() as f64));
        }
        Self { slope: slope as f32, shift: shift as f32, answers: answers.len() }
    }

    /// How often an answer that is said to be this likely is right, 0 to 1.
    #[must_use]
    pub fn confidence(&self, p: f32) -> f32 {
        sigmoid(f64::from(self.slope) * logit(f64::from(p)) + f64::from(self.shift)) as f32
    }
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(EDGE, 1.0 - EDGE);
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
