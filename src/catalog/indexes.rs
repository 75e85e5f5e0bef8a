//! Indexes: made, found, changed, removed, asked by a text.

use std::io::ErrorKind;
use std::sync::Arc;

use fs_err as fs;

use super::index::{Body, Index};
use super::name::{bare, check_index};
use super::plan::{NewIndex, Rules};
use super::record::{IndexRecord, Spec};
use super::store::Store;
use super::{Catalog, State};
use crate::embed::Embedder;
use crate::error::{Error, Result};
use crate::stage::Stage;

/// How many indexes the service has on an endpoint; a strict catalogue refuses more.
const MOST_INDEXES: usize = 50;

impl Catalog {
    /// The indexes of an endpoint, or of all, by name.
    ///
    /// # Errors
    /// [`Error::NotThere`] for an endpoint.
    pub fn indexes(&self, endpoint: Option<&str>) -> Result<Vec<Index>> {
        if let Some(name) = endpoint {
            self.endpoint(name)?;
        }
        let state = self.read();
        let own = state.records.indexes.keys().map(|name| self.own(&state, name)).collect::<Result<Vec<_>>>()?;
        let desk = self.desk.records()?.into_iter().map(|record| self.of_desk(record));
        let all = desk.chain(own);
        Ok(all.filter(|index| endpoint.is_none_or(|name| index.endpoint.name == name)).collect())
    }

    /// An index, with or without backticks around the parts of its name; of the desk also by its bare name.
    ///
    /// # Errors
    /// [`Error::NotThere`].
    pub fn index(&self, name: &str) -> Result<Index> {
        let name = bare(name);
        let state = self.read();
        if state.records.indexes.contains_key(&name) {
            return self.own(&state, &name);
        }
        match self.desk.index_of(&name) {
            Some(index) => Ok(self.of_desk(self.desk.record(&index)?)),
            None => Err(not_there(&name)),
        }
    }

    /// Makes an index, and fills it from its source, if it has one; `at_ms` is the present. A source whose rows are at fault makes an
    /// index that says so.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::NotThere`] for the endpoint, the source or a model; [`Error::Argument`] and
    /// [`Error::UnknownColumn`] for a spec that does not fit; [`Error::Line`] for a source without readable columns.
    pub fn create_index(&self, mut new: NewIndex, at_ms: i64) -> Result<Index> {
        new.name = bare(&new.name);
        check_index(&new.name)?;
        let endpoint = self.endpoint(&new.endpoint)?;
        self.not_built_in(&endpoint.name)?;
        self.check_free(&new.name)?;
        let source = match &mut new.spec {
            Spec::DeltaSync(spec) => {
                spec.source_table = bare(&spec.source_table);
                if let Some(writeback) = &spec.writeback {
                    self.check_writeback(writeback)?;
                }
                Some(self.place(&spec.source_table)?.read(&spec.source_table)?)
            }
            Spec::DirectAccess(_) => None,
        };
        let rules = Rules { kind: endpoint.kind, strict: self.params.strict, models: &self.models };
        let plan = rules.plan(&new, source.as_ref())?;

        let name = new.name.clone();
        self.change(|state| {
            state.endpoint(&new.endpoint)?;
            if state.records.indexes.contains_key(&new.name) {
                return Err(exists(&new.name));
            }
            let on_endpoint = || state.records.indexes.values().filter(|own| own.endpoint == new.endpoint).count();
            if self.params.strict && on_endpoint() >= MOST_INDEXES {
                let message = format!("`{}` has {} indexes, which is the most", new.endpoint, on_endpoint());
                return Err(Error::argument("endpoint_name", message));
            }
            let id = state.next_id(&new.name, at_ms);
            let store = Store::create(self.shelf.index(&id), plan.schema, &self.params.collection)?;
            let record = IndexRecord {
                id,
                name: new.name,
                endpoint: new.endpoint,
                primary_key: new.primary_key,
                subtype: new.subtype,
                spec: plan.spec,
                model: plan.model,
                creator: new.creator,
                created_ms: at_ms,
                usage_policy: new.usage_policy,
                payload_logging: new.payload_logging,
                synced: None,
            };
            state.stores.insert(record.name.clone(), Arc::new(store));
            state.records.indexes.insert(record.name.clone(), record);
            Ok(())
        })?;
        if let Some(source) = source {
            // The index is there, whatever its rows are like; its state says what they are.
            _ = self.sync_from(&name, source, at_ms)?;
        }
        self.index(&name)
    }

    /// Changes what the catalogue keeps of an index.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::BuiltIn`].
    pub fn change_index(&self, name: &str, change: impl FnOnce(&mut IndexRecord)) -> Result<Index> {
        let name = self.own_name(name)?;
        self.change(|state| {
            change(state.records.indexes.get_mut(&name).ok_or_else(|| not_there(&name))?);
            Ok(())
        })?;
        self.index(&name)
    }

    /// Removes an index and its rows.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::BuiltIn`].
    pub fn delete_index(&self, name: &str) -> Result<()> {
        let name = self.own_name(name)?;
        let store = self.change(|state| {
            state.records.indexes.remove(&name).ok_or_else(|| not_there(&name))?;
            state.stores.remove(&name).ok_or_else(|| not_there(&name))
        })?;
        store.retire();
        match fs::remove_dir_all(&store.folder) {
            // Somebody still writes there: no entry names it any more, and the next start removes it.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// The vector by which an index is asked with a text.
    ///
    /// # Errors
    /// [`Error::Argument`] for an index without a model; [`Error::State`] where another model answers to its name by now.
    pub fn embed(&self, index: &Index, text: &str) -> Result<Vec<f32>> {
        if let Body::Desk(engine, _) = &index.body {
            return engine.query_vector(text);
        }
        let Some(embedded) = index.record.embedded() else {
            let message = format!("index `{}` has no embedding model; give `query_vector`", index.record.name);
            return Err(Error::argument("query_text", message));
        };
        let model = self.models.get(embedded.for_queries())?;
        if let Some(own) = index.record.model.as_ref().filter(|_| embedded.query_model.is_none())
            && own != model.identity()
        {
            let now = &model.identity().name;
            return Err(
                index.state(&format!("was embedded with model `{}`, and `{now}` answers now; sync it", own.name))
            );
        }
        if text.trim().is_empty() {
            return Err(Error::argument("query_text", "it is empty; give at least one word"));
        }
        let vector = self.watch().time(Stage::Embed, || model.embed(&[text]))?.pop();
        vector.map(|vector| vector.to_vec()).ok_or_else(|| Error::argument("query_text", "it has no vector"))
    }

    /// The model that looks at an index's best rows again: its own, or the desk's.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Runtime`] where it cannot be loaded.
    pub fn reranker(&self, index: &Index) -> Result<Arc<dyn Embedder>> {
        match index.record.embedded().filter(|_| !index.is_built_in()) {
            Some(embedded) => self.models.get(embedded.for_queries()),
            None => self.desk.engine.query_model(),
        }
    }

    /// The name of an index that can be changed.
    pub(super) fn own_name(&self, name: &str) -> Result<String> {
        let index = self.index(name)?;
        if index.is_built_in() {
            return Err(Error::BuiltIn { what: "index", name: index.record.name });
        }
        Ok(index.record.name)
    }

    fn check_free(&self, name: &str) -> Result<()> {
        if self.index(name).is_ok() {
            return Err(exists(name));
        }
        if self.place(name).is_ok() {
            return Err(Error::Exists { what: "table", name: name.to_owned() });
        }
        Ok(())
    }

    fn check_writeback(&self, name: &str) -> Result<()> {
        check_index(name)?;
        self.check_free(name)
    }

    fn own(&self, state: &State, name: &str) -> Result<Index> {
        let record = state.records.indexes.get(name).ok_or_else(|| not_there(name))?;
        let store = state.stores.get(name).ok_or_else(|| not_there(name))?;
        let endpoint = state.endpoint(&record.endpoint)?.clone();
        Ok(Index { record: record.clone(), endpoint, body: Body::Own(Arc::clone(store)) })
    }

    fn of_desk(&self, record: IndexRecord) -> Index {
        let name = self.desk.index_of(&record.name).unwrap_or_default();
        Index { record, endpoint: self.desk.endpoint(), body: Body::Desk(Arc::clone(&self.desk.engine), name) }
    }
}

pub(super) fn not_there(name: &str) -> Error {
    Error::NotThere { what: "index", name: name.to_owned() }
}

fn exists(name: &str) -> Error {
    Error::Exists { what: "index", name: name.to_owned() }
}
