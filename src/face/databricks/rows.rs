//! Rows of an answer: which columns, in which order.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveTime};
use serde_json::{Value, json};

use crate::catalog::{IndexView, RowAt};
use crate::collection::{ColumnType, Primitive};
use crate::error::{Error, Result};

/// By what rows are sorted: `column`, `column ASC` or `column DESC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sort {
    column: String,
    kind: ColumnType,
    descending: bool,
}

impl Sort {
    pub(super) fn read(text: &str, view: &IndexView) -> Result<Self> {
        let mut words = text.split_whitespace();
        let column = words.next().unwrap_or_default().trim_matches('`').to_owned();
        let descending = match (words.next().map(str::to_ascii_uppercase).as_deref(), words.next()) {
            (None | Some("ASC"), None) => false,
            (Some("DESC"), None) => true,
            _ => return Err(Error::argument("sort_columns", format!("`{text}` is not `column ASC` or `column DESC`"))),
        };
        match view.columns().iter().find(|it| it.name == column).map(|it| it.kind) {
            Some(kind @ ColumnType::One(_)) => Ok(Self { column, kind, descending }),
            Some(ColumnType::Array(_)) => {
                Err(Error::argument("sort_columns", format!("`{column}` holds lists, which have no order")))
            }
            None => Err(unknown(view, &column)),
        }
    }
}

/// The rows sorted; those that are equal stay as they were, and those without a value come last either way.
pub(super) fn sorted(view: &IndexView, hits: Vec<(RowAt, f64)>, sorts: &[Sort]) -> Result<Vec<(RowAt, f64)>> {
    let keyed = |(row, score): (RowAt, f64)| {
        let value = |sort: &Sort| Ok(comparable(sort.kind, view.value(row, &sort.column)?));
        let values = sorts.iter().map(value).collect::<Result<Vec<Value>>>()?;
        Ok((values, (row, score)))
    };
    let mut keyed = hits.into_iter().map(keyed).collect::<Result<Vec<_>>>()?;
    keyed.sort_by(|(a, _), (b, _)| {
        let orders = a.iter().zip(b).zip(sorts).map(|((a, b), sort)| match (a.is_null(), b.is_null()) {
            (false, false) if sort.descending => order(b, a),
            (false, false) => order(a, b),
            (a, b) => a.cmp(&b),
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
    Ok(keyed.into_iter().map(|(_, hit)| hit).collect())
}

/// A cell so that [`order`] has it right: an instant as a number, since a text of one may have a fraction or not.
pub(super) fn comparable(kind: ColumnType, cell: Value) -> Value {
    let instant = |text: &str| {
        let day =
            || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
        DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros()).or_else(day)
    };
    match (kind, cell.as_str()) {
        (ColumnType::One(Primitive::Timestamp), Some(text)) => instant(text).map_or(Value::Null, Value::from),
        _ => cell,
    }
}

/// The order of two cells of one column, as [`comparable`] has them.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default()),
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// A row of an answer, its score last.
pub(super) fn shown(view: &IndexView, row: RowAt, columns: &[String], score: f64) -> Result<Value> {
    let cells = columns.iter().map(|column| view.value(row, column));
    let mut cells = cells.collect::<Result<Vec<Value>>>()?;
    cells.push(json!(score));
    Ok(Value::Array(cells))
}

/// Refuses columns that the index does not have.
pub(super) fn check_columns(view: &IndexView, columns: &[String]) -> Result<()> {
    let names = view.names();
    match columns.iter().find(|column| !names.contains(column)) {
        Some(column) => Err(unknown(view, column)),
        None => Ok(()),
    }
}

pub(super) fn unknown(view: &IndexView, column: &str) -> Error {
    Error::UnknownColumn { column: column.to_owned(), known: view.names() }
}

/// Each column once, in the order asked for.
pub(super) fn distinct(columns: &[String]) -> Vec<String> {
    let mut once: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        if !once.contains(column) {
            once.push(column.clone());
        }
    }
    once
}
