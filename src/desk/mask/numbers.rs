//! Runs of digits: documents by their check digits, cards by Luhn, customers' numbers by value. Knows no names.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::desk::mask::{Placeholder, Span, phones};

/// The most digits a value can have: a phone with country code and extension, or a card.
pub(super) const MAX_DIGITS: usize = 20;
/// The fewest digits of a number that is looked for anywhere.
pub(super) const MIN_DIGITS: usize = 8;
/// The fewest digits of a phone without its area code.
pub(super) const MIN_LOCAL_DIGITS: usize = 7;

/// Digits of customers' documents and phones, in the forms of [`digits_of`] and [`phones::national`].
#[derive(Debug, Default)]
pub(super) struct Known {
    documents: HashMap<String, Placeholder>,
    phones: HashSet<String>,
}

impl Known {
    pub(super) fn add_document(&mut self, document: &str, kind: Placeholder) {
        let digits = digits_of(document);
        if digits.len() >= MIN_DIGITS {
            self.documents.insert(digits, kind);
        }
    }

    /// Learns a phone and returns it without its area code, if it is long enough to tell.
    pub(super) fn add_phone(&mut self, phone: &str) -> Option<String> {
        let digits = digits_of(phones::without_extension(phone));
        let national = phones::national(&digits);
        if national.len() < MIN_DIGITS {
            return None;
        }
        self.phones.insert(national.to_owned());
        phones::local(phone)
    }
}

/// Which placeholder a document of the customers table gets, by how it is written.
pub(super) fn document_kind(document: &str) -> Placeholder {
    let groups: Vec<usize> = groups_in(document).iter().map(Range::len).collect();
    if groups == [3, 2, 4] || groups == [9] { Placeholder::Ssn } else { Placeholder::Cpf }
}

/// Finds every number to be masked.
pub(super) fn find(text: &str, known: &Known, local_phone: Option<&str>, spans: &mut Vec<Span>) {
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return;
    }
    find_cnpjs_with_letters(text, spans);
    let before = spans.len();
    for run in RUN.find_iter(text) {
        find_in_run(text, run.range(), known, local_phone, spans);
    }
    // Payment slips have four check digits of their own; what looks like another number in one is chance.
    for slip in SLIP.find_iter(text) {
        let inside = |span: &Span| slip.start() <= span.start && span.end <= slip.end();
        let mut at = 0;
        spans.retain(|span| {
            at += 1;
            at <= before || !inside(span)
        });
    }
    phones::find(text, spans);
}

/// Digits with little between them. Values lie in a run as one group of digits or several neighbouring ones.
static RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9](?:[\s.\-/()]{0,3}[0-9])*"));
/// The 47 digits of a Brazilian payment slip (boleto) as they are printed.
static SLIP: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b[0-9]{5}\.[0-9]{5}\s[0-9]{5}\.[0-9]{6}\s[0-9]{5}\.[0-9]{6}\s[0-9]\s[0-9]{14}\b"));
/// A CNPJ as it is printed: twelve letters or digits, two digits.
static PRINTED_CNPJ: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}"));
/// What may be one with less or other punctuation; the check digits decide.
static LOOSE_CNPJ: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b[0-9A-Z]{2}[\s.\-]?[0-9A-Z]{3}[\s.\-]?[0-9A-Z]{3}(?:[\s.\-/]|\s/\s)?[0-9A-Z]{4}(?:[\s.\-]|\s-\s)?[0-9]{2}\b",
    )
});

/// The alphanumeric form of 2026. With digits alone it is a window of a run like any other number.
fn find_cnpjs_with_letters(text: &str, spans: &mut Vec<Span>) {
    spans.extend(PRINTED_CNPJ.find_iter(text).map(|it| Span::new(it.range(), Placeholder::Cnpj)));
    let mut at = 0;
    // What only looks like one may overlap the next that is one, so the search goes on just behind its first letter.
    while let Some(found) = LOOSE_CNPJ.find_at(text, at) {
        let characters: String = found.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        // `response code 51` has the lengths too.
        let in_words = found.as_str().contains(char::is_whitespace)
            && !characters[..12].bytes().any(|byte| byte.is_ascii_digit())
            && found.as_str().split(|c: char| !c.is_ascii_alphanumeric()).count() < 5;
        let lettered = characters.bytes().any(|byte| byte.is_ascii_alphabetic());
        if lettered && is_cnpj(&characters) && !in_words {
            spans.push(Span::new(found.range(), Placeholder::Cnpj));
            at = found.end();
        } else {
            at = found.start() + 1;
        }
    }
}

fn find_in_run(text: &str, run: Range<usize>, known: &Known, local_phone: Option<&str>, spans: &mut Vec<Span>) {
    let groups: Vec<Range<usize>> =
        groups_in(&text[run.clone()]).into_iter().map(|group| run.start + group.start..run.start + group.end).collect();
    for first in 0..groups.len() {
        let mut digits = String::new();
        for last in first..groups.len() {
            digits.push_str(&text[groups[last].clone()]);
            if digits.len() > MAX_DIGITS {
                break;
            }
            if digits.len() < MIN_LOCAL_DIGITS {
                continue;
            }
            let window = Window { digits: &digits, groups: &groups[first..=last], text };
            let Some(placeholder) = window.placeholder(known, local_phone) else { continue };
            let mut span = Span { start: groups[first].start, end: groups[last].end, placeholder };
            if placeholder == Placeholder::Phone {
                span = phones::whole(text, span);
            }
            spans.push(span);
        }
    }
}

/// Neighbouring groups of digits.
struct Window<'a> {
    digits: &'a str,
    groups: &'a [Range<usize>],
    text: &'a str,
}

impl Window<'_> {
    fn placeholder(&self, known: &Known, local_phone: Option<&str>) -> Option<Placeholder> {
        if let Some(&document) = known.documents.get(self.digits) {
            return Some(document);
        }
        let national = phones::national(self.digits);
        if known.phones.contains(national) || local_phone.is_some_and(|local| local == self.digits) {
            return Some(Placeholder::Phone);
        }
        if self.is_written(&[3, 3, 3, 2], &[".", ".", "-"]) {
            return Some(Placeholder::Cpf);
        }
        if self.is_written(&[3, 2, 4], &["-", "-"]) {
            return Some(Placeholder::Ssn);
        }
        if self.is_cut_only_after(&[3, 6, 9]) && is_cpf(self.digits) {
            return Some(Placeholder::Cpf);
        }
        if self.is_cut_only_after(&[2, 5, 8, 12]) && is_cnpj(self.digits) {
            return Some(Placeholder::Cnpj);
        }
        (self.is_grouped_like_a_card() && is_card(self.digits)).then_some(Placeholder::Card)
    }

    fn is_written(&self, lengths: &[usize], separators: &[&str]) -> bool {
        self.groups.len() == lengths.len()
            && self.groups.iter().zip(lengths).all(|(group, &length)| group.len() == length)
            && self.separators().zip(separators).all(|(found, &wanted)| found == wanted)
    }

    fn is_cut_only_after(&self, allowed: &[usize]) -> bool {
        let mut total = 0;
        self.groups[..self.groups.len() - 1].iter().all(|group| {
            total += group.len();
            allowed.contains(&total)
        })
    }

    fn is_grouped_like_a_card(&self) -> bool {
        let (last, others) = self.groups.split_last().expect("a window has groups");
        let in_fours = others.len() > 2 && others.iter().all(|group| group.len() == 4) && last.len() <= 4;
        let grouped = others.is_empty() || in_fours || self.groups.iter().all(|group| (3..=6).contains(&group.len()));
        // Points divide all of a card's groups or none: else they are a payment slip's.
        let pointed = self.separators().filter(|between| between.contains('.')).count();
        grouped
            && (pointed == 0 || pointed == others.len())
            && self.separators().all(|between| between.chars().all(|c| c.is_whitespace() || c == '-' || c == '.'))
    }

    fn separators(&self) -> impl Iterator<Item = &str> {
        self.groups.windows(2).map(|pair| &self.text[pair[0].end..pair[1].start])
    }
}

/// Where the runs of ASCII digits lie.
pub(super) fn groups_in(text: &str) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match groups.last_mut() {
            Some(group) if group.end == at => group.end += 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

pub(super) fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn values(digits: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    digits.bytes().map(|digit| u32::from(digit - b'0'))
}

/// Whether eleven digits end in the two check digits of a CPF (Receita Federal, modulo 11).
fn is_cpf(digits: &str) -> bool {
    let check = |count: usize| {
        let sum: u32 =
            values(&digits[..count]).zip((2..=count as u32 + 1).rev()).map(|(digit, weight)| digit * weight).sum();
        sum * 10 % 11 % 10
    };
    digits.len() == 11 && !is_one_digit(digits) && values(&digits[9..]).eq([check(9), check(10)])
}

/// Whether twelve letters or digits and two digits are a CNPJ (Receita Federal, modulo 11, weights 2 to 9 repeated): a
/// character counts its ASCII code less 48, letters in upper case.
fn is_cnpj(characters: &str) -> bool {
    let value = |byte: u8| u32::from(byte.to_ascii_uppercase() - b'0');
    let check = |count: usize| {
        let sum: u32 =
            characters[..count].bytes().rev().zip((2..=9).cycle()).map(|(byte, weight)| value(byte) * weight).sum();
        sum * 10 % 11 % 10
    };
    characters.len() == 14
        && !is_one_digit(characters)
        && characters[12..].bytes().map(value).eq([check(12), check(13)])
}

/// Whether 13 to 19 digits have a first digit of a payment scheme and Luhn's check digit (ISO/IEC 7812-1).
fn is_card(digits: &str) -> bool {
    let scheme = match digits.as_bytes() {
        [b'3'..=b'6', ..] => true,
        [b'2', rest @ ..] => rest.get(..3).is_some_and(|next| (b"221".as_slice()..=b"720").contains(&next)),
        _ => false,
    };
    let sum: u32 = values(digits)
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled @ 10..) => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    (13..=19).contains(&digits.len()) && scheme && sum.is_multiple_of(10)
}

fn is_one_digit(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == digits.as_bytes()[0])
}

pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is constant")
}
