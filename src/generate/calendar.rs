//! The clock of the generated desk: seconds since 1970 UTC in, the tables' words out. Never reads the machine's clock.

use chrono::{DateTime, NaiveDate};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// The desk's present, 2026-06-30T00:00:00 UTC: no row is later.
pub(super) const NOW: i64 = 1_782_777_600;

/// Midnight of a day.
pub(super) fn seconds_of(year: i32, month: u32, day: u32) -> i64 {
    let midnight = NaiveDate::from_ymd_opt(year, month, day).and_then(|day| day.and_hms_opt(0, 0, 0));
    midnight.expect("only constant, valid days are asked for").and_utc().timestamp()
}

/// `2026-06-30 00:00:00`.
pub(super) fn moment(at: i64) -> String {
    utc(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2026-06-30`.
pub(super) fn date(at: i64) -> String {
    utc(at).format("%Y-%m-%d").to_string()
}

/// As people write it: `30/06/2026` or `30/06` in Portuguese, `2026-06-30` or `30 June` in English.
pub(super) fn spoken_date(at: i64, portuguese: bool, short: bool) -> String {
    let form = match (portuguese, short) {
        (true, true) => "%d/%m",
        (true, false) => "%d/%m/%Y",
        (false, true) => "%-d %B",
        (false, false) => "%Y-%m-%d",
    };
    utc(at).format(form).to_string()
}

fn utc(at: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(at, 0).expect("generated times lie within a century of 1970")
}
