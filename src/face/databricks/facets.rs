//! Facets: how many of all rows that match have each value of a column, or a value within each range.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::rows::{comparable, order, unknown};
use crate::catalog::{IndexView, RowAt};
use crate::collection::{ColumnType, Primitive};
use crate::error::{Error, Result};

/// The columns of a facet's rows.
pub(super) const COLUMNS: [&str; 3] = ["column", "value", "count"];
/// How many values a facet has that does not say.
const DEFAULT_VALUES: usize = 10;
/// The most values or ranges of a facet.
const MOST: usize = 1_000;

/// What is counted: `column`, `column TOP n` or `column BUCKETS [[a, b], …]`.
#[derive(Debug)]
pub(super) struct Facet {
    column: String,
    by: By,
}

#[derive(Debug)]
enum By {
    /// The most frequent values.
    Values(usize),
    /// Ranges, with both ends, of a column of this type.
    Ranges(ColumnType, Vec<(Value, Value)>),
}

/// Reads facets, each of a column of its own.
pub(super) fn read(texts: &[String], view: &IndexView) -> Result<Vec<Facet>> {
    let mut facets: Vec<Facet> = Vec::with_capacity(texts.len());
    for text in texts {
        let facet = Facet::read(text, view)?;
        if facets.iter().any(|other| other.column == facet.column) {
            return Err(Error::argument("facets", format!("`{}` is asked for twice", facet.column)));
        }
        facets.push(facet);
    }
    Ok(facets)
}

/// The rows of all facets, in their order.
pub(super) fn count(view: &IndexView, rows: &[RowAt], facets: &[Facet]) -> Result<Vec<Value>> {
    let mut out = Vec::new();
    for facet in facets {
        let cells = rows.iter().map(|&row| view.value(row, &facet.column)).collect::<Result<Vec<Value>>>()?;
        let counted = match &facet.by {
            By::Values(most) => values(cells, *most),
            By::Ranges(kind, ranges) => in_ranges(*kind, cells, ranges),
        };
        out.extend(counted.into_iter().map(|(value, count)| json!([facet.column, value, count])));
    }
    Ok(out)
}

impl Facet {
    fn read(text: &str, view: &IndexView) -> Result<Self> {
        let wrong = || {
            let message = format!("`{text}` is not `column`, `column TOP n` or `column BUCKETS [[a, b], …]`");
            Error::argument("facets", message)
        };
        let text = text.trim();
        let (column, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let column = column.trim_matches('`').to_owned();
        let found = view.columns().into_iter().find(|own| own.name == column);
        let kind = found.ok_or_else(|| unknown(view, &column))?.kind;
        let (word, rest) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        let by = match word.to_ascii_uppercase().as_str() {
            "" => By::Values(DEFAULT_VALUES),
            "TOP" => {
                let most = rest.trim().parse().ok().filter(|most| (1..=MOST).contains(most));
                By::Values(most.ok_or_else(|| {
                    Error::argument("facets", format!("in `{text}` TOP needs a number between 1 and {MOST}"))
                })?)
            }
            "BUCKETS" => {
                let ranges: Vec<(Value, Value)> = serde_json::from_str(rest).map_err(|_| wrong())?;
                if ranges.len() > MOST || !ranges.iter().all(|range| fits(kind, range)) {
                    let message = format!("the ranges of `{text}` do not fit a column of {}", kind.name());
                    return Err(Error::argument("facets", message));
                }
                By::Ranges(kind, ranges)
            }
            _ => return Err(wrong()),
        };
        Ok(Self { column, by })
    }
}

/// Whether both ends of a range are such as the column holds: numbers, or texts for days and instants.
fn fits(kind: ColumnType, (low, high): &(Value, Value)) -> bool {
    match kind {
        ColumnType::One(Primitive::Timestamp) => {
            [low, high].into_iter().all(|end| end.is_string() && comparable(kind, end.clone()).is_number())
        }
        ColumnType::One(Primitive::Date) => {
            [low, high].into_iter().all(|end| end.as_str().is_some_and(|day| day.parse::<NaiveDate>().is_ok()))
        }
        ColumnType::One(Primitive::String | Primitive::Boolean) | ColumnType::Array(_) => false,
        ColumnType::One(_) => low.is_number() && high.is_number(),
    }
}

/// The most frequent values with their counts; those that are as frequent in their own order. A list counts once for each of its
/// different values.
fn values(cells: Vec<Value>, most: usize) -> Vec<(Value, usize)> {
    let mut counts: BTreeMap<String, (Value, usize)> = BTreeMap::new();
    let mut add = |value: Value| counts.entry(value.to_string()).or_insert((value, 0)).1 += 1;
    for cell in cells {
        match cell {
            Value::Null => {}
            Value::Array(items) => {
                let different: BTreeMap<String, Value> =
                    items.into_iter().filter(|item| !item.is_null()).map(|item| (item.to_string(), item)).collect();
                different.into_values().for_each(&mut add);
            }
            other => add(other),
        }
    }
    let mut counts: Vec<(Value, usize)> = counts.into_values().collect();
    counts.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| order(a, b)));
    counts.truncate(most);
    counts
}

/// How many cells lie in each range, in the order of the ranges; a range is shown as it was asked for.
fn in_ranges(kind: ColumnType, cells: Vec<Value>, ranges: &[(Value, Value)]) -> Vec<(Value, usize)> {
    let cells: Vec<Value> = cells.into_iter().map(|cell| comparable(kind, cell)).filter(|it| !it.is_null()).collect();
    let shown = |end: &Value| end.as_str().map_or_else(|| end.to_string(), str::to_owned);
    let counted = ranges.iter().map(|(low, high)| {
        let (from, to) = (comparable(kind, low.clone()), comparable(kind, high.clone()));
        let is_within =
            |cell: &&Value| order(&from, cell) != Ordering::Greater && order(cell, &to) != Ordering::Greater;
        (json!(format!("[{},{}]", shown(low), shown(high))), cells.iter().filter(is_within).count())
    });
    counted.collect()
}
