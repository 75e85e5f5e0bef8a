//! Fusion by its properties.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// One row's scores in the three legs: the cosine of every candidate is known, the others may be missing.
type Scores = (f32, Option<f32>, Option<f32>);

fn scores() -> impl Strategy<Value = Vec<Scores>> {
    let dense = (-100i32..=100).prop_map(|score| score as f32 / 100.0);
    let keyword = proptest::option::of((1i32..=2000).prop_map(|score| score as f32 / 100.0));
    let exact = proptest::option::of((1i32..=200).prop_map(|score| score as f32 / 100.0));
    proptest::collection::vec((dense, keyword, exact), 0..20)
}

fn method() -> impl Strategy<Value = Fusion> {
    prop_oneof![Just(Fusion::Convex), Just(Fusion::Rrf)]
}

/// Rows 0, 1, … with their scores and the ranks that follow from these.
fn candidates(scores: &[Scores]) -> Vec<Candidate> {
    let ranked = |leg: fn(&Scores) -> Option<f32>| -> Vec<Option<Seen>> {
        let mut hits: Vec<Scored> =
            (0..).zip(scores).filter_map(|(row, scores)| leg(scores).map(|score| Scored { row, score })).collect();
        hits.sort_by(by_rank);
        let rank = |row| hits.iter().position(|hit| hit.row == row).map(|at| at as u32 + 1);
        (0..scores.len() as u32).zip(scores).map(|(row, scores)| leg(scores).map(|it| (rank(row), it))).collect()
    };
    let (dense, keyword, exact) = (ranked(|it| Some(it.0)), ranked(|it| it.1), ranked(|it| it.2));
    let keyword_unit = scores.iter().filter_map(|it| it.1).fold(0.0, f32::max);
    (0..scores.len())
        .map(|at| Candidate { keyword_unit, row: at as Row, dense: dense[at], keyword: keyword[at], exact: exact[at] })
        .collect()
}

const WEIGHTS: Weights = Weights { dense: 1.0, keyword: 0.6, exact: 0.5 };

fn fused(scores: &[Scores], method: Fusion) -> Vec<Fused> {
    fuse(&candidates(scores), &WEIGHTS, &FusionParams { method, ..FusionParams::default() })
}

fn place(fused: &[Fused], row: Row) -> usize {
    fused.iter().position(|it| it.scored.row == row).unwrap()
}

proptest! {
    #[test]
    fn every_row_is_there_once_best_first_and_its_legs_add_up(scores in scores(), method in method()) {
        let fused = fused(&scores, method);
        let rows: BTreeSet<Row> = fused.iter().map(|one| one.scored.row).collect();
        prop_assert_eq!(rows, (0..scores.len() as Row).collect::<BTreeSet<_>>());
        prop_assert!(fused.is_sorted_by(|a, b| by_rank(&a.scored, &b.scored).is_lt()));
        for one in &fused {
            let sum: f32 = [one.dense, one.keyword, one.exact].iter().flatten().map(|leg| leg.contribution).sum();
            prop_assert!((sum - one.scored.score).abs() < 1e-5);
        }
    }

    #[test]
    fn the_order_of_the_candidates_does_not_matter(scores in scores(), method in method()) {
        let params = FusionParams { method, ..FusionParams::default() };
        let forth = candidates(&scores);
        let back: Vec<Candidate> = forth.iter().rev().copied().collect();
        prop_assert_eq!(fuse(&forth, &WEIGHTS, &params), fuse(&back, &WEIGHTS, &params));
    }

    #[test]
    fn a_row_that_every_leg_scores_higher_stays_higher(scores in scores(), method in method()) {
        let fused = fused(&scores, method);
        for (above, one) in fused.iter().enumerate() {
            for other in &fused[above + 1..] {
                let (one, other) = (scores[one.scored.row as usize], scores[other.scored.row as usize]);
                let wins = |a: Option<f32>, b: Option<f32>| a.unwrap_or(f32::MIN) > b.unwrap_or(f32::MIN);
                prop_assert!(!(other.0 > one.0 && wins(other.1, one.1) && wins(other.2, one.2)));
            }
        }
    }

    /// Adding a match, or a better one, in a leg never costs a row a place.
    #[test]
    fn a_better_score_never_makes_a_row_worse(
        scores in scores().prop_filter("rows", |scores| !scores.is_empty()),
        which in any::<prop::sample::Index>(),
        leg in 0usize..3,
        gain in 0.01f32..5.0,
        method in method(),
    ) {
        let row = which.index(scores.len());
        let mut better = scores.clone();
        let (dense, keyword, exact) = better[row];
        match leg {
            0 => better[row].0 = dense + gain,
            1 => better[row].1 = Some(keyword.unwrap_or(0.0) + gain),
            _ => better[row].2 = Some(exact.unwrap_or(0.0) + gain),
        }
        let before = place(&fused(&scores, method), row as Row);
        let after = place(&fused(&better, method), row as Row);
        prop_assert!(after <= before, "{before} became {after}");
    }

    #[test]
    fn legs_that_weigh_the_same_are_symmetric(scores in scores()) {
        let equal = Weights { dense: 1.0, keyword: 1.0, exact: 1.0 };
        let params = FusionParams { method: Fusion::Rrf, ..FusionParams::default() };
        let held: Vec<Scores> = scores.iter().map(|&(dense, keyword, exact)| (keyword.unwrap_or(0.0), Some(dense), exact)).collect();
        let turned: Vec<Scores> = held.iter().map(|&(dense, keyword, exact)| (keyword.unwrap_or(0.0), Some(dense), exact)).collect();
        let rows = |scores: &[Scores]| -> Vec<(Row, i32)> {
            let fused = fuse(&candidates(scores), &equal, &params);
            fused.iter().map(|one| (one.scored.row, (one.scored.score * 1e5).round() as i32)).collect()
        };
        prop_assert_eq!(rows(&held).into_iter().collect::<BTreeSet<_>>(), rows(&turned).into_iter().collect());
    }

    #[test]
    fn an_empty_leg_changes_no_order(scores in scores(), method in method()) {
        let dense: Vec<Scores> = scores.iter().map(|&(dense, ..)| (dense, None, None)).collect();
        let mut expected: Vec<Scored> = (0..).zip(&dense).map(|(row, it)| Scored { row, score: it.0 }).collect();
        expected.sort_by(by_rank);
        let rows: Vec<Row> = fused(&dense, method).iter().map(|one| one.scored.row).collect();
        prop_assert_eq!(rows, expected.iter().map(|hit| hit.row).collect::<Vec<_>>());
    }
}

#[test]
fn the_more_of_its_words_are_found_the_more_they_weigh() {
    let params = FusionParams::default();
    let keyword: Vec<f32> = [0.0, 0.1, 0.25, 0.9, 1.0].map(|share| params.weights(share, false).keyword).to_vec();
    assert!(keyword.is_sorted_by(|a, b| a < b), "{keyword:?}");
    assert_eq!((keyword[0], keyword[2], keyword[4]), (0.0, params.keyword_weight / 2.0, params.keyword_weight));
}

#[test]
fn of_nothing_but_codes_the_other_legs_only_break_ties() {
    let params = FusionParams::default();
    let (usual, codes) = (params.weights(0.5, false), params.weights(0.5, true));
    assert_eq!(codes.exact, usual.exact);
    assert!(codes.dense * 2.0 < codes.exact && codes.dense > 0.0 && codes.keyword < usual.keyword);
}
