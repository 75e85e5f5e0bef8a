//! Refusals: each code of the service, with a message that says the way out.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Mirror, V1, direct_request, docs_request};

#[test]
fn each_code_that_the_service_has() {
    let mirror = Mirror::start();
    mirror.docs();
    let none = Value::Null;
    let endpoints = format!("{V1}/endpoints");
    let told = [
        mirror.refused("POST", &endpoints, &json!({ "name": "ep1", "endpoint_type": "STANDARD" })),
        mirror.refused("POST", &endpoints, &json!({ "name": "nba", "endpoint_type": "STANDARD" })),
        mirror.refused("POST", &endpoints, &json!({ "name": "ep2", "endpoint_type": "HUGE" })),
        mirror.refused(
            "POST",
            &endpoints,
            &json!({ "name": "ep2", "endpoint_type": "STORAGE_OPTIMIZED", "target_qps": 1 }),
        ),
        mirror.refused("POST", &endpoints, &json!({ "endpoint_type": "STANDARD" })),
        mirror.refused("GET", &format!("{endpoints}/nobody"), &none),
        mirror.refused("DELETE", &format!("{endpoints}/nba"), &none),
        mirror.refused("POST", &format!("{endpoints}/ep1/start"), &none),
        mirror.refused("GET", &format!("{endpoints}/nobody/indexes"), &none),
        mirror.refused("GET", &format!("{V1}/indexes/main.shop.nothing"), &none),
        mirror.refused("GET", &format!("{endpoints}/nba/indexes/main.shop.docs"), &none),
        mirror.refused("DELETE", &format!("{V1}/indexes/main.support.tickets"), &none),
        mirror.refused("POST", &format!("{V1}/indexes/main.support.tickets/sync"), &none),
        mirror.refused("POST", &format!("{V1}/indexes"), &docs_request()),
        mirror.refused(
            "POST",
            &format!("{V1}/indexes/main.shop.docs/upsert-data"),
            &json!({ "inputs_json": "[{\"id\": 1}]" }),
        ),
        mirror.refused("GET", &format!("{V1}/nothing"), &none),
        mirror.refused("POST", "/api/2.0/serving-endpoints", &json!({ "name": "m" })),
        mirror.refused("GET", "/api/2.1/unity-catalog/tables/main.shop.nothing", &none),
        mirror.refused("GET", "/api/2.1/unity-catalog/tables/main.shop.gone", &none),
    ];
    expect![[r#"
        409 RESOURCE_ALREADY_EXISTS: endpoint `ep1` already exists; choose another name, or delete it first
        409 RESOURCE_ALREADY_EXISTS: endpoint `nba` already exists; choose another name, or delete it first
        400 INVALID_PARAMETER_VALUE: endpoint_type: `HUGE` is not STANDARD or STORAGE_OPTIMIZED
        400 INVALID_PARAMETER_VALUE: target_qps: a STORAGE_OPTIMIZED endpoint has none
        400 INVALID_PARAMETER_VALUE: name: an endpoint needs one
        404 RESOURCE_DOES_NOT_EXIST: there is no endpoint `nobody`
        403 PERMISSION_DENIED: endpoint `nba` is built in and cannot be changed; make one of your own
        400 INVALID_STATE: endpoint `ep1` runs already
        404 RESOURCE_DOES_NOT_EXIST: there is no endpoint `nobody`
        404 RESOURCE_DOES_NOT_EXIST: there is no index `main.shop.nothing`
        404 RESOURCE_DOES_NOT_EXIST: there is no index `main.shop.docs`
        403 PERMISSION_DENIED: index `main.support.tickets` is built in and cannot be changed; make one of your own
        403 PERMISSION_DENIED: index `main.support.tickets` is built in and cannot be changed; make one of your own
        409 RESOURCE_ALREADY_EXISTS: index `main.shop.docs` already exists; choose another name, or delete it first
        400 INVALID_PARAMETER_VALUE: index_name: `main.shop.docs` follows its source table; rows are written to a DIRECT_ACCESS index
        404 ENDPOINT_NOT_FOUND: no `GET /api/2.0/vector-search/nothing` here; docs/databricks.md lists what there is
        501 NOT_IMPLEMENTED: models are not made here; name them in the configuration, under [models]
        404 RESOURCE_DOES_NOT_EXIST: there is no table `main.shop.nothing`
        400 INVALID_PARAMETER_VALUE: failed to query resolved metadata `data/gone.csv`: No such file or directory (os error 2)"#]].assert_eq(&told.join("\n"));
    let (status, body) = mirror.server.ask("POST", &endpoints, "[1");
    expect![[r#"400 {"error_code":"BAD_REQUEST","message":"the body is not JSON: EOF while parsing a list at line 1 column 2"}"#]].assert_eq(&format!("{status} {body}"));
    let (status, body) = mirror.server.ask("POST", &endpoints, "[1]");
    expect![[r#"400 {"error_code":"BAD_REQUEST","message":"the body is not a JSON object"}"#]]
        .assert_eq(&format!("{status} {body}"));
    // Whatever is said, it is nothing that clients would retry for minutes.
    let retried = ["Unexpected error", "Please try again later", "token bucket limit", "ClusterNotReadyException"];
    assert!(told.iter().all(|line| retried.iter().all(|words| !line.contains(words))));
}

#[test]
fn specs_of_indexes_that_do_not_fit() {
    let mirror = Mirror::start();
    mirror.endpoint("ep1");
    mirror.post(&format!("{V1}/endpoints"), &json!({ "name": "large", "endpoint_type": "STORAGE_OPTIMIZED" }));
    let following = |change: &dyn Fn(&mut Value)| {
        let mut request = docs_request();
        change(&mut request);
        mirror.refused("POST", &format!("{V1}/indexes"), &request)
    };
    let written = |change: &dyn Fn(&mut Value)| {
        let mut request = direct_request("main.shop.direct");
        change(&mut request);
        mirror.refused("POST", &format!("{V1}/indexes"), &request)
    };
    let told = [
        following(&|it| it["name"] = json!("docs")),
        following(&|it| it["name"] = json!("main.shop.d-ocs")),
        following(&|it| it["endpoint_name"] = json!("nobody")),
        following(&|it| it["endpoint_name"] = json!("nba")),
        following(&|it| it["primary_key"] = json!("key")),
        following(&|it| it["primary_key"] = json!("price")),
        following(&|it| it["index_type"] = json!("MAGIC")),
        following(&|it| it["index_type"] = json!("DIRECT_ACCESS")),
        following(&|it| it["index_subtype"] = json!("VECTOR")),
        following(&|it| it["index_subtype"] = json!("FULL_TEXT")),
        following(&|it| it["delta_sync_index_spec"]["source_table"] = json!("main.shop.nothing")),
        following(&|it| it["delta_sync_index_spec"]["source_table"] = json!("main.shop.gone")),
        following(&|it| it["delta_sync_index_spec"]["pipeline_type"] = json!(null)),
        following(&|it| it["delta_sync_index_spec"]["columns_to_sync"] = json!(["colour"])),
        following(&|it| it["delta_sync_index_spec"]["embedding_source_columns"] = json!(null)),
        following(&|it| it["delta_sync_index_spec"]["embedding_source_columns"][0]["name"] = json!("price")),
        following(&|it| {
            it["delta_sync_index_spec"]["embedding_source_columns"][0]["embedding_model_endpoint_name"] = json!(null)
        }),
        following(&|it| {
            it["delta_sync_index_spec"]["embedding_vector_columns"] = json!([{ "name": "v", "embedding_dimension": 3 }])
        }),
        following(&|it| {
            it["endpoint_name"] = json!("large");
            it["delta_sync_index_spec"]["pipeline_type"] = json!("CONTINUOUS");
        }),
        written(&|it| it["direct_access_index_spec"]["schema_json"] = json!("{\"id\"")),
        written(&|it| {
            it["direct_access_index_spec"]["schema_json"] =
                json!(r#"{"id":"int","v":"array<float>","x":"map<int,int>"}"#)
        }),
        written(&|it| it["direct_access_index_spec"]["schema_json"] = json!(r#"{"id":"int"}"#)),
        written(&|it| it["direct_access_index_spec"]["schema_json"] = json!(r#"{"id":"int","v":"string"}"#)),
        written(&|it| it["direct_access_index_spec"]["embedding_vector_columns"] = json!(null)),
        written(&|it| {
            it["direct_access_index_spec"]["embedding_vector_columns"][0]["embedding_dimension"] = json!(5000)
        }),
        written(&|it| {
            it["direct_access_index_spec"]["embedding_source_columns"] =
                json!([{ "embedding_model_endpoint_name": "m" }])
        }),
    ];
    expect![[r#"
        400 INVALID_PARAMETER_VALUE: name: `docs` is not a full index name: give `catalog.schema.index`, 128 characters at most, each part of letters, digits and underscores alone
        400 INVALID_PARAMETER_VALUE: name: `main.shop.d-ocs` is not a full index name: give `catalog.schema.index`, 128 characters at most, each part of letters, digits and underscores alone
        404 RESOURCE_DOES_NOT_EXIST: there is no endpoint `nobody`
        403 PERMISSION_DENIED: endpoint `nba` is built in and cannot be changed; make one of your own
        400 INVALID_PARAMETER_VALUE: no column `key`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`
        400 INVALID_PARAMETER_VALUE: schema: the primary key `price` is double; it can be a string or a whole number
        400 INVALID_PARAMETER_VALUE: index_type: `MAGIC` is not DELTA_SYNC or DIRECT_ACCESS
        400 INVALID_PARAMETER_VALUE: direct_access_index_spec: a DIRECT_ACCESS index needs this spec and no other
        400 INVALID_PARAMETER_VALUE: index_subtype: `VECTOR` is not HYBRID or FULL_TEXT
        400 INVALID_PARAMETER_VALUE: index_subtype: a FULL_TEXT index has no embedding columns; leave them out
        404 RESOURCE_DOES_NOT_EXIST: there is no table `main.shop.nothing`
        400 INVALID_PARAMETER_VALUE: failed to query resolved metadata `data/gone.csv`: No such file or directory (os error 2)
        400 INVALID_PARAMETER_VALUE: pipeline_type: give TRIGGERED or CONTINUOUS
        400 INVALID_PARAMETER_VALUE: no column `colour`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`
        400 INVALID_PARAMETER_VALUE: embedding_source_columns: give one, or `embedding_vector_columns`; an index of words alone is a FULL_TEXT one
        400 INVALID_PARAMETER_VALUE: embedding_source_columns: `price` is not a text column
        400 INVALID_PARAMETER_VALUE: embedding_model_endpoint_name: it is missing
        400 INVALID_PARAMETER_VALUE: embedding_vector_columns: give it or `embedding_source_columns`, not both
        400 INVALID_PARAMETER_VALUE: pipeline_type: on a STORAGE_OPTIMIZED endpoint it is TRIGGERED
        400 INVALID_PARAMETER_VALUE: schema_json: EOF while parsing an object at line 1 column 5; give {"column": "type", …}
        400 INVALID_PARAMETER_VALUE: schema_json: column `x` has type `map<int,int>`, which is none of integer, long, short, byte, float, double, boolean, string, date, timestamp, and array<…> of these
        400 INVALID_PARAMETER_VALUE: schema_json: it has no column `v`, which holds the vectors
        400 INVALID_PARAMETER_VALUE: embedding_vector_columns: `v` holds string, not array<float>
        400 INVALID_PARAMETER_VALUE: embedding_vector_columns: a DIRECT_ACCESS index needs one
        400 INVALID_PARAMETER_VALUE: embedding_dimension: 5000 of `v` is not between 1 and 4096
        400 INVALID_PARAMETER_VALUE: embedding_model_endpoint_name: model `m` makes vectors of 256 numbers, and those of the index have 3"#]].assert_eq(&told.join("\n"));
    assert_eq!(mirror.get(&format!("{V1}/indexes?endpoint_name=ep1"))["vector_indexes"], json!([]), "nothing was made");
}

#[test]
fn queries_that_do_not_fit() {
    let mirror = Mirror::start();
    mirror.docs();
    let asked = [
        json!({ "query_text": "a" }),
        json!({ "columns": ["id"] }),
        json!({ "columns": ["colour"], "query_text": "a" }),
        json!({ "columns": ["id"], "query_text": "a", "query_type": "FUZZY" }),
        json!({ "columns": ["id"], "query_text": "a", "query_vector": [1] }),
        json!({ "columns": ["id"], "query_vector": [1] }),
        json!({ "columns": ["id"], "query_vector": "x" }),
        json!({ "columns": ["id"], "query_vector": [1], "query_type": "HYBRID" }),
        json!({ "columns": ["id"], "query_type": "FULL_TEXT" }),
        json!({ "columns": ["id"], "query_text": "a", "num_results": 0 }),
        json!({ "columns": ["id"], "query_text": "a", "num_results": 10001 }),
        json!({ "columns": ["id"], "query_text": "a", "num_results": 201, "query_type": "HYBRID" }),
        json!({ "columns": ["id"], "query_text": "a", "query_columns": ["price"], "query_type": "HYBRID" }),
        json!({ "columns": ["id"], "query_text": "a", "query_columns": ["colour"], "query_type": "HYBRID" }),
        json!({ "columns": ["id"], "query_text": "a", "sort_columns": ["price UPWARDS"] }),
        json!({ "columns": ["id"], "query_text": "a", "sort_columns": ["colour"] }),
        json!({ "columns": ["id"], "query_text": "a", "facets": ["colour"] }),
        json!({ "columns": ["id"], "query_text": "a", "facets": ["category", "category TOP 3"] }),
        json!({ "columns": ["id"], "query_text": "a", "facets": ["category TOP many"] }),
        json!({ "columns": ["id"], "query_text": "a", "facets": ["category BUCKETS [[0,1]]"] }),
        json!({ "columns": ["id"], "query_text": "a", "facets": ["price BUCKETS [0,1]"] }),
        json!({ "columns": ["id"], "query_text": "a", "reranker": { "model": "mine" } }),
        json!({ "columns": ["id"], "query_text": "a", "reranker": { "model": "databricks_reranker" } }),
        json!({ "columns": ["id"], "query_text": "a", "columns_to_rerank": ["colour"] }),
        json!({ "columns": ["id"], "query_text": "a", "filters_json": "{\"colour\": 1}" }),
        json!({ "columns": ["id"], "query_text": "a", "filters_json": "{\"price <\": NaN}" }),
        json!({ "columns": ["id"], "query_text": "a", "filters_json": "{\"id\": 1}", "filter_string": "id = 1" }),
    ];
    let told: Vec<String> =
        asked.iter().map(|body| mirror.refused("POST", &format!("{V1}/indexes/main.shop.docs/query"), body)).collect();
    expect![[r#"
        400 INVALID_PARAMETER_VALUE: columns: name at least one column to return
        400 INVALID_PARAMETER_VALUE: query_text: give `query_text` or `query_vector`
        400 INVALID_PARAMETER_VALUE: no column `colour`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`, `__db_description_vector`
        400 INVALID_PARAMETER_VALUE: query_type: `FUZZY` is not `ANN`, `HYBRID` or `FULL_TEXT`
        400 INVALID_PARAMETER_VALUE: query_vector: give it or `query_text`; a HYBRID query takes both
        400 INVALID_PARAMETER_VALUE: query_vector: 1 numbers, the index has dimension 256
        400 INVALID_PARAMETER_VALUE: body: invalid type: string "x", expected a sequence
        400 INVALID_PARAMETER_VALUE: query_text: a HYBRID or FULL_TEXT query needs it
        400 INVALID_PARAMETER_VALUE: query_text: a HYBRID or FULL_TEXT query needs it
        400 INVALID_PARAMETER_VALUE: num_results: 0 is not between 1 and 10000
        400 INVALID_PARAMETER_VALUE: num_results: 10001 is not between 1 and 10000
        400 INVALID_PARAMETER_VALUE: num_results: 201 is not between 1 and 200
        400 INVALID_PARAMETER_VALUE: query_columns: `price` is not text
        400 INVALID_PARAMETER_VALUE: no column `colour`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`, `__db_description_vector`
        400 INVALID_PARAMETER_VALUE: sort_columns: `price UPWARDS` is not `column ASC` or `column DESC`
        400 INVALID_PARAMETER_VALUE: no column `colour`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`, `__db_description_vector`
        400 INVALID_PARAMETER_VALUE: no column `colour`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`, `__db_description_vector`
        400 INVALID_PARAMETER_VALUE: facets: `category` is asked for twice
        400 INVALID_PARAMETER_VALUE: facets: in `category TOP many` TOP needs a number between 1 and 1000
        400 INVALID_PARAMETER_VALUE: facets: the ranges of `category BUCKETS [[0,1]]` do not fit a column of string
        400 INVALID_PARAMETER_VALUE: facets: `price BUCKETS [0,1]` is not `column`, `column TOP n` or `column BUCKETS [[a, b], …]`
        400 INVALID_PARAMETER_VALUE: reranker: `mine` is not `databricks_reranker`
        400 INVALID_PARAMETER_VALUE: columns_to_rerank: a reranker needs at least one
        400 INVALID_PARAMETER_VALUE: no column `colour`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`, `__db_description_vector`
        400 INVALID_PARAMETER_VALUE: no column `colour`; there are `id`, `name`, `description`, `price`, `rating`, `category`, `added`, `sold_out`
        400 INVALID_PARAMETER_VALUE: bad filter: not JSON: expected value
          {"price <": NaN}
                      ^
        400 INVALID_PARAMETER_VALUE: filter_string: give it or `filters_json`, not both"#]].assert_eq(&told.join("\n"));
}

#[test]
fn a_strict_server_refuses_what_the_service_does() {
    let mirror = Mirror::start_with(&["--strict"]);
    mirror.endpoint("ep1");
    mirror.post(&format!("{V1}/endpoints"), &json!({ "name": "large", "endpoint_type": "STORAGE_OPTIMIZED" }));
    let indexes = format!("{V1}/indexes");
    let mut request = docs_request();
    let unknown = mirror.refused("POST", &indexes, &request);
    request["delta_sync_index_spec"]["embedding_source_columns"][0]["embedding_model_endpoint_name"] =
        json!("other-name");
    mirror.post(&indexes, &request);
    let mut large = request.clone();
    large["endpoint_name"] = json!("large");
    large["name"] = json!("main.shop.large");
    mirror.post(&indexes, &large);
    let mut words = request.clone();
    words["name"] = json!("main.shop.words");
    words["index_subtype"] = json!("FULL_TEXT");
    words["delta_sync_index_spec"].as_object_mut().unwrap().remove("embedding_source_columns");
    let mut narrow = large.clone();
    narrow["name"] = json!("main.shop.narrow");
    narrow["delta_sync_index_spec"]["columns_to_sync"] = json!(["id"]);
    let query = |index: &str, field: &str, filter: &str| {
        let mut body = json!({ "columns": ["id"], "query_text": "a" });
        body[field] = json!(filter);
        mirror.refused("POST", &format!("{indexes}/{index}/query"), &body)
    };
    let told = [
        unknown,
        mirror.refused("GET", "/api/2.0/serving-endpoints/unknown", &Value::Null),
        mirror.refused("POST", &indexes, &words),
        mirror.refused("POST", &indexes, &narrow),
        query("main.shop.docs", "filter_string", "id = 1"),
        query("main.shop.docs", "filters_json", "id = 1"),
        query("main.shop.large", "filters_json", "{\"id\": 1}"),
    ];
    expect![[r#"
        404 RESOURCE_DOES_NOT_EXIST: there is no model `databricks-gte-large-en`
        404 RESOURCE_DOES_NOT_EXIST: there is no model `unknown`
        400 INVALID_PARAMETER_VALUE: index_subtype: a FULL_TEXT index is on a STORAGE_OPTIMIZED endpoint
        400 INVALID_PARAMETER_VALUE: columns_to_sync: on a STORAGE_OPTIMIZED endpoint all columns are kept
        400 INVALID_PARAMETER_VALUE: filter_string: an index on a STANDARD endpoint takes filters in JSON; give `filters_json`
        400 INVALID_PARAMETER_VALUE: filter_string: an index on a STANDARD endpoint takes filters in JSON; give `filters_json`
        400 INVALID_PARAMETER_VALUE: filters_json: an index on a STORAGE_OPTIMIZED endpoint takes filters in SQL; give `filter_string`"#]].assert_eq(&told.join("\n"));
}

#[test]
fn a_strict_server_has_the_service_s_soft_limits() {
    let strict = Mirror::start_with(&["--strict"]);
    let lenient = Mirror::start();
    let index = |at: usize, n_columns: usize| {
        let columns = (1..n_columns).map(|at| (format!("c{at}"), json!("int")));
        let schema: serde_json::Map<String, Value> = [("id", "int"), ("v", "array<float>")]
            .into_iter()
            .map(|(name, kind)| (name.to_owned(), json!(kind)))
            .chain(columns)
            .collect();
        json!({
            "name": format!("main.shop.i{at}"), "endpoint_name": "ep1", "primary_key": "id", "index_type": "DIRECT_ACCESS",
            "direct_access_index_spec": {
                "embedding_vector_columns": [{ "name": "v", "embedding_dimension": 2 }],
                "schema_json": Value::from(schema).to_string(),
            },
        })
    };
    let indexes = format!("{V1}/indexes");
    for mirror in [&strict, &lenient] {
        mirror.endpoint("ep1");
        // The vector is the fiftieth.
        mirror.post(&indexes, &index(0, 49));
        (1..50).for_each(|at| _ = mirror.post(&indexes, &index(at, 1)));
    }
    lenient.post(&indexes, &index(50, 50));
    let wide = strict.refused("POST", &indexes, &index(50, 50));
    let many = strict.refused("POST", &indexes, &index(50, 1));
    let endpoint = |at: usize| json!({ "name": format!("e{at}"), "endpoint_type": "STANDARD" });
    let endpoints = format!("{V1}/endpoints");
    (1..100).for_each(|at| _ = strict.post(&endpoints, &endpoint(at)));
    let crowded = strict.refused("POST", &endpoints, &endpoint(100));
    expect![[r#"
        400 INVALID_PARAMETER_VALUE: schema_json: 51 columns; an index has at most 50
        400 INVALID_PARAMETER_VALUE: endpoint_name: `ep1` has 50 indexes, which is the most
        400 INVALID_PARAMETER_VALUE: name: there are 100 endpoints, which is the most"#]]
    .assert_eq(&[wide, many, crowded].join("\n"));
}
