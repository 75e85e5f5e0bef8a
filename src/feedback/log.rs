//! The log's file: appended under a lock and synced before it is acknowledged, read without a lock.
//!
//! ```text
//! <index>/feedback/log.jsonl    one record a line; bytes that were acknowledged are never written again, but to purge
//! <index>/feedback/LOCK         held by the one process that appends; the system frees it when that process dies
//! ```

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use super::line::{self, Line, TORN};
use super::{MAX_TEXT, Record};
use crate::disk;
use crate::error::Result;

/// The folder of the log in an index folder.
pub const FOLDER: &str = "feedback";
const FILE: &str = "log.jsonl";
const FRESH: &str = ".log.jsonl.new";
const LOCK: &str = "LOCK";
/// More bytes than the longest line has: seven texts, of which JSON may make six bytes a byte, and what is around them.
const MAX_LINE: u64 = 7 * 6 * MAX_TEXT as u64 + 1_024;

/// The log of an index folder. A value names a place; nothing is open between calls.
#[derive(Debug, Clone)]
pub struct Log {
    folder: PathBuf,
}

/// What a log holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The records that are whole, in the order in which they were appended.
    pub records: Vec<Record>,
    /// How many there are, and what else there is.
    pub report: LogReport,
}

/// How many records were read, and what could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Records that are whole.
    pub records: usize,
    /// Writes that a crash cut short before they were acknowledged.
    pub torn: usize,
    /// Lines that were acknowledged and cannot be used, in order.
    pub damaged: Vec<DamagedLine>,
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why not.
    pub reason: String,
}

impl Log {
    /// The log of an index folder. Touches nothing.
    #[must_use]
    pub fn of(index: &Path) -> Self {
        Self { folder: index.join(FOLDER) }
    }

    /// Its file, which need not exist yet.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Appends records by one write and returns once they are on the disk; waits for whoever else appends.
    ///
    /// A crash keeps the first few of the records or none of them: each is there as a whole, or not at all.
    ///
    /// # Errors
    /// I/O errors, such as a folder that cannot be written to or a full disk. The log is then as it was.
    pub fn append(&self, records: &[Record]) -> Result<()> {
        let lines = records.iter().map(line::write).collect::<Result<String>>()?;
        fs::create_dir_all(&self.folder)?;
        let _lock = disk::lock(&self.folder.join(LOCK))?;

        let mut file = fs::OpenOptions::new().read(true).append(true).create(true).open(self.path())?;
        let before = file.metadata()?.len();
        if before == 0 {
            // Nothing is in the file before its name and the folder's are sure to last.
            disk::sync_new_folder(&self.folder)?;
        }
        let bytes = format!("{}{lines}", end_of_torn(&mut file, before)?);
        let written = file.write_all(bytes.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // What cannot be taken back now is closed as torn by the next that appends.
            let _ = file.set_len(before);
        }
        Ok(written?)
    }

    /// Reads every record. Takes no lock: what is being appended meanwhile may be there or not.
    ///
    /// # Errors
    /// I/O errors. A log that does not exist is empty; a line that cannot be used is reported, not an error.
    pub fn read(&self) -> Result<Reading> {
        let mut reading = Reading { records: Vec::new(), report: LogReport::default() };
        let file = match fs::File::open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(reading),
            Err(error) => return Err(error.into()),
        };
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            if reader.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            let line = bytes.strip_suffix(b"\n");
            match (line::read(line.unwrap_or(&bytes)), line) {
                (Line::Whole(record), _) => reading.records.push(record),
                (Line::Torn, _) | (Line::Damaged(_), None) => reading.report.torn += 1,
                (Line::Damaged(reason), Some(_)) => reading.report.damaged.push(DamagedLine { line: number, reason }),
            }
        }
        reading.report.records = reading.records.len();
        Ok(reading)
    }

    /// Removes the records of tickets that are forgotten, and where `unreadable` also every line that cannot be read, which
    /// may be about them; returns how many lines. The others stay byte for byte. What is killed meanwhile has removed all
    /// or none.
    ///
    /// # Errors
    /// I/O errors. The log is then as it was.
    pub fn purge(&self, is_forgotten: impl Fn(&str) -> bool, unreadable: bool) -> Result<usize> {
        if !self.path().exists() {
            return Ok(0);
        }
        let _lock = disk::lock(&self.folder.join(LOCK))?;
        let bytes = fs::read(self.path())?;
        let stays = |line: &&[u8]| match line::read(line.strip_suffix(b"\n").unwrap_or(line)) {
            Line::Whole(record) => !is_forgotten(&record.event().ticket),
            Line::Torn | Line::Damaged(_) => !unreadable,
        };
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let kept: Vec<&[u8]> = lines.iter().copied().filter(stays).collect();
        if kept.len() < lines.len() {
            disk::replace(&self.path(), FRESH, &kept.concat())?;
            disk::sync_new_folder(&self.folder)?;
        }
        Ok(lines.len() - kept.len())
    }
}

/// What closes the last line, if a write was cut short in it: the end alone where the record is whole but for that.
fn end_of_torn(file: &mut fs::File, length: u64) -> Result<&'static str> {
    let window = length.min(MAX_LINE);
    file.seek(SeekFrom::Start(length - window))?;
    let mut tail = Vec::new();
    file.take(window).read_to_end(&mut tail)?;
    let tail = tail.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if tail.is_empty() {
        return Ok("");
    }
    Ok(match line::read(tail) {
        Line::Whole(_) => "\n",
        Line::Torn | Line::Damaged(_) => TORN,
    })
}
