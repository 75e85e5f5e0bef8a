//! Vectors that were made before, kept from build to build by model and text. Knows no ticket and holds no text: a record
//! has the hash of one.
//!
//! One file a model, `<name>-<fingerprint>.vectors`: a header that names model and dimension, then records of one size
//! (hash of the text, the vector, a checksum). Records are appended as texts are embedded, so that what a killed build has
//! embedded is not embedded again; one that was cut short or spoilt does not match its checksum and counts as absent.

use std::borrow::Cow;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use memmap2::Mmap;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::kept::{HASH_BYTES, KeptVectors, Layout, Records, TextHash, first_bytes, hash};
use super::{Embedder, ModelIdentity, Vector};
use crate::disk::{parent, sync_folder};
use crate::error::{Error, Result};

/// The first bytes of every file; the number is bumped by hand when the layout changes.
const MAGIC: &[u8; 8] = b"nbavec01";
const CHECKSUM_BYTES: usize = 8;
/// Texts that are embedded between two writes: some seconds of work, and enough to be sorted by length.
const TEXTS_PER_WRITE: usize = 1_024;
/// Records that are read and checked at once by all cores: some megabytes.
const RECORDS_PER_READ: usize = 4_096;
/// The record of a text that has none yet.
const NO_RECORD: u32 = u32::MAX;

/// The vectors of one model in a folder. One process at a time: its caller holds the lock of the index.
#[derive(Debug)]
pub struct VectorCache {
    path: PathBuf,
    header: Vec<u8>,
    dimension: usize,
    /// What goes when this is dropped: the folder of a cache for one process alone.
    _folder: Option<tempfile::TempDir>,
    /// See [`VectorCache::without_others`].
    no_others: bool,
}

/// Tells texts, some at a time, to whoever asks; the same each time, and some of them more than once.
pub type Texts<'a> = dyn Fn(&mut dyn FnMut(&[Cow<'_, str>]) -> Result<()>) -> Result<()> + 'a;

/// How far the embedding of texts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedded {
    /// How many different texts have a vector.
    pub done: usize,
    /// How many of those had one before.
    pub reused: usize,
    /// How many there are.
    pub total: usize,
}

impl VectorCache {
    /// The cache of a model in a folder, which is made if need be. Reads nothing.
    ///
    /// # Errors
    /// I/O errors.
    pub fn open(folder: &Path, model: &ModelIdentity) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let short: String = model.fingerprint.chars().take(12).collect();
        let mut header = MAGIC.to_vec();
        header.extend((model.dimension as u64).to_le_bytes());
        header.extend(Sha256::digest(&model.fingerprint));
        let path = folder.join(format!("{}-{short}.vectors", model.name));
        Ok(Self { path, header, dimension: model.dimension, no_others: false, _folder: None })
    }

    /// The same cache, whose next [`VectorCache::embed`] leaves no vector of a text that it was not asked for: none of this
    /// model, and, by removing their files now, none of any other.
    ///
    /// # Errors
    /// I/O errors.
    pub fn without_others(self) -> Result<Self> {
        for entry in fs::read_dir(parent(&self.path))? {
            let path = entry?.path();
            if path != self.path && path.is_file() {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { no_others: true, ..self })
    }

    /// A cache that nobody else sees and that goes with its process.
    ///
    /// # Errors
    /// I/O errors.
    pub fn temporary(model: &ModelIdentity) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let cache = Self::open(folder.path(), model)?;
        Ok(Self { _folder: Some(folder), ..cache })
    }

    /// The vectors of texts: those that are kept are found, the others embedded and kept. Each text once, however often it
    /// is told.
    ///
    /// Vectors that this call did not ask for go once they are more than half of the file. `on_progress` hears now and then
    /// how far it is, and stops it with an error of its own: then, as after any other, what was embedded is kept.
    ///
    /// # Errors
    /// Those of [`Embedder::embed_with_progress`] and of `on_progress`; I/O errors.
    pub fn embed(
        &self,
        embedder: &dyn Embedder,
        texts: &Texts<'_>,
        on_progress: &mut dyn FnMut(Embedded) -> Result<()>,
    ) -> Result<KeptVectors> {
        let mut records = Records::new();
        texts(&mut |some| {
            records.extend(hashes(some).into_iter().map(|hash| (hash, NO_RECORD)));
            Ok(())
        })?;
        let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
        let n_before = self.find(&mut file, &mut records)?;
        let reused = records.values().filter(|&&record| record != NO_RECORD).count();
        let mut fresh = Fresh { cache: self, embedder, file, n_records: n_before, waiting: Vec::new(), on_progress };
        let total = records.len();
        let mut so_far = Embedded { done: reused, reused, total };
        (fresh.on_progress)(so_far)?;

        let mut keep = |text: &str, hash: TextHash| {
            let record = records.entry(hash).or_insert(NO_RECORD);
            if *record == NO_RECORD {
                *record = fresh.n_records + fresh.waiting.len() as u32;
                fresh.waiting.push(text.to_owned());
            }
            if fresh.waiting.len() == TEXTS_PER_WRITE { fresh.write(&mut so_far) } else { Ok(()) }
        };
        if reused < total {
            texts(&mut |some| some.iter().zip(hashes(some)).try_for_each(|(text, hash)| keep(text, hash)))?;
        }
        fresh.write(&mut so_far)?;
        let file = fresh.file;
        file.sync_data()?;
        let n_unused = n_before as usize - reused;
        let is_rewritten = n_unused > records.len() || (n_unused > 0 && self.no_others);
        let file = if is_rewritten { self.rewrite(file, &mut records)? } else { file };
        #[expect(unsafe_code, reason = "vectors are mapped, so that memory need not hold millions of them")]
        // SAFETY: whoever may write the file holds the lock of the index, and does no more than append to it while this
        // process holds that, or put another file in its place, which leaves this mapping whole.
        let map = unsafe { Mmap::map(file.file()) }?;
        // Sums take vectors from all over the file. What the system reads ahead would drive out what is needed, where memory is
        // limited with mapped pages counted in.
        #[cfg(unix)]
        map.advise(memmap2::Advice::Random)?;
        Ok(KeptVectors::new(map, self.layout(), records, reused))
    }

    /// Notes the records that the file has of the wanted texts, and tells how many records there are; the file is left at
    /// the end of the last whole one. A file of another layout or model is begun anew.
    fn find(&self, file: &mut fs::File, records: &mut Records) -> Result<u32> {
        let n_bytes = file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 20, &mut *file);
        let mut header = vec![0; self.header.len()];
        if n_bytes < header.len() as u64 || reader.read_exact(&mut header).is_err() || header != self.header {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&self.header)?;
            return Ok(0);
        }
        let n_records = (n_bytes as usize - header.len()) / self.record_bytes();
        let n_records = u32::try_from(n_records).map_err(|_| self.too_many())?;
        let mut bytes = vec![0; self.record_bytes() * RECORDS_PER_READ];
        let mut found: Vec<(TextHash, u32)> = Vec::new();
        for first in (0..n_records).step_by(RECORDS_PER_READ) {
            let n = (n_records - first).min(RECORDS_PER_READ as u32);
            let bytes = &mut bytes[..n as usize * self.record_bytes()];
            reader.read_exact(bytes)?;
            let is_whole = |(number, record): (u32, &[u8])| {
                let (key, rest) = record.split_first_chunk().filter(|(key, _)| records.contains_key(*key))?;
                let (numbers, sum) = rest.split_at(rest.len() - CHECKSUM_BYTES);
                (sum == checksum(key, numbers)).then_some((*key, number))
            };
            let numbered = (first..first + n).into_par_iter().zip(bytes.par_chunks(self.record_bytes()));
            found.par_extend(numbered.filter_map(is_whole));
        }
        records.extend(found);
        let end = (self.header.len() + n_records as usize * self.record_bytes()) as u64;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(n_records)
    }

    /// Puts a file with these records alone in the place of the old one, and numbers them anew.
    fn rewrite(&self, mut old: fs::File, records: &mut Records) -> Result<fs::File> {
        let path = self.path.with_extension("vectors.new");
        let new = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        let mut new = BufWriter::new(new);
        new.write_all(&self.header)?;
        let mut kept: Vec<&mut u32> = records.values_mut().collect();
        kept.sort_unstable();
        let mut bytes = vec![0; self.record_bytes()];
        for (record, number) in kept.into_iter().zip(0..) {
            let start = self.header.len() + *record as usize * self.record_bytes();
            old.seek(SeekFrom::Start(start as u64))?;
            old.read_exact(&mut bytes)?;
            new.write_all(&bytes)?;
            *record = number;
        }
        let new = new.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        // The old file must not go before the new one is there.
        new.sync_all()?;
        fs::rename(&path, &self.path)?;
        sync_folder(parent(&self.path))?;
        Ok(new)
    }

    fn layout(&self) -> Layout {
        Layout { header: self.header.len(), record: self.record_bytes(), dimension: self.dimension }
    }

    const fn record_bytes(&self) -> usize {
        HASH_BYTES + self.dimension * size_of::<f32>() + CHECKSUM_BYTES
    }

    fn too_many(&self) -> Error {
        Error::argument("texts", format!("{} has room for {NO_RECORD} vectors", self.path.display()))
    }
}

/// Texts on their way to the file.
struct Fresh<'a> {
    cache: &'a VectorCache,
    embedder: &'a dyn Embedder,
    file: fs::File,
    n_records: u32,
    waiting: Vec<String>,
    on_progress: &'a mut dyn FnMut(Embedded) -> Result<()>,
}

impl Fresh<'_> {
    /// Embeds the texts that wait and appends their records, in their order.
    fn write(&mut self, so_far: &mut Embedded) -> Result<()> {
        let n_records = u32::try_from(self.n_records as usize + self.waiting.len()).ok();
        let n_records = n_records.filter(|&n| n < NO_RECORD).ok_or_else(|| self.cache.too_many())?;
        let texts: Vec<&str> = self.waiting.iter().map(String::as_str).collect();
        let mut told = Ok(());
        let vectors = self.embedder.embed_with_progress(&texts, &mut |n| {
            if told.is_ok() && n < texts.len() {
                told = (self.on_progress)(Embedded { done: so_far.done + n, ..*so_far });
            }
        })?;
        let mut records = Vec::with_capacity(texts.len() * self.cache.record_bytes());
        for (text, vector) in texts.iter().zip(vectors) {
            append_record(&mut records, &hash(text), &vector);
        }
        self.file.write_all(&records)?;
        so_far.done += texts.len();
        self.n_records = n_records;
        self.waiting.clear();
        // Whoever stopped it on the way hears what is kept before it stops.
        (self.on_progress)(*so_far)?;
        told
    }
}

fn hashes(texts: &[Cow<'_, str>]) -> Vec<TextHash> {
    texts.par_iter().map(|text| hash(text)).collect()
}

fn append_record(records: &mut Vec<u8>, key: &TextHash, vector: &Vector) {
    let numbers: &[u8] = bytemuck::cast_slice(vector.as_ref());
    records.extend(key);
    records.extend(numbers);
    records.extend(checksum(key, numbers));
}

fn checksum(key: &[u8], numbers: &[u8]) -> [u8; CHECKSUM_BYTES] {
    first_bytes(&Sha256::new().chain_update(key).chain_update(numbers).finalize())
}
