//! The shipped model and a real ONNX Runtime, from the tables to the answer.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use nba::{By, EmbedParams, Engine, EngineParams, ModelSource, ModelSpec, OnnxEmbedder, QueryKind, SearchRequest};
use serde_json::Value;

use crate::support::{self, MODEL, Sandbox, fixtures, package, skip};

/// The shipped model where it can run.
static EMBEDDER: LazyLock<Result<OnnxEmbedder, String>> = LazyLock::new(|| {
    let spec = ModelSpec::open(&package().join("models").join(MODEL)).map_err(|error| error.to_string())?;
    OnnxEmbedder::open(&spec, &EmbedParams::default()).map_err(|error| error.to_string())
});

/// An index of `fixtures/` by the shipped model, and a sandbox whose `models` it lies in. Built once, by the program.
static INDEX: LazyLock<Option<(Sandbox, PathBuf)>> = LazyLock::new(|| {
    if let Err(why) = EMBEDDER.as_ref() {
        skip(why);
        return None;
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("NBA_MODEL", package().join("models").join(MODEL));
    let data = fixtures();
    let report = sandbox.nba(&["index", "build", "--data", data.to_str().unwrap(), "--json"]).json();
    assert_eq!(report["generation"]["model"]["name"], MODEL);
    let index = sandbox.path("index");
    Some((sandbox, index))
});

fn engine(index: &Path) -> Engine {
    let model = ModelSource::Named(package().join("models").join(MODEL));
    Engine::open_with(EngineParams { model, ..EngineParams::new(index) }).unwrap()
}

fn categories(answer: &Value) -> Vec<String> {
    answer["tickets"].as_array().unwrap().iter().map(|ticket| ticket["category"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn similar_tickets_are_of_the_same_kind() {
    let Some((sandbox, _)) = INDEX.as_ref() else { return };
    let own = sandbox.nba(&["search", "tickets", "--row", "TICKET-0042", "-k", "1", "--json"]).json();
    let category = own["rows"][0]["columns"]["category"].as_str().unwrap().to_owned();
    let answer = sandbox.nba(&["similar", "TICKET-0042", "-k", "10", "--json"]).json();
    let categories = categories(&answer);
    assert_eq!(categories.len(), 10);
    let same = categories.iter().filter(|other| **other == category).count();
    assert!(same > 5, "{category}: {categories:?}");
    sandbox.nba(&["index", "verify"]).ok();
}

#[test]
fn a_recommendation_names_actions_with_evidence() {
    let Some((sandbox, _)) = INDEX.as_ref() else { return };
    let advice = sandbox.nba(&["recommend", "TICKET-0042", "--json"]).json();
    if advice["abstention"].is_null() {
        let best = &advice["actions"][0];
        assert_ne!(best["id"], "OTHER");
        assert!(best["support"].as_u64() >= Some(1), "{best}");
        let evidence = best["evidence"].as_array().unwrap().len() + best["counter_evidence"].as_array().unwrap().len();
        assert!(evidence >= 1, "{best}");
    } else {
        assert!(advice["abstention"]["message"].as_str().is_some_and(|reason| !reason.is_empty()));
    }
}

#[test]
fn a_text_is_embedded_as_the_stored_text_was() {
    if INDEX.is_none() {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("NBA_MODEL", package().join("models").join(MODEL));
    support::silent_desk(&sandbox, "desk");
    sandbox.nba(&["index", "build", "--data", "desk"]).ok();
    let engine = engine(&sandbox.path("index"));
    let request = |by| SearchRequest {
        index: "tickets".to_owned(),
        by,
        kind: QueryKind::Ann,
        k: 10,
        filter: None,
        columns: Some(vec!["problem".to_owned()]),
        one_per_group: true,
        explain: false,
    };
    for id in ["TICKET-0001", "TICKET-0042", "TICKET-0200"] {
        let stored = engine.search(&request(By::Row(id.to_owned()))).unwrap();
        let text = stored.rows[0].1[0].1.as_str().unwrap();
        let by_text = engine.search(&request(By::Text(text.to_owned()))).unwrap();
        let (nearest, _) = &by_text.rows[0];
        assert_eq!(nearest.key, id);
        assert!(nearest.score >= 0.9999, "{id}: {}", nearest.score);
        let keys = |answer: &nba::SearchAnswer| answer.rows.iter().map(|(hit, _)| hit.key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&by_text)[..3], keys(&stored)[..3], "{id}");
    }
}

/// By vectors alone: the words have nothing in common. English tickets come first, then Portuguese ones of the same kind.
#[test]
fn an_english_text_finds_portuguese_tickets() {
    let Some((sandbox, _)) = INDEX.as_ref() else { return };
    let mut n_of_kind = 0;
    for (text, category) in [
        ("the money of my sales was not paid into my bank account", "FINANCIAL"),
        ("I was charged a fee twice and want it back", "FINANCIAL"),
        ("my card machine does not turn on any more", "TECHNICAL"),
        ("the terminal has no signal and cannot connect", "TECHNICAL"),
    ] {
        let words = ["search", "tickets", "--text", text, "--type", "ann", "-k", "200", "--json"];
        let answer = sandbox.nba(&[&words[..], &["--columns", "category,problem"]].concat()).json();
        let portuguese: Vec<&Value> =
            answer["rows"].as_array().unwrap().iter().filter(is_portuguese).take(10).collect();
        assert_eq!(portuguese.len(), 10, "{text}");
        n_of_kind += portuguese.iter().filter(|row| row["columns"]["category"] == category).count();
    }
    assert!(n_of_kind >= 30, "{n_of_kind} of 40");
}

fn is_portuguese(row: &&Value) -> bool {
    let problem = row["columns"]["problem"].as_str().unwrap().to_lowercase();
    let words: Vec<&str> = problem.split(|c: char| !c.is_alphabetic()).collect();
    let count = |of: &[&str]| words.iter().filter(|word| of.contains(word)).count();
    count(&["não", "nao", "de", "da", "do", "na", "no", "que", "com"])
        > count(&["the", "to", "my", "is", "of", "and", "in"])
}

/// The catalogue without two of its actions: their messages come back as proposals.
#[test]
fn actions_that_the_catalogue_lacks_are_proposed() {
    let Some((sandbox, _)) = INDEX.as_ref() else { return };
    let all = fs_err::read_to_string(fixtures().join("actions.toml")).unwrap();
    let lacking: Vec<&str> = all
        .split("[[action]]\n")
        .filter(|entry| {
            !["REPLACE_TERMINAL", "ASK_DOCUMENTS"].iter().any(|id| entry.contains(&format!("id = \"{id}\"")))
        })
        .collect();
    assert_eq!(lacking.len() + 2, all.split("[[action]]\n").count());
    sandbox.write("lacking.toml", lacking.join("[[action]]\n"));
    let data = fixtures();
    let args =
        ["actions", "discover", "--data", data.to_str().unwrap(), "--actions", "lacking.toml", "--out", "new.toml"];
    let report = sandbox.nba(&[&args[..], &["--json"]].concat()).json();

    let proposed = nba::Catalogue::from_toml(&sandbox.path("new.toml")).unwrap();
    assert_eq!(proposed.actions.len(), report["proposals"].as_array().unwrap().len());
    let has = |words: &[&str]| {
        proposed.actions.iter().any(|action| {
            let tells = |example: &&String| words.iter().any(|word| example.to_lowercase().contains(word));
            action.examples.iter().filter(tells).count() * 2 > action.examples.len()
        })
    };
    assert!(has(&["equipamento", "máquina", "machine", "device", "terminal"]), "{}", report["toml"]);
    assert!(has(&["extrato", "documento", "contrato social", "statement", "document"]), "{}", report["toml"]);
    assert!(proposed.actions.iter().all(|action| nba::Catalogue::built_in().get(&action.id).is_none()));
}

#[test]
fn messages_are_assigned_to_the_actions_that_they_carry_out() {
    let Some((sandbox, _)) = INDEX.as_ref() else { return };
    sandbox.nba(&["generate", "--out", "labelled", "--seed", "3", "--tickets", "60", "--labels"]).ok();
    let report = sandbox.nba(&["actions", "check", "--data", "labelled", "--json"]).json();
    let accuracy = &report["accuracy"];
    assert_eq!(accuracy["labelled"], report["messages"]);
    assert!(accuracy["right"].as_f64() > Some(0.6), "{accuracy}");
    assert!(accuracy["wrong"].as_f64() < Some(0.28), "{accuracy}");
}

#[test]
fn odd_texts_have_vectors_too() {
    let Some((_, index)) = INDEX.as_ref() else { return };
    let engine = engine(index);
    for text in ["退款没有到账", "لم يصل المبلغ", "😀🔥💳", "?!", "\u{0}", &"estorno ".repeat(3_000)]
    {
        let subject = nba::Subject::Text(text.to_owned());
        let answer = engine.similar(&nba::SimilarRequest::new(subject, 3)).unwrap();
        assert_eq!(answer.tickets.len(), 3);
    }
}

/// The bars of the product on the desk of `fixtures/` with its true actions. Nothing is timed.
#[test]
fn the_fixtures_are_foreseen_as_well_as_promised() {
    if let Err(why) = EMBEDDER.as_ref() {
        return skip(why);
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("NBA_MODEL", package().join("models").join(MODEL));
    sandbox.nba(&["generate", "--out", "desk", "--labels"]).ok();
    let report = sandbox.nba(&["replay", "--data", "desk", "--json"]).json();
    let hit_at_1 = |hits: &Value| hits["hit_at_1"]["mean"].as_f64().unwrap();
    let ours = hit_at_1(&report["all"]);
    let seeds = hit_at_1(&report["baselines"]["same_kind_by_csat"]);
    assert!(ours >= 0.43 && ours >= 1.5 * seeds, "{ours}, {seeds} by the seed's method");
    // What could be foreseen at best, and what follows from knowing the cause too: see `src/generate/oracle.rs`.
    let [oracle, insider] = ["oracle", "insider"].map(|who| hit_at_1(&report["oracles"][who]));
    assert!(insider > oracle && oracle > ours, "{insider} {oracle} {ours}");
    let baselines = report["baselines"].as_object().unwrap().values().map(hit_at_1);
    assert!(baselines.into_iter().all(|hits| hits < oracle), "{}", report["baselines"]);
    assert!(report["calibration_error"].as_f64().unwrap() <= 0.05, "{}", report["calibration_error"]);
    let risk = |by: &str| report[by]["area"].as_f64().unwrap();
    assert!(risk("risk_by_confidence") < risk("risk_by_similarity"), "{report}");
}
