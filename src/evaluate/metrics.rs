//! Accuracy, weighted F1 and accuracy@3 of predicted labels. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

/// How well ranked predictions met the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Classified {
    /// The share of rows whose first prediction is right, 0 to 1.
    pub accuracy: f64,
    /// F1 of each true label, averaged by how often the label occurs, 0 to 1.
    pub weighted_f1: f64,
    /// The share of rows with the truth among the first three predictions, 0 to 1.
    pub acc_at_3: f64,
}

/// Scores predictions, each best first, against the truths, row by row.
#[must_use]
pub fn classified(truths: &[&str], predictions: &[Vec<&str>]) -> Classified {
    /// How often a label was true, predicted, and both.
    #[derive(Default)]
    struct Counts {
        truth: f64,
        predicted: f64,
        both: f64,
    }
    let mut labels: BTreeMap<&str, Counts> = BTreeMap::new();
    let (mut right, mut right_at_3) = (0usize, 0usize);
    for (truth, ranked) in truths.iter().zip(predictions) {
        labels.entry(truth).or_default().truth += 1.0;
        right_at_3 += usize::from(ranked.iter().take(3).any(|label| label == truth));
        let Some(first) = ranked.first() else { continue };
        labels.entry(first).or_default().predicted += 1.0;
        if first == truth {
            labels.entry(truth).or_default().both += 1.0;
            right += 1;
        }
    }
    let rows = truths.len().max(1) as f64;
    // F1 = 2 tp / (2 tp + fp + fn) = 2 tp / (true + predicted).
    let weighted_f1 = labels
        .values()
        .filter(|counts| counts.truth > 0.0)
        .map(|counts| counts.truth * 2.0 * counts.both / (counts.truth + counts.predicted))
        .sum::<f64>()
        / rows;
    Classified { accuracy: right as f64 / rows, weighted_f1, acc_at_3: right_at_3 as f64 / rows }
}
