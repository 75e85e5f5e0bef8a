//! One row: read from JSON and checked against a schema, written to JSON again, put into Arrow columns. Knows no file.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow::array::builder::{
    BooleanBuilder, Date32Builder, Float32Builder, Float64Builder, Int8Builder, Int16Builder, Int32Builder,
    Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder, make_builder,
};
use arrow::array::{ArrayBuilder, RecordBatch};
use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::schema::{ColumnType, Primitive, Schema};
use crate::error::{Error, Result};

/// The value of a primary key. Numbers come in their order, texts in that of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Of a column of whole numbers.
    Integer(i64),
    /// Of a column of texts.
    Text(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Key {
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Integer(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Text(String),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970 UTC.
    Timestamp(i64),
    List(Vec<Cell>),
}

/// A row that fits its schema. Made by [`Schema::row`].
#[derive(Debug, Clone, PartialEq)]
pub struct NewRow {
    key: Key,
    /// In the order of the schema's columns.
    cells: Vec<Cell>,
    vector: Option<Vec<f32>>,
}

impl NewRow {
    /// Its primary key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Its vector.
    #[must_use]
    pub fn vector(&self) -> Option<&[f32]> {
        self.vector.as_deref()
    }

    /// Gives it a vector, which must be of the schema's dimension and finite: [`super::Collection::apply`] refuses others.
    pub fn set_vector(&mut self, vector: Vec<f32>) {
        self.vector = Some(vector);
    }

    /// The text of a column; `None` where it has none or is none of texts.
    #[must_use]
    pub fn text(&self, schema: &Schema, column: &str) -> Option<&str> {
        let at = schema.columns().iter().position(|it| it.name == column)?;
        if let Cell::Text(text) = self.cells.get(at)? { Some(text) } else { None }
    }

    /// The row as [`Schema::row`] reads it.
    #[must_use]
    pub fn to_json(&self, schema: &Schema) -> Map<String, Value> {
        let present = schema.columns().iter().zip(&self.cells).filter(|(_, cell)| **cell != Cell::Null);
        let mut object: Map<String, Value> = present.map(|(column, cell)| (column.name.clone(), cell.json())).collect();
        if let Some((column, vector)) = schema.vector().zip(self.vector.as_ref()) {
            object.insert(column.name.clone(), json!(vector));
        }
        object
    }
}

impl Cell {
    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Boolean(truth) => (*truth).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Date(days) => NaiveDate::from_epoch_days(*days).map_or(Value::Null, |day| day.to_string().into()),
            Self::Timestamp(micros) => DateTime::from_timestamp_micros(*micros)
                .map_or(Value::Null, |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()),
            Self::List(cells) => cells.iter().map(Self::json).collect(),
        }
    }
}

impl Schema {
    /// Checks a row in JSON and brings its values to the types of their columns: whole numbers where they fit, numbers,
    /// texts, `2026-06-30` and RFC 3339 in UTC unless it says otherwise. A column that is not there is null.
    ///
    /// # Errors
    /// Why it does not fit, in words that name the column: a key that is missing, a column that the schema does not have, a
    /// value of another type or out of range, a vector of another dimension.
    pub fn row(&self, object: &Map<String, Value>) -> std::result::Result<NewRow, String> {
        let mut found = 0;
        let mut cells = Vec::with_capacity(self.columns().len());
        for column in self.columns() {
            let value = object.get(&column.name);
            found += usize::from(value.is_some());
            let cell = cell(value.unwrap_or(&Value::Null), column.kind);
            cells.push(cell.map_err(|reason| format!("column `{}`: {reason}", column.name))?);
        }
        let mut vector = None;
        if let Some(column) = self.vector() {
            let value = object.get(&column.name);
            found += usize::from(value.is_some());
            if let Some(value) = value.filter(|value| !value.is_null()) {
                let numbers = numbers(value).map_err(|reason| format!("column `{}`: {reason}", column.name))?;
                check_vector(&numbers, column.dimension)
                    .map_err(|reason| format!("column `{}`: {reason}", column.name))?;
                vector = Some(numbers);
            }
        }
        if found < object.len() {
            let names = self.names();
            let unknown = object.keys().find(|name| !names.contains(&name.as_str()));
            return Err(format!("there is no column `{}`", unknown.map_or("", String::as_str)));
        }
        let key = self.key_of(object.get(self.key()).unwrap_or(&Value::Null))?;
        Ok(NewRow { key, cells, vector })
    }

    /// A primary key in JSON.
    ///
    /// # Errors
    /// Why it is none.
    pub fn key_of(&self, value: &Value) -> std::result::Result<Key, String> {
        let named = |reason: String| format!("primary key `{}`: {reason}", self.key());
        match cell(value, ColumnType::One(self.key_kind())).map_err(named)? {
            Cell::Integer(number) => Ok(Key::Integer(number)),
            Cell::Text(text) => Ok(Key::Text(text)),
            _ => Err(named("it is missing".to_owned())),
        }
    }

    /// A primary key as text, such as one of a URL.
    ///
    /// # Errors
    /// Why it is none.
    pub fn key_from_text(&self, text: &str) -> std::result::Result<Key, String> {
        if self.key_kind() == Primitive::String {
            return Ok(Key::Text(text.to_owned()));
        }
        let number = text
            .trim()
            .parse::<i64>()
            .map_err(|_| format!("primary key `{}`: `{text}` is no whole number", self.key()))?;
        self.key_of(&number.into())
    }
}

/// Why a vector does not fit, if it does not.
pub(super) fn check_vector(vector: &[f32], dimension: usize) -> std::result::Result<(), String> {
    if vector.len() != dimension {
        return Err(format!("{} numbers, the index has dimension {dimension}", vector.len()));
    }
    // A square, and the sum of all squares, must be finite too.
    if !vector.iter().map(|&x| x * x).sum::<f32>().is_finite() {
        return Err("a number is not finite, or too large".to_owned());
    }
    Ok(())
}

fn numbers(value: &Value) -> std::result::Result<Vec<f32>, String> {
    let items = value.as_array().ok_or("it must be a list of numbers")?;
    items
        .iter()
        .map(|item| item.as_f64().map(|number| number as f32).ok_or_else(|| "it must be a list of numbers".to_owned()))
        .collect()
}

fn cell(value: &Value, kind: ColumnType) -> std::result::Result<Cell, String> {
    match (kind, value) {
        (_, Value::Null) => Ok(Cell::Null),
        (ColumnType::Array(kind), Value::Array(items)) => Ok(Cell::List(
            items.iter().map(|item| cell(item, ColumnType::One(kind))).collect::<std::result::Result<_, _>>()?,
        )),
        (ColumnType::Array(kind), _) => Err(format!("it must be a list of {}", kind.name())),
        (ColumnType::One(kind), value) => {
            single(value, kind).ok_or_else(|| format!("{} is no {}", shown(value), kind.name()))
        }
    }
}

fn single(value: &Value, kind: Primitive) -> Option<Cell> {
    match kind {
        Primitive::Tinyint | Primitive::Smallint | Primitive::Int | Primitive::Bigint => {
            let (least, most) = kind.range()?;
            let whole = |number: f64| number.fract() == 0.0 && number.abs() < 9e15;
            let number = value.as_i64().or_else(|| value.as_f64().filter(|&it| whole(it)).map(|it| it as i64))?;
            (least..=most).contains(&number).then_some(Cell::Integer(number))
        }
        Primitive::Float => {
            let number = value.as_f64()? as f32;
            number.is_finite().then_some(Cell::Float(number.into()))
        }
        Primitive::Double => value.as_f64().map(Cell::Float),
        Primitive::Boolean => value.as_bool().map(Cell::Boolean),
        Primitive::String => value.as_str().map(|text| Cell::Text(text.to_owned())),
        Primitive::Date => {
            let text = value.as_str()?;
            text.parse::<NaiveDate>().ok().map(|day| Cell::Date(day.to_epoch_days()))
        }
        Primitive::Timestamp => instant(value.as_str()?).map(Cell::Timestamp),
    }
}

/// Microseconds since 1970 of a date or a moment in ISO 8601.
fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_micros());
    }
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| text.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_opt(0, 0, 0)));
    naive.map(|at| at.and_utc().timestamp_micros())
}

/// A value for a message, shortened. Texts are not shown: they may be personal.
fn shown(value: &Value) -> String {
    match value {
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => format!("`{other}`"),
    }
}

/// Rows, sorted by key, as Arrow columns.
pub(super) fn batch_of(schema: &Schema, rows: &[NewRow]) -> Result<RecordBatch> {
    let arrow = Arc::new(schema.arrow());
    let columns = schema.columns().iter().enumerate().map(|(at, column)| {
        let mut builder = make_builder(&column.kind.arrow(), rows.len());
        for row in rows {
            push(builder.as_mut(), &row.cells[at], column.kind)
                .ok_or_else(|| Error::internal("writing a row", "a value of another type than its column"))?;
        }
        Ok(builder.finish())
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(arrow, columns).map_err(|error| Error::internal("writing rows", error))
}

fn push(builder: &mut dyn ArrayBuilder, cell: &Cell, kind: ColumnType) -> Option<()> {
    match kind {
        ColumnType::Array(kind) => {
            let list = builder.as_any_mut().downcast_mut::<ListBuilder<Box<dyn ArrayBuilder>>>()?;
            if let Cell::List(cells) = cell {
                cells.iter().try_for_each(|cell| push(list.values().as_mut(), cell, ColumnType::One(kind)))?;
            }
            list.append(*cell != Cell::Null);
        }
        ColumnType::One(kind) => {
            let any = builder.as_any_mut();
            let integer = if let Cell::Integer(number) = cell { Some(*number) } else { None };
            let float = if let Cell::Float(number) = cell { Some(*number) } else { None };
            match kind {
                Primitive::Tinyint => any.downcast_mut::<Int8Builder>()?.append_option(integer.map(|it| it as i8)),
                Primitive::Smallint => any.downcast_mut::<Int16Builder>()?.append_option(integer.map(|it| it as i16)),
                Primitive::Int => any.downcast_mut::<Int32Builder>()?.append_option(integer.map(|it| it as i32)),
                Primitive::Bigint => any.downcast_mut::<Int64Builder>()?.append_option(integer),
                Primitive::Float => any.downcast_mut::<Float32Builder>()?.append_option(float.map(|it| it as f32)),
                Primitive::Double => any.downcast_mut::<Float64Builder>()?.append_option(float),
                Primitive::Boolean => {
                    let truth = if let Cell::Boolean(truth) = cell { Some(*truth) } else { None };
                    any.downcast_mut::<BooleanBuilder>()?.append_option(truth);
                }
                Primitive::String => {
                    let text = if let Cell::Text(text) = cell { Some(text) } else { None };
                    any.downcast_mut::<StringBuilder>()?.append_option(text);
                }
                Primitive::Date => {
                    let days = if let Cell::Date(days) = cell { Some(*days) } else { None };
                    any.downcast_mut::<Date32Builder>()?.append_option(days);
                }
                Primitive::Timestamp => {
                    let micros = if let Cell::Timestamp(micros) = cell { Some(*micros) } else { None };
                    any.downcast_mut::<TimestampMicrosecondBuilder>()?.append_option(micros);
                }
            }
        }
    }
    Some(())
}

/// Sorts by key; of equal keys the last stays.
pub(super) fn sorted_by_key(mut rows: Vec<NewRow>) -> Vec<NewRow> {
    // Stable, and reversed first: the last of equal keys comes first among them.
    rows.reverse();
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    rows.dedup_by(|later, first| later.key.cmp(&first.key) == Ordering::Equal);
    rows
}
