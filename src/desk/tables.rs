//! What the desk's five source tables look like, as data: the names that files and columns may have.

use crate::desk::ticket::PRIORITIES;
use crate::table::schema::{ColumnSpec, Kind, TableSpec};

/// Which table holds what.
pub(super) const COMPANIES: &str = "companies";
pub(super) const CUSTOMERS: &str = "customers";
pub(super) const AGENTS: &str = "agents";
pub(super) const TICKETS: &str = "tickets";
pub(super) const INTERACTIONS: &str = "ticket_interactions";

/// The five tables. Each may be called as here or with `_en` behind; `ticket_interactions` also `interactions`.
///
/// | table | column | also called | kind |
/// |---|---|---|---|
/// | companies | `company_id` | | key |
/// | customers | `customer_id` | | key |
/// | | `company_id` | | → companies |
/// | | `customer_name`? | `name` | text, masked everywhere |
/// | | `email`? | | text, masked everywhere |
/// | | `cpf`? | `ssn`, `document` | text, masked everywhere |
/// | | `phone`? | | text, masked everywhere |
/// | agents | `agent_id` | | key |
/// | | `agent_name` | `name` | text |
/// | | `team` | | text |
/// | | `specialization`? | | text |
/// | | `status`? | | text; anything but `ACTIVE` gets no work |
/// | tickets | `ticket_id` | | key |
/// | | `company_id`, `customer_id`, `agent_id`? | | → companies, customers, agents |
/// | | `created_at`, `closed_at`? | | timestamp |
/// | | `status` | | `OPEN`, `IN_PROGRESS`, `PENDING_CUSTOMER`, `RESOLVED`, `CLOSED`, `CANCELLED` |
/// | | `priority` | | `LOW`, `MEDIUM`, `HIGH`, `CRITICAL` |
/// | | `category`, `subcategory`?, `channel` | | text, as the source has it |
/// | | `subject`, `description` | | text |
/// | | `tags`? | | texts, joined by `\|` |
/// | | `resolution_time_hours`? | `resolution_hours` | number |
/// | | `first_response_time_minutes`? | `first_response_minutes` | number |
/// | | `sla_breached`?, `escalated`? | | boolean |
/// | | `nps_score`?, `reopened_count`? | | whole number |
/// | | `csat_score`? | | number |
/// | | `sentiment`? | | text |
/// | ticket_interactions | `interaction_id` | | key |
/// | | `ticket_id` | | → tickets |
/// | | `interaction_timestamp` | `timestamp`, `created_at` | timestamp |
/// | | `author_type` | | `CUSTOMER`, `AGENT`, `SYSTEM` |
/// | | `author_id`? | | text |
/// | | `message`? | | text |
/// | | `action`? | `action_id` | the action an agent took, where the desk records it |
///
/// A turn goes with its ticket when a change feed deletes that. `?` marks columns that may be absent or have gaps. Other
/// columns are ignored.
pub const TABLES: [TableSpec; 5] = [
    TableSpec { name: COMPANIES, stems: &["companies", "companies_en"], columns: &[ColumnSpec::key("company_id")] },
    TableSpec {
        name: CUSTOMERS,
        stems: &["customers", "customers_en"],
        columns: &[
            ColumnSpec::key("customer_id"),
            ColumnSpec::required("company_id", Kind::Text).references(COMPANIES, "company_id"),
            ColumnSpec::optional("customer_name", Kind::Text).or_named(&["name"]),
            ColumnSpec::optional("email", Kind::Text),
            ColumnSpec::optional("cpf", Kind::Text).or_named(&["ssn", "document"]),
            ColumnSpec::optional("phone", Kind::Text),
        ],
    },
    TableSpec {
        name: AGENTS,
        stems: &["agents", "agents_en"],
        columns: &[
            ColumnSpec::key("agent_id"),
            ColumnSpec::required("agent_name", Kind::Text).or_named(&["name"]),
            ColumnSpec::required("team", Kind::Text),
            ColumnSpec::optional("specialization", Kind::Text),
            ColumnSpec::optional("status", Kind::Text),
        ],
    },
    TableSpec {
        name: TICKETS,
        stems: &["tickets", "tickets_en"],
        columns: &[
            ColumnSpec::key("ticket_id"),
            ColumnSpec::required("company_id", Kind::Text).references(COMPANIES, "company_id"),
            ColumnSpec::required("customer_id", Kind::Text).references(CUSTOMERS, "customer_id"),
            ColumnSpec::optional("agent_id", Kind::Text).references(AGENTS, "agent_id"),
            ColumnSpec::required("created_at", Kind::Timestamp),
            ColumnSpec::optional("closed_at", Kind::Timestamp),
            ColumnSpec::required("status", Kind::Text).one_of(&[
                "OPEN",
                "IN_PROGRESS",
                "PENDING_CUSTOMER",
                "RESOLVED",
                "CLOSED",
                "CANCELLED",
            ]),
            ColumnSpec::required("priority", Kind::Text).one_of(&PRIORITIES),
            ColumnSpec::required("category", Kind::Text),
            ColumnSpec::optional("subcategory", Kind::Text),
            ColumnSpec::required("channel", Kind::Text),
            ColumnSpec::required("subject", Kind::Text),
            ColumnSpec::required("description", Kind::Text),
            ColumnSpec::optional("tags", Kind::Text),
            ColumnSpec::optional("resolution_time_hours", Kind::Float).or_named(&["resolution_hours"]),
            ColumnSpec::optional("first_response_time_minutes", Kind::Float).or_named(&["first_response_minutes"]),
            ColumnSpec::optional("sla_breached", Kind::Boolean),
            ColumnSpec::optional("nps_score", Kind::Integer),
            ColumnSpec::optional("csat_score", Kind::Float),
            ColumnSpec::optional("sentiment", Kind::Text),
            ColumnSpec::optional("escalated", Kind::Boolean),
            ColumnSpec::optional("reopened_count", Kind::Integer),
        ],
    },
    TableSpec {
        name: INTERACTIONS,
        stems: &["ticket_interactions", "ticket_interactions_en", "interactions", "interactions_en"],
        columns: &[
            ColumnSpec::key("interaction_id"),
            ColumnSpec::required("ticket_id", Kind::Text).references(TICKETS, "ticket_id").part_of_it(),
            ColumnSpec::required("interaction_timestamp", Kind::Timestamp).or_named(&["timestamp", "created_at"]),
            ColumnSpec::required("author_type", Kind::Text).one_of(&["CUSTOMER", "AGENT", "SYSTEM"]),
            ColumnSpec::optional("author_id", Kind::Text),
            ColumnSpec::optional("message", Kind::Text),
            ColumnSpec::optional("action", Kind::Text).or_named(&["action_id"]),
        ],
    },
];

/// A list of people to be masked wherever they are named: the customers table, or any with a column of names.
pub(super) const PEOPLE: TableSpec = TableSpec {
    name: "people",
    stems: &[],
    columns: &[
        ColumnSpec::required("customer_name", Kind::Text).or_named(&["name"]),
        ColumnSpec::optional("email", Kind::Text),
        ColumnSpec::optional("cpf", Kind::Text).or_named(&["ssn", "document"]),
        ColumnSpec::optional("phone", Kind::Text),
    ],
};
