//! The one table of what is masked and what stands for it, and stretches of text. Knows no pattern.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// What stands in a text in place of a personal value. Where two kinds fit one stretch equally, the first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// Tax number of a Brazilian person.
    Cpf,
    /// Tax number of a Brazilian company, of digits alone or with letters (from July 2026).
    Cnpj,
    /// Social security number of the United States.
    Ssn,
    /// Number of a payment card.
    Card,
    /// Branch or account at a bank.
    Account,
    /// Random key of PIX, the Brazilian instant payment.
    PixKey,
    /// E-mail address.
    Email,
    /// Phone number.
    Phone,
    /// Street with house number, or postal code.
    Address,
    /// Day of birth.
    BirthDate,
    /// Name of a person.
    Name,
}

/// Every kind, its name between the brackets, and what it means in the words of a user.
const TABLE: [(Placeholder, &str, &str); 11] = [
    (Placeholder::Cpf, "[CPF]", "CPF"),
    (Placeholder::Cnpj, "[CNPJ]", "CNPJ"),
    (Placeholder::Ssn, "[SSN]", "US social security number"),
    (Placeholder::Card, "[CARD]", "card number"),
    (Placeholder::Account, "[ACCOUNT]", "bank account"),
    (Placeholder::PixKey, "[PIX_KEY]", "random PIX key"),
    (Placeholder::Email, "[EMAIL]", "e-mail address"),
    (Placeholder::Phone, "[PHONE]", "phone number"),
    (Placeholder::Address, "[ADDRESS]", "postal address"),
    (Placeholder::BirthDate, "[BIRTH_DATE]", "birth date"),
    (Placeholder::Name, "[NAME]", "name"),
];

impl Placeholder {
    /// Every kind, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(kind, ..)| *kind)
    }

    /// What is written in the text, such as `[CPF]`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The name between the brackets, such as `CPF`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.as_str().trim_matches(['[', ']'])
    }

    /// What it stands for, in words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        TABLE[self as usize].2
    }
}

/// Any placeholder that there is.
pub(super) static ANY: LazyLock<Regex> = LazyLock::new(|| {
    let names: Vec<&str> = Placeholder::all().map(Placeholder::name).collect();
    Regex::new(&format!(r"\[(?:{})\]", names.join("|"))).expect("names are letters")
});

/// A stretch of a text that is personal, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// What takes its place.
    pub placeholder: Placeholder,
}

impl Span {
    pub(super) const fn new(range: Range<usize>, placeholder: Placeholder) -> Self {
        Self { start: range.start, end: range.end, placeholder }
    }
}

/// Spans that overlap become one, so that no part of a value is left over; the longest gives it its placeholder.
#[must_use]
pub fn united(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, span.end, span.placeholder));
    let mut united: Vec<Span> = Vec::with_capacity(spans.len());
    let mut longest = 0;
    for span in spans {
        let length = span.end - span.start;
        match united.last_mut() {
            Some(last) if span.start < last.end => {
                if length > longest || (length == longest && span.placeholder < last.placeholder) {
                    (last.placeholder, longest) = (span.placeholder, length);
                }
                last.end = last.end.max(span.end);
            }
            _ => {
                longest = length;
                united.push(span);
            }
        }
    }
    united
}
