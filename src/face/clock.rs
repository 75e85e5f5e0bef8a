//! The clock of the faces: what lies below them is told the time.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// The present instant in RFC 3339, to the second.
pub(super) fn now() -> String {
    instant().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The present instant in microseconds since 1970 UTC.
pub(super) fn now_micros() -> i64 {
    instant().timestamp_micros()
}

fn instant() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "a face reads the clock and passes it on")]
    let now = SystemTime::now();
    DateTime::<Utc>::from(now)
}
