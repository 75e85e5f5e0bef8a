//! `nba replay` by the real program: what it prints and writes, what it refuses, and figures that must not fall.

use expect_test::expect;

use crate::support::Sandbox;

const REPLAY: [&str; 5] = ["replay", "--data", "desk", "--model", "hashed"];

#[test]
fn a_small_history_as_a_person_sees_it() {
    let sandbox = Sandbox::with_small_desk();
    // Hashed vectors are never as alike as the model's.
    sandbox.write("nba.toml", "[recommend]\nmin_similarity = 0.2\n");
    sandbox.check(
        &[&REPLAY[..], &["--report", "night/report"]].concat(),
        expect![[r#"
            exit 0
            --- stdout
                                          steps          hit@1 (95 %)    hit@3     MRR
            nba                              84   0.131 (0.064–0.202)    0.345   0.276
            by last action                   84   0.119 (0.063–0.181)    0.250   0.189
            by subcategory                   84   0.036 (0.000–0.075)    0.131   0.085
            majority                         84   0.202 (0.132–0.273)    0.310   0.295
            same kind by csat                84   0.024 (0.000–0.071)    0.024   0.024
              in COMMERCIAL                   4   0.250 (0.000–0.500)    0.250   0.319
              in COMPLAINT                   11   0.091 (0.000–0.231)    0.273   0.254
              in FINANCIAL                   43   0.116 (0.024–0.231)    0.372   0.274
              in INFORMATION                  7   0.143 (0.000–0.231)    0.286   0.281
              in TECHNICAL                   19   0.158 (0.000–0.316)    0.368   0.282
              in en                          25   0.080 (0.000–0.200)    0.280   0.235
              in pt                          59   0.153 (0.071–0.246)    0.373   0.293
              after 0 actions                30   0.033 (0.000–0.100)    0.267   0.195
              after 1 actions                20   0.150 (0.000–0.300)    0.250   0.226
              after 2 actions                17   0.176 (0.000–0.353)    0.353   0.311
              after 3+ actions               17   0.235 (0.050–0.500)    0.588   0.443
            answered 75.0 % of the steps, 85.7 % of those with another first action than the agent's; calibration error 0.257
            mean risk when only the surest are answered: 0.821 by confidence, 0.872 by a fixed cosine
        "#]],
    );
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
    sandbox.check(
        &[&REPLAY[..], &["--since", "yesterday"]].concat(),
        expect![[r#"
        exit 2
        --- stderr
        error: --since: `yesterday` is no date such as 2026-03-01 or <time>
    "#]],
    );
    sandbox.check(
        &[&REPLAY[..], &["--since", "2099-01-01"]].concat(),
        expect![[r#"
        exit 2
        --- stderr
        error: --since: no agent did anything from then on; give an earlier date
    "#]],
    );
    sandbox.check(&[&REPLAY[..], &["--unseen", "POETRY"]].concat(), expect![[r#"
        exit 2
        --- stderr
        error: --unseen: no ticket has the category `POETRY`; there are `COMMERCIAL`, `COMPLAINT`, `FINANCIAL`, `INFORMATION`, `TECHNICAL`
    "#]]);
}
