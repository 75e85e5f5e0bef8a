//! Codes of vectors that are not like texts: the recall that was asked for is kept, and codes that are of no use are told.

use tempfile::TempDir;

use super::super::*;
use crate::embed::Vector;
use crate::rank::by_rank;

/// 37 is a multiple of nothing that codes, registers or turns like.
const DIMENSION: usize = 37;

/// Numbers that look normally distributed, the same always.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
    };
    move || (0..12).map(|_| uniform()).sum()
}

/// Points around each of some centres in turn.
fn heaps(n: usize, n_heaps: usize, spread: f32) -> Vec<Vector> {
    let mut noise = noise(7);
    let centres: Vec<Vec<f32>> = (0..n_heaps).map(|_| (0..DIMENSION).map(|_| noise()).collect()).collect();
    let point = |at: usize| centres[at % n_heaps].iter().map(|x| x + spread * noise()).collect();
    (0..n).map(point).map(|point: Vec<f32>| Vector::new(point).unwrap()).collect()
}

fn sphere(n: usize) -> Vec<Vector> {
    heaps(n, n, 0.0)
}

fn built(vectors: &[Vector], kind: Kind, recall: f64) -> (TempDir, BuildReport) {
    let folder = tempfile::tempdir().unwrap();
    let params = VectorParams { kind, recall, flat_ms: 0.0, ..VectorParams::default() };
    let report = build(folder.path(), vectors, DIMENSION, &params).unwrap();
    verify(folder.path(), report.kind, vectors.len(), DIMENSION).unwrap();
    (folder, report)
}

/// The share of the ten nearest to others of the same kind that are found.
fn recall_at_10(vectors: &[Vector], queries: &[Vector], recall: f64) -> f64 {
    let (folder, report) = built(vectors, Kind::Codes, recall);
    let index = open(folder.path(), report.kind, vectors.len(), DIMENSION).unwrap();
    let mut n_found = 0;
    for query in queries {
        let mut expected: Vec<f32> = vectors.iter().map(|vector| dot::dot(query, vector)).collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        let found = index.search(query, 10, None);
        assert!(found.len() == 10 && found.is_sorted_by(|a, b| by_rank(a, b).is_lt()));
        n_found += found.iter().filter(|hit| hit.score >= expected[9]).count();
    }
    n_found as f64 / (10 * queries.len()) as f64
}

#[test]
fn the_recall_is_kept_on_vectors_of_any_shape() {
    let shapes: [(&str, Vec<Vector>); 4] = [
        ("no structure", sphere(2_100)),
        ("three huge heaps", heaps(2_100, 3, 0.2)),
        ("near-duplicates", heaps(2_100, 300, 1e-3)),
        ("equal but for few", [vec![sphere(1).remove(0); 2_000], heaps(100, 7, 0.1)].concat()),
    ];
    for (shape, vectors) in shapes {
        let (queries, others) = vectors.split_at(100);
        let found = recall_at_10(others, queries, 0.98);
        assert!(found >= 0.98, "{shape}: recall@10 {found:.3}");
    }
}

#[test]
fn auto_leaves_codes_that_leave_most_points_to_be_scored() {
    let why = |vectors: &[Vector], kind| {
        let (_folder, report) = built(vectors, kind, 1.0);
        format!("{}, {} points: {}", report.kind.as_str(), report.points, report.why)
    };
    let lines = [
        why(&sphere(1_000), Kind::Auto),
        why(&sphere(1_000), Kind::Codes),
        why(&heaps(1_000, 30, 0.1), Kind::Auto),
        why(&vec![sphere(1).remove(0); 1_000], Kind::Auto),
    ];
    expect_test::expect![[r#"
        flat, 0 points: auto: codes would leave 42 % of the points to be scored exactly
        codes, 1000 points: as asked; codes leave 42.3 % of the points to be scored exactly, and `flat` is faster
        codes, 1000 points: auto: an exact scan would take some 0 ms; codes leave 2.3 % of the points to be scored exactly
        codes, 1 points: auto: an exact scan would take some 0 ms; codes leave 0.0 % of the points to be scored exactly"#]]
    .assert_eq(&lines.join("\n"));
}
