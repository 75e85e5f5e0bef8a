//! Rows with equal vectors as one point, and lists laid end to end. Knows neither graph nor codes.
//!
//! A desk has many equal texts: a crowd of equal points would fill each other's links, and be scored again and again.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, Hasher};

use super::map::Matrix;
use crate::rank::Row;

/// Distinct vectors in the order of their first rows, and the rows that have each, ascending.
pub(super) struct Points<'a> {
    pub(super) vectors: Vec<&'a [f32]>,
    starts: Vec<u32>,
    rows: Vec<Row>,
}

/// A vector with its hash, so that a table that grows need not read the vectors again: they lie in a file.
#[derive(PartialEq, Eq)]
struct Seen<'a> {
    // Compared first.
    hash: u64,
    bytes: &'a [u8],
}

impl Hash for Seen<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<'a> Points<'a> {
    pub(super) fn of(all: &'a Matrix) -> Self {
        let mut vectors: Vec<&[f32]> = Vec::new();
        let mut counts: Vec<u32> = Vec::new();
        let mut seen: HashMap<Seen<'_>, u32> = HashMap::new();
        let mut points: Vec<u32> = Vec::with_capacity(all.rows());
        for row in 0..all.rows() as Row {
            let vector = all.row(row);
            let bytes: &[u8] = bytemuck::cast_slice(vector);
            let hash = seen.hasher().hash_one(bytes);
            let point = *seen.entry(Seen { hash, bytes }).or_insert_with(|| {
                vectors.push(vector);
                counts.push(0);
                vectors.len() as u32 - 1
            });
            counts[point as usize] += 1;
            points.push(point);
        }
        drop(seen);
        let starts = starts(counts.iter().map(|&count| count as usize));
        let mut next = starts.clone();
        let mut rows = vec![0; points.len()];
        for (row, point) in points.into_iter().enumerate() {
            let place = &mut next[point as usize];
            rows[*place as usize] = row as Row;
            *place += 1;
        }
        Self { vectors, starts, rows }
    }

    /// The rows of each point.
    pub(super) fn rows(&self) -> Lists<'_> {
        Lists { starts: &self.starts, items: &self.rows }
    }
}

/// Where each list of these lengths begins when all are laid end to end, and where the last one ends.
pub(super) fn starts(lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut end = 0;
    let ends = lengths.map(|length| {
        end += length as u32;
        end
    });
    std::iter::once(0).chain(ends).collect()
}

/// Lists laid end to end, one a point.
#[derive(Clone, Copy, Default)]
pub(super) struct Lists<'a> {
    pub(super) starts: &'a [u32],
    pub(super) items: &'a [u32],
}

impl<'a> Lists<'a> {
    /// The list of a point. Empty where starts are out of order: what a damaged file says is found by checksums and by
    /// `verify`; a query must merely survive it.
    pub(super) fn of(&self, point: u32) -> &'a [u32] {
        let (start, end) = (self.starts[point as usize] as usize, self.starts[point as usize + 1] as usize);
        self.items.get(start..end).unwrap_or(&[])
    }

    /// Whether every item is in exactly one list.
    pub(super) fn lie_end_to_end(&self) -> bool {
        self.starts.first() == Some(&0)
            && self.starts.is_sorted()
            && self.starts.last().is_some_and(|&end| end as usize == self.items.len())
    }

    /// What is wrong with these lists as the rows of each point, if anything is. A point may have none.
    pub(super) fn fault_as_rows(&self, vectors: &Matrix) -> Option<String> {
        if !self.lie_end_to_end() {
            return Some("the row lists do not lie end to end".to_owned());
        }
        let mut listed = self.items.to_vec();
        listed.sort_unstable();
        if !listed.iter().copied().eq(0..vectors.rows() as Row) {
            return Some("not every row belongs to exactly one point".to_owned());
        }
        (0..self.starts.len() as u32 - 1).find_map(|point| {
            let (&first, others) = self.of(point).split_first()?;
            let other = others.iter().find(|&&other| vectors.row(other) != vectors.row(first))?;
            Some(format!("rows {first} and {other} share a point and not a vector"))
        })
    }
}
