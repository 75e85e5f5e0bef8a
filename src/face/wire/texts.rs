//! The JSON about texts alone: vectors of them, and what is left of them once personal data is masked.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::embed::{ModelIdentity, Vector};
use crate::face::masking::{Masked, MaskedLine};

/// The answer of `embed` over HTTP.
#[derive(Debug, Serialize)]
pub struct EmbedJson {
    model: String,
    fingerprint: String,
    dimension: usize,
    vectors: Vec<Vec<f32>>,
}

impl EmbedJson {
    /// Converts an answer.
    #[must_use]
    pub fn new(identity: ModelIdentity, vectors: Vec<Vector>) -> Self {
        let ModelIdentity { name, fingerprint, dimension } = identity;
        let vectors = vectors.into_iter().map(Vector::into_numbers).collect();
        Self { model: name, fingerprint, dimension, vectors }
    }
}

/// A line, or a text, without personal data: a line of `mask --json`.
#[derive(Debug, Serialize)]
pub struct MaskedLineJson {
    /// How often each kind was found.
    found: BTreeMap<&'static str, usize>,
    /// Which it is, from 1.
    line: usize,
    text: String,
}

impl From<MaskedLine> for MaskedLineJson {
    fn from(line: MaskedLine) -> Self {
        let Masked { text, found } = line.masked;
        let found = found.into_iter().map(|(placeholder, count)| (placeholder.name(), count)).collect();
        Self { found, line: line.number, text: text.trim_end_matches(['\n', '\r']).to_owned() }
    }
}

/// The answer of `mask` over HTTP.
#[derive(Debug, Serialize)]
pub struct MaskJson {
    lines: Vec<MaskedLineJson>,
}

impl MaskJson {
    /// Converts an answer.
    #[must_use]
    pub fn new(lines: Vec<MaskedLine>) -> Self {
        Self { lines: lines.into_iter().map(MaskedLineJson::from).collect() }
    }
}
