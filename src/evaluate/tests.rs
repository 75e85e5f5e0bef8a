//! Figures against small cases that were counted by hand.

use super::*;
use crate::embed::HashedEmbedder;
use crate::index::FusionParams;
use crate::recommend::{LearnParams, RecommendParams};

#[test]
fn classified_counts_as_by_hand() {
    let truths = ["a", "a", "b", "c"];
    let predictions = [vec!["a"], vec!["b", "a"], vec!["b"], vec!["x", "y", "z", "c"]];
    let figures = classified(&truths, &predictions);
    assert_eq!(figures.accuracy, 0.5);
    assert_eq!(figures.acc_at_3, 0.75);
    // a: 2·1/(2+1), twice; b: 2·1/(1+2), once; c: 0.
    assert!((figures.weighted_f1 - (2.0 * (2.0 / 3.0) + 2.0 / 3.0) / 4.0).abs() < 1e-12);
}

fn samples(rows: &[(&str, &str)]) -> Vec<Sample> {
    rows.iter().map(|&(text, label)| Sample { text: text.to_owned(), label: label.to_owned() }).collect()
}

#[test]
fn a_row_does_not_find_itself() {
    // Two labels whose rows share their words, and one row that is alone with its label.
    let rows = samples(&[
        ("estorno não caiu", "refund"),
        ("meu estorno não caiu", "refund"),
        ("terminal sem conexão", "terminal"),
        ("meu terminal sem conexão", "terminal"),
        ("taxa", "fee"),
    ]);
    let report = evaluate_retrieval(
        &RetrievalTask::LeaveOneOut(rows),
        &HashedEmbedder::new(128),
        &FusionParams::default(),
        &mut |_, _| {},
    )
    .unwrap();
    assert_eq!(report.rows, 5);
    for leg in [report.legs.dense, report.legs.keyword, report.legs.hybrid] {
        assert_eq!(leg.p_at_1, 0.8, "{report:?}");
        assert!((leg.p_at_10 - 0.08).abs() < 1e-9, "one other row of the label in ten places, for four of five");
    }
}

#[test]
fn a_split_searches_train_for_test() {
    let task = RetrievalTask::Split {
        train: samples(&[("estorno não caiu", "refund"), ("terminal sem conexão", "terminal")]),
        test: samples(&[("cadê o estorno", "refund"), ("o terminal parou", "terminal"), ("o estorno", "other")]),
    };
    let report =
        evaluate_retrieval(&task, &HashedEmbedder::new(128), &FusionParams::default(), &mut |_, _| {}).unwrap();
    assert_eq!((report.rows, report.legs.keyword.p_at_1), (3, 2.0 / 3.0));
}

fn case(category: &str, last: Option<&str>, text: &str, action: &str) -> Case {
    let turn = |author, text: &str, action: Option<&str>| serde_json::json!({ "author": author, "text": text, "action": action });
    let mut turns = vec![turn("CUSTOMER", "olá", None)];
    turns.extend(last.map(|last| turn("AGENT", "certo", Some(last))));
    turns.push(turn("CUSTOMER", text, None));
    let case = serde_json::json!({ "case": "c", "category": category, "turns": turns, "action": action });
    serde_json::from_value(case).unwrap()
}

#[test]
fn floors_look_at_category_and_last_action_and_votes_at_the_text() {
    let train = [
        case("X", None, "quero estorno", "ask"),
        case("X", None, "quero estorno já", "ask"),
        case("X", Some("ask"), "o número é 1", "refund"),
        case("X", Some("ask"), "não tenho o número", "escalate"),
        case("X", Some("ask"), "o número é 3", "refund"),
    ];
    let test = [
        case("X", None, "estorno quero", "ask"),
        case("X", Some("ask"), "o número é 2", "refund"),
        case("X", Some("ask"), "não tenho número", "escalate"),
    ];
    let params = RecommendParams { states: 2, ..RecommendParams::default() };
    let params = (&params, &LearnParams::default());
    let report = evaluate_actions(&train, &test, &HashedEmbedder::new(256), params, &mut |_, _| {}).unwrap();
    assert_eq!(report.rows, 3);
    assert_eq!(report.figures.accuracy, 1.0);
    assert_eq!(report.floors.frequency.accuracy, 2.0 / 3.0);
    assert_eq!(report.floors.frequency.acc_at_3, 1.0);
    assert_eq!(report.floors.majority.accuracy, 1.0 / 3.0);
}

#[test]
fn faulty_files_are_named_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let jsonl = folder.path().join("cases.jsonl");
    fs_err::write(&jsonl, "\n{\"case\": 1}\n").unwrap();
    let message = read_cases(&jsonl).unwrap_err().to_string();
    assert!(message.contains("cases.jsonl:2: invalid type: integer `1`"), "{message}");

    let csv = folder.path().join("rows.csv");
    fs_err::write(&csv, "text,label\nolá,x\nolá\n").unwrap();
    let message = read_samples(&csv, "text", "label", b',').unwrap_err().to_string();
    assert!(message.contains("rows.csv:3"), "{message}");
    let message = read_samples(&csv, "text", "nope", b',').unwrap_err().to_string();
    assert_eq!(message, "no column `nope`; there are `text`, `label`");
}
