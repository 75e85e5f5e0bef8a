//! Random tables of every type that a filter can ask: rows of JSON for the oracle, and the same rows as Arrow.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, TimeUnit};
use chrono::DateTime;
use serde_json::{Value, json};

/// Numbers that follow from a seed alone: SplitMix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    LargeText,
    TinyInt,
    SmallInt,
    Int,
    Long,
    Float,
    Double,
    Boolean,
    Date,
    Timestamp(TimeUnit),
    List(&'static Type),
}

impl Type {
    /// Itself, or what its lists hold.
    pub(super) fn element(self) -> Self {
        if let Self::List(element) = self { *element } else { self }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::TinyInt | Self::SmallInt | Self::Int | Self::Long | Self::Float | Self::Double)
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::LargeText)
    }
}

/// Names that need quotes in SQL are among them; none has a blank, which the JSON dialect cannot write.
pub(super) const COLUMNS: &[(&str, Type)] = &[
    ("text", Type::Text),
    ("tick`ed", Type::LargeText),
    ("tiny", Type::TinyInt),
    ("small", Type::SmallInt),
    ("or", Type::Int),
    ("preço", Type::Long),
    ("float", Type::Float),
    ("double", Type::Double),
    ("open", Type::Boolean),
    ("day", Type::Date),
    ("9at", Type::Timestamp(TimeUnit::Second)),
    ("at_ms", Type::Timestamp(TimeUnit::Millisecond)),
    ("at_us", Type::Timestamp(TimeUnit::Microsecond)),
    ("at_ns", Type::Timestamp(TimeUnit::Nanosecond)),
    ("texts", Type::List(&Type::Text)),
    ("tinies", Type::List(&Type::TinyInt)),
    ("smalls", Type::List(&Type::SmallInt)),
    ("ints", Type::List(&Type::Int)),
    ("longs", Type::List(&Type::Long)),
    ("floats", Type::List(&Type::Float)),
    ("doubles", Type::List(&Type::Double)),
    ("flags", Type::List(&Type::Boolean)),
    ("days", Type::List(&Type::Date)),
    ("times", Type::List(&Type::Timestamp(TimeUnit::Millisecond))),
];

pub(super) const TEXTS: [&str; 16] = [
    "",
    "a",
    "A",
    "apple pear",
    "pineapple",
    "apple",
    "100% off",
    "100 off",
    "a_b",
    "acb",
    "não caiu",
    "line\nbreak\ttab",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "🍎 apple",
];
const INTEGERS: [i64; 9] = [-3, -1, 0, 1, 2, 100, 40_000, 16_777_217, 9_007_199_254_740_993];
const FLOATS: [f64; 7] = [-2.5, -0.0, 0.1, 1.0, 1.5, 16_777_216.0, 9_007_199_254_740_992.0];
/// Days since 1970.
const DAYS: [i64; 5] = [-1, 0, 1, 19_723, 20_000];
/// What times lie beside the start of a day, in milliseconds.
const MOMENTS: [i64; 4] = [0, 1, 43_200_000, 86_399_000];

/// Milliseconds since 1970 of an ISO timestamp with its zone, or of a date.
pub(super) fn milliseconds(text: &str) -> i64 {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    DateTime::parse_from_rfc3339(&whole).unwrap().timestamp_millis()
}

fn iso(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds).unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A value that a cell of this type can hold; never NULL.
pub(super) fn value(dice: &mut Dice, kind: Type) -> Value {
    let mut integer = |most: i64| {
        let fitting: Vec<i64> = INTEGERS.into_iter().filter(|value| *value <= most).collect();
        json!(dice.pick(&fitting))
    };
    match kind {
        Type::Text | Type::LargeText => json!(dice.pick(&TEXTS)),
        Type::TinyInt => integer(i8::MAX.into()),
        Type::SmallInt => integer(i16::MAX.into()),
        Type::Int => integer(i32::MAX.into()),
        Type::Long => integer(i64::MAX),
        Type::Float | Type::Double => json!(dice.pick(&FLOATS)),
        Type::Boolean => json!(dice.chance(50)),
        Type::Date => json!(iso(dice.pick(&DAYS) * 86_400_000)[..10]),
        Type::Timestamp(TimeUnit::Second) => {
            json!(iso(dice.pick(&DAYS) * 86_400_000 + dice.pick(&[0, 1_000, 43_200_000])))
        }
        Type::Timestamp(_) => json!(iso(dice.pick(&DAYS) * 86_400_000 + dice.pick(&MOMENTS))),
        Type::List(element) => (0..dice.below(4)).map(|_| cell(dice, *element)).collect(),
    }
}

/// A value, or one time in five none.
fn cell(dice: &mut Dice, kind: Type) -> Value {
    if dice.chance(20) { Value::Null } else { value(dice, kind) }
}

/// Some rows of [`COLUMNS`]: one cell for each.
pub(super) fn rows(dice: &mut Dice) -> Vec<Vec<Value>> {
    (0..dice.below(25)).map(|_| COLUMNS.iter().map(|(_, kind)| cell(dice, *kind)).collect()).collect()
}

/// The rows as Arrow has them.
pub(super) fn batch(rows: &[Vec<Value>]) -> RecordBatch {
    let columns = COLUMNS.iter().enumerate().map(|(at, (name, kind))| {
        let cells: Vec<&Value> = rows.iter().map(|row| &row[at]).collect();
        (*name, array(&cells, *kind), true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn array(cells: &[&Value], kind: Type) -> ArrayRef {
    let texts = cells.iter().map(|cell| cell.as_str());
    let integers = cells.iter().map(|cell| cell.as_i64());
    let floats = cells.iter().map(|cell| cell.as_f64());
    let times = cells.iter().map(|cell| cell.as_str().map(milliseconds));
    match kind {
        Type::Text => Arc::new(texts.collect::<StringArray>()),
        Type::LargeText => Arc::new(texts.collect::<LargeStringArray>()),
        Type::TinyInt => Arc::new(integers.map(|cell| cell.map(|cell| cell as i8)).collect::<Int8Array>()),
        Type::SmallInt => Arc::new(integers.map(|cell| cell.map(|cell| cell as i16)).collect::<Int16Array>()),
        Type::Int => Arc::new(integers.map(|cell| cell.map(|cell| cell as i32)).collect::<Int32Array>()),
        Type::Long => Arc::new(integers.collect::<Int64Array>()),
        Type::Float => Arc::new(floats.map(|cell| cell.map(|cell| cell as f32)).collect::<Float32Array>()),
        Type::Double => Arc::new(floats.collect::<Float64Array>()),
        Type::Boolean => Arc::new(cells.iter().map(|cell| cell.as_bool()).collect::<BooleanArray>()),
        Type::Date => {
            Arc::new(times.map(|time| time.map(|time| time.div_euclid(86_400_000) as i32)).collect::<Date32Array>())
        }
        Type::Timestamp(TimeUnit::Second) => {
            Arc::new(times.map(|time| time.map(|time| time.div_euclid(1000))).collect::<TimestampSecondArray>())
        }
        Type::Timestamp(TimeUnit::Millisecond) => {
            Arc::new(times.collect::<TimestampMillisecondArray>().with_timezone("America/Sao_Paulo"))
        }
        Type::Timestamp(TimeUnit::Microsecond) => {
            Arc::new(times.map(|time| time.map(|time| time * 1000)).collect::<TimestampMicrosecondArray>())
        }
        Type::Timestamp(TimeUnit::Nanosecond) => {
            Arc::new(times.map(|time| time.map(|time| time * 1_000_000)).collect::<TimestampNanosecondArray>())
        }
        Type::List(element) => {
            let lists = cells.iter().map(|cell| cell.as_array().map_or(&[][..], Vec::as_slice));
            let inner: Vec<&Value> = lists.clone().flatten().collect();
            let values = array(&inner, *element);
            let field = Arc::new(Field::new("item", values.data_type().clone(), true));
            let nulls = NullBuffer::from_iter(cells.iter().map(|cell| !cell.is_null()));
            Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lists.map(<[Value]>::len)), values, Some(nulls)))
        }
    }
}
