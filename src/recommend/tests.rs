//! Advice on cases whose right answer can be worked out by hand.

use super::*;
use crate::desk::Catalogue;

fn state(ticket: &str, similarity: f32, action: &str, success: bool) -> SimilarState {
    SimilarState {
        ticket_id: ticket.to_owned(),
        thread_id: ticket.to_owned(),
        position: 0,
        similarity,
        action: action.to_owned(),
        last_action: None,
        category: Some("FINANCIAL".to_owned()),
        outcome: Outcome { resolved: Some(success), ..Outcome::default() },
        expected_success: None,
        message: format!("{action} in {ticket}"),
    }
}

fn catalogue() -> Catalogue {
    let action = |id: &str, categories: &str| {
        format!(
            "[[action]]\nid = \"{id}\"\ntitle = {{ pt = \"{id}\", en = \"{id}\" }}\n\
             description = {{ pt = \"x\", en = \"x\" }}\nkind = \"resolve\"\ncategories = [{categories}]\nexamples = [\"x\"]\n"
        )
    };
    let text = [action("REFUND", ""), action("EXPLAIN", ""), action("SWAP_TERMINAL", "\"TECHNICAL\"")].concat();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), text).unwrap();
    Catalogue::from_toml(file.path()).unwrap()
}

fn advise(states: &[SimilarState], params: &RecommendParams) -> Advice {
    let situation = Situation { category: Some("FINANCIAL".to_owned()), ..Situation::default() };
    recommend(&situation, Trust::default(), states, &[], &catalogue(), &[], params)
}

fn names(advice: &Advice) -> Vec<&str> {
    advice.actions.iter().map(|ranked| ranked.action.as_str()).collect()
}

#[test]
fn the_likeliest_action_leads_and_its_terms_add_up() {
    let states =
        [state("T1", 0.95, "REFUND", true), state("T2", 0.94, "REFUND", true), state("T3", 0.95, "EXPLAIN", true)];
    let params = RecommendParams::default();
    let advice = advise(&states, &params);
    assert_eq!(names(&advice), ["REFUND", "EXPLAIN"]);
    assert_eq!(advice.abstention, None);
    let sum: f32 = advice.actions.iter().map(|ranked| ranked.probability).sum();
    assert!((sum - 1.0).abs() < 1e-6);
    for ranked in &advice.actions {
        let score = ranked.probability * ranked.success_rate.powf(params.outcome_weight);
        assert!((ranked.score - score).abs() < 1e-6);
        assert_eq!(ranked.acceptance, 1.0, "nobody has decided on anything");
    }
}

#[test]
fn what_people_refuse_falls_behind_and_the_rest_keeps_its_terms() {
    let states =
        [state("T1", 0.95, "REFUND", true), state("T2", 0.95, "REFUND", true), state("T3", 0.95, "EXPLAIN", true)];
    let acceptance = BTreeMap::from([("REFUND".to_owned(), 0.4)]);
    let situation = Situation { category: Some("FINANCIAL".to_owned()), acceptance, ..Situation::default() };
    let params = RecommendParams::default();
    let before = advise(&states, &params);
    let after = recommend(&situation, Trust::default(), &states, &[], &catalogue(), &[], &params);
    assert_eq!((names(&before), names(&after)), (vec!["REFUND", "EXPLAIN"], vec!["EXPLAIN", "REFUND"]));
    let (refund, was) = (&after.actions[1], &before.actions[0]);
    assert!((refund.score - 0.4 * was.score).abs() < 1e-6 && refund.acceptance == 0.4);
    assert_eq!((refund.probability, refund.confidence), (was.probability, was.confidence), "P is not bent");
    assert_eq!(after.actions[0].score, before.actions[1].score);
}

#[test]
fn what_failed_ranks_below_what_worked_when_both_are_as_likely() {
    let mut states = Vec::new();
    for at in 0..10 {
        states.push(state(&format!("R{at}"), 0.95, "REFUND", false));
        states.push(state(&format!("E{at}"), 0.95, "EXPLAIN", true));
    }
    let advice = advise(&states, &RecommendParams::default());
    assert_eq!(names(&advice), ["EXPLAIN", "REFUND"]);
    assert_eq!((advice.actions[1].evidence.len(), advice.actions[1].counter_evidence.len()), (0, 10));
}

#[test]
fn two_of_two_do_not_outrank_thirty_six_of_forty() {
    let mut states: Vec<_> = (0..40).map(|at| state(&format!("R{at}"), 0.95, "REFUND", at >= 4)).collect();
    states.extend((0..2).map(|at| state(&format!("E{at}"), 0.95, "EXPLAIN", true)));
    let advice = advise(&states, &RecommendParams::default());
    assert_eq!(names(&advice), ["REFUND", "EXPLAIN"]);
    assert!(advice.actions[0].success_rate > advice.actions[1].success_rate - 0.05);
}

#[test]
fn a_ticket_counts_once() {
    let states = [state("T1", 0.95, "REFUND", true), state("T1", 0.90, "REFUND", true)];
    assert_eq!(advise(&states, &RecommendParams::default()).actions[0].support, 1);
}

#[test]
fn tickets_with_the_same_thread_count_as_one() {
    let copy = |ticket: &str| SimilarState { thread_id: "T1".to_owned(), ..state(ticket, 0.95, "EXPLAIN", false) };
    let others = [state("T6", 0.95, "REFUND", true), state("T7", 0.95, "REFUND", true)];
    let once = advise(&[&[copy("T1")], &others[..]].concat(), &RecommendParams::default());
    let copies: Vec<SimilarState> = ["T1", "T2", "T3", "T4", "T5"].map(copy).to_vec();
    let five = advise(&[&copies, &others[..]].concat(), &RecommendParams::default());
    assert_eq!((names(&once), names(&five)), (vec!["REFUND", "EXPLAIN"], vec!["REFUND", "EXPLAIN"]));
    let explain = &five.actions[1];
    assert_eq!((explain.support, explain.counter_evidence.len(), explain.counter_evidence[0].identical), (1, 1, 5));
    let figures = |ranked: &RankedAction| (ranked.score, ranked.probability, ranked.success_rate, ranked.outlook);
    for (one, other) in once.actions.iter().zip(&five.actions) {
        assert_eq!(figures(one), figures(other));
    }
    // Two moments of one thread are two, as long as they are not at the same place.
    let later = SimilarState { position: 1, ..copy("T1") };
    let vote = |states: &[SimilarState]| votes(&Situation::default(), states, &[], &RecommendParams::default());
    let shares = |states: &[SimilarState]| vote(states).into_iter().map(|vote| vote.probability).collect::<Vec<_>>();
    assert_eq!(shares(&[copy("T1"), later, others[0].clone()]), [2.0 / 3.0, 1.0 / 3.0]);
}

#[test]
fn an_action_tells_what_its_tickets_came_to() {
    let ended = |ticket: &str, action: &str, hours: Option<f64>, sla_breached: Option<bool>, csat: Option<f64>| {
        let outcome = Outcome { resolved: Some(true), hours, sla_breached, csat, ..Outcome::default() };
        SimilarState { outcome, ..state(ticket, 0.95, action, true) }
    };
    let states = [
        ended("T1", "REFUND", Some(2.0), Some(false), Some(5.0)),
        ended("T2", "REFUND", Some(4.0), Some(false), None),
        ended("T3", "REFUND", Some(9.0), None, None),
        ended("T4", "EXPLAIN", None, Some(true), Some(2.0)),
        // Hardly similar: its hours hardly weigh.
        SimilarState { similarity: 0.80, ..ended("T5", "REFUND", Some(90.0), None, None) },
    ];
    let params = RecommendParams { prior_strength: 2.0, ..RecommendParams::default() };
    let advice = advise(&states, &params);
    let of = |action: &str| advice.actions.iter().find(|ranked| ranked.action == action).unwrap().outlook;
    let hours = of("REFUND").hours.unwrap();
    assert_eq!((hours.q1, hours.median, hours.q3, hours.count), (2.0, 4.0, 9.0, 4));
    // All neighbours: two of three kept, one kept and one broken added; CSAT 3.5.
    let close = |shrunk: Option<Shrunk>, mean: f32, tickets: usize| {
        shrunk.is_some_and(|it| (it.mean - mean).abs() < 1e-6 && it.tickets == tickets)
    };
    assert!(close(of("REFUND").sla_kept, (2.0 + 0.6 * 2.0) / 4.0, 2), "{:?}", of("REFUND"));
    assert!(close(of("REFUND").csat, (5.0 + 3.5 * 2.0) / 3.0, 1), "{:?}", of("REFUND"));
    assert!(close(of("EXPLAIN").sla_kept, (0.0 + 0.6 * 2.0) / 3.0, 1), "{:?}", of("EXPLAIN"));
    assert_eq!(of("EXPLAIN").hours, None, "nobody knows");
    assert_eq!(advise(&[state("T1", 0.95, "REFUND", true)], &params).actions[0].outlook, Outlook::default());
}

/// A situation in which the ranker expects these.
fn expecting(likely: &[(&str, f32)]) -> Situation {
    let likely = likely.iter().map(|&(action, probability)| Vote { action: action.to_owned(), probability }).collect();
    Situation { category: Some("FINANCIAL".to_owned()), likely, ..Situation::default() }
}

#[test]
fn what_no_similar_case_shows_is_told_as_such() {
    let half = Trust { share: 0.5, ..Trust::default() };
    let situation = expecting(&[("EXPLAIN", 0.6), ("REFUND", 0.4)]);
    let states = [state("T1", 0.95, "REFUND", true)];
    let params = RecommendParams::default();
    let advice = recommend(&situation, half, &states, &[], &catalogue(), &[], &params);
    let grounds: Vec<(&str, Basis, usize)> =
        advice.actions.iter().map(|ranked| (ranked.action.as_str(), ranked.basis, ranked.support)).collect();
    assert_eq!(grounds, [("REFUND", Basis::SimilarCases, 1), ("EXPLAIN", Basis::Learnt, 0)]);
    let solved = SimilarTicket {
        ticket_id: "T1".to_owned(),
        thread_id: "T1".to_owned(),
        similarity: 0.95,
        actions: vec!["REFUND".to_owned()],
        solved_by: Some("REFUND".to_owned()),
        solution: None,
        outcome: Outcome::default(),
        agent_id: None,
    };
    let advice = recommend(&situation, half, &[], &[solved], &catalogue(), &[], &params);
    assert_eq!((names(&advice)[0], advice.actions[0].basis), ("REFUND", Basis::SimilarTickets));
    assert_eq!(Basis::Learnt.to_string(), "no similar case; learnt from the course of other threads");
}

#[test]
fn what_may_not_be_done_here_is_left_out() {
    let states =
        [state("T1", 0.95, "SWAP_TERMINAL", true), state("T2", 0.94, "REFUND", true), state("T3", 0.94, OTHER, true)];
    let advice = advise(&states, &RecommendParams::default());
    assert_eq!(names(&advice), ["REFUND"]);
    let removed: Vec<(&str, String)> =
        advice.removed.iter().map(|removed| (removed.action.as_str(), removed.rule.to_string())).collect();
    assert_eq!(removed, [("SWAP_TERMINAL", "not for category FINANCIAL, only TECHNICAL".to_owned())]);
    // What is forbidden leaves its share to the rest; `OTHER` may well be done and keeps its own.
    let p = advice.actions[0].probability;
    assert!((p - 0.5).abs() < 1e-5, "{p}");
}

#[test]
fn silence_has_a_reason() {
    let params = RecommendParams::default();
    let reason = |states: &[SimilarState]| advise(states, &params).abstention.map(|reason| reason.to_string());
    let check = |states: &[SimilarState], expected: expect_test::Expect| {
        expected.assert_eq(&reason(states).unwrap_or_default());
    };
    check(&[], expect_test::expect!["there is no resolved ticket to compare with"]);
    check(
        &[state("T1", 0.5, "REFUND", true)],
        expect_test::expect!["no similar case: the best has cosine 0.500, 0.800 is needed"],
    );
    check(
        &[state("T1", 0.95, OTHER, true)],
        expect_test::expect!["what agents did in similar cases is not in the catalogue for this category"],
    );
    let mut divided: Vec<_> = (0..20).map(|at| state(&format!("T{at}"), 0.95, OTHER, true)).collect();
    divided.push(state("T20", 0.95, "REFUND", true));
    check(
        &divided,
        expect_test::expect!["similar cases went different ways: the best action has confidence 0.05, 0.15 is needed"],
    );
}

#[test]
fn an_old_index_few_outcomes_and_legs_that_disagree_are_reasons_too() {
    let half = Trust { share: 0.5, ..Trust::default() };
    let old = Situation { desk_age_days: Some(8.25), ..expecting(&[("EXPLAIN", 0.8), ("REFUND", 0.2)]) };
    let states = [state("T1", 0.95, "REFUND", true), state("T2", 0.95, "REFUND", false)];
    let reason = |params: &RecommendParams, states: &[SimilarState]| {
        let advice = recommend(&old, half, states, &[], &catalogue(), &[], params);
        advice.abstention.map(|reason| format!("{reason}\n{}", serde_json::to_string(&reason).unwrap()))
    };
    let check = |params: &RecommendParams, expected: expect_test::Expect| {
        expected.assert_eq(&reason(params, &states).unwrap_or_default());
    };
    let lenient = RecommendParams { min_support: 0, max_disagreement: 1.0, ..RecommendParams::default() };
    check(&lenient, expect_test::expect![[""]]);
    let young = RecommendParams { max_age_days: 7.0, ..lenient };
    check(
        &young,
        expect_test::expect![[r#"
        the index is out of date: the newest it knows is 8.2 days old, 7 are allowed; build it anew
        {"reason":"index_too_old","days":8.25,"allowed":7.0}"#]],
    );
    check(&RecommendParams { max_age_days: 8.25, ..lenient }, expect_test::expect![[""]]);
    // REFUND leads with (0.2 + 1) / 2; the legs are 0.8 apart.
    let strict = RecommendParams { max_disagreement: 0.7, disagreement_confidence: 0.7, ..lenient };
    check(
        &strict,
        expect_test::expect![[r#"
        the course of the thread and the similar cases point to different actions (distance 0.80, 0.70 is allowed): the best has confidence 0.60, 0.70 is then needed
        {"reason":"legs_disagree","distance":0.8,"allowed":0.7,"best":0.6,"needed":0.7}"#]],
    );
    check(&RecommendParams { max_disagreement: 0.9, ..strict }, expect_test::expect![[""]]);
    check(&RecommendParams { disagreement_confidence: 0.5, ..strict }, expect_test::expect![[""]]);
    let supported = RecommendParams { min_support: 3, ..lenient };
    check(
        &supported,
        expect_test::expect![[r#"
        too few similar cases show how the best action ends: 2 do, 3 are needed
        {"reason":"too_few_outcomes","known":2,"needed":3}"#]],
    );
    check(&RecommendParams { min_support: 2, ..lenient }, expect_test::expect![[""]]);

    // In the order of the reasons: each hides those after it.
    let all = RecommendParams { max_age_days: 7.0, min_confidence: 0.99, min_support: 3, ..strict };
    let first = |params: RecommendParams, states: &[SimilarState]| {
        let json = reason(&params, states).unwrap_or_default();
        json.split('"').nth(3).unwrap_or_default().to_owned()
    };
    let far: Vec<SimilarState> = states.iter().map(|it| SimilarState { similarity: 0.5, ..it.clone() }).collect();
    assert_eq!(first(all, &[]), "no_history");
    assert_eq!(first(all, &far), "index_too_old");
    let all = RecommendParams { max_age_days: 0.0, ..all };
    assert_eq!(first(all, &far), "nothing_similar");
    assert_eq!(first(all, &states), "low_confidence");
    let all = RecommendParams { min_confidence: 0.0, ..all };
    assert_eq!(first(all, &states), "legs_disagree");
    assert_eq!(first(RecommendParams { max_disagreement: 1.0, ..all }, &states), "too_few_outcomes");
}

#[test]
fn quartiles_follow_the_weights() {
    let even = Quartiles::of((1..=4).map(|value| (f64::from(value), 1.0)).collect()).unwrap();
    assert_eq!((even.q1, even.median, even.q3, even.count), (1.0, 2.0, 3.0, 4));
    let heavy = Quartiles::of(vec![(1.0, 1.0), (100.0, 9.0)]).unwrap();
    assert_eq!((heavy.q1, heavy.median, heavy.q3), (100.0, 100.0, 100.0));
    assert_eq!(Quartiles::of(vec![(1.0, 0.0), (f64::NAN, 1.0)]), None);
}

#[test]
fn the_plan_comes_from_tickets_that_ended_well() {
    let ticket = |id: &str, actions: &[&str], success: bool, hours: f64, agent: &str| SimilarTicket {
        ticket_id: id.to_owned(),
        thread_id: id.to_owned(),
        similarity: 0.9,
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
        solved_by: actions.last().map(|&action| action.to_owned()),
        solution: Some(format!("done in {id}")),
        outcome: Outcome { resolved: Some(success), hours: Some(hours), ..Outcome::default() },
        agent_id: Some(agent.to_owned()),
    };
    let tickets = [
        ticket("T0", &["EXPLAIN"], false, 90.0, "A2"),
        ticket("T1", &["EXPLAIN", "REFUND"], true, 4.0, "A1"),
        ticket("T2", &["EXPLAIN", "REFUND"], true, 6.0, "A1"),
        ticket("T3", &["REFUND"], true, 8.0, "A3"),
    ];
    let agent = |id: &str, active| Agent {
        id: id.to_owned(),
        name: id.to_owned(),
        team: "L1".to_owned(),
        specialization: None,
        active,
        active_tickets: 0,
    };
    let agents = [agent("A1", true), agent("A2", true), agent("A3", false)];
    let plan = plan::plan(&tickets, &agents, &RecommendParams::default());
    assert_eq!(plan.approach, Some(("T1".to_owned(), "done in T1".to_owned())));
    assert_eq!(plan.key_steps, ["EXPLAIN", "REFUND"]);
    assert_eq!(plan.hours.map(|hours| (hours.median, hours.count)), Some((6.0, 4)));
    let order: Vec<&str> = plan.agents.iter().map(|choice| choice.agent.id.as_str()).collect();
    assert_eq!(order, ["A1", "A2"], "A3 is not active");
    // Of those who did as well, the one with the fewest active tickets; then the order of the ids.
    let theirs = ["A4", "A1", "A2"].map(|agent| ticket(agent, &["REFUND"], true, 1.0, agent));
    let busy = |id: &str, active_tickets| Agent { active_tickets, ..agent(id, true) };
    let order = |agents: &[Agent]| -> Vec<String> {
        let plan = plan::plan(&theirs, agents, &RecommendParams::default());
        plan.agents.into_iter().map(|choice| choice.agent.id).collect()
    };
    assert_eq!(order(&[busy("A1", 3), busy("A2", 2), busy("A4", 2)]), ["A2", "A4", "A1"]);
    assert_eq!(order(&[busy("A4", 0), busy("A2", 0), busy("A1", 0)]), ["A1", "A2", "A4"]);
}

#[test]
fn what_is_done_in_hard_tickets_is_not_blamed_for_their_end() {
    // Escalating raises the chances of a hard ticket from 30 to 50 %; explaining lowers those of an easy one from 90 to
    // 80 %. Agents escalate hard tickets, so that the naive rates favour explaining.
    let mut states = Vec::new();
    for at in 0..40 {
        let hard =
            SimilarState { expected_success: Some(0.3), ..state(&format!("H{at}"), 0.95, "REFUND", at % 2 == 0) };
        let easy =
            SimilarState { expected_success: Some(0.9), ..state(&format!("E{at}"), 0.95, "EXPLAIN", at % 5 != 0) };
        states.extend([hard, easy]);
    }
    let successes = |action: &str| {
        let of_it = states.iter().filter(|state| state.action == action);
        of_it.filter(|state| state.outcome.success() == Some(true)).count()
    };
    assert!(successes("EXPLAIN") > successes("REFUND"), "the naive order is the wrong one");
    for expected_success in [0.3, 0.6, 0.9] {
        let category = Some("FINANCIAL".to_owned());
        let situation = Situation { category, expected_success: Some(expected_success), ..Situation::default() };
        let advice =
            recommend(&situation, Trust::default(), &states, &[], &catalogue(), &[], &RecommendParams::default());
        assert_eq!(names(&advice), ["REFUND", "EXPLAIN"], "at {expected_success}");
        let (low, high) = advice.actions[0].success_interval;
        assert!(low < advice.actions[0].success_rate && advice.actions[0].success_rate < high);
    }
}

#[test]
fn where_nearly_all_is_forbidden_the_rest_is_certain_and_no_more() {
    let vote = |action: &str, probability: f32| Vote { action: action.to_owned(), probability };
    let situation = Situation { category: Some("FINANCIAL".to_owned()), ..Situation::default() };
    // As rounding may have it, the shares add up to a little more than 1.
    let votes = [vote("SWAP_TERMINAL", 1.000_001), vote("REFUND", 1e-7)];
    let (possible, removed) = eligible(&votes, &situation, &catalogue());
    assert_eq!((possible.len(), removed.len()), (1, 1));
    assert_eq!(possible[0].probability, 1.0);
}
