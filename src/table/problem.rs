//! Gathers the faults of all tables: counts every one, keeps the first. Knows no file format.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Problem, Result};
use crate::table::ReadParams;
use crate::table::draft::Draft;

/// How much of an offending value is shown, in characters.
const SHOWN: usize = 40;

/// Where a problem is listed: table, part of the table, line, column.
type Place = (usize, usize, u64, usize);

/// The faults found so far.
#[derive(Debug)]
pub(super) struct Problems {
    lenient: bool,
    limit: usize,
    total: usize,
    first: BTreeMap<(Place, usize), Problem>,
}

impl Problems {
    pub(super) fn new(params: &ReadParams) -> Self {
        Self { lenient: params.lenient, limit: params.max_problems, total: 0, first: BTreeMap::new() }
    }

    /// Whether faulty rows are dropped in place of reported.
    pub(super) const fn lenient(&self) -> bool {
        self.lenient
    }

    /// A fault of a file as a whole: an error even when lenient.
    pub(super) fn file(&mut self, table: usize, file: &Path, column: Option<&str>, message: String) {
        let problem =
            Problem { file: file.to_owned(), line: None, column: column.map(str::to_owned), value: None, message };
        self.keep((table, 0, 0, 0), || problem);
    }

    /// A row that could not be taken apart, in the part of the table that is being read.
    pub(super) fn line(&mut self, draft: &Draft, line: u64, message: impl FnOnce() -> String) {
        if self.lenient {
            return;
        }
        let Some(part) = draft.parts.last() else { return };
        let place = (draft.order, draft.parts.len() - 1, line, 0);
        self.keep(place, || Problem {
            file: part.clone(),
            line: Some(line),
            column: None,
            value: None,
            message: message(),
        });
    }

    /// A cell that breaks the spec.
    pub(super) fn cell(
        &mut self,
        draft: &Draft,
        row: usize,
        column: usize,
        value: Option<&str>,
        message: impl FnOnce() -> String,
    ) {
        if self.lenient {
            return;
        }
        let part = draft.part_of(row);
        let line = draft.lines[row];
        self.keep((draft.order, part, line, column), || Problem {
            file: draft.parts[part].clone(),
            line: Some(line),
            column: Some(draft.column_name(column).to_owned()),
            value: value.map(shortened),
            message: message(),
        });
    }

    /// Adds those of another table.
    pub(super) fn add(&mut self, others: Self) {
        let before = self.total;
        self.total += others.total;
        self.first.extend(others.first.into_iter().map(|((place, at), problem)| ((place, before + at), problem)));
        while self.first.len() > self.limit {
            self.first.pop_last();
        }
    }

    /// The error, if there was any problem.
    pub(super) fn into_result(self) -> Result<()> {
        if self.total == 0 {
            return Ok(());
        }
        Err(Error::Data { problems: self.first.into_values().collect(), total: self.total })
    }

    fn keep(&mut self, place: Place, problem: impl FnOnce() -> Problem) {
        let key = (place, self.total);
        self.total += 1;
        if self.first.len() < self.limit {
            self.first.insert(key, problem());
        } else if self.first.last_key_value().is_some_and(|(last, _)| key < *last) {
            self.first.pop_last();
            self.first.insert(key, problem());
        }
    }
}

fn shortened(value: &str) -> String {
    if value.chars().count() <= SHOWN {
        return value.to_owned();
    }
    value.chars().take(SHOWN - 1).chain(['…']).collect()
}
