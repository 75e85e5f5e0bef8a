//! What to do next: both indexes are asked, the neighbours become advice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::similar::{Problem, and_also, cell};
use super::{Current, Engine, RecommendRequest, Recommendation};
use crate::desk::Status;
use crate::error::{Error, Result};
use crate::feedback::recommendation_id;
use crate::index::{Cells, MAX_K, Query, QueryKind, QueryVector};
use crate::rebuild::{STEPS, TICKETS};
use crate::recommend::{Moment, Outcome, RecommendParams, SimilarState, SimilarTicket, Situation, Vote, recommend};
use crate::stage::Stage;

/// Microseconds of a day.
const DAY: f64 = 86_400e6;

impl Engine {
    /// The next action for an active ticket or for a text that a customer wrote.
    ///
    /// # Errors
    /// Those of [`Engine::similar`]; [`Error::Argument`] for a ticket that is no longer active, and for a least confidence
    /// that is none.
    pub fn recommend(&self, request: &RecommendRequest) -> Result<Recommendation> {
        let params = self.params_for(request)?;
        let current = self.current.load();
        let problem = self.problem(&current, &request.subject)?;
        let (situation, state) = self.present_state(&current, &problem)?;
        let desk = &current.desk;
        let desk_age_days = request.now.map(|now| (now as f64 - desk.newest as f64) / DAY);
        let situation = Situation { desk_age_days, ..situation };
        let states = until_distinct(
            params.states,
            |state: &SimilarState| (state.thread_id.clone(), state.position),
            |k| self.similar_states(&current, &problem, &state, request, k),
        )?;
        let tickets = until_distinct(
            params.tickets,
            |ticket: &SimilarTicket| ticket.thread_id.clone(),
            |k| self.similar_tickets(&current, &problem, request, k),
        )?;
        let advise = || recommend(&situation, desk.trust, &states, &tickets, &desk.catalogue, &desk.agents, &params);
        let advice = self.params.watch.time(Stage::Advise, advise);
        let generation = current.snapshot.generation().name.clone();
        let subject = problem.ticket.as_ref().map_or(problem.text.as_str(), |(id, _)| id);
        let actions: Vec<&str> = advice.actions.iter().map(|ranked| ranked.action.as_str()).collect();
        Ok(Recommendation {
            id: recommendation_id(&generation, subject, &actions),
            generation,
            about: problem.about,
            advice,
            catalogue: desk.catalogue.clone(),
        })
    }

    /// The engine's own parameters, but for what a request changes.
    fn params_for(&self, request: &RecommendRequest) -> Result<RecommendParams> {
        let own = self.params.recommend;
        let min_confidence = request.min_confidence.unwrap_or(own.min_confidence);
        if !(0.0..=1.0).contains(&min_confidence) {
            return Err(Error::argument("min_confidence", format!("{min_confidence} is not between 0 and 1")));
        }
        Ok(RecommendParams { min_confidence, ..own })
    }

    /// What agents did at the `k` moments most like this one, in tickets that have ended.
    fn similar_states(
        &self,
        current: &Current,
        problem: &Problem,
        state: &QueryVector,
        request: &RecommendRequest,
        k: usize,
    ) -> Result<Vec<SimilarState>> {
        let index = current.snapshot.index(STEPS)?;
        let ended: Vec<&str> =
            Status::ALL.into_iter().filter(|status| !status.is_active()).map(Status::as_str).collect();
        let mut only = vec![json!({ "status": ended })];
        only.extend(problem.ticket.iter().map(|(id, _)| json!({ "ticket_id NOT": id })));
        let query = Query {
            filter: Some(and_also(&Value::Array(only), request.filter.as_ref())?),
            one_per_group: false,
            watch: self.params.watch.clone(),
            ..Query::new(QueryKind::Ann, Some(state.clone()), None, k)
        };
        let columns = [
            "ticket_id",
            "thread_id",
            "position",
            "action",
            "last_action",
            "category",
            "message",
            "resolved",
            "reopened",
            "csat_score",
            "resolution_time_hours",
            "sla_breached",
            "expected_success",
        ];
        let found = index.query(&query)?;
        let mut states = Vec::with_capacity(found.hits.len());
        for hit in found.hits {
            let cells = index.cells(hit.row, &columns.map(str::to_owned))?;
            let Some(action) = text(&cells, "action") else { continue };
            states.push(SimilarState {
                ticket_id: text(&cells, "ticket_id").unwrap_or_default(),
                thread_id: text(&cells, "thread_id").unwrap_or_default(),
                position: number(&cells, "position").unwrap_or_default() as usize,
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
                expected_success: number(&cells, "expected_success").map(|expected| expected as f32),
                message: text(&cells, "message").unwrap_or_default(),
            });
        }
        Ok(states)
    }

    /// The `k` resolved tickets with a problem most like this one.
    fn similar_tickets(
        &self,
        current: &Current,
        problem: &Problem,
        request: &RecommendRequest,
        k: usize,
    ) -> Result<Vec<SimilarTicket>> {
        let index = current.snapshot.index(TICKETS)?;
        let found = index.query(&self.among_resolved(problem, k, request.filter.as_ref())?)?;
        let columns = [
            "thread_id",
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
                similarity: hit.dense.map_or(0.0, |leg| leg.score),
                ticket_id: hit.key,
                thread_id: text(&cells, "thread_id").unwrap_or_default(),
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

    /// Where the conversation is: of an active ticket its pending step, of a text the text itself.
    fn present_state(&self, current: &Current, problem: &Problem) -> Result<(Situation, QueryVector)> {
        let Some((id, ticket)) = &problem.ticket else {
            let QueryVector::Raw(vector) = &problem.vector else {
                return Ok((Situation::default(), problem.vector.clone()));
            };
            let turns = vec![(problem.text.as_str(), vector.as_slice())];
            let moment = Moment { turns, said: vec![&problem.text], customer_spoke_last: true, ..Moment::default() };
            let likely = current.learned(&self.params)?.predict(&moment);
            let acceptance = self.acceptance(current, None);
            return Ok((Situation { likely, acceptance, ..Situation::default() }, problem.vector.clone()));
        };
        let steps = current.snapshot.index(STEPS)?;
        let Some(pending) = steps.row_of(&crate::desk::pending_step_id(id))? else {
            let status = current.snapshot.index(TICKETS)?.text(*ticket, "status")?.unwrap_or_default().to_owned();
            let message =
                format!("`{id}` is {status}: only an active ticket has a next action; see `nba similar {id}`");
            return Err(Error::argument("ticket", message));
        };
        let columns = [
            "category",
            "status",
            "channel",
            "priority",
            "done",
            "expected_success",
            "likely_actions",
            "likely_probabilities",
        ];
        let cells = steps.cells(pending, &columns.map(str::to_owned))?;
        let likely = items(&cells, "likely_actions").into_iter().zip(items(&cells, "likely_probabilities"));
        let category = text(&cells, "category");
        let situation = Situation {
            acceptance: self.acceptance(current, category.as_deref()),
            desk_age_days: None,
            category,
            status: text(&cells, "status"),
            channel: text(&cells, "channel"),
            priority: text(&cells, "priority"),
            done: items(&cells, "done").iter().filter_map(|action| Some(action.as_str()?.to_owned())).collect(),
            expected_success: number(&cells, "expected_success").map(|expected| expected as f32),
            likely: likely
                .filter_map(|(action, probability)| {
                    Some(Vote { action: action.as_str()?.to_owned(), probability: probability.as_f64()? as f32 })
                })
                .collect(),
        };
        Ok((situation, QueryVector::Row(pending)))
    }

    /// F of the actions on which people had decided when the generation was built.
    fn acceptance(&self, current: &Current, category: Option<&str>) -> BTreeMap<String, f32> {
        current.desk.feedback.relative_acceptance(category, &self.params.recommend.feedback)
    }
}

/// The neighbours that `fetch` finds until so many of them are distinct by a key, and all that share a key with these.
///
/// Neighbours with the same key are equally like what was asked and follow each other, so that one more distinct one shows
/// that those before are complete.
fn until_distinct<T, K: Ord>(
    wanted: usize,
    key: impl Fn(&T) -> K,
    fetch: impl Fn(usize) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut k = (wanted + 1).min(MAX_K);
    loop {
        let mut found = fetch(k)?;
        let is_all = found.len() < k || k == MAX_K;
        let mut distinct = BTreeSet::new();
        let beyond = found.iter().position(|one| {
            distinct.insert(key(one));
            distinct.len() > wanted
        });
        if beyond.is_none() && !is_all {
            k = (2 * k).min(MAX_K);
            continue;
        }
        found.truncate(beyond.unwrap_or(found.len()));
        return Ok(found);
    }
}

/// The items of a list column.
fn items(cells: &Cells, name: &str) -> Vec<Value> {
    cell(cells, name).and_then(Value::as_array).cloned().unwrap_or_default()
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
