//! What outlasts the server: restarts, a torn catalogue, folders that nobody names, two servers on one folder.

use expect_test::expect;
use fs_err as fs;
use serde_json::{Value, json};

use super::{Mirror, V1, direct_request};
use crate::serve::Server;
use crate::support::{Sandbox, files};

#[test]
fn a_restart_keeps_everything() {
    let mirror = Mirror::start();
    mirror.docs();
    mirror.post(&format!("{V1}/indexes"), &direct_request("main.shop.direct"));
    let rows = json!([{ "id": 1, "text": "kept", "v": [1, 0, 0] }]);
    mirror.post(&format!("{V1}/indexes/main.shop.direct/upsert-data"), &json!({ "inputs_json": rows.to_string() }));
    let all = |mirror: &Mirror| {
        let told = ["main.shop.docs", "main.shop.direct", "main.support.tickets"].map(|name| {
            let mut described = mirror.get(&format!("{V1}/indexes/{name}"));
            described["status"].as_object_mut().unwrap().remove("index_url");
            let scan = mirror.post(&format!("{V1}/indexes/{name}/scan"), &json!({ "num_results": 100 }));
            json!([described, scan])
        });
        json!([told, mirror.get(&format!("{V1}/endpoints"))])
    };
    let before = all(&mirror);
    let mirror = mirror.restarted();
    assert_eq!(all(&mirror), before);
}

#[test]
fn a_folder_is_made_with_the_first_endpoint_and_not_before() {
    let mirror = Mirror::start();
    mirror.get(&format!("{V1}/endpoints"));
    mirror.rows("main.support.tickets", &json!({ "columns": ["ticket_id"], "query_text": "taxa" }));
    assert!(!mirror.sandbox.path("index/mirror").exists());
    mirror.endpoint("ep1");
    assert_eq!(files(&mirror.sandbox.path("index/mirror")), ["LOCK", "catalog.json"]);
}

#[test]
fn folders_that_no_entry_names_are_removed() {
    let mirror = Mirror::start();
    mirror.docs();
    let id = mirror.get(&format!("{V1}/indexes/main.shop.docs"))["id"].as_str().unwrap().to_owned();
    let Mirror { server, sandbox } = mirror;
    drop(server);
    sandbox.write("index/mirror/0000-left/collection.json", "{}");
    let server = Server::start(&sandbox);
    let mirror = Mirror { server, sandbox };
    assert!(!mirror.sandbox.path("index/mirror/0000-left").exists());
    assert!(mirror.sandbox.path(&format!("index/mirror/{id}")).is_dir());
    mirror.call("DELETE", &format!("{V1}/indexes/main.shop.docs"), &Value::Null);
    assert!(!mirror.sandbox.path(&format!("index/mirror/{id}")).exists());
}

#[test]
fn a_torn_catalogue_is_refused_by_name_and_left_as_it_is() {
    let mirror = Mirror::start();
    mirror.docs();
    let Mirror { server, sandbox } = mirror;
    drop(server);
    let whole = sandbox.read("index/mirror/catalog.json");
    let serve = |sandbox: &Sandbox| sandbox.nba(&["serve", "--listen", "127.0.0.1:0"]).failed();
    let mut told = Vec::new();
    for torn in [&whole[..whole.len() / 2], &whole.replace("ep1", "ep7"), ""] {
        sandbox.write("index/mirror/catalog.json", torn);
        told.push(sandbox.shown(&serve(&sandbox)));
        assert_eq!(sandbox.read("index/mirror/catalog.json"), torn);
    }
    expect![[r#"
        exit 7
        --- stderr
        error: index/mirror/catalog.json is damaged: its checksum is not that of its last line; it is left as it is: restore it from a backup, or move its folder away and make its indexes anew
        exit 7
        --- stderr
        error: index/mirror/catalog.json is damaged: its checksum is not that of its last line; it is left as it is: restore it from a backup, or move its folder away and make its indexes anew
        exit 7
        --- stderr
        error: index/mirror/catalog.json is damaged: it has no line with its checksum; it is left as it is: restore it from a backup, or move its folder away and make its indexes anew
    "#]].assert_eq(&told.concat());
    sandbox.write("index/mirror/catalog.json", whole);
    let server = Server::start(&sandbox);
    let mirror = Mirror { server, sandbox };
    assert_eq!(mirror.get(&format!("{V1}/indexes/main.shop.docs"))["status"]["ready"], true);
}

#[test]
fn damaged_rows_of_one_index_keep_no_other_from_being_served() {
    let mirror = Mirror::start();
    let id = mirror.docs()["id"].as_str().unwrap().to_owned();
    mirror.post(&format!("{V1}/indexes"), &direct_request("main.shop.direct"));
    let Mirror { server, sandbox } = mirror;
    drop(server);
    fs::write(sandbox.path(&format!("index/mirror/{id}/collection.json")), "{}").unwrap();
    let server = Server::start(&sandbox);
    let mirror = Mirror { server, sandbox };
    assert_eq!(mirror.get(&format!("{V1}/indexes/main.shop.docs"))["status"]["detailed_state"], "OFFLINE_FAILED");
    assert_eq!(mirror.get(&format!("{V1}/indexes/main.shop.direct"))["status"]["ready"], true);
}

#[test]
fn one_server_writes_at_a_time() {
    let mirror = Mirror::start();
    let idle = Server::start(&mirror.sandbox);
    mirror.endpoint("ep1");
    // One that was there before may ask, and not change.
    let (status, body) =
        idle.ask("POST", &format!("{V1}/endpoints"), r#"{"name": "ep2", "endpoint_type": "STANDARD"}"#);
    let body = body.replace(&mirror.sandbox.path("").display().to_string(), "<tmp>/");
    expect![[r#"409 {"error_code":"RESOURCE_CONFLICT","message":"index/mirror is being written by another server; wait for it to end"}"#]].assert_eq(&format!("{status} {body}"));
    let second = mirror.sandbox.nba(&["serve", "--listen", "127.0.0.1:0"]).failed();
    expect![[r#"
        exit 6
        --- stderr
        error: index/mirror is being written by another server; wait for it to end
    "#]]
    .assert_eq(&mirror.sandbox.shown(&second));
}
