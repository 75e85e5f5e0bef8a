//! Endpoints, as `databricks-sdk` asks for them.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Mirror, V1, direct_request, shown};

#[test]
fn an_endpoint_lives_as_its_clients_expect() {
    let mirror = Mirror::start();
    let endpoints = format!("{V1}/endpoints");
    let made = mirror.post(
        &endpoints,
        &json!({ "endpoint_type": "STANDARD", "name": "ep1", "target_qps": 5, "usage_policy_id": "u" }),
    );
    expect![[r#"
        {
          "creation_timestamp": <ms>,
          "creator": "local",
          "endpoint_status": {
            "message": "",
            "state": "ONLINE"
          },
          "endpoint_type": "STANDARD",
          "id": "<id>",
          "last_updated_timestamp": <ms>,
          "last_updated_user": "local",
          "name": "ep1",
          "num_indexes": 0,
          "scaling_info": {
            "requested_target_qps": 5,
            "state": "SCALING_CHANGE_APPLIED"
          },
          "usage_policy_id": "u"
        }"#]]
    .assert_eq(&shown(&made));
    assert_eq!(mirror.get(&format!("{endpoints}/ep1")), made);

    // The built-in endpoint comes first; a list without a token is the last page.
    let listed = mirror.get(&endpoints);
    assert_eq!(listed["endpoints"].as_array().unwrap().len(), 2);
    assert_eq!(listed["endpoints"][0]["name"], "nba");
    assert_eq!(listed["endpoints"][0]["num_indexes"], 2);
    assert_eq!(listed["endpoints"][1], made);
    assert_eq!(listed.get("next_page_token"), None);

    let patched = mirror.call("PATCH", &format!("{endpoints}/ep1"), &json!({ "target_qps": 9 }));
    assert_eq!(patched["scaling_info"], json!({ "requested_target_qps": 9, "state": "SCALING_CHANGE_APPLIED" }));
    let tags = json!({ "custom_tags": [{ "key": "team", "value": "search" }, { "key": "bare" }] });
    let tagged = mirror.call("PATCH", &format!("{endpoints}/ep1/tags"), &tags);
    assert_eq!(tagged, json!({ "name": "ep1", "custom_tags": tags["custom_tags"] }));
    let budget = mirror.call("PATCH", &format!("{endpoints}/ep1/budget-policy"), &json!({ "budget_policy_id": "b" }));
    assert_eq!(budget, json!({ "budget_policy_id": "b", "effective_budget_policy_id": "b" }));
    let metrics = mirror.post(&format!("{endpoints}/ep1/metrics"), &json!({ "metrics": [{ "name": "qps" }] }));
    assert_eq!(metrics, json!({ "metric_values": [{ "metric": { "name": "qps" }, "values": [] }] }));

    let mirror = mirror.restarted();
    let kept = mirror.get(&format!("{endpoints}/ep1"));
    assert_eq!((&kept["custom_tags"], &kept["budget_policy_id"]), (&tags["custom_tags"], &json!("b")));
    assert_eq!(kept["id"], made["id"]);

    assert_eq!(mirror.call("DELETE", &format!("{endpoints}/ep1"), &Value::Null), json!({}));
    assert_eq!(mirror.get(&endpoints)["endpoints"].as_array().unwrap().len(), 1);
}

#[test]
fn a_stopped_endpoint_keeps_its_rows_and_refuses_everybody() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    mirror.post(&format!("{V1}/indexes"), &direct_request("main.shop.direct"));
    let index = format!("{V1}/indexes/main.shop.direct");
    let row = json!({ "inputs_json": json!([{ "id": 1, "v": [1, 0, 0] }]).to_string() });
    mirror.post(&format!("{index}/upsert-data"), &row);

    // An empty body is as good as an empty object.
    let stopping = mirror.post(&format!("{V1}/endpoints/ep1/stop"), &Value::Null);
    assert_eq!(stopping["endpoint_status"]["state"], "STOPPING");
    assert_eq!(mirror.get(&format!("{V1}/endpoints/ep1"))["endpoint_status"]["state"], "STOPPED");
    let query = json!({ "columns": ["id"], "query_vector": [1, 0, 0] });
    let told = [
        mirror.refused("POST", &format!("{V1}/endpoints/ep1/stop"), &json!({})),
        mirror.refused("POST", &format!("{index}/query"), &query),
        mirror.refused("POST", &format!("{index}/upsert-data"), &row),
        mirror.refused("POST", &format!("{index}/scan"), &json!({})),
    ];
    expect![[r#"
        400 INVALID_STATE: endpoint `ep1` is stopped already
        400 INVALID_STATE: endpoint `ep1` is stopped; start it first
        400 INVALID_STATE: endpoint `ep1` is stopped; start it first
        400 INVALID_STATE: endpoint `ep1` is stopped; start it first"#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(mirror.get(&index)["status"]["indexed_row_count"], 1);

    assert_eq!(mirror.post(&format!("{V1}/endpoints/ep1/start"), &json!({}))["endpoint_status"]["state"], "STARTING");
    assert_eq!(mirror.rows("main.shop.direct", &query), [json!([1, 1.0])]);
}

#[test]
fn permissions_are_kept_and_given_back() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    let id = mirror.get(&format!("{V1}/endpoints/ep1"))["id"].as_str().unwrap().to_owned();
    let path = format!("/api/2.0/permissions/vector-search-endpoints/{id}");
    let levels = mirror.get(&format!("{path}/permissionLevels"));
    assert_eq!(levels["permission_levels"].as_array().unwrap().len(), 3);
    let entry = |name: &str, level: &str| json!({ "user_name": name, "permission_level": level });
    mirror.call("PUT", &path, &json!({ "access_control_list": [entry("a@x", "CAN_USE")] }));
    let more = json!({ "access_control_list": [entry("a@x", "CAN_MANAGE"), { "group_name": "g", "permission_level": "CAN_USE" }] });
    let changed = mirror.call("PATCH", &path, &more);
    expect![[r#"
        {
          "access_control_list": [
            {
              "all_permissions": [
                {
                  "inherited": false,
                  "permission_level": "CAN_MANAGE"
                }
              ],
              "user_name": "a@x"
            },
            {
              "all_permissions": [
                {
                  "inherited": false,
                  "permission_level": "CAN_USE"
                }
              ],
              "group_name": "g"
            }
          ],
          "object_id": "/vector-search-endpoints/<id>",
          "object_type": "vector-search-endpoints"
        }"#]]
    .assert_eq(&shown(&changed));
    let mirror = mirror.restarted();
    assert_eq!(mirror.get(&path), changed);
    let wrong = json!({ "access_control_list": [entry("a@x", "CAN_FLY")] });
    expect!["400 INVALID_PARAMETER_VALUE: permission_level: `CAN_FLY` is not CAN_CREATE, CAN_USE or CAN_MANAGE"]
        .assert_eq(&mirror.refused("PUT", &path, &wrong));
}
