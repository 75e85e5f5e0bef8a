//! Generations beside each other: that nothing is built for nothing, which are there, which serves, what differs, and which
//! stay.

use std::io::{BufRead as _, BufReader};

use expect_test::expect;
use nba::rebuild::Progress;
use nba::snapshot::Snapshot;
use nba::{BuildParams, Catalogue, Engine, EngineParams, HashedEmbedder, RecommendParams};

use crate::support::{self, NOW, Sandbox, stop};

const BUILD: [&str; 6] = ["index", "build", "--data", "desk", "--model", "hashed"];

fn build(sandbox: &Sandbox, more: &[&str]) -> support::Outcome {
    sandbox.nba(&[&BUILD[..], more].concat())
}

/// The names of the generations.
fn generations(sandbox: &Sandbox) -> Vec<String> {
    let list = sandbox.nba(&["index", "list", "--json"]).json();
    list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

fn serving(sandbox: &Sandbox) -> String {
    sandbox.read("index/CURRENT").split(' ').next().unwrap().to_owned()
}

#[test]
fn a_build_that_has_nothing_to_do_says_so_and_publishes_nothing() {
    let sandbox = Sandbox::with_mini_desk();
    build(&sandbox, &[]).ok();
    let before = sandbox.read("index/CURRENT");
    sandbox.check(&BUILD, expect![[r#"
        exit 3
        --- stdout
        nothing to do: generation g000001 of index was made from the same tables, catalogue, configuration, model and feedback
    "#]]);
    let outcome = build(&sandbox, &["--json"]);
    assert_eq!(outcome.code, 3);
    let told: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&told["nothing_to_do"], &told["generation"]["name"]), (&true.into(), &"g000001".into()));
    assert_eq!(sandbox.read("index/CURRENT"), before);
    assert_eq!(generations(&sandbox), ["g000001"]);
    // How many are kept shows in no generation.
    assert_eq!(build(&sandbox, &["--keep", "2"]).code, 3);
    build(&sandbox, &["--force"]).ok();
    assert_eq!(serving(&sandbox), "g000002");
}

#[test]
fn whatever_a_generation_follows_from_is_something_to_do() {
    let sandbox = Sandbox::with_mini_desk();
    build(&sandbox, &[]).ok();
    let mut last = serving(&sandbox);
    let mut changes = |what: &str, more: &[&str]| {
        assert_eq!(build(&sandbox, more).code, 0, "{what}");
        assert!(serving(&sandbox) > last, "{what}");
        last = serving(&sandbox);
        assert_eq!(build(&sandbox, more).code, 3, "{what}, again");
    };
    for table in ["companies", "customers", "agents", "tickets", "ticket_interactions"] {
        sandbox.write(&format!("desk/{table}.csv"), sandbox.read(&format!("desk/{table}.csv")) + "\n");
        changes(table, &[]);
    }
    let catalogue = sandbox_catalogue();
    sandbox.write("desk/actions.toml", &catalogue);
    changes("catalogue", &[]);
    sandbox.write("nba.toml", "[build.learn]\nseed = 7\n");
    changes("configuration", &[]);
    changes("vector kind", &["--vector", "hnsw"]);
    sandbox.nba(&["feedback", "TICKET-3", "--action", "REFUND_FEE", "--rejected"]).ok();
    changes("feedback", &["--vector", "hnsw"]);
    // Damage is something to do too.
    let rows = sandbox.path(&format!("index/{}/tickets/0/rows.arrow", serving(&sandbox)));
    fs_err::write(rows, "no rows").unwrap();
    changes("damage", &["--vector", "hnsw"]);
}

fn sandbox_catalogue() -> String {
    fs_err::read_to_string(support::package().join("tests/formats/desk/actions.toml")).unwrap()
}

/// What a table is when it is summed is what it must be once it is read.
#[test]
fn tables_that_change_or_vanish_while_they_are_read_are_refused() {
    let sandbox = Sandbox::with_mini_desk();
    let (data, index) = (sandbox.path("desk"), sandbox.path("index"));
    support::build(&data, &index, &BuildParams::default()).unwrap();
    let before = sandbox.read("index/CURRENT");
    let tickets = sandbox.read("desk/tickets.csv");
    let meddled = |phase: &'static str, meddle: &dyn Fn()| {
        let request = nba::BuildRequest {
            data: data.clone(),
            extract: nba::Extract::Full,
            at: std::collections::BTreeMap::new(),
            index: index.clone(),
            catalogue: &Catalogue::built_in(),
            now: NOW.to_owned(),
            holder: "a test".to_owned(),
            params: &BuildParams::default(),
            recommend: &RecommendParams::default(),
            fusion: nba::FusionParams::default(),
            keyword: &nba::KeywordParams::default(),
            forced_by: None,
        };
        let outcome = Engine::build(&request, &HashedEmbedder::new(256), &mut |progress| {
            if progress == Progress::Phase(phase) {
                meddle();
            }
        });
        outcome.map(drop)
    };
    let longer =
        tickets.clone() + "TICKET-4,COMP1,CUST1,,2026-06-01 10:00:00,,OPEN,HIGH,FINANCIAL,EMAIL,Oi,Cadê o estorno\n";
    let error = meddled("read", &|| sandbox.write("desk/tickets.csv", &longer)).unwrap_err();
    assert_eq!(error.fault().exit_code(), 5);
    expect!["desk/tickets.csv changed while it was read; build again once the export is complete"]
        .assert_eq(&error.to_string().replace(data.to_str().unwrap(), "desk"));
    let error = meddled("read", &|| fs_err::remove_file(sandbox.path("desk/tickets.csv")).unwrap()).unwrap_err();
    assert_eq!(error.fault().exit_code(), 5);
    sandbox.write("desk/tickets.csv", &tickets);
    // A Parquet folder that appears beside the file makes the table ambiguous.
    let error = meddled("read", &|| sandbox.write("desk/tickets/part.parquet", "PAR1")).unwrap_err();
    assert_eq!(error.fault().exit_code(), 5);
    fs_err::remove_dir_all(sandbox.path("desk/tickets")).unwrap();
    assert_eq!(sandbox.read("index/CURRENT"), before);
    Snapshot::open(&index).unwrap().verify().unwrap();

    // Once they are read, a build looks at them no more; the next one sees that there is something to do.
    meddled("embed", &|| sandbox.write("desk/tickets.csv", &longer)).unwrap();
    build(&sandbox, &[]).ok();
    assert_eq!(serving(&sandbox), "g000003");
    assert_eq!(sandbox.nba(&["index", "status", "--json"]).json()["indexes"][1]["segments"][0]["rows"], 4);
}

#[test]
fn a_generation_that_somebody_has_open_stays_until_they_let_go() {
    let sandbox = Sandbox::with_mini_desk();
    let index = sandbox.path("index");
    build(&sandbox, &[]).ok();
    let first = Snapshot::open(&index).unwrap();
    let pinned = EngineParams { generation: Some("g000001".to_owned()), ..EngineParams::new(&index) };
    let pinned = Engine::open_with(pinned).unwrap();
    let following = Engine::open(&index).unwrap();
    build(&sandbox, &["--force", "--keep", "1"]).ok();
    assert_eq!(generations(&sandbox), ["g000001", "g000002"]);
    sandbox.check(
        &["index", "list"],
        expect![[r#"
        exit 0
        --- stdout
          g000001  <time>          6 rows       0.1 MB  hashed-256@<fingerprint>  in use
        * g000002  <time>          6 rows       0.1 MB  hashed-256@<fingerprint>  serves
    "#]],
    );
    first.verify().unwrap();
    drop(first);
    assert!(following.reload_if_changed().unwrap());
    assert!(!pinned.reload_if_changed().unwrap());
    build(&sandbox, &["--force", "--keep", "1"]).ok();
    // One engine still has the first, another the second.
    assert_eq!(generations(&sandbox), ["g000001", "g000002", "g000003"]);
    pinned.with_snapshot(Snapshot::verify).unwrap();
    drop(pinned);
    drop(following);
    build(&sandbox, &["--force", "--keep", "1"]).ok();
    assert_eq!(generations(&sandbox), ["g000004"]);
}

#[test]
fn a_rollback_makes_an_earlier_generation_serve() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.check(
        &["index", "rollback"],
        expect![[r#"
        exit 7
        --- stderr
        error: no index in index; build one with `nba index build --data DIR --index index`
    "#]],
    );
    sandbox.check(
        &["index", "list"],
        expect![[r#"
        exit 7
        --- stderr
        error: no index in index; build one with `nba index build --data DIR --index index`
    "#]],
    );
    for _ in 0..3 {
        build(&sandbox, &["--force"]).ok();
    }
    sandbox.check(
        &["index", "rollback"],
        expect![[r#"
        exit 0
        --- stdout
        generation g000002 of index, built <time>, serves now
    "#]],
    );
    assert_eq!(serving(&sandbox), "g000002");
    sandbox.nba(&["index", "verify"]).ok();
    sandbox.nba(&["index", "verify", "g000003"]).ok();
    assert_eq!(sandbox.nba(&["similar", "TICKET-3", "--json"]).json()["generation"], "g000002");
    sandbox.check(
        &["index", "rollback", "g000002"],
        expect![[r#"
        exit 2
        --- stderr
        error: generation: `g000002` serves already
    "#]],
    );
    sandbox.check(
        &["index", "rollback", "g000009"],
        expect![[r#"
        exit 2
        --- stderr
        error: no generation `g000009` in this index folder; it holds `g000001`, `g000002`, `g000003`
    "#]],
    );
    assert_eq!(sandbox.nba(&["index", "rollback", "../desk"]).failed().code, 2);
    sandbox.nba(&["index", "rollback", "g000003", "--json"]).json();
    assert_eq!(serving(&sandbox), "g000003");
    sandbox.nba(&["index", "rollback"]).ok();
    sandbox.nba(&["index", "rollback"]).ok();
    sandbox.check(
        &["index", "rollback"],
        expect![[r#"
        exit 2
        --- stderr
        error: generation: there is none before `g000001`, which serves
    "#]],
    );

    // The next build takes a new number; what served until then is among those that stay, and so is the newest.
    build(&sandbox, &["--force", "--keep", "2"]).ok();
    assert_eq!(generations(&sandbox), ["g000001", "g000004"]);
    // What a rollback left is no reason to take its number again.
    sandbox.nba(&["index", "rollback"]).ok();
    build(&sandbox, &["--force", "--keep", "1"]).ok();
    assert_eq!(generations(&sandbox), ["g000005"]);
}

#[test]
fn a_rollback_wants_a_whole_generation_and_the_lock() {
    let sandbox = Sandbox::with_mini_desk();
    build(&sandbox, &[]).ok();
    build(&sandbox, &["--force"]).ok();
    let names = support::files(&sandbox.path("index/g000001"));
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let path = sandbox.path(&format!("index/g000001/{name}"));
        let whole = fs_err::read(&path).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        fs_err::write(&path, flipped).unwrap();
        assert_eq!(sandbox.nba(&["index", "rollback"]).failed().code, 7, "{name}");
        fs_err::write(&path, whole).unwrap();
    }
    assert_eq!(serving(&sandbox), "g000002");
    sandbox.edit("index/g000001/generation.json", "hashed-256", "hashed-257");
    sandbox.check(&["index", "rollback"], expect![[r#"
        exit 7
        --- stderr
        error: index/g000001/generation.json is damaged: its checksum is not the one it was published with; rebuild the index
    "#]]);
    sandbox.check(&["index", "list"], expect![[r#"
        exit 0
        --- stdout
          g000001  index/g000001/generation.json is damaged: its checksum is not the one it was published with; rebuild the index
        * g000002  <time>          6 rows       0.1 MB  hashed-256@<fingerprint>  serves
    "#]]);
    sandbox.edit("index/g000001/generation.json", "hashed-257", "hashed-256");

    let mut builder = sandbox.command(&[&BUILD[..], &["--force"]].concat()).spawn().unwrap();
    let mut lines = BufReader::new(builder.stderr.take().unwrap()).lines();
    assert_eq!(lines.by_ref().map(Result::unwrap).find(|line| line == "embed"), Some("embed".to_owned()));
    stop(&builder, "-STOP");
    sandbox.check(
        &["index", "rollback"],
        expect![[r#"
        exit 6
        --- stderr
        error: index is being written by `nba index build` with process id <pid> since <time>; wait for it to end
    "#]],
    );
    stop(&builder, "-CONT");
    lines.for_each(drop);
    assert!(builder.wait().unwrap().success());

    // A damaged `CURRENT` is put right by naming what is to serve.
    sandbox.write("index/CURRENT", "nothing\n");
    assert_eq!(sandbox.nba(&["index", "rollback"]).failed().code, 7);
    sandbox.nba(&["index", "rollback", "g000003"]).ok();
    sandbox.nba(&["index", "verify"]).ok();
}

#[test]
fn a_diff_tells_rows_and_why_the_best_action_changed() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.write("nba.toml", "[recommend]\nmin_confidence = 0.0\nmin_similarity = -1.0\n");
    sandbox.write("desk/actions.toml", sandbox_catalogue());
    build(&sandbox, &[]).ok();
    // What solved the same problem is now another thing, in another ticket.
    for table in ["tickets", "ticket_interactions"] {
        let text = sandbox.read(&format!("desk/{table}.csv"));
        sandbox.write(&format!("desk/{table}.csv"), text.replace("TICKET-1", "TICKET-7"));
    }
    sandbox.edit("desk/ticket_interactions.csv", "Fiz o estorno agora", "Vamos trocar a maquininha");
    sandbox.edit("desk/tickets.csv", "A maquininha não liga mais", "A maquininha não liga");
    build(&sandbox, &[]).ok();
    sandbox.check(
        &["index", "diff", "g000001", "g000002"],
        expect![[r#"
        exit 0
        --- stdout
        g000001 → g000002
        steps  1 added, 1 changed, 1 removed, 1 the same
          added    TICKET-7#1
          changed  TICKET-2#0
          removed  TICKET-1#1
        tickets  1 added, 1 changed, 1 removed, 1 the same
          added    TICKET-7
          changed  TICKET-2
          removed  TICKET-1
        best action changed for 1 of 1 tickets that are active in both
          TICKET-3  REFUND_FEE → REPLACE_TERMINAL: new_evidence (TICKET-2, TICKET-7), evidence_gone (TICKET-1)
    "#]],
    );
    sandbox.check(
        &["index", "diff", "g000002", "g000002"],
        expect![[r#"
        exit 0
        --- stdout
        g000002 → g000002
        steps  0 added, 0 changed, 0 removed, 3 the same
        tickets  0 added, 0 changed, 0 removed, 3 the same
        best action changed for 0 of 1 tickets that are active in both
    "#]],
    );
    sandbox.check(
        &["index", "diff", "g000001", "g000003"],
        expect![[r#"
        exit 2
        --- stderr
        error: no generation `g000003` in this index folder; it holds `g000001`, `g000002`
    "#]],
    );

    // The same tables, but what was done has another name.
    let renamed = sandbox_catalogue().replace("REPLACE_TERMINAL", "SWAP_TERMINAL");
    sandbox.write("desk/actions.toml", renamed);
    build(&sandbox, &["--keep", "9"]).ok();
    let told = sandbox.nba(&["index", "diff", "g000002", "g000003", "--json"]).json();
    let change = &told["actions"][0];
    assert_eq!((&change["before"], &change["after"]), (&"REPLACE_TERMINAL".into(), &"SWAP_TERMINAL".into()));
    assert_eq!(change["causes"][0], "catalogue");

    // And what is recommended with another model.
    let model = Catalogue::from_toml(&sandbox.path("desk/actions.toml")).unwrap();
    let request = nba::BuildRequest {
        data: sandbox.path("desk"),
        extract: nba::Extract::Full,
        at: std::collections::BTreeMap::new(),
        index: sandbox.path("index"),
        catalogue: &model,
        now: NOW.to_owned(),
        holder: "a test".to_owned(),
        params: &BuildParams { keep: 9, ..BuildParams::default() },
        recommend: &RecommendParams::default(),
        fusion: nba::FusionParams::default(),
        keyword: &nba::KeywordParams::default(),
        forced_by: None,
    };
    Engine::build(&request, &HashedEmbedder::new(64), &mut |_| {}).unwrap();
    let told = sandbox.nba(&["index", "diff", "g000001", "g000004", "--json"]).json();
    let causes = told["actions"][0]["causes"].as_array().unwrap().clone();
    assert!(causes.starts_with(&["model".into(), "configuration".into(), "catalogue".into()]), "{causes:?}");
}
