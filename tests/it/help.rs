//! Help and usage: they work on a machine that has nothing, and plain where nobody watches.

use expect_test::expect;

use crate::support::Sandbox;

const COMMANDS: [&[&str]; 24] = [
    &["similar"],
    &["recommend"],
    &["feedback"],
    &["search"],
    &["show"],
    &["index", "build"],
    &["index", "status"],
    &["index", "verify"],
    &["index", "list"],
    &["index", "rollback"],
    &["index", "diff"],
    &["index", "forget"],
    &["serve"],
    &["mcp"],
    &["actions", "check"],
    &["actions", "discover"],
    &["analyze"],
    &["mask"],
    &["generate"],
    &["evaluate", "retrieval"],
    &["evaluate", "actions"],
    &["evaluate", "queries"],
    &["tune"],
    &["config"],
];

#[test]
fn the_program_and_each_command_explain_themselves() {
    let mut sandbox = Sandbox::new();
    // Even with settings that cannot be used.
    sandbox.set("NBA_CONFIG", "no/such/nba.toml");
    sandbox.set("NBA_INDEX", "no/such/index");
    sandbox.set("NBA_MODEL", "no/such/model");
    for command in [&[][..], &["index"], &["actions"], &["evaluate"]].into_iter().chain(COMMANDS) {
        let args = [command, &["--help"]].concat();
        let help = sandbox.nba(&args).ok().stdout;
        assert!(help.contains("Usage:"), "{args:?}: {help}");
        assert!(!help.contains('\u{1b}'), "{args:?} is coloured");
        let names_itself = [&["nba"], command].concat().join(" ");
        assert!(help.contains(&names_itself), "{args:?}: {help}");
    }
}

#[test]
fn each_command_shows_examples() {
    let sandbox = Sandbox::new();
    for command in std::iter::once(&[][..]).chain(COMMANDS) {
        let help = sandbox.nba(&[command, &["--help"]].concat()).stdout;
        let examples = help.split_once("Example").unwrap_or_else(|| panic!("{command:?}: {help}")).1;
        assert!(examples.contains(&[&["  nba"], command].concat().join(" ")), "{command:?}: {help}");
    }
}

#[test]
fn every_example_fits_a_narrow_terminal_and_is_understood() {
    let mut sandbox = Sandbox::new();
    sandbox.set("COLUMNS", "80");
    let mut examples = 0;
    for command in std::iter::once(&[][..]).chain(COMMANDS) {
        let help = sandbox.nba(&[command, &["--help"]].concat()).stdout;
        for line in help.lines().filter_map(|line| line.strip_prefix("  nba ")) {
            // There is neither index nor data: anything but a complaint about the words will do.
            let line = line.replace('…', "0.3");
            let outcome = sandbox.sh(&format!("\"$NBA\" {line}"));
            assert!(matches!(outcome.code, 0 | 3 | 5 | 7), "nba {line}: {outcome:?}");
            examples += 1;
        }
    }
    assert!(examples > 10, "{examples} examples");
}

#[test]
fn without_arguments_help_is_shown_as_for_a_mistake() {
    let outcome = Sandbox::new().nba(&[]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("Examples:"), "{outcome:?}");
}

#[test]
fn the_version_is_the_package_s() {
    let outcome = Sandbox::new().nba(&["--version"]).ok();
    assert_eq!(outcome.stdout, format!("nba {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_says_what_is_right() {
    let sandbox = Sandbox::new();
    sandbox.check(
        &["similar"],
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <TICKET|--text <TEXT>>

        Usage: nba similar <TICKET|--text <TEXT>>

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["similar", "TICKET-1", "--text", "both"],
        expect![[r#"
        exit 2
        --- stderr
        error: the argument '[TICKET]' cannot be used with '--text <TEXT>'

        Usage: nba similar <TICKET|--text <TEXT>>

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["simlar", "TICKET-1"],
        expect![[r#"
        exit 2
        --- stderr
        error: unrecognized subcommand 'simlar'

          tip: a similar subcommand exists: 'similar'

        Usage: nba [OPTIONS] <COMMAND>

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["similar", "TICKET-1", "-k", "many"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'many' for '--k <N>': invalid digit found in string

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--text", "a", "--type", "fuzzy"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'fuzzy' for '--type <TYPE>'
          [possible values: ann, hybrid, full_text]

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["feedback", "TICKET-1", "--action", "REFUND_FEE"],
        expect![[r#"
            exit 2
            --- stderr
            error: the following required arguments were not provided:
              <--accepted|--rejected|--edited|--displayed|--list>

            Usage: nba feedback --action <A> <--accepted|--rejected|--edited|--displayed|--list> <TICKET>

            For more information, try '--help'.
        "#]],
    );
    sandbox.check(
        &["feedback", "--accepted"],
        expect![[r#"
            exit 2
            --- stderr
            error: the following required arguments were not provided:
              --action <A>
              <TICKET>

            Usage: nba feedback --action <A> <--accepted|--rejected|--edited|--displayed|--list> <TICKET>

            For more information, try '--help'.
        "#]],
    );
    sandbox.check(
        &["feedback", "TICKET-1", "--action", "REFUND_FEE", "--accepted", "--rejected"],
        expect![[r#"
            exit 2
            --- stderr
            error: the argument '--accepted' cannot be used with '--rejected'

            Usage: nba feedback --action <A> <--accepted|--rejected|--edited|--displayed|--list> <TICKET>

            For more information, try '--help'.
        "#]],
    );
    sandbox.check(
        &["feedback", "TICKET-1", "--action", "REFUND_FEE", "--accepted", "--edited-to", "CLOSE_TICKET"],
        expect![[r#"
            exit 7
            --- stderr
            error: no index in index; build one with `nba index build --data DIR --index index`
        "#]],
    );
    sandbox.check(
        &["feedback", "TICKET-1", "--list"],
        expect![[r#"
            exit 2
            --- stderr
            error: the argument '[TICKET]' cannot be used with '--list'

            Usage: nba feedback <--accepted|--rejected|--edited|--displayed|--list> <TICKET>

            For more information, try '--help'.
        "#]],
    );
    sandbox.check(
        &["feedback", "TICKET-1", "--action", "REFUND_FEE", "--accepted", "--ticket", "TICKET-1"],
        expect![[r#"
            exit 7
            --- stderr
            error: no index in index; build one with `nba index build --data DIR --index index`
        "#]],
    );
    sandbox.check(
        &["search", "tickets"],
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <--text <TEXT>|--vector <NUMBERS>|--row <KEY>>

        Usage: nba search <--text <TEXT>|--vector <NUMBERS>|--row <KEY>> <INDEX>

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["search", "tickets", "--vector", "0.1,x"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'x' for '--vector <NUMBERS>': invalid float literal

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["index", "build"],
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          --data <DIR>

        Usage: nba index build --data <DIR>

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["index", "build", "--data", "desk", "--vector", "ivf"],
        expect![[r#"
            exit 2
            --- stderr
            error: invalid value 'ivf' for '--vector <auto|flat|codes|hnsw>': it is `auto`, `flat`, `codes` or `hnsw`

            For more information, try '--help'.
        "#]],
    );
    sandbox.check(
        &["--language", "de", "config"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'de' for '--language <pt|en>': it is `pt` or `en`

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["generate", "--out", "desk", "--locale", "de"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'de' for '--locale <pt-BR|en|mixed>': it is `pt-BR`, `en` or `mixed`

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["evaluate", "retrieval", "--text", "a", "--label", "b"],
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          --train <FILE>

        Usage: nba evaluate retrieval --text <COL> --label <COL> --train <FILE>

        For more information, try '--help'.
    "#]],
    );
    sandbox.check(
        &["similar", "--json"],
        expect![[r#"
            exit 2
            --- stderr
            {"error":"the following required arguments were not provided:\n  <TICKET|--text <TEXT>>\n\nUsage: nba similar --json <TICKET|--text <TEXT>>\n\nFor more information, try '--help'.","exit_code":2}
        "#]],
    );
}
