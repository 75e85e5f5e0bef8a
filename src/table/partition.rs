//! Where a file stands among the files of its table: by the values in the names of its folders (`day=2026-11-20`), or by
//! its own name. Knows no content.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;

/// What Hive and Spark write for no value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// A column and its value, as a folder's name says them.
pub(super) type FolderValue = (String, Option<String>);

/// Values from the outermost folder to the innermost, or the one name of a file without its ending.
///
/// Written with `/` between values: `2026/11/20`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition(Vec<String>);

impl Partition {
    /// Understands what [`fmt::Display`] writes, with or without the columns' names and the ending of a file.
    pub(super) fn parse(text: &str) -> Self {
        let values = text.trim_end_matches(".parquet").split('/').filter(|value| !value.is_empty());
        Self(values.map(|value| decoded(value.split_once('=').map_or(value, |(_, value)| value))).collect())
    }

    /// The partition of a file whose folders say these values; `None` where one of them is no value.
    pub(super) fn of(values: &[FolderValue], file: &Path) -> Option<Self> {
        if values.is_empty() {
            return Some(Self(vec![file.file_stem()?.to_string_lossy().into_owned()]));
        }
        values.iter().map(|(_, value)| value.clone()).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether it comes after another one. Whole numbers compare as numbers, everything else as text. Of values that only
    /// one of the two has, nothing is known: `2026/11` covers all of that month.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        let orders = self.0.iter().zip(&other.0).map(|(mine, theirs)| compared(mine, theirs));
        orders.into_iter().find(|order| order.is_ne()) == Some(Ordering::Greater)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.0.iter().map(|value| value.replace('%', "%25").replace('/', "%2F")).collect();
        f.write_str(&values.join("/"))
    }
}

/// The column and the value in the name of a folder such as `day=2026-11-20`.
pub(super) fn folder_value(name: &str) -> Option<FolderValue> {
    let (column, value) = name.split_once('=')?;
    Some((decoded(column), (value != NO_VALUE).then(|| decoded(value))))
}

/// Numbers come before texts.
fn compared(a: &str, b: &str) -> Ordering {
    let number = |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(());
    match (number(a), number(b)) {
        (Some(()), Some(())) => {
            let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        }
        (Some(()), None) => Ordering::Less,
        (None, Some(())) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// `%3A` is how a `:` is written in a folder's name.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let byte = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| digits.iter().all(u8::is_ascii_hexdigit).then(|| std::str::from_utf8(digits).ok())?);
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
