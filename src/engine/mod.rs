//! The façade that an agent service calls: the current snapshot, an embedder that is loaded when first needed, and the
//! questions of a desk. Synchronous, `Send + Sync`; prints nothing, keeps no global state.

mod diff;
mod feedback;
mod forget;
mod held;
mod model;
mod request;
mod similar;
mod source;
mod suggest;
mod ticket;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

pub use diff::{ActionChange, Cause, Difference, RowChanges, diff};
pub use feedback::{FeedbackReceipt, FeedbackRequest, FeedbackSummary};
pub use forget::{ForgetReceipt, ForgetRequest, forget};
pub use held::Held;
pub use model::CacheCounts;
pub use request::{
    By, RecommendRequest, Recommendation, SearchAnswer, SearchRequest, Similar, SimilarRequest, SimilarTickets,
    Subject, TicketTurn, WholeTicket,
};
pub use source::{ModelSource, identity_of, open_model};

use crate::desk::Masker;
use crate::embed::{EmbedParams, Embedder, ModelIdentity, Vector};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{Codes, DuplicateParams, FusionParams, Query, QueryKind, QueryVector};
use crate::keyword::KeywordParams;
use crate::rebuild::{self, BuildReport, BuildRequest, DeskFile, LEARNED_FILE, Progress};
use crate::recommend::{Learned, RecommendParams};
use crate::snapshot::Snapshot;
use crate::stage::{Stage, Watch};
use model::QueryModel;

/// Everything an engine is opened with.
#[derive(Debug, Clone)]
pub struct EngineParams {
    /// The index folder.
    pub index: PathBuf,
    /// This generation, for good, in place of the one that serves.
    pub generation: Option<String>,
    /// Where the model for query texts comes from.
    pub model: ModelSource,
    /// How it runs.
    pub embed: EmbedParams,
    /// How hybrid queries fuse.
    pub fusion: FusionParams,
    /// How words are scored.
    pub keyword: KeywordParams,
    /// Which similar tickets are shown under a better one.
    pub duplicates: DuplicateParams,
    /// How neighbours become advice.
    pub recommend: RecommendParams,
    /// The longest text of a question, in bytes; any length when `None`.
    pub longest_text: Option<usize>,
    /// Who times the stages of questions.
    pub watch: Watch,
}

impl EngineParams {
    /// The defaults, for an index folder whose model lies in `models/` of the current folder.
    #[must_use]
    pub fn new(index: impl Into<PathBuf>) -> Self {
        Self {
            index: index.into(),
            generation: None,
            model: ModelSource::Search(vec![PathBuf::from("models")]),
            embed: EmbedParams::default(),
            fusion: FusionParams::default(),
            keyword: KeywordParams::default(),
            duplicates: DuplicateParams::default(),
            recommend: RecommendParams::default(),
            longest_text: None,
            watch: Watch::default(),
        }
    }
}

/// A desk's index, open for questions.
pub struct Engine {
    params: EngineParams,
    current: ArcSwap<Current>,
    model: QueryModel,
}

/// A snapshot with what was read out of it once.
struct Current {
    snapshot: Snapshot,
    desk: DeskFile,
    /// Read when a text first asks for it: the answers for tickets of the index are stored.
    learned: OnceLock<Learned>,
}

impl Current {
    fn open(params: &EngineParams) -> Result<Self> {
        let snapshot = match &params.generation {
            Some(name) => Snapshot::open_named(&params.index, name)?,
            None => Snapshot::open(&params.index)?,
        };
        params.model.check(&snapshot.generation().model)?;
        let desk = DeskFile::of(&snapshot)?;
        Ok(Self { snapshot, desk, learned: OnceLock::new() })
    }

    /// The ranker of the generation.
    fn learned(&self, params: &EngineParams) -> Result<&Learned> {
        if let Some(learned) = self.learned.get() {
            return Ok(learned);
        }
        let read = self.snapshot.file(LEARNED_FILE).and_then(Learned::from_bytes);
        let read =
            read.ok_or_else(|| Error::corrupt(params.index.join(LEARNED_FILE), "it holds no ranker".to_owned()))?;
        Ok(self.learned.get_or_init(|| read))
    }
}

impl Engine {
    /// Opens the generation of an index folder that serves now, with the default parameters.
    ///
    /// # Errors
    /// [`Error::NoIndex`], [`Error::Format`], [`Error::Corrupt`], [`Error::ModelMismatch`], I/O errors.
    pub fn open(index: impl Into<PathBuf>) -> Result<Self> {
        Self::open_with(EngineParams::new(index))
    }

    /// Opens with parameters.
    ///
    /// # Errors
    /// Those of [`Engine::open`].
    pub fn open_with(params: EngineParams) -> Result<Self> {
        let current = ArcSwap::from_pointee(Current::open(&params)?);
        Ok(Self { params, current, model: QueryModel::new() })
    }

    /// Builds a generation from source tables and publishes it. See [`rebuild::build`].
    ///
    /// # Errors
    /// Those of [`rebuild::build`].
    pub fn build(
        request: &BuildRequest<'_>,
        embedder: &dyn Embedder,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<BuildReport> {
        rebuild::build(request, embedder, &mut |step| {
            progress(step);
            Ok(())
        })
    }

    /// The generation that this engine answers from, held for as long as the value lives.
    #[must_use]
    pub fn with_snapshot<T>(&self, read: impl FnOnce(&Snapshot) -> T) -> T {
        read(&self.current.load().snapshot)
    }

    /// Swaps in the generation that serves now, if it is another or if something was forgotten since; whether it did. An
    /// engine that was opened for one generation by name keeps it, without what is forgotten.
    ///
    /// Questions that are being answered keep the generation they began with.
    ///
    /// # Errors
    /// Those of [`Engine::open`]; the engine then goes on with the generation it has.
    pub fn reload_if_changed(&self) -> Result<bool> {
        let (current, root) = (self.current.load(), &self.params.index);
        let is_named = self.params.generation.is_some();
        let is_up_to_date = if is_named { current.snapshot.hides_all(root)? } else { current.snapshot.serves(root)? };
        if is_up_to_date {
            return Ok(false);
        }
        self.current.store(Arc::new(Current::open(&self.params)?));
        Ok(true)
    }

    /// Queries any index of the generation.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`], [`Error::UnknownRow`], [`Error::UnknownColumn`], [`Error::Filter`],
    /// [`Error::Argument`]; model errors when a text has to be embedded.
    pub fn search(&self, request: &SearchRequest) -> Result<SearchAnswer> {
        let current = self.current.load();
        let index = current.snapshot.index(&request.index)?;
        let columns = request.columns.clone().unwrap_or_else(|| index.columns());
        let (vector, text, codes) = match &request.by {
            By::Vector(vector) => (Some(QueryVector::Raw(unit(vector)?)), None, Codes::default()),
            By::Text(text) => {
                let (vector, masked, codes) = self.text_query_in(&current, text, request.kind)?;
                (vector, Some(masked), codes)
            }
            By::Row(key) => {
                let row = index
                    .row_of(key)?
                    .ok_or_else(|| Error::UnknownRow { index: request.index.clone(), key: key.clone() })?;
                let text = index.text(row, &index.manifest().embedded)?.map(str::to_owned);
                let codes = Codes { values: index.exact_values(row)?, alone: false };
                (Some(QueryVector::Row(row)), text, codes)
            }
        };
        let query = Query {
            filter: request.filter.clone(),
            one_per_group: request.one_per_group,
            explain: request.explain,
            codes,
            fusion: self.params.fusion,
            keyword: self.params.keyword.clone(),
            watch: self.params.watch.clone(),
            ..Query::new(request.kind, vector, text, request.k)
        };
        let found = index.query(&query)?;
        let read = || found.hits.iter().map(|hit| Ok((hit.clone(), index.cells(hit.row, &columns)?))).collect();
        let rows = self.params.watch.time(Stage::Cells, || -> Result<_> { read() })?;
        Ok(SearchAnswer {
            generation: current.snapshot.generation().name.clone(),
            eligible: found.eligible,
            degraded: found.degraded,
            filters: written(request.filter.as_ref()),
            rows,
        })
    }

    /// The vectors of texts as they are, unmasked, in their order, and the model that made them: that of the generation.
    ///
    /// # Errors
    /// [`Error::Argument`] for an empty text and one that is too long; model errors.
    pub fn embed_texts(&self, texts: &[&str]) -> Result<(ModelIdentity, Vec<Vector>)> {
        for text in texts {
            self.check_length("texts", text)?;
        }
        let embedder = self.embedder(&self.current.load())?;
        let vectors = self.params.watch.time(Stage::Embed, || embedder.embed(texts))?;
        Ok((embedder.identity().clone(), vectors))
    }

    /// Loads the model for query texts, so that the first of them need not wait for it.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Runtime`], [`Error::ModelMismatch`].
    pub fn warm(&self) -> Result<()> {
        self.embedder(&self.current.load()).map(drop)
    }

    /// Who times the stages of questions.
    #[must_use]
    pub const fn watch(&self) -> &Watch {
        &self.params.watch
    }

    /// How often a text's vector was there already.
    #[must_use]
    pub fn cache_counts(&self) -> CacheCounts {
        self.model.counts()
    }

    /// Looks whether the ledger of what is forgotten can be read and has lost nothing.
    ///
    /// # Errors
    /// [`Error::Ledger`], I/O errors.
    pub fn check_ledger(&self) -> Result<()> {
        self.current.load().snapshot.hides_all(&self.params.index).map(drop)
    }

    /// What a text is searched by: its vector, unless words alone are asked for; itself, masked; its codes.
    pub(crate) fn text_query(&self, text: &str, kind: QueryKind) -> Result<(Option<QueryVector>, String, Codes)> {
        self.text_query_in(&self.current.load(), text, kind)
    }

    fn text_query_in(
        &self,
        current: &Current,
        text: &str,
        kind: QueryKind,
    ) -> Result<(Option<QueryVector>, String, Codes)> {
        let masked = self.masked_query(text)?;
        let vector = (kind != QueryKind::FullText).then(|| self.embed(current, &masked)).transpose()?;
        let codes = similar::codes_of(&masked);
        Ok((vector.map(QueryVector::Raw), masked, codes))
    }

    /// The vector of a masked text.
    fn embed(&self, current: &Current, masked: &str) -> Result<Vec<f32>> {
        self.model.embed(&*self.embedder(current)?, masked, &self.params.watch)
    }

    /// The model of a generation; loaded by the first text that needs it.
    fn embedder(&self, current: &Current) -> Result<Arc<dyn Embedder>> {
        self.model.get(&current.snapshot.generation().model, &self.params.model, &self.params.embed)
    }

    /// A caller's text as it would have been stored: without personal data.
    fn masked_query(&self, text: &str) -> Result<String> {
        if text.trim().is_empty() {
            return Err(Error::argument("text", "it is empty; give at least one word"));
        }
        self.check_length("text", text)?;
        Ok(Masker::patterns_only().mask(text, None).into_owned())
    }

    fn check_length(&self, name: &'static str, text: &str) -> Result<()> {
        match self.params.longest_text {
            Some(longest) if text.len() > longest => {
                Err(Error::argument(name, format!("a text of {} bytes; {longest} are the most", text.len())))
            }
            _ => Ok(()),
        }
    }
}

/// A caller's vector at unit length.
fn unit(vector: &[f32]) -> Result<Vec<f32>> {
    let unit = crate::embed::Vector::new(vector.to_vec())
        .ok_or_else(|| Error::argument("vector", "it must be finite and not all zeros"))?;
    Ok(unit.to_vec())
}

/// The parts of a caller's filter.
fn written(filter: Option<&Filter>) -> Vec<String> {
    filter.map(Filter::written).unwrap_or_default().into_iter().map(str::to_owned).collect()
}
