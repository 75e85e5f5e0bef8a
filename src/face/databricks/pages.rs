//! Pages: a token that holds the whole question and the last row that was shown, so that the server keeps nothing between two pages
//! and a page goes on after that row whatever was written meanwhile.

use serde::{Deserialize, Serialize};

use super::asked::Query;
use super::query::Answer;
use crate::error::{Error, Result};
use crate::index::sha256_hex;

/// Rows of a page.
pub(super) const ROWS: usize = 1_000;
/// Digits of the sum before the rest of a token.
const SUM: usize = 16;

/// Where the next page begins.
#[derive(Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) query: Query,
    /// The id of the index: one that was made anew under the same name is another.
    pub(super) index: String,
    /// How many rows were shown.
    pub(super) offset: usize,
    /// The key of the last of them.
    pub(super) last: String,
}

/// A place as text without meaning to anybody else.
pub(super) fn write(place: &Place) -> Result<String> {
    let json = serde_json::to_vec(place).map_err(|error| Error::internal("writing a page token", error))?;
    let digits: String = json.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}{digits}", &sha256_hex(&json)[..SUM]))
}

/// The place of a token that [`write`] made for this index.
pub(super) fn read(token: &str, index: &str) -> Result<Place> {
    let place = unpacked(token).filter(|place| place.index == index);
    place.ok_or_else(|| {
        let shown: String = token.chars().take(24).collect();
        let cut = if shown.len() < token.len() { "…" } else { "" };
        let message = format!("`{shown}{cut}` is no page token of this index; give the one of the page before");
        Error::argument("page_token", message)
    })
}

fn unpacked(token: &str) -> Option<Place> {
    let (sum, digits) = token.is_ascii().then(|| token.split_at_checked(SUM))??;
    let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    let json = pairs.collect::<Option<Vec<u8>>>()?;
    (sha256_hex(&json)[..SUM] == *sum).then(|| serde_json::from_slice(&json).ok())?
}

/// Where the rows go on: after the last that was shown, or where it would be now.
pub(super) fn resume(answer: &Answer, offset: usize, last: &str) -> Result<usize> {
    for (at, (row, _)) in answer.hits.iter().enumerate() {
        if answer.view.key(*row)? == last {
            return Ok(at + 1);
        }
    }
    Ok(offset.min(answer.hits.len()))
}
