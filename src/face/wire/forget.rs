//! The JSON of `index forget`: counts, instants and who asked; neither ids nor keys.

use serde::Serialize;

use crate::engine::ForgetReceipt;
use crate::forgotten::{Asked, Entry, Forgotten, Purged};

/// The answer of `index forget`.
#[derive(Debug, Serialize)]
pub struct ForgetJson<'a> {
    /// Null where all of it had been forgotten before.
    forgotten: Option<EventJson<'a>>,
    /// The generations that hold it until a build purges them.
    generations: &'a [String],
}

impl<'a> From<&'a ForgetReceipt> for ForgetJson<'a> {
    fn from(receipt: &'a ForgetReceipt) -> Self {
        Self { forgotten: receipt.kept.as_ref().map(EventJson::asked), generations: &receipt.generations }
    }
}

/// The answer of `index forget --list`.
#[derive(Debug, Serialize)]
pub struct AuditJson<'a> {
    events: Vec<EventJson<'a>>,
    /// Whether some of it may still be in a file.
    pending: bool,
}

impl<'a> AuditJson<'a> {
    /// What a ledger may show.
    #[must_use]
    pub fn of(forgotten: &'a Forgotten) -> Self {
        let event = |entry: &'a Entry| match entry {
            Entry::Forgotten(asked) => EventJson::asked(asked),
            Entry::Purged(Purged { at, generation, .. }) => EventJson::Purged { at, generation },
        };
        Self { events: forgotten.entries().iter().map(event).collect(), pending: forgotten.is_pending() }
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum EventJson<'a> {
    Forgotten { at: &'a str, by: &'a str, customers: usize, tickets: usize, hidden_tickets: usize, hidden_rows: usize },
    Purged { at: &'a str, generation: &'a str },
}

impl<'a> EventJson<'a> {
    fn asked(asked: &'a Asked) -> Self {
        let Asked { at, by, customers, tickets, hidden_tickets, hidden_rows, keys: _ } = asked;
        let [customers, tickets, hidden_tickets, hidden_rows] =
            [customers, tickets, hidden_tickets, hidden_rows].map(|count| *count);
        Self::Forgotten { at, by, customers, tickets, hidden_tickets, hidden_rows }
    }
}

/// What is hidden of the generation that serves, in the answer of `index status`.
#[derive(Debug, Serialize)]
pub struct HiddenJson {
    /// Tickets that it holds and does not show.
    pub tickets: usize,
    /// Rows of theirs.
    pub rows: usize,
    /// Whether anything that was asked for may still be in a file.
    pub pending: bool,
}
