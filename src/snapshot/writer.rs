//! Writes a generation into a folder of its own, checks it, and swaps it in by one rename. All of it is on the disk before
//! that rename: every file, every folder, and the names in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use fs_err as fs;
use rayon::prelude::*;

use super::current::{self, Serving, number};
use super::forgetting::{Purging, purge_locked};
use super::lock::{Lease, WriteLock};
use super::shelf::{self, sweep};
use super::{GENERATION_FILE, Generation, IndexEntry, SUM_FILE, Snapshot};
use crate::disk::{parent, sync_folder, write_synced};
use crate::embed::{ModelIdentity, RowVectors};
use crate::error::Result;
use crate::forgotten::Ledger;
use crate::index::{FORMAT, FileEntry, IndexReader, IndexSpec, Rows, check_files, sha256_hex, write, write_json};

/// The folder of an index that is tried and thrown away before a generation is published.
const TRIAL_FOLDER: &str = ".trial";

/// A generation that is being written. Dropped before [`SnapshotWriter::publish`], it leaves nothing.
pub struct SnapshotWriter {
    root: PathBuf,
    folder: PathBuf,
    generation: Generation,
    published: bool,
    /// Held until the writer is gone.
    _lock: WriteLock,
}

/// An index whose files are written, and that no generation names yet.
pub struct WrittenIndex {
    name: String,
    entry: IndexEntry,
}

impl SnapshotWriter {
    /// Takes the lock of `root`, clears what a dead writer left, and begins the next generation.
    ///
    /// `holder` is what another process is told while this one writes.
    ///
    /// # Errors
    /// [`crate::Error::Busy`] while another process writes; I/O errors.
    pub fn begin(root: &Path, model: &ModelIdentity, created_at: &str, holder: &str) -> Result<Self> {
        fs::create_dir_all(root)?;
        let lock = WriteLock::take(root, holder)?;
        sweep(root)?;
        let last = shelf::names(root)?.last().and_then(|name| number(name)).unwrap_or_default();
        let name = format!("g{:06}", last + 1);
        let folder = root.join(format!(".{name}.new"));
        fs::create_dir(&folder)?;
        let generation = Generation {
            format: FORMAT,
            name,
            created_at: created_at.to_owned(),
            built_by: concat!("nba ", env!("CARGO_PKG_VERSION")).to_owned(),
            model: model.clone(),
            inputs: BTreeMap::new(),
            indexes: BTreeMap::new(),
            files: Vec::new(),
        };
        Ok(Self { root: root.to_owned(), folder, generation, published: false, _lock: lock })
    }

    /// What the generation says about itself so far.
    #[must_use]
    pub const fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Notes what the generation is made from: see [`Generation::inputs`].
    pub fn note_inputs(&mut self, inputs: BTreeMap<String, String>) {
        self.generation.inputs = inputs;
    }

    /// Writes one index, which the generation has once it is added. See [`crate::index::write`] for the arguments.
    ///
    /// # Errors
    /// Those of [`crate::index::write`].
    pub fn write_index<'v>(
        &self,
        spec: &IndexSpec,
        batches: impl IntoIterator<Item = Result<RecordBatch>>,
        vectors: impl Into<RowVectors<'v>>,
    ) -> Result<WrittenIndex> {
        let folder = self.folder.join(&spec.name);
        fs::create_dir(&folder)?;
        let (manifest, manifest_sha256) = write(&folder, spec, batches, vectors, &self.generation.model)?;
        let entry = IndexEntry { rows: manifest.rows(), bytes: manifest.bytes(), manifest_sha256 };
        Ok(WrittenIndex { name: spec.name.clone(), entry })
    }

    /// Adds an index that was written.
    pub fn add_index(&mut self, index: WrittenIndex) {
        self.generation.indexes.insert(index.name, index.entry);
    }

    /// Writes an index that is no part of the generation, has `ask` look at it, and removes it again.
    ///
    /// # Errors
    /// Those of [`crate::index::write`], of opening what was written, and of `ask`.
    pub fn try_index<'v, T>(
        &self,
        spec: &IndexSpec,
        batches: impl IntoIterator<Item = Result<RecordBatch>>,
        vectors: impl Into<RowVectors<'v>>,
        ask: impl FnOnce(&IndexReader) -> Result<T>,
    ) -> Result<T> {
        let folder = self.folder.join(TRIAL_FOLDER);
        fs::create_dir(&folder)?;
        let model = &self.generation.model;
        let (_, sha256) = write(&folder, spec, batches, vectors, model)?;
        let answer = ask(&IndexReader::open(&folder, &sha256, false)?)?;
        fs::remove_dir_all(&folder)?;
        Ok(answer)
    }

    /// The rows of an index that was written.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where they do not read back.
    pub fn rows_of(&self, index: &WrittenIndex) -> Result<Rows> {
        Rows::of(&self.folder.join(&index.name), index.entry.rows)
    }

    /// Writes a file beside the indexes, or with `/` in its name into a folder of its own.
    ///
    /// # Errors
    /// I/O errors.
    pub fn add_file(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        fs::create_dir_all(parent(&path))?;
        write_synced(&path, bytes)?;
        sync_folder(parent(&path))?;
        let entry = FileEntry { path: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256_hex(bytes) };
        self.generation.files.push(entry);
        Ok(())
    }

    /// What has been written so far, as a reader would see it.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when what was written does not read back; I/O errors.
    pub fn preview(&self) -> Result<Snapshot> {
        let (folder, generation, lease) = (self.folder.clone(), self.generation.clone(), Lease::take(&self.folder));
        Snapshot::assemble(folder, generation, String::new(), lease, Ledger::of(&self.root).read()?)
    }

    /// Checks everything that was written, swaps it in, and removes old generations that nobody has open, so that `keep`
    /// stay: this one, the one that served before it, and the newest. Those that hold what is forgotten go whatever `keep`
    /// says: see [`super::purge`].
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when what was written does not read back; I/O errors. The old generation then still serves.
    pub fn publish(mut self, keep: usize) -> Result<(Generation, Option<Purging>)> {
        let sha256 = write_json(&self.folder.join(GENERATION_FILE), &self.generation)?;
        write_synced(&self.folder.join(SUM_FILE), format!("{sha256}\n").as_bytes())?;
        sync_folder(&self.folder)?;
        self.verify()?;

        // A damaged `CURRENT` names nothing that served.
        let before = current::read(&self.root).ok().flatten();
        let published = self.root.join(&self.generation.name);
        fs::rename(&self.folder, &published)?;
        self.folder = published;
        sync_folder(&self.root)?;
        current::replace(&self.root, &Serving { name: self.generation.name.clone(), sha256 })?;
        // From here on it serves, whatever else fails.
        self.published = true;
        sync_folder(&self.root)?;
        sync_folder(parent(&self.root))?;
        // What cannot be removed now is no failure, and the next build tries again.
        let _ = shelf::remove_old(&self.root, &self.generation.name, before.as_ref(), keep);
        let is_pending = Ledger::of(&self.root).read().is_ok_and(|forgotten| forgotten.is_pending());
        let purging = is_pending.then(|| purge_locked(&self.root, &self.generation.created_at).unwrap_or_default());
        Ok((self.generation.clone(), purging))
    }

    fn verify(&self) -> Result<()> {
        check_files(&self.folder, &self.generation.files, true)?;
        let verify = |(name, entry): (&String, &IndexEntry)| {
            let folder = self.folder.join(name);
            IndexReader::open(&folder, &entry.manifest_sha256, true)?.verify(&folder)
        };
        let verified: Vec<Result<()>> = self.generation.indexes.par_iter().map(verify).collect();
        verified.into_iter().collect()
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
