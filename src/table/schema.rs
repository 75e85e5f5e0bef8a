//! What a source table must look like: declarations as data. Knows no file and no particular table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The time zone that every timestamp column carries.
pub const UTC: &str = "UTC";

/// The columns that make a table a change feed, as Delta Lake names them: what a row does, and in which version.
pub(super) const FEED: [ColumnSpec; 2] = [
    ColumnSpec::optional("_change_type", Kind::Text),
    ColumnSpec::optional("_commit_version", Kind::Integer).or_named(&["_version"]),
];

/// Whether a column of a change feed says what its rows do, and is no column of the table.
pub(super) fn is_feed_column(name: &str) -> bool {
    let names = FEED.iter().flat_map(|column| std::iter::once(&column.name).chain(column.aliases));
    names.chain(&["_commit_timestamp"]).any(|known| known.eq_ignore_ascii_case(name))
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text; blanks at both ends are dropped, and nothing left means no value.
    Text,
    /// A whole number that fits 64 bits; `3.0` counts, since some writers turn columns with gaps into floats.
    Integer,
    /// A finite number; Parquet's NaN means no value.
    Float,
    /// `TRUE`, `FALSE`, `true`, `false`, `1` or `0`.
    Boolean,
    /// `2025-12-01 02:33:54`, with or without a fraction, `T`, `Z` or an offset; without an offset it is UTC.
    Timestamp,
    /// `2025-12-01`.
    Date,
}

impl Kind {
    /// The Arrow type of the checked column.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::Date => DataType::Date32,
        }
    }

    /// What a cell should have been, for messages.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "a whole number",
            Self::Float => "a finite number with a decimal point",
            Self::Boolean => "TRUE or FALSE",
            Self::Timestamp => "a time such as 2025-12-01 02:33:54",
            Self::Date => "a date such as 2025-12-01",
        }
    }
}

/// One column of a table. Columns of a file that no spec names are ignored.
#[derive(Debug, Clone, Copy)]
pub struct ColumnSpec {
    /// The name in the checked batch, and the first that is looked for in the file (ASCII case does not matter).
    pub name: &'static str,
    /// Other names that the file may use.
    pub aliases: &'static [&'static str],
    /// What the cells hold.
    pub kind: Kind,
    /// The file must have the column, and every row a value.
    pub required: bool,
    /// No two rows may share a value (text columns).
    pub unique: bool,
    /// The only values there may be (text columns).
    pub one_of: Option<&'static [&'static str]>,
    /// Table and column in which each value must occur (text columns).
    pub references: Option<(&'static str, &'static str)>,
    /// The row is a part of the one it refers to, and goes with it when a change feed deletes that.
    pub part: bool,
}

impl ColumnSpec {
    /// A column that may be absent or have gaps.
    #[must_use]
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, aliases: &[], kind, required: false, unique: false, one_of: None, references: None, part: false }
    }

    /// A column that must be there, with a value in every row.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind) -> Self {
        Self { required: true, ..Self::optional(name, kind) }
    }

    /// A primary key: required, unique text.
    #[must_use]
    pub const fn key(name: &'static str) -> Self {
        Self { unique: true, ..Self::required(name, Kind::Text) }
    }

    /// The same column, also found under other names.
    #[must_use]
    pub const fn or_named(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The same column with only these values.
    #[must_use]
    pub const fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { one_of: Some(values), ..self }
    }

    /// The same column, each of whose values must occur in a column of another table.
    #[must_use]
    pub const fn references(self, table: &'static str, column: &'static str) -> Self {
        Self { references: Some((table, column)), ..self }
    }

    /// The same column; its row goes with the one that it refers to.
    #[must_use]
    pub const fn part_of_it(self) -> Self {
        Self { part: true, ..self }
    }
}

/// One table.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// The name that references and callers use.
    pub name: &'static str,
    /// File names without their ending, each of which may hold the table.
    pub stems: &'static [&'static str],
    /// The columns that are read.
    pub columns: &'static [ColumnSpec],
}

impl TableSpec {
    /// What the table may be called.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.stems.iter().copied())
    }

    /// The place of the column that names a row, if there is one.
    pub(super) fn key(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.unique)
    }

    /// The columns that are looked for in files: the spec's, and behind them [`FEED`].
    pub(super) fn sought(&self) -> impl Iterator<Item = &'static ColumnSpec> {
        self.columns.iter().chain(&FEED)
    }

    /// The schema of the checked batch: the spec's columns in its order, under its names.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| Field::new(column.name, column.kind.data_type(), !column.required))
            .collect();
        Arc::new(Schema::new(fields))
    }
}
