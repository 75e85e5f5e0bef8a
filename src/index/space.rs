//! The space that an index compares vectors in: the mean of the vectors in each language is taken away first. Knows no query.
//!
//! Vectors of a sentence model lie in a narrow cone, and each language in a cone of its own. Without the means, what is
//! left is what a text is about: neighbours are better, and a text in the other language can be one of them
//! (Mu, Viswanath: All-but-the-Top, ICLR 2018, take away one mean; Libovický, Rosa, Fraser: On the Language Neutrality of
//! Pre-trained Multilingual Representations, EMNLP 2020, one for each language). See `benches/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array as _, StringArray};
use fs_err as fs;

use crate::embed::Vector;
use crate::error::{Error, Result};

/// The file of a segment that holds its means: little-endian f32 numbers, one mean after another; empty without means.
pub(super) const SPACE_FILE: &str = "means.f32";

/// How many rows' worth of weight what is known without them has in a mean: the origin in the mean of all rows, that in
/// the mean of one language. An index of a few rows is hardly moved.
const PRIOR_ROWS: f64 = 20.0;
/// What is shorter, once the mean is taken away, has no direction of its own.
const LEAST_LENGTH: f64 = 1e-4;

/// Means of vectors, or none. A vector belongs to the mean whose direction it is nearest to, so that a query needs no
/// language to be known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Space {
    means: Vec<Vec<f32>>,
}

impl Space {
    /// The means of the vectors of each language, in the alphabet's order of the languages; rows without one belong to
    /// the mean of all, which stands alone where no row has a language.
    pub(super) fn of(vectors: &[Vector], languages: &StringArray) -> Self {
        let Some(dimension) = vectors.first().map(|vector| vector.len()) else { return Self::default() };
        let mut sums: BTreeMap<&str, (f64, Vec<f64>)> = BTreeMap::new();
        let mut all = (0.0, vec![0.0; dimension]);
        let add = |(count, sum): &mut (f64, Vec<f64>), vector: &Vector| {
            *count += 1.0;
            sum.iter_mut().zip(vector.iter()).for_each(|(sum, &value)| *sum += f64::from(value));
        };
        for (row, vector) in vectors.iter().enumerate() {
            add(&mut all, vector);
            if !languages.is_null(row) {
                add(sums.entry(languages.value(row)).or_insert_with(|| (0.0, vec![0.0; dimension])), vector);
            }
        }
        let mean_of = |(count, sum): &(f64, Vec<f64>), prior: &[f64]| -> Vec<f64> {
            sum.iter().zip(prior).map(|(sum, prior)| (sum + PRIOR_ROWS * prior) / (count + PRIOR_ROWS)).collect()
        };
        let overall = mean_of(&all, &vec![0.0; dimension]);
        let mut means: Vec<Vec<f64>> = sums.values().map(|group| mean_of(group, &overall)).collect();
        if means.is_empty() {
            means.push(overall);
        }
        Self { means: means.into_iter().map(|mean| mean.into_iter().map(|value| value as f32).collect()).collect() }
    }

    /// Reads the means of a segment.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a file that does not hold whole vectors of finite numbers, I/O errors.
    pub(super) fn read(path: &Path, dimension: usize) -> Result<Self> {
        let bytes = fs::read(path)?;
        let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&number| f32::from_le_bytes(number)).collect();
        let whole = bytes.len().is_multiple_of(4 * dimension.max(1));
        if !whole || !numbers.iter().all(|number| number.is_finite()) {
            return Err(Error::corrupt(path, format!("it does not hold means of {dimension} numbers each")));
        }
        Ok(Self { means: numbers.chunks(dimension.max(1)).map(<[f32]>::to_vec).collect() })
    }

    /// Writes them.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let bytes: Vec<u8> = self.means.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        Ok(fs::write(path, bytes)?)
    }

    /// A vector as this index compares it, of unit length: without the mean it is nearest to.
    pub(super) fn place(&self, raw: &[f32]) -> Vec<f32> {
        let Some(mean) = self.nearest_mean(raw) else { return raw.to_vec() };
        let moved: Vec<f64> = raw.iter().zip(mean).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
        let length = length(moved.iter().copied());
        if length < LEAST_LENGTH {
            return raw.to_vec();
        }
        moved.into_iter().map(|value| (value / length) as f32).collect()
    }

    /// [`Space::place`] of a vector that is to be stored.
    pub(super) fn place_vector(&self, raw: &Vector) -> Vector {
        Vector::new(self.place(raw)).unwrap_or_else(|| raw.clone())
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
