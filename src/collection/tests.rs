//! A collection held against a plain map and against exhaustive search, through any sequence of changes, merges and restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::*;
use crate::filter::Filter;
use crate::index::QueryKind;
use crate::stage::Watch;
use crate::vector::Kind;

const DIMENSION: usize = 3;

fn schema() -> Schema {
    let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: ColumnType::parse(kind).unwrap() };
    let columns =
        vec![column("id", "long"), column("title", "string"), column("body", "string"), column("stock", "int")];
    let vector = VectorColumn { name: "v".to_owned(), dimension: DIMENSION };
    Schema::new("id".to_owned(), columns, Some(vector)).unwrap()
}

/// Merges after a few rows, so that short sequences see many.
fn params() -> CollectionParams {
    CollectionParams { merge_rows: 12, ..CollectionParams::default() }
}

fn row(value: Value) -> NewRow {
    let Value::Object(object) = value else { panic!("no object") };
    schema().row(&object).unwrap()
}

/// What the collection should hold: rows by key.
type Model = BTreeMap<i64, Map<String, Value>>;

#[derive(Debug, Clone)]
enum Op {
    Apply { upserts: Vec<Value>, deletes: Vec<i64> },
    Merge,
    Reopen,
}

fn text() -> impl Strategy<Value = String> {
    // Now and then so long that neither its length nor how often it has a word is usual.
    let length = prop_oneof![9 => 0_usize..6, 1 => 58_usize..70];
    let word = || select(vec!["fee", "card", "refund", "the", "the", "Terminal", "PIX"]);
    length.prop_flat_map(move |n| prop::collection::vec(word(), n)).prop_map(|words| words.join(" "))
}

fn any_row() -> impl Strategy<Value = Value> {
    let number = select(vec![-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]);
    let vector = prop::option::weighted(0.9, prop::collection::vec(number, DIMENSION));
    (0..40_i64, prop::option::of(text()), text(), prop::option::of(0..5), vector).prop_map(
        |(id, title, body, stock, v)| json!({ "id": id, "title": title, "body": body, "stock": stock, "v": v }),
    )
}

fn any_op() -> impl Strategy<Value = Op> {
    let some = (prop::collection::vec(any_row(), 0..4), prop::collection::vec(0..40_i64, 0..3));
    let many = (prop::collection::vec(any_row(), 12..30), prop::collection::vec(0..40_i64, 0..3));
    prop_oneof![
        8 => some.prop_map(|(upserts, deletes)| Op::Apply { upserts, deletes }),
        1 => many.prop_map(|(upserts, deletes)| Op::Apply { upserts, deletes }),
        1 => Just(Op::Merge),
        1 => Just(Op::Reopen),
    ]
}

fn change(model: &mut Model, upserts: &[Value], deletes: &[i64]) {
    for key in deletes {
        model.remove(key);
    }
    for value in upserts {
        let object: Map<String, Value> = value
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        model.insert(value["id"].as_i64().unwrap(), object);
    }
}

fn batch(upserts: &[Value], deletes: &[i64]) -> Batch {
    Batch {
        upserts: upserts.iter().cloned().map(row).collect(),
        deletes: deletes.iter().copied().map(Key::Integer).collect(),
    }
}

fn held_rows(view: &View) -> Model {
    let rows = view.after(None, 1_000).into_iter().map(|id| {
        let names = view.schema().names().into_iter().map(str::to_owned).collect::<Vec<_>>();
        let cells = names.into_iter().map(|name| (name.clone(), view.value(id, &name).unwrap()));
        let object: Map<String, Value> = cells.filter(|(_, value)| !value.is_null()).collect();
        let Key::Integer(key) = view.key(id) else { panic!("no number") };
        assert_eq!(view.get(&Key::Integer(key)), Some(id));
        (key, object)
    });
    rows.collect()
}

/// Every row with its score, best first, by looking at all.
fn exhaustive(
    model: &Model,
    query: &CollectionQuery,
    eligible: &dyn Fn(&Map<String, Value>) -> bool,
) -> Vec<(i64, f64)> {
    let near = || {
        let q = query.vector.clone().unwrap();
        let score = |row: &Map<String, Value>| {
            let v: Vec<f64> = row.get("v")?.as_array()?.iter().map(|x| x.as_f64().unwrap()).collect();
            Some(1.0 / (1.0 + v.iter().zip(&q).map(|(a, b)| (a - f64::from(*b)).powi(2)).sum::<f64>()))
        };
        ranked(
            model.iter().filter(|(_, row)| eligible(row)).filter_map(|(key, row)| Some((*key, score(row)?))).collect(),
        )
    };
    let worded = || {
        let columns = query.text_columns.clone().unwrap_or_else(|| vec!["title".to_owned(), "body".to_owned()]);
        let words = |row: &Map<String, Value>| -> Vec<String> {
            let texts = columns.iter().filter_map(|column| row.get(column)?.as_str());
            texts.flat_map(|text| text.split_whitespace().map(str::to_lowercase)).collect()
        };
        let documents: Vec<(i64, Vec<String>, bool)> =
            model.iter().map(|(key, row)| (*key, words(row), eligible(row))).collect();
        let n = documents.len() as f64;
        let mean = documents.iter().map(|(_, words, _)| words.len() as f64).sum::<f64>() / n;
        let asked: Vec<String> = query.text.clone().unwrap().split_whitespace().map(str::to_lowercase).collect();
        let score = |document: &[String]| {
            let of = |word: &String| {
                let with = documents.iter().filter(|(_, words, _)| words.contains(word)).count() as f64;
                let tf = document.iter().filter(|it| *it == word).count() as f64;
                let norm = 1.2 * (0.25 + 0.75 * document.len() as f64 / mean);
                (1.0 + (n - with + 0.5) / (with + 0.5)).ln() * tf * 2.2 / (tf + norm)
            };
            asked.iter().map(of).sum::<f64>()
        };
        let eligible = documents.iter().filter(|(_, _, eligible)| *eligible);
        ranked(eligible.map(|(key, words, _)| (*key, score(words))).filter(|(_, score)| *score > 0.0).collect())
    };
    match query.kind {
        QueryKind::Ann => near(),
        QueryKind::FullText => worded(),
        QueryKind::Hybrid => unreachable!("it is held against its legs"),
    }
}

fn ranked(mut rows: Vec<(i64, f64)>) -> Vec<(i64, f64)> {
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    rows
}

/// The reciprocal rank fusion of what the legs answer when they are asked for all they have.
fn fused(view: &View, query: &CollectionQuery) -> Vec<(i64, f64)> {
    let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
    for kind in [QueryKind::Ann, QueryKind::FullText] {
        let found = view.query(&CollectionQuery { kind, k: 1_000, ..query.clone() }).unwrap();
        for (rank, (key, _)) in keyed(view, &found.hits).into_iter().enumerate() {
            *sums.entry(key).or_default() += 30.0 / (60.0 + rank as f64);
        }
    }
    ranked(sums.into_iter().collect())
}

fn keyed(view: &View, hits: &[CollectionHit]) -> Vec<(i64, f64)> {
    hits.iter().map(|hit| (view.value(hit.row, "id").unwrap().as_i64().unwrap(), hit.score)).collect()
}

/// Whether a filter lets a row through, said in other words.
type Passes = fn(&Map<String, Value>) -> bool;

fn assert_answers(view: &View, model: &Model) {
    let filters: [(&str, Passes); 3] = [
        ("{}", |_| true),
        (r#"{"stock >=": 2}"#, |row| row.get("stock").is_some_and(|stock| stock.as_i64().unwrap() >= 2)),
        ("title IS NULL OR id < 10", |row| !row.contains_key("title") || row["id"].as_i64().unwrap() < 10),
    ];
    for (filter, eligible) in &filters {
        for kind in [QueryKind::Ann, QueryKind::FullText, QueryKind::Hybrid] {
            for (text, vector, columns) in [
                ("the refund of the fee", [0.4_f32, -1.0, 0.25], None),
                ("pix card card", [0.0, 0.0, 0.0], Some(vec!["body".to_owned()])),
            ] {
                let query = CollectionQuery {
                    kind,
                    vector: Some(vector.to_vec()),
                    text: Some(text.to_owned()),
                    text_columns: columns,
                    k: 5,
                    filter: Some(Filter::parse(filter).unwrap()),
                    watch: Watch::default(),
                };
                let found = view.query(&query).unwrap();
                let expected = match kind {
                    QueryKind::Hybrid => fused(view, &query),
                    QueryKind::Ann | QueryKind::FullText => exhaustive(model, &query, eligible),
                };
                let hits = keyed(view, &found.hits);
                let said = format!("{kind:?} {filter} {text}: {hits:?} {expected:?}");
                // What differs by rounding alone may change places, with its own score.
                assert_eq!(hits.len(), expected.len().min(5), "{said}");
                let scores: BTreeMap<i64, f64> = expected.iter().copied().collect();
                for ((key, score), (_, wanted)) in hits.iter().zip(&expected) {
                    assert!((score - wanted).abs() < 1e-4 && (score - scores[key]).abs() < 1e-4, "{said}");
                }
                assert_eq!(ranked(hits.clone()), hits, "{said}");
                if kind != QueryKind::Hybrid {
                    let matched: BTreeSet<i64> = found
                        .matched
                        .rows()
                        .unwrap()
                        .into_iter()
                        .map(|id| view.value(id, "id").unwrap().as_i64().unwrap())
                        .collect();
                    let wanted: BTreeSet<i64> = match kind {
                        QueryKind::FullText => expected.iter().map(|it| it.0).collect(),
                        _ => model.iter().filter(|(_, row)| eligible(row)).map(|(key, _)| *key).collect(),
                    };
                    assert_eq!(matched, wanted, "{said}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_collection_is_the_map_that_its_changes_make(ops in prop::collection::vec(any_op(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let mut collection = Collection::create(folder.path(), schema(), &params()).unwrap();
        let mut model = Model::new();
        for op in &ops {
            match op {
                Op::Apply { upserts, deletes } => {
                    collection.apply(batch(upserts, deletes)).unwrap();
                    change(&mut model, upserts, deletes);
                    // What was changed is there at once.
                    prop_assert_eq!(collection.view().len(), model.len());
                }
                Op::Merge => _ = collection.inner.merge(None).unwrap(),
                Op::Reopen => {
                    drop(collection);
                    collection = Collection::open(folder.path(), &params()).unwrap();
                }
            }
        }
        let view = collection.view();
        // Numbers that JSON has as 0.5 or 1 are the same.
        let plain = |model: &Model| format!("{model:?}").replace(".0)", ")");
        prop_assert_eq!(plain(&held_rows(&view)), plain(&model));
        assert_answers(&view, &model);
        drop(collection);
        let opened = Collection::open(folder.path(), &params()).unwrap().view();
        prop_assert_eq!(held_rows(&opened), held_rows(&view));
        assert_answers(&opened, &model);
    }
}

#[test]
fn a_view_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &params()).unwrap();
    collection.apply(batch(&[json!({ "id": 1, "body": "one" }), json!({ "id": 2, "body": "two" })], &[])).unwrap();
    let view = collection.view();
    let rows = held_rows(&view);
    let many: Vec<Value> = (0..50).map(|id| json!({ "id": id, "body": "other", "v": [id, 0, 1] })).collect();
    collection.apply(batch(&many, &[2])).unwrap();
    collection.inner.merge(None).unwrap();
    assert_eq!(held_rows(&view), rows);
    assert_eq!(collection.view().len(), 50);
}

#[test]
fn what_is_left_alone_is_tidied_sooner() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &params()).unwrap();
    let rows: Vec<Value> = (0..4).map(|id| json!({ "id": id, "v": [id, 1, 2] })).collect();
    for at in 0..4 {
        collection.apply(batch(&rows[at..=at], &[])).unwrap();
        assert!(!collection.tend().unwrap(), "it has changed since the last look");
    }
    let before = held_rows(&collection.view());
    assert!(collection.tend().unwrap());
    assert!(!collection.tend().unwrap(), "nothing is left to tidy");
    assert_eq!(held_rows(&collection.view()), before);
}

#[test]
fn what_is_closed_is_written_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &params()).unwrap();
    for id in 0..40 {
        collection.apply(batch(&[json!({ "id": id })], &[])).unwrap();
    }
    collection.close();
    // A merge that was under way is over: nothing is written below what is removed.
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(collection.apply(batch(&[json!({ "id": 77 })], &[])).unwrap_err().to_string().contains("is closed"));
    assert_eq!(collection.view().len(), 40);
    drop(collection);
    assert!(!folder.path().exists());
}

#[test]
fn keys_page_through_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &params()).unwrap();
    for id in (0..30).rev() {
        collection.apply(batch(&[json!({ "id": id * 3 - 40 })], &[])).unwrap();
    }
    let view = collection.view();
    let (mut last, mut keys) = (None, Vec::new());
    loop {
        let page = view.after(last.as_ref(), 7);
        let Some(end) = page.last() else { break };
        last = Some(view.key(*end));
        keys.extend(page.into_iter().map(|id| view.key(id)));
    }
    assert_eq!(keys, (0..30).map(|id| Key::Integer(id * 3 - 40)).collect::<Vec<_>>());
}

#[test]
fn concurrent_writers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &params()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8_i64 {
            let collection = &collection;
            scope.spawn(move || {
                for n in 0..40 {
                    let id = writer * 100 + n;
                    collection.apply(batch(&[json!({ "id": id, "stock": n, "body": "the" })], &[])).unwrap();
                    let view = collection.view();
                    assert!(view.get(&Key::Integer(id)).is_some(), "what was written is there");
                    if n % 4 == 3 {
                        collection.apply(batch(&[], &[id - 1])).unwrap();
                        assert!(collection.view().get(&Key::Integer(id - 1)).is_none());
                    }
                }
            });
        }
    });
    assert_eq!(collection.view().len(), 8 * 30);
    let rows = held_rows(&collection.view());
    drop(collection);
    assert_eq!(held_rows(&Collection::open(folder.path(), &params()).unwrap().view()), rows);
}

/// The files of a folder, for a look at what a stop at some moment would have left.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copied(&path, &target) } else { _ = fs::copy(&path, &target).unwrap() }
    }
}

#[test]
fn a_log_cut_anywhere_holds_the_changes_before_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &CollectionParams::default()).unwrap();
    let path = log::path_of(folder.path(), 1);
    let mut ends = vec![0];
    for id in 0..6 {
        collection.apply(batch(&[json!({ "id": id, "body": "the fee", "v": [0.5, id, 1] })], &[id - 3])).unwrap();
        ends.push(fs::metadata(&path).unwrap().len());
    }
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        let stopped = tempfile::tempdir().unwrap();
        copied(folder.path(), stopped.path());
        fs::write(log::path_of(stopped.path(), 1), &whole[..cut]).unwrap();
        let opened = Collection::open(stopped.path(), &CollectionParams::default()).unwrap();
        let changes = ends.iter().filter(|end| **end <= cut as u64).count() as i64 - 1;
        let expected: Vec<Key> = ((changes - 3).max(0)..changes).map(Key::Integer).collect();
        let view = opened.view();
        assert_eq!(
            view.after(None, 10).into_iter().map(|id| view.key(id)).collect::<Vec<_>>(),
            expected,
            "cut at {cut}"
        );
        // It goes on from there.
        opened.apply(batch(&[json!({ "id": 77 })], &[])).unwrap();
        drop(opened);
        assert!(
            Collection::open(stopped.path(), &CollectionParams::default())
                .unwrap()
                .view()
                .get(&Key::Integer(77))
                .is_some()
        );
    }
}

#[test]
fn what_was_acknowledged_and_does_not_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &CollectionParams::default()).unwrap();
    for id in 0..3 {
        collection.apply(batch(&[json!({ "id": id, "body": "the fee" })], &[])).unwrap();
    }
    drop(collection);
    let path = log::path_of(folder.path(), 1);
    let whole = fs::read_to_string(&path).unwrap();
    let second = whole.lines().take(1).map(str::len).sum::<usize>() + 1;
    let mut torn = whole.clone().into_bytes();
    torn[second + 60] ^= 1;
    fs::write(&path, &torn).unwrap();
    let error = Collection::open(folder.path(), &CollectionParams::default()).err().unwrap().to_string();
    assert!(error.contains(&format!("what begins at byte {second} was acknowledged and does not hold")), "{error}");
    assert_eq!(fs::read(&path).unwrap(), torn, "nothing is cut off a log that is refused");

    fs::write(&path, whole).unwrap();
    let manifest = folder.path().join(MANIFEST);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("first_log\":1", "first_log\":2")).unwrap();
    assert!(matches!(Collection::open(folder.path(), &CollectionParams::default()), Err(Error::Corrupt { .. })));
}

#[test]
fn a_stop_at_any_step_of_a_merge_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema(), &params()).unwrap();
    let rows: Vec<Value> = (0..10).map(|id| json!({ "id": id, "body": "the fee", "v": [id, 1, 0] })).collect();
    collection.apply(batch(&rows, &[])).unwrap();
    let expected = held_rows(&collection.view());
    // Before: the log alone. Half-way: a new log and a part that nothing names yet. After: old files that are not gone.
    let half = tempfile::tempdir().unwrap();
    copied(folder.path(), half.path());
    fs::create_dir(part_folder(half.path(), 1)).unwrap();
    fs::write(part_folder(half.path(), 1).join("rows.arrow"), "half").unwrap();
    Log::create(half.path(), 2).unwrap();
    let opened = Collection::open(half.path(), &params()).unwrap();
    assert_eq!(held_rows(&opened.view()), expected);
    assert!(!part_folder(half.path(), 1).exists());
    opened.inner.merge(None).unwrap();
    assert_eq!(held_rows(&opened.view()), expected);

    let after = tempfile::tempdir().unwrap();
    collection.inner.merge(None).unwrap();
    copied(folder.path(), after.path());
    fs::write(log::path_of(after.path(), 1), "left over").unwrap();
    let opened = Collection::open(after.path(), &params()).unwrap();
    assert_eq!(held_rows(&opened.view()), expected);
    assert!(!log::path_of(after.path(), 1).exists());
}

#[test]
fn rows_that_do_not_fit_say_why() {
    let refused = |value: Value| schema().row(value.as_object().unwrap()).unwrap_err();
    let told: Vec<String> = [
        json!({}),
        json!({ "id": null }),
        json!({ "id": "7" }),
        json!({ "id": 1.5 }),
        json!({ "id": 1, "colour": "red" }),
        json!({ "id": 1, "stock": 3_000_000_000_i64 }),
        json!({ "id": 1, "title": 7 }),
        json!({ "id": 1, "v": [1, 2] }),
        json!({ "id": 1, "v": [1, 2, 1e30] }),
        json!({ "id": 1, "v": [1, 2, "3"] }),
    ]
    .into_iter()
    .map(refused)
    .collect();
    expect_test::expect![[r#"
        primary key `id`: it is missing
        primary key `id`: it is missing
        column `id`: a text is no bigint
        column `id`: `1.5` is no bigint
        there is no column `colour`
        column `stock`: `3000000000` is no int
        column `title`: `7` is no string
        column `v`: 2 numbers, the index has dimension 3
        column `v`: a number is not finite, or too large
        column `v`: it must be a list of numbers"#]]
    .assert_eq(&told.join("\n"));
    assert_eq!(row(json!({ "id": 1.0, "stock": 2.0 })), row(json!({ "id": 1, "stock": 2 })));
}

#[test]
fn every_type_comes_back_as_it_went_in() {
    let names = ["byte", "short", "int", "long", "float", "double", "boolean", "string", "date", "timestamp"];
    let values = [
        json!(-128),
        json!(300),
        json!(70_000),
        json!(i64::MAX),
        json!(0.5),
        json!(0.1),
        json!(true),
        json!("é 😀"),
        json!("2026-02-28"),
        json!("2026-02-28T12:30:00.250Z"),
    ];
    let mut columns = vec![Column { name: "k".to_owned(), kind: ColumnType::One(Primitive::String) }];
    let mut object = Map::from_iter([("k".to_owned(), json!("a"))]);
    for (name, value) in names.iter().zip(&values) {
        columns.push(Column { name: (*name).to_owned(), kind: ColumnType::parse(name).unwrap() });
        columns.push(Column { name: format!("{name}s"), kind: ColumnType::parse(&format!("array<{name}>")).unwrap() });
        object.insert((*name).to_owned(), value.clone());
        object.insert(format!("{name}s"), json!([value, null, value]));
    }
    let schema = Schema::new("k".to_owned(), columns, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let collection = Collection::create(folder.path(), schema.clone(), &params()).unwrap();
    let nulls = Map::from_iter([("k".to_owned(), json!("b"))]);
    collection
        .apply(Batch { upserts: vec![schema.row(&object).unwrap(), schema.row(&nulls).unwrap()], deletes: vec![] })
        .unwrap();
    for _ in ["in memory", "on the disk"] {
        let view = collection.view();
        for (name, value) in &object {
            assert_eq!(view.value(view.get(&Key::Text("a".to_owned())).unwrap(), name).unwrap(), *value, "{name}");
        }
        assert_eq!(view.value(view.get(&Key::Text("b".to_owned())).unwrap(), "floats").unwrap(), Value::Null);
        collection.inner.merge(None).unwrap();
    }
}

#[test]
fn the_nearest_are_found_whatever_lengths_vectors_have() {
    // 37 is a multiple of nothing that codes, registers or turns like.
    const DIMENSION: usize = 37;
    const ROWS: usize = 2_000;
    let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: ColumnType::parse(kind).unwrap() };
    let vector = VectorColumn { name: "v".to_owned(), dimension: DIMENSION };
    let schema = Schema::new("id".to_owned(), vec![column("id", "long")], Some(vector)).unwrap();
    let recall = 0.98;
    let vector = VectorParams { kind: Kind::Codes, recall, ..VectorParams::default() };
    let params = CollectionParams { merge_rows: ROWS / 2, vector };

    type Length = fn(usize, f32) -> f32;
    let shapes: [(&str, Length); 4] = [
        ("of one length that is not 1", |_, _| 5.0),
        ("a tenth longer or shorter", |_, chance| (0.2 * chance).exp()),
        ("twice as long or half as long", |_, chance| (1.4 * chance).exp()),
        ("one a hundred times as long", |at, _| if at == 7 { 100.0 } else { 1.0 }),
    ];
    for (shape, length) in shapes {
        // Numbers that look normally distributed, the same always.
        let mut state = 1_u64;
        let mut even = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
        };
        let mut number = || (0..12).map(|_| even()).sum::<f32>();
        let centres: Vec<Vec<f32>> = (0..40).map(|_| (0..DIMENSION).map(|_| number()).collect()).collect();
        let mut any = |at: usize| -> Vec<f32> {
            let apart: Vec<f32> = centres[at % centres.len()].iter().map(|x| x + 0.5 * number()).collect();
            let scale = length(at, number() / 2.0) / apart.iter().map(|x| x * x).sum::<f32>().sqrt();
            apart.iter().map(|x| x * scale).collect()
        };
        let vectors: Vec<Vec<f32>> = (0..ROWS).map(&mut any).collect();
        let folder = tempfile::tempdir().unwrap();
        let collection = Collection::create(folder.path(), schema.clone(), &params).unwrap();
        let row = |(id, v): (usize, &Vec<f32>)| schema.row(json!({ "id": id, "v": v }).as_object().unwrap()).unwrap();
        let upserts = vectors.iter().enumerate().map(row).collect();
        collection.apply(Batch { upserts, deletes: Vec::new() }).unwrap();
        while collection.tend().unwrap() {}

        let view = collection.view();
        let n_found: usize = (8..108)
            .map(|at| {
                let query = any(at);
                let distance = |vector: &[f32]| query.iter().zip(vector).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
                let mut distances: Vec<f32> = vectors.iter().map(|vector| distance(vector)).collect();
                distances.sort_by(f32::total_cmp);
                let asked = CollectionQuery {
                    kind: QueryKind::Ann,
                    vector: Some(query.clone()),
                    text: None,
                    text_columns: None,
                    k: 10,
                    filter: None,
                    watch: Watch::default(),
                };
                let hits = view.query(&asked).unwrap().hits;
                hits.iter().filter(|hit| distance(view.vector(hit.row).unwrap()) <= distances[9]).count()
            })
            .sum();
        let found = n_found as f64 / 1_000.0;
        assert!(found >= recall, "{shape}: recall@10 {found:.3}");
    }
}
