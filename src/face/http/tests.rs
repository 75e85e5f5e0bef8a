//! What no client can bring about: a fault of our own. And who may ask what.

use axum::body::to_bytes;
use axum::http::{Method, StatusCode};
use expect_test::expect;

use super::access::{names_this_machine, scope_of};
use super::routes::answer;
use super::tokens::Scope;
use crate::config::ServeParams;
use crate::face::background;

#[test]
fn a_panic_is_an_answer() {
    let runtime = background::runtime(1).unwrap();
    let (status, body) = runtime.block_on(async {
        let response = answer::<String>(|| panic!("a bug")).await;
        (response.status(), to_bytes(response.into_body(), 1000).await.unwrap())
    });
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.starts_with(r#"{"error":"answering a question failed"#), "{body}");
    assert!(body.ends_with(r#""exit_code":101}"#), "{body}");
    assert_eq!(runtime.block_on(async { answer(|| Ok("{}".to_owned())).await.status() }), StatusCode::OK);
}

#[test]
fn other_machines_need_a_token() {
    let params = ServeParams::default();
    for ours in ["127.0.0.1:0", "127.8.8.8:80", "[::1]:8080"] {
        super::check(ours.parse().unwrap(), &params).unwrap();
    }
    let with_tokens = ServeParams { tokens: Some("tokens".into()), ..params.clone() };
    for others in ["0.0.0.0:8080", "[::]:8080", "192.168.0.7:8080"] {
        super::check(others.parse().unwrap(), &params).unwrap_err();
        super::check(others.parse().unwrap(), &with_tokens).unwrap();
    }
    let error = super::check("10.0.0.7:80".parse().unwrap(), &params).unwrap_err();
    expect!["--listen: 10.0.0.7:80 can be reached from other machines, and no token is asked for; give --tokens FILE, or listen on 127.0.0.1:80"].assert_eq(&error.to_string());
}

#[test]
fn only_pages_of_this_machine_may_ask() {
    for ours in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]:8080", "http://localhost:3000", "http://[::1]"] {
        assert!(names_this_machine(&ours.parse().unwrap()), "{ours}");
    }
    for others in ["evil.example", "localhost.evil.example:80", "https://evil.example", "null", "", "10.0.0.7", "a b"] {
        assert!(!names_this_machine(&others.parse().unwrap()), "{others}");
    }
}

#[test]
fn what_is_not_known_to_change_nothing_needs_write() {
    const INDEX: &str = "/api/2.0/vector-search/indexes/main.support.tickets";
    let of_index = |end: &str| format!("{INDEX}{end}");
    let cases: Vec<(Option<Scope>, &str, String)> = [
        (None, "GET", "/healthz"),
        (None, "GET", "/readyz"),
        (None, "GET", "/.well-known/databricks-config"),
        (Some(Scope::Read), "GET", "/metrics"),
        (Some(Scope::Read), "GET", "/openapi.json"),
        (Some(Scope::Read), "GET", "/v1/status"),
        (Some(Scope::Read), "POST", "/v1/similar"),
        (Some(Scope::Read), "POST", "/v1/recommend"),
        (Some(Scope::Read), "POST", "/v1/search"),
        (Some(Scope::Read), "POST", "/v1/ticket"),
        (Some(Scope::Read), "POST", "/v1/embed"),
        (Some(Scope::Read), "POST", "/v1/mask"),
        (Some(Scope::Write), "POST", "/v1/feedback"),
        (Some(Scope::Write), "POST", "/v1/reload"),
        (Some(Scope::Write), "POST", "/v1/similar/"),
        (Some(Scope::Write), "POST", "/v1/%73imilar"),
        (Some(Scope::Write), "PUT", "/v1/similar"),
        (Some(Scope::Read), "POST", "/mcp"),
        (Some(Scope::Read), "DELETE", "/mcp"),
        (Some(Scope::Read), "POST", "/api/2.0/mcp/vector-search/main/support"),
        (Some(Scope::Read), "POST", "/api/2.0/vector-search/endpoints/nba/metrics"),
        (Some(Scope::Read), "POST", "/serving-endpoints/nba/invocations"),
        (Some(Scope::Write), "POST", "/api/2.0/vector-search/endpoints"),
        (Some(Scope::Write), "PATCH", "/api/2.0/vector-search/endpoints/nba/tags"),
        (Some(Scope::Write), "PUT", "/api/2.0/permissions/vector-search-endpoints/1"),
        (Some(Scope::Write), "BREW", "/v1/similar"),
        (Some(Scope::Write), "POST", "/nowhere/query"),
    ]
    .into_iter()
    .map(|(scope, method, path)| (scope, method, path.to_owned()))
    .chain([
        (Some(Scope::Read), "GET", of_index("")),
        (Some(Scope::Read), "GET", of_index("/query")),
        (Some(Scope::Read), "POST", of_index("/query")),
        (Some(Scope::Read), "POST", of_index("/query-next-page")),
        (Some(Scope::Read), "POST", of_index("/scan")),
        (Some(Scope::Read), "POST", of_index(":query")),
        (Some(Scope::Write), "POST", of_index("/upsert-data")),
        (Some(Scope::Write), "DELETE", of_index("/delete-data")),
        (Some(Scope::Write), "POST", of_index("/sync")),
        (Some(Scope::Write), "DELETE", of_index("")),
        (Some(Scope::Write), "DELETE", of_index("/query")),
    ])
    .collect();
    for (scope, method, path) in cases {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(scope_of(&method, &path), scope, "{method} {path}");
    }
}
