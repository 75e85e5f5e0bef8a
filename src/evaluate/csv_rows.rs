//! Named columns of a CSV file, row by row; faults with file and line. Knows no task.

use std::path::Path;

use fs_err as fs;

use crate::error::{Error, Problem, Result};

/// The trimmed cells of a row in the order of the columns asked for, and its line in the file.
pub(super) struct CsvRow {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
}

/// Reads these columns. Those of `optional` may be missing or empty, which is the same; those of `required` may not.
pub(super) fn read_rows(path: &Path, required: &[&str], optional: &[&str], delimiter: u8) -> Result<Vec<CsvRow>> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).from_reader(fs::File::open(path).map_err(Error::Input)?);
    let headers = reader.headers().map_err(|error| fault(path, Some(1), error.to_string()))?.clone();
    let place = |name: &str| headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
    let mut places = Vec::new();
    for name in required {
        let missing =
            || Error::UnknownColumn { column: (*name).to_owned(), known: headers.iter().map(str::to_owned).collect() };
        places.push(Some(place(name).ok_or_else(missing)?));
    }
    places.extend(optional.iter().map(|name| place(name)));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map(csv::Position::line);
            fault(path, line, error.to_string())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |place: &Option<usize>| place.map(|place| record[place].trim().to_owned()).unwrap_or_default();
        let cells: Vec<String> = places.iter().map(cell).collect();
        if cells[..required.len()].iter().any(String::is_empty) {
            return Err(fault(path, Some(line), format!("{} must not be empty", required.join(" and "))));
        }
        rows.push(CsvRow { line, cells });
    }
    if rows.is_empty() {
        return Err(fault(path, None, "no rows".to_owned()));
    }
    Ok(rows)
}

/// What is wrong with a line of a file.
pub(super) fn fault(path: &Path, line: Option<u64>, message: String) -> Error {
    let problem = Problem { file: path.to_owned(), line, column: None, value: None, message };
    Error::Data { problems: vec![problem], total: 1 }
}
