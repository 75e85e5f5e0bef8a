//! A name for a cluster of sentences: the words that set it apart.

use std::collections::{BTreeMap, BTreeSet};

/// How many words a name has.
const WORDS: usize = 3;
/// Shorter words say little.
const MIN_LETTERS: usize = 3;

/// In how many texts each word is.
pub(super) struct WordCounts {
    counts: BTreeMap<String, usize>,
    texts: usize,
}

impl WordCounts {
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self { counts: BTreeMap::new(), texts: 0 };
        for text in texts {
            all.texts += 1;
            for word in words(text).into_iter().collect::<BTreeSet<_>>() {
                *all.counts.entry(word).or_default() += 1;
            }
        }
        all
    }

    /// The share of the texts that have the word, as if one more had it and one had not.
    fn share(&self, word: &str) -> f64 {
        let count = self.counts.get(word).copied().unwrap_or(0);
        (count as f64 + 1.0) / (self.texts as f64 + 2.0)
    }
}

/// The words of the middle text that are most of all those of the cluster (share in it × log of how much more frequent
/// they are there than in all texts), in the order of the text: ASCII, upper case, joined by `_`, and not taken yet.
pub(super) fn id<'a>(
    middle: &str,
    cluster: impl Iterator<Item = &'a str>,
    all: &WordCounts,
    taken: &BTreeSet<String>,
) -> String {
    let own = WordCounts::of(cluster);
    let in_order = words(middle);
    let weight = |word: &str| own.share(word) * (own.share(word) / all.share(word)).ln();
    let mut best: Vec<&String> = in_order.iter().collect::<BTreeSet<_>>().into_iter().collect();
    best.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.cmp(b)));
    best.truncate(WORDS);
    let mut named: Vec<&str> = Vec::new();
    for word in in_order.iter().filter(|word| best.contains(word)) {
        if !named.contains(&word.as_str()) {
            named.push(word);
        }
    }
    let name = if named.is_empty() { "NEW_ACTION".to_owned() } else { named.join("_").to_uppercase() };
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|id| !taken.contains(id)).unwrap_or(name)
}

/// The words of letters alone, folded to ASCII; what stands in brackets is a mask and no word.
fn words(text: &str) -> Vec<String> {
    let mut in_brackets = false;
    let unmasked: String = text
        .chars()
        .filter(|c| {
            in_brackets = *c == '[' || (in_brackets && *c != ']');
            !in_brackets
        })
        .collect();
    let words = unmasked.split(|c: char| !c.is_alphanumeric()).map(|word| word.chars().map(folded).collect());
    words
        .filter(|word: &String| word.len() >= MIN_LETTERS && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect()
}

/// A letter of Portuguese or English without accent and in lower case.
fn folded(letter: char) -> char {
    match letter.to_lowercase().next().unwrap_or(letter) {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        other => other,
    }
}
