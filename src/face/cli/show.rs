//! `nba show`: one ticket, for people.

use std::fmt::Write as _;

use super::args::ShowArgs;
use super::printer::Printer;
use super::settings::Settings;
use crate::desk::TitleLanguage;
use crate::engine::WholeTicket;
use crate::error::Result;
use crate::face::wire::{TicketJson, author_word};

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";
/// As wide as the longest author.
const AUTHOR_WIDTH: usize = 8;

pub(super) fn show(args: &ShowArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let ticket = settings.engine()?.ticket(&args.ticket)?;
    let language = settings.config.language;
    if printer.json() {
        return printer.document(&TicketJson::new(ticket, language));
    }
    printer.text(&rendered(&ticket, language))
}

fn rendered(ticket: &WholeTicket, language: TitleLanguage) -> String {
    let mut out = format!("{BOLD}{}{RESET}  {}\n", ticket.id, ticket.subject);
    let kind = ticket.subcategory.as_ref().map_or_else(String::new, |finer| format!("/{finer}"));
    let facts = [
        Some(ticket.status.clone()),
        Some(format!("{}{kind}", ticket.category)),
        Some(ticket.priority.clone()),
        Some(ticket.channel.clone()),
        Some(format!("opened {}", ticket.created_at)),
        ticket.resolution_hours.map(|hours| format!("{hours:.1} h")),
        ticket.csat.map(|csat| format!("CSAT {csat:.1}")),
        ticket.agent.as_ref().map(|agent| {
            let team = ticket.team.as_ref().map_or_else(String::new, |team| format!(" ({team})"));
            format!("{agent}{team}")
        }),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let _ = writeln!(out, "{DIM}{} · generation {}{RESET}", facts.join(" · "), ticket.generation);
    if !ticket.tags.is_empty() {
        let _ = writeln!(out, "{DIM}tags: {}{RESET}", ticket.tags.join(", "));
    }
    if let Some(action) = &ticket.solved_by {
        let _ = writeln!(out, "solved by {}", ticket.catalogue.title(action, language));
    }
    let _ = writeln!(out, "\n{BOLD}Problem{RESET}");
    for line in ticket.problem.lines() {
        let _ = writeln!(out, "    {line}");
    }
    if !ticket.turns.is_empty() {
        let _ = writeln!(out, "\n{BOLD}Since the first answer{RESET}");
    }
    for turn in &ticket.turns {
        let author = turn.author.map_or("—", author_word);
        let _ = write!(out, "    {DIM}{author:AUTHOR_WIDTH$}{RESET}  {}", turn.text);
        if let Some(action) = &turn.action {
            let _ = write!(out, "  {DIM}[{}]{RESET}", ticket.catalogue.title(action, language));
        }
        out.push('\n');
    }
    out
}
