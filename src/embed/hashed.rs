//! An embedder without a model: hashed words and character n-grams. For tests and for a machine without ONNX Runtime.
//!
//! It finds what is spelt alike, not what means the same. Knows no file and no state.

use sha2::{Digest, Sha256};

use super::{Embedder, ModelIdentity, Vector, refuse_empty};
use crate::error::{Error, Result};

/// Bumped by hand in the change that makes another vector of the same text.
const REVISION: u32 = 1;
/// Words that share a stem share most of these; shorter grams say little, longer ones are nearly words.
const GRAM_CHARS: usize = 4;
/// A whole word counts as much as this many of its grams.
const WORD_WEIGHT: f32 = 2.0;

/// Feature hashing (Weinberger et al. 2009): each feature adds or subtracts its weight in one of the dimensions.
#[derive(Debug, Clone)]
pub struct HashedEmbedder {
    identity: ModelIdentity,
}

impl HashedEmbedder {
    /// An embedder of vectors with so many numbers; 256 and more keep collisions harmless. At least 1.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        let dimension = dimension.max(1);
        let name = format!("hashed-{dimension}");
        let fingerprint = super::model::hex(&Sha256::digest(format!("{name} revision {REVISION}")));
        Self { identity: ModelIdentity { name, fingerprint, dimension } }
    }

    fn embed_one(&self, text: &str) -> Option<Vector> {
        let mut sums = vec![0.0_f32; self.identity.dimension];
        let lower = text.to_lowercase();
        for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            add_feature(&mut sums, 'w', word, WORD_WEIGHT);
            let framed: Vec<char> = std::iter::once('<').chain(word.chars()).chain(std::iter::once('>')).collect();
            for gram in framed.windows(GRAM_CHARS) {
                add_feature(&mut sums, 'g', &gram.iter().collect::<String>(), 1.0);
            }
        }
        // A text of mere punctuation, or features that cancel out: the text as a whole is the one feature.
        Vector::new(sums).or_else(|| {
            let mut whole = vec![0.0; self.identity.dimension];
            add_feature(&mut whole, 't', lower.trim(), 1.0);
            Vector::new(whole)
        })
    }
}

impl Embedder for HashedEmbedder {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn embed_with_progress(&self, texts: &[&str], on_progress: &mut dyn FnMut(usize)) -> Result<Vec<Vector>> {
        refuse_empty(texts)?;
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            let vector = self.embed_one(text);
            vectors.push(vector.ok_or_else(|| Error::internal("hashing a text", "no feature was left"))?);
            on_progress(vectors.len());
        }
        Ok(vectors)
    }
}

fn add_feature(sums: &mut [f32], kind: char, feature: &str, weight: f32) {
    let hash = hash(kind, feature);
    let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
    let at = (hash % sums.len() as u64) as usize;
    sums[at] += sign * weight;
}

/// FNV-1a, 64 bits, and the finalizer of `splitmix64`, because FNV's high bits are weak on short strings and one of them
/// is the sign. The standard library's hasher may change from one release to the next, and stored vectors must not.
fn hash(kind: char, feature: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(u32::from(kind));
    for byte in feature.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
