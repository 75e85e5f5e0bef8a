//! A filter expression over Arrow columns, in three-valued logic. What a single value is and equals is in `cell`.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::kernels::comparison::like;
use arrow::compute::{and_kleene, is_null, not, or_kleene};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::cell::{Cell, Kind, cells, compare, content, kind, operand, unfit};
use super::expr::{Clause, Comparison, Expr, Test};
use super::fault;
use crate::error::{Error, Result};
use crate::rank::RowSet;

/// The rows of `batch` for which `expr`, written as `text`, is true.
pub(super) fn rows(expr: &Expr, batch: &RecordBatch, text: &str) -> Result<RowSet> {
    let truth = truth(expr, batch, text)?;
    Ok(RowSet::from_fn(batch.num_rows(), |row| truth.is_valid(row) && truth.value(row)))
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

fn satisfies(order: Ordering, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
