//! The one query that serves every caller, and its answer. What a query means is here; how it runs is in `reader`.

use serde::{Deserialize, Serialize};

use super::fuse::{FusionParams, Leg};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::keyword::{KeywordParams, MatchedWord};
use crate::rank::Row;
use crate::stage::Watch;

/// The most hits that one query may ask for.
pub const MAX_K: usize = 10_000;

/// Which legs a query uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryKind {
    /// Nearest vectors.
    Ann,
    /// Nearest vectors and best keyword matches, fused.
    Hybrid,
    /// Best keyword matches.
    FullText,
}

/// By which vector is searched.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryVector {
    /// A unit vector as the model makes it.
    Raw(Vec<f32>),
    /// The stored vector of this row of the index.
    Row(Row),
}

/// The codes in a query: values of the index's exact column that are looked for as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    /// The values.
    pub values: Vec<String>,
    /// Whether the query is nothing but these.
    pub alone: bool,
}

/// Which rows an answer shows under a better one: those whose text is nearly the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Collapse {
    /// The text column that is compared.
    pub text: String,
    /// The text column in which rows must be equal besides.
    pub same: String,
    /// The share of the words of either that both must have, above 0 to 1; 1 is the same words.
    pub resemblance: f64,
}

/// Which rows are shown under a better one. Part of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DuplicateParams {
    /// See [`Collapse::resemblance`].
    pub resemblance: f64,
}

impl Default for DuplicateParams {
    fn default() -> Self {
        Self { resemblance: 0.8 }
    }
}

/// What to look for. A text has to be embedded by the caller: an index knows no model.
#[derive(Debug, Clone)]
pub struct Query {
    /// Which legs to use.
    pub kind: QueryKind,
    /// The query's vector, for `ann` and `hybrid`.
    pub vector: Option<QueryVector>,
    /// The query's words, for `full_text` and `hybrid`.
    pub text: Option<String>,
    /// The query's codes, for `hybrid`.
    pub codes: Codes,
    /// How many hits, 1 to 10,000.
    pub k: usize,
    /// Which rows may be hits; applied before ranking.
    pub filter: Option<Filter>,
    /// Whether an answer shows each value of the index's group column once, by its best row.
    pub one_per_group: bool,
    /// Which rows it shows under a better one.
    pub collapse: Option<Collapse>,
    /// How `hybrid` fuses.
    pub fusion: FusionParams,
    /// How the words are scored, in `full_text` and `hybrid`.
    pub keyword: KeywordParams,
    /// Whether hits come with [`Hit::matched`].
    pub explain: bool,
    /// Who times the stages.
    pub watch: Watch,
}

impl Query {
    /// A query with the defaults of this crate: one hit a group, no filter.
    #[must_use]
    pub fn new(kind: QueryKind, vector: Option<QueryVector>, text: Option<String>, k: usize) -> Self {
        let (fusion, keyword) = (FusionParams::default(), KeywordParams::default());
        let codes = Codes::default();
        Self {
            kind,
            vector,
            text,
            codes,
            k,
            filter: None,
            one_per_group: true,
            collapse: None,
            fusion,
            keyword,
            explain: false,
            watch: Watch::default(),
        }
    }

    /// Refuses what cannot be answered, before anything is read.
    pub(super) fn check(&self, dimension: usize, rows: usize) -> Result<()> {
        if self.k == 0 || self.k > MAX_K {
            return Err(Error::argument("k", format!("{} is not between 1 and {MAX_K}", self.k)));
        }
        let wants_vector = self.kind != QueryKind::FullText;
        let wants_text = self.kind != QueryKind::Ann;
        match &self.vector {
            None if wants_vector => return Err(Error::argument("vector", "an ann or hybrid query needs one")),
            Some(QueryVector::Row(row)) if *row as usize >= rows => {
                return Err(Error::argument("vector", format!("there is no row {row} among {rows}")));
            }
            Some(QueryVector::Raw(vector)) if vector.len() != dimension => {
                let message = format!("{} numbers, the index has dimension {dimension}", vector.len());
                return Err(Error::argument("vector", message));
            }
            Some(QueryVector::Raw(vector)) if !vector.iter().all(|value| value.is_finite()) => {
                return Err(Error::argument("vector", "every number must be finite"));
            }
            _ => {}
        }
        if wants_text && self.text.as_ref().is_none_or(|text| text.trim().is_empty()) {
            return Err(Error::argument("text", "a full_text or hybrid query needs some"));
        }
        Ok(())
    }
}

/// A row that answers a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The row.
    pub row: Row,
    /// Its primary key.
    pub key: String,
    /// Cosine in the index's space (`ann`), BM25 (`full_text`) or fused score (`hybrid`); higher is better.
    pub score: f32,
    /// How the dense leg saw it.
    pub dense: Option<Leg>,
    /// How the keyword leg saw it.
    pub keyword: Option<Leg>,
    /// What the identifiers that it shares with the query gave.
    pub exact: Option<Leg>,
    /// What share of the query's words it has, 0 to 1, which other rows have no part in: see
    /// [`crate::keyword::Matches::share`]; 0 in an `ann` query.
    pub words: f32,
    /// The identifiers that it shares with the query.
    pub shared: Vec<String>,
    /// The query's words that it has, best first, where [`Query::explain`] asks; none of an `ann` query.
    pub matched: Option<Vec<MatchedWord>>,
    /// How many rows of its group were seen among the candidates, itself included.
    pub group_rows: usize,
    /// The keys of the candidates that [`Query::collapse`] shows under it, best first.
    pub duplicates: Vec<String>,
}

/// Why an answer is less than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Degraded {
    /// No row shares a word with the query: the answer is the dense leg's alone.
    KeywordLegEmpty,
    /// The filter let no row through.
    NoRowMatchesFilter,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The hits, best first; exactly k when k groups match.
    pub hits: Vec<Hit>,
    /// How many rows the filter let through.
    pub eligible: usize,
    /// What was missing, if anything.
    pub degraded: Vec<Degraded>,
}
