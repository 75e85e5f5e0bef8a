//! What clients ask besides: discovery, who they are, models, columns of tables.

use expect_test::expect;
use serde_json::json;

use super::{Mirror, shown};

#[test]
fn clients_find_what_they_look_up_before_they_ask() {
    let mirror = Mirror::start();
    assert_eq!(mirror.get("/.well-known/databricks-config"), json!({ "workspace_id": "1", "cloud": "AWS" }));
    assert_eq!(mirror.get("/api/2.0/preview/scim/v2/Me")["userName"], "local");
    let token = mirror.post("/oidc/v1/token", &json!({}));
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let model = mirror.get("/api/2.0/serving-endpoints/databricks-gte-large-en");
    assert_eq!((&model["route_optimized"], &model["state"]["ready"]), (&json!(false), &json!("READY")));
    assert_eq!(mirror.get("/api/2.0/serving-endpoints")["endpoints"], json!([]));
}

#[test]
fn a_model_embeds_texts() {
    let mirror = Mirror::start();
    let answer = mirror.post("/serving-endpoints/m/invocations", &json!({ "input": ["one", "two"] }));
    assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!("m")));
    let data = answer["data"].as_array().unwrap();
    let indexes: Vec<_> =
        data.iter().map(|it| (it["index"].as_u64(), it["embedding"].as_array().map(Vec::len))).collect();
    assert_eq!(indexes, [(Some(0), Some(256)), (Some(1), Some(256))]);
    let alone = mirror.post("/api/2.0/serving-endpoints/other-name/invocations", &json!({ "input": "two" }));
    assert_eq!(alone["data"][0]["embedding"], data[1]["embedding"]);
}

#[test]
fn columns_of_tables_and_indexes_have_the_types_of_unity_catalog() {
    let mirror = Mirror::start();
    mirror.docs();
    let table = mirror.get("/api/2.1/unity-catalog/tables/main.shop.products");
    expect![[r#"
        [
          {
            "name": "id",
            "position": 0,
            "type_name": "LONG",
            "type_text": "bigint"
          },
          {
            "name": "name",
            "position": 1,
            "type_name": "STRING",
            "type_text": "string"
          },
          {
            "name": "description",
            "position": 2,
            "type_name": "STRING",
            "type_text": "string"
          },
          {
            "name": "price",
            "position": 3,
            "type_name": "DOUBLE",
            "type_text": "double"
          },
          {
            "name": "rating",
            "position": 4,
            "type_name": "LONG",
            "type_text": "bigint"
          },
          {
            "name": "category",
            "position": 5,
            "type_name": "STRING",
            "type_text": "string"
          },
          {
            "name": "added",
            "position": 6,
            "type_name": "DATE",
            "type_text": "date"
          },
          {
            "name": "sold_out",
            "position": 7,
            "type_name": "BOOLEAN",
            "type_text": "boolean"
          }
        ]"#]]
    .assert_eq(&shown(&table["columns"]));
    let index = mirror.get("/api/2.1/unity-catalog/tables/main.shop.docs");
    let last = index["columns"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["name"], &last["type_name"]), (&json!("__db_description_vector"), &json!("ARRAY")));
    let desk = mirror.get("/api/2.1/unity-catalog/tables/main.support.tickets");
    assert_eq!(
        (&desk["full_name"], &desk["columns"][0]["name"]),
        (&json!("main.support.tickets"), &json!("ticket_id"))
    );
}
