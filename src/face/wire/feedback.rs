//! The JSON of feedback: a record that was kept, and the counts of all.

use serde::Serialize;

use super::{ActionJson, action};
use crate::desk::TitleLanguage;
use crate::engine::{FeedbackReceipt, FeedbackSummary};
use crate::feedback::{DamagedLine, Event, Kind};

/// The answer of `feedback`.
#[derive(Debug, Serialize)]
pub struct FeedbackJson {
    generation: String,
    id: String,
    at: String,
    recommendation: Option<String>,
    ticket_id: String,
    category: Option<String>,
    action: ActionJson,
    verdict: Kind,
    edited_to: Option<ActionJson>,
    by: Option<String>,
}

impl FeedbackJson {
    /// Converts an answer.
    #[must_use]
    pub fn new(answer: FeedbackReceipt, language: TitleLanguage) -> Self {
        let named = |id: &str| action(&answer.catalogue, id, language);
        let Event { at, kind, recommendation, ticket, action, category, edited_to, by } = answer.record.event().clone();
        Self {
            generation: answer.generation,
            id: answer.record.id().to_owned(),
            at,
            recommendation,
            ticket_id: ticket,
            category,
            action: named(&action),
            verdict: kind,
            edited_to: edited_to.as_deref().map(named),
            by,
        }
    }
}

/// The answer of `feedback --list`.
#[derive(Debug, Serialize)]
pub struct FeedbackSummaryJson {
    records: usize,
    torn: usize,
    damaged: Vec<DamagedLine>,
    actions: Vec<FeedbackCountsJson>,
}

#[derive(Debug, Serialize)]
struct FeedbackCountsJson {
    #[serde(flatten)]
    action: ActionJson,
    displayed: usize,
    accepted: usize,
    rejected: usize,
    edited: usize,
}

impl FeedbackSummaryJson {
    /// Converts an answer.
    #[must_use]
    pub fn new(answer: FeedbackSummary, language: TitleLanguage) -> Self {
        let actions = answer.tally.actions.iter().map(|(id, counts)| FeedbackCountsJson {
            action: action(&answer.catalogue, id, language),
            displayed: counts.displayed,
            accepted: counts.accepted,
            rejected: counts.rejected,
            edited: counts.edited,
        });
        Self {
            actions: actions.collect(),
            records: answer.report.records,
            torn: answer.report.torn,
            damaged: answer.report.damaged,
        }
    }
}
