//! Who writes an index folder, and who reads a generation. Locks belong to processes: the system frees them when one dies,
//! however it dies.
//!
//! ```text
//! <root>/LOCK                       exclusive: one writer at a time; its text says who
//! <root>/g000001/generation.json    shared, by everybody who has the generation open; exclusive, by who removes it
//! ```

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use fs_err as fs;

use super::GENERATION_FILE;
use crate::error::{Error, Result};

/// Held by the one process that writes to an index folder.
pub(super) struct WriteLock {
    _file: File,
}

impl WriteLock {
    /// Takes the lock, from a dead process too. `holder` is what another process is told meanwhile.
    ///
    /// # Errors
    /// [`Error::Busy`] with the holder's name; I/O errors.
    pub(super) fn take(root: &Path, holder: &str) -> Result<Self> {
        let path = root.join("LOCK");
        let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.file().try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.write_all(holder.as_bytes())?;
                Ok(Self { _file: file.into_file() })
            }
            Err(TryLockError::WouldBlock) => {
                let named = fs::read_to_string(&path).unwrap_or_default();
                let holder =
                    if named.trim().is_empty() { "another process".to_owned() } else { named.trim().to_owned() };
                Err(Error::Busy { path: root.to_owned(), holder })
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// Held by whoever has a generation open: nobody removes it meanwhile.
///
/// On a file system without locks there is none, and a reader goes on: what it has mapped outlives its name.
pub(super) struct Lease {
    _file: Option<File>,
}

impl Lease {
    /// Takes a lease of the generation in a folder. Waits for whoever removes it, which is for one rename.
    pub(super) fn take(folder: &Path) -> Self {
        let file = fs::File::open(folder.join(GENERATION_FILE)).ok().map(fs::File::into_file);
        Self { _file: file.filter(is_shared) }
    }
}

fn is_shared(file: &File) -> bool {
    loop {
        match file.lock_shared() {
            Ok(()) => return true,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// While it lives, nobody has the generation open. Hold it briefly: whoever wants to open the generation waits.
pub(super) struct Alone {
    _file: Option<File>,
}

impl Alone {
    /// `None` while anybody has the generation open. What has no `generation.json` nobody can open.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn with(folder: &Path) -> Result<Option<Self>> {
        let file = match fs::File::open(folder.join(GENERATION_FILE)) {
            Ok(file) => file.into_file(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Self { _file: None })),
            Err(error) => return Err(error.into()),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}
