//! What columns a collection has, and what a row's values must be. Knows no file.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest dimension of a vector column.
pub const MAX_DIMENSION: usize = 4_096;

/// A type of single values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// Whole numbers of 8 bits.
    Tinyint,
    /// Whole numbers of 16 bits.
    Smallint,
    /// Whole numbers of 32 bits.
    Int,
    /// Whole numbers of 64 bits.
    Bigint,
    /// Numbers of single precision.
    Float,
    /// Numbers of double precision.
    Double,
    /// TRUE and FALSE.
    Boolean,
    /// Text.
    String,
    /// Days.
    Date,
    /// Moments, in microseconds since 1970 UTC.
    Timestamp,
}

const NAMES: [(&str, Primitive); 14] = [
    // The first name of a type is the one that is written.
    ("tinyint", Primitive::Tinyint),
    ("byte", Primitive::Tinyint),
    ("smallint", Primitive::Smallint),
    ("short", Primitive::Smallint),
    ("int", Primitive::Int),
    ("integer", Primitive::Int),
    ("bigint", Primitive::Bigint),
    ("long", Primitive::Bigint),
    ("float", Primitive::Float),
    ("double", Primitive::Double),
    ("boolean", Primitive::Boolean),
    ("string", Primitive::String),
    ("date", Primitive::Date),
    ("timestamp", Primitive::Timestamp),
];

impl Primitive {
    fn parse(name: &str) -> Option<Self> {
        NAMES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim())).map(|(_, kind)| kind)
    }

    /// Its name, such as `bigint`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// The smallest and the largest whole number that fits; `None` for what holds no whole numbers.
    pub(super) const fn range(self) -> Option<(i64, i64)> {
        match self {
            Self::Tinyint => Some((i8::MIN as i64, i8::MAX as i64)),
            Self::Smallint => Some((i16::MIN as i64, i16::MAX as i64)),
            Self::Int => Some((i32::MIN as i64, i32::MAX as i64)),
            Self::Bigint => Some((i64::MIN, i64::MAX)),
            Self::Float | Self::Double | Self::Boolean | Self::String | Self::Date | Self::Timestamp => None,
        }
    }

    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::Tinyint => DataType::Int8,
            Self::Smallint => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::Bigint => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::String => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// One value a row.
    One(Primitive),
    /// A list of values a row.
    Array(Primitive),
}

impl ColumnType {
    /// Reads a type as Spark writes it, such as `long` or `array<float>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let inside =
            text.get(..6).filter(|head| head.eq_ignore_ascii_case("array<")).and_then(|_| text.strip_suffix('>'));
        match inside {
            Some(array) => Primitive::parse(&array[6..]).map(Self::Array),
            None => Primitive::parse(text).map(Self::One),
        }
    }

    /// Its name, such as `bigint` or `array<float>`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::One(kind) => kind.name().to_owned(),
            Self::Array(kind) => format!("array<{}>", kind.name()),
        }
    }

    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::One(kind) => kind.arrow(),
            Self::Array(kind) => DataType::List(Field::new_list_field(kind.arrow(), true).into()),
        }
    }
}

/// A column of single values or of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name; no blank at either end.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
}

/// The column with each row's vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorColumn {
    /// Its name.
    pub name: String,
    /// How many numbers a vector has, 1 to [`MAX_DIMENSION`].
    pub dimension: usize,
}

/// The columns of a collection: a primary key, others, and perhaps a vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Schema {
    key: String,
    columns: Vec<Column>,
    vector: Option<VectorColumn>,
}

/// A schema as it is kept: a pair of name and type a column.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: String,
    columns: Vec<(String, String)>,
    vector: Option<VectorColumn>,
}

impl TryFrom<Written> for Schema {
    type Error = String;

    fn try_from(written: Written) -> std::result::Result<Self, String> {
        let column = |(name, kind): (String, String)| match ColumnType::parse(&kind) {
            Some(kind) => Ok(Column { name, kind }),
            None => Err(format!("column `{name}` has the unknown type `{kind}`")),
        };
        let columns = written.columns.into_iter().map(column).collect::<std::result::Result<_, _>>()?;
        Self::new(written.key, columns, written.vector).map_err(|error| error.to_string())
    }
}

impl From<Schema> for Written {
    fn from(schema: Schema) -> Self {
        let columns = schema.columns.into_iter().map(|column| (column.name, column.kind.name())).collect();
        Self { key: schema.key, columns, vector: schema.vector }
    }
}

impl Schema {
    /// Columns of which one is the primary key; the vector's is not among them.
    ///
    /// # Errors
    /// [`Error::Argument`] for a key that is not a column of texts or whole numbers, a name that is empty or there twice, a
    /// dimension out of range.
    pub fn new(key: String, columns: Vec<Column>, vector: Option<VectorColumn>) -> Result<Self> {
        let refuse = |message: String| Err(Error::argument("schema", message));
        let mut seen = BTreeSet::new();
        let names = columns.iter().map(|column| &column.name).chain(vector.as_ref().map(|vector| &vector.name));
        for name in names {
            if name.is_empty() || name.trim() != name {
                return refuse(format!("`{name}` is no name of a column"));
            }
            if !seen.insert(name) {
                return refuse(format!("there are two columns `{name}`"));
            }
        }
        match columns.iter().find(|column| column.name == key).map(|column| column.kind) {
            Some(ColumnType::One(kind)) if kind == Primitive::String || kind.range().is_some() => {}
            Some(kind) => {
                return refuse(format!(
                    "the primary key `{key}` is {}; it can be a string or a whole number",
                    kind.name()
                ));
            }
            None => return refuse(format!("the primary key `{key}` is not among the columns")),
        }
        if let Some(VectorColumn { name, dimension }) = &vector
            && !(1..=MAX_DIMENSION).contains(dimension)
        {
            return refuse(format!("`{name}` has dimension {dimension}, which is not within 1 to {MAX_DIMENSION}"));
        }
        Ok(Self { key, columns, vector })
    }

    /// The name of the primary key's column.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The columns without the vector's, in their order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The vector's column.
    #[must_use]
    pub const fn vector(&self) -> Option<&VectorColumn> {
        self.vector.as_ref()
    }

    /// The names of all columns, the vector's last.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let columns = self.columns.iter().map(|column| column.name.as_str());
        columns.chain(self.vector.iter().map(|vector| vector.name.as_str())).collect()
    }

    /// The names of the columns of texts, in their order: those that words are searched in.
    #[must_use]
    pub fn text_columns(&self) -> Vec<&str> {
        let texts = self.columns.iter().filter(|column| column.kind == ColumnType::One(Primitive::String));
        texts.map(|column| column.name.as_str()).collect()
    }

    /// Whether the key is a whole number, and its type.
    pub(super) fn key_kind(&self) -> Primitive {
        match self.columns.iter().find(|column| column.name == self.key).map(|column| column.kind) {
            Some(ColumnType::One(kind)) => kind,
            Some(ColumnType::Array(_)) | None => Primitive::String,
        }
    }

    pub(super) fn arrow(&self) -> arrow::datatypes::Schema {
        let fields = self.columns.iter().map(|column| Field::new(&column.name, column.kind.arrow(), true));
        arrow::datatypes::Schema::new(fields.collect::<Vec<_>>())
    }

    pub(super) fn unknown(&self, column: &str) -> Error {
        let known = self.names().into_iter().map(str::to_owned).collect();
        Error::UnknownColumn { column: column.to_owned(), known }
    }
}
