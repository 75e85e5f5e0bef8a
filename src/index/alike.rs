//! Texts that are nearly the same, found without comparing each with each. Pure: knows no index and no file.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Room for what floating point adds to a whole number.
const EPSILON: f64 = 1e-9;

/// How much of their words two texts share: as many as both have, by as many as either has (Broder: On the Resemblance and
/// Containment of Documents, SEQUENCES 1997, with single words as shingles). Words have no case, and count once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    /// A hash for each word, ascending.
    hashes: Vec<u64>,
}

impl Words {
    /// The words of a text.
    pub(super) fn of(text: &str) -> Self {
        let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut hashes: Vec<u64> = words.map(|word| hash(&word.to_lowercase())).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self { hashes }
    }

    /// 0 (nothing in common) to 1 (the same words); 0 where either has none.
    fn resemblance(&self, other: &Self) -> f64 {
        let (mut shared, mut mine, mut theirs) = (0, 0, 0);
        while let (Some(one), Some(another)) = (self.hashes.get(mine), other.hashes.get(theirs)) {
            shared += usize::from(one == another);
            mine += usize::from(one <= another);
            theirs += usize::from(another <= one);
        }
        let either = self.hashes.len() + other.hashes.len() - shared;
        if either == 0 { 0.0 } else { shared as f64 / either as f64 }
    }

    /// Two sets that resemble each other by `least` have a word in common among these of theirs (the prefix filter of
    /// Chaudhuri, Ganti, Kaushik: A Primitive Operator for Similarity Joins in Data Cleaning, ICDE 2006).
    fn prefix(&self, least: f64) -> &[u64] {
        let needed = (least * self.hashes.len() as f64 - EPSILON).ceil().max(0.0) as usize;
        &self.hashes[..(self.hashes.len() + 1 - needed.max(1)).min(self.hashes.len())]
    }
}

fn hash(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

/// Texts under numbers from 0, each with a mark: only texts of one mark are compared.
pub(super) struct Known<M> {
    least: f64,
    texts: Vec<(M, Words)>,
    /// The numbers of the texts that have a word in their prefix.
    by_word: HashMap<u64, Vec<usize>>,
}

impl<M: PartialEq> Known<M> {
    /// None yet; texts that resemble each other by `least`, above 0 to 1, will count as nearly the same.
    pub(super) fn new(least: f64) -> Self {
        Self { least, texts: Vec::new(), by_word: HashMap::new() }
    }

    /// The first text that this one is nearly the same as.
    pub(super) fn like(&self, mark: &M, words: &Words) -> Option<usize> {
        let sharing = words.prefix(self.least).iter().filter_map(|word| self.by_word.get(word)).flatten().copied();
        let is_alike = |&at: &usize| {
            let (its_mark, its_words) = &self.texts[at];
            its_mark == mark && its_words.resemblance(words) >= self.least - EPSILON
        };
        sharing.filter(is_alike).min()
    }

    /// Adds a text, under the next number.
    pub(super) fn add(&mut self, mark: M, words: Words) {
        for &word in words.prefix(self.least) {
            self.by_word.entry(word).or_default().push(self.texts.len());
        }
        self.texts.push((mark, words));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn resemblance_is_the_share_of_common_words() {
        let of = |one, other| Words::of(one).resemblance(&Words::of(other));
        assert_eq!(of("Estorno não caiu.", "estorno NÃO caiu"), 1.0);
        assert_eq!(of("estorno não caiu hoje", "estorno não caiu ontem"), 3.0 / 5.0);
        assert_eq!(of("estorno", "taxa"), 0.0);
        assert_eq!(of("", ""), 0.0);
    }

    #[test]
    fn a_share_of_exactly_the_least_is_enough_and_marks_keep_texts_apart() {
        let words = |skipped: usize| {
            Words::of(&(0..10).filter(|at| *at != skipped).map(|at| format!("w{at} ")).collect::<String>())
        };
        let mut known = Known::new(0.8);
        known.add("REFUND", words(0));
        assert_eq!(known.like(&"REFUND", &words(1)), Some(0)); // 8 of 10
        assert_eq!(known.like(&"EXPLAIN", &words(1)), None);
        assert_eq!(known.like(&"REFUND", &Words::of("w1 w2 w3 w4 w5 w6 w7")), None); // 7 of 9
    }

    proptest! {
        /// The prefixes leave out no text that comparing with each would find.
        #[test]
        fn nothing_alike_is_missed(
            texts in prop::collection::vec(prop::collection::vec(0_u8..12, 0..10), 1..20),
            least in 0.05_f64..=1.0,
        ) {
            let mut known = Known::new(least);
            let mut all: Vec<Words> = Vec::new();
            for text in texts {
                let words = Words::of(&text.iter().map(|word| format!("{word} ")).collect::<String>());
                let expected = all.iter().position(|it| it.resemblance(&words) >= least - EPSILON);
                prop_assert_eq!(known.like(&(), &words), expected);
                known.add((), words.clone());
                all.push(words);
            }
        }
    }
}
