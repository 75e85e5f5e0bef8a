//! One hybrid index over Arrow rows: an embedding column, text columns, filters; written whole, read-only after.
//! Knows no ticket, no model, and no other index.
//!
//! ```text
//! <index>/manifest.json            what the index is, and size and sha256 of every file below
//! <index>/0/rows.arrow             the rows, Arrow IPC, memory-mapped
//! <index>/0/{means,map}.f32        what vectors become before they are compared: see `space`
//! <index>/0/vector/…               vectors, codes and graph: see `vector`
//! <index>/0/keyword/…              a tantivy segment: see `keyword`
//! ```

mod alike;
mod cell;
mod fuse;
mod language;
mod manifest;
mod query;
mod reader;
mod rows;
mod space;
#[cfg(test)]
mod tests;
mod writer;

pub use cell::Cells;
pub(crate) use cell::json_cell;
pub use fuse::{Candidate, Fused, Fusion, FusionParams, Leg, Legs, Seen, Weights, fuse};
pub use manifest::{FORMAT, FileEntry, IndexSpec, Manifest, OLDEST_FORMAT, SegmentEntry};
pub(crate) use manifest::{check_files, list_files, read_json, sha256_hex, sha256_of_file, write_json};
pub use query::{Codes, Collapse, Degraded, DuplicateParams, Found, Hit, MAX_K, Query, QueryKind, QueryVector};
pub use reader::{IndexReader, Place, Recall, StoredText};
pub use rows::Rows;
pub(crate) use rows::write_all as write_rows;
pub use writer::write;
