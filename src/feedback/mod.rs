//! What people made of recommendations: events, the append-only log that keeps them, and the counts that a build takes.
//! Knows no index, no engine and no clock; holds ids alone, no free text.
//!
//! ```text
//! displayed ─┐
//! verdict ───┴─► Record (checked, with its id) ─► Log (one line a record) ─► Tally ─► smoothed acceptance rate
//! ```

mod line;
mod log;
mod tally;
#[cfg(test)]
mod tests;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

pub use log::{DamagedLine, FOLDER, Log, LogReport, Reading};
pub use tally::{FeedbackCounts, FeedbackParams, Tally};

/// The longest text of an event, in bytes: a ticket's id, an action's, a category, a person's id.
pub const MAX_TEXT: usize = 256;

/// What happened to a recommended action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It was shown to somebody, who has not decided. No verdict.
    Displayed,
    /// It was carried out as recommended.
    Accepted,
    /// It was not carried out.
    Rejected,
    /// It was changed before it was carried out: another action, or other words.
    Edited,
}

impl Kind {
    /// As the log and every face have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Displayed => "displayed",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Edited => "edited",
        }
    }

    /// Whether somebody has decided: anything but [`Kind::Displayed`].
    #[must_use]
    pub const fn is_verdict(self) -> bool {
        !matches!(self, Self::Displayed)
    }
}

/// What happened, when, and to which action on which ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in RFC 3339, as the caller's clock says.
    pub at: String,
    /// What.
    pub kind: Kind,
    /// The recommendation that showed the action, where known: see [`recommendation_id`].
    pub recommendation: Option<String>,
    /// The ticket.
    pub ticket: String,
    /// The action that was recommended.
    pub action: String,
    /// The ticket's category, where known.
    pub category: Option<String>,
    /// The action that was taken in its place; of [`Kind::Edited`] alone.
    pub edited_to: Option<String>,
    /// The id of whoever decided. No name and no address.
    pub by: Option<String>,
}

impl Event {
    /// What verdicts are about: the recommendation where there is one, else the ticket; with the action.
    fn subject(&self) -> (Option<&str>, Option<&str>, &str) {
        let recommendation = self.recommendation.as_deref();
        (recommendation, recommendation.is_none().then_some(self.ticket.as_str()), &self.action)
    }
}

/// An event that has been checked, with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    id: String,
    event: Event,
}

impl Record {
    /// Checks an event and gives it an id that follows from what it says: the same event twice is one record.
    ///
    /// # Errors
    /// [`Error::Argument`] for a time that is no RFC 3339, for a text that is empty, longer than [`MAX_TEXT`] or has
    /// control characters, for a recommendation that is no id, for
    /// blanks in `by`, and for `edited_to` without [`Kind::Edited`].
    pub fn new(event: Event) -> Result<Self> {
        if DateTime::parse_from_rfc3339(&event.at).is_err() {
            return Err(Error::argument("at", format!("`{}` is no instant in RFC 3339", event.at.escape_debug())));
        }
        if let Some(id) = event.recommendation.as_deref().filter(|id| !is_id(id)) {
            let message = format!("`{}` is no id of a recommendation: 16 digits of 0-9 and a-f", id.escape_debug());
            return Err(Error::argument("recommendation", message));
        }
        let texts = [
            ("at", Some(&event.at)),
            ("ticket", Some(&event.ticket)),
            ("action", Some(&event.action)),
            ("category", event.category.as_ref()),
            ("edited_to", event.edited_to.as_ref()),
            ("by", event.by.as_ref()),
        ];
        for (name, text) in texts {
            text.map_or(Ok(()), |text| check_text(name, text))?;
        }
        if event.by.as_deref().is_some_and(|by| by.contains(char::is_whitespace)) {
            return Err(Error::argument("by", "it has blanks; give the id of a person, not a name"));
        }
        if event.edited_to.is_some() && event.kind != Kind::Edited {
            return Err(Error::argument(
                "edited_to",
                format!("it goes with `edited`, not with `{}`", event.kind.as_str()),
            ));
        }
        let id = short_hash(&[
            Some(event.at.as_str()),
            Some(event.kind.as_str()),
            event.recommendation.as_deref(),
            Some(&event.ticket),
            Some(&event.action),
            event.category.as_deref(),
            event.edited_to.as_deref(),
            event.by.as_deref(),
        ]);
        Ok(Self { id, event })
    }

    /// 16 hexadecimal digits that follow from the event.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What happened.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }
}

/// The id that links what was recommended with what became of it: 16 hexadecimal digits.
///
/// The first half of a SHA-256 over the generation's name, the subject (a ticket's id, or the masked text) and the ids of
/// the ranked actions, best first. The same answer to the same question by the same generation has the same id.
#[must_use]
pub fn recommendation_id(generation: &str, subject: &str, actions: &[&str]) -> String {
    let head = [generation, subject].into_iter();
    short_hash(&head.chain(actions.iter().copied()).map(Some).collect::<Vec<_>>())
}

/// Whether a text can be an id of this module.
fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn check_text(name: &'static str, text: &str) -> Result<()> {
    let fault = if text.trim().is_empty() {
        "it is empty".to_owned()
    } else if text.len() > MAX_TEXT {
        format!("it has {} bytes; {MAX_TEXT} are the most", text.len())
    } else if text.chars().any(char::is_control) {
        format!("`{}` has control characters", text.escape_debug())
    } else {
        return Ok(());
    };
    Err(Error::argument(name, fault))
}

/// A hash of parts that no other parts share: each is preceded by whether it is there, and its length.
fn short_hash(parts: &[Option<&str>]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update([u8::from(part.is_some())]);
        let text = part.unwrap_or_default();
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hex16(&hash.finalize())
}

/// The first eight bytes as 16 hexadecimal digits.
fn hex16(digest: &[u8]) -> String {
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
