//! A ticket and its thread, as the desk sees them after the tables were joined. Knows no index and no file.

use std::sync::Arc;

/// Where a ticket is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody took it yet.
    Open,
    /// An agent works on it.
    InProgress,
    /// The customer has to answer.
    PendingCustomer,
    /// An agent solved it.
    Resolved,
    /// Solved and confirmed, or timed out.
    Closed,
    /// Withdrawn.
    Cancelled,
}

impl Status {
    /// Every status, in the order of a ticket's life.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::InProgress, Self::PendingCustomer, Self::Resolved, Self::Closed, Self::Cancelled];

    /// The word in the tables and in filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::InProgress => "IN_PROGRESS",
            Self::PendingCustomer => "PENDING_CUSTOMER",
            Self::Resolved => "RESOLVED",
            Self::Closed => "CLOSED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status of a word in the tables.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Solved, whether or not it was confirmed: such tickets are evidence.
    #[must_use]
    pub const fn is_resolved(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }

    /// The words of those that are resolved, for filters.
    #[must_use]
    pub fn resolved_words() -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|status| status.is_resolved()).map(Self::as_str).collect()
    }

    /// Still waiting for a next action.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Open | Self::InProgress | Self::PendingCustomer)
    }
}

/// Every priority of the tables, the least first.
pub const PRIORITIES: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

/// A word that many tickets have in common, such as a category or somebody's id: however many have it, it is held once.
pub type Name = Arc<str>;

/// Who wrote a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The one with the problem.
    Customer,
    /// The one who acts.
    Agent,
    /// A machine: status changes, automatic replies.
    System,
}

/// One message of a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who wrote it.
    pub author: Author,
    /// Agent or customer id; empty for the system.
    pub author_id: Name,
    /// When, in microseconds since 1970 UTC.
    pub at: i64,
    /// What was written; masked once the desk is loaded.
    pub text: String,
    /// The action that an agent took, where the tables say so.
    pub action: Option<Name>,
}

/// A ticket with its thread in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    /// Primary key.
    pub id: String,
    /// Company that the customer belongs to.
    pub company_id: Name,
    /// Who has the problem.
    pub customer_id: Name,
    /// Who works on it, if anybody.
    pub agent_id: Option<Name>,
    /// When it was opened, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// When it was closed, likewise.
    pub closed_at: Option<i64>,
    /// Where it is in its life.
    pub status: Status,
    /// `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
    pub priority: Name,
    /// The kind of problem, such as `FINANCIAL`.
    pub category: Name,
    /// The finer kind, such as `WRONG_FEE`.
    pub subcategory: Option<Name>,
    /// Where it came in, such as `WHATSAPP`.
    pub channel: Name,
    /// One line, masked.
    pub subject: String,
    /// What the customer wrote first, masked.
    pub description: String,
    /// Free labels.
    pub tags: Vec<Name>,
    /// Hours from opening to solution, where solved.
    pub resolution_hours: Option<f64>,
    /// Minutes to the first answer, where answered.
    pub first_response_minutes: Option<f64>,
    /// Whether the promised time was exceeded.
    pub sla_breached: Option<bool>,
    /// Net promoter score, 0 to 10, where given.
    pub nps_score: Option<i64>,
    /// Satisfaction, 1 to 5, where given.
    pub csat_score: Option<f64>,
    /// As the source names it, such as `NEGATIVE`.
    pub sentiment: Option<Name>,
    /// Whether it was handed to a higher level.
    pub escalated: Option<bool>,
    /// How often it came back after a solution.
    pub reopened_count: Option<i64>,
    /// The thread, masked, oldest first.
    pub thread: Vec<Turn>,
}

impl Ticket {
    /// What agents wrote, oldest first.
    pub fn agent_turns(&self) -> impl Iterator<Item = &Turn> {
        self.thread.iter().filter(|turn| turn.author == Author::Agent)
    }
}

/// Somebody who answers tickets.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Agent {
    /// Primary key.
    pub id: String,
    /// The name that colleagues see.
    pub name: String,
    /// Such as `L2_TECHNICAL`.
    pub team: String,
    /// Such as `CHARGEBACKS`.
    pub specialization: Option<String>,
    /// Whether work can be given to them.
    pub active: bool,
    /// How many of the desk's active tickets are theirs.
    pub active_tickets: usize,
}
