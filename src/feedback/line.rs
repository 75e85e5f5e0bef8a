//! A record as a line of the log: JSON, a tab, the first 16 hexadecimal digits of the SHA-256 of that JSON.
//! No file is touched here.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Event, Kind, Record, hex16};
use crate::error::{Error, Result};

/// The version of the line's JSON; bumped by hand when its fields change.
const VERSION: u32 = 1;
/// What stands in place of the checksum behind a write that was cut short. JSON has no tab of its own.
pub(super) const TORN: &str = "\ttorn\n";

/// The JSON of a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineJson {
    v: u32,
    id: String,
    at: String,
    kind: Kind,
    recommendation: Option<String>,
    ticket: String,
    action: String,
    category: Option<String>,
    edited_to: Option<String>,
    by: Option<String>,
}

/// What a line turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A record, whole.
    Whole(Record),
    /// What is left of a write that was cut short, and closed by a later one.
    Torn,
    /// Something else, and why.
    Damaged(String),
}

/// The line of a record, with its end.
pub(super) fn write(record: &Record) -> Result<String> {
    let Record { id, event } = record.clone();
    let Event { at, kind, recommendation, ticket, action, category, edited_to, by } = event;
    let json = LineJson { v: VERSION, id, at, kind, recommendation, ticket, action, category, edited_to, by };
    let json = serde_json::to_string(&json).map_err(|error| Error::internal("writing a record", error))?;
    let sum = checksum(json.as_bytes());
    Ok(format!("{json}\t{sum}\n"))
}

/// Reads a line, given without its end.
pub(super) fn read(line: &[u8]) -> Line {
    let Some(tab) = line.iter().rposition(|byte| *byte == b'\t') else {
        return Line::Damaged("it has no checksum".to_owned());
    };
    let (json, sum) = (&line[..tab], &line[tab..]);
    if sum == TORN.trim_end_matches('\n').as_bytes() {
        return Line::Torn;
    }
    if sum[1..] != *checksum(json).as_bytes() {
        return Line::Damaged("its checksum does not match".to_owned());
    }
    match parse(json) {
        Ok(record) => Line::Whole(record),
        Err(reason) => Line::Damaged(reason),
    }
}

/// The record of a JSON whose checksum holds; a program that is newer than this one may have written another.
fn parse(json: &[u8]) -> Result<Record, String> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let text = |error: serde_json::Error| error.to_string();
    let Version { v } = serde_json::from_slice(json).map_err(text)?;
    if v != VERSION {
        return Err(format!("it is of version {v}, and this program reads {VERSION}"));
    }
    let LineJson { v: _, id, at, kind, recommendation, ticket, action, category, edited_to, by } =
        serde_json::from_slice(json).map_err(text)?;
    Ok(Record { id, event: Event { at, kind, recommendation, ticket, action, category, edited_to, by } })
}

fn checksum(json: &[u8]) -> String {
    hex16(&Sha256::digest(json))
}
