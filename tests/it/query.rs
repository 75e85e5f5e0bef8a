//! Questions to an index: what comes back, in which shape, and that it is what the tables hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

use expect_test::expect;
use fs_err as fs;
use nba::{
    BuildParams, By, DuplicateParams, Engine, EngineParams, Filter, HashedEmbedder, ModelSource, QueryKind,
    RecommendRequest, SearchRequest, SimilarRequest, Subject,
};
use serde_json::{Value, json};

use crate::support::{self, Sandbox, copy_folder, fixtures, fixtures_index};

/// The tickets table as it is written.
fn tickets() -> Vec<BTreeMap<String, String>> {
    let text = fs::read(fixtures().join("tickets.csv")).unwrap();
    csv::Reader::from_reader(text.as_slice()).deserialize().map(Result::unwrap).collect()
}

fn is_resolved(ticket: &BTreeMap<String, String>) -> bool {
    matches!(ticket["status"].as_str(), "RESOLVED" | "CLOSED")
}

fn about(ticket: &str, k: usize, filter: Option<&str>) -> SimilarRequest {
    let filter = filter.map(|text| Filter::parse(text).unwrap());
    SimilarRequest { filter, ..SimilarRequest::new(Subject::Ticket(ticket.to_owned()), k) }
}

/// The words of a text, told apart as a reader would.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Held against comparing every problem with every other.
#[test]
fn near_copies_are_shown_under_the_best_of_them() {
    // The fixtures have no copies: with so little in common, tickets that are merely alike count.
    let duplicates = DuplicateParams { resemblance: 0.4 };
    let engine = Engine::open_with(EngineParams { duplicates, ..EngineParams::new(fixtures_index()) }).unwrap();
    let problem = |id: &str| {
        let columns = Some(vec!["problem".to_owned()]);
        let by = By::Row(id.to_owned());
        let own = Filter::parse(&format!("ticket_id = '{id}'")).unwrap();
        let (index, filter) = ("tickets".to_owned(), Some(own));
        let request = SearchRequest {
            index,
            by,
            kind: QueryKind::Ann,
            k: 1,
            filter,
            columns,
            one_per_group: true,
            explain: false,
        };
        words(engine.search(&request).unwrap().rows[0].1[0].1.as_str().unwrap())
    };
    let mut collapsed = 0;
    for ticket in tickets().iter().filter(|ticket| !is_resolved(ticket)).take(5) {
        let all = SimilarRequest { every_ticket: true, ..about(&ticket["ticket_id"], 1000, None) };
        let every = engine.similar(&all).unwrap().tickets;
        assert!(every.iter().all(|one| one.hit.duplicates.is_empty()));
        let mut expected: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut shown: Vec<(Option<&str>, BTreeSet<String>)> = Vec::new();
        for one in &every {
            let (action, words) = (one.solved_by.as_deref(), problem(&one.hit.key));
            let is_same = |(its, other): &(Option<&str>, BTreeSet<String>)| {
                *its == action && 5 * words.intersection(other).count() >= 2 * words.union(other).count()
            };
            if let Some(at) = shown.iter().position(is_same) {
                expected[at].1.push(&one.hit.key);
            } else {
                expected.push((&one.hit.key, Vec::new()));
                shown.push((action, words));
            }
        }
        let answer = engine.similar(&about(&ticket["ticket_id"], 1000, None)).unwrap().tickets;
        let found: Vec<(&str, Vec<&str>)> = answer
            .iter()
            .map(|one| (one.hit.key.as_str(), one.hit.duplicates.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(found, expected);
        collapsed += every.len() - found.len();

        let few = engine.similar(&about(&ticket["ticket_id"], 5, None)).unwrap().tickets;
        let first: Vec<&str> = found.iter().take(5).map(|(key, _)| *key).collect();
        assert_eq!(few.iter().map(|one| one.hit.key.as_str()).collect::<Vec<_>>(), first);
    }
    assert!(collapsed > 0, "nothing was shown under another");
}

#[test]
fn a_ticket_that_was_entered_twice_is_named_under_the_other() {
    let sandbox = Sandbox::with_mini_desk();
    let twice = "TICKET-4,COMP1,CUST1,AGENT1,2026-05-05 10:00:00,2026-05-06 10:00:00,CLOSED,HIGH,FINANCIAL,EMAIL,Estorno,\
                 O estorno não caiu na conta!\nTICKET-3,";
    sandbox.edit("desk/tickets.csv", "TICKET-3,", twice);
    let again = "INT5,TICKET-4,2026-05-05 12:00:00,AGENT,AGENT1,Fiz o estorno agora\nINT4,";
    sandbox.edit("desk/ticket_interactions.csv", "INT4,", again);
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox.check(&["similar", "TICKET-3", "-k", "1", "--explain"], expect![[r#"
        exit 0
        --- stdout
        TICKET-3  Estorno
        1 of 3 resolved tickets · generation g000001
        no percentages: a build learns them from 100 tickets and more with a subcategory, some alike and some not

         1. TICKET-1  Estorno
            0.8389  FINANCIAL · Vera Castilho
            solved by OTHER
            “Fiz o estorno agora”
            nearly the same: TICKET-4
            score 0.8389 · dense #1 cos 0.545 × 1.00 gave 0.5449 · keyword #1 bm25 2.286 × 0.29 gave 0.2941
            because it is the nearest in meaning (cosine 0.54); shares 1 word (estorno 2.29); stands for 1 more ticket that says nearly the same
    "#]]);
    let answer = sandbox.nba(&["similar", "TICKET-3", "-k", "1", "--explain", "--json"]).json();
    let ticket = &answer["tickets"][0];
    assert_eq!((&ticket["ticket_id"], &ticket["duplicates"]), (&json!("TICKET-1"), &json!(["TICKET-4"])));
    assert!(ticket["because"].as_str().unwrap().ends_with("stands for 1 more ticket that says nearly the same"));
    let every = sandbox.nba(&["similar", "TICKET-3", "--every-ticket", "--json"]).json();
    assert_eq!(every["tickets"].as_array().unwrap().len(), 3);
    assert!(every["tickets"][0].get("because").is_none());
}

#[test]
fn answers_as_a_person_sees_them() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox.check(
        &["similar", "TICKET-3", "--explain"],
        expect![[r#"
            exit 0
            --- stdout
            TICKET-3  Estorno
            2 of 2 resolved tickets · generation g000001
            no percentages: a build learns them from 100 tickets and more with a subcategory, some alike and some not

             1. TICKET-1  Estorno
                0.9577  FINANCIAL · Vera Castilho
                solved by OTHER
                “Fiz o estorno agora”
                score 0.9577 · dense #1 cos 0.599 × 1.00 gave 0.5992 · keyword #1 bm25 3.015 × 0.36 gave 0.3586
                because it is the nearest in meaning (cosine 0.60); shares 1 word (estorno 3.01)

             2. TICKET-2  Maquininha
                -0.2016  TECHNICAL · Vera Castilho
                solved by Trocar o terminal
                “Vamos trocar a maquininha”
                score -0.2016 · dense #2 cos -0.202 × 1.00 gave -0.2016
                because it is number 2 in meaning (cosine -0.20)
        "#]],
    );
    sandbox.check(
        &["recommend", "TICKET-3", "--explain"],
        expect![[r#"
            exit 0
            --- stdout
            TICKET-3  Estorno
            generation g000001 · recommendation a1c4f30b280a0cc9

            No recommendation: what agents did in similar cases is not in the catalogue for this category.

            Best approach  as in TICKET-1
                “Fiz o estorno agora”

            Who
                Vera Castilho (L1) · 82 % success · 2 similar tickets · 0 active

            Key steps  OTHER
        "#]],
    );
    sandbox.check(
        &["recommend", "--text", "O estorno não caiu na conta", "--language", "en"],
        expect![[r#"
            exit 0
            --- stdout
            “O estorno não caiu na conta”
            generation g000001 · recommendation b6662d174be64340

            No recommendation: similar cases went different ways: the best action has confidence 0.00, 0.15 is needed.
            What was done in the nearest cases, for what it is worth:
             1. Replace the terminal  score 0.00 · 0 % sure · 79 % success · 1 ticket
                went well: TICKET-2

            Best approach  as in TICKET-1
                “Fiz o estorno agora”

            Who
                Vera Castilho (L1) · 82 % success · 2 similar tickets

            Key steps  OTHER
        "#]],
    );
    sandbox.check(
        &[
            "search",
            "steps",
            "--row",
            "TICKET-3#next",
            "--columns",
            "step_id,message,action",
            "--filter",
            "resolved = true",
        ],
        expect![[r#"
            exit 0
            --- stdout
            2 of 2 rows · generation g000001

             1. TICKET-1#1  score 1.1421 · dense #1 cos 0.819 × 1.00 gave 0.8191 · keyword #1 bm25 1.397 × 0.32 gave 0.3230
                step_id: TICKET-1#1
                message: Fiz o estorno agora
                action: OTHER

             2. TICKET-2#0  score 0.0859 · dense #2 cos 0.053 × 1.00 gave 0.0531 · keyword #2 bm25 0.142 × 0.32 gave 0.0328
                step_id: TICKET-2#0
                message: Vamos trocar a maquininha
                action: REPLACE_TERMINAL
        "#]],
    );
    sandbox.check(
        &["similar", "TICKET-1", "--json", "-k", "1"],
        expect![[r#"
            exit 0
            --- stdout
            {
              "generation": "g000001",
              "about": "Estorno",
              "eligible": 1,
              "degraded": [
                "keyword_leg_empty"
              ],
              "left_out": 0,
              "tickets": [
                {
                  "ticket_id": "TICKET-2",
                  "similarity": null,
                  "score": -0.10530237,
                  "dense": {
                    "rank": 1,
                    "score": -0.10530237,
                    "weight": 1.0,
                    "contribution": -0.10530237
                  },
                  "keyword": null,
                  "identifiers": null,
                  "shared_identifiers": [],
                  "duplicates": [],
                  "subject": "Maquininha",
                  "status": "CLOSED",
                  "category": "TECHNICAL",
                  "subcategory": null,
                  "resolution_hours": null,
                  "csat": null,
                  "agent": "Vera Castilho",
                  "solved_by": {
                    "id": "REPLACE_TERMINAL",
                    "title": "Trocar o terminal"
                  },
                  "solution": "Vamos trocar a maquininha"
                }
              ]
            }
        "#]],
    );
}

#[test]
fn a_filter_lets_through_what_the_table_says() {
    let engine = Engine::open(fixtures_index()).unwrap();
    let tickets = tickets();
    let number = |ticket: &BTreeMap<String, String>, column: &str| ticket[column].parse::<f64>().ok();
    type Test<'a> = Box<dyn Fn(&BTreeMap<String, String>) -> bool + 'a>;
    let cases: Vec<(&str, Test<'_>)> = vec![
        ("category = 'FINANCIAL'", Box::new(|it| it["category"] == "FINANCIAL")),
        (r#"{"category": "FINANCIAL"}"#, Box::new(|it| it["category"] == "FINANCIAL")),
        (
            r#"{"priority": ["HIGH", "CRITICAL"]}"#,
            Box::new(|it| matches!(it["priority"].as_str(), "HIGH" | "CRITICAL")),
        ),
        (
            "csat_score >= 4 AND channel <> 'EMAIL'",
            Box::new(|it| number(it, "csat_score") >= Some(4.0) && it["channel"] != "EMAIL"),
        ),
        ("csat_score IS NULL", Box::new(|it| it["csat_score"].is_empty())),
        (
            r#"{"resolution_time_hours <": 24}"#,
            Box::new(|it| number(it, "resolution_time_hours").is_some_and(|hours| hours < 24.0)),
        ),
        (
            "escalated = true OR reopened_count > 0",
            Box::new(|it| it["escalated"].eq_ignore_ascii_case("true") || number(it, "reopened_count") > Some(0.0)),
        ),
        ("created_at < '2026-03-01'", Box::new(|it| it["created_at"].as_str() < "2026-03-01")),
        ("status = 'OPEN'", Box::new(|_| false)),
        ("ticket_id LIKE 'TICKET-01%'", Box::new(|it| it["ticket_id"].starts_with("TICKET-01"))),
    ];
    for (filter, matches) in &cases {
        let wanted =
            tickets.iter().filter(|it| is_resolved(it) && it["ticket_id"] != "TICKET-0042" && matches(it)).count();
        assert!(wanted > 0 || filter.contains("OPEN"), "nothing in the fixtures matches {filter}");
        for k in [1, 10, 1000] {
            let answer = engine.similar(&about("TICKET-0042", k, Some(filter))).unwrap();
            assert_eq!(answer.eligible, wanted, "{filter}");
            assert_eq!(answer.tickets.len(), wanted.min(k), "{filter}, k {k}");
        }
    }
}

#[test]
fn only_other_resolved_tickets_are_similar_and_each_once() {
    let engine = Engine::open(fixtures_index()).unwrap();
    let by_id: BTreeMap<String, BTreeMap<String, String>> =
        tickets().into_iter().map(|ticket| (ticket["ticket_id"].clone(), ticket)).collect();
    let resolved = by_id.values().filter(|ticket| is_resolved(ticket)).count();
    for asked in by_id.keys().step_by(25) {
        let answer = engine.similar(&about(asked, 1000, None)).unwrap();
        let mut ids: Vec<&str> = answer.tickets.iter().map(|ticket| ticket.hit.key.as_str()).collect();
        assert!(ids.iter().all(|id| *id != asked && is_resolved(&by_id[*id])), "{asked}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), resolved - usize::from(is_resolved(&by_id[asked])), "{asked}");
        for ticket in &answer.tickets {
            let row = &by_id[&ticket.hit.key];
            assert_eq!((&ticket.category, &ticket.status), (&row["category"], &row["status"]));
            assert_eq!(ticket.csat, row["csat_score"].parse().ok());
        }
    }
}

#[test]
fn scores_fall_and_are_explained() {
    let engine = Engine::open(fixtures_index()).unwrap();
    for asked in ["TICKET-0001", "TICKET-0042", "TICKET-0300"] {
        let answer = engine.similar(&about(asked, 50, None)).unwrap();
        let scores: Vec<f32> = answer.tickets.iter().map(|ticket| ticket.hit.score).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        for ticket in &answer.tickets {
            let legs: f32 = [ticket.hit.dense, ticket.hit.keyword].iter().flatten().map(|leg| leg.contribution).sum();
            assert!((legs - ticket.hit.score).abs() < 1e-6, "{ticket:?}");
        }
        let again = engine.similar(&about(asked, 50, None)).unwrap();
        assert_eq!(answer, again);
    }
    for kind in [QueryKind::Ann, QueryKind::FullText, QueryKind::Hybrid] {
        let request = SearchRequest {
            index: "steps".to_owned(),
            by: By::Text("a maquininha não liga e a venda não caiu na conta".to_owned()),
            kind,
            k: 30,
            filter: None,
            columns: Some(vec!["ticket_id".to_owned()]),
            one_per_group: true,
            explain: false,
        };
        let answer = engine.search(&request).unwrap();
        let mut groups: Vec<&Value> = answer.rows.iter().map(|(_, cells)| &cells[0].1).collect();
        assert_eq!(groups.len(), 30, "{kind:?}");
        groups.sort_by_key(|group| group.to_string());
        groups.dedup();
        assert_eq!(groups.len(), 30, "{kind:?}: a ticket is there twice");
        let every = engine.search(&SearchRequest { one_per_group: false, ..request }).unwrap();
        assert_eq!(every.rows[0].0.key, answer.rows[0].0.key);
    }
}

#[test]
fn json_has_one_shape() {
    let sandbox = Sandbox::with_fixtures();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let similar = sandbox.nba(&["similar", "TICKET-0042", "-k", "4", "--json"]).json();
    assert_eq!(keys(&similar), "about degraded eligible generation left_out tickets");
    assert_eq!(similar["tickets"].as_array().unwrap().len(), 4);
    assert_eq!(
        keys(&similar["tickets"][0]),
        "agent category csat dense duplicates identifiers keyword resolution_hours score shared_identifiers similarity solution solved_by status subcategory subject ticket_id"
    );
    let recommend = sandbox.nba(&["recommend", "TICKET-0042", "--json"]).json();
    assert_eq!(
        keys(&recommend),
        "about abstention actions agents best_approach generation key_steps recommendation removed resolution_hours"
    );
    let search = sandbox.nba(&["search", "steps", "--row", "TICKET-0042#next", "--json", "-k", "2"]).json();
    assert_eq!(keys(&search), "degraded eligible generation rows");
    assert_eq!(keys(&search["rows"][0]), "columns dense identifiers key keyword score shared_identifiers");
    // Both faces of one answer name the same tickets.
    let shown = sandbox.nba(&["similar", "TICKET-0042", "-k", "4"]).ok().stdout;
    for ticket in similar["tickets"].as_array().unwrap() {
        assert!(shown.contains(ticket["ticket_id"].as_str().unwrap()), "{shown}");
    }
    assert!(!shown.contains('\u{1b}'));
}

/// The two commands of the front page need neither a model folder nor a runtime when the ticket is in the index.
#[test]
fn a_ticket_of_the_index_needs_no_model() {
    let mut sandbox = Sandbox::with_fixtures();
    sandbox.set("ORT_DYLIB_PATH", "no/libonnxruntime.so");
    sandbox.nba(&["similar", "TICKET-0042"]).ok();
    sandbox.nba(&["recommend", "TICKET-0042"]).ok();
    // Nor in the library, where the index names a model that is nowhere.
    let scratch = Sandbox::with_mini_desk();
    let catalogue = nba::Catalogue::built_in();
    let request = nba::BuildRequest {
        data: scratch.path("desk"),
        extract: nba::Extract::Full,
        at: std::collections::BTreeMap::new(),
        index: scratch.path("index"),
        catalogue: &catalogue,
        now: support::NOW.to_owned(),
        holder: "a test".to_owned(),
        params: &BuildParams::default(),
        recommend: &nba::RecommendParams::default(),
        fusion: nba::FusionParams::default(),
        keyword: &nba::KeywordParams::default(),
        forced_by: None,
    };
    Engine::build(&request, &HashedEmbedder::new(64), &mut |_| {}).unwrap();
    let engine = Engine::open(scratch.path("index")).unwrap();
    let subject = Subject::Ticket("TICKET-3".to_owned());
    assert_eq!(engine.similar(&SimilarRequest::new(subject.clone(), 9)).unwrap().tickets.len(), 2);
    engine.recommend(&RecommendRequest::new(subject)).unwrap();
    let text = SimilarRequest::new(Subject::Text("estorno".to_owned()), 9);
    assert!(matches!(engine.similar(&text), Err(nba::Error::Model { .. })));
    // With the embedder of its own maker it answers texts as well, and the other way round it is refused.
    let params = |n| EngineParams {
        model: ModelSource::Ready(Arc::new(HashedEmbedder::new(n))),
        ..EngineParams::new(scratch.path("index"))
    };
    assert_eq!(Engine::open_with(params(64)).unwrap().similar(&text).unwrap().tickets.len(), 2);
    assert!(matches!(Engine::open_with(params(128)).map(drop), Err(nba::Error::ModelMismatch { .. })));
}

#[test]
fn a_text_finds_what_the_stored_vector_of_the_same_text_finds() {
    let sandbox = Sandbox::new();
    let index = sandbox.path("index");
    support::build(&support::silent_desk(&sandbox, "desk"), &index, &BuildParams::default()).unwrap();
    let engine = Engine::open(&index).unwrap();
    let request = |by| SearchRequest {
        index: "tickets".to_owned(),
        by,
        kind: QueryKind::Hybrid,
        k: 20,
        filter: None,
        columns: Some(vec!["problem".to_owned()]),
        one_per_group: true,
        explain: false,
    };
    for id in ["TICKET-0001", "TICKET-0042", "TICKET-0123"] {
        let stored = engine.search(&request(By::Row(id.to_owned()))).unwrap();
        assert_eq!(stored.rows[0].0.key, id);
        let text = stored.rows[0].1[0].1.as_str().unwrap().to_owned();
        assert_eq!(engine.search(&request(By::Text(text))).unwrap(), stored);
    }
}

#[test]
fn texts_of_any_size_and_script_are_answered() {
    let engine = Engine::open(fixtures_index()).unwrap();
    let long = "o estorno não caiu na conta e a maquininha não liga ".repeat(20_000);
    assert!(long.len() > 1_000_000);
    for text in [long.as_str(), "退款没有到账", "😀", "\u{0}", "a", "\u{feff}"] {
        let subject = Subject::Text(text.to_owned());
        let answer = engine.similar(&SimilarRequest::new(subject.clone(), 5)).unwrap();
        assert_eq!(answer.tickets.len(), 5);
        engine.recommend(&RecommendRequest::new(subject)).unwrap();
    }
}

#[test]
fn threads_share_an_engine_while_a_new_generation_is_swapped_in() {
    const fn shared<T: Send + Sync>() {}
    const { shared::<Engine>() };

    let sandbox = Sandbox::with_mini_desk();
    let (data, index) = (sandbox.path("desk"), sandbox.path("index"));
    support::build(&data, &index, &BuildParams::default()).unwrap();
    let engine = Engine::open(&index).unwrap();
    assert!(!engine.reload_if_changed().unwrap());
    let ask = |generation: &str| {
        let answer = engine.similar(&about("TICKET-3", 5, None)).unwrap();
        assert_eq!((answer.generation.as_str(), answer.tickets.len()), (generation, 2));
        let text = RecommendRequest::new(Subject::Text("estorno".to_owned()));
        assert_eq!(engine.recommend(&text).unwrap().generation, generation);
    };
    let ask_from_four_threads = |generation: &str| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| ask(generation)));
            }
        });
    };
    ask_from_four_threads("g000001");
    support::build(&data, &index, &BuildParams { keep: 1, ..BuildParams::default() }).unwrap();
    // Nobody removes what is open; and if somebody does, it still answers from it.
    assert!(index.join("g000001").exists());
    fs::remove_dir_all(index.join("g000001")).unwrap();
    ask_from_four_threads("g000001");
    assert!(engine.reload_if_changed().unwrap());
    ask_from_four_threads("g000002");

    // A damaged generation is not swapped in.
    support::build(&data, &index, &BuildParams::default()).unwrap();
    sandbox.write("index/g000003/desk.json", "{}");
    assert!(engine.reload_if_changed().is_err());
    ask("g000002");
}

#[test]
fn a_folder_that_was_made_anew_counts_as_changed() {
    let sandbox = Sandbox::with_mini_desk();
    let (data, index) = (sandbox.path("desk"), sandbox.path("index"));
    support::build(&data, &index, &BuildParams::default()).unwrap();
    let engine = Engine::open(&index).unwrap();
    copy_folder(&index, &sandbox.path("other"));
    fs::remove_dir_all(&index).unwrap();
    assert!(engine.reload_if_changed().is_err(), "there is no index now");
    sandbox.edit("desk/tickets.csv", "CLOSED", "CANCELLED");
    support::build(&data, &index, &BuildParams::default()).unwrap();
    assert!(engine.reload_if_changed().unwrap(), "the first generation again, but another one");
    assert_eq!(engine.similar(&about("TICKET-3", 5, None)).unwrap().tickets.len(), 1);
}

#[test]
fn words_are_found_by_synonym_by_other_spelling_and_in_tags() {
    let sandbox = Sandbox::with_fixtures();
    let keys = |text: &str| {
        let args = ["search", "tickets", "--type", "full_text", "--columns", "ticket_id", "-k", "10000", "--json"];
        let answer = sandbox.nba(&[&args[..], &["--text", text]].concat()).json();
        let rows = answer["rows"].as_array().unwrap();
        rows.iter().map(|row| row["columns"]["ticket_id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let refunds = keys("refund");
    assert!(!refunds.is_empty() && refunds.is_subset(&keys("estornos")) && refunds.is_subset(&keys("devolução")));
    for (wrong, right) in [("maquinnha", "maquininha"), ("estrono", "estorno"), ("contestasão", "contestação")] {
        assert!(!keys(wrong).is_empty() && keys(wrong).is_subset(&keys(right)), "{wrong}");
    }
    assert!(keys("NSU9999999").is_empty() && !keys("churn").is_empty());
}

#[test]
fn the_language_of_a_row_is_a_column_and_a_filter() {
    let sandbox = Sandbox::with_fixtures();
    for index in ["tickets", "steps"] {
        for language in ["pt", "en"] {
            let filter = format!("language = '{language}'");
            let args = ["search", index, "--text", "pix", "--type", "full_text", "--columns", "language", "--json"];
            let answer = sandbox.nba(&[&args[..], &["--filter", &filter]].concat()).json();
            let rows = answer["rows"].as_array().unwrap();
            assert!(!rows.is_empty() && rows.iter().all(|row| row["columns"]["language"] == language), "{answer}");
        }
    }
}
