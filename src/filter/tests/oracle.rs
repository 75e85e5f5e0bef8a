//! A second evaluator, over rows of JSON, written from the description of the two dialects and not from the filter.

use std::cmp::Ordering;

use serde_json::Value;

use super::table::{COLUMNS, Type, milliseconds};

/// What a term of the JSON dialect asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    Not,
    Order(Order),
    Like,
    NotLike,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// `column op: value`.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) column: usize,
    pub(super) op: Op,
    pub(super) value: Value,
}

/// A filter of the JSON dialect.
#[derive(Debug, Clone)]
pub(super) enum Json {
    /// Pairs, each of terms joined by OR.
    Pairs(Vec<Vec<Term>>),
    List(Vec<Json>),
}

/// A value of the SQL dialect.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub(super) value: Value,
    /// Written with TO_TIMESTAMP.
    pub(super) is_timestamp: bool,
}

/// A filter of the SQL dialect.
#[derive(Debug, Clone)]
pub(super) enum Sql {
    And(Vec<Sql>),
    Or(Vec<Sql>),
    Not(Box<Sql>),
    Test(usize, Test),
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Equal(bool, Literal),
    Order(Order, Literal),
    In(bool, Vec<Literal>),
    Between(bool, Literal, Literal),
    Like(bool, String),
    IsNull(bool),
    Is(bool, bool),
    Contains(Literal),
    HasToken(String),
}

impl Json {
    /// Whether every value fits its column.
    pub(super) fn fits(&self) -> bool {
        match self {
            Self::List(parts) => parts.iter().all(Self::fits),
            Self::Pairs(pairs) => pairs.iter().flatten().all(Term::fits),
        }
    }

    /// There are two answers: what is not so, is not.
    pub(super) fn holds(&self, row: &[Value]) -> bool {
        match self {
            Self::List(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Pairs(pairs) => pairs.iter().all(|terms| terms.iter().any(|term| term.holds(row))),
        }
    }
}

impl Term {
    fn values(&self) -> &[Value] {
        self.value.as_array().map_or(std::slice::from_ref(&self.value), Vec::as_slice)
    }

    fn fits(&self) -> bool {
        let kind = COLUMNS[self.column].1;
        match self.op {
            Op::Equal | Op::Not => {
                !self.values().is_empty()
                    && self.values().iter().all(|value| value.is_null() || fits(kind, value, false))
            }
            Op::Order(_) => is_ordered(kind) && fits(kind, &self.value, false),
            Op::Like | Op::NotLike => kind.is_text() && self.value.is_string(),
        }
    }

    fn holds(&self, row: &[Value]) -> bool {
        let (kind, cell) = (COLUMNS[self.column].1, &row[self.column]);
        let equal =
            || self.values().iter().any(|value| if cell.is_null() { value.is_null() } else { is(kind, cell, value) });
        let like = || match (cell.as_str(), self.value.as_str().unwrap()) {
            (None, _) => false,
            (Some(text), wanted) if wanted.contains('%') => like(text, wanted),
            (Some(text), wanted) => has_token(text, wanted),
        };
        match self.op {
            Op::Equal => equal(),
            Op::Not => !equal(),
            Op::Like => like(),
            Op::NotLike => !like(),
            Op::Order(order) => !cell.is_null() && order.holds(compare(kind, cell, &self.value)),
        }
    }
}

impl Sql {
    pub(super) fn fits(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().all(Self::fits),
            Self::Not(inner) => inner.fits(),
            Self::Test(column, test) => test.fits(COLUMNS[*column].1),
        }
    }

    /// True, false, or unknown.
    pub(super) fn truth(&self, row: &[Value]) -> Option<bool> {
        // One part that `ends` it decides; else one that is unknown leaves all unknown.
        let joined = |parts: &[Self], ends: bool| {
            let parts: Vec<Option<bool>> = parts.iter().map(|part| part.truth(row)).collect();
            match (parts.contains(&Some(ends)), parts.contains(&None)) {
                (true, _) => Some(ends),
                (false, true) => None,
                (false, false) => Some(!ends),
            }
        };
        match self {
            Self::And(parts) => joined(parts, false),
            Self::Or(parts) => joined(parts, true),
            Self::Not(inner) => inner.truth(row).map(|value| !value),
            Self::Test(column, test) => test.truth(COLUMNS[*column].1, &row[*column]),
        }
    }
}

impl Test {
    fn fits(&self, kind: Type) -> bool {
        let fit = |literal: &Literal| fits(kind, &literal.value, literal.is_timestamp);
        match self {
            Self::Equal(_, literal) | Self::Contains(literal) => fit(literal),
            Self::Order(_, literal) => is_ordered(kind) && fit(literal),
            Self::In(_, literals) => literals.iter().all(fit),
            Self::Between(_, low, high) => is_ordered(kind) && fit(low) && fit(high),
            Self::Like(..) | Self::HasToken(_) => kind.is_text(),
            Self::IsNull(_) => true,
            Self::Is(..) => kind == Type::Boolean,
        }
    }

    fn truth(&self, kind: Type, cell: &Value) -> Option<bool> {
        match self {
            Self::IsNull(negated) => return Some(cell.is_null() != *negated),
            Self::Is(negated, wanted) => return Some((cell.as_bool() == Some(*wanted)) != *negated),
            _ if cell.is_null() => return None,
            _ => {}
        }
        Some(match self {
            Self::Equal(negated, literal) => is(kind, cell, &literal.value) != *negated,
            Self::Contains(literal) => is(kind, cell, &literal.value),
            Self::Order(order, literal) => order.holds(compare(kind, cell, &literal.value)),
            Self::In(negated, literals) => literals.iter().any(|literal| is(kind, cell, &literal.value)) != *negated,
            Self::Between(negated, low, high) => {
                let inside = compare(kind, cell, &low.value).is_ge() && compare(kind, cell, &high.value).is_le();
                inside != *negated
            }
            Self::Like(negated, pattern) => like(cell.as_str().unwrap(), pattern) != *negated,
            Self::HasToken(token) => has_token(cell.as_str().unwrap(), token),
            Self::IsNull(_) | Self::Is(..) => unreachable!("answered above"),
        })
    }
}

impl Order {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order == Ordering::Less,
            Self::AtMost => order != Ordering::Greater,
            Self::More => order == Ordering::Greater,
            Self::AtLeast => order != Ordering::Less,
        }
    }
}

fn is_ordered(kind: Type) -> bool {
    !matches!(kind, Type::Boolean | Type::List(_))
}

fn fits(kind: Type, value: &Value, is_timestamp: bool) -> bool {
    let element = kind.element();
    match element {
        Type::Date | Type::Timestamp(_) => value.as_str().is_some_and(|text| text.starts_with(['1', '2'])),
        _ if is_timestamp => false,
        Type::Boolean => value.is_boolean(),
        _ if element.is_text() => value.is_string(),
        _ => value.is_number(),
    }
}

/// Equals; of a list: contains.
fn is(kind: Type, cell: &Value, value: &Value) -> bool {
    if value.is_null() {
        return false;
    }
    match (kind, cell) {
        (Type::List(element), Value::Array(cells)) => {
            cells.iter().any(|cell| !cell.is_null() && compare(*element, cell, value).is_eq())
        }
        _ => compare(kind, cell, value).is_eq(),
    }
}

fn compare(kind: Type, cell: &Value, value: &Value) -> Ordering {
    match kind {
        Type::Text | Type::LargeText => cell.as_str().unwrap().as_bytes().cmp(value.as_str().unwrap().as_bytes()),
        Type::Boolean => cell.as_bool().cmp(&value.as_bool()),
        Type::Date | Type::Timestamp(_) => instant(cell.as_str().unwrap()).cmp(&instant(value.as_str().unwrap())),
        Type::Float => single(cell).partial_cmp(&single(value)).unwrap(),
        _ => exact(cell).partial_cmp(&exact(value)).unwrap(),
    }
}

/// Milliseconds since 1970; without a zone it is UTC.
fn instant(text: &str) -> i64 {
    let text = text.replacen(' ', "T", 1);
    let has_zone = text.ends_with('Z') || text.ends_with("-03:00");
    milliseconds(&if text.len() == 10 || has_zone { text } else { format!("{text}Z") })
}

fn single(value: &Value) -> f32 {
    value.as_i64().map_or_else(|| value.as_f64().unwrap() as f32, |integer| integer as f32)
}

/// A number as its whole part and the rest.
fn exact(value: &Value) -> (i128, f64) {
    value.as_i64().map_or_else(
        || {
            let float = value.as_f64().unwrap();
            (float.floor() as i128, float - float.floor())
        },
        |integer| (integer.into(), 0.0),
    )
}

fn has_token(text: &str, token: &str) -> bool {
    text.split(char::is_whitespace).any(|word| !word.is_empty() && word == token)
}

/// `%` any text, `_` one character, `\` takes the next as it is.
fn like(text: &str, pattern: &str) -> bool {
    fn from(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|skipped| from(&text[skipped..], rest)),
            ['_', rest @ ..] => !text.is_empty() && from(&text[1..], rest),
            ['\\', wanted, rest @ ..] | [wanted, rest @ ..] => text.first() == Some(wanted) && from(&text[1..], rest),
        }
    }
    from(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>())
}
