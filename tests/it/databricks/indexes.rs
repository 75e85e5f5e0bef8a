//! Indexes: made by either family of paths, described, listed, removed.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Mirror, PRODUCTS, V1, direct_request, docs_request, shown};

#[test]
fn an_index_with_managed_embeddings_is_ready_once_it_is_made() {
    let mirror = Mirror::start();
    let made = mirror.docs();
    expect![[r#"
        {
          "columns": [
            {
              "name": "id",
              "type": "bigint"
            },
            {
              "name": "name",
              "type": "string"
            },
            {
              "name": "description",
              "type": "string"
            },
            {
              "name": "price",
              "type": "double"
            },
            {
              "name": "rating",
              "type": "bigint"
            },
            {
              "name": "category",
              "type": "string"
            },
            {
              "name": "added",
              "type": "date"
            },
            {
              "name": "sold_out",
              "type": "boolean"
            },
            {
              "name": "__db_description_vector",
              "type": "array<float>"
            }
          ],
          "creator": "local",
          "delta_sync_index_spec": {
            "embedding_source_columns": [
              {
                "embedding_model_endpoint_name": "databricks-gte-large-en",
                "name": "description"
              }
            ],
            "pipeline_id": "<id>",
            "pipeline_type": "TRIGGERED",
            "source_table": "main.shop.products"
          },
          "endpoint_id": "<id>",
          "endpoint_name": "ep1",
          "id": "<id>",
          "index_subtype": "HYBRID",
          "index_type": "DELTA_SYNC",
          "name": "main.shop.docs",
          "primary_key": "id",
          "status": {
            "detailed_state": "ONLINE_NO_PENDING_UPDATE",
            "index_url": "http://<host>/api/2.0/vector-search/indexes/main.shop.docs",
            "indexed_row_count": 60,
            "last_sync": {
              "deleted_rows": 0,
              "embedded_texts": 54,
              "timestamp": <ms>,
              "upserted_rows": 60
            },
            "message": "",
            "ready": true,
            "triggered_update_status": {
              "last_processed_commit_version": 1
            }
          }
        }"#]]
    .assert_eq(&shown(&made));
    let described = mirror.get(&format!("{V1}/indexes/main.shop.docs?ensure_reranker_compatible=true"));
    assert_eq!(described, made);
    assert_eq!(mirror.get(&format!("{V1}/endpoints/ep1/indexes/main.shop.docs")), made, "both families of paths");
    assert_eq!(mirror.get(&format!("{V1}/indexes/%60main%60.%60shop%60.%60docs%60")), made, "backticks");

    let flat = mirror.get(&format!("{V1}/indexes?endpoint_name=ep1"));
    expect![[r#"
        {
          "vector_indexes": [
            {
              "creator": "local",
              "endpoint_id": "<id>",
              "endpoint_name": "ep1",
              "id": "<id>",
              "index_subtype": "HYBRID",
              "index_type": "DELTA_SYNC",
              "name": "main.shop.docs",
              "primary_key": "id"
            }
          ]
        }"#]]
    .assert_eq(&shown(&flat));
    assert_eq!(mirror.get(&format!("{V1}/endpoints/ep1/indexes")), flat);
    assert_eq!(mirror.get(&format!("{V1}/endpoints/ep1"))["num_indexes"], 1);

    let told = mirror.refused("DELETE", &format!("{V1}/endpoints/ep1"), &Value::Null);
    expect![
        "400 INVALID_PARAMETER_VALUE: endpoint_name: endpoint `ep1` still has main.shop.docs; delete its indexes first"
    ]
    .assert_eq(&told);
    assert_eq!(mirror.call("DELETE", &format!("{V1}/endpoints/ep1/indexes/main.shop.docs"), &Value::Null), json!({}));
    assert_eq!(mirror.get(&format!("{V1}/endpoints/ep1/indexes"))["vector_indexes"], json!([]));
    mirror.call("DELETE", &format!("{V1}/endpoints/ep1"), &Value::Null);
}

#[test]
fn a_direct_access_index_is_described_as_clients_check_it() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    // `databricks-ai-search` names the endpoint in the path.
    let mut request = direct_request("main.shop.direct");
    request.as_object_mut().unwrap().remove("endpoint_name");
    let made = mirror.post(&format!("{V1}/endpoints/ep1/indexes"), &request);
    expect![[r#"
        {
          "columns": [
            {
              "name": "at",
              "type": "timestamp"
            },
            {
              "name": "id",
              "type": "int"
            },
            {
              "name": "ok",
              "type": "boolean"
            },
            {
              "name": "price",
              "type": "float"
            },
            {
              "name": "tags",
              "type": "array<string>"
            },
            {
              "name": "text",
              "type": "string"
            },
            {
              "name": "v",
              "type": "array<float>"
            }
          ],
          "creator": "local",
          "direct_access_index_spec": {
            "embedding_vector_columns": [
              {
                "embedding_dimension": 3,
                "name": "v"
              }
            ],
            "schema_json": "{\"at\":\"timestamp\",\"id\":\"int\",\"ok\":\"boolean\",\"price\":\"float\",\"tags\":\"array<string>\",\"text\":\"string\",\"v\":\"array<float>\"}"
          },
          "endpoint_id": "<id>",
          "endpoint_name": "ep1",
          "id": "<id>",
          "index_subtype": "HYBRID",
          "index_type": "DIRECT_ACCESS",
          "name": "main.shop.direct",
          "primary_key": "id",
          "status": {
            "detailed_state": "ONLINE_DIRECT_ACCESS",
            "index_url": "http://<host>/api/2.0/vector-search/indexes/main.shop.direct",
            "indexed_row_count": 0,
            "message": "",
            "ready": true
          }
        }"#]].assert_eq(&shown(&made));
}

#[test]
fn only_the_columns_asked_for_are_kept() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    for alias in ["columns_to_sync", "columns_to_index"] {
        let mut request = docs_request();
        request["delta_sync_index_spec"][alias] = json!(["price"]);
        let made = mirror.post(&format!("{V1}/indexes"), &request);
        let names: Vec<&str> =
            made["columns"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["id", "description", "price", "__db_description_vector"], "{alias}");
        assert_eq!(made["delta_sync_index_spec"]["columns_to_sync"], json!(["price", "id", "description"]));
        mirror.call("DELETE", &format!("{V1}/indexes/main.shop.docs"), &Value::Null);
    }
}

#[test]
fn an_index_of_vectors_that_a_table_has() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    let request = json!({
        "delta_sync_index_spec": {
            "embedding_vector_columns": [{ "embedding_dimension": 3, "name": "v" }],
            "pipeline_type": "TRIGGERED",
            "source_table": "main.shop.vectors",
        },
        "endpoint_name": "ep1", "index_type": "DELTA_SYNC", "name": "main.shop.own", "primary_key": "id",
    });
    let made = mirror.post(&format!("{V1}/indexes"), &request);
    assert_eq!(made["status"]["detailed_state"], "ONLINE_NO_PENDING_UPDATE");
    assert_eq!(made["index_subtype"], "HYBRID");
    let rows = mirror.rows("main.shop.own", &json!({ "columns": ["id", "v"], "query_vector": [0, 1, 0] }));
    assert_eq!(rows[0], json!(["b", [0.0, 1.0, 0.0], 1.0]));
    let scores: Vec<f64> = rows.iter().map(|row| row[2].as_f64().unwrap()).collect();
    // 1 / (1 + d²), with d² = 0.8 and 2.
    assert!((scores[1] - 1.0 / 1.8).abs() < 1e-6 && (scores[2] - 1.0 / 3.0).abs() < 1e-6, "{scores:?}");
    // Words are asked for all the same, and a text alone has no vector.
    let words = json!({ "columns": ["id"], "query_text": "three", "query_type": "FULL_TEXT" });
    assert_eq!(mirror.rows("main.shop.own", &words)[0][0], "c");
    let told = mirror.refused(
        "POST",
        &format!("{V1}/indexes/main.shop.own/query"),
        &json!({ "columns": ["id"], "query_text": "x" }),
    );
    expect![
        "400 INVALID_PARAMETER_VALUE: query_text: index `main.shop.own` has no embedding model; give `query_vector`"
    ]
    .assert_eq(&told);
}

#[test]
fn an_index_of_words_alone() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    let mut request = docs_request();
    request["index_subtype"] = json!("FULL_TEXT");
    request["delta_sync_index_spec"].as_object_mut().unwrap().remove("embedding_source_columns");
    let made = mirror.post(&format!("{V1}/indexes"), &request);
    assert_eq!((&made["index_subtype"], &made["status"]["indexed_row_count"]), (&json!("FULL_TEXT"), &json!(PRODUCTS)));
    assert_eq!(made["delta_sync_index_spec"].get("embedding_source_columns"), None, "absent, never null");
    // It is asked by words unless said otherwise.
    let rows = mirror.rows("main.shop.docs", &json!({ "columns": ["id"], "query_text": "59" }));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][0], 59);
    let ann = json!({ "columns": ["id"], "query_text": "x", "query_type": "ANN" });
    expect!["400 INVALID_PARAMETER_VALUE: query_type: `main.shop.docs` is a FULL_TEXT index: it has no vectors"]
        .assert_eq(&mirror.refused("POST", &format!("{V1}/indexes/main.shop.docs/query"), &ann));
}

#[test]
fn payload_logging_and_usage_policies_are_kept() {
    let mirror = Mirror::start();
    let id = mirror.docs()["id"].as_str().unwrap().to_owned();
    let index = format!("{V1}/indexes/main.shop.docs");
    let body = json!({ "name": "main.shop.docs", "payload_logging_enabled": true });
    let changed = mirror.call("PATCH", &format!("{index}?update_mask=payload_logging_enabled"), &body);
    assert_eq!(changed["payload_logging_enabled"], true);
    mirror.call("PATCH", &format!("{index}/usage-policy"), &json!({ "usage_policy_id": "u1" }));
    let mirror = mirror.restarted();
    let kept = mirror.get(&index);
    assert_eq!((&kept["payload_logging_enabled"], &kept["usage_policy_id"]), (&json!(true), &json!("u1")));
    let query = json!({ "columns": ["id"], "query_text": "red lamp", "num_results": 2 });
    mirror.rows("main.shop.docs", &query);
    mirror.rows("main.shop.docs", &query);
    let log = mirror.sandbox.read(&format!("index/mirror/{id}/payload.jsonl"));
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["request"], &lines[0]["row_count"]), (&query, &json!(2)));
}
