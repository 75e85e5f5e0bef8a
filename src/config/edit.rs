//! Sets keys of a configuration file and leaves everything else in it as it was: comments, order, spaces. The file is
//! replaced whole or not at all.

use std::io::Write as _;
use std::path::Path;

use fs_err as fs;
use toml_edit::{DocumentMut, InlineTable, Item, KeyMut, Table, TableLike, Value};

use super::Config;
use crate::disk::{new_file, parent, sync_folder};
use crate::error::{Error, Result};

/// A key to set.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The key with its tables, such as `build.keyword.tags_boost`.
    pub key: &'static str,
    /// What it is to be.
    pub value: EditValue,
    /// By which words a comment of an earlier edit of this key is known, to be replaced: how `comment` begins.
    pub mark: String,
    /// What is written above the key: one line without `#`.
    pub comment: String,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum EditValue {
    /// A number, written with as few digits as tell it.
    Number(f32),
    /// A text.
    Text(String),
}

/// Sets keys of a file, which is made if need be.
///
/// # Errors
/// [`Error::Config`] for a file that is no configuration, or would be none then: it stays as it is. I/O errors.
pub fn edit(path: &Path, edits: &[Edit]) -> Result<()> {
    let old = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let new = edited(&old, path, edits)?;
    Config::parse(&new, path)?;
    replace(path, &new)
}

/// The text of a file with keys set.
fn edited(text: &str, path: &Path, edits: &[Edit]) -> Result<String> {
    let failed = |message: String| Error::Config { path: path.to_owned(), message };
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| failed(error.to_string().trim_end().to_owned()))?;
    for edit in edits {
        let keys: Vec<&str> = edit.key.split('.').collect();
        set(document.as_table_mut(), &keys, edit, false)
            .ok_or_else(|| failed(format!("{} cannot be set: what should hold it is no table", edit.key)))?;
    }
    Ok(document.to_string())
}

/// Sets the value below `keys`; `None` where one of them but the last is no table. In a table on one line there is no room
/// for a comment, so it goes above the table.
fn set(table: &mut dyn TableLike, keys: &[&str], edit: &Edit, on_one_line: bool) -> Option<()> {
    let (&key, below) = keys.split_first()?;
    if below.is_empty() {
        let value = match &edit.value {
            EditValue::Number(number) => shortest(*number).into(),
            EditValue::Text(text) => text.as_str().into(),
        };
        put(table, key, value, on_one_line);
        if !on_one_line {
            comment(table.key_mut(key)?, edit);
        }
        return Some(());
    }
    if table.get(key).is_none() {
        let mut folder = Table::new();
        // `[build]` alone says nothing.
        folder.set_implicit(below.len() > 1);
        table.insert(key, if on_one_line { InlineTable::new().into() } else { Item::Table(folder) });
        if on_one_line {
            table.fmt();
        }
    }
    let inner = table.get_mut(key)?;
    let is_one_line = inner.is_inline_table();
    set(inner.as_table_like_mut()?, below, edit, on_one_line || is_one_line)?;
    if is_one_line && !on_one_line {
        comment(table.key_mut(key)?, edit);
    }
    Some(())
}

/// Replaces a value and keeps what stands around it, such as a comment behind it.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value, on_one_line: bool) {
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *value.decor_mut() = old.decor().clone();
        *old = value;
    } else {
        table.insert(key, Item::Value(value));
        if on_one_line {
            table.fmt();
        }
    }
}

/// Writes the comment above a key, in place of that of an earlier edit.
fn comment(mut key: KeyMut<'_>, edit: &Edit) {
    let decor = key.leaf_decor_mut();
    let before = decor.prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    let (lines, indent) = before.rsplit_once('\n').map_or(("", before), |(lines, indent)| (lines, indent));
    let mark = format!("# {}", edit.mark);
    let mut text: String = before[..before.len() - indent.len()]
        .split_inclusive('\n')
        .filter(|line| lines.is_empty() || !line.trim_start().starts_with(&mark))
        .collect();
    text += &format!("{indent}# {}\n{indent}", edit.comment);
    decor.set_prefix(text);
}

/// The number of 64 bits that is written with the same digits.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

/// Puts a text in the place of a file, by one rename once it is on the disk. A link stays one, and permissions stay.
fn replace(path: &Path, text: &str) -> Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = parent(&target);
    let mut file = new_file(folder)?;
    if let Ok(old) = fs::metadata(&target) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests;
