//! Personal data in text → typed placeholders, before the text is embedded, indexed or stored. Knows no table and no ticket.
//!
//! Two sources of knowledge. *Patterns* find what looks like a CPF, CNPJ, US social security number, payment card,
//! e-mail address or phone, wherever it comes from; bank accounts, PIX keys, addresses, birth dates and names by the
//! words beside them. *Values* are what the customers table says about people: their
//! names, addresses and numbers are found in any writing, also where a pattern would not dare (an unlabelled run of
//! digits, a CPF with wrong check digits). First and last names alone are masked only in a customer's own tickets:
//! elsewhere `Rosa` is a colour and `Porto` a city.
//!
//! What is left alone on purpose: names of companies, names that nobody introduces, amounts, dates, and the numbers by
//! which a payment is traced (NSU, TID, order and protocol numbers), since they are what the ticket is about.

mod addresses;
mod introduced;
mod labelled;
mod names;
mod numbers;
mod phones;
mod placeholder;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

pub use placeholder::{Placeholder, Span, united};

pub(in crate::desk) use crate::desk::mask::names::Folded;
use crate::desk::mask::placeholder::ANY;
use crate::error::{Error, Result};

/// What a customer's row says about a person. Every field may be absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Person<'a> {
    /// Primary key, by which the person's own tickets are known.
    pub id: &'a str,
    /// Name with or without titles.
    pub name: Option<&'a str>,
    /// E-mail address.
    pub email: Option<&'a str>,
    /// CPF or US social security number, as written in the table.
    pub document: Option<&'a str>,
    /// Phone, as written in the table.
    pub phone: Option<&'a str>,
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\p{L}\p{N}._%+'\-]*[\p{L}\p{N}_%+\-]@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+")
        .expect("the pattern is constant")
});

/// Replaces personal data by placeholders.
#[derive(Debug)]
pub struct Masker {
    /// Names and raw values of customers, folded.
    values: AhoCorasick,
    /// For each pattern of `values` what it is, and whether it only counts as whole words.
    kinds: Vec<(Placeholder, bool)>,
    /// Digits of documents and phones.
    numbers: numbers::Known,
    /// For each customer what is masked in their own tickets only.
    own: BTreeMap<String, Own>,
}

/// What is masked in one customer's tickets only.
#[derive(Debug, Default)]
struct Own {
    /// Folded words of the name.
    words: HashSet<String>,
    /// The phone without its area code.
    local_phone: Option<String>,
}

impl Masker {
    /// A masker that knows these people.
    ///
    /// # Errors
    /// [`Error::Internal`] when the values are too many for one automaton (billions of bytes).
    pub fn new<'a>(people: impl IntoIterator<Item = Person<'a>>) -> Result<Self> {
        let mut values: BTreeMap<String, (Placeholder, bool)> = BTreeMap::new();
        let mut numbers = numbers::Known::default();
        let mut own = BTreeMap::new();
        for person in people {
            let mut mine = Own::default();
            for name in person.name.iter().flat_map(|name| names::spellings(name)) {
                values.entry(name).or_insert((Placeholder::Name, true));
            }
            if let Some(name) = person.name {
                mine.words = names::words(name);
            }
            let document = person.document.map(|document| (document, numbers::document_kind(document)));
            for (value, kind) in [
                document,
                person.email.map(|email| (email, Placeholder::Email)),
                person.phone.map(|phone| (phone, Placeholder::Phone)),
            ]
            .into_iter()
            .flatten()
            {
                let folded = Folded::new(value.trim());
                if folded.text.len() >= names::MIN_VALUE {
                    values.insert(folded.text, (kind, false));
                }
            }
            if let Some((document, kind)) = document {
                numbers.add_document(document, kind);
            }
            if let Some(phone) = person.phone {
                mine.local_phone = numbers.add_phone(phone);
            }
            own.insert(person.id.to_owned(), mine);
        }
        let automaton =
            AhoCorasick::new(values.keys()).map_err(|error| Error::internal("building the masker", error))?;
        Ok(Self { values: automaton, kinds: values.into_values().collect(), numbers, own })
    }

    /// A masker that knows nobody: for text that a person types as a query.
    #[must_use]
    pub fn patterns_only() -> Self {
        Self::new([]).expect("no values always fit an automaton")
    }

    /// The text with every personal value replaced. `customer` is whose ticket it is, if anybody's.
    ///
    /// Masking a masked text changes nothing.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str, customer: Option<&str>) -> Cow<'t, str> {
        let spans = self.find(text, customer);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = String::with_capacity(text.len());
        let mut copied = 0;
        for span in spans {
            masked.push_str(&text[copied..span.start]);
            masked.push_str(span.placeholder.as_str());
            copied = span.end;
        }
        masked.push_str(&text[copied..]);
        Cow::Owned(masked)
    }

    /// Where the personal values of a text are: in order, and apart from each other and from placeholders.
    #[must_use]
    pub fn find(&self, text: &str, customer: Option<&str>) -> Vec<Span> {
        let own = customer.and_then(|id| self.own.get(id));
        let placeholders: Vec<Range<usize>> = ANY.find_iter(text).map(|found| found.range()).collect();
        let mut spans: Vec<Span> = Vec::new();
        // What is cut out changes what its neighbours stand next to, so it is repeated until nothing is found. Each
        // round leaves less text outside of placeholders, so it ends; the second round nearly always finds nothing.
        loop {
            let mut taken: Vec<Range<usize>> = spans.iter().map(|span| span.start..span.end).collect();
            taken.extend(placeholders.iter().cloned());
            taken.sort_by_key(|range| range.start);
            taken.push(text.len()..text.len());
            let mut found = Vec::new();
            let mut start = 0;
            for barrier in taken {
                let inner = self.spans(&text[start..barrier.start], own);
                found.extend(inner.into_iter().map(|it| Span { start: start + it.start, end: start + it.end, ..it }));
                start = barrier.end;
            }
            if found.is_empty() {
                return spans;
            }
            spans.extend(found);
            spans.sort_by_key(|span| span.start);
        }
    }

    /// What to replace in a stretch without placeholders: in order, and apart from each other.
    fn spans(&self, text: &str, own: Option<&Own>) -> Vec<Span> {
        let mut spans = Vec::new();
        let folded = Folded::new(text);
        for found in self.values.find_overlapping_iter(&folded.text) {
            let (placeholder, whole_words) = self.kinds[found.pattern().as_usize()];
            if !whole_words || folded.is_whole_word(found.range()) {
                let range = folded.source(found.range());
                spans.push(Span { start: range.start, end: range.end, placeholder });
            }
        }
        let email = EMAIL.find_iter(text);
        spans.extend(email.map(|it| Span { start: it.start(), end: it.end(), placeholder: Placeholder::Email }));
        if text.bytes().any(|byte| byte.is_ascii_digit()) {
            labelled::find(text, &folded, &mut spans);
            addresses::find(text, &folded, &mut spans);
            numbers::find(text, &self.numbers, own.and_then(|own| own.local_phone.as_deref()), &mut spans);
        }
        introduced::find(text, &folded, &mut spans);
        if let Some(own) = own {
            names::find_own(text, &folded, &own.words, &mut spans);
        }
        united(spans)
    }
}
