//! The scale on made-up pairs; real questions are in `tests/it`.

use proptest::prelude::*;

use super::*;

/// What the made-up pairs follow: P = 1 / (1 + e^−(−3 + prominence + 4 × words)), whatever the rest.
fn truth(evidence: &Evidence) -> f64 {
    probability(-3.0, &[1.0, 4.0], &[f64::from(evidence.prominence), f64::from(evidence.words)])
}

/// Ten hits for each question.
fn planted(queries: usize) -> Vec<Pair> {
    (0..10 * queries)
        .map(|at| {
            let draw = |what: usize| scattered(8 * at + what) as f64 / u64::MAX as f64;
            let evidence = Evidence {
                prominence: (7.0 * draw(0) - 1.0) as f32,
                words: (draw(1) / 2.0) as f32,
                bm25: (20.0 * draw(2)) as f32,
                identifiers: (draw(3) - 0.9).max(0.0) as f32 * 10.0,
                is_other_language: draw(4) < 0.3,
            };
            let query = at / 10;
            Pair { query, is_short: query % 2 == 0, rank: at % 10, evidence, alike: draw(5) < truth(&evidence) }
        })
        .collect()
}

#[test]
fn a_planted_relation_is_found_again() {
    let pairs = planted(2_000);
    let scale = Similarity::fit(&pairs, &[]).unwrap();
    let gaps: Vec<f64> =
        pairs.iter().map(|pair| (f64::from(scale.of(&pair.evidence)) - truth(&pair.evidence)).abs()).collect();
    let (mean, widest) = (gaps.iter().sum::<f64>() / gaps.len() as f64, gaps.iter().copied().fold(0.0, f64::max));
    assert!(mean < 0.02 && widest < 0.1, "{mean} {widest}");
    let Measured { queries, all, groups } = &scale.measured;
    assert_eq!((*queries, all.pairs), (2_000, 20_000));
    assert!(all.error < 0.02, "{all:?}");
    let names: Vec<&str> = groups.iter().map(|group| group.value.as_str()).collect();
    assert_eq!(names, ["first 3", "first 50", "other language", "whole", "short"]);
    for group in groups {
        assert!(group.fit.error < 0.03, "{group:?}");
    }
    assert_eq!(Similarity::fit(&pairs, &[]), Some(scale), "the same pairs make the same scale");
}

#[test]
fn what_speaks_against_weighs_nothing() {
    // Alike is what has little BM25: that cannot be, and is left aside.
    let turned = planted(500).into_iter().map(|pair| Pair { alike: pair.evidence.bm25 < 10.0, ..pair });
    let scale = Similarity::fit(&turned.collect::<Vec<_>>(), &[]).unwrap();
    assert_eq!(scale.weights[2], 0.0);
    assert!(scale.weights.iter().all(|&weight| weight >= 0.0), "{:?}", scale.weights);
}

#[test]
fn too_little_teaches_no_scale() {
    let pairs = planted(200);
    assert!(Similarity::fit(&pairs, &[]).is_some());
    assert!(Similarity::fit(&pairs[..990], &[]).is_none(), "99 questions");
    let all = |alike| pairs.iter().map(|pair| Pair { alike, ..pair.clone() }).collect::<Vec<_>>();
    assert!(Similarity::fit(&all(true), &[]).is_none(), "one label");
    assert!(Similarity::fit(&all(false), &[]).is_none(), "a label for each row");
    assert!(Similarity::fit(&[], &[]).is_none());
}

#[test]
fn it_is_measured_by_the_columns_of_the_questions() {
    let pairs = planted(200);
    let colours: StringArray = (0..200).map(|row| (row % 4 != 3).then_some(["red", "blue"][row % 2])).collect();
    let scale = Similarity::fit(&pairs, &[("colour", &colours)]).unwrap();
    let told = scale.measured.groups.iter().filter(|group| group.by == "colour");
    let told: Vec<(&str, usize)> = told.map(|group| (group.value.as_str(), group.fit.pairs)).collect();
    assert_eq!(told, [("blue", 500), ("red", 1_000)]);
}

#[test]
fn the_calibration_error_is_the_mean_gap_of_ten_bins() {
    // In the lower half .2 is said and .4 is so, in the upper half .9 and 1.
    let lower = (0..50).map(|at| (0.2, at % 5 < 2));
    let upper = (0..50).map(|_| (0.9, true));
    let fit = Fit::of(&lower.chain(upper).collect::<Vec<_>>());
    assert_eq!(fit.pairs, 100);
    assert!((fit.said - 0.55).abs() < 1e-6 && (fit.seen - 0.7).abs() < 1e-6, "{fit:?}");
    assert!((fit.error - 0.15).abs() < 1e-6, "{fit:?}");
    // A constant that is right on the whole is well calibrated, and one that is wrong is so by how far it is.
    let coin: Vec<(f32, bool)> = (0..100).map(|at| (0.5, at % 2 == 0)).collect();
    assert!(Fit::of(&coin).error < 1e-6);
    assert_eq!(Fit::of(&[]).error, 0.0);
}

proptest! {
    #[test]
    fn more_of_any_evidence_is_never_less_alike(
        prominence in -2.0..8.0_f32, words in 0.0..1.0_f32, bm25 in 0.0..60.0_f32, identifiers in 0.0..2.0_f32,
        more in prop::array::uniform4(0.0..3.0_f32), seed in 0..20_usize,
    ) {
        // Labels that follow nothing, so that weights fall anyhow.
        let pairs: Vec<Pair> = planted(120)
            .into_iter()
            .enumerate()
            .map(|(at, pair)| Pair { alike: scattered(at + 10_000 * seed).is_multiple_of(3), ..pair })
            .collect();
        let scale = Similarity::fit(&pairs, &[]).unwrap();
        let weaker = Evidence { prominence, words, bm25, identifiers, is_other_language: false };
        let stronger = Evidence {
            prominence: prominence + more[0],
            words: words + more[1],
            bm25: bm25 + more[2],
            identifiers: identifiers + more[3],
            is_other_language: false,
        };
        let (less, not_less) = (scale.of(&weaker), scale.of(&stronger));
        prop_assert!((0.0..=1.0).contains(&less) && less <= not_less && not_less <= 1.0, "{less} {not_less}");
    }
}
