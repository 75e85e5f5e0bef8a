//! `nba generate --queries` and `nba evaluate queries` by the real program: figures by leg, and files that are refused.

use std::collections::BTreeMap;

use expect_test::expect;

use crate::support::Sandbox;

const EVALUATE: [&str; 4] = ["evaluate", "queries", "--queries", "desk/queries.csv"];

/// A generated desk with its questions and an index by the hashed embedder.
fn asked() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.nba(&["generate", "--out", "desk", "--tickets", "120", "--locale", "mixed", "--queries"]).ok();
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox
}

#[test]
fn figures_by_set_and_leg() {
    let sandbox = asked();
    sandbox.check(
        &EVALUATE,
        expect![[r#"
            exit 0
            --- stdout
            set              queries  leg       hit@1  hit@10    MRR
            code                  52  dense     0.135   0.423  0.236
                                      keyword   0.962   1.000  0.978
                                      hybrid    1.000   1.000  1.000
            typo                 120  dense     0.400   0.742  0.514
                                      keyword   0.583   0.942  0.709
                                      hybrid    0.483   0.858  0.611
            code_switched        120  dense     0.033   0.317  0.128
                                      keyword   0.150   0.650  0.300
                                      hybrid    0.075   0.533  0.218
            cross_language       120  dense     0.017   0.258  0.102
                                      keyword   0.083   0.367  0.182
                                      hybrid    0.058   0.392  0.175
            paraphrase           120  dense     0.183   0.467  0.279
                                      keyword   0.308   0.808  0.455
                                      hybrid    0.258   0.675  0.398
        "#]],
    );
    let json = sandbox.nba(&[&EVALUATE[..], &["--json"]].concat()).json();
    let sets = json["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 5);
    for set in sets {
        for leg in ["dense", "keyword", "hybrid"] {
            let [one, ten, mrr] = ["hit_at_1", "hit_at_10", "mrr"].map(|figure| set[leg][figure].as_f64().unwrap());
            assert!(0.0 <= one && one <= mrr && one <= ten && ten <= 1.0, "{set}");
        }
    }
}

/// What an exact match on identifiers is worth, whatever index uses it: tickets by the sum of the rarity of what they share
/// with the question.
#[test]
fn identifiers_find_the_tickets_that_hold_a_code() {
    let sandbox = Sandbox::new();
    sandbox.nba(&["generate", "--out", "desk", "--tickets", "500", "--locale", "mixed", "--queries"]).ok();
    let desk = nba::desk::load(&sandbox.path("desk"), &nba::desk::ReadParams::default()).unwrap();
    let resolved = desk.tickets.iter().filter(|ticket| ticket.status.is_resolved());
    let terms: BTreeMap<&str, Vec<String>> = resolved
        .map(|ticket| {
            let thread = ticket.thread.iter().map(|turn| turn.text.as_str());
            let texts = [ticket.subject.as_str(), ticket.description.as_str()].into_iter().chain(thread);
            (ticket.id.as_str(), nba::desk::identifier_terms(texts))
        })
        .collect();
    let rarity = |term: &String| {
        let holding = terms.values().filter(|terms| terms.contains(term)).count();
        (terms.len() as f64 / holding as f64).ln()
    };
    let (mut found, mut asked, mut missed) = (0, 0, Vec::new());
    for row in csv_rows(&sandbox.read("desk/queries.csv")).iter().filter(|row| row[0] == "code") {
        let wanted = nba::desk::query_terms(&row[1]);
        let scores = terms
            .iter()
            .map(|(&id, terms)| (id, wanted.iter().filter(|term| terms.contains(term)).map(&rarity).sum::<f64>()));
        let (best, score) = scores.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        asked += 1;
        if score > 0.0 && row[2].split('|').any(|id| id == best) { found += 1 } else { missed.push(row[1].clone()) }
    }
    assert!(asked >= 100 && f64::from(found) >= 0.95 * f64::from(asked), "{found} of {asked}; not {missed:?}");
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn right_tickets_count_and_ignored_ones_do_not() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    let found = sandbox
        .nba(&[
            "search",
            "tickets",
            "--text",
            "estorno",
            "--every-row",
            "--filter",
            "status IN ('RESOLVED', 'CLOSED')",
            "--columns",
            "ticket_id",
            "--json",
        ])
        .json();
    let keys: Vec<&str> =
        found["rows"].as_array().unwrap().iter().map(|row| row["columns"]["ticket_id"].as_str().unwrap()).collect();
    let [first, second, ..] = keys[..] else { panic!("{found}") };
    sandbox.write(
        "queries.csv",
        format!("set,query,answers,ignored\nfirst,estorno,{first},\nsecond,estorno,{second},\nafter,estorno,{second},{first}\n"),
    );
    let report = sandbox.nba(&["evaluate", "queries", "--queries", "queries.csv", "--json"]).json();
    let mrr: Vec<f64> = (0..3).map(|set| report["sets"][set]["hybrid"]["mrr"].as_f64().unwrap()).collect();
    assert_eq!(mrr, [1.0, 0.5, 1.0]);
}

#[test]
fn files_that_are_refused() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    let mut shown = String::new();
    for file in [
        "set,query\na,b\n",
        "set,query,answers\n",
        "set,query,answers\ncode,123,TICKET-1\ncode,,TICKET-1\n",
        "set,query,answers\ncode,123,|\n",
        "set,query,answers\ncode,123,TICKET-1\ncode,124,TICKET-1|TICKET-77\n",
        "set,query,answers,ignored\ncode,123,TICKET-1,TICKET-1\n",
        "set,query,answers\ncode,123\n",
    ] {
        sandbox.write("queries.csv", file);
        shown += &sandbox.shown(&sandbox.nba(&["evaluate", "queries", "--queries", "queries.csv"]));
    }
    expect![[r#"
        exit 2
        --- stderr
        error: no column `answers`; there are `set`, `query`
        exit 5
        --- stderr
        error: 1 problem in the data
          queries.csv: no rows
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
        exit 5
        --- stderr
        error: 1 problem in the data
          queries.csv:3: set and query and answers must not be empty
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
        exit 5
        --- stderr
        error: 1 problem in the data
          queries.csv:2: answers names no ticket
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
        exit 5
        --- stderr
        error: 1 problem in the data
          queries.csv:3: the index has no ticket `TICKET-77`
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
        exit 5
        --- stderr
        error: 1 problem in the data
          queries.csv:2: `TICKET-1` is both an answer and ignored
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
        exit 5
        --- stderr
        error: 1 problem in the data
          queries.csv:2: CSV error: record 1 (line: 2, byte: 18): found record with 2 fields, but the previous record has 3 fields
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
    "#]].assert_eq(&shown);
    sandbox.check(
        &["evaluate", "queries", "--queries", "none.csv"],
        expect![[r#"
            exit 5
            --- stderr
            error: failed to open file `none.csv`: No such file or directory (os error 2)
        "#]],
    );
}
