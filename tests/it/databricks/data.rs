//! Rows that clients write, delete and scan.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Mirror, V1, direct_request, shown};

fn direct() -> (Mirror, String) {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    mirror.post(&format!("{V1}/indexes"), &direct_request("main.shop.direct"));
    (mirror, format!("{V1}/indexes/main.shop.direct"))
}

fn inputs(rows: &Value) -> Value {
    json!({ "inputs_json": rows.to_string() })
}

#[test]
fn what_is_written_is_read_at_once() {
    let (mirror, index) = direct();
    let rows = json!([
        { "id": 1, "text": "red lamp", "tags": ["a", "b"], "price": 1.5, "at": "2026-01-31T10:00:00+02:00", "ok": true, "v": [1, 0, 0] },
        { "id": 2, "text": "gone soon", "v": [0, 1, 0] },
        { "id": 2, "text": "the last of two", "v": [0, 0, 1] },
        { "id": 3, "text": "without a vector" },
    ]);
    let answer = mirror.post(&format!("{index}/upsert-data"), &inputs(&rows));
    assert_eq!(answer, json!({ "status": "SUCCESS", "result": { "success_row_count": 4, "failed_primary_keys": [] } }));
    let columns = ["id", "text", "tags", "price", "at", "ok", "v"];
    let found = mirror.rows("main.shop.direct", &json!({ "columns": columns, "query_vector": [0, 0, 1] }));
    expect![[r#"[[2,"the last of two",null,null,null,null,[0.0,0.0,1.0],1.0],[1,"red lamp",["a","b"],1.5,"2026-01-31T08:00:00Z",true,[1.0,0.0,0.0],0.3333333333333333]]"#]].assert_eq(&Value::Array(found).to_string());

    // What is replaced is gone whole.
    mirror.post(&format!("{index}/upsert-data"), &inputs(&json!([{ "id": 1, "v": [0, 0, 1] }])));
    let found = mirror.rows("main.shop.direct", &json!({ "columns": ["id", "text"], "query_vector": [0, 0, 1] }));
    assert_eq!(found[0], json!([1, null, 1.0]));
    assert_eq!(mirror.get(&index)["status"]["indexed_row_count"], 3);
}

#[test]
fn rows_at_fault_are_named_and_the_others_are_written() {
    let (mirror, index) = direct();
    let rows = json!([
        { "id": 1, "v": [1, 0, 0] },
        { "id": 2, "v": [1, 0] },
        { "id": 3, "colour": "red" },
        { "id": 4, "price": "cheap" },
        { "text": "no key" },
        { "id": null },
    ]);
    let answer = mirror.post(&format!("{index}/upsert-data"), &inputs(&rows));
    expect![[r#"{"result":{"failed_primary_keys":["2","3","4","null","null"],"success_row_count":1},"status":"PARTIAL_SUCCESS"}"#]].assert_eq(&answer.to_string());
    let all = mirror.post(&format!("{index}/upsert-data"), &inputs(&json!([{ "id": "x" }])));
    assert_eq!(all["status"], "FAILURE");
    assert_eq!(mirror.get(&index)["status"]["indexed_row_count"], 1);
    let told: Vec<String> = [json!({}), json!({ "inputs_json": "[{\"id\": NaN}]" }), json!({ "inputs_json": "{}" })]
        .iter()
        .map(|body| mirror.refused("POST", &format!("{index}/upsert-data"), body))
        .collect();
    expect![[r#"
        400 INVALID_PARAMETER_VALUE: inputs_json: it is not the text of a JSON list of rows: EOF while parsing a value at line 1 column 0
        400 INVALID_PARAMETER_VALUE: inputs_json: it is not the text of a JSON list of rows: expected value at line 1 column 9
        400 INVALID_PARAMETER_VALUE: inputs_json: it is not the text of a JSON list of rows: invalid type: map, expected a sequence at line 1 column 0"#]].assert_eq(&told.join("\n"));
}

#[test]
fn keys_are_deleted_by_parameters_and_by_a_body() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    let mut request = direct_request("main.shop.direct");
    request["direct_access_index_spec"]["schema_json"] = json!(r#"{"id":"string","v":"array<float>"}"#);
    mirror.post(&format!("{V1}/indexes"), &request);
    let index = format!("{V1}/indexes/main.shop.direct");
    let keys = ["1", "a b", "c,d&e=é", "x", "y", "z"];
    let rows: Vec<Value> = keys.iter().map(|key| json!({ "id": key, "v": [1, 0, 0] })).collect();
    mirror.post(&format!("{index}/upsert-data"), &inputs(&json!(rows)));
    // As `databricks-sdk` writes them.
    let path = format!("{index}/delete-data?primary_keys=1&primary_keys=a+b&primary_keys=c%2Cd%26e%3D%C3%A9");
    let answer = mirror.call("DELETE", &path, &Value::Null);
    assert_eq!(answer, json!({ "status": "SUCCESS", "result": { "success_row_count": 3, "failed_primary_keys": [] } }));
    // As `databricks-ai-search` does; a key that is not there is as good as deleted.
    let answer = mirror.call("DELETE", &format!("{index}/delete-data"), &json!({ "primary_keys": ["x", "nobody"] }));
    assert_eq!(answer["status"], "SUCCESS");
    let left = mirror.post(&format!("{index}/scan"), &json!({}));
    let keys: Vec<&Value> =
        left["data"].as_array().unwrap().iter().map(|row| &row["fields"][0]["value"]["string_value"]).collect();
    assert_eq!(keys, ["y", "z"]);

    // Keys of numbers are numbers, be they written as texts.
    mirror.post(&format!("{V1}/indexes"), &direct_request("main.shop.numbers"));
    let index = format!("{V1}/indexes/main.shop.numbers");
    mirror.post(&format!("{index}/upsert-data"), &inputs(&json!([{ "id": 1 }, { "id": 2 }, { "id": 3 }])));
    let answer = mirror.call("DELETE", &format!("{index}/delete-data"), &json!({ "primary_keys": [1, "2", "two"] }));
    expect![[r#"{"result":{"failed_primary_keys":["two"],"success_row_count":2},"status":"PARTIAL_SUCCESS"}"#]]
        .assert_eq(&answer.to_string());
    let told = mirror.refused("DELETE", &format!("{index}/delete-data"), &Value::Null);
    expect!["400 INVALID_PARAMETER_VALUE: primary_keys: give at least one"].assert_eq(&told);
}

#[test]
fn a_scan_goes_through_all_rows_in_the_order_of_their_keys() {
    let (mirror, index) = direct();
    let rows: Vec<Value> = (0..25)
        .rev()
        .map(|id| json!({ "id": id, "text": format!("row {id}"), "ok": id % 2 == 0, "v": [id, 1, 0] }))
        .collect();
    mirror.post(&format!("{index}/upsert-data"), &inputs(&json!(rows)));
    let first = mirror.post(&format!("{index}/scan"), &json!({ "num_results": 1, "last_primary_key": "0" }));
    expect![[r#"
        {
          "data": [
            {
              "fields": [
                {
                  "key": "at",
                  "value": null
                },
                {
                  "key": "id",
                  "value": {
                    "number_value": 1
                  }
                },
                {
                  "key": "ok",
                  "value": {
                    "bool_value": false
                  }
                },
                {
                  "key": "price",
                  "value": null
                },
                {
                  "key": "tags",
                  "value": null
                },
                {
                  "key": "text",
                  "value": {
                    "string_value": "row 1"
                  }
                },
                {
                  "key": "v",
                  "value": {
                    "list_value": {
                      "values": [
                        {
                          "number_value": 1.0
                        },
                        {
                          "number_value": 1.0
                        },
                        {
                          "number_value": 0.0
                        }
                      ]
                    }
                  }
                }
              ]
            }
          ],
          "last_primary_key": "1"
        }"#]]
    .assert_eq(&shown(&first));
    let mut seen = Vec::new();
    let mut body = json!({});
    loop {
        // `databricks-ai-search` sends GET with a body.
        let page = mirror.call("GET", &format!("{index}/scan"), &body);
        let rows = page["data"].as_array().unwrap();
        if rows.is_empty() {
            assert_eq!(page, json!({ "data": [] }));
            break;
        }
        let id = |row: &Value| {
            let fields = row["fields"].as_array().unwrap();
            fields.iter().find(|field| field["key"] == "id").unwrap()["value"]["number_value"].as_i64().unwrap()
        };
        seen.extend(rows.iter().map(id));
        body = json!({ "last_primary_key": page["last_primary_key"] });
    }
    assert_eq!(seen, (0..25).collect::<Vec<i64>>());
}

#[test]
fn writers_at_once_lose_nothing() {
    let (mirror, index) = direct();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (mirror, index) = (&mirror, &index);
            scope.spawn(move || {
                for at in 0..10 {
                    let id = writer * 100 + at;
                    mirror.post(&format!("{index}/upsert-data"), &inputs(&json!([{ "id": id, "v": [1, 0, 0] }])));
                    let filter = format!("{{\"id\": {id}}}");
                    let query = json!({ "columns": ["id"], "query_vector": [1, 0, 0], "filters_json": filter });
                    assert_eq!(mirror.rows("main.shop.direct", &query).len(), 1, "read your writes");
                }
            });
        }
    });
    let mirror = mirror.restarted();
    assert_eq!(mirror.get(&index)["status"]["indexed_row_count"], 40);
}
