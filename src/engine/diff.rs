//! What differs between two generations: rows, by key and content; and the best action of tickets that are active in both,
//! with what can have changed it. Asks both as any caller would.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{Engine, EngineParams, ModelSource, RecommendRequest, Subject};
use crate::desk::{LEARNT_COLUMNS, Status};
use crate::error::{Error, Result};
use crate::index::IndexReader;
use crate::rebuild::{STEPS, TICKETS};
use crate::recommend::{Advice, RankedAction};
use crate::snapshot::{Generation, Snapshot};

/// What differs between two generations.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What the earlier one says about itself.
    pub before: Generation,
    /// What the later one says.
    pub after: Generation,
    /// Rows, by index.
    pub indexes: BTreeMap<String, RowChanges>,
    /// How many tickets are active in both.
    pub active_in_both: usize,
    /// Those of them whose best action is another, in the order of their ids.
    pub actions: Vec<ActionChange>,
}

/// Keys of rows, each in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowChanges {
    /// In the later generation alone.
    pub added: Vec<String>,
    /// In both, with another content.
    pub changed: Vec<String>,
    /// In the earlier generation alone.
    pub removed: Vec<String>,
    /// How many are in both with the same content.
    pub same: usize,
}

/// A ticket with another best action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionChange {
    /// Its id.
    pub ticket: String,
    /// The best action in the earlier generation; `None` where it recommended nothing.
    pub before: Option<String>,
    /// The best action in the later generation, likewise.
    pub after: Option<String>,
    /// What can have changed it, widest first; never empty.
    pub causes: Vec<Cause>,
    /// Tickets that are evidence in the later generation and are new, or otherwise, since the earlier one.
    pub new_evidence: Vec<String>,
    /// Tickets that were evidence in the earlier generation and are gone, or otherwise, since.
    pub evidence_gone: Vec<String>,
}

/// What can have changed a best action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Another model made the vectors.
    Model,
    /// It was built with another configuration.
    Configuration,
    /// Another catalogue says what agents can do.
    Catalogue,
    /// Another version of the program built it.
    Program,
    /// The ticket is not what it was.
    Ticket,
    /// A ticket that speaks for or against an action of the later answer is new or was changed.
    NewEvidence,
    /// A ticket that spoke for or against an action of the earlier answer is gone or was changed.
    EvidenceGone,
    /// People have made something else of recommendations.
    Feedback,
    /// None of these: what was learnt from all other tickets.
    Learnt,
}

impl Cause {
    /// Its name, as every face has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Configuration => "configuration",
            Self::Catalogue => "catalogue",
            Self::Program => "program",
            Self::Ticket => "ticket",
            Self::NewEvidence => "new_evidence",
            Self::EvidenceGone => "evidence_gone",
            Self::Feedback => "feedback",
            Self::Learnt => "learnt",
        }
    }
}

/// Compares two generations of an index folder. `params` say how both are asked; no text is embedded, so no model is needed.
///
/// # Errors
/// [`Error::UnknownGeneration`], [`Error::Format`], [`Error::Corrupt`], I/O errors.
pub fn diff(params: &EngineParams, before: &str, after: &str) -> Result<Difference> {
    let open = |name: &str| {
        let (generation, model) = (Some(name.to_owned()), ModelSource::Search(Vec::new()));
        Engine::open_with(EngineParams { generation, model, ..params.clone() })
    };
    let (old, new) = (open(before)?, open(after)?);
    let contents = |engine: &Engine| engine.with_snapshot(Contents::of);
    let (was, is) = (contents(&old)?, contents(&new)?);
    let names: BTreeSet<&String> = was.0.keys().chain(is.0.keys()).collect();
    let indexes: BTreeMap<String, RowChanges> =
        names.into_iter().map(|name| (name.clone(), changes(&was, &is, name))).collect();

    let [before, after] = [&old, &new].map(|engine| engine.with_snapshot(|it| it.generation().clone()));
    let active_before = active(&old)?;
    let active: Vec<String> = active(&new)?.intersection(&active_before).cloned().collect();
    let altered = Altered::of(&before, &after, &indexes);
    let asked = |ticket: &String| -> Result<Option<ActionChange>> {
        let answer = |engine: &Engine| -> Result<Advice> {
            Ok(engine.recommend(&RecommendRequest::new(Subject::Ticket(ticket.clone())))?.advice)
        };
        Ok(altered.change(ticket, &answer(&old)?, &answer(&new)?))
    };
    let actions: Vec<Option<ActionChange>> = active.par_iter().map(asked).collect::<Result<_>>()?;
    Ok(Difference {
        active_in_both: active.len(),
        actions: actions.into_iter().flatten().collect(),
        indexes,
        before,
        after,
    })
}

/// The tickets that wait for their next action.
fn active(engine: &Engine) -> Result<BTreeSet<String>> {
    engine.with_snapshot(|snapshot| {
        let index = snapshot.index(TICKETS)?;
        let mut active = BTreeSet::new();
        for (row, status) in index.text_values("status")? {
            if Status::parse(status).is_some_and(Status::is_active) {
                active.extend(index.text(row, &index.manifest().key)?.map(str::to_owned));
            }
        }
        Ok(active)
    })
}

/// A sum of every row's content, by index and key.
struct Contents(BTreeMap<String, BTreeMap<String, [u8; 32]>>);

impl Contents {
    fn of(snapshot: &Snapshot) -> Result<Self> {
        let names = snapshot.index_names().map(str::to_owned);
        let rows = names.map(|name| Ok((name.clone(), rows(snapshot.index(&name)?)?)));
        Ok(Self(rows.collect::<Result<_>>()?))
    }
}

/// What was learnt of a row is no content of it: it follows from all rows.
fn rows(index: &IndexReader) -> Result<BTreeMap<String, [u8; 32]>> {
    let mut columns = index.columns();
    columns.retain(|column| !LEARNT_COLUMNS.contains(&column.as_str()));
    let keys = index.text_values(&index.manifest().key)?;
    let summed = keys.par_iter().map(|&(row, key)| {
        let cells = index.cells(row, &columns)?;
        let bytes = serde_json::to_vec(&cells).map_err(|error| Error::internal("comparing rows", error))?;
        Ok((key.to_owned(), Sha256::digest(bytes).into()))
    });
    let summed: Vec<(String, [u8; 32])> = summed.collect::<Result<_>>()?;
    Ok(summed.into_iter().collect())
}

fn changes(before: &Contents, after: &Contents, index: &str) -> RowChanges {
    let none = BTreeMap::new();
    let [was, is] = [before, after].map(|contents| contents.0.get(index).unwrap_or(&none));
    let mut changes = RowChanges::default();
    for (key, content) in is {
        match was.get(key) {
            None => changes.added.push(key.clone()),
            Some(earlier) if earlier != content => changes.changed.push(key.clone()),
            Some(_) => changes.same += 1,
        }
    }
    changes.removed = was.keys().filter(|key| !is.contains_key(*key)).cloned().collect();
    changes
}

/// What is not as it was: what everything follows from, and tickets.
struct Altered {
    /// The causes that hold for all tickets.
    everywhere: Vec<Cause>,
    feedback: bool,
    /// New, or with another content in any of their rows.
    added: BTreeSet<String>,
    changed: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl Altered {
    fn of(before: &Generation, after: &Generation, indexes: &BTreeMap<String, RowChanges>) -> Self {
        // A generation that did not note what it was made from tells nothing.
        let noted = !before.inputs.is_empty() && !after.inputs.is_empty();
        let differs = |input: &str| noted && before.inputs.get(input) != after.inputs.get(input);
        let program = before.built_by != after.built_by || before.format != after.format;
        let everywhere = [
            (Cause::Model, before.model != after.model),
            (Cause::Configuration, differs("configuration")),
            (Cause::Catalogue, differs("catalogue")),
            (Cause::Program, program),
        ];
        let tickets = indexes.get(TICKETS).cloned().unwrap_or_default();
        let steps = indexes.get(STEPS).cloned().unwrap_or_default();
        let [added, removed] = [tickets.added, tickets.removed].map(BTreeSet::from_iter);
        let of_steps = [steps.added, steps.changed, steps.removed].concat();
        let of_steps = of_steps.iter().filter_map(|step| Some(step.rsplit_once('#')?.0.to_owned()));
        let changed = tickets.changed.into_iter().chain(of_steps);
        let changed = changed.filter(|ticket| !added.contains(ticket) && !removed.contains(ticket)).collect();
        Self {
            everywhere: everywhere.into_iter().filter_map(|(cause, holds)| holds.then_some(cause)).collect(),
            feedback: differs("feedback"),
            added,
            changed,
            removed,
        }
    }

    /// `None` where the best action is the same.
    fn change(&self, ticket: &str, was: &Advice, is: &Advice) -> Option<ActionChange> {
        let (before, after) = (best(was), best(is));
        if before == after {
            return None;
        }
        let (evidence_before, evidence_after) = (evidence(was), evidence(is));
        let new_evidence: Vec<String> = evidence_after
            .iter()
            .filter(|it| self.added.contains(*it) || self.changed.contains(*it))
            .cloned()
            .collect();
        let is_gone =
            |it: &&String| self.removed.contains(*it) || (self.changed.contains(*it) && !evidence_after.contains(*it));
        let evidence_gone: Vec<String> = evidence_before.iter().filter(is_gone).cloned().collect();
        let mut causes = self.everywhere.clone();
        let of_this = [
            (Cause::Ticket, self.changed.contains(ticket)),
            (Cause::NewEvidence, !new_evidence.is_empty()),
            (Cause::EvidenceGone, !evidence_gone.is_empty()),
            (Cause::Feedback, self.feedback),
        ];
        causes.extend(of_this.into_iter().filter_map(|(cause, holds)| holds.then_some(cause)));
        if causes.is_empty() {
            causes.push(Cause::Learnt);
        }
        Some(ActionChange { ticket: ticket.to_owned(), before, after, causes, new_evidence, evidence_gone })
    }
}

/// The action that was recommended, if one was.
fn best(advice: &Advice) -> Option<String> {
    let first = advice.actions.first().filter(|_| advice.abstention.is_none());
    first.map(|ranked| ranked.action.clone())
}

/// The tickets that speak for or against any action of an answer: what is best hangs on the others too.
fn evidence(advice: &Advice) -> BTreeSet<String> {
    let of = |ranked: &RankedAction| [ranked.evidence.clone(), ranked.counter_evidence.clone()].concat();
    advice.actions.iter().flat_map(of).map(|evidence| evidence.ticket_id).collect()
}
