//! The space that an index compares vectors in: without the mean of the vectors in each language, and with the directions
//! stretched that tell its labels apart. Knows no query.
//!
//! Vectors of a sentence model lie in a narrow cone, and each language in a cone of its own. Without the means, what is
//! left is what a text is about: neighbours are better, and a text in the other language can be one of them
//! (Mu, Viswanath: All-but-the-Top, ICLR 2018, take away one mean; Libovický, Rosa, Fraser: On the Language Neutrality of
//! Pre-trained Multilingual Representations, EMNLP 2020, one for each language). See `benches/README.md`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use arrow::array::{Array as _, StringArray};
use fs_err as fs;
use rayon::prelude::*;

use crate::discriminant::discriminant;
use crate::embed::{RowVectors, Vector};
use crate::error::{Error, Result};
use crate::vector::dot;

/// The file of a segment that holds its means: little-endian f32 numbers, one mean after another; none
/// without means.
pub(super) const MEANS_FILE: &str = "means.f32";
/// The file of a segment that holds its map, row by row, likewise; none without one.
pub(super) const MAP_FILE: &str = "map.f32";

/// How many rows' worth of weight what is known without them has in a mean: the origin in the mean of all rows, that in
/// the mean of one language. An index of a few rows is hardly moved.
const PRIOR_ROWS: f64 = 20.0;
/// Fewer rows with a label teach no map.
const FEWEST_LABELLED: usize = 100;
/// Of more rows with a label, so many, evenly spread, teach it.
const MOST_LABELLED: usize = 20_000;
/// Vectors of so many rows are summed by one core at a time; always the same, since the order of a sum shows in its last bits.
const SUMMED_AT_ONCE: usize = 4_096;
/// What is shorter, once the mean is taken away, has no direction of its own.
const LEAST_LENGTH: f64 = 1e-4;

/// How many vectors, and their sum.
type Sum = (f64, Vec<f64>);

/// Means of vectors, or none, and a linear map, or none. A vector belongs to the mean whose direction it is nearest to, so that a query needs no
/// language to be known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Space {
    means: Vec<Vec<f32>>,
    /// A square matrix, row by row, or nothing.
    map: Vec<f32>,
}

impl Space {
    /// The means of the vectors of each language, in the alphabet's order of the languages; rows without one belong to
    /// the mean of all, which stands alone where no row has a language.
    pub(super) fn of(vectors: RowVectors<'_>, languages: &StringArray) -> Self {
        if vectors.is_empty() {
            return Self::default();
        }
        let dimension = vectors.of(0).len();
        let none = || (0.0, vec![0.0; dimension]);
        let sums_of = |rows: Range<usize>| {
            let mut sums: BTreeMap<Option<&str>, Sum> = BTreeMap::new();
            for row in rows {
                let language = languages.is_valid(row).then(|| languages.value(row));
                let (count, sum) = sums.entry(language).or_insert_with(none);
                *count += 1.0;
                sum.iter_mut().zip(vectors.of(row).iter()).for_each(|(sum, &value)| *sum += f64::from(value));
            }
            sums
        };
        let starts = (0..vectors.len()).into_par_iter().step_by(SUMMED_AT_ONCE);
        let parts: Vec<BTreeMap<Option<&str>, Sum>> =
            starts.map(|start| sums_of(start..(start + SUMMED_AT_ONCE).min(vectors.len()))).collect();
        let (mut sums, mut all): (BTreeMap<&str, Sum>, Sum) = (BTreeMap::new(), none());
        let add = |(count, sum): &mut Sum, (more, of_more): &Sum| {
            *count += more;
            sum.iter_mut().zip(of_more).for_each(|(sum, more)| *sum += more);
        };
        for (language, part) in parts.iter().flatten() {
            add(&mut all, part);
            language.iter().for_each(|language| add(sums.entry(language).or_insert_with(none), part));
        }
        let mean_of = |(count, sum): &Sum, prior: &[f64]| -> Vec<f64> {
            sum.iter().zip(prior).map(|(sum, prior)| (sum + PRIOR_ROWS * prior) / (count + PRIOR_ROWS)).collect()
        };
        let overall = mean_of(&all, &vec![0.0; dimension]);
        let mut means: Vec<Vec<f64>> = sums.values().map(|group| mean_of(group, &overall)).collect();
        if means.is_empty() {
            means.push(overall);
        }
        let means = means.into_iter().map(|mean| mean.into_iter().map(|value| value as f32).collect()).collect();
        Self { means, map: Vec::new() }
    }

    /// Learns besides which directions tell labels apart ([`discriminant`]): from rows whose label another row has too, where
    /// there are a hundred of them. What it learns holds for labels that no row has yet: on intents that it had not seen it
    /// found one of the same 1.2 points more often (`benches/README.md`).
    pub(super) fn learn(mut self, vectors: RowVectors<'_>, labels: &StringArray) -> Self {
        let mut rows_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let labelled: Vec<usize> = (0..vectors.len()).filter(|&row| !labels.is_null(row)).collect();
        for &row in labelled.iter().step_by(labelled.len().div_ceil(MOST_LABELLED).max(1)) {
            rows_of.entry(labels.value(row)).or_default().push(row);
        }
        rows_of.retain(|_, rows| rows.len() > 1);
        let sizes: Vec<usize> = rows_of.values().map(Vec::len).collect();
        if sizes.len() > 1 && sizes.iter().sum::<usize>() >= FEWEST_LABELLED {
            let placed: Vec<Vec<f32>> = rows_of.values().flatten().map(|&row| self.place(&vectors.of(row))).collect();
            let points: Vec<&[f32]> = placed.iter().map(Vec::as_slice).collect();
            self.map = discriminant(&points, &sizes).unwrap_or_default();
        }
        self
    }

    /// Reads the space of a segment.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a file that does not hold whole vectors of finite numbers, I/O errors.
    pub(super) fn read(folder: &Path, dimension: usize) -> Result<Self> {
        let means = numbers(&folder.join(MEANS_FILE), dimension)?;
        let map = numbers(&folder.join(MAP_FILE), dimension * dimension)?;
        Ok(Self { means: means.chunks(dimension.max(1)).map(<[f32]>::to_vec).collect(), map })
    }

    /// Writes it.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        for (name, numbers) in [(MEANS_FILE, &self.means.concat()), (MAP_FILE, &self.map)] {
            if !numbers.is_empty() {
                let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                fs::write(folder.join(name), bytes)?;
            }
        }
        Ok(())
    }

    /// A vector as this index compares it, of unit length: without the mean it is nearest to, and mapped.
    pub(super) fn place(&self, raw: &[f32]) -> Vec<f32> {
        let moved = self.nearest_mean(raw).map(|mean| raw.iter().zip(mean).map(|(a, b)| a - b).collect());
        let moved = moved.and_then(unit).unwrap_or_else(|| raw.to_vec());
        if self.map.is_empty() {
            return moved;
        }
        let mapped = self.map.chunks(moved.len().max(1)).map(|row| dot(row, &moved)).collect();
        unit(mapped).unwrap_or(moved)
    }

    /// [`Space::place`] of a vector that is to be stored.
    pub(super) fn place_vector(&self, raw: &[f32]) -> Vec<f32> {
        Vector::new(self.place(raw)).map_or_else(|| raw.to_vec(), Vector::into_numbers)
    }

    fn nearest_mean(&self, raw: &[f32]) -> Option<&Vec<f32>> {
        let cosine = |mean: &[f32]| {
            let product: f64 = mean.iter().zip(raw).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            product / length(mean.iter().map(|&value| f64::from(value))).max(f64::MIN_POSITIVE)
        };
        // Of equals the first.
        self.means.iter().rev().max_by(|a, b| cosine(a).total_cmp(&cosine(b)))
    }
}

fn length(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// At unit length; `None` for what has no direction.
fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = length(vector.iter().map(|&value| f64::from(value)));
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    (length >= LEAST_LENGTH).then_some(vector)
}

fn numbers(path: &Path, whole: usize) -> Result<Vec<f32>> {
    // A file that the manifest names is known to be there: see `check_files`.
    let bytes = if path.exists() { fs::read(path)? } else { Vec::new() };
    let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&number| f32::from_le_bytes(number)).collect();
    if !bytes.len().is_multiple_of(4 * whole.max(1)) || !numbers.iter().all(|number| number.is_finite()) {
        return Err(Error::corrupt(path, format!("it does not hold {whole} finite numbers, or a multiple of that")));
    }
    Ok(numbers)
}
