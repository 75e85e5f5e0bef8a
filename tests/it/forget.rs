//! Forgetting: in no answer at once, in no byte after the next build, and never back by a damaged ledger.

use std::io::{BufRead as _, BufReader};
use std::thread;
use std::time::Duration;

use expect_test::expect;
use fs_err as fs;
use nba::feedback::Kind;
use nba::snapshot::Snapshot;
use nba::{
    BuildParams, By, Catalogue, Engine, EngineParams, Error, FeedbackRequest, Filter, HashedEmbedder, QueryKind,
    RecommendRequest, SearchRequest, SimilarRequest, Subject,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::mcp::Session;
use crate::serve::Server;
use crate::support::{NOW, Outcome, Sandbox, files, skip_optional, small_ticket, trials};

const CUSTOMER: &str = "CUST77777";
const TICKETS: [&str; 2] = ["TICKET-7771", "TICKET-7772"];
/// What only the texts of that customer's tickets say, and the ids, in lower case.
const NEEDLES: [&str; 7] = ["xqvzwk", "jzkqxw", "wvxqzj", "kxwvqz", "cust77777", "ticket-7771", "ticket-7772"];
const BUILD: [&str; 6] = ["index", "build", "--data", "desk", "--model", "hashed"];
const FORGET: [&str; 4] = ["index", "forget", "--customer", CUSTOMER];

/// Adds a customer with a resolved and an open ticket to the small desk.
fn plant(sandbox: &Sandbox) {
    let first = |table: &str| sandbox.read(table).lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let (company, agent) = (first("desk/companies.csv"), first("desk/agents.csv"));
    let [one, other] = TICKETS;
    let rows = [
        (
            "customers",
            format!(
                "{CUSTOMER},{company},Quiteria Alvim,q@loja.example,529.982.247-25,1967-06-09,(85) 3684-2597,OWNER,2025-08-11 00:00:00\n"
            ),
        ),
        (
            "tickets",
            format!(
                "{one},{company},{CUSTOMER},{agent},2026-05-18 22:39:39,2026-05-24 22:37:42,2026-05-24 22:37:42,RESOLVED,LOW,TECHNICAL,PORTAL_ACCESS,WHATSAPP,xqvzwk portal,jzkqxw no access,,23.97,671,FALSE,4,2.78,NEGATIVE,FALSE,0,\n\
                 {other},{company},{CUSTOMER},{agent},2026-05-18 22:39:39,2026-05-24 22:37:42,,OPEN,LOW,TECHNICAL,PORTAL_ACCESS,WHATSAPP,xqvzwk portal,kxwvqz no access again,,,,FALSE,,,,FALSE,0,\n"
            ),
        ),
        (
            "ticket_interactions",
            format!(
                "INT77770001,{one},2026-05-18 22:39:39,CUSTOMER,{CUSTOMER},Quiteria Alvim,jzkqxw no access,COMMENT,WHATSAPP,\n\
                 INT77770002,{one},2026-05-19 22:39:39,AGENT,{agent},Agent,wvxqzj i reset the portal,COMMENT,WHATSAPP,\n\
                 INT77770003,{other},2026-05-18 22:39:39,CUSTOMER,{CUSTOMER},Quiteria Alvim,kxwvqz no access again,COMMENT,WHATSAPP,\n"
            ),
        ),
    ];
    for (table, more) in rows {
        let file = format!("desk/{table}.csv");
        sandbox.write(&file, sandbox.read(&file) + &more);
    }
}

fn planted() -> Sandbox {
    let sandbox = Sandbox::with_small_desk();
    plant(&sandbox);
    sandbox.nba(&BUILD).ok();
    sandbox
}

fn build(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    sandbox.nba(&[&BUILD[..], more].concat())
}

/// The needles that are anywhere in the index folder, in any byte of any file or in what tantivy compresses, each once with
/// the first place.
fn found(sandbox: &Sandbox) -> Vec<(&'static str, String)> {
    let index = sandbox.path("index");
    let mut texts: Vec<(String, String)> = Vec::new();
    for file in files(&index) {
        let bytes = fs::read(index.join(&file)).unwrap().to_ascii_lowercase();
        texts.push((file, String::from_utf8_lossy(&bytes).into_owned()));
    }
    for shelved in nba::snapshot::list(&index).unwrap() {
        let snapshot = Snapshot::open_named(&index, &shelved.name).unwrap();
        for name in snapshot.index_names() {
            let mut visit = |text: &nba::index::StoredText<'_>| {
                texts.push((format!("{}/{name}/{}", shelved.name, text.file), text.text.to_lowercase()));
            };
            snapshot.index(name).unwrap().visit_texts(&mut visit).unwrap();
        }
    }
    let place = |needle: &&'static str| {
        let (place, _) = texts.iter().find(|(_, text)| text.contains(*needle))?;
        Some((*needle, place.clone()))
    };
    NEEDLES.iter().filter_map(place).collect()
}

fn accepted(ticket: &str) -> FeedbackRequest {
    FeedbackRequest {
        at: NOW.to_owned(),
        ticket: ticket.to_owned(),
        action: Catalogue::built_in().actions[0].id.clone(),
        verdict: Kind::Accepted,
        edited_to: None,
        recommendation: None,
        by: None,
    }
}

fn search(index: &str, by: By, kind: QueryKind, filter: Option<Filter>) -> SearchRequest {
    SearchRequest {
        index: index.to_owned(),
        by,
        kind,
        k: 500,
        filter,
        columns: None,
        one_per_group: false,
        explain: true,
    }
}

/// What is hidden is as absent as what a filter leaves out: the same hits with the same scores, as many as were asked for.
#[test]
fn a_forgotten_customer_is_in_no_answer_at_once() {
    for kind in ["flat", "codes", "hnsw"] {
        let sandbox = Sandbox::with_small_desk();
        plant(&sandbox);
        build(&sandbox, &["--vector", kind]).ok();
        let open = || Engine::open(sandbox.path("index")).unwrap();
        let others: Vec<String> = nba::desk::load(&sandbox.path("desk"), &nba::desk::ReadParams::default())
            .unwrap()
            .tickets
            .into_iter()
            .map(|ticket| ticket.id)
            .filter(|id| !TICKETS.contains(&id.as_str()))
            .collect();
        let ask = |engine: &Engine, filter: &str| {
            let filter = || (!filter.is_empty()).then(|| Filter::parse(filter).unwrap());
            let mut answers = Vec::new();
            for ticket in &others {
                let subject = Subject::Ticket(ticket.clone());
                let request = SimilarRequest { filter: filter(), ..SimilarRequest::new(subject.clone(), 500) };
                let similar = engine.similar(&request).unwrap();
                let request = RecommendRequest { filter: filter(), ..RecommendRequest::new(subject) };
                let advice = engine.recommend(&request).ok().map(|it| it.advice);
                let by = By::Row(format!("{ticket}#1"));
                let steps = engine.search(&search("steps", by, QueryKind::Ann, filter())).ok();
                let steps = steps.map(|it| (it.rows, it.eligible));
                answers.push((similar.tickets, similar.eligible, advice, steps));
            }
            let words = By::Text("xqvzwk jzkqxw wvxqzj portal access".to_owned());
            let words = ["tickets", "steps"]
                .map(|index| engine.search(&search(index, words.clone(), QueryKind::FullText, filter())).unwrap().rows);
            (answers, words)
        };
        let mut pinned = EngineParams::new(sandbox.path("index"));
        pinned.generation = Some("g000001".to_owned());
        let (before, pinned) = (open(), Engine::open_with(pinned).unwrap());
        let without = ask(&before, "ticket_id NOT IN ('TICKET-7771', 'TICKET-7772')");
        assert_ne!(ask(&before, "").1, without.1, "{kind}: the words find them");
        assert!(sandbox.nba(&["analyze", "xqvzwj", "--index", "index"]).stdout.contains("xqvzwk"));

        sandbox.nba(&FORGET).ok();
        assert!(before.reload_if_changed().unwrap() && pinned.reload_if_changed().unwrap());
        assert!(!before.reload_if_changed().unwrap() && !pinned.reload_if_changed().unwrap());
        for engine in [open(), before, pinned] {
            assert_eq!(ask(&engine, ""), without, "{kind}");
            for ticket in TICKETS {
                let subject = || Subject::Ticket(ticket.to_owned());
                let unknown = |error: Error| matches!(error, Error::UnknownTicket { nearest, .. } if !nearest.iter().any(|it| TICKETS.contains(&it.as_str())));
                assert!(unknown(engine.similar(&SimilarRequest::new(subject(), 3)).unwrap_err()));
                assert!(unknown(engine.recommend(&RecommendRequest::new(subject())).unwrap_err()));
                assert!(unknown(engine.record_feedback(&accepted(ticket)).unwrap_err()));
                for (index, key) in [
                    ("tickets", ticket.to_owned()),
                    ("steps", format!("{ticket}#1")),
                    ("steps", format!("{ticket}#next")),
                ] {
                    let request = search(index, By::Row(key), QueryKind::Ann, None);
                    assert!(matches!(engine.search(&request), Err(Error::UnknownRow { .. })));
                }
            }
        }
        let told = sandbox.nba(&["analyze", "xqvzwj", "--index", "index"]).ok().stdout;
        assert!(!told.contains("xqvzwk"), "no other spelling comes from a hidden row: {told}");
    }
}

/// A server once it reloads, an agent with its next call, clients of Databricks: none is told of them any more.
#[test]
fn no_face_shows_what_was_forgotten() {
    let sandbox = planted();
    let (server, mut session) = (Server::start(&sandbox), Session::open(&sandbox));
    let mut told = || {
        let all = json!({ "index": "tickets", "text": "xqvzwk portal", "k": 500 });
        let databricks = json!({ "columns": ["ticket_id"], "query_text": "xqvzwk portal", "num_results": 500, "query_type": "HYBRID" });
        [
            server.post("/v1/search", &all).to_string(),
            server.post("/api/2.0/vector-search/indexes/main.support.tickets/query", &databricks).to_string(),
            session.call("search_index", all).to_string(),
        ]
    };
    let shows = |answers: [String; 3]| answers.map(|answer| TICKETS.iter().any(|ticket| answer.contains(ticket)));
    assert_eq!(shows(told()), [true; 3]);
    sandbox.nba(&FORGET).ok();
    assert_eq!(server.post("/v1/reload", &json!({})), json!({ "reloaded": true, "generation": "g000001" }));
    assert_eq!(shows(told()), [false; 3]);
}

/// What the system was asked for, in order: the ledger is flushed before it takes its place, and so are the names after.
#[test]
fn it_is_on_the_disk_before_it_says_so() {
    let sandbox = planted();
    let traced = "strace -f -y -e trace=fsync,fdatasync,rename,renameat,renameat2,write -o trace";
    if sandbox.sh(&format!("{traced} /bin/true")).code != 0 {
        skip_optional("there is no strace");
        return;
    }
    sandbox.sh(&format!("exec {traced} \"$NBA\" index forget --customer {CUSTOMER}")).ok();
    let trace = sandbox.read("trace");
    let line = |parts: &[&str]| {
        let at = trace.lines().position(|line| parts.iter().all(|part| line.contains(part)));
        at.unwrap_or_else(|| panic!("{parts:?}: {trace}"))
    };
    let flushed = line(&["sync(", "index/forgotten/.ledger.jsonl.new>"]);
    let renamed = line(&["rename", "index/forgotten/ledger.jsonl\""]);
    let [named, folder] = ["index/forgotten>", "/index>"].map(|path| line(&["sync(", path]));
    let said = line(&["write(1", "forgotten: 2 tickets"]);
    assert!(flushed < renamed && renamed < named && renamed < folder && named.max(folder) < said, "{trace}");
}

/// Every generation, the vectors, the feedback, the ledger: whatever is below the index folder.
#[test]
fn after_the_next_build_no_byte_tells_of_them() {
    let sandbox = planted();
    let engine = Engine::open(sandbox.path("index")).unwrap();
    engine.record_feedback(&accepted(TICKETS[1])).unwrap();
    engine.record_feedback(&accepted(&small_ticket(true))).unwrap();
    // A write that was cut short may be about anybody.
    let log = sandbox.read("index/feedback/log.jsonl") + "{\"v\":1,\"ticket\":\"TICKET-7771\",\"act";
    sandbox.write("index/feedback/log.jsonl", log);
    drop(engine);
    build(&sandbox, &["--force"]).ok();
    let before = found(&sandbox);
    assert_eq!(before.iter().map(|(needle, _)| *needle).collect::<Vec<_>>(), NEEDLES, "the scan sees them: {before:?}");
    assert!(before.iter().any(|(_, place)| place.starts_with("g000001/")), "{before:?}");

    let told = sandbox.nba(&FORGET).ok().stdout;
    expect![[r#"
        forgotten: 2 tickets, 4 rows hidden; in g000001, g000002 until the next `nba index build`
        programs that have the index open go on with what they have until they reload it
    "#]]
    .assert_eq(&told);
    assert_eq!(Engine::open(sandbox.path("index")).unwrap().feedback(None).unwrap().report.records, 1);
    // A rollback brings nothing back.
    sandbox.nba(&["index", "rollback"]).ok();
    assert_eq!(sandbox.nba(&["similar", TICKETS[0]]).code, 2);

    let told = build(&sandbox, &["--json", "--keep", "9"]).json();
    assert_eq!(told["forgotten"]["left_out"], 2);
    assert_eq!(told["forgotten"]["feedback"], 2);
    assert_eq!(told["forgotten"]["generations"]["removed"], serde_json::json!(["g000001", "g000002"]));
    assert_eq!(told["forgotten"]["generations"]["complete"], true);
    assert_eq!(found(&sandbox), []);
    assert_eq!(Engine::open(sandbox.path("index")).unwrap().feedback(None).unwrap().report.records, 1);
    // The vectors of their texts are gone, and those of others are not.
    let never_known = Sandbox::with_small_desk();
    never_known.nba(&BUILD).ok();
    assert_eq!(cache_bytes(&sandbox), cache_bytes(&never_known));
    sandbox.nba(&["index", "verify"]).ok();
    assert_eq!(build(&sandbox, &[]).code, 3, "all is done");
    assert_eq!(sandbox.nba(&["index", "forget", "--list", "--json"]).json()["pending"], false);
    // The tables still have them, and a later build does not bring them back.
    build(&sandbox, &["--force"]).ok();
    assert_eq!(found(&sandbox), []);
    assert_eq!(sandbox.nba(&FORGET).ok().stdout, "all of that was forgotten before\n");
    assert_eq!(build(&sandbox, &[]).code, 3, "what was forgotten before is nothing to do");
}

fn cache_bytes(sandbox: &Sandbox) -> u64 {
    let cache = sandbox.path("index/cache");
    let names = files(&cache);
    assert_eq!(names.len(), 1, "{names:?}");
    fs::metadata(cache.join(&names[0])).unwrap().len()
}

/// A generation that is open stays for its reader, and is told; once it is free, a build with nothing else to do removes it.
#[test]
fn a_generation_that_is_open_is_purged_once_it_is_free() {
    let sandbox = planted();
    let reader = Snapshot::open(&sandbox.path("index")).unwrap();
    sandbox.nba(&FORGET).ok();
    let told = build(&sandbox, &[]).ok().stdout;
    assert!(told.contains("2 tickets left out; open somewhere: g000001; reload or end that program"), "{told}");
    assert_eq!(build(&sandbox, &["--json"]).code, 3);
    assert!(!found(&sandbox).is_empty());
    assert_eq!(sandbox.nba(&["index", "forget", "--list", "--json"]).json()["pending"], true);
    drop(reader);
    let outcome = build(&sandbox, &[]);
    assert!(outcome.code == 3 && outcome.stdout.ends_with("removed g000001; nothing is left of them\n"), "{outcome:?}");
    assert_eq!(found(&sandbox), []);
    assert_eq!(sandbox.nba(&["index", "forget", "--list", "--json"]).json()["pending"], false);
}

/// A build that began before publishes rows that nobody is shown, and the next one purges them.
#[test]
fn forgetting_works_while_a_build_runs() {
    let sandbox = planted();
    let (catalogue, params) = (Catalogue::built_in(), BuildParams::default());
    let request = nba::BuildRequest {
        data: sandbox.path("desk"),
        extract: nba::Extract::Full,
        at: std::collections::BTreeMap::new(),
        index: sandbox.path("index"),
        catalogue: &catalogue,
        now: NOW.to_owned(),
        holder: "a test".to_owned(),
        params: &params,
        recommend: &nba::RecommendParams::default(),
        fusion: nba::FusionParams::default(),
        keyword: &nba::KeywordParams::default(),
        forced_by: None,
    };
    let candidate = nba::rebuild::prepare(&request, &HashedEmbedder::new(256), &mut |_| Ok(())).unwrap();
    sandbox.nba(&FORGET).ok();
    assert_eq!(candidate.publish(&mut |_| Ok(())).unwrap().generation.name, "g000002");
    let snapshot = Snapshot::open(&sandbox.path("index")).unwrap();
    assert_eq!(snapshot.hidden(), (2, 4));
    assert_eq!(snapshot.index("tickets").unwrap().row_of(TICKETS[0]).unwrap(), None);
    drop(snapshot);
    build(&sandbox, &[]).ok();
    assert_eq!(found(&sandbox), []);
}

#[test]
fn a_mistaken_id_forgets_nothing_and_one_ahead_of_the_tables_is_kept() {
    let sandbox = Sandbox::with_small_desk();
    sandbox.check(
        &FORGET,
        expect![[r#"
        exit 7
        --- stderr
        error: no index in index; build one with `nba index build --data DIR --index index`
    "#]],
    );
    assert!(!sandbox.path("index").exists());
    build(&sandbox, &[]).ok();
    let known = small_ticket(true);
    sandbox.check(&["index", "forget", "--ticket", &known, "--customer", CUSTOMER], expect![[r#"
        exit 2
        --- stderr
        error: no generation of this index holds customer `CUST77777`, and nothing was forgotten; mend the id, or add --ahead to forget what only later tables would bring
    "#]]);
    assert_eq!(sandbox.nba(&["index", "forget", "--ticket", " "]).code, 2);
    assert_eq!(sandbox.nba(&["index", "forget"]).code, 2);
    sandbox.nba(&["similar", &known]).ok();
    assert!(!sandbox.path("index/forgotten/ledger.jsonl").exists());
    assert_eq!(build(&sandbox, &[]).code, 3, "nothing was asked for");

    sandbox.nba(&[&FORGET[..], &["--ahead"]].concat()).ok();
    plant(&sandbox);
    build(&sandbox, &[]).ok();
    assert_eq!(found(&sandbox), []);
    // One ticket goes alone.
    let customer_of = |id: &str| {
        let desk = nba::desk::load(&sandbox.path("desk"), &nba::desk::ReadParams::default()).unwrap();
        desk.tickets.into_iter().find(|ticket| ticket.id == id).unwrap().customer_id
    };
    sandbox.nba(&["index", "forget", "--ticket", &known]).ok();
    assert_eq!(sandbox.nba(&["similar", &known]).code, 2);
    let ledger = sandbox.read("index/forgotten/ledger.jsonl");
    assert!(!ledger.contains(&known) && !ledger.contains(&*customer_of(&known)), "{ledger}");
    let list = sandbox.nba(&["index", "forget", "--list"]).ok().stdout;
    let told: Vec<&str> = list.lines().map(|line| line.split_once(" asked for ").map_or(line, |it| it.1)).collect();
    assert_eq!(told[0], "1 customer, 0 tickets: 0 tickets, 0 rows hidden");
    assert!(told[1].ends_with("purged: g000002 serves without them"), "{list}");
    assert!(told[2].starts_with("0 customers, 1 ticket: 1 ticket, "), "{list}");
    assert_eq!(told[3..], ["some of it is hidden and not purged yet: the next `nba index build` does"]);
}

/// Rather no answer than one with forgotten rows.
#[test]
fn a_ledger_that_cannot_be_trusted_serves_nothing() {
    let sandbox = planted();
    sandbox.nba(&FORGET).ok();
    let ledger = sandbox.read("index/forgotten/ledger.jsonl");
    sandbox.edit("index/forgotten/ledger.jsonl", "\"hidden_tickets\":2", "\"hidden_tickets\":1");
    sandbox.check(&["similar", TICKETS[0]], expect![[r#"
        exit 7
        --- stderr
        error: index/forgotten/ledger.jsonl cannot be trusted: its checksum does not match; nothing is served without it, lest forgotten rows be shown again: restore it from a backup, or remove the index folder, build, and forget anew
    "#]]);
    for command in
        [&FORGET[..], &BUILD, &["index", "status"], &["index", "rollback", "g000001"], &["feedback", "--list"]]
    {
        assert_eq!(sandbox.nba(command).failed().code, 7, "{command:?}");
    }
    sandbox.write("index/forgotten/ledger.jsonl", &ledger);
    build(&sandbox, &[]).ok();
    // A generation that was built by the ledger is not opened without it, nor by an older one.
    fs::remove_file(sandbox.path("index/forgotten/ledger.jsonl")).unwrap();
    for command in [&FORGET[..], &BUILD, &["index", "status"]] {
        let error = sandbox.nba(command).failed();
        assert!(error.code == 7 && error.stderr.contains("lines of it are lost"), "{command:?}: {error:?}");
    }
    fs::remove_dir_all(sandbox.path("index/forgotten")).unwrap();
    assert_eq!(sandbox.nba(&[&BUILD[..], &["--force"]].concat()).code, 7);
    fs::create_dir(sandbox.path("index/forgotten")).unwrap();
    sandbox.write("index/forgotten/ledger.jsonl", &ledger);
    sandbox.nba(&["index", "status"]).ok();
}

/// Killed at any point, it has forgotten or has not, and says done only when it has.
#[test]
fn killed_it_has_forgotten_or_has_not() {
    let sandbox = planted();
    let index = sandbox.path("index");
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut killed, mut done) = (0, 0);
    for trial in 0..trials("NBA_KILLS", 25) {
        // What there was before, so that each trial begins with nothing forgotten.
        if index.join("forgotten").exists() {
            fs::remove_dir_all(index.join("forgotten")).unwrap();
        }
        let mut child = sandbox.command(&FORGET).spawn().unwrap();
        thread::sleep(Duration::from_micros(random.random_range(0..60_000)));
        child.kill().unwrap();
        let is_done = child.wait().unwrap().success();
        let hidden = Snapshot::open(&index).unwrap().hidden();
        assert!(hidden == (2, 4) || (hidden == (0, 0) && !is_done), "trial {trial}: {hidden:?}, done {is_done}");
        killed += usize::from(!is_done);
        done += usize::from(hidden.0 > 0);
        sandbox.nba(&FORGET).ok();
        assert_eq!(Snapshot::open(&index).unwrap().hidden(), (2, 4), "trial {trial}");
    }
    eprintln!("{killed} killed, {done} had forgotten");
}

/// Builds that are killed while they purge show nothing and lose nothing else; the next one ends the work.
#[test]
fn killed_builds_purge_in_the_end() {
    let sandbox = planted();
    let engine = Engine::open(sandbox.path("index")).unwrap();
    engine.record_feedback(&accepted(TICKETS[1])).unwrap();
    engine.record_feedback(&accepted(&small_ticket(true))).unwrap();
    drop(engine);
    build(&sandbox, &["--force"]).ok();
    sandbox.nba(&FORGET).ok();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut killed = 0;
    for trial in 0..trials("NBA_KILLS", 10) {
        let mut child = sandbox.command(&[&BUILD[..], &["--force"]].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        for _ in 0..random.random_range(0..=13) {
            lines.next();
        }
        thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let engine = Engine::open(sandbox.path("index")).unwrap();
        let error = engine.similar(&SimilarRequest::new(Subject::Ticket(TICKETS[0].to_owned()), 3)).unwrap_err();
        assert!(matches!(error, Error::UnknownTicket { .. }), "trial {trial}: {error}");
        assert_eq!(engine.feedback(None).unwrap().report.records, 1, "trial {trial}");
    }
    assert!(killed > 0);
    let outcome = build(&sandbox, &[]);
    assert!(matches!(outcome.code, 0 | 3), "{outcome:?}");
    assert_eq!(found(&sandbox), []);
    assert_eq!(sandbox.nba(&["index", "forget", "--list", "--json"]).json()["pending"], false);
}
