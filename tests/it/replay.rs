//! `nba replay` by the real program: what it prints and writes, what it refuses, and figures that must not fall.

use expect_test::expect;

use crate::support::Sandbox;

const REPLAY: [&str; 5] = ["replay", "--data", "desk", "--model", "hashed"];

#[test]
fn a_small_history_as_a_person_sees_it() {
    let sandbox = Sandbox::with_small_desk();
    sandbox.check(&[&REPLAY[..], &["--report", "night/report"]].concat(), expect![[""]]);
    let report = sandbox.read("night/report/replay.md");
    assert!(report.starts_with("# Replay\n\nanswered "), "{report}");
    for title in ["answers of", "category", "language", "actions before"] {
        assert!(report.contains(&format!("| {title} | steps | hit@1 (95 %) |")), "{title}: {report}");
    }
    for plot in ["reliability.svg", "coverage-risk.svg"] {
        assert!(report.contains(&format!("]({plot})")), "{report}");
        let drawn = sandbox.read(&format!("night/report/{plot}"));
        assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"), "{drawn}");
        assert!(drawn.matches("<polyline").count() >= 2, "two lines: {drawn}");
    }
    let json = sandbox.nba(&[&REPLAY[..], &["--json"]].concat()).json();
    let by_language = json["by_language"].as_object().unwrap().values();
    assert_eq!(json["all"]["steps"], by_language.map(|hits| hits["steps"].as_u64().unwrap()).sum::<u64>());
}

#[test]
fn requests_that_cannot_be_answered() {
    let sandbox = Sandbox::with_small_desk();
    sandbox.check(&[&REPLAY[..], &["--since", "yesterday"]].concat(), expect![[""]]);
    sandbox.check(&[&REPLAY[..], &["--since", "2099-01-01"]].concat(), expect![[""]]);
    sandbox.check(&[&REPLAY[..], &["--unseen", "POETRY"]].concat(), expect![[""]]);
}
