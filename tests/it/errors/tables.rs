//! Source tables that break the schema: every fault with its file and line, and nothing written; or skipped and counted.

use expect_test::{Expect, expect};

use crate::support::{Sandbox, files};

const BUILD: [&str; 6] = ["index", "build", "--data", "desk", "--model", "hashed"];

/// Builds from the small desk after a change, and looks that nothing was written.
fn check(change: impl FnOnce(&Sandbox), expected: Expect) {
    let sandbox = Sandbox::with_mini_desk();
    change(&sandbox);
    sandbox.check(&BUILD, expected);
    assert!(!sandbox.path("index").exists(), "an index was begun");
}

#[test]
fn rows_that_cannot_be_taken_apart() {
    check(
        |it| it.edit("desk/agents.csv", ",L1,", ",L1,L2,"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 3 problems in the data
              desk/agents.csv:2: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/tickets.csv:2: agent_id = `AGENT1`: is not a agent_id of agents
              desk/tickets.csv:3: agent_id = `AGENT1`: is not a agent_id of agents
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/agents.csv", ",ACTIVE", ""),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 3 problems in the data
              desk/agents.csv:2: has 4 fields where the header has 5; quote fields that hold the delimiter
              desk/tickets.csv:2: agent_id = `AGENT1`: is not a agent_id of agents
              desk/tickets.csv:3: agent_id = `AGENT1`: is not a agent_id of agents
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/tickets.csv", "Maquininha,", "\"Maquininha,"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 4 problems in the data
              desk/tickets.csv: the row of line 3 opens a quote that is never closed, and swallows all that follows
              desk/tickets.csv:3: has 11 fields where the header has 12; quote fields that hold the delimiter
              desk/ticket_interactions.csv:4: ticket_id = `TICKET-2`: is not a ticket_id of tickets
              desk/ticket_interactions.csv:5: ticket_id = `TICKET-3`: is not a ticket_id of tickets
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    // The last column: every row has as many fields as it should.
    check(
        |it| it.edit("desk/ticket_interactions.csv", "Fiz o", "\"Fiz o"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/ticket_interactions.csv: the row of line 3 opens a quote that is never closed, and swallows all that follows
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.write("desk/agents.csv", b"agent_id,agent_name,team\nAGENT1,Jos\xe9,L1\n"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 3 problems in the data
              desk/agents.csv:2: is not UTF-8; save the file as UTF-8
              desk/tickets.csv:2: agent_id = `AGENT1`: is not a agent_id of agents
              desk/tickets.csv:3: agent_id = `AGENT1`: is not a agent_id of agents
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.write("desk/agents.csv", b"\xff\xfea\0g\0e\0n\0t\0"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/agents.csv: is UTF-16; save it as UTF-8
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.write("desk/agents.csv", ""),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/agents.csv: is empty; the first line must name the columns
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
}

#[test]
fn values_that_break_the_schema() {
    check(
        |it| it.edit("desk/tickets.csv", "COMP2,CUST2", "COMP2,CUST7"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets.csv:3: customer_id = `CUST7`: is not a customer_id of customers
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/tickets.csv", "TICKET-2", "TICKET-1"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 2 problems in the data
              desk/tickets.csv:3: ticket_id = `TICKET-1`: is not unique; line 2 has it too
              desk/ticket_interactions.csv:4: ticket_id = `TICKET-2`: is not a ticket_id of tickets
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/tickets.csv", "TICKET-2,", ","),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 2 problems in the data
              desk/tickets.csv:3: ticket_id: must have a value
              desk/ticket_interactions.csv:4: ticket_id = `TICKET-2`: is not a ticket_id of tickets
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/tickets.csv", "CLOSED", "DONE"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets.csv:3: status = `DONE`: is not one of OPEN, IN_PROGRESS, PENDING_CUSTOMER, RESOLVED, CLOSED, CANCELLED
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/tickets.csv", "LOW", "low"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets.csv:3: priority = `low`: is not one of LOW, MEDIUM, HIGH, CRITICAL
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/tickets.csv", "2026-05-03 10:00:00", "03/05/2026"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets.csv:3: created_at = `03/05/2026`: is not a time such as 2025-12-01 02:33:54
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/tickets.csv", "2026-05-03 10:00:00", ""),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets.csv:3: created_at: must have a value
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/ticket_interactions.csv", "AGENT,AGENT1,Vamos", "BOT,AGENT1,Vamos"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/ticket_interactions.csv:4: author_type = `BOT`: is not one of CUSTOMER, AGENT, SYSTEM
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
}

#[test]
fn files_and_columns_that_are_missing() {
    check(
        |it| it.edit("desk/tickets.csv", "priority", "prio"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets.csv: priority: no such column; looked for priority in ticket_id, company_id, customer_id, agent_id, created_at, closed_at, status, prio, category, channel, subject, description
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| it.edit("desk/agents.csv", "agent_name", "team"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 2 problems in the data
              desk/agents.csv: agent_name: no such column; looked for agent_name, name in agent_id, team, team, specialization, status
              desk/agents.csv: team: is there more than once: team, team
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| fs_err::remove_file(it.path("desk/agents.csv")).unwrap(),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/agents: no such table; looked for agents.csv, agents.parquet, agents/*.parquet, agents_en.csv, agents_en.parquet, agents_en/*.parquet
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| fs_err::copy(it.path("desk/agents.csv"), it.path("desk/agents_en.csv")).map(drop).unwrap(),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/agents: more than one file holds this table; keep one of desk/agents.csv, desk/agents_en.csv
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| fs_err::remove_dir_all(it.path("desk")).unwrap(),
        expect![[r#"
            exit 5
            --- stderr
            error: failed to read directory `desk`: No such file or directory (os error 2)
        "#]],
    );
    check(
        |it| it.write("desk/tickets.parquet", "no Parquet"),
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets: more than one file holds this table; keep one of desk/tickets.csv, desk/tickets.parquet
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
    check(
        |it| {
            fs_err::remove_file(it.path("desk/tickets.csv")).unwrap();
            it.write("desk/tickets.parquet", "no Parquet");
        },
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk/tickets.parquet: cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
}

#[test]
fn every_problem_is_counted_and_the_first_are_shown() {
    check(
        |it| {
            let rows: String =
                (2..60).map(|n| format!("AGENT{n},Ana,L1,,{}\n", if n % 2 == 0 { "ACTIVE,x" } else { "" })).collect();
            it.write("desk/agents.csv", format!("agent_id,agent_name,team,specialization,status\n{rows}"));
        },
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 31 problems in the data
              desk/agents.csv:2: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:4: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:6: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:8: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:10: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:12: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:14: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:16: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:18: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:20: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:22: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:24: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:26: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:28: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:30: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:32: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:34: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:36: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:38: has 6 fields where the header has 5; quote fields that hold the delimiter
              desk/agents.csv:40: has 6 fields where the header has 5; quote fields that hold the delimiter
              … and 11 more
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
}

/// Personal data must not come back in a message.
#[test]
fn messages_do_not_repeat_free_text() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.edit("desk/customers.csv", "CUST2,COMP2", "CUST2,COMP9");
    sandbox.edit("desk/customers.csv", "CUST1,COMP1", "CUST1,COMP1,Iara");
    let stderr = sandbox.nba(&BUILD).failed().stderr;
    for value in ["Iara", "Bento", "529.982", "99876", "@loja"] {
        assert!(!stderr.contains(value), "{stderr}");
    }
}

#[test]
fn lenient_skips_and_counts() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.edit("desk/tickets.csv", "CLOSED", "DONE");
    sandbox.edit("desk/agents.csv", "\nAGENT1", "\nAGENT2,too,few\nAGENT1");
    let report = sandbox.nba(&[&BUILD[..], &["--lenient", "--json"]].concat()).json();
    // An agent, a ticket, and what was said in that ticket.
    assert_eq!(report["skipped"], 3);
    assert_eq!(report["generation"]["indexes"]["tickets"]["rows"], 2);
    sandbox.nba(&["similar", "TICKET-2"]).failed();
    sandbox.nba(&["similar", "TICKET-1"]).ok();
    // What is missing as a whole is no row that could be skipped.
    fs_err::remove_file(sandbox.path("desk/agents.csv")).unwrap();
    sandbox.check(&[&BUILD[..], &["--lenient"]].concat(), expect![[r#"
        exit 5
        --- stderr
        read
        error: 1 problem in the data
          desk/agents: no such table; looked for agents.csv, agents.parquet, agents/*.parquet, agents_en.csv, agents_en.parquet, agents_en/*.parquet
          nothing was written; mend the data (a build can skip faulty rows with --lenient)
    "#]]);
}

#[test]
fn a_desk_without_tickets_or_words() {
    let sandbox = Sandbox::with_mini_desk();
    for name in ["tickets.csv", "ticket_interactions.csv"] {
        let header = sandbox.read(&format!("desk/{name}")).lines().next().unwrap().to_owned();
        sandbox.write(&format!("desk/{name}"), header + "\n");
    }
    sandbox.check(
        &BUILD,
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 1 problem in the data
              desk: there is no ticket to index
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );

    let sandbox = Sandbox::with_mini_desk();
    sandbox.edit("desk/tickets.csv", "Estorno,Cadê o estorno da venda", "\" \",\" \"");
    sandbox.edit("desk/ticket_interactions.csv", "Cadê o estorno da venda", "");
    sandbox.check(
        &BUILD,
        expect![[r#"
            exit 5
            --- stderr
            read
            error: 2 problems in the data
              desk/tickets.csv:4: subject: must have a value
              desk/tickets.csv:4: description: must have a value
              nothing was written; mend the data (a build can skip faulty rows with --lenient)
        "#]],
    );
}

#[test]
fn a_failed_build_leaves_what_serves() {
    let sandbox = Sandbox::with_small_index();
    let before = (sandbox.read("index/CURRENT"), files(&sandbox.path("index")));
    sandbox.edit("desk/tickets.csv", "TICKET-", "");
    for extra in [&[][..], &["--actions", "none.toml"], &["--keep", "1"]] {
        sandbox.nba(&[&BUILD[..], extra].concat()).failed();
        assert_eq!((sandbox.read("index/CURRENT"), files(&sandbox.path("index"))), before);
    }
    sandbox.nba(&["index", "verify"]).ok();
    sandbox.nba(&["similar", &crate::support::small_ticket(true)]).ok();
}
