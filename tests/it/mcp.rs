//! The tools, by the real program: JSON lines in, JSON lines out.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc;

use expect_test::expect;
use serde_json::{Value, json};

use crate::serve::{LIMIT, ended, lines};
use crate::support::Sandbox;

/// A session that has been opened. Its process is killed at the end, unless it was left before.
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: mpsc::Receiver<String>,
    /// What the server said of itself.
    server: Value,
    asked: u64,
}

impl Session {
    pub(crate) fn open(sandbox: &Sandbox) -> Self {
        let mut child = sandbox.command(&["mcp"]).stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = lines(child.stdout.take().unwrap());
        let mut session = Self { child, input, output, server: Value::Null, asked: 0 };
        let client = json!({ "name": "test", "version": "0" });
        let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
        session.server = session.ask("initialize", &params)["result"].take();
        session.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        session
    }

    fn write(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    /// What the server said of itself.
    pub(crate) fn server(&self) -> &Value {
        &self.server
    }

    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.send(method, params);
        let answer = self.answer();
        assert_eq!(answer["id"], self.asked, "{answer}");
        answer
    }

    /// Asks, and does not wait for the answer.
    pub(crate) fn send(&mut self, method: &str, params: &Value) {
        self.asked += 1;
        self.write(&json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params }));
    }

    /// The next answer, whichever question it is to. Every line of standard output is the protocol's.
    pub(crate) fn answer(&mut self) -> Value {
        serde_json::from_str(&self.output.recv_timeout(LIMIT).unwrap()).unwrap()
    }

    /// Kills it; the answers that it had given. A last line that was cut short is none.
    pub(crate) fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.output.iter().filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }))["result"].take()
    }

    /// Closes the input; the exit code.
    fn leave(mut self) -> Option<i32> {
        self.input = None;
        let code = ended(&mut self.child).code();
        assert!(self.output.recv_timeout(LIMIT).is_err(), "it said more than it was asked");
        code
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // One that was left is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_finds_five_tools_with_schemas() {
    let mut session = Session::open(&Sandbox::with_fixtures());
    assert_eq!(session.server["serverInfo"], json!({ "name": "nba", "version": env!("CARGO_PKG_VERSION") }));
    assert!(session.server["instructions"].as_str().unwrap().contains("recommend_action"));
    let tools = session.ask("tools/list", &json!({}))["result"]["tools"].take();
    let mut shown = String::new();
    for tool in tools.as_array().unwrap() {
        let schema = &tool["inputSchema"];
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)));
        assert_eq!(tool["annotations"]["readOnlyHint"], tool["name"] != "record_feedback");
        assert!(tool["description"].as_str().unwrap().len() > 100);
        let fields: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        for property in schema["properties"].as_object().unwrap().values() {
            assert!(property["description"].is_string(), "{property}");
        }
        shown += &format!("{}: {}\n", tool["name"].as_str().unwrap(), fields.join(" "));
        // A field that the schema does not have is refused, and the refusal lists those that are taken: the same.
        let refused = session.call(tool["name"].as_str().unwrap(), json!({ "nothing": 1 }));
        let text = refused["content"][0]["text"].as_str().unwrap();
        let mut taken: Vec<&str> = text.split('`').skip(3).step_by(2).collect();
        taken.sort_unstable();
        assert_eq!(taken, fields, "{text}");
    }
    expect![[r#"
        similar_tickets: every_ticket explain filter k min_similarity text ticket
        recommend_action: filter min_confidence text ticket
        record_feedback: action by edited_to recommendation ticket verdict
        search_index: all_rows columns explain filter index k row text type vector
        get_ticket: ticket
    "#]]
    .assert_eq(&shown);
    assert_eq!(session.leave(), Some(0));
}

#[test]
fn a_tool_answers_what_the_command_line_prints() {
    let sandbox = Sandbox::with_fixtures();
    let mut session = Session::open(&sandbox);
    let cases: [(&str, Value, &[&str]); 5] = [
        (
            "similar_tickets",
            json!({ "ticket": "TICKET-0042", "k": 2, "filter": "csat_score >= 4", "explain": true }),
            &["similar", "TICKET-0042", "-k", "2", "--filter", "csat_score >= 4", "--explain"],
        ),
        (
            "similar_tickets",
            json!({ "text": "sem sinal", "filter": { "category": "TECHNICAL" } }),
            &["similar", "--text", "sem sinal", "--filter", "{\"category\": \"TECHNICAL\"}"],
        ),
        ("recommend_action", json!({ "ticket": "TICKET-0042" }), &["recommend", "TICKET-0042"]),
        ("get_ticket", json!({ "ticket": "TICKET-0042" }), &["show", "TICKET-0042"]),
        (
            "search_index",
            json!({ "index": "steps", "text": "estorno", "type": "full_text", "k": 2, "columns": ["message"] }),
            &["search", "steps", "--text", "estorno", "--type", "full_text", "-k", "2", "--columns", "message"],
        ),
    ];
    let tools = session.ask("tools/list", &json!({}))["result"]["tools"].take();
    for (tool, arguments, args) in cases {
        let schema = tools.as_array().unwrap().iter().find(|one| one["name"] == tool).unwrap()["outputSchema"].clone();
        let result = session.call(tool, arguments);
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{tool}: {schema}");
        let faults = jsonschema::draft202012::validate(&schema, &result["structuredContent"]);
        faults.unwrap_or_else(|fault| panic!("{tool}: {fault}"));
        let printed = sandbox.nba(&[args, &["--json"]].concat()).json();
        assert_eq!(result["structuredContent"], printed, "{tool}");
        assert_eq!(result["isError"], false);
        let text = result["content"][0]["text"].as_str().unwrap();
        let first = ["/tickets/0/ticket_id", "/actions/0/id", "/rows/0/key", "/ticket_id"]
            .iter()
            .find_map(|at| printed.pointer(at));
        match first {
            Some(first) => assert!(text.contains(first.as_str().unwrap()), "{text}"),
            None => assert!(text.starts_with("No recommendation"), "{text}"),
        }
        assert!(text.len() < printed.to_string().len(), "{tool}: the text is not the compact one");
    }
    assert_eq!(session.leave(), Some(0));
}

#[test]
fn a_tool_that_fails_says_why_to_the_agent() {
    let mut session = Session::open(&Sandbox::with_fixtures());
    let failed = session.call("recommend_action", json!({ "ticket": "TICKET-9999" }));
    assert_eq!(failed["isError"], true);
    assert_eq!(failed["structuredContent"]["exit_code"], 2);
    assert_eq!(failed["structuredContent"]["error"], failed["content"][0]["text"]);
    assert!(failed["content"][0]["text"].as_str().unwrap().starts_with("no ticket `TICKET-9999` in this index"));
    for arguments in [json!({}), json!({ "ticket": "a", "text": "b" }), json!({ "ticket": 7 })] {
        assert_eq!(session.call("similar_tickets", arguments.clone())["isError"], true, "{arguments}");
    }
    let unknown = session.ask("tools/call", &json!({ "name": "close_ticket", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32602);
    assert!(session.call("similar_tickets", json!({ "ticket": "TICKET-0042" }))["isError"] == false);
}

#[test]
fn each_call_answers_from_the_newest_generation() {
    let sandbox = Sandbox::with_small_index();
    let mut session = Session::open(&sandbox);
    let generation = |session: &mut Session| {
        session.call("search_index", json!({ "index": "tickets", "text": "a", "k": 1 }))["structuredContent"]["generation"]
            .take()
    };
    assert_eq!(generation(&mut session), "g000001");
    sandbox.nba(&["index", "build", "--data", "desk", "--index", "index", "--model", "hashed", "--force"]).ok();
    assert_eq!(generation(&mut session), "g000002");
}

#[test]
fn what_is_no_client_ends_it() {
    // Nobody there.
    let outcome = Sandbox::with_fixtures().nba(&["mcp"]).ok();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    let outcome = Sandbox::new().nba(&["mcp"]).failed();
    assert_eq!(outcome.code, 7);
    assert!(outcome.stderr.contains("no index in index"), "{outcome:?}");
}
