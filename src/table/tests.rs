//! Files written here, read back: values, and every kind of problem with its place.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;
use expect_test::{Expect, expect};
use fs_err as fs;
use proptest::prelude::*;

use super::*;
use crate::table::schema::{ColumnSpec, Kind};

const PEOPLE: TableSpec = TableSpec {
    name: "people",
    stems: &["people", "people_en"],
    columns: &[
        ColumnSpec::key("person_id").or_named(&["id"]),
        ColumnSpec::required("name", Kind::Text),
        ColumnSpec::optional("size", Kind::Text).one_of(&["S", "M"]),
    ],
};
const VISITS: TableSpec = TableSpec {
    name: "visits",
    stems: &["visits"],
    columns: &[
        ColumnSpec::key("visit_id"),
        ColumnSpec::required("person_id", Kind::Text).references("people", "person_id"),
        ColumnSpec::required("at", Kind::Timestamp),
        ColumnSpec::optional("day", Kind::Date),
        ColumnSpec::optional("count", Kind::Integer),
        ColumnSpec::optional("score", Kind::Float),
        ColumnSpec::optional("paid", Kind::Boolean),
        ColumnSpec::optional("before", Kind::Text).references("visits", "visit_id"),
    ],
};
const PEOPLE_CSV: &str = "person_id,name,size\nP1,Ana,S\nP2,Rui,\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            let path = folder.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn read(&self, lenient: bool) -> Result<Tables> {
        read(self.0.path(), &[PEOPLE, VISITS], &ReadParams { lenient, max_problems: 6 })
    }

    /// The tables as text, or the error without the folder's name.
    fn shown(&self, lenient: bool) -> String {
        match self.read(lenient) {
            Ok(tables) => tables.tables.iter().map(table_text).collect(),
            Err(error) => error.to_string().replace(&format!("{}/", self.0.path().display()), ""),
        }
    }
}

fn table_text(table: &Table) -> String {
    let file = table.file.file_name().unwrap().to_string_lossy();
    let mut text = format!("{} from {file}, {} skipped\n", table.name, table.skipped);
    for (row, line) in table.lines.iter().enumerate() {
        let cells = table.batch.columns().iter().map(|column| cell_text(column, row)).collect::<Vec<_>>();
        text.push_str(&format!("  {line}: {}\n", cells.join(" | ")));
    }
    text
}

fn cell_text(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "-".to_owned();
    }
    match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(moments) => format!("{:?}", chrono::DateTime::from_timestamp_micros(moments.value(row)).unwrap()),
        None => arrow::util::display::array_value_to_string(column, row).unwrap().replace("\r\n", "␍␤"),
    }
}

fn check(files: &[(&str, &[u8])], expected: &Expect) {
    expected.assert_eq(&Folder::new(files).shown(false));
}

fn check_visits(visits: &str, expected: &Expect) {
    check(&[("people.csv", PEOPLE_CSV.as_bytes()), ("visits.csv", visits.as_bytes())], expected);
}

#[test]
fn every_kind_is_read_in_every_writing() {
    check_visits(
        "visit_id,person_id,at,day,count,score,paid,before,unknown\n\
         V1,P1,2025-12-01 02:33:54,2025-12-01,3,2.5,TRUE,,x\n\
         V2, P2 ,2025-12-01T02:33:54.25Z,,3.0,-1e3,false,V1,\n\
         V3,P2,2025-12-01T02:33:54-03:00,,,7,1,V3,\n\
         V4,P2,2025-12-01T02:33:54.000-0300,,,,0,,\n\
         V5,P2,2025-12-01,,,,,,\n",
        &expect![[r#"
            people from people.csv, 0 skipped
              2: P1 | Ana | S
              3: P2 | Rui | -
            visits from visits.csv, 0 skipped
              2: V1 | P1 | 2025-12-01T02:33:54Z | 2025-12-01 | 3 | 2.5 | true | -
              3: V2 | P2 | 2025-12-01T02:33:54.250Z | - | 3 | -1000.0 | false | V1
              4: V3 | P2 | 2025-12-01T05:33:54Z | - | - | 7.0 | true | V3
              5: V4 | P2 | 2025-12-01T05:33:54Z | - | - | - | false | -
              6: V5 | P2 | 2025-12-01T00:00:00Z | - | - | - | - | -
        "#]],
    );
}

#[test]
fn lines_are_right_after_crlf_quotes_and_blank_lines_and_a_byte_order_mark() {
    let people = "\u{feff}ID;Name;extra\r\nP1;\"Ana\r\nof; two lines\";\r\n\r\n\r\nP2;\"say \"\"Rui\"\"\";x\r\n";
    let visits = "visit_id,person_id,at\r\nV1,P2,2025-12-01 02:33:54\r\nV2,P1,2025-12-01 02:33:54";
    check(
        &[("people_en.csv", people.as_bytes()), ("visits.csv", visits.as_bytes())],
        &expect![[r#"
            people from people_en.csv, 0 skipped
              2: P1 | Ana␍␤of; two lines | -
              6: P2 | say "Rui" | -
            visits from visits.csv, 0 skipped
              2: V1 | P2 | 2025-12-01T02:33:54Z | - | - | - | - | -
              3: V2 | P1 | 2025-12-01T02:33:54Z | - | - | - | - | -
        "#]],
    );
}

#[test]
fn cells_that_do_not_fit_are_named() {
    check_visits(
        "visit_id,person_id,at,count,score,paid,day\n\
         V1,P1,yesterday,3.5,NaN,maybe,2025-13-01\n\
         V2,P1,2025-02-30 00:00:00,,,,\n\
         V3,P1,,99999999999999999999,,,\n",
        &expect![[r#"
            7 problems in the data
              visits.csv:2: at = `yesterday`: is not a time such as 2025-12-01 02:33:54
              visits.csv:2: day = `2025-13-01`: is not a date such as 2025-12-01
              visits.csv:2: count = `3.5`: is not a whole number
              visits.csv:2: score = `NaN`: is not a finite number with a decimal point
              visits.csv:2: paid = `maybe`: is not TRUE or FALSE
              visits.csv:3: at = `2025-02-30 00:00:00`: is not a time such as 2025-12-01 02:33:54
              … and 1 more
              nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]],
    );
}

#[test]
fn keys_enums_and_references_are_checked_in_line_order() {
    let people = "id,name,size\nP1,Ana,S\nP2,,XL\nP1,Eva,M\n,Ivo,\nP3,  ,\n";
    let visits = format!("visit_id,person_id,at\nV1,P2,2025-12-01\nV2,{},2025-12-01\n", "P9".repeat(30));
    let files = [("people.csv", people.as_bytes()), ("visits.csv", visits.as_bytes())];
    check(
        &files,
        &expect![[r#"
            6 problems in the data
              people.csv:3: name: must have a value
              people.csv:3: size = `XL`: is not one of S, M
              people.csv:4: id = `P1`: is not unique; line 2 has it too
              people.csv:5: id: must have a value
              people.csv:6: name: must have a value
              visits.csv:3: person_id = `P9P9P9P9P9P9P9P9P9P9P9P9P9P9P9P9P9P9P9P…`: is not a person_id of people
              nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]],
    );
    expect![[r#"
        people from people.csv, 4 skipped
          2: P1 | Ana | S
        visits from visits.csv, 2 skipped
    "#]]
    .assert_eq(&Folder::new(&files).shown(true));
}

#[test]
fn lenient_drops_rows_that_refer_to_dropped_rows() {
    let visits = "visit_id,person_id,at,before\n\
                  V1,P1,2025-12-01,\n\
                  V4,P1,2025-12-01,V3\n\
                  V3,P1,2025-12-01,V2\n\
                  V2,P1,never,\n\
                  V5,P1,2025-12-01,V1\n\
                  V6,P1\n\
                  V7,P1,2025-12-01,V6\n";
    let folder = Folder::new(&[("people.csv", PEOPLE_CSV.as_bytes()), ("visits.csv", visits.as_bytes())]);
    expect![[r#"
        people from people.csv, 0 skipped
          2: P1 | Ana | S
          3: P2 | Rui | -
        visits from visits.csv, 5 skipped
          2: V1 | P1 | 2025-12-01T00:00:00Z | - | - | - | - | -
          6: V5 | P1 | 2025-12-01T00:00:00Z | - | - | - | - | V1
    "#]]
    .assert_eq(&folder.shown(true));
    assert_eq!(folder.read(true).unwrap().skipped, 5);
}

#[test]
fn broken_rows_are_named_and_can_be_skipped() {
    let people = b"person_id,name\nP1,Ana\nP2,Rui,too,many\nP3\nP4,Jo\xe3o\nP5,Eva\n";
    let files: [(&str, &[u8]); 2] = [("people.csv", people), ("visits.csv", b"visit_id,person_id,at\n")];
    check(
        &files,
        &expect![[r#"
            3 problems in the data
              people.csv:3: has 4 fields where the header has 2; quote fields that hold the delimiter
              people.csv:4: has 1 fields where the header has 2; quote fields that hold the delimiter
              people.csv:5: is not UTF-8; save the file as UTF-8
              nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]],
    );
    assert_eq!(Folder::new(&files).read(true).unwrap().skipped, 3);
}

#[test]
fn a_quote_that_is_never_closed_is_an_error_even_when_lenient() {
    let visits = ("visits.csv", &b"visit_id,person_id,at\n"[..]);
    let people: &[u8] = b"person_id,name\nP1,\"Ana\nMaria\"\nP2,\"open\nP3,Eva\n";
    let open = Folder::new(&[("people.csv", people), visits]);
    expect![[r#"
        1 problem in the data
          people.csv: the row of line 4 opens a quote that is never closed, and swallows all that follows
          nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]]
    .assert_eq(&open.shown(true));
    // What looks alike and is well.
    for closed in [
        &b"person_id,name\nP1,\"Ana\""[..],
        b"person_id,name\nP1,\"An\"\"a\"\n\n",
        b"person_id,name\nP1,A\"na",
        b"person_id,name\n",
    ] {
        Folder::new(&[("people.csv", closed), visits]).read(false).unwrap();
    }
}

#[test]
fn files_and_columns_that_are_missing_are_errors_even_when_lenient() {
    let missing = Folder::new(&[("people.csv", b"person_id,NAME,name\n")]);
    expect![[r#"
        2 problems in the data
          people.csv: name: is there more than once: NAME, name
          visits: no such table; looked for visits.csv, visits.parquet, visits/*.parquet
          nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]]
    .assert_eq(&missing.shown(true));

    let twice = Folder::new(&[("people.csv", b""), ("people_en.csv", b"id\n"), ("visits.csv", b"\xff\xfea")]);
    expect![[r#"
        2 problems in the data
          people: more than one file holds this table; keep one of people.csv, people_en.csv
          visits.csv: is UTF-16; save it as UTF-8
          nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]]
    .assert_eq(&twice.shown(true));

    let empty = Folder::new(&[("people.csv", b""), ("visits.csv", b"visit_id;when\n")]);
    expect![[r#"
        3 problems in the data
          people.csv: is empty; the first line must name the columns
          visits.csv: person_id: no such column; looked for person_id in visit_id, when
          visits.csv: at: no such column; looked for at in visit_id, when
          nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]]
    .assert_eq(&empty.shown(true));

    let damaged = Folder::new(&[("people.parquet", b"PAR1 no"), ("visits.parquet", b"")]);
    expect![[r#"
        2 problems in the data
          people.parquet: cannot be read as Parquet: EOF: Parquet file too small. Size is 7 but need 8
          visits.parquet: cannot be read as Parquet: EOF: Parquet file too small. Size is 0 but need 8
          nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]]
    .assert_eq(&damaged.shown(true));
}

fn parquet_bytes(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.unwrap();
    let mut bytes = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn parquet_columns_are_cast_and_parts_read_by_name() {
    let people = parquet_bytes(vec![
        ("id", Arc::new(DictionaryArray::<Int32Type>::from_iter(["P1", "P2"]))),
        ("name", Arc::new(arrow::array::LargeStringArray::from(vec!["Ana", "Rui"]))),
    ]);
    let second = parquet_bytes(vec![
        ("visit_id", strings(&["V3"])),
        ("person_id", strings(&["P2"])),
        ("at", strings(&["2025-12-01 02:33:54"])),
        ("count", Arc::new(Float64Array::from(vec![f64::NAN]))),
        ("score", Arc::new(Float64Array::from(vec![f64::NAN]))),
        ("before", strings(&[" "])),
    ]);
    let first = parquet_bytes(vec![
        ("visit_id", strings(&["V1", "V2"])),
        ("person_id", strings(&["P1", "P1"])),
        ("at", Arc::new(TimestampNanosecondArray::from(vec![1_500, 2_000_000_000]).with_timezone("-03:00"))),
        ("day", Arc::new(Date32Array::from(vec![Some(1), None]))),
        ("count", Arc::new(Int32Array::from(vec![Some(4), None]))),
        ("score", Arc::new(Decimal128Array::from(vec![125, -5]).with_precision_and_scale(10, 2).unwrap())),
        ("paid", Arc::new(Int64Array::from(vec![1, 0]))),
    ]);
    check(
        &[
            ("people.parquet", &people),
            ("visits/part-1.parquet", &second),
            ("visits/part-0.parquet", &first),
            ("visits/_SUCCESS", b""),
        ],
        &expect![[r#"
            people from people.parquet, 0 skipped
              1: P1 | Ana | -
              2: P2 | Rui | -
            visits from visits, 0 skipped
              1: V1 | P1 | 1970-01-01T00:00:00.000001Z | 1970-01-02 | 4 | 1.25 | true | -
              2: V2 | P1 | 1970-01-01T00:00:02Z | - | - | -0.05 | false | -
              1: V3 | P2 | 2025-12-01T02:33:54Z | - | - | - | - | -
        "#]],
    );
}

#[test]
fn parquet_problems_name_the_part_and_its_row() {
    let row = |id: &str, count: f64, paid: i64| {
        parquet_bytes(vec![
            ("visit_id", strings(&[id, "V9"])),
            ("person_id", strings(&["P1", "P7"])),
            ("at", Arc::new(TimestampMillisecondArray::from(vec![Some(1), None]))),
            ("count", Arc::new(Float64Array::from(vec![1.0, count]))),
            ("paid", Arc::new(Int64Array::from(vec![1, paid]))),
        ])
    };
    let bad_type = parquet_bytes(vec![
        ("visit_id", strings(&["V1"])),
        ("person_id", strings(&["P1"])),
        ("at", Arc::new(Float64Array::from(vec![1.0]))),
    ]);
    let people = ("people.csv", PEOPLE_CSV.as_bytes());
    check(
        &[people, ("visits/a.parquet", &row("V1", 2.0, 1)), ("visits/b.parquet", &row("V2", 2.5, 7))],
        &expect![[r#"
            5 problems in the data
              visits/a.parquet:2: person_id = `P7`: is not a person_id of people
              visits/a.parquet:2: at: must have a value
              visits/b.parquet:2: person_id = `P7`: is not a person_id of people
              visits/b.parquet:2: count = `2.5`: is not a whole number
              visits/b.parquet:2: paid = `7`: is not TRUE or FALSE
              nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]],
    );
    check(
        &[people, ("visits.parquet", &bad_type)],
        &expect![[r#"
            1 problem in the data
              visits.parquet: at: has type Float64, which cannot be read as a time such as 2025-12-01 02:33:54
              nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]],
    );
}

proptest! {
    /// Whatever the texts are, they come back as written (but for blanks at the ends), with the right lines.
    #[test]
    fn texts_survive_csv(
        rows in prop::collection::vec("[a-zé,;\" \n]{0,12}", 1..20),
        semicolon: bool,
        crlf: bool,
        byte_order_mark: bool,
    ) {
        let mut bytes = if byte_order_mark { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        let mut writer = ::csv::WriterBuilder::new()
            .delimiter(if semicolon { b';' } else { b',' })
            .terminator(if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        writer.write_record(["person_id", "name"]).unwrap();
        let mut lines = Vec::new();
        let mut line = 2;
        for (at, text) in rows.iter().enumerate() {
            writer.write_record([format!("P{at}"), format!("x{text}x")]).unwrap();
            lines.push(line);
            line += 1 + text.matches('\n').count() as u64;
        }
        bytes.extend(writer.into_inner().unwrap());
        let folder = Folder::new(&[("people.csv", &bytes), ("visits.csv", b"visit_id,person_id,at\n")]);
        let tables = folder.read(false).unwrap();
        let people = tables.get("people");
        let names: Vec<&str> = people.texts("name").iter().flatten().collect();
        prop_assert_eq!(names, rows.iter().map(|text| format!("x{text}x")).collect::<Vec<_>>());
        prop_assert_eq!(&people.lines, &lines);
    }
}
