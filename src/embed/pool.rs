//! The states of a text's tokens → one vector. Pure arithmetic in a fixed order; knows no model and no padding.

use serde::{Deserialize, Serialize};

/// Which of the token states make the vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over all tokens, special ones too.
    Mean,
    /// The state of the first token.
    Cls,
}

impl Pooling {
    /// Pools one window into a vector weighted by how many tokens the window has, so that the sum over a text's windows
    /// points to their mean by token count. Its length means nothing.
    ///
    /// `states` holds the states of the window's own tokens one after another, `dimension` numbers each: whoever calls
    /// leaves padding out, so padding cannot matter. Sums run from the first token to the last.
    pub(super) fn pool(self, states: &[f32], dimension: usize) -> Vec<f32> {
        match self {
            Self::Mean => {
                let mut sum = vec![0.0; dimension];
                for state in states.chunks_exact(dimension) {
                    add(&mut sum, state);
                }
                sum
            }
            Self::Cls => {
                let n_tokens = (states.len() / dimension) as f32;
                states.iter().take(dimension).map(|x| x * n_tokens).collect()
            }
        }
    }
}

/// Adds a window's vector to its text's.
pub(super) fn add(sum: &mut [f32], more: &[f32]) {
    for (total, x) in sum.iter_mut().zip(more) {
        *total += x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_add_up_to_the_mean_by_token_count() {
        let states = [1.0, 10.0, 2.0, 20.0, 6.0, 60.0];
        let whole = Pooling::Mean.pool(&states, 2);
        let mut parts = Pooling::Mean.pool(&states[..4], 2);
        add(&mut parts, &Pooling::Mean.pool(&states[4..], 2));
        assert_eq!(whole, parts);
        assert_eq!(whole, [9.0, 90.0]);
    }

    #[test]
    fn cls_is_the_first_state_weighted() {
        assert_eq!(Pooling::Cls.pool(&[1.0, 10.0, 2.0, 20.0, 6.0, 60.0], 2), [3.0, 30.0]);
    }
}
