//! What an index of the catalogue has on the disk, and what is done to it at the moment.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_err as fs;

use crate::collection::{Collection, CollectionParams, Schema};
use crate::error::Result;

/// The file of an index's questions.
const PAYLOAD: &str = "payload.jsonl";
/// The file of rows with their vectors.
pub(super) const WRITEBACK: &str = "writeback.parquet";

/// The rows of one index.
pub(super) struct Store {
    pub(super) folder: PathBuf,
    /// Or why there is none.
    pub(super) collection: std::result::Result<Collection, String>,
    /// One sync at a time; the second waits.
    syncing: Mutex<()>,
    is_syncing: AtomicBool,
    is_retired: AtomicBool,
    payload: Mutex<()>,
}

/// Held while an index is synced.
pub(super) struct Syncing<'a> {
    store: &'a Store,
    _guard: MutexGuard<'a, ()>,
}

impl Store {
    pub(super) fn create(folder: PathBuf, schema: Schema, params: &CollectionParams) -> Result<Self> {
        let collection = Collection::create(&folder, schema, params)?;
        Ok(Self::of(folder, Ok(collection)))
    }

    /// Opens what is there. One damaged index keeps no other from being served.
    pub(super) fn open(folder: PathBuf, params: &CollectionParams) -> Self {
        let collection = Collection::open(&folder, params).map_err(|error| error.to_string());
        Self::of(folder, collection)
    }

    fn of(folder: PathBuf, collection: std::result::Result<Collection, String>) -> Self {
        Self {
            folder,
            collection,
            syncing: Mutex::new(()),
            is_syncing: AtomicBool::new(false),
            is_retired: AtomicBool::new(false),
            payload: Mutex::new(()),
        }
    }

    pub(super) fn begin_sync(&self) -> Syncing<'_> {
        let guard = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_syncing.store(true, Ordering::Release);
        Syncing { store: self, _guard: guard }
    }

    pub(super) fn is_syncing(&self) -> bool {
        self.is_syncing.load(Ordering::Acquire)
    }

    /// Says that the index is gone: whatever is still done to it may stop, and nothing is written to it once this returns.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
        if let Ok(collection) = &self.collection {
            collection.close();
        }
    }

    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Acquire)
    }

    /// Adds a line to the file of questions.
    pub(super) fn log(&self, line: &str) -> Result<()> {
        let _guard = self.payload.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.folder.join(PAYLOAD))?;
        file.write_all(format!("{line}\n").as_bytes())?;
        Ok(())
    }

    pub(super) fn writeback(&self) -> PathBuf {
        Path::join(&self.folder, WRITEBACK)
    }
}

impl Drop for Syncing<'_> {
    fn drop(&mut self) {
        self.store.is_syncing.store(false, Ordering::Release);
    }
}
