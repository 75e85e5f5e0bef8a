//! Postal addresses: a street with its house number, in Portuguese and English, and postal codes. Knows no customer.

use std::sync::LazyLock;

use regex::Regex;

use crate::desk::mask::names::Folded;
use crate::desk::mask::numbers::pattern;
use crate::desk::mask::{Placeholder, Span};

/// The most words of a street's name.
const MAX_WORDS: usize = 6;

/// Finds streets with numbers, and postal codes that are called so or follow a street.
pub(super) fn find(source: &str, folded: &Folded, spans: &mut Vec<Span>) {
    let text = &folded.text;
    let mut streets = Vec::new();
    for found in STREET_FIRST.captures_iter(text) {
        let words = found.name("words").expect("the pattern has words").as_str();
        let end = found.get(0).expect("a match has a whole").end();
        // An initial capital tells a name where the abbreviation could be another word's.
        let start = found.get(0).expect("a match has a whole").start();
        let sure = found.name("abbreviated").is_none() || found.name("comma").is_some();
        let new_line = source[folded.source(start..end).end..].starts_with(['\n', '\r']);
        if is_name(words) && sure && (new_line || !UNIT.is_match(&text[end..])) {
            streets.push(start..end);
        }
    }
    for found in NUMBER_FIRST.captures_iter(text) {
        let range = found.get(0).expect("a match has a whole").range();
        let words = found.name("words").expect("the pattern has words");
        let original = folded.source(words.range());
        let capitals = source[original].split_whitespace().all(|word| !word.starts_with(char::is_lowercase));
        if is_name(words.as_str()) && (capitals || found.name("plain").is_some()) {
            streets.push(range);
        }
    }
    for code in CEP.captures_iter(text).chain(ZIP.captures_iter(text)) {
        spans.push(Span::new(
            folded.source(code.name("code").expect("the pattern has it").range()),
            Placeholder::Address,
        ));
    }
    for street in &streets {
        if let Some(code) = CODE_BEHIND.captures(&text[street.end..]).and_then(|found| found.name("code")) {
            let range = street.end + code.start()..street.end + code.end();
            spans.push(Span::new(folded.source(range), Placeholder::Address));
        }
    }
    spans.extend(streets.into_iter().map(|street| Span::new(folded.source(street), Placeholder::Address)));
}

/// Whether these can be the words of a street's name: few, and none that only a sentence has.
fn is_name(words: &str) -> bool {
    let words: Vec<&str> = words.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    !words.is_empty() && words.len() <= MAX_WORDS && !words.iter().any(|word| SENTENCE.contains(word))
}

/// Words of sentences, not of names of streets.
const SENTENCE: [&str; 78] = [
    "ja",
    "tem",
    "que",
    "com",
    "na",
    "no",
    "esta",
    "foi",
    "ha",
    "por",
    "mais",
    "nao",
    "fica",
    "ficou",
    "sem",
    "faz",
    "uns",
    "umas",
    "um",
    "uma",
    "meu",
    "minha",
    "nossa",
    "chegou",
    "entrega",
    "loja",
    "para",
    "pra",
    "ate",
    "desde",
    "quando",
    "onde",
    "hoje",
    "ontem",
    "moro",
    "tenho",
    "cobrou",
    "deu",
    "erro",
    "vende",
    "the",
    "my",
    "our",
    "on",
    "in",
    "at",
    "days",
    "day",
    "times",
    "weeks",
    "hours",
    "minutes",
    "to",
    "for",
    "with",
    "from",
    "has",
    "have",
    "was",
    "is",
    "are",
    "terminals",
    "machines",
    "and",
    "a",
    "an",
    "down",
    "across",
    "same",
    "of",
    "payments",
    "sales",
    "i",
    "we",
    "it",
    "this",
    "that",
    "per",
];

/// `Rua das Flores, 123 apto 45`, `av paulista n 1000`.
static STREET_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) \b (?: rua | avenida | travessa | alameda | rodovia | estrada | praca | largo | ladeira | viela
                    | (?: av | r | trav | tv | al | rod | estr | pca )\. | av | (?P<abbreviated> r | al | rod ) )
          \s (?P<words> (?: [a-z0-9][a-z0-9.'\-]* \s ){0,5}? [a-z0-9][a-z0-9.'\-]* )
          (?: \s?(?P<comma>,)\s? | \s-\s | \s )
          (?: (?: n[oº°.]? | num(?:ero|\.)? | km | lote | casa ) \s? :? \s? )?
          [0-9]{1,5} (?: \.[0-9]{3} )? [a-z]? \b
          (?: ,? \s? -? \s? (?: apt[o.]? | apartamento | ap\.? | sala | bloco | bl\.? | casa | loja | lj\.? | conj(?:unto|\.)? | andar | fundos | box | quadra | torre )
              \s? (?: [0-9]{1,5}[a-z]? | [a-z] ) \b ){0,3}",
    )
});
/// What follows a number that is none of a house.
static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[.,:/][0-9]|\s?(?:%|x\b|h\b|hs\b|horas?\b|dias?\b|minutos?\b|min\b|semanas?\b|mes(?:es)?\b|vezes\b|reais\b|anos?\b|maquininhas?\b|maquinas?\b|terminais\b|vendas?\b|transacoes\b))",
    )
});
/// `742 Evergreen Terrace`, `12 Main St., Apt 4`.
static NUMBER_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) \b [0-9]{1,5}[a-z]? ,? \s (?: [nsew]\.? \s )? (?P<words> (?: [a-z0-9][a-z.'\-]* | [0-9]{1,3}(?:st|nd|rd|th) ) (?: \s [a-z][a-z.'\-]* ){0,3}? ) \s
          (?: (?P<plain> street | st | avenue | ave | road | rd | boulevard | blvd | lane | ln )
            | drive | dr | court | ct | way | square | sq | place | pl | terrace | highway | hwy | parkway | pkwy ) \b \.?
          (?: ,? \s? (?: apt | apartment | suite | ste | unit | floor | \# ) \.? \s? \#? [0-9a-z]{1,5} \b )?",
    )
});
static CEP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\bcep\W{0,3}(?:(?:e|do|da|n[oº°.]?|numero|local|loja)\W{1,3}){0,2}(?P<code>[0-9]{2}\.?[0-9]{3}[\s-]{0,2}[0-9]{3})\b",
    )
});
static ZIP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b(?:zip(?:\s?code)?|postal code|postcode)\W{0,3}(?:is\W{1,3})?(?P<code>[0-9]{5}(?:-[0-9]{4})?)\b")
});
/// A postal code in the same line as a street before it.
static CODE_BEHIND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^[^0-9]{0,60}?\b(?P<code>[0-9]{2}\.?[0-9]{3}-[0-9]{3}|[a-z]{2}\s[0-9]{5}(?:-[0-9]{4})?)\b")
});
