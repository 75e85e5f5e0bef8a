//! The vector search API, by the real program over loopback: the requests that its clients make, byte by byte as they make
//! them, and what they are answered.

mod data;
mod desk;
mod durability;
mod endpoints;
mod errors;
mod indexes;
mod lookups;
mod query;
mod second;
mod sync;

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::serve::Server;
use crate::support::Sandbox;

/// Where the first generation lives.
const V1: &str = "/api/2.0/vector-search";
/// How many products there are.
const PRODUCTS: usize = 60;

/// A server with tables of its own beside a small desk.
struct Mirror {
    server: Server,
    sandbox: Sandbox,
}

impl Mirror {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(more: &[&str]) -> Self {
        let sandbox = Sandbox::with_small_index();
        sandbox.write("data/products.csv", products(0..PRODUCTS));
        sandbox.write(
            "data/vectors.csv",
            "id,label,v\na,one,\"[1, 0, 0]\"\nb,two,\"[0, 1, 0]\"\nc,three,\"[0, 0.6, 0.8]\"\n",
        );
        sandbox.write(
            "nba.toml",
            "[tables]\n\"main.shop.products\" = \"data/products.csv\"\n\"main.shop.vectors\" = \"data/vectors.csv\"\n\
             \"main.shop.gone\" = \"data/gone.csv\"\n[models]\n\"other-name\" = \"hashed\"\n",
        );
        let server = Server::start_with(&sandbox, more);
        Self { server, sandbox }
    }

    /// The same folder, served anew.
    fn restarted(self) -> Self {
        let Self { server, sandbox } = self;
        drop(server);
        let server = Server::start(&sandbox);
        Self { server, sandbox }
    }

    /// The body of an answer that must be a success.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.server.ask(method, path, &body);
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        self.call("GET", path, &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, body)
    }

    /// Status, code and message of a refusal.
    fn refused(&self, method: &str, path: &str, body: &Value) -> String {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.server.ask(method, path, &body);
        assert!(status >= 400, "{method} {path} {body}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let text = format!("{status} {}: {}", text(&answer["error_code"]), text(&answer["message"]));
        blotted(&text.replace(&self.sandbox.path("").display().to_string(), "<tmp>/"))
    }

    fn endpoint(&self, name: &str) {
        self.post(&format!("{V1}/endpoints"), &json!({ "name": name, "endpoint_type": "STANDARD" }));
    }

    /// An index `main.shop.docs` of the products, whose descriptions are embedded, on the endpoint `ep1`.
    fn docs(&self) -> Value {
        self.endpoint("ep1");
        self.post(&format!("{V1}/indexes"), &docs_request())
    }

    /// The rows of a query.
    fn rows(&self, index: &str, body: &Value) -> Vec<Value> {
        let answer = self.post(&format!("{V1}/indexes/{index}/query"), body);
        let rows = answer["result"]["data_array"].as_array().unwrap().clone();
        assert_eq!(answer["result"]["row_count"], rows.len());
        rows
    }
}

/// The request that `databricks-sdk` makes for an index with managed embeddings.
fn docs_request() -> Value {
    json!({
        "delta_sync_index_spec": {
            "embedding_source_columns": [{ "embedding_model_endpoint_name": "databricks-gte-large-en", "name": "description" }],
            "pipeline_type": "TRIGGERED",
            "source_table": "main.shop.products",
        },
        "endpoint_name": "ep1", "index_subtype": "HYBRID", "index_type": "DELTA_SYNC", "name": "main.shop.docs",
        "primary_key": "id",
    })
}

/// The request that `databricks-sdk` makes for an index that is written to.
fn direct_request(name: &str) -> Value {
    json!({
        "direct_access_index_spec": {
            "embedding_vector_columns": [{ "embedding_dimension": 3, "name": "v" }],
            "schema_json": "{\"id\":\"integer\",\"text\":\"string\",\"tags\":\"array<string>\",\"price\":\"float\",\"at\":\"timestamp\",\"ok\":\"boolean\",\"v\":\"array<float>\"}",
        },
        "endpoint_name": "ep1", "index_type": "DIRECT_ACCESS", "name": name, "primary_key": "id",
    })
}

const CATEGORIES: [&str; 3] = ["home", "work", "yard"];
const WORDS: [&str; 10] = ["red", "green", "blue", "lamp", "chair", "table", "oak", "steel", "garden", "office"];

/// A product: every seventh without a rating, every eleventh without a description.
fn product(at: usize) -> Value {
    let words = [WORDS[at % 10], WORDS[(at / 2) % 10], WORDS[(at / 3 + 4) % 10]];
    json!({
        "id": at,
        "name": format!("{} {}", words[0], words[1]),
        "description": (!at.is_multiple_of(11)).then(|| format!("a {} {} {} number {at}", words[0], words[1], words[2])),
        "price": (at * 37 % 100) as f64 + 0.5,
        "rating": (!at.is_multiple_of(7)).then_some(at % 5),
        "category": CATEGORIES[at % 3],
        "added": format!("2026-01-{:02}", at % 28 + 1),
        "sold_out": at.is_multiple_of(4),
    })
}

/// The products as a CSV file.
fn products(range: impl IntoIterator<Item = usize>) -> String {
    let columns = ["id", "name", "description", "price", "rating", "category", "added", "sold_out"];
    let mut out = columns.join(",");
    for at in range {
        let product = product(at);
        let cells = columns.map(|column| match &product[column] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let _ = write!(out, "\n{}", cells.join(","));
    }
    out + "\n"
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// JSON as a snapshot has it: what changes from run to run is blotted.
fn shown(value: &Value) -> String {
    blotted(&serde_json::to_string_pretty(value).unwrap())
}

fn blotted(text: &str) -> String {
    static CHANGING: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
            (r#"(timestamp"): \d{13}"#, "$1: <ms>"),
            (r"127\.0\.0\.1:\d+", "<host>"),
            (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ", "<instant>"),
        ]
        .map(|(pattern, blot)| (Regex::new(pattern).unwrap(), blot))
    });
    CHANGING.iter().fold(text.to_owned(), |text, (pattern, blot)| pattern.replace_all(&text, *blot).into_owned())
}
