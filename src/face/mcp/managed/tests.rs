//! The protocol's side against a made-up directory.

use std::sync::Mutex;

use axum::body::to_bytes;
use axum::http::StatusCode;
use expect_test::{Expect, expect};

use super::*;
use crate::face::background;

/// What was asked of the directory.
type Asked = Arc<Mutex<Vec<String>>>;

fn directory() -> (Directory, Asked) {
    let asked = Asked::default();
    let heard = Arc::clone(&asked);
    let list = |catalog: &str, schema: &str| {
        let names = match (catalog, schema) {
            ("main", "docs") => &["pages", "notes"][..],
            _ => &[],
        };
        let tool = |name: &&str| IndexTool {
            full_name: format!("{catalog}.{schema}.{name}"),
            description: format!("Searches {name}."),
        };
        Ok(names.iter().map(tool).collect())
    };
    let query = move |name: &str, text: &str, presets: &Presets| {
        heard.lock().unwrap().push(format!("{name} {text:?} {presets:?}"));
        if text == "fail" {
            return Err(Error::argument("filters", "made up"));
        }
        Ok(json!({
            "manifest": { "columns": [{ "name": "id" }, { "name": "text" }, { "name": "score" }] },
            "result": { "data_array": [["a", "first", 0.5], ["b", null, 0.25]] },
        }))
    };
    (Directory { list: Arc::new(list), query: Arc::new(query) }, asked)
}

/// The answer of a URL to one message.
fn told(directory: &Directory, path: &str, message: &Value) -> (StatusCode, Value) {
    let (directory, message, path) = (directory.clone(), message.to_string(), path.to_owned());
    let runtime = background::runtime().unwrap();
    runtime.block_on(async move {
        let mut server = router(directory).into_service::<Body>();
        let request = Request::post(path)
            .header("host", "localhost")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .body(Body::from(message))
            .unwrap();
        let response = tower_service::Service::call(&mut server, request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    })
}

fn ask(directory: &Directory, path: &str, method: &str, params: Value) -> Value {
    let (status, answer) =
        told(directory, path, &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

fn check(params: Value, expected: Expect) {
    let (directory, asked) = directory();
    let answer = ask(&directory, "/api/2.0/mcp/ai-search/main/docs", "tools/call", params);
    let asked = asked.lock().unwrap().join("\n");
    let shown = answer.get("result").or_else(|| answer.get("error")).unwrap();
    expected.assert_eq(&format!("{asked}\n{shown}"));
}

#[test]
fn a_schema_lists_its_indexes_and_an_index_itself() {
    let (directory, _) = directory();
    for prefix in PREFIXES {
        let names = |path: &str| {
            let answer = ask(&directory, &format!("{prefix}/{path}"), "tools/list", json!({}));
            let tools = answer["result"]["tools"].as_array().cloned().unwrap_or_default();
            tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("main/docs"), ["main__docs__pages", "main__docs__notes"]);
        assert_eq!(names("main/docs/notes"), ["main__docs__notes"]);
        assert!(names("main/other").is_empty());
        let missing = ask(&directory, &format!("{prefix}/main/docs/none"), "tools/list", json!({}));
        assert_eq!(missing["error"]["message"], "index: there is no index `main.docs.none`");
    }
    let tools = ask(&directory, "/api/2.0/mcp/ai-search/main/docs/notes", "tools/list", json!({}));
    expect![[r#""#]].assert_eq(&tools["result"]["tools"][0].to_string());
}

#[test]
fn a_session_begins_as_clients_begin_it() {
    let (directory, _) = directory();
    let path = "/api/2.0/mcp/vector-search/main/docs";
    let client = json!({ "name": "test", "version": "0" });
    let begun = ask(
        &directory,
        path,
        "initialize",
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client }),
    );
    assert_eq!(begun["result"]["serverInfo"]["name"], "nba");
    assert_eq!(begun["result"]["protocolVersion"], "2025-06-18");
    let (status, _) = told(&directory, path, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    assert_eq!(status, StatusCode::ACCEPTED);
}

#[test]
fn a_call_finds_rows() {
    check(json!({ "name": "main__docs__pages", "arguments": { "query": "what" } }), expect![[r#""#]]);
    check(
        json!({
            "name": "main__docs__notes",
            "arguments": { "query": "what" },
            "_meta": {
                "num_results": "3",
                "filters": "{\"id\": 1}",
                "query_type": "HYBRID",
                "columns": "id, text",
                "columns_to_rerank": "text",
                "include_score": "true",
                "score_threshold": "0.1",
                "progressToken": 7,
            },
        }),
        expect![[r#""#]],
    );
    check(
        json!({
            "name": "main__docs__notes",
            "arguments": { "query": "what" },
            "_meta": { "num_results": 2, "filters": { "id": 1 }, "include_score": true, "score_threshold": 0.5, "columns": null },
        }),
        expect![[r#""#]],
    );
}

#[test]
fn what_is_wrong_is_said_to_the_agent() {
    check(json!({ "name": "main__docs__pages", "arguments": { "query": "fail" } }), expect![[r#""#]]);
    check(json!({ "name": "main__docs__pages", "arguments": { "query": " " } }), expect![[r#""#]]);
    check(json!({ "name": "main__docs__pages", "arguments": { "query": "a", "num_results": 3 } }), expect![[r#""#]]);
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": "a" }, "_meta": { "num_results": 0 } }),
        expect![[r#""#]],
    );
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": "a" }, "_meta": { "include_score": "yes" } }),
        expect![[r#""#]],
    );
    check(json!({ "name": "main__docs__none", "arguments": { "query": "a" } }), expect![[r#""#]]);
}
