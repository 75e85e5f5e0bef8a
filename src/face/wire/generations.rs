//! The JSON of `index list` and `index diff`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::with_causes;
use crate::embed::ModelIdentity;
use crate::engine::{ActionChange, Cause, Difference, RowChanges};
use crate::snapshot::{Generation, Shelved};

/// A generation in the answer of `index list`.
#[derive(Debug, Serialize)]
pub struct ShelvedJson<'a> {
    name: &'a str,
    created_at: Option<&'a str>,
    rows: Option<usize>,
    bytes: Option<u64>,
    model: Option<&'a ModelIdentity>,
    serves: bool,
    in_use: bool,
    /// Why it cannot be used, if so.
    error: Option<String>,
}

impl<'a> From<&'a Shelved> for ShelvedJson<'a> {
    fn from(shelved: &'a Shelved) -> Self {
        let generation = shelved.generation.as_ref().ok();
        Self {
            name: &shelved.name,
            created_at: generation.map(|generation| generation.created_at.as_str()),
            rows: generation.map(Generation::rows),
            bytes: generation.map(Generation::bytes),
            model: generation.map(|generation| &generation.model),
            serves: shelved.serves,
            in_use: shelved.in_use,
            error: shelved.generation.as_ref().err().map(with_causes),
        }
    }
}

/// The answer of `index diff`.
#[derive(Debug, Serialize)]
pub struct DifferenceJson<'a> {
    before: &'a str,
    after: &'a str,
    indexes: BTreeMap<&'a str, RowsJson<'a>>,
    active_in_both: usize,
    actions: Vec<ActionJson<'a>>,
}

#[derive(Debug, Serialize)]
struct RowsJson<'a> {
    added: &'a [String],
    changed: &'a [String],
    removed: &'a [String],
    same: usize,
}

#[derive(Debug, Serialize)]
struct ActionJson<'a> {
    ticket_id: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
    causes: Vec<&'static str>,
    new_evidence: &'a [String],
    evidence_gone: &'a [String],
}

impl<'a> From<&'a Difference> for DifferenceJson<'a> {
    fn from(difference: &'a Difference) -> Self {
        let rows = |(name, RowChanges { added, changed, removed, same }): (&'a String, &'a RowChanges)| {
            (name.as_str(), RowsJson { added, changed, removed, same: *same })
        };
        let action = |change: &'a ActionChange| ActionJson {
            ticket_id: &change.ticket,
            before: change.before.as_deref(),
            after: change.after.as_deref(),
            causes: change.causes.iter().copied().map(Cause::as_str).collect(),
            new_evidence: &change.new_evidence,
            evidence_gone: &change.evidence_gone,
        };
        Self {
            before: &difference.before.name,
            after: &difference.after.name,
            indexes: difference.indexes.iter().map(rows).collect(),
            active_in_both: difference.active_in_both,
            actions: difference.actions.iter().map(action).collect(),
        }
    }
}
