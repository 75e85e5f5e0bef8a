//! Similar resolved tickets: one hybrid query on the `tickets` index.

use serde_json::{Value, json};

use super::{Current, Engine, Similar, SimilarRequest, SimilarTickets, Subject, written};
use crate::desk::{Status, is_only_codes, query_terms, sure_language};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{Cells, Codes, Collapse, Hit, IndexReader, Query, QueryKind, QueryVector};
use crate::rank::Row;
use crate::rebuild::TICKETS;
use crate::similarity::{Evidence, Similarity, WHY_NONE};
use crate::stage::Stage;

/// How many ids an unknown ticket is told.
pub(super) const NEAREST_IDS: usize = 3;

impl Engine {
    /// Resolved tickets like a ticket or a text.
    ///
    /// # Errors
    /// [`Error::UnknownTicket`], [`Error::Filter`], [`Error::UnknownColumn`], [`Error::Argument`]; model errors for a text.
    pub fn similar(&self, request: &SimilarRequest) -> Result<SimilarTickets> {
        let current = self.current.load();
        let index = current.snapshot.index(TICKETS)?;
        let problem = self.problem(&current, &request.subject)?;
        let collapse = Collapse {
            text: index.manifest().embedded.clone(),
            same: "solved_by".to_owned(),
            resemblance: self.params.duplicates.resemblance,
        };
        let query = Query {
            collapse: (!request.every_ticket).then_some(collapse),
            explain: request.explain,
            ..self.among_resolved(&problem, request.k, request.filter.as_ref())?
        };
        let found = index.query(&query)?;
        let scale = current.desk.similarity.as_ref();
        let least = least_similarity(request.min_similarity, scale)?;
        let similarities = similarities(scale, index, &problem, &found.hits)?;
        let mut alike: Vec<(&Hit, Option<f32>)> = found.hits.iter().zip(similarities).collect();
        alike.retain(|(_, similarity)| similarity.is_none_or(|similarity| similarity >= least));
        let shown = || {
            let shown = alike.iter();
            shown.map(|(hit, similarity)| Ok(similar((*hit).clone(), *similarity, &read(index, hit.row)?))).collect()
        };
        let tickets = self.params.watch.time(Stage::Cells, || -> Result<_> { shown() })?;
        Ok(SimilarTickets {
            generation: current.snapshot.generation().name.clone(),
            about: problem.about,
            tickets,
            left_out: found.hits.len() - alike.len(),
            eligible: found.eligible,
            degraded: found.degraded,
            filters: written(request.filter.as_ref()),
            catalogue: current.desk.catalogue.clone(),
        })
    }

    /// The query that stands for the problem of a ticket or a text.
    pub(super) fn problem(&self, current: &Current, subject: &Subject) -> Result<Problem> {
        match subject {
            Subject::Text(text) => {
                let masked = self.masked_query(text)?;
                Ok(Problem {
                    ticket: None,
                    vector: QueryVector::Raw(self.embed(current, &masked)?),
                    codes: codes_of(&masked),
                    language: sure_language(&masked).map(str::to_owned),
                    about: masked.clone(),
                    text: masked,
                })
            }
            Subject::Ticket(id) => {
                let index = current.snapshot.index(TICKETS)?;
                let row = ticket_row(index, id)?;
                let text = index.text(row, &index.manifest().embedded)?.unwrap_or_default().to_owned();
                let about = index.text(row, "subject")?.unwrap_or_default().to_owned();
                let codes = Codes { values: index.exact_values(row)?, alone: false };
                let language = index.language(row)?.map(str::to_owned);
                let vector = QueryVector::Row(row);
                Ok(Problem { ticket: Some((id.clone(), row)), vector, codes, language, about, text })
            }
        }
    }

    /// The query for resolved tickets by a problem, the ticket itself left out.
    pub(super) fn among_resolved(&self, problem: &Problem, k: usize, filter: Option<&Filter>) -> Result<Query> {
        let mut only = vec![json!({ "status": Status::resolved_words() })];
        only.extend(problem.ticket.iter().map(|(id, _)| json!({ "ticket_id NOT": id })));
        Ok(Query {
            filter: Some(and_also(&Value::Array(only), filter)?),
            codes: problem.codes.clone(),
            fusion: self.params.fusion,
            keyword: self.params.keyword.clone(),
            watch: self.params.watch.clone(),
            ..Query::new(QueryKind::Hybrid, Some(problem.vector.clone()), Some(problem.text.clone()), k)
        })
    }
}

/// A problem as a query.
pub(super) struct Problem {
    /// The ticket it comes from, if it is in the index.
    pub(super) ticket: Option<(String, Row)>,
    /// For people: a subject, or the masked text.
    pub(super) about: String,
    pub(super) vector: QueryVector,
    pub(super) text: String,
    pub(super) codes: Codes,
    /// The language of the text, where that is sure.
    pub(super) language: Option<String>,
}

/// The codes in a text.
pub(super) fn codes_of(masked: &str) -> Codes {
    Codes { values: query_terms(masked), alone: is_only_codes(masked) }
}

/// Our own condition and the caller's.
pub(super) fn and_also(own: &Value, callers: Option<&Filter>) -> Result<Filter> {
    let own = Filter::from_json(own)?;
    Ok(match callers {
        Some(filter) => own.and(filter.clone()),
        None => own,
    })
}

/// The row of a ticket, or the error that names ids spelt like it.
pub(super) fn ticket_row(index: &IndexReader, id: &str) -> Result<Row> {
    if let Some(row) = index.row_of(id)? {
        return Ok(row);
    }
    Err(unknown_ticket(index, id)?)
}

/// That there is no such ticket, and which other ids are spelt like it.
pub(super) fn unknown_ticket(index: &IndexReader, id: &str) -> Result<Error> {
    let mut known = index.text_values(&index.manifest().key)?;
    known.sort_by_cached_key(|(_, key)| (strsim::damerau_levenshtein(id, key), (*key).to_owned()));
    let nearest =
        known.into_iter().filter(|(_, key)| *key != id).take(NEAREST_IDS).map(|(_, key)| key.to_owned()).collect();
    Ok(Error::UnknownTicket { id: id.to_owned(), nearest })
}

/// What an answer shows of a ticket.
fn read(index: &IndexReader, row: Row) -> Result<Cells> {
    let columns = [
        "subject",
        "status",
        "category",
        "subcategory",
        "resolution_time_hours",
        "csat_score",
        "agent_name",
        "solved_by",
        "solution",
    ];
    index.cells(row, &columns.map(str::to_owned))
}

/// How likely each hit has the problem asked about; none where there is no scale.
fn similarities(
    scale: Option<&Similarity>,
    index: &IndexReader,
    problem: &Problem,
    hits: &[Hit],
) -> Result<Vec<Option<f32>>> {
    let Some(scale) = scale else { return Ok(vec![None; hits.len()]) };
    let evidence = Evidence::of(index, &problem.vector, problem.language.as_deref(), hits)?;
    Ok(evidence.iter().map(|evidence| Some(scale.of(evidence))).collect())
}

/// What a request asks for, checked; nothing is left out below 0.
fn least_similarity(asked: Option<f32>, scale: Option<&Similarity>) -> Result<f32> {
    let Some(least) = asked else { return Ok(0.0) };
    if !(0.0..=1.0).contains(&least) {
        return Err(Error::argument("min_similarity", format!("{least} is not between 0 and 1")));
    }
    if scale.is_none() {
        return Err(Error::argument("min_similarity", format!("this index knows no percentages: {WHY_NONE}")));
    }
    Ok(least)
}

fn similar(hit: Hit, similarity: Option<f32>, cells: &Cells) -> Similar {
    let text = |name| Some(cell(cells, name)?.as_str()?.to_owned());
    let number = |name| cell(cells, name)?.as_f64();
    Similar {
        hit,
        similarity,
        subject: text("subject").unwrap_or_default(),
        status: text("status").unwrap_or_default(),
        category: text("category").unwrap_or_default(),
        subcategory: text("subcategory"),
        resolution_hours: number("resolution_time_hours"),
        csat: number("csat_score"),
        agent: text("agent_name"),
        solved_by: text("solved_by"),
        solution: text("solution"),
    }
}

/// One of the columns that were read.
pub(super) fn cell<'a>(cells: &'a Cells, name: &str) -> Option<&'a Value> {
    cells.iter().find(|(column, _)| column == name).map(|(_, value)| value)
}
