//! Names: three parts for indexes and tables, and ids that follow from what they are given to.

use crate::error::{Error, Result};
use crate::index::sha256_hex;

/// The longest name of an index, in characters.
const LONGEST: usize = 128;

/// A name without the backticks that some callers put around its parts.
#[must_use]
pub fn bare(name: &str) -> String {
    name.replace('`', "")
}

/// Refuses what is no full name of an index.
pub(super) fn check_index(name: &str) -> Result<()> {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() == 3 && parts.into_iter().all(is_part) && name.len() <= LONGEST {
        return Ok(());
    }
    let message = format!(
        "`{name}` is not a full index name: give `catalog.schema.index`, {LONGEST} characters at most, each part of letters, digits and underscores alone"
    );
    Err(Error::argument("name", message))
}

/// Refuses what is no name of an endpoint.
pub(super) fn check_endpoint(name: &str) -> Result<()> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (1..=LONGEST).contains(&name.len()) && name.chars().all(is_word) {
        return Ok(());
    }
    let message =
        format!("`{name}` is no name: give 1 to {LONGEST} letters, digits, hyphens, underscores and full stops");
    Err(Error::argument("name", message))
}

/// An id in the form of a UUID.
pub(super) fn id(serial: u64, name: &str, at_ms: i64) -> String {
    let hex = sha256_hex(format!("{serial} {name} {at_ms}").as_bytes());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}
