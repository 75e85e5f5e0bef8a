//! The calibrated similarity of `similar`: what it promises, and where there is none.

use std::collections::BTreeMap;

use nba::{Engine, Filter, SimilarRequest, Subject};
use serde_json::Value;

use crate::support::{Sandbox, fixtures_index};

/// Similar tickets with their similarities, by id.
fn alike(engine: &Engine, ticket: &str, k: usize, filter: Option<&str>) -> BTreeMap<String, f32> {
    let filter = filter.map(|text| Filter::parse(text).unwrap());
    let subject = Subject::Ticket(ticket.to_owned());
    let request = SimilarRequest { filter, ..SimilarRequest::new(subject, k) };
    let tickets = engine.similar(&request).unwrap().tickets;
    tickets.into_iter().map(|ticket| (ticket.hit.key, ticket.similarity.unwrap())).collect()
}

#[test]
fn a_similarity_is_a_probability_that_nothing_else_in_the_answer_changes() {
    let engine = Engine::open(fixtures_index()).unwrap();
    for ticket in ["TICKET-0042", "TICKET-0123", "TICKET-0300"] {
        let ten = alike(&engine, ticket, 10, None);
        assert!(ten.values().all(|similarity| (0.0..=1.0).contains(similarity)), "{ten:?}");
        let fifty = alike(&engine, ticket, 50, None);
        assert!(ten.iter().all(|hit| fifty.get(hit.0) == Some(hit.1)), "of {ticket}: {ten:?} in {fifty:?}");
        // Under a filter other tickets come up and the best of the words is another.
        for (id, similarity) in alike(&engine, ticket, 50, Some("priority = 'HIGH'")) {
            assert!(fifty.get(&id).is_none_or(|before| *before == similarity), "{ticket} and {id}");
        }
    }
}

#[test]
fn tickets_with_the_same_problem_are_more_alike() {
    let engine = Engine::open(fixtures_index()).unwrap();
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for number in (1..=500).step_by(10) {
        let of = |id: &str| -> Option<String> {
            engine.with_snapshot(|snapshot| {
                let index = snapshot.index("tickets").unwrap();
                let row = index.row_of(id).unwrap().unwrap();
                index.text(row, "subcategory").unwrap().map(str::to_owned)
            })
        };
        let ticket = format!("TICKET-{number:04}");
        for (id, similarity) in alike(&engine, &ticket, 20, None) {
            if of(&id) == of(&ticket) { &mut same } else { &mut other }.push(similarity);
        }
    }
    let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
    assert!(same.len() > 100 && other.len() > 100, "{} {}", same.len(), other.len());
    assert!(mean(&same) > mean(&other) + 0.2, "{} and {}", mean(&same), mean(&other));
}

#[test]
fn what_is_not_alike_enough_is_left_out_and_counted() {
    let sandbox = Sandbox::with_fixtures();
    let all = sandbox.nba(&["similar", "TICKET-0042", "--json"]).json();
    let similarities = |answer: &Value| -> Vec<f64> {
        answer["tickets"].as_array().unwrap().iter().map(|ticket| ticket["similarity"].as_f64().unwrap()).collect()
    };
    let mut sorted = similarities(&all);
    assert_eq!((sorted.len(), &all["left_out"]), (10, &0.into()));
    sorted.sort_by(f64::total_cmp);
    assert!(sorted[0] < sorted[4] && sorted[4] < sorted[9], "{sorted:?}");

    let least = sorted[4].to_string();
    let some = sandbox.nba(&["similar", "TICKET-0042", "--json", "--min-similarity", &least]).json();
    let kept = similarities(&some);
    assert!(kept.iter().all(|&similarity| similarity >= sorted[4]), "{kept:?} from {least}");
    assert_eq!((kept.len(), &some["left_out"]), (6, &4.into()));
    let none = sandbox.nba(&["similar", "TICKET-0042", "--min-similarity", "1"]).ok();
    assert!(none.stdout.contains("0 of 349 resolved tickets, 10 more not alike enough"), "{none:?}");
    let every = sandbox.nba(&["similar", "TICKET-0042", "--json", "--min-similarity", "0"]).json();
    assert_eq!(every, all);
}

#[test]
fn a_generation_says_how_well_similarities_hold() {
    let sandbox = Sandbox::with_fixtures();
    let status = sandbox.nba(&["index", "status", "--json"]).json();
    let measured = &status["similarity"];
    assert_eq!(measured["queries"], 500);
    assert!(measured["all"]["pairs"].as_u64().unwrap() > 9_000, "{measured}");
    assert!(measured["all"]["error"].as_f64().unwrap() <= 0.05, "{measured}");
    let groups = measured["groups"].as_array().unwrap();
    for by in ["hits", "question", "language", "category"] {
        assert!(groups.iter().any(|group| group["by"] == by), "{by}: {measured}");
    }
    let text = sandbox.nba(&["index", "status"]).ok().stdout;
    assert!(text.contains("similarity  asked for 500 tickets that were held out\n  all "), "{text}");
}
