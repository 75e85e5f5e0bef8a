//! What `recommend` makes of the desk: identical threads, what to expect of an action, who is free, when it is silent.

use std::fmt::Write as _;

use expect_test::expect;
use nba::desk::{ReadParams, load};
use nba::embed::{Embedder as _, VectorCache};
use nba::rebuild::Past;
use nba::{
    Abstention, BuildParams, Catalogue, Engine, EngineParams, HashedEmbedder, RecommendParams, RecommendRequest,
    Subject,
};
use serde_json::{Value, json};

use crate::serve::Server;
use crate::support::{self, MINI_DESK, Sandbox};

/// The one ticket that waits.
const ASKED: &str = "ASKED";
/// Two days after the newest turn of the desk, in microseconds since 1970 UTC.
const TWO_DAYS_LATER: i64 = 1_780_480_800_000_000;

/// A desk on which all customers have one problem and say it with one text. Of the tickets `COPY-…` the threads are the
/// same but for the customer's name, and the fee was refunded; in two others the account was checked.
fn write_desk(sandbox: &Sandbox, copies: usize) {
    for (name, text) in MINI_DESK {
        sandbox.write(&format!("desk/{name}"), text);
    }
    sandbox.write(
        "desk/agents.csv",
        "agent_id,agent_name,team,specialization,status\n\
         AGENT1,Vera Castilho,L1,FINANCIAL,ACTIVE\nAGENT2,Davi Nobre,L1,FINANCIAL,ACTIVE\nAGENT3,Ana Reis,L1,FINANCIAL,INACTIVE\n",
    );
    let mut tickets = "ticket_id,company_id,customer_id,agent_id,created_at,closed_at,status,priority,category,channel,subject,description,resolution_time_hours,sla_breached,csat_score\n".to_owned();
    let mut turns = "interaction_id,ticket_id,interaction_timestamp,author_type,author_id,message,action\n".to_owned();
    let mut ticket = |id: &str, customer: &str, agent: &str, ended: &str, reply: Option<(&str, &str)>| {
        let (closed, status) = if reply.is_some() { ("2026-05-02 10:00:00", "CLOSED") } else { ("", "OPEN") };
        let _ = writeln!(
            tickets,
            "{id},COMP1,{customer},{agent},2026-05-01 10:00:00,{closed},{status},HIGH,FINANCIAL,EMAIL,Tarifa,Cobraram a tarifa,{ended}"
        );
        let name = if customer == "CUST1" { "Iara Peixoto Vidal" } else { "Bento Salgado Luz" };
        let _ =
            writeln!(turns, "{id}-1,{id},2026-05-01 10:00:00,CUSTOMER,{customer},Sou {name} e a tarifa veio em dobro,");
        if let Some((message, action)) = reply {
            let _ = writeln!(turns, "{id}-2,{id},2026-05-01 12:00:00,AGENT,{agent},{message},{action}");
        }
    };
    for at in 1..=copies {
        let customer = if at % 2 == 0 { "CUST1" } else { "CUST2" };
        let reply = ("Fiz o estorno da tarifa", "REFUND_FEE");
        ticket(&format!("COPY-{at}"), customer, "AGENT1", "2.0,FALSE,5.0", Some(reply));
    }
    ticket("OTHER-1", "CUST1", "AGENT1", "8.0,TRUE,4.0", Some(("Olhei o cadastro", "CHECK_ACCOUNT")));
    ticket("OTHER-2", "CUST2", "AGENT2", "4.0,FALSE,", Some(("Vou ver a sua conta", "CHECK_ACCOUNT")));
    ticket(ASKED, "CUST2", "AGENT1", ",,", None);
    turns.push_str("LAST,ASKED,2026-06-01 10:00:00,CUSTOMER,CUST2,Cobraram a tarifa,\n");
    sandbox.write("desk/tickets.csv", tickets);
    sandbox.write("desk/ticket_interactions.csv", turns);
}

fn built(copies: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    write_desk(&sandbox, copies);
    sandbox.nba(&["index", "build", "--data", "desk", "--model", "hashed"]).ok();
    sandbox
}

fn engine(sandbox: &Sandbox, recommend: RecommendParams) -> Engine {
    Engine::open_with(EngineParams { recommend, ..EngineParams::new(sandbox.path("index")) }).unwrap()
}

fn asked() -> RecommendRequest {
    RecommendRequest::new(Subject::Ticket(ASKED.to_owned()))
}

fn action<'a>(answer: &'a Value, id: &str) -> &'a Value {
    answer["actions"].as_array().unwrap().iter().find(|action| action["id"] == id).unwrap()
}

#[test]
fn a_ticket_that_was_copied_does_not_outvote_others() {
    // Sixty are more than there are neighbours.
    for copies in [1, 5, 60] {
        let sandbox = built(copies);
        let answer = sandbox.nba(&["recommend", ASKED, "--json"]).json();
        let (refund, check) = (action(&answer, "REFUND_FEE"), action(&answer, "CHECK_ACCOUNT"));
        assert_eq!((&refund["support"], &check["support"]), (&json!(1), &json!(2)), "{copies}: {answer}");
        let p = |action: &Value| action["probability"].as_f64().unwrap();
        assert!((p(refund) - 1.0 / 3.0).abs() < 1e-6 && (p(check) - 2.0 / 3.0).abs() < 1e-6, "{copies}: {answer}");
        assert_eq!(refund["evidence"].as_array().unwrap().len(), 1);
        assert_eq!(refund["evidence"][0]["ticket_id"], "COPY-1");
        assert_eq!(refund["evidence"][0]["identical"], json!(copies));
        assert_eq!(check["evidence"][0]["identical"], 1);
        assert_eq!(answer["resolution_hours"]["tickets"], 3, "the plan counts it once too");
        // So it is in the history that a replay walks and a build learns from.
        let desk = load(&sandbox.path("desk"), &ReadParams::default()).unwrap();
        let assign = BuildParams::default().assign;
        let embedder = HashedEmbedder::new(64);
        let cache = VectorCache::temporary(embedder.identity()).unwrap();
        let past = Past::embed(desk, &Catalogue::built_in(), &assign, &embedder, &cache, &mut |_| Ok(())).unwrap();
        let history = past.history(i64::MAX, 1);
        assert_eq!(history.known_before(i64::MAX).len(), 3);
        let expected: Vec<f32> = history.moments().iter().map(|past| past.expected_success).collect();
        assert!(expected.iter().all(|expected| (expected - 4.0 / 5.0).abs() < 1e-6), "{expected:?}");
    }
}

#[test]
fn an_answer_says_what_to_expect_and_who_is_free() {
    let sandbox = built(5);
    sandbox.check(
        &["recommend", ASKED],
        expect![[r#"
        exit 0
        --- stdout
        ASKED  Tarifa
        generation g000001 · recommendation 5e7471d2cb492b5b

        Next action
         1. Verificar cadastro e contrato  score 0.62 · 67 % sure · 86 % success · 4.0 h · 2 tickets
            went well: OTHER-1, OTHER-2
         2. Estornar tarifa  score 0.30 · 33 % sure · 83 % success · 2.0 h · 1 ticket
            went well: COPY-1 (5 identical)

        Best approach  as in COPY-1
            “Fiz o estorno da tarifa”

        Resolution time  4.0 h, half of them between 2.0 h and 8.0 h (3 tickets)

        Who
            Vera Castilho (L1) · 86 % success · 2 similar tickets
            Davi Nobre (L1) · 83 % success · 1 similar ticket

        Key steps  Verificar cadastro e contrato
    "#]],
    );
    sandbox.check(
        &["recommend", ASKED, "--explain"],
        expect![[r#"
        exit 0
        --- stdout
        ASKED  Tarifa
        generation g000001 · recommendation 5e7471d2cb492b5b

        Next action
         1. Verificar cadastro e contrato  score 0.62 · 67 % sure · 86 % success · 4.0 h · 2 tickets
            P 0.6667, V 0.8571 (0.65 to 1.00), F 1.00, score 0.6172
            took 4.0 h, half of them 4.0 h to 8.0 h (of 2) · SLA kept 57 % (of 2) · CSAT 4.4 (of 1)
            + OTHER-1 cos 0.975 “Olhei o cadastro”
            + OTHER-2 cos 0.975 “Vou ver a sua conta”
         2. Estornar tarifa  score 0.30 · 33 % sure · 83 % success · 2.0 h · 1 ticket
            P 0.3333, V 0.8333 (0.60 to 1.00), F 1.00, score 0.3043
            took 2.0 h (of 1) · SLA kept 67 % (of 1) · CSAT 4.6 (of 1)
            + COPY-1 (5 identical) cos 0.975 “Fiz o estorno da tarifa”

        Best approach  as in COPY-1
            “Fiz o estorno da tarifa”

        Resolution time  4.0 h, half of them between 2.0 h and 8.0 h (3 tickets)

        Who
            Vera Castilho (L1) · 86 % success · 2 similar tickets · 1 active
            Davi Nobre (L1) · 83 % success · 1 similar ticket · 0 active

        Key steps  Verificar cadastro e contrato
    "#]],
    );
    let answer = sandbox.nba(&["recommend", ASKED, "--json"]).json();
    let check = action(&answer, "CHECK_ACCOUNT");
    // Kept in one of two; of the neighbours' average of (2 + 1) / (3 + 2), five more.
    let kept = check["sla_kept"]["share"].as_f64().unwrap();
    assert!((kept - (1.0 + 0.6 * 5.0) / 7.0).abs() < 1e-6, "{check}");
    // 4.0 in the one that tells, and the neighbours' 4.5 five times.
    let csat = check["csat"]["mean"].as_f64().unwrap();
    assert!((csat - (4.0 + 4.5 * 5.0) / 6.0).abs() < 1e-6, "{check}");
    assert_eq!((&check["sla_kept"]["tickets"], &check["csat"]["tickets"]), (&json!(2), &json!(1)));
    assert_eq!(check["resolution_hours"], json!({ "q1": 4.0, "median": 4.0, "q3": 8.0, "tickets": 2 }));
    assert_eq!((&check["basis"], &check["note"]), (&json!("similar_cases"), &Value::Null));
    let free: Vec<(&Value, &Value)> = answer["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| (&agent["agent_id"], &agent["active_tickets"]))
        .collect();
    assert_eq!(free, [(&json!("AGENT1"), &json!(1)), (&json!("AGENT2"), &json!(0))]);
}

#[test]
fn the_least_confidence_is_asked_for_by_every_face() {
    let sandbox = built(1);
    let server = Server::start(&sandbox);
    let ask = |min_confidence: &str| sandbox.nba(&["recommend", ASKED, "--json", "--min-confidence", min_confidence]);
    let own = sandbox.nba(&["recommend", ASKED, "--json"]).json();
    assert_eq!(own["abstention"], Value::Null, "{own}");
    let confidence = own["actions"][0]["confidence"].as_f64().unwrap();
    assert!((0.2..0.9).contains(&confidence), "{confidence}");
    assert_eq!(ask("0").json(), own);
    assert_eq!(ask(&(confidence - 0.01).to_string()).json()["abstention"], Value::Null);
    let strict = ask(&(confidence + 0.01).to_string()).json();
    assert_eq!(strict["abstention"]["reason"], "low_confidence");
    assert_eq!(strict["actions"], own["actions"], "what was done is told all the same");
    let body = json!({ "ticket": ASKED, "min_confidence": confidence + 0.01 });
    assert_eq!(server.post("/v1/recommend", &body), strict);

    for wrong in ["1.5", "-0.1", "NaN"] {
        let outcome = ask(wrong).failed();
        let told = format!("{{\"error\":\"min_confidence: {wrong} is not between 0 and 1\",\"exit_code\":2}}\n");
        assert_eq!((outcome.code, outcome.stderr), (2, told));
    }
    let told = server.told(&[
        ("POST", "/v1/recommend", r#"{"ticket": "ASKED", "min_confidence": 2}"#),
        ("POST", "/v1/recommend", r#"{"ticket": "ASKED", "min_confidence": "high"}"#),
    ]);
    expect![[r#"
        POST /v1/recommend {"ticket": "ASKED", "min_confidence": 2}
          400 {"error":"min_confidence: 2 is not between 0 and 1","exit_code":2}
        POST /v1/recommend {"ticket": "ASKED", "min_confidence": "high"}
          400 {"error":"body: invalid type: string \"high\", expected f32 at line 1 column 44","exit_code":2}
    "#]]
    .assert_eq(&told);
}

#[test]
fn an_index_is_too_old_by_the_clock_of_whoever_asks() {
    let sandbox = Sandbox::new();
    write_desk(&sandbox, 1);
    support::build(&sandbox.path("desk"), &sandbox.path("index"), &BuildParams::default()).unwrap();
    let reason = |max_age_days: f64, now: Option<i64>| {
        let params = RecommendParams { max_age_days, ..RecommendParams::default() };
        engine(&sandbox, params).recommend(&RecommendRequest { now, ..asked() }).unwrap().advice.abstention
    };
    assert_eq!(reason(0.0, Some(i64::MAX)), None, "no limit");
    assert_eq!(reason(1.5, None), None, "no clock");
    assert_eq!(reason(2.0, Some(TWO_DAYS_LATER)), None);
    assert_eq!(reason(1.5, Some(TWO_DAYS_LATER)), Some(Abstention::IndexTooOld { days: 2.0, allowed: 1.5 }));
    // A turn that is dated after the build makes nothing young.
    sandbox.edit("desk/ticket_interactions.csv", "2026-06-01 10:00:00", "2099-01-01 10:00:00");
    support::build(&sandbox.path("desk"), &sandbox.path("index"), &BuildParams::default()).unwrap();
    let of_2099 = TWO_DAYS_LATER + 73 * 365 * 86_400_000_000;
    assert!(matches!(reason(1.5, Some(of_2099)), Some(Abstention::IndexTooOld { .. })));
    // The program passes its own clock.
    sandbox.write("nba.toml", "[recommend]\nmax_age_days = 0.5\n");
    let answer = sandbox.nba(&["recommend", ASKED, "--json"]).json();
    assert_eq!(answer["abstention"]["reason"], "index_too_old");
    assert!(answer["abstention"]["message"].as_str().unwrap().starts_with("the index is out of date"), "{answer}");
}

#[test]
fn too_few_outcomes_are_asked_for_by_the_config() {
    let sandbox = built(5);
    sandbox.write("nba.toml", "[recommend]\nmin_support = 3\n");
    let answer = sandbox.nba(&["recommend", ASKED, "--json"]).json();
    let abstention = &answer["abstention"];
    assert_eq!(
        (&abstention["reason"], &abstention["known"], &abstention["needed"]),
        (&json!("too_few_outcomes"), &json!(2), &json!(3))
    );
    sandbox.write("nba.toml", "[recommend]\nmin_support = 2\n");
    assert_eq!(sandbox.nba(&["recommend", ASKED, "--json"]).json()["abstention"], Value::Null);
}
