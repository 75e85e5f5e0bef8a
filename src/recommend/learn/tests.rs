//! What is learnt, on histories whose law is known.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::features::{Encoded, Encoder};
use super::logistic::{Link, Logistic, Task};
use super::*;

/// A desk with a law: after `ASK` comes `REFUND` if the text says so, else `EXPLAIN`; first of all comes `ASK`.
/// One in ten agents does something else.
fn moments(count: usize, seed: u64) -> Vec<(String, Vec<f32>, Vec<&'static str>, &'static str)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            let (asked, refund) = (rng.random_bool(0.6), rng.random_bool(0.5));
            let text = if refund { "quero estorno da venda" } else { "qual a taxa da venda" };
            let vector = (0..8).map(|_| rng.random_range(-1.0..1.0)).collect();
            let right = match (asked, refund) {
                (false, _) => "ASK",
                (true, true) => "REFUND",
                (true, false) => "EXPLAIN",
            };
            let action = if rng.random_bool(0.1) { "CLOSE" } else { right };
            (text.to_owned(), vector, if asked { vec!["ASK"] } else { Vec::new() }, action)
        })
        .collect()
}

fn examples<'a>(moments: &'a [(String, Vec<f32>, Vec<&'static str>, &'static str)]) -> Vec<Example<'a>> {
    moments
        .iter()
        .map(|(text, vector, done, action)| Example {
            moment: Moment { turns: vec![(text, vector)], done: done.clone(), ..Moment::default() },
            action,
            kind: "",
            later: Vec::new(),
        })
        .collect()
}

fn blind_votes(_: usize) -> Vec<Vote> {
    Vote::ranked([("ASK".to_owned(), 0.5), ("CLOSE".to_owned(), 0.5)])
}

#[test]
fn a_law_is_learnt_and_its_exceptions_are_in_the_confidence() {
    let history = moments(1500, 1);
    let learned = learn(&examples(&history), 1200, &blind_votes, &|_, votes| votes, &LearnParams::default());
    assert!(learned.trust.share > 0.8, "votes that know nothing have little say: {:?}", learned.trust);

    let future = moments(500, 2);
    let mut right = 0;
    let mut confidence = 0.0;
    for example in examples(&future) {
        let votes = mix(&learned.predict(&example.moment), &blind_votes(0), learned.trust.share);
        assert!((votes.iter().map(|vote| vote.probability).sum::<f32>() - 1.0).abs() < 1e-4);
        right += usize::from(votes[0].action == example.action);
        confidence += learned.trust.calibration.confidence(votes[0].probability);
    }
    // The law holds in 90 of 100; nobody can foresee the rest.
    assert!((430..=470).contains(&right), "{right} of 500");
    assert!((confidence / 500.0 - right as f32 / 500.0).abs() < 0.05, "{confidence} of {right}");
}

#[test]
fn of_many_moments_each_fit_begins_where_the_one_before_has_ended() {
    let mut history = moments(32_000, 8);
    // An action that the newest moments alone have, which the first of the fits has not seen.
    for (_, _, done, action) in &mut history[30_000..] {
        if done.is_empty() && *action == "ASK" {
            *action = "GREET";
        }
    }
    let learned = learn(&examples(&history), 31_500, &blind_votes, &|_, votes| votes, &LearnParams::default());
    let future = moments(500, 2);
    let first = |example: &Example<'_>| learned.predict(&example.moment)[0].action.clone();
    let asked: Vec<Example<'_>> = examples(&future).into_iter().filter(|it| !it.moment.done.is_empty()).collect();
    let right = asked.iter().filter(|example| first(example) == example.action).count() as f32 / asked.len() as f32;
    // The law holds in 90 of 100.
    assert!((0.85..0.95).contains(&right), "{right}");
    let begun = Moment { turns: vec![(&future[0].0, &future[0].1)], ..Moment::default() };
    let likely = learned.predict(&begun);
    let of = |action: &str| likely.iter().find(|vote| vote.action == action).map_or(0.0, |vote| vote.probability);
    assert!(of("ASK") + of("GREET") > 0.8 && of("GREET") > 0.02, "{likely:?}");
}

#[test]
fn what_the_customer_said_long_ago_still_counts() {
    let history = moments(1500, 7);
    let long_ago = |seen: bool| -> Vec<Example<'_>> {
        history
            .iter()
            .filter(|(_, _, done, _)| !done.is_empty())
            .map(|(text, vector, done, action)| Example {
                moment: Moment {
                    turns: vec![("ok", vector)],
                    said: if seen { vec!["ok", text] } else { vec!["ok"] },
                    done: done.clone(),
                    ..Moment::default()
                },
                action,
                kind: "",
                later: Vec::new(),
            })
            .collect()
    };
    let right = |examples: &[Example<'_>]| {
        let (old, new) = examples.split_at(600);
        let learned = learn(old, 480, &blind_votes, &|_, votes| votes, &LearnParams::default());
        let hits = new.iter().filter(|example| learned.predict(&example.moment)[0].action == example.action);
        hits.count() as f32 / new.len() as f32
    };
    let (told, untold) = (right(&long_ago(true)), right(&long_ago(false)));
    assert!(told > 0.83 && untold < 0.6, "{told} and {untold}");
}

#[test]
fn what_was_learnt_survives_its_bytes_and_the_same_history_gives_the_same_bytes() {
    let history = moments(400, 3);
    let learned = learn(&examples(&history), 320, &blind_votes, &|_, votes| votes, &LearnParams::default());
    let bytes = learned.to_bytes().unwrap();
    assert_eq!(learned.judged.map(|judged| judged.moments), Some(80));
    assert_eq!(Learned::from_bytes(&bytes), Some(Learned { judged: None, ..learned.clone() }));
    let again = learn(&examples(&history), 320, &blind_votes, &|_, votes| votes, &LearnParams::default());
    assert!(again.to_bytes().unwrap() == bytes);
    for end in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(Learned::from_bytes(&bytes[..end]), None, "cut at {end}");
    }

    let line = String::from_utf8(bytes.split(|&byte| byte == b'\n').next().unwrap().to_vec()).unwrap();
    let without = |keys: &[&str]| {
        let short = keys.iter().fold(line.clone(), |line, key| {
            assert!(line.contains(key), "{key}");
            line.replace(key, "")
        });
        Learned::from_bytes(&[short.as_bytes(), &bytes[line.len()..]].concat())
    };
    // Format 8 had a second side of another meaning, and said nothing of it; format 7 had no weights of sides.
    let moment = &examples(&history)[0].moment;
    let older = without(&[r#""foresees":true,"#]).unwrap();
    assert!(older.trust == learned.trust && older.predict(moment) != learned.predict(moment));
    let no_sides = [r#""has_sides":true,"#, r#""foresees":true,"#];
    assert_eq!(without(&no_sides), None);
    let header: serde_json::Value = serde_json::from_str(&line).unwrap();
    let encoder: Encoder = serde_json::from_value(header["ranker"]["encoder"].clone()).unwrap();
    let (dense, sparse) = encoder.width();
    let actions = header["ranker"]["actions"].as_array().unwrap().len();
    let (first, rest) = bytes[line.len()..].split_at(1 + 4 * (dense + sparse + 1) * actions);
    let sides = 4 * (dense + 1 + sparse + 1) * actions;
    let short = no_sides.iter().fold(line.clone(), |line, key| line.replace(key, ""));
    let older = Learned::from_bytes(&[short.as_bytes(), first, &rest[sides..]].concat()).unwrap();
    assert!(older.trust == learned.trust && older.predict(moment) != learned.predict(moment));
    assert_eq!(Learned::from_bytes(&older.to_bytes().unwrap()), Some(older));
}

#[test]
fn of_classes_any_number_may_be_true() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    // Three words, each of which makes its own class true, and a fourth without a meaning.
    let seen: Vec<Vec<usize>> = (0..600).map(|_| (0..4).filter(|_| rng.random_bool(0.5)).collect()).collect();
    let row = |words: &Vec<usize>| Encoded {
        dense: Vec::new(),
        sparse: words.iter().map(|&word| (word as u32, 1.0)).collect(),
    };
    let rows: Vec<Encoded> = seen.iter().map(row).collect();
    let truths: Vec<Vec<usize>> =
        seen.iter().map(|words| words.iter().copied().filter(|&word| word < 3).collect()).collect();
    let rows: Vec<&Encoded> = rows.iter().collect();
    let task = Task { rows: &rows, truths: &truths, classes: 3, strength: 0.7, seed: 1 };
    let fitted = Logistic::fit(&task, Link::AnyOf, (0, 4), None);
    let again = Logistic::fit(&task, Link::AnyOf, (0, 4), Some((&fitted, &[Some(0), Some(1), Some(2)])));
    for classifier in [fitted, again] {
        for (words, expected) in
            [(vec![], [false; 3]), (vec![0, 2, 3], [true, false, true]), (vec![0, 1, 2], [true; 3])]
        {
            let predicted = classifier.predict(&row(&words));
            let right = predicted.iter().zip(expected).all(|(&p, is)| if is { p > 0.7 } else { p < 0.3 });
            assert!(right, "{words:?}: {predicted:?}");
        }
    }
}

#[test]
fn an_action_is_foreseen_by_its_kind_and_by_what_is_usual_in_such_tickets() {
    let history = moments(400, 7);
    let mut examples = examples(&history);
    for example in &mut examples {
        // Tickets about fees end with an explanation, whatever is said in them.
        let is_fee = example.action == "EXPLAIN";
        example.moment.context = vec![("category", "FINANCIAL"), ("subcategory", if is_fee { "FEE" } else { "SALE" })];
        example.kind = if example.action == "ASK" { "ask" } else { "resolve" };
    }
    let learned = learn(&examples, 320, &blind_votes, &|_, votes| votes, &LearnParams::default());
    assert_eq!(Learned::from_bytes(&learned.to_bytes().unwrap()), Some(Learned { judged: None, ..learned.clone() }));
    let fee = Moment {
        done: vec!["ASK"],
        context: vec![("category", "FINANCIAL"), ("subcategory", "FEE")],
        ..Moment::default()
    };
    let votes = learned.predict(&fee);
    assert_eq!(votes[0].action, "EXPLAIN");
    assert!((votes.iter().map(|vote| vote.probability).sum::<f32>() - 1.0).abs() < 1e-4, "{votes:?}");
}

#[test]
fn a_small_desk_teaches_nothing_and_its_votes_decide() {
    let history = moments(50, 4);
    let learned = learn(&examples(&history), 40, &blind_votes, &|_, votes| votes, &LearnParams::default());
    assert_eq!((learned.trust.share, learned.predict(&examples(&history)[0].moment)), (0.0, Vec::new()));
    assert_eq!(mix(&[], &blind_votes(0), learned.trust.share), blind_votes(0));
}

#[test]
fn a_curve_is_fitted_to_answers_that_promise_too_much() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let answers: Vec<(f32, bool)> = (0..4000)
        .map(|_| {
            let p: f32 = rng.random_range(0.05..0.95);
            (p, rng.random_bool(f64::from(0.5 * p)))
        })
        .collect();
    let calibration = Calibration::fit(&answers);
    for p in [0.2, 0.5, 0.8] {
        assert!((calibration.confidence(p) - 0.5 * p).abs() < 0.06, "{p}: {}", calibration.confidence(p));
    }
    assert_eq!(Calibration::fit(&answers[..10]), Calibration::default());
    let backwards: Vec<(f32, bool)> = answers.iter().map(|&(p, right)| (1.0 - p, right)).collect();
    let flat = Calibration::fit(&backwards);
    assert!(
        (flat.confidence(0.1) - flat.confidence(0.9)).abs() < 1e-6,
        "no answer is trusted more for being unlikelier"
    );
}

#[test]
fn hard_tickets_are_expected_to_end_badly() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let drawn: Vec<(String, bool, bool)> = (0..2000)
        .map(|at| {
            let hard = rng.random_bool(0.4);
            (format!("T{at:04}"), hard, rng.random_bool(if hard { 0.3 } else { 0.9 }))
        })
        .collect();
    let moments: Vec<Moment<'_>> = drawn
        .iter()
        .map(|(_, hard, _)| Moment {
            context: vec![("priority", if *hard { "CRITICAL" } else { "LOW" })],
            ..Moment::default()
        })
        .collect();
    let endings: Vec<Ending<'_>> =
        drawn.iter().map(|(ticket, _, success)| Ending { ticket, success: Some(*success) }).collect();
    for ((_, hard, _), expected) in drawn.iter().zip(expected_success(&endings, &|at| moments[at].clone(), 42)) {
        let true_rate = if *hard { 0.3 } else { 0.9 };
        assert!((expected - true_rate).abs() < 0.06, "hard {hard}: {expected}");
    }
}
