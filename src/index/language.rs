//! What BM25 is told in shares of, so that a row does not lose by its language alone. Pure.

use std::collections::BTreeMap;

/// What the best BM25 in a language is at least taken for, as a share of the best of all: so many times the square of the share
/// of the query's words that the best row has. Where that is much, nothing needs another language, and its stray words are
/// worth what they score.
const OTHER_LANGUAGE: f32 = 9.0;
/// That a row in another language than the best shares a word says so much of what its language's best says; how much it
/// shares says the rest. Only names, numbers and stray words can agree.
const ANY_WORD: f32 = 0.3;

/// BM25 of a row, 0 where it shares no word, and its language, where it is known.
pub(super) type Said<'a> = (f32, Option<&'a str>);

/// The unit of each row: its BM25 counts as so many of it, at most one.
///
/// Words of another language hardly match. So BM25 is told as a share of the best in its row's language, or of a part of the
/// best of all where that is more (9 × `coverage`²); of the best of all where the language is not known. A row in another
/// language than `said_in`, that of the best row, has .3 of that for any word, and the rest by how much it shares.
/// `coverage` is the share of the query's words that the best row has, 0 to 1. Every unit of a row with a word is above 0.
pub(super) fn units(rows: &[Said<'_>], said_in: Option<&str>, coverage: f32) -> Vec<f32> {
    let mut best_of: BTreeMap<Option<&str>, f32> = BTreeMap::new();
    for &(score, language) in rows {
        let best = best_of.entry(language).or_default();
        *best = best.max(score);
    }
    let best = best_of.values().copied().fold(0.0, f32::max);
    let least = best * (OTHER_LANGUAGE * coverage * coverage).min(1.0);
    let unit = |&(score, language): &Said<'_>| {
        let own = if language.is_some() { best_of[&language] } else { best };
        let is_other = language.is_some() && said_in.is_some() && language != said_in;
        let part = if is_other && score > 0.0 { (1.0 - ANY_WORD) + ANY_WORD * own / score } else { 1.0 };
        own.max(least) / part
    };
    rows.iter().map(unit).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Said, units};

    fn shares(rows: &[Said<'_>], said_in: Option<&str>, coverage: f32) -> Vec<f32> {
        let units = units(rows, said_in, coverage);
        rows.iter().zip(units).map(|(&(score, _), unit)| if score > 0.0 { score / unit } else { 0.0 }).collect()
    }

    fn close(got: &[f32], want: &[f32]) {
        assert_eq!(got.len(), want.len());
        got.iter().zip(want).for_each(|(got, want)| assert!((got - want).abs() < 1e-5, "{got} is not {want}"));
    }

    #[test]
    fn in_the_language_of_the_best_bm25_is_a_share_of_it() {
        close(&shares(&[(8.0, Some("pt")), (2.0, Some("pt")), (0.0, Some("pt"))], Some("pt"), 0.1), &[1.0, 0.25, 0.0]);
    }

    #[test]
    fn another_language_has_a_best_of_its_own_and_there_any_word_says_three_tenths() {
        let rows = [(8.0, Some("pt")), (2.0, Some("en")), (1.0, Some("en"))];
        // The best of its language counts as one; half of it as .3 + .7 × .5.
        close(&shares(&rows, Some("pt"), 0.1), &[1.0, 1.0, 0.65]);
    }

    #[test]
    fn the_more_of_a_query_is_covered_the_less_another_language_is_raised() {
        let rows = [(8.0, Some("pt")), (2.0, Some("en"))];
        // 9 × .2² = .36 of 8 is more than 2; at a third and above all of it.
        close(&shares(&rows, Some("pt"), 0.2), &[1.0, 2.0 / (0.36 * 8.0)]);
        close(&shares(&rows, Some("pt"), 0.5), &[1.0, 0.25]);
    }

    #[test]
    fn a_row_of_unknown_language_is_held_against_the_best_of_all() {
        close(&shares(&[(8.0, Some("pt")), (2.0, None)], Some("pt"), 0.1), &[1.0, 0.25]);
        close(&shares(&[(8.0, None), (2.0, Some("pt"))], None, 0.1), &[1.0, 1.0]);
    }

    fn rows() -> impl Strategy<Value = Vec<(f32, Option<&'static str>)>> {
        let score = prop_oneof![Just(0.0f32), (1u16..2000).prop_map(|score| f32::from(score) / 100.0)];
        prop::collection::vec((score, prop::sample::select(vec![None, Some("pt"), Some("en")])), 1..20)
    }

    proptest! {
        #[test]
        fn a_share_is_between_none_and_one_and_more_words_are_never_less(rows in rows(), coverage in 0.0f32..=1.0) {
            let best = rows.iter().max_by(|a, b| a.0.total_cmp(&b.0)).copied();
            let said_in = best.and_then(|(_, language)| language);
            let shares = shares(&rows, said_in, coverage);
            for (&(score, language), &share) in rows.iter().zip(&shares) {
                prop_assert!((0.0..=1.0 + 1e-5).contains(&share), "{share}");
                prop_assert_eq!(score > 0.0, share > 0.0);
                for (&(other, its), &less) in rows.iter().zip(&shares) {
                    prop_assert!(its != language || other > score || less <= share + 1e-5, "{other}: {less}, {score}: {share}");
                }
            }
        }
    }
}
