//! Vectors that were made before, kept from build to build by model and text. Knows no ticket and holds no text: a record
//! has the hash of one.
//!
//! One file a model, `<name>-<fingerprint>.vectors`: a header that names model and dimension, then records of one size
//! (hash of the text, the vector, a checksum). Records are appended as texts are embedded, so that what a killed build has
//! embedded is not embedded again; one that was cut short or spoilt does not match its checksum and counts as absent.

use std::collections::HashMap;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::{Embedder, ModelIdentity, Vector};
use crate::error::{Error, Result};

/// The first bytes of every file; the number is bumped by hand when the layout changes.
const MAGIC: &[u8; 8] = b"nbavec01";
const HASH_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 8;
/// Texts that are embedded between two writes: some seconds of work, and enough to be sorted by length.
const TEXTS_PER_WRITE: usize = 1_024;

/// Half a SHA-256 of a text: two texts of one hash are less likely than a broken machine.
type TextHash = [u8; HASH_BYTES];

/// The vectors of one model in a folder. One process at a time: its caller holds the lock of the index.
#[derive(Debug)]
pub struct VectorCache {
    path: PathBuf,
    header: Vec<u8>,
    dimension: usize,
    /// See [`VectorCache::without_others`].
    no_others: bool,
}

/// Vectors, and how many of them had been made before.
#[derive(Debug)]
pub struct Cached {
    /// One a text, in the order of the texts.
    pub vectors: Vec<Vector>,
    /// How many came from the cache.
    pub reused: usize,
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
        Ok(Self { path, header, dimension: model.dimension, no_others: false })
    }

    /// The same cache, whose next [`VectorCache::embed`] leaves no vector of a text that it was not asked for: none of this
    /// model, and, by removing their files now, none of any other.
    ///
    /// # Errors
    /// I/O errors.
    pub fn without_others(self) -> Result<Self> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path != self.path && path.is_file() {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { no_others: true, ..self })
    }

    /// The vectors of texts that are all different: those that are kept are read, the others embedded and kept.
    ///
    /// Vectors that this call did not ask for go once they are more than half of the file. Tells now and then how many
    /// texts are done, in ascending order.
    ///
    /// # Errors
    /// Those of [`Embedder::embed_with_progress`]; I/O errors. What was embedded before the error is kept.
    pub fn embed(&self, embedder: &dyn Embedder, texts: &[&str], on_progress: &mut dyn FnMut(usize)) -> Result<Cached> {
        let hashes: Vec<TextHash> = texts.iter().map(|text| hash(text)).collect();
        let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
        let (mut vectors, n_records) = self.read(&mut file, &hashes)?;
        let missing: Vec<usize> = (0..texts.len()).filter(|&at| vectors[at].is_none()).collect();
        let reused = texts.len() - missing.len();
        on_progress(reused);

        let mut done = reused;
        for chunk in missing.chunks(TEXTS_PER_WRITE) {
            let wanted: Vec<&str> = chunk.iter().map(|&at| texts[at]).collect();
            let fresh = embedder.embed_with_progress(&wanted, &mut |n| on_progress(done + n))?;
            let mut records = Vec::with_capacity(chunk.len() * self.record_bytes());
            for (&at, vector) in chunk.iter().zip(fresh) {
                append_record(&mut records, &hashes[at], &vector);
                vectors[at] = Some(vector);
            }
            file.write_all(&records)?;
            done += chunk.len();
        }
        file.sync_data()?;
        let vectors: Option<Vec<Vector>> = vectors.into_iter().collect();
        let vectors = vectors.ok_or_else(|| Error::internal("embedding", "a text has no vector"))?;
        let others = n_records - reused;
        if others > texts.len() || (others > 0 && self.no_others) {
            self.rewrite(&hashes, &vectors)?;
        }
        Ok(Cached { vectors, reused })
    }

    /// The wanted vectors that the file has, and how many records there are; the file is left at the end of the last whole
    /// record. A file of another layout or model is begun anew.
    fn read(&self, file: &mut fs::File, hashes: &[TextHash]) -> Result<(Vec<Option<Vector>>, usize)> {
        let mut vectors: Vec<Option<Vector>> = vec![None; hashes.len()];
        let n_bytes = file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 20, &mut *file);
        let mut header = vec![0; self.header.len()];
        if n_bytes < header.len() as u64 || reader.read_exact(&mut header).is_err() || header != self.header {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&self.header)?;
            return Ok((vectors, 0));
        }
        let places: HashMap<&TextHash, usize> = hashes.iter().zip(0..).collect();
        let n_records = (n_bytes as usize - header.len()) / self.record_bytes();
        let mut record = vec![0; self.record_bytes()];
        for _ in 0..n_records {
            reader.read_exact(&mut record)?;
            let (key, rest) = record.split_at(HASH_BYTES);
            if let Some(&place) = key.first_chunk().and_then(|key: &TextHash| places.get(key)) {
                let (numbers, sum) = rest.split_at(rest.len() - CHECKSUM_BYTES);
                if sum == checksum(key, numbers) {
                    let numbers = numbers.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
                    vectors[place] = Vector::new(numbers.collect());
                }
            }
        }
        let end = (self.header.len() + n_records * self.record_bytes()) as u64;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok((vectors, n_records))
    }

    /// Puts a file with these vectors alone in the place of the old one.
    fn rewrite(&self, hashes: &[TextHash], vectors: &[Vector]) -> Result<()> {
        let fresh = self.path.with_extension("vectors.new");
        let mut file = BufWriter::new(fs::File::create(&fresh)?);
        file.write_all(&self.header)?;
        let mut record = Vec::with_capacity(self.record_bytes());
        for (key, vector) in hashes.iter().zip(vectors) {
            record.clear();
            append_record(&mut record, key, vector);
            file.write_all(&record)?;
        }
        file.flush()?;
        // The old file must not go before the new one is there.
        file.get_ref().sync_all()?;
        fs::rename(&fresh, &self.path)?;
        fs::File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }

    const fn record_bytes(&self) -> usize {
        HASH_BYTES + self.dimension * size_of::<f32>() + CHECKSUM_BYTES
    }
}

fn append_record(records: &mut Vec<u8>, key: &TextHash, vector: &Vector) {
    let numbers: &[u8] = bytemuck::cast_slice(vector.as_ref());
    records.extend(key);
    records.extend(numbers);
    records.extend(checksum(key, numbers));
}

fn hash(text: &str) -> TextHash {
    first_bytes(&Sha256::digest(text))
}

fn checksum(key: &[u8], numbers: &[u8]) -> [u8; CHECKSUM_BYTES] {
    first_bytes(&Sha256::new().chain_update(key).chain_update(numbers).finalize())
}

fn first_bytes<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&digest[..N]);
    bytes
}
