//! `docs/openapi.json` held against the server: every route of it is there, every answer is what it says.

use std::collections::BTreeSet;

use jsonschema::Validator;
use nba::Fault;
use serde_json::{Value, json};

use crate::serve::{Answer, Server};
use crate::support::{Sandbox, copy_folder, fixtures_index, package};

fn contract() -> Value {
    let text = fs_err::read_to_string(package().join("docs/openapi.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A schema of the document, which may refer to others.
fn validator(contract: &Value, schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = contract["components"].clone();
    jsonschema::draft202012::new(&whole).unwrap()
}

fn named(contract: &Value, name: &str) -> Validator {
    validator(contract, &json!({ "$ref": format!("#/components/schemas/{name}") }))
}

#[track_caller]
fn fits(validator: &Validator, value: &Value) {
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{value:#}\n{}", faults.join("\n"));
}

/// Every operation: path, method, what is said of it.
fn operations(contract: &Value) -> Vec<(String, String, Value)> {
    let paths = contract["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(|(method, operation)| (path.clone(), method.to_uppercase(), operation.clone()))
    });
    each.collect()
}

/// The schema of a documented answer; a shared one is looked up.
fn schema_of(contract: &Value, operation: &Value, status: u16) -> Option<Value> {
    let response = &operation["responses"][status.to_string()];
    let response = match response["$ref"].as_str() {
        Some(reference) => contract.pointer(reference.trim_start_matches('#')).unwrap(),
        None => response,
    };
    let (_, content) = response["content"].as_object()?.iter().next()?;
    Some(content["schema"].clone())
}

/// That an answer is one that the document knows.
#[track_caller]
fn is_documented(contract: &Value, operation: &Value, answer: &Answer) {
    let schema = schema_of(contract, operation, answer.status);
    let schema = schema.unwrap_or_else(|| panic!("{} is not documented: {operation}: {answer:?}", answer.status));
    if answer.header("content-type") == Some("application/json") {
        fits(&validator(contract, &schema), &answer.json());
    }
}

/// A sandbox with an index of its own, which feedback may be written to.
fn with_index() -> Sandbox {
    let sandbox = Sandbox::new();
    copy_folder(fixtures_index(), &sandbox.path("index"));
    sandbox
}

#[test]
fn every_route_is_in_the_contract_and_the_other_way_round() {
    let contract = contract();
    let routes: BTreeSet<String> = ["routes.rs", "service.rs"]
        .into_iter()
        .flat_map(|file| {
            let text = fs_err::read_to_string(package().join("src/face/http").join(file)).unwrap();
            let calls = text.match_indices(".route(\"").map(|(at, call)| text[at + call.len()..].to_owned());
            calls.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let documented: BTreeSet<String> = operations(&contract).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(routes, documented);

    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    assert_eq!(server.get("/openapi.json"), contract);
    for (path, method, operation) in operations(&contract) {
        let wrong = if method == "GET" { "POST" } else { "GET" };
        let answer = server.send(wrong, &path, "", "");
        assert_eq!(answer.status, 405, "{wrong} {path}");
        assert!(answer.header("allow").unwrap().contains(&method.to_lowercase()), "{answer:?}");
        if method == "GET" {
            is_documented(&contract, &operation, &server.send("GET", &path, "", ""));
        }
    }
    assert_eq!(contract["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_documented_request_is_answered_as_documented() {
    let contract = contract();
    let sandbox = with_index();
    let server = Server::start(&sandbox);
    let mut asked = 0;
    for (path, method, operation) in operations(&contract) {
        let Some(content) = operation["requestBody"]["content"].get("application/json") else { continue };
        let question = validator(&contract, &content["schema"]);
        for (name, example) in content["examples"].as_object().unwrap() {
            fits(&question, &example["value"]);
            let answer = server.send(&method, &path, "", example["value"].to_string());
            assert_eq!(answer.status, 200, "{path} {name}: {answer:?}");
            is_documented(&contract, &operation, &answer);
            asked += 1;
        }
        for wrong in ["", "{", "[]", "{}", r#"{"colour": 1}"#, r#"{"ticket": "TICKET-9999"}"#, "\u{0}"] {
            let answer = server.send(&method, &path, "", wrong);
            assert!(matches!(answer.status, 400 | 404), "{path} {wrong}: {answer:?}");
            is_documented(&contract, &operation, &answer);
        }
        let answer = server.send(&method, &path, "", vec![b' '; 2 * 1024 * 1024 + 1]);
        assert_eq!(answer.status, 413);
        is_documented(&contract, &operation, &answer);
        let answer = server.send(&method, &path, "origin: https://evil.example\r\n", "");
        assert_eq!(answer.status, 403);
        is_documented(&contract, &operation, &answer);
    }
    assert!(asked >= 12, "{asked}");
    let reload = &contract["paths"]["/v1/reload"]["post"];
    is_documented(&contract, reload, &server.send("POST", "/v1/reload", "", ""));
}

#[test]
fn what_the_command_line_prints_fits_the_schemas() {
    let contract = contract();
    let sandbox = with_index();
    let text = "repasse não caiu, taxa errada";
    for (schema, args) in [
        ("Similar", vec!["similar", "TICKET-0042"]),
        ("Similar", vec!["similar", "--text", text, "-k", "50", "--explain"]),
        ("Similar", vec!["similar", "--text", text, "--filter", "status = 'NONE'"]),
        ("Recommend", vec!["recommend", "TICKET-0042"]),
        ("Recommend", vec!["recommend", "--text", "xyzzy plugh"]),
        ("Search", vec!["search", "tickets", "--text", text, "--explain"]),
        ("Search", vec!["search", "steps", "--text", "xyzzy plugh"]),
        (
            "Feedback",
            vec!["feedback", "TICKET-0042", "--action", "CLOSE_TICKET", "--edited", "--edited-to", "REFUND_FEE"],
        ),
        ("Ticket", vec!["show", "TICKET-0042"]),
        ("Status", vec!["index", "status"]),
    ] {
        let printed = sandbox.nba(&[&args[..], &["--json"]].concat()).json();
        fits(&named(&contract, schema), &printed);
    }
    // Every active ticket, so that every kind of answer is seen that the desk knows.
    let open =
        ["search", "tickets", "--text", "a", "--filter", "status IN ('OPEN', 'IN_PROGRESS', 'PENDING_CUSTOMER')"];
    let open = sandbox.nba(&[&open[..], &["-k", "40", "--columns", "status", "--json"]].concat()).json();
    let server = Server::start(&sandbox);
    let recommend = named(&contract, "Recommend");
    for row in open["rows"].as_array().unwrap() {
        fits(&recommend, &server.post("/v1/recommend", &json!({ "ticket": row["key"] })));
    }
    let refused = sandbox.nba(&["similar", "TICKET-9999", "--json"]).failed();
    fits(&named(&contract, "Error"), &serde_json::from_str(&refused.stderr).unwrap());
}

#[test]
fn the_contract_is_well_formed_and_strict() {
    let contract = contract();
    let mut schemas = 0;
    for (name, schema) in contract["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
        named(&contract, name);
        schemas += 1;
    }
    assert!(schemas > 20, "{schemas}");
    let similar = named(&contract, "SimilarQuestion");
    for wrong in [json!({ "ticket": "T", "colour": 1 }), json!({ "ticket": 1 }), json!({ "ticket": "T", "k": 0 })] {
        assert!(!similar.is_valid(&wrong), "{wrong}");
    }
    let codes = &contract["components"]["schemas"]["Error"]["properties"]["exit_code"]["enum"];
    for fault in
        [Fault::Caller, Fault::NotFound, Fault::Input, Fault::Gate, Fault::Setup, Fault::Stop, Fault::Busy, Fault::Bug]
    {
        assert!(codes.as_array().unwrap().contains(&json!(fault.exit_code())), "{fault:?}");
    }
    let texts: Vec<&str> = contract["paths"]["/v1/embed"]["post"]["requestBody"]["content"]["application/json"]
        ["examples"]["texts"]["value"]["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    let sandbox = Sandbox::with_fixtures();
    sandbox.write("texts.txt", texts.join("\n"));
    sandbox.nba(&["embed", "--in", "texts.txt", "--out", "vectors.npy", "--model", "hashed"]).ok();
    let file = fs_err::read(sandbox.path("vectors.npy")).unwrap();
    let numbers: Vec<f32> = file[file.len() - texts.len() * 256 * 4..]
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let answer = Server::start(&sandbox).post("/v1/embed", &json!({ "texts": texts }));
    let flat: Vec<f32> = answer["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|vector| vector.as_array().unwrap())
        .map(|number| number.as_f64().unwrap() as f32)
        .collect();
    assert_eq!(flat, numbers, "the vectors are those of `nba embed`");
}

#[test]
fn texts_are_masked_as_the_command_line_masks_them() {
    let sandbox = Sandbox::with_fixtures();
    let server = Server::start(&sandbox);
    let text = "Olá,\nmeu CPF é 529.982.247-25\n\n\n\nAtenciosamente,\n\nIara Peixoto Vidal\nfim";
    sandbox.write("text.txt", text);
    let printed = sandbox.nba(&["mask", "text.txt", "--json"]).ok().stdout;
    let printed: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(server.post("/v1/mask", &json!({ "text": text })), json!({ "lines": printed }));
    let wholes = server.post("/v1/mask", &json!({ "texts": ["ligue (11) 98765-4321\nou não", ""] }));
    assert_eq!(
        wholes,
        json!({ "lines": [
            { "found": { "PHONE": 1 }, "line": 1, "text": "ligue [PHONE]\nou não" },
            { "found": {}, "line": 2, "text": "" },
        ] })
    );
}

#[test]
fn each_operation_needs_the_scope_that_it_says() {
    let contract = contract();
    let sandbox = with_index();
    let token = "0123456789abcdef0123456789abcdef";
    sandbox.write("tokens", format!("reader read {token}\n"));
    sandbox.sh("chmod 600 tokens").ok();
    let server = Server::start_with(&sandbox, &["--tokens", "tokens"]);
    for (path, method, operation) in operations(&contract) {
        let is_open = operation["security"] == json!([]);
        let without = server.send(&method, &path, "", "{}");
        assert_eq!(without.status == 401, !is_open, "{path}: {without:?}");
        let with = server.send(&method, &path, &format!("authorization: Bearer {token}\r\n"), "{}");
        assert_eq!(with.status == 403, operation["x-scope"] == "write", "{path}: {with:?}");
        is_documented(&contract, &operation, &without);
        is_documented(&contract, &operation, &with);
    }
}
