//! Requests that cannot be answered: what was asked for is not there, or makes no sense.

use expect_test::expect;

use crate::support::Sandbox;

fn mini() -> Sandbox {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox
}

#[test]
fn similarities_that_cannot_be_asked_for() {
    let sandbox = mini();
    sandbox.check(&["similar", "TICKET-3", "--min-similarity", "0.5"], expect![[r#"
        exit 2
        --- stderr
        error: min_similarity: this index knows no percentages: a build learns them from 100 tickets and more with a subcategory, some alike and some not
    "#]]);
    sandbox.check(
        &["similar", "TICKET-3", "--min-similarity", "50"],
        expect![[r#"
        exit 2
        --- stderr
        error: min_similarity: 50 is not between 0 and 1
    "#]],
    );
}

#[test]
fn what_is_not_in_the_index() {
    let sandbox = mini();
    sandbox.check(
        &["similar", "TICKET-9"],
        expect![[r#"
        exit 2
        --- stderr
        error: no ticket `TICKET-9` in this index; did you mean `TICKET-1`, `TICKET-2`, `TICKET-3`?
    "#]],
    );
    sandbox.check(
        &["similar", "ticket-2"],
        expect![[r#"
        exit 2
        --- stderr
        error: no ticket `ticket-2` in this index; did you mean `TICKET-2`, `TICKET-1`, `TICKET-3`?
    "#]],
    );
    sandbox.check(
        &["recommend", "TICKET-33"],
        expect![[r#"
        exit 2
        --- stderr
        error: no ticket `TICKET-33` in this index; did you mean `TICKET-3`, `TICKET-1`, `TICKET-2`?
    "#]],
    );
    sandbox.check(
        &["similar", ""],
        expect![[r#"
        exit 2
        --- stderr
        error: no ticket `` in this index; did you mean `TICKET-1`, `TICKET-2`, `TICKET-3`?
    "#]],
    );
    sandbox.check(
        &["search", "customers", "--text", "estorno"],
        expect![[r#"
        exit 2
        --- stderr
        error: no index `customers` in this generation; it holds `steps`, `tickets`
    "#]],
    );
    sandbox.check(
        &["search", "steps", "--row", "TICKET-1"],
        expect![[r#"
        exit 2
        --- stderr
        error: no row `TICKET-1` in index `steps`
    "#]],
    );
    sandbox.check(&["search", "tickets", "--text", "estorno", "--columns", "ticket_id,cpf"], expect![[r#"
        exit 2
        --- stderr
        error: no column `cpf`; there are `ticket_id`, `subject`, `description`, `problem`, `language`, `thread`, `thread_id`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `tags`, `resolution_time_hours`, `sla_breached`, `csat_score`, `nps_score`, `sentiment`, `escalated`, `reopened_count`, `customer_id`, `company_id`, `agent_id`, `agent_name`, `agent_team`, `solved_by`, `solution`, `turns`, `actions`, `identifiers`
    "#]]);
}

#[test]
fn what_is_no_question() {
    let sandbox = mini();
    sandbox.check(
        &["similar", "TICKET-1", "-k", "0"],
        expect![[r#"
        exit 2
        --- stderr
        error: k: 0 is not between 1 and 10000
    "#]],
    );
    sandbox.check(
        &["similar", "TICKET-1", "-k", "10001"],
        expect![[r#"
        exit 2
        --- stderr
        error: k: 10001 is not between 1 and 10000
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--text", "a", "-k", "18446744073709551615"],
        expect![[r#"
        exit 2
        --- stderr
        error: k: 18446744073709551615 is not between 1 and 10000
    "#]],
    );
    sandbox.check(
        &["similar", "--text", ""],
        expect![[r#"
        exit 2
        --- stderr
        error: text: it is empty; give at least one word
    "#]],
    );
    sandbox.check(
        &["recommend", "--text", " \n\t "],
        expect![[r#"
        exit 2
        --- stderr
        error: text: it is empty; give at least one word
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--text", "", "--type", "full_text"],
        expect![[r#"
        exit 2
        --- stderr
        error: text: it is empty; give at least one word
    "#]],
    );
    sandbox.check(
        &["recommend", "TICKET-2"],
        expect![[r#"
        exit 2
        --- stderr
        error: ticket: `TICKET-2` is CLOSED: only an active ticket has a next action; see `nba similar TICKET-2`
    "#]],
    );
}

#[test]
fn vectors_that_do_not_fit() {
    let sandbox = mini();
    let zeros = vec!["0"; 256].join(",");
    let nan = format!("NaN{}", ",0.1".repeat(255));
    let good = vec!["-0.1"; 256].join(",");
    sandbox.check(
        &["search", "tickets", "--vector", "0.1,0.2"],
        expect![[r#"
        exit 2
        --- stderr
        error: vector: 2 numbers, the index has dimension 256
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--vector", &zeros],
        expect![[r#"
        exit 2
        --- stderr
        error: vector: it must be finite and not all zeros
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--vector", &nan],
        expect![[r#"
        exit 2
        --- stderr
        error: vector: it must be finite and not all zeros
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--vector", &good, "--type", "hybrid"],
        expect![[r#"
        exit 2
        --- stderr
        error: text: a full_text or hybrid query needs some
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--vector", &good, "--type", "full_text"],
        expect![[r#"
        exit 2
        --- stderr
        error: text: a full_text or hybrid query needs some
    "#]],
    );
    sandbox.nba(&["search", "tickets", "--vector", &good]).ok();
}

#[test]
fn filters_show_where_they_are_wrong() {
    let sandbox = mini();
    let filter = |text: &str, expected| sandbox.check(&["similar", "TICKET-1", "--filter", text], expected);
    filter(
        "category = ",
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: expected a number, a 'text', TRUE, FALSE or TO_TIMESTAMP('…')
          category = 
                     ^
    "#]],
    );
    filter(
        "category = 'FINANCIAL",
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: this ' is never closed; a quote inside is doubled
          category = 'FINANCIAL
                     ^
    "#]],
    );
    filter(
        "(priority = 'HIGH' OR priority = 'LOW'",
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: expected AND, OR or a closing bracket
          (priority = 'HIGH' OR priority = 'LOW'
                                                ^
    "#]],
    );
    filter(
        "",
        expect![[r#"
            exit 0
            --- stdout
            TICKET-1  Estorno
            1 of 1 resolved tickets · generation g000001
            no row shares a word with the query: ranked by vectors alone

             1. TICKET-2  Maquininha
                -0.1053  TECHNICAL · Vera Castilho
                solved by Trocar o terminal
                “Vamos trocar a maquininha”
        "#]],
    );
    filter(
        "categoria = 'FINANCIAL'",
        expect![[r#"
            exit 2
            --- stderr
            error: no column `categoria`; there are `ticket_id`, `subject`, `description`, `problem`, `language`, `thread`, `thread_id`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `tags`, `resolution_time_hours`, `sla_breached`, `csat_score`, `nps_score`, `sentiment`, `escalated`, `reopened_count`, `customer_id`, `company_id`, `agent_id`, `agent_name`, `agent_team`, `solved_by`, `solution`, `turns`, `actions`, `identifiers`
        "#]],
    );
    filter(
        "csat_score > 'four'",
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: column `csat_score` holds numbers, and 'four' is none
          csat_score > 'four'
                       ^
    "#]],
    );
    filter(
        r#"{"category": }"#,
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: not JSON: expected value
          {"category": }
                       ^
    "#]],
    );
    filter(
        r#"{"category ~": "FINANCIAL"}"#,
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: expected `column` or `column op` with op NOT, <, <=, >, >=, LIKE or NOT LIKE
          {"category ~": "FINANCIAL"}
           ^
    "#]],
    );
    filter(
        r#"{"categoria": "FINANCIAL"}"#,
        expect![[r#"
            exit 2
            --- stderr
            error: no column `categoria`; there are `ticket_id`, `subject`, `description`, `problem`, `language`, `thread`, `thread_id`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `tags`, `resolution_time_hours`, `sla_breached`, `csat_score`, `nps_score`, `sentiment`, `escalated`, `reopened_count`, `customer_id`, `company_id`, `agent_id`, `agent_name`, `agent_team`, `solved_by`, `solution`, `turns`, `actions`, `identifiers`
        "#]],
    );
    filter(
        r#"{"csat_score": "four"}"#,
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: column `csat_score` holds numbers, and 'four' is none
          {"csat_score": "four"}
                         ^
    "#]],
    );
    filter(
        "maçã = 'ção' AND",
        expect![[r#"
        exit 2
        --- stderr
        error: bad filter: the filter ends where a condition should be
          maçã = 'ção' AND
                          ^
    "#]],
    );
    // Evidence comes from both indexes: a column of one alone is no filter for it.
    sandbox.check(&["recommend", "TICKET-3", "--filter", "subject = 'Estorno'"], expect![[r#"
        exit 2
        --- stderr
        error: no column `subject`; there are `step_id`, `ticket_id`, `thread_id`, `state`, `language`, `position`, `action`, `last_action`, `done`, `message`, `is_last`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `resolved`, `reopened`, `resolution_time_hours`, `sla_breached`, `csat_score`, `agent_id`, `identifiers`, `expected_success`, `likely_actions`, `likely_probabilities`
    "#]]);
    sandbox.check(&["search", "steps", "--row", "TICKET-3#next", "--filter", "subject = 'a'"], expect![[r#"
        exit 2
        --- stderr
        error: no column `subject`; there are `step_id`, `ticket_id`, `thread_id`, `state`, `language`, `position`, `action`, `last_action`, `done`, `message`, `is_last`, `status`, `priority`, `category`, `subcategory`, `channel`, `created_at`, `resolved`, `reopened`, `resolution_time_hours`, `sla_breached`, `csat_score`, `agent_id`, `identifiers`, `expected_success`, `likely_actions`, `likely_probabilities`
    "#]]);
}

#[test]
fn odd_texts_are_answered() {
    let sandbox = mini();
    let long = "o estorno não caiu ".repeat(55_000);
    let deep = format!("{}a = 1{}", "(".repeat(5_000), ")".repeat(5_000));
    for text in [
        "退款没有到账",
        "لم يصل المبلغ المسترد",
        "😀🔥💳",
        "?!",
        "\u{0}",
        "\u{202e}estorno",
        "a\u{301}",
        "'; DROP TABLE",
    ] {
        // A NUL cannot be in an argument.
        let text = text.replace('\u{0}', "\u{1}");
        for args in
            [&["similar", "--text", &text][..], &["recommend", "--text", &text], &["search", "steps", "--text", &text]]
        {
            sandbox.nba(args).ok();
        }
    }
    assert!(long.len() > 1_000_000);
    // The system gives an argument 128 KiB; through the library a text may be of any length: see `query`.
    sandbox.nba(&["similar", "--text", &long[..120_000]]).ok();
    sandbox.nba(&["similar", "TICKET-1", "--filter", &deep]).failed();
}

#[test]
fn errors_are_json_where_json_is_asked_for() {
    let sandbox = mini();
    for (args, code) in [
        (&["similar", "TICKET-9", "--json"][..], 2),
        (&["--json", "similar", "TICKET-1", "-k", "0"], 2),
        (&["recommend", "TICKET-2", "--json"], 2),
        (&["similar", "TICKET-1", "--filter", "a =", "--json"], 2),
        (&["index", "status", "--index", "nowhere", "--json"], 7),
        (&["index", "build", "--data", "nowhere", "--model", "hashed", "--json"], 5),
        (&["similar", "--text", "a", "--model", "nowhere", "--json"], 7),
        (&["similar", "--json"], 2),
        (&["smilar", "--json"], 2),
    ] {
        let outcome = sandbox.nba(args).failed();
        assert_eq!(outcome.code, code, "{args:?}");
        let last = outcome.stderr.lines().last().unwrap();
        let error: serde_json::Value = serde_json::from_str(last).unwrap_or_else(|it| panic!("{it}: {outcome:?}"));
        assert_eq!(error["exit_code"], code, "{args:?}");
        assert!(error["error"].as_str().is_some_and(|message| message.len() > 10), "{args:?}: {error}");
        assert!(!last.contains("\\u001b"), "{args:?}: {error}");
    }
    sandbox.check(
        &["similar", "TICKET-9", "--json"],
        expect![[r#"
        exit 2
        --- stderr
        {"error":"no ticket `TICKET-9` in this index; did you mean `TICKET-1`, `TICKET-2`, `TICKET-3`?","exit_code":2}
    "#]],
    );
    sandbox.check(&["similar", "--json"], expect![[r#"
        exit 2
        --- stderr
        {"error":"the following required arguments were not provided:\n  <TICKET|--text <TEXT>>\n\nUsage: nba similar --json <TICKET|--text <TEXT>>\n\nFor more information, try '--help'.","exit_code":2}
    "#]]);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let sandbox = Sandbox::with_fixtures();
    let index = crate::support::fixtures_index().display();
    let outcome = sandbox
        .sh(&format!("\"$NBA\" search steps --index {index} --row TICKET-0042#next --type ann -k 500 | head -1"));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
}

#[test]
fn configurations_that_cannot_be_used() {
    let sandbox = mini();
    let config = |text: &str, expected| {
        sandbox.write("nba.toml", text);
        sandbox.check(&["similar", "TICKET-1"], expected);
    };
    config(
        "indx = \"index\"",
        expect![[r#"
            exit 5
            --- stderr
            error: nba.toml: TOML parse error at line 1, column 1
              |
            1 | indx = "index"
              | ^^^^
            unknown field `indx`, expected one of `index`, `model`, `actions`, `language`, `embed`, `build`, `keyword`, `fusion`, `duplicates`, `recommend`, `serve`, `tables`, `models`
        "#]],
    );
    config(
        "[fusion]\nk = \"many\"",
        expect![[r#"
            exit 5
            --- stderr
            error: nba.toml: TOML parse error at line 2, column 5
              |
            2 | k = "many"
              |     ^^^^^^
            invalid type: string "many", expected f32
        "#]],
    );
    config(
        "[build]\nkeep = 0",
        expect![[r#"
            exit 5
            --- stderr
            error: nba.toml: build.keep must be 1 or more
        "#]],
    );
    config(
        "[build.vector]\nkind = \"ivf\"",
        expect![[r#"
            exit 5
            --- stderr
            error: nba.toml: TOML parse error at line 2, column 8
              |
            2 | kind = "ivf"
              |        ^^^^^
            unknown variant `ivf`, expected one of `auto`, `flat`, `codes`, `hnsw`
        "#]],
    );
    config(
        "[build.vector]\nrecall = 1.5",
        expect![[r#"
            exit 5
            --- stderr
            error: nba.toml: build.vector.recall must be between 0 and 1
        "#]],
    );
    config(
        "language = \"de\"",
        expect![[r#"
            exit 5
            --- stderr
            error: nba.toml: TOML parse error at line 1, column 12
              |
            1 | language = "de"
              |            ^^^^
            unknown variant `de`, expected `pt` or `en`
        "#]],
    );
    config(
        "index = [",
        expect![[r#"
            exit 5
            --- stderr
            error: nba.toml: TOML parse error at line 1, column 10
              |
            1 | index = [
              |          ^
            unclosed array, expected `]`
        "#]],
    );
    sandbox.check(
        &["config", "--config", "other.toml"],
        expect![[r#"
            exit 5
            --- stderr
            error: failed to open file `other.toml`: No such file or directory (os error 2)
        "#]],
    );
    sandbox.write("nba.toml", [0xff, 0xfe]);
    sandbox.check(
        &["config"],
        expect![[r#"
            exit 5
            --- stderr
            error: failed to read from file `nba.toml`: stream did not contain valid UTF-8
        "#]],
    );
}

#[test]
fn catalogues_that_cannot_be_used() {
    let sandbox = mini();
    let catalogue = |text: &str, expected| {
        sandbox.write("desk/actions.toml", text);
        sandbox.check(&["index", "build", "--data", "desk", "--model", "hashed"], expected);
    };
    let action = |id: &str, rest: &str| {
        format!(
            "[[action]]\nid = \"{id}\"\ntitle = {{ pt = \"a\", en = \"a\" }}\n\
             description = {{ pt = \"a\", en = \"a\" }}\nkind = \"ask\"\n{rest}\n"
        )
    };
    let examples = "examples = [\"oi\"]";
    catalogue(
        "",
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: has no [[action]]
        "#]],
    );
    catalogue(
        &action("ASK_IT", ""),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 1: missing field `examples`
        "#]],
    );
    catalogue(
        &action("ASK_IT", "examples = []"),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 1: action `ASK_IT` must have examples, none of them empty
        "#]],
    );
    catalogue(
        &action("ASK IT", examples),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 1: action id `ASK IT` must be a word without blanks
        "#]],
    );
    catalogue(
        &action("OTHER", examples),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 1: action id `OTHER` is kept for messages that are like no example; choose another
        "#]],
    );
    catalogue(
        &format!("{}{}", action("ASK_IT", examples), action("ASK_IT", examples)),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 7: action `ASK_IT` is already defined on line 1
        "#]],
    );
    catalogue(
        &action("ASK_IT", examples).replace("\"ask\"", "\"pray\""),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 5: unknown variant `pray`, expected one of `ask`, `inform`, `investigate`, `resolve`, `escalate`, `close`
        "#]],
    );
    catalogue(
        &action("ASK_IT", "examples = [\"  \"]"),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 1: action `ASK_IT` must have examples, none of them empty
        "#]],
    );
    catalogue(
        &action("ASK_IT", "exemples = [\"oi\"]"),
        expect![[r#"
            exit 5
            --- stderr
            error: desk/actions.toml: line 6: unknown field `exemples`, expected one of `id`, `title`, `description`, `kind`, `categories`, `statuses`, `channels`, `priorities`, `max_per_thread`, `requires`, `excludes`, `examples`
        "#]],
    );
    sandbox.check(
        &["index", "build", "--data", "desk", "--model", "hashed", "--actions", "no.toml"],
        expect![[r#"
            exit 5
            --- stderr
            error: failed to open file `no.toml`: No such file or directory (os error 2)
        "#]],
    );
    // None of them touched what serves.
    assert_eq!(sandbox.nba(&["index", "verify"]).ok().stdout.split(' ').nth(1), Some("g000001"));
}

#[test]
fn labelled_files_that_cannot_be_used() {
    let mut sandbox = Sandbox::new();
    sandbox.set("NBA_MODEL", "hashed");
    sandbox.write("all.csv", "texto,tema\no estorno não caiu,A\na maquininha não liga,B\n");
    let retrieval = |columns: [&str; 2], expected| {
        let words =
            ["evaluate", "retrieval", "--leave-one-out", "all.csv", "--text", columns[0], "--label", columns[1]];
        sandbox.check(&words, expected);
    };
    retrieval(
        ["text", "tema"],
        expect![[r#"
        exit 2
        --- stderr
        error: no column `text`; there are `texto`, `tema`
    "#]],
    );
    retrieval(
        ["texto", "label"],
        expect![[r#"
        exit 2
        --- stderr
        error: no column `label`; there are `texto`, `tema`
    "#]],
    );
    sandbox.write("all.csv", "texto,tema\no estorno não caiu\n");
    retrieval(
        ["texto", "tema"],
        expect![[r#"
            exit 5
            --- stderr
            error: 1 problem in the data
              all.csv:2: CSV error: record 1 (line: 2, byte: 11): found record with 1 fields, but the previous record has 2 fields
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    sandbox.write("all.csv", "texto,tema\n");
    retrieval(
        ["texto", "tema"],
        expect![[r#"
            exit 5
            --- stderr
            error: 1 problem in the data
              all.csv: no rows
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    sandbox.write("all.csv", "texto,tema\n ,A\n");
    retrieval(
        ["texto", "tema"],
        expect![[r#"
            exit 5
            --- stderr
            error: 1 problem in the data
              all.csv:2: texto and tema must not be empty
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    sandbox.write("all.csv", b"texto,tema\n\xe3,A\n");
    retrieval(
        ["texto", "tema"],
        expect![[r#"
            exit 5
            --- stderr
            error: 1 problem in the data
              all.csv:2: CSV parse error: record 1 (line 2, field: 0, byte: 11): invalid utf-8: invalid UTF-8 in field 0 near byte index 0
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );

    let actions = |train: &str, expected| {
        sandbox.write("train.jsonl", train);
        sandbox.check(&["evaluate", "actions", "--train", "train.jsonl", "--test", "train.jsonl"], expected);
    };
    actions(
        "{",
        expect![[r#"
            exit 5
            --- stderr
            error: 1 problem in the data
              train.jsonl:1: EOF while parsing an object at line 1 column 1
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    actions(
        "{\"case\": \"1\"}\n",
        expect![[r#"
            exit 5
            --- stderr
            error: 1 problem in the data
              train.jsonl:1: missing field `turns` at line 1 column 13
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    actions(
        "",
        expect![[r#"
            exit 5
            --- stderr
            error: 1 problem in the data
              train.jsonl: no cases
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    sandbox.check(
        &["evaluate", "actions", "--train", "no.jsonl", "--test", "no.jsonl"],
        expect![[r#"
            exit 5
            --- stderr
            error: failed to open file `no.jsonl`: No such file or directory (os error 2)
        "#]],
    );
}
