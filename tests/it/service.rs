//! The server as a service: who may ask, how much it takes on, what it notes, how it is told to change.

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};

use crate::serve::{Answer, LIMIT, Server, ended};
use crate::support::{Sandbox, small_ticket, stop};

const READ: &str = "0123456789abcdef0123456789abcdef-read";
const WRITE: &str = "0123456789abcdef0123456789abcdef-write";
/// A CPF, a card and an address, which no log may hold.
const CPF: &str = "529.982.247-25";
const BARE_CPF: &str = "52998224725";

fn with_tokens() -> Sandbox {
    let sandbox = Sandbox::with_small_index();
    secret(&sandbox, &format!("reader read {READ}\nwriter write {WRITE}\n"));
    sandbox
}

/// Writes a file of tokens that its owner alone may read.
fn secret(sandbox: &Sandbox, text: &str) {
    sandbox.write("tokens", text);
    sandbox.sh("chmod 600 tokens").ok();
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// Looks again and again until something is so.
#[track_caller]
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let step = Duration::from_millis(50);
    for _ in 0..LIMIT.as_millis() / step.as_millis() {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(step);
    }
    panic!("it did not happen");
}

fn wait_ready(server: &Server) {
    until(|| (server.ask("GET", "/readyz", "").0 == 200).then_some(()));
}

/// The lines of a log.
fn logged(sandbox: &Sandbox, file: &str) -> Vec<Value> {
    sandbox.read(file).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_token_allows_what_its_scope_says() {
    let sandbox = with_tokens();
    let server = Server::start_with(&sandbox, &["--tokens", "tokens"]);
    let status = |method: &str, path: &str, token: Option<&str>| {
        server.send(method, path, &token.map(bearer).unwrap_or_default(), "{}").status
    };
    for path in ["/healthz", "/readyz"] {
        assert!(matches!(status("GET", path, None), 200 | 503), "{path}");
    }
    for path in ["/v1/status", "/metrics", "/openapi.json"] {
        assert_eq!(status("GET", path, None), 401, "{path}");
        assert_eq!(status("GET", path, Some("wrong")), 401, "{path}");
        assert_eq!(status("GET", path, Some(READ)), 200, "{path}");
        assert_eq!(status("GET", path, Some(WRITE)), 200, "{path}");
    }
    assert_eq!(status("POST", "/v1/similar", Some(READ)), 400, "it is read, and found wrong");
    assert_eq!(status("POST", "/v1/reload", Some(READ)), 403);
    assert_eq!(status("POST", "/v1/reload", Some(WRITE)), 200);
    assert_eq!(status("POST", "/v1/feedback", Some(READ)), 403);
    // With tokens, a page of another site has nothing to go by.
    let named = server.send("GET", "/v1/status", &format!("{}origin: https://a.example\r\n", bearer(READ)), "");
    assert_eq!(named.status, 200, "{named:?}");

    let mut told = String::new();
    for (method, path, headers) in [
        ("GET", "/v1/status", String::new()),
        ("GET", "/v1/status", bearer("wrong")),
        ("GET", "/v1/status", "authorization: Basic QQ==\r\n".to_owned()),
        ("GET", "/v1/status", format!("{}{}", bearer(READ), bearer(WRITE))),
        ("POST", "/v1/reload", bearer(READ)),
        ("GET", "/api/2.0/vector-search/indexes/main.support.tickets", String::new()),
        ("DELETE", "/api/2.0/vector-search/indexes/main.support.tickets", bearer(READ)),
    ] {
        let answer = server.send(method, path, &headers, "");
        let demanded = answer.header("www-authenticate").unwrap_or("-");
        told.push_str(&format!("{method} {path} {} {demanded} {}\n", answer.status, answer.body));
    }
    expect![[r#"
        GET /v1/status 401 bearer {"error":"give a token: `Authorization: Bearer TOKEN`","exit_code":2}
        GET /v1/status 401 bearer {"error":"no such token; it may have been replaced","exit_code":2}
        GET /v1/status 401 bearer {"error":"give a token: `Authorization: Bearer TOKEN`","exit_code":2}
        GET /v1/status 401 bearer {"error":"give a token: `Authorization: Bearer TOKEN`","exit_code":2}
        POST /v1/reload 403 - {"error":"this needs the scope `write`, and the token has `read`","exit_code":2}
        GET /api/2.0/vector-search/indexes/main.support.tickets 401 bearer {"error_code":"UNAUTHENTICATED","message":"give a token: `Authorization: Bearer TOKEN`"}
        DELETE /api/2.0/vector-search/indexes/main.support.tickets 403 - {"error_code":"PERMISSION_DENIED","message":"this needs the scope `write`, and the token has `read`"}
    "#]]
    .assert_eq(&told);
}

#[test]
fn tokens_are_read_again_when_told() {
    let sandbox = with_tokens();
    let server = Server::start_with(&sandbox, &["--tokens", "tokens"]);
    let status = |token: &str| server.send("GET", "/v1/status", &bearer(token), "").status;
    let new = "a-new-token-of-more-than-32-characters";
    secret(&sandbox, &format!("writer write {WRITE}\nnew read {new}\n"));
    assert_eq!((status(READ), status(new)), (200, 401));
    assert_eq!(server.send("POST", "/v1/reload", &bearer(WRITE), "").status, 200);
    assert_eq!((status(READ), status(new)), (401, 200));

    // A faulty file changes nothing.
    secret(&sandbox, "writer admin x");
    let answer = server.send("POST", "/v1/reload", &bearer(WRITE), "");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("tokens: line 1: the scope is `read` or `write`"), "{answer:?}");
    assert_eq!(status(new), 200);
    secret(&sandbox, &format!("reader read {READ}\n"));
    sandbox.sh(&format!("kill -HUP {}", server.id())).ok();
    until(|| (status(READ) == 200).then_some(()));
    assert_eq!(status(new), 401);
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let sandbox = with_tokens();
    let shown = |args: &[&str]| sandbox.shown(&sandbox.nba(&[&["serve", "--index", "index"], args].concat()));
    expect![[r#"
        exit 5
        --- stderr
        error: failed to open file `none`: No such file or directory (os error 2)
    "#]]
    .assert_eq(&shown(&["--tokens", "none"]));
    sandbox.sh("chmod 640 tokens").ok();
    expect![[r#"
        exit 5
        --- stderr
        error: tokens: it holds tokens as they are, and others may read it; `chmod 600` it, or write them as sha256:HEX
    "#]]
    .assert_eq(&shown(&["--tokens", "tokens"]));
    expect![[r#"
        exit 2
        --- stderr
        error: --tls-cert: a certificate and a key go together; give --tls-key too, or neither
    "#]]
    .assert_eq(&shown(&["--tls-cert", "cert.pem"]));
    expect![[r#"
        exit 5
        --- stderr
        error: failed to open file `no/folder/log`: No such file or directory (os error 2)
    "#]]
    .assert_eq(&shown(&["--access-log", "no/folder/log"]));
    sandbox.write("nba.toml", "[serve]\nuri_bytes = 100000\n");
    expect![[r#"
        exit 5
        --- stderr
        error: nba.toml: serve.uri_bytes must be between 64 and 65534
    "#]]
    .assert_eq(&shown(&[]));
}

#[test]
fn each_limit_has_its_answer() {
    let sandbox = Sandbox::with_small_index();
    sandbox.write(
        "nba.toml",
        "[serve]\nbody_kb = 4\ndatabricks_body_kb = 8\nuri_bytes = 200\nhead_kb = 8\nheaders = 12\ntext_kb = 1\ntexts = 2\n\
         head_seconds = 1\nbody_seconds = 1\n",
    );
    let server = Server::start(&sandbox);
    let long = "a".repeat(1025);
    let mut told = String::new();
    for (path, body) in [
        ("/v1/similar", json!({ "text": long }).to_string()),
        ("/v1/search", json!({ "index": "tickets", "text": long }).to_string()),
        ("/v1/embed", json!({ "texts": ["a", long] }).to_string()),
        ("/v1/embed", json!({ "texts": [] }).to_string()),
        ("/v1/embed", json!({ "texts": ["a", "b", "c"] }).to_string()),
        ("/v1/embed", json!({ "texts": ["a", " "] }).to_string()),
        ("/v1/mask", json!({ "text": long }).to_string()),
        ("/v1/mask", json!({ "text": "a", "texts": ["b"] }).to_string()),
        ("/v1/similar", " ".repeat(4097)),
        ("/api/2.0/vector-search/indexes/tickets/query", " ".repeat(8193)),
        (&format!("/v1/{}", "x".repeat(300)), String::new()),
        (&format!("/api/{}", "x".repeat(300)), String::new()),
    ] {
        let answer = server.send("POST", path, "", body);
        let path = path.split("xx").next().unwrap();
        told.push_str(&format!("{path} {} {}\n", answer.status, answer.body));
    }
    expect![[r#"
        /v1/similar 400 {"error":"text: a text of 1025 bytes; 1024 are the most","exit_code":2}
        /v1/search 400 {"error":"text: a text of 1025 bytes; 1024 are the most","exit_code":2}
        /v1/embed 400 {"error":"texts: a text of 1025 bytes; 1024 are the most","exit_code":2}
        /v1/embed 400 {"error":"texts: 0 texts; give 1 to 2","exit_code":2}
        /v1/embed 400 {"error":"texts: 3 texts; give 1 to 2","exit_code":2}
        /v1/embed 400 {"error":"text: text 2 of 2 is empty; give at least one word","exit_code":2}
        /v1/mask 400 {"error":"text: a text of 1025 bytes; 1024 are the most","exit_code":2}
        /v1/mask 400 {"error":"text: give `text` or `texts`, one of them","exit_code":2}
        /v1/similar 413 {"error":"the body is larger than 4096 bytes","exit_code":2}
        /api/2.0/vector-search/indexes/tickets/query 413 {"error_code":"INVALID_PARAMETER_VALUE","message":"the body is larger than 8192 bytes"}
        /v1/ 414 {"error":"a URI of 304 bytes; 200 are the most","exit_code":2}
        /api/ 414 {"error_code":"INVALID_PARAMETER_VALUE","message":"a URI of 305 bytes; 200 are the most"}
    "#]]
    .assert_eq(&told);
    assert_eq!(server.send("POST", "/api/2.0/x", "", " ".repeat(8192)).status, 404, "the largest there is read");

    let host = server.address();
    let get = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    assert_eq!(Answer::of(&server.raw(format!("{get}{}\r\n", "a: b\r\n".repeat(20)).as_bytes())).status, 431);
    assert_eq!(Answer::of(&server.raw(format!("{get}a: {}\r\n\r\n", "b".repeat(9000)).as_bytes())).status, 431);
    // A chunked body has no length that it could be refused by at once.
    let post =
        format!("POST /v1/mask HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("800\r\n{}\r\n", " ".repeat(2048));
    assert_eq!(Answer::of(&server.raw(format!("{post}{}0\r\n\r\n", chunk.repeat(3)).as_bytes())).status, 413);

    // Who sends slowly is told, and who only waits is not.
    let mut slow = server.connect();
    slow.write_all(b"GET /healthz HTT").unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    assert_eq!(
        Answer::of(&text).json(),
        json!({ "error": "the head of the request took too long to come", "exit_code": 2 })
    );
    assert_eq!(Answer::of(&text).status, 408);
    let mut idle = server.connect();
    text.clear();
    idle.read_to_string(&mut text).unwrap();
    assert_eq!(text, "");
    let mut slow = server.connect();
    slow.write_all(
        format!("POST /v1/mask HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{{")
            .as_bytes(),
    )
    .unwrap();
    text.clear();
    slow.read_to_string(&mut text).unwrap();
    let answer = Answer::of(&text);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (408, Some("the body took longer than 1 s to come")));
    let metrics = server.send("GET", "/metrics", "", "").body;
    assert!(metrics.contains("nba_http_connection_faults_total{kind=\"slow\"} "), "{metrics}");
}

#[test]
fn a_body_may_be_as_large_as_its_route_allows() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    let query = "/api/2.0/vector-search/indexes/main.support.tickets/query";
    let mut body = json!({ "columns": ["ticket_id"], "query_text": "estorno", "num_results": 1 }).to_string();
    body.push_str(&" ".repeat(11 << 20));
    assert_eq!(server.send("POST", query, "", &body).status, 200);
    body.push_str(&" ".repeat(2 << 20));
    assert_eq!(server.send("POST", query, "", &body).status, 413);
}

#[test]
fn a_uri_as_long_as_the_library_reads_is_read() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    let of_length = |length: usize| format!("/healthz?{}", "a".repeat(length - "/healthz?".len()));
    assert_eq!(server.send("GET", &of_length(65_534), "", "").status, 200);
    let mut stream = server.connect();
    stream
        .write_all(format!("GET {} HTTP/1.1\r\nhost: {}\r\n\r\n", of_length(65_535), server.address()).as_bytes())
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(Answer::of(&text).status, 414);
}

#[test]
fn more_connections_than_may_be_are_refused() {
    let sandbox = Sandbox::with_small_index();
    sandbox.write("nba.toml", "[serve]\nconnections = 2\n");
    let server = Server::start(&sandbox);
    let held = [server.connect(), server.connect()];
    let refused = Answer::of(&server.raw(b""));
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.json(), json!({ "error": "too many connections are open; ask again", "exit_code": 6 }));
    drop(held);
    until(|| {
        let mut stream = server.connect();
        // Both fail where the server has refused this one already.
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut text = String::new();
        let read = asked.and_then(|()| stream.read_to_string(&mut text));
        (read.is_ok() && text.starts_with("HTTP/1.1 200")).then_some(())
    });
}

#[test]
fn requests_have_ids_and_logs_have_no_personal_data() {
    let sandbox = with_tokens();
    let logs = ["--tokens", "tokens", "--access-log", "access.log", "--query-log", "queries.log"];
    let mut server = Server::start_with(&sandbox, &logs);
    wait_ready(&server);
    let text = format!("meu CPF é {CPF}, e-mail iara@loja.example");
    let ask = |path: &str, body: Value| {
        let headers = format!("{}x-request-id: the-client.s_own-1\r\n", bearer(READ));
        let answer = server.send("POST", path, &headers, body.to_string());
        assert_eq!(answer.header("x-request-id"), Some("the-client.s_own-1"), "{answer:?}");
        answer
    };
    let filter = format!("customer_id = '{BARE_CPF}' OR category = 'FINANCIAL'");
    assert_eq!(ask("/v1/similar", json!({ "text": text, "k": 2, "filter": filter })).status, 200);
    assert_eq!(ask("/v1/recommend", json!({ "text": text })).status, 200);
    let searched = ask("/v1/search", json!({ "index": "tickets", "text": text, "type": "full_text", "k": 3 }));
    assert_eq!(searched.status, 200);
    assert_eq!(ask("/v1/mask", json!({ "text": text })).status, 200);
    assert_eq!(ask("/v1/similar", json!({ "ticket": BARE_CPF })).status, 404);
    assert_eq!(ask(&format!("/v1/{BARE_CPF}"), json!({})).status, 403);
    for (method, path) in
        [("GET", format!("/v1/status?cpf={CPF}")), (BARE_CPF, "/v1/status".to_owned()), ("GET", format!("/{CPF}"))]
    {
        let answer = server.send(method, &path, &format!("user-agent: {CPF}\r\nx-request-id: {CPF} !\r\n"), "");
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() > 16 && !id.contains(CPF), "{answer:?}");
    }
    // One that goes away before its end is noted too.
    let mut gone = server.connect();
    gone.write_all(
        format!("POST /v1/mask HTTP/1.1\r\nhost: a\r\n{}content-length: 9\r\n\r\n{{", bearer(READ)).as_bytes(),
    )
    .unwrap();
    until(|| server.send("GET", "/metrics", &bearer(READ), "").body.contains("nba_http_connections 2").then_some(()));
    drop(gone);
    let broke_off = |line: &Value| line["route"] == "/v1/mask" && line["status"] == 400;
    until(|| logged(&sandbox, "access.log").iter().any(broke_off).then_some(()));

    // What is moved away is left alone once the server is told.
    sandbox.sh("mv access.log access.log.1").ok();
    stop(server.child(), "-HUP");
    until(|| sandbox.path("access.log").is_file().then_some(()));
    assert_eq!(server.send("GET", "/healthz", "", "").status, 200);
    stop(server.child(), "-TERM");
    assert_eq!(ended(server.child()).code(), Some(0));
    assert_eq!(
        logged(&sandbox, "access.log").last().unwrap()["route"],
        "/healthz",
        "what was noted is written at the end"
    );

    for file in ["access.log.1", "access.log", "queries.log", "stderr"] {
        let text = sandbox.read(file);
        for personal in [CPF, BARE_CPF, "iara@loja.example"] {
            assert!(!text.contains(personal), "{file}: {text}");
        }
    }
    let access = logged(&sandbox, "access.log.1");
    let similar = access.iter().find(|line| line["route"] == "/v1/similar").unwrap();
    assert_eq!(similar["id"], "the-client.s_own-1");
    assert_eq!((&similar["method"], &similar["status"]), (&json!("POST"), &json!(200)));
    assert_eq!((&similar["token"], &similar["generation"]), (&json!("reader"), &json!("g000001")));
    assert!(similar["bytes_in"].as_u64().unwrap() > 50 && similar["bytes_out"].as_u64().unwrap() > 100, "{similar}");
    assert!(similar["ms"].as_f64().unwrap() > 0.0 && similar["at"].as_str().unwrap().ends_with('Z'));
    assert!(access.iter().any(|line| line["route"] == "unmatched" && line["token"].is_null()));
    assert!(access.iter().any(|line| line["method"] == "other"));

    let queries = logged(&sandbox, "queries.log");
    let routes: Vec<&str> = queries.iter().map(|line| line["route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["/v1/similar", "/v1/recommend", "/v1/search"]);
    assert_eq!(queries[0]["question"], "meu CPF é [CPF], e-mail [EMAIL]");
    assert_eq!(queries[0]["filter"], json!(["category", "customer_id"]));
    assert_eq!((&queries[0]["k"], &queries[2]["kind"]), (&json!(2), &json!("full_text")));
    let keys = |rows: &Value| rows.as_array().unwrap().iter().map(|row| row["key"].clone()).collect::<Vec<_>>();
    assert_eq!(queries[2]["found"], json!(keys(&searched.json()["rows"])));
}

#[test]
fn metrics_tell_requests_stages_and_what_serves() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    wait_ready(&server);
    for _ in 0..2 {
        server.post(
            "/v1/similar",
            &json!({ "text": "estorno não caiu", "filter": "category = 'FINANCIAL'", "explain": true }),
        );
    }
    server.post("/v1/recommend", &json!({ "text": "estorno não caiu" }));
    server.ask("POST", "/v1/similar", "{");
    server.ask("GET", "/some/path/of/a/client", "");
    let answer = server.send("GET", "/metrics", "", "");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let value = |name: &str| -> f64 {
        let line = answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {}", answer.body)).parse().unwrap()
    };
    let requests = |route: &str, method: &str, status: u16| {
        value(&format!("nba_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}"))
    };
    assert_eq!(requests("/v1/similar", "POST", 200), 2.0);
    assert_eq!(requests("/v1/similar", "POST", 400), 1.0);
    assert_eq!(requests("unmatched", "GET", 404), 1.0);
    assert!(!answer.body.contains("some/path"), "{}", answer.body);
    assert_eq!(value("nba_http_request_seconds_count{route=\"/v1/similar\"}"), 3.0);
    let stages = ["filter", "dense", "keyword", "identifiers", "fuse", "group", "explain", "cells", "advise"];
    for stage in stages {
        assert!(value(&format!("nba_stage_seconds_count{{stage=\"{stage}\"}}")) >= 1.0, "{stage}");
    }
    assert_eq!(value("nba_stage_seconds_count{stage=\"embed\"}"), 1.0, "the same text is embedded once");
    assert_eq!(value("nba_texts_total{vector=\"embedded\"}"), 1.0);
    assert_eq!(value("nba_texts_total{vector=\"kept\"}"), 2.0);
    assert_eq!((value("nba_generation"), value("nba_kept_vectors")), (1.0, 1.0));
    assert_eq!((value("nba_http_running"), value("nba_http_waiting"), value("nba_http_connections")), (0.0, 0.0, 1.0));
    assert!(value("nba_generation_age_seconds") >= 0.0 && value("nba_uptime_seconds") > 0.0);
    assert!(value(&format!("nba_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))) == 1.0);
    if cfg!(target_os = "linux") {
        assert!(value("process_resident_memory_bytes") > 1e6);
    }
}

#[test]
fn it_looks_by_itself_whether_another_generation_serves() {
    let sandbox = Sandbox::with_small_index();
    sandbox.write("nba.toml", "[serve]\nreload_seconds = 1\n");
    let server = Server::start(&sandbox);
    wait_ready(&server);
    let build = ["index", "build", "--data", "desk", "--index", "index", "--model", "hashed", "--force"];
    sandbox.nba(&build).ok();
    until(|| (server.get("/healthz")["generation"] == "g000002").then_some(()));
    assert_eq!(server.get("/v1/status"), sandbox.nba(&["index", "status", "--json"]).json());

    let serving = sandbox.read("index/CURRENT");
    sandbox.write("index/CURRENT", "no generation");
    let ready = until(|| Some(server.get("/readyz")).filter(|ready| !ready["reload_error"].is_null()));
    assert_eq!((&ready["ready"], &ready["generation"]), (&json!(true), &json!("g000002")));
    assert!(ready["reload_error"].as_str().unwrap().contains("is damaged"), "{ready}");
    let failed = || {
        let metrics = server.send("GET", "/metrics", "", "").body;
        let line = metrics.lines().find_map(|line| line.strip_prefix("nba_reloads_total{outcome=\"failed\"} "));
        line.map_or(0, |count| count.parse::<u32>().unwrap())
    };
    until(|| (failed() >= 2).then_some(()));
    assert_eq!(sandbox.read("stderr").matches("g000002 goes on answering").count(), 1, "it is told once");
    sandbox.write("index/CURRENT", serving);
    until(|| server.get("/readyz")["reload_error"].is_null().then_some(()));
}

#[test]
fn a_ledger_that_cannot_be_read_is_not_ready() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    wait_ready(&server);
    sandbox.write("index/forgotten/ledger.jsonl", "no ledger");
    let answer = server.send("GET", "/readyz", "", "");
    assert_eq!((answer.status, answer.json()["ready"].as_bool()), (503, Some(false)));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.json()["reason"].as_str().unwrap().contains("cannot be trusted"), "{answer:?}");
    assert_eq!(server.get("/healthz")["ok"], true);
}

#[test]
fn a_model_that_nobody_waits_for_keeps_nobody_waiting() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start_with(&sandbox, &["--no-warm"]);
    until(|| (server.ask("GET", "/readyz", "").0 == 200).then_some(()));
    assert_eq!(server.ask("POST", "/v1/similar", r#"{"text": "estorno"}"#).0, 200);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let sandbox = Sandbox::with_small_index();
    let mut server = Server::start(&sandbox);
    // The head of a request is on its way, which is waited for.
    let mut half = server.connect();
    half.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    until(|| server.send("GET", "/metrics", "", "").body.contains("nba_http_connections 2").then_some(()));
    stop(server.child(), "-INT");
    thread::sleep(Duration::from_millis(300));
    stop(server.child(), "-INT");
    assert_eq!(ended(server.child()).code(), Some(0));
}

#[test]
fn what_runs_and_waits_is_bounded_and_late_answers_are_told() {
    let sandbox = Sandbox::with_small_index();
    sandbox.write("nba.toml", "[serve]\nrunning = 1\nwaiting = 1\nanswer_seconds = 2\n");
    let server = Server::start(&sandbox);
    wait_ready(&server);
    let verdict = json!({ "ticket": small_ticket(true), "action": "CLOSE_TICKET", "verdict": "accepted" });
    server.post("/v1/feedback", &verdict);
    // As long as another process holds the log of feedback, a verdict waits for it.
    let lock = fs_err::OpenOptions::new().write(true).open(sandbox.path("index/feedback/LOCK")).unwrap();
    lock.file().lock().unwrap();
    let figure = |name: &str| {
        let metrics = server.send("GET", "/metrics", "", "").body;
        metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap().to_owned()
    };
    let late = "/api/2.0/vector-search/indexes/tickets/query";
    thread::scope(|scope| {
        let first = scope.spawn(|| server.send("POST", "/v1/feedback", "", verdict.to_string()));
        until(|| (figure("nba_http_running") == "1").then_some(()));
        let mut gone = server.connect();
        gone.write_all(b"POST /v1/mask HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        until(|| (figure("nba_http_waiting") == "1").then_some(()));
        drop(gone);
        until(|| (figure("nba_http_waiting") == "0").then_some(()));
        assert_eq!(figure("nba_http_requests_total{route=\"/v1/mask\",method=\"POST\",status=\"499\"}"), "1");
        let second = scope.spawn(|| server.send("POST", late, "", "{}"));
        until(|| (figure("nba_http_waiting") == "1").then_some(()));
        let third = server.send("POST", "/v1/mask", "", r#"{"text": "a"}"#);
        assert_eq!((third.status, third.header("retry-after")), (503, Some("1")));
        assert_eq!(third.json(), json!({ "error": "too many requests wait already; ask again", "exit_code": 6 }));
        assert_eq!(server.get("/healthz")["ok"], true, "it lives all the same");

        let (first, second) = (first.join().unwrap(), second.join().unwrap());
        assert_eq!((first.status, first.header("retry-after")), (504, Some("1")));
        assert_eq!(first.json(), json!({ "error": "the answer took longer than 2 s", "exit_code": 6 }));
        assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
        let told = json!({
            "error_code": "TEMPORARILY_UNAVAILABLE",
            "message": "too many requests were before this one; ask again",
        });
        assert_eq!(second.json(), told);
    });
    assert_eq!(figure("nba_http_running"), "1", "what computes holds its place, though nobody waits for it");
    drop(lock);
    until(|| (figure("nba_http_running") == "0").then_some(()));
    assert_eq!(server.send("POST", "/v1/mask", "", r#"{"text": "a"}"#).status, 200);
}
