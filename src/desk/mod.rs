//! The support desk: source tables → tickets with masked threads → texts to embed and rows to index; the action catalogue.
//! Knows no embedding model and no index.
//!
//! Suggested reading order: [`ticket`], [`tables`], [`mod@load`], [`kept`], [`mask`], [`email`], [`document`], [`mod@identifiers`], [`action`], [`eligibility`], [`assign`], [`discover`], [`row`].

pub mod action;
pub mod assign;
pub mod discover;
pub mod document;
pub mod eligibility;
pub mod email;
pub mod identifiers;
pub mod kept;
pub mod language;
pub mod load;
pub mod mask;
pub mod row;
pub mod tables;
#[cfg(test)]
mod tests;
pub mod ticket;

pub use action::{Catalogue, OTHER, TitleLanguage};
pub use assign::{AssignParams, Assigner, Likeness};
pub(crate) use document::later_turns;
pub use document::{
    Part, Step, Thread, conversation_parts, later_text, pending_step_id, problem_text, step_at, step_places, steps,
    thread_id, ticket_parts,
};
pub use eligibility::{Circumstances, Earlier, Ineligible};
pub use identifiers::{Identifier, IdentifierKind, identifier_terms, identifiers, is_only_codes, query_terms};
pub use kept::{Base, KEPT_FOLDER};
pub use language::{sure_language, told_language};
pub use load::{Desk, MaskedTables, SourceTable, load, masker_of, personal_values, source_files};
pub use mask::{Masker, Person, Placeholder, Span, united};
pub use row::{LEARNT_COLUMNS, Lesson, add_lessons, step_rows, ticket_rows};
pub use ticket::{Agent, Author, Name, Status, Ticket, Turn};

pub use crate::table::{Changes, Extent, ReadParams, Since};
