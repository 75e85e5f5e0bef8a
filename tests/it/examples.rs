//! The examples, each run as its reader would run it, against the real server where it asks one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::expect;
use regex::Regex;

use crate::serve::Server;
use crate::support::{Outcome, Sandbox, finish, package, skip_optional, small_ticket};

/// Says why an example was not run, or fails where `NBA_REQUIRE_EXAMPLES=1` forbids that.
fn skip(why: &str) {
    let required = std::env::var_os("NBA_REQUIRE_EXAMPLES").is_some_and(|value| value == "1");
    assert!(!required, "NBA_REQUIRE_EXAMPLES=1, but {why}");
    skip_optional(why);
}

/// A command with nothing in its environment but where programs are.
fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).current_dir(package());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A Python that has the packages: of `NBA_PYTHON`, which `make examples` makes, or the machine's own.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("NBA_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let mut trying = command(&python);
    trying.args(["-c", "import mcp, databricks.sdk"]);
    if trying.output().is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    skip("no Python with the packages of examples/requirements.txt; `make examples`, and set NBA_PYTHON");
    None
}

/// Runs a script of `examples/` with an interpreter.
fn script(interpreter: &Path, name: &str, arguments: &[&str]) -> Outcome {
    let mut command = command(interpreter);
    command.arg(package().join("examples").join(name)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    finish(command)
}

/// What it said, without what changes from run to run.
fn shown(outcome: Outcome) -> String {
    let outcome = outcome.ok();
    assert_eq!(outcome.stderr, "");
    Regex::new(r"\b[0-9a-f]{16}\b").unwrap().replace_all(&outcome.stdout, "<id>").into_owned()
}

#[test]
fn an_agent_service_works_through_its_queue() {
    // Beside the test: `cargo test` builds the examples, `cargo test --test it` does not.
    let program = Path::new(env!("CARGO_BIN_EXE_nba")).with_file_name("examples").join("agent_service");
    if !program.exists() {
        return skip("examples/agent_service is not built; `cargo build --examples`");
    }
    let sandbox = Sandbox::with_small_index();
    let mut running = command(&program);
    running.arg(sandbox.path("index")).arg("8");
    let said = shown(finish(running));
    expect![[r#""#]].assert_eq(&said);
    // Whatever was recommended was told to the index, and nothing else.
    let recorded = sandbox.nba(&["feedback", "--list", "--json"]).json()["records"].as_u64().unwrap();
    let verdicts = said.lines().filter(|line| matches!(line.trim(), "accepted" | "displayed")).count();
    assert_eq!(recorded, verdicts as u64);
    assert!(said.contains("left to a person: ") && verdicts > 0, "{said}");

    let mut lost = command(&program);
    lost.arg(sandbox.path("nowhere"));
    let lost = finish(lost).failed();
    assert_eq!(lost.code, 7);
}

#[test]
fn curl_asks_every_kind_of_question() {
    if !command("curl").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skip("there is no curl");
    }
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    let address = format!("http://{}", server.address());
    let ticket = small_ticket(true);
    let said = shown(script(Path::new("/bin/sh"), "curl.sh", &[&address, &ticket]));
    let answers: Vec<serde_json::Value> =
        said.lines().filter(|line| !line.starts_with('#')).map(|line| serde_json::from_str(line).unwrap()).collect();
    let [health, similar, recommended, found, service, tool, feedback] = &answers[..] else { panic!("{said}") };
    assert_eq!(health["ok"], true);
    assert_eq!(similar["tickets"].as_array().unwrap().len(), 2);
    assert!(recommended["recommendation"].is_string());
    assert!(found["rows"][0]["columns"]["message"].is_string(), "{found}");
    assert_eq!(service["result"]["row_count"], 1, "{service}");
    assert_eq!(tool["result"]["structuredContent"]["ticket_id"], ticket.as_str());
    assert_eq!(feedback["verdict"], "rejected");

    // A refusal is one of the script too.
    let refused = script(Path::new("/bin/sh"), "curl.sh", &[&address, "TICKET-9999"]);
    assert!(refused.code != 0 && refused.stdout.contains("no ticket `TICKET-9999`"), "{refused:?}");
}

#[test]
fn an_mcp_client_lists_and_calls_tools() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    let address = format!("http://{}", server.address());
    let said = shown(script(&python, "mcp_client.py", &[&address, &small_ticket(true)]));
    expect![[r#""#]].assert_eq(&said);
}

#[test]
#[ignore = "the server has no endpoints and no indexes of callers yet"]
fn the_databricks_sdk_lives_the_life_of_an_index() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::with_small_index();
    let server = Server::start(&sandbox);
    let address = format!("http://{}", server.address());
    let said = shown(script(&python, "databricks_sdk.py", &[&address]));
    expect![[r#""#]].assert_eq(&said);
}
