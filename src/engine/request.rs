//! What can be asked of an engine, and the answers: plain data, no wire format.

use crate::desk::{Author, Catalogue};
use crate::filter::Filter;
use crate::index::{Cells, Degraded, Hit, QueryKind};
use crate::recommend::Advice;

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A ticket of the index. Its stored vector is the query: no model is loaded.
    Ticket(String),
    /// A text, masked and embedded first.
    Text(String),
}

/// Asks for tickets like this one.
#[derive(Debug, Clone)]
pub struct SimilarRequest {
    /// Like what.
    pub subject: Subject,
    /// How many, 1 to 10,000.
    pub k: usize,
    /// Among which, besides being resolved.
    pub filter: Option<Filter>,
    /// Whether tickets that are nearly the same as a better one are shown for themselves, rather than under it.
    pub every_ticket: bool,
    /// Those of the k whose [`Similar::similarity`] is below this, 0 to 1, are left out.
    pub min_similarity: Option<f32>,
    /// Whether each comes with the words that it shares.
    pub explain: bool,
}

impl SimilarRequest {
    /// Asks for `k` among all resolved tickets, near copies under the best of them, without an explanation.
    #[must_use]
    pub fn new(subject: Subject, k: usize) -> Self {
        Self { subject, k, filter: None, every_ticket: false, min_similarity: None, explain: false }
    }
}

/// A resolved ticket like the one asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Similar {
    /// Rank evidence: fused score and what each leg gave.
    pub hit: Hit,
    /// How likely it has the same problem, 0 to 1, which means the same for every question: see [`crate::similarity::Similarity`]. `None` on
    /// a desk that teaches none.
    pub similarity: Option<f32>,
    /// One line, masked.
    pub subject: String,
    /// `RESOLVED` or `CLOSED`.
    pub status: String,
    /// Such as `FINANCIAL`.
    pub category: String,
    /// Such as `WRONG_FEE`.
    pub subcategory: Option<String>,
    /// Hours from opening to solution.
    pub resolution_hours: Option<f64>,
    /// Satisfaction, 1 to 5.
    pub csat: Option<f64>,
    /// Who solved it.
    pub agent: Option<String>,
    /// The action that solved it.
    pub solved_by: Option<String>,
    /// What the agent wrote then, masked.
    pub solution: Option<String>,
}

/// Tickets like the one asked about, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarTickets {
    /// The generation that answered.
    pub generation: String,
    /// The one asked about: its subject, or the masked text.
    pub about: String,
    /// The tickets.
    pub tickets: Vec<Similar>,
    /// How many of the k best were left out as not similar enough.
    pub left_out: usize,
    /// How many resolved tickets the filter let through.
    pub eligible: usize,
    /// What was missing, if anything.
    pub degraded: Vec<Degraded>,
    /// The conditions that each of them meets, as written.
    pub filters: Vec<String>,
    /// Titles of the actions.
    pub catalogue: Catalogue,
}

/// Asks what to do next.
#[derive(Debug, Clone)]
pub struct RecommendRequest {
    /// About what. A ticket must be active.
    pub subject: Subject,
    /// Which evidence counts.
    pub filter: Option<Filter>,
    /// Below this confidence in the best action nothing is recommended, 0 to 1; `None` for the engine's own
    /// [`crate::RecommendParams::min_confidence`].
    pub min_confidence: Option<f32>,
    /// The present instant, in microseconds since 1970 UTC; without it no index is too old.
    pub now: Option<i64>,
}

impl RecommendRequest {
    /// Asks with all evidence and the engine's own parameters, at no particular time.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self { subject, filter: None, min_confidence: None, now: None }
    }
}

/// What to do next, and where that comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// By which feedback names it: see [`crate::feedback::recommendation_id`].
    pub id: String,
    /// The generation that answered.
    pub generation: String,
    /// The one asked about: its subject, or the masked text.
    pub about: String,
    /// The advice or the abstention.
    pub advice: Advice,
    /// Titles of the actions.
    pub catalogue: Catalogue,
}

/// By what a search goes.
#[derive(Debug, Clone, PartialEq)]
pub enum By {
    /// A text, masked and embedded first.
    Text(String),
    /// A vector of the index's dimension; scaled to unit length.
    Vector(Vec<f32>),
    /// The stored vector and text of the row with this primary key.
    Row(String),
}

/// Queries any index.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Which: `tickets` or `steps`.
    pub index: String,
    /// By what.
    pub by: By,
    /// With which legs. A `Vector` has no words and goes with `Ann` alone.
    pub kind: QueryKind,
    /// How many, 1 to 10,000.
    pub k: usize,
    /// Among which rows.
    pub filter: Option<Filter>,
    /// Which columns come back; all when `None`.
    pub columns: Option<Vec<String>>,
    /// Whether an answer shows each ticket once.
    pub one_per_group: bool,
    /// Whether each row comes with the words that it shares.
    pub explain: bool,
}

/// The rows that answer a search, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchAnswer {
    /// The generation that answered.
    pub generation: String,
    /// Rows with the columns that were asked for.
    pub rows: Vec<(Hit, Cells)>,
    /// How many rows the filter let through.
    pub eligible: usize,
    /// What was missing, if anything.
    pub degraded: Vec<Degraded>,
    /// The conditions that each of them meets, as written.
    pub filters: Vec<String>,
}

/// A ticket of the index, all of it that is kept for people, masked.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeTicket {
    /// The generation that answered.
    pub generation: String,
    /// Primary key.
    pub id: String,
    /// One line.
    pub subject: String,
    /// Such as `OPEN`.
    pub status: String,
    /// `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
    pub priority: String,
    /// Such as `FINANCIAL`.
    pub category: String,
    /// Such as `WRONG_FEE`.
    pub subcategory: Option<String>,
    /// Where it came in, such as `WHATSAPP`.
    pub channel: String,
    /// `pt` or `en`, where that is clear.
    pub language: Option<String>,
    /// When it was opened, in RFC 3339.
    pub created_at: String,
    /// Hours from opening to solution.
    pub resolution_hours: Option<f64>,
    /// Satisfaction, 1 to 5.
    pub csat: Option<f64>,
    /// Whether it was handed to a higher level.
    pub escalated: Option<bool>,
    /// How often it came back after a solution.
    pub reopened: Option<i64>,
    /// Who works on it or solved it.
    pub agent: Option<String>,
    /// The team of that agent.
    pub team: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// The action that solved it.
    pub solved_by: Option<String>,
    /// Subject, description and what the customer wrote before anybody answered, a line each.
    pub problem: String,
    /// What was said from the first answer on, oldest first. The index keeps no times of turns.
    pub turns: Vec<TicketTurn>,
    /// Titles of the actions.
    pub catalogue: Catalogue,
}

/// One message of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketTurn {
    /// Who wrote it; `None` where the index does not tell.
    pub author: Option<Author>,
    /// On one line, masked.
    pub text: String,
    /// Which action it was, of an agent's.
    pub action: Option<String>,
}
