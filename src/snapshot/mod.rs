//! A generation: a set of indexes that are published together, swapped in by one rename. Knows no ticket and no model.
//!
//! ```text
//! <root>/CURRENT            name and sha256 of the generation that serves
//! <root>/LOCK               held by the one process that writes; the system frees it when that process dies
//! <root>/g000001/           a generation: generation.json and its sum, extra files, one folder an index
//! <root>/.g000003.new/      one that is being written, or that a dead process left: the next writer removes it
//! <root>/forgotten/         the ledger of what is hidden in every generation that was built before: see `forgotten`
//! <root>/.g000001.old/      one that is being removed, likewise
//! ```

mod current;
mod forgetting;
mod lock;
mod shelf;
mod writer;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use self::current::{Serving, is_sum, number};
use self::lock::Lease;
use crate::disk::parent;
use crate::embed::ModelIdentity;
use crate::error::{Error, Result};
use crate::forgotten::{Forgotten, INPUT, Ledger};
use crate::index::{FileEntry, IndexReader, check_files, read_json, sha256_hex};

pub use self::forgetting::{Purging, check_ledger, purge};
pub use self::shelf::{Shelved, list, roll_back, tidy};
pub use self::writer::{SnapshotWriter, WrittenIndex};

/// The file in which a generation says what it is.
const GENERATION_FILE: &str = "generation.json";
/// The file that holds the sum of [`GENERATION_FILE`] and a line feed, for generations that `CURRENT` does not name.
const SUM_FILE: &str = "generation.sha256";
/// The first format with a [`SUM_FILE`].
const FIRST_WITH_SUM: u64 = 7;

/// Generations up to this size have their checksums compared whenever they are opened.
pub const CHECK_SUMS_UP_TO: u64 = 64 << 20;

/// What a generation says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// The format of everything below: see [`crate::index::FORMAT`].
    pub format: u32,
    /// Its name, such as `g000001`.
    pub name: String,
    /// When it was built, in RFC 3339, as the builder was told.
    pub created_at: String,
    /// The version of the program that built it.
    pub built_by: String,
    /// The model that made every vector in it.
    pub model: ModelIdentity,
    /// What it was made from: a sum of each input, by the input's name. Empty in formats before 7, which did not note it.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Its indexes.
    pub indexes: BTreeMap<String, IndexEntry>,
    /// Files beside the indexes. Those in folders are only opened by who asks for them.
    pub files: Vec<FileEntry>,
}

/// One index of a generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexEntry {
    /// How many rows it holds.
    pub rows: usize,
    /// How many bytes its files hold, the manifest apart.
    pub bytes: u64,
    /// The sum of its `manifest.json`.
    pub manifest_sha256: String,
}

impl Generation {
    /// How many bytes its indexes and files hold.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let indexes: u64 = self.indexes.values().map(|index| index.bytes).sum();
        indexes + self.files.iter().map(|file| file.bytes).sum::<u64>()
    }

    /// How many rows its indexes hold.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.indexes.values().map(|index| index.rows).sum()
    }
}

/// A generation that is open: immutable, whole, and unmoved by what is published after. Not removed while it is open.
/// Rows that were forgotten when it was opened are hidden in its indexes.
pub struct Snapshot {
    generation: Generation,
    /// The sum of its `generation.json`.
    sha256: String,
    folder: PathBuf,
    /// The files beside the indexes that lie in no folder, read whole: they are small, and the folder may be removed while this is open.
    files: BTreeMap<String, Vec<u8>>,
    indexes: BTreeMap<String, IndexReader>,
    forgotten: Forgotten,
    /// How many groups of rows are hidden.
    hidden_groups: usize,
    _lease: Lease,
}

impl Snapshot {
    /// Opens the generation that serves.
    ///
    /// # Errors
    /// [`Error::NoIndex`], [`Error::Format`], [`Error::Corrupt`], I/O errors.
    pub fn open(root: &Path) -> Result<Self> {
        loop {
            let serving = current::read(root)?.ok_or_else(|| Error::NoIndex { path: root.to_owned() })?;
            match Self::open_serving(root, &serving) {
                // A writer may have published the next generation and removed this one in the meantime.
                Err(_) if current::read(root)?.is_some_and(|now| now != serving) => {}
                opened => return opened,
            }
        }
    }

    /// Opens a generation by its name, whether it serves or not.
    ///
    /// # Errors
    /// [`Error::UnknownGeneration`], [`Error::Format`], [`Error::Corrupt`], I/O errors.
    pub fn open_named(root: &Path, name: &str) -> Result<Self> {
        let folder = root.join(name);
        if number(name).is_none() || !folder.is_dir() {
            return Err(shelf::unknown(root, name));
        }
        Self::open_folder(folder, None)
    }

    fn open_serving(root: &Path, serving: &Serving) -> Result<Self> {
        let folder = root.join(&serving.name);
        if !folder.is_dir() {
            let reason = format!("it names `{}`, and there is no such generation", serving.name);
            return Err(Error::corrupt(root.join("CURRENT"), reason));
        }
        Self::open_folder(folder, Some(&serving.sha256))
    }

    /// Opens the generation of a folder, whose [`GENERATION_FILE`] must have the given sum, or that of its [`SUM_FILE`].
    fn open_folder(folder: PathBuf, sha256: Option<&str>) -> Result<Self> {
        let lease = Lease::take(&folder);
        let sha256 = sha256.map_or_else(|| noted_sum(&folder), |known| Ok(known.to_owned()))?;
        let generation: Generation = read_json(&folder.join(GENERATION_FILE), &sha256)?;
        check_noted_sum(&folder, &sha256)?;
        // After the generation, which may have been built by the newest line.
        let forgotten = Ledger::of(parent(&folder)).read()?;
        let keys = forgotten.since(generation.inputs.get(INPUT).map(String::as_str))?;
        let mut snapshot = Self::assemble(folder, generation, sha256, lease, forgotten)?;
        snapshot.hidden_groups = forgetting::hide(&mut snapshot.indexes, &keys)?;
        Ok(snapshot)
    }

    /// Opens what a generation says that it holds.
    fn assemble(
        folder: PathBuf,
        generation: Generation,
        sha256: String,
        lease: Lease,
        forgotten: Forgotten,
    ) -> Result<Self> {
        let sums = generation.bytes() <= CHECK_SUMS_UP_TO;
        check_files(&folder, &generation.files, sums)?;
        let mut files = BTreeMap::new();
        for entry in generation.files.iter().filter(|entry| is_read_whole(entry)) {
            files.insert(entry.path.clone(), fs::read(folder.join(&entry.path))?);
        }
        let mut indexes = BTreeMap::new();
        for (index, entry) in &generation.indexes {
            let reader = IndexReader::open(&folder.join(index), &entry.manifest_sha256, sums)?;
            indexes.insert(index.clone(), reader);
        }
        Ok(Self { generation, sha256, folder, files, indexes, forgotten, hidden_groups: 0, _lease: lease })
    }

    /// What the generation says about itself.
    #[must_use]
    pub const fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Where its files lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of its indexes, which are also their folders.
    pub fn index_names(&self) -> impl Iterator<Item = &str> {
        self.indexes.keys().map(String::as_str)
    }

    /// One of its indexes.
    ///
    /// # Errors
    /// [`Error::UnknownIndex`].
    pub fn index(&self, name: &str) -> Result<&IndexReader> {
        self.indexes
            .get(name)
            .ok_or_else(|| Error::UnknownIndex { name: name.to_owned(), known: self.indexes.keys().cloned().collect() })
    }

    /// Whether this is what serves in `root` now, rather than what was published after or in its place, with all hidden that
    /// is forgotten by now.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when `CURRENT` cannot be understood; those of [`Snapshot::hides_all`].
    pub fn serves(&self, root: &Path) -> Result<bool> {
        Ok(current::read(root)?.is_some_and(|serving| serving.sha256 == self.sha256) && self.hides_all(root)?)
    }

    /// Reads a file that lies in a folder of its own, such as `kept/tickets.parquet`; `None` where the generation has none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a file whose sum is not the one that was published; I/O errors.
    pub fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(entry) = self.generation.files.iter().find(|entry| entry.path == path) else { return Ok(None) };
        let file = self.folder.join(path);
        let bytes = fs::read(&file)?;
        if sha256_hex(&bytes) != entry.sha256 {
            return Err(Error::corrupt(file, "its checksum is not the manifest's"));
        }
        Ok(Some(bytes))
    }

    /// The bytes of a file beside the indexes, if there is one of that name. See [`Snapshot::read_file`] for those in folders.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Reads everything: every checksum, every count, every point of every graph.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for the first fault.
    pub fn verify(&self) -> Result<()> {
        check_noted_sum(&self.folder, &self.sha256)?;
        check_files(&self.folder, &self.generation.files, true)?;
        for (name, index) in &self.indexes {
            let folder = self.folder.join(name);
            for segment in &index.manifest().segments {
                check_files(&folder.join(&segment.name), &segment.files, true)?;
            }
            index.verify(&folder)?;
        }
        Ok(())
    }
}

/// Whether every reader of a generation reads the file.
fn is_read_whole(entry: &FileEntry) -> bool {
    !entry.path.contains('/')
}

/// Compares the sum that a generation notes of itself with the one that it was published with.
fn check_noted_sum(folder: &Path, sha256: &str) -> Result<()> {
    if noted_sum(folder)? == sha256 {
        return Ok(());
    }
    Err(Error::corrupt(folder.join(SUM_FILE), "it is not the checksum that was published"))
}

/// The sum that a generation notes of its own [`GENERATION_FILE`]; of formats that noted none, the sum that it has.
fn noted_sum(folder: &Path) -> Result<String> {
    let path = folder.join(SUM_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            let sum = bytes.strip_suffix(b"\n").and_then(|sum| std::str::from_utf8(sum).ok()).filter(|sum| is_sum(sum));
            sum.map(str::to_owned).ok_or_else(|| Error::corrupt(path, "it does not hold a checksum"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let bytes = fs::read(folder.join(GENERATION_FILE))?;
            let format = serde_json::from_slice(&bytes).ok().and_then(|it: serde_json::Value| it["format"].as_u64());
            match format {
                Some(FIRST_WITH_SUM..) => Err(Error::corrupt(path, "it is not there")),
                _ => Ok(sha256_hex(&bytes)),
            }
        }
        Err(error) => Err(error.into()),
    }
}
