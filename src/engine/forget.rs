//! Forgetting customers and tickets: looked up in every generation that is there, then kept in the ledger as keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{Error, Result};
use crate::forgotten::{Asked, Forgotten, Ledger, SALT_BYTES};
use crate::rebuild::{CUSTOMER_COLUMN, TICKET_COLUMN, TICKETS};
use crate::snapshot::{self, Snapshot};

/// Asks that customers and tickets be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetRequest {
    /// Ids of customers: their tickets, those that later tables bring too.
    pub customers: Vec<String>,
    /// Ids of tickets.
    pub tickets: Vec<String>,
    /// Whether ids that no generation holds are taken too.
    pub ahead: bool,
    /// When, in RFC 3339.
    pub at: String,
    /// Who asks, such as `user@host`.
    pub by: String,
    /// Random bytes, which become the salt of an index that has none yet.
    pub salt: [u8; SALT_BYTES],
}

/// What a [`ForgetRequest`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetReceipt {
    /// What was kept of it; `None` where all of it had been forgotten before.
    pub kept: Option<Asked>,
    /// The generations that hold what was asked for, oldest first, until a build purges them.
    pub generations: Vec<String>,
}

/// Hides the rows of customers and tickets from whatever opens the index from now on, or reloads it, and keeps them out of
/// every build. Returns once that is on the disk. Works while a build runs.
///
/// # Errors
/// [`Error::NoIndex`]; [`Error::Argument`] for an id that is empty; [`Error::NothingToForget`], after which nothing is
/// forgotten; [`Error::Ledger`]; the error of opening what serves where no generation opens; I/O errors.
pub fn forget(index: &Path, request: &ForgetRequest) -> Result<ForgetReceipt> {
    for (name, ids) in [("--customer", &request.customers), ("--ticket", &request.tickets)] {
        if ids.iter().any(|id| id.trim().is_empty()) {
            return Err(Error::argument(name, "it is empty; give an id as the tables have it"));
        }
    }
    // Before the ledger is made, so that a mistaken folder gets none.
    snapshot::list(index)?;
    Ledger::of(index).change(request.salt, |forgotten| {
        snapshot::check_ledger(index, forgotten)?;
        let shelf = Shelf::open(index, request.ahead)?;
        let (keys, tickets) = shelf.look_up(forgotten, request)?;
        let (mut generations, mut hidden) = (Vec::new(), (0, 0));
        for (snapshot, serves) in &shelf.0 {
            let (n_tickets, n_rows) = count(snapshot, &tickets)?;
            if n_rows > 0 {
                generations.push(snapshot.generation().name.clone());
            }
            if *serves {
                hidden = (n_tickets, n_rows);
            }
        }
        if keys.is_empty() {
            return Ok(ForgetReceipt { kept: None, generations });
        }
        let asked = Asked {
            at: request.at.clone(),
            by: request.by.clone(),
            customers: request.customers.len(),
            tickets: request.tickets.len(),
            hidden_tickets: hidden.0,
            hidden_rows: hidden.1,
            keys,
        };
        forgotten.forget(asked.clone())?;
        Ok(ForgetReceipt { kept: Some(asked), generations })
    })
}

/// Keys by column.
type KeysByColumn = BTreeMap<String, BTreeSet<String>>;

/// Every generation that opens, oldest first, and whether it serves.
struct Shelf(Vec<(Snapshot, bool)>);

impl Shelf {
    fn open(index: &Path, ahead: bool) -> Result<Self> {
        let (mut opened, mut fault) = (Vec::new(), None);
        for shelved in snapshot::list(index)? {
            match Snapshot::open_named(index, &shelved.name) {
                Ok(snapshot) => opened.push((snapshot, shelved.serves)),
                Err(error) => fault = Some(error),
            }
        }
        match fault {
            Some(fault) if opened.is_empty() && !ahead => Err(fault),
            _ => Ok(Self(opened)),
        }
    }

    /// The keys of what is asked for and not forgotten yet, and the tickets behind them.
    fn look_up(&self, forgotten: &Forgotten, request: &ForgetRequest) -> Result<(KeysByColumn, BTreeSet<String>)> {
        let mut keys = KeysByColumn::new();
        let mut tickets = BTreeSet::new();
        let mut add = |column: &str, id: &str| {
            keys.entry(column.to_owned()).or_default().insert(forgotten.key(column, id));
        };
        for customer in request.customers.iter().filter(|id| !forgotten.all().has(CUSTOMER_COLUMN, id)) {
            let theirs = self.tickets_of(customer)?;
            if theirs.is_empty() && !request.ahead {
                return Err(Error::NothingToForget { what: "customer", id: customer.clone() });
            }
            add(CUSTOMER_COLUMN, customer);
            // Feedback names tickets alone, and goes by these.
            theirs.iter().for_each(|ticket| add(TICKET_COLUMN, ticket));
            tickets.extend(theirs);
        }
        for ticket in request.tickets.iter().filter(|id| !forgotten.all().has(TICKET_COLUMN, id)) {
            if !request.ahead && !self.holds(ticket)? {
                return Err(Error::NothingToForget { what: "ticket", id: ticket.clone() });
            }
            add(TICKET_COLUMN, ticket);
            tickets.insert(ticket.clone());
        }
        Ok((keys, tickets))
    }

    /// The tickets of a customer in any generation.
    fn tickets_of(&self, customer: &str) -> Result<BTreeSet<String>> {
        let mut tickets = BTreeSet::new();
        for (snapshot, _) in &self.0 {
            let index = snapshot.index(TICKETS)?;
            for (row, _) in index.text_values(CUSTOMER_COLUMN)?.into_iter().filter(|(_, id)| *id == customer) {
                tickets.extend(index.text(row, TICKET_COLUMN)?.map(str::to_owned));
            }
        }
        Ok(tickets)
    }

    fn holds(&self, ticket: &str) -> Result<bool> {
        for (snapshot, _) in &self.0 {
            if snapshot.index(TICKETS)?.row_of(ticket)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// How many of the tickets a generation shows, and how many rows of them.
fn count(snapshot: &Snapshot, tickets: &BTreeSet<String>) -> Result<(usize, usize)> {
    let (mut there, mut rows) = (BTreeSet::new(), 0);
    for name in snapshot.index_names() {
        for (_, ticket) in snapshot.index(name)?.text_values(TICKET_COLUMN)? {
            if tickets.contains(ticket) {
                there.insert(ticket);
                rows += 1;
            }
        }
    }
    Ok((there.len(), rows))
}
