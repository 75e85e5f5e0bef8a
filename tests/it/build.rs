//! Builds: generations, what they leave when they are killed, and that the same data make the same bytes.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use expect_test::expect;
use fs_err as fs;
use nba::{BuildParams, Engine, SimilarRequest, Subject};

use crate::support::{self, NOW, Sandbox, files, fixtures, fixtures_index};

const BUILD: [&str; 7] = ["index", "build", "--data", "desk", "--model", "hashed", "--force"];

/// The names in the index folder.
fn entries(index: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(index).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_build_that_would_take_too_much_memory_is_refused_and_keeps_its_vectors() {
    let sandbox = Sandbox::with_mini_desk();
    let (data, index) = (sandbox.path("desk"), sandbox.path("index"));
    // The command line takes no less than a gibibyte; the library takes what it is given.
    let too_little = BuildParams { memory_mb: 10, ..BuildParams::default() };
    let refused = support::build(&data, &index, &too_little).unwrap_err();
    expect![
        "a build of 3 tickets with 3 steps takes some 601 MiB, and 10 MiB are allowed; allow that with --memory 601MiB, or export fewer tickets"
    ]
    .assert_eq(&refused.to_string());
    assert_eq!(refused.fault().exit_code(), 7);
    assert_eq!(entries(&index), ["LOCK", "cache"]);
    let built = support::build(&data, &index, &BuildParams::default()).unwrap();
    assert_eq!(built.reused, built.texts);
    // What it may take shows in no byte: there is nothing to do for a build that may take more.
    let more = sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed", "--memory", "6000MiB"]);
    assert!(more.stdout.starts_with("nothing to do"), "{}", more.stdout);
}

#[test]
fn a_build_tells_what_it_does_and_did() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.check(
        &BUILD,
        expect![[r#"
            exit 0
            --- stdout
            generation g000001 of index serves now
              steps           3 rows       0.0 MB
              tickets         3 rows       0.0 MB
              skipped         0 rows
              actions  0 given, 1 assigned, 1 OTHER
              similar  no percentages: a build learns them from 100 tickets and more with a subcategory, some alike and some not
              gates    all 9 hold, nothing served before to compare with
              <n> s: read <n> s, embed <n> s, learn <n> s, index <n> s, gates <n> s, verify <n> s · <n> texts embedded, 0 reused · <n> rows/s
            --- stderr
            read
            embed
            embed   0 % of <n> texts
            embed  25 % of <n> texts
            embed  50 % of <n> texts
            embed  75 % of <n> texts
            embed 100 % of <n> texts
            learn
            index
            gates
            verify
        "#]],
    );
    sandbox.check(
        &["index", "status"],
        expect![[r#"
            exit 0
            --- stdout
            index       index
            generation  g000001, built <time> by nba 0.1.0
            model       hashed-256@<fingerprint>, 256 dimensions
            size        0.1 MB
            steps       3 rows, flat vectors (auto: an exact scan takes less than 2 ms), keywords over state
            tickets     3 rows, flat vectors (auto: an exact scan takes less than 2 ms), keywords over subject, problem, tags, thread
            similarity  no percentages: a build learns them from 100 tickets and more with a subcategory, some alike and some not
        "#]],
    );
    sandbox.check(
        &["index", "verify"],
        expect![[r#"
            exit 0
            --- stdout
            generation g000001 is whole: 6 rows, 0.1 MB, every checksum, count and graph point
        "#]],
    );
    let report = sandbox.nba(&[&BUILD[..], &["--json"]].concat()).json();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&report),
        "actions feedback forced_by gates generation judged last published reused seconds similarity skipped tables texts"
    );
    assert_eq!(keys(&report["generation"]), "built_by created_at files format indexes inputs model name");
    assert_eq!(report["generation"]["name"], "g000002");
    assert_eq!(report["reused"], report["texts"]);
    let status = sandbox.nba(&["index", "status", "--json"]).json();
    assert_eq!(status["generation"], report["generation"]);
    assert_eq!(status["indexes"][1]["segments"][0]["rows"], 3);
    let verified = sandbox.nba(&["index", "verify", "--json"]).json();
    assert_eq!(verified, serde_json::json!({ "generation": "g000002", "rows": 6, "ok": true }));
}

#[test]
fn each_build_is_a_generation_and_the_newest_are_kept() {
    let sandbox = Sandbox::with_mini_desk();
    let index = sandbox.path("index");
    for expected in ["g000001", "g000002", "g000003", "g000004"] {
        sandbox.nba(&BUILD).ok();
        assert!(sandbox.read("index/CURRENT").starts_with(expected));
    }
    assert_eq!(entries(&index), ["CURRENT", "LOCK", "cache", "g000002", "g000003", "g000004"]);
    sandbox.nba(&[&BUILD[..], &["--keep", "2"]].concat()).ok();
    assert_eq!(entries(&index), ["CURRENT", "LOCK", "cache", "g000004", "g000005"]);
    sandbox.nba(&[&BUILD[..], &["--keep", "1"]].concat()).ok();
    assert_eq!(entries(&index), ["CURRENT", "LOCK", "cache", "g000006"]);
    sandbox.nba(&["index", "verify"]).ok();
    sandbox.check(
        &[&BUILD[..], &["--keep", "0"]].concat(),
        expect![[r#"
        exit 2
        --- stderr
        error: --keep: it must be 1 or more: the new generation is one
    "#]],
    );
}

#[test]
fn the_same_data_make_the_same_bytes() {
    let sandbox = Sandbox::with_small_desk();
    let [one, two] = ["one", "two"].map(|name| sandbox.path(name));
    for index in [&one, &two] {
        support::build(&sandbox.path("desk"), index, &BuildParams::default()).unwrap();
    }
    assert_eq!(files(&one), files(&two));
    for name in files(&one) {
        let same = fs::read(one.join(&name)).unwrap() == fs::read(two.join(&name)).unwrap();
        assert!(same, "{name} differs");
    }
    // By the program, whose clock goes on: nothing but the instant differs.
    let by_program = fs::read_to_string(sandbox.path("one/g000001/generation.json")).unwrap();
    sandbox.nba(&[&BUILD[..], &["--index", "three"]].concat()).ok();
    let three = sandbox.read("three/g000001/generation.json");
    let instant = regex::Regex::new(r#""created_at": "[^"]+""#).unwrap();
    let noted = format!(r#""created_at": "{NOW}""#);
    assert_eq!(instant.replace(&three, noted.as_str()), by_program);
    for name in files(&one).iter().filter(|name| {
        !matches!(name.as_str(), "CURRENT" | "LOCK" | "g000001/generation.json" | "g000001/generation.sha256")
    }) {
        assert!(fs::read(one.join(name)).unwrap() == fs::read(sandbox.path("three").join(name)).unwrap(), "{name}");
    }
}

#[test]
fn of_two_builds_at_once_the_second_is_refused() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&BUILD).ok();
    let mut first = sandbox.command(&BUILD).spawn().unwrap();
    let mut lines = BufReader::new(first.stderr.take().unwrap()).lines();
    // The lock is taken between these two.
    assert_eq!(lines.next().unwrap().unwrap(), "read");
    assert_eq!(lines.next().unwrap().unwrap(), "embed");
    // A reader is not disturbed.
    sandbox.nba(&["index", "verify"]).ok();
    support::stop(&first, "-STOP");
    sandbox.check(
        &BUILD,
        expect![[r#"
            exit 6
            --- stderr
            read
            error: index is being written by `nba index build` with process id <pid> since <time>; wait for it to end
        "#]],
    );
    support::stop(&first, "-CONT");
    lines.for_each(drop);
    assert!(first.wait().unwrap().success());
    sandbox.nba(&BUILD).ok();
    assert!(sandbox.read("index/CURRENT").starts_with("g000003"));
}

/// The system frees a dead process's lock, so that its name is all that is left of it.
#[test]
fn the_lock_of_a_killed_build_is_taken_over() {
    let sandbox = Sandbox::with_mini_desk();
    let mut first = sandbox.command(&BUILD).spawn().unwrap();
    let mut lines = BufReader::new(first.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "embed"));
    support::stop(&first, "-STOP");
    assert_eq!(sandbox.nba(&BUILD).failed().code, 6);
    let named = sandbox.read("index/LOCK");
    assert!(named.contains(&format!("process id {}", first.id())), "{named}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(sandbox.read("index/LOCK"), named);
    sandbox.nba(&BUILD).ok();
    assert_ne!(sandbox.read("index/LOCK"), named);
    assert_eq!(entries(&sandbox.path("index")), ["CURRENT", "LOCK", "cache", "g000001"]);
}

#[test]
fn a_graph_finds_what_a_scan_finds() {
    let sandbox = Sandbox::new();
    let data = fixtures();
    let index = sandbox.path("index");
    let build = ["index", "build", "--data", data.to_str().unwrap(), "--model", "hashed", "--vector", "hnsw"];
    sandbox.nba(&build).ok();
    sandbox.nba(&["index", "verify"]).ok();
    let status = sandbox.nba(&["index", "status"]).ok().stdout;
    assert_eq!(status.matches("hnsw vectors").count(), 2, "{status}");

    let [graph, scan] = [index.as_path(), fixtures_index()].map(|index| Engine::open(index).unwrap());
    let ids = |engine: &Engine, ticket: &str| -> BTreeSet<String> {
        let subject = Subject::Ticket(ticket.to_owned());
        let answer = engine.similar(&SimilarRequest::new(subject, 10)).unwrap();
        answer.tickets.into_iter().map(|ticket| ticket.hit.key).collect()
    };
    let (mut found, mut wanted) = (0, 0);
    for number in 1..=50 {
        let ticket = format!("TICKET-{number:04}");
        let exact = ids(&scan, &ticket);
        wanted += exact.len();
        found += ids(&graph, &ticket).intersection(&exact).count();
    }
    assert!(wanted >= 490 && found * 100 >= wanted * 95, "{found} of {wanted}");
}

#[test]
fn generate_makes_the_same_bytes_and_the_fixtures() {
    let sandbox = Sandbox::new();
    sandbox.nba(&["generate", "--out", "one"]).ok();
    sandbox.nba(&["generate", "--out", "two", "--seed", "43"]).ok();
    for name in nba::generate::FILES {
        let made = sandbox.read(&format!("one/{name}"));
        assert!(made == fs::read_to_string(fixtures().join(name)).unwrap(), "fixtures/{name} is another desk");
        assert!(made != sandbox.read(&format!("two/{name}")), "{name} is the same for another seed");
    }
    let report = sandbox.nba(&["generate", "--out", "three", "--tickets", "25", "--labels", "--json"]).json();
    assert_eq!(report["tickets"], 25);
    assert!(sandbox.read("three/ticket_interactions.csv").lines().next().unwrap().contains("action"));
    let built = sandbox.nba(&["index", "build", "--data", "three", "--model", "hashed", "--json"]).json();
    assert_eq!((&built["actions"]["assigned"], &built["actions"]["other"]), (&0.into(), &0.into()));
    assert!(built["actions"]["given"].as_u64() > Some(25));
}
