//! Feeds against a model that replays them version by version; what is kept and read onto; every fault with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use expect_test::{Expect, expect};
use fs_err as fs;
use proptest::prelude::*;

use crate::error::Result;
use crate::table::schema::{ColumnSpec, Kind, TableSpec};
use crate::table::{Extent, Kept, Onto, ReadParams, Since, Tables, files, keep, read, read_extent};

const SPECS: [TableSpec; 2] = [
    TableSpec {
        name: "orders",
        stems: &["orders"],
        columns: &[ColumnSpec::key("id"), ColumnSpec::required("size", Kind::Integer)],
    },
    TableSpec {
        name: "lines",
        stems: &["lines"],
        columns: &[
            ColumnSpec::key("line"),
            ColumnSpec::required("id", Kind::Text).references("orders", "id").part_of_it(),
            ColumnSpec::optional("day", Kind::Date),
        ],
    },
];
const NO_LINES: &str = "line,id\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(tables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in tables {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn onto(&self, kept: &Kept, since: Option<Since>) -> Result<Tables> {
        let onto = Onto { kept, since, whole: &[] };
        read_extent(self.path(), &SPECS, &ReadParams::default(), &Extent { onto: Some(onto), ..Extent::default() })
    }
}

fn kept(tables: &Tables) -> Kept {
    let mut kept = Kept::default();
    for (table, spec) in tables.tables.iter().zip(&SPECS) {
        kept.add(spec, Path::new(&format!("kept/{}.parquet", spec.name)), &keep(table).unwrap()).unwrap();
    }
    kept
}

/// Keys and sizes of the orders, in their order.
fn orders(tables: &Tables) -> Vec<(String, i64)> {
    let table = tables.get("orders");
    let ids = table.texts("id").iter().flatten().map(str::to_owned);
    ids.zip(table.integers("size").values().iter().copied()).collect()
}

fn lines(tables: &Tables) -> Vec<&str> {
    tables.get("lines").texts("line").iter().flatten().collect()
}

fn check(orders: &str, lines: &str, expected: &Expect) {
    let folder = Folder::new(&[("orders.csv", orders), ("lines.csv", lines)]);
    let found = match read(folder.path(), &SPECS, &ReadParams::default()) {
        Ok(tables) => format!("{:?} {:?}", super::tests::orders(&tables), super::tests::lines(&tables)),
        Err(error) => error.to_string().replace(&format!("{}/", folder.path().display()), ""),
    };
    expected.assert_eq(&found);
}

#[test]
fn a_feed_leaves_the_newest_image_of_each_key() {
    check(
        "_change_type,_commit_version,id,size,_commit_timestamp\n\
         update_postimage,3,A,30,x\n\
         update_preimage,3,A,10,x\n\
         insert,1,A,10,x\n\
         insert,2,B,20,x\n\
         delete,4,B,20,x\n\
         delete,2,Z,,x\n\
         insert,5,C,50,x\n\
         insert,9,D,1,x\n\
         delete,9,D,2,x\n",
        NO_LINES,
        &expect![[r#"[("A", 30), ("C", 50), ("D", 1)] []"#]],
    );
    // A key that changes takes its old row away.
    check(
        "_change_type,_version,id,size\ninsert,1,A,1\nupdate_preimage,2,A,1\nupdate_postimage,2,B,1\n",
        NO_LINES,
        &expect![[r#"[("B", 1)] []"#]],
    );
}

#[test]
fn what_is_a_part_of_a_deleted_row_goes_with_it() {
    check(
        "_change_type,_version,id,size\ninsert,1,A,1\ninsert,1,B,1\ndelete,2,B,1\n",
        "line,id\nL1,A\nL2,B\n",
        &expect![[r#"[("A", 1)] ["L1"]"#]],
    );
}

#[test]
fn faults_of_a_feed_name_line_and_column() {
    check(
        "_change_type,_commit_version,id,size\n\
         upsert,1,A,1\n\
         ,1,A,1\n\
         insert,,A,1\n\
         insert,first,A,1\n\
         delete,1,,1\n\
         insert,7,B,1\n\
         insert,7,B,2\n",
        NO_LINES,
        &expect![[r#"
            6 problems in the data
              orders.csv:2: _change_type = `upsert`: is not one of insert, update_preimage, update_postimage, delete
              orders.csv:3: _change_type: must have a value in a change feed: insert, update_preimage, update_postimage, delete
              orders.csv:4: _commit_version: must have a value in a change feed
              orders.csv:5: _commit_version = `first`: is not a whole number
              orders.csv:6: id: must have a value
              orders.csv:8: id = `B`: is not unique in version 7; line 7 has it too
              nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]],
    );
    check(
        "_change_type,id,size\ninsert,A,1\n",
        NO_LINES,
        &expect![[r#"
        1 problem in the data
          orders.csv: _commit_version: no such column; looked for _commit_version, _version in _change_type, id, size
          nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]],
    );
}

#[test]
fn faulty_images_are_left_out_and_show_no_older_one_when_lenient() {
    let text = "_change_type,_version,id,size\ninsert,1,A,1\nupdate_postimage,2,A,many\ninsert,1,B,1\nsoar,2,B,1\n";
    let folder = Folder::new(&[("orders.csv", text), ("lines.csv", NO_LINES)]);
    let tables = read(folder.path(), &SPECS, &ReadParams { lenient: true, ..ReadParams::default() }).unwrap();
    assert_eq!(orders(&tables), [("B".to_owned(), 1)]);
    assert_eq!(tables.skipped, 2);
}

#[test]
fn rows_are_set_in_what_was_kept_and_the_rest_stays() {
    let first = Folder::new(&[("orders.csv", "id,size\nA,1\nB,2\nC,3\n"), ("lines.csv", "line,id\nL1,A\nL2,B\n")]);
    let base = kept(&read(first.path(), &SPECS, &ReadParams::default()).unwrap());
    let feed = Folder::new(&[(
        "orders.csv",
        "_change_type,_version,id,size\ndelete,4,B,2\nupdate_postimage,4,A,10\ninsert,5,D,4\n",
    )]);
    let second = feed.onto(&base, None).unwrap();
    assert_eq!(orders(&second), [("A".to_owned(), 10), ("C".to_owned(), 3), ("D".to_owned(), 4)]);
    assert_eq!(lines(&second), ["L1"]);
    assert_eq!(second.get("orders").known, [false, true, false]);
    let changes = second.get("orders").changes.clone().unwrap();
    assert_eq!((changes.set, changes.deleted, changes.rows_passed_over), (2, 1, 0));

    // Versions that were read once are passed over.
    let third = feed.onto(&kept(&second), None).unwrap();
    assert_eq!(orders(&third), orders(&second));
    assert_eq!(third.get("orders").changes.as_ref().unwrap().rows_passed_over, 3);

    // Rows that say nothing of what they do are set.
    let plain = Folder::new(&[("orders.csv", "id,size\nC,30\nE,5\n"), ("lines.csv", "line,id\nL9,E\n")]);
    let fourth = plain.onto(&kept(&second), None).unwrap();
    assert_eq!(orders(&fourth).last(), Some(&("E".to_owned(), 5)));
    assert_eq!(orders(&fourth)[1], ("C".to_owned(), 30));
    assert_eq!(lines(&fourth), ["L1", "L9"]);

    let bad = Folder::new(&[("lines.csv", "line,id\nL3,Z\n")]);
    expect![[r#"
        1 problem in the data
          lines.csv:2: id = `Z`: is not a id of orders
          nothing was written; mend the data (a build can skip faulty rows with --lenient)"#]]
    .assert_eq(&bad.onto(&base, None).unwrap_err().to_string().replace(&format!("{}/", bad.path().display()), ""));
}

fn partition(folder: &Path, below: &str, line: &str) {
    let mut bytes = Vec::new();
    let column = |text: &str| std::sync::Arc::new(arrow::array::StringArray::from(vec![text.to_owned()])) as _;
    let batch = arrow::array::RecordBatch::try_from_iter([("line", column(line)), ("id", column("A"))]).unwrap();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let path = folder.join(below);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn partitions_are_read_in_full_or_from_where_the_last_read_ended() {
    let folder = Folder::new(&[("orders.csv", "id,size\nA,1\n")]);
    for (day, line) in [("2026-11-19", "L1"), ("2026-11-20", "L2"), ("__HIVE_DEFAULT_PARTITION__", "L0")] {
        partition(folder.path(), &format!("lines/day={day}/part-0.parquet"), line);
    }
    partition(folder.path(), "lines/_staging/part-0.parquet", "L8");
    let first = read(folder.path(), &SPECS, &ReadParams::default()).unwrap();
    assert_eq!(lines(&first), ["L1", "L2", "L0"]);
    // The column that only the folders say.
    assert_eq!(first.get("lines").batch.column_by_name("day").unwrap().null_count(), 1);
    assert_eq!(first.get("lines").mark.partition.as_deref(), Some("2026-11-20"));

    partition(folder.path(), "lines/day=2026-11-21/part-0.parquet", "L3");
    let base = kept(&first);
    let second = folder.onto(&base, Some(Since::Last)).unwrap();
    assert_eq!(lines(&second), ["L1", "L2", "L0", "L3"]);
    let changes = second.get("lines").changes.clone().unwrap();
    // What has no value may be new.
    assert_eq!((changes.files, changes.files_passed_over, changes.set), (2, 2, 2));
    assert_eq!(second.get("lines").mark.partition.as_deref(), Some("2026-11-21"));

    let read_since = |value: &str| {
        let onto = Onto { kept: &base, since: Some(Since::After(value.to_owned())), whole: &[] };
        let extent = Extent { onto: Some(onto), ..Extent::default() };
        let files = files(folder.path(), &SPECS, &extent).unwrap();
        files.iter().filter(|file| file.to_string_lossy().contains("day=2026")).count()
    };
    assert_eq!(["2026-11-18", "2026-11-20", "day=2026-11-20", "2026-11-21"].map(read_since), [3, 1, 1, 0]);
}

#[test]
fn numbers_in_partitions_and_names_of_files_are_compared_as_such() {
    use crate::table::partition::Partition;
    let is_after = |a: &str, b: &str| Partition::parse(a).is_after(&Partition::parse(b));
    assert!(is_after("2026/10/2", "2026/9/30"));
    assert!(is_after("year=2026/month=10", "2026/09"));
    assert!(!is_after("2026/11/20", "2026/11"));
    assert!(is_after("part-0002.parquet", "part-0001"));
    assert!(!is_after("part-0001.parquet", "part-0001"));
    assert!(is_after("2026-11-20 10%3A00", "2026-11-20 09:59"));
    let odd = Partition::parse("a%2Fb/c%25");
    assert_eq!(Partition::parse(&odd.to_string()), odd);
}

/// What one version does to one key.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Insert(i64),
    Update(i64),
    Delete,
    Replace(i64),
}

impl Deed {
    fn rows(self, version: i64, key: u8) -> Vec<String> {
        let row = |does: &str, size: i64| format!("{does},{version},K{key},{size}\n");
        match self {
            Self::Insert(size) => vec![row("insert", size)],
            Self::Update(size) => vec![row("update_preimage", 0), row("update_postimage", size)],
            Self::Delete => vec![row("delete", 0)],
            Self::Replace(size) => vec![row("insert", size), row("delete", 0)],
        }
    }

    const fn left(self) -> Option<i64> {
        match self {
            Self::Insert(size) | Self::Update(size) | Self::Replace(size) => Some(size),
            Self::Delete => None,
        }
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (1..99_i64).prop_map(Deed::Insert),
        (1..99_i64).prop_map(Deed::Update),
        Just(Deed::Delete),
        (1..99_i64).prop_map(Deed::Replace),
    ]
}

fn feed(rows: impl IntoIterator<Item = String>) -> Folder {
    let text: String = std::iter::once("_change_type,_commit_version,id,size\n".to_owned()).chain(rows).collect();
    Folder::new(&[("orders.csv", &text), ("lines.csv", NO_LINES)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the rows of a feed lie, it leaves what its deeds leave one after another; and reading it in two parts, or
    /// the second part twice, leaves the same.
    #[test]
    fn a_feed_is_what_its_deeds_leave(
        deeds in prop::collection::btree_map((0..8_i64, 0..5_u8), deed(), 0..24),
        seed: u64,
        split in 0..9_i64,
    ) {
        let mut left: BTreeMap<String, i64> = BTreeMap::new();
        for (&(_, key), deed) in &deeds {
            match deed.left() {
                Some(size) => left.insert(format!("K{key}"), size),
                None => left.remove(&format!("K{key}")),
            };
        }
        let mut rows: Vec<(i64, String)> = deeds
            .iter()
            .flat_map(|(&(version, key), deed)| deed.rows(version, key).into_iter().map(move |row| (version, row)))
            .collect();
        rows.sort_by_key(|(_, row)| {
            row.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)).rotate_left(29)
        });

        let all = feed(rows.iter().map(|(_, row)| row.clone()));
        let whole = read(all.path(), &SPECS, &ReadParams::default()).unwrap();
        let sorted = |tables: &Tables| orders(tables).into_iter().collect::<BTreeSet<_>>();
        let expected: BTreeSet<(String, i64)> = left.into_iter().collect();
        prop_assert_eq!(sorted(&whole), expected.clone());
        prop_assert_eq!(orders(&whole).len(), expected.len());

        let part = |earlier: bool| feed(rows.iter().filter(|(at, _)| (*at < split) == earlier).map(|(_, row)| row.clone()));
        let first = read(part(true).path(), &SPECS, &ReadParams::default()).unwrap();
        let second = part(false).onto(&kept(&first), None).unwrap();
        prop_assert_eq!(sorted(&second), expected);
        let again = all.onto(&kept(&second), None).unwrap();
        prop_assert_eq!(orders(&again), orders(&second));
    }
}
