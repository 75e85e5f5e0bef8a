//! `nba mask`: lines in, the same lines out, with placeholders.

use expect_test::expect;

use crate::support::Sandbox;

const MESSAGES: &str = "Meu CPF é 529.982.247-25 e o NSU 123456789\nO valor não caiu.\n\nAtt,\n\nThaís Fagundes\nHelena Prado Rangel ligou\n";

#[test]
fn a_file_is_masked_line_by_line() {
    let sandbox = Sandbox::new();
    sandbox.write("messages.txt", MESSAGES);
    sandbox.check(
        &["mask", "messages.txt"],
        expect![[r#"
        exit 0
        --- stdout
        Meu CPF é [CPF] e o NSU 123456789
        O valor não caiu.

        Att,

        [NAME]
        Helena Prado Rangel ligou
        --- stderr
        2 masked in 7 lines: 1 [CPF], 1 [NAME]
    "#]],
    );
    sandbox.write("people.csv", "name,email\nHelena Maria Prado Rangel,\n\"Helena Rangel\",\n");
    let named = sandbox.nba(&["mask", "--names", "people.csv", "messages.txt"]).ok();
    assert!(named.stdout.contains("Helena Prado Rangel"), "{named:?}");
    sandbox.write("people.csv", "customer_id,customer_name\nC1,Helena Prado Rangel\n");
    let named = sandbox.nba(&["mask", "--names", "people.csv", "messages.txt"]).ok();
    assert!(named.stdout.ends_with("\n[NAME] ligou\n"), "{named:?}");
}

#[test]
fn standard_input_and_json_lines() {
    let sandbox = Sandbox::new();
    let outcome =
        sandbox.sh("printf 'card 4111 1111 1111 1111, again 4111111111111111\\nno feed' | \"$NBA\" mask - --json").ok();
    expect![[r#"
        {"found":{"CARD":2},"line":1,"text":"card [CARD], again [CARD]"}
        {"found":{},"line":2,"text":"no feed"}
    "#]]
    .assert_eq(&outcome.stdout);
    assert_eq!(outcome.stderr, "");
    // Neither a line feed at the end nor a carriage return is made up or lost.
    let outcome = sandbox.sh("printf 'a\\r\\n\\r\\n\\n\\n\\n\\n\\nb' | \"$NBA\" mask -").ok();
    assert_eq!(outcome.stdout, "a\r\n\r\n\n\n\n\n\nb");
    assert_eq!(sandbox.sh("printf '' | \"$NBA\" mask -").ok().stdout, "");
    // A value that a line break divides is masked on both lines.
    let outcome = sandbox.sh("printf 'card 4111 1111\\n1111 1111 was refused' | \"$NBA\" mask -").ok();
    assert_eq!(outcome.stdout, "card [CARD]\n[CARD] was refused");
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.txt", b"fine\ncpf 529.982.247-25\n\xff\xfe bad\nnever seen\n");
    sandbox.check(
        &["mask", "bad.txt"],
        expect![[r#"
            exit 5
            --- stdout
            fine
            cpf [CPF]
            --- stderr
            error: bad.txt:3: is not UTF-8; save the file as UTF-8
        "#]],
    );
    sandbox.write("long.txt", format!("short\n{}\n", "x".repeat(1 << 20)));
    let outcome = sandbox.nba(&["mask", "long.txt"]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.contains("long.txt:2: is longer than"), "{outcome:?}");
    assert_eq!(sandbox.nba(&["mask", "none.txt"]).failed().code, 5);
    sandbox.write("people.csv", "who\nAna\n");
    let outcome = sandbox.nba(&["mask", "--names", "people.csv", "bad.txt"]).failed();
    assert!(outcome.stderr.contains("no such column; looked for customer_name, name"), "{outcome:?}");
}
