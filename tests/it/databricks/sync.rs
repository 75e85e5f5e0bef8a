//! Indexes that follow tables: only what changed is read in, a table at fault harms nothing, files are watched.

use std::thread::sleep;
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};

use super::{Mirror, PRODUCTS, V1, docs_request, product, products};
use crate::support::small_ticket;

const INDEX: &str = "/api/2.0/vector-search/indexes/main.shop.docs";

/// What the last sync did.
fn counts(mirror: &Mirror) -> String {
    let status = &mirror.get(INDEX)["status"];
    let did = &status["last_sync"];
    format!(
        "{} {} rows: {} upserted, {} deleted, {} embedded",
        status["detailed_state"].as_str().unwrap(),
        status["indexed_row_count"],
        did["upserted_rows"],
        did["deleted_rows"],
        did["embedded_texts"]
    )
}

#[test]
fn only_what_changed_is_written_and_only_texts_that_changed_are_embedded() {
    let mirror = Mirror::start();
    mirror.docs();
    let mut told = vec![counts(&mirror)];
    // `databricks-ai-search` sends no body at all.
    assert_eq!(mirror.post(&format!("{INDEX}/sync"), &Value::Null), json!({}));
    told.push(counts(&mirror));

    // A price changes, a text changes, two rows come, three go; one key is there twice.
    let table = products(3..PRODUCTS + 2)
        .replace(&format!(",{},", product(5)["price"]), ",99.25,")
        .replace("number 7,", "number seven,");
    let twice = format!("{table}8,twice,the last of two,1.0,1,home,2026-01-01,true\n");
    mirror.sandbox.write("data/products.csv", twice);
    mirror.post(&format!("{INDEX}/sync"), &json!({}));
    told.push(counts(&mirror));
    expect![[r#"
        ONLINE_NO_PENDING_UPDATE 60 rows: 60 upserted, 0 deleted, 54 embedded
        ONLINE_NO_PENDING_UPDATE 60 rows: 0 upserted, 0 deleted, 0 embedded
        ONLINE_NO_PENDING_UPDATE 59 rows: 5 upserted, 3 deleted, 4 embedded"#]]
    .assert_eq(&told.join("\n"));

    let rows = mirror.rows(
        "main.shop.docs",
        &json!({ "columns": ["id", "name"], "query_text": "the last of two", "num_results": 1 }),
    );
    assert_eq!((&rows[0][0], &rows[0][1]), (&json!(8), &json!("twice")));
    let gone =
        json!({ "columns": ["id"], "query_text": "x", "query_type": "HYBRID", "filters_json": r#"{"id <": 3}"# });
    assert!(mirror.rows("main.shop.docs", &gone).is_empty());
    let mirror = mirror.restarted();
    assert_eq!(counts(&mirror), told[2], "a restart keeps everything");
}

#[test]
fn a_table_at_fault_leaves_the_rows_that_were_there() {
    let mirror = Mirror::start();
    mirror.docs();
    let good = mirror.sandbox.read("data/products.csv");
    let mut told = Vec::new();
    for fault in [
        good.clone() + ",no key,text,1.0,1,home,2026-01-01,true\n",
        good.clone() + "61,too,few\n",
        good.replace(",price,", ",prize,"),
        good.replace("\n1,", "\none,"),
    ] {
        mirror.sandbox.write("data/products.csv", fault);
        told.push(mirror.refused("POST", &format!("{INDEX}/sync"), &json!({})));
        let status = &mirror.get(INDEX)["status"];
        assert_eq!((&status["detailed_state"], &status["ready"]), (&json!("ONLINE_PIPELINE_FAILED"), &json!(true)));
        assert_eq!(status["indexed_row_count"], PRODUCTS);
        assert!(!mirror.rows("main.shop.docs", &json!({ "columns": ["id"], "query_text": "lamp" })).is_empty());
    }
    expect![[r#"
        400 INVALID_PARAMETER_VALUE: data/products.csv:62: id: has no value; a primary key must have one
        400 INVALID_PARAMETER_VALUE: data/products.csv:62: has 3 fields where the header has 8; quote fields that hold the delimiter
        400 INVALID_PARAMETER_VALUE: no column `price`; there are `id`, `name`, `description`, `prize`, `rating`, `category`, `added`, `sold_out`
        400 INVALID_PARAMETER_VALUE: data/products.csv: id: is string, and the index keeps it as bigint; make the index anew"#]].assert_eq(&told.join("\n"));
    mirror.sandbox.write("data/products.csv", good);
    mirror.post(&format!("{INDEX}/sync"), &json!({}));
    assert_eq!(mirror.get(INDEX)["status"]["detailed_state"], "ONLINE_NO_PENDING_UPDATE");
}

#[test]
fn an_index_of_a_table_at_fault_is_there_and_says_why_it_is_not_ready() {
    let mirror = Mirror::start();
    mirror.sandbox.write("data/products.csv", products(0..3) + ",no key,text,1.0,1,home,2026-01-01,true\n");
    let made = mirror.docs();
    assert_eq!(
        (&made["status"]["detailed_state"], &made["status"]["ready"]),
        (&json!("OFFLINE_FAILED"), &json!(false))
    );
    let query = json!({ "columns": ["id"], "query_text": "lamp" });
    expect!["400 INVALID_STATE: index `main.shop.docs` has no rows to serve: data/products.csv:5: id: has no value; a primary key must have one"]
    .assert_eq(&mirror.refused("POST", &format!("{INDEX}/query"), &query));
    mirror.sandbox.write("data/products.csv", products(0..3));
    mirror.post(&format!("{INDEX}/sync"), &json!({}));
    assert_eq!(mirror.rows("main.shop.docs", &query).len(), 2);
}

#[test]
fn a_continuous_index_follows_its_file() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    let mut request = docs_request();
    request["delta_sync_index_spec"]["pipeline_type"] = json!("CONTINUOUS");
    mirror.post(&format!("{V1}/indexes"), &request);
    mirror.sandbox.write("data/products.csv", products(0..10));
    for _ in 0..600 {
        let status = &mirror.get(INDEX)["status"];
        if status["indexed_row_count"] == 10 && status["detailed_state"] == "ONLINE_NO_PENDING_UPDATE" {
            let told = mirror.refused("POST", &format!("{INDEX}/sync"), &json!({}));
            expect!["400 INVALID_PARAMETER_VALUE: index_name: `main.shop.docs` is CONTINUOUS and follows by itself"]
                .assert_eq(&told);
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("{}", mirror.get(INDEX));
}

#[test]
fn the_desk_and_what_is_written_back_are_tables_too() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    let mut request = docs_request();
    request["delta_sync_index_spec"]["embedding_writeback_table"] = json!("main.shop.docs_writeback");
    mirror.post(&format!("{V1}/indexes"), &request);
    // The vectors that were written back make an index of their own.
    let again = json!({
        "delta_sync_index_spec": {
            "embedding_vector_columns": [{ "embedding_dimension": 256, "name": "__db_description_vector" }],
            "pipeline_type": "TRIGGERED", "source_table": "main.shop.docs_writeback",
        },
        "endpoint_name": "ep1", "index_type": "DELTA_SYNC", "name": "main.shop.again", "primary_key": "id",
    });
    let made = mirror.post(&format!("{V1}/indexes"), &again);
    assert_eq!(made["status"]["indexed_row_count"], PRODUCTS);
    let vector =
        mirror.post("/serving-endpoints/m/invocations", &json!({ "input": "a red lamp" }))["data"][0]["embedding"]
            .clone();
    let query = json!({ "columns": ["id", "name"], "query_vector": vector });
    assert_eq!(mirror.rows("main.shop.again", &query), mirror.rows("main.shop.docs", &query));

    let desk = json!({
        "delta_sync_index_spec": {
            "columns_to_sync": ["subject", "status", "created_at", "tags"],
            "embedding_source_columns": [{ "embedding_model_endpoint_name": "m", "name": "subject" }],
            "pipeline_type": "TRIGGERED", "source_table": "main.support.tickets",
        },
        "endpoint_name": "ep1", "index_type": "DELTA_SYNC", "name": "main.shop.tickets", "primary_key": "ticket_id",
    });
    let made = mirror.post(&format!("{V1}/indexes"), &desk);
    assert_eq!(made["status"]["indexed_row_count"], 40);
    let mine = mirror.post(&format!("{V1}/indexes/main.shop.tickets/scan"), &json!({ "num_results": 1 }));
    let theirs = mirror.post(&format!("{V1}/indexes/main.support.tickets/scan"), &json!({ "num_results": 1 }));
    let field = |row: &Value, key: &str| {
        row["data"][0]["fields"].as_array().unwrap().iter().find(|it| it["key"] == key).unwrap().clone()
    };
    for key in ["ticket_id", "subject", "status", "created_at", "tags"] {
        assert_eq!(field(&mine, key), field(&theirs, key));
    }
}

#[test]
fn what_is_forgotten_on_the_desk_goes_from_copies_of_its_rows() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    let request = json!({
        "delta_sync_index_spec": {
            "columns_to_sync": ["subject"],
            "embedding_source_columns": [{ "embedding_model_endpoint_name": "m", "name": "subject" }],
            "pipeline_type": "TRIGGERED", "source_table": "main.support.tickets",
        },
        "endpoint_name": "ep1", "index_type": "DELTA_SYNC", "name": "main.shop.tickets", "primary_key": "ticket_id",
    });
    mirror.post(&format!("{V1}/indexes"), &request);
    let ticket = small_ticket(false);
    let filter = json!({ "ticket_id": ticket }).to_string();
    let query = json!({ "columns": ["ticket_id"], "query_text": "x", "filters_json": filter });
    assert_eq!(mirror.rows("main.shop.tickets", &query).len(), 1);
    mirror.sandbox.nba(&["index", "forget", "--index", "index", "--ticket", &ticket]).ok();
    mirror.post("/v1/reload", &json!({}));
    for _ in 0..600 {
        if mirror.rows("main.shop.tickets", &query).is_empty() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("{ticket} is found still");
}
