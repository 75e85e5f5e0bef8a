//! One column of text cells → one typed Arrow column. Knows no file and no other column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::table::schema::{Kind, UTC};

/// Grows a column from the cells of text files.
#[derive(Debug)]
pub(super) enum Cells {
    Text(StringBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
}

impl Cells {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(UTC)),
            Kind::Date => Self::Date(Date32Builder::new()),
        }
    }

    /// Adds a cell and says whether it was understood; if not, it counts as no value. Blank cells are no value.
    pub(super) fn push(&mut self, cell: Option<&str>) -> bool {
        let trimmed = cell.map(str::trim).filter(|text| !text.is_empty());
        match self {
            Self::Text(builder) => {
                builder.append_option(trimmed);
                true
            }
            Self::Integer(builder) => {
                let value = trimmed.and_then(integer);
                builder.append_option(value);
                value.is_some() || trimmed.is_none()
            }
            Self::Float(builder) => {
                let value = trimmed.and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite());
                builder.append_option(value);
                value.is_some() || trimmed.is_none()
            }
            Self::Boolean(builder) => {
                let value = trimmed.and_then(boolean);
                builder.append_option(value);
                value.is_some() || trimmed.is_none()
            }
            Self::Timestamp(builder) => {
                let value = trimmed.and_then(microseconds);
                builder.append_option(value);
                value.is_some() || trimmed.is_none()
            }
            Self::Date(builder) => {
                let value = trimmed.and_then(|text| text.parse::<NaiveDate>().ok()).map(days);
                builder.append_option(value);
                value.is_some() || trimmed.is_none()
            }
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// Whole numbers, also written as floats without a fraction up to 2^53, where floats are still exact.
pub(super) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

fn integer(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "TRUE" | "True" | "true" | "1" => Some(true),
        "FALSE" | "False" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn microseconds(text: &str) -> Option<i64> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_micros());
    }
    if let Ok(moment) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(moment.timestamp_micros());
    }
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN)))
        .map(|moment| moment.and_utc().timestamp_micros())
}

fn days(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}
