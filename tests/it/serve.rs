//! The server, by the real program over loopback: what its routes answer, what they refuse, how it ends.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::Sandbox;

/// No test waits longer than this for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
const QUERY: &str = "/api/2.0/vector-search/indexes/main.support.tickets/query";

/// A server that runs for as long as the value lives.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        let mut command = sandbox.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let line = lines(child.stdout.take().unwrap()).recv_timeout(LIMIT).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Status and body of an answer.
    fn ask(&self, method: &str, path: &str, body: impl AsRef<[u8]>) -> (u16, String) {
        let body = body.as_ref();
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains("content-type: application/json"), "{answer}");
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask("POST", path, body.to_string());
        assert_eq!(status, 200, "{body}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// What a series of requests is answered, as snapshots have it.
    pub(crate) fn told(&self, requests: &[(&str, &str, &str)]) -> String {
        let mut out = String::new();
        for (method, path, body) in requests {
            let (status, answer) = self.ask(method, path, body);
            let _ = writeln!(out, "{method} {path} {body}\n  {status} {answer}");
        }
        out
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that ended by itself is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream as they come, so that waiting for one has a limit.
pub(crate) fn lines(stream: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

/// Waits for a process to end.
pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    let step = Duration::from_millis(20);
    for _ in 0..LIMIT.as_millis() / step.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        thread::sleep(step);
    }
    child.kill().unwrap();
    panic!("it did not end");
}

#[test]
fn every_route_answers_what_the_command_line_prints() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let numbers: Vec<f32> = (0..256).map(|at| (at % 7) as f32 - 3.0).collect();
    let typed = numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
    let sql = "category = 'FINANCIAL' AND csat_score >= 4";
    let object = json!({ "category": "FINANCIAL", "csat_score >=": 4 });
    let cases: Vec<(&str, Value, Vec<&str>)> = vec![
        ("similar", json!({ "ticket": "TICKET-0042" }), vec!["similar", "TICKET-0042"]),
        (
            "similar",
            json!({ "text": "repasse não caiu", "k": 3 }),
            vec!["similar", "--text", "repasse não caiu", "-k", "3"],
        ),
        ("similar", json!({ "ticket": "TICKET-0042", "filter": sql }), vec!["similar", "TICKET-0042", "--filter", sql]),
        (
            "similar",
            json!({ "ticket": "TICKET-0042", "filter": object }),
            vec!["similar", "TICKET-0042", "--filter", sql],
        ),
        ("recommend", json!({ "ticket": "TICKET-0042" }), vec!["recommend", "TICKET-0042"]),
        (
            "recommend",
            json!({ "text": "maquininha sem sinal", "filter": { "category": "TECHNICAL" } }),
            vec!["recommend", "--text", "maquininha sem sinal", "--filter", "category = 'TECHNICAL'"],
        ),
        ("search", json!({ "index": "tickets", "text": "estorno" }), vec!["search", "tickets", "--text", "estorno"]),
        (
            "search",
            json!({ "index": "tickets", "text": "estorno", "type": "full_text", "columns": ["subject", "status"] }),
            vec!["search", "tickets", "--text", "estorno", "--type", "full_text", "--columns", "subject,status"],
        ),
        (
            "search",
            json!({ "index": "steps", "row": "TICKET-0042#next", "type": "ann", "all_rows": true, "k": 4, "filter": null }),
            vec!["search", "steps", "--row", "TICKET-0042#next", "--type", "ann", "--every-row", "-k", "4"],
        ),
        (
            "search",
            json!({ "index": "tickets", "vector": numbers, "k": 2 }),
            vec!["search", "tickets", "--vector", &typed, "-k", "2"],
        ),
    ];
    for (route, body, args) in cases {
        let printed = sandbox.nba(&[args.as_slice(), &["--json"]].concat()).json();
        assert_eq!(server.post(&format!("/v1/{route}"), &body), printed, "{body}");
    }
    assert_eq!(server.get("/v1/status"), sandbox.nba(&["index", "status", "--json"]).json());
    assert_eq!(server.get("/healthz"), json!({ "ok": true, "generation": "g000001" }));
}

#[test]
fn what_cannot_be_answered_is_refused_with_its_status() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let told = server.told(&[
        ("POST", "/v1/similar", "{"),
        ("POST", "/v1/similar", ""),
        ("POST", "/v1/similar", r#"["TICKET-0042"]"#),
        ("POST", "/v1/similar", r#"{"tickets": "TICKET-0042"}"#),
        ("POST", "/v1/similar", r#"{"ticket": "TICKET-0042", "text": "both"}"#),
        ("POST", "/v1/similar", r#"{"ticket": "TICKET-9999"}"#),
        ("POST", "/v1/similar", r#"{"ticket": "TICKET-0042", "k": 0}"#),
        ("POST", "/v1/similar", r#"{"ticket": "TICKET-0042", "k": -1}"#),
        ("POST", "/v1/similar", r#"{"ticket": "TICKET-0042", "filter": "csat_score >"}"#),
        ("POST", "/v1/similar", r#"{"ticket": "TICKET-0042", "filter": {"colour": "red"}}"#),
        ("POST", "/v1/similar", r#"{"ticket": "TICKET-0042", "filter": 7}"#),
        ("POST", "/v1/recommend", r#"{"ticket": "TICKET-0042", "k": 5}"#),
        ("POST", "/v1/search", r#"{"text": "estorno"}"#),
        ("POST", "/v1/search", r#"{"index": "agents", "text": "estorno"}"#),
        ("POST", "/v1/search", r#"{"index": "tickets", "text": "estorno", "type": "fuzzy"}"#),
        ("POST", "/v1/search", r#"{"index": "tickets", "vector": [1, 2]}"#),
        ("GET", "/v1/similar", ""),
        ("POST", "/healthz", ""),
        ("GET", "/v2/similar", ""),
    ]);
    expect![[r#"
        POST /v1/similar {
          400 {"error":"body: EOF while parsing an object at line 1 column 1","exit_code":2}
        POST /v1/similar 
          400 {"error":"body: EOF while parsing a value at line 1 column 0","exit_code":2}
        POST /v1/similar ["TICKET-0042"]
          400 {"error":"body: give a JSON object, not a list","exit_code":2}
        POST /v1/similar {"tickets": "TICKET-0042"}
          400 {"error":"body: unknown field `tickets`, expected one of `ticket`, `text`, `k`, `filter`, `every_ticket`, `min_similarity`, `explain` at line 1 column 10","exit_code":2}
        POST /v1/similar {"ticket": "TICKET-0042", "text": "both"}
          400 {"error":"ticket: give `ticket` or `text`, one of them","exit_code":2}
        POST /v1/similar {"ticket": "TICKET-9999"}
          404 {"error":"no ticket `TICKET-9999` in this index; did you mean `TICKET-0099`, `TICKET-0199`, `TICKET-0299`?","exit_code":2}
        POST /v1/similar {"ticket": "TICKET-0042", "k": 0}
          400 {"error":"k: 0 is not between 1 and 10000","exit_code":2}
        POST /v1/similar {"ticket": "TICKET-0042", "k": -1}
          400 {"error":"body: invalid value: integer `-1`, expected usize at line 1 column 33","exit_code":2}
        POST /v1/similar {"ticket": "TICKET-0042", "filter": "csat_score >"}
          400 {"error":"bad filter: expected a number, a 'text', TRUE, FALSE or TO_TIMESTAMP('…')\n  csat_score >\n              ^","exit_code":2}
        POST /v1/similar {"ticket": "TICKET-0042", "filter": {"colour": "red"}}
          400 {"error":"no column `colour`; there are `ticket_id`, `subject`, `description`, `problem`, `language`, `thread`, `thread_id`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `tags`, `resolution_time_hours`, `sla_breached`, `csat_score`, `nps_score`, `sentiment`, `escalated`, `reopened_count`, `customer_id`, `company_id`, `agent_id`, `agent_name`, `agent_team`, `solved_by`, `solution`, `turns`, `actions`, `identifiers`","exit_code":2}
        POST /v1/similar {"ticket": "TICKET-0042", "filter": 7}
          400 {"error":"bad filter: a filter is an object such as {\"column\": value}, or a list of them\n  7\n  ^","exit_code":2}
        POST /v1/recommend {"ticket": "TICKET-0042", "k": 5}
          400 {"error":"body: unknown field `k`, expected one of `ticket`, `text`, `filter`, `min_confidence` at line 1 column 29","exit_code":2}
        POST /v1/search {"text": "estorno"}
          400 {"error":"body: missing field `index` at line 1 column 19","exit_code":2}
        POST /v1/search {"index": "agents", "text": "estorno"}
          404 {"error":"no index `agents` in this generation; it holds `steps`, `tickets`","exit_code":2}
        POST /v1/search {"index": "tickets", "text": "estorno", "type": "fuzzy"}
          400 {"error":"body: unknown variant `fuzzy`, expected one of `ann`, `hybrid`, `full_text` at line 1 column 55","exit_code":2}
        POST /v1/search {"index": "tickets", "vector": [1, 2]}
          400 {"error":"vector: 2 numbers, the index has dimension 256","exit_code":2}
        GET /v1/similar 
          405 {"error":"`/v1/similar` does not take GET; see the header `allow`","exit_code":2}
        POST /healthz 
          405 {"error":"`/healthz` does not take POST; see the header `allow`","exit_code":2}
        GET /v2/similar 
          404 {"error":"no path `/v2/similar`; `nba serve --help` lists those there are","exit_code":2}
    "#]].assert_eq(&told);

    let closed =
        sandbox.nba(&["search", "tickets", "--text", "estorno", "--filter", "status = 'CLOSED'", "-k", "1", "--json"]);
    let ticket = &closed.json()["rows"][0]["key"];
    let (status, body) = server.ask("POST", "/v1/recommend", json!({ "ticket": ticket }).to_string());
    let printed = sandbox.nba(&["recommend", ticket.as_str().unwrap(), "--json"]).failed();
    assert_eq!((status, body.trim()), (400, printed.stderr.trim()), "errors have the command line's shape");

    let (status, body) = server.ask("POST", "/v1/similar", vec![b' '; 2 * 1024 * 1024 + 1]);
    assert_eq!((status, body.as_str()), (413, r#"{"error":"the body is larger than 2097152 bytes","exit_code":2}"#));
    let (status, _) = server.ask("POST", "/v1/similar", vec![b' '; 2 * 1024 * 1024]);
    assert_eq!(status, 400, "a body of the largest size is read");
}

#[test]
fn a_machine_that_is_not_set_up_is_503() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    sandbox.write("index/CURRENT", "no generation");
    let (status, body) = server.ask("POST", "/v1/reload", "");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("is damaged"), "{body}");
    assert_eq!(server.get("/healthz")["generation"], "g000001", "the generation that served goes on serving");
}

#[test]
fn clients_of_databricks_are_answered_in_their_shape() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let ann = json!({
        "columns": ["ticket_id", "status", "ticket_id"],
        "query_text": "repasse não caiu",
        "num_results": 3,
        "filters_json": r#"{"status": ["RESOLVED", "CLOSED"]}"#,
        "filter_string": null,
        "debug_level": 0,
    });
    let answer = server.post(QUERY, &ann);
    assert_eq!(
        answer["manifest"],
        json!({ "column_count": 3, "columns": [{ "name": "ticket_id" }, { "name": "status" }, { "name": "score" }] })
    );
    assert_eq!(answer["result"]["row_count"], 3);
    let rows = answer["result"]["data_array"].as_array().unwrap();
    let words =
        ["search", "tickets", "--text", "repasse não caiu", "--type", "ann", "-k", "3", "--every-row", "--json"];
    let printed = sandbox.nba(&[&words[..], &["--filter", "status IN ('RESOLVED', 'CLOSED')"]].concat()).json();
    for (row, hit) in rows.iter().zip(printed["rows"].as_array().unwrap()) {
        assert_eq!(row[0], hit["key"]);
        let score = 1.0 / (3.0 - 2.0 * hit["score"].as_f64().unwrap());
        assert!((row[2].as_f64().unwrap() - score).abs() < 1e-6, "{row} is not {score}");
    }

    // The other dialect, a bare name, backticks, GET with a body, letter case, SQL where JSON is expected.
    let mut sql = ann.clone();
    sql["filters_json"] = Value::Null;
    sql["filter_string"] = json!("status IN ('RESOLVED', 'CLOSED')");
    assert_eq!(server.post("/api/2.0/vector-search/indexes/tickets/query", &sql), answer);
    sql["filters_json"] = sql["filter_string"].take();
    sql["query_type"] = json!("ann");
    let (status, body) = server.ask("GET", &QUERY.replace("main.support.tickets", "%60tickets%60"), sql.to_string());
    assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (200, answer.clone()));

    // The threshold keeps what reaches it.
    let mut strict = ann.clone();
    strict["score_threshold"] = rows[1][2].clone();
    let kept = server.post(QUERY, &strict);
    assert_eq!(kept["result"]["data_array"], json!(rows[..2]));
    strict["score_threshold"] = json!(2);
    assert_eq!(server.post(QUERY, &strict)["result"], json!({ "row_count": 0, "data_array": [] }));

    // Each type is the same search as ours.
    for kind in ["hybrid", "full_text"] {
        let asked = json!({ "columns": ["ticket_id"], "query_text": "estorno", "query_type": kind.to_uppercase() });
        let ours = json!({ "index": "tickets", "text": "estorno", "type": kind, "all_rows": true, "columns": [] });
        let (theirs, ours) = (server.post(QUERY, &asked), server.post("/v1/search", &ours));
        let keys = |rows: &Value, at: &str| -> Vec<Value> {
            rows.as_array().unwrap().iter().map(|row| row.get(at).unwrap_or(&row[0]).clone()).collect()
        };
        assert_eq!(keys(&theirs["result"]["data_array"], "key"), keys(&ours["rows"], "key"), "{kind}");
    }
    let vector: Vec<f32> = (0..256).map(|at| (at % 5) as f32).collect();
    let by_vector = json!({ "columns": ["step_id"], "query_vector": vector, "num_results": 2 });
    let columns = server.get("/api/2.0/vector-search/indexes/main.support.steps");
    let key = columns["primary_key"].as_str().unwrap();
    let by_vector: Value = serde_json::from_str(&by_vector.to_string().replace("step_id", key)).unwrap();
    let found = server.post("/api/2.0/vector-search/indexes/main.support.steps/query", &by_vector);
    assert_eq!(found["result"]["row_count"], 2);

    let described = server.get("/api/2.0/vector-search/indexes/main.support.tickets?ensure_reranker_compatible=true");
    assert_eq!(described["columns"][0], json!({ "name": "ticket_id" }));
    let mut short = described.clone();
    short.as_object_mut().unwrap().remove("columns");
    expect![[r#"{"delta_sync_index_spec":{"embedding_source_columns":[{"name":"problem"}],"pipeline_type":"TRIGGERED"},"endpoint_name":"nba","index_subtype":"HYBRID","index_type":"DELTA_SYNC","name":"main.support.tickets","primary_key":"ticket_id","status":{"detailed_state":"ONLINE_NO_PENDING_UPDATE","indexed_row_count":500,"message":"generation g000001","ready":true}}"#]].assert_eq(&serde_json::to_string(&short).unwrap());
}

#[test]
fn clients_of_databricks_are_refused_in_their_shape() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let told = server.told(&[
        ("POST", QUERY, "[1"),
        ("POST", QUERY, r#"{"query_text": "a"}"#),
        ("POST", QUERY, r#"{"columns": ["ticket_id"]}"#),
        ("POST", QUERY, r#"{"columns": ["colour"], "query_text": "a"}"#),
        ("POST", QUERY, r#"{"columns": ["ticket_id"], "query_text": "a", "query_type": "FUZZY"}"#),
        ("POST", QUERY, r#"{"columns": ["ticket_id"], "query_text": "a", "query_vector": [1]}"#),
        ("POST", QUERY, r#"{"columns": ["ticket_id"], "query_vector": [1]}"#),
        ("POST", QUERY, r#"{"columns": ["ticket_id"], "query_vector": [1], "query_type": "HYBRID"}"#),
        ("POST", QUERY, r#"{"columns": ["ticket_id"], "query_text": "a", "num_results": 1001}"#),
        ("POST", QUERY, r#"{"columns": ["ticket_id"], "query_text": "a", "facets": ["status"]}"#),
        (
            "POST",
            QUERY,
            r#"{"columns": ["ticket_id"], "query_text": "a", "reranker": {"model": "databricks_reranker"}}"#,
        ),
        ("POST", QUERY, r#"{"columns": ["ticket_id"], "query_text": "a", "filters_json": "{\"colour\": 1}"}"#),
        (
            "POST",
            QUERY,
            r#"{"columns": ["ticket_id"], "query_text": "a", "filters_json": "{}", "filter_string": "a = 1"}"#,
        ),
        ("GET", "/api/2.0/vector-search/indexes/main.support.agents", ""),
        ("GET", "/api/2.0/vector-search/endpoints", ""),
        ("DELETE", "/api/2.0/vector-search/indexes/main.support.tickets", ""),
    ]);
    expect![[r#"
        POST /api/2.0/vector-search/indexes/main.support.tickets/query [1
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"body: give a JSON object, not a list"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"query_text": "a"}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"columns: name at least one column to return"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"]}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"query_text: give `query_text` or `query_vector`"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["colour"], "query_text": "a"}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"no column `colour`; there are `ticket_id`, `subject`, `description`, `problem`, `language`, `thread`, `thread_id`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `tags`, `resolution_time_hours`, `sla_breached`, `csat_score`, `nps_score`, `sentiment`, `escalated`, `reopened_count`, `customer_id`, `company_id`, `agent_id`, `agent_name`, `agent_team`, `solved_by`, `solution`, `turns`, `actions`, `identifiers`"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_text": "a", "query_type": "FUZZY"}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"query_type: `FUZZY` is not `ANN`, `HYBRID` or `FULL_TEXT`"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_text": "a", "query_vector": [1]}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"query_vector: this server does not support it beside `query_text`; give one of them"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_vector": [1]}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"vector: 1 numbers, the index has dimension 256"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_vector": [1], "query_type": "HYBRID"}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"query_text: a HYBRID or FULL_TEXT query needs it"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_text": "a", "num_results": 1001}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"num_results: 1001 is not between 1 and 1000; there is no paging"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_text": "a", "facets": ["status"]}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"facets: this server does not support it; leave it out"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_text": "a", "reranker": {"model": "databricks_reranker"}}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"reranker: this server does not support it; leave it out"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_text": "a", "filters_json": "{\"colour\": 1}"}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"no column `colour`; there are `ticket_id`, `subject`, `description`, `problem`, `language`, `thread`, `thread_id`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `tags`, `resolution_time_hours`, `sla_breached`, `csat_score`, `nps_score`, `sentiment`, `escalated`, `reopened_count`, `customer_id`, `company_id`, `agent_id`, `agent_name`, `agent_team`, `solved_by`, `solution`, `turns`, `actions`, `identifiers`"}
        POST /api/2.0/vector-search/indexes/main.support.tickets/query {"columns": ["ticket_id"], "query_text": "a", "filters_json": "{}", "filter_string": "a = 1"}
          400 {"error_code":"INVALID_PARAMETER_VALUE","message":"filter_string: give it or `filters_json`, not both"}
        GET /api/2.0/vector-search/indexes/main.support.agents 
          404 {"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no index `agents` in this generation; it holds `steps`, `tickets`"}
        GET /api/2.0/vector-search/endpoints 
          404 {"error_code":"ENDPOINT_NOT_FOUND","message":"no path `/api/2.0/vector-search/endpoints`: this server describes indexes and queries them"}
        DELETE /api/2.0/vector-search/indexes/main.support.tickets 
          405 {"error_code":"BAD_REQUEST","message":"`/api/2.0/vector-search/indexes/main.support.tickets` does not take DELETE: an index changes by `nba index build` alone"}
    "#]].assert_eq(&told);
}

#[test]
fn many_clients_at_once_get_the_answers_of_one() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let question = |at: usize| json!({ "ticket": format!("TICKET-{:04}", at % 5 + 40), "k": 4 });
    let alone: Vec<Value> = (0..5).map(|at| server.post("/v1/similar", &question(at))).collect();
    thread::scope(|scope| {
        for client in 0..12 {
            let (server, alone) = (&server, &alone);
            scope.spawn(move || {
                for at in client..client + 5 {
                    assert_eq!(server.post("/v1/similar", &question(at)), alone[at % 5]);
                }
            });
        }
    });
}

#[test]
fn a_reload_swaps_in_what_was_built_meanwhile() {
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    assert_eq!(server.post("/v1/reload", &json!({})), json!({ "reloaded": false, "generation": "g000001" }));
    sandbox.nba(&["index", "build", "--data", "desk", "--index", "index", "--model", "hashed", "--force"]).ok();
    assert_eq!(server.get("/healthz")["generation"], "g000001");
    assert_eq!(server.post("/v1/reload", &json!({})), json!({ "reloaded": true, "generation": "g000002" }));
    assert_eq!(server.get("/v1/status"), sandbox.nba(&["index", "status", "--json"]).json());
}

#[test]
fn the_server_ends_well_when_told_to() {
    let sandbox = Sandbox::with_fixtures();
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&sandbox);
        // A connection that is kept open without a question does not hold it.
        let mut idle = server.connect();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        assert!(idle.read(&mut [0; 500]).unwrap() > 0);
        sandbox.sh(&format!("kill -{signal} {}", server.child.id())).ok();
        assert_eq!(ended(&mut server.child).code(), Some(0), "{signal}");
        assert!(TcpStream::connect(&server.address).is_err());
    }
}

#[test]
fn it_listens_to_this_machine_alone() {
    let sandbox = Sandbox::with_fixtures();
    sandbox.check(&["serve", "--listen", "0.0.0.0:8080"], expect![[r#"
        exit 2
        --- stderr
        error: --listen: 0.0.0.0:8080 can be reached from other machines, and this server asks for no token; listen on 127.0.0.1:8080 and put a proxy with access control before it
    "#]]);
    sandbox.check(
        &["serve", "--listen", "localhost"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'localhost' for '--listen <ADDRESS:PORT>': invalid socket address syntax

        For more information, try '--help'.
    "#]],
    );
    let server = Server::start(&sandbox);
    let taken = sandbox.nba(&["serve", "--listen", &server.address]).failed();
    assert_eq!(taken.code, 7);
    assert!(taken.stderr.contains(&format!("cannot listen on {}: ", server.address)), "{taken:?}");
    Sandbox::new().check(
        &["serve", "--index", "none"],
        expect![[r#"
            exit 7
            --- stderr
            error: no index in none; build one with `nba index build --data DIR --index none`
        "#]],
    );
}
