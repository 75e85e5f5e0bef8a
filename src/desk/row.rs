//! Tickets and steps → the rows of the two indexes. Knows no index and no vector.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Float64Builder, Int64Array, ListBuilder, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;

use crate::desk::action::{ActionKind, Catalogue};
use crate::desk::document::{Step, Thread, later_text, pending_step_id, problem_text, state_text, steps};
use crate::desk::identifiers::identifier_terms;
use crate::desk::ticket::{Agent, Ticket};
use crate::error::{Error, Result};
use crate::table::schema::UTC;

/// The rows of the index `tickets` for some tickets of a desk: one a ticket, in their order. `problem` is what the customer
/// asked for, `language` the one that it is in (`pt`, `en`), if that is clear; `thread` is what was said later.
///
/// `threads` has the [`Thread`] of each ticket, `actions_of` the action of each of its agent turns. `solved_by` and `solution` are given for resolved
/// tickets: the last agent turn whose action resolves; if there is none, the last that escalates; failing that the last
/// that does not merely close; failing that the last.
///
/// # Errors
/// [`Error::Internal`] if the columns do not fit together.
///
/// # Panics
/// If `threads` or `actions_of` does not have one entry for each ticket, or for an agent turn.
pub fn ticket_rows(
    tickets: &[Ticket],
    agents: &[Agent],
    catalogue: &Catalogue,
    threads: &[Thread],
    actions_of: &[Vec<impl AsRef<str>>],
) -> Result<RecordBatch> {
    assert_eq!(tickets.len(), actions_of.len(), "one list of actions for each ticket");
    assert_eq!(tickets.len(), threads.len(), "the thread of each ticket");
    let agents: BTreeMap<&str, &Agent> = agents.iter().map(|agent| (agent.id.as_str(), agent)).collect();
    let agent_of = |ticket: &Ticket| ticket.agent_id.as_deref().and_then(|id| agents.get(id).copied());
    let solutions: Vec<Option<Solution<'_>>> =
        tickets.iter().zip(actions_of).map(|(ticket, actions)| solution(ticket, actions, catalogue)).collect();
    let problems: Vec<String> = tickets.iter().map(problem_text).collect();

    let mut columns = Columns::default();
    columns.text("ticket_id", tickets.iter().map(|ticket| &ticket.id));
    columns.text("subject", tickets.iter().map(|ticket| &ticket.subject));
    columns.text("description", tickets.iter().map(|ticket| &ticket.description));
    columns.text("problem", problems);
    columns.maybe("language", threads.iter().map(|thread| thread.sure_language).collect::<StringArray>());
    columns.text("thread", tickets.iter().map(later_text));
    columns.text("thread_id", threads.iter().map(|thread| &thread.id));
    columns.context(tickets.iter());
    columns.texts("tags", tickets.iter().map(|ticket| ticket.tags.as_slice()));
    columns.outcome(tickets.iter());
    columns.maybe("nps_score", Int64Array::from_iter(tickets.iter().map(|ticket| ticket.nps_score)));
    columns.maybe("sentiment", StringArray::from_iter(tickets.iter().map(|ticket| ticket.sentiment.as_deref())));
    columns.maybe("escalated", BooleanArray::from_iter(tickets.iter().map(|ticket| ticket.escalated)));
    columns.maybe("reopened_count", Int64Array::from_iter(tickets.iter().map(|ticket| ticket.reopened_count)));
    columns.text("customer_id", tickets.iter().map(|ticket| &ticket.customer_id));
    columns.text("company_id", tickets.iter().map(|ticket| &ticket.company_id));
    columns.maybe("agent_id", StringArray::from_iter(tickets.iter().map(|ticket| ticket.agent_id.as_deref())));
    columns.maybe("agent_name", StringArray::from_iter(tickets.iter().map(|it| agent_of(it).map(|agent| &agent.name))));
    columns.maybe("agent_team", StringArray::from_iter(tickets.iter().map(|it| agent_of(it).map(|agent| &agent.team))));
    columns.maybe("solved_by", StringArray::from_iter(solutions.iter().map(|it| it.as_ref().map(|it| it.action))));
    columns.maybe("solution", StringArray::from_iter(solutions.iter().map(|it| it.as_ref().map(|it| it.message))));
    columns.full("turns", Int64Array::from_iter_values(tickets.iter().map(|ticket| ticket.thread.len() as i64)));
    columns.texts("actions", actions_of.iter().map(Vec::as_slice));
    let identifiers: Vec<Vec<String>> = tickets.iter().map(|ticket| identifier_terms(texts_of(ticket))).collect();
    columns.texts("identifiers", identifiers.iter().map(Vec::as_slice));
    columns.finish()
}

/// The rows of the index `steps` for some tickets of a desk: the steps of each ticket, in their order. `state` is the text
/// that stands for it, `language` the one that its ticket's problem is in (`pt`, `en`), if that is clear: a state can be
/// short.
///
/// `threads` and `actions_of` as for [`ticket_rows`]. A step's id is its ticket's with `#` and the turn; a pending one's with `#next`.
///
/// # Errors
/// [`Error::Internal`] if the columns do not fit together.
///
/// # Panics
/// If `threads` or `actions_of` does not have one entry for each ticket, or for an agent turn.
pub fn step_rows<A: AsRef<str>>(tickets: &[Ticket], threads: &[Thread], actions_of: &[Vec<A>]) -> Result<RecordBatch> {
    assert_eq!(tickets.len(), actions_of.len(), "one list of actions for each ticket");
    assert_eq!(tickets.len(), threads.len(), "the thread of each ticket");
    let mut all: Vec<(&Ticket, &[A], Step<'_>)> = Vec::new();
    let mut thread_of: Vec<&Thread> = Vec::new();
    for ((ticket, thread), actions) in tickets.iter().zip(threads).zip(actions_of) {
        let mut taken = 0;
        for step in steps(ticket) {
            taken += usize::from(step.message.is_some());
            all.push((ticket, actions, step));
            thread_of.push(thread);
        }
        assert_eq!(taken, actions.len(), "one action for each agent turn of {}", ticket.id);
    }
    let action = |at: &(&Ticket, &'_ [A], Step<'_>)| at.1.get(at.2.position).map(|action| action.as_ref().to_owned());
    let last_action =
        |at: &(&Ticket, &[A], Step<'_>)| at.2.position.checked_sub(1).map(|before| at.1[before].as_ref().to_owned());
    let is_last = |at: &(&Ticket, &[A], Step<'_>)| at.2.position + 1 == at.1.len();
    let tickets = || all.iter().map(|(ticket, ..)| *ticket);

    let mut columns = Columns::default();
    columns.text("step_id", all.iter().map(|(ticket, _, step)| step_id(ticket, step)));
    columns.text("ticket_id", tickets().map(|ticket| &ticket.id));
    columns.text("thread_id", thread_of.iter().map(|thread| &thread.id));
    let states: Vec<String> = all.iter().map(|(ticket, _, step)| state_text(ticket, step.turn)).collect();
    columns.text("state", &states);
    columns.maybe("language", thread_of.iter().map(|thread| thread.sure_language).collect::<StringArray>());
    columns.full("position", Int64Array::from_iter_values(all.iter().map(|(.., step)| step.position as i64)));
    columns.maybe("action", StringArray::from_iter(all.iter().map(action)));
    columns.maybe("last_action", StringArray::from_iter(all.iter().map(last_action)));
    columns.texts("done", all.iter().map(|(_, actions, step)| &actions[..step.position.min(actions.len())]));
    columns.maybe("message", StringArray::from_iter(all.iter().map(|(.., step)| step.message)));
    columns.full("is_last", BooleanArray::from_iter(all.iter().map(|step| Some(is_last(step)))));
    columns.context(tickets());
    columns.full("resolved", BooleanArray::from_iter(tickets().map(|ticket| Some(ticket.status.is_resolved()))));
    let reopened = tickets().map(|ticket| ticket.reopened_count.map(|count| count > 0));
    columns.maybe("reopened", BooleanArray::from_iter(reopened));
    columns.outcome(tickets());
    columns.maybe("agent_id", StringArray::from_iter(tickets().map(|ticket| ticket.agent_id.as_deref())));
    let identifiers: Vec<Vec<String>> = states.iter().map(|state| identifier_terms([state.as_str()])).collect();
    columns.texts("identifiers", identifiers.iter().map(Vec::as_slice));
    columns.finish()
}

/// What the desk's history teaches about a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The probability that a ticket in these circumstances ends well, 0 to 1.
    pub expected_success: f32,
    /// For a pending step the actions that may come next and their probabilities, likeliest first; else nothing.
    pub likely: Vec<(String, f32)>,
}

/// What is less likely than this is not kept.
const LEAST_LIKELY: f32 = 1e-3;

/// The columns of steps that a build learns from all of them.
pub const LEARNT_COLUMNS: [&str; 3] = ["expected_success", "likely_actions", "likely_probabilities"];

/// The rows of [`step_rows`] with the [`LEARNT_COLUMNS`].
///
/// # Errors
/// [`Error::Internal`] if there is not one lesson a row.
pub fn add_lessons(rows: RecordBatch, lessons: &[Lesson]) -> Result<RecordBatch> {
    let mut columns = Columns { fields: Vec::new(), arrays: rows.columns().to_vec() };
    columns.fields.extend(rows.schema().fields().iter().map(|field| field.as_ref().clone()));
    let expected = lessons.iter().map(|lesson| f64::from(lesson.expected_success));
    let [success, actions, probabilities] = LEARNT_COLUMNS;
    columns.full(success, Float64Array::from_iter_values(expected));
    let kept =
        |lesson: &Lesson| lesson.likely.iter().take_while(|(_, probability)| *probability >= LEAST_LIKELY).count();
    let names: Vec<Vec<String>> = lessons
        .iter()
        .map(|lesson| lesson.likely[..kept(lesson)].iter().map(|(action, _)| action.clone()).collect())
        .collect();
    columns.texts(actions, names.iter().map(Vec::as_slice));
    let mut numbers = ListBuilder::new(Float64Builder::new()).with_field(Field::new("item", DataType::Float64, false));
    for lesson in lessons {
        for (_, probability) in &lesson.likely[..kept(lesson)] {
            numbers.values().append_value(f64::from(*probability));
        }
        numbers.append(true);
    }
    columns.full(probabilities, numbers.finish());
    columns.finish()
}

/// Everything that was written in a ticket.
fn texts_of(ticket: &Ticket) -> impl Iterator<Item = &str> {
    [&ticket.subject, &ticket.description]
        .into_iter()
        .chain(ticket.thread.iter().map(|turn| &turn.text))
        .map(String::as_str)
}

fn step_id(ticket: &Ticket, step: &Step) -> String {
    if step.message.is_some() { format!("{}#{}", ticket.id, step.turn) } else { pending_step_id(&ticket.id) }
}

/// What ended a resolved ticket.
struct Solution<'a> {
    action: &'a str,
    message: &'a str,
}

fn solution<'a>(ticket: &'a Ticket, actions: &'a [impl AsRef<str>], catalogue: &Catalogue) -> Option<Solution<'a>> {
    if !ticket.status.is_resolved() {
        return None;
    }
    let turns: Vec<&str> = ticket.agent_turns().map(|turn| turn.text.as_str()).collect();
    assert_eq!(turns.len(), actions.len(), "one action for each agent turn of {}", ticket.id);
    let kinds: Vec<Option<ActionKind>> =
        actions.iter().map(|action| catalogue.get(action.as_ref()).map(|action| action.kind)).collect();
    let last_of = |wanted: &dyn Fn(Option<ActionKind>) -> bool| kinds.iter().rposition(|&kind| wanted(kind));
    let at = last_of(&|kind| kind == Some(ActionKind::Resolve))
        .or_else(|| last_of(&|kind| kind == Some(ActionKind::Escalate)))
        .or_else(|| last_of(&|kind| kind != Some(ActionKind::Close)))
        .or_else(|| last_of(&|_| true))?;
    Some(Solution { action: actions[at].as_ref(), message: turns[at] })
}

/// Columns of a batch, in the order in which they are added.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    /// A column with a value in every row.
    fn full(&mut self, name: &str, array: impl arrow::array::Array + 'static) {
        self.fields.push(Field::new(name, array.data_type().clone(), false));
        self.arrays.push(Arc::new(array));
    }

    /// A column that may have gaps.
    fn maybe(&mut self, name: &str, array: impl arrow::array::Array + 'static) {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(Arc::new(array));
    }

    fn text(&mut self, name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
        self.full(name, StringArray::from_iter_values(values));
    }

    fn texts<'a, T: AsRef<str> + 'a>(&mut self, name: &str, lists: impl Iterator<Item = &'a [T]>) {
        let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Field::new("item", DataType::Utf8, false));
        for list in lists {
            for value in list {
                builder.values().append_value(value);
            }
            builder.append(true);
        }
        self.full(name, builder.finish());
    }

    /// What both indexes know of a ticket from the start.
    fn context<'a>(&mut self, tickets: impl Iterator<Item = &'a Ticket> + Clone) {
        self.text("status", tickets.clone().map(|ticket| ticket.status.as_str()));
        self.text("priority", tickets.clone().map(|ticket| &ticket.priority));
        self.text("category", tickets.clone().map(|ticket| &ticket.category));
        self.maybe("subcategory", StringArray::from_iter(tickets.clone().map(|ticket| ticket.subcategory.as_deref())));
        self.text("channel", tickets.clone().map(|ticket| &ticket.channel));
        let created = TimestampMicrosecondArray::from_iter_values(tickets.map(|ticket| ticket.created_at));
        self.full("created_at", created.with_timezone(UTC));
    }

    /// What both indexes know of how a ticket ended.
    fn outcome<'a>(&mut self, tickets: impl Iterator<Item = &'a Ticket> + Clone) {
        let hours = tickets.clone().map(|ticket| ticket.resolution_hours);
        self.maybe("resolution_time_hours", Float64Array::from_iter(hours));
        self.maybe("sla_breached", BooleanArray::from_iter(tickets.clone().map(|ticket| ticket.sla_breached)));
        self.maybe("csat_score", Float64Array::from_iter(tickets.map(|ticket| ticket.csat_score)));
    }

    fn finish(self) -> Result<RecordBatch> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
            .map_err(|error| Error::internal("putting the desk's rows together", error))
    }
}
