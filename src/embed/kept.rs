//! Vectors that lie in a file and are mapped, found by their texts; and sums of them, each made when it is asked for. However
//! many there are, memory holds a hash and a number of each text, and no text and no vector.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use memmap2::Mmap;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Vector;
use crate::error::{Error, Result};

pub(super) const HASH_BYTES: usize = 16;

/// Of so many things one core makes the rows at a time: see [`Blends::of_each`].
const THINGS_AT_ONCE: usize = 1_024;

/// Half a SHA-256 of a text: two texts of one hash are less likely than a broken machine.
pub(super) type TextHash = [u8; HASH_BYTES];

/// The number of each text's record.
pub(super) type Records = HashMap<TextHash, u32>;

/// Where in a file of records the vectors are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Bytes before the first record.
    pub(super) header: usize,
    /// Bytes of a record.
    pub(super) record: usize,
    /// Numbers of a vector.
    pub(super) dimension: usize,
}

/// The vectors of the texts that were asked for.
#[derive(Debug)]
pub struct KeptVectors {
    map: Mmap,
    layout: Layout,
    records: Records,
    reused: usize,
}

impl KeptVectors {
    pub(super) const fn new(map: Mmap, layout: Layout, records: Records, reused: usize) -> Self {
        Self { map, layout, records, reused }
    }

    /// How many different texts have a vector.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no text has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many numbers a vector has.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.layout.dimension
    }

    /// How many of the vectors had been made before.
    #[must_use]
    pub const fn reused(&self) -> usize {
        self.reused
    }

    /// The vector of a text, of unit length.
    ///
    /// # Panics
    /// For a text that was not asked for: a bug of the caller.
    #[must_use]
    pub fn of(&self, text: &str) -> &[f32] {
        self.at(self.records[&hash(text)])
    }

    fn at(&self, record: u32) -> &[f32] {
        let start = self.layout.header + record as usize * self.layout.record + HASH_BYTES;
        // Header and records are whole numbers of four bytes, and a mapping begins at a page.
        bytemuck::cast_slice(&self.map[start..start + self.layout.dimension * size_of::<f32>()])
    }
}

/// Vectors that are sums of kept ones, one a row: eight bytes a part, and not the vector.
#[derive(Debug, Clone)]
pub struct Blends {
    kept: Arc<KeptVectors>,
    /// A record and what it weighs.
    parts: Vec<(u32, f32)>,
    /// Where the parts of each row end.
    ends: Vec<usize>,
}

impl Blends {
    /// No row yet.
    #[must_use]
    pub const fn new(kept: Arc<KeptVectors>) -> Self {
        Self { kept, parts: Vec::new(), ends: Vec::new() }
    }

    /// Adds a row: texts and what each weighs.
    ///
    /// # Errors
    /// [`Error::Internal`] where the sum has no direction.
    ///
    /// # Panics
    /// For a text of which no vector is kept.
    pub fn push<'a>(&mut self, parts: impl Iterator<Item = (&'a str, f32)>) -> Result<()> {
        let start = self.parts.len();
        self.parts.extend(parts.map(|(text, weight)| (self.kept.records[&hash(text)], weight)));
        self.sum(&self.parts[start..]).ok_or_else(|| Error::internal("adding up vectors", "they have no sum"))?;
        self.ends.push(self.parts.len());
        Ok(())
    }

    /// The rows that `push` adds for each of some things, in their order: made by all cores.
    ///
    /// # Errors
    /// Those of `push`.
    pub fn of_each<T: Sync>(
        kept: &Arc<KeptVectors>,
        things: &[T],
        push: impl Fn(&mut Self, &T) -> Result<()> + Sync,
    ) -> Result<Self> {
        let of_some = |some: &[T]| {
            let mut blends = Self::new(Arc::clone(kept));
            some.iter().try_for_each(|thing| push(&mut blends, thing)).map(|()| blends)
        };
        let mut all = Self::new(Arc::clone(kept));
        for some in things.chunks(THINGS_AT_ONCE * rayon::current_num_threads()) {
            for blends in some.par_chunks(THINGS_AT_ONCE).map(of_some).collect::<Vec<_>>() {
                let Self { parts, ends, .. } = blends?;
                all.ends.extend(ends.iter().map(|end| all.parts.len() + end));
                all.parts.extend(parts);
            }
        }
        Ok(all)
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The vector of a row, of unit length.
    #[must_use]
    pub fn of(&self, row: usize) -> Cow<'_, [f32]> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        match &self.parts[start..self.ends[row]] {
            [(record, weight)] if *weight == 1.0 => Cow::Borrowed(self.kept.at(*record)),
            // It had a direction when it was added.
            parts => Cow::Owned(self.sum(parts).map_or_else(Vec::new, Vector::into_numbers)),
        }
    }

    fn sum(&self, parts: &[(u32, f32)]) -> Option<Vector> {
        Vector::weighted_sum(parts.iter().map(|&(record, weight)| (self.kept.at(record), weight)))
    }
}

/// One vector a row: held in memory, or made when it is asked for.
#[derive(Debug, Clone, Copy)]
pub enum RowVectors<'a> {
    /// As they are.
    Held(&'a [Vector]),
    /// As sums.
    Blended(&'a Blends),
    /// Some rows of others, in this order.
    Picked(&'a RowVectors<'a>, &'a [usize]),
}

impl RowVectors<'_> {
    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Held(vectors) => vectors.len(),
            Self::Blended(blends) => blends.len(),
            Self::Picked(_, rows) => rows.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The vector of a row, of unit length.
    #[must_use]
    pub fn of(&self, row: usize) -> Cow<'_, [f32]> {
        match self {
            Self::Held(vectors) => Cow::Borrowed(vectors[row].as_ref()),
            Self::Blended(blends) => blends.of(row),
            Self::Picked(others, rows) => others.of(rows[row]),
        }
    }

    /// The vectors in the order of the rows.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, [f32]>> {
        (0..self.len()).map(|row| self.of(row))
    }
}

impl<'a> From<&'a [Vector]> for RowVectors<'a> {
    fn from(vectors: &'a [Vector]) -> Self {
        Self::Held(vectors)
    }
}

impl<'a> From<&'a Vec<Vector>> for RowVectors<'a> {
    fn from(vectors: &'a Vec<Vector>) -> Self {
        Self::Held(vectors)
    }
}

impl<'a> From<&'a Blends> for RowVectors<'a> {
    fn from(blends: &'a Blends) -> Self {
        Self::Blended(blends)
    }
}

pub(super) fn hash(text: &str) -> TextHash {
    first_bytes(&Sha256::digest(text))
}

pub(super) fn first_bytes<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&digest[..N]);
    bytes
}
