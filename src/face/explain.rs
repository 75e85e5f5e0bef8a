//! Why a hit is among an answer's, in words: the same ones on every face.

use crate::index::Hit;
use crate::keyword::MatchedWord;

/// How many shared words an explanation names.
const SHOWN_WORDS: usize = 10;

/// Why a hit is there: its place in meaning, the words and identifiers that it shares, the conditions that it meets
/// (`filters`, as written), and what is shown under it.
#[must_use]
pub fn because(hit: &Hit, filters: &[String]) -> String {
    let mut reasons = Vec::new();
    if let Some(dense) = hit.dense {
        let place = match dense.rank {
            Some(1) => "the nearest in meaning".to_owned(),
            Some(rank) => format!("number {rank} in meaning"),
            None => "far in meaning".to_owned(),
        };
        reasons.push(format!("is {place} (cosine {:.2})", dense.score));
    }
    let words = hit.matched.as_deref().unwrap_or_default();
    if !words.is_empty() {
        let name = |word: &MatchedWord| match &word.by {
            Some(by) => format!("{}~{by} {:.2}", word.word, word.score),
            None => format!("{} {:.2}", word.word, word.score),
        };
        let more = if words.len() > SHOWN_WORDS { ", …" } else { "" };
        let shown: Vec<String> = words.iter().take(SHOWN_WORDS).map(name).collect();
        reasons.push(format!("shares {} word{} ({}{more})", words.len(), plural(words.len()), shown.join(", ")));
    }
    if !hit.shared.is_empty() {
        reasons.push(format!("shares {}", hit.shared.join(", ")));
    }
    reasons.extend(filters.iter().map(|filter| format!("meets {filter}")));
    if !hit.duplicates.is_empty() {
        let count = hit.duplicates.len();
        let (noun, verb) = if count == 1 { ("ticket", "says") } else { ("tickets", "say") };
        reasons.push(format!("stands for {count} more {noun} that {verb} nearly the same"));
    }
    reasons.join("; ")
}

/// What makes a noun of so many plural.
#[must_use]
pub const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
