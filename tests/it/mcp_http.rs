//! The tools over HTTP: the same as at standard input, without sessions, and those of the managed URLs.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use expect_test::expect;
use serde_json::{Value, json};

use crate::mcp::Session;
use crate::serve::{LIMIT, Server};
use crate::support::{Sandbox, small_ticket};

const DESK: &str = "/mcp";
const MANAGED: &str = "/api/2.0/mcp/ai-search/main/support";

/// Head and body of an answer to a request with these headers.
fn told(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

/// The answer to one message, as a client sends it.
fn ask(server: &Server, path: &str, method: &str, params: &Value) -> Value {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let headers = [
        ("host", server.address()),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
    ];
    let (head, body) = told(server, "POST", path, &headers, &message.to_string());
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: application/json"), "{head}\n{body}");
    assert!(!head.contains("mcp-session-id"), "{head}");
    serde_json::from_str(&body).unwrap()
}

fn call(server: &Server, path: &str, tool: &str, arguments: &Value) -> Value {
    ask(server, path, "tools/call", &json!({ "name": tool, "arguments": arguments }))["result"].take()
}

#[test]
fn tools_over_http_are_those_at_standard_input() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let mut session = Session::open(&sandbox);
    let client = json!({ "name": "test", "version": "0" });
    let begun = ask(
        &server,
        DESK,
        "initialize",
        &json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client }),
    );
    assert_eq!(begun["result"], *session.server());
    assert_eq!(
        ask(&server, DESK, "tools/list", &json!({}))["result"]["tools"],
        session.ask("tools/list", &json!({}))["result"]["tools"]
    );
    let calls = [
        ("similar_tickets", json!({ "ticket": "TICKET-0042", "k": 3 })),
        ("recommend_action", json!({ "text": "maquininha sem sinal" })),
        ("search_index", json!({ "index": "steps", "text": "estorno", "type": "full_text", "k": 2 })),
        ("get_ticket", json!({ "ticket": "TICKET-0042" })),
        ("get_ticket", json!({ "ticket": "TICKET-9999" })),
    ];
    for (tool, arguments) in calls {
        assert_eq!(call(&server, DESK, tool, &arguments), session.call(tool, arguments), "{tool}");
    }
}

#[test]
fn a_verdict_over_http_is_kept() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    let ticket = small_ticket(true);
    let verdict = json!({ "ticket": ticket, "action": "ASK_DOCUMENTS", "verdict": "accepted" });
    let kept = call(&server, DESK, "record_feedback", &verdict);
    assert_eq!(kept["isError"], false, "{kept}");
    let listed = sandbox.nba(&["feedback", "--list", "--json"]).json();
    assert_eq!((&listed["records"], &listed["actions"][0]["accepted"]), (&json!(1), &json!(1)));
}

#[test]
fn a_token_that_may_only_ask_records_nothing() {
    let sandbox = Sandbox::with_small_index();
    let secrets = ["reader", "writer"].map(|name| (name, name.repeat(6)));
    sandbox.write("tokens", format!("r read {}\nw write {}\n", secrets[0].1, secrets[1].1));
    sandbox.sh("chmod 600 tokens").ok();
    let server = Server::start_with(&sandbox, &["--tokens", "tokens"]);
    let ticket = small_ticket(true);
    let message = |tool: &str, arguments: Value| {
        let params = json!({ "name": tool, "arguments": arguments });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
    };
    let (show, keep) = (
        message("get_ticket", json!({ "ticket": ticket })),
        message("record_feedback", json!({ "ticket": ticket, "action": "ASK_DOCUMENTS", "verdict": "accepted" })),
    );
    for (name, secret) in &secrets {
        let headers = format!(
            "accept: application/json, text/event-stream\r\ncontent-type: application/json\r\nauthorization: Bearer {secret}\r\n"
        );
        assert_eq!(server.send("POST", DESK, &headers, &show).json()["result"]["isError"], false, "{name}");
        let kept = server.send("POST", DESK, &headers, &keep).json();
        assert_eq!(kept["result"]["isError"], *name == "reader", "{kept}");
        let records = sandbox.nba(&["feedback", "--list", "--json"]).json()["records"].take();
        assert_eq!(records, usize::from(*name == "writer"));
    }
    assert_eq!(server.send("POST", DESK, "content-type: application/json\r\n", &show).status, 401);
}

#[test]
fn what_is_no_message_is_refused() {
    let server = Server::start(&Sandbox::with_fixtures());
    let host = ("host", server.address());
    let (json, both) = (("content-type", "application/json"), ("accept", "application/json, text/event-stream"));
    let mut found = String::new();
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, &str, Headers<'_>, &str); 8] = [
        ("GET", DESK, &[host, both], ""),
        ("DELETE", DESK, &[host, both], ""),
        ("POST", DESK, &[host, json], "{}"),
        ("POST", DESK, &[host, both], "{}"),
        ("POST", DESK, &[host, json, both], "not json"),
        ("POST", DESK, &[("host", "evil.example"), json, both], "{}"),
        ("POST", DESK, &[host, ("origin", "https://evil.example"), json, both], "{}"),
        ("GET", MANAGED, &[host, both], ""),
    ];
    for (method, path, headers, body) in cases {
        let (head, _) = told(&server, method, path, headers, body);
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let _ = writeln!(found, "{method} {path} {} {body}: {}", names.join(" "), head.lines().next().unwrap());
    }
    expect![[r#"
        GET /mcp host accept : http/1.1 405 method not allowed
        DELETE /mcp host accept : http/1.1 405 method not allowed
        POST /mcp host content-type {}: http/1.1 406 not acceptable
        POST /mcp host accept {}: http/1.1 415 unsupported media type
        POST /mcp host content-type accept not json: http/1.1 415 unsupported media type
        POST /mcp host content-type accept {}: http/1.1 403 forbidden
        POST /mcp host origin content-type accept {}: http/1.1 403 forbidden
        GET /api/2.0/mcp/ai-search/main/support host accept : http/1.1 405 method not allowed
    "#]]
    .assert_eq(&found);
    let large = format!("{{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"{}\"}}", "x".repeat(3 << 20));
    let (head, _) = told(&server, "POST", DESK, &[host, json, both], &large);
    assert!(head.starts_with("http/1.1 413"), "{head}");
}

#[test]
fn the_managed_urls_search_the_desks_indexes() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let names = |path: &str| {
        let tools = ask(&server, path, "tools/list", &json!({}))["result"]["tools"].take();
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let both = ["main__support__tickets", "main__support__steps"];
    assert_eq!(names(MANAGED), both);
    assert_eq!(names("/api/2.0/mcp/vector-search/main/support"), both);
    assert_eq!(names(&format!("{MANAGED}/steps")), both[1..]);
    assert!(names("/api/2.0/mcp/ai-search/main/other").is_empty());

    let asked = json!({
        "name": "main__support__steps",
        "arguments": { "query": "estorno" },
        "_meta": {
            "num_results": "3",
            "query_type": "full_text",
            "filters": "{\"category\": \"FINANCIAL\"}",
            "columns": "step_id,action",
            "include_score": "true",
        },
    });
    let answer = ask(&server, MANAGED, "tools/call", &asked)["result"].take();
    assert_eq!(answer["isError"], false, "{answer}");
    let found: Vec<Value> = serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap();
    let args = ["search", "steps", "--text", "estorno", "--type", "full_text", "-k", "3", "--every-row", "--json"];
    let rest = ["--filter", "category = 'FINANCIAL'", "--columns", "step_id,action"];
    let printed = sandbox.nba(&[&args[..], &rest].concat()).json();
    let expected: Vec<(&Value, &Value)> = printed["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["columns"]["step_id"], &row["columns"]["action"]))
        .collect();
    assert_eq!(found.iter().map(|row| (&row["step_id"], &row["action"])).collect::<Vec<_>>(), expected);
    assert!(found.len() == 3 && found.iter().all(|row| row["score"].is_number()), "{found:?}");

    // By default five rows by meaning, with all columns and without their scores.
    let answer = call(&server, MANAGED, "main__support__tickets", &json!({ "query": "a maquininha não liga" }));
    let found: Vec<Value> = serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap();
    assert!(found.len() == 5 && found.iter().all(|row| row["score"].is_null() && row["subject"].is_string()));

    let failed = json!({ "name": both[0], "arguments": { "query": "a" }, "_meta": { "filters": "nope = 1" } });
    let failed = ask(&server, MANAGED, "tools/call", &failed)["result"].take();
    assert_eq!(failed["isError"], true);
    assert!(failed["content"][0]["text"].as_str().unwrap().starts_with("no column `nope`"), "{failed}");
}
