//! A filter expression over Arrow columns, in three-valued logic. The only file of the filter that knows Arrow.

use std::cmp::Ordering;

use arrow::array::types::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::compute::kernels::comparison::like;
use arrow::compute::{and_kleene, is_null, not, or_kleene};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use chrono::Utc;

use super::expr::{Clause, Comparison, Expr, Literal, Test};
use super::fault;
use crate::error::{Error, Result};
use crate::rank::RowSet;

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const NANOS_PER_DAY: i128 = 86_400 * NANOS_PER_SECOND;

/// The rows of `batch` for which `expr`, written as `text`, is true.
pub(super) fn rows(expr: &Expr, batch: &RecordBatch, text: &str) -> Result<RowSet> {
    let truth = truth(expr, batch, text)?;
    Ok(RowSet::from_fn(batch.num_rows(), |row| truth.is_valid(row) && truth.value(row)))
}

/// Nanoseconds since 1970 UTC of an ISO 8601 date or timestamp, which is in UTC unless it says otherwise.
pub(super) fn instant(text: &str) -> Option<i128> {
    let datetime = string_to_datetime(&Utc, text.trim()).ok()?;
    Some(i128::from(datetime.timestamp()) * NANOS_PER_SECOND + i128::from(datetime.timestamp_subsec_nanos()))
}

fn truth(expr: &Expr, batch: &RecordBatch, text: &str) -> Result<BooleanArray> {
    match expr {
        Expr::And(parts) => {
            let mut all = BooleanArray::from(vec![true; batch.num_rows()]);
            for part in parts {
                all = and_kleene(&all, &truth(part, batch, text)?).map_err(failed)?;
            }
            Ok(all)
        }
        Expr::Or(parts) => {
            let mut any = BooleanArray::from(vec![false; batch.num_rows()]);
            for part in parts {
                any = or_kleene(&any, &truth(part, batch, text)?).map_err(failed)?;
            }
            Ok(any)
        }
        Expr::Not(inner) => not(&truth(inner, batch, text)?).map_err(failed),
        Expr::Clause(clause) => tested(clause, batch, text),
    }
}

fn failed(error: ArrowError) -> Error {
    Error::internal("evaluating a filter", error)
}

fn tested(clause: &Clause, batch: &RecordBatch, text: &str) -> Result<BooleanArray> {
    let column = batch.column_by_name(&clause.column).ok_or_else(|| Error::UnknownColumn {
        column: clause.column.clone(),
        known: batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
    })?;
    let misfit_at = |at: usize, message: String| fault(text, at, format!("column `{}` {message}", clause.column));
    let misfit = |message: String| misfit_at(clause.at, message);
    match &clause.test {
        Test::IsNull => is_null(column).map_err(failed),
        Test::Is(wanted) => {
            let truth = column
                .as_boolean_opt()
                .ok_or_else(|| misfit(format!("holds {}, not TRUE and FALSE", content(column.data_type()))))?;
            Ok(truth.iter().map(|cell| Some(cell == Some(*wanted))).collect())
        }
        Test::Like(pattern) => match column.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => matched(column, pattern),
            other => Err(misfit(format!("holds {}; LIKE needs a text", content(other)))),
        },
        Test::HasToken(token) => match column.data_type() {
            DataType::Utf8 => Ok(with_token(column.as_string::<i32>().iter(), token)),
            DataType::LargeUtf8 => Ok(with_token(column.as_string::<i64>().iter(), token)),
            other => Err(misfit(format!("holds {}; LIKE needs a text", content(other)))),
        },
        Test::In(literals) => {
            let kind = kind(column.data_type()).ok_or_else(|| misfit(unfit(column.data_type())))?;
            let operands =
                literals.iter().map(|(at, literal)| operand(literal, kind).map_err(|message| misfit_at(*at, message)));
            Ok(contained(column, operands.collect::<Result<_>>()?))
        }
        Test::Compare(comparison, literal) => {
            let kind = kind(column.data_type()).ok_or_else(|| misfit(unfit(column.data_type())))?;
            if kind == Kind::Boolean || matches!(column.data_type(), DataType::List(_)) {
                let message = format!("holds {}, which have no order; use = or IN", content(column.data_type()));
                return Err(misfit(message));
            }
            let operand = operand(literal, kind).map_err(&misfit)?;
            let cells = cells(column);
            let holds = |row| compare(&cells(row), &operand).is_some_and(|order| satisfies(order, *comparison));
            Ok((0..column.len()).map(|row| column.is_valid(row).then(|| holds(row))).collect())
        }
    }
}

fn matched(column: &dyn Array, pattern: &str) -> Result<BooleanArray> {
    if let Some(texts) = column.as_string_opt::<i32>() {
        return like(texts, &StringArray::new_scalar(pattern)).map_err(failed);
    }
    like(column.as_string::<i64>(), &arrow::array::LargeStringArray::new_scalar(pattern)).map_err(failed)
}

fn with_token<'a>(texts: impl Iterator<Item = Option<&'a str>>, token: &str) -> BooleanArray {
    texts.map(|text| text.map(|text| text.split_whitespace().any(|word| word == token))).collect()
}

/// Whether each cell is, or as a list holds, one of `operands`.
fn contained(column: &dyn Array, mut operands: Vec<Cell<'_>>) -> BooleanArray {
    operands.sort_by(|a, b| compare(a, b).unwrap_or(Ordering::Equal));
    let is_in = |cell: &Cell<'_>| {
        compare(cell, cell).is_some()
            && operands.binary_search_by(|operand| compare(operand, cell).unwrap_or(Ordering::Less)).is_ok()
    };
    if let Some(lists) = column.as_list_opt::<i32>() {
        let holds = |list: &dyn Array| {
            let elements = cells(list);
            (0..list.len()).any(|at| list.is_valid(at) && is_in(&elements(at)))
        };
        return lists.iter().map(|list| list.map(|list| holds(&list))).collect();
    }
    let cells = cells(column);
    (0..column.len()).map(|row| column.is_valid(row).then(|| is_in(&cells(row)))).collect()
}

/// One value, of a cell or of a literal that was fitted to its column.
#[derive(Debug)]
enum Cell<'a> {
    Text(&'a str),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// Nanoseconds since 1970 UTC: exact for every unit and year that Arrow can hold.
    Instant(i128),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// Literals are rounded to single precision, so that 0.1 finds the cell that was written as 0.1.
    SingleNumber,
    Boolean,
    Instant,
}

fn kind(data_type: &DataType) -> Option<Kind> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => Some(Kind::Text),
        DataType::Int32 | DataType::Int64 | DataType::Float64 => Some(Kind::Number),
        DataType::Float32 => Some(Kind::SingleNumber),
        DataType::Boolean => Some(Kind::Boolean),
        DataType::Timestamp(..) | DataType::Date32 => Some(Kind::Instant),
        DataType::List(element) if *element.data_type() == DataType::Utf8 => Some(Kind::Text),
        _ => None,
    }
}

fn content(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => "texts".to_owned(),
        DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 => "numbers".to_owned(),
        DataType::Boolean => "TRUE and FALSE".to_owned(),
        DataType::Timestamp(..) | DataType::Date32 => "dates".to_owned(),
        DataType::List(element) if *element.data_type() == DataType::Utf8 => "lists of texts".to_owned(),
        other => other.to_string(),
    }
}

fn unfit(data_type: &DataType) -> String {
    format!("holds {}, which can only be asked IS NULL or IS NOT NULL", content(data_type))
}

/// The cells of a column of a type that has a [`Kind`], by row. What a NULL reads as has no meaning.
fn cells<'a>(column: &'a dyn Array) -> Box<dyn Fn(usize) -> Cell<'a> + 'a> {
    match column.data_type() {
        DataType::Utf8 => by(column.as_string::<i32>(), |texts, row| Cell::Text(texts.value(row))),
        DataType::LargeUtf8 => by(column.as_string::<i64>(), |texts, row| Cell::Text(texts.value(row))),
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
fn operand(literal: &Literal, kind: Kind) -> std::result::Result<Cell<'_>, String> {
    match (kind, literal) {
        (Kind::Text, Literal::Text(text)) => Ok(Cell::Text(text)),
        (Kind::Number | Kind::SingleNumber, Literal::Integer(value)) => Ok(Cell::Integer(*value)),
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
fn compare(a: &Cell<'_>, b: &Cell<'_>) -> Option<Ordering> {
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

fn satisfies(order: Ordering, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
