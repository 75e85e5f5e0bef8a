//! A generation that a caller holds, and what a query of one of its indexes is made of: for who asks the indexes themselves.

use std::sync::Arc;

use super::{Current, Engine, similar, unit};
use crate::embed::Embedder;
use crate::error::Result;
use crate::filter::Filter;
use crate::index::{Codes, Query, QueryKind, QueryVector};
use crate::keyword::KeywordParams;
use crate::snapshot::Snapshot;

/// The generation that an engine answered from when it was asked for. It stays open for as long as the value lives.
#[derive(Clone)]
pub struct Held(Arc<Current>);

impl Held {
    /// The generation.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.0.snapshot
    }
}

impl Engine {
    /// The generation that this engine answers from now.
    #[must_use]
    pub fn hold(&self) -> Held {
        Held(self.current.load_full())
    }

    /// The model of query texts; loaded by the first who asks.
    ///
    /// # Errors
    /// [`crate::Error::Model`], [`crate::Error::Runtime`], [`crate::Error::ModelMismatch`].
    pub fn query_model(&self) -> Result<Arc<dyn Embedder>> {
        self.embedder(&self.current.load())
    }

    /// How words are scored.
    #[must_use]
    pub const fn keyword_params(&self) -> &KeywordParams {
        &self.params.keyword
    }

    /// The vector of a text, masked before.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] for an empty text; those of [`Engine::query_model`].
    pub fn query_vector(&self, text: &str) -> Result<Vec<f32>> {
        self.embed(&self.current.load(), &self.masked_query(text)?)
    }

    /// A query by a vector, of which the direction counts, and the words of a text, masked; rows of one group each for itself.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] for an empty text or a vector without a direction.
    pub fn question(
        &self,
        kind: QueryKind,
        vector: Option<&[f32]>,
        text: Option<&str>,
        k: usize,
        filter: Option<Filter>,
    ) -> Result<Query> {
        let vector = vector.map(unit).transpose()?.map(QueryVector::Raw);
        let masked = text.map(|text| self.masked_query(text)).transpose()?;
        let codes = masked.as_deref().map_or_else(Codes::default, similar::codes_of);
        Ok(Query {
            filter,
            codes,
            one_per_group: false,
            fusion: self.params.fusion,
            keyword: self.params.keyword.clone(),
            watch: self.params.watch.clone(),
            ..Query::new(kind, vector, masked, k)
        })
    }
}
