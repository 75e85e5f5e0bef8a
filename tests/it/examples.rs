//! The examples, each run as its reader would run it, against the real server where it asks one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::expect;
use regex::Regex;

use crate::serve::Server;
use crate::support::{Outcome, Sandbox, copy_folder, finish, fixtures_index, package, skip_optional};

/// An active ticket of the shipped desk.
const TICKET: &str = "TICKET-0042";

/// An index of the shipped desk to write feedback into. Its embedder knows no language: what is a case lies further away.
pub(crate) fn index_of_the_desk() -> Sandbox {
    let sandbox = Sandbox::new();
    copy_folder(fixtures_index(), &sandbox.path("index"));
    sandbox.write("nba.toml", "[recommend]\nmin_similarity = 0.5\n");
    sandbox
}

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
pub(crate) fn python() -> Option<PathBuf> {
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
pub(crate) fn script(interpreter: &Path, name: &str, arguments: &[&str]) -> Outcome {
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
    let sandbox = index_of_the_desk();
    let mut running = command(&program);
    running.arg(sandbox.path("index")).args(["8", "0.5"]);
    let said = shown(finish(running));
    expect![[r#"
        TICKET-0027  Erro de conexão na máquina
          Reconfigure the terminal: 27 % sure, 88 % success in 4 similar cases
          as in TICKET-0040 (CLOSED, TECHNICAL): “Analisei o histórico e identifiquei que o perfil de rede está com”
          displayed
        TICKET-0413  Nada funciona: sistema caiu
          left to a person: no similar case: the best has cosine 0.382, 0.500 is needed
        TICKET-0049  Disputa de R$ 5.052,49
          Submit the chargeback defense: 21 % sure, 62 % success in 2 similar cases
          as in TICKET-0340 (CLOSED, FINANCIAL): “Meu nome é [NAME], do suporte. A contestação foi à bandeira com”
          but not in TICKET-0122
          displayed
        TICKET-0070  Erro no QR do PIX
          Close the ticket: 29 % sure, 82 % success in 1 similar cases
          as in TICKET-0339 (CLOSED, TECHNICAL): “Caso concluído, encerro o atendimento.”
          displayed
        TICKET-0488  Quero encerrar a maquininha
          Check account and contract: 15 % sure, 70 % success in 2 similar cases
          as in TICKET-0085 (RESOLVED, COMPLAINT): “Conferi na conta e no histórico de cobrança. Olhando o sistema, notei”
          but not in TICKET-0458
          displayed
        TICKET-0475  Golpe?
          Check account and contract: 50 % sure, 86 % success in 5 similar cases
          as in TICKET-0283 (CLOSED, INFORMATION): “Consultei o contrato da loja para conferir. Pelo que vi, há operações”
          but not in TICKET-0482
          accepted
        TICKET-0222  QR Code do PIX
          Relink the PIX key: 26 % sure, 71 % success in 8 similar cases
          as in TICKET-0189 (CLOSED, TECHNICAL): “I went after the authorization. Checking the records, I see that the”
          but not in TICKET-0096
          displayed
        TICKET-0388  Nada funciona: sistema fora
          left to a person: no similar case: the best has cosine 0.499, 0.500 is needed
        1 carried out, 5 shown to a person, 2 without a recommendation
    "#]].assert_eq(&said);
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
    let sandbox = index_of_the_desk();
    let server = Server::start(&sandbox);
    let address = format!("http://{}", server.address());
    let said = shown(script(Path::new("/bin/sh"), "curl.sh", &[&address, TICKET]));
    let answers: Vec<serde_json::Value> =
        said.lines().filter(|line| !line.starts_with('#')).map(|line| serde_json::from_str(line).unwrap()).collect();
    let [health, similar, recommended, found, service, tool, feedback] = &answers[..] else { panic!("{said}") };
    assert_eq!(health["ok"], true);
    assert_eq!(similar["tickets"].as_array().unwrap().len(), 2);
    assert!(recommended["recommendation"].is_string());
    assert_eq!(found["rows"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(service["result"]["row_count"], 1, "{service}");
    assert_eq!(tool["result"]["structuredContent"]["ticket_id"], TICKET);
    assert_eq!(feedback["verdict"], "rejected");

    // A refusal is one of the script too.
    let refused = script(Path::new("/bin/sh"), "curl.sh", &[&address, "TICKET-9999"]);
    assert!(refused.code != 0 && refused.stdout.contains("no ticket `TICKET-9999`"), "{refused:?}");
}

#[test]
fn an_mcp_client_lists_and_calls_tools() {
    let Some(python) = python() else { return };
    let sandbox = index_of_the_desk();
    let server = Server::start(&sandbox);
    let address = format!("http://{}", server.address());
    let said = shown(script(&python, "mcp_client.py", &[&address, TICKET]));
    expect![[r#"
        tools: similar_tickets, recommend_action, record_feedback, search_index, get_ticket
        2 similar resolved tickets to: Repasse não caiu
        1. TICKET-0343 Repasse não caiu na conta [FINANCIAL] 86 % likely the same problem; 3.3 h; solved by OTHER (OTHER): Tudo o que estava devolvido caem no novo banco, registro feito.
        2. TICKET-0461 Repasse não caiu [FINANCIAL] 64 % likely the same problem; 8.7 h; solved by RELEASE_PAYOUT (Liberar o repasse): Liberei o repasse, entra até 05/05.

        TICKET-0343 Repasse não caiu na conta [FINANCIAL] CLOSED; 3.3 h; solved by OTHER (OTHER)
        Problem:
          Repasse não caiu na conta
          Fiz R$ 9.198,06 em 24/03 e o dinheiro não apareceu. Isso está assim desde 24/03. Podem verificar, por favor?
        agent: Oi, [NAME]. Pode me mandar o TID dessa venda? [ASK_TRANSACTION_DATA]
        customer: Aí vai: R$ 9.198,06 no Elo, 24/03 às 11:28.
        agent: Tudo o que estava devolvido caem no novo banco, registro feito. [OTHER]
        agent: Finalizado. Bons negócios! [CLOSE_TICKET]

        Next action for: Repasse não caiu
        Recommendation id: <id>
        1. RELEASE_PAYOUT (Liberar o repasse) score 0.23, 58 % success in 8.7 h, 1 tickets; for: none; against: TICKET-0461
        2. CHANGE_ANTICIPATION (Ajustar a antecipação) score 0.19, 78 % success in 34.3 h, 2 tickets; for: TICKET-0205, TICKET-0348; against: none
        3. UPDATE_BANK_ACCOUNT (Atualizar domicílio bancário) score 0.16, 77 % success in 3.3 h, 1 tickets; for: TICKET-0199; against: none
        4. ASK_TRANSACTION_DATA (Pedir dados da transação) score 0.05, 73 % success in 8.7 h, 3 tickets; for: TICKET-0343, TICKET-0081; against: TICKET-0461
        5. VOID_TRANSACTION (Cancelar a transação) score 0.04, no similar case; learnt from the course of other threads
        Best approach, as in TICKET-0343: Tudo o que estava devolvido caem no novo banco, registro feito.
        Resolution: median 4.0 h, 3.3 to 11.1 h

        Kept: RELEASE_PAYOUT (Liberar o repasse) on TICKET-0042 was displayed. The next build counts it.

        error: True no ticket `TICKET-9999999` in this index; did you mean `TICKET-0099`, `TICKET-0199`, `TICKET-0299`?
        managed: main__support__tickets, main__support__steps
        TICKET-0311 Alterar conta para recebimento
    "#]].assert_eq(&said);
}

#[test]
fn the_databricks_sdk_lives_the_life_of_an_index() {
    let Some(python) = python() else { return };
    let sandbox = index_of_the_desk();
    let server = Server::start(&sandbox);
    let address = format!("http://{}", server.address());
    let said = shown(script(&python, "databricks_sdk.py", &[&address]));
    expect![[r#"
        endpoints: example, nba
        created: main.example.notes True
        upserted: SUCCESS 3
        nearest: 1 | refund not received; 2 | refund too late
        nearest, filtered: 2 | refund too late
        by words: 3 | terminal does not start
        scanned: [1, 2, 3]
        deleted: SUCCESS 1
        nearest, then: 1 | refund not received; 3 | terminal does not start
        followed: main.example.tickets True True
        hybrid: {'FINANCIAL'}
        indexes: main.example.notes, main.example.tickets
        not found: there is no index `main.example.none`
        left: []
    "#]]
    .assert_eq(&said);
}
