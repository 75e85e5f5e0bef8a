//! The desk from files to rows: a small desk written here, and both languages of the seed's where it is at hand.

use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use expect_test::{Expect, expect};
use fs_err as fs;
use proptest::prelude::*;

use super::action::{Catalogue, OTHER};
use super::assign::{AssignParams, Assigner};
use super::document::{problem_text, steps};
use super::row::{step_rows, ticket_rows};
use super::ticket::{Author, Status, Ticket, Turn};
use super::*;
use crate::error::Result;
use crate::table::ReadParams;

const CATALOGUE: &str = r#"
[[action]]
id = "REFUND_FEE"
title = { pt = "Estornar tarifa", en = "Refund the fee" }
description = { pt = "Estorna a tarifa.", en = "Refunds the fee." }
kind = "resolve"
categories = ["FINANCIAL"]
examples = ["Realizei o estorno", "I refunded the fee"]

[[action]]
id = "CLOSE"
title = { pt = "Encerrar", en = "Close" }
description = { pt = "Encerra.", en = "Closes." }
kind = "close"
examples = ["Ticket encerrado"]

[[action]]
id = "ESCALATE"
title = { pt = "Encaminhar", en = "Escalate" }
description = { pt = "Encaminha.", en = "Escalates." }
kind = "escalate"
examples = ["Vou encaminhar", "Encaminhei ao time", "I forwarded it"]
"#;

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// A desk with a solved ticket, one that was escalated, and one that waits.
fn small_desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("companies.csv", "company_id,cnpj\nCO1,11.222.333/0001-81\n"),
            (
                "customers_en.csv",
                "customer_id,company_id,customer_name,email,ssn,phone\n\
                 CU1,CO1,Ana da Rocha,ana@example.org,409-11-9751,(071) 6342 1607\n\
                 CU2,CO1,Rui Porto,,,\n",
            ),
            (
                "agents.csv",
                "agent_id,agent_name,email,team,status\n\
                 AG1,Bia Santos,bia@desk.example,L1_SUPPORT,ACTIVE\n\
                 AG2,Leo Dias,leo@desk.example,L2_TECHNICAL,AWAY\n",
            ),
            (
                "tickets.csv",
                "ticket_id,company_id,customer_id,agent_id,created_at,closed_at,status,priority,category,subcategory,channel,subject,description,tags,resolution_time_hours,sla_breached,csat_score,reopened_count\n\
                 T1,CO1,CU1,AG1,2025-12-01 02:00:00,2025-12-02 02:00:00,CLOSED,LOW,FINANCIAL,WRONG_FEE,LIVE_CHAT,Tarifa errada,Aqui é a Ana: a tarifa está errada.,FINANCIAL|WRONG_FEE,24.5,FALSE,4.5,1\n\
                 T2,CO1,CU2,AG2,2025-12-03 02:00:00,,RESOLVED,HIGH,TECHNICAL,,CHAT,Sem sinal,A máquina não conecta,,,,,\n\
                 T3,CO1,CU2,,2025-12-04 02:00:00,,OPEN,CRITICAL,TECHNICAL,,CHAT,Fora do ar,O sistema caiu,,,,,0\n",
            ),
            (
                "ticket_interactions.csv",
                "interaction_id,ticket_id,interaction_timestamp,author_type,author_id,message,action\n\
                 I3,T1,2025-12-01 04:00:00,AGENT,AG1,Realizei o estorno para 409-11-9751.,REFUND_FEE\n\
                 I1,T1,2025-12-01 02:00:00,CUSTOMER,CU1,aqui é a  Ana: a tarifa está errada.,\n\
                 I2,T1,2025-12-01 03:00:00,CUSTOMER,CU1,Meu telefone é 071 63421607,\n\
                 I4,T1,2025-12-01 04:00:00,AGENT,AG1,Ticket encerrado,\n\
                 I5,T2,2025-12-03 03:00:00,SYSTEM,,Recebido,\n\
                 I6,T2,2025-12-03 04:00:00,AGENT,AG2,Vou encaminhar,\n\
                 I7,T2,2025-12-03 05:00:00,AGENT,AG2,Mais algo?,ASK_MORE\n\
                 I8,T3,2025-12-04 03:00:00,AGENT,AG1,Estou vendo,\n\
                 I9,T3,2025-12-04 04:00:00,CUSTOMER,CU2,E aí?,\n",
            ),
        ],
    );
    folder
}

fn small() -> Desk {
    load(small_desk().path(), &ReadParams::default()).unwrap()
}

fn catalogue(text: &str) -> Result<Catalogue> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("actions.toml", text)]);
    Catalogue::from_toml(&folder.path().join("actions.toml"))
}

fn actions_of_small() -> Vec<Vec<String>> {
    [["REFUND_FEE", "CLOSE"].as_slice(), &["ESCALATE", "ASK_MORE"], &[OTHER]]
        .map(|ids| ids.iter().map(|id| (*id).to_owned()).collect())
        .to_vec()
}

fn threads(desk: &Desk) -> Vec<Thread> {
    desk.tickets.iter().map(Thread::of).collect()
}

fn rows_text(batch: &RecordBatch) -> String {
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            if column.is_valid(row) {
                text.push_str(&format!("{}: {}\n", field.name(), cell_text(column, row)));
            }
        }
        text.push('\n');
    }
    text
}

fn cell_text(column: &ArrayRef, row: usize) -> String {
    match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(moments) => chrono::DateTime::from_timestamp_micros(moments.value(row)).unwrap().to_string(),
        None => arrow::util::display::array_value_to_string(column, row).unwrap().replace('\n', " ⏎ "),
    }
}

#[test]
fn threads_are_in_the_order_of_time_and_masked() {
    let desk = small();
    let threads: String = desk.tickets.iter().map(|ticket| format!("{}: {:#?}\n", ticket.id, lines(ticket))).collect();
    expect![[r#"
        T1: [
            "Customer aqui é a  [NAME]: a tarifa está errada.",
            "Customer Meu telefone é [PHONE]",
            "Agent Realizei o estorno para [SSN].",
            "Agent Ticket encerrado",
        ]
        T2: [
            "System Recebido",
            "Agent Vou encaminhar",
            "Agent Mais algo?",
        ]
        T3: [
            "Agent Estou vendo",
            "Customer E aí?",
        ]
    "#]]
    .assert_eq(&threads);
    assert_eq!(desk.tickets[0].tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["FINANCIAL", "WRONG_FEE"]);
    assert_eq!(desk.tickets[2].status, Status::Open);
    assert_eq!(desk.agents.iter().map(|agent| agent.active).collect::<Vec<_>>(), [true, false]);
}

fn lines(ticket: &Ticket) -> Vec<String> {
    ticket.thread.iter().map(|turn| format!("{:?} {}", turn.author, turn.text)).collect()
}

#[test]
fn documents_say_what_is_embedded() {
    let mut text = String::new();
    for ticket in small().tickets {
        text.push_str(&format!("{}\n{}\n", ticket.id, problem_text(&ticket)));
        for step in steps(&ticket) {
            let wrote = step.message.unwrap_or("?");
            text.push_str(&format!(
                "  {} (turn {}, customer last: {})\n",
                step.position, step.turn, step.last_turn_is_customer
            ));
            text.push_str(&format!(
                "    {}\n    → {wrote} {:?}\n",
                document::state_text(&ticket, step.turn).replace('\n', "\n    "),
                step.label
            ));
        }
    }
    expect![[r#"
        T1
        Tarifa errada
        Aqui é a [NAME]: a tarifa está errada.
        Meu telefone é [PHONE]
          0 (turn 2, customer last: true)
            Tarifa errada
            C: Meu telefone é [PHONE]
            C: aqui é a [NAME]: a tarifa está errada.
            → Realizei o estorno para [SSN]. Some("REFUND_FEE")
          1 (turn 3, customer last: false)
            Tarifa errada
            A: Realizei o estorno para [SSN].
            C: Meu telefone é [PHONE]
            C: aqui é a [NAME]: a tarifa está errada.
            → Ticket encerrado None
        T2
        Sem sinal
        A máquina não conecta
          0 (turn 1, customer last: false)
            Sem sinal
            S: Recebido
            C: A máquina não conecta
            → Vou encaminhar None
          1 (turn 2, customer last: false)
            Sem sinal
            A: Vou encaminhar
            S: Recebido
            C: A máquina não conecta
            → Mais algo? Some("ASK_MORE")
        T3
        Fora do ar
        O sistema caiu
          0 (turn 0, customer last: true)
            Fora do ar
            C: O sistema caiu
            → Estou vendo None
          1 (turn 2, customer last: true)
            Fora do ar
            C: E aí?
            A: Estou vendo
            C: O sistema caiu
            → ? None
    "#]]
    .assert_eq(&text);
}

#[test]
fn ticket_rows_carry_the_solution() {
    let rows = ticket_rows(
        &small().tickets,
        &small().agents,
        &catalogue(CATALOGUE).unwrap(),
        &threads(&small()),
        &actions_of_small(),
    )
    .unwrap();
    expect![[r#"
        ticket_id: T1
        subject: Tarifa errada
        description: Aqui é a [NAME]: a tarifa está errada.
        problem: Tarifa errada ⏎ Aqui é a [NAME]: a tarifa está errada. ⏎ Meu telefone é [PHONE]
        language: pt
        thread: Realizei o estorno para [SSN]. ⏎ Ticket encerrado
        thread_id: cb713c26a89b9c8e
        status: CLOSED
        priority: LOW
        category: FINANCIAL
        subcategory: WRONG_FEE
        channel: LIVE_CHAT
        created_at: 2025-12-01 02:00:00 UTC
        tags: [FINANCIAL, WRONG_FEE]
        resolution_time_hours: 24.5
        sla_breached: false
        csat_score: 4.5
        reopened_count: 1
        customer_id: CU1
        company_id: CO1
        agent_id: AG1
        agent_name: Bia Santos
        agent_team: L1_SUPPORT
        solved_by: REFUND_FEE
        solution: Realizei o estorno para [SSN].
        turns: 4
        actions: [REFUND_FEE, CLOSE]
        identifiers: []

        ticket_id: T2
        subject: Sem sinal
        description: A máquina não conecta
        problem: Sem sinal ⏎ A máquina não conecta
        language: pt
        thread: Vou encaminhar ⏎ Mais algo?
        thread_id: 405505ed6cf39f7b
        status: RESOLVED
        priority: HIGH
        category: TECHNICAL
        channel: CHAT
        created_at: 2025-12-03 02:00:00 UTC
        tags: []
        customer_id: CU2
        company_id: CO1
        agent_id: AG2
        agent_name: Leo Dias
        agent_team: L2_TECHNICAL
        solved_by: ESCALATE
        solution: Vou encaminhar
        turns: 3
        actions: [ESCALATE, ASK_MORE]
        identifiers: []

        ticket_id: T3
        subject: Fora do ar
        description: O sistema caiu
        problem: Fora do ar ⏎ O sistema caiu
        language: pt
        thread: Estou vendo ⏎ E aí?
        thread_id: a239576c2031a728
        status: OPEN
        priority: CRITICAL
        category: TECHNICAL
        channel: CHAT
        created_at: 2025-12-04 02:00:00 UTC
        tags: []
        reopened_count: 0
        customer_id: CU2
        company_id: CO1
        turns: 2
        actions: [OTHER]
        identifiers: []

    "#]]
    .assert_eq(&rows_text(&rows));
}

#[test]
fn step_rows_carry_the_outcome() {
    let rows = step_rows(&small().tickets, &threads(&small()), &actions_of_small()).unwrap();
    expect![[r#"
        step_id: T1#2
        ticket_id: T1
        thread_id: cb713c26a89b9c8e
        state: Tarifa errada ⏎ C: Meu telefone é [PHONE] ⏎ C: aqui é a [NAME]: a tarifa está errada.
        language: pt
        position: 0
        action: REFUND_FEE
        done: []
        message: Realizei o estorno para [SSN].
        is_last: false
        status: CLOSED
        priority: LOW
        category: FINANCIAL
        subcategory: WRONG_FEE
        channel: LIVE_CHAT
        created_at: 2025-12-01 02:00:00 UTC
        resolved: true
        reopened: true
        resolution_time_hours: 24.5
        sla_breached: false
        csat_score: 4.5
        agent_id: AG1
        identifiers: []

        step_id: T1#3
        ticket_id: T1
        thread_id: cb713c26a89b9c8e
        state: Tarifa errada ⏎ A: Realizei o estorno para [SSN]. ⏎ C: Meu telefone é [PHONE] ⏎ C: aqui é a [NAME]: a tarifa está errada.
        language: pt
        position: 1
        action: CLOSE
        last_action: REFUND_FEE
        done: [REFUND_FEE]
        message: Ticket encerrado
        is_last: true
        status: CLOSED
        priority: LOW
        category: FINANCIAL
        subcategory: WRONG_FEE
        channel: LIVE_CHAT
        created_at: 2025-12-01 02:00:00 UTC
        resolved: true
        reopened: true
        resolution_time_hours: 24.5
        sla_breached: false
        csat_score: 4.5
        agent_id: AG1
        identifiers: []

        step_id: T2#1
        ticket_id: T2
        thread_id: 405505ed6cf39f7b
        state: Sem sinal ⏎ S: Recebido ⏎ C: A máquina não conecta
        language: pt
        position: 0
        action: ESCALATE
        done: []
        message: Vou encaminhar
        is_last: false
        status: RESOLVED
        priority: HIGH
        category: TECHNICAL
        channel: CHAT
        created_at: 2025-12-03 02:00:00 UTC
        resolved: true
        agent_id: AG2
        identifiers: []

        step_id: T2#2
        ticket_id: T2
        thread_id: 405505ed6cf39f7b
        state: Sem sinal ⏎ A: Vou encaminhar ⏎ S: Recebido ⏎ C: A máquina não conecta
        language: pt
        position: 1
        action: ASK_MORE
        last_action: ESCALATE
        done: [ESCALATE]
        message: Mais algo?
        is_last: true
        status: RESOLVED
        priority: HIGH
        category: TECHNICAL
        channel: CHAT
        created_at: 2025-12-03 02:00:00 UTC
        resolved: true
        agent_id: AG2
        identifiers: []

        step_id: T3#0
        ticket_id: T3
        thread_id: a239576c2031a728
        state: Fora do ar ⏎ C: O sistema caiu
        language: pt
        position: 0
        action: OTHER
        done: []
        message: Estou vendo
        is_last: true
        status: OPEN
        priority: CRITICAL
        category: TECHNICAL
        channel: CHAT
        created_at: 2025-12-04 02:00:00 UTC
        resolved: false
        reopened: false
        identifiers: []

        step_id: T3#next
        ticket_id: T3
        thread_id: a239576c2031a728
        state: Fora do ar ⏎ C: E aí? ⏎ A: Estou vendo ⏎ C: O sistema caiu
        language: pt
        position: 1
        last_action: OTHER
        done: [OTHER]
        is_last: false
        status: OPEN
        priority: CRITICAL
        category: TECHNICAL
        channel: CHAT
        created_at: 2025-12-04 02:00:00 UTC
        resolved: false
        reopened: false
        identifiers: []

    "#]].assert_eq(&rows_text(&rows));
}

#[test]
fn schemas_are_as_promised() {
    let none: [Vec<String>; 0] = [];
    let batches =
        [ticket_rows(&[], &[], &Catalogue::default(), &[], &none).unwrap(), step_rows(&[], &[], &none).unwrap()];
    let schemas: Vec<String> = batches
        .iter()
        .map(|batch| {
            let fields = batch.schema().fields().clone();
            let names = fields.iter().map(|field| {
                let gap = if field.is_nullable() { "?" } else { "" };
                format!("{}{gap} {}", field.name(), field.data_type())
            });
            names.collect::<Vec<_>>().join("\n") + "\n"
        })
        .collect();
    expect![[r#"
        ticket_id Utf8
        subject Utf8
        description Utf8
        problem Utf8
        language? Utf8
        thread Utf8
        thread_id Utf8
        status Utf8
        priority Utf8
        category Utf8
        subcategory? Utf8
        channel Utf8
        created_at Timestamp(µs, "UTC")
        tags List(non-null Utf8)
        resolution_time_hours? Float64
        sla_breached? Boolean
        csat_score? Float64
        nps_score? Int64
        sentiment? Utf8
        escalated? Boolean
        reopened_count? Int64
        customer_id Utf8
        company_id Utf8
        agent_id? Utf8
        agent_name? Utf8
        agent_team? Utf8
        solved_by? Utf8
        solution? Utf8
        turns Int64
        actions List(non-null Utf8)
        identifiers List(non-null Utf8)

        step_id Utf8
        ticket_id Utf8
        thread_id Utf8
        state Utf8
        language? Utf8
        position Int64
        action? Utf8
        last_action? Utf8
        done List(non-null Utf8)
        message? Utf8
        is_last Boolean
        status Utf8
        priority Utf8
        category Utf8
        subcategory? Utf8
        channel Utf8
        created_at Timestamp(µs, "UTC")
        resolved Boolean
        reopened? Boolean
        resolution_time_hours? Float64
        sla_breached? Boolean
        csat_score? Float64
        agent_id? Utf8
        identifiers List(non-null Utf8)
    "#]]
    .assert_eq(&schemas.join("\n"));
}

fn check_catalogue(text: &str, expected: &Expect) {
    let shown = match catalogue(text) {
        Ok(catalogue) => format!("{:?}", catalogue.examples()),
        Err(error) => error.to_string().rsplit('/').next().unwrap().to_owned(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_catalogue_is_read_or_its_fault_named_with_the_line() {
    check_catalogue(
        CATALOGUE,
        &expect![[
            r#"["Realizei o estorno", "I refunded the fee", "Ticket encerrado", "Vou encaminhar", "Encaminhei ao time", "I forwarded it"]"#
        ]],
    );
    check_catalogue("", &expect!["actions.toml: has no [[action]]"]);
    check_catalogue("[[action]\n", &expect!["actions.toml: line 1: unclosed array table, expected `]`"]);
    check_catalogue(
        &CATALOGUE.replacen("kind = \"close\"", "kind = \"shut\"", 1),
        &expect![
            "actions.toml: line 14: unknown variant `shut`, expected one of `ask`, `inform`, `investigate`, `resolve`, `escalate`, `close`"
        ],
    );
    check_catalogue(
        &CATALOGUE.replacen("kind = \"close\"", "kind = \"close\"\ncolour = 1", 1),
        &expect![
            "actions.toml: line 15: unknown field `colour`, expected one of `id`, `title`, `description`, `kind`, `categories`, `statuses`, `channels`, `priorities`, `max_per_thread`, `requires`, `excludes`, `examples`"
        ],
    );
    check_catalogue(
        &CATALOGUE.replacen("[\"Ticket encerrado\"]", "[]", 1),
        &expect!["actions.toml: line 10: action `CLOSE` must have examples, none of them empty"],
    );
    check_catalogue(
        &CATALOGUE.replacen("\"CLOSE\"", "\"REFUND_FEE\"", 1),
        &expect!["actions.toml: line 10: action `REFUND_FEE` is already defined on line 2"],
    );
    check_catalogue(
        &CATALOGUE.replacen("\"CLOSE\"", "\"OTHER\"", 1),
        &expect![
            "actions.toml: line 10: action id `OTHER` is kept for messages that are like no example; choose another"
        ],
    );
    check_catalogue(
        &CATALOGUE.replacen("\"CLOSE\"", "\"CLOSE IT\"", 1),
        &expect!["actions.toml: line 10: action id `CLOSE IT` must be a word without blanks"],
    );
    check_catalogue(
        "action = []\nextra = 1\n",
        &expect!["actions.toml: line 2: unknown field `extra`, expected `action`"],
    );
}

#[test]
fn a_catalogue_survives_json() {
    let catalogue = catalogue(CATALOGUE).unwrap();
    let json = serde_json::to_string(&catalogue).unwrap();
    assert_eq!(serde_json::from_str::<Catalogue>(&json).unwrap(), catalogue);
}

#[test]
fn a_message_is_assigned_to_the_nearest_action_that_suits() {
    let catalogue = catalogue(CATALOGUE).unwrap();
    // In the order of the examples: two of REFUND_FEE, one of CLOSE, three of ESCALATE, of which the last strays to CLOSE.
    let examples: [[f32; 3]; 6] =
        [[1.0, 0.0, 0.1], [1.0, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.1, 1.0], [0.1, 0.0, 1.0], [0.0, 1.0, 0.1]];
    let assign = |message: [f32; 3], category: &str, threshold: f32| {
        let params = AssignParams { threshold, ..AssignParams::default() };
        let assigner = Assigner::new(&catalogue, &examples, &params);
        assigner.assign(&message, category).map(|action| catalogue.actions[action].id.as_str())
    };
    assert_eq!(assign([1.0, 0.0, 0.0], "FINANCIAL", 0.5), Some("REFUND_FEE"));
    assert_eq!(assign([1.0, 0.0, 0.0], "TECHNICAL", 0.5), None, "a refund does not suit a technical ticket");
    assert_eq!(assign([0.0, 0.0, 1.0], "TECHNICAL", 0.5), Some("ESCALATE"), "its stray example does not count");
    assert_eq!(assign([0.0, 1.0, 0.1], "TECHNICAL", 0.5), Some("CLOSE"), "one near example does not make an action");
    assert_eq!(assign([1.0, 0.0, 0.0], "FINANCIAL", 1.5), None);
}

#[test]
fn what_all_messages_have_in_common_does_not_make_them_alike() {
    let catalogue = catalogue(CATALOGUE).unwrap();
    // All lie near the first axis, as the vectors of a model do; the last axis is the language, and each action has both.
    let near = |x: f32, y: f32, language: f32| [3.0, x, y, language];
    let examples = [
        near(1.0, 0.0, 2.0),
        near(1.0, 0.0, -2.0),
        near(0.0, 1.0, 2.0),
        near(-1.0, -1.0, 2.0),
        near(-1.0, -1.0, -2.0),
        near(-1.0, -1.0, 0.0),
    ];
    let params = AssignParams { shrinkage: 0.1, ..AssignParams::default() };
    let assigner = Assigner::new(&catalogue, &examples, &params);
    let nearest = assigner.nearest(&near(0.0, 1.0, -2.0), "FINANCIAL").unwrap();
    assert_eq!(catalogue.actions[nearest.action].id, "CLOSE", "though its only example is in the other language");
    assert!(nearest.likeness > 0.5, "{nearest:?}");
}

#[test]
fn titles_and_eligibility_follow_the_catalogue() {
    let catalogue = catalogue(CATALOGUE).unwrap();
    assert_eq!(catalogue.title("CLOSE", "pt".parse().unwrap()), "Encerrar");
    assert_eq!(catalogue.title("CLOSE", "en".parse().unwrap()), "Close");
    assert_eq!(catalogue.title("ASK_MORE", TitleLanguage::En), "ASK_MORE", "an id without a title names itself");
    assert!("de".parse::<TitleLanguage>().is_err());
    let eligible =
        |id: &str, category| catalogue.check(id, &Circumstances { category, ..Circumstances::default() }).is_ok();
    assert!(eligible("REFUND_FEE", Some("FINANCIAL")) && eligible("REFUND_FEE", None));
    assert!(!eligible("REFUND_FEE", Some("TECHNICAL")));
    assert!(eligible("CLOSE", Some("TECHNICAL")) && !eligible("ASK_MORE", None));
}

#[test]
fn the_built_in_catalogue_is_good() {
    let catalogue = Catalogue::built_in();
    assert!(!catalogue.examples().is_empty());
    assert!(catalogue.get(OTHER).is_none());
}

fn any_ticket() -> impl Strategy<Value = Ticket> {
    let turn = (0..3usize, "[a-c \n]{0,6}", prop::option::of("[A-B]"));
    (prop::collection::vec(turn, 0..8), 0..6usize, "[a-c ]{1,6}").prop_map(|(turns, status, description)| {
        let authors = [Author::Customer, Author::Agent, Author::System];
        let thread = turns.into_iter().enumerate().map(|(at, (author, text, action))| Turn {
            author: authors[author],
            author_id: Name::from(""),
            at: at as i64,
            text,
            action: action.map(Name::from),
        });
        Ticket { status: Status::ALL[status], description, thread: thread.collect(), ..small().tickets.remove(2) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn there_is_a_step_for_each_agent_turn_and_a_pending_one_while_active(ticket in any_ticket()) {
        let steps = steps(&ticket);
        let agent_turns: Vec<usize> =
            (0..ticket.thread.len()).filter(|&at| ticket.thread[at].author == Author::Agent).collect();
        let taken: Vec<usize> = steps.iter().filter(|step| step.message.is_some()).map(|step| step.turn).collect();
        prop_assert_eq!(&taken, &agent_turns);
        prop_assert_eq!(steps.len() - taken.len(), usize::from(ticket.status.is_active()));
        for (at, step) in steps.iter().enumerate() {
            prop_assert_eq!(step.position, at);
            let state_text = document::state_text(&ticket, step.turn);
            prop_assert!(state_text.starts_with(&ticket.subject));
            prop_assert!(state_text.lines().count() <= 4);
            let before = &ticket.thread[..step.turn];
            for part in &step.state_parts {
                let known = before.iter().any(|turn| turn.text == part.text);
                prop_assert!(known || part.text == ticket.description || part.text == ticket.subject);
                prop_assert!(part.weight > 0.0);
            }
        }
        // What comes after a decision cannot be part of its state.
        let mut earlier = ticket.clone();
        for step in &steps {
            earlier.thread = ticket.thread[..step.turn].to_vec();
            prop_assert_eq!(document::state_text(&earlier, step.turn), document::state_text(&ticket, step.turn));
        }
    }
}

/// A language of the seed's desk, or `None` with a line that says so where it is not at hand.
fn seed(language: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/seed/data")).join(language);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no {}", folder.display());
    None
}

#[test]
fn the_seeds_desks_load_and_hold_nothing_personal() {
    for (language, counts) in [("pt-br", [500, 2649, 1210, 167, 25]), ("en", [500, 2636, 1206, 159, 25])] {
        let Some(folder) = seed(language) else { continue };
        let desk = load(&folder, &ReadParams::default()).unwrap();
        let turns: usize = desk.tickets.iter().map(|ticket| ticket.thread.len()).sum();
        let pending = desk.tickets.iter().filter(|ticket| ticket.status.is_active()).count();
        let actions: Vec<Vec<String>> = desk
            .tickets
            .iter()
            .map(|ticket| {
                steps(ticket).iter().filter(|step| step.message.is_some()).map(|_| OTHER.to_owned()).collect()
            })
            .collect();
        let taken: usize = actions.iter().map(Vec::len).sum();
        assert_eq!([desk.tickets.len(), turns, taken, pending, desk.agents.len()], counts);

        let rows = [
            ticket_rows(&desk.tickets, &desk.agents, &catalogue(CATALOGUE).unwrap(), &threads(&desk), &actions)
                .unwrap(),
            step_rows(&desk.tickets, &threads(&desk), &actions).unwrap(),
        ];
        assert_eq!([rows[0].num_rows(), rows[1].num_rows()], [500, taken + pending]);
        let text: String = rows.iter().map(rows_text).collect();
        let values = personal_values(&folder).unwrap();
        assert!(values.len() > 1000);
        let known = AhoCorasick::new(&values).unwrap();
        let found: Vec<&str> = known.find_iter(&text).map(|found| &text[found.range()]).collect();
        // An agent may have the name of a customer, and agents are named.
        let agents: Vec<&str> = desk.agents.iter().map(|agent| agent.name.as_str()).collect();
        assert!(found.iter().all(|value| agents.contains(value)), "{found:?}");
        // The seed's texts hold amounts, dates and times, but nothing personal: masking must leave them as they are.
        assert!(!text.contains("[PHONE]") && !text.contains("[CARD]") && !text.contains("[CPF]"));
    }
}
