//! An index whose files are not what was written: each damage is refused by name, at open or by `verify`, and never a panic.

use std::path::{Path, PathBuf};

use expect_test::expect;
use fs_err as fs;
use nba::snapshot::Snapshot;
use nba::{Engine, QueryKind, RecommendRequest, SearchRequest, SimilarRequest, Subject};
use sha2::{Digest as _, Sha256};

use crate::support::{Sandbox, files, small_ticket};

/// Places in a file of so many bytes: both ends, the middle, and some between.
fn places(len: usize) -> Vec<usize> {
    let mut places = vec![0, 1, len / 4, len / 2, len / 3 * 2, len.saturating_sub(12), len.saturating_sub(2), len - 1];
    places.retain(|&at| at < len);
    places.dedup();
    places
}

/// Changes one byte; a hexadecimal digit becomes something that is none.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x41;
    fs::write(path, bytes).unwrap();
}

/// What the program has, opened and asked everything it can be asked without a model.
fn use_all_of_it(index: &Path) -> nba::Result<()> {
    let engine = Engine::open(index)?;
    let waiting = Subject::Ticket(small_ticket(true));
    engine.similar(&SimilarRequest::new(waiting.clone(), 20))?;
    engine.recommend(&RecommendRequest::new(waiting))?;
    for index in ["tickets", "steps"] {
        engine.search(&SearchRequest {
            index: index.to_owned(),
            by: nba::By::Text("estorno da venda refund of the sale maquininha terminal".to_owned()),
            kind: QueryKind::FullText,
            k: 1000,
            filter: Some(nba::Filter::parse("priority IN ('HIGH', 'LOW') OR csat_score > 2")?),
            columns: None,
            one_per_group: false,
            explain: false,
        })?;
    }
    Ok(())
}

/// Every file that an answer can come from. Not the lock, and not the kept vectors: only builds read those, and a spoilt
/// one counts as absent.
fn files_that_serve(index: &Path) -> Vec<String> {
    files(index).into_iter().filter(|name| name != "LOCK" && !name.starts_with("cache/")).collect()
}

#[test]
fn a_flipped_byte_in_any_file_is_refused_at_open() {
    let sandbox = Sandbox::with_small_index();
    let index = sandbox.path("index");
    use_all_of_it(&index).unwrap();
    let names = files_that_serve(&index);
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let path = index.join(&name);
        let whole = fs::read(&path).unwrap();
        for at in places(whole.len()) {
            flip(&path, at);
            match Snapshot::open(&index) {
                Ok(_) => panic!("byte {at} of {name} was flipped"),
                Err(error) => {
                    let message = error.to_string();
                    assert!(
                        matches!(error, nba::Error::Corrupt { .. } | nba::Error::Format { .. }),
                        "{name}: {message}"
                    );
                    // The sum in CURRENT is that of the generation's own file: which of them is wrong cannot be told.
                    let file_name = if name == "CURRENT" { "" } else { path.file_name().unwrap().to_str().unwrap() };
                    assert!(message.contains(file_name), "byte {at} of {name}: {message}");
                }
            }
            fs::write(&path, &whole).unwrap();
        }
    }
    use_all_of_it(&index).unwrap();
}

#[test]
fn a_file_that_is_shorter_longer_or_gone_is_refused_at_open() {
    let sandbox = Sandbox::with_small_index();
    let index = sandbox.path("index");
    for name in files_that_serve(&index) {
        let path = index.join(&name);
        let whole = fs::read(&path).unwrap();
        let longer = [whole.as_slice(), b"x"].concat();
        for wrong in [&whole[..0], &whole[..whole.len() / 2], &whole[..whole.len() - 1], &longer] {
            // A line feed at the end of CURRENT is no part of what it says.
            if name == "CURRENT" && wrong.len() + 1 == whole.len() {
                continue;
            }
            fs::write(&path, wrong).unwrap();
            let error = Snapshot::open(&index).map(drop).unwrap_err();
            assert!(matches!(error, nba::Error::Corrupt { .. }), "{name} of {} bytes: {error}", wrong.len());
        }
        fs::remove_file(&path).unwrap();
        let error = Snapshot::open(&index).map(drop).unwrap_err();
        assert!(matches!(error, nba::Error::Corrupt { .. } | nba::Error::NoIndex { .. }), "{name} is gone: {error}");
        fs::create_dir(&path).unwrap();
        Snapshot::open(&index).map(drop).unwrap_err();
        fs::remove_dir(&path).unwrap();
        fs::write(&path, &whole).unwrap();
    }
    use_all_of_it(&index).unwrap();
}

/// The index with manifests that make it look so large that its checksums are not compared at open.
fn that_looks_large() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::with_small_index();
    let path = sandbox.path("index/g000001/generation.json");
    let mut generation: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    generation["indexes"]["tickets"]["bytes"] = (1_u64 << 40).into();
    let text = serde_json::to_vec_pretty(&generation).unwrap();
    fs::write(&path, &text).unwrap();
    let sum: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    sandbox.write("index/g000001/generation.sha256", format!("{sum}\n"));
    sandbox.write("index/CURRENT", format!("g000001 {sum}\n"));
    let index = sandbox.path("index");
    (sandbox, index)
}

#[test]
fn in_a_large_index_verify_finds_a_flipped_byte_and_no_question_panics_over_it() {
    let (_sandbox, index) = that_looks_large();
    use_all_of_it(&index).unwrap();
    Snapshot::open(&index).unwrap().verify().unwrap();
    let mut unseen = 0;
    for name in files(&index).into_iter().filter(|name| name.contains("/0/")) {
        let path = index.join(&name);
        let whole = fs::read(&path).unwrap();
        for step in 0..12 {
            let at = (whole.len() - 1) * step / 11;
            flip(&path, at);
            let verified = Snapshot::open(&index).and_then(|snapshot| snapshot.verify());
            assert!(verified.is_err(), "byte {at} of {name}");
            unseen += usize::from(use_all_of_it(&index).is_ok());
            fs::write(&path, &whole).unwrap();
        }
    }
    assert!(unseen > 0, "checksums were compared at open");
}

#[test]
fn damage_is_told_with_the_file_and_the_way_out() {
    let damaged = |file: &str, at: usize, expected| {
        let sandbox = Sandbox::with_small_index();
        flip(&sandbox.path(file), at);
        sandbox.check(&["similar", &small_ticket(true)], expected);
        for args in [&["index", "status"][..], &["index", "verify"], &["recommend", "--text", "a"]] {
            assert_eq!(sandbox.nba(args).failed().code, 7);
        }
    };
    damaged(
        "index/CURRENT",
        3,
        expect![[r#"
            exit 7
            --- stderr
            error: index/CURRENT is damaged: it does not hold the name and the checksum of a generation; rebuild the index
        "#]],
    );
    damaged(
        "index/CURRENT",
        30,
        expect![[r#"
            exit 7
            --- stderr
            error: index/CURRENT is damaged: it does not hold the name and the checksum of a generation; rebuild the index
        "#]],
    );
    damaged(
        "index/g000001/generation.json",
        40,
        expect![[r#"
            exit 7
            --- stderr
            error: index/g000001/generation.json is damaged: its checksum is not the one it was published with; rebuild the index
        "#]],
    );
    damaged(
        "index/g000001/desk.json",
        100,
        expect![[r#"
            exit 7
            --- stderr
            error: index/g000001/desk.json is damaged: its checksum is not the manifest's; rebuild the index
        "#]],
    );
    damaged(
        "index/g000001/steps/manifest.json",
        100,
        expect![[r#"
            exit 7
            --- stderr
            error: index/g000001/steps/manifest.json is damaged: its checksum is not the one it was published with; rebuild the index
        "#]],
    );
    damaged(
        "index/g000001/steps/0/rows.arrow",
        100,
        expect![[r#"
            exit 7
            --- stderr
            error: index/g000001/steps/0/rows.arrow is damaged: its checksum is not the manifest's; rebuild the index
        "#]],
    );
    damaged(
        "index/g000001/steps/0/vector/vectors.f32",
        100,
        expect![[r#"
            exit 7
            --- stderr
            error: index/g000001/steps/0/vector/vectors.f32 is damaged: its checksum is not the manifest's; rebuild the index
        "#]],
    );
}

#[test]
fn an_older_and_a_newer_format_are_refused_by_their_number() {
    let sandbox = Sandbox::with_small_index();
    sandbox.edit("index/g000001/generation.json", "\"format\": 9", "\"format\": 5");
    sandbox.check(
        &["index", "status"],
        expect![[r#"
            exit 7
            --- stderr
            error: index/g000001/generation.json has format 5, and this program reads formats 6 to 9; rebuild the index
        "#]],
    );
    sandbox.edit("index/g000001/generation.json", "\"format\": 5", "\"format\": 10");
    let outcome = sandbox.nba(&["index", "status"]).failed();
    assert!(outcome.stderr.contains("has format 10, and"), "{outcome:?}");
}

#[test]
fn a_folder_without_an_index() {
    let sandbox = Sandbox::new();
    sandbox.check(
        &["similar", "TICKET-0042"],
        expect![[r#"
            exit 7
            --- stderr
            error: no index in index; build one with `nba index build --data DIR --index index`
        "#]],
    );
    sandbox.write("empty/readme", "");
    sandbox.check(
        &["index", "status", "--index", "empty"],
        expect![[r#"
            exit 7
            --- stderr
            error: no index in empty; build one with `nba index build --data DIR --index empty`
        "#]],
    );
    sandbox.write("file", "");
    sandbox.check(
        &["index", "verify", "--index", "file"],
        expect![[r#"
            exit 7
            --- stderr
            error: no index in file; build one with `nba index build --data DIR --index file`
        "#]],
    );
    sandbox.write("index/CURRENT", "../../etc 00\n");
    sandbox.check(
        &["index", "verify"],
        expect![[r#"
            exit 7
            --- stderr
            error: index/CURRENT is damaged: it does not hold the name and the checksum of a generation; rebuild the index
        "#]],
    );
    sandbox.write("index/CURRENT", format!("g000007 {:064}\n", 0));
    sandbox.check(
        &["index", "verify"],
        expect![[r#"
            exit 7
            --- stderr
            error: index/CURRENT is damaged: it names `g000007`, and there is no such generation; rebuild the index
        "#]],
    );
}

/// The way back that the message names: an older generation is still there.
#[test]
fn a_build_puts_a_damaged_index_right() {
    let sandbox = Sandbox::with_small_index();
    flip(&sandbox.path("index/CURRENT"), 10);
    flip(&sandbox.path("index/g000001/tickets/0/rows.arrow"), 10);
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox.nba(&["index", "verify"]).ok();
}
