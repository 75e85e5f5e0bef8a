//! What no client can bring about: a fault of our own.

use axum::body::to_bytes;
use axum::http::StatusCode;
use expect_test::expect;

use super::routes::answer;
use crate::face::background;

#[test]
fn a_panic_is_an_answer() {
    let runtime = background::runtime().unwrap();
    let (status, body) = runtime.block_on(async {
        let response = answer(|| panic!("a bug")).await;
        (response.status(), to_bytes(response.into_body(), 1000).await.unwrap())
    });
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.starts_with(r#"{"error":"answering a question failed"#), "{body}");
    assert!(body.ends_with(r#""exit_code":101}"#), "{body}");
    assert_eq!(runtime.block_on(async { answer(|| Ok("{}".to_owned())).await.status() }), StatusCode::OK);
}

#[test]
fn only_this_machine_is_listened_to() {
    for ours in ["127.0.0.1:0", "127.8.8.8:80", "[::1]:8080"] {
        super::refuse_other_machines(ours.parse().unwrap()).unwrap();
    }
    for others in ["0.0.0.0:8080", "[::]:8080", "192.168.0.7:8080"] {
        super::refuse_other_machines(others.parse().unwrap()).unwrap_err();
    }
    let error = super::refuse_other_machines("10.0.0.7:80".parse().unwrap()).unwrap_err();
    expect!["--listen: 10.0.0.7:80 can be reached from other machines, and this server asks for no token; listen on 127.0.0.1:80 and put a proxy with access control before it"].assert_eq(&error.to_string());
}

#[test]
fn only_pages_of_this_machine_may_ask() {
    for ours in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]:8080", "http://localhost:3000", "http://[::1]"] {
        assert!(super::names_this_machine(&ours.parse().unwrap()), "{ours}");
    }
    for others in ["evil.example", "localhost.evil.example:80", "https://evil.example", "null", "", "10.0.0.7", "a b"] {
        assert!(!super::names_this_machine(&others.parse().unwrap()), "{others}");
    }
}
