//! A small index against exact answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::*;
use crate::embed::{Embedder as _, HashedEmbedder};
use crate::filter::Filter;
use crate::keyword::{Language, TextField};
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
    let (_, sha256) = write(folder.path(), &spec, &batch, &vectors, embedder.identity(), &mut |_| {}).unwrap();
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
    let (_, sha256) = write(folder.path(), &spec, &batch, &vectors, embedder.identity(), &mut |_| {}).unwrap();
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
