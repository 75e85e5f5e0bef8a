//! `nba show`: one ticket, whole and masked.

use expect_test::expect;
use serde_json::Value;

use crate::support::Sandbox;

fn mini_index() -> Sandbox {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&["index", "build", "--data", "desk", "--index", "index", "--model", "hashed"]).ok();
    sandbox
}

#[test]
fn a_ticket_is_shown_whole() {
    let sandbox = mini_index();
    sandbox.check(
        &["show", "TICKET-1"],
        expect![[r#"
        exit 0
        --- stdout
        TICKET-1  Estorno
        RESOLVED · FINANCIAL · HIGH · EMAIL · opened <time> · Vera Castilho (L1) · generation g000001
        solved by OTHER

        Problem
            Estorno
            O estorno não caiu na conta

        Since the first answer
            agent     Fiz o estorno agora  [OTHER]
    "#]],
    );
    sandbox.check(
        &["show", "TICKET-3"],
        expect![[r#"
        exit 0
        --- stdout
        TICKET-3  Estorno
        OPEN · FINANCIAL · HIGH · EMAIL · opened <time> · generation g000001

        Problem
            Estorno
            Cadê o estorno da venda
    "#]],
    );
    sandbox.check(
        &["show", "TICKET-1", "--json", "--language", "en"],
        expect![[r#"
        exit 0
        --- stdout
        {
          "generation": "g000001",
          "ticket_id": "TICKET-1",
          "subject": "Estorno",
          "status": "RESOLVED",
          "priority": "HIGH",
          "category": "FINANCIAL",
          "subcategory": null,
          "channel": "EMAIL",
          "language": "pt",
          "created_at": "<time>",
          "resolution_hours": null,
          "csat": null,
          "escalated": null,
          "reopened": null,
          "agent": "Vera Castilho",
          "team": "L1",
          "tags": [],
          "solved_by": {
            "id": "OTHER",
            "title": "OTHER"
          },
          "problem": "Estorno\nO estorno não caiu na conta",
          "turns": [
            {
              "author": "agent",
              "text": "Fiz o estorno agora",
              "action": {
                "id": "OTHER",
                "title": "OTHER"
              }
            }
          ]
        }
    "#]],
    );
}

#[test]
fn a_ticket_that_is_not_there_is_told_with_those_that_are() {
    let sandbox = mini_index();
    sandbox.check(
        &["show", "TICKET-4"],
        expect![[r#"
        exit 2
        --- stderr
        error: no ticket `TICKET-4` in this index; did you mean `TICKET-1`, `TICKET-2`, `TICKET-3`?
    "#]],
    );
    sandbox.check(
        &["show"],
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <TICKET>

        Usage: nba show <TICKET>

        For more information, try '--help'.
    "#]],
    );
    sandbox.nba(&["index", "forget", "--ticket", "TICKET-1"]).ok();
    assert!(sandbox.nba(&["show", "TICKET-1"]).failed().stderr.contains("no ticket `TICKET-1`"));
}

/// Every message of a thread of the shipped desk is there, in its order, and nearly every one has its author.
#[test]
fn threads_come_back_from_the_index() {
    let sandbox = Sandbox::with_fixtures();
    let desk = nba::desk::load(&crate::support::fixtures(), &nba::desk::ReadParams::default()).unwrap();
    let (mut messages, mut told) = (0, 0);
    for ticket in desk.tickets.iter().step_by(31) {
        let shown = sandbox.nba(&["show", &ticket.id, "--json"]).json();
        assert_eq!(shown["subject"], ticket.subject.as_str());
        assert_eq!(shown["status"], ticket.status.as_str());
        let later = ticket.thread.iter().skip_while(|turn| turn.author != nba::desk::Author::Agent);
        let later: Vec<_> = later.filter(|turn| !turn.text.trim().is_empty()).collect();
        let turns = shown["turns"].as_array().unwrap();
        assert_eq!(turns.len(), later.len(), "{}", ticket.id);
        for (turn, real) in turns.iter().zip(&later) {
            let line = real.text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(turn["text"], line.as_str(), "{}", ticket.id);
            let author = format!("{:?}", real.author).to_lowercase();
            assert!(turn["author"].is_null() || turn["author"] == author.as_str(), "{}: {turn}", ticket.id);
            assert_eq!(turn["action"] == Value::Null, author != "agent", "{}: {turn}", ticket.id);
            (messages, told) = (messages + 1, told + usize::from(!turn["author"].is_null()));
        }
    }
    assert!(messages > 40 && told * 10 >= messages * 8, "{told} of {messages}");
}
