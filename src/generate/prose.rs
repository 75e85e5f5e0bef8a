//! Puts the moves of a thread into words. Knows texts, particulars and habits, no outcome.

use super::model::Kind;
use super::noise::{Habits, type_out};
use super::plot::{Author, Move};
use super::random::Chance;
use super::slots::Scene;
use super::texts::{CauseTexts, KindTexts, Slots, Texts, say};

/// How often agents slip, in words.
const AGENT_SLIP: f64 = 0.002;

/// Everything that the words of one thread are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice<'a> {
    pub(super) texts: &'a Texts,
    pub(super) kind: &'a Kind,
    pub(super) scene: Scene<'a>,
    pub(super) slots: &'a Slots,
    pub(super) habits: Habits,
    /// Letters have a salutation and an ending, chats mostly not.
    pub(super) formal: bool,
}

impl Voice<'_> {
    /// The subject line and the message of each move.
    pub(super) fn thread(self, moves: &[Move], chance: &mut Chance) -> Vec<String> {
        let mut words = vec![self.subject(chance)];
        let mut answered = false;
        for step in moves {
            words.push(self.message(step, !answered, chance));
            answered |= step.author() == Author::Agent;
        }
        words
    }

    /// The subject line.
    fn subject(self, chance: &mut Chance) -> String {
        let subject = self.say(&self.of_kind().subject, chance);
        let calm = Habits { shorten: 0.0, aside: 0.0, lower: false, ..self.habits };
        type_out(&subject, calm, self.texts, chance)
    }

    /// The message of a move; `first_answer` if no agent wrote before it.
    fn message(self, step: &Move, first_answer: bool, chance: &mut Chance) -> String {
        let customer = &self.texts.customer;
        let phrases = match step {
            Move::Open { data, clue } => return self.opening(*data, *clue, chance),
            Move::Data { clue, again } => return self.data(*clue, *again, chance),
            Move::Act { action, finding } => return self.action(action, *finding, first_answer, chance),
            Move::Close => return self.action("CLOSE_TICKET", false, first_answer, chance),
            Move::AutoClose => return self.say(&self.texts.system.auto_close, chance),
            Move::AutoCancel => return self.say(&self.texts.system.auto_cancel, chance),
            Move::Nudge => &customer.nudge,
            Move::Hint => &self.of_cause().clue,
            Move::Wait => &customer.waiting,
            Move::Press => &customer.pressure,
            Move::Works => &customer.works,
            Move::StillBroken => &customer.still_broken,
            Move::CameBack => &customer.came_back,
            Move::Withdraw => &customer.withdraw,
        };
        let text = self.say(phrases, chance);
        self.typed_by_customer(&text, chance)
    }

    fn opening(self, data: bool, clue: bool, chance: &mut Chance) -> String {
        let customer = &self.texts.customer;
        let mut parts = Vec::new();
        if chance.happens(if self.formal { 0.85 } else { 0.5 }) {
            parts.push(self.say(&customer.greeting, chance));
        }
        let problem = self.say(&self.of_kind().opening, chance);
        parts.push(if parts.last().is_some_and(|greeting: &String| greeting.ends_with(',')) {
            uncapitalized(&problem)
        } else {
            problem
        });
        if clue {
            parts.push(self.say(&self.of_cause().clue, chance));
        }
        if data {
            parts.push(self.say(&self.texts.answer[&self.kind.ask], chance));
        }
        for (phrases, probability) in [(&customer.impact, 0.35), (&customer.plea, 0.5), (&customer.identity, 0.25)] {
            if chance.happens(probability) {
                parts.push(self.say(phrases, chance));
            }
        }
        if chance.happens(if self.formal { 0.75 } else { 0.15 }) {
            parts.push(self.say(&customer.signoff, chance));
        }
        self.typed_by_customer(&parts.join(" "), chance)
    }

    fn data(self, clue: bool, again: bool, chance: &mut Chance) -> String {
        let mut parts = Vec::new();
        if again {
            parts.push(self.say(&self.texts.customer.already_sent, chance));
        }
        parts.push(self.say(&self.texts.answer[&self.kind.ask], chance));
        if clue {
            parts.push(self.say(&self.of_cause().clue, chance));
        }
        if chance.happens(0.2) {
            parts.push(self.say(&self.texts.customer.identity, chance));
        }
        self.typed_by_customer(&parts.join(" "), chance)
    }

    fn action(self, action: &str, finding: bool, first_answer: bool, chance: &mut Chance) -> String {
        let agent = &self.texts.agent;
        let mut parts = Vec::new();
        if chance.happens(if first_answer { 0.75 } else { 0.12 }) {
            parts.push(self.say(&agent.greeting, chance));
        }
        let looks = action.starts_with("CHECK") || action.starts_with("RUN");
        let finding = finding.then(|| self.finding(chance));
        let what = self.say(&self.texts.action[action], chance);
        // Who looks tells what was found afterwards; who acts gives the reason first.
        parts.extend(if looks { [Some(what), finding] } else { [finding, Some(what)] }.into_iter().flatten());
        if chance.happens(0.25) && action != "CLOSE_TICKET" {
            parts.push(self.say(&agent.closer, chance));
        }
        let habits = Habits { slip: AGENT_SLIP, shorten: 0.0, aside: 0.0, plain: false, lower: false, ..self.habits };
        type_out(&parts.join(" "), habits, self.texts, chance)
    }

    fn finding(self, chance: &mut Chance) -> String {
        let intro = self.say(&self.texts.agent.finding_intro, chance);
        let finding = self.say(&self.of_cause().finding, chance);
        format!("{intro} {}.", uncapitalized(&finding))
    }

    fn typed_by_customer(self, text: &str, chance: &mut Chance) -> String {
        let mut typed = type_out(text, self.habits, self.texts, chance);
        if chance.happens(self.habits.aside) {
            typed.push(' ');
            typed.push_str(&self.say(&self.texts.aside.sentences, chance));
        }
        typed
    }

    fn say(self, phrases: &[String], chance: &mut Chance) -> String {
        say(phrases, self.slots, chance)
    }

    fn of_kind(&self) -> &KindTexts {
        &self.texts.kind[&self.kind.id]
    }

    fn of_cause(&self) -> &CauseTexts {
        &self.of_kind().cause[&self.scene.cause.id]
    }
}

/// With a small first letter, unless the first word is all capitals (`PIX`) or a sum.
fn uncapitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().unwrap_or_default();
    if letters.as_str().starts_with(|second: char| second.is_lowercase() || second == ' ') {
        format!("{}{}", first.to_lowercase(), letters.as_str())
    } else {
        sentence.to_owned()
    }
}
