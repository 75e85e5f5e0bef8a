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
    let query = move |name: &str, text: &str, preset: &Preset| {
        heard.lock().unwrap().push(format!("{name} {text:?} {preset:?}"));
        if text == "fail" {
            return Err(Error::argument("filters", "made up"));
        }
        let row = |id: &str, score: f64| {
            let mut row = Map::from_iter([("id".to_owned(), json!(id)), ("text".to_owned(), Value::Null)]);
            if preset.include_score {
                row.insert("score".to_owned(), json!(score));
            }
            row
        };
        Ok(vec![row("a", 0.5), row("b", 0.25)])
    };
    (Directory { list: Arc::new(list), query: Arc::new(query) }, asked)
}

/// The answer of a URL to one message.
fn told(directory: &Directory, path: &str, message: &Value) -> (StatusCode, Value) {
    let (directory, message, path) = (directory.clone(), message.to_string(), path.to_owned());
    let runtime = background::runtime(1).unwrap();
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
    expect![[r#"{"annotations":{"idempotentHint":true,"openWorldHint":false,"readOnlyHint":true},"description":"Searches notes.","inputSchema":{"properties":{"query":{"description":"What to look for, in words.","type":"string"}},"required":["query"],"type":"object"},"name":"main__docs__notes"}"#]].assert_eq(&tools["result"]["tools"][0].to_string());
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
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": "what" } }),
        expect![[r#"
        main.docs.pages "what" Preset { num_results: 5, filters: None, query_type: None, columns: None, columns_to_rerank: None, include_score: false, score_threshold: None }
        {"content":[{"text":"[{\"id\":\"a\",\"text\":null},{\"id\":\"b\",\"text\":null}]","type":"text"}],"isError":false}"#]],
    );
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
        expect![[r#"
            main.docs.notes "what" Preset { num_results: 3, filters: Some("{\"id\": 1}"), query_type: Some("HYBRID"), columns: Some(["id", "text"]), columns_to_rerank: Some(["text"]), include_score: true, score_threshold: Some(0.1) }
            {"content":[{"text":"[{\"id\":\"a\",\"score\":0.5,\"text\":null},{\"id\":\"b\",\"score\":0.25,\"text\":null}]","type":"text"}],"isError":false}"#]],
    );
    check(
        json!({
            "name": "main__docs__notes",
            "arguments": { "query": "what" },
            "_meta": { "num_results": 2, "filters": { "id": 1 }, "include_score": true, "score_threshold": 0.5, "columns": null },
        }),
        expect![[r#"
            main.docs.notes "what" Preset { num_results: 2, filters: Some("{\"id\":1}"), query_type: None, columns: None, columns_to_rerank: None, include_score: true, score_threshold: Some(0.5) }
            {"content":[{"text":"[{\"id\":\"a\",\"score\":0.5,\"text\":null},{\"id\":\"b\",\"score\":0.25,\"text\":null}]","type":"text"}],"isError":false}"#]],
    );
}

#[test]
fn what_is_wrong_is_said_to_the_agent() {
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": "fail" } }),
        expect![[r#"
        main.docs.pages "fail" Preset { num_results: 5, filters: None, query_type: None, columns: None, columns_to_rerank: None, include_score: false, score_threshold: None }
        {"content":[{"text":"filters: made up","type":"text"}],"isError":true}"#]],
    );
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": " " } }),
        expect![[r#"

        {"content":[{"text":"query: give a text to look for","type":"text"}],"isError":true}"#]],
    );
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": "a", "num_results": 3 } }),
        expect![[r#"

        {"content":[{"text":"arguments: `num_results`: there is no such argument; the tool takes `query`, and what is set beforehand is in `_meta`","type":"text"}],"isError":true}"#]],
    );
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": "a" }, "_meta": { "num_results": 0 } }),
        expect![[r#"

            {"content":[{"text":"num_results: 0 is no whole number from 1 to 10000","type":"text"}],"isError":true}"#]],
    );
    check(
        json!({ "name": "main__docs__pages", "arguments": { "query": "a" }, "_meta": { "include_score": "yes" } }),
        expect![[r#"

            {"content":[{"text":"include_score: \"yes\" is not true or false","type":"text"}],"isError":true}"#]],
    );
    check(
        json!({ "name": "main__docs__none", "arguments": { "query": "a" } }),
        expect![[r#"

        {"code":-32602,"message":"no tool `main__docs__none`; `tools/list` names those there are"}"#]],
    );
}
