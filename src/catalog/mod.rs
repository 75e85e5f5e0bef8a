//! What exists in the mirror of a vector search service, and is durable: endpoints, indexes, the tables that they follow.
//! Knows no wire format, no HTTP and no clock: who asks brings the time.
//!
//! ```text
//! <index folder>/mirror/LOCK            held by the one process that may write below
//! <index folder>/mirror/catalog.json    every endpoint and index, and a line with the sum of all before it
//! <index folder>/mirror/<id>/           the rows of one index: see `collection`; its questions, where they are logged
//! ```
//!
//! The folder is made with the first endpoint; an index folder without it stays as it is. A folder of rows is made before the
//! entry that names it and removed after, so whatever no entry names was left by a process that died, and is removed.

mod desk;
mod endpoints;
mod file;
mod index;
mod indexes;
mod models;
mod name;
mod plan;
mod record;
mod rerank;
mod source;
mod store;
mod sync;
mod view;
mod writeback;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::collection::{CollectionParams, Column};
use crate::embed::{EmbedParams, Embedder};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::stage::Watch;

pub use self::desk::ENDPOINT;
pub use self::endpoints::NewEndpoint;
pub use self::index::{Index, Readiness};
pub use self::name::bare;
pub use self::plan::NewIndex;
pub use self::record::{
    DeltaSync, DirectAccess, Embedded, Endpoint, EndpointKind, IndexRecord, Pipeline, Spec, Subtype, Synced, Tag,
    VectorSpec, vector_column_of,
};
pub use self::rerank::{RERANKED, rerank};
pub use self::view::{Found, IndexView, RowAt};

use self::desk::Desk;
use self::file::{Lock, Shelf};
use self::models::Models;
use self::record::Records;
use self::source::Place;
use self::store::Store;

/// What a catalogue is opened with.
#[derive(Debug, Clone, Default)]
pub struct CatalogParams {
    /// Files and folders by the names under which they are tables: `catalog.schema.table`.
    pub tables: BTreeMap<String, PathBuf>,
    /// Model folders, or `hashed`, by the names that mean them. Any other name means the desk's own model.
    pub models: BTreeMap<String, PathBuf>,
    /// How models run.
    pub embed: EmbedParams,
    /// How rows are kept.
    pub collection: CollectionParams,
    /// Whether what the service itself refuses is refused here too.
    pub strict: bool,
}

/// Endpoints and indexes, the desk's own among them. `Send + Sync`.
pub struct Catalog {
    shelf: Shelf,
    desk: Desk,
    models: Models,
    params: CatalogParams,
    /// A picture that is replaced whole, so that no question waits for who writes.
    state: RwLock<Arc<State>>,
    /// Whoever changes something; and the lock among processes, once there is something to lock.
    writing: Mutex<Option<Lock>>,
}

/// What there is at one moment.
#[derive(Clone, Default)]
struct State {
    records: Records,
    stores: BTreeMap<String, Arc<Store>>,
}

impl Catalog {
    /// Opens the catalogue of an index folder beside the desk's own indexes, which `engine` answers for. Writes nothing where nobody has
    /// made an endpoint yet.
    ///
    /// # Errors
    /// [`Error::Busy`] where another process has it open; [`Error::Catalog`] and [`Error::Format`] for one that cannot be read.
    pub fn open(index: &Path, engine: Arc<Engine>, params: CatalogParams) -> Result<Self> {
        let shelf = Shelf::of(index);
        let models = Models::new(Arc::clone(&engine), params.models.clone(), params.embed.clone(), params.strict);
        let (lock, state) = match shelf.exists() {
            true => {
                let lock = shelf.lock()?;
                (Some(lock), State::open(&shelf, &params)?)
            }
            false => (None, State::default()),
        };
        let (state, writing) = (RwLock::new(Arc::new(state)), Mutex::new(lock));
        Ok(Self { shelf, desk: Desk { engine }, models, params, state, writing })
    }

    /// Who times the stages of questions.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        self.desk.engine.watch()
    }

    /// Whether what the service itself refuses is refused here too.
    #[must_use]
    pub const fn is_strict(&self) -> bool {
        self.params.strict
    }

    /// The embedder that a name means.
    ///
    /// # Errors
    /// [`Error::NotThere`]; [`Error::Model`], [`Error::Runtime`] where it cannot be loaded.
    pub fn model(&self, name: &str) -> Result<Arc<dyn Embedder>> {
        self.models.get(name)
    }

    /// Refuses a name that means no model. Loads none.
    ///
    /// # Errors
    /// [`Error::NotThere`].
    pub fn check_model(&self, name: &str) -> Result<()> {
        self.models.check(name)
    }

    /// The columns of a table or of an index, that of the vectors last.
    ///
    /// # Errors
    /// [`Error::NotThere`]; [`Error::Line`], [`Error::Input`] for a table that cannot be read.
    pub fn columns(&self, name: &str) -> Result<Vec<Column>> {
        let name = bare(name);
        if let Ok(index) = self.index(&name) {
            return index.columns();
        }
        Ok(self.place(&name)?.read(&name)?.columns)
    }

    /// Where the rows of a table are.
    fn place(&self, name: &str) -> Result<Place> {
        if let Some(path) = self.params.tables.get(name) {
            return Ok(Place::Files(path.clone()));
        }
        if let Some(place) = self.desk.place(name) {
            return Ok(place);
        }
        let state = self.read();
        let written = state.records.indexes.values().find(|index| {
            index.delta_sync().and_then(|spec| spec.writeback.as_deref()).is_some_and(|writeback| writeback == name)
        });
        let store = written.and_then(|index| state.stores.get(&index.name));
        store
            .map(|store| Place::Files(store.writeback()))
            .ok_or_else(|| Error::NotThere { what: "table", name: name.to_owned() })
    }

    fn read(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what there is: kept for good and seen by all once this returns, or not at all.
    fn change<T>(&self, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.is_none() {
            // Another process may have made something since this one opened.
            let lock = self.shelf.lock()?;
            self.show(State::open(&self.shelf, &self.params)?);
            *writing = Some(lock);
        }
        let mut next = State::clone(&self.read());
        let done = work(&mut next)?;
        self.shelf.write(&next.records)?;
        self.show(next);
        Ok(done)
    }

    fn show(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }
}

impl State {
    fn open(shelf: &Shelf, params: &CatalogParams) -> Result<Self> {
        let records = shelf.read()?;
        shelf.tidy(&records)?;
        let open = |index: &record::IndexRecord| {
            let store = Store::open(shelf.index(&index.id), &params.collection);
            (index.name.clone(), Arc::new(store))
        };
        let stores = records.indexes.values().map(open).collect();
        Ok(Self { records, stores })
    }

    fn next_id(&mut self, name: &str, at_ms: i64) -> String {
        self.records.serial += 1;
        name::id(self.records.serial, name, at_ms)
    }
}
