//! Files that outlast a loss of power: written and flushed, put in another's place by one rename, named for sure; and locks
//! that are waited for. Knows no content.

use std::io::Write as _;
use std::path::Path;

use fs_err as fs;

use crate::error::Result;

/// The folder that a name is in; of a bare name it is the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Flushes the names in a folder to the disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// Flushes the names in a folder that may be new, and its own.
pub(crate) fn sync_new_folder(folder: &Path) -> Result<()> {
    sync_folder(folder)?;
    sync_folder(parent(folder))
}

/// Writes a file whole and flushes it. Its name is sure to last once its folder is flushed.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

/// Puts a file with these bytes in the place of another by one rename, once it is on the disk under the name `fresh` of the
/// same folder. Sure to last once that folder is flushed.
pub(crate) fn replace(path: &Path, fresh: &str, bytes: &[u8]) -> Result<()> {
    let fresh = path.with_file_name(fresh);
    write_synced(&fresh, bytes)?;
    fs::rename(&fresh, path)?;
    Ok(())
}

/// A file that is removed again unless it is kept; as readable as any that the user makes.
pub(crate) fn new_file(folder: &Path) -> Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nba-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    Ok(builder.tempfile_in(folder)?)
}

/// Waits for whoever holds the lock of that name. It is held as long as the file is open.
pub(crate) fn lock(path: &Path) -> Result<fs::File> {
    let lock = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    lock.file().lock()?;
    Ok(lock)
}
