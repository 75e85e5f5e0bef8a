//! Indexes that programs of each format wrote, committed under `tests/formats`: read, or refused by name with the way out.

use std::path::PathBuf;

use expect_test::expect;
use fs_err as fs;
use nba::index::{FORMAT, OLDEST_FORMAT};
use nba::snapshot::Snapshot;
use nba::{Engine, EngineParams, RecommendParams, RecommendRequest, SimilarRequest, Subject};

use crate::support::{Sandbox, copy_folder, package};

fn of_format(format: u32) -> PathBuf {
    package().join("tests/formats").join(format.to_string())
}

#[test]
fn every_format_that_is_read_opens_verifies_and_answers() {
    for format in OLDEST_FORMAT..=FORMAT {
        let index = of_format(format);
        let snapshot = Snapshot::open(&index).unwrap_or_else(|error| panic!("format {format}: {error}"));
        assert_eq!(snapshot.generation().format, format);
        snapshot.verify().unwrap();
        Snapshot::open_named(&index, "g000001").unwrap().verify().unwrap();

        let recommend = RecommendParams { min_confidence: 0.0, min_similarity: -1.0, ..RecommendParams::default() };
        let engine = Engine::open_with(EngineParams { recommend, ..EngineParams::new(&index) }).unwrap();
        let subject = Subject::Ticket("TICKET-3".to_owned());
        let similar = engine.similar(&SimilarRequest::new(subject.clone(), 2)).unwrap();
        let ids: Vec<&str> = similar.tickets.iter().map(|ticket| ticket.hit.key.as_str()).collect();
        assert_eq!(ids, ["TICKET-1", "TICKET-2"], "format {format}");
        let advice = engine.recommend(&RecommendRequest::new(subject)).unwrap().advice;
        assert_eq!(advice.actions[0].action, "REFUND_FEE", "format {format}");
    }
}

/// An index of an older format is no dead end: a build puts one of this format beside it.
#[test]
fn a_build_and_a_rollback_go_from_format_to_format() {
    let sandbox = Sandbox::new();
    copy_folder(&of_format(6), &sandbox.path("index"));
    copy_folder(&package().join("tests/formats/desk"), &sandbox.path("desk"));
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox.nba(&["index", "rollback"]).ok();
    assert!(sandbox.read("index/CURRENT").starts_with("g000001"));
    sandbox.nba(&["index", "verify"]).ok();
    sandbox.check(
        &["index", "diff", "g000001", "g000002"],
        expect![[r#"
            exit 0
            --- stdout
            g000001 → g000002
            steps  0 added, 0 changed, 0 removed, 3 the same
            tickets  0 added, 3 changed, 0 removed, 0 the same
              changed  TICKET-1, TICKET-2, TICKET-3
            best action changed for 0 of 1 tickets that are active in both
        "#]],
    );
    // It does not say what it was made from, so that there is something to do.
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    assert!(sandbox.read("index/CURRENT").starts_with("g000003"));
}

#[test]
fn a_format_that_is_too_old_is_refused_by_name() {
    assert_eq!(OLDEST_FORMAT, 6);
    let sandbox = Sandbox::new();
    copy_folder(&of_format(5), &sandbox.path("index"));
    for args in [&["index", "status"][..], &["index", "verify"], &["similar", "TICKET-3"]] {
        assert_eq!(sandbox.nba(args).failed().code, 7);
    }
    sandbox.check(
        &["index", "verify"],
        expect![[r#"
        exit 7
        --- stderr
        error: index/g000001/generation.json has format 5, and this program reads formats 6 to 9; rebuild the index
    "#]],
    );
    copy_folder(&package().join("tests/formats/desk"), &sandbox.path("desk"));
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox.check(
        &["index", "rollback"],
        expect![[r#"
        exit 7
        --- stderr
        error: index/g000001/generation.json has format 5, and this program reads formats 6 to 9; rebuild the index
    "#]],
    );
    assert!(fs::read_to_string(sandbox.path("index/CURRENT")).unwrap().starts_with("g000002"));
    sandbox.nba(&["index", "verify"]).ok();
}
