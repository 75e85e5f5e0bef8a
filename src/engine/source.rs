//! Where the model for query texts comes from, and that it is the one the index was built with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::embed::{EmbedParams, Embedder, HashedEmbedder, ModelIdentity, ModelSpec, OnnxEmbedder};
use crate::error::{Error, Result};

/// The name that stands for the hashed embedder in place of a model folder.
const HASHED: &str = "hashed";
/// The dimension of the hashed embedder behind that name.
const HASHED_DIMENSION: usize = 256;

/// Where a model comes from.
#[derive(Clone)]
pub enum ModelSource {
    /// This model folder, or `hashed` for the built-in embedder that knows no language; another model's index is refused at open.
    Named(PathBuf),
    /// The folder of the index's model name in the first of these models folders that has it.
    Search(Vec<PathBuf>),
    /// An embedder that the caller made.
    Ready(Arc<dyn Embedder>),
}

impl std::fmt::Debug for ModelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(path) => f.debug_tuple("Named").field(path).finish(),
            Self::Search(folders) => f.debug_tuple("Search").field(folders).finish(),
            Self::Ready(embedder) => f.debug_tuple("Ready").field(embedder.identity()).finish(),
        }
    }
}

impl ModelSource {
    /// Refuses an index of another model, as far as that shows without loading one.
    pub(super) fn check(&self, built_with: &ModelIdentity) -> Result<()> {
        match self {
            Self::Named(path) => same(built_with, &identity_of(path)?),
            Self::Ready(embedder) => same(built_with, embedder.identity()),
            Self::Search(_) => Ok(()),
        }
    }

    /// Loads the model of an index.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Runtime`], [`Error::ModelMismatch`].
    pub(super) fn load(&self, built_with: &ModelIdentity, params: &EmbedParams) -> Result<Arc<dyn Embedder>> {
        let embedder = match self {
            Self::Named(path) => open_model(path, params)?,
            Self::Ready(embedder) => Arc::clone(embedder),
            Self::Search(folders) => open_model(&find(folders, &built_with.name)?, params)?,
        };
        same(built_with, embedder.identity())?;
        Ok(embedder)
    }
}

/// Opens a model folder, or `hashed`.
///
/// # Errors
/// [`Error::Model`], [`Error::Runtime`].
pub fn open_model(path: &Path, params: &EmbedParams) -> Result<Arc<dyn Embedder>> {
    if path == Path::new(HASHED) {
        return Ok(Arc::new(HashedEmbedder::new(HASHED_DIMENSION)));
    }
    Ok(Arc::new(OnnxEmbedder::open(&ModelSpec::open(path)?, params)?))
}

/// The identity of the model in a folder, or of `hashed`. Loads no model.
///
/// # Errors
/// [`Error::Model`].
pub fn identity_of(path: &Path) -> Result<ModelIdentity> {
    if path == Path::new(HASHED) {
        return Ok(HashedEmbedder::new(HASHED_DIMENSION).identity().clone());
    }
    Ok(ModelSpec::open(path)?.identity)
}

/// The model folder of that name; an index that was built with the hashed embedder needs none.
fn find(folders: &[PathBuf], name: &str) -> Result<PathBuf> {
    if name == HashedEmbedder::new(HASHED_DIMENSION).identity().name {
        return Ok(PathBuf::from(HASHED));
    }
    folders.iter().map(|folder| folder.join(name)).find(|folder| folder.is_dir()).ok_or_else(|| {
        let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let looked = if looked.is_empty() { "no models folder was found".to_owned() } else { looked.join(", ") };
        Error::Model {
            path: PathBuf::from(name),
            reason: format!(
                "the index was built with it, and no models folder has it ({looked}); name its folder with --model"
            ),
        }
    })
}

fn same(built_with: &ModelIdentity, opened_with: &ModelIdentity) -> Result<()> {
    if built_with == opened_with {
        return Ok(());
    }
    let named = |identity: &ModelIdentity| {
        format!("{}@{}", identity.name, identity.fingerprint.chars().take(8).collect::<String>())
    };
    Err(Error::ModelMismatch { built_with: named(built_with), opened_with: named(opened_with) })
}
