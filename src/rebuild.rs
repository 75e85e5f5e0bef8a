//! The batch: source tables → tickets and steps → vectors → two indexes → one published generation.
//! The only module that measures time; it prints nothing and tells its progress to whoever called.

mod alike;
mod candidate;
mod clock;
mod drift;
mod forgetting;
mod gates;
mod inputs;
mod memory;
mod onto;
mod past;
mod specs;

use std::collections::BTreeMap;
use std::ops::{Add, AddAssign};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use serde::{Deserialize, Serialize};

pub use self::candidate::{BuildReport, Candidate};
use self::clock::Clock;
pub use self::drift::Spread;
pub use self::forgetting::{CUSTOMER_COLUMN, Forgetting, TICKET_COLUMN};
pub use self::gates::{Figures, Forced, GateParams, LastNight, Verdict};
pub use self::inputs::{catalogue_beside, nothing_to_do};
pub use self::memory::LEAST_MEMORY_MB;
pub use self::onto::Extract;
use self::onto::Onto;
pub use self::past::Past;
use self::specs::{steps_spec, tickets_spec};
use crate::desk::{Agent, AssignParams, Catalogue, Desk, MaskedTables, ReadParams};
use crate::embed::{Embedded, Embedder, VectorCache};
use crate::error::{Error, Problem, Result};
use crate::feedback::{Log, Reading, Tally};
use crate::index::{FusionParams, IndexSpec};
use crate::keyword::KeywordParams;
use crate::recommend::{LearnParams, RecommendParams, Trust};
use crate::similarity::Similarity;
use crate::snapshot::{Snapshot, SnapshotWriter};
use crate::vector::VectorParams;

/// The index of problems: one row a ticket.
pub const TICKETS: &str = "tickets";
/// The index of moments: one row for each thing an agent did, and one for what an active ticket waits for.
pub const STEPS: &str = "steps";
/// The file of a generation that holds its [`DeskFile`].
pub const DESK_FILE: &str = "desk.json";
/// The file of a generation that holds its [`crate::recommend::Learned`]: a line of JSON, then weights.
pub const LEARNED_FILE: &str = "learned.bin";
/// The file of a generation that holds its [`Figures`]. Generations of programs without gates have none.
pub const FIGURES_FILE: &str = "figures.json";
/// The folder beside the generations that keeps vectors from build to build.
const CACHE_FOLDER: &str = "cache";

/// How a build is done. Part of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuildParams {
    /// How many generations stay on the disk, the new one included. 1 or more.
    pub keep: usize,
    /// Mebibytes of its own that it may take; what is written does not depend on it. [`LEAST_MEMORY_MB`] or more.
    pub memory_mb: usize,
    /// How source rows are checked.
    pub read: ReadParams,
    /// When an agent's message counts as an action of the catalogue.
    pub assign: AssignParams,
    /// What the columns weigh that words are searched in.
    pub keyword: BoostParams,
    /// How vectors are kept and searched.
    pub vector: VectorParams,
    /// How the next action is learnt from the desk's history.
    pub learn: LearnParams,
    /// What a new generation must be like to be published.
    pub gates: GateParams,
}

impl Default for BuildParams {
    fn default() -> Self {
        Self {
            keep: 3,
            memory_mb: 4_096,
            read: ReadParams::default(),
            assign: AssignParams::default(),
            keyword: BoostParams::default(),
            vector: VectorParams::default(),
            learn: LearnParams::default(),
            gates: GateParams::default(),
        }
    }
}

/// What a word in another column of a ticket weighs beside one in its problem, which has the subject too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoostParams {
    /// 0 (not searched) or 0.01 to 100.
    pub subject_boost: f32,
    /// 0 (not searched) or 0.01 to 100.
    pub tags_boost: f32,
    /// Of what was said after the problem. 0 (not searched) or 0.01 to 100.
    pub thread_boost: f32,
}

impl Default for BoostParams {
    fn default() -> Self {
        Self { subject_boost: 1.0, tags_boost: 0.5, thread_boost: 0.5 }
    }
}

/// What to build, where, and as of when.
#[derive(Debug, Clone)]
pub struct BuildRequest<'a> {
    /// The folder with the five source tables.
    pub data: PathBuf,
    /// Whether they hold everything, or changes to what serves.
    pub extract: Extract,
    /// As of which version Delta Lake tables are read, by the table's name; the newest where there is none.
    pub at: BTreeMap<String, i64>,
    /// The index folder; made if need be.
    pub index: PathBuf,
    /// What agents can do.
    pub catalogue: &'a Catalogue,
    /// The instant to note in the generation, in RFC 3339.
    pub now: String,
    /// What another process is told while this one writes.
    pub holder: String,
    /// How to build.
    pub params: &'a BuildParams,
    /// How neighbours will vote: what is learnt is weighed against their votes.
    pub recommend: &'a RecommendParams,
    /// How hybrid queries will fuse: the tickets that they find teach what a similarity is worth.
    pub fusion: FusionParams,
    /// How words will be scored, likewise.
    pub keyword: &'a KeywordParams,
    /// Who asks that it be published even if gates do not hold; `None` where nobody does.
    pub forced_by: Option<String>,
}

/// A step forward of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A phase begins: `read`, `embed`, `learn` (from what was done, and by an index of tickets, which is written then),
    /// `index` (of steps), `gates` or `verify`.
    Phase(&'static str),
    /// Of the texts to embed, so many are done.
    Embedded(Embedded),
}

/// Where the actions of agent messages came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ActionCounts {
    /// Given in the tables.
    pub given: usize,
    /// Assigned by the nearest examples.
    pub assigned: usize,
    /// Near no example: `OTHER`.
    pub other: usize,
}

impl Add for ActionCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let Self { given, assigned, other: none } = self;
        Self { given: given + other.given, assigned: assigned + other.assigned, other: none + other.other }
    }
}

impl AddAssign for ActionCounts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// What a generation keeps of the desk beside its indexes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskFile {
    /// Who can be given work.
    pub agents: Vec<Agent>,
    /// What agents can do.
    pub catalogue: Catalogue,
    /// How far what was learnt is trusted.
    pub trust: Trust,
    /// When the newest turn or opening of a ticket was, in microseconds since 1970 UTC; not after the build.
    pub newest: i64,
    /// What people had made of recommendations when it was built.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub feedback: Tally,
    /// What a similarity of tickets is worth; `None` where the desk teaches no such scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<Similarity>,
}

impl DeskFile {
    /// Reads it off a generation.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the generation has none that this program understands.
    pub fn of(snapshot: &Snapshot) -> Result<Self> {
        let damaged = |reason: String| Error::corrupt(snapshot.folder().join(DESK_FILE), reason);
        let file = snapshot.file(DESK_FILE).ok_or_else(|| damaged("the generation has no such file".to_owned()))?;
        serde_json::from_slice(file).map_err(|error| damaged(error.to_string()))
    }
}

/// Builds both indexes into a new generation and publishes it. On any error the old generation goes on serving.
///
/// # Errors
/// Those of [`prepare`] and [`Candidate::publish`].
pub fn build(
    request: &BuildRequest<'_>,
    embedder: &dyn Embedder,
    progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<BuildReport> {
    prepare(request, embedder, progress)?.publish(progress)
}

/// Builds both indexes into a new generation and judges it. It serves once it is published, and leaves nothing if it is not.
///
/// # Errors
/// [`crate::Error::Memory`] where it would take too much; [`crate::Error::Argument`] for an instant that is none;
/// [`crate::Error::Data`] for faulty rows and [`crate::Error::Input`] for tables that change while they are read, before
/// anything is written; [`crate::Error::Busy`] while another process writes; model and I/O errors.
pub fn prepare(
    request: &BuildRequest<'_>,
    embedder: &dyn Embedder,
    progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Candidate> {
    let now = instant(&request.now)?;
    let mut clock = Clock::default();

    let phase = clock.phase("read");
    let identity = embedder.identity();
    let forgotten = forgetting::forgotten(&request.index)?;
    let feedback_lines = forgetting::purge_feedback(&request.index, &forgotten)?;
    let onto = Onto::of(request)?;
    let inputs = inputs::sums(request, onto.as_ref(), identity, &forgotten)?;
    progress(Progress::Phase(phase))?;
    let extent = onto::extent(request, onto.as_ref());
    let mut tables = MaskedTables::read(&request.data, &request.params.read, &extent)?;
    inputs::check_tables(&request.data, &extent, &inputs)?;
    let left_out = forgetting::leave_out(&mut tables, &forgotten);
    if tables.is_empty() {
        return Err(no_tickets(&request.data, left_out));
    }
    let mut writer = SnapshotWriter::begin(&request.index, identity, &request.now, &request.holder)?;
    if let Some(onto) = onto {
        onto.check_still_serves(&request.index)?;
    }
    writer.note_inputs(inputs);
    for file in tables.files() {
        let (name, bytes) = file?;
        writer.add_file(&name, &bytes)?;
    }
    let desk = tables.into_desk();
    let Reading { records, report: feedback } = Log::of(&request.index).read()?;

    progress(Progress::Phase(clock.phase("embed")))?;
    let cache = VectorCache::open(&request.index.join(CACHE_FOLDER), identity)?;
    let cache = if forgotten.is_pending() { cache.without_others()? } else { cache };
    let past = Past::embed(desk, request.catalogue, &request.params.assign, embedder, &cache, progress)?;
    let desk = &past.desk;
    memory::check(&past, &request.params.vector, request.params.memory_mb)?;
    let vectors = past.ticket_vectors()?;

    progress(Progress::Phase(clock.phase("learn")))?;
    let learning = &request.params.learn;
    let vector = &request.params.vector;
    let keyword_memory = memory::for_keywords(request.params.memory_mb);
    let spec = IndexSpec { keyword_memory, ..tickets_spec(vector, &request.params.keyword) };
    let of_steps = || {
        let history = past.history(i64::MAX, learning.seed);
        let learned = history.learn(history.known_before(i64::MAX), request.catalogue, learning, request.recommend);
        (history, learned)
    };
    let of_tickets = || {
        let tickets = writer.write_index(&spec, past.ticket_rows(request.catalogue), &vectors)?;
        let similarity = alike::learn(request, &past, &writer, &tickets, &vectors)?;
        Ok::<_, Error>((tickets, similarity))
    };
    // Neither needs the other, and each leaves a core idle now and then.
    let ((history, learned), of_tickets) = rayon::join(of_steps, of_tickets);
    let (tickets, similarity) = of_tickets?;

    let mut on_phase = |name| progress(Progress::Phase(clock.phase(name)));
    on_phase("index")?;
    let spec = IndexSpec { keyword_memory, ..steps_spec(vector) };
    let steps = writer.write_index(&spec, past.step_rows(&history, &learned), past.states())?;
    drop(history);
    writer.add_index(tickets);
    writer.add_index(steps);

    let measured = similarity.as_ref().map(|scale| scale.measured.clone());
    let kept = DeskFile {
        agents: desk.agents.clone(),
        catalogue: request.catalogue.clone(),
        trust: learned.trust,
        newest: newest(desk).min(now),
        feedback: Tally::of(&records),
        similarity,
    };
    writer.add_file(DESK_FILE, &json_of(&kept)?)?;
    writer.add_file(LEARNED_FILE, &learned.to_bytes()?)?;

    on_phase("gates")?;
    let (last, last_unread) = candidate::last_night(&request.index);
    let figures = candidate::figures(desk, &vectors, &learned);
    let gates = candidate::judge(last.as_ref(), &writer, &figures, &vectors, &request.params.gates)?;
    let report = BuildReport {
        generation: writer.generation().clone(),
        published: false,
        last: last.map(|last| last.generation),
        last_unread,
        tables: desk.sources.clone(),
        skipped: desk.skipped,
        texts: past.kept.len(),
        reused: past.kept.reused(),
        seconds: Vec::new(),
        actions: past.actions,
        similarity: measured,
        feedback,
        forgotten: forgotten.head().map(|_| Forgetting { left_out, feedback: feedback_lines, generations: None }),
        judged: learned.judged,
        gates,
        forced_by: None,
    };
    // A desk of millions of texts takes a while to let go of.
    rayon::spawn(move || drop((past, vectors)));
    Ok(Candidate::new(writer, report, figures, clock, request))
}

fn json_of(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::internal("writing what a build keeps or sums", error))
}

/// The instant of a build.
fn instant(now: &str) -> Result<i64> {
    let parsed = DateTime::parse_from_rfc3339(now).map(|at| at.timestamp_micros());
    parsed.map_err(|_| Error::argument("now", format!("`{now}` is no instant such as 2026-07-01T02:00:00Z")))
}

/// When the newest turn or opening of a ticket was.
fn newest(desk: &Desk) -> i64 {
    let turns = desk.tickets.iter().flat_map(|ticket| &ticket.thread).map(|turn| turn.at);
    turns.chain(desk.tickets.iter().map(|ticket| ticket.created_at)).max().unwrap_or(i64::MIN)
}

/// An export that went wrong must not replace an index that serves.
fn no_tickets(data: &Path, left_out: usize) -> Error {
    let message = match left_out {
        0 => "there is no ticket to index".to_owned(),
        _ => format!("there is no ticket to index but {left_out} that are forgotten; remove the index folder"),
    };
    let problem = Problem { file: data.to_owned(), line: None, column: None, value: None, message };
    Error::Data { problems: vec![problem], total: 1 }
}
