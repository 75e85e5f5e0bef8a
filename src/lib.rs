//! Offline next-best-action engine for customer support.
//!
//! ```text
//! source tables ─► tickets with threads ─► masked texts ─► vectors + words ─► one generation of two indexes
//!                                                                                      │
//!                      advice ◄─ votes × outcomes ◄─ similar states, similar tickets ◄─┘
//! ```
//!
//! An [`Engine`] answers from the generation of an index folder that serves now; [`Engine::build`] makes the next one.
//! Everything is synchronous and `Send + Sync`. A ticket of the index is its own query: only a text loads the model.
//!
//! ```
//! use std::collections::BTreeMap;
//! use nba::{Engine, BuildRequest, EngineParams, Extract, HashedEmbedder, ModelSource, SimilarRequest, Subject};
//! use std::sync::Arc;
//!
//! # fn main() -> nba::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
//! let embedder = Arc::new(HashedEmbedder::new(64)); // `OnnxEmbedder` for real work
//! let request = BuildRequest {
//!     data,
//!     extract: Extract::Full,
//!     at: BTreeMap::new(),
//!     index: folder.path().join("index"),
//!     catalogue: &nba::Catalogue::built_in(),
//!     now: "2026-07-01T02:00:00Z".to_owned(),
//!     holder: "the nightly batch".to_owned(),
//!     params: &nba::BuildParams::default(),
//!     recommend: &nba::RecommendParams::default(),
//!     fusion: nba::FusionParams::default(),
//!     keyword: &nba::KeywordParams::default(),
//!     forced_by: None,
//! };
//! Engine::build(&request, embedder.as_ref(), &mut |_progress| {})?;
//!
//! let params = EngineParams { model: ModelSource::Ready(embedder), ..EngineParams::new(&request.index) };
//! let engine = Engine::open_with(params)?;
//! let subject = Subject::Ticket("TICKET-0042".to_owned());
//! let answer = engine.similar(&SimilarRequest::new(subject, 3))?;
//! assert_eq!(answer.tickets.len(), 3);
//! # Ok(())
//! # }
//! ```

pub mod actions;
pub mod catalog;
pub mod collection;
pub mod config;
pub mod desk;
mod discriminant;
mod disk;
pub mod embed;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod face;
pub mod feedback;
pub mod filter;
pub mod forgotten;
pub mod generate;
pub mod history;
pub mod index;
pub mod keyword;
pub mod privacy;
pub mod rank;
pub mod rebuild;
pub mod recommend;
pub mod similarity;
pub mod snapshot;
pub mod stage;
pub mod table;
pub mod vector;

pub use config::Config;
pub use desk::Catalogue;
pub use embed::{EmbedParams, Embedder, HashedEmbedder, ModelIdentity, ModelSpec, OnnxEmbedder, Vector};
pub use engine::{
    By, Engine, EngineParams, FeedbackReceipt, FeedbackRequest, FeedbackSummary, ForgetReceipt, ForgetRequest,
    ModelSource, RecommendRequest, Recommendation, SearchAnswer, SearchRequest, SimilarRequest, SimilarTickets,
    Subject, TicketTurn, WholeTicket,
};
pub use error::{Error, Fault, Problem, Result};
pub use filter::Filter;
pub use index::{DuplicateParams, FusionParams, QueryKind};
pub use keyword::KeywordParams;
pub use rebuild::{BuildParams, BuildReport, BuildRequest, Extract, Progress};
pub use recommend::{Abstention, Advice, RecommendParams};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
