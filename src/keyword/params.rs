//! How a query's words are scored. All of it applies when a query is asked: no index depends on it.

use serde::{Deserialize, Serialize};

use super::synonyms::Synonyms;

/// The parameters of the keyword leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeywordParams {
    /// How much each further occurrence of a term adds: 0 (nothing) to 10. BM25's k1.
    pub k1: f32,
    /// How far a long text counts less than a short one with the same words, 0 to 1. BM25's b.
    pub b: f32,
    /// What a synonym weighs beside the word itself, 0 to 1; 0 looks for no synonyms.
    pub synonym_weight: f32,
    /// What a term spelt almost like a word that no row has weighs, 0 to 1; 0 looks for none.
    pub fuzzy_weight: f32,
    /// Whether the synonyms that come with the program count.
    pub built_in_synonyms: bool,
    /// Groups of synonyms besides those.
    pub synonyms: Synonyms,
}

impl Default for KeywordParams {
    fn default() -> Self {
        Self {
            k1: 1.2,
            b: 0.75,
            synonym_weight: 0.7,
            fuzzy_weight: 0.75,
            built_in_synonyms: true,
            synonyms: Synonyms::default(),
        }
    }
}

impl KeywordParams {
    /// BM25 of the words as they are: no synonyms, no other spellings.
    #[must_use]
    pub fn exact() -> Self {
        Self { synonym_weight: 0.0, fuzzy_weight: 0.0, ..Self::default() }
    }
}
