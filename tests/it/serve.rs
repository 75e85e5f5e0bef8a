//! The server, by the real program over loopback: what its routes answer, what they refuse, how it ends.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::Sandbox;

/// No test waits longer than this for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A server that runs for as long as the value lives.
pub(crate) struct Server {
    child: Child,
    address: String,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        Self { status: head[9..12].parse().unwrap(), head: head.to_lowercase(), body: body.to_owned() }
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, &[])
    }

    /// With more arguments. What it says on standard error is in the file `stderr` of the sandbox.
    pub(crate) fn start_with(sandbox: &Sandbox, args: &[&str]) -> Self {
        let mut command = sandbox.command(&[&["serve", "--listen", "127.0.0.1:0", "--json"], args].concat());
        sandbox.write("stderr", "");
        let stderr = fs_err::OpenOptions::new().append(true).open(sandbox.path("stderr")).unwrap();
        let mut child = command.stderr(stderr.into_file()).spawn().unwrap();
        let line = lines(child.stdout.take().unwrap()).recv_timeout(LIMIT);
        let line = line.unwrap_or_else(|_| panic!("it does not listen: {}", sandbox.read("stderr")));
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"].as_str().unwrap().split_once("://").unwrap().1.to_owned();
        Self { child, address }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Status and body of an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: impl AsRef<[u8]>) -> (u16, String) {
        let answer = self.send(method, path, "", body);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
        (answer.status, answer.body)
    }

    /// The answer to a request with more headers, each ending in a line break.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        Answer::of(&self.raw(&[head.as_bytes(), body].concat()))
    }

    /// What comes back for some bytes, until the server closes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        String::from_utf8(self.raw_bytes(bytes)).unwrap()
    }

    /// The same, whatever it is.
    pub(crate) fn raw_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    pub(crate) fn get(&self, path: &str) -> Value {
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
    sandbox.write("nba.toml", "[serve]\nreload_seconds = 0\n");
    let server = Server::start(&sandbox);
    sandbox.write("index/CURRENT", "no generation");
    let (status, body) = server.ask("POST", "/v1/reload", "");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("is damaged"), "{body}");
    assert_eq!(server.get("/healthz")["generation"], "g000001", "the generation that served goes on serving");
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
    sandbox.write("nba.toml", "[serve]\nreload_seconds = 0\n");
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
        error: --listen: 0.0.0.0:8080 can be reached from other machines, and no token is asked for; give --tokens FILE, or listen on 127.0.0.1:8080
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
