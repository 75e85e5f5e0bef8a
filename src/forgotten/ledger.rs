//! The ledger's file: read without a lock, replaced whole by one rename. A file that is not exactly what was written is
//! refused, since a line that is lost would show rows again.
//!
//! ```text
//! <index>/forgotten/ledger.jsonl    version and salt; a line an entry; the sha256 of all that, as the last line
//! <index>/forgotten/LOCK            held by the one process that replaces it; the system frees it when that process dies
//! ```

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Entry, Forgotten, SALT_BYTES, hex};
use crate::disk;
use crate::error::{Error, Result};

/// The folder of the ledger in an index folder.
pub const FOLDER: &str = "forgotten";
const FILE: &str = "ledger.jsonl";
const FRESH: &str = ".ledger.jsonl.new";
const LOCK: &str = "LOCK";
/// The version of the lines; bumped by hand when they change.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    v: u32,
    salt: String,
}

/// The ledger of an index folder. A value names a place; nothing is open between calls.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
}

impl Ledger {
    /// The ledger of an index folder. Touches nothing.
    #[must_use]
    pub fn of(index: &Path) -> Self {
        Self { folder: index.join(FOLDER) }
    }

    /// Its file, which need not exist yet.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// What it holds. Takes no lock: what is being replaced meanwhile is there as it was or as it will be.
    ///
    /// # Errors
    /// [`Error::Ledger`] for a file that is not what was written; I/O errors. A ledger that does not exist is empty.
    pub fn read(&self) -> Result<Forgotten> {
        Ok(self.load()?.unwrap_or_else(|| Forgotten::nobody(&self.path(), String::new())))
    }

    /// Changes what it holds and returns once that is on the disk; waits for whoever else changes it. A ledger that does
    /// not exist yet gets the salt. What is killed meanwhile has changed it or has not.
    ///
    /// # Errors
    /// Those of [`Ledger::read`] and of `change`; I/O errors. The ledger is then as it was.
    pub fn change<T>(&self, salt: [u8; SALT_BYTES], change: impl FnOnce(&mut Forgotten) -> Result<T>) -> Result<T> {
        fs::create_dir_all(&self.folder)?;
        let _lock = disk::lock(&self.folder.join(LOCK))?;
        let before = self.load()?;
        let mut after = before.clone().unwrap_or_else(|| Forgotten::nobody(&self.path(), hex(&salt)));
        let changed = change(&mut after)?;
        if before.map_or(0, |before| before.entries.len()) != after.entries.len() {
            self.replace(&after)?;
        }
        Ok(changed)
    }

    fn load(&self) -> Result<Option<Forgotten>> {
        let path = self.path();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        parse(&path, &bytes).map(Some).map_err(|reason| Error::Ledger { path, reason })
    }

    fn replace(&self, forgotten: &Forgotten) -> Result<()> {
        let text = write(forgotten).map_err(|error| Error::internal("writing a ledger", error))?;
        disk::replace(&self.path(), FRESH, text.as_bytes())?;
        disk::sync_new_folder(&self.folder)
    }
}

fn write(forgotten: &Forgotten) -> serde_json::Result<String> {
    let mut text = serde_json::to_string(&Head { v: VERSION, salt: forgotten.salt.clone() })? + "\n";
    for entry in &forgotten.entries {
        text += &serde_json::to_string(entry)?;
        text.push('\n');
    }
    let sum = hex(&Sha256::digest(&text));
    Ok(text + &sum + "\n")
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Forgotten, String> {
    let whole = bytes.strip_suffix(b"\n").ok_or("its last line has no end")?;
    let lines = whole.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (text, sum) = whole.split_at(lines);
    if sum != hex(&Sha256::digest(text)).as_bytes() {
        return Err("its checksum does not match".to_owned());
    }
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let in_line = |number: usize| move |error: serde_json::Error| format!("line {number}: {error}");
    let head: Head = serde_json::from_slice(lines.next().unwrap_or_default()).map_err(in_line(1))?;
    if head.v != VERSION {
        return Err(format!("it is of version {}, and this program reads {VERSION}", head.v));
    }
    let mut forgotten = Forgotten::nobody(path, head.salt);
    for (line, number) in lines.zip(2..) {
        let entry: Entry = serde_json::from_slice(line).map_err(in_line(number))?;
        forgotten.push(entry).map_err(|error| error.to_string())?;
    }
    Ok(forgotten)
}
