//! A small index against exact answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::*;
use crate::embed::{Embedder as _, HashedEmbedder, Vector};
use crate::filter::Filter;
use crate::keyword::{KEYWORD_MEMORY, Language, TextField};
use crate::vector::{Kind, VectorParams};

const TEXTS: [(&str, &str, &str); 6] = [
    ("a1", "a", "estorno não caiu na conta"),
    ("a2", "a", "estorno caiu na conta errada"),
    ("b1", "b", "maquininha sem conexão"),
    ("b2", "b", "maquininha com conexão lenta"),
    ("c1", "c", "taxa cobrada acima do contrato"),
    ("d1", "d", "pix devolvido pelo banco"),
];

fn spec() -> IndexSpec {
    IndexSpec {
        name: "texts".to_owned(),
        key: "id".to_owned(),
        group: "topic".to_owned(),
        embedded: "text".to_owned(),
        text_fields: vec![TextField { name: "text".to_owned(), analyzers: vec![Language::Portuguese], boost: 1.0 }],
        exact: None,
        language: None,
        labels: None,
        vector: VectorParams { kind: Kind::Flat, ..VectorParams::default() },
        keyword_memory: KEYWORD_MEMORY,
    }
}

/// An index of [`TEXTS`] in a folder that lives as long as it does.
fn index() -> (tempfile::TempDir, IndexReader) {
    let column = |get: fn(&(&str, &str, &str)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(TEXTS.iter().map(get)))
    };
    let columns = [
        ("id", column(|row| row.0.to_owned())),
        ("topic", column(|row| row.1.to_owned())),
        ("text", column(|row| row.2.to_owned())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let spec = spec();
    let embedder = HashedEmbedder::new(64);
    let vectors = embedder.embed(&TEXTS.map(|row| row.2)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (_, sha256) = write(folder.path(), &spec, [Ok(batch)], &vectors, embedder.identity()).unwrap();
    let reader = IndexReader::open(folder.path(), &sha256, true).unwrap();
    (folder, reader)
}

fn query(kind: QueryKind, text: &str, k: usize) -> Query {
    let vector = HashedEmbedder::new(64).embed(&[text]).unwrap().remove(0);
    Query::new(kind, Some(QueryVector::Raw(vector.to_vec())), Some(text.to_owned()), k)
}

fn keys(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.key.as_str()).collect()
}

/// Rows that fill several blocks of the file, the last one in part.
#[test]
fn rows_of_every_block_are_found_filtered_and_read() {
    const ROWS: usize = 2_500;
    let strings =
        |text: fn(usize) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..ROWS).map(text))) };
    let numbers: Int64Array = (0..ROWS as i64).map(|row| (row % 7 != 0).then_some(row)).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("id", strings(|row| format!("row {row}"))),
        ("text", strings(|row| format!("estorno número {row} não caiu"))),
        ("number", Arc::new(numbers)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let embedder = HashedEmbedder::new(16);
    let texts: Vec<String> = (0..ROWS).map(|row| format!("estorno {row}")).collect();
    let vectors = embedder.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let spec = IndexSpec { group: "id".to_owned(), ..spec() };
    let folder = tempfile::tempdir().unwrap();
    let (_, sha256) = write(folder.path(), &spec, [Ok(batch)], &vectors, embedder.identity()).unwrap();
    let index = IndexReader::open(folder.path(), &sha256, true).unwrap();
    index.verify(folder.path()).unwrap();
    for row in [0, 1_023, 1_024, 2_047, 2_048, 2_499] {
        assert_eq!(index.row_of(&format!("row {row}")).unwrap(), Some(row));
        let cells = index.cells(row, &["number".to_owned(), "id".to_owned()]).unwrap();
        let number = if row % 7 == 0 { serde_json::Value::Null } else { row.into() };
        assert_eq!(cells, [("number".to_owned(), number), ("id".to_owned(), format!("row {row}").into())]);
        assert_eq!(index.text(row, "text").unwrap().unwrap(), format!("estorno número {row} não caiu"));
    }
    assert_eq!(index.row_of("row 2500").unwrap(), None);
    assert_eq!(index.text_values("id").unwrap().len(), ROWS);
    let matching = |filter: &str| {
        let filter = Some(Filter::parse(filter).unwrap());
        let query =
            Query { filter, ..Query::new(QueryKind::Ann, Some(QueryVector::Raw(vectors[0].to_vec())), None, ROWS) };
        let mut rows: Vec<u32> = index.query(&query).unwrap().hits.iter().map(|hit| hit.row).collect();
        rows.sort_unstable();
        rows
    };
    let expected = |holds: fn(&u32) -> bool| (0..ROWS as u32).filter(holds).collect::<Vec<_>>();
    assert_eq!(
        matching("number >= 1000 AND number < 2400"),
        expected(|&row| row % 7 != 0 && (1_000..2_400).contains(&row))
    );
    assert_eq!(matching("number IS NULL"), expected(|&row| row % 7 == 0));
    // What a filter lets through is kept for the next query with it, and a few of those that came last.
    for _ in 0..2 {
        for bound in 0..40_usize {
            assert_eq!(
                matching(&format!("number < {bound}")),
                expected(|&row| row % 7 != 0)[..bound - bound.div_ceil(7)]
            );
        }
    }
    assert_eq!(matching("id = 'row 2499' OR id = 'row 3'"), [3, 2_499]);
}

#[test]
fn a_group_is_shown_once_and_k_groups_come_back() {
    let (_folder, index) = index();
    for kind in [QueryKind::Ann, QueryKind::Hybrid] {
        let found = index.query(&query(kind, "estorno não caiu na conta", 4)).unwrap();
        assert_eq!(found.hits.len(), 4, "{kind:?}");
        assert_eq!((found.hits[0].key.as_str(), found.hits[0].group_rows), ("a1", 2));
        let topics: BTreeSet<&str> = keys(&found).into_iter().map(|key| &key[..1]).collect();
        assert_eq!(topics.len(), 4);
    }
}

#[test]
fn every_row_comes_back_when_asked_for_rows() {
    let (_folder, index) = index();
    let found = index.query(&Query { one_per_group: false, ..query(QueryKind::Ann, "conta", 6) }).unwrap();
    assert_eq!(found.hits.len(), 6);
}

#[test]
fn a_filter_comes_before_the_ranking() {
    let (_folder, index) = index();
    for kind in [QueryKind::Ann, QueryKind::Hybrid, QueryKind::FullText] {
        let filter = Some(Filter::parse("topic = 'b'").unwrap());
        let asked = Query { filter, one_per_group: false, ..query(kind, "maquininha do estorno", 2) };
        let found = index.query(&asked).unwrap();
        assert_eq!(found.eligible, 2);
        assert_eq!(keys(&found).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["b1", "b2"]), "{kind:?}");
    }
}

#[test]
fn a_leg_without_hits_is_said() {
    let (_folder, index) = index();
    let found = index.query(&query(QueryKind::Hybrid, "zzz", 2)).unwrap();
    assert_eq!(found.degraded, [Degraded::KeywordLegEmpty]);
    assert_eq!(found.hits.len(), 2);
    let filter = Some(Filter::parse("topic = 'nothing'").unwrap());
    let found = index.query(&Query { filter, ..query(QueryKind::Hybrid, "conta", 2) }).unwrap();
    assert_eq!((found.hits.len(), found.degraded), (0, vec![Degraded::NoRowMatchesFilter]));
}

#[test]
fn contributions_add_up_to_the_score() {
    let (_folder, index) = index();
    let found = index.query(&query(QueryKind::Hybrid, "maquininha sem conexão", 4)).unwrap();
    for hit in found.hits {
        let sum: f32 = [hit.dense, hit.keyword, hit.exact].iter().flatten().map(|leg| leg.contribution).sum();
        assert!((sum - hit.score).abs() < 1e-7, "{hit:?}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (_folder, index) = index();
    let check = |query: Query, expected: expect_test::Expect| {
        expected.assert_eq(&index.query(&query).unwrap_err().to_string());
    };
    check(query(QueryKind::Ann, "x", 0), expect_test::expect!["k: 0 is not between 1 and 10000"]);
    check(
        Query { text: Some(" ".to_owned()), ..query(QueryKind::Hybrid, "x", 1) },
        expect_test::expect!["text: a full_text or hybrid query needs some"],
    );
    check(
        Query { vector: Some(QueryVector::Raw(vec![1.0; 3])), ..query(QueryKind::Ann, "x", 1) },
        expect_test::expect!["vector: 3 numbers, the index has dimension 64"],
    );
    check(
        Query { vector: Some(QueryVector::Row(6)), ..query(QueryKind::Ann, "x", 1) },
        expect_test::expect!["vector: there is no row 6 among 6"],
    );
    check(
        Query { filter: Some(Filter::parse("nope = 1").unwrap()), ..query(QueryKind::Ann, "x", 1) },
        expect_test::expect!["no column `nope`; there are `id`, `topic`, `text`"],
    );
}

#[test]
fn a_stored_row_is_its_own_nearest() {
    let (_folder, index) = index();
    for (key, _, text) in TEXTS {
        let row = index.row_of(key).unwrap().unwrap();
        assert_eq!(index.text(row, "text").unwrap(), Some(text));
        let asked = Query::new(QueryKind::Ann, Some(QueryVector::Row(row)), None, 1);
        assert_eq!(keys(&index.query(&asked).unwrap()), [key]);
    }
}

/// Two languages, each with a direction of its own; two topics, told apart by a direction that varies less than a third one,
/// which says nothing.
fn bilingual(labels: bool) -> (tempfile::TempDir, IndexReader) {
    let rows = 0..400_i32;
    let texts =
        |text: &dyn Fn(i32) -> Option<String>| -> ArrayRef { Arc::new(StringArray::from_iter(rows.clone().map(text))) };
    let topic = |row: i32| if row % 4 < 2 { "fee" } else { "card" };
    let columns: [(&str, ArrayRef); 5] = [
        ("id", texts(&|row| Some(row.to_string()))),
        ("text", texts(&|_| Some("texto".to_owned()))),
        ("language", texts(&|row| (row % 10 != 9).then(|| ["pt", "en"][row as usize % 2].to_owned()))),
        ("label", texts(&|row| labels.then(|| topic(row).to_owned()))),
        ("topic", texts(&|row| Some(topic(row).to_owned()))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let vectors: Vec<Vector> = rows.map(|row| Vector::new(bilingual_vector(row)).unwrap()).collect();
    let spec = IndexSpec {
        group: "id".to_owned(),
        language: Some("language".to_owned()),
        labels: Some("label".to_owned()),
        ..spec()
    };
    let model = HashedEmbedder::new(4).identity().clone();
    let folder = tempfile::tempdir().unwrap();
    let (_, sha256) = write(folder.path(), &spec, [Ok(batch)], &vectors, &model).unwrap();
    let reader = IndexReader::open(folder.path(), &sha256, true).unwrap();
    (folder, reader)
}

fn bilingual_vector(row: i32) -> Vec<f32> {
    let language = if row % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
    let topic = if row % 4 < 2 { 0.3 } else { -0.3 };
    let noise = ((row * 37) % 101) as f32 / 101.0 - 0.5;
    let wobble = ((row * 53) % 103) as f32 / 103.0 - 0.5;
    vec![language[0], language[1], topic + 0.5 * wobble, 2.0 * noise]
}

/// The mean cosine of rows by whether they have the same language and the same topic.
fn mean_cosine(vector_of: &dyn Fn(u32) -> Vec<f32>, same_language: bool, same_topic: bool) -> f64 {
    let (mut sum, mut pairs) = (0.0, 0.0);
    for (one, other) in (0..400_u32).flat_map(|one| (0..one).map(move |other| (one, other))) {
        if (one % 2 == other % 2) == same_language && ((one % 4 < 2) == (other % 4 < 2)) == same_topic {
            sum += vector_of(one).iter().zip(vector_of(other)).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            pairs += 1.0;
        }
    }
    sum / pairs
}

#[test]
fn the_topic_counts_and_not_the_language() {
    let raw = |row: u32| Vector::new(bilingual_vector(row as i32)).unwrap().to_vec();
    assert!(mean_cosine(&raw, true, false) > mean_cosine(&raw, false, true), "as the model makes them, language wins");
    let (_folder, index) = bilingual(false);
    let placed = |row: u32| index.vector(row).to_vec();
    assert!(mean_cosine(&placed, false, true) > mean_cosine(&placed, true, false) + 0.2);
}

#[test]
fn what_tells_labels_apart_counts_more() {
    let apart = [false, true].map(|labels| {
        let (_folder, index) = bilingual(labels);
        let placed = |row: u32| index.vector(row).to_vec();
        mean_cosine(&placed, true, true) - mean_cosine(&placed, true, false)
    });
    assert!(apart[1] > apart[0] + 0.2, "{apart:?}");
}

#[test]
fn a_shared_code_lifts_a_row_the_more_the_rarer_it_is_and_leads_where_only_codes_are_asked_for() {
    let codes = |row: usize| match row {
        0 => vec!["nsu:123456789", "response:51"],
        1..=3 => vec!["response:51"],
        _ => vec![],
    };
    let mut lists = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    for row in 0..TEXTS.len() {
        codes(row).into_iter().for_each(|code| lists.values().append_value(code));
        lists.append(true);
    }
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(StringArray::from_iter_values(TEXTS.map(|row| row.0)))),
        ("text", Arc::new(StringArray::from_iter_values(TEXTS.map(|row| row.2)))),
        ("codes", Arc::new(lists.finish())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let embedder = HashedEmbedder::new(64);
    let vectors = embedder.embed(&TEXTS.map(|row| row.2)).unwrap();
    let spec = IndexSpec { group: "id".to_owned(), exact: Some("codes".to_owned()), ..spec() };
    let folder = tempfile::tempdir().unwrap();
    let (_, sha256) = write(folder.path(), &spec, [Ok(batch)], &vectors, embedder.identity()).unwrap();
    let index = IndexReader::open(folder.path(), &sha256, true).unwrap();

    assert_eq!(index.exact_values(0).unwrap(), codes(0));
    let asked = |text: &str, values: &[&str], alone: bool| {
        let codes = Codes { values: values.iter().map(|&value| value.to_owned()).collect(), alone };
        index.query(&Query { codes, ..query(QueryKind::Hybrid, text, 6) }).unwrap().hits
    };
    let gave = |hits: &[Hit], key: &str| {
        hits.iter().find(|hit| hit.key == key).and_then(|hit| hit.exact).map_or(0.0, |leg| leg.contribution)
    };
    let hits = asked("pix devolvido pelo banco", &["nsu:123456789", "response:51"], false);
    assert!(gave(&hits, "a1") > gave(&hits, "a2") && gave(&hits, "a2") > 0.0 && gave(&hits, "d1") == 0.0, "{hits:?}");
    assert_eq!(hits.iter().find(|hit| hit.key == "a1").unwrap().shared, ["nsu:123456789", "response:51"]);

    let alone = asked("pix devolvido pelo banco", &["response:51"], true);
    assert_eq!(alone[..4].iter().filter(|hit| hit.exact.is_some()).count(), 4, "{alone:?}");
    let unknown = asked("pix devolvido pelo banco", &["response:99"], true);
    assert_eq!((unknown[0].key.as_str(), unknown[0].exact), ("d1", None));
}

#[test]
fn how_far_a_cosine_stands_out_is_the_same_under_any_filter() {
    let (_folder, index) = index();
    let stands_out = |filter: Option<&str>, k: usize| -> Vec<(String, f32)> {
        let filter = filter.map(|filter| Filter::parse(filter).unwrap());
        let query = Query { filter, one_per_group: false, ..query(QueryKind::Hybrid, TEXTS[0].2, k) };
        let hits = index.query(&query).unwrap().hits;
        let prominence = index.prominence(query.vector.as_ref().unwrap(), &hits);
        hits.into_iter().map(|hit| hit.key).zip(prominence).collect()
    };
    let all = stands_out(None, 6);
    assert_eq!(all[0].0, "a1");
    assert!(all.iter().all(|(_, prominence)| prominence.is_finite() && *prominence <= all[0].1), "{all:?}");
    // By the definition: among the cosines with all six rows, since there are no more.
    let vectors: Vec<&[f32]> = (0..6).map(|row| index.vector(row)).collect();
    let cosines = |of: &[f32]| -> Vec<f32> {
        vectors.iter().map(|other| of.iter().zip(*other).map(|(a, b)| a * b).sum()).collect()
    };
    let moments = |of: &[f32]| {
        let cosines = cosines(of);
        let mean = cosines.iter().sum::<f32>() / 6.0;
        (mean, (cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>() / 6.0).sqrt())
    };
    let ((mean_a, deviation_a), (mean_b, deviation_b)) = (moments(vectors[0]), moments(vectors[1]));
    let expected = (cosines(vectors[0])[1] - (mean_a + mean_b) / 2.0) / (deviation_a * deviation_b).sqrt();
    let a2 = all.iter().find(|(key, _)| key == "a2").unwrap().1;
    assert!((a2 - expected).abs() < 1e-4, "{a2} for {expected}");
    for some in [stands_out(Some("topic = 'a'"), 6), stands_out(None, 2)] {
        assert!(some.iter().all(|hit| all.contains(hit)), "{some:?} of {all:?}");
    }
}
