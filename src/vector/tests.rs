//! The flat index against a naive sort, and the graph against the flat index.

use expect_test::expect;
use fs_err as fs;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::embed::Vector;
use crate::rank::by_rank;

const DIMENSION: usize = 16;

/// Points in `n_clusters` heaps, as tickets lie; every second one equals one before it.
fn clustered(n: usize, n_clusters: usize, seed: u64) -> Vec<Vector> {
    let mut state = seed;
    // Knuth's linear congruential generator; its high bits are random enough for heaps of points.
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    let mut point =
        |spread: f32, around: &[f32]| -> Vec<f32> { around.iter().map(|x| x + spread * uniform()).collect() };
    let centres: Vec<Vec<f32>> = (0..n_clusters).map(|_| point(1.0, &[0.0; DIMENSION])).collect();
    let mut vectors: Vec<Vector> = Vec::with_capacity(n);
    for at in 0..n {
        if at % 2 == 1 {
            vectors.push(vectors[at / 2].clone());
        } else {
            vectors.push(Vector::new(point(0.3, &centres[at / 2 % n_clusters])).unwrap());
        }
    }
    vectors
}

fn built(vectors: &[Vector], params: &VectorParams) -> (TempDir, BuildReport) {
    let folder = tempfile::tempdir().unwrap();
    let report = build(folder.path(), vectors, DIMENSION, params).unwrap();
    (folder, report)
}

fn flat(vectors: &[Vector]) -> Box<dyn VectorIndex> {
    let (folder, _) = built(vectors, &VectorParams { kind: Kind::Flat, ..VectorParams::default() });
    open(folder.path(), Kind::Flat, vectors.len(), DIMENSION).unwrap()
}

/// Small enough for a build without optimization, and a short walk, so that few rows are left to the exact scan.
fn small_graph() -> VectorParams {
    let hnsw = HnswParams { m: 8, ef_construction: 40, ef_search: 24, ..HnswParams::default() };
    VectorParams { kind: Kind::Hnsw, hnsw, ..VectorParams::default() }
}

fn naive(vectors: &[Vector], query: &[f32], k: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
    let rows = (0..vectors.len() as Row).filter(|&row| eligible.is_none_or(|set| set.contains(row)));
    let mut hits: Vec<Scored> =
        rows.map(|row| Scored { row, score: dot::dot(query, &vectors[row as usize]) }).collect();
    hits.sort_by(by_rank);
    hits.truncate(k);
    hits
}

fn any_vectors(most: usize) -> impl Strategy<Value = Vec<Vector>> {
    // Few different numbers, so that equal vectors and equal scores are common.
    let raw = prop::collection::vec(-2_i8..=2, DIMENSION);
    let vector = raw.prop_filter_map("no direction", |raw| Vector::new(raw.into_iter().map(f32::from).collect()));
    prop::collection::vec(vector, 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn flat_search_is_a_sort(vectors in any_vectors(60), k in 0_usize..70, every in 1_usize..5) {
        let index = flat(&vectors);
        let eligible = RowSet::from_fn(vectors.len(), |row| row % every == 0);
        for mask in [None, Some(&eligible)] {
            prop_assert_eq!(index.search(&vectors[0], k, mask), naive(&vectors, &vectors[0], k, mask));
        }
    }

    #[test]
    fn a_walk_that_keeps_every_point_finds_every_row(vectors in any_vectors(40), every in 1_usize..5) {
        let (folder, report) = built(&vectors, &small_graph());
        verify(folder.path(), Kind::Hnsw, vectors.len(), DIMENSION).unwrap();
        let matrix = Matrix::open(&folder.path().join(VECTORS_FILE), vectors.len(), DIMENSION).unwrap();
        let graph = HnswIndex::open(folder.path(), matrix).unwrap();
        let eligible = RowSet::from_fn(vectors.len(), |row| row % every == 0);
        for mask in [None, Some(&eligible)] {
            let expected = naive(&vectors, &vectors[0], vectors.len(), mask);
            prop_assert_eq!(graph.walk(&vectors[0], vectors.len(), report.points, mask), expected);
        }
    }

    #[test]
    fn a_code_is_near_its_vector(raw in prop::collection::vec(-1.0_f32..1.0, DIMENSION)) {
        prop_assume!(raw.iter().any(|x| x.abs() > 1e-3));
        let mut code = Vec::new();
        let scale = quantize::quantize(&raw, &mut code);
        for (x, c) in raw.iter().zip(code) {
            prop_assert!((x - f32::from(c) * scale).abs() <= scale * 0.5001);
        }
    }
}

#[test]
fn the_flat_index_answers_alike_when_it_is_shared_out_to_threads() {
    let vectors = clustered(20_000, 50, 3);
    let query = &vectors[777];
    assert_eq!(flat(&vectors).search(query, 10, None), naive(&vectors, query, 10, None));
}

#[test]
fn the_graph_finds_nearly_all_that_the_scan_finds_under_any_mask() {
    let vectors = clustered(4_000, 60, 1);
    let oracle = flat(&vectors);
    let (folder, report) = built(&vectors, &small_graph());
    assert_eq!((report.kind, report.rows, report.points), (Kind::Hnsw, 4_000, 2_000));
    verify(folder.path(), Kind::Hnsw, 4_000, DIMENSION).unwrap();
    let graph = open(folder.path(), Kind::Hnsw, 4_000, DIMENSION).unwrap();
    let queries = clustered(80, 60, 1);
    for percent in [1, 10, 50, 100] {
        let eligible = RowSet::from_fn(4_000, |row| row * 7 % 100 < percent);
        let mask = (percent < 100).then_some(&eligible);
        let (mut n_found, mut n_expected) = (0, 0);
        for query in queries.iter().step_by(2) {
            let expected = oracle.search(query, 10, mask);
            let found = graph.search(query, 10, mask);
            assert_eq!(found.len(), expected.len());
            assert!(found.is_sorted_by(|a, b| by_rank(a, b).is_lt()));
            assert!(found.iter().all(|hit| mask.is_none_or(|set| set.contains(hit.row))));
            n_found += found.iter().filter(|hit| expected.contains(hit)).count();
            n_expected += expected.len();
        }
        let recall = n_found as f64 / n_expected as f64;
        assert!(recall >= 0.95, "recall@10 {recall:.3} with {percent} % eligible");
    }
}

/// Texts with 20 near copies each, one after another.
fn crowded(n_texts: usize) -> Vec<Vector> {
    let (texts, changes) = (clustered(2 * n_texts, n_texts, 4), clustered(40, 20, 6));
    let copies = |text: &Vector| -> Vec<Vector> {
        let changes = changes.iter().step_by(2);
        changes.map(|change| Vector::weighted_sum([(text, 1.0), (change, 0.02)]).unwrap()).collect()
    };
    // Every second one equals one before it.
    texts.iter().step_by(2).flat_map(copies).collect()
}

#[test]
fn walks_among_near_copies_find_what_a_filter_leaves_wherever_it_lies() {
    let vectors = crowded(100);
    let (folder, _) = built(&vectors, &small_graph());
    let matrix = Matrix::open(&folder.path().join(VECTORS_FILE), vectors.len(), DIMENSION).unwrap();
    let graph = HnswIndex::open(folder.path(), matrix).unwrap();
    let scattered = |row: usize| row * 7 % 100;
    // All copies of a text, or none.
    let together = |row: usize| row / 20 * 7 % 100;
    let mut recalls = Vec::new();
    for place in [&scattered as &dyn Fn(usize) -> usize, &together] {
        for percent in [1, 10, 50] {
            let eligible = RowSet::from_fn(vectors.len(), |row| place(row) < percent);
            let (mut n_walked, mut n_found, mut n_expected) = (0, 0, 0);
            for query in vectors.iter().step_by(61) {
                let expected = naive(&vectors, query, 10, Some(&eligible));
                let worst = expected[expected.len() - 1].score;
                let is_right = |hit: &&Scored| eligible.contains(hit.row) && hit.score >= worst;
                n_walked += graph.walk(query, 10, 96, Some(&eligible)).iter().filter(is_right).count();
                n_found += graph.search(query, 10, Some(&eligible)).iter().filter(is_right).count();
                n_expected += expected.len();
            }
            let [walked, found] = [n_walked, n_found].map(|n| n as f64 / n_expected as f64);
            recalls.push((percent, walked, found));
        }
    }
    // The search walks only where half of the rows are eligible, with a quarter of the candidates.
    let are_high = |&(_, walked, found): &(usize, f64, f64)| walked >= 0.95 && found >= 0.9;
    assert!(recalls.iter().all(are_high), "percent eligible, recall@10 of walks and of the search: {recalls:.3?}");
}

#[test]
fn refined_links_are_few_and_nearer_and_the_same_on_any_number_of_threads() {
    let vectors = crowded(20);
    let (folder, _) = built(&vectors, &VectorParams { kind: Kind::Flat, ..VectorParams::default() });
    let matrix = Matrix::open(&folder.path().join(VECTORS_FILE), vectors.len(), DIMENSION).unwrap();
    let points = points::Points::of(&matrix).vectors;
    // Poor ones: the next five points.
    let n_points = points.len() as u32;
    let poor: Vec<Vec<u32>> =
        (0..n_points).map(|point| (1..6).map(|step| (point + step) % n_points).collect()).collect();
    let refined = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| refine::refine(&poor, &points, 6, |point| refine::two_hops(&poor, point)))
    });
    assert_eq!(refined[0], refined[1]);
    let mean_cosine = |links: &[Vec<u32>]| {
        let cosine = |(point, other): (usize, &u32)| dot::dot(points[point], points[*other as usize]);
        let of_nearest = links
            .iter()
            .enumerate()
            .map(|(point, others)| others.iter().map(|other| cosine((point, other))).fold(f32::NEG_INFINITY, f32::max));
        of_nearest.sum::<f32>() / links.len() as f32
    };
    assert!(mean_cosine(&refined[0]) > mean_cosine(&poor));
    for (point, others) in refined[0].iter().enumerate() {
        assert!((1..=6).contains(&others.len()));
        assert!(!others.contains(&(point as u32)));
    }
}

/// Codes for few rows, so that nothing is left to the exact scan.
fn codes(recall: f64) -> VectorParams {
    VectorParams { kind: Kind::Codes, recall, ..VectorParams::default() }
}

fn open_codes(vectors: &[Vector], recall: f64) -> (TempDir, CodesIndex) {
    let (folder, _) = built(vectors, &codes(recall));
    verify(folder.path(), Kind::Codes, vectors.len(), DIMENSION).unwrap();
    let matrix = Matrix::open(&folder.path().join(VECTORS_FILE), vectors.len(), DIMENSION).unwrap();
    let index = CodesIndex::open(folder.path(), matrix).unwrap();
    (folder, index)
}

#[test]
fn codes_find_the_share_that_was_asked_for_and_all_rows_that_were_asked_for_under_any_mask() {
    let vectors = clustered(4_000, 60, 1);
    let (_folder, index) = open_codes(&vectors, 0.99);
    let queries = clustered(80, 60, 1);
    for (k, percent) in [(10, 100), (100, 100), (10, 50), (10, 5), (3_000, 100), (3_000, 50)] {
        let eligible = RowSet::from_fn(4_000, |row| row * 7 % 100 < percent);
        let mask = (percent < 100).then_some(&eligible);
        let (mut n_found, mut n_expected) = (0, 0);
        for query in queries.iter().step_by(2) {
            let expected = naive(&vectors, query, k, mask);
            let found = index.search(query, k, mask);
            assert_eq!(found.len(), expected.len());
            assert!(found.is_sorted_by(|a, b| by_rank(a, b).is_lt()));
            assert!(found.iter().all(|hit| mask.is_none_or(|set| set.contains(hit.row))));
            let worst = expected[expected.len() - 1].score;
            n_found += found.iter().filter(|hit| hit.score >= worst).count();
            n_expected += expected.len();
        }
        let recall = n_found as f64 / n_expected as f64;
        // What was measured for 10 neighbours among all is nearly kept for more of them and under a filter, where the nearest
        // are further away and estimates of them err more.
        assert!(recall >= if percent == 100 { 0.97 } else { 0.95 }, "recall@{k} {recall:.4} with {percent} % eligible");
    }
}

#[test]
fn codes_answer_alike_on_any_number_of_threads() {
    let vectors = clustered(8_000, 100, 3);
    let (_folder, index) = open_codes(&vectors, 0.9);
    let answers = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| vectors[..5].iter().map(|query| index.search(query, 10, None)).collect::<Vec<_>>())
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn estimates_are_right_on_average() {
    let vectors = clustered(2_000, 60, 1);
    let points: Vec<&[f32]> = vectors.iter().map(AsRef::as_ref).collect();
    let mut numbers = axes::learn(&points, DIMENSION);
    let (mut sum, mut sum_of_squares, mut n) = (0.0, 0.0, 0.0);
    for query in &points[..40] {
        // Other axes for each query: the average is over them.
        numbers[DIMENSION..].rotate_left(7);
        let axes = axes::Axes::read(&numbers, DIMENSION);
        let tables = bits::Tables::new(axes, query);
        // A centre that is neither the mean nor zero.
        let centre: Vec<f32> = points[0].iter().zip(axes.mean).map(|(x, mean)| (x + mean) / 2.0).collect();
        let terms = bits::Terms { base: dot::dot(&centre, query), offset: tables.offset };
        for block in points.chunks(bits::BLOCK) {
            let (codes, factors) = bits::encode_block(axes, &centre, block.iter().copied());
            let blocks = kernel::Blocks { codes: &codes, factors: &[factors] };
            for (estimate, point) in kernel::bounds_of_block(blocks, &tables, terms, 0).iter().zip(block) {
                let error = f64::from(estimate - dot::dot(query, point));
                sum += error;
                sum_of_squares += error * error;
                n += 1.0;
            }
        }
    }
    let (mean, width) = (sum / n, f64::sqrt(sum_of_squares / n));
    assert!(mean.abs() < 0.03 * width.max(0.1), "mean error {mean:.4}, width {width:.4}");
    assert!(width < 0.25, "width {width:.4}");
}

#[test]
fn axes_turn_and_neither_stretch_nor_bend() {
    for dimension in [1, 2, 3, 5, 16, 24, 31, 33, 100] {
        let points: Vec<Vec<f32>> =
            (0..dimension).map(|at| (0..dimension).map(|x| f32::from(x == at)).collect()).collect();
        let points: Vec<&[f32]> = points.iter().map(AsRef::as_ref).collect();
        let numbers = axes::learn(&points, dimension);
        let axes = axes::Axes::read(&numbers, dimension);
        assert!(axes.are_orthonormal());
        let turned: Vec<Vec<f32>> = points.iter().map(|point| axes.turn(point)).collect();
        for (a, x) in turned.iter().zip(&points) {
            for (b, y) in turned.iter().zip(&points) {
                assert!((dot::dot(a, b) - dot::dot(x, y)).abs() < 1e-5, "dimension {dimension}");
            }
            // No direction has most of a number, so that the signs of all say something.
            let largest = a.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            assert!(dimension < 16 || largest < 0.8, "dimension {dimension}: {largest}");
        }
    }
}

#[test]
fn a_file_answers_the_same_always_and_a_serial_build_repeats() {
    let vectors = clustered(900, 12, 5);
    let (folder, report) = built(&vectors, &small_graph());
    let (again, report_again) = built(&vectors, &small_graph());
    assert_eq!(report, report_again);
    for file in [VECTORS_FILE, "graph.u32", "codes.i8", "scales.f32"] {
        assert_eq!(fs::read(folder.path().join(file)).unwrap(), fs::read(again.path().join(file)).unwrap(), "{file}");
    }
    let first = open(folder.path(), Kind::Hnsw, 900, DIMENSION).unwrap();
    let second = open(folder.path(), Kind::Hnsw, 900, DIMENSION).unwrap();
    for query in &vectors[..20] {
        assert_eq!(first.search(query, 5, None), second.search(query, 5, None));
        assert_eq!(first.search(query, 5, None), first.search(query, 5, None));
    }
}

#[test]
fn points_that_nobody_links_to_are_linked() {
    let points = clustered(6, 6, 2);
    let points: Vec<&[f32]> = points.iter().map(AsRef::as_ref).collect();
    // 0 ⇄ 1; 2 → 1 and 3 → 2, but none leads to 2 or 3; 4 and 5 know only each other.
    let mut links = vec![vec![1], vec![0], vec![1], vec![2], vec![5], vec![4]];
    assert_eq!(repair::repair(&mut links, 0, &points), 3);
    assert_eq!(links[1], [0, 2]);
    let reached = repair::reachable(6, 0, |point| links[point as usize].as_slice());
    assert_eq!(reached, [true; 6]);
}

#[test]
fn one_vector_a_thousand_times_is_one_point() {
    let vectors = vec![Vector::new(vec![1.0; DIMENSION]).unwrap(); 1_000];
    let (folder, report) = built(&vectors, &small_graph());
    assert_eq!((report.points, report.links), (1, 0));
    let graph = open(folder.path(), Kind::Hnsw, 1_000, DIMENSION).unwrap();
    let rows: Vec<Row> = graph.search(&vectors[0], 3, None).iter().map(|hit| hit.row).collect();
    assert_eq!(rows, [0, 1, 2]);
}

#[test]
fn an_empty_index_works() {
    for kind in [Kind::Flat, Kind::Codes, Kind::Hnsw] {
        let (folder, report) = built(&[], &VectorParams { kind, ..VectorParams::default() });
        assert_eq!((report.kind, report.rows), (kind, 0));
        verify(folder.path(), kind, 0, DIMENSION).unwrap();
        let index = open(folder.path(), kind, 0, DIMENSION).unwrap();
        assert_eq!(index.search(&[0.25; DIMENSION], 5, None), []);
        assert_eq!(index.search(&[0.25; DIMENSION], 5, Some(&RowSet::none(0))), []);
    }
}

#[test]
fn the_kind_is_chosen_by_what_a_scan_costs() {
    let vectors = clustered(40, 4, 9);
    let kind = |flat_ms| built(&vectors, &VectorParams { kind: Kind::Auto, flat_ms, ..VectorParams::default() }).1.kind;
    // As many numbers as there are here are scanned in 0.26 ns each.
    let ms = (40 * DIMENSION) as f64 * 2.6e-7;
    assert_eq!(kind(ms * 1.01), Kind::Flat);
    assert_eq!(kind(ms * 0.99), Kind::Codes);
}

/// Builds an index of 40 rows, spoils a file, and says what comes of opening and verifying it.
fn check_spoilt(file: &str, spoil: impl Fn(&mut Vec<u8>), expected: expect_test::Expect) {
    let (folder, _) = built(&clustered(40, 4, 9), &small_graph());
    let path = folder.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    spoil(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let opened = open(folder.path(), Kind::Hnsw, 40, DIMENSION).map(|index| index.search(&[0.25; DIMENSION], 5, None));
    let verified = verify(folder.path(), Kind::Hnsw, 40, DIMENSION);
    let when = if opened.is_ok() { "verify" } else { "open" };
    let text = format!("{when}: {}", verified.unwrap_err()).replace(&folder.path().display().to_string(), "FOLDER");
    expected.assert_eq(&text);
}

#[test]
fn a_damaged_file_is_named() {
    check_spoilt(
        VECTORS_FILE,
        |bytes| bytes.truncate(999),
        expect!["open: FOLDER/vectors.f32 is damaged: 999 bytes are not whole numbers of 4 bytes; rebuild the index"],
    );
    check_spoilt(
        VECTORS_FILE,
        |bytes| bytes.truncate(64),
        expect!["open: FOLDER/vectors.f32 is damaged: it holds 16 numbers, and 640 were expected; rebuild the index"],
    );
    check_spoilt(
        VECTORS_FILE,
        |bytes| bytes[67] ^= 0x42,
        expect!["verify: FOLDER/vectors.f32 is damaged: the vector of row 1 is not of unit length; rebuild the index"],
    );
    check_spoilt(
        "codes.i8",
        |bytes| bytes.truncate(7),
        expect!["open: FOLDER/codes.i8 is damaged: it holds 7 numbers, and 320 were expected; rebuild the index"],
    );
    check_spoilt(
        "codes.i8",
        |bytes| bytes[7] ^= 8,
        expect!["verify: FOLDER/codes.i8 is damaged: the code of point 0 is not that of its vector; rebuild the index"],
    );
    check_spoilt(
        "scales.f32",
        Vec::clear,
        expect!["open: FOLDER/scales.f32 is damaged: it holds 0 numbers, and 20 were expected; rebuild the index"],
    );
    check_spoilt(
        "graph.u32",
        Vec::clear,
        expect!["open: FOLDER/graph.u32 is damaged: its header does not fit its size or 40 rows; rebuild the index"],
    );
    check_spoilt(
        "graph.u32",
        |bytes| bytes[0] = b'x',
        expect!["open: FOLDER/graph.u32 is damaged: its header does not fit its size or 40 rows; rebuild the index"],
    );
    check_spoilt(
        "graph.u32",
        |bytes| bytes.truncate(bytes.len() - 4),
        expect!["open: FOLDER/graph.u32 is damaged: its header does not fit its size or 40 rows; rebuild the index"],
    );
    check_spoilt(
        "graph.u32",
        |bytes| bytes[27] = 1,
        expect!["verify: FOLDER/graph.u32 is damaged: the row lists do not lie end to end; rebuild the index"],
    );
    check_spoilt(
        "graph.u32",
        |bytes| bytes[24 + 21 * 4] = 1,
        expect!["verify: FOLDER/graph.u32 is damaged: not every row belongs to exactly one point; rebuild the index"],
    );
    let last = |bytes: &mut Vec<u8>| {
        bytes.truncate(bytes.len() - 4);
        bytes.extend(99_u32.to_le_bytes());
    };
    check_spoilt(
        "graph.u32",
        last,
        expect!["verify: FOLDER/graph.u32 is damaged: a link leads to point 99 of 20; rebuild the index"],
    );
}

/// Of 20 points: √20, rounded up. Each has one block.
const N_CLUSTERS: usize = 5;
const FIRST_ROW_START: usize = (6 + N_CLUSTERS + 1) * 4;
const FIRST_RADIUS: usize = N_CLUSTERS * DIMENSION * 4;

/// As [`check_spoilt`], of codes.
fn check_spoilt_codes(file: &str, spoil: impl Fn(&mut Vec<u8>), expected: expect_test::Expect) {
    let (folder, _) = built(&clustered(40, 4, 9), &codes(0.99));
    let path = folder.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    spoil(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let opened = open(folder.path(), Kind::Codes, 40, DIMENSION).map(|index| index.search(&[0.25; DIMENSION], 5, None));
    let verified = verify(folder.path(), Kind::Codes, 40, DIMENSION);
    let when = if opened.is_ok() { "verify" } else { "open" };
    let text = format!("{when}: {}", verified.unwrap_err()).replace(&folder.path().display().to_string(), "FOLDER");
    expected.assert_eq(&text);
}

#[test]
fn a_damaged_file_of_codes_is_named() {
    check_spoilt_codes(
        "points.u32",
        |bytes| bytes[0] = b'x',
        expect!["open: FOLDER/points.u32 is damaged: its header does not fit its size or 40 rows; rebuild the index"],
    );
    check_spoilt_codes(
        "points.u32",
        |bytes| bytes.truncate(bytes.len() - 4),
        expect!["open: FOLDER/points.u32 is damaged: its header does not fit its size or 40 rows; rebuild the index"],
    );
    check_spoilt_codes(
        "points.u32",
        |bytes| bytes[FIRST_ROW_START - 8] = 9,
        expect!["open: FOLDER/points.u32 is damaged: its header does not fit its size or 40 rows; rebuild the index"],
    );
    check_spoilt_codes(
        "points.u32",
        |bytes| bytes[FIRST_ROW_START + 3] = 1,
        expect!["verify: FOLDER/points.u32 is damaged: the row lists do not lie end to end; rebuild the index"],
    );
    check_spoilt_codes(
        "points.u32",
        |bytes| bytes[FIRST_ROW_START + (N_CLUSTERS * bits::BLOCK + 1) * 4] ^= 1,
        expect!["verify: FOLDER/points.u32 is damaged: not every row belongs to exactly one point; rebuild the index"],
    );
    check_spoilt_codes(
        "clusters.f32",
        Vec::clear,
        expect!["open: FOLDER/clusters.f32 is damaged: it holds 0 numbers, and 90 were expected; rebuild the index"],
    );
    for at in [2, FIRST_RADIUS, FIRST_RADIUS + 4 * N_CLUSTERS] {
        check_spoilt_codes(
            "clusters.f32",
            |bytes| bytes[at] ^= 4,
            expect!["verify: FOLDER/clusters.f32 is damaged: cluster 0 is not that of its vectors; rebuild the index"],
        );
    }
    check_spoilt_codes(
        "axes.f32",
        Vec::clear,
        expect!["open: FOLDER/axes.f32 is damaged: it holds 0 numbers, and 80 were expected; rebuild the index"],
    );
    check_spoilt_codes(
        "axes.f32",
        |bytes| bytes[DIMENSION * 4 + 3] ^= 0x40,
        expect!["verify: FOLDER/axes.f32 is damaged: the axes are not orthogonal directions; rebuild the index"],
    );
    check_spoilt_codes(
        "codes.u8",
        |bytes| bytes.truncate(7),
        expect!["open: FOLDER/codes.u8 is damaged: 7 bytes are not whole numbers of 128 bytes; rebuild the index"],
    );
    check_spoilt_codes(
        "codes.u8",
        |bytes| bytes[3] ^= 4,
        expect!["verify: FOLDER/codes.u8 is damaged: block 0 is not the code of its vectors; rebuild the index"],
    );
    check_spoilt_codes(
        "factors.f32",
        |bytes| bytes[2] ^= 4,
        expect!["verify: FOLDER/factors.f32 is damaged: block 0 has not the factors of its vectors; rebuild the index"],
    );
    check_spoilt_codes(
        "factors.f32",
        Vec::clear,
        expect!["open: FOLDER/factors.f32 is damaged: it holds 0 numbers, and 5 were expected; rebuild the index"],
    );
}

#[test]
fn what_cannot_be_built_is_refused() {
    let vectors = clustered(4, 2, 9);
    let folder = tempfile::tempdir().unwrap();
    let refused = |dimension: usize, params: &VectorParams| {
        build(folder.path(), &vectors, dimension, params).unwrap_err().to_string()
    };
    expect!["vectors: row 0 has 16 numbers, the index has 8"].assert_eq(&refused(8, &VectorParams::default()));
    let too_many = VectorParams { hnsw: HnswParams { m: 300, ..HnswParams::default() }, ..small_graph() };
    expect!["hnsw.m: 300 is not within 4 to 64"].assert_eq(&refused(DIMENSION, &too_many));
    for recall in [-0.1, 1.5, f64::NAN] {
        let refusal = refused(DIMENSION, &codes(recall));
        assert_eq!(refusal, format!("recall: {recall} is not within 0 to 1"));
    }
    let never = open(folder.path(), Kind::Auto, 4, DIMENSION).err().unwrap();
    expect!["kind: an index on disk is `flat`, `codes` or `hnsw`"].assert_eq(&never.to_string());
}
