//! What a build does about those who are forgotten: their tickets are left out of what the tables say, their records and
//! vectors go from what is kept from build to build. Generations that hold them are the snapshot's work.

use std::path::Path;

use serde::Serialize;

use crate::desk::MaskedTables;
use crate::error::Result;
use crate::feedback::Log;
use crate::forgotten::{Forgotten, Ledger};
use crate::snapshot::{Purging, check_ledger};

/// The column of the index [`super::TICKETS`] by which a customer's tickets are forgotten, those to come included.
pub const CUSTOMER_COLUMN: &str = "customer_id";
/// The column by which one ticket is forgotten.
pub const TICKET_COLUMN: &str = "ticket_id";

/// What a build did about those who are forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Forgetting {
    /// Tickets of the tables that were left out.
    pub left_out: usize,
    /// Lines that went from the log of feedback.
    pub feedback: usize,
    /// Older generations; `None` where the ledger said that nothing was left in any, or nothing was published.
    pub generations: Option<Purging>,
}

/// Who is forgotten by now, which must be no fewer than any generation was built without.
pub(super) fn forgotten(index: &Path) -> Result<Forgotten> {
    let forgotten = Ledger::of(index).read()?;
    check_ledger(index, &forgotten)?;
    Ok(forgotten)
}

/// Removes the records of forgotten tickets from the log of an index folder; returns how many.
pub(super) fn purge_feedback(index: &Path, forgotten: &Forgotten) -> Result<usize> {
    if forgotten.all().is_empty() {
        return Ok(0);
    }
    Log::of(index).purge(|ticket| forgotten.all().has(TICKET_COLUMN, ticket), forgotten.is_pending())
}

/// Leaves forgotten tickets, and those of forgotten customers, out of the tables; returns how many.
pub(super) fn leave_out(tables: &mut MaskedTables, forgotten: &Forgotten) -> usize {
    let keys = forgotten.all();
    if keys.is_empty() {
        return 0;
    }
    tables.leave_out(|ticket, customer| keys.has(CUSTOMER_COLUMN, customer) || keys.has(TICKET_COLUMN, ticket))
}
