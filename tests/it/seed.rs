//! Desks that this project did not make, where they lie beside the package: both dialects of headers, both languages.

use std::path::{Path, PathBuf};

use nba::desk::{ReadParams, Status, load, personal_values, told_language};

use crate::support::{Sandbox, files};

#[test]
fn foreign_desks_are_built_and_asked() {
    for name in ["pt-br", "en"] {
        let data: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "shared", "seed", "data", name].iter().collect();
        if !data.is_dir() {
            println!("skipped: no desk beside the package");
            continue;
        }
        check(&data);
    }
}

#[test]
fn the_language_of_a_message_of_five_words_is_told() {
    for (name, expected) in [("pt-br", "pt"), ("en", "en")] {
        let data: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "shared", "seed", "data", name].iter().collect();
        if !data.is_dir() {
            println!("skipped: no desk beside the package");
            continue;
        }
        let desk = load(&data, &ReadParams::default()).unwrap();
        let turns = desk.tickets.iter().flat_map(|ticket| &ticket.thread);
        let long: Vec<&str> =
            turns.map(|turn| &*turn.text).filter(|text| text.split_whitespace().count() >= 5).collect();
        let wrong: Vec<&&str> = long.iter().filter(|text| told_language(text).0 != expected).collect();
        let right = 1.0 - wrong.len() as f64 / long.len() as f64;
        assert!(long.len() > 1_000 && right >= 0.98, "{name}: {right:.4} of {}, wrong: {wrong:#?}", long.len());
    }
}

fn check(data: &Path) {
    let sandbox = Sandbox::new();
    let build = ["index", "build", "--data", data.to_str().unwrap(), "--model", "hashed", "--json"];
    let report = sandbox.nba(&build).json();
    assert_eq!(report["skipped"], 0);
    sandbox.nba(&["index", "verify"]).ok();

    let desk = load(data, &ReadParams::default()).unwrap();
    assert_eq!(report["generation"]["indexes"]["tickets"]["rows"], desk.tickets.len());
    for status in [Status::Open, Status::InProgress, Status::PendingCustomer] {
        let Some(ticket) = desk.tickets.iter().find(|ticket| ticket.status == status) else { continue };
        let similar = sandbox.nba(&["similar", &ticket.id, "-k", "7", "--json"]).json();
        assert_eq!(similar["tickets"].as_array().unwrap().len(), 7);
        let advice = sandbox.nba(&["recommend", &ticket.id, "--json"]).json();
        assert_eq!(advice["about"], ticket.subject);
        sandbox.nba(&["recommend", &ticket.id, "--explain"]).ok();
    }
    let closed = desk.tickets.iter().find(|ticket| ticket.status == Status::Closed).unwrap();
    sandbox.nba(&["similar", &closed.id]).ok();
    assert_eq!(sandbox.nba(&["recommend", &closed.id]).failed().code, 2);

    // Documents and addresses are nowhere in the index; names may be those of agents and companies too.
    let values = personal_values(data).unwrap();
    let exact: Vec<&String> =
        values.iter().filter(|value| value.contains(['@']) || value.ends_with(|c: char| c.is_ascii_digit())).collect();
    let needles = aho_corasick::AhoCorasick::new(&exact).unwrap();
    for name in files(&sandbox.path("index")) {
        let bytes = fs_err::read(sandbox.path("index").join(&name)).unwrap();
        let found = needles.find(&bytes).map(|hit| exact[hit.pattern().as_usize()]);
        assert_eq!(found, None, "{name}");
    }
}
