//! Feedback by the real program: what is kept, what is refused, what survives a kill, and that the next build counts it.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use expect_test::expect;
use fs_err as fs;
use nba::feedback::{Event, Kind, Log, Record, recommendation_id};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::mcp::Session;
use crate::serve::Server;
use crate::support::{NOW, Sandbox, small_ticket};

const BUILD: [&str; 7] = ["index", "build", "--data", "desk", "--model", "hashed", "--force"];
const LOG: &str = "index/feedback/log.jsonl";

fn mini() -> Sandbox {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&BUILD).ok();
    sandbox
}

fn keys(value: &Value) -> String {
    value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}

#[test]
fn verdicts_as_a_person_gives_and_sees_them() {
    let sandbox = mini();
    sandbox.check(
        &["feedback", "--list"],
        expect![[r#"
        exit 0
        --- stdout
        0 records in the log
    "#]],
    );
    assert!(!sandbox.path("index/feedback").exists(), "looking made a folder");
    sandbox.check(
        &["feedback", "TICKET-3", "--action", "REFUND_FEE", "--accepted", "--by", "AGENT1"],
        expect![[r#"
        exit 0
        --- stdout
        TICKET-3  Estornar tarifa (REFUND_FEE)  accepted
        kept as <id>; the next `nba index build` counts it
    "#]],
    );
    let edited = ["feedback", "TICKET-3", "--action", "CLOSE_TICKET", "--edited", "--edited-to", "REFUND_FEE"];
    sandbox.check(
        &edited,
        expect![[r#"
        exit 0
        --- stdout
        TICKET-3  Encerrar o chamado (CLOSE_TICKET)  edited to Estornar tarifa (REFUND_FEE)
        kept as <id>; the next `nba index build` counts it
    "#]],
    );
    sandbox.nba(&["feedback", "TICKET-1", "--action", "CLOSE_TICKET", "--rejected"]).ok();
    // Another word on the same case takes the place of the first.
    sandbox.nba(&["feedback", "TICKET-3", "--action", "REFUND_FEE", "--rejected"]).ok();
    sandbox.check(
        &["feedback", "--list"],
        expect![[r#"
            exit 0
            --- stdout
            4 records in the log

            displayed  accepted  rejected    edited  action
                    2         0         1         1  CLOSE_TICKET  Encerrar o chamado
                    1         0         1         0  REFUND_FEE  Estornar tarifa
        "#]],
    );
    sandbox.check(
        &["feedback", "--list", "--ticket", "TICKET-1", "--language", "en"],
        expect![[r#"
            exit 0
            --- stdout
            4 records in the log

            displayed  accepted  rejected    edited  action
                    1         0         1         0  CLOSE_TICKET  Close the ticket
        "#]],
    );
    sandbox.check(
        &["feedback", "--list", "--ticket", "TICKET-2"],
        expect![[r#"
        exit 0
        --- stdout
        4 records in the log
    "#]],
    );
    sandbox.check(
        &["feedback", "--list", "--ticket", "TICKET-4"],
        expect![[r#"
        exit 2
        --- stderr
        error: no ticket `TICKET-4` in this index; did you mean `TICKET-1`, `TICKET-2`, `TICKET-3`?
    "#]],
    );
    let listed = sandbox.nba(&["feedback", "--list", "--json"]).json();
    assert_eq!(keys(&listed), "actions damaged records torn");
    assert_eq!(
        listed["actions"][1],
        json!({ "id": "REFUND_FEE", "title": "Estornar tarifa", "displayed": 1, "accepted": 0, "rejected": 1, "edited": 0 })
    );
}

#[test]
fn every_face_keeps_the_same() {
    let sandbox = mini_with_variable();
    let recommendation = recommendation_id("g000001", "TICKET-3", &["REFUND_FEE", "CLOSE_TICKET"]);
    let body = json!({
        "ticket": "TICKET-3", "action": "CLOSE_TICKET", "verdict": "edited", "edited_to": "REFUND_FEE",
        "recommendation": recommendation, "by": "AGENT1",
    });
    let printed = sandbox
        .nba(&[
            "feedback",
            "TICKET-3",
            "--action",
            "CLOSE_TICKET",
            "--edited",
            "--edited-to",
            "REFUND_FEE",
            "--recommendation",
            &recommendation,
            "--by",
            "AGENT1",
            "--json",
        ])
        .json();
    let served = Server::start(&sandbox).post("/v1/feedback", &body);
    let mut session = Session::open(&sandbox);
    let result = session.call("record_feedback", body);
    let called = result["structuredContent"].clone();
    assert!(result["content"][0]["text"].as_str().unwrap().starts_with("Kept: CLOSE_TICKET ("), "{result}");
    assert_eq!(keys(&printed), "action at by category edited_to generation id recommendation ticket_id verdict");
    let [mut printed, mut served, mut called] = [printed, served, called];
    let mut ids = Vec::new();
    for answer in [&mut printed, &mut served, &mut called] {
        ids.push(answer["id"].take());
        answer["at"].take();
    }
    assert_eq!((&printed, &printed), (&served, &called));
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();

    let reading = Log::of(&sandbox.path("index")).read().unwrap();
    assert_eq!(reading.records.iter().map(Record::id).collect::<Vec<_>>(), ids);
    for record in &reading.records {
        let expected = Event {
            at: record.event().at.clone(),
            kind: Kind::Edited,
            recommendation: Some(recommendation.clone()),
            ticket: "TICKET-3".to_owned(),
            action: "CLOSE_TICKET".to_owned(),
            category: Some("FINANCIAL".to_owned()),
            edited_to: Some("REFUND_FEE".to_owned()),
            by: Some("AGENT1".to_owned()),
        };
        assert_eq!(record.event(), &expected);
    }
    // Three records, one case.
    let listed = sandbox.nba(&["feedback", "--list", "--json"]).json();
    assert_eq!((&listed["records"], &listed["actions"][0]["edited"]), (&json!(3), &json!(1)));
}

/// With an absolute `NBA_INDEX`, as a server has it.
fn mini_with_variable() -> Sandbox {
    let mut sandbox = mini();
    let index = sandbox.path("index");
    sandbox.set("NBA_INDEX", index);
    sandbox
}

#[test]
fn what_cannot_be_kept_is_refused_and_leaves_nothing() {
    let sandbox = mini();
    let refused = |words: &[&str], expected| {
        sandbox.check(&[&["feedback"], words].concat(), expected);
        assert!(!sandbox.path("index/feedback").exists(), "{words:?} was kept");
    };
    refused(
        &["TICKET-9", "--action", "REFUND_FEE", "--accepted"],
        expect![[r#"
        exit 2
        --- stderr
        error: no ticket `TICKET-9` in this index; did you mean `TICKET-1`, `TICKET-2`, `TICKET-3`?
    "#]],
    );
    refused(
        &["TICKET-3", "--action", "refund_fees", "--accepted"],
        expect![[r#"
        exit 2
        --- stderr
        error: no action `refund_fees` in the catalogue of this generation; did you mean `REFUND_FEE`, `EXPLAIN_FEE`, `RESET_ACCESS`?
    "#]],
    );
    refused(
        &["TICKET-3", "--action", "OTHER", "--rejected"],
        expect![[r#"
        exit 2
        --- stderr
        error: no action `OTHER` in the catalogue of this generation; did you mean `CLOSE_TICKET`, `REFUND_FEE`, `CHANGE_PLAN`?
    "#]],
    );
    refused(
        &["TICKET-3", "--action", "REFUND_FEE", "--edited", "--edited-to", "CLOSE"],
        expect![[r#"
        exit 2
        --- stderr
        error: no action `CLOSE` in the catalogue of this generation; did you mean `CLOSE_TICKET`, `ESCALATE_L2`, `CHANGE_PLAN`?
    "#]],
    );
    refused(
        &["TICKET-3", "--action", "REFUND_FEE", "--accepted", "--recommendation", "42"],
        expect![[r#"
        exit 2
        --- stderr
        error: recommendation: `42` is no id of a recommendation: 16 digits of 0-9 and a-f
    "#]],
    );
    refused(
        &["TICKET-3", "--action", "REFUND_FEE", "--accepted", "--by", "iara@loja.example"],
        expect![[r#"
        exit 2
        --- stderr
        error: by: `[EMAIL]` is personal data; give an id such as `AGENT-007`
    "#]],
    );
    refused(
        &["TICKET-3", "--action", "REFUND_FEE", "--accepted", "--by", "Iara Peixoto"],
        expect![[r#"
        exit 2
        --- stderr
        error: by: it has blanks; give the id of a person, not a name
    "#]],
    );
    refused(
        &["TICKET-3", "--action", "REFUND_FEE", "--accepted", "--json", "--by", ""],
        expect![[r#"
        exit 2
        --- stderr
        {"error":"by: it is empty","exit_code":2}
    "#]],
    );
    Sandbox::new().check(
        &["feedback", "TICKET-3", "--action", "REFUND_FEE", "--accepted"],
        expect![[r#"
            exit 7
            --- stderr
            error: no index in index; build one with `nba index build --data DIR --index index`
        "#]],
    );

    let sandbox = mini_with_variable();
    let told = Server::start(&sandbox).told(&[
        ("POST", "/v1/feedback", r#"{"ticket": "TICKET-3", "action": "REFUND_FEE"}"#),
        ("POST", "/v1/feedback", r#"{"ticket": "TICKET-3", "action": "REFUND_FEE", "verdict": "liked"}"#),
        (
            "POST",
            "/v1/feedback",
            r#"{"ticket": "TICKET-3", "action": "REFUND_FEE", "verdict": "accepted", "comment": "!"}"#,
        ),
        (
            "POST",
            "/v1/feedback",
            r#"{"ticket": "TICKET-3", "action": "REFUND_FEE", "verdict": "accepted", "edited_to": "CLOSE_TICKET"}"#,
        ),
        ("POST", "/v1/feedback", r#"{"ticket": "TICKET-7", "action": "REFUND_FEE", "verdict": "accepted"}"#),
        ("POST", "/v1/feedback", r#"{"ticket": "TICKET-3", "action": "REFUND", "verdict": "accepted"}"#),
        ("GET", "/v1/feedback", ""),
    ]);
    expect![[r#"
        POST /v1/feedback {"ticket": "TICKET-3", "action": "REFUND_FEE"}
          400 {"error":"body: missing field `verdict` at line 1 column 46","exit_code":2}
        POST /v1/feedback {"ticket": "TICKET-3", "action": "REFUND_FEE", "verdict": "liked"}
          400 {"error":"body: unknown variant `liked`, expected one of `displayed`, `accepted`, `rejected`, `edited` at line 1 column 65","exit_code":2}
        POST /v1/feedback {"ticket": "TICKET-3", "action": "REFUND_FEE", "verdict": "accepted", "comment": "!"}
          400 {"error":"body: unknown field `comment`, expected one of `ticket`, `action`, `verdict`, `edited_to`, `recommendation`, `by` at line 1 column 79","exit_code":2}
        POST /v1/feedback {"ticket": "TICKET-3", "action": "REFUND_FEE", "verdict": "accepted", "edited_to": "CLOSE_TICKET"}
          400 {"error":"edited_to: it goes with `edited`, not with `accepted`","exit_code":2}
        POST /v1/feedback {"ticket": "TICKET-7", "action": "REFUND_FEE", "verdict": "accepted"}
          404 {"error":"no ticket `TICKET-7` in this index; did you mean `TICKET-1`, `TICKET-2`, `TICKET-3`?","exit_code":2}
        POST /v1/feedback {"ticket": "TICKET-3", "action": "REFUND", "verdict": "accepted"}
          404 {"error":"no action `REFUND` in the catalogue of this generation; did you mean `REFUND_FEE`, `CHANGE_PLAN`, `CHECK_ACCOUNT`?","exit_code":2}
        GET /v1/feedback 
          405 {"error":"`/v1/feedback` does not take GET; see the header `allow`","exit_code":2}
    "#]].assert_eq(&told);
    assert!(!sandbox.path("index/feedback").exists());
}

#[test]
fn the_next_build_counts_what_was_kept_and_keeps_the_log() {
    let sandbox = mini();
    assert!(!sandbox.read("index/g000001/desk.json").contains("feedback"), "a desk without feedback is as it was");
    let of = |at: usize, kind: Kind, ticket: &str, category: &str| {
        let event = Event {
            at: NOW.to_owned(),
            kind,
            recommendation: Some(recommendation_id("g000001", ticket, &["REFUND_FEE"])),
            ticket: ticket.to_owned(),
            action: "REFUND_FEE".to_owned(),
            category: Some(category.to_owned()),
            edited_to: None,
            by: Some(format!("AGENT{at}")),
        };
        Record::new(event).unwrap()
    };
    let log = Log::of(&sandbox.path("index"));
    log.append(&[of(1, Kind::Displayed, "TICKET-3", "FINANCIAL"), of(2, Kind::Displayed, "TICKET-2", "TECHNICAL")])
        .unwrap();
    log.append(&[of(3, Kind::Accepted, "TICKET-3", "FINANCIAL"), of(4, Kind::Accepted, "TICKET-3", "FINANCIAL")])
        .unwrap();
    sandbox.nba(&["feedback", "TICKET-2", "--action", "REFUND_FEE", "--rejected"]).ok();
    let kept = sandbox.read(LOG);

    let report = sandbox.nba(&[&BUILD[..], &["--json"]].concat()).json();
    assert_eq!(report["feedback"], json!({ "records": 5, "torn": 0, "damaged": [] }));
    let desk: Value = serde_json::from_str(&sandbox.read("index/g000002/desk.json")).unwrap();
    let counts = |displayed, accepted, rejected| json!({ "displayed": displayed, "accepted": accepted, "rejected": rejected, "edited": 0 });
    assert_eq!(
        desk["feedback"],
        json!({
            "actions": { "REFUND_FEE": counts(3, 1, 1) },
            "categories": {
                "FINANCIAL": { "REFUND_FEE": counts(1, 1, 0) },
                "TECHNICAL": { "REFUND_FEE": counts(2, 0, 1) },
            },
        })
    );
    for _ in 0..3 {
        let shown = sandbox.nba(&[&BUILD[..], &["--keep", "1"]].concat()).ok().stdout;
        assert!(shown.contains("\n  feedback        5 records\n"), "{shown}");
    }
    assert_eq!(sandbox.read(LOG), kept, "builds leave the log as it is");
    sandbox.nba(&["index", "verify"]).ok();
    sandbox.nba(&["recommend", "TICKET-3"]).ok();
}

#[test]
fn what_is_rejected_again_and_again_falls_behind_after_the_next_build() {
    let sandbox = Sandbox::with_small_index();
    let ticket = &small_ticket(true);
    let ask = || sandbox.nba(&["recommend", ticket, "--json"]).json();
    let actions = |answer: &Value| -> Vec<(String, f64)> {
        let ranked = answer["actions"].as_array().unwrap().iter();
        ranked.map(|it| (it["id"].as_str().unwrap().to_owned(), it["acceptance"].as_f64().unwrap())).collect()
    };
    let before = ask();
    let ranked = actions(&before);
    assert!(ranked.len() > 1 && ranked.iter().all(|(_, acceptance)| *acceptance == 1.0), "{ranked:?}");
    let (first, second) = (&ranked[0].0, &ranked[1].0);
    let shown: Vec<&str> = ranked.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(before["recommendation"], json!(recommendation_id("g000001", ticket, &shown)));
    for at in 0..40 {
        // Forty days, each with its own answer.
        let id = recommendation_id("g000001", &format!("day {at}"), &[]);
        for (action, verdict) in [(first, "--rejected"), (second, "--accepted")] {
            sandbox.nba(&["feedback", ticket, "--action", action, verdict, "--recommendation", &id]).ok();
        }
    }
    assert_eq!(ask(), before, "the generation that serves counts what it was built with");
    sandbox.nba(&BUILD).ok();
    let after = actions(&ask());
    let place = |action: &str| after.iter().position(|(id, _)| id == action);
    assert!(place(second) < place(first), "{ranked:?} became {after:?}");
    assert!(after.iter().all(|(id, f)| if id == first { *f < 0.5 } else { *f >= 1.0 }), "{after:?}");
    let explained = sandbox.nba(&["recommend", ticket, "--explain"]).ok().stdout;
    assert!(explained.contains(", F 1.80, score"), "{explained}");
}

#[test]
fn a_damaged_line_is_told_and_left_out() {
    let sandbox = mini();
    for ticket in ["TICKET-1", "TICKET-2", "TICKET-3"] {
        sandbox.nba(&["feedback", ticket, "--action", "REFUND_FEE", "--accepted"]).ok();
    }
    sandbox.edit(LOG, "TICKET-2\",", "TICKET-1\",");
    let log = sandbox.read(LOG);
    sandbox.write(LOG, format!("{log}{}", &log[..40]));
    sandbox.check(
        &["feedback", "--list"],
        expect![[r#"
            exit 0
            --- stdout
            2 records in the log, 1 cut short by a crash, 1 damaged and left out (line 2: its checksum does not match)

            displayed  accepted  rejected    edited  action
                    2         2         0         0  REFUND_FEE  Estornar tarifa
        "#]],
    );
    let report = sandbox.nba(&[&BUILD[..], &["--json"]].concat()).json();
    assert_eq!(
        report["feedback"],
        json!({ "records": 2, "torn": 1, "damaged": [{ "line": 2, "reason": "its checksum does not match" }] })
    );
    let shown = sandbox.nba(&BUILD).ok().stdout;
    let told = shown.lines().find(|line| line.starts_with("  feedback")).unwrap();
    expect!["  feedback        2 records, 1 cut short by a crash, 1 damaged and left out (line 2: its checksum does not match)"].assert_eq(told);
    // What a crash left is closed by the next; the damage stays where it can be looked at.
    sandbox.nba(&["feedback", "TICKET-2", "--action", "REFUND_FEE", "--accepted"]).ok();
    let listed = sandbox.nba(&["feedback", "--list", "--json"]).json();
    assert_eq!((&listed["records"], &listed["torn"], &listed["damaged"][0]["line"]), (&json!(3), &json!(1), &json!(2)));
}

/// No file may grow beyond a limit: what a full disk looks like to a program.
#[test]
fn a_full_disk_keeps_a_record_whole_or_not_at_all() {
    let sandbox = mini();
    let line = "feedback TICKET-3 --action REFUND_FEE --accepted --by";
    let limited =
        |blocks: u32, by: &str| sandbox.sh(&format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$NBA\" {line} {by}"));
    let mut failures = 0;
    let mut before = String::new();
    // A block is 512 or 1,024 bytes: limits are reached in the middle of a record.
    for number in 0..24 {
        let outcome = limited(number / 6, &format!("AGENT-{number:02}"));
        let after = sandbox.read(LOG);
        if outcome.code == 0 {
            assert!(after.starts_with(&before) && after.contains(&format!("AGENT-{number:02}")), "{outcome:?}");
        } else {
            failures += 1;
            assert_eq!((outcome.code, &after), (7, &before), "{outcome:?}");
            assert!(outcome.stderr.contains("File too large"), "{outcome:?}");
        }
        before = after;
    }
    assert!((7..24).contains(&failures), "{failures} failures");
    sandbox.nba(&["feedback", "TICKET-1", "--action", "REFUND_FEE", "--accepted"]).ok();
    let listed = sandbox.nba(&["feedback", "--list", "--json"]).json();
    assert_eq!(
        (&listed["records"], &listed["torn"], &listed["damaged"]),
        (&json!(25 - failures), &json!(0), &json!([]))
    );
}

#[test]
fn a_folder_that_cannot_be_written_to() {
    let sandbox = mini();
    let feedback = ["feedback", "TICKET-3", "--action", "REFUND_FEE", "--accepted"];
    sandbox.write("index/feedback", "a file");
    sandbox.check(
        &feedback,
        expect![[r#"
            exit 7
            --- stderr
            error: failed to create directory `index/feedback`: File exists (os error 17)
        "#]],
    );
    fs::remove_file(sandbox.path("index/feedback")).unwrap();
    // Of a folder that forbids it by its mode alone, root takes no notice; of this one it does.
    #[cfg(target_os = "linux")]
    {
        std::os::unix::fs::symlink("/sys/kernel", sandbox.path("index/feedback")).unwrap();
        let outcome = sandbox.nba(&feedback).failed();
        assert_eq!(outcome.code, 7, "{outcome:?}");
        assert!(outcome.stderr.starts_with("error: failed to open file `index/feedback/LOCK`"), "{outcome:?}");
        fs::remove_file(sandbox.path("index/feedback")).unwrap();
    }
    sandbox.write("index/feedback/log.jsonl/file", "");
    sandbox.check(
        &feedback,
        expect![[r#"
            exit 7
            --- stderr
            error: failed to open file `index/feedback/log.jsonl`: Is a directory (os error 21)
        "#]],
    );
    // A build says so too, and what serves goes on serving.
    let outcome = sandbox.nba(&BUILD).failed();
    assert!(outcome.stderr.contains("index/feedback/log.jsonl"), "{outcome:?}");
    assert!(sandbox.read("index/CURRENT").starts_with("g000001"));
    sandbox.nba(&["recommend", "TICKET-3"]).ok();
}

#[test]
fn processes_that_append_at_once_lose_nothing() {
    let sandbox = mini();
    let by = |number: usize| format!("AGENT-{number}");
    let agents: Vec<String> = (0..24).map(by).collect();
    for round in agents.chunks(8) {
        let line = |agent| ["feedback", "TICKET-3", "--action", "REFUND_FEE", "--accepted", "--by", agent];
        let started: Vec<_> = round.iter().map(|agent| sandbox.command(&line(agent)).spawn().unwrap()).collect();
        for mut child in started {
            assert!(child.wait().unwrap().success());
        }
    }
    let reading = Log::of(&sandbox.path("index")).read().unwrap();
    let found: BTreeSet<&str> = reading.records.iter().filter_map(|record| record.event().by.as_deref()).collect();
    assert_eq!((reading.records.len(), found), (24, agents.iter().map(String::as_str).collect()));
    assert_eq!((reading.report.torn, reading.report.damaged), (0, Vec::new()));
}

/// A server that is killed while it takes in verdicts has kept each that it acknowledged.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let sandbox = mini_with_variable();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let mut acknowledged = BTreeSet::new();
    let mut unanswered = 0;
    for round in 0..20 {
        let mut session = Session::open(&sandbox);
        let asked = 60;
        for number in 0..asked {
            let by = format!("AGENT-{round}-{number}");
            let arguments = json!({ "ticket": "TICKET-3", "action": "REFUND_FEE", "verdict": "accepted", "by": by });
            session.send("tools/call", &json!({ "name": "record_feedback", "arguments": arguments }));
        }
        let answered = random.random_range(0..40);
        let mut take = |answer: Value| {
            let id =
                answer["result"]["structuredContent"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
            assert!(acknowledged.insert(id), "{answer}");
        };
        for _ in 0..answered {
            take(session.answer());
        }
        thread::sleep(Duration::from_micros(random.random_range(0..3_000)));
        // What it said before it died counts too.
        let rest = session.kill();
        unanswered += asked - answered - rest.len();
        rest.into_iter().for_each(&mut take);
    }
    assert!(unanswered > 20 * 5, "{unanswered} verdicts were cut off");
    assert!(acknowledged.len() > 100, "{} verdicts were acknowledged", acknowledged.len());
    let reading = Log::of(&sandbox.path("index")).read().unwrap();
    let kept: BTreeSet<String> = reading.records.iter().map(|record| record.id().to_owned()).collect();
    assert!(acknowledged.is_subset(&kept), "{:?} are gone", acknowledged.difference(&kept));
    assert_eq!(reading.report.damaged, []);
    sandbox.nba(&["feedback", "TICKET-1", "--action", "REFUND_FEE", "--accepted"]).ok();
}
