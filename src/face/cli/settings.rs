//! What holds for this run: flag, then environment, then `nba.toml`, then what lies beside.

use std::env;
use std::path::{Path, PathBuf};
#[cfg(feature = "http")]
use std::sync::Arc;

use super::args::Global;
#[cfg(feature = "http")]
use crate::catalog::{Catalog, CatalogParams};
#[cfg(feature = "http")]
use crate::collection::CollectionParams;
use crate::config::Config;
use crate::engine::{Engine, EngineParams, ModelSource};
use crate::error::{Error, Result};

/// The model that an index is built with when none is named.
const DEFAULT_MODEL: &str = "portuguese-multilingual-e5-small";
/// How many folders above the program are looked into: `target/release/nba` lies two below its project.
const LEVELS_ABOVE_PROGRAM: usize = 3;

/// The resolved settings of a run.
pub(super) struct Settings {
    /// The configuration in force, flags included.
    pub(super) config: Config,
    /// The file that it was read from; none where there is none.
    pub(super) config_file: Option<PathBuf>,
    /// The index folder.
    pub(super) index: PathBuf,
    /// Folders that may hold models.
    models: Vec<PathBuf>,
}

impl Settings {
    pub(super) fn resolve(global: Global) -> Result<Self> {
        let places = places();
        let config_file = match global.config {
            Some(named) => Some(named),
            None => places.iter().map(|place| place.join("nba.toml")).find(|file| file.is_file()),
        };
        let mut config = config_file.as_deref().map_or_else(|| Ok(Config::default()), Config::load)?;
        config.index = global.index.or(config.index);
        config.model = global.model.or(config.model);
        config.embed.threads = global.threads.unwrap_or(config.embed.threads);
        config.language = global.language.unwrap_or(config.language);

        let beside = || places.iter().map(|place| place.join("index")).find(|folder| folder.join("CURRENT").is_file());
        let index = config.index.clone().or_else(beside).unwrap_or_else(|| PathBuf::from("index"));
        let models = places.iter().map(|place| place.join("models")).filter(|folder| folder.is_dir()).collect();
        Ok(Self { config, config_file, index, models })
    }

    /// An engine on the index.
    pub(super) fn engine(&self) -> Result<Engine> {
        self.engine_with(|params| params)
    }

    /// An engine on the index, its parameters changed first.
    pub(super) fn engine_with(&self, change: impl FnOnce(EngineParams) -> EngineParams) -> Result<Engine> {
        let model = match &self.config.model {
            Some(named) => ModelSource::Named(self.model_folder(named)?),
            None => ModelSource::Search(self.models.clone()),
        };
        Engine::open_with(change(EngineParams { model, ..self.engine_params() }))
    }

    /// What the vector search API serves, beside the indexes of an engine.
    #[cfg(feature = "http")]
    pub(super) fn catalog(&self, engine: Arc<Engine>, strict: bool) -> Result<Catalog> {
        let named = |(name, model): (&String, &PathBuf)| Ok((name.clone(), self.model_folder(model)?));
        let params = CatalogParams {
            tables: self.config.tables.clone(),
            models: self.config.models.iter().map(named).collect::<Result<_>>()?,
            embed: self.config.embed.clone(),
            collection: CollectionParams::default(),
            strict,
        };
        Catalog::open(&self.index, engine, params)
    }

    /// What engines are opened with, but for the model.
    pub(super) fn engine_params(&self) -> EngineParams {
        EngineParams {
            embed: self.config.embed.clone(),
            fusion: self.config.fusion,
            keyword: self.config.keyword.clone(),
            duplicates: self.config.duplicates,
            recommend: self.config.recommend,
            ..EngineParams::new(&self.index)
        }
    }

    /// The folder of the model to build or measure with.
    pub(super) fn model(&self) -> Result<PathBuf> {
        self.model_folder(self.config.model.as_deref().unwrap_or(Path::new(DEFAULT_MODEL)))
    }

    /// A path is taken as it is; a bare name is looked for in the models folders.
    fn model_folder(&self, named: &Path) -> Result<PathBuf> {
        if named.is_dir() || named == Path::new("hashed") {
            return Ok(named.to_owned());
        }
        self.models.iter().map(|models| models.join(named)).find(|folder| folder.is_dir()).ok_or_else(|| {
            let looked: Vec<String> = self.models.iter().map(|models| models.display().to_string()).collect();
            let looked = if looked.is_empty() { "no models folder was found".to_owned() } else { looked.join(", ") };
            Error::Model {
                path: named.to_owned(),
                reason: format!("there is no such folder, nor one of that name in a models folder ({looked})"),
            }
        })
    }
}

/// The current folder, then the folders above the program.
fn places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::new()];
    if let Ok(program) = env::current_exe() {
        places.extend(program.ancestors().skip(1).take(LEVELS_ABOVE_PROGRAM).map(Path::to_owned));
    }
    places
}
