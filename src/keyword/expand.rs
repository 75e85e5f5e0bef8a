//! What each word of a query is looked for as: its term; its synonyms; and, for a word that no row has, the terms that
//! are spelt almost like it.
//!
//! Whatever stands for a word weighs less than the word, and never counts beside it: of a word's terms a row scores the
//! best (`score`). A synonym is as rare as the more frequent of it and the word, so that a rare synonym does not outdo
//! the word; other spellings are all as rare as the most frequent of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet as _, TERMINATED, Term};

use super::analyzer::located;
use super::{Analyzed, KeywordParams, Language, MAX_QUERY_TERMS, Synonym, Synonyms};
use crate::rank::RowSet;

/// Of how many words that no row has other spellings are looked for: the first of the query.
const MAX_FUZZY_WORDS: usize = 16;

/// How many other spellings a word may have: the most frequent.
const MAX_SPELLINGS: usize = 8;

/// Words of fewer letters have no other spellings.
const LEAST_WORD_LETTERS: usize = 5;

/// Words of so many letters may be two edits away, shorter ones one.
const LONG_WORD_LETTERS: usize = 9;

/// A term, which is a word without its ending, of fewer letters tells too little; and so does another spelling.
const LEAST_TERM_LETTERS: usize = 4;

/// Terms of fewer letters may be one edit away only, however long the word.
const LONG_TERM_LETTERS: usize = 7;

/// A word of the query in one language of one column.
pub(super) struct Concept<'a> {
    /// Its term.
    pub(super) term: &'a str,
    /// How often the query has the word.
    pub(super) count: u32,
    /// What is looked for; each is somewhere.
    pub(super) terms: Vec<FoundTerm<'a>>,
}

/// A term that some row has.
pub(super) struct FoundTerm<'a> {
    /// What stands for the word: a synonym as it is listed, or a term spelt almost alike; `None` for the word's own term.
    pub(super) by: Option<Cow<'a, str>>,
    pub(super) info: TermInfo,
    /// What it weighs, above 0 and at most 1.
    pub(super) weight: f32,
    /// The number of rows by which its rarity is reckoned.
    pub(super) rarity: u32,
}

/// How often a term is in one column, by the column's name, language and term.
pub type Occurrences = BTreeMap<(String, Language, String), Occurrence>;

/// Where a term is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occurrence {
    /// In how many rows.
    pub rows: u64,
    /// For a term of a word that no row has: what is looked for in its place, and in how many rows that is.
    pub spellings: BTreeMap<String, u64>,
}

/// The words of a query, in each language.
pub(super) struct QueryWords {
    /// Distinct terms, and how often the query has them.
    counts: BTreeMap<Language, BTreeMap<String, u32>>,
    /// Those that no row has in any language, and how far another spelling may be.
    unknown: BTreeMap<Language, BTreeMap<String, usize>>,
}

impl QueryWords {
    /// The words of `query`, of which the unknown are those that nothing `searched` has.
    pub(super) fn new<'a>(
        query: &str,
        searched: impl Iterator<Item = &'a Analyzed> + Clone,
        params: &KeywordParams,
    ) -> std::io::Result<Self> {
        let languages: BTreeSet<Language> = searched.clone().map(|analyzed| analyzed.language).collect();
        let mut counts: BTreeMap<Language, BTreeMap<String, u32>> = BTreeMap::new();
        // The terms of a word in all languages: the words that have a term are the same ones in each.
        let mut word_terms: Vec<(usize, Vec<(Language, String)>)> = Vec::new();
        for language in languages {
            let counts = counts.entry(language).or_default();
            for (at, (place, term)) in located(query, language).into_iter().enumerate() {
                *counts.entry(term.clone()).or_default() += 1;
                if at == word_terms.len() {
                    word_terms.push((query[place].chars().count(), Vec::new()));
                }
                word_terms[at].1.push((language, term));
            }
        }
        let mut unknown: BTreeMap<Language, BTreeMap<String, usize>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut left = if params.fuzzy_weight > 0.0 { MAX_FUZZY_WORDS } else { 0 };
        for (letters, terms) in &word_terms {
            if left == 0 {
                break;
            }
            let distance = if *letters >= LONG_WORD_LETTERS { 2 } else { 1 };
            let is_spelt_right =
                || terms.iter().any(|(language, term)| synonyms(term, *language, params).next().is_some());
            if *letters < LEAST_WORD_LETTERS
                || terms.iter().any(|(_, term)| has_digit(term))
                || !seen.insert(terms)
                || is_spelt_right()
            {
                continue;
            }
            if !is_anywhere(terms, searched.clone())? {
                left -= 1;
                for (language, term) in terms {
                    unknown.entry(*language).or_default().insert(term.clone(), distance);
                }
            }
        }
        Ok(Self { counts, unknown })
    }

    /// What is looked for in one language of one column, at most [`MAX_QUERY_TERMS`] words, in the order of the rarest
    /// first and then the alphabet.
    pub(super) fn concepts<'a>(
        &'a self,
        analyzed: &Analyzed,
        params: &'a KeywordParams,
    ) -> std::io::Result<Vec<Concept<'a>>> {
        let unknown = self.unknown.get(&analyzed.language);
        let mut concepts = Vec::new();
        for (term, &count) in self.counts.get(&analyzed.language).into_iter().flatten() {
            let mut terms = analyzed.with_synonyms(term, params)?;
            if let Some(&distance) = unknown.and_then(|unknown| unknown.get(term)) {
                terms.extend(analyzed.spellings(term, distance, params)?);
            }
            if !terms.is_empty() {
                concepts.push(Concept { term, count, terms });
            }
        }
        concepts.sort_by_key(|concept| concept.terms[0].rarity);
        concepts.truncate(MAX_QUERY_TERMS);
        Ok(concepts)
    }

    /// Every term that is looked for in one language of one column, with how many of the visible rows have it.
    pub(super) fn occurrences(
        &self,
        analyzed: &Analyzed,
        visible: Option<&RowSet>,
        params: &KeywordParams,
    ) -> std::io::Result<BTreeMap<String, Occurrence>> {
        let unknown = self.unknown.get(&analyzed.language);
        let mut occurrences = BTreeMap::new();
        for term in self.counts.get(&analyzed.language).into_iter().flatten().map(|(term, _)| term) {
            let synonyms = synonyms(term, analyzed.language, params).map(|synonym| &synonym.term);
            for looked_for in std::iter::once(term).chain(synonyms) {
                let info = analyzed.info(looked_for)?;
                let rows = info.map_or(Ok(0), |info| analyzed.rows_with(&info, visible))?;
                occurrences.insert(looked_for.clone(), Occurrence { rows, spellings: BTreeMap::new() });
            }
        }
        for (term, &distance) in unknown.into_iter().flatten() {
            let spellings = &mut occurrences.entry(term.clone()).or_default().spellings;
            for found in analyzed.spellings(term, distance, params)? {
                let rows = analyzed.rows_with(&found.info, visible)?;
                spellings.extend(found.by.filter(|_| rows > 0).map(|by| (by.into_owned(), rows)));
            }
        }
        Ok(occurrences)
    }
}

impl Analyzed {
    /// A term and its synonyms, as far as they occur here; the term first.
    fn with_synonyms<'a>(&self, term: &'a str, params: &'a KeywordParams) -> std::io::Result<Vec<FoundTerm<'a>>> {
        let own = self.info(term)?;
        let rows = own.as_ref().map_or(0, |info| info.doc_freq);
        let mut found: Vec<FoundTerm<'a>> =
            own.into_iter().map(|info| FoundTerm { by: None, info, weight: 1.0, rarity: rows }).collect();
        for synonym in synonyms(term, self.language, params) {
            if let Some(info) = self.info(&synonym.term)? {
                let rarity = rows.max(info.doc_freq);
                let by = Some(Cow::Borrowed(synonym.word.as_str()));
                found.push(FoundTerm { by, info, weight: params.synonym_weight, rarity });
            }
        }
        Ok(found)
    }

    /// The terms that begin like a term and are nearest to it, at most `distance` edits away (Damerau, Levenshtein),
    /// the most frequent first. Every term with that first letter is looked at.
    pub(super) fn spellings(
        &self,
        term: &str,
        distance: usize,
        params: &KeywordParams,
    ) -> std::io::Result<Vec<FoundTerm<'static>>> {
        let letters = term.chars().count();
        let Some(first) = term.chars().next().filter(|_| letters >= LEAST_TERM_LETTERS) else { return Ok(Vec::new()) };
        let letters_of_term = letter_set(term);
        let mut nearest = if letters >= LONG_TERM_LETTERS { distance } else { distance.min(1) };
        let mut found: Vec<(String, TermInfo)> = Vec::new();
        let mut terms = self.postings.terms().range().ge(first.to_string()).into_stream()?;
        while terms.advance() {
            let Ok(other) = std::str::from_utf8(terms.key()) else { continue };
            if !other.starts_with(first) {
                break;
            }
            let other_letters = other.chars().count();
            // An edit changes the length by one at most, and the set of letters by two.
            let is_far = letters.abs_diff(other_letters) > nearest
                || (letters_of_term ^ letter_set(other)).count_ones() as usize > 2 * nearest;
            if is_far || other_letters < LEAST_TERM_LETTERS || has_digit(other) {
                continue;
            }
            let apart = strsim::damerau_levenshtein(term, other);
            if apart < nearest {
                found.clear();
                nearest = apart;
            }
            if apart == nearest {
                found.push((other.to_owned(), terms.value().clone()));
            }
        }
        found.sort_by(|(a, of_a), (b, of_b)| of_b.doc_freq.cmp(&of_a.doc_freq).then_with(|| a.cmp(b)));
        found.truncate(MAX_SPELLINGS);
        let rarity = found.first().map_or(0, |(_, info)| info.doc_freq);
        let weight = params.fuzzy_weight;
        let spelling = |(other, info)| FoundTerm { by: Some(Cow::Owned(other)), info, weight, rarity };
        Ok(found.into_iter().map(spelling).collect())
    }

    /// How many of the visible rows have a term.
    fn rows_with(&self, info: &TermInfo, visible: Option<&RowSet>) -> std::io::Result<u64> {
        let Some(visible) = visible else { return Ok(info.doc_freq.into()) };
        let mut postings = self.postings.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        let mut rows = 0;
        while postings.doc() != TERMINATED {
            rows += u64::from(visible.contains(postings.doc()));
            postings.advance();
        }
        Ok(rows)
    }

    pub(super) fn info(&self, term: &str) -> std::io::Result<Option<TermInfo>> {
        self.postings.get_term_info(&Term::from_field_text(self.field, term))
    }
}

/// The synonyms of a term that a query looks for, each once: the program's, then one's own.
pub fn synonyms<'a>(term: &'a str, language: Language, params: &'a KeywordParams) -> impl Iterator<Item = &'a Synonym> {
    let built_in: &[Synonym] = if params.built_in_synonyms { Synonyms::built_in().of(term, language) } else { &[] };
    let own = params.synonyms.of(term, language);
    let own = own.iter().filter(move |synonym| !built_in.iter().any(|known| known.term == synonym.term));
    built_in.iter().chain(own).filter(|_| params.synonym_weight > 0.0)
}

/// Whether a row has one of a word's terms.
fn is_anywhere<'a>(
    terms: &[(Language, String)],
    mut searched: impl Iterator<Item = &'a Analyzed>,
) -> std::io::Result<bool> {
    let has = |analyzed: &Analyzed, term: &str| analyzed.info(term).map(|info| info.is_some());
    searched.try_fold(false, |found, analyzed| {
        let term = terms.iter().find(|(language, _)| *language == analyzed.language);
        Ok(found || term.map_or(Ok(false), |(_, term)| has(analyzed, term))?)
    })
}

/// Which letters a term has, as bits; some share one.
fn letter_set(term: &str) -> u32 {
    term.chars().fold(0, |set, letter| set | 1 << (u32::from(letter) % 32))
}

fn has_digit(term: &str) -> bool {
    term.contains(|c: char| c.is_ascii_digit())
}
