//! The catalogue's file: JSON and a line with its sum, replaced whole by one rename; and the lock of the one process that
//! may write it.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::record::Records;
use crate::disk::{replace, sync_folder, sync_new_folder};
use crate::error::{Error, Result};
use crate::index::sha256_hex;

/// The format of the file and of the folders beside it. Bumped by hand in the commit that changes them.
const FORMAT: u32 = 1;
const FILE: &str = "catalog.json";
const LOCK: &str = "LOCK";

/// The folder of the catalogue, which is made when something is first kept in it.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

/// Held for as long as this process may write.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, never read")] File);

#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    #[serde(flatten)]
    records: Records,
}

#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

impl Shelf {
    pub(super) fn of(index: &Path) -> Self {
        Self { folder: index.join("mirror") }
    }

    pub(super) fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// The folder of an index's rows.
    pub(super) fn index(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// Takes the lock; makes the folder if need be.
    ///
    /// # Errors
    /// [`Error::Busy`] where another process has it.
    pub(super) fn lock(&self) -> Result<Lock> {
        if !self.exists() {
            fs::create_dir(&self.folder)?;
            sync_new_folder(&self.folder)?;
        }
        let path = self.folder.join(LOCK);
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        match file.file().try_lock() {
            Ok(()) => Ok(Lock(file.into_file())),
            Err(TryLockError::WouldBlock) => {
                Err(Error::Busy { path: self.folder.clone(), holder: "another server".to_owned() })
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// What was kept; nothing where there is no file yet.
    ///
    /// # Errors
    /// [`Error::Catalog`] for a file that is not as it was written; [`Error::Format`].
    pub(super) fn read(&self) -> Result<Records> {
        let path = self.folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Records::default()),
            Err(error) if error.kind() == ErrorKind::InvalidData => return Err(damaged(path, "it is not UTF-8")),
            Err(error) => return Err(error.into()),
        };
        let Some((json, sum)) = text.trim_end_matches('\n').rsplit_once('\n') else {
            return Err(damaged(path, "it has no line with its checksum"));
        };
        if sum != sha256_hex(json.as_bytes()) {
            return Err(damaged(path, "its checksum is not that of its last line"));
        }
        if let Ok(Versioned { format }) = serde_json::from_str(json)
            && format != FORMAT
        {
            return Err(Error::Format { path, found: format, oldest: FORMAT, newest: FORMAT });
        }
        let written: Written = serde_json::from_str(json).map_err(|error| damaged(path, error.to_string()))?;
        Ok(written.records)
    }

    /// Keeps the records for good.
    pub(super) fn write(&self, records: &Records) -> Result<()> {
        let written = Written { format: FORMAT, records: records.clone() };
        let json = serde_json::to_string_pretty(&written).map_err(|error| Error::internal("writing JSON", error))?;
        let text = format!("{json}\n{}\n", sha256_hex(json.as_bytes()));
        replace(&self.folder.join(FILE), "catalog.json.new", text.as_bytes())?;
        sync_folder(&self.folder)
    }

    /// Removes the folders of indexes that the records do not name: left by a process that died between the two.
    pub(super) fn tidy(&self, records: &Records) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_known = records.indexes.values().any(|index| self.index(&index.id) == path);
            if path.is_dir() && !is_known {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }
}

fn damaged(path: PathBuf, reason: impl Into<String>) -> Error {
    Error::Catalog { path, reason: reason.into() }
}
