//! The catalogue of actions: what agents can do, read from a file. Knows no vector.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::desk::eligibility::{self, Earlier};
use crate::error::{Error, Result};

/// The action of a message that is like no example of the catalogue.
pub const OTHER: &str = "OTHER";

/// What an action does to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// Asks the customer for something.
    Ask,
    /// Tells the customer something.
    Inform,
    /// Looks into the problem.
    Investigate,
    /// Solves the problem.
    Resolve,
    /// Hands the problem to somebody else.
    Escalate,
    /// Ends the conversation.
    Close,
}

impl ActionKind {
    /// Every kind, in the order of a thread.
    pub const ALL: [Self; 6] = [Self::Ask, Self::Inform, Self::Investigate, Self::Resolve, Self::Escalate, Self::Close];

    /// The word in a catalogue.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Inform => "inform",
            Self::Investigate => "investigate",
            Self::Resolve => "resolve",
            Self::Escalate => "escalate",
            Self::Close => "close",
        }
    }
}

/// The same words in both languages of the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// In Portuguese.
    pub pt: String,
    /// In English.
    pub en: String,
}

/// In which of the two languages something is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TitleLanguage {
    /// Portuguese.
    #[default]
    Pt,
    /// English.
    En,
}

impl std::str::FromStr for TitleLanguage {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "pt" => Ok(Self::Pt),
            "en" => Ok(Self::En),
            _ => Err("it is `pt` or `en`".to_owned()),
        }
    }
}

/// One thing an agent can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Such as `REFUND_FEE`; unique, without blanks.
    pub id: String,
    /// A few words for a list.
    pub title: Words,
    /// A sentence for a person who has to do it.
    pub description: Words,
    /// What it does to a ticket.
    pub kind: ActionKind,
    /// The ticket categories in which it makes sense; empty for all.
    #[serde(default)]
    pub categories: Vec<String>,
    /// The statuses a ticket can have when it is done, as in the tables; empty for all.
    #[serde(default)]
    pub statuses: Vec<String>,
    /// The channels of the tickets in which it makes sense; empty for all.
    #[serde(default)]
    pub channels: Vec<String>,
    /// The priorities of the tickets in which it makes sense, as in the tables; empty for all.
    #[serde(default)]
    pub priorities: Vec<String>,
    /// How often it may be done in a thread; `None` for any number.
    #[serde(default)]
    pub max_per_thread: Option<NonZeroU32>,
    /// At least one of these has to be done earlier in the thread; empty for none.
    #[serde(default)]
    pub requires: Vec<Earlier>,
    /// None of these may have been done earlier in the thread.
    #[serde(default)]
    pub excludes: Vec<Earlier>,
    /// Messages with which agents carry it out, at least one, in any language.
    pub examples: Vec<String>,
}

impl Action {
    pub(super) fn suits(&self, category: &str) -> bool {
        self.categories.is_empty() || self.categories.iter().any(|known| known == category)
    }
}

/// Every action there is, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The actions.
    pub actions: Vec<Action>,
}

/// The file as written, with places for messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    action: Vec<Spanned<Action>>,
}

impl Catalogue {
    /// Reads a catalogue: a list of `[[action]]` tables with the fields of [`Action`].
    ///
    /// # Errors
    /// [`Error::Config`] with the line, for what is no TOML, unknown keys and kinds, ids that repeat, have blanks or are
    /// `OTHER`, actions without examples, and rules that name what there is not. [`Error::Input`] if the file cannot be read.
    pub fn from_toml(path: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(path).map_err(Error::Input)?, path)
    }

    /// The catalogue that comes with the program: what the desk of a payment acquirer does.
    #[must_use]
    pub fn built_in() -> Self {
        const TEXT: &str = include_str!("../../fixtures/actions.toml");
        Self::parse(TEXT, Path::new("the built-in catalogue")).expect("a test reads the built-in catalogue")
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        let config = |message: String| Error::Config { path: path.to_owned(), message };
        let at_line = |at: usize, message: String| config(format!("line {}: {message}", line_of(text, at)));

        let file: File = toml::from_str(text).map_err(|error| match error.span() {
            Some(span) => at_line(span.start, error.message().to_owned()),
            None => config(error.message().to_owned()),
        })?;
        if file.action.is_empty() {
            return Err(config("has no [[action]]".to_owned()));
        }
        let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
        for action in &file.action {
            let (start, action) = (action.span().start, action.get_ref());
            if let Some(fault) = fault(action) {
                return Err(at_line(start, fault));
            }
            if let Some(earlier) = lines.insert(&action.id, line_of(text, start)) {
                return Err(at_line(start, format!("action `{}` is already defined on line {earlier}", action.id)));
            }
        }
        for action in &file.action {
            if let Some(fault) = eligibility::fault(action.get_ref(), |id| lines.contains_key(id)) {
                return Err(at_line(action.span().start, fault));
            }
        }
        Ok(Self { actions: file.action.into_iter().map(Spanned::into_inner).collect() })
    }

    /// The action of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.id == id)
    }

    /// What an action is called; the id itself for one that is not in the catalogue.
    #[must_use]
    pub fn title<'a>(&'a self, id: &'a str, language: TitleLanguage) -> &'a str {
        match (self.get(id), language) {
            (Some(action), TitleLanguage::Pt) => &action.title.pt,
            (Some(action), TitleLanguage::En) => &action.title.en,
            (None, _) => id,
        }
    }

    /// The examples of all actions, action by action: the caller embeds them for [`crate::desk::Assigner`].
    #[must_use]
    pub fn examples(&self) -> Vec<&str> {
        self.actions.iter().flat_map(|action| &action.examples).map(String::as_str).collect()
    }
}

fn fault(action: &Action) -> Option<String> {
    if action.id.is_empty() || action.id.contains(char::is_whitespace) {
        return Some(format!("action id `{}` must be a word without blanks", action.id));
    }
    if action.id == OTHER {
        return Some(format!("action id `{OTHER}` is kept for messages that are like no example; choose another"));
    }
    if action.examples.is_empty() || action.examples.iter().any(|example| example.trim().is_empty()) {
        return Some(format!("action `{}` must have examples, none of them empty", action.id));
    }
    None
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}
