//! The JSON of every face, converted by hand from the engine's answers, so that neither can change the other unnoticed.

mod fault;
mod feedback;
mod forget;
mod generations;
mod texts;
mod ticket;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::fault::{ErrorJson, with_causes};
pub use self::feedback::{FeedbackJson, FeedbackSummaryJson};
pub use self::forget::{AuditJson, ForgetJson, HiddenJson};
pub use self::generations::{DifferenceJson, ShelvedJson};
pub use self::texts::{EmbedJson, MaskJson, MaskedLineJson};
pub use self::ticket::{TicketJson, author_word};

use crate::desk::{Catalogue, Ineligible, TitleLanguage};
use crate::engine::{Recommendation, SearchAnswer, SimilarTickets};
use crate::error::Result;
use crate::face::explain::because;
use crate::index::{Degraded, Hit, Leg, Manifest};
use crate::keyword::MatchedWord;
use crate::rebuild::DeskFile;
use crate::recommend::{Abstention, Basis, Evidence, Outlook, Quartiles, RankedAction, Shrunk};
use crate::similarity::Measured;
use crate::snapshot::{Generation, Snapshot};

/// The answer of `similar`.
#[derive(Debug, Serialize)]
pub struct SimilarJson {
    generation: String,
    about: String,
    eligible: usize,
    degraded: Vec<Degraded>,
    /// How many of the k best were left out as not similar enough.
    left_out: usize,
    tickets: Vec<SimilarTicketJson>,
}

#[derive(Debug, Serialize)]
struct SimilarTicketJson {
    ticket_id: String,
    /// How likely it has the same problem, 0 to 1; null where the desk teaches no such scale.
    similarity: Option<f32>,
    #[serde(flatten)]
    score: ScoreJson,
    /// Tickets that are nearly the same as this one, which stands for them.
    duplicates: Vec<String>,
    subject: String,
    status: String,
    category: String,
    subcategory: Option<String>,
    resolution_hours: Option<f64>,
    csat: Option<f64>,
    agent: Option<String>,
    solved_by: Option<ActionJson>,
    solution: Option<String>,
}

/// A score and what each leg gave to it.
#[derive(Debug, Serialize)]
struct ScoreJson {
    score: f32,
    dense: Option<LegJson>,
    keyword: Option<LegJson>,
    identifiers: Option<LegJson>,
    shared_identifiers: Vec<String>,
    /// The words that it shares with the question; there only where an explanation was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_words: Option<Vec<WordJson>>,
    /// Why it is there, in words; there only where an explanation was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

#[derive(Debug, Serialize)]
struct WordJson {
    word: String,
    /// What the row has in its place: a synonym or another spelling.
    by: Option<String>,
    score: f32,
}

#[derive(Debug, Serialize)]
struct LegJson {
    rank: Option<u32>,
    score: f32,
    weight: f32,
    contribution: f32,
}

/// An action by id and title.
#[derive(Debug, Serialize)]
struct ActionJson {
    id: String,
    title: String,
}

impl ScoreJson {
    fn new(hit: &Hit, filters: &[String]) -> Self {
        let leg = |Leg { rank, score, weight, contribution }: Leg| LegJson { rank, score, weight, contribution };
        Self {
            score: hit.score,
            dense: hit.dense.map(leg),
            keyword: hit.keyword.map(leg),
            identifiers: hit.exact.map(leg),
            shared_identifiers: hit.shared.clone(),
            shared_words: hit.matched.as_ref().map(|words| words.iter().map(word).collect()),
            because: hit.matched.is_some().then(|| because(hit, filters)),
        }
    }
}

fn word(matched: &MatchedWord) -> WordJson {
    WordJson { word: matched.word.clone(), by: matched.by.clone(), score: matched.score }
}

fn action(catalogue: &Catalogue, id: &str, language: TitleLanguage) -> ActionJson {
    ActionJson { id: id.to_owned(), title: catalogue.title(id, language).to_owned() }
}

impl SimilarJson {
    /// Converts an answer.
    #[must_use]
    pub fn new(answer: SimilarTickets, language: TitleLanguage) -> Self {
        let catalogue = answer.catalogue;
        let tickets = answer.tickets.into_iter().map(|ticket| SimilarTicketJson {
            score: ScoreJson::new(&ticket.hit, &answer.filters),
            ticket_id: ticket.hit.key,
            duplicates: ticket.hit.duplicates,
            similarity: ticket.similarity,
            subject: ticket.subject,
            status: ticket.status,
            category: ticket.category,
            subcategory: ticket.subcategory,
            resolution_hours: ticket.resolution_hours,
            csat: ticket.csat,
            agent: ticket.agent,
            solved_by: ticket.solved_by.map(|id| action(&catalogue, &id, language)),
            solution: ticket.solution,
        });
        Self {
            generation: answer.generation,
            about: answer.about,
            eligible: answer.eligible,
            degraded: answer.degraded,
            left_out: answer.left_out,
            tickets: tickets.collect(),
        }
    }
}

/// The answer of `recommend`.
#[derive(Debug, Serialize)]
pub struct RecommendJson {
    /// By which feedback names this answer.
    recommendation: String,
    generation: String,
    about: String,
    /// Set when nothing is recommended.
    abstention: Option<AbstentionJson>,
    actions: Vec<RankedActionJson>,
    removed: Vec<RemovedJson>,
    best_approach: Option<ApproachJson>,
    resolution_hours: Option<HoursJson>,
    agents: Vec<AgentJson>,
    key_steps: Vec<ActionJson>,
}

#[derive(Debug, Serialize)]
struct AbstentionJson {
    #[serde(flatten)]
    reason: Abstention,
    message: String,
}

#[derive(Debug, Serialize)]
struct RankedActionJson {
    #[serde(flatten)]
    action: ActionJson,
    score: f32,
    probability: f32,
    confidence: f32,
    success_rate: f32,
    success_interval: (f32, f32),
    acceptance: f32,
    resolution_hours: Option<HoursJson>,
    sla_kept: Option<ShareJson>,
    csat: Option<MeanJson>,
    basis: Basis,
    /// The basis in words, where no similar case shows the action.
    note: Option<String>,
    support: usize,
    evidence: Vec<EvidenceJson>,
    counter_evidence: Vec<EvidenceJson>,
}

/// An action that may not be done, and the rule that forbids it.
#[derive(Debug, Serialize)]
struct RemovedJson {
    #[serde(flatten)]
    action: ActionJson,
    probability: f32,
    #[serde(flatten)]
    rule: Ineligible,
    message: String,
}

#[derive(Debug, Serialize)]
struct EvidenceJson {
    ticket_id: String,
    similarity: f32,
    message: String,
    identical: usize,
}

#[derive(Debug, Serialize)]
struct ShareJson {
    share: f32,
    tickets: usize,
}

#[derive(Debug, Serialize)]
struct MeanJson {
    mean: f32,
    tickets: usize,
}

#[derive(Debug, Serialize)]
struct ApproachJson {
    ticket_id: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct HoursJson {
    q1: f64,
    median: f64,
    q3: f64,
    tickets: usize,
}

#[derive(Debug, Serialize)]
struct AgentJson {
    agent_id: String,
    name: String,
    team: String,
    tickets: usize,
    success_rate: f32,
    active_tickets: usize,
}

impl From<Quartiles> for HoursJson {
    fn from(Quartiles { q1, median, q3, count }: Quartiles) -> Self {
        Self { q1, median, q3, tickets: count }
    }
}

impl From<Evidence> for EvidenceJson {
    fn from(Evidence { ticket_id, similarity, message, identical }: Evidence) -> Self {
        Self { ticket_id, similarity, message, identical }
    }
}

fn ranked_action(ranked: RankedAction, action: ActionJson) -> RankedActionJson {
    let Outlook { hours, sla_kept, csat } = ranked.outlook;
    RankedActionJson {
        action,
        score: ranked.score,
        probability: ranked.probability,
        confidence: ranked.confidence,
        success_rate: ranked.success_rate,
        success_interval: ranked.success_interval,
        acceptance: ranked.acceptance,
        resolution_hours: hours.map(HoursJson::from),
        sla_kept: sla_kept.map(|Shrunk { mean, tickets }| ShareJson { share: mean, tickets }),
        csat: csat.map(|Shrunk { mean, tickets }| MeanJson { mean, tickets }),
        basis: ranked.basis,
        note: (ranked.basis != Basis::SimilarCases).then(|| ranked.basis.to_string()),
        support: ranked.support,
        evidence: ranked.evidence.into_iter().map(EvidenceJson::from).collect(),
        counter_evidence: ranked.counter_evidence.into_iter().map(EvidenceJson::from).collect(),
    }
}

impl RecommendJson {
    /// Converts an answer.
    #[must_use]
    pub fn new(answer: Recommendation, language: TitleLanguage) -> Self {
        let named = |id: &str| action(&answer.catalogue, id, language);
        let plan = answer.advice.plan;
        let actions = answer.advice.actions.into_iter().map(|ranked| {
            let action = named(&ranked.action);
            ranked_action(ranked, action)
        });
        let removed = answer.advice.removed.into_iter().map(|removed| RemovedJson {
            action: named(&removed.action),
            probability: removed.probability,
            message: removed.rule.to_string(),
            rule: removed.rule,
        });
        let agents = plan.agents.into_iter().map(|choice| AgentJson {
            agent_id: choice.agent.id,
            name: choice.agent.name,
            team: choice.agent.team,
            tickets: choice.tickets,
            success_rate: choice.success_rate,
            active_tickets: choice.agent.active_tickets,
        });
        Self {
            recommendation: answer.id,
            generation: answer.generation,
            about: answer.about,
            abstention: answer.advice.abstention.map(|reason| AbstentionJson { message: reason.to_string(), reason }),
            actions: actions.collect(),
            removed: removed.collect(),
            best_approach: plan.approach.map(|(ticket_id, message)| ApproachJson { ticket_id, message }),
            resolution_hours: plan.hours.map(HoursJson::from),
            agents: agents.collect(),
            key_steps: plan.key_steps.iter().map(|id| named(id)).collect(),
        }
    }
}

/// The answer of `search`.
#[derive(Debug, Serialize)]
pub struct SearchJson {
    generation: String,
    eligible: usize,
    degraded: Vec<Degraded>,
    rows: Vec<RowJson>,
}

#[derive(Debug, Serialize)]
struct RowJson {
    key: String,
    #[serde(flatten)]
    score: ScoreJson,
    columns: Map<String, Value>,
}

impl From<SearchAnswer> for SearchJson {
    fn from(answer: SearchAnswer) -> Self {
        let rows = answer.rows.into_iter().map(|(hit, cells)| RowJson {
            score: ScoreJson::new(&hit, &answer.filters),
            key: hit.key,
            columns: cells.into_iter().collect(),
        });
        Self {
            generation: answer.generation,
            eligible: answer.eligible,
            degraded: answer.degraded,
            rows: rows.collect(),
        }
    }
}

/// The answer of `index status`.
#[derive(Debug, Serialize)]
pub struct StatusJson<'a> {
    /// What the generation says about itself.
    pub generation: &'a Generation,
    /// What each of its indexes does, by name.
    pub indexes: Vec<&'a Manifest>,
    /// How well similarities of tickets hold; null where the desk teaches no such scale.
    pub similarity: Option<Measured>,
    /// What is hidden; left out where nothing was ever forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<HiddenJson>,
}

impl<'a> StatusJson<'a> {
    /// Reads it off a snapshot.
    ///
    /// # Errors
    /// [`crate::Error::UnknownIndex`] and [`crate::Error::Corrupt`], which a snapshot that this program wrote does not have.
    pub fn new(snapshot: &'a Snapshot) -> Result<Self> {
        let generation = snapshot.generation();
        let indexes =
            generation.indexes.keys().map(|name| Ok(snapshot.index(name)?.manifest())).collect::<Result<_>>()?;
        let similarity = DeskFile::of(snapshot)?.similarity.map(|scale| scale.measured);
        let (tickets, rows) = snapshot.hidden();
        let pending = snapshot.forgotten().is_pending();
        let forgotten = snapshot.forgotten().head().map(|_| HiddenJson { tickets, rows, pending });
        Ok(Self { generation, indexes, similarity, forgotten })
    }
}
