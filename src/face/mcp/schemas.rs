//! What the tools answer, as schemas: the fields of `wire` that an agent goes by. More may be there than is named.

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

pub(super) fn similar() -> Arc<JsonObject> {
    let ticket = object(&[
        ("ticket_id", text("By which the other tools know it.")),
        (
            "similarity",
            maybe("number", "How likely it has the same problem, 0 to 1; null where the desk teaches no such scale."),
        ),
        ("subject", text("One line.")),
        ("status", text("RESOLVED or CLOSED.")),
        ("category", text("Such as FINANCIAL.")),
        ("resolution_hours", maybe("number", "Hours from opening to solution.")),
        ("csat", maybe("number", "Satisfaction, 1 to 5.")),
        ("solved_by", or_null(&action())),
        ("solution", maybe("string", "What the agent wrote then.")),
        ("duplicates", list(&json!({ "type": "string" }), "Tickets that are nearly the same.")),
    ]);
    answer(&[
        ("about", text("What was asked about.")),
        ("eligible", json!({ "type": "integer", "description": "How many resolved tickets the filter let through." })),
        ("left_out", json!({ "type": "integer", "description": "How many were not similar enough." })),
        ("tickets", list(&ticket, "Best first.")),
    ])
}

pub(super) fn recommendation() -> Arc<JsonObject> {
    let evidence = || {
        let one = object(&[("ticket_id", text("Which.")), ("message", text("What the agent wrote."))]);
        list(&one, "Tickets.")
    };
    let ranked = object(&[
        ("id", text("Such as REFUND_FEE: what record_feedback takes.")),
        ("title", text("For people.")),
        ("score", number("By which actions are ranked.")),
        ("confidence", number("How often an action that looked like this was right, 0 to 1.")),
        ("success_rate", number("Of similar cases, 0 to 1.")),
        ("support", json!({ "type": "integer", "description": "How many similar cases show it." })),
        ("evidence", evidence()),
        ("counter_evidence", evidence()),
    ]);
    let abstention = object(&[("reason", text("Such as nothing_similar.")), ("message", text("For people."))]);
    answer(&[
        ("recommendation", text("By which record_feedback names this answer.")),
        ("about", text("What was asked about.")),
        ("abstention", described(or_null(&abstention), "Set when nothing is recommended.")),
        ("actions", list(&ranked, "Best first.")),
    ])
}

pub(super) fn feedback() -> Arc<JsonObject> {
    answer(&[
        ("id", text("Of the record.")),
        ("at", text("When, in RFC 3339.")),
        ("ticket_id", text("Which ticket.")),
        ("action", action()),
        ("verdict", text("As it was given.")),
    ])
}

pub(super) fn rows() -> Arc<JsonObject> {
    let row = object(&[
        ("key", text("Primary key.")),
        ("score", number("Compares rows of one answer.")),
        ("columns", json!({ "type": "object", "description": "Those that were asked for, by name." })),
    ]);
    answer(&[
        ("eligible", json!({ "type": "integer", "description": "How many rows the filter let through." })),
        ("rows", list(&row, "Best first.")),
    ])
}

pub(super) fn ticket() -> Arc<JsonObject> {
    let turn = object(&[
        ("author", maybe("string", "customer, agent or system; null where the index does not tell.")),
        ("text", text("On one line.")),
        ("action", described(or_null(&action()), "Which action it was, of an agent's.")),
    ]);
    answer(&[
        ("ticket_id", text("Which.")),
        ("subject", text("One line.")),
        ("status", text("Such as OPEN.")),
        ("priority", text("LOW, MEDIUM, HIGH or CRITICAL.")),
        ("category", text("Such as FINANCIAL.")),
        ("created_at", text("When it was opened, in RFC 3339.")),
        ("resolution_hours", maybe("number", "Hours from opening to solution.")),
        ("solved_by", or_null(&action())),
        ("problem", text("What the customer asked for, before anybody answered, one message a line.")),
        ("turns", list(&turn, "What was said from the first answer on, oldest first.")),
    ])
}

/// An answer of the engine: these, and the generation that gave it.
fn answer(fields: &[(&str, Value)]) -> Arc<JsonObject> {
    let generation = [("generation", text("Of the index that answered."))];
    let Value::Object(schema) = object(&[&generation, fields].concat()) else { return Arc::default() };
    Arc::new(schema)
}

/// An object that has all of these.
fn object(fields: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn action() -> Value {
    object(&[("id", text("Such as REFUND_FEE.")), ("title", text("For people."))])
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "number", "description": description })
}

fn maybe(kind: &str, description: &str) -> Value {
    json!({ "type": [kind, "null"], "description": description })
}

fn list(of: &Value, description: &str) -> Value {
    json!({ "type": "array", "items": of, "description": description })
}

fn or_null(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}
