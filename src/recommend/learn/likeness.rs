//! How like the moments in which an action was taken a moment is: cosines with their mean vectors. Knows no text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the vectors of the three last turns and of the subject weigh in each of two views: the last turn alone, and all.
const VIEWS: [[f32; 4]; 2] = [[1.0, 0.0, 0.0, 0.0], [1.0, 0.5, 0.35, 1.0]];
/// Numbers for each action.
pub(super) const LIKENESSES: usize = VIEWS.len();

/// The mean vectors of the moments of each action, within each kind of ticket and over all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Likeness {
    /// The length of one vector.
    length: usize,
    /// By kind of ticket, "" for all: the classes, and where the vectors of the first of them begin.
    kinds: BTreeMap<String, (usize, Vec<u32>)>,
    /// Unit vectors, one a view, class after class. Kept apart from the rest on disk.
    #[serde(skip)]
    means: Vec<f32>,
}

impl Likeness {
    /// From moments: the kind of ticket, the dense features (vectors of `length` numbers one after the other), the class.
    pub(super) fn of<'a>(moments: impl Iterator<Item = (&'a str, &'a [f32], usize)>, length: usize) -> Self {
        let mut sums: BTreeMap<(&str, u32), Vec<f32>> = BTreeMap::new();
        for (kind, dense, class) in moments {
            let seen = views(dense, length);
            for kind in [kind, ""].iter().take(if kind.is_empty() { 1 } else { 2 }) {
                let sum = sums.entry((kind, class as u32)).or_insert_with(|| vec![0.0; seen.len()]);
                sum.iter_mut().zip(&seen).for_each(|(sum, value)| *sum += value);
            }
        }
        let mut kinds: BTreeMap<String, (usize, Vec<u32>)> = BTreeMap::new();
        let mut means = Vec::with_capacity(sums.len() * LIKENESSES * length);
        for ((kind, class), mut sum) in sums {
            kinds.entry(kind.to_owned()).or_insert_with(|| (means.len(), Vec::new())).1.push(class);
            unit(&mut sum, length);
            means.extend(sum);
        }
        Self { length, kinds, means }
    }

    /// For each view the cosine with the mean vector of each class, −1 to 1; 0 where there is none.
    pub(super) fn predict(&self, kind: &str, dense: &[f32], classes: usize) -> [Vec<f32>; LIKENESSES] {
        let mut cosines = [(); LIKENESSES].map(|()| vec![0.0; classes]);
        let Some((from, seen)) = self.kinds.get(kind).or_else(|| self.kinds.get("")).filter(|_| self.length > 0) else {
            return cosines;
        };
        let asked = views(dense, self.length);
        for (&class, means) in seen.iter().zip(self.means[*from..].chunks(self.length * LIKENESSES)) {
            let pairs = asked.chunks(self.length).zip(means.chunks(self.length));
            for (cosines, (asked, mean)) in cosines.iter_mut().zip(pairs) {
                cosines[class as usize] = dot(asked, mean);
            }
        }
        cosines
    }

    /// All mean vectors, for the disk.
    pub(super) fn means(&self) -> &[f32] {
        &self.means
    }

    /// How many numbers [`Likeness::means`] has.
    pub(super) fn width(&self) -> usize {
        self.kinds.values().map(|(_, classes)| classes.len()).sum::<usize>() * self.length * LIKENESSES
    }

    /// With the mean vectors as [`Likeness::means`] gave them; `None` if they do not fit so many classes.
    pub(super) fn with_means(self, means: Vec<f32>, classes: usize) -> Option<Self> {
        let block = self.length * LIKENESSES;
        let fits = |(from, of): &(usize, Vec<u32>)| {
            from + of.len() * block <= means.len() && of.iter().all(|&class| (class as usize) < classes)
        };
        let whole = means.len() == self.width() && self.kinds.values().all(fits);
        whole.then_some(Self { means, ..self })
    }
}

/// The unit vectors of the views, one after the other.
fn views(dense: &[f32], length: usize) -> Vec<f32> {
    let mut views = vec![0.0; LIKENESSES * length];
    for (view, weights) in views.chunks_mut(length.max(1)).zip(VIEWS) {
        for (vector, weight) in dense.chunks(length.max(1)).zip(weights) {
            view.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    unit(&mut views, length);
    views
}

/// Scales each vector to length 1; one that is 0 stays so.
fn unit(vectors: &mut [f32], length: usize) {
    for vector in vectors.chunks_mut(length.max(1)) {
        let norm = dot(vector, vector).sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|value| *value /= norm);
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
