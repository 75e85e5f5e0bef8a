//! The tables that an index can follow: local files by their configured names, the desk's own tables as they were masked, and
//! what other indexes write back. Owns how a cell of any of them becomes JSON.

use std::path::PathBuf;

use arrow::datatypes::DataType;
use serde_json::{Map, Value};

use crate::collection::{Column, ColumnType, Primitive};
use crate::engine::Held;
use crate::error::{Error, Problem, Result};
use crate::index::json_cell;
use crate::table::untyped::{self, Untyped};

/// Where the rows of a table are.
pub(super) enum Place {
    /// A file or folder.
    Files(PathBuf),
    /// An index of a generation of the desk.
    Desk(Held, String),
}

/// A table that was read.
pub(super) struct Source {
    /// Its name.
    pub(super) name: String,
    /// Its columns, in their order.
    pub(super) columns: Vec<Column>,
    /// What tells it from the same table after a change.
    pub(super) state: String,
    rows: Rows,
}

enum Rows {
    Files(Untyped),
    Desk(Held, String),
}

impl Place {
    /// What tells the table from itself after a change.
    pub(super) fn state(&self) -> Result<String> {
        match self {
            Self::Files(path) => untyped::state(path),
            Self::Desk(held, index) => {
                let hidden = held.snapshot().index(index)?.hidden_rows();
                Ok(format!("{} without {hidden} rows", held.snapshot().generation().name))
            }
        }
    }

    /// Reads the table.
    ///
    /// # Errors
    /// [`Error::Line`] with file, line and column; [`Error::Input`].
    pub(super) fn read(self, name: &str) -> Result<Source> {
        // A change while it is read shows as one after it.
        let state = self.state()?;
        let (columns, rows) = match self {
            Self::Files(path) => {
                let table = untyped::read(&path)?;
                let fields = table.schema.fields().iter();
                let columns = fields.filter_map(|field| column(field.name(), field.data_type())).collect();
                (columns, Rows::Files(table))
            }
            Self::Desk(held, index) => {
                let types = held.snapshot().index(&index)?.column_types();
                let columns = types.iter().filter_map(|(name, kind)| column(name, kind)).collect();
                (columns, Rows::Desk(held, index))
            }
        };
        Ok(Source { name: name.to_owned(), columns, state, rows })
    }
}

impl Source {
    /// The type of a column.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`].
    pub(super) fn kind(&self, name: &str) -> Result<ColumnType> {
        let found = self.columns.iter().find(|column| column.name == name);
        found.map(|column| column.kind).ok_or_else(|| Error::UnknownColumn {
            column: name.to_owned(),
            known: self.columns.iter().map(|column| column.name.clone()).collect(),
        })
    }

    /// Shows each row with its line, those of these columns that are not null.
    ///
    /// # Errors
    /// Those of `visit`; [`Error::Corrupt`] for an index of the desk.
    pub(super) fn visit(
        &self,
        columns: &[String],
        visit: &mut dyn FnMut(u64, Map<String, Value>) -> Result<()>,
    ) -> Result<()> {
        match &self.rows {
            Rows::Files(table) => {
                let mut at = 0;
                for batch in &table.batches {
                    for row in 0..batch.num_rows() {
                        let cell = |name: &String| {
                            let value = json_cell(batch.column_by_name(name)?, row);
                            (!value.is_null()).then(|| (name.clone(), value))
                        };
                        visit(table.line(at), columns.iter().filter_map(cell).collect())?;
                        at += 1;
                    }
                }
            }
            Rows::Desk(held, index) => {
                let index = held.snapshot().index(index)?;
                for (row, _) in index.text_values(&index.manifest().key)? {
                    let cells = index.cells(row, columns)?;
                    visit(u64::from(row) + 1, cells.into_iter().filter(|(_, value)| !value.is_null()).collect())?;
                }
            }
        }
        Ok(())
    }

    /// That a row is not as it should be.
    pub(super) fn fault(&self, line: Option<u64>, column: Option<&str>, message: String) -> Error {
        let file = match &self.rows {
            Rows::Files(table) => table.path.clone(),
            Rows::Desk(..) => PathBuf::from(&self.name),
        };
        Error::Line(Problem { file, line, column: column.map(str::to_owned), value: None, message })
    }
}

/// A column of the catalogue; `None` for a type that it has not.
pub(super) fn column(name: &str, kind: &DataType) -> Option<Column> {
    let kind = match kind {
        DataType::List(item) => ColumnType::Array(primitive(item.data_type())?),
        other => ColumnType::One(primitive(other)?),
    };
    Some(Column { name: name.to_owned(), kind })
}

fn primitive(kind: &DataType) -> Option<Primitive> {
    Some(match kind {
        DataType::Int8 => Primitive::Tinyint,
        DataType::Int16 => Primitive::Smallint,
        DataType::Int32 => Primitive::Int,
        DataType::Int64 => Primitive::Bigint,
        DataType::Float32 => Primitive::Float,
        DataType::Float64 => Primitive::Double,
        DataType::Boolean => Primitive::Boolean,
        DataType::Utf8 => Primitive::String,
        DataType::Date32 => Primitive::Date,
        DataType::Timestamp(..) => Primitive::Timestamp,
        _ => return None,
    })
}
