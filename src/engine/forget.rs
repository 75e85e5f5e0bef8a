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
    // Before the ledger is, so that a mistaken folder gets none.
    snapshot::list(index)?;
    Ledger::of(index).change(request.salt, |forgotten| {
        let shelf = Shelf::open(index, request.ahead)?;
        let (keys, tickets) = shelf.looked_up(forgotten, request)?;
        let generations = shelf.0.iter().filter(|it| it.holds(&tickets)).map(|it| it.name.clone()).collect();
        if keys.is_empty() {
            return Ok(ForgetReceipt { kept: None, generations });
        }
        let serving = shelf.0.iter().find(|it| it.serves);
        let (hidden_tickets, hidden_rows) = serving.map_or((0, 0), |it| it.count(&tickets));
        let asked = Asked {
            at: request.at.clone(),
            by: request.by.clone(),
            customers: request.customers.len(),
            tickets: request.tickets.len(),
            hidden_tickets,
            hidden_rows,
            keys,
        };
        forgotten.forget(asked.clone())?;
        Ok(ForgetReceipt { kept: Some(asked), generations })
    })
}

/// Every generation that opens.
struct Shelf(Vec<Opened>);

/// What of a generation is needed here.
struct Opened {
    name: String,
    serves: bool,
    /// Tickets that are not hidden, by customer.
    customers: BTreeMap<String, BTreeSet<String>>,
    /// How many rows of all indexes each has.
    rows: BTreeMap<String, usize>,
}

impl Shelf {
    fn open(index: &Path, ahead: bool) -> Result<Self> {
        let (mut opened, mut fault) = (Vec::new(), None);
        for shelved in snapshot::list(index)? {
            match Snapshot::open_named(index, &shelved.name) {
                Ok(snapshot) => opened.push(Opened::of(&snapshot, shelved.serves)?),
                Err(error) => fault = fault.filter(|_| !shelved.serves).or(Some(error)),
            }
        }
        match fault {
            Some(fault) if opened.is_empty() && !ahead => Err(fault),
            _ => Ok(Self(opened)),
        }
    }

    /// The keys of what is asked for and not forgotten yet, by column, and the tickets behind them.
    fn looked_up(
        &self,
        forgotten: &Forgotten,
        request: &ForgetRequest,
    ) -> Result<(BTreeMap<String, BTreeSet<String>>, BTreeSet<String>)> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut tickets = BTreeSet::new();
        let mut add = |column: &str, id: &str| {
            keys.entry(column.to_owned()).or_default().insert(forgotten.key(column, id));
        };
        for customer in request.customers.iter().filter(|id| !forgotten.all().has(CUSTOMER_COLUMN, id)) {
            let theirs: BTreeSet<&String> =
                self.0.iter().filter_map(|it| it.customers.get(customer)).flatten().collect();
            if theirs.is_empty() && !request.ahead {
                return Err(Error::NothingToForget { what: "customer", id: customer.clone() });
            }
            add(CUSTOMER_COLUMN, customer);
            // Feedback names tickets alone, and goes by these.
            theirs.iter().for_each(|ticket| add(TICKET_COLUMN, ticket));
            tickets.extend(theirs.into_iter().cloned());
        }
        for ticket in request.tickets.iter().filter(|id| !forgotten.all().has(TICKET_COLUMN, id)) {
            if !request.ahead && !self.0.iter().any(|it| it.rows.contains_key(ticket)) {
                return Err(Error::NothingToForget { what: "ticket", id: ticket.clone() });
            }
            add(TICKET_COLUMN, ticket);
            tickets.insert(ticket.clone());
        }
        Ok((keys, tickets))
    }
}

impl Opened {
    fn of(snapshot: &Snapshot, serves: bool) -> Result<Self> {
        let mut customers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut rows: BTreeMap<String, usize> = BTreeMap::new();
        let index = snapshot.index(TICKETS)?;
        for (row, customer) in index.text_values(CUSTOMER_COLUMN)? {
            let ticket = index.text(row, TICKET_COLUMN)?.map(str::to_owned);
            customers.entry(customer.to_owned()).or_default().extend(ticket);
        }
        for name in snapshot.index_names() {
            for (_, ticket) in snapshot.index(name)?.text_values(TICKET_COLUMN)? {
                *rows.entry(ticket.to_owned()).or_default() += 1;
            }
        }
        Ok(Self { name: snapshot.generation().name.clone(), serves, customers, rows })
    }

    fn holds(&self, tickets: &BTreeSet<String>) -> bool {
        tickets.iter().any(|ticket| self.rows.contains_key(ticket))
    }

    /// How many of the tickets it holds, and how many rows they have.
    fn count(&self, tickets: &BTreeSet<String>) -> (usize, usize) {
        let rows: Vec<usize> = tickets.iter().filter_map(|ticket| self.rows.get(ticket).copied()).collect();
        (rows.len(), rows.iter().sum())
    }
}
