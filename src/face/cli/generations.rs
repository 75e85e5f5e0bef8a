//! `nba index list`, `nba index rollback`, `nba index diff`.

use std::fmt::Write as _;

use super::args::{DiffArgs, RollbackArgs};
use super::printer::Printer;
use super::settings::Settings;
use crate::engine::{self, ActionChange, Cause, Difference, RowChanges};
use crate::error::Result;
use crate::face::clock::now;
use crate::face::wire::{DifferenceJson, ShelvedJson, with_causes};
use crate::snapshot::{self, Generation, Shelved};

pub(super) fn list(settings: &Settings, printer: &Printer) -> Result<()> {
    let shelved = snapshot::list(&settings.index)?;
    if printer.json() {
        return printer.document(&shelved.iter().map(ShelvedJson::from).collect::<Vec<_>>());
    }
    printer.text(&shelved.iter().map(line).collect::<String>())
}

pub(super) fn rollback(args: &RollbackArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let holder = format!("`nba index rollback` with process id {} since {}", std::process::id(), now());
    let generation = snapshot::roll_back(&settings.index, args.generation.as_deref(), &holder)?;
    if printer.json() {
        return printer.document(&generation);
    }
    let Generation { name, created_at, .. } = &generation;
    printer.text(&format!("generation {name} of {}, built {created_at}, serves now\n", settings.index.display()))
}

pub(super) fn diff(args: &DiffArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let difference = engine::diff(&settings.engine_params(), &args.before, &args.after)?;
    if printer.json() {
        return printer.document(&DifferenceJson::from(&difference));
    }
    printer.text(&told(&difference, args.show))
}

fn line(shelved: &Shelved) -> String {
    let mark = if shelved.serves { "*" } else { " " };
    let mut out = format!("{mark} {}  ", shelved.name);
    match &shelved.generation {
        Ok(generation) => {
            let (rows, megabytes) = (generation.rows(), generation.bytes() as f64 / 1e6);
            let _ =
                write!(out, "{}  {rows:>9} rows  {megabytes:>8.1} MB  {}", generation.created_at, model(generation));
        }
        Err(error) => out.push_str(&with_causes(error)),
    }
    out.push_str(if shelved.serves { "  serves" } else { "" });
    out.push_str(if shelved.in_use { "  in use" } else { "" });
    out.push('\n');
    out
}

fn model(generation: &Generation) -> String {
    let fingerprint: String = generation.model.fingerprint.chars().take(8).collect();
    format!("{}@{fingerprint}", generation.model.name)
}

fn told(difference: &Difference, show: usize) -> String {
    let Difference { before, after, .. } = difference;
    let mut out = format!("{} → {}\n", before.name, after.name);
    if before.model != after.model {
        let _ = writeln!(out, "model {} → {}", model(before), model(after));
    }
    for (name, RowChanges { added, changed, removed, same }) in &difference.indexes {
        let (n_added, n_changed, n_removed) = (added.len(), changed.len(), removed.len());
        let _ = writeln!(out, "{name}  {n_added} added, {n_changed} changed, {n_removed} removed, {same} the same");
        for (what, keys) in [("added", added), ("changed", changed), ("removed", removed)] {
            if !keys.is_empty() {
                let _ = writeln!(out, "  {what:<8} {}", some(keys, show));
            }
        }
    }
    let (n_changed, n_active) = (difference.actions.len(), difference.active_in_both);
    let _ = writeln!(out, "best action changed for {n_changed} of {n_active} tickets that are active in both");
    difference.actions.iter().take(show).for_each(|change| out.push_str(&changed(change, show)));
    if n_changed > show {
        let _ = writeln!(out, "  … and {} more", n_changed - show);
    }
    out
}

fn changed(change: &ActionChange, show: usize) -> String {
    let named = |action: &Option<String>| action.clone().unwrap_or_else(|| "nothing".to_owned());
    let cause = |cause: &Cause| {
        let evidence = match cause {
            Cause::NewEvidence => &change.new_evidence,
            Cause::EvidenceGone => &change.evidence_gone,
            Cause::Model
            | Cause::Configuration
            | Cause::Catalogue
            | Cause::Program
            | Cause::Ticket
            | Cause::Feedback
            | Cause::Learnt => return cause.as_str().to_owned(),
        };
        format!("{} ({})", cause.as_str(), some(evidence, show))
    };
    let causes: Vec<String> = change.causes.iter().map(cause).collect();
    format!("  {}  {} → {}: {}\n", change.ticket, named(&change.before), named(&change.after), causes.join(", "))
}

/// The first of some names.
fn some(names: &[String], show: usize) -> String {
    let mut out = names.iter().take(show).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > show {
        let _ = write!(out, " … and {} more", names.len() - show);
    }
    out
}
