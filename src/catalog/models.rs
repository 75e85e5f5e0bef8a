//! Which embedder the name of a model means. The desk's own model answers to every name that the configuration does not give
//! to another, since callers name models of a cloud; a strict catalogue refuses such names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::embed::{EmbedParams, Embedder};
use crate::engine::{Engine, open_model};
use crate::error::{Error, Result};

/// The models by their names.
pub(super) struct Models {
    engine: Arc<Engine>,
    /// Model folders, or `hashed`, by the names that mean them.
    named: BTreeMap<String, PathBuf>,
    embed: EmbedParams,
    strict: bool,
    open: Mutex<BTreeMap<PathBuf, Arc<dyn Embedder>>>,
}

impl Models {
    pub(super) fn new(engine: Arc<Engine>, named: BTreeMap<String, PathBuf>, embed: EmbedParams, strict: bool) -> Self {
        Self { engine, named, embed, strict, open: Mutex::new(BTreeMap::new()) }
    }

    /// Refuses a name that means no model. Loads none.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        let is_own = || self.engine.hold().snapshot().generation().model.name == name;
        if name.is_empty() || (self.strict && !self.named.contains_key(name) && !is_own()) {
            return Err(Error::NotThere { what: "model", name: name.to_owned() });
        }
        Ok(())
    }

    /// The embedder of a name; loaded by the first who asks.
    pub(super) fn get(&self, name: &str) -> Result<Arc<dyn Embedder>> {
        self.check(name)?;
        let Some(folder) = self.named.get(name) else { return self.engine.query_model() };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(embedder) = open.get(folder) {
            return Ok(Arc::clone(embedder));
        }
        let embedder = open_model(folder, &self.embed)?;
        open.insert(folder.clone(), Arc::clone(&embedder));
        Ok(embedder)
    }
}
