//! Rows, sets of rows, scored rows, and *the* total order of a ranking. Knows no index and no document.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row's place in its index, from 0. Row `n` of the Arrow rows, of the vectors and of the keyword index are the same row.
pub type Row = u32;

/// A row and how well it did; higher is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Which row.
    pub row: Row,
    /// Its score, in the unit of whoever ranked it.
    pub score: f32,
}

/// Best first: by score, then by row, so that equal scores never depend on a hash map or a thread.
#[must_use]
pub fn by_rank(a: &Scored, b: &Scored) -> Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}

/// Keeps the best `k` rows of a stream, in the order of [`by_rank`].
#[derive(Debug)]
pub struct TopK {
    k: usize,
    worst_first: BinaryHeap<Candidate>,
}

impl TopK {
    /// Room for `k` rows.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, worst_first: BinaryHeap::with_capacity(k.min(1 << 16) + 1) }
    }

    /// Offers a row; it stays while it is among the best `k`.
    pub fn push(&mut self, hit: Scored) {
        if self.worst_first.len() < self.k {
            self.worst_first.push(Candidate(hit));
        } else if let Some(mut worst) = self.worst_first.peek_mut()
            && by_rank(&hit, &worst.0) == Ordering::Less
        {
            *worst = Candidate(hit);
        }
    }

    /// The score that a row must reach to be kept, once `k` rows are there.
    #[must_use]
    pub fn threshold(&self) -> Option<f32> {
        (self.worst_first.len() == self.k).then(|| self.worst_first.peek().map(|worst| worst.0.score))?
    }

    /// The rows, best first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Scored> {
        let mut hits: Vec<Scored> = self.worst_first.into_iter().map(|candidate| candidate.0).collect();
        hits.sort_unstable_by(by_rank);
        hits
    }
}

/// Orders the heap so that the worst row is on top.
#[derive(Debug)]
struct Candidate(Scored);

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Candidate {}
impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        by_rank(&self.0, &other.0)
    }
}

/// A set of the rows `0..len` of an index: what a filter lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    len: usize,
    words: Vec<u64>,
}

impl RowSet {
    /// No row of `len`.
    #[must_use]
    pub fn none(len: usize) -> Self {
        Self { len, words: vec![0; len.div_ceil(64)] }
    }

    /// The rows of `0..len` for which `keep` holds.
    #[must_use]
    pub fn from_fn(len: usize, keep: impl Fn(usize) -> bool) -> Self {
        let mut set = Self::none(len);
        for row in (0..len).filter(|&row| keep(row)) {
            set.words[row / 64] |= 1 << (row % 64);
        }
        set
    }

    /// How many rows the index has, in the set or not.
    #[must_use]
    pub const fn universe(&self) -> usize {
        self.len
    }

    /// How many rows are in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Puts a row into the set. Rows beyond the index are a bug of the caller and panic.
    pub fn insert(&mut self, row: Row) {
        assert!((row as usize) < self.len, "row {row} of {}", self.len);
        self.words[row as usize / 64] |= 1 << (row % 64);
    }

    /// Whether the row is in the set.
    #[must_use]
    pub fn contains(&self, row: Row) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// The rows in both sets, which must be of one index.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        assert_eq!(self.len, other.len, "sets of different indexes");
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= theirs;
        }
        self
    }

    /// The rows of the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Row> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                Some(at as Row * 64 + bit)
            })
        })
    }
}
