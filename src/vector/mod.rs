//! The k nearest rows to a vector, under a mask: those of the greatest dot products, which of unit vectors are the cosines.
//! Knows no document, no text and no model.
//!
//! An index is written whole into a folder by [`build`] and never changed; [`open`] maps its files. Three kinds answer the
//! same question: [`Kind::Flat`] looks at each row and is exact; [`Kind::Codes`] scans codes of one bit a number, which bound
//! every score, and looks at the rows that they leave; [`Kind::Hnsw`] walks a graph and sees a small part of the rows. The
//! last two now and then miss a row. The flat kind judges them in the tests.
//!
//! The same files always give the same answer, on any machine and with any number of threads: sums run in a fixed order
//! and ties fall to the lower row. Building twice need not give the same graph; see [`HnswParams::serial_points`].

#[cfg(target_endian = "big")]
compile_error!("the files of an index are little-endian and are mapped as they are");

mod axes;
mod beam;
mod bits;
mod calibrate;
mod codes;
mod dot;
mod flat;
mod graph;
mod hnsw;
mod kernel;
mod key;
mod map;
mod nearest;
mod partition;
mod points;
mod quantize;
mod refine;
mod repair;
mod scan;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::codes::CodesIndex;
pub(crate) use self::dot::{distance_squared, dot, products_into};
use self::flat::FlatIndex;
use self::graph::HnswIndex;
pub use self::hnsw::HnswParams;
use self::map::{Matrix, RunWriter};
use crate::error::{Error, Result};
use crate::rank::{Row, RowSet, Scored};

/// Rows × dimension numbers, `f32`, little-endian: every row's own vector, whatever the kind.
const VECTORS_FILE: &str = "vectors.f32";

/// An index that is open for questions.
pub trait VectorIndex: Send + Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// How many numbers a vector has.
    fn dimension(&self) -> usize;

    /// The vector of a row. A row that is not there is a bug of the caller and panics.
    fn vector(&self, row: Row) -> &[f32];

    /// The nearest rows by dot product, best first in the order of [`crate::rank::by_rank`]. To a [`Kind::Hnsw`] index `query`
    /// has unit length, as all of its vectors have.
    ///
    /// There are always exactly min(`k`, rows that are eligible) of them. A query of another dimension, or a set of
    /// another index's rows, is a bug of the caller and panics.
    fn search(&self, query: &[f32], k: usize, eligible: Option<&RowSet>) -> Vec<Scored>;
}

/// How the nearest rows are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Flat or codes, by what a question costs; chosen when the index is built, and never what an index on disk is.
    #[default]
    Auto,
    /// Every row is looked at.
    Flat,
    /// One-bit codes are scanned, and what they leave is looked at.
    Codes,
    /// A graph is walked.
    Hnsw,
}

impl Kind {
    /// The word in configurations and manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Flat => "flat",
            Self::Codes => "codes",
            Self::Hnsw => "hnsw",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        let kinds = [Self::Auto, Self::Flat, Self::Codes, Self::Hnsw];
        let named = kinds.into_iter().find(|kind| kind.as_str() == word);
        named.ok_or_else(|| "it is `auto`, `flat`, `codes` or `hnsw`".to_owned())
    }
}

/// How to build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VectorParams {
    /// Which kind.
    pub kind: Kind,
    /// [`Kind::Auto`] is [`Kind::Flat`] while that takes less than so many milliseconds for a question, on one core of the
    /// machine where it was measured.
    pub flat_ms: f64,
    /// The share of the nearest rows that [`Kind::Codes`] is to find, within 0 to 1; measured when it is built.
    pub recall: f64,
    /// The graph.
    pub hnsw: HnswParams,
}

impl Default for VectorParams {
    fn default() -> Self {
        Self { kind: Kind::Auto, flat_ms: 2.0, recall: 0.995, hnsw: HnswParams::default() }
    }
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildReport {
    /// The kind, chosen where [`Kind::Auto`] was asked for; what [`open`] wants to know.
    pub kind: Kind,
    /// Why this kind, in words.
    pub why: String,
    /// How many rows there are.
    pub rows: usize,
    /// How many points the codes or the graph have: rows with equal vectors share one. 0 for a flat index.
    pub points: usize,
    /// How many links the graph has.
    pub links: usize,
    /// How many points no walk could reach until a link to them was added.
    pub unreachable_repaired: usize,
}

/// Writes an index of `vectors` into `folder`, which exists; row `n` is vector `n`. They are written as they come, and looked
/// at again in the file: however many there are, none is held in memory.
///
/// Files are not synced to the disk: whoever publishes the folder does.
///
/// # Errors
/// [`Error::Argument`] for a vector of another dimension or a parameter out of range, [`Error::Io`] when writing fails.
pub fn build(
    folder: &Path,
    vectors: impl IntoIterator<Item = impl AsRef<[f32]>>,
    dimension: usize,
    params: &VectorParams,
) -> Result<BuildReport> {
    build_for(folder, vectors, dimension, params, &<[f32]>::to_vec)
}

/// What a vector would be as a query, for measuring what queries find.
pub(crate) type AsQuery<'a> = &'a (dyn Fn(&[f32]) -> Vec<f32> + Sync);

/// [`build`] for queries that are not like the vectors.
pub(crate) fn build_for(
    folder: &Path,
    vectors: impl IntoIterator<Item = impl AsRef<[f32]>>,
    dimension: usize,
    params: &VectorParams,
    as_query: AsQuery<'_>,
) -> Result<BuildReport> {
    if !(0.0..=1.0).contains(&params.recall) {
        return Err(Error::argument("recall", format!("{} is not within 0 to 1", params.recall)));
    }
    let path = folder.join(VECTORS_FILE);
    let rows = write_vectors(&path, vectors, dimension)?;
    let vectors = Matrix::open(&path, rows, dimension)?.at_random()?;
    let (kind, why) = choose(params, rows, dimension);
    let mut report = BuildReport { kind, why, rows, points: 0, links: 0, unreachable_repaired: 0 };
    match kind {
        Kind::Auto | Kind::Flat => {}
        Kind::Codes => codes::build(folder, &vectors, params, as_query, &mut report)?,
        Kind::Hnsw => graph::build(folder, &vectors, &params.hnsw, &mut report)?,
    }
    Ok(report)
}

/// Writes the file of vectors; their number comes back.
fn write_vectors(path: &Path, vectors: impl IntoIterator<Item = impl AsRef<[f32]>>, dimension: usize) -> Result<usize> {
    let mut file = RunWriter::create(path)?;
    let mut rows = 0_u32;
    for vector in vectors {
        let vector = vector.as_ref();
        if vector.len() != dimension {
            let message = format!("row {rows} has {} numbers, the index has {dimension}", vector.len());
            return Err(Error::argument("vectors", message));
        }
        file.write(vector)?;
        rows = rows
            .checked_add(1)
            .ok_or_else(|| Error::argument("vectors", format!("an index holds at most {} rows", u32::MAX)))?;
    }
    file.finish()?;
    Ok(rows as usize)
}

/// What a number of a vector costs a flat scan: 10 ms for 100,000 vectors of 384, which no cache holds
/// (`benches/vectors.rs`).
const FLAT_MS_PER_NUMBER: f64 = 2.6e-7;

/// The kind for so many rows, and why: where looking at all of them is fast, nothing is gained by looking at fewer.
///
/// Speed is counted, and not measured while building, so that the same rows make the same index. The graph is never chosen:
/// at equal recall it was slower than codes at every size that was measured.
fn choose(params: &VectorParams, n_rows: usize, dimension: usize) -> (Kind, String) {
    let ms = n_rows as f64 * dimension as f64 * FLAT_MS_PER_NUMBER;
    match params.kind {
        Kind::Auto if ms < params.flat_ms => {
            (Kind::Flat, format!("auto: an exact scan takes less than {} ms", params.flat_ms))
        }
        Kind::Auto => (Kind::Codes, format!("auto: an exact scan would take some {ms:.0} ms")),
        asked @ (Kind::Flat | Kind::Codes | Kind::Hnsw) => (asked, "as asked".to_owned()),
    }
}

/// Maps the index in `folder`, of a kind, number of rows and dimension that its manifest names.
///
/// Looks at sizes and headers, not at each byte: that is what [`verify`] is for.
///
/// # Errors
/// [`Error::Corrupt`] when a file does not have the size that follows from the arguments, [`Error::Io`] when one is
/// missing, [`Error::Argument`] for [`Kind::Auto`].
pub fn open(folder: &Path, kind: Kind, rows: usize, dimension: usize) -> Result<Box<dyn VectorIndex>> {
    let vectors = Matrix::open(&folder.join(VECTORS_FILE), rows, dimension)?;
    match kind {
        Kind::Auto => Err(Error::argument("kind", "an index on disk is `flat`, `codes` or `hnsw`")),
        Kind::Flat => Ok(Box::new(FlatIndex::new(vectors))),
        Kind::Codes => Ok(Box::new(CodesIndex::open(folder, vectors.at_random()?)?)),
        Kind::Hnsw => Ok(Box::new(HnswIndex::open(folder, vectors.at_random()?)?)),
    }
}

/// Reads every byte of the index in `folder`: vectors have unit length, each row belongs to one point, codes and factors are
/// those of the vectors, and of a graph the links lead to points that exist and a walk can reach every point.
///
/// # Errors
/// Those of [`open`], and [`Error::Corrupt`] for the first thing that does not hold.
pub fn verify(folder: &Path, kind: Kind, rows: usize, dimension: usize) -> Result<()> {
    open(folder, kind, rows, dimension)?;
    let path = folder.join(VECTORS_FILE);
    let vectors = Matrix::open(&path, rows, dimension)?;
    let is_off = |row: &usize| {
        let vector = vectors.row(*row as Row);
        // Rounding moves a length by 1e-7; a flipped bit that matters moves it by more than this.
        (dot::dot(vector, vector) - 1.0).abs() > 1e-4 || vector.iter().any(|x| !x.is_finite())
    };
    if let Some(row) = (0..rows).into_par_iter().find_first(is_off) {
        return Err(Error::corrupt(path, format!("the vector of row {row} is not of unit length")));
    }
    match kind {
        Kind::Auto | Kind::Flat => Ok(()),
        Kind::Codes => CodesIndex::open(folder, vectors)?.verify(folder),
        Kind::Hnsw => HnswIndex::open(folder, vectors)?.verify(folder),
    }
}
