//! One value of a filter, of a cell or of a literal fitted to its column, and how two of them compare.

use std::cmp::Ordering;

use arrow::array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::array::{Array, AsArray};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::Utc;

use super::expr::Literal;

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const NANOS_PER_DAY: i128 = 86_400 * NANOS_PER_SECOND;

/// Nanoseconds since 1970 UTC of an ISO 8601 date or timestamp, which is in UTC unless it says otherwise.
pub(super) fn instant(text: &str) -> Option<i128> {
    let datetime = string_to_datetime(&Utc, text.trim()).ok()?;
    Some(i128::from(datetime.timestamp()) * NANOS_PER_SECOND + i128::from(datetime.timestamp_subsec_nanos()))
}

/// One value, of a cell or of a literal that was fitted to its column.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// Nanoseconds since 1970 UTC: exact for every unit and year that Arrow can hold.
    Instant(i128),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    /// Literals are rounded to single precision, so that 0.1 finds the cell that was written as 0.1.
    SingleNumber,
    Boolean,
    Instant,
}

/// What the cells of a column are compared with, or those of its lists; `None` for a type that only has NULLs to ask for.
pub(super) fn kind(data_type: &DataType) -> Option<Kind> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => Some(Kind::Text),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Float64 => Some(Kind::Number),
        DataType::Float32 => Some(Kind::SingleNumber),
        DataType::Boolean => Some(Kind::Boolean),
        DataType::Timestamp(..) | DataType::Date32 => Some(Kind::Instant),
        DataType::List(element) if !element.data_type().is_nested() => kind(element.data_type()),
        _ => None,
    }
}

/// What a column holds, in the words of an error.
pub(super) fn content(data_type: &DataType) -> String {
    match (kind(data_type), data_type) {
        (Some(_), DataType::List(element)) => format!("lists of {}", content(element.data_type())),
        (Some(Kind::Text), _) => "texts".to_owned(),
        (Some(Kind::Number | Kind::SingleNumber), _) => "numbers".to_owned(),
        (Some(Kind::Boolean), _) => "TRUE and FALSE".to_owned(),
        (Some(Kind::Instant), _) => "dates".to_owned(),
        (None, other) => other.to_string(),
    }
}

pub(super) fn unfit(data_type: &DataType) -> String {
    format!("holds {}, which can only be asked IS NULL or IS NOT NULL", content(data_type))
}

/// The cells of a column of a type that has a [`Kind`], by row. What a NULL reads as has no meaning.
pub(super) fn cells<'a>(column: &'a dyn Array) -> Box<dyn Fn(usize) -> Cell<'a> + 'a> {
    match column.data_type() {
        DataType::Utf8 => by(column.as_string::<i32>(), |texts, row| Cell::Text(texts.value(row))),
        DataType::LargeUtf8 => by(column.as_string::<i64>(), |texts, row| Cell::Text(texts.value(row))),
        DataType::Int8 => by(column.as_primitive::<Int8Type>(), |values, row| Cell::Integer(values.value(row).into())),
        DataType::Int16 => {
            by(column.as_primitive::<Int16Type>(), |values, row| Cell::Integer(values.value(row).into()))
        }
        DataType::Int32 => {
            by(column.as_primitive::<Int32Type>(), |values, row| Cell::Integer(values.value(row).into()))
        }
        DataType::Int64 => by(column.as_primitive::<Int64Type>(), |values, row| Cell::Integer(values.value(row))),
        DataType::Float32 => {
            by(column.as_primitive::<Float32Type>(), |values, row| Cell::Float(values.value(row).into()))
        }
        DataType::Float64 => by(column.as_primitive::<Float64Type>(), |values, row| Cell::Float(values.value(row))),
        DataType::Boolean => by(column.as_boolean(), |values, row| Cell::Boolean(values.value(row))),
        DataType::Date32 => by(column.as_primitive::<Date32Type>(), |days, row| {
            Cell::Instant(i128::from(days.value(row)) * NANOS_PER_DAY)
        }),
        DataType::Timestamp(TimeUnit::Second, _) => by(column.as_primitive::<TimestampSecondType>(), |times, row| {
            since_1970(times.value(row), NANOS_PER_SECOND)
        }),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            by(column.as_primitive::<TimestampMillisecondType>(), |times, row| since_1970(times.value(row), 1_000_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            by(column.as_primitive::<TimestampMicrosecondType>(), |times, row| since_1970(times.value(row), 1_000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            by(column.as_primitive::<TimestampNanosecondType>(), |times, row| since_1970(times.value(row), 1))
        }
        other => unreachable!("a column of {other} has no kind and was refused"),
    }
}

/// Ties a column to how its cells are read.
fn by<'a, A>(column: &'a A, read: fn(&'a A, usize) -> Cell<'a>) -> Box<dyn Fn(usize) -> Cell<'a> + 'a> {
    Box::new(move |row| read(column, row))
}

fn since_1970(value: i64, nanos_per_unit: i128) -> Cell<'static> {
    Cell::Instant(i128::from(value) * nanos_per_unit)
}

/// The literal as a value that compares with the cells of a column, or what is wrong with it.
pub(super) fn operand(literal: &Literal, kind: Kind) -> std::result::Result<Cell<'_>, String> {
    match (kind, literal) {
        (Kind::Text, Literal::Text(text)) => Ok(Cell::Text(text)),
        (Kind::Number, Literal::Integer(value)) => Ok(Cell::Integer(*value)),
        (Kind::SingleNumber, Literal::Integer(value)) => Ok(Cell::Float(f64::from(*value as f32))),
        (Kind::Number, Literal::Float(value)) => Ok(Cell::Float(*value)),
        (Kind::SingleNumber, Literal::Float(value)) => Ok(Cell::Float(f64::from(*value as f32))),
        (Kind::Boolean, Literal::Boolean(value)) => Ok(Cell::Boolean(*value)),
        (Kind::Instant, Literal::Timestamp(_, nanos)) => Ok(Cell::Instant(*nanos)),
        (Kind::Instant, Literal::Text(text)) => instant(text).map(Cell::Instant).ok_or_else(|| {
            format!("holds dates, and `{text}` is none; write one as 2026-01-31 or 2026-01-31T08:00:00Z")
        }),
        (Kind::Text, _) => Err(format!("holds texts; quote the value: '{literal}'")),
        (Kind::Number | Kind::SingleNumber, Literal::Text(text)) if text.parse::<f64>().is_ok() => {
            Err(format!("holds numbers; write {text} without quotes"))
        }
        (Kind::Number | Kind::SingleNumber, _) => Err(format!("holds numbers, and {literal} is none")),
        (Kind::Boolean, _) => Err(format!("holds TRUE and FALSE, and {literal} is neither")),
        (Kind::Instant, _) => Err(format!("holds dates, and {literal} is none; write one as '2026-01-31T08:00:00Z'")),
    }
}

/// The order of two values of one column; `None` beside a float that is not a number.
pub(super) fn compare(a: &Cell<'_>, b: &Cell<'_>) -> Option<Ordering> {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => Some(a.cmp(b)),
        (Cell::Integer(a), Cell::Integer(b)) => Some(a.cmp(b)),
        (Cell::Float(a), Cell::Float(b)) => a.partial_cmp(b),
        (Cell::Integer(a), Cell::Float(b)) => integer_and_float(*a, *b),
        (Cell::Float(a), Cell::Integer(b)) => integer_and_float(*b, *a).map(Ordering::reverse),
        (Cell::Boolean(a), Cell::Boolean(b)) => Some(a.cmp(b)),
        (Cell::Instant(a), Cell::Instant(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Exact, where turning the integer into a float would round beyond 2^53.
fn integer_and_float(integer: i64, float: f64) -> Option<Ordering> {
    const PAST_I64: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        None
    } else if float >= PAST_I64 {
        Some(Ordering::Less)
    } else if float < -PAST_I64 {
        Some(Ordering::Greater)
    } else {
        let whole = float.trunc();
        Some(integer.cmp(&(whole as i64)).then(0.0_f64.partial_cmp(&(float - whole))?))
    }
}
