//! Questions with known answers about the desk that is being made: which resolved tickets hold a code, which have the same
//! cause of the same kind. Knows what the tickets were made from, and nothing of the engine that is asked.
//!
//! | set | a question is | right are the resolved tickets |
//! |---|---|---|
//! | `code` | a code, mostly alone | that hold it |
//! | `typo` | a problem in the desk's own words, typed badly | of that problem |
//! | `code_switched` | a problem in words that no ticket has, Portuguese with English in it | of that problem |
//! | `cross_language` | the same, in one language | of that problem, written in the other language |
//! | `paraphrase` | the same, in one language | of that problem |
//!
//! A *problem* is a kind with its cause: what the tables call subcategory, and why. Where a set asks for some of the
//! tickets of a problem only, the others are in the column `ignored`: finding them is neither right nor wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::calendar::NOW;
use super::noise::{mistype, replace};
use super::random::{Chance, Table};
use super::slots::{self, Scene};
use super::texts::{Slots, say};
use super::ticket::{Desk, Origin};
use super::{from_csv, open_table};
use crate::error::{Error, Result};

/// Questions in each set, where the desk has enough to ask about.
const QUESTIONS: usize = 120;
/// How many of them, in the set of codes, are about a number that one to three tickets hold.
const RARE: usize = 90;
/// A number that so many resolved tickets hold at most is rare.
const RARE_TICKETS: usize = 3;
const COLUMNS: &str = "set,query,answers,ignored";

/// How questions are worded in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wording {
    /// Kind → cause → messages.
    pub(super) problem: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Word → what people say in its place in the other language; where questions switch.
    #[serde(default)]
    switch: BTreeMap<String, String>,
    #[serde(default)]
    half: Half,
}

/// Half sentences of the other language.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Half {
    before: Vec<String>,
    after: Vec<String>,
}

impl Wording {
    /// Portuguese.
    pub(super) fn portuguese() -> Result<Self> {
        parse(include_str!("queries_pt.toml"))
    }

    /// English.
    pub(super) fn english() -> Result<Self> {
        parse(include_str!("queries_en.toml"))
    }
}

fn parse(source: &str) -> Result<Wording> {
    toml::from_str(source).map_err(|error| Error::internal("reading the wording of questions", error))
}

/// What is known of the tickets so far.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Kind and cause, as places in the model → resolved tickets with whether they are in Portuguese.
    problems: BTreeMap<(usize, usize), Vec<(String, bool)>>,
    /// Codes of one ticket, with what people call them → resolved tickets that hold them.
    own: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// Codes that any ticket may have, likewise.
    shared: BTreeMap<(&'static str, String), BTreeSet<String>>,
}

/// Slots whose value is a ticket's own, and what a number of that sort is called.
const OWN: [(&str, &str); 5] =
    [("nsu", "NSU"), ("tid", "TID"), ("auth", "autorização"), ("serial", "serial"), ("protocol", "protocolo")];
/// Codes that many tickets may hold, and what they are called. Numbers that may also be a day or a percentage are left out.
const SHARED: [(&str, &[&str]); 3] = [
    ("erro", &["E-104", "E-221", "0x3F", "ERR 2031", "TIMEOUT 06", "C14", "F-77", "422", "403", "504"]),
    ("código", &["51", "57", "54", "91", "96", "62"]),
    ("motivo", &["10.4", "13.1", "13.2", "12.6", "4853", "4837", "4855", "4863", "4834"]),
];

/// What stands before a response code.
const BEFORE_RESPONSE: [&str; 9] = ["código", "codigo", "code", "resposta", "response", "resp", "dá", "with", "gives"];

impl Answers {
    /// Learns of a ticket: what it was made from, and everything that was written in it.
    pub(super) fn hear(&mut self, id: &str, origin: &Origin, texts: &[&str]) {
        if !origin.resolved {
            return;
        }
        let problem = self.problems.entry((origin.kind, origin.cause)).or_default();
        problem.push((id.to_owned(), origin.portuguese));
        let written = texts.join("\n").to_lowercase();
        let words: Vec<&str> = written.split(is_between).map(|word| word.trim_matches(['.', ',', ':', '-'])).collect();
        let known: BTreeSet<&str> = words.iter().copied().collect();
        let holds = |code: &str| match code.to_lowercase() {
            code if code.contains(' ') => written.contains(&code),
            // Two digits may also be an area code.
            code if code.len() == 2 => {
                words.windows(2).any(|pair| pair[1] == code && BEFORE_RESPONSE.contains(&pair[0]))
            }
            code => known.contains(code.as_str()),
        };
        for (slot, name) in OWN {
            let code = &origin.slots[slot];
            if holds(code) {
                self.own.entry((name, code.clone())).or_default().insert(id.to_owned());
            }
        }
        for (name, codes) in SHARED {
            for code in codes.iter().filter(|code| holds(code)) {
                self.shared.entry((name, (*code).to_owned())).or_default().insert(id.to_owned());
            }
        }
    }

    /// Writes the questions of every set.
    pub(super) fn write(&self, path: &Path, desk: &Desk) -> Result<()> {
        let mut table = open_table(path, COLUMNS)?;
        let mut add = |set: &str, questions: Vec<Question>| {
            questions.into_iter().try_for_each(|it| {
                let row = [set, &it.query, &it.answers.join("|"), &it.ignored.join("|")];
                table.write_record(row).map_err(from_csv)
            })
        };
        add("code", self.codes(desk))?;
        for (stream, set) in (1..).zip([Set::Typo, Set::CodeSwitched, Set::CrossLanguage, Set::Paraphrase]) {
            add(set.as_str(), self.questions(set, desk, &mut Chance::of(desk.params.seed, Table::Queries, stream))?)?;
        }
        table.flush()?;
        Ok(())
    }

    fn codes(&self, desk: &Desk) -> Vec<Question> {
        let mut chance = Chance::of(desk.params.seed, Table::Queries, 0);
        let rare = self.own.iter().filter(|(_, tickets)| tickets.len() <= RARE_TICKETS).collect();
        let mut chosen = some_of(rare, RARE, &mut chance);
        chosen.extend(some_of(self.shared.iter().collect(), QUESTIONS - chosen.len(), &mut chance));
        let asked = chosen.into_iter().map(|((name, code), tickets)| Question {
            query: match chance.between(0, 5) {
                0 => format!("{name} {code}"),
                1 => code.to_lowercase(),
                _ => code.clone(),
            },
            answers: tickets.iter().cloned().collect(),
            ignored: Vec::new(),
        });
        asked.collect()
    }

    fn questions(&self, set: Set, desk: &Desk, chance: &mut Chance) -> Result<Vec<Question>> {
        let wordings = [Wording::english()?, Wording::portuguese()?];
        // Problem, the language to ask in, and the tickets that are right and to be passed over.
        let mut askable = Vec::new();
        for (&problem, tickets) in &self.problems {
            for portuguese in [false, true] {
                let in_language = |wanted: bool| tickets.iter().filter(move |ticket| ticket.1 == wanted).count();
                let asked = match set {
                    Set::CodeSwitched => portuguese,
                    Set::CrossLanguage => in_language(!portuguese) > 0,
                    Set::Typo | Set::Paraphrase => in_language(portuguese) > 0,
                };
                if asked {
                    let right = |ticket: &(String, bool)| set != Set::CrossLanguage || ticket.1 != portuguese;
                    let (answers, ignored): (Vec<_>, Vec<_>) = tickets.iter().cloned().partition(right);
                    let ids = |tickets: Vec<(String, bool)>| tickets.into_iter().map(|it| it.0).collect::<Vec<_>>();
                    askable.push((problem, portuguese, ids(answers), ids(ignored)));
                }
            }
        }
        let mut asked = Vec::new();
        let mut said = BTreeSet::new();
        // A small desk has fewer problems than there are questions to ask: then they are asked again in other words.
        for _ in 0..QUESTIONS {
            let missing = QUESTIONS - asked.len();
            for (problem, portuguese, answers, ignored) in some_of(askable.clone(), missing, chance) {
                let query = worded(set, desk, &wordings, problem, portuguese, chance);
                if said.insert(query.clone()) {
                    asked.push(Question { query, answers, ignored });
                }
            }
        }
        Ok(asked)
    }
}

/// What stands between words; marks inside a number are none.
fn is_between(letter: char) -> bool {
    !(letter.is_alphanumeric() || matches!(letter, '.' | ',' | ':' | '-' | '/' | '$' | '%'))
}

/// Up to `count` of the items in any order, each once.
fn some_of<T>(mut items: Vec<T>, count: usize, chance: &mut Chance) -> Vec<T> {
    let mut chosen = Vec::new();
    while chosen.len() < count && !items.is_empty() {
        chosen.push(items.swap_remove(chance.below(items.len())));
    }
    chosen
}

/// A question with what answers it.
#[derive(Debug)]
struct Question {
    query: String,
    answers: Vec<String>,
    ignored: Vec<String>,
}

/// The sets that ask about problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Typo,
    CodeSwitched,
    CrossLanguage,
    Paraphrase,
}

impl Set {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Typo => "typo",
            Self::CodeSwitched => "code_switched",
            Self::CrossLanguage => "cross_language",
            Self::Paraphrase => "paraphrase",
        }
    }
}

fn worded(
    set: Set,
    desk: &Desk,
    wordings: &[Wording; 2],
    (kind, cause): (usize, usize),
    portuguese: bool,
    chance: &mut Chance,
) -> String {
    let kind = &desk.model.kinds[kind];
    let cause = &kind.causes[cause];
    let wording = &wordings[usize::from(portuguese)];
    let message = |slots: &Slots, chance: &mut Chance| say(&wording.problem[&kind.id][&cause.id], slots, chance);
    let customer = desk.people.customer(1);
    let company = desk.people.company(customer.company);
    let agent = &desk.people.agents[0];
    let scene = Scene { cause, customer: &customer, company: &company, agent, created_at: NOW, portuguese };
    let slots = slots::draw(scene, chance);
    match set {
        Set::CrossLanguage | Set::Paraphrase => message(&slots, chance),
        Set::CodeSwitched => {
            let switched = replace(&message(&slots, chance), &wording.switch, 0.85, chance);
            let before = if chance.happens(0.5) { say(&wording.half.before, &slots, chance) } else { String::new() };
            let after = say(&wording.half.after, &slots, chance);
            format!("{before} {switched} {after}").trim().to_owned()
        }
        Set::Typo => {
            let texts = if portuguese { &desk.portuguese } else { &desk.english };
            let of_kind = &texts.kind[&kind.id];
            let opening = say(&of_kind.opening, &slots, chance);
            let clue = say(&of_kind.cause[&cause.id].clue, &slots, chance);
            mistype(&format!("{opening} {clue}"), chance)
        }
    }
}
