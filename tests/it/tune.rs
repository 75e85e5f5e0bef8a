//! `nba tune` by the real program: what it finds, what it writes, and that it writes nothing else.

use std::sync::LazyLock;

use expect_test::expect;
use nba::Config;

use crate::support::{Outcome, Sandbox, copy_folder};

/// A generated desk with its index by the hashed embedder, built once.
static DESK: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    sandbox.nba(&["generate", "--out", "desk", "--tickets", "300", "--queries"]).ok();
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox
});

/// That desk, and a configuration under which words count for nothing.
fn desk() -> Sandbox {
    let sandbox = Sandbox::new();
    for folder in ["desk", "index"] {
        copy_folder(&DESK.path(folder), &sandbox.path(folder));
    }
    sandbox.write("nba.toml", CONFIG);
    sandbox
}

const CONFIG: &str =
    "# of our desk\nlanguage = \"en\" # titles\n\n[fusion]\n# nobody remembers why\nkeyword_weight = 0.0\n";

/// Until the figures in a snapshot, whatever the day.
fn dated(text: &str) -> String {
    let day = regex::Regex::new(r"\d{4}-\d\d-\d\d").unwrap();
    day.replace_all(text, "<day>").into_owned()
}

#[test]
fn a_gain_is_written_and_everything_else_stays() {
    let sandbox = desk();
    sandbox.check(
        &["tune", "--judge", "subcategory", "--dry-run"],
        expect![[r#"
            exit 0
            --- stdout
            202 resolved tickets, each of another thread, ask for others with the same subcategory (39 values)
            P@10: the share of the first ten that have it
            the index's space was learnt from subcategory: vectors are flattered, beside words
            in force                       0.420
            tuned, on held-out questions   0.449  +0.029 (95 %: +0.010 to +0.048)
              fusion.keyword_weight            0 → 0.42, as in 2 of 5 folds
              keyword.b                     0.75 → 0.5, as in 0 of 5 folds
              build.keyword.tags_boost       0.5 → 4, as in 1 of 5 folds
            nothing is written
        "#]],
    );
    assert_eq!(sandbox.read("nba.toml"), CONFIG);

    sandbox.check(
        &["tune", "--judge", "subcategory"],
        expect![[r#"
            exit 0
            --- stdout
            202 resolved tickets, each of another thread, ask for others with the same subcategory (39 values)
            P@10: the share of the first ten that have it
            the index's space was learnt from subcategory: vectors are flattered, beside words
            in force                       0.420
            tuned, on held-out questions   0.449  +0.029 (95 %: +0.010 to +0.048)
              fusion.keyword_weight            0 → 0.42, as in 2 of 5 folds
              keyword.b                     0.75 → 0.5, as in 0 of 5 folds
              build.keyword.tags_boost       0.5 → 4, as in 1 of 5 folds
            written to nba.toml
            boosts count from the next `nba index build` on, the rest at once
        "#]],
    );
    let written = sandbox.read("nba.toml");
    expect![[r##"
        # of our desk
        language = "en" # titles

        [fusion]
        # nobody remembers why
        # nba tune, keyword_weight: 0 until <day>; P@10 +0.029 (95 %: +0.010 to +0.048) by 202 questions, with all that was tuned
        keyword_weight = 0.42

        [keyword]
        # nba tune, b: 0.75 until <day>; P@10 +0.029 (95 %: +0.010 to +0.048) by 202 questions, with all that was tuned
        b = 0.5

        [build.keyword]
        # nba tune, tags_boost: 0.5 until <day>; P@10 +0.029 (95 %: +0.010 to +0.048) by 202 questions, with all that was tuned
        tags_boost = 4.0
    "##]]
    .assert_eq(&dated(&written));
    let config = Config::load(&sandbox.path("nba.toml")).unwrap();
    assert!(config.fusion.keyword_weight > 0.0);
    let shown = sandbox.nba(&["config", "--json"]).json();
    assert_eq!(shown["language"], "en");

    // From there, nothing is better.
    sandbox.check(
        &["tune", "--judge", "subcategory"],
        expect![[r#"
            exit 0
            --- stdout
            202 resolved tickets, each of another thread, ask for others with the same subcategory (39 values)
            P@10: the share of the first ten that have it
            the index's space was learnt from subcategory: vectors are flattered, beside words
            in force                       0.455
            tuned, on held-out questions   0.455  -0.000 (95 %: -0.007 to +0.006)
            nothing better than noise was found: the configuration stays as it is
        "#]],
    );
    assert_eq!(sandbox.read("nba.toml"), written);
}

#[test]
fn json_is_the_same_each_time() {
    let sandbox = desk();
    let run = || sandbox.nba(&["tune", "--judge", "subcategory", "--dry-run", "--json"]).ok().stdout;
    let first = run();
    assert_eq!(run(), first);
    expect![[r#"
        {
          "metric": "P@10",
          "questions": 202,
          "groups": 202,
          "labels": 39,
          "current": 0.41980198019802006,
          "tuned": 0.44900990099009924,
          "gain": {
            "mean": 0.029207920792079196,
            "low": 0.0104674516791445,
            "high": 0.04794838990501389
          },
          "is_sure": true,
          "space_has_seen": true,
          "changes": [
            {
              "key": "fusion.keyword_weight",
              "from": 0.0,
              "to": 0.42,
              "folds": 2,
              "needs_build": false
            },
            {
              "key": "keyword.b",
              "from": 0.75,
              "to": 0.5,
              "folds": 0,
              "needs_build": false
            },
            {
              "key": "build.keyword.tags_boost",
              "from": 0.5,
              "to": 4.0,
              "folds": 1,
              "needs_build": true
            }
          ],
          "written": null,
          "permuted": null
        }
    "#]]
    .assert_eq(&first);
    let report = sandbox.nba(&["tune", "--judge", "subcategory", "--json"]).json();
    assert_eq!(report["written"], "nba.toml");
}

#[test]
fn noise_is_refused_and_makes_no_file() {
    let sandbox = desk();
    sandbox.check(
        &["tune", "--permute", "1"],
        expect![[r#"
            exit 0
            --- stdout
            129 resolved tickets, each of another thread, ask for others with the same solved_by (35 values)
            P@10: the share of the first ten that have it
            in force                       0.038
            tuned, on held-out questions   0.036  -0.002 (95 %: -0.012 to +0.009)
            nothing better than noise was found: the configuration stays as it is
        "#]],
    );
    assert_eq!(sandbox.read("nba.toml"), CONFIG);
    fs_err::remove_file(sandbox.path("nba.toml")).unwrap();
    let report = sandbox.nba(&["tune", "--permute", "2", "--json"]).json();
    assert_eq!((&report["is_sure"], &report["written"], &report["permuted"]), (&false.into(), &().into(), &2.into()));
    assert!(!sandbox.path("nba.toml").exists());
}

#[test]
fn questions_of_a_file_judge_too() {
    let sandbox = desk();
    sandbox.check(
        &["tune", "--queries", "desk/queries.csv", "--dry-run"],
        expect![[r#"
            exit 0
            --- stdout
            587 questions of desk/queries.csv, 72 sets of them without a common answer
            MRR: one by the rank of the first right ticket
            in force                       0.377
            tuned, on held-out questions   0.485  +0.107 (95 %: +0.076 to +0.138)
              fusion.keyword_weight            0 → 2, as in 4 of 5 folds
              fusion.exact_weight            0.5 → 0.25, as in 1 of 5 folds
              build.keyword.subject_boost       1 → 0.25, as in 1 of 5 folds
              build.keyword.thread_boost     0.5 → 1, as in 2 of 5 folds
            nothing is written
        "#]],
    );
}

#[test]
fn what_cannot_be_tuned_by_is_refused() {
    let sandbox = Sandbox::with_small_index();
    let mut shown = String::new();
    for args in [&["tune"][..], &["tune", "--judge", "solver"], &["tune", "--judge", "turns"]] {
        shown += &sandbox.shown(&sandbox.nba(args).failed());
    }
    expect![[r#"
        exit 5
        --- stderr
        error: too little to go by: 18 resolved threads whose `solved_by` another one has too, and at least 60 are needed
        exit 2
        --- stderr
        error: no column `solver`; there are `ticket_id`, `subject`, `description`, `problem`, `language`, `thread`, `thread_id`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `tags`, `resolution_time_hours`, `sla_breached`, `csat_score`, `nps_score`, `sentiment`, `escalated`, `reopened_count`, `customer_id`, `company_id`, `agent_id`, `agent_name`, `agent_team`, `solved_by`, `solution`, `turns`, `actions`, `identifiers`
        exit 2
        --- stderr
        error: column: `turns` is not text
    "#]].assert_eq(&shown);
}

/// A disk on which nothing can be written: once the system ends the program, once it says so.
#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let sandbox = desk();
    let limited = |before: &str| -> Outcome {
        sandbox.sh(&format!("{before} ulimit -f 0; exec \"$NBA\" tune --judge subcategory"))
    };
    let killed = limited("");
    assert_ne!(killed.code, 0, "{killed:?}");
    assert_eq!(sandbox.read("nba.toml"), CONFIG);
    let refused = limited("trap '' XFSZ;");
    assert_eq!(refused.code, 7, "{refused:?}");
    assert_eq!(sandbox.read("nba.toml"), CONFIG);
    Config::load(&sandbox.path("nba.toml")).unwrap();
}
