//! One index as it is found: what it is, in which state, and its rows.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::desk::Desk;
use super::record::{Endpoint, IndexRecord, Spec};
use super::store::Store;
use super::view::IndexView;
use crate::collection::{Batch, Collection, Column, ColumnType, Key, NewRow, Primitive, Schema};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// An index of the catalogue or of the desk, as it was when it was asked for. Its rows are those of now.
pub struct Index {
    /// What the catalogue keeps of it.
    pub record: IndexRecord,
    /// The endpoint that it is on.
    pub endpoint: Endpoint,
    pub(super) body: Body,
}

pub(super) enum Body {
    Own(Arc<Store>),
    /// The name of an index of the desk.
    Desk(Arc<Engine>, String),
}

/// Whether an index can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// All that it was told is in it.
    Online,
    /// Its source is being read for the first time.
    Filling,
    /// Its source is being read again, and what it has is served.
    Updating,
    /// Its source could not be read again, for this reason, and what it has is served.
    Stale(String),
    /// It has no rows that could be served, for this reason.
    Failed(String),
}

impl Index {
    /// Whether it is one of the desk's, which a build alone changes.
    #[must_use]
    pub const fn is_built_in(&self) -> bool {
        matches!(self.body, Body::Desk(..))
    }

    /// Whether it can be asked.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let Body::Own(store) = &self.body else { return Readiness::Online };
        if let Err(reason) = &store.collection {
            return Readiness::Failed(reason.clone());
        }
        let follows = matches!(self.record.spec, Spec::DeltaSync(_));
        let synced = self.record.synced.as_ref();
        let once = synced.is_some_and(|synced| synced.number > 1 || synced.failed.is_none());
        match (follows, store.is_syncing(), synced.and_then(|synced| synced.failed.clone())) {
            (false, ..) => Readiness::Online,
            (true, true, _) if once => Readiness::Updating,
            (true, true, _) => Readiness::Filling,
            (true, false, Some(reason)) if once => Readiness::Stale(reason),
            (true, false, Some(reason)) => Readiness::Failed(reason),
            (true, false, None) if synced.is_some() => Readiness::Online,
            (true, false, None) => Readiness::Failed("its first sync was interrupted; sync it again".to_owned()),
        }
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.look().map_or(0, |view| view.rows())
    }

    /// An unchanging picture of it, to ask.
    ///
    /// # Errors
    /// [`Error::State`] while its endpoint is stopped or it has no rows to serve.
    pub fn view(&self) -> Result<IndexView> {
        self.check_running()?;
        match self.readiness() {
            Readiness::Online | Readiness::Updating | Readiness::Stale(_) => self.look(),
            Readiness::Filling => Err(self.state("is being filled; ask again in a while")),
            Readiness::Failed(reason) => Err(self.state(&format!("has no rows to serve: {reason}"))),
        }
    }

    /// The columns, that of the vectors last.
    ///
    /// # Errors
    /// [`Error::State`] for an index that cannot be read.
    pub fn columns(&self) -> Result<Vec<Column>> {
        let view = self.look()?;
        let vectors = ColumnType::Array(Primitive::Float);
        let vector = view.vector_column().map(|vector| Column { name: vector.name, kind: vectors });
        Ok(view.columns().into_iter().chain(vector).collect())
    }

    /// Checks and reads a row that is to be written; or says why it is none.
    ///
    /// # Errors
    /// Those of [`Index::apply`].
    pub fn row(&self, row: &Map<String, Value>) -> Result<std::result::Result<NewRow, String>> {
        Ok(self.writable()?.schema().row(row))
    }

    /// Reads a key that is to be deleted, as JSON has it, or as text; or says why it is none.
    ///
    /// # Errors
    /// Those of [`Index::apply`].
    pub fn key(&self, key: &Value) -> Result<std::result::Result<Key, String>> {
        let schema: &Schema = self.writable()?.schema();
        Ok(match key {
            Value::String(text) => schema.key_from_text(text),
            other => schema.key_of(other),
        })
    }

    /// Writes to an index that takes it: for good and seen by all once this returns, or not at all.
    ///
    /// # Errors
    /// [`Error::Argument`] for an index that follows a table, [`Error::State`] while its endpoint is stopped; I/O errors.
    pub fn apply(&self, batch: Batch) -> Result<()> {
        self.writable()?.apply(batch)
    }

    /// Notes a question and its answer, where the index is to. One line of JSON.
    ///
    /// # Errors
    /// I/O errors.
    pub fn log(&self, line: &str) -> Result<()> {
        match &self.body {
            Body::Own(store) if self.record.payload_logging => store.log(line),
            _ => Ok(()),
        }
    }

    pub(super) fn check_running(&self) -> Result<()> {
        if self.endpoint.stopped {
            let (what, name) = ("endpoint", self.endpoint.name.clone());
            return Err(Error::State { what, name, state: "is stopped; start it first".to_owned() });
        }
        Ok(())
    }

    pub(super) fn state(&self, state: &str) -> Error {
        Error::State { what: "index", name: self.record.name.clone(), state: state.to_owned() }
    }

    fn look(&self) -> Result<IndexView> {
        match &self.body {
            Body::Own(store) => match &store.collection {
                Ok(collection) => Ok(IndexView::Own(collection.view())),
                Err(reason) => Err(self.state(&format!("cannot be read: {reason}"))),
            },
            Body::Desk(engine, index) => Ok(Desk { engine: Arc::clone(engine) }.view(index)),
        }
    }

    fn writable(&self) -> Result<&Collection> {
        self.check_running()?;
        let name = &self.record.name;
        match (&self.body, &self.record.spec) {
            (Body::Own(store), Spec::DirectAccess(_)) => match &store.collection {
                Ok(collection) => Ok(collection),
                Err(reason) => Err(self.state(&format!("cannot be read: {reason}"))),
            },
            _ => {
                let message = format!("`{name}` follows its source table; rows are written to a DIRECT_ACCESS index");
                Err(Error::argument("index_name", message))
            }
        }
    }
}
