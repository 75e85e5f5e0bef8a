//! What a similarity of tickets is worth on a desk: its tickets as rows of an index, asked for as people would.

use serde_json::json;

use super::{BuildRequest, Past, memory, tickets_spec};
use crate::desk::{self, Status, step_at, step_places};
use crate::embed::Blends;
use crate::error::Result;
use crate::filter::Filter;
use crate::index::{Codes, IndexSpec};
use crate::similarity::{Labelled, Question, Similarity};
use crate::snapshot::{SnapshotWriter, WrittenIndex};

/// By which columns it is measured how well similarities hold.
const MEASURED_BY: [&str; 2] = ["language", "category"];

/// Learns it. A ticket is asked for by its problem, which is what is known of a new one, and by its subject alone, as people
/// type; hits are resolved tickets.
pub(super) fn learn(
    request: &BuildRequest<'_>,
    past: &Past,
    writer: &SnapshotWriter,
    tickets: &WrittenIndex,
    problems: &Blends,
) -> Result<Option<Similarity>> {
    let question = |text: &str| Question {
        vector: past.kept.of(text).to_vec(),
        codes: Codes { values: desk::query_terms(text), alone: desk::is_only_codes(text) },
        language: desk::sure_language(text).map(str::to_owned),
        text: text.to_owned(),
    };
    let problem = |row: usize| question(&desk::problem_text(&past.desk.tickets[row]));
    let subject = |row: usize| {
        let ticket = &past.desk.tickets[row];
        let (position, turn) = step_places(ticket).next()?;
        Some(question(step_at(ticket, position, turn).subject()?.text))
    };
    let spec = tickets_spec(&request.params.vector, &request.params.keyword);
    let spec = IndexSpec { keyword_memory: memory::for_keywords(request.params.memory_mb), ..spec };
    let labelled = Labelled {
        spec: &spec,
        rows: &writer.rows_of(tickets)?,
        vectors: problems.into(),
        hits: &Filter::from_json(&json!({ "status": Status::resolved_words() }))?,
        whole: &problem,
        short: &subject,
        fusion: request.fusion,
        keyword: request.keyword,
    };
    Similarity::learn(writer, &labelled, &MEASURED_BY)
}
