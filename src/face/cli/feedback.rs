//! `nba feedback`: keeps a verdict, or shows the counts of those that were kept.

use std::fmt::Write as _;

use super::args::FeedbackArgs;
use super::printer::Printer;
use super::settings::Settings;
use crate::desk::TitleLanguage;
use crate::engine::{FeedbackReceipt, FeedbackRequest, FeedbackSummary};
use crate::error::Result;
use crate::face::clock::now;
use crate::face::explain::plural;
use crate::face::wire::{FeedbackJson, FeedbackSummaryJson};
use crate::feedback::{Kind, LogReport};

/// How many damaged lines are named.
const SHOWN_LINES: usize = 3;

pub(super) fn feedback(args: FeedbackArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let engine = settings.engine()?;
    let language = settings.config.language;
    if args.list {
        let summary = engine.feedback(args.only_ticket.as_deref())?;
        if printer.json() {
            return printer.document(&FeedbackSummaryJson::new(summary, language));
        }
        return printer.text(&listed(&summary, language));
    }
    let receipt = engine.record_feedback(&request(args))?;
    if printer.json() {
        return printer.document(&FeedbackJson::new(receipt, language));
    }
    printer.text(&kept(&receipt, language))
}

/// The grammar has seen to it that ticket, action and one verdict are there.
fn request(args: FeedbackArgs) -> FeedbackRequest {
    let verdict = match (args.accepted, args.rejected, args.edited) {
        (true, ..) => Kind::Accepted,
        (_, true, _) => Kind::Rejected,
        (.., true) => Kind::Edited,
        _ => Kind::Displayed,
    };
    FeedbackRequest {
        at: now(),
        ticket: args.ticket.unwrap_or_default(),
        action: args.action.unwrap_or_default(),
        verdict,
        edited_to: args.edited_to,
        recommendation: args.recommendation,
        by: args.by,
    }
}

fn kept(receipt: &FeedbackReceipt, language: TitleLanguage) -> String {
    let event = receipt.record.event();
    let title = |id| receipt.catalogue.title(id, language);
    let mut out = format!("{}  {} ({})  {}", event.ticket, title(&event.action), event.action, event.kind.as_str());
    if let Some(taken) = &event.edited_to {
        let _ = write!(out, " to {} ({taken})", title(taken));
    }
    let _ = writeln!(out, "\nkept as {}; the next `nba index build` counts it", receipt.record.id());
    out
}

fn listed(summary: &FeedbackSummary, language: TitleLanguage) -> String {
    let report = &summary.report;
    let mut out = format!("{} record{} in the log{}\n", report.records, plural(report.records), unusable(report));
    if summary.tally.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\n{:>9} {:>9} {:>9} {:>9}  action", "displayed", "accepted", "rejected", "edited");
    for (action, counts) in &summary.tally.actions {
        let title = summary.catalogue.title(action, language);
        let named = if title == action { action.clone() } else { format!("{action}  {title}") };
        let _ = writeln!(
            out,
            "{:>9} {:>9} {:>9} {:>9}  {named}",
            counts.displayed, counts.accepted, counts.rejected, counts.edited
        );
    }
    out
}

/// What of a log could not be used, to go behind the number of its records.
pub(super) fn unusable(report: &LogReport) -> String {
    let mut out = String::new();
    if report.torn > 0 {
        let _ = write!(out, ", {} cut short by a crash", report.torn);
    }
    if let Some(first) = report.damaged.first() {
        let lines: Vec<String> =
            report.damaged.iter().take(SHOWN_LINES).map(|damaged| damaged.line.to_string()).collect();
        let more = if report.damaged.len() > SHOWN_LINES { ", …" } else { "" };
        let _ = write!(
            out,
            ", {} damaged and left out (line {}{more}: {})",
            report.damaged.len(),
            lines.join(", "),
            first.reason
        );
    }
    out
}
