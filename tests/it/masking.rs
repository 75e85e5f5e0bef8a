//! No personal value of the customers table is in any byte of an index, nor in an answer.

use std::collections::BTreeSet;
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};
use fs_err as fs;
use nba::desk::personal_values;
use sha2::{Digest as _, Sha256};

use crate::support::{Sandbox, files, fixtures, fixtures_index};

/// The values that occur in some file below the folder, in any case.
fn found_in(folder: &Path, values: &[String]) -> BTreeSet<String> {
    let lower: Vec<String> = values.iter().map(|value| value.to_lowercase()).collect();
    let needles = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&lower).unwrap();
    let mut found = BTreeSet::new();
    for name in files(folder) {
        let bytes = fs::read(folder.join(&name)).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for haystack in [bytes.to_ascii_lowercase().as_slice(), text.as_bytes()] {
            for hit in needles.find_overlapping_iter(haystack) {
                found.insert(format!("{name}: {}", values[hit.pattern().as_usize()]));
            }
        }
    }
    found
}

#[test]
fn no_personal_value_is_in_the_index() {
    let values = personal_values(&fixtures()).unwrap();
    assert!(values.len() > 500, "{} values", values.len());
    // They are in the source, so that there is something to mask.
    assert!(found_in(&fixtures(), &values).len() > values.len());
    let agents = fs::read_to_string(fixtures().join("agents.csv")).unwrap().to_lowercase();
    let of_customers: Vec<String> =
        values.into_iter().filter(|value| !agents.contains(&value.to_lowercase())).collect();
    let found = found_in(fixtures_index(), &of_customers);
    assert!(found.is_empty(), "{} values, such as {:?}", found.len(), found.first());
}

/// The digits alone, however they are written.
#[test]
fn no_document_is_in_the_index_without_its_punctuation() {
    let digits_of = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let documents: Vec<String> = personal_values(&fixtures())
        .unwrap()
        .iter()
        .filter(|value| value.len() == 14 && value.contains('.') && value.contains('-'))
        .map(|value| digits_of(value))
        .collect();
    assert!(documents.len() > 100, "{} documents", documents.len());
    let engine = nba::Engine::open(fixtures_index()).unwrap();
    let needles = AhoCorasick::new(&documents).unwrap();
    let texts = engine.with_snapshot(|snapshot| {
        let mut texts = 0;
        for (index, columns) in [("tickets", &["subject", "problem", "solution"][..]), ("steps", &["state", "message"])]
        {
            for column in columns {
                for (row, text) in snapshot.index(index).unwrap().text_values(column).unwrap() {
                    // Punctuation within a number goes; what is between numbers stays.
                    let squeezed: String = text.chars().filter(|c| !matches!(c, '.' | '-' | '/')).collect();
                    assert!(needles.find(&squeezed).is_none(), "row {row} of {index}, {column}: {text}");
                    texts += 1;
                }
            }
        }
        texts
    });
    assert!(texts > 2000, "{texts} texts");
}

#[test]
fn what_is_typed_is_masked_before_anything_else() {
    let sandbox = Sandbox::with_fixtures();
    let typed =
        "Sou do CPF 529.982.247-25, cartão 4111 1111 1111 1111, e-mail ana.maria@loja.example: o estorno não caiu";
    for command in ["similar", "recommend"] {
        let answer = sandbox.nba(&[command, "--text", typed, "--json"]).json();
        assert_eq!(answer["about"], "Sou do CPF [CPF], cartão [CARD], e-mail [EMAIL]: o estorno não caiu");
        let text = sandbox.nba(&[command, "--text", typed]).ok().stdout;
        assert!(text.contains("[CPF]") && !text.contains("529.982") && !text.contains("4111"), "{text}");
    }
    // The number does not find anything: neither by words nor by its vector.
    let hits = |text: &str| {
        sandbox.nba(&["search", "tickets", "--text", text, "--json", "--columns", "ticket_id"]).json()["rows"].clone()
    };
    assert_eq!(hits("estorno, CPF 529.982.247-25"), hits("estorno, CPF 111.444.777-35"));
}

#[test]
fn no_answer_shows_a_column_that_could_name_a_customer() {
    let sandbox = Sandbox::with_fixtures();
    let names = personal_values(&fixtures()).unwrap();
    let needles = AhoCorasick::new(&names).unwrap();
    let answer =
        sandbox.nba(&["search", "tickets", "--text", "CPF telefone e-mail cliente", "-k", "200", "--json"]).ok();
    assert!(needles.find(&answer.stdout).is_none());
}

/// Replaces bytes of one file of a published generation by as many others, and every sum that covers them.
fn plant(index: &Path, below: &str, at: usize, bytes: &[u8]) {
    let sum = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let current = fs::read_to_string(index.join("CURRENT")).unwrap();
    let generation = index.join(current.split(' ').next().unwrap());
    let mut old_new = {
        let path = generation.join(below);
        let mut content = fs::read(&path).unwrap();
        let old = sum(&content);
        content[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(&path, &content).unwrap();
        (old, sum(&content))
    };
    let in_index = below.split_once('/').map(|(name, _)| generation.join(name).join("manifest.json"));
    for path in in_index.into_iter().chain([generation.join("generation.json"), index.join("CURRENT")]) {
        let content = fs::read_to_string(&path).unwrap();
        assert!(content.contains(&old_new.0), "{}", path.display());
        let changed = content.replace(&old_new.0, &old_new.1);
        fs::write(&path, &changed).unwrap();
        old_new = (sum(content.as_bytes()), sum(changed.as_bytes()));
    }
    let whole = fs::read(generation.join("generation.json")).unwrap();
    fs::write(generation.join("generation.sha256"), sum(&whole) + "\n").unwrap();
}

/// Where in a file some text of sentences is, as long as `length` and between blanks.
fn sentence_in(bytes: &[u8], length: usize) -> usize {
    let is_text = |window: &[u8]| window.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ');
    bytes.windows(length).position(|window| window[0] == b' ' && window[length - 1] == b' ' && is_text(window)).unwrap()
}

#[test]
fn a_raw_value_in_an_index_is_found_by_verify() {
    let sandbox = Sandbox::with_fixtures();
    let clean = sandbox.nba(&["index", "verify", "--pii", "--json"]).json();
    assert_eq!(clean["pii"]["found"], 0);
    assert!(clean["pii"]["texts"].as_u64().unwrap() > 10_000, "{clean}");

    // In a cell of the rows, which the program's own reader finds.
    let sandbox = Sandbox::with_small_index();
    sandbox.nba(&["index", "verify", "--pii"]).ok();
    let index = sandbox.path("index");
    let generation = fs::read_to_string(index.join("CURRENT")).unwrap().split(' ').next().unwrap().to_owned();
    let rows = fs::read(index.join(&generation).join("tickets/0/rows.arrow")).unwrap();
    plant(&index, "tickets/0/rows.arrow", sentence_in(&rows, 16), b" 529.982.247-25 ");
    sandbox.nba(&["index", "verify"]).ok();
    let outcome = sandbox.nba(&["index", "verify", "--pii"]).failed();
    assert_eq!(outcome.code, 7);
    assert!(outcome.stderr.contains("1 personal value in the index"), "{outcome:?}");
    assert!(outcome.stderr.contains("tickets/0/rows.arrow: CPF (column `"), "{outcome:?}");
    assert!(!outcome.stderr.contains("529"), "{outcome:?}");
    let outcome = sandbox.nba(&["index", "verify", "--pii", "--json"]).failed();
    assert!(outcome.stderr.contains("CPF (column") && !outcome.stderr.contains("529"), "{outcome:?}");

    // Anywhere else, by its place in the file: in the midst of packed numbers.
    let sandbox = Sandbox::with_small_index();
    let index = sandbox.path("index");
    let postings = "steps/0/keyword/00000000000000000000000000000001.idx";
    plant(&index, postings, 200, b"\0mail ana.maria@loja.example \0");
    let outcome = sandbox.nba(&["index", "verify", "--pii"]).failed();
    assert!(outcome.stderr.contains(&format!("{postings}: e-mail address (byte 206)")), "{outcome:?}");
}
