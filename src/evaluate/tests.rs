//! Figures against small cases that were counted by hand.

use super::*;
use crate::embed::HashedEmbedder;
use crate::index::FusionParams;
use crate::keyword::KeywordParams;
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
        (&FusionParams::default(), &KeywordParams::default()),
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
    let report = evaluate_retrieval(
        &task,
        &HashedEmbedder::new(128),
        (&FusionParams::default(), &KeywordParams::default()),
        &mut |_, _| {},
    )
    .unwrap();
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

/// A generated desk with true actions, and its past.
fn past(change: impl Fn(&mut crate::desk::Desk)) -> crate::rebuild::Past {
    let folder = tempfile::tempdir().unwrap();
    let params = crate::generate::GenerateParams { tickets: 250, labels: true, ..Default::default() };
    crate::generate::generate(folder.path(), &params, &mut |_, _| {}).unwrap();
    let mut desk = crate::desk::load(folder.path(), &crate::desk::ReadParams::default()).unwrap();
    change(&mut desk);
    let assign = crate::desk::AssignParams::default();
    let embedder = HashedEmbedder::new(64);
    let cache = crate::embed::VectorCache::temporary(crate::embed::Embedder::identity(&embedder)).unwrap();
    crate::rebuild::Past::embed(desk, &crate::Catalogue::built_in(), &assign, &embedder, &cache, &mut |_| Ok(()))
        .unwrap()
}

fn walk(past: &crate::rebuild::Past) -> Vec<Replayed> {
    walk_unseen(past, None)
}

fn walk_unseen(past: &crate::rebuild::Past, category: Option<&str>) -> Vec<Replayed> {
    let learn = LearnParams { fewest: 50, ..LearnParams::default() };
    let unseen = category.map(str::to_owned);
    let params = ReplayParams { since: i64::MIN, unseen, recommend: RecommendParams::default(), learn };
    replay(past, &crate::Catalogue::built_in(), &params, &mut |_, _| {})
}

/// The end of the first half of the desk's tickets, by their opening.
fn half_time(desk: &crate::desk::Desk) -> i64 {
    let mut opened: Vec<i64> = desk.tickets.iter().map(|ticket| ticket.created_at).collect();
    opened.sort_unstable();
    opened[opened.len() / 2]
}

#[test]
fn the_future_changes_no_answer_of_the_past() {
    let honest = past(|_| {});
    let now = half_time(&honest.desk);
    // A planted leak: whatever ends later is turned into copies of one ticket, with one action and the best of ends.
    let planted = past(|desk| {
        for ticket in &mut desk.tickets {
            let end = ticket.thread.last().map_or(ticket.created_at, |turn| turn.at).max(ticket.closed_at.unwrap_or(0));
            if end < now {
                continue;
            }
            ticket.csat_score = ticket.csat_score.map(|_| 5.0);
            ticket.reopened_count = ticket.reopened_count.map(|_| 0);
            for turn in ticket.thread.iter_mut().filter(|turn| turn.at >= now) {
                turn.text = "vazamento".to_owned();
                if turn.action.is_some() {
                    turn.action = Some("REPLACE_TERMINAL".into());
                }
            }
        }
    });
    let before = |steps: Vec<Replayed>, past: &crate::rebuild::Past| {
        let asked: usize = past
            .desk
            .tickets
            .iter()
            .flat_map(|ticket| ticket.agent_turns())
            .filter(|turn| turn.at < now && turn.action.is_some())
            .count();
        steps.into_iter().take(asked).collect::<Vec<_>>()
    };
    let (one, other) = (walk(&honest), walk(&planted));
    let of_future = |steps: &[Replayed]| steps.iter().filter(|step| step.action == "REPLACE_TERMINAL").count();
    assert!(of_future(&other) > 2 * of_future(&one), "the plant is there");
    let (one, other) = (before(one, &honest), before(other, &planted));
    assert!(one.len() > 200, "{}", one.len());
    assert_eq!(one, other);
}

#[test]
fn a_replay_beats_what_needs_no_text_and_its_figures_add_up() {
    let steps = walk(&past(|_| {}));
    let report = ReplayReport::of(&steps, None, 1);
    assert_eq!(report, ReplayReport::of(&steps, None, 1), "the same seed, the same intervals");
    for hits in report.baselines.values() {
        assert!(report.all.hit_at_1.mean > hits.hit_at_1.mean, "{report:?}");
    }
    assert_eq!(report.by_category.values().map(|hits| hits.steps).sum::<usize>(), steps.len());
    assert_eq!(report.by_position.values().map(|hits| hits.steps).sum::<usize>(), steps.len());
    assert_eq!(report.by_language.values().map(|hits| hits.steps).sum::<usize>(), steps.len());
    assert_eq!(report.by_language.keys().collect::<Vec<_>>(), ["en", "pt"]);
    assert_eq!(report.reliability.iter().map(|bin| bin.steps).sum::<usize>(), steps.len());
    let Figure { mean, low, high } = report.all.hit_at_1;
    let counted = steps.iter().filter(|step| step.rank == Some(1)).count() as f64 / steps.len() as f64;
    assert!((mean - counted).abs() < 1e-12 && low < mean && mean < high);
}

#[test]
fn of_an_unseen_category_nothing_is_ever_known_and_confidence_says_when_to_be_silent() {
    let seen = past(|_| {});
    // The ends of the category and what was done in it do not matter, since nothing is known of them.
    let other = past(|desk| {
        for ticket in desk.tickets.iter_mut().filter(|ticket| &*ticket.category == "TECHNICAL") {
            ticket.csat_score = ticket.csat_score.map(|_| 1.0);
        }
    });
    let steps = walk_unseen(&seen, Some("TECHNICAL"));
    assert!(steps.len() > 50 && steps.iter().all(|step| step.category == "TECHNICAL"), "{}", steps.len());
    // The baselines ask the same evidence.
    let asked = |step: &Replayed| (step.rank, step.confidence, step.baselines);
    let (one, two): (Vec<_>, Vec<_>) =
        (steps.iter().map(asked).collect(), walk_unseen(&other, Some("TECHNICAL")).iter().map(asked).collect());
    assert_eq!(one, two);
    let (unseen, known) = (ReplayReport::of(&steps, None, 1), ReplayReport::of(&walk(&seen), None, 1));
    assert!(unseen.all.hit_at_1.mean < known.by_category["TECHNICAL"].hit_at_1.mean, "{unseen:?}");
    assert_eq!(unseen.baselines["by_subcategory"].hit_at_1.mean, 0.0, "no subcategory of it is known");
}

#[test]
fn the_risk_curve_by_hand() {
    let step = |confidence: f32, rank: usize| Replayed {
        ticket_id: format!("T{confidence}"),
        position: 0,
        category: "FINANCIAL".to_owned(),
        language: "pt",
        action: "REFUND".to_owned(),
        rank: Some(rank),
        confidence,
        similarity: 1.0 - confidence,
        answered: true,
        baselines: [None; 4],
    };
    // The surest is right, then one wrong, then right, wrong: risks 0, 1/2, 1/3, 1/2.
    let report = ReplayReport::of(&[step(0.2, 2), step(0.9, 1), step(0.7, 3), step(0.4, 1)], None, 1);
    assert!((report.risk_by_confidence.area - (0.5 + 1.0 / 3.0 + 0.5) / 4.0).abs() < 1e-12);
    let half = report.risk_by_confidence.points[4];
    assert_eq!((half.coverage, half.risk, half.least), (0.5, 0.5, 0.7));
    // The other way round: 1, 1/2, 2/3, 1/2.
    assert!((report.risk_by_similarity.area - (1.0 + 0.5 + 2.0 / 3.0 + 0.5) / 4.0).abs() < 1e-12);
    let bin = |confidence: f64| report.reliability.iter().find(|bin| (bin.confidence - confidence).abs() < 1e-6);
    assert_eq!(bin(0.9).map(|bin| (bin.steps, bin.hit_at_1)), Some((1, 1.0)));
    // (0.2 + 0.1 + 0.7 + 0.6) / 4
    assert!((report.calibration_error - 0.4).abs() < 1e-6);
    assert!(ReplayReport::of(&[], None, 1).risk_by_confidence.points.is_empty());
}
