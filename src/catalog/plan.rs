//! What an index will be, before anything is made: its spec checked and written out, the columns that it keeps.

use std::collections::BTreeMap;

use super::models::Models;
use super::record::{DeltaSync, DirectAccess, EndpointKind, Pipeline, Spec, Subtype, VectorSpec, vector_column_of};
use super::source::Source;
use crate::collection::{Column, ColumnType, MAX_DIMENSION, Primitive, Schema, VectorColumn};
use crate::embed::ModelIdentity;
use crate::error::{Error, Result};

/// How many columns the service keeps of a row; a strict catalogue refuses more.
const MOST_COLUMNS: usize = 50;

/// An index that is to be made.
#[derive(Debug, Clone)]
pub struct NewIndex {
    /// `catalog.schema.index`.
    pub name: String,
    /// The endpoint that it will be on.
    pub endpoint: String,
    /// The column that names a row.
    pub primary_key: String,
    /// What can be asked of it.
    pub subtype: Subtype,
    /// Where its rows come from. Types of columns may have any of their names.
    pub spec: Spec,
    /// Who makes it.
    pub creator: String,
    /// Kept and given back.
    pub usage_policy: Option<String>,
    /// Whether questions are written to a file.
    pub payload_logging: bool,
}

/// The index as it will be.
pub(super) struct Plan {
    /// With every list written out and every type by its one name.
    pub(super) spec: Spec,
    pub(super) schema: Schema,
    /// The model that makes vectors here.
    pub(super) model: Option<ModelIdentity>,
}

/// By which rules a spec is checked.
pub(super) struct Rules<'a> {
    pub(super) kind: EndpointKind,
    pub(super) strict: bool,
    pub(super) models: &'a Models,
}

impl Rules<'_> {
    /// Checks an index that follows `source`, or is written to.
    ///
    /// # Errors
    /// [`Error::Argument`], [`Error::UnknownColumn`], [`Error::NotThere`] for a model.
    pub(super) fn plan(&self, new: &NewIndex, source: Option<&Source>) -> Result<Plan> {
        let is_large = self.kind == EndpointKind::StorageOptimized;
        if self.strict && new.subtype == Subtype::FullText && !is_large {
            return Err(Error::argument("index_subtype", "a FULL_TEXT index is on a STORAGE_OPTIMIZED endpoint"));
        }
        let (plan, field) = match (&new.spec, source) {
            (Spec::DeltaSync(spec), Some(source)) => (self.following(new, spec, source)?, "columns_to_sync"),
            (Spec::DirectAccess(spec), _) => (self.written(new, spec)?, "schema_json"),
            (Spec::DeltaSync(_), None) => {
                return Err(Error::internal("planning an index", "its source was not read"));
            }
        };
        let n_columns = plan.schema.names().len();
        if self.strict && n_columns > MOST_COLUMNS {
            return Err(Error::argument(field, format!("{n_columns} columns; an index has at most {MOST_COLUMNS}")));
        }
        Ok(plan)
    }

    fn following(&self, new: &NewIndex, spec: &DeltaSync, source: &Source) -> Result<Plan> {
        let is_large = self.kind == EndpointKind::StorageOptimized;
        if is_large && spec.pipeline == Pipeline::Continuous {
            return Err(Error::argument("pipeline_type", "on a STORAGE_OPTIMIZED endpoint it is TRIGGERED"));
        }
        if self.strict && is_large && spec.columns.is_some() {
            return Err(Error::argument("columns_to_sync", "on a STORAGE_OPTIMIZED endpoint all columns are kept"));
        }
        let text = spec.embedded.as_ref().and_then(|embedded| embedded.column.as_ref());
        match (new.subtype, &spec.embedded, &spec.vector) {
            (Subtype::FullText, None, None) | (Subtype::Hybrid, Some(_), None) | (Subtype::Hybrid, None, Some(_)) => {}
            (Subtype::FullText, ..) => return Err(full_text_has_none()),
            (Subtype::Hybrid, None, None) => {
                let message = "give one, or `embedding_vector_columns`; an index of words alone is a FULL_TEXT one";
                return Err(Error::argument("embedding_source_columns", message));
            }
            (Subtype::Hybrid, Some(_), Some(_)) => {
                let message = "give it or `embedding_source_columns`, not both";
                return Err(Error::argument("embedding_vector_columns", message));
            }
        }
        let vector = match (text, &spec.vector) {
            (Some(text), _) => {
                if source.kind(text)? != ColumnType::One(Primitive::String) {
                    return Err(Error::argument("embedding_source_columns", format!("`{text}` is not a text column")));
                }
                None
            }
            (None, Some(vector)) => {
                self.check_dimension(vector)?;
                check_vector_type(&vector.name, source.kind(&vector.name)?)?;
                Some(vector.name.as_str())
            }
            (None, None) => None,
        };

        source.kind(&new.primary_key)?;
        let mut kept = spec.columns.clone().filter(|columns| !columns.is_empty());
        if let Some(kept) = &mut kept {
            kept.iter().try_for_each(|name| source.kind(name).map(|_| ()))?;
            for always in [Some(new.primary_key.as_str()), text.map(String::as_str), vector].into_iter().flatten() {
                if !kept.iter().any(|name| name == always) {
                    kept.push(always.to_owned());
                }
            }
        }
        let is_kept = |name: &str| kept.as_ref().is_none_or(|kept| kept.iter().any(|own| own == name));
        let columns = source.columns.iter().filter(|column| is_kept(&column.name) && vector != Some(&column.name));
        let columns: Vec<Column> = columns.cloned().collect();

        let model = spec.embedded.as_ref().map(|embedded| self.identity(&embedded.model)).transpose()?;
        if let (Some(embedded), Some(model)) = (&spec.embedded, &model) {
            self.check_same_dimension(embedded.for_queries(), model.dimension)?;
        }
        let vectors = match (text, &model, &spec.vector) {
            (Some(text), Some(model), _) => {
                Some(VectorColumn { name: vector_column_of(text), dimension: model.dimension })
            }
            (_, _, Some(vector)) => Some(VectorColumn { name: vector.name.clone(), dimension: vector.dimension }),
            _ => None,
        };
        let schema = Schema::new(new.primary_key.clone(), columns, vectors)?;
        Ok(Plan { spec: Spec::DeltaSync(DeltaSync { columns: kept, ..spec.clone() }), schema, model })
    }

    fn written(&self, new: &NewIndex, spec: &DirectAccess) -> Result<Plan> {
        match (new.subtype, &spec.vector) {
            (Subtype::Hybrid, None) => {
                return Err(Error::argument("embedding_vector_columns", "a DIRECT_ACCESS index needs one"));
            }
            (Subtype::FullText, Some(_)) => return Err(full_text_has_none()),
            _ => {}
        }
        let mut types = BTreeMap::new();
        let mut columns = Vec::new();
        let is_vector = |name: &str| spec.vector.as_ref().is_some_and(|vector| vector.name == name);
        for (name, given) in &spec.columns {
            let kind = ColumnType::parse(given).ok_or_else(|| {
                Error::argument("schema_json", format!("column `{name}` has type `{given}`, which is none of {TYPES}"))
            })?;
            types.insert(name.clone(), kind.name());
            if is_vector(name) {
                check_vector_type(name, kind)?;
            } else {
                columns.push(Column { name: name.clone(), kind });
            }
        }
        if let Some(vector) = &spec.vector {
            self.check_dimension(vector)?;
            if !types.contains_key(&vector.name) {
                let message = format!("it has no column `{}`, which holds the vectors", vector.name);
                return Err(Error::argument("schema_json", message));
            }
        }
        if let (Some(embedded), Some(vector)) = (&spec.model, &spec.vector) {
            self.check_same_dimension(embedded.for_queries(), vector.dimension)?;
        }
        let vectors =
            spec.vector.as_ref().map(|vector| VectorColumn { name: vector.name.clone(), dimension: vector.dimension });
        let schema = Schema::new(new.primary_key.clone(), columns, vectors)?;
        let spec = DirectAccess { columns: types, ..spec.clone() };
        Ok(Plan { spec: Spec::DirectAccess(spec), schema, model: None })
    }

    fn identity(&self, model: &str) -> Result<ModelIdentity> {
        Ok(self.models.get(model)?.identity().clone())
    }

    fn check_same_dimension(&self, model: &str, dimension: usize) -> Result<()> {
        let own = self.identity(model)?.dimension;
        if own == dimension {
            return Ok(());
        }
        let message =
            format!("model `{model}` makes vectors of {own} numbers, and those of the index have {dimension}");
        Err(Error::argument("embedding_model_endpoint_name", message))
    }

    fn check_dimension(&self, vector: &VectorSpec) -> Result<()> {
        let VectorSpec { name, dimension } = vector;
        if !(1..=MAX_DIMENSION).contains(dimension) {
            let message = format!("{dimension} of `{name}` is not between 1 and {MAX_DIMENSION}");
            return Err(Error::argument("embedding_dimension", message));
        }
        if self.strict && self.kind == EndpointKind::StorageOptimized && !dimension.is_multiple_of(16) {
            let message = format!("{dimension} of `{name}` is no multiple of 16");
            return Err(Error::argument("embedding_dimension", message));
        }
        Ok(())
    }
}

const TYPES: &str =
    "integer, long, short, byte, float, double, boolean, string, date, timestamp, and array<…> of these";

fn check_vector_type(name: &str, kind: ColumnType) -> Result<()> {
    match kind {
        ColumnType::Array(Primitive::Float | Primitive::Double) => Ok(()),
        other => {
            let message = format!("`{name}` holds {}, not array<float>", other.name());
            Err(Error::argument("embedding_vector_columns", message))
        }
    }
}

fn full_text_has_none() -> Error {
    Error::argument("index_subtype", "a FULL_TEXT index has no embedding columns; leave them out")
}
