//! A generation: a set of indexes that are published together, swapped in by one rename. Knows no ticket and no model.
//!
//! ```text
//! <root>/CURRENT            name and sha256 of the generation that serves
//! <root>/LOCK               held by the one process that writes; the system frees it when that process dies
//! <root>/g000001/           a generation: generation.json, extra files, one folder an index
//! <root>/.g000002.new/      one that is being written, or that a dead process left: the next writer removes it
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::embed::ModelIdentity;
use crate::error::{Error, Result};
use crate::index::{
    FORMAT, FileEntry, IndexReader, IndexSpec, check_files, read_json, sha256_hex, sync_folder, write, write_json,
};

/// Generations up to this size have their checksums compared whenever they are opened.
pub const CHECK_SUMS_UP_TO: u64 = 64 << 20;

/// The folder of an index that is tried and thrown away before a generation is published.
const TRIAL_FOLDER: &str = ".trial";

/// What a generation says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// The format of everything below: see [`FORMAT`].
    pub format: u32,
    /// Its name, such as `g000001`.
    pub name: String,
    /// When it was built, in RFC 3339, as the builder was told.
    pub created_at: String,
    /// The version of the program that built it.
    pub built_by: String,
    /// The model that made every vector in it.
    pub model: ModelIdentity,
    /// Its indexes.
    pub indexes: BTreeMap<String, IndexEntry>,
    /// Files beside the indexes.
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
}

/// A generation that is open: immutable, whole, and unmoved by what is published after.
pub struct Snapshot {
    generation: Generation,
    /// The sum of its `generation.json`.
    sha256: String,
    folder: PathBuf,
    /// The files beside the indexes, read whole: they are small, and the folder may be removed while this is open.
    files: BTreeMap<String, Vec<u8>>,
    indexes: BTreeMap<String, IndexReader>,
}

impl Snapshot {
    /// Opens the generation that serves.
    ///
    /// # Errors
    /// [`Error::NoIndex`], [`Error::Format`], [`Error::Corrupt`], I/O errors.
    pub fn open(root: &Path) -> Result<Self> {
        loop {
            let serving = current(root)?.ok_or_else(|| Error::NoIndex { path: root.to_owned() })?;
            match Self::open_generation(root, &serving) {
                // A writer may have published the next generation and removed this one in the meantime.
                Err(_) if current(root)?.is_some_and(|now| now != serving) => {}
                opened => return opened,
            }
        }
    }

    fn open_generation(root: &Path, (name, sha256): &(String, String)) -> Result<Self> {
        let folder = root.join(name);
        if !folder.is_dir() {
            return Err(Error::corrupt(
                root.join("CURRENT"),
                format!("it names `{name}`, and there is no such generation"),
            ));
        }
        let generation: Generation = read_json(&folder.join("generation.json"), sha256)?;
        let sums = generation.bytes() <= CHECK_SUMS_UP_TO;
        check_files(&folder, &generation.files, sums)?;
        let mut files = BTreeMap::new();
        for entry in &generation.files {
            files.insert(entry.path.clone(), fs::read(folder.join(&entry.path))?);
        }
        let mut indexes = BTreeMap::new();
        for (index, entry) in &generation.indexes {
            let reader = IndexReader::open(&folder.join(index), &entry.manifest_sha256, sums)?;
            indexes.insert(index.clone(), reader);
        }
        Ok(Self { generation, sha256: sha256.clone(), folder, files, indexes })
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

    /// Whether this is what serves in `root` now, rather than what was published after or in its place.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when `CURRENT` cannot be understood; I/O errors.
    pub fn serves(&self, root: &Path) -> Result<bool> {
        Ok(current(root)?.is_some_and(|(_, sha256)| sha256 == self.sha256))
    }

    /// The bytes of a file beside the indexes, if there is one of that name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Reads everything: every checksum, every count, every point of every graph.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for the first fault.
    pub fn verify(&self) -> Result<()> {
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

/// Name and sum of the generation that serves.
fn current(root: &Path) -> Result<Option<(String, String)>> {
    let path = root.join("CURRENT");
    if !path.exists() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    match text.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        [name, sha256] if number(name).is_some() && is_sum(sha256) => Ok(Some((name.to_owned(), sha256.to_owned()))),
        _ => Err(Error::corrupt(path, "it does not hold the name and the checksum of a generation")),
    }
}

/// Whether a text can be a sha256, in lower-case hexadecimal.
fn is_sum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The number in `g000001`.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix('g').filter(|digits| digits.len() >= 6)?.parse().ok()
}

/// A generation that is being written. Dropped before [`SnapshotWriter::publish`], it leaves nothing.
pub struct SnapshotWriter {
    root: PathBuf,
    folder: PathBuf,
    generation: Generation,
    published: bool,
    /// Held until the writer is gone.
    _lock: std::fs::File,
}

impl SnapshotWriter {
    /// Takes the lock of `root`, clears what a dead writer left, and begins the next generation.
    ///
    /// `holder` is what another process is told while this one writes.
    ///
    /// # Errors
    /// [`Error::Busy`] while another process writes; I/O errors.
    pub fn begin(root: &Path, model: &ModelIdentity, created_at: &str, holder: &str) -> Result<Self> {
        fs::create_dir_all(root)?;
        let lock = lock(root, holder)?;
        let mut last = 0;
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(".g") && name.ends_with(".new") {
                fs::remove_dir_all(entry.path())?;
            }
            last = last.max(number(&name).unwrap_or_default());
        }
        let name = format!("g{:06}", last + 1);
        let folder = root.join(format!(".{name}.new"));
        fs::create_dir(&folder)?;
        let generation = Generation {
            format: FORMAT,
            name,
            created_at: created_at.to_owned(),
            built_by: concat!("nba ", env!("CARGO_PKG_VERSION")).to_owned(),
            model: model.clone(),
            indexes: BTreeMap::new(),
            files: Vec::new(),
        };
        Ok(Self { root: root.to_owned(), folder, generation, published: false, _lock: lock })
    }

    /// Writes one index. See [`crate::index::write`] for the arguments.
    ///
    /// # Errors
    /// Those of [`crate::index::write`].
    pub fn add_index(
        &mut self,
        spec: &IndexSpec,
        batch: &arrow::array::RecordBatch,
        vectors: &[crate::embed::Vector],
        phase: &mut dyn FnMut(&'static str),
    ) -> Result<()> {
        let folder = self.folder.join(&spec.name);
        fs::create_dir(&folder)?;
        let (manifest, manifest_sha256) = write(&folder, spec, batch, vectors, &self.generation.model, phase)?;
        let entry = IndexEntry { rows: manifest.rows(), bytes: manifest.bytes(), manifest_sha256 };
        self.generation.indexes.insert(spec.name.clone(), entry);
        Ok(())
    }

    /// Writes an index that is no part of the generation, has `ask` look at it, and removes it again.
    ///
    /// # Errors
    /// Those of [`crate::index::write`], of opening what was written, and of `ask`.
    pub fn try_index<T>(
        &self,
        spec: &IndexSpec,
        batch: &arrow::array::RecordBatch,
        vectors: &[crate::embed::Vector],
        ask: impl FnOnce(&IndexReader) -> Result<T>,
    ) -> Result<T> {
        let folder = self.folder.join(TRIAL_FOLDER);
        fs::create_dir(&folder)?;
        let (_, sha256) = write(&folder, spec, batch, vectors, &self.generation.model, &mut |_| {})?;
        let answer = ask(&IndexReader::open(&folder, &sha256, false)?)?;
        fs::remove_dir_all(&folder)?;
        Ok(answer)
    }

    /// Writes a file beside the indexes.
    ///
    /// # Errors
    /// I/O errors.
    pub fn add_file(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        fs::write(self.folder.join(name), bytes)?;
        let entry = FileEntry { path: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256_hex(bytes) };
        self.generation.files.push(entry);
        Ok(())
    }

    /// Checks everything that was written, swaps it in, and removes all but the newest `keep` generations.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when what was written does not read back; I/O errors. The old generation then still serves.
    pub fn publish(mut self, keep: usize) -> Result<Generation> {
        for file in &self.generation.files {
            fs::File::open(self.folder.join(&file.path))?.sync_all()?;
        }
        let sha256 = write_json(&self.folder.join("generation.json"), &self.generation)?;
        sync_folder(&self.folder)?;
        self.verify()?;

        let published = self.root.join(&self.generation.name);
        fs::rename(&self.folder, &published)?;
        self.folder = published;
        sync_folder(&self.root)?;
        self.swap(&sha256)?;
        // The new generation serves: what cannot be removed now is no failure, and the next build tries again.
        let _ = self.remove_old(keep.max(1));
        Ok(self.generation.clone())
    }

    fn verify(&self) -> Result<()> {
        for (name, entry) in &self.generation.indexes {
            let folder = self.folder.join(name);
            IndexReader::open(&folder, &entry.manifest_sha256, true)?.verify(&folder)?;
        }
        Ok(())
    }

    /// The moment of publication: `CURRENT` is replaced by one rename.
    fn swap(&mut self, sha256: &str) -> Result<()> {
        let fresh = self.root.join(".CURRENT.new");
        let mut file = fs::File::create(&fresh)?;
        writeln!(file, "{} {sha256}", self.generation.name)?;
        file.sync_all()?;
        fs::rename(&fresh, self.root.join("CURRENT"))?;
        // From here on it serves, whatever else fails.
        self.published = true;
        sync_folder(&self.root)
    }

    fn remove_old(&self, keep: usize) -> Result<()> {
        let mut names: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            names.extend(number(&entry.file_name().to_string_lossy()).map(|number| (number, entry.path())));
        }
        names.sort();
        names.reverse();
        for (_, path) in names.into_iter().skip(keep) {
            fs::remove_dir_all(path)?;
        }
        Ok(())
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if !self.published {
            // Whatever cannot be removed now is removed by the next writer.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn lock(root: &Path, holder: &str) -> Result<std::fs::File> {
    let path = root.join("LOCK");
    let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    match file.file().try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.write_all(holder.as_bytes())?;
            Ok(file.into_file())
        }
        Err(std::fs::TryLockError::WouldBlock) => {
            let named = fs::read_to_string(&path).unwrap_or_default();
            let holder = if named.trim().is_empty() { "another process".to_owned() } else { named.trim().to_owned() };
            Err(Error::Busy { path: root.to_owned(), holder })
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}
