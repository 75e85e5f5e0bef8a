//! `CURRENT`: which generation serves. Read by everybody, replaced by one rename. Knows no content of a generation.

use std::path::Path;

use fs_err as fs;

use crate::disk;
use crate::error::{Error, Result};

/// The file that names the generation that serves.
const FILE: &str = "CURRENT";
/// What is to take its place.
const FRESH: &str = ".CURRENT.new";

/// The generation that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Serving {
    pub(super) name: String,
    /// The sum of its `generation.json`.
    pub(super) sha256: String,
}

/// What serves in an index folder, if anything does.
pub(super) fn read(root: &Path) -> Result<Option<Serving>> {
    let path = root.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    match text.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        [name, sha256] if number(name).is_some() && is_sum(sha256) => {
            Ok(Some(Serving { name: name.to_owned(), sha256: sha256.to_owned() }))
        }
        _ => Err(Error::corrupt(path, "it does not hold the name and the checksum of a generation")),
    }
}

/// The moment of publication. Sure to outlast a loss of power once the folder has been synced, which is the caller's work.
pub(super) fn replace(root: &Path, serving: &Serving) -> Result<()> {
    disk::replace(&root.join(FILE), FRESH, format!("{} {}\n", serving.name, serving.sha256).as_bytes())
}

/// The number in `g000001`.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix('g').filter(|digits| digits.len() >= 6)?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Whether a text can be a sha256, in lower-case hexadecimal.
pub(super) fn is_sum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
