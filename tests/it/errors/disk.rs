//! A disk that does not take what is written: the old generation goes on serving, and nothing half-written is left.

use expect_test::expect;

use crate::support::{Sandbox, small_ticket};

const BUILD: [&str; 7] = ["index", "build", "--data", "desk", "--model", "hashed", "--force"];

#[test]
fn an_index_folder_that_cannot_be_one() {
    let sandbox = Sandbox::with_small_desk();
    sandbox.write("index", "a file");
    sandbox.check(
        &BUILD,
        expect![[r#"
            exit 7
            --- stderr
            error: failed to read directory `index`: Not a directory (os error 20)
        "#]],
    );
    assert_eq!(sandbox.read("index"), "a file");
    sandbox.check(
        &["index", "build", "--data", "desk", "--model", "hashed", "--index", "index/below"],
        expect![[r#"
            exit 7
            --- stderr
            read
            error: failed to create directory `index/below`: Not a directory (os error 20)
        "#]],
    );
    sandbox.write("other/LOCK/file", "");
    sandbox.check(
        &["index", "build", "--data", "desk", "--model", "hashed", "--index", "other"],
        expect![[r#"
            exit 7
            --- stderr
            read
            error: failed to open file `other/LOCK`: Is a directory (os error 21)
        "#]],
    );
    sandbox.check(
        &["generate", "--out", "index", "--tickets", "3"],
        expect![[r#"
            exit 7
            --- stderr
            error: failed to create directory `index`: File exists (os error 17)
        "#]],
    );
}

/// No file may grow beyond a limit: what a full disk looks like to a program. The limits cut into different files.
#[test]
fn a_disk_that_is_full() {
    let sandbox = Sandbox::with_small_index();
    let generation = sandbox.read("index/CURRENT");
    let mut failures = 0;
    for blocks in [0, 1, 2, 4, 16, 40, 60, 100, 150, 200, 300] {
        let outcome =
            sandbox.sh(&format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$NBA\" {} --keep 9", BUILD.join(" ")));
        if outcome.code == 0 {
            break;
        }
        failures += 1;
        assert_eq!(outcome.code, 7, "{blocks} blocks: {outcome:?}");
        assert!(outcome.stderr.contains("File too large"), "{blocks} blocks: {outcome:?}");
        assert_eq!(sandbox.read("index/CURRENT"), generation, "{blocks} blocks");
        assert_eq!(entries(&sandbox), ["CURRENT", "LOCK", "cache", "g000001"], "{blocks} blocks");
        sandbox.nba(&["index", "verify"]).ok();
        sandbox.nba(&["similar", &small_ticket(true)]).ok();
    }
    assert!(failures >= 5, "only {failures} limits were too low");
    sandbox.nba(&BUILD).ok();
    sandbox.nba(&["index", "verify"]).ok();

    let outcome = sandbox.sh("trap '' XFSZ; ulimit -f 8; exec \"$NBA\" generate --out made --tickets 200");
    assert_eq!(outcome.failed().code, 7);
    // Standard output may be such a file too.
    let outcome = sandbox.sh("trap '' XFSZ; ulimit -f 1; exec \"$NBA\" index status --json > status.json");
    assert_eq!(outcome.failed().code, 7);
}

/// What is in the index folder itself.
fn entries(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs_err::read_dir(sandbox.path("index")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
