//! BM25 over the text columns of an index, under a mask. Owns the tantivy files of one folder and is alone in knowing
//! tantivy; knows no ticket, no filter and no other way to search.
//!
//! A column is indexed once for each of its languages. A row's score in a column is the best of its languages (so text
//! in either language is scored with the right stems, and no language has to be guessed); columns add up, each times
//! its boost. Within one language it is Okapi BM25, each query term weighed by how often the query has it (its k3 taken
//! to infinity): a query is often a whole ticket. What a term stands for besides itself is `expand`'s: synonyms, and
//! other spellings of words that no row has.
//!
//! The folder holds one segment whose document `n` is row `n`, under a fixed name: two builds of the same rows write
//! the same bytes. Opening takes no lock, starts no thread and writes nothing; only the query's postings are read.

mod analyzer;
mod build;
mod exact;
mod expand;
mod explain;
mod params;
mod score;
mod synonyms;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tantivy::directory::error::OpenReadError;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::InvertedIndexReader;
use tantivy::schema::{Field, Value as _};
use tantivy::{Index, SegmentReader, TantivyDocument, TantivyError};

pub(crate) use analyzer::plain_words;
pub use analyzer::{Language, Word, analyze, words};
pub use build::KEYWORD_MEMORY;
pub use exact::Shared;
pub use expand::{Occurrence, Occurrences, synonyms};
pub use explain::MatchedWord;
pub use params::KeywordParams;
pub use synonyms::{Synonym, Synonyms};

use exact::ExactColumn;
use expand::QueryWords;

use crate::error::{Error, Result};
use crate::rank::{Row, RowSet, Scored, TopK};

/// How many distinct terms of a query are looked up in one language of one column: the rarest there. A query with more
/// is a document; its frequent terms cost most and tell least.
pub const MAX_QUERY_TERMS: usize = 1024;

/// A text column and how it is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextField {
    /// The column's name.
    pub name: String,
    /// The languages it may be written in; at least one, each once.
    pub analyzers: Vec<Language>,
    /// What its score is multiplied by, from 0.01 to 100.
    pub boost: f32,
}

/// What columns are multiplied by, by their names.
pub type Boosts = BTreeMap<String, f32>;

/// The text columns of one index, opened for search.
#[derive(Debug)]
pub struct KeywordIndex {
    folder: PathBuf,
    rows: usize,
    columns: Vec<Column>,
    exact: Option<ExactColumn>,
    store: SegmentReader,
}

/// What the rows of an index have in common with a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Matches {
    scores: Vec<f32>,
    most: f32,
}

impl Matches {
    /// The score of a row, above 0 if it shares a term with the query.
    ///
    /// # Panics
    /// If the index has no such row, which is a bug of the caller.
    #[must_use]
    pub fn score(&self, row: Row) -> f32 {
        self.scores[row as usize]
    }

    /// What share of the query's words a row has, 0 to 1, whatever the other rows have: its score over what a row would
    /// score that had all of them over and over. Words that one row alone has are left out of the latter: a query that is
    /// a row has some that no other row can share.
    ///
    /// # Panics
    /// If the index has no such row, which is a bug of the caller.
    #[must_use]
    pub fn share(&self, row: Row) -> f32 {
        if self.most > 0.0 { (self.score(row) / self.most).min(1.0) } else { 0.0 }
    }

    /// The best `k` of the `eligible` rows (all rows for `None`) that share a term with the query, best first: fewer only
    /// where fewer match.
    ///
    /// # Panics
    /// If `eligible` is a set of the rows of another index, which is a bug of the caller.
    #[must_use]
    pub fn top(&self, k: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
        assert!(eligible.is_none_or(|set| set.universe() == self.scores.len()), "eligible rows of another index");
        if k == 0 {
            return Vec::new();
        }
        let mut top = TopK::new(k);
        for (row, &score) in self.scores.iter().enumerate() {
            let row = row as Row;
            if score > 0.0 && eligible.is_none_or(|set| set.contains(row)) {
                top.push(Scored { row, score });
            }
        }
        top.into_sorted()
    }
}

#[derive(Debug)]
struct Column {
    name: String,
    boost: f32,
    languages: Vec<Analyzed>,
}

/// One column in one language.
struct Analyzed {
    language: Language,
    field: Field,
    postings: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
}

impl std::fmt::Debug for Analyzed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analyzed").field("language", &self.language).finish_non_exhaustive()
    }
}

impl KeywordIndex {
    /// Opens what [`KeywordIndex::build`] wrote for the same columns.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the files are missing, damaged or of other fields; [`Error::Io`] where they cannot be read.
    pub fn open(folder: &Path, fields: &[TextField], exact: Option<&str>) -> Result<Self> {
        check(fields)?;
        guarded(folder, || {
            let index = Index::open_in_dir(folder).map_err(|error| failed(folder, error))?;
            let segments = index.searchable_segments().map_err(|error| failed(folder, error))?;
            let [segment] = segments.as_slice() else {
                return Err(Error::corrupt(folder, format!("it has {} segments in place of one", segments.len())));
            };
            let reader = SegmentReader::open(segment).map_err(|error| failed(folder, error))?;
            let columns = fields.iter().map(|field| Column::open(folder, &reader, field)).collect::<Result<_>>()?;
            let exact = exact.map(|name| ExactColumn::open(folder, &reader, name)).transpose()?;
            Ok(Self { folder: folder.to_owned(), rows: reader.max_doc() as usize, columns, exact, store: reader })
        })
    }

    /// How many rows were indexed, with text or without.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Every text that tantivy keeps in a compressed form: the terms of each column (its term dictionaries share
    /// beginnings and endings), and what its document store holds, which is nothing. `visit` gets a place and the text.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the files are damaged.
    pub fn visit_texts(&self, visit: &mut dyn FnMut(&str, &str)) -> Result<()> {
        guarded(&self.folder, || {
            let damaged = |error: std::io::Error| failed(&self.folder, error.into());
            let analyzed = self.columns.iter().flat_map(|it| it.languages.iter().map(|at| (&it.name, &at.postings)));
            for (column, postings) in analyzed.chain(self.exact.iter().map(|it| (&it.name, &it.postings))) {
                let place = format!("term of column `{column}`");
                let mut terms = postings.terms().stream().map_err(damaged)?;
                while terms.advance() {
                    visit(&place, &String::from_utf8_lossy(terms.key()));
                }
            }
            for document in self.store.get_store_reader(1).map_err(damaged)?.iter::<TantivyDocument>(None) {
                let document = document.map_err(|error| failed(&self.folder, error))?;
                for (_, value) in document.field_values() {
                    visit("stored text", value.as_value().as_str().unwrap_or_default());
                }
            }
            Ok(())
        })
    }

    /// The best `k` of the `eligible` rows (all rows for `None`) that share a term with `query`, best first: see
    /// [`KeywordIndex::matches`] and [`Matches::top`].
    ///
    /// # Errors
    /// Those of [`KeywordIndex::matches`].
    pub fn search(
        &self,
        query: &str,
        k: usize,
        eligible: Option<&RowSet>,
        columns: Option<&[String]>,
        params: &KeywordParams,
    ) -> Result<Vec<Scored>> {
        Ok(self.matches(query, columns, params)?.top(k, eligible))
    }

    /// What every row has in common with `query`. `columns` (all for `None`) limits where the terms are looked for. The
    /// query is plain text, never a query language, and may be of any length.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`] for a column that is not indexed, [`Error::Corrupt`] where the files are damaged.
    pub fn matches(&self, query: &str, columns: Option<&[String]>, params: &KeywordParams) -> Result<Matches> {
        let chosen = self.chosen(columns)?;
        let boosted: Vec<(&Column, f32)> = chosen.into_iter().map(|column| (column, column.boost)).collect();
        guarded(&self.folder, || self.scores(query, &boosted, params))
    }

    /// What every row has in common with `query` in all columns, as if those that `boosts` names had been built with these
    /// boosts. A boost of 0 still counts the column's terms.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`] for a column that is not indexed, [`Error::Corrupt`] where the files are damaged.
    pub fn matches_boosted(&self, query: &str, boosts: &Boosts, params: &KeywordParams) -> Result<Matches> {
        let named: Vec<String> = boosts.keys().cloned().collect();
        self.chosen(Some(&named))?;
        let boost = |column: &Column| boosts.get(&column.name).copied().unwrap_or(column.boost);
        let boosted: Vec<(&Column, f32)> = self.columns.iter().map(|column| (column, boost(column))).collect();
        guarded(&self.folder, || self.scores(query, &boosted, params))
    }

    /// In how many of the `visible` rows (all for `None`) the terms of a text and their synonyms are, and what is looked
    /// for in place of a word that no row has.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the files are damaged.
    pub fn occurrences(&self, text: &str, visible: Option<&RowSet>, params: &KeywordParams) -> Result<Occurrences> {
        let damaged = |error: std::io::Error| failed(&self.folder, error.into());
        guarded(&self.folder, || {
            let words = QueryWords::new(text, self.analyzed(), params).map_err(damaged)?;
            let mut occurrences = Occurrences::new();
            for column in &self.columns {
                for analyzed in &column.languages {
                    for (term, occurrence) in words.occurrences(analyzed, visible, params).map_err(damaged)? {
                        occurrences.insert((column.name.clone(), analyzed.language, term), occurrence);
                    }
                }
            }
            Ok(occurrences)
        })
    }

    fn analyzed(&self) -> impl Iterator<Item = &Analyzed> + Clone {
        self.columns.iter().flat_map(|column| &column.languages)
    }

    fn chosen(&self, columns: Option<&[String]>) -> Result<Vec<&Column>> {
        let Some(names) = columns else { return Ok(self.columns.iter().collect()) };
        if let Some(unknown) = names.iter().find(|name| !self.columns.iter().any(|column| column.name == **name)) {
            let known = self.columns.iter().map(|column| column.name.clone()).collect();
            return Err(Error::UnknownColumn { column: unknown.clone(), known });
        }
        Ok(self.columns.iter().filter(|column| names.contains(&column.name)).collect())
    }

    /// The score of every row; 0 for a row without a term of the query. Terms are added in one fixed order, so a score
    /// does not depend on the mask or on `k`.
    fn scores(&self, query: &str, columns: &[(&Column, f32)], params: &KeywordParams) -> Result<Matches> {
        let damaged = |error: std::io::Error| failed(&self.folder, error.into());
        let analyzed = || columns.iter().flat_map(|(column, _)| &column.languages);
        let words = QueryWords::new(query, analyzed(), params).map_err(damaged)?;
        let mut total = vec![0.0; self.rows];
        let mut most = 0.0;
        for (column, boost) in columns {
            let mut best = vec![0.0_f32; self.rows];
            let mut best_most = 0.0_f32;
            for analyzed in &column.languages {
                let concepts = words.concepts(analyzed, params).map_err(damaged)?;
                let scores = analyzed.scores(&concepts, self.rows, params).map_err(damaged)?;
                best_most = best_most.max(score::most(&concepts, self.rows, params));
                best.iter_mut().zip(scores).for_each(|(best, score)| *best = best.max(score));
            }
            total.iter_mut().zip(best).for_each(|(total, best)| *total += boost * best);
            most += boost * best_most;
        }
        Ok(Matches { scores: total, most })
    }
}

impl Column {
    fn open(folder: &Path, reader: &SegmentReader, text_field: &TextField) -> Result<Self> {
        let mut languages = Vec::with_capacity(text_field.analyzers.len());
        for &language in &text_field.analyzers {
            let name = field_name(&text_field.name, language);
            let field = reader.schema().get_field(&name).map_err(|_| {
                let code = language.code();
                Error::corrupt(folder, format!("it was built without text column `{}` in `{code}`", text_field.name))
            })?;
            let postings = reader.inverted_index(field).map_err(|error| failed(folder, error))?;
            let lengths = reader.get_fieldnorms_reader(field).map_err(|error| failed(folder, error))?;
            languages.push(Analyzed { language, field, postings, lengths });
        }
        Ok(Self { name: text_field.name.clone(), boost: text_field.boost, languages })
    }
}

fn field_name(column: &str, language: Language) -> String {
    format!("{column}#{}", language.code())
}

fn check(fields: &[TextField]) -> Result<()> {
    for (at, field) in fields.iter().enumerate() {
        let name = &field.name;
        if fields[..at].iter().any(|other| other.name == *name) {
            return Err(Error::argument("text fields", format!("column `{name}` is there twice")));
        }
        let repeats = |at: usize| field.analyzers[..at].contains(&field.analyzers[at]);
        if field.analyzers.is_empty() || (0..field.analyzers.len()).any(repeats) {
            return Err(Error::argument("text fields", format!("column `{name}` needs `pt`, `en` or both, each once")));
        }
        if !(0.01..=100.0).contains(&field.boost) {
            let message = format!("the boost of column `{name}` is {}, not from 0.01 to 100", field.boost);
            return Err(Error::argument("text fields", message));
        }
    }
    Ok(())
}

/// Runs what reads the index files. tantivy asserts rather than checks what it reads; a damaged file must not take a
/// server down.
fn guarded<T>(folder: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Error::corrupt(folder, "the keyword index does not hold together")))
}

/// What tantivy says, told apart by who can put it right.
fn failed(folder: &Path, error: TantivyError) -> Error {
    match error {
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, filepath }) if is_of_the_system(&io_error) => {
            let path = folder.join(filepath);
            std::io::Error::new(io_error.kind(), format!("cannot read {}: {io_error}", path.display())).into()
        }
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(path)) => {
            Error::corrupt(folder.join(path), "it does not exist")
        }
        TantivyError::OpenDirectoryError(_) => Error::corrupt(folder, "it is no folder"),
        other => Error::corrupt(folder, other.to_string()),
    }
}

/// Whether the system refused the file, rather than that its content makes no sense.
fn is_of_the_system(error: &std::io::Error) -> bool {
    error.raw_os_error().is_some()
}
