//! `nba tune` by the real program: what it finds, what it writes, and that it writes nothing else.

use expect_test::expect;
use nba::Config;

use crate::support::{Outcome, Sandbox};

/// The index of a generated desk by the hashed embedder, and a configuration under which words count for nothing.
fn desk() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.nba(&["generate", "--out", "desk", "--tickets", "200", "--queries"]).ok();
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
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
    sandbox.check(&["tune", "--dry-run"], expect![[""]]);
    assert_eq!(sandbox.read("nba.toml"), CONFIG);

    sandbox.check(&["tune"], expect![[""]]);
    let written = sandbox.read("nba.toml");
    expect![[""]].assert_eq(&dated(&written));
    let config = Config::load(&sandbox.path("nba.toml")).unwrap();
    assert!(config.fusion.keyword_weight > 0.0);
    let shown = sandbox.nba(&["config", "--json"]).json();
    assert_eq!(shown["language"], "en");

    // From there, nothing is better.
    sandbox.check(&["tune"], expect![[""]]);
    assert_eq!(sandbox.read("nba.toml"), written);
}

#[test]
fn json_is_the_same_each_time() {
    let sandbox = desk();
    let run = || sandbox.nba(&["tune", "--dry-run", "--json"]).ok().stdout;
    let first = run();
    assert_eq!(run(), first);
    expect![[""]].assert_eq(&first);
    let report = sandbox.nba(&["tune", "--json"]).json();
    assert_eq!(report["written"], "nba.toml");
}

#[test]
fn noise_is_refused_and_makes_no_file() {
    let sandbox = desk();
    sandbox.check(&["tune", "--permute", "1"], expect![[""]]);
    assert_eq!(sandbox.read("nba.toml"), CONFIG);
    fs_err::remove_file(sandbox.path("nba.toml")).unwrap();
    let report = sandbox.nba(&["tune", "--permute", "2", "--json"]).json();
    assert_eq!((&report["is_sure"], &report["written"], &report["permuted"]), (&false.into(), &().into(), &2.into()));
    assert!(!sandbox.path("nba.toml").exists());
}

#[test]
fn questions_of_a_file_judge_too() {
    let sandbox = desk();
    sandbox.check(&["tune", "--queries", "desk/queries.csv", "--dry-run"], expect![[""]]);
}

#[test]
fn what_cannot_be_tuned_by_is_refused() {
    let sandbox = Sandbox::with_small_index();
    let mut shown = String::new();
    for args in [&["tune"][..], &["tune", "--judge", "solver"], &["tune", "--judge", "turns"]] {
        shown += &sandbox.shown(&sandbox.nba(args).failed());
    }
    expect![[""]].assert_eq(&shown);
}

/// A disk on which nothing can be written: once the system ends the program, once it says so.
#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let sandbox = desk();
    let limited = |before: &str| -> Outcome { sandbox.sh(&format!("{before} ulimit -f 0; exec \"$NBA\" tune")) };
    let killed = limited("");
    assert_ne!(killed.code, 0, "{killed:?}");
    assert_eq!(sandbox.read("nba.toml"), CONFIG);
    let refused = limited("trap '' XFSZ;");
    assert_eq!(refused.code, 3, "{refused:?}");
    assert_eq!(sandbox.read("nba.toml"), CONFIG);
    Config::load(&sandbox.path("nba.toml")).unwrap();
}
