//! Prose as data: the words of one language and the small template language they are written in. Knows no ticket.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::random::Chance;
use crate::error::{Error, Result};

/// Templates of which any one will do.
type Phrases = Vec<String>;

/// What people write in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
    pub(super) customer: CustomerTexts,
    pub(super) agent: AgentTexts,
    pub(super) system: SystemTexts,
    /// What a customer answers to each action that asks.
    pub(super) answer: BTreeMap<String, Phrases>,
    /// How an agent says what each action does.
    pub(super) action: BTreeMap<String, Phrases>,
    pub(super) kind: BTreeMap<String, KindTexts>,
    /// Word → short form in a chat window.
    pub(super) chat: BTreeMap<String, String>,
    /// Word → what slips in from the other language.
    pub(super) switch: BTreeMap<String, String>,
    pub(super) aside: Aside,
}

/// Messages of customers that do not depend on the problem.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerTexts {
    pub(super) greeting: Phrases,
    pub(super) signoff: Phrases,
    pub(super) plea: Phrases,
    pub(super) impact: Phrases,
    pub(super) nudge: Phrases,
    pub(super) waiting: Phrases,
    pub(super) pressure: Phrases,
    pub(super) works: Phrases,
    pub(super) still_broken: Phrases,
    pub(super) came_back: Phrases,
    pub(super) already_sent: Phrases,
    pub(super) withdraw: Phrases,
    pub(super) identity: Phrases,
}

/// Parts of an agent's message that do not depend on the action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentTexts {
    pub(super) greeting: Phrases,
    pub(super) finding_intro: Phrases,
    pub(super) closer: Phrases,
}

/// Messages of the machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SystemTexts {
    pub(super) auto_close: Phrases,
    pub(super) auto_cancel: Phrases,
}

/// How customers tell a kind of problem.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindTexts {
    pub(super) subject: Phrases,
    pub(super) opening: Phrases,
    pub(super) cause: BTreeMap<String, CauseTexts>,
}

/// What gives a cause away: in the customer's words, and in the agent's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CauseTexts {
    pub(super) clue: Phrases,
    pub(super) finding: Phrases,
}

/// Whole sentences of the other language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Aside {
    pub(super) sentences: Phrases,
}

/// The values of a ticket by slot name.
pub(super) type Slots = BTreeMap<&'static str, String>;

impl Texts {
    /// Portuguese.
    pub(super) fn portuguese() -> Result<Self> {
        parse(include_str!("texts_pt.toml"))
    }

    /// English.
    pub(super) fn english() -> Result<Self> {
        parse(include_str!("texts_en.toml"))
    }
}

fn parse(source: &str) -> Result<Texts> {
    toml::from_str(source).map_err(|error| Error::internal("reading the texts", error))
}

/// One of the phrases, with its choices made and its slots filled.
pub(super) fn say(phrases: &[String], slots: &Slots, chance: &mut Chance) -> String {
    let mut text = String::new();
    expand(chance.pick(phrases).as_str(), slots, chance, &mut text);
    tidy(&text)
}

fn expand(template: &str, slots: &Slots, chance: &mut Chance, out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find(['[', '{']) {
        out.push_str(&rest[..at]);
        if rest[at..].starts_with('{') {
            let end = at + rest[at..].find('}').expect("every `{` of the embedded texts has its `}` (tested)");
            let name = &rest[at + 1..end];
            out.push_str(slots.get(name).unwrap_or_else(|| panic!("no slot `{name}` (the texts are tested)")));
            rest = &rest[end + 1..];
        } else {
            let (alternatives, after) = alternatives(&rest[at + 1..]);
            let chosen = *chance.pick(&alternatives);
            expand(chosen, slots, chance, out);
            rest = after;
        }
    }
    out.push_str(rest);
}

/// Splits what follows a `[` at its own `|` and `]`.
fn alternatives(text: &str) -> (Vec<&str>, &str) {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, mark) in text.char_indices() {
        match mark {
            '[' => depth += 1,
            ']' if depth > 0 => depth -= 1,
            '|' if depth == 0 => {
                found.push(&text[from..at]);
                from = at + 1;
            }
            ']' => {
                found.push(&text[from..at]);
                return (found, &text[at + 1..]);
            }
            _ => {}
        }
    }
    panic!("`[` without `]` in an embedded text (tested): {text}")
}

/// Single spaces, none before a mark, no doubled marks, a capital at the start: what an empty choice leaves behind.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.trim().chars() {
        let mark = matches!(letter, ',' | '.' | '!' | '?' | ';' | ':');
        if mark && out.ends_with(' ') {
            out.pop();
        }
        if letter == ' ' && out.ends_with([' ', '\n']) || letter == '.' && out.ends_with(['.', '!', '?', ',', ';']) {
            continue;
        }
        if out.is_empty() { out.extend(letter.to_uppercase()) } else { out.push(letter) }
    }
    out
}
