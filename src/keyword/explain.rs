//! Which words of a query a row has, and what each gave to the row's score. Asked for the few rows of an answer.

use std::collections::BTreeMap;

use super::analyzer::located;
use super::expand::QueryWords;
use super::score::Gift;
use super::{KeywordIndex, KeywordParams, Language, failed, guarded};
use crate::error::Result;
use crate::rank::Row;

/// A word of the query that a row has, itself or by what stands for it.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchedWord {
    /// The word as the query has it, in lower case.
    pub word: String,
    /// What the row has in its place: a synonym, or the term of another spelling; `None` for the word itself.
    pub by: Option<String>,
    /// What it gave to the row's BM25, above 0, the columns' boosts included.
    pub score: f32,
}

impl KeywordIndex {
    /// For each of `rows` the words of `query` that it has, best first, then by the alphabet. They add up to the row's
    /// score in [`KeywordIndex::matches`]: of each column the better language counts, times the boost.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the files are damaged.
    pub fn matched_words(&self, query: &str, rows: &[Row], params: &KeywordParams) -> Result<Vec<Vec<MatchedWord>>> {
        let damaged = |error: std::io::Error| failed(&self.folder, error.into());
        guarded(&self.folder, || {
            let words = QueryWords::new(query, self.analyzed(), params).map_err(damaged)?;
            let spelt: BTreeMap<Language, BTreeMap<String, String>> =
                self.analyzed().map(|analyzed| (analyzed.language, as_written(query, analyzed.language))).collect();
            let mut all: Vec<BTreeMap<(String, Option<String>), f32>> = vec![BTreeMap::new(); rows.len()];
            for column in &self.columns {
                let mut best: Vec<(f32, Vec<MatchedWord>)> = vec![(0.0, Vec::new()); rows.len()];
                for analyzed in &column.languages {
                    let concepts = words.concepts(analyzed, params).map_err(damaged)?;
                    let gifts = analyzed.gifts(&concepts, rows, self.rows, params).map_err(damaged)?;
                    for (best, gifts) in best.iter_mut().zip(gifts) {
                        let sum = gifts.iter().map(|gift| gift.score).sum();
                        if sum > best.0 {
                            let named = |Gift { concept, by, score }: Gift<'_>| {
                                let term = concepts[concept].term;
                                let word = spelt[&analyzed.language].get(term).map_or(term, String::as_str);
                                MatchedWord { word: word.to_owned(), by: by.map(str::to_owned), score }
                            };
                            *best = (sum, gifts.into_iter().map(named).collect());
                        }
                    }
                }
                for (words, (_, gifts)) in all.iter_mut().zip(best) {
                    for MatchedWord { word, by, score } in gifts {
                        *words.entry((word, by)).or_default() += column.boost * score;
                    }
                }
            }
            Ok(all.into_iter().map(best_first).collect())
        })
    }
}

/// Each term of a text, and the first word that has it.
fn as_written(text: &str, language: Language) -> BTreeMap<String, String> {
    let mut words = BTreeMap::new();
    for (place, term) in located(text, language) {
        words.entry(term).or_insert_with(|| text[place].to_lowercase());
    }
    words
}

fn best_first(words: BTreeMap<(String, Option<String>), f32>) -> Vec<MatchedWord> {
    let mut words: Vec<MatchedWord> =
        words.into_iter().map(|((word, by), score)| MatchedWord { word, by, score }).collect();
    words.sort_by(|a, b| b.score.total_cmp(&a.score));
    words
}
