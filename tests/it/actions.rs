//! `nba actions`: what a catalogue makes of messages, and what it lacks, with hashed vectors and a catalogue made here.

use expect_test::expect;

use crate::support::{MINI_DESK, Sandbox};

const CATALOGUE: &str = r#"
[[action]]
id = "REFUND"
title = { pt = "Estornar", en = "Refund" }
description = { pt = "Estorna.", en = "Refunds." }
kind = "resolve"
examples = ["Fiz o estorno agora", "O estorno foi feito"]

[[action]]
id = "SWAP"
title = { pt = "Trocar", en = "Swap" }
description = { pt = "Troca.", en = "Swaps." }
kind = "resolve"
examples = ["Vamos trocar a maquininha", "A maquininha vai ser trocada"]
"#;

/// The smallest desk with these further messages of its agent.
fn sandbox(messages: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in MINI_DESK {
        let mut text = text.to_owned();
        if name == "ticket_interactions.csv" && !messages.is_empty() {
            text = text
                .lines()
                .enumerate()
                .map(|(at, line)| format!("{line}{}\n", if at == 0 { ",action" } else { "," }))
                .collect();
            for (at, (message, action)) in messages.iter().enumerate() {
                text += &format!("MORE{at},TICKET-1,2026-05-01 13:00:00,AGENT,AGENT1,{message},{action}\n");
            }
        }
        sandbox.write(&format!("desk/{name}"), &text);
    }
    sandbox.write("desk/actions.toml", CATALOGUE);
    sandbox
}

#[test]
fn a_check_tells_shares_and_doubtful_messages() {
    sandbox(&[]).check(
        &["actions", "check", "--data", "desk", "--model", "hashed"],
        expect![[r#"
        exit 0
        --- stdout
        2 messages of agents in 3 tickets: 100.0 % assigned by their words, 0.0 % OTHER; 0 given in the tables

                assigned    share   given   right
        REFUND         1   50.0 %       0       0
        SWAP           1   50.0 %       0       0

        Assigned, least certain first
         0.990  REFUND  TICKET-1: “Fiz o estorno agora”
         0.990  SWAP  TICKET-2: “Vamos trocar a maquininha”
    "#]],
    );
}

#[test]
fn a_check_against_given_actions_tells_what_is_confused() {
    let sandbox = sandbox(&[
        ("Fiz o estorno hoje", "REFUND"),
        ("Vamos trocar a maquininha amanhã", "REFUND"),
        ("Bom dia", "SWAP"),
    ]);
    let report = sandbox.nba(&["actions", "check", "--data", "desk", "--model", "hashed", "--json"]).json();
    let accuracy = &report["accuracy"];
    assert_eq!(accuracy["labelled"], 3);
    let thirds = ["right", "other", "wrong"].map(|key| (accuracy[key].as_f64().unwrap() * 3.0).round() as u8);
    assert_eq!(thirds, [1, 1, 1], "{accuracy}");
    assert_eq!(accuracy["confusions"][0]["given"], "REFUND");
    assert_eq!(accuracy["confusions"][0]["assigned"], "SWAP");
    assert_eq!(accuracy["confusions"][1]["assigned"], "OTHER");
    assert_eq!((&report["messages"], &report["given"]), (&5.into(), &3.into()));
    let refund = &report["actions"][0];
    assert_eq!((&refund["action"], &refund["given"], &refund["right"]), (&"REFUND".into(), &2.into(), &1.into()));
}

#[test]
fn what_is_lacking_is_proposed_as_toml_that_a_build_reads() {
    let sandbox = Sandbox::new();
    for (name, text) in MINI_DESK {
        let mut text = text.to_owned();
        for n in 4..10 {
            match name {
                "tickets.csv" => {
                    text += &format!(
                        "TICKET-{n},COMP1,CUST1,AGENT1,2026-05-01 10:00:00,2026-05-02 10:00:00,RESOLVED,HIGH,FINANCIAL,EMAIL,Chip,Sem sinal\n"
                    )
                }
                "ticket_interactions.csv" => {
                    text += &format!(
                        "MORE{n},TICKET-{n},2026-05-01 13:00:00,AGENT,AGENT1,Enviei um chip novo pelo correio número {n}00\n"
                    )
                }
                _ => {}
            }
        }
        sandbox.write(&format!("desk/{name}"), &text);
    }
    sandbox.write("desk/actions.toml", CATALOGUE);
    let args = ["actions", "discover", "--data", "desk", "--model", "hashed"];
    let printed = sandbox.nba(&args).ok();
    expect![[r##"
        # Proposed by `nba actions discover`: drop what is no action, edit the rest, and add it to the catalogue.

        # In 6 tickets, 6 different sentences.
        # Nearest action so far: REFUND (likeness 0.04); the kind is its kind.
        [[action]]
        id = "ENVIEI_CHIP_CORREIO" # edit
        title = { pt = "Enviei um chip novo pelo correio número 400", en = "Enviei um chip novo pelo correio número 400" } # edit
        description = { pt = "Enviei um chip novo pelo correio número 400", en = "Enviei um chip novo pelo correio número 400" } # edit
        kind = "resolve" # check
        categories = ["FINANCIAL"]
        examples = [
          "Enviei um chip novo pelo correio número 400",
          "Enviei um chip novo pelo correio número 500",
          "Enviei um chip novo pelo correio número 600",
          "Enviei um chip novo pelo correio número 700",
          "Enviei um chip novo pelo correio número 800",
          "Enviei um chip novo pelo correio número 900",
        ]
    "##]].assert_eq(&printed.stdout);
    sandbox.nba(&[&args[..], &["--out", "new.toml"]].concat()).ok();
    assert_eq!(fs_err::read_to_string(sandbox.path("new.toml")).unwrap(), printed.stdout);
    let proposed = nba::Catalogue::from_toml(&sandbox.path("new.toml")).unwrap();
    assert_eq!(proposed.actions.len(), 1);
    // Said in six tickets: more are too many.
    let none = sandbox.nba(&[&args[..], &["--min-size", "7", "--json"]].concat()).json();
    assert_eq!(none["proposals"].as_array().unwrap().len(), 0);
}

#[test]
fn requests_that_cannot_be_answered() {
    let sandbox = sandbox(&[]);
    sandbox.check(
        &["actions", "discover", "--data", "desk", "--model", "hashed", "--min-size", "0"],
        expect![[r#"
        exit 2
        --- stderr
        error: --min-size: it is 1 or more
    "#]],
    );
    sandbox.check(
        &["actions", "check", "--data", "desk", "--model", "hashed", "--actions", "no.toml"],
        expect![[r#"
            exit 5
            --- stderr
            error: failed to open file `no.toml`: No such file or directory (os error 2)
        "#]],
    );
    let silent = MINI_DESK[4].1.lines().filter(|line| !line.contains("AGENT")).collect::<Vec<_>>().join("\n");
    sandbox.write("desk/ticket_interactions.csv", &silent);
    sandbox.check(
        &["actions", "check", "--data", "desk", "--model", "hashed"],
        expect![[r#"
        exit 2
        --- stderr
        error: --data: no agent wrote anything in these tickets
    "#]],
    );
}
