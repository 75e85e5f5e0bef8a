//! Phones: their forms, what they must not be confused with, and their parts. Knows no customer.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::desk::mask::numbers::{MAX_DIGITS, MIN_DIGITS, MIN_LOCAL_DIGITS, digits_of, groups_in, pattern};
use crate::desk::mask::{Placeholder, Span};

/// Phones by their form alone. Without a `+` they must not be labelled as another number, nor touch one.
pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    for found in PHONE.find_iter(text) {
        let digits = found.as_str().bytes().filter(u8::is_ascii_digit).count();
        let international = found.as_str().starts_with('+');
        let labelled = !international && LABEL.is_match(line_before(text, found.start()));
        if (MIN_DIGITS..=MAX_DIGITS).contains(&digits) && !labelled && stands_apart(text, found.range()) {
            spans.push(Span { start: found.start(), end: found.end(), placeholder: Placeholder::Phone });
        }
    }
    for found in CALLED.captures_iter(text).filter_map(|captures| captures.name("number")) {
        if stands_apart(text, found.range()) && !DATE.is_match(found.as_str()) {
            // One number in ten has the check digit of a card, and one in a hundred those of a CPF: the label decides.
            if is_brazilian(&digits_of(found.as_str())) {
                spans.retain(|it| {
                    !(it.start == found.start() && it.end == found.end() && it.placeholder != Placeholder::Name)
                });
            }
            spans.push(Span { start: found.start(), end: found.end(), placeholder: Placeholder::Phone });
        }
    }
}

/// Whether these digits can be a Brazilian phone with its area code, and country code or none.
fn is_brazilian(digits: &str) -> bool {
    let national = digits.strip_prefix("55").filter(|rest| rest.len() >= 10).unwrap_or(digits);
    let bytes = national.as_bytes();
    matches!(bytes, [b'1'..=b'9', b'1'..=b'9', rest @ ..] if rest.len() == 8 || rest.len() == 9 && rest[0] == b'9')
}

static DATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:[0-9]{4}[.\-][0-9]{2}[.\-][0-9]{2}|[0-9]{2}[.\-][0-9]{2}[.\-][0-9]{4})\b"));
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        (?: \+[0-9]{1,3} [\s.\-]? \(?0?[0-9]{2,3}\)? [\s.\-]? (?:9[\s.\-])? [0-9]{3,5} [\s.\-]? [0-9]{4}  # +55 (071) 5151 8644
          | \+[0-9]{1,3} (?:[\s.\-]?[0-9]{1,4}){3,5}                                       # +33 1 23 45 67 89, and others
          | (?:001-|1-|55\s?)? \(0?[0-9]{2,3}\) [\s\-]? (?:9[\s.\-])? [0-9]{3,5} [\s.\-]? [0-9]{4}  # (071) 6342 1607, (232)359-5327
          | (?:55[\s.\-])? 0?[1-9]{2} [\s.\-] 9?[\s.\-]? [0-9]{4} [\s\-] [0-9]{4}          # 71 5414 5868, 11 9 8765-4321
          | (?:55[\s.\-])? 0?[1-9]{2} [\s.\-] 9[0-9]{8}                                    # 11 987654321
          | (?:55[\s.\-])? 0?[1-9]{2} \. 9?[0-9]{4} \. [0-9]{4}                            # 11.98765.4321
          | 0[3589]00 [\s\-] [0-9]{3} [\s\-] [0-9]{4}                                      # 0300-123-4567
          | (?:001-|1-)? [2-9][0-9]{2} [\s.\-] [0-9]{3} [.\-] [0-9]{4}                     # 820.503.7917, 001-495-377-7387
          | 9[0-9]{4}-[0-9]{4} )                                                           # 98765-4321
        (?i:\s?(?:x|ext\.?|ramal)\s?[0-9]{1,6})?",
    )
});
/// A bare run of digits that the writer calls a phone.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?xi) \b (?: tel(?:efone)? | fone | cel(?:ular)? | whats(?:app)? | zap | phone | mobile | cell
                     | call\ me | call | ligue | ligar | liga )
        (?: \W{1,3} (?: is | at | on | me | para | no | n[úu]mero | number | [ée] | o | meu | my ) \b ){0,3}
        [\ \t\u{a0}:.\-\#(]{1,4} (?P<number> [0-9][0-9\ \t\u{a0}.\-()]{6,14}[0-9] )",
    )
});
/// Words before a number that say it is none of a phone, and currency signs.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?xi) (?: \b (?: nsu | tid | doc | aut | autoriza[cç][aã]o | authori[sz]ation | pedido | order | protocolo | protocol
                         | chamado | ticket | transa[cç][aã]o | transaction | nota | nfe? | nf-e | invoice | serial | s[eé]rie
                         | terminal | c[oó]digo | code | boleto | lote | batch | ref | refer[eê]ncia | reference | id )
                   (?: \W{1,3} (?: n[ºo°]? | num | number | n[uú]mero | [eé] | is | da\ venda | da | do | of ) \b[º°]? ){0,2} \W{0,4}
               | \$\s? | \# ) $",
    )
});

/// The text of the line before a place, at most some sixty bytes of it.
fn line_before(text: &str, at: usize) -> &str {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let near = (at.saturating_sub(60)..=at).find(|&start| text.is_char_boundary(start)).unwrap_or(at);
    &text[line.max(near)..at]
}

/// Not a part of a longer word or number.
fn stands_apart(text: &str, range: Range<usize>) -> bool {
    let mut before = text[..range.start].chars().rev();
    let mut after = text[range.end..].chars();
    let joins = |first: Option<char>, second: Option<char>| match first {
        Some(letter) if letter.is_alphanumeric() => true,
        Some('.' | ',' | '/' | '-' | '_') => second.is_some_and(|letter| letter.is_ascii_digit()),
        _ => false,
    };
    !joins(before.next(), before.next()) && !joins(after.next(), after.next())
}

static EXTENSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?i:\s?(?:x|ext\.?|ramal)\s?[0-9]{1,6})"));

/// The number with a bracket or `+` before it and the extension behind it.
pub(super) fn whole(text: &str, number: Span) -> Span {
    let start = text[..number.start].trim_end_matches(['(', '+']).len();
    let extension = EXTENSION.find(&text[number.end..]).map_or(0, |extension| extension.end());
    Span { start, end: number.end + extension, ..number }
}

pub(super) fn without_extension(phone: &str) -> &str {
    phone.split(['x', 'X']).next().unwrap_or_default()
}

/// A phone's digits without trunk zeros and country code, so that all ways to write it are one. What is cut need not be
/// right: both sides of a comparison are cut alike.
pub(super) fn national(digits: &str) -> &str {
    let number = digits.trim_start_matches('0');
    let number = number.strip_prefix("55").filter(|rest| rest.len() >= 10).unwrap_or(number).trim_start_matches('0');
    number.strip_prefix('1').filter(|rest| rest.len() == 10).unwrap_or(number)
}

/// A phone's digits without its area code, if its writing tells them apart.
pub(super) fn local(phone: &str) -> Option<String> {
    let number = without_extension(phone);
    // The area code is a group of its own in most forms; in a bare run of digits nothing tells it.
    let groups = groups_in(number);
    let local = match groups.as_slice() {
        [.., last] if last.len() >= MIN_LOCAL_DIGITS => last.clone(),
        [.., exchange, last] => exchange.start..last.end,
        _ => return None,
    };
    Some(digits_of(&number[local])).filter(|local| (MIN_LOCAL_DIGITS..10).contains(&local.len()))
}
