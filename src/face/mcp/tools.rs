//! The tools: names, descriptions that an agent can choose by, schemas, and what each asks of the engine.
//! The arguments are the questions of `question`, the structured answers those of `wire`.

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{schemas, text};
use crate::desk::TitleLanguage;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::face::clock::{now, now_micros};
use crate::face::question::{
    DEFAULT_K, FeedbackQuestion, RecommendQuestion, SearchQuestion, SimilarQuestion, TicketQuestion, read,
};
use crate::face::wire::{FeedbackJson, RecommendJson, SearchJson, SimilarJson, TicketJson};

const SIMILAR: &str = "similar_tickets";
const RECOMMEND: &str = "recommend_action";
const FEEDBACK: &str = "record_feedback";
const SEARCH: &str = "search_index";
const TICKET: &str = "get_ticket";

/// What a tool answers: lines to read, and the JSON that every face gives.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) structured: Value,
}

/// The tools there are.
pub(super) fn all() -> Vec<Tool> {
    let ticket = json!({ "type": "string", "description": "Id of a ticket of the index, such as TICKET-0042. Give this or `text`." });
    let text = json!({ "type": "string", "description": "What the customer says, in Portuguese or English, for what is no ticket yet. Give this or `ticket`." });
    let k =
        json!({ "type": "integer", "minimum": 1, "maximum": 10_000, "default": DEFAULT_K, "description": "How many." });
    let filter = json!({
        "type": ["string", "object", "array"],
        "description": "Only rows that match: SQL-like text, category = 'FINANCIAL' AND csat_score >= 4, or a JSON object, {\"status\": [\"RESOLVED\", \"CLOSED\"], \"priority NOT\": \"LOW\"}."
    });
    let min_confidence = json!({
        "type": "number", "minimum": 0, "maximum": 1,
        "description": "Abstain when the best action is right less often than this; by default as the desk has set it."
    });
    let every_ticket = json!({
        "type": "boolean", "default": false,
        "description": "Also show tickets that say nearly the same as a better one and that the same action solved; by default the better one stands for them, in `duplicates`."
    });
    let explain = json!({ "type": "boolean", "default": false, "description": "Say why each is there: shared words, shared identifiers, place in meaning." });
    let min_similarity = json!({
        "type": "number", "minimum": 0, "maximum": 1,
        "description": "Of the k best leave out those that are the same problem with a lower probability than this."
    });
    vec![
        tool(
            SIMILAR,
            "Similar resolved tickets",
            "Finds resolved tickets like an open ticket or a customer's words: subject, category, hours to solution, which action solved them and what the agent wrote. Use it to learn how like cases ended; it does not choose for you. `similarity` is the probability that a ticket has the same problem, and means the same for every question.",
            &json!({ "properties": { "ticket": ticket, "text": text, "k": k, "filter": filter, "every_ticket": every_ticket, "min_similarity": min_similarity, "explain": explain } }),
        )
        .with_raw_output_schema(schemas::similar()),
        tool(
            RECOMMEND,
            "Next best action",
            "Recommends what to do next on an open ticket or a customer's words: ranked actions with success rates, the tickets that speak for and against each, expected hours, who is best placed. Abstains, with the reason, when evidence is thin: no_history, index_too_old, nothing_similar, outside_catalogue, low_confidence, legs_disagree, too_few_outcomes. A closed ticket is refused.",
            &json!({ "properties": { "ticket": ticket, "text": text, "filter": filter, "min_confidence": min_confidence } }),
        )
        .with_raw_output_schema(schemas::recommendation()),
        tool(
            FEEDBACK,
            "Record what became of a recommendation",
            "Keeps a person's verdict on an action that recommend_action named: carried out, not carried out, or changed first. Call it once it is decided, not before. The next build counts it. Of several verdicts on the same action the last counts. Ids only, no names.",
            &json!({
                "properties": {
                    "ticket": { "type": "string", "description": "Id of a ticket of the index, such as TICKET-0042." },
                    "action": { "type": "string", "description": "Id of the action that was recommended, such as REFUND_FEE." },
                    "verdict": { "type": "string", "enum": ["accepted", "rejected", "edited", "displayed"], "description": "Carried out as recommended, not carried out, changed first, or shown and not decided yet." },
                    "edited_to": { "type": "string", "description": "With edited: id of the action that was taken in its place." },
                    "recommendation": { "type": "string", "pattern": "^[0-9a-f]{16}$", "description": "Id of the recommendation that named the action, if it gave one." },
                    "by": { "type": "string", "description": "Id of whoever decided, without blanks; no name, no address." }
                },
                "required": ["ticket", "action", "verdict"],
            }),
        )
        .with_annotations(writing("Record what became of a recommendation"))
        .with_raw_output_schema(schemas::feedback()),
        tool(
            SEARCH,
            "Search an index",
            "Looks rows up in an index by words, meaning or both, with a filter. `tickets` has a row a ticket; `steps` a row for each thing an agent did. Use it for questions that the other tools do not answer, such as exact words or codes (type full_text).",
            &json!({
                "properties": {
                    "index": { "type": "string", "enum": ["tickets", "steps"], "description": "Which index." },
                    "text": { "type": "string", "description": "What to look for. Give this, `row` or `vector`." },
                    "row": { "type": "string", "description": "Key of a row whose stored vector and text are the query: a ticket id, or TICKET-0042#next in `steps`." },
                    "vector": { "type": "array", "items": { "type": "number" }, "description": "A vector of the index's dimension." },
                    "type": { "type": "string", "enum": ["ann", "hybrid", "full_text"], "description": "By meaning, both, or words; hybrid unless a vector is given." },
                    "k": k,
                    "filter": filter,
                    "columns": { "type": "array", "items": { "type": "string" }, "description": "Which columns to return; all by default. Naming a few keeps the answer short." },
                    "all_rows": { "type": "boolean", "default": false, "description": "Every row of a ticket, not only its best." },
                    "explain": explain
                },
                "required": ["index"],
            }),
        )
        .with_raw_output_schema(schemas::rows()),
        tool(
            TICKET,
            "Read a ticket",
            "Reads one ticket of the index whole: subject, status, category, who worked on it, what the customer asked for, and every message since the first answer with its author and, of an agent's, the action it was. Use it on a ticket that similar_tickets or recommend_action names as evidence, or on the open ticket itself. Personal data are masked; there are no times of messages.",
            &json!({
                "properties": { "ticket": { "type": "string", "description": "Id of a ticket of the index, such as TICKET-0042." } },
                "required": ["ticket"],
            }),
        )
        .with_raw_output_schema(schemas::ticket()),
    ]
}

/// Whether a tool changes what is kept.
pub(super) fn writes(name: &str) -> bool {
    name == FEEDBACK
}

/// Calls one of them.
pub(super) fn call(engine: &Engine, language: TitleLanguage, name: &str, arguments: JsonObject) -> Result<Answer> {
    let arguments = Value::Object(arguments);
    match name {
        SIMILAR => {
            let answer = engine.similar(&question::<SimilarQuestion>(&arguments)?.request()?)?;
            Ok(Answer {
                text: text::similar(&answer, language),
                structured: plain(&SimilarJson::new(answer, language))?,
            })
        }
        RECOMMEND => {
            let answer = engine.recommend(&question::<RecommendQuestion>(&arguments)?.request(now_micros())?)?;
            Ok(Answer {
                text: text::recommendation(&answer, language),
                structured: plain(&RecommendJson::new(answer, language))?,
            })
        }
        FEEDBACK => {
            let answer = engine.record_feedback(&question::<FeedbackQuestion>(&arguments)?.request(now()))?;
            Ok(Answer {
                text: text::feedback(&answer, language),
                structured: plain(&FeedbackJson::new(answer, language))?,
            })
        }
        SEARCH => {
            let answer = engine.search(&question::<SearchQuestion>(&arguments)?.request()?)?;
            Ok(Answer { text: text::rows(&answer), structured: plain(&SearchJson::from(answer))? })
        }
        TICKET => {
            let answer = engine.ticket(&question::<TicketQuestion>(&arguments)?.ticket)?;
            Ok(Answer { text: text::ticket(&answer, language), structured: plain(&TicketJson::new(answer, language))? })
        }
        unknown => Err(Error::argument("name", format!("no tool `{unknown}`"))),
    }
}

fn tool(name: &'static str, title: &str, description: &'static str, schema: &Value) -> Tool {
    let mut object: JsonObject = schema.as_object().cloned().unwrap_or_default();
    object.insert("type".to_owned(), json!("object"));
    object.insert("additionalProperties".to_owned(), json!(false));
    let annotations = ToolAnnotations::with_title(title).read_only(true).idempotent(true).open_world(false);
    Tool::new(name, description, object).with_annotations(annotations)
}

/// Of the one tool that is not a question: it adds to what is kept, and the same twice counts once.
fn writing(title: &str) -> ToolAnnotations {
    ToolAnnotations::with_title(title).read_only(false).destructive(false).idempotent(true).open_world(false)
}

/// Arguments as a question; read from text, so that a fault reads the same as in every face.
fn question<T: DeserializeOwned>(arguments: &Value) -> Result<T> {
    read("arguments", arguments.to_string().as_bytes())
}

/// JSON as a reader of its text has it: straight to a [`Value`], 32-bit scores would gain digits that they do not have.
fn plain(answer: &impl Serialize) -> Result<Value> {
    let json_fault = |error| Error::internal("writing JSON", error);
    serde_json::from_slice(&serde_json::to_vec(answer).map_err(json_fault)?).map_err(json_fault)
}
