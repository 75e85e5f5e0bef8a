//! Text → unit vector. Knows neither tickets nor indexes.
//!
//! A vector is a function of its text and of the model's [`ModelIdentity`] alone: never of the texts that were embedded
//! along with it, of the number of threads, or of what came before.

mod cache;
mod hashed;
mod kept;
mod model;
mod onnx;
mod pool;

#[cfg(test)]
mod tests;

use std::ops::Deref;

use serde::{Deserialize, Serialize};

pub use self::cache::{Embedded, Texts, VectorCache};
pub use self::hashed::HashedEmbedder;
pub use self::kept::{Blends, KeptVectors, RowVectors};
pub use self::model::{ModelFile, ModelSpec};
pub use self::onnx::{EmbedParams, OnnxEmbedder};
pub use self::pool::Pooling;
use crate::error::{Error, Result};

/// A direction in the space of a model: finite and of unit length by construction, so that the dot product of two is
/// their cosine and no NaN can reach an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector(Box<[f32]>);

/// How far from 1 a length may be and still be taken for 1: some times what rounding to `f32` can cause.
const UNIT_LENGTH_TOLERANCE: f64 = 1e-6;

impl Vector {
    /// Scales to unit length; `None` for a vector that is zero, empty or not finite.
    ///
    /// A vector that already has unit length stays as it is, bit for bit, so that storing and reading one changes nothing.
    #[must_use]
    pub fn new(mut raw: Vec<f32>) -> Option<Self> {
        let length = raw.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if !length.is_finite() || length < f64::from(f32::MIN_POSITIVE) {
            return None;
        }
        if (length - 1.0).abs() > UNIT_LENGTH_TOLERANCE {
            for x in &mut raw {
                *x = (f64::from(*x) / length) as f32;
            }
        }
        Some(Self(raw.into_boxed_slice()))
    }

    /// The direction of a weighted sum of vectors of one dimension; `None` for no vectors, or when they cancel out.
    #[must_use]
    pub fn weighted_sum(parts: impl IntoIterator<Item = (impl AsRef<[f32]>, f32)>) -> Option<Self> {
        let mut sum: Vec<f32> = Vec::new();
        for (vector, weight) in parts {
            let vector = vector.as_ref();
            sum.resize(vector.len(), 0.0);
            sum.iter_mut().zip(vector).for_each(|(total, value)| *total += weight * value);
        }
        Self::new(sum)
    }

    /// Its numbers.
    #[must_use]
    pub fn into_numbers(self) -> Vec<f32> {
        self.0.into_vec()
    }
}

impl AsRef<[f32]> for Vector {
    fn as_ref(&self) -> &[f32] {
        &self.0
    }
}

impl Deref for Vector {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

/// Which model a vector came from. Vectors can be compared when their identities are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// The model's name, for people.
    pub name: String,
    /// 64 hex digits over everything that shapes a vector; see [`ModelSpec::open`].
    pub fingerprint: String,
    /// How many numbers a vector has.
    pub dimension: usize,
}

/// Turns texts into vectors.
///
/// The contract: one vector a text, in the order of the texts; the same text always gives the same vector, alone and in
/// any company; a text is never cut silently; an empty text (nothing but white space) is [`Error::Argument`].
pub trait Embedder: Send + Sync {
    /// The model whose vectors these are.
    fn identity(&self) -> &ModelIdentity;

    /// Embeds, and now and then tells on the caller's thread how many of the texts are done, in ascending order.
    ///
    /// # Errors
    /// [`Error::Argument`] for an empty text, [`Error::Model`] or [`Error::Runtime`] when the model fails on one.
    fn embed_with_progress(&self, texts: &[&str], on_progress: &mut dyn FnMut(usize)) -> Result<Vec<Vector>>;

    /// Embeds without telling of its progress.
    ///
    /// # Errors
    /// As [`Embedder::embed_with_progress`].
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>> {
        self.embed_with_progress(texts, &mut |_| {})
    }
}

/// Refuses the texts of which no vector can be made.
fn refuse_empty(texts: &[&str]) -> Result<()> {
    match texts.iter().position(|text| text.trim().is_empty()) {
        None => Ok(()),
        Some(at) => {
            Err(Error::argument("text", format!("text {} of {} is empty; give at least one word", at + 1, texts.len())))
        }
    }
}
