//! What a similarity of tickets is worth on a desk: its tickets as rows of an index, asked for as people would.

use arrow::array::RecordBatch;
use serde_json::json;

use super::{BuildRequest, Past, tickets_spec};
use crate::desk::{self, Status};
use crate::embed::Vector;
use crate::error::Result;
use crate::filter::Filter;
use crate::index::Codes;
use crate::similarity::{Labelled, Question, Similarity};
use crate::snapshot::SnapshotWriter;

/// By which columns it is measured how well similarities hold.
const MEASURED_BY: [&str; 2] = ["language", "category"];

/// Learns it. A ticket is asked for by its problem, which is what is known of a new one, and by its subject alone, as people
/// type; hits are resolved tickets.
pub(super) fn learn(
    request: &BuildRequest<'_>,
    past: &Past,
    writer: &SnapshotWriter,
    rows: &RecordBatch,
    vectors: &[Vector],
) -> Result<Option<Similarity>> {
    let question = |text: &str| Question {
        vector: past.vectors.of(text).clone(),
        codes: Codes { values: desk::query_terms(text), alone: desk::is_only_codes(text) },
        language: desk::sure_language(text).map(str::to_owned),
        text: text.to_owned(),
    };
    let problem = |row: usize| question(&desk::problem_text(&past.desk.tickets[row]));
    let subject = |row: usize| Some(question(&past.steps[row].first()?.subject()?.text));
    let labelled = Labelled {
        spec: &tickets_spec(&request.params.vector, &request.params.keyword),
        rows,
        vectors,
        hits: &Filter::from_json(&json!({ "status": Status::resolved_words() }))?,
        whole: &problem,
        short: &subject,
        fusion: request.fusion,
        keyword: request.keyword,
    };
    Similarity::learn(writer, &labelled, &MEASURED_BY)
}
