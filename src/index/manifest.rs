//! What an index says about itself, and the proof that its files are the ones that were written.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::disk::{sync_folder, write_synced};
use crate::embed::ModelIdentity;
use crate::error::{Error, Result};
use crate::keyword::TextField;
use crate::vector::{Kind, VectorParams};

/// The format of everything under an index folder. Bumped by hand in the commit that changes bytes.
///
/// 2: rows in blocks of 1,024; vectors of the kind `codes`. 3: their turned axes. 4: what was learnt of the desk.
/// 5: what was learnt has a second stage; threads that are the same, agents' loads, how new the desk is.
/// 6: the language of each row, means of vectors by language; keywords over tags; identifiers. 7: a generation notes what it
/// was made from, and its own sum. 8: what was learnt looks at meaning and at words apart. 9: and foresees what is still to come.
pub const FORMAT: u32 = 9;
/// The oldest format that this program reads.
pub const OLDEST_FORMAT: u32 = 6;

/// What an index is to be: given by whoever builds one.
#[derive(Debug, Clone)]
pub struct IndexSpec {
    /// Its name, which is also its folder's.
    pub name: String,
    /// The column that names a row; unique, not null.
    pub key: String,
    /// The column of which an answer shows each value once, such as the ticket of a step.
    pub group: String,
    /// The column whose text was embedded.
    pub embedded: String,
    /// The columns that the keyword leg searches.
    pub text_fields: Vec<TextField>,
    /// The list column whose values a query finds as they are, such as identifiers.
    pub exact: Option<String>,
    /// The column with each row's language, if vectors are compared without the mean of those in the same language.
    pub language: Option<String>,
    /// The column with each row's label, if directions are to count the more the better they tell labels apart.
    pub labels: Option<String>,
    /// How the vectors are kept.
    pub vector: VectorParams,
    /// About how many bytes of terms are gathered in memory before they are written. What is written does not depend on it.
    pub keyword_memory: usize,
}

/// What an index is: written last, read first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u32,
    /// The index's name.
    pub name: String,
    /// The model that made the vectors.
    pub model: ModelIdentity,
    /// See [`IndexSpec::key`].
    pub key: String,
    /// See [`IndexSpec::group`].
    pub group: String,
    /// See [`IndexSpec::embedded`].
    pub embedded: String,
    /// See [`IndexSpec::text_fields`].
    pub text_fields: Vec<TextField>,
    /// See [`IndexSpec::exact`].
    pub exact: Option<String>,
    /// See [`IndexSpec::language`].
    pub language: Option<String>,
    /// See [`IndexSpec::labels`].
    pub labels: Option<String>,
    /// The parts of the index. The nightly build writes one.
    pub segments: Vec<SegmentEntry>,
}

/// One immutable part of an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEntry {
    /// The folder's name.
    pub name: String,
    /// How many rows it holds.
    pub rows: usize,
    /// How its vectors are searched: `flat`, `codes` or `hnsw`.
    pub vector: Kind,
    /// Why they are, in words.
    pub vector_why: String,
    /// Every file, by its path below the segment's folder.
    pub files: Vec<FileEntry>,
}

/// A file, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path below the folder, with `/`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Sum of the content, in hex.
    pub sha256: String,
}

impl Manifest {
    /// How many rows the index holds.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.segments.iter().map(|segment| segment.rows).sum()
    }

    /// How many bytes its files hold.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().flat_map(|segment| &segment.files).map(|file| file.bytes).sum()
    }
}

/// The sum of some bytes, in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sum of a file's content, in hex.
pub(crate) fn sha256_of_file(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&chunk[..read]);
    }
}

/// Every file below a folder with its size and sum, by path. Each is flushed to the disk on the way.
pub(crate) fn list_files(folder: &Path) -> Result<Vec<FileEntry>> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    let mut at = 0;
    while at < folders.len() {
        for entry in fs::read_dir(&folders[at])? {
            let path = entry?.path();
            (if path.is_dir() { &mut folders } else { &mut paths }).push(path);
        }
        at += 1;
    }
    let listed = |path: &PathBuf| {
        fs::File::open(path)?.sync_all()?;
        let below = path.strip_prefix(folder).unwrap_or(path);
        Ok(FileEntry {
            path: below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"),
            bytes: fs::metadata(path)?.len(),
            sha256: sha256_of_file(path)?,
        })
    };
    let mut entries: Vec<FileEntry> = paths.par_iter().map(listed).collect::<Result<_>>()?;
    folders.iter().try_for_each(|folder| sync_folder(folder))?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Compares files with their entries: always the sizes, and the sums where asked.
pub(crate) fn check_files(folder: &Path, files: &[FileEntry], sums: bool) -> Result<()> {
    let check = |entry: &FileEntry| {
        let path: PathBuf = folder.join(&entry.path);
        let Ok(metadata) = fs::metadata(&path) else {
            return Err(Error::corrupt(path, "the manifest names it, but it is not there"));
        };
        if metadata.len() != entry.bytes {
            return Err(Error::corrupt(path, format!("{} bytes, the manifest says {}", metadata.len(), entry.bytes)));
        }
        if sums && sha256_of_file(&path)? != entry.sha256 {
            return Err(Error::corrupt(path, "its checksum is not the manifest's"));
        }
        Ok(())
    };
    // Of several that are damaged the first is named.
    let checked: Vec<Result<()>> = files.par_iter().map(check).collect();
    checked.into_iter().collect()
}

/// Writes a value as indented JSON, flushed; the sum of the bytes comes back.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<String> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::internal("writing JSON", error))?;
    bytes.push(b'\n');
    write_synced(path, &bytes)?;
    Ok(sha256_hex(&bytes))
}

/// Reads a JSON file whose sum is known; anything unexpected in it is damage.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, sha256: &str) -> Result<T> {
    let Ok(bytes) = fs::read(path) else {
        return Err(Error::corrupt(path, "it is not there or cannot be read"));
    };
    // A newer format is refused by its number, before fields that this program does not know are read.
    if let Ok(Versioned { format }) = serde_json::from_slice(&bytes)
        && !(OLDEST_FORMAT..=FORMAT).contains(&format)
    {
        return Err(Error::Format { path: path.to_owned(), found: format, oldest: OLDEST_FORMAT, newest: FORMAT });
    }
    if sha256_hex(&bytes) != sha256 {
        return Err(Error::corrupt(path, "its checksum is not the one it was published with"));
    }
    serde_json::from_slice(&bytes).map_err(|error| Error::corrupt(path, error.to_string()))
}

#[derive(Deserialize)]
struct Versioned {
    format: u32,
}
