//! What changes are read onto: the tables that the generation that serves keeps.

use std::io;
use std::path::Path;

use super::BuildRequest;
use crate::desk::{Base, Extent, Since};
use crate::error::{Error, Result};
use crate::snapshot::{Generation, Snapshot};

/// Whether source tables hold everything, or what has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Extract {
    /// Every row of every table.
    #[default]
    Full,
    /// Rows to be set or deleted in what serves; `customers`, and `companies` and `agents` if they are there, are whole.
    Changes {
        /// Which files of folders are read; `None` reads all.
        since: Option<Since>,
    },
}

/// The generation that serves, and the tables that it keeps.
pub(super) struct Onto {
    serving: Snapshot,
    base: Base,
}

impl Onto {
    /// `None` for a full extract.
    ///
    /// # Errors
    /// [`Error::Argument`] where what serves keeps no tables; those of [`Snapshot::open`].
    pub(super) fn of(request: &BuildRequest<'_>) -> Result<Option<Self>> {
        let Extract::Changes { since } = &request.extract else { return Ok(None) };
        let serving = Snapshot::open(&request.index)?;
        let base = Base::read(serving.folder(), since.clone(), |file| serving.read_file(file))?;
        let base = base.ok_or_else(|| {
            let Generation { name, built_by, .. } = serving.generation();
            let message = format!(
                "generation {name}, built by {built_by}, keeps no tables that changes could be read onto; build from all \
                 tables once"
            );
            Error::argument("changes", message)
        })?;
        Ok(Some(Self { serving, base }))
    }

    pub(super) const fn generation(&self) -> &Generation {
        self.serving.generation()
    }

    /// Once nobody else can write: refuses if another generation was published since this one was opened, whose changes would
    /// be lost.
    pub(super) fn check_still_serves(&self, index: &Path) -> Result<()> {
        if self.serving.serves(index)? {
            return Ok(());
        }
        let name = &self.generation().name;
        let message = format!("{name} no longer serves, onto which the changes were read; build again");
        Err(Error::Input(io::Error::other(message)))
    }
}

/// Which part of the tables a build reads.
pub(super) fn extent<'a>(request: &BuildRequest<'_>, onto: Option<&'a Onto>) -> Extent<'a> {
    Extent { onto: onto.map(|onto| onto.base.onto()), at: request.at.clone() }
}
