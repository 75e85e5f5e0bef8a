//! The JSON dialect of Databricks' standard endpoints. Knows no Arrow and no SQL.
//!
//! ```text
//! filter := {key: value, …}                 every pair holds
//!         | [filter, …]                     every element holds; lets one key occur twice
//! key    := term (" OR " term)*             with OR, value is a list: one value for each term
//! term   := column [op]                     op: NOT, <, <=, >, >=, LIKE, NOT LIKE
//! ```
//! A list of values means any of them (with `NOT`, none of them); `null` means IS NULL. `LIKE` looks for one word of
//! the text, or, where the value has a `%`, takes it for an SQL pattern over the whole text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::expr::{Comparison, Expr, Literal, Test};
use super::{MAX_DEPTH, MAX_VALUES, fault, too_many};
use crate::error::Result;

pub(super) fn parse_text(text: &str) -> Result<Expr> {
    let value = serde_json::from_str(text).map_err(|error| {
        let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        fault(text, line_start + error.column().saturating_sub(1), format!("not JSON: {reason}"))
    })?;
    parse_value(&value, text)
}

/// `text` is `value` as written, to point at faults.
pub(super) fn parse_value(value: &Value, text: &str) -> Result<Expr> {
    if value.is_null() || value.as_str() == Some("") {
        return Ok(Expr::And(Vec::new()));
    }
    Reader { text, seen: BTreeMap::new() }.filter(value, 0)
}

struct Reader<'a> {
    text: &'a str,
    /// How often each key was met, to find the same occurrence in the text.
    seen: BTreeMap<String, usize>,
}

impl Reader<'_> {
    fn filter(&mut self, value: &Value, depth: usize) -> Result<Expr> {
        if depth > MAX_DEPTH {
            return Err(fault(self.text, depth, format!("lists nest deeper than {MAX_DEPTH}")));
        }
        let mut parts = Vec::new();
        match value {
            Value::Array(filters) => {
                for filter in filters {
                    parts.push(self.filter(filter, depth + 1)?);
                }
            }
            Value::Object(pairs) => {
                for (key, operand) in pairs {
                    parts.push(self.pair(key, operand)?);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let at = self.text.find(&value.to_string()).unwrap_or(0);
                return Err(fault(
                    self.text,
                    at,
                    "a filter is an object such as {\"column\": value}, or a list of them",
                ));
            }
        }
        Ok(Expr::all(parts))
    }

    fn pair(&mut self, key: &str, operand: &Value) -> Result<Expr> {
        let place = self.locate(key);
        let terms = split_or(key);
        if terms.len() == 1 {
            return self.term(key, operand, place);
        }
        let Some(operands) = operand.as_array().filter(|operands| operands.len() == terms.len()) else {
            let message = format!("with OR the value is a list of {} values, one for each term", terms.len());
            return Err(fault(self.text, place.value, message));
        };
        if terms.len() > MAX_VALUES {
            return Err(fault(self.text, place.value, too_many("OR")));
        }
        let parts = terms.iter().zip(operands).map(|(term, operand)| self.term(term, operand, place));
        Ok(Expr::any(parts.collect::<Result<_>>()?))
    }

    fn term(&self, term: &str, operand: &Value, place: Place) -> Result<Expr> {
        let (column, operator) = split_operator(term.trim());
        if column.is_empty() || column.contains(char::is_whitespace) {
            let message = "expected `column` or `column op` with op NOT, <, <=, >, >=, LIKE or NOT LIKE";
            return Err(fault(self.text, place.key, message));
        }
        let clause = |test| Expr::clause(column, place.value, test);
        // Rows without a value are in the complement; SQL's NOT would drop them.
        let complement = |expr: Expr| Expr::any(vec![expr.not(), clause(Test::IsNull)]);
        let wrong = |message| fault(self.text, place.value, message);
        match operator {
            Operator::Equal => self.equal(column, operand, place.value),
            Operator::Not if names_null(operand) => Ok(self.equal(column, operand, place.value)?.not()),
            Operator::Not => Ok(complement(self.equal(column, operand, place.value)?)),
            Operator::Order(comparison) => {
                let value = scalar(operand)
                    .ok_or_else(|| wrong("expected one number or one ISO date, such as 2026-01-31T08:00:00Z"))?;
                Ok(clause(Test::Compare(comparison, value)))
            }
            Operator::Like => Ok(clause(like(operand).ok_or_else(|| wrong("LIKE takes one text"))?)),
            Operator::NotLike => Ok(complement(clause(like(operand).ok_or_else(|| wrong("NOT LIKE takes one text"))?))),
        }
    }

    fn equal(&self, column: &str, operand: &Value, at: usize) -> Result<Expr> {
        let operands = operand.as_array().map_or(std::slice::from_ref(operand), Vec::as_slice);
        if operands.is_empty() {
            let message = "an empty list lets no row through; leave the column out to let all through";
            return Err(fault(self.text, at, message));
        }
        if operands.len() > MAX_VALUES {
            return Err(fault(self.text, at, too_many("a list")));
        }
        let mut values = Vec::with_capacity(operands.len());
        for value in operands.iter().filter(|value| !value.is_null()) {
            let message = "expected a text, number, boolean, null or a list of them";
            values.push((at, scalar(value).ok_or_else(|| fault(self.text, at, message))?));
        }
        let mut parts = Vec::new();
        if !values.is_empty() {
            parts.push(Expr::clause(column, at, Test::In(values)));
        }
        if names_null(operand) {
            parts.push(Expr::clause(column, at, Test::IsNull));
        }
        Ok(Expr::any(parts))
    }

    /// Where this occurrence of `key` stands in the text; the start of the text where it cannot be told.
    fn locate(&mut self, key: &str) -> Place {
        let written = Value::from(key).to_string();
        let nth = self.seen.entry(key.to_owned()).or_default();
        let found = self.text.match_indices(&written).filter_map(|(at, _)| {
            let after = self.text[at + written.len()..].trim_start().strip_prefix(':')?;
            Some(Place { key: at, value: self.text.len() - after.trim_start().len() })
        });
        let place = found.take(*nth + 1).last().unwrap_or(Place { key: 0, value: 0 });
        *nth += 1;
        place
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    key: usize,
    value: usize,
}

enum Operator {
    Equal,
    Not,
    Order(Comparison),
    Like,
    NotLike,
}

/// Cuts at the word OR, in any case.
fn split_or(key: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut start = 0;
    for at in 0..key.len() {
        if at >= start && key.as_bytes().get(at..at + 4).is_some_and(|word| word.eq_ignore_ascii_case(b" or ")) {
            terms.push(&key[start..at]);
            start = at + 4;
        }
    }
    terms.push(&key[start..]);
    terms
}

/// Cuts the operator off the right end, in any case.
fn split_operator(term: &str) -> (&str, Operator) {
    let cut = |word: &str| {
        let start = term.len().checked_sub(word.len())?;
        let matches = term.as_bytes()[start..].eq_ignore_ascii_case(word.as_bytes());
        let column = matches.then(|| &term[..start])?;
        column.ends_with(char::is_whitespace).then(|| column.trim_end())
    };
    if let Some(column) = cut("NOT LIKE") {
        (column, Operator::NotLike)
    } else if let Some(column) = cut("LIKE") {
        (column, Operator::Like)
    } else if let Some(column) = cut("NOT") {
        (column, Operator::Not)
    } else if let Some(column) = cut("<=") {
        (column, Operator::Order(Comparison::LessOrEqual))
    } else if let Some(column) = cut(">=") {
        (column, Operator::Order(Comparison::GreaterOrEqual))
    } else if let Some(column) = cut("<") {
        (column, Operator::Order(Comparison::Less))
    } else if let Some(column) = cut(">") {
        (column, Operator::Order(Comparison::Greater))
    } else {
        (term, Operator::Equal)
    }
}

fn names_null(operand: &Value) -> bool {
    operand.as_array().map_or(operand.is_null(), |operands| operands.iter().any(Value::is_null))
}

fn scalar(value: &Value) -> Option<Literal> {
    match value {
        Value::Bool(value) => Some(Literal::Boolean(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Some(Literal::Integer(integer)),
            None => number.as_f64().map(Literal::Float),
        },
        Value::String(text) => Some(Literal::Text(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn like(operand: &Value) -> Option<Test> {
    let text = operand.as_str()?;
    Some(if text.contains('%') { Test::Like(text.to_owned()) } else { Test::HasToken(text.to_owned()) })
}
