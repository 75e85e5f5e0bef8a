//! An agent service in one process: it works through the desk's queue, says what to do next and on what evidence, acts by
//! a policy of its own, and tells the index what became of each recommendation. Nothing leaves the machine.
//!
//! ```sh
//! nba index build --data fixtures --index index
//! cargo run --example agent_service -- index 5         # how many tickets
//! cargo run --example agent_service -- index 5 0.5     # how near a case must be at least; 0.8 suits the shipped model
//! ```

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use nba::feedback::Kind;
use nba::recommend::RankedAction;
use nba::{Engine, EngineParams, FeedbackRequest, Filter, RecommendRequest, Recommendation, Result, Subject};

/// Whoever the service is, for the log of feedback: an id, no name.
const SERVICE: &str = "agent-service";

/// When the service acts by itself. The index ranks and explains; what is done is the service's own decision.
struct Policy {
    /// How sure the index must be of the action, 0 to 1.
    confidence: f32,
    /// How often it must have ended well in similar cases, 0 to 1.
    success: f32,
    /// How many similar cases must show it.
    cases: usize,
}

impl Policy {
    /// Whether an action is carried out, rather than left to a person.
    fn allows(&self, action: &RankedAction) -> bool {
        action.confidence >= self.confidence && action.success_rate >= self.success && action.support >= self.cases
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let index = arguments.next().unwrap_or_else(|| "index".to_owned());
    let most = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(5);
    let nearness = arguments.next().and_then(|number| number.parse().ok());
    match run(&index, most, nearness, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Errors say what to do about them; the class of the fault is the exit code, as with `nba` itself.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(error.fault().exit_code())
        }
    }
}

fn run(index: &str, most: usize, nearness: Option<f32>, out: &mut impl Write) -> Result<()> {
    let mut params = EngineParams::new(index);
    params.recommend.min_similarity = nearness.unwrap_or(params.recommend.min_similarity);
    // One engine for the whole process: it is `Sync`, and every question reads the generation that served when it began.
    let engine = Engine::open_with(params)?;
    let policy = Policy { confidence: 0.3, success: 0.8, cases: 3 };
    let (mut acted, mut asked, mut abstained) = (0, 0, 0);
    for ticket in queue(&engine)?.into_iter().take(most) {
        // A night's build may have published a newer generation meanwhile.
        engine.reload_if_changed()?;
        // With `now` set, an index that is too old abstains; a service that runs for months sets it.
        let advice = engine.recommend(&RecommendRequest::new(Subject::Ticket(ticket.clone())))?;
        writeln!(out, "{ticket}  {}", advice.about)?;
        match (advice.advice.abstention, advice.advice.actions.first()) {
            // Where the index has no answer it says so. Guessing in its place is what it abstained from.
            (Some(reason), _) => {
                abstained += 1;
                writeln!(out, "  left to a person: {reason}")?;
            }
            (None, Some(action)) => {
                show(out, &engine, &advice, action)?;
                let verdict = if policy.allows(action) { Kind::Accepted } else { Kind::Displayed };
                match verdict {
                    Kind::Accepted => acted += 1,
                    _ => asked += 1,
                }
                // Here the service would carry the action out, or show it to a person.
                let kept = engine.record_feedback(&feedback(&ticket, &advice, action, verdict))?;
                writeln!(out, "  {}", kept.record.event().kind.as_str())?;
            }
            (None, None) => writeln!(out, "  nothing to do")?,
        }
    }
    writeln!(out, "{acted} carried out, {asked} shown to a person, {abstained} without a recommendation")?;
    Ok(())
}

/// The active tickets that an agent works on, the most pressing first.
fn queue(engine: &Engine) -> Result<Vec<String>> {
    let active = Filter::from_sql("status IN ('OPEN', 'IN_PROGRESS') AND agent_id IS NOT NULL")?;
    let columns = ["ticket_id", "priority", "created_at"].map(str::to_owned);
    let mut waiting = engine.with_snapshot(|snapshot| {
        let tickets = snapshot.index("tickets")?;
        let rows = tickets.rows_where(&active)?;
        rows.into_iter().map(|row| tickets.cells(row, &columns)).collect::<Result<Vec<_>>>()
    })?;
    let text = |cells: &nba::index::Cells, at: usize| cells[at].1.as_str().unwrap_or_default().to_owned();
    let urgency = |priority: &str| ["CRITICAL", "HIGH", "MEDIUM", "LOW"].iter().position(|one| *one == priority);
    waiting.sort_by_key(|cells| (urgency(&text(cells, 1)), text(cells, 2), text(cells, 0)));
    Ok(waiting.iter().map(|cells| text(cells, 0)).collect())
}

/// What is recommended, and the case that speaks most for it.
fn show(out: &mut impl Write, engine: &Engine, advice: &Recommendation, action: &RankedAction) -> Result<()> {
    let title = advice.catalogue.title(&action.action, nba::desk::TitleLanguage::En);
    writeln!(
        out,
        "  {title}: {:.0} % sure, {:.0} % success in {} similar cases",
        action.confidence * 100.0,
        action.success_rate * 100.0,
        action.support
    )?;
    if let Some(case) = action.evidence.first() {
        let whole = engine.ticket(&case.ticket_id)?;
        writeln!(out, "  as in {} ({}, {}): “{}”", whole.id, whole.status, whole.category, first_words(&case.message))?;
    }
    for against in action.counter_evidence.iter().take(1) {
        writeln!(out, "  but not in {}", against.ticket_id)?;
    }
    Ok(())
}

fn feedback(ticket: &str, advice: &Recommendation, action: &RankedAction, verdict: Kind) -> FeedbackRequest {
    #[expect(clippy::disallowed_methods, reason = "the clock is an application's to read")]
    let now = DateTime::<Utc>::from(SystemTime::now());
    FeedbackRequest {
        at: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        ticket: ticket.to_owned(),
        action: action.action.clone(),
        verdict,
        edited_to: None,
        recommendation: Some(advice.id.clone()),
        by: Some(SERVICE.to_owned()),
    }
}

fn first_words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(12).collect();
    words.join(" ")
}
