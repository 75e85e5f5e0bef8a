//! Rules through the catalogue's public face: each alone, all together, and what is refused when a catalogue is read.

use expect_test::{Expect, expect};
use fs_err as fs;
use proptest::prelude::*;

use super::{Circumstances, Earlier, Ineligible};
use crate::desk::{Catalogue, OTHER};
use crate::error::Result;

/// A catalogue of actions without rules but for those of `LAST`.
fn with_rules(rules: &str) -> Result<Catalogue> {
    let action = |id: &str, kind: &str, rules: &str| {
        format!(
            "[[action]]\nid = \"{id}\"\ntitle = {{ pt = \"a\", en = \"a\" }}\n\
             description = {{ pt = \"a\", en = \"a\" }}\nkind = \"{kind}\"\n{rules}\nexamples = [\"a\"]\n\n"
        )
    };
    let text = [
        action("ASK", "ask", ""),
        action("MEND", "resolve", ""),
        action("SWAP", "resolve", ""),
        action("TELL", "inform", ""),
        action("LAST", "close", rules),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actions.toml");
    fs::write(&path, text.concat()).unwrap();
    Catalogue::from_toml(&path)
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

/// What `LAST` may not be done for under these rules, in words; empty when it may.
fn verdict(rules: &str, at: &Circumstances<'_>) -> String {
    let verdict = with_rules(rules).unwrap().check("LAST", at);
    verdict.err().map(|why| format!("{why} | {}", serde_json::to_string(&why).unwrap())).unwrap_or_default()
}

#[test]
fn a_rule_on_the_ticket_forbids_what_it_does_not_list() {
    let none = Circumstances::default();
    let forbidden = [
        (r#"categories = ["A", "B"]"#, Circumstances { category: Some("C"), ..none }),
        (r#"statuses = ["OPEN", "RESOLVED"]"#, Circumstances { status: Some("CLOSED"), ..none }),
        (r#"channels = ["PHONE"]"#, Circumstances { channel: Some("EMAIL"), ..none }),
        (r#"priorities = ["HIGH", "CRITICAL"]"#, Circumstances { priority: Some("LOW"), ..none }),
    ];
    let shown: Vec<String> = forbidden.iter().map(|(rules, at)| verdict(rules, at)).collect();
    expect![[r#"
        not for category C, only A, B | {"rule":"category","found":"C","allowed":["A","B"]}
        not for status CLOSED, only OPEN, RESOLVED | {"rule":"status","found":"CLOSED","allowed":["OPEN","RESOLVED"]}
        not for channel EMAIL, only PHONE | {"rule":"channel","found":"EMAIL","allowed":["PHONE"]}
        not for priority LOW, only HIGH, CRITICAL | {"rule":"priority","found":"LOW","allowed":["HIGH","CRITICAL"]}"#]]
    .assert_eq(&shown.join("\n"));

    let listed = Circumstances {
        category: Some("B"),
        status: Some("OPEN"),
        channel: Some("PHONE"),
        priority: Some("CRITICAL"),
        done: &[],
    };
    for (rules, _) in forbidden {
        assert_eq!(verdict(rules, &listed), "", "{rules}");
        assert_eq!(verdict(rules, &none), "", "what is not known forbids nothing: {rules}");
    }
}

#[test]
fn a_rule_on_the_thread_looks_at_what_was_done() {
    let of =
        |rules: &str, done: &[&str]| verdict(rules, &Circumstances { done: &owned(done), ..Circumstances::default() });

    let twice = "max_per_thread = 2";
    assert_eq!(of(twice, &["LAST", "MEND"]), "");
    expect![[r#"done 2 times in this thread, at most 2 allowed | {"rule":"repeated","max":2,"done":2}"#]]
        .assert_eq(&of(twice, &["LAST", "MEND", "LAST"]));
    expect![[r#"done once in this thread, at most 1 allowed | {"rule":"repeated","max":1,"done":1}"#]]
        .assert_eq(&of("max_per_thread = 1", &["LAST"]));

    let requires = r#"requires = ["kind:resolve", "TELL"]"#;
    for done in [&["MEND"][..], &["SWAP"], &["ASK", "TELL"], &[OTHER], &["NOT_IN_THE_CATALOGUE"]] {
        assert_eq!(of(requires, done), "", "{done:?}");
    }
    let unmet = expect![[
        r#"nothing that it requires was done yet: kind:resolve or TELL | {"rule":"requires","any_of":["kind:resolve","TELL"]}"#
    ]];
    unmet.assert_eq(&of(requires, &[]));
    unmet.assert_eq(&of(requires, &["ASK", "LAST"]));
    assert_ne!(of(r#"requires = ["TELL"]"#, &["NOT_IN_THE_CATALOGUE"]), "", "its id is known, and is another");

    let excludes = r#"excludes = ["kind:resolve", "TELL"]"#;
    for done in [&[][..], &["ASK", "LAST"], &[OTHER], &["NOT_IN_THE_CATALOGUE"]] {
        assert_eq!(of(excludes, done), "", "{done:?}");
    }
    expect![[r#"not after SWAP, which was done | {"rule":"excluded_by","action":"SWAP"}"#]]
        .assert_eq(&of(excludes, &["ASK", "SWAP", "TELL"]));
    expect![[r#"not after TELL, which was done | {"rule":"excluded_by","action":"TELL"}"#]]
        .assert_eq(&of(excludes, &["TELL"]));
}

#[test]
fn the_first_rule_that_forbids_is_named() {
    let catalogue = with_rules("categories = [\"A\"]\nstatuses = [\"OPEN\"]\nmax_per_thread = 1").unwrap();
    let done = owned(&["LAST"]);
    let at = Circumstances { category: Some("B"), status: Some("CLOSED"), done: &done, ..Circumstances::default() };
    let rule = |at| match catalogue.check("LAST", &at).unwrap_err() {
        Ineligible::Category { .. } => 1,
        Ineligible::Status { .. } => 2,
        Ineligible::Repeated { .. } => 3,
        other => panic!("{other}"),
    };
    assert_eq!(rule(at), 1);
    assert_eq!(rule(Circumstances { category: Some("A"), ..at }), 2);
    assert_eq!(rule(Circumstances { category: Some("A"), status: None, ..at }), 3);
    assert_eq!(catalogue.check(OTHER, &at), Err(Ineligible::NotInCatalogue));
    assert_eq!(Ineligible::NotInCatalogue.to_string(), "not in the catalogue");
}

#[test]
fn rules_that_cannot_hold_are_refused_with_the_line() {
    fn check(rules: &str, expected: &Expect) {
        let error = with_rules(rules).unwrap_err().to_string();
        expected.assert_eq(error.rsplit('/').next().unwrap());
    }
    check(
        r#"statuses = ["SHUT"]"#,
        &expect![
            "actions.toml: line 33: action `LAST`: statuses: unknown `SHUT`, expected one of `OPEN`, `IN_PROGRESS`, `PENDING_CUSTOMER`, `RESOLVED`, `CLOSED`, `CANCELLED`"
        ],
    );
    check(
        r#"priorities = ["URGENT"]"#,
        &expect![
            "actions.toml: line 33: action `LAST`: priorities: unknown `URGENT`, expected one of `LOW`, `MEDIUM`, `HIGH`, `CRITICAL`"
        ],
    );
    check(
        r#"requires = ["MEND", "MENDED"]"#,
        &expect![
            "actions.toml: line 33: action `LAST`: requires: no action `MENDED` in this catalogue; name one, or a kind such as `kind:resolve`"
        ],
    );
    check(
        r#"excludes = ["resolve"]"#,
        &expect![
            "actions.toml: line 33: action `LAST`: excludes: no action `resolve` in this catalogue; name one, or a kind such as `kind:resolve`"
        ],
    );
    check(
        r#"excludes = ["kind:mend"]"#,
        &expect![
            "actions.toml: line 38: unknown kind `kind:mend`, expected one of `kind:ask`, `kind:inform`, `kind:investigate`, `kind:resolve`, `kind:escalate`, `kind:close`"
        ],
    );
    check("max_per_thread = 0", &expect!["actions.toml: line 38: invalid value: integer `0`, expected a nonzero u32"]);
    check(
        "max_per_thread = \"2\"",
        &expect![[r#"actions.toml: line 38: invalid type: string "2", expected a nonzero u32"#]],
    );
    check(
        "channels = \"PHONE\"",
        &expect![[r#"actions.toml: line 38: invalid type: string "PHONE", expected a sequence"#]],
    );
    check(
        "requires = [\"LAST\"]",
        &expect!["actions.toml: line 33: action `LAST` can never be done: all that it requires is itself or excluded"],
    );
    check(
        "requires = [\"MEND\"]\nexcludes = [\"MEND\", \"ASK\"]",
        &expect!["actions.toml: line 33: action `LAST` can never be done: all that it requires is itself or excluded"],
    );
}

#[test]
fn the_built_in_catalogue_s_rules_let_a_usual_thread_through() {
    let catalogue = Catalogue::built_in();
    let thread = owned(&["ASK_TERMINAL_SERIAL", "RUN_TERMINAL_DIAGNOSTIC", "REPLACE_TERMINAL", "CLOSE_TICKET"]);
    for (at, id) in thread.iter().enumerate() {
        let at = Circumstances {
            category: Some("TECHNICAL"),
            status: Some("IN_PROGRESS"),
            channel: Some("WHATSAPP"),
            priority: Some("LOW"),
            done: &thread[..at],
        };
        assert_eq!(catalogue.check(id, &at), Ok(()), "{id}");
    }
    let asked = owned(&["ASK_TERMINAL_SERIAL"; 2]);
    let at = Circumstances { done: &asked, ..Circumstances::default() };
    assert_eq!(catalogue.check("ASK_TERMINAL_SERIAL", &at), Err(Ineligible::Repeated { max: 2, done: 2 }));
    assert!(matches!(catalogue.check("CLOSE_TICKET", &at), Err(Ineligible::Requires { .. })));
    let closed = Circumstances { status: Some("CLOSED"), ..Circumstances::default() };
    assert!(matches!(catalogue.check("CLOSE_TICKET", &closed), Err(Ineligible::Status { .. })));
}

/// A few words of each kind, so that they meet often.
fn words(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(of).prop_map(str::to_owned), 0..3)
}

fn quoted(key: &str, words: &[String]) -> String {
    format!("{key} = [{}]\n", words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", "))
}

const EARLIER: &[&str] = &["ASK", "MEND", "TELL", "kind:resolve", "kind:ask"];
const DONE: &[&str] = &["ASK", "MEND", "SWAP", "TELL", "LAST", OTHER];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The verdict is that of the rules as the head of `fixtures/actions.toml` states them.
    #[test]
    fn all_rules_together_are_the_rules_one_by_one(
        categories in words(&["A", "B"]),
        statuses in words(&["OPEN", "CLOSED"]),
        max in prop::option::of(1_u32..3),
        requires in words(EARLIER),
        excludes in words(EARLIER),
        category in prop::option::of(prop::sample::select(&["A", "B", "C"][..])),
        status in prop::option::of(prop::sample::select(&["OPEN", "CLOSED"][..])),
        done in prop::collection::vec(prop::sample::select(DONE).prop_map(str::to_owned), 0..5),
    ) {
        let mut rules = quoted("categories", &categories) + &quoted("statuses", &statuses);
        rules += &quoted("requires", &requires);
        rules += &quoted("excludes", &excludes);
        rules += &max.map(|max| format!("max_per_thread = {max}")).unwrap_or_default();
        let read = with_rules(&rules);
        prop_assume!(read.is_ok());
        let catalogue = read.unwrap();
        let at = Circumstances { category, status, done: &done, ..Circumstances::default() };

        let is = |done: &str, earlier: &String| match earlier.as_str() {
            "kind:resolve" => ["MEND", "SWAP"].contains(&done),
            "kind:ask" => done == "ASK",
            id => done == id,
        };
        let listed = |list: &[String], word: Option<&str>| {
            list.is_empty() || word.is_none_or(|word| list.iter().any(|one| one == word))
        };
        let n_done = done.iter().filter(|done| *done == "LAST").count();
        let required = |earlier| done.iter().any(|done| done == OTHER || is(done, earlier));
        let may = listed(&categories, category)
            && listed(&statuses, status)
            && max.is_none_or(|max| n_done < max as usize)
            && (requires.is_empty() || requires.iter().any(required))
            && !excludes.iter().any(|earlier| done.iter().any(|done| is(done, earlier)));
        prop_assert_eq!(catalogue.check("LAST", &at).is_ok(), may);
    }

    #[test]
    fn rules_and_verdicts_survive_json(requires in words(EARLIER), excludes in words(EARLIER), max in 1_u32..9) {
        let rules = format!("{}{}max_per_thread = {max}", quoted("requires", &requires), quoted("excludes", &excludes));
        let read = with_rules(&rules);
        prop_assume!(read.is_ok());
        let catalogue = read.unwrap();
        let json = serde_json::to_string(&catalogue).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Catalogue>(&json).unwrap(), &catalogue);
        let any_of = requires.into_iter().map(|word| Earlier::try_from(word).unwrap()).collect();
        let verdict = Ineligible::Requires { any_of };
        let json = serde_json::to_string(&verdict).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ineligible>(&json).unwrap(), verdict);
    }
}

#[test]
fn a_catalogue_of_an_earlier_generation_has_no_rules() {
    let old = r#"{"actions": [{"id": "A", "title": {"pt": "a", "en": "a"}, "description": {"pt": "a", "en": "a"},
        "kind": "ask", "categories": [], "examples": ["a"]}]}"#;
    let catalogue: Catalogue = serde_json::from_str(old).unwrap();
    let done = owned(&["A"; 9]);
    assert_eq!(catalogue.check("A", &Circumstances { done: &done, ..Circumstances::default() }), Ok(()));
}
