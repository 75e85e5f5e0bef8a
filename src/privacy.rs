//! Whether a generation holds personal values as they are. Looks at every byte of every file; knows no layout of one.
//!
//! Files are searched as text: a run of bytes that are UTF-8 and no control characters is read as one text. In Arrow's
//! rows, which lie uncompressed one behind the other, each cell is a text of its own, so that a number never seems to go
//! on in the next cell, and the bytes between cells are searched like any other file. Tantivy's term dictionaries and
//! document store are compressed; what they hold is read through the index and searched besides. The tables that are kept
//! for changes are compressed too, and are read text by text.
//!
//! Only what check digits or a form of its own tell is reported: CPF, CNPJ, card, e-mail, phone. It is what a masker
//! finds that knows nobody, so a text that was masked is clean.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::desk::{Base, KEPT_FOLDER, Masker, Placeholder, Span};
use crate::error::{Error, Result};
use crate::index::Place;
use crate::snapshot::Snapshot;

/// How many places an error lists; all are counted.
const MAX_PLACES: usize = 20;
/// Shorter runs of text hold no value: a phone has eight digits.
const MIN_RUN: usize = 8;
/// Letters happen in binary files; an e-mail address of fewer bytes may be chance there.
const MIN_EMAIL: usize = 12;
/// Longer runs are searched in pieces that overlap, so that memory stays bounded.
const MAX_RUN: usize = 1 << 20;
/// How far pieces overlap: no value is longer.
const OVERLAP: usize = 256;
/// The ending of tantivy's term dictionaries. Their bytes list which digits may follow, in order, and that looks like a
/// phone; phones among the terms themselves are found through the index.
const DICTIONARY: &str = ".term";
/// Columns that hold no text of people but hashes, of which some have the check digit of a card.
const HASHES: [&str; 1] = ["thread_id"];

/// What was searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Searched {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Texts of rows, and terms of keyword indexes.
    pub texts: usize,
}

/// Searches everything that a generation holds.
///
/// # Errors
/// [`Error::PersonalData`] with the places and never a value; [`Error::Corrupt`] and I/O errors.
pub fn search(snapshot: &Snapshot) -> Result<Searched> {
    let mut search =
        Search { masker: Masker::patterns_only(), places: Vec::new(), total: 0, done: Searched::default() };
    // Where the cells of a file lie, by its path below the generation.
    let mut cells: BTreeMap<PathBuf, Vec<Range<usize>>> = BTreeMap::new();
    for name in snapshot.index_names() {
        snapshot.index(name)?.visit_texts(&mut |text| {
            let file = format!("{name}/{}", text.file);
            if let Some(range) = &text.range {
                cells.entry(PathBuf::from(&file)).or_default().push(range.clone());
            }
            search.done.texts += 1;
            let (place, hash) = match text.place {
                Place::Cell { column, row } => (format!("column `{column}`, row {row}"), HASHES.contains(&column)),
                Place::Keyword(place) => (place.to_owned(), false),
            };
            for (kind, _) in search.values(text.text) {
                if !(hash && kind == Placeholder::Card) {
                    search.report(&file, kind, &place);
                }
            }
        })?;
    }
    if let Some(base) = Base::read(snapshot.folder(), None, |file| snapshot.read_file(file))? {
        base.visit_texts(|file, column, row, text| {
            search.done.texts += 1;
            for (kind, _) in search.values(text) {
                search.report(file, kind, &format!("column `{column}`, row {row}"));
            }
        });
    }
    for file in files(snapshot.folder())? {
        let bytes = fs::read(&file)?;
        let below = file.strip_prefix(snapshot.folder()).unwrap_or(&file);
        if below.starts_with(KEPT_FOLDER) {
            search.done.files += 1;
            search.done.bytes += bytes.len() as u64;
            continue;
        }
        let mut known = cells.remove(below).unwrap_or_default();
        known.sort_by_key(|range| range.start);
        known.push(bytes.len()..bytes.len());
        let name = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let mut start = 0;
        for cell in known {
            search.bytes(&name, &bytes, start..cell.start.max(start));
            start = cell.end.max(start);
        }
        search.done.files += 1;
        search.done.bytes += bytes.len() as u64;
    }
    if search.total > 0 {
        return Err(Error::PersonalData { places: search.places, total: search.total });
    }
    Ok(search.done)
}

struct Search {
    masker: Masker,
    places: Vec<String>,
    total: usize,
    done: Searched,
}

impl Search {
    fn report(&mut self, file: &str, kind: Placeholder, place: &str) {
        self.total += 1;
        if self.places.len() < MAX_PLACES {
            self.places.push(format!("{file}: {} ({place})", kind.meaning()));
        }
    }

    /// Searches the runs of text in a stretch of a file.
    fn bytes(&mut self, file: &str, bytes: &[u8], stretch: Range<usize>) {
        let base = stretch.start;
        let is_dictionary = file.ends_with(DICTIONARY);
        for run in text_runs(&bytes[stretch]) {
            let text = run.text;
            for (kind, at) in self.values(text) {
                let by_chance = match kind {
                    Placeholder::Email => at.len() < MIN_EMAIL,
                    Placeholder::Phone => is_dictionary,
                    _ => false,
                };
                if !by_chance {
                    self.report(file, kind, &format!("byte {}", base + run.start + at.start));
                }
            }
        }
    }

    fn values(&self, text: &str) -> Vec<(Placeholder, Range<usize>)> {
        // Most runs of a binary file need no closer look.
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let may_hold_cnpj = text.len() >= 14 && digits >= 2;
        if !(digits >= MIN_RUN || may_hold_cnpj || text.contains('@')) {
            return Vec::new();
        }
        let found = self.masker.find(text, None).into_iter();
        found.filter(|span| is_certain(text, span)).map(|span| (span.placeholder, span.start..span.end)).collect()
    }
}

/// Whether it is a value of a kind that is looked for, and not a part of something longer: of a hash, of a decimal.
fn is_certain(text: &str, span: &Span) -> bool {
    let value = &text[span.start..span.end];
    match span.placeholder {
        Placeholder::Email => true,
        Placeholder::Cpf | Placeholder::Card | Placeholder::Phone => stands_apart(text, span),
        // Fourteen letters and digits in a row are one running number of a hundred, such as `INT00000000042`.
        Placeholder::Cnpj => stands_apart(text, span) && !is_serial(value),
        Placeholder::Ssn
        | Placeholder::Account
        | Placeholder::PixKey
        | Placeholder::Address
        | Placeholder::BirthDate
        | Placeholder::Name => false,
    }
}

/// Letters, then digits, and nothing else.
fn is_serial(value: &str) -> bool {
    let digits = value.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    digits.len() < value.len() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn stands_apart(text: &str, span: &Span) -> bool {
    let mut before = text[..span.start].chars().rev();
    let mut after = text[span.end..].chars();
    let joins = |first: Option<char>, second: Option<char>| match first {
        Some(letter) if letter.is_alphanumeric() || letter == '_' => true,
        Some('.' | ',' | '/' | '-') => second.is_some_and(|letter| letter.is_ascii_digit()),
        _ => false,
    };
    !joins(before.next(), before.next()) && !joins(after.next(), after.next())
}

/// A run of text in a file.
struct Run<'a> {
    start: usize,
    text: &'a str,
}

/// The runs of UTF-8 without control characters but blanks, of some length; long ones in pieces that overlap.
fn text_runs(bytes: &[u8]) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let is_end = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
    let mut start = 0;
    for piece in bytes.split(is_end) {
        let mut at = start;
        for chunk in piece.utf8_chunks() {
            push_pieces(&mut runs, at, chunk.valid());
            at += chunk.valid().len() + chunk.invalid().len();
        }
        start += piece.len() + 1;
    }
    runs
}

fn push_pieces<'a>(runs: &mut Vec<Run<'a>>, start: usize, text: &'a str) {
    let mut from = 0;
    while text.len() - from >= MIN_RUN {
        let mut end = (from + MAX_RUN).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        runs.push(Run { start: start + from, text: &text[from..end] });
        if end == text.len() {
            return;
        }
        from = end - OVERLAP;
        while !text.is_char_boundary(from) {
            from -= 1;
        }
    }
}

/// Every file below a folder, by path.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}
