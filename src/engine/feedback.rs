//! What became of a recommendation: checked against the generation that serves, then appended to the index's log.

use std::collections::BTreeMap;

use super::similar::{NEAREST_IDS, ticket_row, unknown_ticket};
use super::{Current, Engine};
use crate::desk::{Catalogue, Masker};
use crate::error::{Error, Result};
use crate::feedback::{Event, Kind, Log, LogReport, Record, Tally};
use crate::forgotten::{Forgotten, Ledger};
use crate::rebuild::{TICKET_COLUMN, TICKETS};

/// Says what became of a recommended action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackRequest {
    /// When, in RFC 3339.
    pub at: String,
    /// The ticket, of the index that serves.
    pub ticket: String,
    /// The action that was recommended, of the catalogue that serves.
    pub action: String,
    /// What was decided, or that it was shown.
    pub verdict: Kind,
    /// The action that was taken in its place, if any; of [`Kind::Edited`] alone.
    pub edited_to: Option<String>,
    /// The id of the recommendation, where known.
    pub recommendation: Option<String>,
    /// The id of whoever decided. No name and no address.
    pub by: Option<String>,
}

/// What was kept of a [`FeedbackRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct FeedbackReceipt {
    /// The generation that ticket and action were looked up in.
    pub generation: String,
    /// The record, which is on the disk.
    pub record: Record,
    /// Titles of the actions.
    pub catalogue: Catalogue,
}

/// What the log holds now, of which the generation that serves knows what it found when it was built.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedbackSummary {
    /// How much was read, and what could not be.
    pub report: LogReport,
    /// The counts.
    pub tally: Tally,
    /// Titles of the actions.
    pub catalogue: Catalogue,
}

impl Engine {
    /// Keeps a verdict in the log of the index folder. The next build counts it.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`], [`Error::UnknownAction`]; [`Error::Argument`] for what a [`Record`] refuses and for
    /// personal data in `by`; I/O errors, after which nothing was kept.
    pub fn record_feedback(&self, request: &FeedbackRequest) -> Result<FeedbackReceipt> {
        let current = self.current.load();
        // Forgotten perhaps after this generation was opened: the log is to get no line that names the ticket.
        if self.forgotten()?.all().has(TICKET_COLUMN, &request.ticket) {
            return Err(unknown_ticket(current.snapshot.index(TICKETS)?, &request.ticket)?);
        }
        let record = checked(&current, request)?;
        Log::of(&self.params.index).append(std::slice::from_ref(&record))?;
        Ok(FeedbackReceipt {
            generation: current.snapshot.generation().name.clone(),
            record,
            catalogue: current.desk.catalogue.clone(),
        })
    }

    /// Counts what the log of the index folder holds now, of all tickets or of one.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`] for a ticket that neither the index nor the log holds; I/O errors.
    pub fn feedback(&self, ticket: Option<&str>) -> Result<FeedbackSummary> {
        let current = self.current.load();
        let mut reading = Log::of(&self.params.index).read()?;
        let forgotten = self.forgotten()?;
        reading.records.retain(|record| !forgotten.all().has(TICKET_COLUMN, &record.event().ticket));
        reading.report.records = reading.records.len();
        if let Some(ticket) = ticket {
            reading.records.retain(|record| record.event().ticket == ticket);
            if reading.records.is_empty() {
                ticket_row(current.snapshot.index(TICKETS)?, ticket)?;
            }
        }
        Ok(FeedbackSummary {
            report: reading.report,
            tally: Tally::of(&reading.records),
            catalogue: current.desk.catalogue.clone(),
        })
    }
}

impl Engine {
    /// What is forgotten by now.
    fn forgotten(&self) -> Result<Forgotten> {
        Ledger::of(&self.params.index).read()
    }
}

fn checked(current: &Current, request: &FeedbackRequest) -> Result<Record> {
    let index = current.snapshot.index(TICKETS)?;
    let row = ticket_row(index, &request.ticket)?;
    let category = index.text(row, "category")?.filter(|category| !category.trim().is_empty()).map(str::to_owned);
    for action in std::iter::once(&request.action).chain(&request.edited_to) {
        known_action(&current.desk.catalogue, action)?;
    }
    if let Some(by) = &request.by {
        let masked = Masker::patterns_only().mask(by, None);
        if masked != *by {
            return Err(Error::argument("by", format!("`{masked}` is personal data; give an id such as `AGENT-007`")));
        }
    }
    let FeedbackRequest { at, ticket, action, verdict, edited_to, recommendation, by } = request.clone();
    Record::new(Event { at, kind: verdict, recommendation, ticket, action, category, edited_to, by })
}

/// Refuses an action that the catalogue does not have, and names those that are spelt like it.
fn known_action(catalogue: &Catalogue, id: &str) -> Result<()> {
    if catalogue.actions.iter().any(|action| action.id == id) {
        return Ok(());
    }
    let wanted = id.to_uppercase();
    let by_likeness: BTreeMap<(usize, &str), &str> = catalogue
        .actions
        .iter()
        .map(|action| {
            let distance = strsim::damerau_levenshtein(&wanted, &action.id.to_uppercase());
            ((distance, action.id.as_str()), action.id.as_str())
        })
        .collect();
    let nearest = by_likeness.into_values().take(NEAREST_IDS).map(str::to_owned).collect();
    Err(Error::UnknownAction { id: id.to_owned(), nearest })
}
