//! The rules of the catalogue: which actions may be done in a ticket as it stands, and why the others may not. Knows no
//! vector and no ranking.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::desk::action::{Action, ActionKind, Catalogue, OTHER};
use crate::desk::ticket::{PRIORITIES, Status};

/// What begins the name of a kind where an action could stand too.
const KIND_PREFIX: &str = "kind:";

/// Something that may have been done earlier in a thread: an action by its id, or any action of a kind (`kind:resolve`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Earlier {
    /// The action of this id.
    Action(String),
    /// Any action of this kind.
    Kind(ActionKind),
}

impl TryFrom<String> for Earlier {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let Some(kind) = word.strip_prefix(KIND_PREFIX) else { return Ok(Self::Action(word)) };
        let known = ActionKind::ALL.into_iter().find(|known| known.as_str() == kind);
        known.map(Self::Kind).ok_or_else(|| {
            let kinds: Vec<String> =
                ActionKind::ALL.iter().map(|kind| format!("`{KIND_PREFIX}{}`", kind.as_str())).collect();
            format!("unknown kind `{word}`, expected one of {}", kinds.join(", "))
        })
    }
}

impl From<Earlier> for String {
    fn from(earlier: Earlier) -> Self {
        earlier.to_string()
    }
}

impl fmt::Display for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(id) => f.write_str(id),
            Self::Kind(kind) => write!(f, "{KIND_PREFIX}{}", kind.as_str()),
        }
    }
}

/// What is known of a ticket when an action is to be chosen. What is not known (`None`) forbids nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// Its category.
    pub category: Option<&'a str>,
    /// Its status, as in the tables.
    pub status: Option<&'a str>,
    /// The channel it came in by.
    pub channel: Option<&'a str>,
    /// Its priority, as in the tables.
    pub priority: Option<&'a str>,
    /// The actions done so far in its thread, oldest first; [`OTHER`] for one that could not be told.
    pub done: &'a [String],
}

/// Why an action may not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Ineligible {
    /// No action of the catalogue has this id.
    NotInCatalogue,
    /// It is not for tickets of this category.
    Category {
        /// The ticket's.
        found: String,
        /// Those it is for.
        allowed: Vec<String>,
    },
    /// It is not for tickets of this status.
    Status {
        /// The ticket's.
        found: String,
        /// Those it is for.
        allowed: Vec<String>,
    },
    /// It is not for tickets of this channel.
    Channel {
        /// The ticket's.
        found: String,
        /// Those it is for.
        allowed: Vec<String>,
    },
    /// It is not for tickets of this priority.
    Priority {
        /// The ticket's.
        found: String,
        /// Those it is for.
        allowed: Vec<String>,
    },
    /// It was done as often as it may be.
    Repeated {
        /// How often it may be done in a thread.
        max: u32,
        /// How often it was.
        done: usize,
    },
    /// None of what has to come before was done.
    Requires {
        /// One of these would do.
        any_of: Vec<Earlier>,
    },
    /// Something was done after which it makes no sense.
    ExcludedBy {
        /// The action that was done.
        action: String,
    },
}

impl fmt::Display for Ineligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{n} times") };
        match self {
            Self::NotInCatalogue => f.write_str("not in the catalogue"),
            Self::Category { found, allowed } => write!(f, "not for category {found}, only {}", allowed.join(", ")),
            Self::Status { found, allowed } => write!(f, "not for status {found}, only {}", allowed.join(", ")),
            Self::Channel { found, allowed } => write!(f, "not for channel {found}, only {}", allowed.join(", ")),
            Self::Priority { found, allowed } => write!(f, "not for priority {found}, only {}", allowed.join(", ")),
            Self::Repeated { max, done } => {
                write!(f, "done {} in this thread, at most {max} allowed", times(*done))
            }
            Self::Requires { any_of } => {
                let any_of: Vec<String> = any_of.iter().map(Earlier::to_string).collect();
                write!(f, "nothing that it requires was done yet: {}", any_of.join(" or "))
            }
            Self::ExcludedBy { action } => write!(f, "not after {action}, which was done"),
        }
    }
}

impl Catalogue {
    /// Whether an action may be done in a ticket as it stands; if not, the first rule that forbids it, in the order of
    /// [`Ineligible`].
    ///
    /// What was done but could not be told ([`OTHER`]) may have been anything: it meets every `requires`, and `excludes`
    /// overlooks it. So does an action that is not in the catalogue, as far as its kind is concerned.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check(&self, id: &str, at: &Circumstances<'_>) -> Result<(), Ineligible> {
        let action = self.get(id).ok_or(Ineligible::NotInCatalogue)?;
        within(&action.categories, at.category, |found, allowed| Ineligible::Category { found, allowed })?;
        within(&action.statuses, at.status, |found, allowed| Ineligible::Status { found, allowed })?;
        within(&action.channels, at.channel, |found, allowed| Ineligible::Channel { found, allowed })?;
        within(&action.priorities, at.priority, |found, allowed| Ineligible::Priority { found, allowed })?;

        let done = at.done.iter().filter(|done| *done == id).count();
        if let Some(max) = action.max_per_thread
            && done >= max.get() as usize
        {
            return Err(Ineligible::Repeated { max: max.get(), done });
        }
        let may_be_met = |required: &Earlier| at.done.iter().any(|done| self.may_be(done, required));
        if !action.requires.is_empty() && !action.requires.iter().any(may_be_met) {
            return Err(Ineligible::Requires { any_of: action.requires.clone() });
        }
        let excluding = at.done.iter().find(|done| action.excludes.iter().any(|excluded| self.is(done, excluded)));
        excluding.map_or(Ok(()), |action| Err(Ineligible::ExcludedBy { action: action.clone() }))
    }

    /// Whether what was done is known to be this.
    fn is(&self, done: &str, what: &Earlier) -> bool {
        match what {
            Earlier::Action(id) => done == id,
            Earlier::Kind(kind) => self.get(done).is_some_and(|action| action.kind == *kind),
        }
    }

    /// Whether what was done is this for all that is known.
    fn may_be(&self, done: &str, what: &Earlier) -> bool {
        let kind_unknown = matches!(what, Earlier::Kind(_)) && self.get(done).is_none();
        done == OTHER || kind_unknown || self.is(done, what)
    }
}

fn within(
    allowed: &[String],
    found: Option<&str>,
    broken: impl FnOnce(String, Vec<String>) -> Ineligible,
) -> Result<(), Ineligible> {
    match found {
        Some(found) if !allowed.is_empty() && !allowed.iter().any(|one| one == found) => {
            Err(broken(found.to_owned(), allowed.to_vec()))
        }
        _ => Ok(()),
    }
}

/// What is wrong with the rules of an action, given how to tell the ids of the catalogue.
pub(super) fn fault(action: &Action, is_known: impl Fn(&str) -> bool) -> Option<String> {
    let id = &action.id;
    let statuses = Status::ALL.map(Status::as_str);
    for (key, words, known) in
        [("statuses", &action.statuses, statuses.as_slice()), ("priorities", &action.priorities, &PRIORITIES)]
    {
        if let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) {
            let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            return Some(format!("action `{id}`: {key}: unknown `{word}`, expected one of {}", known.join(", ")));
        }
    }
    for (key, list) in [("requires", &action.requires), ("excludes", &action.excludes)] {
        let unknown = |earlier: &&Earlier| matches!(earlier, Earlier::Action(other) if !is_known(other));
        if let Some(unknown) = list.iter().find(unknown) {
            return Some(format!(
                "action `{id}`: {key}: no action `{unknown}` in this catalogue; name one, or a kind such as `kind:resolve`"
            ));
        }
    }
    let impossible = |earlier: &Earlier| {
        action.excludes.contains(earlier) || matches!(earlier, Earlier::Action(other) if other == id)
    };
    if !action.requires.is_empty() && action.requires.iter().all(impossible) {
        return Some(format!("action `{id}` can never be done: all that it requires is itself or excluded"));
    }
    None
}
