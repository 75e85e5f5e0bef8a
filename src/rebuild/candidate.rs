//! A generation between being written and being published: what is measured of it, what the gates say, what the build
//! reports.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::clock::Clock;
use super::drift::Spread;
use super::gates::{self, Figures, Forced, GateParams, LastNight, Tonight, Verdict};
use super::{ActionCounts, BuildRequest, FIGURES_FILE, Forgetting, Progress, json_of};
use crate::desk::{Changes, Desk, SourceTable};
use crate::embed::Blends;
use crate::error::{Error, Result};
use crate::feedback::LogReport;
use crate::index::IndexReader;
use crate::privacy;
use crate::recommend::{Judged, Learned};
use crate::similarity::Measured;
use crate::snapshot::{Generation, Snapshot, SnapshotWriter};

/// So many rows of each index ask for their nearest others.
const RECALL_ASKED: usize = 100;
/// For so many.
const RECALL_AT: usize = 10;

/// What a build did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildReport {
    /// The new generation. Of one that is not published, what it would have been.
    pub generation: Generation,
    /// Whether it serves now.
    pub published: bool,
    /// The generation that served before, without the rows that were hidden in it; `None` where none did.
    pub last: Option<Generation>,
    /// Why what is named as serving could not be compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_unread: Option<String>,
    /// What came in.
    pub tables: Vec<SourceTable>,
    /// Source rows that were left out as faulty.
    pub skipped: usize,
    /// Distinct texts that have a vector.
    pub texts: usize,
    /// How many of these vectors an earlier build had made.
    pub reused: usize,
    /// Seconds by phase, in the order of the phases.
    pub seconds: Vec<(&'static str, f64)>,
    /// Agent messages by where their action came from.
    pub actions: ActionCounts,
    /// How well similarities of tickets hold; `None` where the desk teaches no such scale.
    pub similarity: Option<Measured>,
    /// What the index's log of feedback held, of which the generation keeps the counts.
    pub feedback: LogReport,
    /// What was done about those who are forgotten; `None` where nobody is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Forgetting>,
    /// How what was learnt did at moments that were held out.
    pub judged: Option<Judged>,
    /// What each gate says.
    pub gates: Vec<Verdict>,
    /// Who had it published though gates did not hold; `None` where all hold.
    pub forced_by: Option<String>,
}

impl BuildReport {
    /// What changed in the tables that were change feeds or were read onto what served, by name.
    pub fn changes(&self) -> impl Iterator<Item = (&str, &Changes)> {
        self.tables.iter().filter_map(|table| Some((table.name.as_str(), table.changes.as_ref()?)))
    }

    /// The gates that do not hold.
    pub fn failed(&self) -> impl Iterator<Item = &Verdict> {
        self.gates.iter().filter(|verdict| !verdict.passed)
    }
}

/// A generation that is written and judged. Dropped before [`Candidate::publish`], it leaves nothing.
pub struct Candidate {
    writer: SnapshotWriter,
    report: BuildReport,
    figures: Figures,
    clock: Clock,
    keep: usize,
    forced_by: Option<String>,
}

impl Candidate {
    pub(super) fn new(
        writer: SnapshotWriter,
        mut report: BuildReport,
        figures: Figures,
        mut clock: Clock,
        request: &BuildRequest<'_>,
    ) -> Self {
        report.seconds = clock.stopped();
        Self { writer, report, figures, clock, keep: request.params.keep, forced_by: request.forced_by.clone() }
    }

    /// What was done and found so far.
    #[must_use]
    pub const fn report(&self) -> &BuildReport {
        &self.report
    }

    /// Publishes it if every gate holds, or if the request says who wants it all the same, which it then notes.
    ///
    /// # Errors
    /// [`Error::Refused`] with the gates that do not hold; those of [`SnapshotWriter::publish`].
    pub fn publish(self, progress: &mut dyn FnMut(Progress) -> Result<()>) -> Result<BuildReport> {
        let Self { mut writer, mut report, mut figures, mut clock, keep, forced_by } = self;
        let failed: Vec<String> = report.failed().map(Verdict::line).collect();
        if !failed.is_empty() {
            let Some(by) = forced_by else {
                return Err(Error::Refused { failed, serving: report.last.map(|last| last.name) });
            };
            figures.forced = Some(Forced { by: by.clone(), failed });
            report.forced_by = Some(by);
        }
        progress(Progress::Phase(clock.phase("verify")))?;
        writer.add_file(FIGURES_FILE, &json_of(&figures)?)?;
        let (generation, purging) = writer.publish(keep)?;
        report.generation = generation;
        if let Some(forgotten) = &mut report.forgotten {
            forgotten.generations = purging;
        }
        report.published = true;
        report.seconds = clock.stopped();
        Ok(report)
    }
}

/// What serves, and if it cannot be opened, why.
pub(super) fn last_night(index: &Path) -> (Option<LastNight>, Option<String>) {
    match Snapshot::open(index) {
        Ok(snapshot) => {
            let figures = snapshot.file(FIGURES_FILE).and_then(|bytes| serde_json::from_slice(bytes).ok());
            (Some(LastNight { generation: shown(&snapshot), figures }), None)
        }
        Err(Error::NoIndex { .. }) => (None, None),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// What a generation says of itself, with the rows that it still shows: what is forgotten was not lost overnight.
fn shown(snapshot: &Snapshot) -> Generation {
    let mut generation = snapshot.generation().clone();
    for (name, entry) in &mut generation.indexes {
        entry.rows -= snapshot.index(name).map_or(0, IndexReader::hidden_rows);
    }
    generation
}

/// What the generation will keep of this night.
pub(super) fn figures(desk: &Desk, vectors: &Blends, learned: &Learned) -> Figures {
    let mut categories: BTreeMap<String, usize> = BTreeMap::new();
    for ticket in &desk.tickets {
        *categories.entry(ticket.category.to_string()).or_default() += 1;
    }
    Figures {
        tables: desk.sources.clone(),
        categories,
        judged: learned.judged,
        vectors: Spread::of(vectors.into()),
        forced: None,
    }
}

/// Measures what is written, and judges it.
pub(super) fn judge(
    last: Option<&LastNight>,
    writer: &SnapshotWriter,
    figures: &Figures,
    vectors: &Blends,
    limits: &GateParams,
) -> Result<Vec<Verdict>> {
    let preview = writer.preview()?;
    let mut recall = BTreeMap::new();
    for name in preview.index_names() {
        recall.insert(name.to_owned(), preview.index(name)?.recall(RECALL_ASKED, RECALL_AT));
    }
    let personal_values = match limits.personal_data.then(|| privacy::search(&preview)) {
        None => None,
        Some(Ok(_)) => Some(0),
        Some(Err(Error::PersonalData { total, .. })) => Some(total),
        Some(Err(error)) => return Err(error),
    };
    // Cosines with a mean of another model's vectors would say nothing.
    let comparable = last.filter(|last| last.generation.model == writer.generation().model);
    let spread = comparable.and_then(|last| last.figures.as_ref()?.vectors.as_ref());
    let vector_drift = spread.and_then(|spread| spread.drift_to(vectors.into()));
    let tonight = Tonight { generation: writer.generation(), figures, vector_drift, recall, personal_values };
    Ok(gates::judge(last, &tonight, limits))
}
