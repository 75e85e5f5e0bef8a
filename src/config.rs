//! One TOML file → the parameter structs that the modules own. Unknown keys are errors; paths are relative to the file.

mod edit;
mod serve;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::desk::TitleLanguage;
use crate::embed::EmbedParams;
use crate::error::{Error, Result};
use crate::index::{DuplicateParams, FusionParams};
use crate::keyword::KeywordParams;
use crate::rebuild::{BuildParams, LEAST_MEMORY_MB};
use crate::recommend::RecommendParams;

pub use edit::{Edit, EditValue, edit};
pub use serve::ServeParams;

/// The file as it is when nothing is changed, with a word on every key.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Everything that can be set once and for all. What is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The index folder.
    pub index: Option<PathBuf>,
    /// The embedding model: a folder, or a name under a models folder.
    pub model: Option<PathBuf>,
    /// The action catalogue.
    pub actions: Option<PathBuf>,
    /// In which language titles of actions are shown.
    pub language: TitleLanguage,
    /// How the model runs.
    pub embed: EmbedParams,
    /// How an index is built.
    pub build: BuildParams,
    /// How words are scored.
    pub keyword: KeywordParams,
    /// How hybrid queries fuse.
    pub fusion: FusionParams,
    /// Which similar tickets are shown under a better one.
    pub duplicates: DuplicateParams,
    /// How neighbours become advice.
    pub recommend: RecommendParams,
    /// How a server serves.
    pub serve: ServeParams,
    /// Files and folders by the names under which indexes follow them: `catalog.schema.table`.
    pub tables: BTreeMap<String, PathBuf>,
    /// Models by the names that clients of a vector search service call them.
    pub models: BTreeMap<String, PathBuf>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Config`] with line and key; [`Error::Input`].
    pub fn load(path: &Path) -> Result<Self> {
        let mut config = Self::parse(&fs::read_to_string(path).map_err(Error::Input)?, path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for own in [&mut config.index, &mut config.actions].into_iter().flatten() {
            *own = folder.join(&own);
        }
        config.serve.below(folder);
        config.tables.values_mut().for_each(|path| *path = folder.join(&path));
        // A model may be named rather than placed: only what is a folder beside the file is a path.
        for model in config.model.iter_mut().chain(config.models.values_mut()) {
            if folder.join(&model).is_dir() {
                *model = folder.join(&model);
            }
        }
        Ok(config)
    }

    /// Reads the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Config`] with line and key.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let failed = |message: String| Error::Config { path: path.to_owned(), message };
        let config: Self = toml::from_str(text).map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
        config.check().map_err(failed)?;
        Ok(config)
    }

    fn check(&self) -> std::result::Result<(), String> {
        let keyword = &self.keyword;
        let gates = &self.build.gates;
        let fusion = &self.fusion;
        let recommend = &self.recommend;
        let boosts = &self.build.keyword;
        let is_boost = |boost: f32| boost == 0.0 || (0.01..=100.0).contains(&boost);
        let rules = [
            (self.build.keep >= 1, "build.keep must be 1 or more"),
            (self.build.assign.shrinkage > 0.0, "build.assign.shrinkage must be above 0"),
            (
                [boosts.subject_boost, boosts.tags_boost, boosts.thread_boost].into_iter().all(is_boost),
                "the boosts of build.keyword must be 0 or between 0.01 and 100",
            ),
            ((0.0..=1.0).contains(&self.build.vector.recall), "build.vector.recall must be between 0 and 1"),
            (self.build.vector.flat_ms >= 0.0, "build.vector.flat_ms must be 0 or more"),
            (self.build.learn.strength > 0.0, "build.learn.strength must be above 0"),
            (
                self.build.learn.held_out > 0.0 && self.build.learn.held_out < 1.0,
                "build.learn.held_out must be between 0 and 1",
            ),
            (self.build.memory_mb >= LEAST_MEMORY_MB, "build.memory_mb must be 1024 or more"),
            (
                [gates.rows_drop, gates.skipped, gates.recall].iter().all(|share| (0.0..=1.0).contains(share)),
                "build.gates.rows_drop, build.gates.skipped and build.gates.recall must be between 0 and 1",
            ),
            (
                [gates.rows_growth, gates.hit_errors, gates.category_psi, gates.vector_psi, gates.size_growth]
                    .iter()
                    .all(|&limit| limit >= 0.0),
                "build.gates.rows_growth, hit_errors, category_psi, vector_psi and size_growth must be 0 or more",
            ),
            ((0.0..=10.0).contains(&keyword.k1), "keyword.k1 must be between 0 and 10"),
            ((0.0..=1.0).contains(&keyword.b), "keyword.b must be between 0 and 1"),
            ((0.0..=1.0).contains(&keyword.synonym_weight), "keyword.synonym_weight must be between 0 and 1"),
            ((0.0..=1.0).contains(&keyword.fuzzy_weight), "keyword.fuzzy_weight must be between 0 and 1"),
            (fusion.k >= 0.0, "fusion.k must be 0 or more"),
            (
                [fusion.dense_weight, fusion.keyword_weight, fusion.exact_weight].iter().all(|&weight| weight >= 0.0),
                "the weights of fusion must be 0 or more",
            ),
            (fusion.dense_weight + fusion.keyword_weight > 0.0, "one of the fusion weights must be above 0"),
            (
                recommend.states >= 1 && recommend.tickets >= 1,
                "recommend.states and recommend.tickets must be 1 or more",
            ),
            (
                recommend.temperature > 0.0 && recommend.ticket_temperature > 0.0,
                "recommend.temperature and recommend.ticket_temperature must be above 0",
            ),
            (
                self.duplicates.resemblance > 0.0 && self.duplicates.resemblance <= 1.0,
                "duplicates.resemblance must be above 0, and 1 at most",
            ),
            (recommend.prior_strength > 0.0, "recommend.prior_strength must be above 0"),
            (recommend.feedback.strength > 0.0, "recommend.feedback.strength must be above 0"),
            ((0.0..=1.0).contains(&recommend.feedback.ignored), "recommend.feedback.ignored must be between 0 and 1"),
            (recommend.feedback.bound >= 1.0, "recommend.feedback.bound must be 1 or more"),
            ((0.0..=1.0).contains(&recommend.min_confidence), "recommend.min_confidence must be between 0 and 1"),
            ((0.0..=1.0).contains(&recommend.max_disagreement), "recommend.max_disagreement must be between 0 and 1"),
            (
                (0.0..=1.0).contains(&recommend.disagreement_confidence),
                "recommend.disagreement_confidence must be between 0 and 1",
            ),
            (recommend.max_age_days >= 0.0, "recommend.max_age_days must be 0 or more"),
        ];
        match rules.into_iter().chain(self.serve.rules()).find(|(holds, _)| !holds) {
            Some((_, broken)) => Err(broken.to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_the_default() {
        let parsed = Config::parse(DEFAULT_TOML, Path::new("default.toml")).unwrap();
        assert_eq!(parsed, Config::default());
    }

    #[test]
    fn every_key_of_the_default_file_is_known_and_none_is_missing() {
        fn keys(value: &toml::Value, path: &str, found: &mut Vec<String>) {
            match value {
                toml::Value::Table(table) => {
                    table.iter().for_each(|(key, value)| keys(value, &format!("{path}.{key}"), found))
                }
                _ => found.push(path.to_owned()),
            }
        }
        let (mut written, mut complete) = (Vec::new(), Vec::new());
        keys(&DEFAULT_TOML.parse::<toml::Table>().unwrap().into(), "", &mut written);
        keys(&toml::Value::try_from(Config::default()).unwrap(), "", &mut complete);
        written.sort();
        complete.sort();
        assert_eq!(written, complete);
    }

    #[test]
    fn faults_are_named() {
        let check = |text: &str, expected: expect_test::Expect| {
            expected.assert_eq(&Config::parse(text, Path::new("nba.toml")).unwrap_err().to_string());
        };
        check("[keyword]\nb = 1.5", expect_test::expect!["nba.toml: keyword.b must be between 0 and 1"]);
        check(
            "[keyword]\nsynonyms = [[\"taxa\", \"fee\"], [\"boleto\", \"payment slip\"]]",
            expect_test::expect![[r#"
                nba.toml: TOML parse error at line 2, column 12
                  |
                2 | synonyms = [["taxa", "fee"], ["boleto", "payment slip"]]
                  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
                synonyms: group 2: `payment slip` is more than one word"#]],
        );
        check("[fusion]\nk = -1.0", expect_test::expect!["nba.toml: fusion.k must be 0 or more"]);
        check(
            "[fusion]\nkk = 60.0",
            expect_test::expect![[r#"
                nba.toml: TOML parse error at line 2, column 1
                  |
                2 | kk = 60.0
                  | ^^
                unknown field `kk`, expected one of `method`, `k`, `dense_weight`, `keyword_weight`, `exact_weight`"#]],
        );
    }
}
