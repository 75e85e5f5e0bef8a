//! Numbers that only the words beside them tell from others: bank accounts, random PIX keys, birth dates. Knows no
//! customer.

use std::sync::LazyLock;

use regex::Regex;

use crate::desk::mask::names::Folded;
use crate::desk::mask::numbers::pattern;
use crate::desk::mask::{Placeholder, Span};

/// Finds every number that is labelled as personal.
pub(super) fn find(source: &str, folded: &Folded, spans: &mut Vec<Span>) {
    let mut push = |range, placeholder| spans.push(Span::new(folded.source(range), placeholder));
    for found in ACCOUNT.captures_iter(&folded.text) {
        for name in ["branch", "both", "number", "checked"] {
            if let Some(number) = found.name(name)
                && ends_there(&folded.text, number.end())
            {
                push(number.range(), Placeholder::Account);
            }
        }
    }
    for key in UUID.find_iter(&folded.text) {
        let before = &folded.text[..key.start()];
        let near = before.char_indices().rev().nth(59).map_or(0, |(at, _)| at);
        // Whatever says what it is stands nearest: a PIX also has transaction ids of this form.
        let label = UUID_LABEL.captures_iter(&before[near..]).last();
        if label.is_some_and(|label| label.name("key").is_some()) {
            push(key.range(), Placeholder::PixKey);
        }
    }
    for date in BORN_BEFORE.captures_iter(&folded.text) {
        push(date.name("date").expect("the pattern has a date").range(), Placeholder::BirthDate);
    }
    for found in BORN_AFTER.captures_iter(&folded.text) {
        // What a date of its own follows speaks of that one.
        let after = &folded.text[found.get(0).expect("a match has a whole").end()..];
        if !DIGIT_BEHIND.is_match(after) {
            push(found.name("date").expect("the pattern has a date").range(), Placeholder::BirthDate);
        }
    }
    debug_assert!(spans.iter().all(|span| span.end <= source.len()));
}

/// Neither an amount nor a longer number goes on here.
fn ends_there(text: &str, end: usize) -> bool {
    let mut after = text[end..].chars();
    match after.next() {
        Some(letter) if letter.is_alphanumeric() => false,
        Some('.' | ',' | '/') => !after.next().is_some_and(|letter| letter.is_ascii_digit()),
        Some('%') => false,
        _ => true,
    }
}

/// Branch, or account, or both behind one label. What follows an account's label has a check digit or five digits and
/// more: `conta 2` may be anything.
static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) \b (?:
            (?: agencia | ag\.? | branch (?:\ (?:number|no\.?|code))? | sort\ code )
                \W{0,3} (?: (?: e | is | n[oº°.]{0,2} | numero | number | da | a | / ) \W{1,3} ){0,2}
                (?: / \s? (?: conta | cc | c/c ) \W{0,3} (?P<both> [0-9]{3,5} (?:-[0-9x])? \s? [/|,;-] \s? [0-9.]{4,13} (?:\s?-\s?[0-9x])? )
                  | (?P<branch> [0-9]{3,5} (?:-[0-9x])? | [0-9]{2}-[0-9]{2}-[0-9]{2} ) )
          | (?: conta (?:[\ -](?:corrente|poupanca|bancaria|salario|digital|pj|pf))? | c/c | cc | c\.c\. | poupanca
              | (?: (?: bank | checking | savings ) \s )? account | acct\.? | a/c | routing )
                \W{0,3} (?: (?: e | is | n[oº°.]{0,2} | numero | number | no\. | ending\ in | de | da | corrente | minha | my | com | digito | bancaria ) [\W]{1,3} ){0,2}
                (?: (?P<checked> [0-9]{1,3}(?:\.[0-9]{3}){1,3} \s?-\s? [0-9x] | [0-9]{3,13} \s?-\s? [0-9x] ) | (?P<number> [0-9]{5,14} ) )
        )",
    )
});

static UUID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"));
/// What a UUID may be called: a key, or something that a payment is traced by.
static UUID_LABEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) \b (?: (?P<key> chave | key | pix | aleatoria | random | evp )
          | id | txid | e2e | end | transacao | transaction | request | requisicao | trace | protocolo | protocol | uuid | guid
          | device | dispositivo | terminal | correlation | session | sessao | pedido | order | webhook | log | api | evento
          | event | idempotency | idempotencia | token ) \b",
    )
});

/// A day, written in one of the usual ways.
const DAY: &str = r"(?P<date> [0-9]{1,2} \s?[/.\-]\s? [0-9]{1,2} \s?[/.\-]\s? (?:[0-9]{4}|[0-9]{2}) \b
    | [0-9]{4} [/.\-] [0-9]{1,2} [/.\-] [0-9]{1,2} \b
    | [0-9]{8} \b
    | [0-9]{1,2} (?:st|nd|rd|th|o)? \s (?:de\s|of\s)? (?:jan|fev|feb|mar|abr|apr|mai|may|jun|jul|ago|aug|set|sep|out|oct|nov|dez|dec)[a-z]*\.? ,? \s (?:de\s)? [0-9]{4} \b
    | (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \s [0-9]{1,2} (?:st|nd|rd|th)? ,? \s [0-9]{4} \b )";
static BORN_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?x) \b (?: nasc (?:iment?o|ido|ida|i|eu)?\.? | d\.?n\. | dn: | dob | d\.o\.b\. | birth \s? (?:date|day)? | born | aniversario )
          \W{{0,4}} (?: (?: de | em | e | a | is | was | on | of | dia | no | foi | the | do | da | cliente | titular | socio | socia
                      | minha | my | dd/mm/aaaa ) \W{{1,4}} ){{0,4}} {DAY}"
    ))
});
static BORN_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?x) \b {DAY} \s? [(,\-] \s? (?: (?: e | is | a | my | minha | data | date | de | of ) \s ){{0,4}} (?: nasc | dob | birth )"
    ))
});
static DIGIT_BEHIND: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[a-z]*[\s:.]{0,3}[0-9]"));
