//! Each gate at its border, and the index of drift against numbers worked out by hand.

use std::collections::BTreeMap;

use super::*;
use crate::embed::{Embedder as _, HashedEmbedder, RowVectors, Vector};
use crate::snapshot::IndexEntry;

fn generation(rows: usize, bytes: u64) -> Generation {
    let entry = IndexEntry { rows, bytes, manifest_sha256: String::new() };
    Generation {
        format: 7,
        name: "g000001".to_owned(),
        created_at: String::new(),
        built_by: String::new(),
        model: HashedEmbedder::new(8).identity().clone(),
        inputs: BTreeMap::new(),
        indexes: BTreeMap::from([("tickets".to_owned(), entry)]),
        files: Vec::new(),
    }
}

fn table(rows: usize, skipped: usize, columns: &[&str]) -> SourceTable {
    let columns = columns.iter().map(|&column| column.to_owned()).collect();
    SourceTable { name: "tickets".to_owned(), rows, skipped, columns, changes: None }
}

fn figures(table: SourceTable) -> Figures {
    let categories = [("FEE", 500), ("SALE", 500)].map(|(name, count)| (name.to_owned(), count)).into();
    Figures { tables: vec![table], categories, judged: None, vectors: None, forced: None }
}

fn usual() -> Figures {
    figures(table(1000, 0, &["id", "status"]))
}

/// The gates that do not hold, each with what it is of.
fn failed(before: &(Generation, Figures), now: &(Generation, Figures)) -> Vec<String> {
    let last = LastNight { generation: before.0.clone(), figures: Some(before.1.clone()) };
    let recall = BTreeMap::from([("tickets".to_owned(), Recall { asked: 100, share: 0.95 })]);
    let tonight = Tonight { generation: &now.0, figures: &now.1, vector_drift: None, recall, personal_values: Some(0) };
    let verdicts = judge(Some(&last), &tonight, &GateParams::default());
    verdicts.into_iter().filter(|it| !it.passed).map(|it| format!("{} {}", it.gate, it.of)).collect()
}

#[test]
fn rows_may_fall_and_grow_up_to_their_limits() {
    let night = |rows| (generation(rows, 0), figures(table(rows, 0, &["id"])));
    let both = ["rows table tickets", "rows index tickets"];
    assert_eq!(failed(&night(1000), &night(800)), [""; 0]);
    assert_eq!(failed(&night(1000), &night(799)), both);
    assert_eq!(failed(&night(1000), &night(2000)), [""; 0]);
    assert_eq!(failed(&night(1000), &night(2001)), both);
    // Few rows more or less are no sign of anything, whatever their share.
    assert_eq!(failed(&night(10), &night(0)), [""; 0]);
    assert_eq!(failed(&night(11), &night(0)), both);
    assert_eq!(failed(&night(0), &night(10)), [""; 0]);
    assert_eq!(failed(&night(0), &night(11)), both);
}

#[test]
fn a_table_or_index_that_is_gone_has_lost_all_its_rows() {
    let mut gone = (generation(1000, 0), usual());
    gone.0.indexes.clear();
    gone.1.tables.clear();
    assert_eq!(failed(&(generation(1000, 0), usual()), &gone), ["rows table tickets", "rows index tickets"]);
}

#[test]
fn so_many_rows_may_be_skipped_and_such_columns_come_and_go() {
    let with = |table: SourceTable| (generation(1000, 0), figures(table));
    let usual = with(table(1000, 0, &["id", "status"]));
    assert_eq!(failed(&usual, &with(table(950, 50, &["id", "status"]))), [""; 0]);
    assert_eq!(failed(&usual, &with(table(949, 51, &["id", "status"]))), ["skipped "]);
    assert_eq!(failed(&usual, &with(table(1000, 0, &["id"]))), ["columns_gone table tickets"]);
    let new = ["id", "status", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    assert_eq!(failed(&usual, &with(table(1000, 0, &new[..10]))), [""; 0]);
    assert_eq!(failed(&usual, &with(table(1000, 0, &new))), ["columns_new table tickets"]);
}

#[test]
fn size_may_double_and_a_megabyte_is_nothing() {
    let night = |bytes| (generation(1000, bytes), usual());
    assert_eq!(failed(&night(10_000_000), &night(20_000_000)), [""; 0]);
    assert_eq!(failed(&night(10_000_000), &night(20_000_001)), ["size "]);
    assert_eq!(failed(&night(1), &night(1_000_001)), [""; 0]);
    assert_eq!(failed(&night(1), &night(1_000_002)), ["size "]);
    assert_eq!(failed(&night(10_000_000), &night(1)), [""; 0]);
}

#[test]
fn hits_may_fall_by_two_standard_errors() {
    let night = |hits| {
        let judged = Some(Judged { moments: 998, hits });
        (generation(1000, 0), Figures { judged, ..usual() })
    };
    // By hand: (500 of 1,000) and (456 of 1,000), with a hit and a miss added, differ by .044; their error is .0223.
    assert_eq!(failed(&night(499), &night(455)), [""; 0]);
    assert_eq!(failed(&night(499), &night(454)), ["hit@3 "]);
    assert_eq!(failed(&night(499), &night(998)), [""; 0]);
}

#[test]
fn recall_and_personal_values_are_judged_on_the_first_night_too() {
    let (generation, figures) = (generation(1000, 0), usual());
    let judged = |share: f64, values: usize| {
        let recall = BTreeMap::from([("tickets".to_owned(), Recall { asked: 100, share })]);
        let personal_values = Some(values);
        let tonight =
            Tonight { generation: &generation, figures: &figures, vector_drift: None, recall, personal_values };
        let verdicts = judge(None, &tonight, &GateParams::default());
        let failed = verdicts.iter().filter(|it| !it.passed).map(Verdict::line).collect::<Vec<_>>();
        (verdicts.len(), failed.join("; "))
    };
    assert_eq!(judged(0.95, 0), (9, String::new()));
    let recall = "recall of tickets: 0.9499 of the ten nearest found, by 100 rows (build.gates.recall: 0.95)";
    assert_eq!(judged(0.9499, 0), (9, recall.to_owned()));
    let found = "personal_data: 1 personal values found (build.gates.personal_data: 0)";
    assert_eq!(judged(1.0, 1), (9, found.to_owned()));
}

#[test]
fn a_generation_without_figures_is_compared_by_rows_and_size_alone() {
    let last = LastNight { generation: generation(1000, 0), figures: None };
    let (now, figures) = (generation(500, 0), usual());
    let (recall, vector_drift, personal_values) = Default::default();
    let tonight = Tonight { generation: &now, figures: &figures, vector_drift, recall, personal_values };
    let verdicts = judge(Some(&last), &tonight, &GateParams::default());
    let failed: Vec<String> = verdicts.iter().filter(|it| !it.passed).map(Verdict::line).collect();
    assert_eq!(failed, ["rows of index tickets: 1000 → 500, -50.0 % (build.gates.rows_drop: 0.2)"]);
}

#[test]
fn drift_is_the_population_stability_index() {
    // By hand, half a member lent to each bin: shares .5 and .5 become 0.3 and 0.7: (.3 − .5) ln .6 + (.7 − .5) ln 1.4.
    let Drift { psi, chance } = psi(&[(99_999, 59_999), (99_999, 139_999)]);
    assert!((psi - 0.169_46).abs() < 1e-4, "{psi}");
    // χ² of one degree of freedom exceeds 10.83 once in 1,000; the cube is a little above that where there are two bins.
    assert!((chance * 99_999.0 - 11.16).abs() < 0.01, "{chance}");
}

#[test]
fn categories_drift_up_to_their_limit_and_by_chance_where_they_are_few() {
    let night = |fee: usize, sale: usize| {
        let categories = [("FEE", fee), ("SALE", sale)].map(|(name, count)| (name.to_owned(), count)).into();
        (generation(1000, 0), Figures { categories, ..usual() })
    };
    assert_eq!(failed(&night(500, 500), &night(261, 739)), [""; 0]);
    assert_eq!(failed(&night(500, 500), &night(250, 750)), ["categories "]);
    // Of eight tickets the same shares say nothing.
    assert_eq!(failed(&night(4, 4), &night(2, 6)), [""; 0]);
    // One that is new among many is no infinite drift; all of another is.
    assert_eq!(failed(&night(1000, 0), &night(999, 1)), [""; 0]);
    assert_eq!(failed(&night(1000, 0), &night(0, 1000)), ["categories "]);
}

#[test]
fn vectors_drift_by_their_cosines_with_the_mean_of_before() {
    let embedder = HashedEmbedder::new(64);
    let embed = |texts: Vec<String>| -> Vec<Vector> {
        embedder.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    };
    let about_fees = |odd: usize| embed((0..500).map(|at| format!("taxa da venda {}", 2 * at + odd)).collect());
    let before = Spread::of((&about_fees(0)).into()).unwrap();
    let same = before.drift_to((&about_fees(0)).into()).unwrap();
    assert_eq!(same.psi, 0.0);
    let alike = before.drift_to((&about_fees(1)).into()).unwrap();
    assert!(alike.psi <= alike.chance.max(0.25), "{alike:?}");
    let others = embed((0..500).map(|at| format!("terminal sem sinal {at} reinicia")).collect());
    let other = before.drift_to((&others).into()).unwrap();
    assert!(other.psi > 0.25 && other.psi > other.chance, "{other:?}");
    assert_eq!(before.drift_to((&vec![Vector::new(vec![1.0; 8]).unwrap()]).into()), None);
    assert_eq!(Spread::of(RowVectors::Held(&[])), None);
    let kept: Spread = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();
    assert_eq!(kept, before);
}
