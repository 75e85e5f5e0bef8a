//! How much memory a build may take: what it expects to need, a refusal in time, and what its parts may gather. Counts rows,
//! and measures nothing.
//!
//! What counts is memory of the program's own. Pages of files that are mapped (vectors, rows, keyword index) are the
//! system's, which takes them back when it needs them.

use super::past::Past;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::vector::{Kind, VectorParams};

const MIB: usize = 1 << 20;

/// The least that may be set: the program, what is learnt from, and a small desk.
pub const LEAST_MEMORY_MB: usize = 1_024;
/// Of what may be taken, one part of so many is for gathering terms of the keyword index.
const KEYWORD_PART: usize = 8;
/// What a build takes however small the desk is: the program, 30,000 moments to learn from and 50,000 to compare with.
const FIXED: usize = 600 * MIB;
/// Of a ticket: itself without its texts, the id of its thread, its actions, its vector as a sum.
const PER_TICKET: usize = 900;
/// Of a turn: itself without its text, its part in the vector of its ticket.
const PER_TURN: usize = 108;
/// Of a step: its place, its vector as a sum, and what codes or rows of the index take while they are made.
const PER_STEP: usize = 350;
/// Of a text with a vector: its hash and number.
const PER_TEXT: usize = 48;
/// Of a point of a graph, beside its vector: links, while they are made and refined.
const PER_GRAPH_POINT: usize = 2_000;

/// What a build may gather of terms, in bytes.
pub(super) const fn for_keywords(memory_mb: usize) -> usize {
    memory_mb * MIB / KEYWORD_PART
}

/// Refuses a build that will take more than it may.
///
/// # Errors
/// [`Error::Memory`] with what is needed.
pub(super) fn check(past: &Past, vector: &VectorParams, memory_mb: usize) -> Result<()> {
    let needed_mb = needed(past, vector).div_ceil(MIB);
    if needed_mb <= memory_mb {
        return Ok(());
    }
    let (tickets, steps) = (past.desk.tickets.len(), past.states().len());
    Err(Error::Memory { tickets, steps, needed_mb, allowed_mb: memory_mb })
}

fn needed(past: &Past, vector: &VectorParams) -> usize {
    let steps = past.states().len();
    let graph = if vector.kind == Kind::Hnsw { steps * (PER_GRAPH_POINT + 2 * 4 * past.kept.dimension()) } else { 0 };
    FIXED + of_desk(&past.desk) + steps * PER_STEP + past.kept.len() * PER_TEXT + graph
}

/// What a desk takes: its texts to a byte, the rest by count.
fn of_desk(desk: &Desk) -> usize {
    let of_turn = |text: &String| PER_TURN + text.len();
    let of_ticket = |ticket: &crate::desk::Ticket| {
        let turns: usize = ticket.thread.iter().map(|turn| of_turn(&turn.text)).sum();
        PER_TICKET + ticket.subject.len() + ticket.description.len() + turns
    };
    desk.tickets.iter().map(of_ticket).sum()
}
