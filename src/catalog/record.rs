//! What the catalogue keeps of each endpoint and index, as its file has it. Knows no file, no wire format, no row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::embed::ModelIdentity;

/// Everything that the catalogue keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Records {
    /// How many ids were given, so that no two are the same.
    pub(super) serial: u64,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) indexes: BTreeMap<String, IndexRecord>,
}

/// A named place for indexes, which decides some of their rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// Its id, for good.
    pub id: String,
    /// Which rules its indexes have.
    pub kind: EndpointKind,
    /// Who made it.
    pub creator: String,
    /// When, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// Who changed it last.
    pub updated_by: String,
    /// When, likewise.
    pub updated_ms: i64,
    /// Whether it was stopped: its indexes keep their rows and refuse every question and change.
    pub stopped: bool,
    /// Kept and given back.
    pub tags: Vec<Tag>,
    /// Kept and given back.
    pub budget_policy: Option<String>,
    /// Kept and given back.
    pub usage_policy: Option<String>,
    /// Kept and given back: there is one machine.
    pub target_qps: Option<i64>,
    /// Entries of an access control list, kept and given back: nobody is refused by them.
    pub permissions: Vec<Value>,
}

/// Which rules the indexes of an endpoint have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndpointKind {
    /// Filters in JSON.
    Standard,
    /// Filters in SQL; no index that follows its source by itself.
    StorageOptimized,
}

/// A label of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value, which it need not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexRecord {
    /// `catalog.schema.index`.
    pub name: String,
    /// Its id, for good; also the name of its folder.
    pub id: String,
    /// The endpoint that it is on.
    pub endpoint: String,
    /// The column that names a row.
    pub primary_key: String,
    /// What can be asked of it.
    pub subtype: Subtype,
    /// Where its rows come from.
    pub spec: Spec,
    /// The model that made its vectors, where they are made here.
    pub model: Option<ModelIdentity>,
    /// Who made it.
    pub creator: String,
    /// When, in milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// Kept and given back.
    pub usage_policy: Option<String>,
    /// Whether questions are written to a file.
    pub payload_logging: bool,
    /// What came of the last sync; `None` before the first has ended, and for an index that has none.
    pub synced: Option<Synced>,
}

/// What can be asked of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Subtype {
    /// Nearest vectors, words, and both.
    Hybrid,
    /// Words alone; it has no vectors.
    FullText,
}

/// Where the rows of an index come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// From a table that it follows.
    DeltaSync(DeltaSync),
    /// From whoever writes them.
    DirectAccess(DirectAccess),
}

/// An index that follows a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaSync {
    /// The table's name, `catalog.schema.table`.
    pub source_table: String,
    /// Whether it follows by itself.
    pub pipeline: Pipeline,
    /// The columns that it keeps; all where `None`.
    pub columns: Option<Vec<String>>,
    /// The column whose text is embedded here.
    pub embedded: Option<Embedded>,
    /// The column of the source that holds vectors.
    pub vector: Option<VectorSpec>,
    /// The name under which rows with their vectors can be read as a table.
    pub writeback: Option<String>,
    /// Kept and given back.
    pub budget_policy: Option<String>,
}

/// An index that is written to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectAccess {
    /// The column that holds vectors.
    pub vector: Option<VectorSpec>,
    /// Name and type of each column, the vector's too, by name.
    pub columns: BTreeMap<String, String>,
    /// The model by which it can be asked with a text.
    pub model: Option<Embedded>,
}

/// What is embedded, and by which model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// The column; an index that is written to need not name one.
    pub column: Option<String>,
    /// The name of the model.
    pub model: String,
    /// The name of the model of queries, where it is another.
    pub query_model: Option<String>,
}

impl Embedded {
    /// The name of the model by which a query's text is embedded.
    #[must_use]
    pub fn for_queries(&self) -> &str {
        self.query_model.as_ref().unwrap_or(&self.model)
    }
}

/// A column of vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorSpec {
    /// Its name.
    pub name: String,
    /// How many numbers each has.
    pub dimension: usize,
}

/// When an index reads its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Pipeline {
    /// When it is told to.
    Triggered,
    /// When the source has changed.
    Continuous,
}

/// What came of a sync.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synced {
    /// How many were tried, this one included.
    pub number: u64,
    /// When it ended, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The state of the source's files that it read.
    pub source: String,
    /// Rows that were new or had changed.
    pub upserted: usize,
    /// Rows that had vanished.
    pub deleted: usize,
    /// Texts that were embedded.
    pub embedded: usize,
    /// Why it failed; the rows that were there are there still.
    pub failed: Option<String>,
}

impl IndexRecord {
    /// The column of vectors that are embedded here, and by what.
    #[must_use]
    pub fn embedded(&self) -> Option<&Embedded> {
        match &self.spec {
            Spec::DeltaSync(spec) => spec.embedded.as_ref(),
            Spec::DirectAccess(spec) => spec.model.as_ref(),
        }
    }

    /// The spec of an index that follows a table.
    #[must_use]
    pub const fn delta_sync(&self) -> Option<&DeltaSync> {
        match &self.spec {
            Spec::DeltaSync(spec) => Some(spec),
            Spec::DirectAccess(_) => None,
        }
    }
}

/// The column in which the vectors of an embedded column lie.
#[must_use]
pub fn vector_column_of(column: &str) -> String {
    format!("__db_{column}_vector")
}
