//! CSV → a draft of a table, with the line on which each row starts. Knows no rule that spans rows.

use std::path::Path;

use fs_err as fs;

use crate::error::Result;
use crate::table::cell::Cells;
use crate::table::draft::{Draft, columns_of};
use crate::table::problem::Problems;
use crate::table::schema::TableSpec;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file whole. `None` when it cannot be a table of this spec; the problems then say why.
pub(super) fn read(file: &Path, spec: &TableSpec, order: usize, problems: &mut Problems) -> Result<Option<Draft>> {
    let bytes = fs::read(file)?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        problems.file(order, file, None, "is UTF-16; save it as UTF-8".to_owned());
        return Ok(None);
    }
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text);

    let header = match reader.headers() {
        Ok(header) if !header.is_empty() => header.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>(),
        Ok(_) => {
            problems.file(order, file, None, "is empty; the first line must name the columns".to_owned());
            return Ok(None);
        }
        Err(_) => {
            problems.file(order, file, None, "has a header that is not UTF-8".to_owned());
            return Ok(None);
        }
    };
    let Some(places) = columns_of(spec, &header, order, file, problems) else { return Ok(None) };

    let mut draft = Draft::new(spec, order);
    draft.begin_part(file);
    draft.name_columns(&header, &places);
    let mut columns: Vec<Cells> = spec.sought().map(|column| Cells::new(column.kind)).collect();
    let mut lines = LineCounter { text, at: 0, line: 1 };
    let mut record = ::csv::ByteRecord::new();
    let mut last = (text.len(), 0);
    while next_record(&mut reader, &mut record)? {
        let start = record.position().map_or(0, ::csv::Position::byte) as usize;
        let line = lines.line_of(start);
        last = (start, line);
        if record.len() != header.len() {
            draft.malformed += 1;
            let found = record.len();
            problems.line(&draft, line, || {
                format!(
                    "has {found} fields where the header has {}; quote fields that hold the delimiter",
                    header.len()
                )
            });
            continue;
        }
        let Some(cells) = decoded(&record) else {
            draft.malformed += 1;
            problems.line(&draft, line, || "is not UTF-8; save the file as UTF-8".to_owned());
            continue;
        };
        let row = draft.begin_row(line);
        for (at, ((column, place), sought)) in columns.iter_mut().zip(&places).zip(spec.sought()).enumerate() {
            let cell = place.map(|field| cells[field]);
            if !column.push(cell) {
                draft.keep[row] = false;
                problems.cell(&draft, row, at, cell.map(str::trim), || format!("is not {}", sought.kind.expected()));
            }
        }
    }
    let (start, line) = last;
    if ends_within_quotes(&text[start..], delimiter(text)) {
        let message =
            format!("the row of line {line} opens a quote that is never closed, and swallows all that follows");
        problems.file(order, file, None, message);
    }
    draft.columns = columns.into_iter().map(Cells::finish).collect();
    Ok(Some(draft))
}

/// The texts of a file, for which nobody declared a type.
pub(super) struct Records {
    pub(super) header: Vec<String>,
    /// Each row with the line on which it starts; as many cells as the header has names.
    pub(super) rows: Vec<(u64, Vec<String>)>,
}

/// Reads a file whole, or says on which line it is no table.
pub(super) fn records(file: &Path) -> Result<Result<Records, (Option<u64>, String)>> {
    let bytes = fs::read(file).map_err(crate::error::Error::Input)?;
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    if std::str::from_utf8(text).is_err() {
        return Ok(Err((None, "is not UTF-8; save it as UTF-8".to_owned())));
    }
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text);
    let header: Vec<String> = reader.headers().into_iter().flatten().map(|name| name.trim().to_owned()).collect();
    if header.is_empty() {
        return Ok(Err((None, "is empty; the first line must name the columns".to_owned())));
    }
    let mut rows = Vec::new();
    let mut lines = LineCounter { text, at: 0, line: 1 };
    let mut record = ::csv::ByteRecord::new();
    let mut last = 0;
    while next_record(&mut reader, &mut record)? {
        last = record.position().map_or(0, ::csv::Position::byte) as usize;
        let line = lines.line_of(last);
        if record.len() != header.len() {
            let message = format!("has {} fields where the header has {}", record.len(), header.len());
            return Ok(Err((Some(line), message + "; quote fields that hold the delimiter")));
        }
        let cells = decoded(&record).unwrap_or_default();
        rows.push((line, cells.into_iter().map(str::to_owned).collect()));
    }
    if ends_within_quotes(&text[last..], delimiter(text)) {
        let line = rows.last().map(|(line, _)| *line);
        return Ok(Err((line, "opens a quote that is never closed, and swallows all that follows".to_owned())));
    }
    Ok(Ok(Records { header, rows }))
}

/// The byte that separates fields: whichever of `,` and `;` is more often outside quotes in the first line.
fn delimiter(text: &[u8]) -> u8 {
    let header = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let (mut commas, mut semicolons, mut quoted) = (0, 0, false);
    for byte in header {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => commas += 1,
            b';' if !quoted => semicolons += 1,
            _ => {}
        }
    }
    if semicolons > commas { b';' } else { b',' }
}

/// Whether a file's last record opens a quote that it does not close. `csv` takes the end of a file for the closing quote.
fn ends_within_quotes(last_record: &[u8], delimiter: u8) -> bool {
    let followed = [last_record, b"\nx"].concat();
    let mut reader = ::csv::ReaderBuilder::new();
    reader.delimiter(delimiter).flexible(true).has_headers(false);
    reader.from_reader(followed.as_slice()).byte_records().count() == 1 && !last_record.is_empty()
}

fn next_record(reader: &mut ::csv::Reader<&[u8]>, record: &mut ::csv::ByteRecord) -> Result<bool> {
    reader.read_byte_record(record).map_err(|error| crate::error::Error::internal("reading CSV from memory", error))
}

fn decoded(record: &::csv::ByteRecord) -> Option<Vec<&str>> {
    record.iter().map(|field| std::str::from_utf8(field).ok()).collect()
}

/// Line numbers of ascending byte offsets. `csv` counts a record's line before it has passed the line feed of a
/// preceding CRLF or the blank lines in between, so the lines are counted here.
struct LineCounter<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// The line of the first byte of the record that begins at or after `offset`.
    fn line_of(&mut self, offset: usize) -> u64 {
        let blank = self.text[offset..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = offset + blank;
        self.line += self.text[self.at..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.at = start;
        self.line
    }
}
