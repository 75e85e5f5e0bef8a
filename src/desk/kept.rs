//! The tables of a desk without personal data, as files that a later build reads its changes onto. `customers` is never
//! among them: what it holds is what is masked.

use std::path::Path;

use crate::desk::load::MaskedTables;
use crate::desk::tables::{AGENTS, COMPANIES, CUSTOMERS, TABLES};
use crate::error::Result;
use crate::table::{Kept, Onto, Since, keep};

/// The folder that holds the files.
pub const KEPT_FOLDER: &str = "kept";
/// The texts that people wrote: what may hold something personal once masking has a fault.
const TEXTS: [&str; 4] = ["subject", "description", "tags", "message"];
/// What nothing asks for, and may be an e-mail address.
const NOT_KEPT: &str = "author_id";

/// A desk as a build kept it, to read changes onto.
#[derive(Debug, Clone)]
pub struct Base {
    kept: Kept,
    since: Option<Since>,
}

impl Base {
    /// Reads back what [`MaskedTables::files`] wrote: `file` gives the bytes of a file by its path. `None` where there are
    /// no such files. `since` says which files of folders with partitions are read, `None` all.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for a file that is not what was kept; errors of `file`.
    pub fn read(
        folder: &Path,
        since: Option<Since>,
        file: impl Fn(&str) -> Result<Option<Vec<u8>>>,
    ) -> Result<Option<Self>> {
        let mut kept = Kept::default();
        for spec in TABLES.iter().filter(|spec| spec.name != CUSTOMERS) {
            let name = file_name(spec.name);
            let Some(bytes) = file(&name)? else { return Ok(None) };
            kept.add(spec, &folder.join(name), &bytes)?;
        }
        Ok(Some(Self { kept, since }))
    }

    /// Every text that people wrote, with its file, column and row.
    pub fn visit_texts(&self, mut visit: impl FnMut(&str, &str, usize, &str)) {
        for table in TABLES.iter().filter_map(|spec| self.kept.get(spec.name)) {
            let file = file_name(table.name);
            let schema = table.batch.schema();
            for column in TEXTS.iter().filter(|column| schema.index_of(column).is_ok()) {
                let texts = table.texts(column).iter().enumerate();
                texts
                    .filter_map(|(row, text)| Some((row, text?)))
                    .for_each(|(row, text)| visit(&file, column, row, text));
            }
        }
    }

    /// What changes are read onto. Agents, companies and customers are few, and their files hold all of them.
    #[must_use]
    pub fn onto(&self) -> Onto<'_> {
        Onto { kept: &self.kept, since: self.since.clone(), whole: &[COMPANIES, CUSTOMERS, AGENTS] }
    }
}

impl MaskedTables {
    /// A file for each table but `customers`: its path, and its bytes.
    ///
    /// # Errors
    /// None that is no bug.
    pub fn files(&self) -> impl Iterator<Item = Result<(String, Vec<u8>)>> {
        let kept = self.tables.tables.iter().filter(|table| table.name != CUSTOMERS);
        kept.map(|table| {
            let mut table = table.clone();
            table.empty(NOT_KEPT);
            Ok((file_name(table.name), keep(&table)?))
        })
    }
}

fn file_name(table: &str) -> String {
    format!("{KEPT_FOLDER}/{table}.parquet")
}
