//! The second generation: other names for the same things.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Mirror, V1, shown};

const WS: &str = "/api/2.0/ai-search/workspaces/123/endpoints";

#[test]
fn every_call_of_the_second_generation() {
    let mirror = Mirror::start();
    let made = mirror.post(&format!("{WS}?endpoint_id=ep2"), &json!({ "endpoint_type": "STANDARD", "target_qps": 5 }));
    expect![[r#"
        {
          "create_time": "<instant>",
          "creator": "local",
          "endpoint_status": {
            "message": "",
            "state": "ONLINE"
          },
          "endpoint_type": "STANDARD",
          "id": "<id>",
          "index_count": 0,
          "last_updated_user": "local",
          "name": "workspaces/123/endpoints/ep2",
          "replica_count": 1,
          "target_qps": 5,
          "update_time": "<instant>"
        }"#]]
    .assert_eq(&shown(&made));
    assert_eq!(mirror.get(&format!("{WS}/ep2")), made);
    let first = mirror.get(&format!("{WS}?page_size=1"));
    assert_eq!(first["endpoints"].as_array().unwrap().len(), 1);
    let rest = mirror.get(&format!("{WS}?page_size=1&page_token={}", first["next_page_token"].as_str().unwrap()));
    assert_eq!((&rest["endpoints"], &rest["next_page_token"]), (&json!([made]), &json!("")));
    let patched = mirror.call("PATCH", &format!("{WS}/ep2?update_mask=target_qps"), &json!({ "target_qps": 7 }));
    assert_eq!(patched["target_qps"], 7);

    let request = json!({
        "index_type": "DELTA_SYNC", "primary_key": "id",
        "delta_sync_index_spec": {
            "source_table": "main.shop.products", "pipeline_type": "TRIGGERED",
            "embedding_source_columns": [{ "name": "description", "embedding_model_endpoint": "m" }],
        },
    });
    let index = mirror.post(&format!("{WS}/ep2/indexes?index_id=main.shop.docs"), &request);
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
          "create_time": "<instant>",
          "creator": "local",
          "delta_sync_index_spec": {
            "embedding_source_columns": [
              {
                "embedding_model_endpoint": "m",
                "name": "description"
              }
            ],
            "pipeline_id": "<id>",
            "pipeline_type": "TRIGGERED",
            "source_table": "main.shop.products"
          },
          "endpoint": "workspaces/123/endpoints/ep2",
          "id": "<id>",
          "index_subtype": "HYBRID",
          "index_type": "DELTA_SYNC",
          "name": "workspaces/123/endpoints/ep2/indexes/main.shop.docs",
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
    .assert_eq(&shown(&index));
    let path = format!("{WS}/ep2/indexes/main.shop.docs");
    assert_eq!(mirror.get(&path), index);
    assert_eq!(mirror.get(&format!("{WS}/ep2/indexes"))["indexes"], json!([index]));
    // It is the index of the first generation.
    let query = json!({ "columns": ["id"], "query_text": "red lamp", "num_results": 3 });
    let there = mirror.rows("main.shop.docs", &query);
    let here = mirror
        .post(&format!("{path}:query"), &json!({ "columns": ["id"], "query_text": "red lamp", "max_results": 3 }));
    assert_eq!(here["result"]["data_array"], json!(there));
    assert_eq!(here.get("next_page_token"), None);
    let both = json!({ "columns": ["id"], "query_text": "red lamp", "max_results": 3, "page_size": 2 });
    assert_eq!(mirror.post(&format!("{path}:query"), &both)["result"]["row_count"], 2);
    assert_eq!(mirror.post(&format!("{path}:sync"), &json!({})), json!({}));

    let direct = json!({
        "index_type": "DIRECT_ACCESS", "primary_key": "id",
        "direct_access_index_spec": {
            "schema_json": r#"{"id":"long","text":"string","v":"array<float>"}"#,
            "embedding_vector_columns": [{ "name": "v", "embedding_dimension": 2 }],
        },
    });
    mirror.post(&format!("{WS}/ep2/indexes?index_id=main.shop.direct"), &direct);
    let path = format!("{WS}/ep2/indexes/main.shop.direct");
    let rows = json!([{ "id": 1, "text": "a", "v": [1, 0] }, { "id": 2, "v": [0, 1] }, { "id": 3, "v": [1, 1] }]);
    let upserted = mirror.post(&format!("{path}:upsertData"), &json!({ "inputs_json": rows.to_string() }));
    assert_eq!(upserted["result"]["success_row_count"], 3);
    let first = mirror.post(&format!("{path}:scan"), &json!({ "page_size": 2 }));
    expect![[
        r#"{"data":[{"id":1,"text":"a","v":[1.0,0.0]},{"id":2,"text":null,"v":[0.0,1.0]}],"next_page_token":"2"}"#
    ]]
    .assert_eq(&first.to_string());
    let rest = mirror.post(&format!("{path}:scan"), &json!({ "page_size": 2, "page_token": first["next_page_token"] }));
    assert_eq!(rest, json!({ "data": [{ "id": 3, "text": null, "v": [1.0, 1.0] }], "next_page_token": "" }));
    let removed = mirror.post(&format!("{path}:removeData"), &json!({ "primary_keys": ["1"] }));
    assert_eq!(removed["status"], "SUCCESS");
    assert_eq!(mirror.get(&format!("{V1}/indexes/main.shop.direct"))["status"]["indexed_row_count"], 2);

    mirror.call("DELETE", &path, &Value::Null);
    mirror.call("DELETE", &format!("{WS}/ep2/indexes/main.shop.docs"), &Value::Null);
    mirror.call("DELETE", &format!("{WS}/ep2"), &Value::Null);
    let told = [
        mirror.refused("GET", &format!("{WS}/ep2"), &Value::Null),
        mirror.refused("POST", &format!("{WS}/nba/indexes/main.support.tickets:fly"), &json!({})),
    ];
    expect![[r#"
        404 RESOURCE_DOES_NOT_EXIST: there is no endpoint `ep2`
        404 ENDPOINT_NOT_FOUND: no `POST /api/2.0/ai-search/workspaces/123/endpoints/nba/indexes/main.support.tickets:fly` here; docs/databricks.md lists what there is"#]].assert_eq(&told.join("\n"));
}
