//! The numbers and codes that a payment, a terminal or a failure is known by → exact terms. Knows no index and no ticket.
//!
//! A word that holds a digit is an identifier if the words before it say which kind it is and it has the form of that
//! kind (`kinds.rs`), or if nothing else has its form. Case, accents, blanks and separators are folded. Amounts, dates,
//! times, percentages and counts (`10 vezes`) are none; placeholders such as `[CARD]` hold no digit.
//!
//! Every identifier has two terms: `nsu:123456789`, by which it is told from other numbers, and `123456789`, which a
//! query finds that consists of the number alone. So the index side needs one list, and a question need not say a kind.
//! A long number of which nothing says what it is (`autorizaãço 817627`) has the second term alone.

mod kinds;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::desk::identifiers::kinds::{
    BEHIND_COUNT, CHARGEBACK_WORDS, LONG_NUMBER, MEASURE, OTHER_CODES, PHONE_OR_SUM, RULES, SHAPES, VISA_REASON,
    normalized,
};
use crate::desk::mask::Folded;

pub use kinds::IdentifierKind;

/// A number or code with what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// Capitals and digits, without separators; the point of a Visa reason code stays.
    pub value: String,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.value)
    }
}

/// The identifiers of a masked text, sorted and distinct.
#[must_use]
pub fn identifiers(text: &str) -> Vec<Identifier> {
    let found: BTreeSet<Identifier> = Scan::of(text).found.into_iter().flatten().collect();
    found.into_iter().collect()
}

/// The terms of texts to be found, sorted and distinct: of each identifier `kind:value` and `value`, and numbers of six
/// digits and more of unknown kind that are neither phones nor round sums.
#[must_use]
pub fn identifier_terms<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut terms = BTreeSet::new();
    for text in texts {
        let scan = Scan::of(text);
        for (place, found) in scan.words.iter().zip(&scan.found) {
            match found {
                Some(identifier) => terms.extend([identifier.to_string(), identifier.value.clone()]),
                None => terms.extend(scan.long_number(place)),
            }
        }
    }
    terms.into_iter().collect()
}

/// The terms to look for, sorted and distinct: those of [`identifier_terms`], and what may be an identifier although
/// nothing says its kind. That is any code where the text has no word besides, such as `51` or `E105, 10.4`, and else
/// what has at least six digits.
#[must_use]
pub fn query_terms(text: &str) -> Vec<String> {
    let mut terms: BTreeSet<String> = identifier_terms([text]).into_iter().collect();
    let scan = Scan::of(text);
    let is_bare = scan.is_bare();
    for (word, found) in scan.words.iter().zip(&scan.found) {
        let Some(value) = scan.unlabelled(word) else { continue };
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        if found.is_none() && (is_bare || digits >= LONG) {
            terms.insert(value);
        }
    }
    terms.into_iter().collect()
}

/// Whether a text is nothing but codes: `51`, `E105, 10.4`, `NSU 123456789`.
#[must_use]
pub fn is_only_codes(text: &str) -> bool {
    let scan = Scan::of(text);
    !scan.words.is_empty() && scan.is_bare()
}

/// How many digits a number has that is looked for wherever it stands.
const LONG: usize = 6;
/// How many digits the groups of one number have at least in all: `4958 150` is two numbers.
const LEAST_GROUPED: usize = 8;
/// How far before a number, in bytes, a label is looked for.
const BEFORE: usize = 72;
/// How far around a Visa reason code, in bytes, a word about chargebacks is looked for.
const AROUND: usize = 56;

/// A text, its words that hold a digit, and what each is.
struct Scan {
    text: String,
    words: Vec<Range<usize>>,
    found: Vec<Option<Identifier>>,
}

impl Scan {
    fn of(text: &str) -> Self {
        let mut scan = Self { text: String::new(), words: Vec::new(), found: Vec::new() };
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return scan;
        }
        scan.text = Folded::new(text).text;
        scan.words = words(&scan.text);
        for at in 0..scan.words.len() {
            let found = scan.identify(at);
            scan.found.push(found);
        }
        scan
    }

    /// What the word at a place is, given what those before it are.
    fn identify(&self, at: usize) -> Option<Identifier> {
        let place = self.words[at].clone();
        let word = &self.text[place.clone()];
        if self.is_measure(&place) {
            return None;
        }
        let identifier = |kind| Some(Identifier { kind, value: normalized(kind, word) });
        if let Some(shape) = SHAPES.iter().find(|shape| shape.form.is_match(word)) {
            return identifier(shape.kind);
        }
        let before = self.before(place.start, BEFORE);
        if OTHER_CODES.is_match(before) {
            return None;
        }
        let labelled = RULES.iter().find(|rule| rule.form.is_match(word) && rule.label.is_match(before));
        if let Some(rule) = labelled {
            return identifier(rule.kind);
        }
        if VISA_REASON.is_match(word) {
            let near = [self.before(place.start, AROUND), self.after(place.end, AROUND)];
            return near
                .iter()
                .any(|text| CHARGEBACK_WORDS.is_match(text))
                .then(|| identifier(IdentifierKind::Chargeback))?;
        }
        // `NSU 123456789, 123456790 e 123456791`: as long as the one before, and nothing but a comma or `e` between.
        let last = at.checked_sub(1)?;
        let listed = LIST.is_match(&self.text[self.words[last].end..place.start]);
        let alike = self.words[last].len() == word.len();
        self.found[last].as_ref().filter(|_| listed && alike).and_then(|it| identifier(it.kind))
    }

    /// Whether nothing but codes is in the text.
    fn is_bare(&self) -> bool {
        let mut end = 0;
        let mut letters = false;
        for word in &self.words {
            letters |= self.text[end..word.start].contains(char::is_alphabetic);
            end = word.end;
        }
        !letters && !self.text[end..].contains(char::is_alphabetic)
    }

    /// The value of a word that may be an identifier of some kind.
    fn unlabelled(&self, place: &Range<usize>) -> Option<String> {
        let word = &self.text[place.clone()];
        if VISA_REASON.is_match(word) {
            return Some(word.to_owned());
        }
        let measure = self.is_measure(place) || PHONE.is_match(word);
        (!measure).then(|| normalized(IdentifierKind::Protocol, word))
    }

    /// The value of a word that is a number of something, although nothing says of what.
    fn long_number(&self, place: &Range<usize>) -> Option<String> {
        let word = &self.text[place.clone()];
        let counted = BEHIND_COUNT.is_match(&self.text[place.end..]);
        let number = LONG_NUMBER.is_match(word) && !PHONE_OR_SUM.is_match(word) && !counted && !self.is_measure(place);
        number.then(|| normalized(IdentifierKind::Protocol, word))
    }

    /// Whether a number says how much, how often or when.
    fn is_measure(&self, place: &Range<usize>) -> bool {
        let word = &self.text[place.clone()];
        let money = self.text[..place.start].trim_end().ends_with(['$', '€', '£', '+']);
        let behind = &self.text[place.end..];
        let short = word.len() < LONG && word.bytes().all(|byte| byte.is_ascii_digit());
        let goes_on = behind.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '%' | 'ª' | 'º' | '°'));
        money
            || goes_on
            || (MEASURE.is_match(word) && !VISA_REASON.is_match(word))
            || behind.trim_start().starts_with('%')
            || (short && BEHIND_COUNT.is_match(behind))
    }

    fn before(&self, end: usize, reach: usize) -> &str {
        let mut start = end.saturating_sub(reach);
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        &self.text[start..end]
    }

    fn after(&self, start: usize, reach: usize) -> &str {
        let mut end = (start + reach).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[start..end]
    }
}

/// What may stand between two numbers of one label.
static LIST: LazyLock<Regex> = LazyLock::new(|| kinds::pattern(r"^ ?(?:[,;/]|\b(?:e|and|ou|or)\b)(?: (?:e|and) )? ?$"));
/// A Brazilian phone without its area code.
static PHONE: LazyLock<Regex> = LazyLock::new(|| kinds::pattern(r"^(?:[0-9]{2}-)?9?[0-9]{4}-[0-9]{4}$"));
/// Digits in groups with blanks between: `071 6342 1608`.
static GROUPED: LazyLock<Regex> = LazyLock::new(|| kinds::pattern(r"^[0-9]{1,4}(?: [0-9]{3,4}){1,5}\b"));
/// Codes of two words.
static TWO_WORDS: LazyLock<Regex> = LazyLock::new(|| kinds::pattern(r"^timeout[ -]?[0-9]{1,4}\b"));

/// Where the words lie that hold a digit. Hyphens hold a word together, and points, strokes, colons and commas between
/// digits.
fn words(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let end = word_end(text, at);
        if text[at..end].bytes().any(|byte| byte.is_ascii_digit()) {
            words.push(at..end);
        }
        at = end;
    }
    words
}

fn word_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let grouped = GROUPED.find(rest).filter(|it| {
        let digits = it.as_str().bytes().filter(u8::is_ascii_digit).count();
        digits >= LEAST_GROUPED && !rest[it.end()..].starts_with([',', '.', '/', ':', '-', '%'])
    });
    if let Some(found) = grouped.or_else(|| TWO_WORDS.find(rest)) {
        return start + found.end();
    }
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        let holds = match byte {
            b'-' => bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric),
            b'.' | b'/' | b':' | b',' => is_digit(at - 1) && is_digit(at + 1),
            _ => byte.is_ascii_alphanumeric(),
        };
        if !holds {
            break;
        }
        at += 1;
    }
    at
}
