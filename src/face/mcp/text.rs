//! Answers as a few plain lines for a language model: ids, titles and figures, no layout. The whole is in the JSON.

use std::fmt::Write as _;

use crate::desk::TitleLanguage;
use crate::engine::{FeedbackReceipt, Recommendation, SearchAnswer, SimilarTickets, WholeTicket};
use crate::face::explain::because;
use crate::face::wire::author_word;
use crate::recommend::{Basis, Evidence, RankedAction};

/// How much of a message is quoted, in characters.
const QUOTED: usize = 200;
/// How many tickets are named for and against an action.
const NAMED: usize = 3;

pub(super) fn similar(answer: &SimilarTickets, language: TitleLanguage) -> String {
    let mut out = format!("{} similar resolved tickets to: {}\n", answer.tickets.len(), quoted(&answer.about));
    if answer.left_out > 0 {
        let _ = writeln!(out, "{} more are less similar than asked for", answer.left_out);
    }
    for (place, ticket) in (1..).zip(&answer.tickets) {
        let _ = write!(out, "{place}. {} {} [{}]", ticket.hit.key, quoted(&ticket.subject), ticket.category);
        if let Some(similarity) = ticket.similarity {
            let _ = write!(out, " {:.0} % likely the same problem;", similarity * 100.0);
        }
        if let Some(hours) = ticket.resolution_hours {
            let _ = write!(out, " {hours:.1} h");
        }
        if let Some(action) = &ticket.solved_by {
            let _ = write!(out, "; solved by {action} ({})", answer.catalogue.title(action, language));
        }
        if let Some(solution) = &ticket.solution {
            let _ = write!(out, ": {}", quoted(solution));
        }
        if !ticket.hit.duplicates.is_empty() {
            let _ = write!(out, "; {} more nearly the same", ticket.hit.duplicates.len());
        }
        if ticket.hit.matched.is_some() {
            let _ = write!(out, "; here because it {}", because(&ticket.hit, &answer.filters));
        }
        out.push('\n');
    }
    out
}

pub(super) fn recommendation(answer: &Recommendation, language: TitleLanguage) -> String {
    let advice = &answer.advice;
    let mut out = match advice.abstention {
        Some(reason) => format!("No recommendation: {reason}.\n"),
        None => format!("Next action for: {}\n", quoted(&answer.about)),
    };
    let _ = writeln!(out, "Recommendation id: {}", answer.id);
    for (place, ranked) in (1..).zip(&advice.actions) {
        let title = answer.catalogue.title(&ranked.action, language);
        let _ = writeln!(out, "{place}. {} ({title}) score {:.2}, {}", ranked.action, ranked.score, grounds(ranked));
    }
    if let Some((ticket, message)) = &advice.plan.approach {
        let _ = writeln!(out, "Best approach, as in {ticket}: {}", quoted(message));
    }
    if let Some(time) = &advice.plan.hours {
        let _ = writeln!(out, "Resolution: median {:.1} h, {:.1} to {:.1} h", time.median, time.q1, time.q3);
    }
    out
}

pub(super) fn feedback(answer: &FeedbackReceipt, language: TitleLanguage) -> String {
    let event = answer.record.event();
    let mut out = format!(
        "Kept: {} ({}) on {} was {}",
        event.action,
        answer.catalogue.title(&event.action, language),
        event.ticket,
        event.kind.as_str()
    );
    if let Some(taken) = &event.edited_to {
        let _ = write!(out, " to {taken} ({})", answer.catalogue.title(taken, language));
    }
    out.push_str(". The next build counts it.\n");
    out
}

pub(super) fn rows(answer: &SearchAnswer) -> String {
    let mut out = format!("{} of {} rows\n", answer.rows.len(), answer.eligible);
    for (place, (hit, cells)) in (1..).zip(&answer.rows) {
        let _ = write!(out, "{place}. {} score {:.4}", hit.key, hit.score);
        for (column, value) in cells.iter().filter(|(_, value)| !value.is_null()) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(out, "; {column}: {}", quoted(&shown));
        }
        if hit.matched.is_some() {
            let _ = write!(out, "; here because it {}", because(hit, &answer.filters));
        }
        out.push('\n');
    }
    out
}

pub(super) fn ticket(answer: &WholeTicket, language: TitleLanguage) -> String {
    let mut out = format!("{} {} [{}] {}", answer.id, quoted(&answer.subject), answer.category, answer.status);
    if let Some(hours) = answer.resolution_hours {
        let _ = write!(out, "; {hours:.1} h");
    }
    if let Some(action) = &answer.solved_by {
        let _ = write!(out, "; solved by {action} ({})", answer.catalogue.title(action, language));
    }
    out.push_str("\nProblem:\n");
    for line in answer.problem.lines() {
        let _ = writeln!(out, "  {line}");
    }
    for turn in &answer.turns {
        let _ = write!(out, "{}: {}", turn.author.map_or("?", author_word), turn.text);
        if let Some(action) = &turn.action {
            let _ = write!(out, " [{action}]");
        }
        out.push('\n');
    }
    out
}

/// What speaks for and against an action.
fn grounds(ranked: &RankedAction) -> String {
    if ranked.basis != Basis::SimilarCases {
        return ranked.basis.to_string();
    }
    let hours = ranked.outlook.hours.map(|time| format!(" in {:.1} h", time.median)).unwrap_or_default();
    format!(
        "{:.0} % success{hours}, {} tickets; for: {}; against: {}",
        ranked.success_rate * 100.0,
        ranked.support,
        named(&ranked.evidence),
        named(&ranked.counter_evidence)
    )
}

fn named(evidence: &[Evidence]) -> String {
    if evidence.is_empty() {
        return "none".to_owned();
    }
    let name = |one: &Evidence| match one.identical {
        1 => one.ticket_id.clone(),
        identical => format!("{} ({identical} identical)", one.ticket_id),
    };
    evidence.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ")
}

/// One line of at most [`QUOTED`] characters.
fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
