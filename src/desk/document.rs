//! Which text stands for what when it is embedded. Knows no model, no index and no row.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::desk::language::told_language;
use crate::desk::ticket::{Author, Ticket, Turn};

/// What the newest turn before an agent's weighs in the vector of the state, and the two before it.
///
/// Turns are embedded one by one and added up, since a turn recurs in up to three states: this embeds each once, and
/// predicted the next action better than one text of three turns did (see `benches/README.md`).
pub const TURN_WEIGHTS: [f32; 3] = [1.0, 0.5, 0.25];

/// What the subject weighs in the vector of the state.
const SUBJECT_WEIGHT: f32 = 1.0;

/// A text and what its vector weighs in the vector of the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// The text to embed.
    pub text: &'a str,
    /// Above 0.
    pub weight: f32,
}

/// One decision of an agent, or the one that an active ticket waits for: a view of its ticket, made when it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<'a> {
    /// The agent's turn in the thread; the thread's length when pending.
    pub turn: usize,
    /// Which of the ticket's agent turns it is, from 0.
    pub position: usize,
    /// The state of the conversation just before, for the vector: the weighted sum of the vectors of these. For people and the
    /// keyword index it is [`state_text`].
    pub state_parts: Vec<Part<'a>>,
    /// Whether the last of these is the subject.
    has_subject: bool,
    /// What the agent wrote; `None` when pending.
    pub message: Option<&'a str>,
    /// The action that the tables name for this turn, if they do.
    pub label: Option<&'a str>,
    /// Whether the customer spoke last, so that the agent answered rather than went on.
    pub last_turn_is_customer: bool,
}

impl<'a> Step<'a> {
    /// The parts of the state that are turns, newest first.
    pub fn turns(&self) -> impl Iterator<Item = &Part<'a>> {
        self.state_parts[..self.state_parts.len() - usize::from(self.has_subject)].iter()
    }

    /// The part of the state that is the subject, if that has words.
    #[must_use]
    pub fn subject(&self) -> Option<&Part<'a>> {
        self.state_parts.last().filter(|_| self.has_subject)
    }
}

/// What the customer's problem is: subject, description, and what the customer wrote before anybody answered, one a
/// line. What was said before, as when the first message repeats the description, is left out.
#[must_use]
pub fn problem_text(ticket: &Ticket) -> String {
    let opening = ticket.thread.iter().take_while(|turn| turn.author != Author::Agent);
    let messages = opening.filter(|turn| turn.author == Author::Customer).map(|turn| turn.text.as_str());
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    for text in [ticket.subject.as_str(), ticket.description.as_str()].into_iter().chain(messages) {
        let line = one_line(text);
        if !line.is_empty() && !lines.iter().any(|earlier| is_same(earlier, &line)) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// What a word of a later turn weighs beside one of the problem in the vector by which a ticket is found.
///
/// What an agent found out names the cause, which the first messages often do not; what is usual in every answer says
/// nothing. By measurement (see `benches/README.md`): 1/2 finds more causes and fewer tickets of the same subcategory, and
/// one text of the whole thread finds less than either.
const LATER_WEIGHT: f32 = 0.25;

/// The turns from the first answer of an agent on that have words.
pub(crate) fn later_turns(ticket: &Ticket) -> impl Iterator<Item = &Turn> {
    let opening = |turn: &&Turn| turn.author != Author::Agent;
    ticket.thread.iter().skip_while(opening).filter(|turn| !turn.text.trim().is_empty())
}

/// What was said after the first messages, one turn a line: where words are searched besides the problem.
#[must_use]
pub fn later_text(ticket: &Ticket) -> String {
    later_turns(ticket).map(|turn| one_line(&turn.text)).collect::<Vec<_>>().join("\n")
}

/// What a ticket is found by: the weighted sum of the vectors of these. Its problem, which weighs 1, and every later turn, each
/// word of which weighs a quarter of a word of the problem; `problem` is its [`problem_text`]. However long a thread is, no
/// text is longer than a turn.
#[must_use]
pub fn ticket_parts<'a>(ticket: &'a Ticket, problem: &'a str) -> Vec<Part<'a>> {
    let words = |text: &str| text.split_whitespace().count().max(1) as f32;
    let later_word = LATER_WEIGHT / words(problem);
    let later = later_turns(ticket).map(|turn| Part { weight: later_word * words(&turn.text), text: &turn.text });
    std::iter::once(Part { weight: 1.0, text: problem }).chain(later).collect()
}

/// One step for each turn of an agent, and a pending one for the present state of an active ticket.
#[must_use]
pub fn steps(ticket: &Ticket) -> Vec<Step<'_>> {
    step_places(ticket).map(|(position, turn)| step_at(ticket, position, turn)).collect()
}

/// Where each of [`steps`] is: which of the ticket's steps, and at which turn.
pub fn step_places(ticket: &Ticket) -> impl Iterator<Item = (usize, usize)> {
    let taken = (0..ticket.thread.len()).filter(|&turn| ticket.thread[turn].author == Author::Agent);
    taken.chain(ticket.status.is_active().then_some(ticket.thread.len())).enumerate()
}

/// The step of an agent's turn, `position` of them before it; beyond the last turn, the pending one.
#[must_use]
pub fn step_at(ticket: &Ticket, position: usize, turn: usize) -> Step<'_> {
    let taken = ticket.thread.get(turn);
    Step {
        turn,
        position,
        state_parts: state_parts(ticket, turn),
        has_subject: !ticket.subject.trim().is_empty(),
        message: taken.map(|turn| turn.text.as_str()),
        label: taken.and_then(|turn| turn.action.as_deref()),
        last_turn_is_customer: customer_spoke_last(&ticket.thread[..turn]),
    }
}

/// The subject, then the last three turns before `turn` that have words, newest first, one a line: `C:`, `A:` and `S:`
/// say whether customer, agent or system wrote it.
///
/// The description counts as the customer's first turn unless the thread repeats it.
#[must_use]
pub fn state_text(ticket: &Ticket, turn: usize) -> String {
    let before = &ticket.thread[..turn];
    let mut lines = vec![one_line(&ticket.subject)];
    lines.extend(last_turns(before).map(marked).map(Cow::Owned));
    if needs_description(ticket, before) {
        lines.push(Cow::Owned(format!("C: {}", one_line(&ticket.description))));
    }
    lines.join("\n")
}

/// The same state as [`state_text`] as parts to embed.
fn state_parts(ticket: &Ticket, turn: usize) -> Vec<Part<'_>> {
    let before = &ticket.thread[..turn];
    let mut parts = conversation_parts(before);
    if needs_description(ticket, before) {
        parts.push(Part { text: &ticket.description, weight: TURN_WEIGHTS[parts.len()] });
    }
    parts.push(Part { text: &ticket.subject, weight: SUBJECT_WEIGHT });
    parts.retain(|part| !part.text.trim().is_empty());
    parts
}

/// The last three turns that have words, newest first, each with its weight.
#[must_use]
pub fn conversation_parts(turns: &[Turn]) -> Vec<Part<'_>> {
    last_turns(turns).zip(TURN_WEIGHTS).map(|(turn, weight)| Part { text: &turn.text, weight }).collect()
}

fn needs_description(ticket: &Ticket, before: &[Turn]) -> bool {
    let repeated = before.iter().any(|turn| is_same(&turn.text, &ticket.description));
    !repeated && last_turns(before).count() < TURN_WEIGHTS.len()
}

/// What a ticket's thread says, as 16 hexadecimal digits: the first of the SHA-256 of subject, description and all turns.
///
/// Tickets with equal ones have the same masked words of the same authors in the same order, whatever the case and the
/// blanks: a ticket that was entered twice, a conversation that was copied. They count once.
#[must_use]
pub fn thread_id(ticket: &Ticket) -> String {
    let mut sum = Sha256::new();
    let spoken = ticket.thread.iter().map(marked).map(Cow::Owned);
    for line in [one_line(&ticket.subject), one_line(&ticket.description)].into_iter().chain(spoken) {
        sum.update(line.to_lowercase());
        sum.update("\n");
    }
    sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What a ticket's conversation as a whole is told apart by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// See [`thread_id`]. Equal for tickets with the same thread, which count once.
    pub id: String,
    /// `pt` or `en`: the language of the problem; `?` where that has no words.
    pub language: &'static str,
    /// The same where it is clear.
    pub sure_language: Option<&'static str>,
}

impl Thread {
    /// That of a ticket.
    #[must_use]
    pub fn of(ticket: &Ticket) -> Self {
        // Of what is known before anybody acts alone: later messages must not tell about earlier moments.
        let (language, is_sure) = told_language(&problem_text(ticket));
        Self { id: thread_id(ticket), language, sure_language: is_sure.then_some(language) }
    }
}

/// The id of the pending step of an active ticket.
#[must_use]
pub fn pending_step_id(ticket_id: &str) -> String {
    format!("{ticket_id}#next")
}

fn last_turns(turns: &[Turn]) -> impl Iterator<Item = &Turn> {
    turns.iter().rev().filter(|turn| !turn.text.trim().is_empty()).take(TURN_WEIGHTS.len())
}

fn marked(turn: &Turn) -> String {
    let marker = match turn.author {
        Author::Customer => 'C',
        Author::Agent => 'A',
        Author::System => 'S',
    };
    format!("{marker}: {}", one_line(&turn.text))
}

/// With single blanks alone, none of them outside; most texts are so already.
fn one_line(text: &str) -> Cow<'_, str> {
    let is_blank = |byte: u8| byte.is_ascii_whitespace() || byte == b'\x0b';
    let bytes = text.as_bytes();
    let mut follows = bytes.iter().zip(bytes.iter().skip(1).chain(b" "));
    let is_plain = |(&byte, &next): (&u8, &u8)| !is_blank(byte) || (byte == b' ' && !is_blank(next));
    let has_other_blanks = || text.chars().any(|c| !c.is_ascii() && c.is_whitespace());
    if bytes.first().is_none_or(|&first| !is_blank(first)) && follows.all(is_plain) && !has_other_blanks() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A thread without turns waits for the agent, since opening the ticket was the customer's turn.
fn customer_spoke_last(thread: &[Turn]) -> bool {
    thread.last().is_none_or(|turn| turn.author == Author::Customer)
}

fn lowered(word: &str) -> impl Iterator<Item = char> {
    word.chars().flat_map(char::to_lowercase)
}

/// The same words, whatever the case and the blanks.
fn is_same(one: &str, other: &str) -> bool {
    let is_same_word = |one: &str, other: &str| one == other || lowered(one).eq(lowered(other));
    let (mut one, mut other) = (one.split_whitespace(), other.split_whitespace());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(word), Some(its)) if is_same_word(word, its) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_same, one_line};

    proptest! {
        #[test]
        fn a_line_has_single_blanks_alone(text in "[a-zÉé ,\n\t\u{a0}\u{b}\u{85}]{0,20}") {
            let words: Vec<&str> = text.split_whitespace().collect();
            prop_assert_eq!(one_line(&text), words.join(" "));
        }

        #[test]
        fn the_same_is_what_differs_in_case_and_blanks_alone(
            one in "[aAéÉİ \n]{0,6}",
            other in "[aAéÉİ \n]{0,6}",
        ) {
            let lowered = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
            prop_assert_eq!(is_same(&one, &other), lowered(&one) == lowered(&other));
            let in_other_case = format!(" {}\n", one.to_lowercase());
            prop_assert!(is_same(&one, &in_other_case));
        }
    }
}
