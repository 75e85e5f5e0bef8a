//! The JSON of a whole ticket.

use serde::Serialize;

use super::{ActionJson, action};
use crate::desk::{Author, TitleLanguage};
use crate::engine::WholeTicket;

/// The answer of `show`.
#[derive(Debug, Serialize)]
pub struct TicketJson {
    generation: String,
    ticket_id: String,
    subject: String,
    status: String,
    priority: String,
    category: String,
    subcategory: Option<String>,
    channel: String,
    language: Option<String>,
    created_at: String,
    resolution_hours: Option<f64>,
    csat: Option<f64>,
    escalated: Option<bool>,
    reopened: Option<i64>,
    agent: Option<String>,
    team: Option<String>,
    tags: Vec<String>,
    solved_by: Option<ActionJson>,
    /// What the customer asked for, before anybody answered.
    problem: String,
    /// What was said from the first answer on.
    turns: Vec<TurnJson>,
}

#[derive(Debug, Serialize)]
struct TurnJson {
    /// `customer`, `agent` or `system`; null where the index does not tell.
    author: Option<&'static str>,
    text: String,
    action: Option<ActionJson>,
}

impl TicketJson {
    /// Converts an answer.
    #[must_use]
    pub fn new(answer: WholeTicket, language: TitleLanguage) -> Self {
        let catalogue = answer.catalogue;
        let named = |id: String| action(&catalogue, &id, language);
        let turns = answer.turns.into_iter().map(|turn| TurnJson {
            author: turn.author.map(author_word),
            text: turn.text,
            action: turn.action.map(named),
        });
        Self {
            generation: answer.generation,
            ticket_id: answer.id,
            subject: answer.subject,
            status: answer.status,
            priority: answer.priority,
            category: answer.category,
            subcategory: answer.subcategory,
            channel: answer.channel,
            language: answer.language,
            created_at: answer.created_at,
            resolution_hours: answer.resolution_hours,
            csat: answer.csat,
            escalated: answer.escalated,
            reopened: answer.reopened,
            agent: answer.agent,
            team: answer.team,
            tags: answer.tags,
            solved_by: answer.solved_by.map(named),
            problem: answer.problem,
            turns: turns.collect(),
        }
    }
}

/// The word for an author, in every face.
#[must_use]
pub fn author_word(author: Author) -> &'static str {
    match author {
        Author::Customer => "customer",
        Author::Agent => "agent",
        Author::System => "system",
    }
}
