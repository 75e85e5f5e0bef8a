//! From a table to the rows of an index that follows it: what changed is found by primary key, and only texts that changed are
//! embedded. Everything is read and checked before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::Catalog;
use super::index::{Body, Index};
use super::indexes::not_there;
use super::record::{IndexRecord, Pipeline, Synced};
use super::source::Source;
use super::store::Store;
use super::writeback;
use crate::collection::{Batch, Collection, Key, NewRow, RowId, View};
use crate::embed::{Embedder, ModelIdentity};
use crate::error::{Error, Result};

/// So many rows are embedded and written at once; a sync that is stopped keeps what was written.
const ROWS_AT_ONCE: usize = 1_024;

/// What a sync did.
#[derive(Default)]
struct Done {
    upserted: usize,
    deleted: usize,
    embedded: usize,
}

/// What there is to do.
struct Difference {
    changed: BTreeMap<Key, NewRow>,
    vanished: Vec<Key>,
}

impl Catalog {
    /// Reads the source of an index and makes the index the same; `at_ms` is the present. What was there stays if it fails.
    ///
    /// # Errors
    /// [`Error::Argument`] for an index that has no source or follows it by itself; [`Error::BuiltIn`]; [`Error::State`] while its endpoint is stopped;
    /// [`Error::Line`] and [`Error::Input`] for a source that cannot be read.
    pub fn sync(&self, name: &str, at_ms: i64) -> Result<Synced> {
        let name = self.own_name(name)?;
        let index = self.index(&name)?;
        index.check_running()?;
        match index.record.delta_sync() {
            Some(spec) if spec.pipeline == Pipeline::Triggered => self.read_in(&index, &spec.source_table, at_ms),
            Some(_) => Err(Error::argument("index_name", format!("`{name}` is CONTINUOUS and follows by itself"))),
            None => Err(Error::argument("index_name", format!("`{name}` is a DIRECT_ACCESS index and has no source"))),
        }
    }

    fn read_in(&self, index: &Index, table: &str, at_ms: i64) -> Result<Synced> {
        let failed = match self.place(table).and_then(|place| place.read(table)) {
            Ok(source) => return self.sync_from(&index.record.name, source, at_ms)?,
            Err(error) => error,
        };
        let state = self.source_state(table);
        self.note(&index.record, state, at_ms, Err(failed.to_string()), None)?;
        Err(failed)
    }

    /// Looks after what nobody asked for: merges of rows that are due, and sources that have changed under indexes that follow by themselves.
    /// `at_ms` is the present. To be called every second or two, by one thread; a source at fault shows in its index's state.
    ///
    /// # Errors
    /// I/O errors of the catalogue's own files.
    pub fn follow(&self, at_ms: i64) -> Result<()> {
        for index in self.indexes(None)? {
            let Body::Own(store) = &index.body else { continue };
            if let Ok(collection) = &store.collection
                && !store.is_retired()
            {
                collection.tend()?;
            }
            let Some(spec) = index.record.delta_sync().filter(|_| !store.is_syncing()) else { continue };
            // What is forgotten on the desk must not be found in a copy of its rows, whatever was said of those.
            let is_of_desk = self.desk.place(&spec.source_table).is_some();
            let follows = spec.pipeline == Pipeline::Continuous && !index.endpoint.stopped;
            if !follows && !is_of_desk {
                continue;
            }
            let state = self.source_state(&spec.source_table);
            if index.record.synced.as_ref().is_none_or(|synced| synced.source != state) {
                // What is wrong with the source is noted in the index, and tried again once it has changed.
                _ = self.read_in(&index, &spec.source_table, at_ms);
            }
        }
        Ok(())
    }

    /// What tells a table from itself after a change; of one that is not there, why.
    fn source_state(&self, table: &str) -> String {
        self.place(table).and_then(|place| place.state()).unwrap_or_else(|error| error.to_string())
    }

    /// Makes an index the same as a table that was read, and notes what came of it. The outer error is the catalogue's own.
    pub(super) fn sync_from(&self, name: &str, source: Source, at_ms: i64) -> Result<Result<Synced>> {
        let index = self.index(name)?;
        let Body::Own(store) = &index.body else { return Err(not_there(name)) };
        let _syncing = store.begin_sync();
        // Another sync may have ended while this one waited.
        let index = self.index(name)?;
        let done = self.bring_up_to_date(&index, store, &source);
        let (outcome, model, failed) = match done {
            Ok((done, model)) => (Ok(done), model, None),
            Err(error) => (Err(error.to_string()), None, Some(error)),
        };
        let synced = self.note(&index.record, source.state, at_ms, outcome, model)?;
        Ok(failed.map_or(Ok(synced), Err))
    }

    fn bring_up_to_date(&self, index: &Index, store: &Store, source: &Source) -> Result<(Done, Option<ModelIdentity>)> {
        let record = &index.record;
        let collection =
            store.collection.as_ref().map_err(|reason| index.state(&format!("cannot be read: {reason}")))?;
        let spec = record.delta_sync().ok_or_else(|| not_there(&record.name))?;
        let text = spec.embedded.as_ref().and_then(|embedded| embedded.column.as_deref());
        let model = spec.embedded.as_ref().map(|embedded| self.models.get(&embedded.model)).transpose()?;
        let identity = model.as_ref().map(|model| model.identity().clone());
        let view = collection.view();
        if let (Some(vector), Some(identity)) = (view.schema().vector(), &identity)
            && vector.dimension != identity.dimension
        {
            let message = format!(
                "holds vectors of {} numbers, and its model now makes {}; delete it and make it anew",
                vector.dimension, identity.dimension
            );
            return Err(index.state(&message));
        }
        // Vectors of two models do not compare.
        let anew = identity.is_some() && identity != record.model;
        let difference = difference(&view, source, text.filter(|_| anew))?;
        let embedding = text.zip(model).map(|(text, model)| Embedding { text, model, view: &view, anew });
        let done = write(collection, store, &record.name, difference, embedding)?;
        if spec.writeback.is_some() {
            writeback::write(&collection.view(), store)?;
        }
        Ok((done, identity))
    }

    /// Notes what came of a sync.
    fn note(
        &self,
        record: &IndexRecord,
        source: String,
        at_ms: i64,
        outcome: std::result::Result<Done, String>,
        model: Option<ModelIdentity>,
    ) -> Result<Synced> {
        self.change(|state| {
            let kept = state.records.indexes.get_mut(&record.name).filter(|kept| kept.id == record.id);
            let kept = kept.ok_or_else(|| not_there(&record.name))?;
            let before = kept.synced.take();
            let number = before.map_or(1, |before| before.number + 1);
            let (done, failed) = match outcome {
                Ok(done) => (done, None),
                Err(message) => (Done::default(), Some(message)),
            };
            let Done { upserted, deleted, embedded } = done;
            let synced = Synced { number, at_ms, source, upserted, deleted, embedded, failed };
            kept.synced = Some(synced.clone());
            if let Some(model) = model {
                kept.model = Some(model);
            }
            Ok(synced)
        })
    }
}

/// Which rows of a table are new or other than those of an index, and which are gone. Rows with a text in `anew` all count as other.
fn difference(view: &View, source: &Source, anew: Option<&str>) -> Result<Difference> {
    let schema = view.schema();
    let in_source = |name: &&str| source.columns.iter().any(|column| column.name == **name);
    for column in schema.columns() {
        let found = source.kind(&column.name)?;
        if found != column.kind {
            let message =
                format!("is {}, and the index keeps it as {}; make the index anew", found.name(), column.kind.name());
            return Err(source.fault(None, Some(&column.name), message));
        }
    }
    let columns: Vec<String> = schema.names().into_iter().filter(in_source).map(str::to_owned).collect();
    let mut seen: BTreeSet<Key> = BTreeSet::new();
    let mut changed: BTreeMap<Key, NewRow> = BTreeMap::new();
    source.visit(&columns, &mut |line, cells| {
        if !cells.contains_key(schema.key()) {
            let message = "has no value; a primary key must have one".to_owned();
            return Err(source.fault(Some(line), Some(schema.key()), message));
        }
        let row = schema.row(&cells).map_err(|message| source.fault(Some(line), None, message))?;
        let key = row.key().clone();
        let is_same = match view.get(&key) {
            Some(stored) => anew.is_none_or(|text| row.text(schema, text).is_none()) && same(view, stored, &row)?,
            None => false,
        };
        // The last of rows with one key counts.
        if is_same {
            changed.remove(&key);
        } else {
            changed.insert(key.clone(), row);
        }
        seen.insert(key);
        Ok(())
    })?;
    let all = view.after(None, view.len()).into_iter().map(|row| view.key(row));
    let vanished = all.filter(|key| !seen.contains(key)).collect();
    Ok(Difference { changed, vanished })
}

/// Whether a row of the table is the one that is stored.
fn same(view: &View, stored: RowId, row: &NewRow) -> Result<bool> {
    let schema = view.schema();
    let fresh = row.to_json(schema);
    for column in schema.columns() {
        if *fresh.get(&column.name).unwrap_or(&Value::Null) != view.value(stored, &column.name)? {
            return Ok(false);
        }
    }
    // A vector that is made here is not in the table.
    Ok(row.vector().is_none() || row.vector() == view.vector(stored))
}

/// How the vectors of changed rows are made.
struct Embedding<'a> {
    text: &'a str,
    model: Arc<dyn Embedder>,
    view: &'a View,
    /// Whether no stored vector may be taken.
    anew: bool,
}

impl Embedding<'_> {
    /// Gives each row the vector of its text; how many were made.
    fn fill(&self, rows: &mut [NewRow]) -> Result<usize> {
        let mut due = Vec::new();
        for (at, row) in rows.iter_mut().enumerate() {
            let Some(text) = row.text(self.view.schema(), self.text).filter(|text| !text.trim().is_empty()) else {
                continue;
            };
            match self.known(row.key(), text)? {
                Some(vector) => row.set_vector(vector),
                None => due.push(at),
            }
        }
        let texts: Vec<&str> = due.iter().filter_map(|&at| rows[at].text(self.view.schema(), self.text)).collect();
        if texts.is_empty() {
            return Ok(0);
        }
        let vectors = self.model.embed(&texts)?;
        for (&at, vector) in due.iter().zip(vectors) {
            rows[at].set_vector(vector.into_numbers());
        }
        Ok(due.len())
    }

    /// The stored vector of a row whose text is the same.
    fn known(&self, key: &Key, text: &str) -> Result<Option<Vec<f32>>> {
        let Some(stored) = self.view.get(key).filter(|_| !self.anew) else { return Ok(None) };
        let is_same = self.view.text(stored, self.text)?.as_deref() == Some(text);
        Ok(self.view.vector(stored).filter(|_| is_same).map(<[f32]>::to_vec))
    }
}

fn write(
    collection: &Collection,
    store: &Store,
    name: &str,
    difference: Difference,
    embedding: Option<Embedding<'_>>,
) -> Result<Done> {
    let Difference { changed, vanished } = difference;
    let mut done = Done { upserted: changed.len(), deleted: vanished.len(), embedded: 0 };
    let mut rows = changed.into_values().peekable();
    while rows.peek().is_some() {
        if store.is_retired() {
            return Err(not_there(name));
        }
        let mut upserts: Vec<NewRow> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        if let Some(embedding) = &embedding {
            done.embedded += embedding.fill(&mut upserts)?;
        }
        collection.apply(Batch { upserts, deletes: Vec::new() })?;
    }
    if !vanished.is_empty() {
        collection.apply(Batch { upserts: Vec::new(), deletes: vanished })?;
    }
    Ok(done)
}
