//! What to do next: both indexes are asked, the neighbours become advice.

use serde_json::{Value, json};

use super::similar::{Problem, and_also, cell};
use super::{Current, Engine, RecommendRequest, Recommendation};
use crate::desk::Status;
use crate::error::{Error, Result};
use crate::index::{Cells, Query, QueryKind};
use crate::rebuild::{STEPS, TICKETS};
use crate::recommend::{Outcome, SimilarState, SimilarTicket, Situation, recommend};

impl Engine {
    /// The next action for an active ticket or for a text that a customer wrote.
    ///
    /// # Errors
    /// Those of [`Engine::similar`]; [`Error::Argument`] for a ticket that is no longer active.
    pub fn recommend(&self, request: &RecommendRequest) -> Result<Recommendation> {
        let current = self.current.load();
        let problem = self.problem(&current, &request.subject)?;
        let (situation, state) = present_state(&current, &problem)?;
        let states = self.similar_states(&current, &problem, state, request)?;
        let tickets = self.similar_tickets(&current, &problem, request)?;
        let desk = &current.desk;
        let advice = recommend(&situation, &states, &tickets, &desk.catalogue, &desk.agents, &self.params.recommend);
        Ok(Recommendation {
            generation: current.snapshot.generation().name.clone(),
            about: problem.about,
            advice,
            catalogue: desk.catalogue.clone(),
        })
    }

    /// What agents did at moments like this one, in tickets that have ended.
    fn similar_states(
        &self,
        current: &Current,
        problem: &Problem,
        state: Vec<f32>,
        request: &RecommendRequest,
    ) -> Result<Vec<SimilarState>> {
        let index = current.snapshot.index(STEPS)?;
        let ended: Vec<&str> =
            Status::ALL.into_iter().filter(|status| !status.is_active()).map(Status::as_str).collect();
        let mut only = vec![json!({ "status": ended })];
        only.extend(problem.ticket.iter().map(|(id, _)| json!({ "ticket_id NOT": id })));
        let query = Query {
            filter: Some(and_also(&Value::Array(only), request.filter.as_ref())?),
            one_per_group: false,
            ..Query::new(QueryKind::Ann, Some(state), None, self.params.recommend.states)
        };
        let columns = [
            "ticket_id",
            "action",
            "last_action",
            "category",
            "message",
            "resolved",
            "reopened",
            "csat_score",
            "resolution_time_hours",
            "sla_breached",
        ];
        let found = index.query(&query)?;
        let mut states = Vec::with_capacity(found.hits.len());
        for hit in found.hits {
            let cells = index.cells(hit.row, &columns.map(str::to_owned))?;
            let Some(action) = text(&cells, "action") else { continue };
            states.push(SimilarState {
                ticket_id: text(&cells, "ticket_id").unwrap_or_default(),
                similarity: hit.score,
                action,
                last_action: text(&cells, "last_action"),
                category: text(&cells, "category"),
                outcome: Outcome {
                    resolved: flag(&cells, "resolved"),
                    reopened: flag(&cells, "reopened"),
                    csat: number(&cells, "csat_score"),
                    hours: number(&cells, "resolution_time_hours"),
                    sla_breached: flag(&cells, "sla_breached"),
                },
                message: text(&cells, "message").unwrap_or_default(),
            });
        }
        Ok(states)
    }

    /// Resolved tickets with a problem like this one.
    fn similar_tickets(
        &self,
        current: &Current,
        problem: &Problem,
        request: &RecommendRequest,
    ) -> Result<Vec<SimilarTicket>> {
        let index = current.snapshot.index(TICKETS)?;
        let k = self.params.recommend.tickets;
        let found = self.resolved_tickets(index, problem, k, request.filter.as_ref())?;
        let columns = [
            "actions",
            "solved_by",
            "solution",
            "reopened_count",
            "csat_score",
            "resolution_time_hours",
            "sla_breached",
            "agent_id",
        ];
        let mut tickets = Vec::with_capacity(found.hits.len());
        for hit in found.hits {
            let cells = index.cells(hit.row, &columns.map(str::to_owned))?;
            let actions = cell(&cells, "actions").and_then(Value::as_array).cloned().unwrap_or_default();
            tickets.push(SimilarTicket {
                similarity: dot(index.vector(hit.row), &problem.vector),
                ticket_id: hit.key,
                actions: actions.iter().filter_map(|action| Some(action.as_str()?.to_owned())).collect(),
                solved_by: text(&cells, "solved_by"),
                solution: text(&cells, "solution"),
                outcome: Outcome {
                    resolved: Some(true),
                    reopened: number(&cells, "reopened_count").map(|count| count > 0.0),
                    csat: number(&cells, "csat_score"),
                    hours: number(&cells, "resolution_time_hours"),
                    sla_breached: flag(&cells, "sla_breached"),
                },
                agent_id: text(&cells, "agent_id"),
            });
        }
        Ok(tickets)
    }
}

/// Where the conversation is: of an active ticket its pending step, of a text the text itself.
fn present_state(current: &Current, problem: &Problem) -> Result<(Situation, Vec<f32>)> {
    let Some((id, ticket)) = &problem.ticket else {
        return Ok((Situation::default(), problem.vector.clone()));
    };
    let steps = current.snapshot.index(STEPS)?;
    let Some(pending) = steps.row_of(&crate::desk::pending_step_id(id))? else {
        let status = current.snapshot.index(TICKETS)?.text(*ticket, "status")?.unwrap_or_default().to_owned();
        let message = format!("`{id}` is {status}: only an active ticket has a next action; see `nba similar {id}`");
        return Err(Error::argument("ticket", message));
    };
    let cells = steps.cells(pending, &["category", "done"].map(str::to_owned))?;
    let situation = Situation { category: text(&cells, "category"), done: actions_before(&cells) };
    Ok((situation, steps.vector(pending).to_vec()))
}

/// What agents did in a thread before a step, oldest first.
fn actions_before(cells: &Cells) -> Vec<String> {
    let done = cell(cells, "done").and_then(Value::as_array).cloned().unwrap_or_default();
    done.iter().filter_map(|action| Some(action.as_str()?.to_owned())).collect()
}

fn text(cells: &Cells, name: &str) -> Option<String> {
    Some(cell(cells, name)?.as_str()?.to_owned())
}

fn number(cells: &Cells, name: &str) -> Option<f64> {
    cell(cells, name)?.as_f64()
}

fn flag(cells: &Cells, name: &str) -> Option<bool> {
    cell(cells, name)?.as_bool()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
