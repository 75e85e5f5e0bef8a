//! Gates by the real program: what they refuse goes on being served as it was, who forces a build is noted; reports, metrics
//! and logs of a build; what the doctor finds.

use std::collections::BTreeSet;

use expect_test::expect;
use nba::snapshot::Snapshot;
use regex::Regex;
use serde_json::Value;

use crate::support::{Outcome, Sandbox};

const BUILD: [&str; 6] = ["index", "build", "--data", "desk", "--model", "hashed"];

fn build(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    sandbox.nba(&[&BUILD[..], more].concat())
}

/// Takes every second ticket off the tables, and what was said in it.
fn halve(sandbox: &Sandbox) {
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let tickets = records(&sandbox.read("desk/tickets.csv"));
    let of = |table: &[Vec<String>], name: &str| table[0].iter().position(|column| column == name).unwrap();
    let id = of(&tickets, "ticket_id");
    let half: Vec<Vec<String>> =
        tickets.iter().enumerate().filter(|(at, _)| at % 2 == 0).map(|it| it.1.clone()).collect();
    kept.extend(half.iter().map(|row| row[id].clone()));
    sandbox.write("desk/tickets.csv", csv(&half));
    let turns = records(&sandbox.read("desk/ticket_interactions.csv"));
    let ticket = of(&turns, "ticket_id");
    let said: Vec<Vec<String>> = turns
        .iter()
        .enumerate()
        .filter(|(at, row)| *at == 0 || kept.contains(&row[ticket]))
        .map(|it| it.1.clone())
        .collect();
    sandbox.write("desk/ticket_interactions.csv", csv(&said));
}

fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

/// Numbers that no test should know.
fn blotted(text: &str) -> String {
    let text = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap().replace_all(text, "<time>");
    let text = Regex::new(r"\b\d+\.\d+(e-?\d+)?\b").unwrap().replace_all(&text, "<x>").into_owned();
    let text = Regex::new(r"(?m)^(\| \w+ \| <x> \| )\d+ \|$").unwrap().replace_all(&text, "$1<n> |").into_owned();
    Regex::new(r"Texts: \d+").unwrap().replace_all(&text, "Texts: <n>").into_owned()
}

#[test]
fn a_desk_that_lost_half_its_tickets_is_refused_and_the_old_generation_serves() {
    let sandbox = Sandbox::with_small_desk();
    build(&sandbox, &[]).ok();
    let before = sandbox.read("index/CURRENT");
    halve(&sandbox);
    let outcome = build(&sandbox, &["--report", "r.json", "--report", "r.md", "--metrics", "nba.prom"]);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(outcome.stdout.is_empty());
    let told = &outcome.stderr[outcome.stderr.find("error:").unwrap()..];
    assert!(told.contains("is not published"), "{told}");
    assert!(told.contains("rows of table tickets: ") && told.contains("(build.gates.rows_drop: 0.2)"), "{told}");
    assert!(told.contains("g000001 goes on serving; mend the data, or set the limit"), "{told}");
    assert_eq!(sandbox.read("index/CURRENT"), before);
    assert!(!sandbox.path("index/g000002").exists() && !sandbox.path("index/.g000002.new").exists());
    sandbox.nba(&["index", "verify"]).ok();

    let report: Value = serde_json::from_str(&sandbox.read("r.json")).unwrap();
    assert_eq!(
        (&report["outcome"], &report["exit_code"], &report["serving"]),
        (&"refused".into(), &4.into(), &"g000001".into())
    );
    let gates = report["report"]["gates"].as_array().unwrap();
    let tickets = gates.iter().find(|it| it["gate"] == "rows" && it["of"] == "table tickets").unwrap();
    assert_eq!((&tickets["passed"], &tickets["limit"]), (&false.into(), &0.2.into()));
    assert!((tickets["value"].as_f64().unwrap() - 0.5).abs() < 0.01, "{tickets}");
    assert!(sandbox.read("r.md").contains("| **refused** | rows | table tickets |"));
    let metrics = sandbox.read("nba.prom");
    assert!(
        metrics.contains("\nnba_build_exit_code 4\n") && metrics.contains("\nnba_build_published 0\n"),
        "{metrics}"
    );
    assert!(metrics.contains("nba_build_gate_passed{gate=\"rows\",of=\"table tickets\"} 0"), "{metrics}");

    // With limits that allow it, it is published: limits are no input of a generation, but what is refused is none either.
    sandbox.write("nba.toml", "[build.gates]\nrows_drop = 0.6\n");
    build(&sandbox, &[]).ok();
    sandbox.write("nba.toml", "");
    assert_eq!(build(&sandbox, &[]).code, 3);
}

#[test]
fn force_publishes_what_gates_refuse_and_notes_who_asked() {
    let mut sandbox = Sandbox::with_small_desk();
    sandbox.set("USER", "ana");
    build(&sandbox, &["--force"]).ok();
    let forced = |sandbox: &Sandbox| -> Value {
        let snapshot = Snapshot::open(&sandbox.path("index")).unwrap();
        let figures: Value = serde_json::from_slice(snapshot.file("figures.json").unwrap()).unwrap();
        figures["forced"].clone()
    };
    // Nobody is named where every gate holds.
    assert_eq!(forced(&sandbox), Value::Null);
    halve(&sandbox);
    let report = build(&sandbox, &["--force", "--json"]).json();
    let by = report["forced_by"].as_str().unwrap();
    assert!(by.starts_with("ana@"), "{by}");
    assert!(sandbox.read("index/CURRENT").starts_with("g000002"));
    let noted = forced(&sandbox);
    assert_eq!(noted["by"], by);
    assert!(
        noted["failed"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line.as_str().unwrap().starts_with("rows of table tickets"))
    );
    // The next night is compared with this one, and holds.
    let again = build(&sandbox, &["--force", "--json"]).json();
    assert_eq!(again["forced_by"], Value::Null);
    assert_eq!(forced(&sandbox), Value::Null);
}

#[test]
fn skipped_rows_and_columns_that_are_gone_are_refused() {
    let sandbox = Sandbox::with_mini_desk();
    build(&sandbox, &[]).ok();
    let outcome = |more: &[&str]| {
        let outcome = build(&sandbox, more);
        (outcome.code, outcome.stderr)
    };
    let tickets = sandbox.read("desk/tickets.csv");
    sandbox.write("desk/agents.csv", sandbox.read("desk/agents.csv").replacen("specialization", "speciality", 1));
    let (code, told) = outcome(&[]);
    assert_eq!(code, 4, "{told}");
    assert!(told.contains("columns_gone of table agents: specialization gone (build.gates.columns_gone: 0)"), "{told}");
    sandbox.write("desk/tickets.csv", tickets.clone() + &"TICKET-9,NOBODY\n".repeat(11));
    sandbox.write("desk/agents.csv", sandbox.read("desk/agents.csv").replacen("speciality", "specialization", 1));
    let (code, told) = outcome(&["--lenient"]);
    assert_eq!(code, 4, "{told}");
    assert!(told.contains("skipped: 11 of "), "{told}");
}

#[test]
fn personal_data_is_a_gate_where_it_is_asked_for() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.write("nba.toml", "[build.gates]\npersonal_data = true\n");
    let report = build(&sandbox, &["--json"]).json();
    let gates = report["gates"].as_array().unwrap();
    let gate = gates.iter().find(|it| it["gate"] == "personal_data").unwrap();
    assert_eq!((&gate["passed"], &gate["value"]), (&true.into(), &0.0.into()));
}

#[test]
fn a_report_tells_what_came_in_what_changed_and_what_gates_said() {
    let sandbox = Sandbox::with_mini_desk();
    build(&sandbox, &["--report", "first.md"]).ok();
    expect![[r#"
        # Build of index: published

        - ended <time>, exit code 0
        - serving: g000001

        ## What changed

        | | before | g000001 |
        |---|--:|--:|
        | rows of steps | – | 3 |
        | rows of tickets | – | 3 |
        | MB | – | <x> |
        | built | – | <time> |

        Texts: <n>, of which 0 had a vector.

        ## What came in

        | table | rows | skipped | columns |
        |---|--:|--:|--:|
        | companies | 2 | 0 | 1 |
        | customers | 2 | 0 | 6 |
        | agents | 1 | 0 | 5 |
        | tickets | 3 | 0 | 12 |
        | ticket_interactions | 4 | 0 | 6 |

        ## Gates

        | | gate | of | found | value | limit | key |
        |---|---|---|---|--:|--:|---|
        | ok | rows |  | nothing to compare with | – | <x> | `build.gates.rows_drop` |
        | ok | skipped |  | 0 of 12 rows, <x> % | <x> | <x> | `build.gates.skipped` |
        | ok | columns |  | nothing to compare with | – | 0 | `build.gates.columns_gone` |
        | ok | recall | steps | <x> of the ten nearest found, by 3 rows | <x> | <x> | `build.gates.recall` |
        | ok | recall | tickets | <x> of the ten nearest found, by 3 rows | <x> | <x> | `build.gates.recall` |
        | ok | hit@3 |  | nothing to compare with, or too little to learn from | – | 2 | `build.gates.hit_errors` |
        | ok | categories |  | nothing to compare with | – | <x> | `build.gates.category_psi` |
        | ok | vectors |  | nothing to compare with, or another model | – | <x> | `build.gates.vector_psi` |
        | ok | size |  | nothing to compare with | – | 1 | `build.gates.size_growth` |

        ## Phases

        | phase | seconds | rows/s |
        |---|--:|--:|
        | read | <x> | <n> |
        | embed | <x> | <n> |
        | learn | <x> | <n> |
        | index | <x> | <n> |
        | gates | <x> | <n> |
        | verify | <x> | <n> |
    "#]]
    .assert_eq(&blotted(&sandbox.read("first.md")));
    sandbox.check(
        &["index", "build", "--data", "desk", "--model", "hashed", "--report", "report.txt"],
        expect![[r#"
            exit 2
            --- stderr
            error: --report: report.txt must end in .json or .md
        "#]],
    );
    assert_eq!(build(&sandbox, &["--report", "second.md", "--metrics", "nba.prom"]).code, 3);
    expect![[r#"
        # Build of index: nothing to do

        - ended <time>, exit code 3
        - serving: g000001
    "#]]
    .assert_eq(&blotted(&sandbox.read("second.md")));
    let metrics = sandbox.read("nba.prom");
    assert!(metrics.contains("\nnba_build_exit_code 3\n"), "{metrics}");
    // Every line is one that Prometheus reads.
    let line =
        Regex::new(r#"^(# (HELP|TYPE) nba_build_\w+ .+|nba_build_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+\d.e]+)$"#)
            .unwrap();
    build(&sandbox, &["--force", "--metrics", "nba.prom"]).ok();
    let metrics = sandbox.read("nba.prom");
    assert!(metrics.lines().count() > 40);
    metrics.lines().for_each(|it| assert!(line.is_match(it), "{it}"));
    sandbox.edit("desk/tickets.csv", "ticket_id", "ticket");
    let outcome = build(&sandbox, &["--report", "third.json"]);
    let third: Value = serde_json::from_str(&sandbox.read("third.json")).unwrap();
    assert_eq!((outcome.code, &third["outcome"], &third["exit_code"]), (5, &"failed".into(), &5.into()));
}

#[test]
fn logs_are_one_json_object_a_line() {
    let sandbox = Sandbox::with_mini_desk();
    let events = |outcome: &Outcome| -> Vec<Value> {
        outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    };
    let outcome = build(&sandbox, &["--log", "json"]);
    assert!(outcome.stdout.starts_with("generation g000001 of index serves now"));
    let told = events(&outcome);
    let phases: Vec<&str> =
        told.iter().filter(|it| it["event"] == "phase").filter_map(|it| it["phase"].as_str()).collect();
    assert_eq!(phases.join(" "), "read embed learn index gates verify");
    assert!(told.iter().any(|it| it["event"] == "gate" && it["gate"] == "recall" && it["passed"] == true));
    let end = told.last().unwrap();
    assert_eq!(
        (&end["event"], &end["outcome"], &end["serving"]),
        (&"end".into(), &"published".into(), &"g000001".into())
    );
    sandbox.edit("desk/tickets.csv", "ticket_id", "ticket");
    let outcome = build(&sandbox, &["--log", "json"]);
    let told = events(&outcome);
    let end = told.last().unwrap();
    assert_eq!((outcome.code, &end["outcome"], &end["exit_code"]), (5, &"failed".into(), &5.into()));
    assert!(end["error"].as_str().unwrap().contains("no such column"), "{end}");
}

#[test]
fn the_doctor_finds_a_good_machine_good_and_says_what_is_wrong_with_a_bad_one() {
    let sandbox = Sandbox::with_mini_desk();
    build(&sandbox, &[]).ok();
    let shown = |outcome: &Outcome| {
        let changing = Regex::new(r"(?m)^(program|disk) ( +ok ) .*$").unwrap();
        changing.replace_all(&sandbox.shown(outcome), "$1 $2 …").into_owned()
    };
    let good = sandbox.nba(&["doctor", "--model", "hashed"]);
    expect![[r#"
        exit 0
        --- stdout
        program      ok  …
        config       ok       no file, all defaults
        model        ok       hashed-256, 256 dimensions
        runtime      ok       the model embeds a text
        index        ok       g000001 opens: 6 rows, 0.1 MB
        permissions  ok       index can be written
        disk         ok  …
    "#]]
    .assert_eq(&shown(&good));
    let report = sandbox.nba(&["doctor", "--model", "hashed", "--json"]).json();
    assert_eq!(report["ok"], true);
    assert!(report["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));

    let rows = sandbox.path("index/g000001/tickets/0/rows.arrow");
    fs_err::write(rows, "no rows").unwrap();
    let bad = sandbox.nba(&["doctor", "--model", "nowhere"]);
    expect![[r#"
        exit 7
        --- stdout
        program      ok  …
        config       ok       no file, all defaults
        model        problem  no usable model in nowhere: there is no such folder, nor one of that name in a models folder (no models folder was found)
        index        problem  index/g000001/tickets/0/rows.arrow is damaged: 7 bytes, the manifest says 10162; rebuild the index
        permissions  ok       index can be written
        disk         ok  …
    "#]].assert_eq(&shown(&bad));
    let none = sandbox.nba(&["doctor", "--model", "hashed", "--index", "nowhere/index"]);
    expect![[r#"
        exit 7
        --- stdout
        program      ok  …
        config       ok       no file, all defaults
        model        ok       hashed-256, 256 dimensions
        runtime      ok       the model embeds a text
        index        problem  no index in nowhere/index; build one with `nba index build --data DIR --index nowhere/index`
        permissions  ok       . can be written
        disk         ok  …
    "#]].assert_eq(&shown(&none));
}
