//! One hybrid index that changes: rows by primary key, perhaps a vector each; durable and visible once a change returns.
//! Knows no model, no wire format and no other collection.
//!
//! ```text
//! <collection>/collection.json     schema, which part is the newest, which logs come after it; and their sum
//! <collection>/part-<n>/           rows sorted by key, Arrow IPC, and vectors: see `part`
//! <collection>/log-<n>.jsonl       changes since: see `log`
//! ```
//!
//! A change is a line of the log and a small part in memory; small parts are put together as they gather, and a merge in the
//! background writes all live rows to a new part on the disk, after which the logs before it go. Readers hold one moment for as
//! long as they like. This is a log-structured merge tree with one level on the disk (O'Neil et al., 1996).
//!
//! Scores are those of Databricks Vector Search: see [`View::query`].

mod euclid;
mod log;
mod part;
mod row;
mod schema;
mod state;
#[cfg(test)]
mod tests;
mod view;
mod words;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::row::{Key, NewRow};
pub use self::schema::{Column, ColumnType, MAX_DIMENSION, Primitive, Schema, VectorColumn};
pub use self::view::{CollectionFound, CollectionHit, CollectionQuery, Matched, RowId, View};

use self::log::Log;
use self::part::{Part, PartEntry};
use self::state::{Slot, State, sorted};
use crate::disk;
use crate::error::{Error, Result};
use crate::index::sha256_hex;
use crate::vector::VectorParams;

/// The format of a collection's files.
const FORMAT: u32 = 1;
const MANIFEST: &str = "collection.json";
const FRESH: &str = ".collection.json.new";
/// Changes wait for a merge once there is so many times as much to merge as makes one due.
const MOST_UNTIDY: usize = 4;

/// How a collection is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionParams {
    /// A merge is due once so many rows are in memory or gone, and they are a quarter of those on the disk; of a collection
    /// that is left alone, once they are a quarter of this and a 64th of those.
    pub merge_rows: usize,
    /// How vectors on the disk are searched.
    pub vector: VectorParams,
}

impl Default for CollectionParams {
    /// A hybrid query looks for 200 rows, and of rows like texts codes find more than they promise: with .98 of the ten nearest
    /// promised, .9999 of them and .9965 of the nearest 200 were found (`benches/README.md`).
    fn default() -> Self {
        Self { merge_rows: 4_096, vector: VectorParams { recall: 0.98, ..VectorParams::default() } }
    }
}

/// A change: keys go first, then rows come, in the place of those of the same keys; of equal keys the last stays. All of it or
/// nothing.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The rows that come.
    pub upserts: Vec<NewRow>,
    /// The keys that go, if they are there.
    pub deletes: Vec<Key>,
}

/// A collection, open for changes and for questions. `Send + Sync`; one process may have it open.
pub struct Collection {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    schema: Arc<Schema>,
    params: CollectionParams,
    current: RwLock<Arc<State>>,
    /// Changes that wait to be written, oldest first.
    waiting: Mutex<Vec<Arc<Change>>>,
    writer: Mutex<Writer>,
    /// Held by whoever merges.
    merging: Mutex<()>,
    /// How many changes there were, and how many when [`Collection::tend`] looked last.
    changes: AtomicU64,
    tended: AtomicU64,
    is_closed: AtomicBool,
}

/// What only one may touch.
struct Writer {
    manifest: Manifest,
    log: Log,
    log_number: u64,
    /// How many of the first slots a merge is writing, or are on the disk: they are not put together.
    fixed: usize,
    is_merging: bool,
}

/// A change that somebody waits for.
struct Change {
    json: String,
    rows: Vec<NewRow>,
    deletes: Vec<Key>,
    done: OnceLock<std::result::Result<(), String>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    schema: Schema,
    /// The number of the part's folder.
    part: Option<(u64, PartEntry)>,
    /// Logs from this number on come after it.
    first_log: u64,
}

/// A line of the log.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    deletes: Vec<Value>,
    upserts: Vec<Map<String, Value>>,
}

impl Collection {
    /// Makes an empty collection in a folder that is not there yet, or is empty.
    ///
    /// # Errors
    /// I/O errors.
    pub fn create(folder: &Path, schema: Schema, params: &CollectionParams) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let log = Log::create(folder, 1)?;
        let manifest = Manifest { format: FORMAT, schema, part: None, first_log: 1 };
        write_manifest(folder, &manifest)?;
        disk::sync_new_folder(folder)?;
        let state = State { schema: Arc::new(manifest.schema.clone()), slots: Vec::new() };
        Ok(Self::of(folder, params, state, manifest, log, 1))
    }

    /// Opens a collection, with every change that was acknowledged.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for files that are not as they were written, [`Error::Format`]; I/O errors.
    pub fn open(folder: &Path, params: &CollectionParams) -> Result<Self> {
        let manifest = read_manifest(folder)?;
        let schema = Arc::new(manifest.schema.clone());
        let mut state = State { schema: Arc::clone(&schema), slots: Vec::new() };
        if let Some((number, entry)) = &manifest.part {
            state.slots.push(Slot::of(Part::open(&part_folder(folder, *number), &schema, entry)?)?);
        }
        let on_disk = state.slots.len();
        let mut numbers: Vec<u64> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let log = log::number_of(&name);
            let part = name.strip_prefix("part-").and_then(|number| number.parse::<u64>().ok());
            let is_left_over = log.is_some_and(|number| number < manifest.first_log)
                || part.is_some_and(|number| manifest.part.as_ref().is_none_or(|(ours, _)| *ours != number));
            if is_left_over {
                remove(&folder.join(&name))?;
            } else {
                numbers.extend(log);
            }
        }
        numbers.sort_unstable();
        let expected = (manifest.first_log..).take(numbers.len().max(1)).collect::<Vec<_>>();
        if numbers != expected {
            let reason = "it is not there, or one after it is missing".to_owned();
            return Err(Error::corrupt(log::path_of(folder, manifest.first_log), reason));
        }
        let mut log = None;
        for number in &numbers {
            log = Some(Log::recover(folder, *number, &mut |json| {
                let (deletes, rows) =
                    read_line(&schema, json).map_err(|reason| Error::internal("reading a change", reason))?;
                state.apply(&deletes, &rows)?;
                state.tidy(on_disk)
            })?);
        }
        let log = log.ok_or_else(|| Error::internal("opening a collection", "there is no log"))?;
        let number = numbers.last().copied().unwrap_or(manifest.first_log);
        Ok(Self::of(folder, params, state, manifest, log, number))
    }

    fn of(
        folder: &Path,
        params: &CollectionParams,
        state: State,
        manifest: Manifest,
        log: Log,
        log_number: u64,
    ) -> Self {
        let fixed = usize::from(manifest.part.is_some());
        let inner = Inner {
            folder: folder.to_owned(),
            schema: Arc::clone(&state.schema),
            params: params.clone(),
            current: RwLock::new(Arc::new(state)),
            waiting: Mutex::new(Vec::new()),
            writer: Mutex::new(Writer { manifest, log, log_number, fixed, is_merging: false }),
            merging: Mutex::new(()),
            changes: AtomicU64::new(0),
            tended: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Its columns.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    /// Its rows as they are now. They stay so for as long as the view lives.
    #[must_use]
    pub fn view(&self) -> View {
        View::of(self.inner.state())
    }

    /// Makes a change. It is on the disk, and every view that is taken from then on has it, once this returns. A large one is
    /// merged at once; after a small one a merge may begin on a thread of its own.
    ///
    /// # Errors
    /// [`Error::Argument`] for a vector of another dimension; I/O errors. Nothing is changed then.
    pub fn apply(&self, batch: Batch) -> Result<()> {
        self.inner.check(&batch)?;
        if batch.upserts.is_empty() && batch.deletes.is_empty() {
            return Ok(());
        }
        let rows = row::sorted_by_key(batch.upserts);
        if rows.len() + batch.deletes.len() >= self.inner.params.merge_rows {
            return self.inner.merge(Some((&batch.deletes, &rows))).map(|_| ());
        }
        let json = write_line(&self.inner.schema, &batch.deletes, &rows)?;
        self.inner.change(Arc::new(Change { json, rows, deletes: batch.deletes, done: OnceLock::new() }))?;
        self.merge_if_due();
        // Whoever writes faster than can be merged waits for that.
        if self.inner.untidy() >= MOST_UNTIDY * self.inner.due() {
            drop(held(&self.inner.merging));
        }
        Ok(())
    }

    /// Writes all rows to one part on the disk, where that is due; whether it was. Changes and questions go on meanwhile.
    ///
    /// To be called now and then. What has not been changed since the last call is tidied sooner: rows in memory are all
    /// compared with each question's vector, and nothing is gained by waiting for more of them.
    ///
    /// # Errors
    /// I/O errors; the collection is then as it was.
    pub fn tend(&self) -> Result<bool> {
        let changes = self.inner.changes.load(Ordering::Relaxed);
        let is_left_alone = self.inner.tended.swap(changes, Ordering::Relaxed) == changes;
        let due = if is_left_alone { self.inner.due_when_left_alone() } else { self.inner.due() };
        if self.inner.untidy() >= due { self.inner.merge(None) } else { Ok(false) }
    }

    /// Ends all writing: what is under way is waited for, and changes are refused from then on. Views go on. What nobody writes
    /// to any more can be removed, or opened again.
    pub fn close(&self) {
        self.inner.is_closed.store(true, Ordering::SeqCst);
        drop(held(&self.inner.merging));
        drop(held(&self.inner.writer));
    }

    fn merge_if_due(&self) {
        {
            let mut writer = held(&self.inner.writer);
            if writer.is_merging || self.inner.untidy() < self.inner.due() {
                return;
            }
            writer.is_merging = true;
        }
        let inner = Arc::clone(&self.inner);
        // Should it fail, or no thread be had, logs grow and the next change tries again.
        let spawned = std::thread::Builder::new().name("merge".to_owned()).spawn(move || {
            let _ = inner.merge(None);
            held(&inner.writer).is_merging = false;
        });
        if spawned.is_err() {
            held(&self.inner.writer).is_merging = false;
        }
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn refuse_if_closed(&self) -> Result<()> {
        if self.is_closed.load(Ordering::SeqCst) {
            let message = format!("{} is closed, and takes no changes any more", self.folder.display());
            return Err(Error::Io(std::io::Error::other(message)));
        }
        Ok(())
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, state: State) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    fn check(&self, batch: &Batch) -> Result<()> {
        for row in &batch.upserts {
            match (row.vector(), self.schema.vector()) {
                (Some(vector), Some(column)) => row::check_vector(vector, column.dimension)
                    .map_err(|reason| Error::argument("vector", format!("row `{}`: {reason}", row.key())))?,
                (Some(_), None) => return Err(Error::argument("vector", "this index has no vectors")),
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Writes a change, along with all that wait by then: whoever comes first writes for the others.
    fn change(&self, change: Arc<Change>) -> Result<()> {
        held(&self.waiting).push(Arc::clone(&change));
        let mut writer = held(&self.writer);
        if change.done.get().is_none() {
            let changes = std::mem::take(&mut *held(&self.waiting));
            let done = self.write(&mut writer, &changes).map_err(|error| error.to_string());
            for change in &changes {
                // Each waits for the lock that this thread holds, and was set by nobody else.
                let _ = change.done.set(done.clone());
            }
        }
        drop(writer);
        match change.done.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(reason)) => Err(Error::Io(std::io::Error::other(reason.clone()))),
            None => Err(Error::internal("writing a change", "it was taken by nobody")),
        }
    }

    fn write(&self, writer: &mut Writer, changes: &[Arc<Change>]) -> Result<()> {
        self.refuse_if_closed()?;
        let mut state = State::clone(&self.state());
        for change in changes {
            state.apply(&change.deletes, &change.rows)?;
        }
        state.tidy(writer.fixed)?;
        let lines: Vec<String> = changes.iter().map(|change| change.json.clone()).collect();
        writer.log.append(&lines)?;
        self.publish(state);
        self.changes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Rows in memory and rows that are gone: what a merge is for.
    fn untidy(&self) -> usize {
        self.state().untidy()
    }

    /// So many of them make a merge due.
    fn due(&self) -> usize {
        self.params.merge_rows.max(self.state().on_disk() / 4)
    }

    fn due_when_left_alone(&self) -> usize {
        (self.params.merge_rows / 4).max(self.state().on_disk() / 64).max(1)
    }

    /// Writes all rows to one part on the disk, with a change that is not in a log. Others' changes wait where there is one.
    fn merge(&self, change: Option<(&[Key], &[NewRow])>) -> Result<bool> {
        let _one = held(&self.merging);
        self.refuse_if_closed()?;
        let mut writer = held(&self.writer);
        let mut before = State::clone(&self.state());
        let old_part = writer.manifest.part.as_ref().map(|(number, _)| *number);
        let number = old_part.unwrap_or(0) + 1;
        let old_logs = writer.manifest.first_log..=writer.log_number;
        let folder = part_folder(&self.folder, number);
        // What a merge left that was stopped.
        remove(&folder)?;
        // From here on changes go to a log that comes after the part.
        let log = Log::create(&self.folder, writer.log_number + 1)?;
        (writer.log, writer.log_number) = (log, writer.log_number + 1);
        writer.fixed = before.slots.len();
        let first_log = writer.log_number;

        let mut waiting = None;
        if let Some((deletes, rows)) = change {
            before.apply(deletes, rows)?;
            waiting = Some(writer);
        } else {
            drop(writer);
        }
        let written = self.write_part(&folder, &before);
        let mut writer = waiting.unwrap_or_else(|| held(&self.writer));
        writer.fixed = usize::from(old_part.is_some());
        let (entry, mut slot) = written?;

        let manifest = Manifest { part: Some((number, entry)), first_log, ..writer.manifest.clone() };
        write_manifest(&self.folder, &manifest)?;
        let now = self.state();
        now.carry_over(&before, &mut slot);
        let newer = if change.is_some() { &[] } else { &now.slots[before.slots.len()..] };
        let slots = std::iter::once(slot).chain(newer.iter().cloned()).collect();
        self.publish(State { schema: Arc::clone(&self.schema), slots });
        writer.manifest = manifest;
        writer.fixed = 1;
        drop(writer);

        // Nobody needs these any more but views, whose files stay mapped. What cannot be removed goes at the next open.
        let _ = old_part.map(|old| remove(&part_folder(&self.folder, old)));
        old_logs.for_each(|number| _ = remove(&log::path_of(&self.folder, number)));
        Ok(true)
    }

    fn write_part(&self, folder: &Path, state: &State) -> Result<(PartEntry, Slot)> {
        fs::create_dir(folder)?;
        let entry = Part::write(folder, &self.schema, &sorted(&state.slots, &self.schema), &self.params.vector)?;
        disk::sync_new_folder(folder)?;
        let slot = Slot::of(Part::open(folder, &self.schema, &entry)?)?;
        Ok((entry, slot))
    }
}

/// A lock, whatever became of those who held it: what it guards is replaced whole.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn part_folder(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("part-{number:08}"))
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

fn write_line(schema: &Schema, deletes: &[Key], rows: &[NewRow]) -> Result<String> {
    let line = Line {
        deletes: deletes.iter().map(Key::json).collect(),
        upserts: rows.iter().map(|row| row.to_json(schema)).collect(),
    };
    serde_json::to_string(&line).map_err(|error| Error::internal("writing a change", error))
}

fn read_line(schema: &Schema, json: &str) -> std::result::Result<(Vec<Key>, Vec<NewRow>), String> {
    let line: Line = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let deletes = line.deletes.iter().map(|key| schema.key_of(key)).collect::<std::result::Result<_, _>>()?;
    let rows = line.upserts.iter().map(|row| schema.row(row)).collect::<std::result::Result<_, _>>()?;
    Ok((deletes, rows))
}

/// The manifest is two lines: JSON, and the sum of it.
fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<()> {
    let json = serde_json::to_string(manifest).map_err(|error| Error::internal("writing JSON", error))?;
    let text = format!("{json}\n{}\n", sha256_hex(json.as_bytes()));
    disk::replace(&folder.join(MANIFEST), FRESH, text.as_bytes())?;
    disk::sync_folder(folder)
}

fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let Ok(text) = fs::read_to_string(&path) else {
        return Err(Error::corrupt(path, "it is not there or cannot be read"));
    };
    let mut lines = text.lines();
    let (json, said) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    if said != sha256_hex(json.as_bytes()) {
        return Err(Error::corrupt(path, "its checksum is not the one it was written with"));
    }
    let manifest: Manifest = serde_json::from_str(json).map_err(|error| Error::corrupt(&path, error.to_string()))?;
    match manifest.format {
        FORMAT => Ok(manifest),
        found => Err(Error::Format { path, found, oldest: FORMAT, newest: FORMAT }),
    }
}
