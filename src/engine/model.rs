//! The model for query texts: loaded when a text first needs it, with the vectors of the texts that came last.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use sha2::{Digest as _, Sha256};

use super::ModelSource;
use crate::embed::{EmbedParams, Embedder, ModelIdentity};
use crate::error::{Error, Result};
use crate::stage::{Stage, Watch};

/// How many vectors are kept: some megabytes.
const KEPT: NonZeroUsize = NonZeroUsize::new(2048).unwrap();

/// How often a text's vector was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheCounts {
    /// Texts whose vector was kept.
    pub hits: u64,
    /// Texts that went through the model.
    pub misses: u64,
    /// How many vectors are kept now.
    pub entries: usize,
}

/// A sum of the model's fingerprint and a text: no text is kept.
type Key = [u8; 32];

/// The model of the generation that was last asked by a text.
pub(super) struct QueryModel {
    loaded: Mutex<Option<Arc<dyn Embedder>>>,
    kept: Mutex<LruCache<Key, Arc<[f32]>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl QueryModel {
    pub(super) fn new() -> Self {
        Self {
            loaded: Mutex::new(None),
            kept: Mutex::new(LruCache::new(KEPT)),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The model with this identity; whoever asks meanwhile waits until it is loaded.
    pub(super) fn get(
        &self,
        identity: &ModelIdentity,
        source: &ModelSource,
        params: &EmbedParams,
    ) -> Result<Arc<dyn Embedder>> {
        let mut loaded = locked(&self.loaded);
        if let Some(embedder) = loaded.as_ref().filter(|embedder| embedder.identity() == identity) {
            return Ok(Arc::clone(embedder));
        }
        let embedder = source.load(identity, params)?;
        *loaded = Some(Arc::clone(&embedder));
        Ok(embedder)
    }

    /// The vector of one text by this model.
    pub(super) fn embed(&self, embedder: &dyn Embedder, text: &str, watch: &Watch) -> Result<Vec<f32>> {
        let key = key(embedder.identity(), text);
        if let Some(vector) = locked(&self.kept).get(&key) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(vector.to_vec());
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let mut vectors = watch.time(Stage::Embed, || embedder.embed(&[text]))?;
        let vector = vectors.pop().ok_or_else(|| Error::argument("text", "it has no vector"))?;
        locked(&self.kept).put(key, Arc::from(&*vector));
        Ok(vector.into_numbers())
    }

    pub(super) fn counts(&self) -> CacheCounts {
        CacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: locked(&self.kept).len(),
        }
    }
}

fn key(identity: &ModelIdentity, text: &str) -> Key {
    // The fingerprint has one length, so that no two pairs read the same.
    Sha256::new().chain_update(&identity.fingerprint).chain_update(text).finalize().into()
}

/// What a panic elsewhere left is whole: each change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::HashedEmbedder;

    #[test]
    fn a_kept_vector_is_the_vector() {
        let model = QueryModel::new();
        let (small, large) = (HashedEmbedder::new(8), HashedEmbedder::new(16));
        for embedder in [&small, &large, &small] {
            let vector = model.embed(embedder, "estorno não caiu", &Watch::default()).unwrap();
            assert_eq!(vector, embedder.embed(&["estorno não caiu"]).unwrap()[0].to_vec());
        }
        assert_eq!(model.counts(), CacheCounts { hits: 1, misses: 2, entries: 2 });
        model.embed(&small, " ", &Watch::default()).unwrap_err();
        assert_eq!(model.counts(), CacheCounts { hits: 1, misses: 3, entries: 2 }, "nothing is kept of a failure");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let model = QueryModel::new();
        let embedder = HashedEmbedder::new(8);
        for at in 0..KEPT.get() + 5 {
            model.embed(&embedder, &format!("texto {at}"), &Watch::default()).unwrap();
        }
        assert_eq!(model.counts().entries, KEPT.get());
    }
}
