//! Builds from what has changed: onto what serves, by partitions, by versions.

use expect_test::expect;

use crate::support::{Outcome, Sandbox, copy_folder, files, package};

const BUILD: [&str; 4] = ["index", "build", "--model", "hashed"];

fn build(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    sandbox.nba(&[&BUILD[..], more].concat())
}

/// A desk of the day after: a ticket answered, a new one, one deleted.
fn next_day(sandbox: &Sandbox) {
    for table in ["companies", "customers", "agents"] {
        sandbox.write(&format!("day2/{table}.csv"), sandbox.read(&format!("desk/{table}.csv")));
    }
    let tickets = sandbox.read("desk/tickets.csv");
    let kept: Vec<&str> = tickets.lines().filter(|line| !line.starts_with("TICKET-2")).collect();
    let (head, rest) = kept.split_at(kept.len() - 1);
    assert!(rest[0].starts_with("TICKET-3"));
    sandbox.write("day2/tickets.csv", format!("{}\n{CHANGED}\n{NEW}\n", head.join("\n")));
    let turns = sandbox.read("desk/ticket_interactions.csv");
    let turns: Vec<&str> = turns.lines().filter(|line| !line.contains(",TICKET-2,")).collect();
    sandbox.write("day2/ticket_interactions.csv", format!("{}\n{TURNS}\n", turns.join("\n")));

    let feed = |text: &str, does: &str| -> String { text.lines().map(|line| format!("{does},8,{line}\n")).collect() };
    let header = tickets.lines().next().unwrap();
    sandbox.write("changes/customers.csv", sandbox.read("desk/customers.csv"));
    let gone = tickets.lines().find(|line| line.starts_with("TICKET-2")).unwrap();
    sandbox.write(
        "changes/tickets.csv",
        [
            format!("_change_type,_commit_version,{header}\n"),
            feed(NEW, "insert"),
            feed(CHANGED, "update_postimage"),
            feed(gone, "delete"),
        ]
        .concat(),
    );
    let header = "interaction_id,ticket_id,interaction_timestamp,author_type,author_id,message";
    sandbox.write("changes/ticket_interactions.csv", format!("{header}\n{TURNS}\n"));
}

const CHANGED: &str =
    "TICKET-3,COMP1,CUST1,AGENT1,2026-06-01 10:00:00,,IN_PROGRESS,HIGH,FINANCIAL,EMAIL,Estorno,Cadê o estorno da venda";
const NEW: &str = "TICKET-4,COMP2,CUST2,,2026-06-02 10:00:00,,OPEN,LOW,TECHNICAL,EMAIL,Visor,O visor apagou e sou Bento Salgado Luz de CPF 111.444.777-35";
const TURNS: &str = "INT5,TICKET-3,2026-06-01 11:00:00,AGENT,AGENT1,Vou verificar o estorno\n\
                     INT6,TICKET-4,2026-06-02 10:00:00,CUSTOMER,CUST2,O visor apagou";

#[test]
fn changes_onto_what_serves_make_what_a_full_extract_makes() {
    let sandbox = Sandbox::with_mini_desk();
    next_day(&sandbox);
    build(&sandbox, &["--data", "desk"]).ok();
    build(&sandbox, &["--data", "changes", "--changes"]).ok();
    build(&sandbox, &["--data", "day2", "--index", "full"]).ok();
    let (changed, full) = (sandbox.path("index/g000002"), sandbox.path("full/g000001"));
    let mut compared = 0;
    for file in files(&full) {
        // Keywords lie in files with names of their own in each build; the answer below asks them.
        let is_index = file.starts_with("tickets/0/") || file.starts_with("steps/0/");
        if file == "learned.bin" || is_index && !file.contains("/keyword/") {
            let [one, other] = [&changed, &full].map(|folder| fs_err::read(folder.join(&file)).unwrap());
            assert!(one == other, "{file} differs");
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared} files were compared");
    let answer = |index: &str| {
        let mut answer = sandbox.nba(&["recommend", "TICKET-3", "--index", index, "--json"]).json();
        // They name the generation.
        let names = ["generation", "recommendation"].map(|key| answer.as_object_mut().unwrap().remove(key));
        assert!(names.iter().all(Option::is_some));
        answer
    };
    assert_eq!(answer("index"), answer("full"));
    sandbox.nba(&["index", "verify", "--pii"]).ok();
}

#[test]
fn the_same_changes_again_are_nothing_to_do() {
    let sandbox = Sandbox::with_mini_desk();
    next_day(&sandbox);
    build(&sandbox, &["--data", "desk"]).ok();
    let args = ["--data", "changes", "--changes"];
    let report = sandbox.nba(&[&BUILD[..], &args[..], &["--json"]].concat()).json();
    assert_eq!(report["tables"][3]["changes"]["set"], 2);
    assert_eq!(report["tables"][3]["changes"]["deleted"], 1);
    assert_eq!(report["tables"][3]["rows"], 3);
    assert_eq!(build(&sandbox, &args).code, 3);
    // A customer whose name may be in any text must be known.
    sandbox.write("changes/customers.csv", "customer_id,company_id,customer_name\nCUST1,COMP1,Iara Peixoto Vidal\n");
    let outcome = build(&sandbox, &args);
    expect![[r#"
        exit 5
        read
        error: 1 problem in the data
          index/g000002/kept/tickets.parquet:3: customer_id = `CUST2`: is not a customer_id of customers; a build onto what serves needs that table whole
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
    "#]].assert_eq(&format!("exit {}\n{}", outcome.code, outcome.stderr));
}

#[test]
fn changes_need_something_to_be_read_onto() {
    let sandbox = Sandbox::with_mini_desk();
    next_day(&sandbox);
    let outcome = build(&sandbox, &["--data", "changes", "--changes"]);
    expect![[r#"
        exit 7
        error: no index in index; build one with `nba index build --data DIR --index index`
    "#]]
    .assert_eq(&format!("exit {}\n{}", outcome.code, outcome.stderr));
    let outcome = build(&sandbox, &["--data", "desk", "--at", "tickets=3", "--at", "ticket=3"]);
    expect![[r#"
        exit 2
        read
        error: at: there is no table `ticket`; there are companies, customers, agents, tickets, ticket_interactions
    "#]]
    .assert_eq(&format!("exit {}\n{}", outcome.code, outcome.stderr));
    let outcome = build(&sandbox, &["--data", "desk", "--at", "tickets=3"]);
    expect![[r#"
        exit 5
        read
        error: 1 problem in the data
          desk/tickets.csv: has no versions; only a Delta Lake table is read at one
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
    "#]]
    .assert_eq(&format!("exit {}\n{}", outcome.code, outcome.stderr));
}

/// The desk with its tickets in a Delta Lake table, made by `tests/delta/make.py`.
fn with_delta() -> Sandbox {
    let sandbox = Sandbox::with_mini_desk();
    fs_err::remove_file(sandbox.path("desk/tickets.csv")).unwrap();
    copy_folder(&package().join("tests/delta/tickets"), &sandbox.path("desk/tickets"));
    sandbox
}

#[cfg(not(feature = "delta"))]
#[test]
fn a_delta_table_is_refused_by_a_program_that_would_mix_its_versions() {
    let sandbox = with_delta();
    let outcome = build(&sandbox, &["--data", "desk"]);
    expect![[r#"
        exit 5
        read
        error: 1 problem in the data
          desk/tickets: is a Delta Lake table whose version 5 cannot be read: this program was built without; build it with `--features delta`, or export the table as Parquet
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
    "#]].assert_eq(&format!("exit {}\n{}", outcome.code, outcome.stderr));
}

#[cfg(feature = "delta")]
#[test]
fn a_delta_table_is_read_at_a_version_and_its_changes_after_it() {
    let sandbox = with_delta();
    let status = |id: &str, index: &str| {
        let found = sandbox.nba(&["search", "tickets", "--row", id, "-k", "1", "--index", index, "--json"]);
        found.json()["rows"][0]["columns"]["status"].as_str().map(str::to_owned)
    };
    build(&sandbox, &["--data", "desk", "--at", "tickets=1"]).ok();
    assert_eq!(status("TICKET-3", "index").as_deref(), Some("OPEN"));
    assert_eq!(build(&sandbox, &["--data", "desk", "--at", "tickets=1"]).code, 3);
    let outcome = build(&sandbox, &["--data", "desk", "--at", "tickets=6"]);
    expect![[r#"
        exit 5
        read
        error: 1 problem in the data
          desk/tickets: has no version 6; the newest is 5
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
    "#]]
    .assert_eq(&format!("exit {}\n{}", outcome.code, outcome.stderr));

    let args = ["--data", "desk", "--changes", "--json"];
    let report = sandbox.nba(&[&BUILD[..], &args[..]].concat()).json();
    let changes = &report["tables"][3]["changes"];
    assert_eq!((&changes["set"], &changes["deleted"]), (&2.into(), &1.into()), "{report}");
    assert_eq!(status("TICKET-3", "index").as_deref(), Some("IN_PROGRESS"));
    assert_eq!(build(&sandbox, &["--data", "desk", "--changes"]).code, 3);

    // The newest version as it is.
    let turns = sandbox.read("desk/ticket_interactions.csv");
    let turns: String =
        turns.lines().filter(|line| !line.contains(",TICKET-2,")).map(|line| format!("{line}\n")).collect();
    sandbox.write("desk/ticket_interactions.csv", turns);
    build(&sandbox, &["--data", "desk", "--index", "full"]).ok();
    let ids = |index: &str| {
        let found = sandbox.nba(&["search", "tickets", "--text", "estorno", "--index", index, "--json"]).json();
        let mut ids: Vec<String> =
            found["rows"].as_array().unwrap().iter().map(|hit| hit["key"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids("index"), ["TICKET-1", "TICKET-3", "TICKET-4"]);
    assert_eq!(ids("index"), ids("full"));
}
