//! Words that mean the same to a desk: the list that comes with the program, and groups of one's own.
//! Single words alone: of `payment slip` a query's `slip` is looked for anyway.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::analyzer::{Language, words};

/// Groups of words of which each stands for the others. Not transitive: a word of two groups joins neither to the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<String>>", into = "Vec<Vec<String>>")]
pub struct Synonyms(Arc<Groups>);

#[derive(Debug, Default)]
struct Groups {
    groups: Vec<Vec<String>>,
    of_term: BTreeMap<Language, BTreeMap<String, Vec<Synonym>>>,
}

/// A word that stands for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Synonym {
    /// What is searched for.
    pub term: String,
    /// The word as it is in the list.
    pub word: String,
}

impl Synonyms {
    /// Groups of two words or more.
    ///
    /// # Errors
    /// What is wrong with the first group that cannot be used.
    pub fn new(groups: Vec<Vec<String>>) -> Result<Self, String> {
        let mut of_term: BTreeMap<Language, BTreeMap<String, Vec<Synonym>>> = BTreeMap::new();
        for (number, group) in (1..).zip(&groups) {
            check(group).map_err(|wrong| format!("synonyms: group {number}: {wrong}"))?;
            for language in [Language::Portuguese, Language::English] {
                let synonyms: Vec<Synonym> = group.iter().filter_map(|word| synonym(word, language)).collect();
                let of_term = of_term.entry(language).or_default();
                for synonym in &synonyms {
                    let others = synonyms.iter().filter(|other| other.term != synonym.term).cloned();
                    of_term.entry(synonym.term.clone()).or_default().extend(others);
                }
            }
        }
        for synonyms in of_term.values_mut().flat_map(BTreeMap::values_mut) {
            synonyms.sort();
            synonyms.dedup_by(|a, b| a.term == b.term);
        }
        Ok(Self(Arc::new(Groups { groups, of_term })))
    }

    /// The list that comes with the program.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Synonyms> = LazyLock::new(|| {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct File {
                synonyms: Synonyms,
            }
            let file: File = toml::from_str(include_str!("synonyms.toml")).expect("the list of the program is sound");
            file.synonyms
        });
        &BUILT_IN
    }

    /// The groups, as they were given.
    #[must_use]
    pub fn groups(&self) -> &[Vec<String>] {
        &self.0.groups
    }

    /// What stands for a term, by the alphabet.
    #[must_use]
    pub fn of(&self, term: &str, language: Language) -> &[Synonym] {
        self.0.of_term.get(&language).and_then(|terms| terms.get(term)).map_or(&[], Vec::as_slice)
    }
}

impl PartialEq for Synonyms {
    fn eq(&self, other: &Self) -> bool {
        self.groups() == other.groups()
    }
}

impl TryFrom<Vec<Vec<String>>> for Synonyms {
    type Error = String;

    fn try_from(groups: Vec<Vec<String>>) -> Result<Self, String> {
        Self::new(groups)
    }
}

impl From<Synonyms> for Vec<Vec<String>> {
    fn from(synonyms: Synonyms) -> Self {
        synonyms.groups().to_vec()
    }
}

fn check(group: &[String]) -> Result<(), String> {
    if group.len() < 2 {
        return Err("give two words or more".to_owned());
    }
    for (at, word) in group.iter().enumerate() {
        match words(word, Language::Portuguese).as_slice() {
            [] => return Err(format!("`{word}` is no word")),
            [only] if only.term.is_none() => return Err(format!("`{word}` is never searched for")),
            [_] => {}
            _ => return Err(format!("`{word}` is more than one word")),
        }
        if group[..at].contains(word) {
            return Err(format!("`{word}` is there twice"));
        }
    }
    Ok(())
}

fn synonym(word: &str, language: Language) -> Option<Synonym> {
    let term = words(word, language).into_iter().find_map(|word| word.term)?;
    Some(Synonym { term, word: word.to_owned() })
}
