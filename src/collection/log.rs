//! The write-ahead log of a collection: a line a batch, flushed before it is acknowledged; read once, at open.
//!
//! ```text
//! <sum> <safe> <JSON>      sum: 16 hex digits of the SHA-256 of what follows it; safe: so many bytes of the file were flushed
//!                          before this line was written
//! ```
//!
//! What was being written when the machine stopped may be there in any part. It was not acknowledged, and is cut off: all from
//! the first line on that does not hold, unless a later line says that it had been flushed, which is damage and refused.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::disk;
use crate::error::{Error, Result};
use crate::index::sha256_hex;

const SUM_DIGITS: usize = 16;

/// A log that is appended to.
pub(super) struct Log {
    file: fs::File,
    path: PathBuf,
    /// Its length; all of it is flushed.
    bytes: u64,
    /// Whether what is on the disk is not known any more.
    is_lost: bool,
}

/// The file of a number in a folder.
pub(super) fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("log-{number:08}.jsonl"))
}

/// The number of a log's file name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("log-")?.strip_suffix(".jsonl")?.parse().ok()
}

impl Log {
    /// Makes an empty log, whose name is flushed too.
    pub(super) fn create(folder: &Path, number: u64) -> Result<Self> {
        let path = path_of(folder, number);
        let file = fs::OpenOptions::new().create_new(true).append(true).open(&path)?;
        disk::sync_folder(folder)?;
        Ok(Self { file, path, bytes: 0, is_lost: false })
    }

    /// Opens a log, shows what it holds, line by line, and cuts off what was not acknowledged.
    pub(super) fn recover(folder: &Path, number: u64, see: &mut dyn FnMut(&str) -> Result<()>) -> Result<Self> {
        let path = path_of(folder, number);
        let mut file = fs::OpenOptions::new().read(true).append(true).open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let good = good_bytes(&path, &bytes)?;
        for (n, line) in (1..).zip(bytes[..good].split_inclusive(|&byte| byte == b'\n')) {
            let (_, json) = parse(line).ok_or_else(|| Error::internal("reading a log", "a line that held does not"))?;
            see(json).map_err(|error| Error::corrupt(&path, format!("line {n}: {error}")))?;
        }
        if good < bytes.len() {
            file.file().set_len(good as u64)?;
        }
        file.sync_all()?;
        Ok(Self { file, path, bytes: good as u64, is_lost: false })
    }

    /// Appends lines by one write and returns once they are on the disk; all or, as far as anybody can see, none of them.
    pub(super) fn append(&mut self, batches: &[String]) -> Result<()> {
        if self.is_lost {
            return Err(Error::Io(std::io::Error::other(format!(
                "{}: an earlier write failed, and what is on the disk is not known; restart to read it again",
                self.path.display()
            ))));
        }
        let mut bytes = Vec::with_capacity(batches.iter().map(|json| json.len() + 40).sum());
        for json in batches {
            let rest = format!("{} {json}", self.bytes);
            bytes.extend_from_slice(sum(rest.as_bytes()).as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(rest.as_bytes());
            bytes.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&bytes) {
            // What was written of it must not be there when the next line comes.
            self.is_lost = self.file.file().set_len(self.bytes).and_then(|()| self.file.sync_data()).is_err();
            return Err(error.into());
        }
        if let Err(error) = self.file.sync_data() {
            self.is_lost = true;
            return Err(error.into());
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// How many bytes hold, from the start.
fn good_bytes(path: &Path, bytes: &[u8]) -> Result<usize> {
    let (mut good, mut at, mut bad) = (0, 0, None);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match (parse(line), bad) {
            (Some(_), None) => good = at + line.len(),
            (Some((safe, _)), Some(bad)) if safe > bad as u64 => {
                return Err(Error::corrupt(
                    path,
                    format!("what begins at byte {bad} was acknowledged and does not hold"),
                ));
            }
            (Some(_), Some(_)) => {}
            (None, _) => bad = bad.or(Some(at)),
        }
        at += line.len();
    }
    Ok(good)
}

/// How much was flushed before a line, and its JSON, if it holds.
fn parse(line: &[u8]) -> Option<(u64, &str)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (said, rest) = line.split_once(' ')?;
    let (safe, json) = rest.split_once(' ')?;
    (said == sum(rest.as_bytes())).then_some((safe.parse().ok()?, json))
}

fn sum(bytes: &[u8]) -> String {
    let mut sum = sha256_hex(bytes);
    sum.truncate(SUM_DIGITS);
    sum
}
