//! Who is to be forgotten: keys that tell an id and do not hold it, the ledger that keeps them, and its audit lines.
//! Knows no index and no ticket: a row is told by the values of its columns. Reads no clock and rolls no dice.
//!
//! ```text
//! column, value ─► key (salted hash) ─► Ledger (replaced whole, under a lock) ─► Forgotten ─► Keys ─► rows that are hidden
//! ```

mod ledger;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

pub use ledger::{FOLDER, Ledger};

/// Under this name a generation notes, among its inputs, the [`Forgotten::head`] that it was built by.
pub const INPUT: &str = "forgotten";

/// Bytes of salt that an index gets once.
pub const SALT_BYTES: usize = 16;

/// What a ledger holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Forgotten {
    path: PathBuf,
    salt: String,
    entries: Vec<Entry>,
    /// For each entry that forgets, in order, a sum over it and all before it.
    heads: Vec<String>,
    all: Keys,
}

/// A line of the ledger. What a person asks for and what a build does about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Entry {
    /// Somebody asked to forget.
    Forgotten(Asked),
    /// What had been asked for by then is in no file any more.
    Purged(Purged),
}

/// Who asked when, for how much, and the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// When, in RFC 3339, as the caller's clock says.
    pub at: String,
    /// Who: the operator, not whom it is about.
    pub by: String,
    /// How many customers were named.
    pub customers: usize,
    /// How many tickets were named.
    pub tickets: usize,
    /// How many tickets that hid of the generation that served.
    pub hidden_tickets: usize,
    /// How many rows that hid of it.
    pub hidden_rows: usize,
    /// Keys by column.
    pub keys: BTreeMap<String, BTreeSet<String>>,
}

/// What a build removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purged {
    /// When, in RFC 3339.
    pub at: String,
    /// The generation that serves without them.
    pub generation: String,
    /// The [`Forgotten::head`] that it was built by.
    pub through: String,
}

/// Keys of values that are forgotten, by column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keys {
    salt: String,
    by_column: BTreeMap<String, BTreeSet<String>>,
}

impl Keys {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_column.is_empty()
    }

    /// The columns whose values are to be looked at.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.by_column.keys().map(String::as_str)
    }

    /// Whether a value of a column is forgotten.
    #[must_use]
    pub fn has(&self, column: &str, value: &str) -> bool {
        self.by_column.get(column).is_some_and(|keys| keys.contains(&key(&self.salt, column, value)))
    }

    fn add(&mut self, more: &BTreeMap<String, BTreeSet<String>>) {
        for (column, keys) in more {
            self.by_column.entry(column.clone()).or_default().extend(keys.iter().cloned());
        }
    }
}

impl Forgotten {
    /// Nobody is forgotten.
    fn nobody(path: &Path, salt: String) -> Self {
        let all = Keys { salt: salt.clone(), ..Keys::default() };
        Self { path: path.to_owned(), salt, entries: Vec::new(), heads: Vec::new(), all }
    }

    fn push(&mut self, entry: Entry) -> Result<()> {
        if let Entry::Forgotten(asked) = &entry {
            let json = serde_json::to_vec(asked).map_err(|error| Error::internal("writing a ledger", error))?;
            let before = self.head().unwrap_or_default();
            let head = Sha256::new().chain_update(&self.salt).chain_update(before).chain_update(json).finalize();
            self.heads.push(hex(&head));
            self.all.add(&asked.keys);
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Notes that somebody asked.
    ///
    /// # Errors
    /// None that an input causes.
    pub fn forget(&mut self, asked: Asked) -> Result<()> {
        self.push(Entry::Forgotten(asked))
    }

    /// Notes that what was asked for up to a head is in no file any more.
    ///
    /// # Errors
    /// None that an input causes.
    pub fn purge(&mut self, purged: Purged) -> Result<()> {
        self.push(Entry::Purged(purged))
    }

    /// The key that stands for a value of a column in this ledger: 32 hexadecimal digits. The salt makes it another in
    /// every index; whoever has the ledger can still try values that they guess.
    #[must_use]
    pub fn key(&self, column: &str, value: &str) -> String {
        key(&self.salt, column, value)
    }

    /// Everything that is forgotten.
    #[must_use]
    pub const fn all(&self) -> &Keys {
        &self.all
    }

    /// A sum over all that was ever asked for; `None` where nothing was.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.heads.last().map(String::as_str)
    }

    /// What was asked for after a generation was built by `head`, and so may be in it.
    ///
    /// # Errors
    /// [`Error::Ledger`] where the ledger never had that head: lines of it are lost, or it is another index's.
    pub fn since(&self, head: Option<&str>) -> Result<Keys> {
        let known = match head {
            None => 0,
            Some(head) => 1 + self.heads.iter().position(|it| it == head).ok_or_else(|| self.lost())?,
        };
        let mut keys = Keys { salt: self.salt.clone(), ..Keys::default() };
        self.asked().skip(known).for_each(|asked| keys.add(&asked.keys));
        Ok(keys)
    }

    /// Whether anything that was asked for may still be in a file.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        let through = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Purged(purged) => Some(purged.through.as_str()),
            Entry::Forgotten(_) => None,
        });
        self.head().is_some_and(|head| through != Some(head))
    }

    /// What was asked for and done, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Forgotten(asked) => Some(asked),
            Entry::Purged(_) => None,
        })
    }

    fn lost(&self) -> Error {
        let reason = "the generation was built without rows of which it knows nothing, so lines of it are lost";
        Error::Ledger { path: self.path.clone(), reason: reason.to_owned() }
    }
}

fn key(salt: &str, column: &str, value: &str) -> String {
    let mut hash = Sha256::new();
    for part in [salt, column, value] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
