//! Answers as text for a terminal. Styles are ANSI codes, which the printer drops where nobody would see them.

use std::fmt::Write as _;

use crate::desk::{Catalogue, TitleLanguage};
use crate::engine::{Recommendation, SearchAnswer, SimilarTickets, Subject};
use crate::face::explain::{because, plural};
use crate::index::{Degraded, Hit, Leg};
use crate::recommend::{Basis, Evidence, Outlook, Quartiles, RankedAction};
use crate::similarity::WHY_NONE;

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";
/// How much of a message is shown, in characters.
const SHOWN_TEXT: usize = 140;
/// How many names of a list are shown: of evidence, unless all is asked for, and of near copies.
const SHOWN_FEW: usize = 3;

pub(super) fn similar(subject: &Subject, answer: &SimilarTickets, language: TitleLanguage, explain: bool) -> String {
    let mut out = heading(subject, &answer.about);
    let _ = writeln!(
        out,
        "{DIM}{} of {} resolved tickets{} · generation {}{RESET}",
        answer.tickets.len(),
        answer.eligible,
        left_out(answer.left_out),
        answer.generation
    );
    out.push_str(&degraded(&answer.degraded));
    if explain && answer.tickets.iter().any(|ticket| ticket.similarity.is_none()) {
        let _ = writeln!(out, "no percentages: {WHY_NONE}");
    }
    for (place, ticket) in (1..).zip(&answer.tickets) {
        let kind = match &ticket.subcategory {
            Some(finer) => format!("{}/{finer}", ticket.category),
            None => ticket.category.clone(),
        };
        let facts = [
            Some(kind),
            ticket.resolution_hours.map(hours),
            ticket.csat.map(|csat| format!("CSAT {csat:.1}")),
            ticket.agent.clone(),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let _ = write!(out, "\n{place:>2}. {BOLD}{}{RESET}  {}", ticket.hit.key, ticket.subject);
        let measure = match ticket.similarity {
            // Nothing is certain: 100 % would say so.
            Some(similarity) => format!("{:.0} % alike", (similarity * 100.0).min(99.0)),
            None => format!("{:.4}", ticket.hit.score),
        };
        let _ = write!(out, "\n    {DIM}{measure}{RESET}  {}", facts.join(" · "));
        if let Some(action) = &ticket.solved_by {
            let _ = write!(out, "\n    solved by {}", title(&answer.catalogue, action, language));
        }
        if let Some(solution) = &ticket.solution {
            let _ = write!(out, "\n    {DIM}“{}”{RESET}", shortened(solution, SHOWN_TEXT));
        }
        if !ticket.hit.duplicates.is_empty() {
            let _ = write!(out, "\n    {DIM}nearly the same: {}{RESET}", first_few(&ticket.hit.duplicates));
        }
        if explain {
            let _ = write!(out, "\n    {DIM}{}{RESET}", legs(&ticket.hit));
            let _ = write!(out, "\n    {DIM}because it {}{RESET}", because(&ticket.hit, &answer.filters));
        }
        out.push('\n');
    }
    out
}

/// What a question's own limit left out.
fn left_out(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", {count} more not alike enough") }
}

pub(super) fn recommendation(
    subject: &Subject,
    answer: &Recommendation,
    language: TitleLanguage,
    explain: bool,
) -> String {
    let mut out = heading(subject, &answer.about);
    let _ = writeln!(out, "{DIM}generation {} · recommendation {}{RESET}", answer.generation, answer.id);
    let name = |id: &str| title(&answer.catalogue, id, language);

    if let Some(reason) = answer.advice.abstention {
        let _ = writeln!(out, "\n{BOLD}No recommendation{RESET}: {reason}.");
        if !answer.advice.actions.is_empty() {
            let _ = writeln!(out, "What was done in the nearest cases, for what it is worth:");
        }
    } else {
        let _ = writeln!(out, "\n{BOLD}Next action{RESET}");
    }
    for (place, ranked) in (1..).zip(&answer.advice.actions) {
        out.push_str(&action(place, ranked, &name(&ranked.action), explain));
    }
    for removed in answer.advice.removed.iter().filter(|_| explain) {
        let _ = writeln!(out, "    {DIM}left out: {}, {}{RESET}", name(&removed.action), removed.rule);
    }

    let plan = &answer.advice.plan;
    if let Some((ticket, message)) = &plan.approach {
        let _ = writeln!(out, "\n{BOLD}Best approach{RESET}  as in {ticket}\n    “{}”", shortened(message, SHOWN_TEXT));
    }
    if let Some(time) = &plan.hours {
        let _ = writeln!(
            out,
            "\n{BOLD}Resolution time{RESET}  {}, half of them between {} and {} {DIM}({} tickets){RESET}",
            hours(time.median),
            hours(time.q1),
            hours(time.q3),
            time.count
        );
    }
    if !plan.agents.is_empty() {
        let _ = writeln!(out, "\n{BOLD}Who{RESET}");
        for choice in &plan.agents {
            let _ = writeln!(
                out,
                "    {} ({}) {DIM}· {:.0} % success · {} similar ticket{}{}{RESET}",
                choice.agent.name,
                choice.agent.team,
                choice.success_rate * 100.0,
                choice.tickets,
                plural(choice.tickets),
                if explain { format!(" · {} active", choice.agent.active_tickets) } else { String::new() }
            );
        }
    }
    if !plan.key_steps.is_empty() {
        let steps: Vec<String> = plan.key_steps.iter().map(|id| name(id)).collect();
        let _ = writeln!(out, "\n{BOLD}Key steps{RESET}  {}", steps.join(" → "));
    }
    out
}

fn action(place: usize, ranked: &RankedAction, title: &str, explain: bool) -> String {
    let mut facts = vec![format!("score {:.2}", ranked.score), format!("{:.0} % sure", ranked.confidence * 100.0)];
    // Without a case, V and the rest say nothing of the action.
    if ranked.basis == Basis::SimilarCases {
        facts.push(format!("{:.0} % success", ranked.success_rate * 100.0));
        facts.extend(ranked.outlook.hours.map(|time| hours(time.median)));
        facts.push(format!("{} ticket{}", ranked.support, plural(ranked.support)));
    }
    let mut out = format!("{place:>2}. {BOLD}{title}{RESET}  {DIM}{}{RESET}\n", facts.join(" · "));
    if ranked.basis != Basis::SimilarCases {
        let _ = writeln!(out, "    {}", ranked.basis);
    }
    if explain {
        out.push_str(&terms(ranked));
        return out;
    }
    for (heading, all) in [("went well: ", &ranked.evidence), ("did not:   ", &ranked.counter_evidence)] {
        if !all.is_empty() {
            let _ = writeln!(out, "    {heading}{}", list(all));
        }
    }
    out
}

/// The first few tickets, and how many more there are.
fn list(all: &[Evidence]) -> String {
    first_few(&all.iter().map(evidence_name).collect::<Vec<_>>())
}

/// The first few names, and how many more there are.
fn first_few(all: &[String]) -> String {
    let names = &all[..all.len().min(SHOWN_FEW)];
    let more = all.len() - names.len();
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}

fn evidence_name(one: &Evidence) -> String {
    if one.identical == 1 { one.ticket_id.clone() } else { format!("{} ({} identical)", one.ticket_id, one.identical) }
}

/// The terms of an action's score, what to expect of it, and every piece of evidence.
fn terms(ranked: &RankedAction) -> String {
    let (p, v, (low, high)) = (ranked.probability, ranked.success_rate, ranked.success_interval);
    let (f, score) = (ranked.acceptance, ranked.score);
    let mut out = format!("    {DIM}P {p:.4}, V {v:.4} ({low:.2} to {high:.2}), F {f:.2}, score {score:.4}{RESET}\n");
    let Outlook { hours: time, sla_kept, csat } = ranked.outlook;
    let of = |tickets: usize| format!("(of {tickets})");
    let expected = [
        time.map(|Quartiles { q1, median, q3, count }| {
            let half = if q1 < q3 { format!(", half of them {} to {}", hours(q1), hours(q3)) } else { String::new() };
            format!("took {}{half} {}", hours(median), of(count))
        }),
        sla_kept.map(|kept| format!("SLA kept {:.0} % {}", kept.mean * 100.0, of(kept.tickets))),
        csat.map(|csat| format!("CSAT {:.1} {}", csat.mean, of(csat.tickets))),
    ];
    let expected: Vec<String> = expected.into_iter().flatten().collect();
    if !expected.is_empty() {
        let _ = writeln!(out, "    {DIM}{}{RESET}", expected.join(" · "));
    }
    for (sign, all) in [("+", &ranked.evidence), ("−", &ranked.counter_evidence)] {
        for one in all {
            let _ = writeln!(
                out,
                "    {sign} {} {DIM}cos {:.3} “{}”{RESET}",
                evidence_name(one),
                one.similarity,
                shortened(&one.message, SHOWN_TEXT)
            );
        }
    }
    out
}

pub(super) fn rows(answer: &SearchAnswer, explain: bool) -> String {
    let mut out =
        format!("{DIM}{} of {} rows · generation {}{RESET}\n", answer.rows.len(), answer.eligible, answer.generation);
    out.push_str(&degraded(&answer.degraded));
    for (place, (hit, cells)) in (1..).zip(&answer.rows) {
        let _ = writeln!(out, "\n{place:>2}. {BOLD}{}{RESET}  {DIM}{}{RESET}", hit.key, legs(hit));
        if explain {
            let _ = writeln!(out, "    {DIM}because it {}{RESET}", because(hit, &answer.filters));
        }
        for (column, value) in cells {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(out, "    {column}: {}", shortened(&shown, SHOWN_TEXT));
        }
    }
    out
}

fn heading(subject: &Subject, about: &str) -> String {
    match subject {
        Subject::Ticket(id) => format!("{BOLD}{id}{RESET}  {about}\n"),
        Subject::Text(_) => format!("{BOLD}“{}”{RESET}\n", shortened(about, SHOWN_TEXT)),
    }
}

fn degraded(all: &[Degraded]) -> String {
    let line = |one: &Degraded| match one {
        Degraded::KeywordLegEmpty => "no row shares a word with the query: ranked by vectors alone\n",
        Degraded::NoRowMatchesFilter => "no row matches the filter\n",
    };
    all.iter().map(line).collect()
}

fn legs(hit: &Hit) -> String {
    let part = |name: &str, unit: &str, leg: &Leg| {
        let rank = leg.rank.map(|rank| format!(" #{rank}")).unwrap_or_default();
        format!("{name}{rank} {unit} {:.3} × {:.2} gave {:.4}", leg.score, leg.weight, leg.contribution)
    };
    let mut parts = vec![format!("score {:.4}", hit.score)];
    parts.extend(hit.dense.iter().map(|leg| part("dense", "cos", leg)));
    parts.extend(hit.keyword.iter().map(|leg| part("keyword", "bm25", leg)));
    parts.extend(
        hit.exact.iter().map(|leg| format!("{} ({})", part("identifiers", "rarity", leg), hit.shared.join(", "))),
    );
    parts.join(" · ")
}

fn title(catalogue: &Catalogue, id: &str, language: TitleLanguage) -> String {
    catalogue.title(id, language).to_owned()
}

fn hours(hours: f64) -> String {
    if hours < 48.0 { format!("{hours:.1} h") } else { format!("{:.1} days", hours / 24.0) }
}

/// A text on one line, cut after so many characters.
pub(super) fn shortened(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}
