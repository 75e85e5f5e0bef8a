//! `nba index forget`: forgets, or lists what was forgotten and purged. Prints what was asked for and no id that is kept.

use std::fmt::Write as _;

use super::args::ForgetArgs;
use super::build::who;
use super::printer::Printer;
use super::settings::Settings;
use crate::engine::{self, ForgetReceipt, ForgetRequest};
use crate::error::{Error, Result};
use crate::face::clock::now;
use crate::face::explain::plural;
use crate::face::wire::{AuditJson, ForgetJson};
use crate::forgotten::{Asked, Entry, Ledger, SALT_BYTES};
use crate::snapshot;

pub(super) fn forget(args: ForgetArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    if args.list {
        return list(settings, printer);
    }
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| Error::internal("asking the system for random bytes", error))?;
    let ForgetArgs { customer, ticket, ahead, .. } = args;
    let request = ForgetRequest { customers: customer, tickets: ticket, ahead, at: now(), by: who(), salt };
    let receipt = engine::forget(&settings.index, &request)?;
    if printer.json() {
        return printer.document(&ForgetJson::from(&receipt));
    }
    printer.text(&told(&receipt))
}

fn list(settings: &Settings, printer: &Printer) -> Result<()> {
    // A folder without an index has no ledger to show, and says so.
    snapshot::list(&settings.index)?;
    let forgotten = Ledger::of(&settings.index).read()?;
    if printer.json() {
        return printer.document(&AuditJson::of(&forgotten));
    }
    let mut out: String = forgotten.entries().iter().map(line).collect();
    out.push_str(match (forgotten.head(), forgotten.is_pending()) {
        (None, _) => "nothing was forgotten\n",
        (_, true) => "some of it is hidden and not purged yet: the next `nba index build` does\n",
        (_, false) => "all of it is purged\n",
    });
    printer.text(&out)
}

fn told(receipt: &ForgetReceipt) -> String {
    let Some(kept) = &receipt.kept else { return "all of that was forgotten before\n".to_owned() };
    let (tickets, rows) = (kept.hidden_tickets, kept.hidden_rows);
    let mut out = format!("forgotten: {tickets} ticket{}, {rows} row{} hidden", plural(tickets), plural(rows));
    if !receipt.generations.is_empty() {
        let _ = write!(out, "; in {} until the next `nba index build`", receipt.generations.join(", "));
    }
    out + "\nprograms that have the index open go on with what they have until they reload it\n"
}

fn line(entry: &Entry) -> String {
    match entry {
        Entry::Forgotten(asked) => {
            let Asked { at, by, customers, tickets, hidden_tickets, hidden_rows, keys: _ } = asked;
            let counted = |count: &usize, what: &str| format!("{count} {what}{}", plural(*count));
            let asked_for = format!("{}, {}", counted(customers, "customer"), counted(tickets, "ticket"));
            let hidden = format!("{}, {}", counted(hidden_tickets, "ticket"), counted(hidden_rows, "row"));
            format!("{at}  {by}  asked for {asked_for}: {hidden} hidden\n")
        }
        Entry::Purged(purged) => format!("{}  purged: {} serves without them\n", purged.at, purged.generation),
    }
}
