//! One ticket as the index has it: its facts, its problem, and what was said since the first answer.
//!
//! The index keeps no table of turns. What was said is the column `thread` of `tickets`, a line a turn; who said it
//! follows from `steps`, whose rows have every message of an agent and the three turns before it, marked.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::similar::{cell, ticket_row};
use super::{Engine, TicketTurn, WholeTicket};
use crate::desk::Author;
use crate::error::Result;
use crate::filter::Filter;
use crate::index::IndexReader;
use crate::rank::Row;
use crate::rebuild::{STEPS, TICKETS};

/// The columns of `tickets` that are shown, besides the conversation.
const FACTS: [&str; 17] = [
    "subject",
    "status",
    "priority",
    "category",
    "subcategory",
    "channel",
    "language",
    "created_at",
    "resolution_time_hours",
    "csat_score",
    "escalated",
    "reopened_count",
    "agent_name",
    "agent_team",
    "tags",
    "solved_by",
    "problem",
];

impl Engine {
    /// A ticket of the index, masked as everything there is. No model is loaded.
    ///
    /// # Errors
    /// [`crate::Error::UnknownTicket`]; [`crate::Error::Corrupt`].
    pub fn ticket(&self, id: &str) -> Result<WholeTicket> {
        let current = self.current.load();
        let tickets = current.snapshot.index(TICKETS)?;
        let row = ticket_row(tickets, id)?;
        let facts = tickets.cells(row, &FACTS.map(str::to_owned))?;
        let steps = current.snapshot.index(STEPS)?;
        let own = Filter::from_json(&json!({ "ticket_id": id }))?;
        let steps = steps.rows_where(&own)?.into_iter().map(|row| step(steps, row)).collect::<Result<_>>()?;
        let turns = turns(tickets.text(row, "thread")?.unwrap_or_default(), steps);

        let value = |name| cell(&facts, name).cloned().unwrap_or_default();
        let maybe = |name| value(name).as_str().map(str::to_owned);
        let text = |name| maybe(name).unwrap_or_default();
        let tags = value("tags").as_array().cloned().unwrap_or_default();
        Ok(WholeTicket {
            generation: current.snapshot.generation().name.clone(),
            id: id.to_owned(),
            subject: text("subject"),
            status: text("status"),
            priority: text("priority"),
            category: text("category"),
            subcategory: maybe("subcategory"),
            channel: text("channel"),
            language: maybe("language"),
            created_at: text("created_at"),
            resolution_hours: value("resolution_time_hours").as_f64(),
            csat: value("csat_score").as_f64(),
            escalated: value("escalated").as_bool(),
            reopened: value("reopened_count").as_i64(),
            agent: maybe("agent_name"),
            team: maybe("agent_team"),
            tags: tags.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            solved_by: maybe("solved_by"),
            problem: text("problem"),
            turns,
            catalogue: current.desk.catalogue.clone(),
        })
    }
}

/// What an agent did, and the marked lines of what was said just before.
struct StepTaken {
    state: String,
    /// On one line; nothing where the ticket still waits.
    message: Option<String>,
    action: Option<String>,
}

fn step(index: &IndexReader, row: Row) -> Result<StepTaken> {
    let message = index.text(row, "message")?.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(StepTaken {
        state: index.text(row, "state")?.unwrap_or_default().to_owned(),
        message,
        action: index.text(row, "action")?.map(str::to_owned),
    })
}

/// The lines of a thread, each with its author as far as the steps tell.
fn turns(thread: &str, steps: VecDeque<StepTaken>) -> Vec<TicketTurn> {
    let mut steps: VecDeque<StepTaken> = steps.into_iter().filter(|step| step.message.as_deref() != Some("")).collect();
    let mut turns = Vec::new();
    for line in thread.lines() {
        let by_agent = steps.front().is_some_and(|step| step.message.as_deref() == Some(line));
        if by_agent && let Some(step) = steps.pop_front() {
            turns.push(TicketTurn { author: Some(Author::Agent), text: line.to_owned(), action: step.action });
            continue;
        }
        // Whoever spoke before an agent's next message is marked in its state.
        let author = steps.front().and_then(|step| author_in(&step.state, line));
        turns.push(TicketTurn { author, text: line.to_owned(), action: None });
    }
    turns
}

fn author_in(state: &str, text: &str) -> Option<Author> {
    // The first line of a state is the subject.
    state.lines().skip(1).find_map(|line| match line.split_once(": ")? {
        ("C", said) if said == text => Some(Author::Customer),
        ("S", said) if said == text => Some(Author::System),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(state: &str, message: Option<&str>, action: &str) -> StepTaken {
        StepTaken { state: state.to_owned(), message: message.map(str::to_owned), action: Some(action.to_owned()) }
    }

    #[test]
    fn authors_follow_from_the_steps() {
        let steps = [
            step("Estorno\nC: nada ainda", Some("Vou ver"), "CHECK"),
            step("Estorno\nS: reopened\nC: e agora\nA: Vou ver", Some("Feito"), "REFUND"),
        ];
        // The customer says what an agent will say: it is the agent's only where the agent's turn has come.
        let found = turns("Vou ver\ne agora\nreopened\nlonger ago\nFeito\nFeito\nobrigado", steps.into());
        let shown: Vec<_> =
            found.iter().map(|turn| (turn.author, turn.text.as_str(), turn.action.as_deref())).collect();
        assert_eq!(
            shown,
            [
                (Some(Author::Agent), "Vou ver", Some("CHECK")),
                (Some(Author::Customer), "e agora", None),
                (Some(Author::System), "reopened", None),
                (None, "longer ago", None),
                (Some(Author::Agent), "Feito", Some("REFUND")),
                (None, "Feito", None),
                (None, "obrigado", None),
            ]
        );
    }

    #[test]
    fn a_subject_like_a_turn_marks_nobody() {
        assert_eq!(author_in("C: help\nA: what", "help"), None);
        assert_eq!(author_in("subject\nC: help", "help"), Some(Author::Customer));
    }
}
