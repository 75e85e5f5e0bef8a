//! One ticket with its thread, as rows: a function of the desk and the ticket's number and of nothing else.

use super::calendar::{DAY, NOW, moment};
use super::model::{Course, Kind, Model, Priority, csat, hours, insight, match_of, nps};
use super::noise::Habits;
use super::oracle::{Candidate, Oracle, Particular, Ranking};
use super::people::{Agent, People, width};
use super::plot::{Author, Plot, Premise};
use super::prose::Voice;
use super::random::{Chance, Table};
use super::slots::{self, Scene};
use super::texts::{Slots, Texts};
use super::{GenerateParams, Locale};

/// Every ticket whose number leaves this rest (divided by [`SHOWCASE_EVERY`]) is a showcase: in progress, in the locale's
/// first language, about a common kind of problem, its thread stopped where an agent must act, after question and answer.
const SHOWCASE: u64 = 42;
const SHOWCASE_EVERY: u64 = 500;
/// Kinds of this weight or more are common.
const COMMON_WEIGHT: u32 = 8;

/// How far back tickets go.
const WINDOW: i64 = 180 * DAY;

/// All that tickets are made from.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) params: GenerateParams,
    pub(super) model: Model,
    pub(super) portuguese: Texts,
    pub(super) english: Texts,
    pub(super) people: People,
}

/// A ticket's row and the rows of its thread.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TicketRows {
    pub(super) ticket: Vec<String>,
    /// Without the interaction's id, which depends on the tickets before.
    pub(super) interactions: Vec<Vec<String>>,
    /// What oracle and insider expected of each message of the agent; only with labels.
    pub(super) expected: Vec<Vec<String>>,
    pub(super) origin: Origin,
}

/// What a ticket was made from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Kind, by its place in the model.
    pub(super) kind: usize,
    /// Cause, by its place in the kind.
    pub(super) cause: usize,
    pub(super) portuguese: bool,
    pub(super) resolved: bool,
    pub(super) slots: Slots,
}

/// Where a ticket is in its life, before its thread is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    InProgress,
    PendingCustomer,
    Cancelled,
    Done,
}

/// When things happen, in seconds since 1970.
#[derive(Debug)]
struct Times {
    created: i64,
    moves: Vec<i64>,
    /// When the solution was there, for tickets that have one.
    solved: Option<i64>,
}

impl Desk {
    /// The ticket of a number from 1.
    pub(super) fn ticket(&self, number: u64) -> TicketRows {
        let mut chance = Chance::of(self.params.seed, Table::Tickets, number);
        let showcase = number % SHOWCASE_EVERY == SHOWCASE;
        let portuguese = self.draw_language(showcase, &mut chance);
        let kind = self.draw_kind(showcase, &mut chance);
        let cause = kind.draw_cause(&mut chance);
        let priority = kind.draw_priority(&mut chance);
        let channel = *chance.pick(&["WHATSAPP", "WHATSAPP", "CHAT", "EMAIL", "PORTAL", "PHONE"]);
        let stage = draw_stage(showcase, &mut chance);
        let customer_number = 1 + (chance.unit() * self.people.customers as f64) as u64;
        let customer = self.people.customer(customer_number);
        let company = self.people.company(customer.company);
        let agent = self.draw_agent(kind, stage, &mut chance);

        let insight = insight(agent.skill, match_of(agent.specialization, &kind.skill), cause.hard);
        let mut plot = Plot::play(Premise { kind, cause, thorough: showcase }, insight, &mut chance);
        match stage {
            Stage::Open => plot.cut_unanswered(),
            Stage::InProgress => plot.cut_before_action(),
            Stage::PendingCustomer => plot.cut_before_answer(&mut chance),
            Stage::Cancelled => plot.cut_withdrawn(&mut chance),
            Stage::Done => {}
        }
        let escalated = plot.escalated();
        let course = Course { skill: agent.skill, hard: cause.hard, wrong: plot.wrong, solved: plot.solved, escalated };
        let times = draw_times(stage, &plot, course, priority, &mut chance);

        let mut prose = Chance::of(self.params.seed, Table::Prose, number);
        let scene =
            Scene { cause, customer: &customer, company: &company, agent, created_at: times.created, portuguese };
        let slots = slots::draw(scene, &mut prose);
        let texts = if portuguese { &self.portuguese } else { &self.english };
        let habits = self.draw_habits(portuguese, channel, &mut prose);
        let formal = matches!(channel, "EMAIL" | "PORTAL");
        let voice = Voice { texts, kind, scene, slots: &slots, habits, formal };
        let words = voice.thread(&plot.moves, &mut prose.clone());
        let (subject, messages) = (&words[0], &words[1..]);
        let answered = plot.moves.iter().any(|step| step.author() == Author::Agent);

        let ticket_id = format!("TICKET-{number:0width$}", width = width(self.params.tickets as u64, 4));
        let customer_id = self.people.customer_id(customer_number);
        let mut interactions = Vec::with_capacity(messages.len());
        for ((step, message), &at) in plot.moves.iter().zip(messages).zip(&times.moves) {
            let (author, id, name) = match step.author() {
                Author::Customer => ("CUSTOMER", customer_id.as_str(), customer.name.as_str()),
                Author::Agent => ("AGENT", agent.id.as_str(), agent.name.as_str()),
                Author::System => ("SYSTEM", "", if portuguese { "Sistema" } else { "System" }),
            };
            let form = if step.is_status_change() { "STATUS_CHANGE" } else { "COMMENT" };
            let mut row: Vec<String> =
                [&ticket_id, &moment(at), author, id, name, message, form, channel, ""].map(str::to_owned).into();
            if self.params.labels {
                row.push(step.action().to_owned());
            }
            interactions.push(row);
        }

        let mut expected = Vec::new();
        if self.params.labels {
            let oracle = Oracle {
                kind,
                cause,
                moves: &plot.moves,
                particulars: particulars(voice, &plot, &words, &prose),
                candidates: self.candidates(kind),
            };
            expected = forecasts(&oracle, candidate(agent, kind, 1.0), &ticket_id);
        }

        let mut row = vec![ticket_id, self.people.company_id(customer.company), customer_id];
        row.push(if answered { agent.id.clone() } else { String::new() });
        let summary = Summary { stage, plot: &plot, course, times: &times, priority, kind, channel };
        row.extend(summary.columns(subject, &messages[0], company.churn_risk, &mut chance));
        let place = |found: Option<usize>| found.expect("kind and cause were drawn from the model");
        let origin = Origin {
            kind: place(self.model.kinds.iter().position(|it| it.id == kind.id)),
            cause: place(kind.causes.iter().position(|it| it.id == cause.id)),
            portuguese,
            resolved: stage == Stage::Done,
            slots,
        };
        TicketRows { ticket: row, interactions, expected, origin }
    }

    fn draw_language(&self, showcase: bool, chance: &mut Chance) -> bool {
        let portuguese = match self.params.locale {
            Locale::PtBr => 0.85,
            Locale::En => 0.0,
            Locale::Mixed => 0.5,
        };
        let drawn = chance.happens(portuguese);
        if showcase { self.params.locale != Locale::En } else { drawn }
    }

    fn draw_kind(&self, showcase: bool, chance: &mut Chance) -> &Kind {
        let odds = |kind: &Kind| if showcase && kind.weight < COMMON_WEIGHT { 0 } else { kind.weight };
        &self.model.kinds[chance.weighted(self.model.kinds.iter().map(odds))]
    }

    /// More often than not somebody who knows such problems; only those at work have unfinished tickets.
    fn draw_agent(&self, kind: &Kind, stage: Stage, chance: &mut Chance) -> &Agent {
        let specialist = chance.happens(0.5);
        let odds = |agent: &Agent| {
            let fits = !specialist || agent.specialization == kind.skill;
            let there = agent.active || matches!(stage, Stage::Done | Stage::Cancelled);
            u32::from(fits && there)
        };
        let agents = &self.people.agents;
        &agents[chance.weighted(agents.iter().map(odds))]
    }

    /// Who may answer a ticket of a kind, as [`Desk::draw_agent`] draws, whether it will be finished or not.
    fn candidates(&self, kind: &Kind) -> Vec<Candidate> {
        let share = |stages: &[Stage]| stages.iter().map(|stage| f64::from(weight_of(*stage))).sum::<f64>();
        let (finished, unfinished) =
            (share(&[Stage::Done, Stage::Cancelled]), share(&[Stage::InProgress, Stage::PendingCustomer]));
        let odds = |agent: &Agent, there: &dyn Fn(&Agent) -> bool| {
            let fits = |agent: &&Agent| there(agent) && agent.specialization == kind.skill;
            let count = |those: usize, is_one: bool| if is_one { 0.5 / those as f64 } else { 0.0 };
            let agents = || self.people.agents.iter();
            count(agents().filter(|it| there(it)).count(), there(agent))
                + count(agents().filter(fits).count(), fits(&agent))
        };
        let probability = |agent: &Agent| {
            let drawn = finished * odds(agent, &|_| true) + unfinished * odds(agent, &|it| it.active);
            drawn / (finished + unfinished)
        };
        self.people.agents.iter().map(|agent| candidate(agent, kind, probability(agent))).collect()
    }

    fn draw_habits(&self, portuguese: bool, channel: &str, chance: &mut Chance) -> Habits {
        let chat = matches!(channel, "WHATSAPP" | "CHAT");
        let slip = if chance.happens(0.5) { chance.real(0.0, 0.05) } else { 0.0 };
        let shorten = if chat && chance.happens(0.5) { chance.real(0.3, 0.9) } else { 0.0 };
        let (switch, aside) = match self.params.locale {
            Locale::Mixed => (chance.real(0.0, 0.7), 0.12),
            Locale::PtBr if portuguese => (if chance.happens(0.15) { 0.2 } else { 0.0 }, 0.0),
            Locale::PtBr | Locale::En => (0.0, 0.0),
        };
        let plain = portuguese && chance.happens(if chat { 0.35 } else { 0.1 });
        let lower = chat && chance.happens(0.3);
        Habits { slip, shorten, switch, aside, plain, lower }
    }
}

fn candidate(agent: &Agent, kind: &Kind, probability: f64) -> Candidate {
    Candidate { skill: agent.skill, fit: match_of(agent.specialization, &kind.skill), probability }
}

/// Which particulars the words of a thread name, and where first: they are those words that are others when `prose` says
/// the same with another value.
fn particulars<'a>(voice: Voice<'a>, plot: &Plot, words: &[String], prose: &Chance) -> Vec<Particular<'a>> {
    let named = voice.scene.cause.slots.keys().filter_map(|name| {
        let mut others: Slots = voice.slots.clone();
        let value = others.get_mut(name.as_str())?;
        value.push('0');
        let others = Voice { slots: &others, ..voice }.thread(&plot.moves, &mut prose.clone());
        let at = words.iter().zip(&others).position(|(word, other)| word != other)?;
        Some(Particular { name, value: &voice.slots[name.as_str()], said_at: at.saturating_sub(1) })
    });
    named.collect()
}

/// The rows of `oracle.csv` for a ticket: one for each message of its agent.
fn forecasts(oracle: &Oracle<'_>, agent: Candidate, ticket_id: &str) -> Vec<Vec<String>> {
    let asked = (0..oracle.moves.len()).filter(|&at| oracle.moves[at].author() == Author::Agent);
    let row = |(position, at): (usize, usize)| {
        vec![ticket_id.to_owned(), position.to_string(), written(&oracle.foresee(at)), written(&oracle.know(at, agent))]
    };
    asked.enumerate().map(row).collect()
}

/// `ASK_DOCUMENTS=0.6400|CHECK_ACCOUNT=0.3600`.
fn written(ranking: &Ranking) -> String {
    let each = ranking.iter().map(|(action, probability)| format!("{action}={probability:.4}"));
    each.collect::<Vec<_>>().join("|")
}

/// How often, relative to the others, tickets are in a stage.
const fn weight_of(stage: Stage) -> u32 {
    match stage {
        Stage::Open => 6,
        Stage::InProgress => 9,
        Stage::PendingCustomer => 7,
        Stage::Cancelled => 5,
        Stage::Done => 73,
    }
}

fn draw_stage(showcase: bool, chance: &mut Chance) -> Stage {
    const ALL: [Stage; 5] = [Stage::Open, Stage::InProgress, Stage::PendingCustomer, Stage::Cancelled, Stage::Done];
    let drawn = ALL[chance.weighted(ALL.into_iter().map(weight_of))];
    if showcase { Stage::InProgress } else { drawn }
}

/// Unfinished tickets are hours to some weeks old, the others up to half a year; moves follow one another unevenly.
fn draw_times(stage: Stage, plot: &Plot, course: Course, priority: Priority, chance: &mut Chance) -> Times {
    const SHORTEST_STEP: i64 = 90;
    let count = plot.moves.len();
    let solution_seconds = (hours(course, priority, chance) * 3600.0) as i64;
    let spread = chance.unit();
    let (age, span) = match stage {
        Stage::Open | Stage::InProgress | Stage::PendingCustomer => {
            let age = 2 * 3600 + (spread * spread * spread * 21.0 * DAY as f64) as i64;
            let busy = priority.promised_hours() * 3600.0 * chance.real(0.2, 1.6);
            (age, (age as f64 * chance.real(0.3, 0.9)).min(busy) as i64)
        }
        Stage::Cancelled => (WINDOW / 60 + (spread * spread * (WINDOW - 4 * DAY) as f64) as i64, solution_seconds),
        Stage::Done => (12 * DAY + (spread * spread * (WINDOW - 12 * DAY) as f64) as i64, solution_seconds),
    };
    let span = span.min(age - 600).max(SHORTEST_STEP * count as i64);
    let created = NOW - age.max(span + 600);

    // The machine closes five days after the last word; all else falls within the span.
    let waits = matches!(stage, Stage::Done) && plot.moves.last().is_some_and(|last| last.author() == Author::System);
    let within = if waits { count - 1 } else { count };
    let gaps: Vec<f64> = (1..within).map(|at| chance.real(0.1, 1.0) * if at == 1 { 0.5 } else { 1.0 }).collect();
    let total: f64 = gaps.iter().sum();
    let free = (span - SHORTEST_STEP * within as i64).max(0) as f64;
    let mut moves = vec![created];
    for gap in &gaps {
        moves.push(moves[moves.len() - 1] + SHORTEST_STEP + (free * gap / total) as i64);
    }
    let last_word = moves[moves.len() - 1];
    if waits {
        moves.push((last_word + 5 * DAY).min(NOW));
    }
    let solved = (stage == Stage::Done).then_some(last_word);
    Times { created, moves, solved }
}

/// What the rest of a ticket's row is made from.
struct Summary<'a> {
    stage: Stage,
    plot: &'a Plot,
    course: Course,
    times: &'a Times,
    priority: Priority,
    kind: &'a Kind,
    channel: &'a str,
}

impl Summary<'_> {
    /// The columns from `created_at` on.
    fn columns(&self, subject: &str, description: &str, churn_risk: f64, chance: &mut Chance) -> Vec<String> {
        let Times { created, moves, solved } = self.times;
        let last = moves[moves.len() - 1];
        let promised = (self.priority.promised_hours() * 3600.0) as i64;
        let done = self.stage == Stage::Done;
        let active = !done && self.stage != Stage::Cancelled;
        let late = solved.unwrap_or(if active { NOW } else { last }) - created > promised;
        let score = csat(self.course, late, chance);
        let mood = if done { score } else { (3.1 - 0.5 * f64::from(u8::from(late)) + 0.8 * chance.normal()).max(1.0) };
        let likely = nps(score, chance);
        let rated = |asked: bool, value: String| if done && asked { value } else { String::new() };
        let first_answer = self.plot.moves.iter().position(|step| step.author() == Author::Agent);
        let minutes = first_answer.map(|at| ((moves[at] - created) / 60).to_string());
        let flag = |holds: bool| if holds { "TRUE" } else { "FALSE" }.to_owned();
        let (asked_csat, asked_nps) = (chance.happens(0.7), chance.happens(0.4));

        let mut tags = vec![self.kind.category.as_str(), self.kind.id.as_str()];
        let churning = churn_risk > 0.6 || self.kind.id == "CANCELLATION";
        let marks = [
            (late, "SLA_BREACHED"),
            (churning, "CHURN_RISK"),
            (self.priority == Priority::Critical, "URGENT"),
            (self.course.escalated, "ESCALATED"),
        ];
        tags.extend(marks.into_iter().filter_map(|(holds, tag)| holds.then_some(tag)));
        vec![
            moment(*created),
            moment(last),
            if done { moment(last) } else { String::new() },
            self.status().to_owned(),
            self.priority.as_str().to_owned(),
            self.kind.category.clone(),
            self.kind.id.clone(),
            self.channel.to_owned(),
            subject.to_owned(),
            description.to_owned(),
            tags.join("|"),
            solved.map(|at| format!("{:.2}", (at - created) as f64 / 3600.0)).unwrap_or_default(),
            minutes.unwrap_or_default(),
            flag(late),
            rated(asked_nps, likely.to_string()),
            rated(asked_csat, format!("{score:.2}")),
            sentiment(mood).to_owned(),
            flag(self.course.escalated),
            self.plot.reopened.to_string(),
            String::new(),
        ]
    }

    fn status(&self) -> &'static str {
        match self.stage {
            Stage::Open => "OPEN",
            Stage::InProgress => "IN_PROGRESS",
            Stage::PendingCustomer => "PENDING_CUSTOMER",
            Stage::Cancelled => "CANCELLED",
            Stage::Done if self.plot.moves.last().is_some_and(|last| last.is_status_change()) => "CLOSED",
            Stage::Done => "RESOLVED",
        }
    }
}

fn sentiment(mood: f64) -> &'static str {
    match mood {
        mood if mood >= 4.2 => "POSITIVE",
        mood if mood >= 3.2 => "NEUTRAL",
        mood if mood >= 2.1 => "NEGATIVE",
        _ => "VERY_NEGATIVE",
    }
}
