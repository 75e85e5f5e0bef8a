//! What a generation is made from, as sums: so that a build can tell that there is nothing to do, and that a table changed
//! under its hands. Reads files whole and understands none.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::onto::{Onto, extent};
use super::{BuildParams, BuildRequest, forgetting, json_of};
use crate::desk::{Extent, ReadParams, source_files};
use crate::embed::ModelIdentity;
use crate::error::{Error, Result};
use crate::feedback::Log;
use crate::forgotten::{Forgotten, INPUT};
use crate::index::{FORMAT, sha256_hex, sha256_of_file};
use crate::snapshot::{Generation, Purging, Snapshot, purge, tidy};

/// The name of the input that is the generation onto which changes were read.
const ONTO: &str = "onto";
/// What comes before the name of a source file.
const TABLE: &str = "tables/";

/// What serves, if it was made by this program from just what a build would be made from now, and opens; a build would make
/// the same again. What a dead build left is cleared, and so are generations that hold what is forgotten and that somebody
/// had open when it was to be removed. Loads no model.
///
/// # Errors
/// [`Error::Input`] for a data folder that cannot be read; [`Error::Busy`] while another process writes;
/// [`Error::Ledger`]; I/O errors.
pub fn nothing_to_do(
    request: &BuildRequest<'_>,
    model: &ModelIdentity,
) -> Result<Option<(Generation, Option<Purging>)>> {
    let forgotten = forgetting::forgotten(&request.index)?;
    // What cannot be opened has to be built anew.
    let Ok(serving) = Snapshot::open(&request.index) else { return Ok(None) };
    let generation = serving.generation();
    let onto = Onto::of(request)?;
    if generation.model != *model || !holds(generation, &sums(request, onto.as_ref(), model, &forgotten)?) {
        return Ok(None);
    }
    tidy(&request.index, &request.holder)?;
    Ok(Some((generation.clone(), purge(&request.index, &request.now, &request.holder)?)))
}

/// Whether a build from these inputs would make the generation again. The changes that it was made of change nothing if they
/// are applied once more, nor do some of them.
fn holds(generation: &Generation, inputs: &BTreeMap<String, String>) -> bool {
    if !inputs.contains_key(ONTO) {
        return generation.inputs == *inputs;
    }
    inputs.iter().all(|(name, sum)| name == ONTO || generation.inputs.get(name) == Some(sum))
}

/// The data folder's own catalogue, if it has one.
#[must_use]
pub fn catalogue_beside(data: &Path) -> Option<PathBuf> {
    let path = data.join("actions.toml");
    path.is_file().then_some(path)
}

/// A sum of everything that a generation follows from, by name.
pub(super) fn sums(
    request: &BuildRequest<'_>,
    onto: Option<&Onto>,
    model: &ModelIdentity,
    forgotten: &Forgotten,
) -> Result<BTreeMap<String, String>> {
    let log = Log::of(&request.index).path();
    let feedback = if log.exists() { sha256_of_file(&log)? } else { sha256_hex(b"") };
    let program = format!("nba {} format {FORMAT}", env!("CARGO_PKG_VERSION"));
    let mut sums = tables(&request.data, &extent(request, onto))?;
    if let Some(onto) = onto {
        sums.insert(ONTO.to_owned(), sum(onto.generation())?);
    }
    sums.extend(
        [
            ("catalogue", sum(request.catalogue)?),
            ("configuration", sum(&configuration(request))?),
            ("feedback", feedback),
            ("model", sum(model)?),
            ("program", sha256_hex(program.as_bytes())),
        ]
        .map(|(name, sum)| (name.to_owned(), sum)),
    );
    sums.extend(forgotten.head().map(|head| (INPUT.to_owned(), head.to_owned())));
    Ok(sums)
}

/// Refuses tables that are no longer what they were when `inputs` were summed.
pub(super) fn check_tables(data: &Path, extent: &Extent<'_>, inputs: &BTreeMap<String, String>) -> Result<()> {
    let now = tables(data, extent)?;
    let were = inputs.iter().filter(|(name, _)| name.starts_with(TABLE));
    let changed = were.chain(&now).find(|(name, _)| inputs.get(*name) != now.get(*name));
    let Some((name, _)) = changed else { return Ok(()) };
    let file = data.join(name.trim_start_matches(TABLE));
    let message = format!("{} changed while it was read; build again once the export is complete", file.display());
    Err(Error::Input(io::Error::other(message)))
}

/// The sum of every source file, by its path below the data folder.
fn tables(data: &Path, extent: &Extent<'_>) -> Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for file in source_files(data, extent)? {
        let below = file.strip_prefix(data).unwrap_or(&file);
        let below: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        sums.insert(format!("{TABLE}{}", below.join("/")), sha256_of_file(&file).map_err(Error::of_input)?);
    }
    Ok(sums)
}

/// What of the configuration shows in a generation: not how many are kept, how much memory it may take, nor how many
/// faults are told, nor what keeps a generation from being published.
fn configuration<'a>(request: &'a BuildRequest<'_>) -> impl Serialize + 'a {
    let read = ReadParams { lenient: request.params.read.lenient, ..ReadParams::default() };
    let BuildParams { keep, memory_mb, gates, .. } = BuildParams::default();
    let build = BuildParams { keep, memory_mb, read, gates, ..request.params.clone() };
    (build, request.recommend, request.fusion, request.keyword)
}

fn sum(value: &impl Serialize) -> Result<String> {
    Ok(sha256_hex(&json_of(value)?))
}
