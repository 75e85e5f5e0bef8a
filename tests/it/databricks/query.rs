//! Queries: each type against what its score is defined as, filters, pages, order, facets, a second look.

use std::collections::BTreeMap;

use expect_test::expect;
use serde_json::{Value, json};

use super::{Mirror, PRODUCTS, V1, direct_request, product};

const QUERY: &str = "/api/2.0/vector-search/indexes/main.shop.docs/query";

fn ids(rows: &[Value]) -> Vec<usize> {
    rows.iter().map(|row| row[0].as_u64().unwrap() as usize).collect()
}

fn scores(rows: &[Value]) -> Vec<f64> {
    rows.iter().map(|row| row.as_array().unwrap().last().unwrap().as_f64().unwrap()).collect()
}

#[test]
fn a_reply_has_the_shape_that_clients_take_apart() {
    let mirror = Mirror::start();
    mirror.docs();
    // As `databricks-ai-search` asks: GET with a body, and nulls for what it does not say.
    let body = json!({
        "num_results": 2, "columns": ["id", "category", "id"], "filters_json": null, "filter_string": "id > 3",
        "debug_level": 0, "query_text": "a red lamp", "unheard_of": [1],
    });
    let mut answer = mirror.call("GET", QUERY, &body);
    for row in answer["result"]["data_array"].as_array_mut().unwrap() {
        let score = row.as_array_mut().unwrap().last_mut().unwrap();
        assert!((0.0..=1.0).contains(&score.as_f64().unwrap()));
        *score = json!("<score>");
    }
    expect![[r#"{"manifest":{"column_count":3,"columns":[{"name":"id"},{"name":"category"},{"name":"score"}]},"next_page_token":"","result":{"data_array":[[20,"yard","<score>"],[27,"home","<score>"]],"row_count":2}}"#]].assert_eq(&answer.to_string());
    let none = json!({ "columns": ["id"], "query_text": "x", "filters_json": "{\"id\": -1}" });
    assert_eq!(mirror.post(QUERY, &none)["result"], json!({ "row_count": 0, "data_array": [] }));
    let debug = json!({ "columns": ["id"], "query_text": "x", "debug_level": 1 });
    let debug = &mirror.post(QUERY, &debug)["debug_info"];
    assert!(debug["response_time"].as_f64() >= debug["ann_time"].as_f64() && debug["embedding_gen_time"].is_number());
    assert_eq!(debug["warnings"], json!([]));
}

#[test]
fn each_leg_is_timed() {
    let mirror = Mirror::start();
    mirror.docs();
    let count = |stage: &str| -> f64 {
        let metrics = mirror.server.send("GET", "/metrics", "", "").body;
        let name = format!("nba_stage_seconds_count{{stage=\"{stage}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0.0, |count| count.parse().unwrap())
    };
    let stages = ["embed", "filter", "dense", "keyword", "fuse", "cells"];
    let before = stages.map(count);
    mirror.post(QUERY, &json!({ "columns": ["id"], "query_text": "a red lamp", "query_type": "HYBRID" }));
    let once = before.map(|before| before + 1.0);
    assert_eq!(stages.map(count), once, "{stages:?}");
}

#[test]
fn scores_are_what_they_are_defined_as() {
    let mirror = Mirror::start();
    mirror.docs();
    let text = "a green table";
    let embedded = mirror.post("/serving-endpoints/any/invocations", &json!({ "input": [text] }));
    let vector = &embedded["data"][0]["embedding"];
    let by_text = mirror.rows(
        "main.shop.docs",
        &json!({ "columns": ["id", "__db_description_vector"], "query_text": text, "num_results": 100 }),
    );
    let by_vector = mirror.rows(
        "main.shop.docs",
        &json!({ "columns": ["id", "__db_description_vector"], "query_vector": vector, "num_results": 100 }),
    );
    assert_eq!(by_text, by_vector);
    let without_text = (0..PRODUCTS).filter(|at| at % 11 == 0).count();
    assert_eq!(by_text.len(), PRODUCTS - without_text, "a row without a text has no vector");
    for row in &by_text {
        let numbers =
            |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
        let squared: f64 = numbers(&row[1]).iter().zip(numbers(vector)).map(|(a, b)| (a - b).powi(2)).sum();
        let score = row[2].as_f64().unwrap();
        assert!((score - 1.0 / (1.0 + squared)).abs() < 1e-5, "{score} is not that of {squared}");
    }
    assert!(scores(&by_text).is_sorted_by(|a, b| a >= b));

    // Hybrid: 30 Σ 1 / (60 + rank) over both lists, ranks from 0.
    let ask = |kind: &str| {
        mirror.rows(
            "main.shop.docs",
            &json!({ "columns": ["id"], "query_text": text, "query_type": kind, "num_results": 200 }),
        )
    };
    let (near, worded, both) = (ask("ann"), ask("full_text"), ask("HYBRID"));
    let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
    for list in [&near, &worded] {
        for (rank, id) in ids(list).into_iter().enumerate() {
            *sums.entry(id).or_default() += 30.0 / (60.0 + rank as f64);
        }
    }
    let mut expected: Vec<(usize, f64)> = sums.into_iter().collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    assert_eq!(ids(&both), expected.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    assert!(scores(&both).iter().zip(&expected).all(|(a, (_, b))| (a - b).abs() < 1e-9));

    // The threshold keeps what reaches it.
    let threshold = scores(&near)[4];
    let kept = mirror.rows(
        "main.shop.docs",
        &json!({ "columns": ["id"], "query_text": text, "num_results": 50, "score_threshold": threshold }),
    );
    assert_eq!(kept, near[..5]);
    // Words are looked for where the query says.
    let in_names = json!({ "columns": ["id", "name"], "query_text": "number", "query_type": "FULL_TEXT", "query_columns": ["name"] });
    assert!(mirror.rows("main.shop.docs", &in_names).is_empty());
}

#[test]
fn filters_of_either_dialect_go_before_the_ranking() {
    let mirror = Mirror::start();
    mirror.docs();
    let ask = |field: &str, filter: &Value| {
        let mut body = json!({ "columns": ["id"], "query_text": "lamp", "num_results": 60 });
        body[field] = filter.clone();
        let mut found = ids(&mirror.rows("main.shop.docs", &body));
        found.sort_unstable();
        found
    };
    let described: Vec<usize> = (0..PRODUCTS).filter(|at| at % 11 != 0).collect();
    let those = |keep: &dyn Fn(&Value) -> bool| -> Vec<usize> {
        described.iter().copied().filter(|&at| keep(&product(at))).collect()
    };
    let cheap = those(&|it| it["category"] == "home" && it["price"].as_f64().unwrap() < 50.0);
    for (field, filter) in [
        ("filters_json", json!(r#"{"category": "home", "price <": 50}"#)),
        ("filters_json", json!("category = 'home' AND price < 50")),
        ("filter_string", json!("category = 'home' AND price < 50")),
        ("filters_json", json!({ "category": "home", "price <": 50 })),
    ] {
        assert_eq!(ask(field, &filter), cheap, "{field} {filter}");
    }
    assert_eq!(ask("filters_json", &json!(r#"{"category": ["home", "yard"]}"#)), those(&|it| it["category"] != "work"));
    assert_eq!(ask("filters_json", &json!(r#"{"rating NOT": 3}"#)), those(&|it| it["rating"] != 3));
    assert_eq!(ask("filter_string", &json!("rating <> 3")), those(&|it| it["rating"] != 3 && !it["rating"].is_null()));
    assert_eq!(
        ask("filters_json", &json!(r#"{"added >=": "2026-01-20"}"#)),
        those(&|it| it["added"].as_str() >= Some("2026-01-20"))
    );
    assert_eq!(
        ask("filters_json", &json!(r#"{"name LIKE": "red"}"#)),
        those(&|it| it["name"].as_str().unwrap().split(' ').any(|word| word == "red"))
    );
    assert_eq!(ask("filters_json", &json!(r#"{"sold_out": true}"#)), those(&|it| it["sold_out"] == true));
    assert_eq!(ask("filters_json", &json!("{}")), described);
}

#[test]
fn rows_are_sorted_as_asked_and_those_without_a_value_come_last() {
    let mirror = Mirror::start();
    mirror.docs();
    let ask = |sorts: &Value| {
        let body = json!({ "columns": ["id"], "query_text": "a lamp", "num_results": 60, "sort_columns": sorts });
        ids(&mirror.rows("main.shop.docs", &body))
    };
    let relevance = ask(&json!([]));
    for (descending, sorts) in [(true, json!(["rating DESC", "price ASC"])), (false, json!(["rating asc", "price"]))] {
        let mut expected = relevance.clone();
        expected.sort_by(|&a, &b| {
            let (a, b) = (product(a), product(b));
            let rating = |it: &Value| it["rating"].as_u64();
            let by_rating = match (rating(&a), rating(&b)) {
                (Some(a), Some(b)) if descending => b.cmp(&a),
                (Some(a), Some(b)) => a.cmp(&b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            };
            by_rating.then(a["price"].as_f64().unwrap().total_cmp(&b["price"].as_f64().unwrap()))
        });
        assert_eq!(ask(&sorts), expected, "{sorts}");
    }
}

#[test]
fn facets_count_all_rows_that_match() {
    let mirror = Mirror::start();
    mirror.docs();
    let facets = json!([
        "category",
        "rating TOP 2",
        "price BUCKETS [[0,10.5],[10,49.5],[1000,2000]]",
        "added buckets [[\"2026-01-01\",\"2026-01-03\"]]"
    ]);
    let body = json!({ "columns": ["id"], "query_text": "a lamp", "num_results": 1, "filters_json": r#"{"id <": 30}"#, "facets": facets });
    let answer = mirror.post(QUERY, &body);
    expect![[r#"{"facet_array":[["category","home",10],["category","work",10],["category","yard",10],["rating",0,5],["rating",1,5],["price","[0,10.5]",3],["price","[10,49.5]",12],["price","[1000,2000]",0],["added","[2026-01-01,2026-01-03]",5]],"facet_row_count":9}"#]].assert_eq(&answer["facet_result"].to_string());
    expect![[r#"{"column_count":2,"columns":[{"name":"id"},{"name":"score"}],"facet_column_count":3,"facet_columns":[{"name":"column"},{"name":"value"},{"name":"count"}]}"#]].assert_eq(&answer["manifest"].to_string());

    // The same, counted here.
    let all: Vec<Value> = (0..30).map(product).collect();
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().for_each(|it| *counted.entry(it["category"].as_str().unwrap()).or_default() += 1);
    for row in answer["facet_result"]["facet_array"].as_array().unwrap() {
        if row[0] == "category" {
            assert_eq!(row[2], counted[row[1].as_str().unwrap()]);
        }
    }
    let within =
        |low: f64, high: f64| all.iter().filter(|it| (low..=high).contains(&it["price"].as_f64().unwrap())).count();
    let bucket = |name: &str| {
        answer["facet_result"]["facet_array"].as_array().unwrap().iter().find(|row| row[1] == name).unwrap()[2].clone()
    };
    assert_eq!((bucket("[0,10.5]"), bucket("[10,49.5]")), (json!(within(0.0, 10.5)), json!(within(10.0, 49.5))));

    // By words, rows must match them too.
    let body = json!({ "columns": ["id"], "query_text": "lamp", "query_type": "FULL_TEXT", "num_results": 1, "facets": ["category TOP 1"] });
    let facet = &mirror.post(QUERY, &body)["facet_result"];
    let with_lamp = |it: &&Value| {
        ["name", "description"].iter().any(|column| it[column].as_str().is_some_and(|text| text.contains("lamp")))
    };
    let all: Vec<Value> = (0..PRODUCTS).map(product).collect();
    let most = ["home", "work", "yard"]
        .map(|category| all.iter().filter(with_lamp).filter(|it| it["category"] == category).count());
    assert_eq!(facet["facet_array"][0][2], *most.iter().max().unwrap());
}

#[test]
fn pages_go_on_to_the_end_whatever_is_written_meanwhile() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    mirror.post(&format!("{V1}/indexes"), &direct_request("main.shop.direct"));
    let index = format!("{V1}/indexes/main.shop.direct");
    let row = |id: usize| json!({ "id": id, "v": [1.0, id as f64 / 1000.0, 0.0] });
    let rows: Vec<Value> = (0..2_500).map(row).collect();
    mirror.post(&format!("{index}/upsert-data"), &json!({ "inputs_json": json!(rows).to_string() }));
    let query = json!({ "columns": ["id"], "query_vector": [1, 0, 0], "num_results": 2_300 });
    let mut page = mirror.post(&format!("{index}/query"), &query);
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let rows = page["result"]["data_array"].as_array().unwrap().clone();
        sizes.push(rows.len());
        seen.extend(ids(&rows));
        let token = page["next_page_token"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
        if seen.len() == 1_000 {
            // Rows that come and go before what was shown.
            mirror.call("DELETE", &format!("{index}/delete-data?primary_keys=3&primary_keys=4"), &Value::Null);
        }
        let body = json!({ "page_token": token, "endpoint_name": "ep1" });
        page = mirror.call("GET", &format!("{index}/query-next-page"), &body);
    }
    assert_eq!(sizes, [1_000, 1_000, 300]);
    assert_eq!(seen, (0..2_300).collect::<Vec<_>>(), "no row twice and none left out");

    let token = mirror.post(&format!("{index}/query"), &query)["next_page_token"].as_str().unwrap().to_owned();
    mirror.post(&format!("{V1}/indexes"), &direct_request("main.shop.another"));
    let told = [
        mirror.refused("POST", &format!("{index}/query-next-page"), &json!({ "page_token": "tok2" })),
        mirror.refused("POST", &format!("{index}/query-next-page"), &json!({ "page_token": token.replace('7', "8") })),
        mirror.refused(
            "POST",
            &format!("{V1}/indexes/main.shop.another/query-next-page"),
            &json!({ "page_token": token }),
        ),
        mirror.refused("POST", &format!("{index}/query-next-page"), &json!({})),
    ];
    assert!(told.iter().all(|line| line.starts_with("400 INVALID_PARAMETER_VALUE: page_token: ")), "{told:?}");
    expect!["400 INVALID_PARAMETER_VALUE: page_token: `tok2` is no page token of this index; give the one of the page before"].assert_eq(&told[0]);
}

#[test]
fn the_best_rows_are_looked_at_again() {
    let mirror = Mirror::start();
    mirror.docs();
    let mut body = json!({ "columns": ["id", "category"], "query_text": "yard", "num_results": 5 });
    let first = mirror.rows("main.shop.docs", &body);
    // What the index does not embed: of the best fifty, those in the yard come first.
    body["reranker"] = json!({ "model": "databricks_reranker", "parameters": { "columns_to_rerank": ["category"] } });
    let again = mirror.rows("main.shop.docs", &body);
    assert!(again.iter().all(|row| row[1] == "yard"), "{again:?}");
    assert!(scores(&again).iter().all(|score| (score - 1.0).abs() < 1e-6), "the cosine of equal texts");
    assert_ne!(first, again);
    // The older form.
    body.as_object_mut().unwrap().remove("reranker");
    body["columns_to_rerank"] = json!(["category"]);
    assert_eq!(mirror.rows("main.shop.docs", &body), again);

    // Where there is no text, the first look stands, and says so.
    let vector = vec![0.5; 256];
    let body = json!({ "columns": ["id"], "query_vector": vector, "columns_to_rerank": ["category"] });
    let answer = mirror.post(QUERY, &body);
    assert_eq!(answer["result"]["row_count"], 10);
    expect![[r#"["rows were not reranked: the query has no `query_text`"]"#]]
        .assert_eq(&answer["debug_info"]["warnings"].to_string());
}
