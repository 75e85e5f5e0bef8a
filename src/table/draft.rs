//! A table that was read and is not yet checked: its columns, and for each row where it came from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::compute::{concat, filter, take};
use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::table::problem::Problems;
use crate::table::schema::{TableSpec, is_feed_column};
use crate::table::{Changes, Mark, Table};

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) spec: TableSpec,
    /// The table's place among the specs.
    pub(super) order: usize,
    /// The files it came from.
    pub(super) parts: Vec<PathBuf>,
    /// For each column that is sought its name in the file, where it has one.
    headers: Vec<Option<String>>,
    /// Every column of the files.
    header: BTreeSet<String>,
    /// Whether a file says what its rows do, so that the table is a change feed.
    pub(super) is_feed: bool,
    /// As [`TableSpec::sought`]; once folded, those of the spec.
    pub(super) columns: Vec<ArrayRef>,
    pub(super) lines: Vec<u64>,
    /// For each row the part it came from.
    part_of: Vec<u32>,
    /// Whether the row is good so far.
    pub(super) keep: Vec<bool>,
    /// Rows that could not be taken apart, or that change nothing that could be told, and are in no column.
    pub(super) malformed: usize,
    /// Whether the first part is what an earlier read left.
    has_kept: bool,
    /// What was done to the rows that were kept, or by a feed.
    pub(super) changes: Option<Changes>,
    pub(super) mark: Mark,
}

impl Draft {
    pub(super) fn new(spec: &TableSpec, order: usize) -> Self {
        Self {
            spec: *spec,
            order,
            parts: Vec::new(),
            headers: spec.sought().map(|_| None).collect(),
            header: BTreeSet::new(),
            is_feed: false,
            columns: Vec::new(),
            lines: Vec::new(),
            part_of: Vec::new(),
            keep: Vec::new(),
            malformed: 0,
            has_kept: false,
            changes: None,
            mark: Mark::default(),
        }
    }

    /// The checked rows of an earlier read, as rows to be changed.
    pub(super) fn of_kept(spec: &TableSpec, order: usize, kept: &Table) -> Self {
        let rows = kept.batch.num_rows();
        Self {
            parts: vec![kept.file.clone()],
            header: kept.header.iter().cloned().collect(),
            columns: kept.batch.columns().to_vec(),
            lines: kept.lines.clone(),
            part_of: vec![0; rows],
            keep: vec![true; rows],
            has_kept: true,
            mark: kept.mark.clone(),
            ..Self::new(spec, order)
        }
    }

    pub(super) fn begin_part(&mut self, file: &Path) {
        self.parts.push(file.to_owned());
    }

    /// Notes what the columns of a file are called, and at which place each one that is sought is.
    pub(super) fn name_columns(&mut self, header: &[String], places: &[Option<usize>]) {
        let is_feed = places[self.spec.columns.len()].is_some();
        self.is_feed |= is_feed;
        // What a row does is no column of the table.
        self.header.extend(header.iter().filter(|name| !(is_feed && is_feed_column(name))).cloned());
        for (name, place) in self.headers.iter_mut().zip(places) {
            *name = place.map(|at| header[at].clone()).or_else(|| name.take());
        }
    }

    pub(super) fn begin_row(&mut self, line: u64) -> usize {
        self.lines.push(line);
        self.part_of.push(self.parts.len().saturating_sub(1) as u32);
        self.keep.push(true);
        self.lines.len() - 1
    }

    pub(super) fn part_of(&self, row: usize) -> usize {
        self.part_of[row] as usize
    }

    /// Whether the row is as an earlier read left it.
    pub(super) fn is_known(&self, row: usize) -> bool {
        self.has_kept && self.part_of[row] == 0
    }

    /// What a column is called in the file, for messages.
    pub(super) fn column_name(&self, column: usize) -> &str {
        let sought = || self.spec.sought().nth(column).map_or("", |spec| spec.name);
        self.headers.get(column).and_then(Option::as_deref).unwrap_or_else(sought)
    }

    /// Puts the rows of another draft of the table behind its own.
    pub(super) fn append(&mut self, other: Self) -> Result<()> {
        let parts = self.parts.len() as u32;
        for (mine, theirs) in self.columns.iter_mut().zip(&other.columns) {
            *mine = concat(&[mine.as_ref(), theirs.as_ref()])
                .map_err(|error| Error::internal("putting changes behind what was kept", error))?;
        }
        self.parts.extend(other.parts);
        self.part_of.extend(other.part_of.iter().map(|part| part + parts));
        self.lines.extend(other.lines);
        self.keep.extend(other.keep);
        self.headers = other.headers;
        self.header.extend(other.header);
        self.malformed += other.malformed;
        Ok(())
    }

    /// Leaves these rows, in this order.
    pub(super) fn pick(&mut self, rows: &[usize]) -> Result<()> {
        let places: UInt64Array = rows.iter().map(|&row| row as u64).collect();
        for column in &mut self.columns {
            *column = take(column, &places, None)
                .map_err(|error| Error::internal("leaving the newest rows of a table", error))?;
        }
        self.lines = rows.iter().map(|&row| self.lines[row]).collect();
        self.part_of = rows.iter().map(|&row| self.part_of[row]).collect();
        self.keep = rows.iter().map(|&row| self.keep[row]).collect();
        Ok(())
    }

    pub(super) fn finish(self, file: PathBuf) -> Result<Table> {
        let known: Vec<bool> =
            (0..self.lines.len()).filter(|&row| self.keep[row]).map(|row| self.is_known(row)).collect();
        let internal = |error| Error::internal("putting a checked table together", error);
        let keep = BooleanArray::from(self.keep);
        // Mostly all rows are good, and columns of texts are large.
        let kept: Vec<ArrayRef> = if keep.false_count() == 0 {
            self.columns
        } else {
            self.columns.iter().map(|column| filter(column, &keep)).collect::<Result<_, _>>().map_err(internal)?
        };
        let batch = RecordBatch::try_new(self.spec.schema(), kept).map_err(internal)?;
        let lines: Vec<u64> =
            self.lines.iter().zip(keep.values()).filter_map(|(&line, keep)| keep.then_some(line)).collect();
        let skipped = self.malformed + self.lines.len() - lines.len();
        let header = self.header.into_iter().collect();
        let (changes, mark) = (self.changes, self.mark);
        Ok(Table { name: self.spec.name, batch, file, lines, known, skipped, header, changes, mark })
    }
}

/// For each column that is sought its place in the file. `None` when a required one is missing or one is there twice.
///
/// Only a file that says what its rows do is asked for their versions.
pub(super) fn columns_of(
    spec: &TableSpec,
    header: &[String],
    order: usize,
    file: &Path,
    problems: &mut Problems,
) -> Option<Vec<Option<usize>>> {
    let mut places: Vec<Option<usize>> = Vec::with_capacity(spec.columns.len() + 2);
    let mut usable = true;
    for (at, column) in spec.sought().enumerate() {
        let is_version = at == spec.columns.len() + 1;
        if is_version && places[at - 1].is_none() {
            places.push(None);
            continue;
        }
        let names = || std::iter::once(&column.name).chain(column.aliases);
        let is_this = |found: &String| names().any(|name| name.eq_ignore_ascii_case(found));
        let found: Vec<usize> = (0..header.len()).filter(|&at| is_this(&header[at])).collect();
        if found.len() > 1 {
            let twice: Vec<&str> = found.iter().map(|&at| header[at].as_str()).collect();
            problems.file(order, file, Some(column.name), format!("is there more than once: {}", twice.join(", ")));
            usable = false;
        }
        if found.is_empty() && (column.required || is_version) {
            let looked_for: Vec<&str> = names().copied().collect();
            let message = format!("no such column; looked for {} in {}", looked_for.join(", "), header.join(", "));
            problems.file(order, file, Some(column.name), message);
            usable = false;
        }
        places.push(found.first().copied());
    }
    usable.then_some(places)
}
