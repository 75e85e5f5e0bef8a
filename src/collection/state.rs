//! What a collection holds at one moment: parts, and which of their rows are gone. A change makes the next moment; nobody who
//! reads an earlier one sees it.

use std::sync::Arc;

use super::part::{Part, Sorted};
use super::row::{Key, NewRow};
use super::schema::Schema;
use crate::error::Result;
use crate::rank::{Row, RowSet};

/// Parts of a size are put together once there are so many, and sizes grow by this.
const FAN: usize = 8;

/// A part, and its rows that are gone.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) part: Arc<Part>,
    pub(super) dead: Option<Arc<RowSet>>,
    pub(super) n_dead: usize,
}

/// The rows of a collection at one moment. No key is live in two parts.
#[derive(Clone)]
pub(super) struct State {
    pub(super) schema: Arc<Schema>,
    pub(super) slots: Vec<Slot>,
}

impl Slot {
    /// A part of which no row is gone. Its words are read now, so that no question has to.
    pub(super) fn of(part: Part) -> Result<Self> {
        part.words()?;
        Ok(Self { part: Arc::new(part), dead: None, n_dead: 0 })
    }

    pub(super) fn is_live(&self, row: Row) -> bool {
        self.dead.as_ref().is_none_or(|dead| !dead.contains(row))
    }

    pub(super) fn live(&self) -> usize {
        self.part.len() - self.n_dead
    }

    fn kill(&mut self, row: Row) {
        if self.is_live(row) {
            let dead = self.dead.get_or_insert_with(|| Arc::new(RowSet::none(self.part.len())));
            Arc::make_mut(dead).insert(row);
            self.n_dead += 1;
        }
    }
}

impl State {
    pub(super) fn len(&self) -> usize {
        self.slots.iter().map(Slot::live).sum()
    }

    /// Rows of parts on the disk, gone or not.
    pub(super) fn on_disk(&self) -> usize {
        self.slots.iter().filter(|slot| slot.part.is_mapped()).map(|slot| slot.part.len()).sum()
    }

    /// Rows in memory, and rows on the disk that are gone.
    pub(super) fn untidy(&self) -> usize {
        self.slots.iter().map(|slot| if slot.part.is_mapped() { slot.n_dead } else { slot.part.len() }).sum()
    }

    /// Where a live key is.
    pub(super) fn find(&self, key: &Key) -> Option<(usize, Row)> {
        let mut slots = self.slots.iter().enumerate();
        slots.find_map(|(at, slot)| slot.part.find(key).filter(|&row| slot.is_live(row)).map(|row| (at, row)))
    }

    fn kill(&mut self, key: &Key) {
        if let Some((at, row)) = self.find(key) {
            self.slots[at].kill(row);
        }
    }

    /// Takes keys away, then puts rows, sorted by key, in the place of those of the same keys.
    pub(super) fn apply(&mut self, deletes: &[Key], rows: &[NewRow]) -> Result<()> {
        deletes.iter().for_each(|key| self.kill(key));
        rows.iter().for_each(|row| self.kill(row.key()));
        if !rows.is_empty() {
            self.slots.push(Slot::of(Part::of(&self.schema, rows)?)?);
        }
        Ok(())
    }

    /// Puts the newest parts together where there are many of a size; those before `from` stay as they are.
    pub(super) fn tidy(&mut self, from: usize) -> Result<()> {
        loop {
            let Some(newest) = self.slots.last().filter(|_| self.slots.len() >= from + FAN) else { return Ok(()) };
            let size = tier(newest.part.len());
            let same = self.slots[from..].iter().rev().take_while(|slot| tier(slot.part.len()) <= size).count();
            if same < FAN {
                return Ok(());
            }
            let at = self.slots.len() - same;
            let joined = self.slots.split_off(at);
            let part = sorted(&joined, &self.schema).to_part(&self.schema)?;
            if part.len() > 0 {
                self.slots.push(Slot::of(part)?);
            }
        }
    }

    /// Marks as gone in `at` each key that is gone in this state and was live in an earlier one, of whose slots this one's first
    /// are.
    pub(super) fn carry_over(&self, earlier: &Self, at: &mut Slot) {
        for (before, now) in earlier.slots.iter().zip(&self.slots).filter(|(before, now)| before.n_dead != now.n_dead) {
            let gone = now.dead.iter().flat_map(|dead| dead.iter()).filter(|&row| before.is_live(row));
            for key in gone.map(|row| now.part.key(row)) {
                if let Some(row) = at.part.find(&key) {
                    at.kill(row);
                }
            }
        }
    }
}

/// The live rows of some slots, by key.
pub(super) fn sorted<'a>(slots: &'a [Slot], schema: &'a Schema) -> Sorted<'a> {
    let parts: Vec<&Part> = slots.iter().map(|slot| slot.part.as_ref()).collect();
    let mut order: Vec<(usize, Row)> = Vec::with_capacity(slots.iter().map(Slot::live).sum());
    for (at, slot) in slots.iter().enumerate() {
        order.extend((0..slot.part.len() as Row).filter(|&row| slot.is_live(row)).map(|row| (at, row)));
    }
    if parts.len() > 1 {
        // Each part is sorted, and a stable sort finds the runs.
        order.sort_by_cached_key(|&(part, row)| parts[part].key(row));
    }
    Sorted { parts, order, schema }
}

/// Sizes from 1 to 7 are tier 0, to 63 tier 1, and so on.
const fn tier(rows: usize) -> u32 {
    if rows == 0 { 0 } else { rows.ilog(FAN) }
}
