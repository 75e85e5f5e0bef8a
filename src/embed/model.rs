//! A model folder: what `model.toml` says, checked against the files beside it. Loads no graph and embeds nothing, so that
//! the identity of a model costs one small file.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ModelIdentity, Pooling};
use crate::error::{Error, Result};

/// Part of each fingerprint. Bumped by hand in the change that makes another vector of the same text and the same files:
/// the cutting of long texts, the pooling.
const EMBEDDING_REVISION: u32 = 1;

/// A model folder that was read and whose files have the sizes that `model.toml` names.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    /// The folder.
    pub folder: PathBuf,
    /// What its vectors are told apart by.
    pub identity: ModelIdentity,
    /// The longest run of tokens that the graph takes, special tokens and prefix included.
    pub max_tokens: usize,
    /// How token states become a vector.
    pub pooling: Pooling,
    /// What is put before each text, its last blank included.
    pub prefix: String,
    /// The languages that the model was made for, as BCP 47 tags.
    pub languages: Vec<String>,
    /// Where the weights come from.
    pub source: String,
    /// The licence of the weights, as an SPDX expression.
    pub license: String,
    /// The ONNX graph.
    pub model: ModelFile,
    /// The `tokenizer.json`.
    pub tokenizer: ModelFile,
}

/// A file of the model folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its name within the folder.
    pub file: String,
    /// 64 hex digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// `model.toml` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelToml {
    name: String,
    dimension: usize,
    max_tokens: usize,
    pooling: Pooling,
    prefix: String,
    languages: Vec<String>,
    source: String,
    license: String,
    model: ModelFile,
    tokenizer: ModelFile,
}

/// All that shapes a vector, in the order in which it is hashed.
#[derive(Serialize)]
struct Fingerprinted<'a> {
    revision: u32,
    model: &'a str,
    tokenizer: &'a str,
    pooling: Pooling,
    prefix: &'a str,
    max_tokens: usize,
    dimension: usize,
}

impl ModelSpec {
    /// Reads `model.toml` and looks at the sizes of the files it names; [`ModelSpec::verify`] reads them whole.
    ///
    /// The fingerprint is the sha256 of a JSON object of the revision of this module's own arithmetic, the two files'
    /// sha256, pooling, prefix, `max_tokens` and dimension. The name and the rest may change without touching a vector.
    ///
    /// # Errors
    /// [`Error::Model`] when the folder, `model.toml` or a file it names is missing, malformed or of another size.
    pub fn open(folder: &Path) -> Result<Self> {
        let fault = |reason: String| Error::Model { path: folder.to_owned(), reason };
        let text = fs::read_to_string(folder.join("model.toml")).map_err(|error| fault(error.to_string()))?;
        let toml: ModelToml =
            toml::from_str(&text).map_err(|error| fault(format!("model.toml: {}", error.to_string().trim_end())))?;
        // Two special tokens, a prefix and some words; below that nothing can be embedded.
        if toml.max_tokens < 16 || toml.dimension == 0 {
            return Err(fault("model.toml: `max_tokens` must be 16 or more and `dimension` 1 or more".to_owned()));
        }
        for file in [&toml.model, &toml.tokenizer] {
            check_entry(folder, file).map_err(fault)?;
        }
        let fingerprinted = Fingerprinted {
            revision: EMBEDDING_REVISION,
            model: &toml.model.sha256,
            tokenizer: &toml.tokenizer.sha256,
            pooling: toml.pooling,
            prefix: &toml.prefix,
            max_tokens: toml.max_tokens,
            dimension: toml.dimension,
        };
        let json = serde_json::to_string(&fingerprinted).map_err(|error| Error::internal("fingerprinting", error))?;
        Ok(Self {
            folder: folder.to_owned(),
            identity: ModelIdentity {
                name: toml.name,
                fingerprint: hex(&Sha256::digest(json)),
                dimension: toml.dimension,
            },
            max_tokens: toml.max_tokens,
            pooling: toml.pooling,
            prefix: toml.prefix,
            languages: toml.languages,
            source: toml.source,
            license: toml.license,
            model: toml.model,
            tokenizer: toml.tokenizer,
        })
    }

    /// Reads both files and compares their sha256: for a build and for `nba index verify`, too slow for each query.
    ///
    /// # Errors
    /// [`Error::Model`] for a file that cannot be read or is another one.
    pub fn verify(&self) -> Result<()> {
        let fault = |reason: String| Error::Model { path: self.folder.clone(), reason };
        for expected in [&self.model, &self.tokenizer] {
            let found = sha256_of(&self.folder.join(&expected.file)).map_err(|error| fault(error.to_string()))?;
            if found != expected.sha256 {
                return Err(fault(format!(
                    "{} has sha256 {found}, and model.toml says {}; fetch the model again",
                    expected.file, expected.sha256
                )));
            }
        }
        Ok(())
    }
}

fn check_entry(folder: &Path, entry: &ModelFile) -> Result<(), String> {
    let is_sha256 = entry.sha256.len() == 64 && entry.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_sha256 {
        return Err(format!("model.toml: the sha256 of {} must be 64 lower-case hex digits", entry.file));
    }
    let found = fs::metadata(folder.join(&entry.file)).map_err(|error| error.to_string())?.len();
    if found != entry.bytes {
        return Err(format!(
            "{} has {found} bytes, and model.toml says {}; fetch the model again",
            entry.file, entry.bytes
        ));
    }
    Ok(())
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            n_bytes => hasher.update(&buffer[..n_bytes]),
        }
    }
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
