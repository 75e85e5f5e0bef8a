//! The desk's own indexes as the catalogue shows them: built in, on an endpoint of their own, changed by a build alone.

use std::sync::Arc;

use super::record::{DeltaSync, Embedded, Endpoint, EndpointKind, IndexRecord, Pipeline, Spec, Subtype, Synced};
use super::source::Place;
use super::view::{DeskView, IndexView};
use crate::engine::Engine;
use crate::error::Result;

/// The endpoint that the desk's indexes are on.
pub const ENDPOINT: &str = "nba";
/// Catalog and schema of the desk's indexes.
const SCHEMA: &str = "main.support.";

/// The desk as part of the catalogue.
pub(super) struct Desk {
    pub(super) engine: Arc<Engine>,
}

impl Desk {
    /// The name of the index that a name means, with catalog and schema or bare.
    pub(super) fn index_of(&self, name: &str) -> Option<String> {
        let bare = name.strip_prefix(SCHEMA).unwrap_or(name);
        self.names().into_iter().find(|own| own == bare)
    }

    fn names(&self) -> Vec<String> {
        self.engine.with_snapshot(|snapshot| snapshot.index_names().map(str::to_owned).collect())
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint {
            name: ENDPOINT.to_owned(),
            id: ENDPOINT.to_owned(),
            kind: EndpointKind::Standard,
            creator: ENDPOINT.to_owned(),
            created_ms: 0,
            updated_by: ENDPOINT.to_owned(),
            updated_ms: 0,
            stopped: false,
            tags: Vec::new(),
            budget_policy: None,
            usage_policy: None,
            target_qps: None,
            permissions: Vec::new(),
        }
    }

    pub(super) fn records(&self) -> Result<Vec<IndexRecord>> {
        self.names().iter().map(|name| self.record(name)).collect()
    }

    /// What the catalogue would keep of an index of the desk.
    pub(super) fn record(&self, index: &str) -> Result<IndexRecord> {
        let held = self.engine.hold();
        let snapshot = held.snapshot();
        let manifest = snapshot.index(index)?.manifest();
        let generation = &snapshot.generation().name;
        let name = format!("{SCHEMA}{index}");
        Ok(IndexRecord {
            id: name.clone(),
            endpoint: ENDPOINT.to_owned(),
            primary_key: manifest.key.clone(),
            subtype: Subtype::Hybrid,
            spec: Spec::DeltaSync(DeltaSync {
                source_table: name.clone(),
                pipeline: Pipeline::Triggered,
                columns: None,
                embedded: Some(Embedded {
                    column: Some(manifest.embedded.clone()),
                    model: manifest.model.name.clone(),
                    query_model: None,
                }),
                vector: None,
                writeback: None,
                budget_policy: None,
            }),
            name,
            model: Some(manifest.model.clone()),
            creator: ENDPOINT.to_owned(),
            created_ms: 0,
            usage_policy: None,
            payload_logging: false,
            synced: Some(Synced {
                number: generation.trim_start_matches(['g', '0']).parse().unwrap_or_default(),
                at_ms: 0,
                source: generation.clone(),
                upserted: 0,
                deleted: 0,
                embedded: 0,
                failed: None,
            }),
        })
    }

    pub(super) fn view(&self, index: &str) -> IndexView {
        let engine = Arc::clone(&self.engine);
        IndexView::Desk(DeskView { held: engine.hold(), engine, index: index.to_owned() })
    }

    /// The rows of an index as a table.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let index = name.strip_prefix(SCHEMA).and_then(|_| self.index_of(name))?;
        Some(Place::Desk(self.engine.hold(), index))
    }
}
