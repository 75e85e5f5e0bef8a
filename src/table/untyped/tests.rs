//! Which type a CSV column has, what of a Parquet file is read, and what is said of faults.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float32Array, Int8Array, StructArray, UInt32Array};
use arrow::datatypes::Fields;

use super::*;

fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn type_of(cells: &str) -> String {
    let (_folder, path) = written("t.csv", format!("key;cell\n{}", cells.replace('|', "\n")).as_bytes());
    read(&path).unwrap().schema.field(1).data_type().to_string()
}

#[test]
fn a_column_has_the_narrowest_type_that_all_cells_fit() {
    let cases = [
        ("a;1|b;-20|c;0", "Int64"),
        ("a;1|b;|c;2.5", "Float64"),
        ("a;1e-3|b;.5", "Float64"),
        // Codes and the like stay as they are written.
        ("a;007|b;12", "Utf8"),
        ("a;-|b;1", "Utf8"),
        ("a;inf|b;1.0", "Utf8"),
        ("a;true|b;False", "Boolean"),
        ("a;1|b;true", "Utf8"),
        ("a;2026-01-31|b;", "Date32"),
        ("a;2026-01-31|b;2026-01-31T10:00:00Z", "Timestamp(µs, \"UTC\")"),
        ("a;2026-01-31 10:00:00.5", "Timestamp(µs, \"UTC\")"),
        ("a;[1, 2.5]|b;[]", "List(Float64)"),
        ("a;[1, x]|b;[]", "Utf8"),
        ("a;|b;", "Utf8"),
        ("a;99999999999999999999", "Float64"),
    ];
    for (cells, expected) in cases {
        assert_eq!(type_of(cells), expected, "{cells}");
    }
}

#[test]
fn faults_name_file_and_line() {
    let told = |bytes: &[u8]| {
        let (folder, path) = written("t.csv", bytes);
        read(&path).unwrap_err().to_string().replace(&folder.path().display().to_string(), "<tmp>")
    };
    expect_test::expect![[r#"
        <tmp>/t.csv: is empty; the first line must name the columns
        <tmp>/t.csv:3: has 1 fields where the header has 2; quote fields that hold the delimiter
        <tmp>/t.csv:2: opens a quote that is never closed, and swallows all that follows
        <tmp>/t.csv: is not UTF-8; save it as UTF-8
        <tmp>/t.csv:1: a: is the name of two columns"#]]
    .assert_eq(
        &[b"".as_slice(), b"a,b\n1,2\n3\n", b"a,b\n1,\"2\n", b"a,b\n\xff,1\n", b"a,a\n1,2\n"].map(told).join("\n"),
    );
}

#[test]
fn a_parquet_file_keeps_its_own_types_as_far_as_there_are_such() {
    let inner: ArrayRef = Arc::new(Int8Array::from(vec![1, 2]));
    let fields = Fields::from(vec![Field::new("x", DataType::Int8, true)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("tiny", Arc::new(Int8Array::from(vec![1, 2]))),
        ("unsigned", Arc::new(UInt32Array::from(vec![1, u32::MAX]))),
        ("single", Arc::new(Float32Array::from(vec![0.5, 1.5]))),
        ("money", Arc::new(Decimal128Array::from(vec![150, 275]).with_precision_and_scale(10, 2).unwrap())),
        ("nested", Arc::new(StructArray::new(fields, vec![inner], None))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let (_folder, path) = written("t.parquet", &to_parquet(&batch).unwrap());
    let table = read(&path).unwrap();
    let types: Vec<String> =
        table.schema.fields().iter().map(|it| format!("{} {}", it.name(), it.data_type())).collect();
    assert_eq!(types, ["tiny Int8", "unsigned Int64", "single Float32", "money Float64"]);
    assert_eq!(table.left_out, ["nested"]);
    assert_eq!(table.line(1), 2);
    let before = state(&path).unwrap();
    fs::write(&path, b"shorter").unwrap();
    assert_ne!(state(&path).unwrap(), before);
}
