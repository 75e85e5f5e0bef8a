//! A server that is killed while clients write to it: what it acknowledged is there when it starts again, and no row is half a
//! row. A few kills by default, as many as `NBA_KILLS` says where it is set.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::serve::{LIMIT, Server};
use crate::support::{Sandbox, trials};

const API: &str = "/api/2.0/vector-search";
const INDEX: &str = "main.shop.stock";
const WRITERS: u64 = 4;
/// Rows of one request, of which all or none must be there.
const ROWS: u64 = 5;

fn create(server: &Server) {
    server.post(&format!("{API}/endpoints"), &json!({ "name": "local", "endpoint_type": "STANDARD" }));
    let schema = json!({ "id": "string", "request": "long", "text": "string", "v": "array<float>" }).to_string();
    server.post(
        &format!("{API}/indexes"),
        &json!({
            "name": INDEX, "endpoint_name": "local", "primary_key": "id", "index_type": "DIRECT_ACCESS",
            "direct_access_index_spec": {
                "embedding_vector_columns": [{ "name": "v", "embedding_dimension": 4 }], "schema_json": schema,
            },
        }),
    );
}

fn row(writer: u64, request: u64, n: u64) -> Value {
    let text = format!("row {n} of request {request} of writer {writer}");
    json!({ "id": format!("{writer}-{n}"), "request": request, "text": text, "v": [writer as f32, n as f32, request as f32, 1.0] })
}

/// A request that takes a writer's rows out or puts them in; its answer, if one came.
fn write(server: &Server, writer: u64, request: u64) -> Option<()> {
    let path = format!("{API}/indexes/{INDEX}");
    let rows: Vec<Value> = (0..ROWS).map(|n| row(writer, request, n)).collect();
    let (status, body) = if request % 7 == 6 {
        let keys: Vec<&Value> = rows.iter().map(|row| &row["id"]).collect();
        try_ask(server, "DELETE", &format!("{path}/delete-data"), &json!({ "primary_keys": keys }))?
    } else {
        let inputs = Value::from(rows).to_string();
        try_ask(server, "POST", &format!("{path}/upsert-data"), &json!({ "inputs_json": inputs }))?
    };
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("SUCCESS") && !body.contains("PARTIAL"), "{body}");
    Some(())
}

/// Status and body of an answer; nothing where the server is gone before it is whole.
fn try_ask(server: &Server, method: &str, path: &str, body: &Value) -> Option<(u16, String)> {
    let body = body.to_string();
    let address = server.address();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())?;
    (body.len() == length).then(|| (head[9..12].parse().unwrap(), body.to_owned()))
}

fn kill(server: &Server) {
    let killed = Command::new("kill").args(["-9", &server.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

/// Every row of the index: by writer, the requests that its rows are of.
fn held(server: &Server) -> BTreeMap<u64, Vec<Value>> {
    let mut rows: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    let mut last: Option<String> = None;
    loop {
        let body = last
            .as_ref()
            .map_or_else(|| json!({ "num_results": 3 }), |last| json!({ "num_results": 3, "last_primary_key": last }));
        let page = server.post(&format!("{API}/indexes/{INDEX}/scan"), &body);
        for row in page["data"].as_array().into_iter().flatten() {
            let value = |key: &str| {
                let field = row["fields"].as_array().unwrap().iter().find(|field| field["key"] == key).unwrap();
                field["value"].clone()
            };
            let id = value("id")["string_value"].as_str().unwrap().to_owned();
            let numbers: Vec<Value> = value("v")["list_value"]["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["number_value"].clone())
                .collect();
            let (writer, _) = id.split_once('-').unwrap();
            rows.entry(writer.parse().unwrap()).or_default().push(
                json!({ "id": id, "request": value("request")["number_value"], "text": value("text")["string_value"], "v": numbers }),
            );
        }
        match page["last_primary_key"].as_str() {
            Some(key) if page["data"].as_array().is_some_and(|data| !data.is_empty()) => last = Some(key.to_owned()),
            _ => return rows,
        }
    }
}

#[test]
fn a_killed_server_loses_no_acknowledged_row() {
    let sandbox = Sandbox::with_small_index();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    // The number of the next request of each writer, and the last one that was answered or was seen to be done.
    let mut next = vec![0_u64; WRITERS as usize];
    let mut acknowledged: Vec<Option<u64>> = vec![None; WRITERS as usize];
    let mut written = 0;
    let server = Server::start(&sandbox);
    create(&server);
    drop(server);
    for death in 0..trials("NBA_KILLS", 10) {
        let server = Server::start(&sandbox);
        let progress: Mutex<Vec<(u64, Option<u64>)>> =
            Mutex::new(next.iter().copied().zip(acknowledged.iter().copied()).collect());
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (server, progress) = (&server, &progress);
                scope.spawn(move || {
                    loop {
                        let request = progress.lock().unwrap()[writer as usize].0;
                        let answered = write(server, writer, request);
                        let mut progress = progress.lock().unwrap();
                        progress[writer as usize].0 += 1;
                        match answered {
                            Some(()) => progress[writer as usize].1 = Some(request),
                            None => return,
                        }
                    }
                });
            }
            thread::sleep(Duration::from_micros(random.random_range(0..120_000)));
            kill(&server);
        });
        drop(server);
        let progress = progress.into_inner().unwrap();
        let server = Server::start(&sandbox);
        let held = held(&server);
        for (writer, &(following, last)) in progress.iter().enumerate() {
            written += following - next[writer];
            (next[writer], acknowledged[writer]) = (following, last);
            // The request that was on its way when the server died may have been done, or not at all.
            let under_way = following.checked_sub(1).filter(|request| Some(*request) != last);
            let possible = [last, under_way].map(|request| request.map(|it| rows_after(writer as u64, it)));
            let rows = held.get(&(writer as u64)).cloned().unwrap_or_default();
            let found = possible.iter().position(|possible| possible.as_ref() == Some(&rows));
            let nothing_yet = last.is_none() && rows.is_empty();
            assert!(nothing_yet || found.is_some(), "kill {death}, writer {writer}: {rows:?} is none of {possible:?}");
            // What was done without an answer has to last from now on as well.
            if found == Some(1) {
                acknowledged[writer] = under_way;
            }
        }
    }
    println!("{written} requests of {WRITERS} writers");
    assert!(written > 0);
}

/// A writer's rows once a request is done, in the order of their keys.
fn rows_after(writer: u64, request: u64) -> Vec<Value> {
    if request % 7 == 6 {
        return Vec::new();
    }
    (0..ROWS).map(|n| row(writer, request, n)).collect()
}
