//! The stages that a question goes through, and whoever times them. Reads no clock: that is the stopwatch's.

use std::fmt;
use std::sync::Arc;

/// A part of the work on one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// A text becomes a vector; not where the vector was kept.
    Embed,
    /// A filter becomes masks of rows.
    Filter,
    /// Nearest vectors are looked for. Runs beside [`Stage::Keyword`].
    Dense,
    /// Rows that share words are looked for.
    Keyword,
    /// Rows that share identifiers are looked for.
    Identifiers,
    /// The legs become one ranking.
    Fuse,
    /// Near copies and rows of one group give way to the best.
    Group,
    /// The words that hits share are named.
    Explain,
    /// Columns of the hits are read.
    Cells,
    /// Neighbours become advice.
    Advise,
}

impl Stage {
    /// Every stage, in the order of a question.
    pub const ALL: [Self; 10] = [
        Self::Embed,
        Self::Filter,
        Self::Dense,
        Self::Keyword,
        Self::Identifiers,
        Self::Fuse,
        Self::Group,
        Self::Explain,
        Self::Cells,
        Self::Advise,
    ];

    /// The stage in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Filter => "filter",
            Self::Dense => "dense",
            Self::Keyword => "keyword",
            Self::Identifiers => "identifiers",
            Self::Fuse => "fuse",
            Self::Group => "group",
            Self::Explain => "explain",
            Self::Cells => "cells",
            Self::Advise => "advise",
        }
    }
}

/// Runs the work that it is handed, once, on the same thread, and takes the time.
pub type Stopwatch = dyn Fn(Stage, &mut dyn FnMut()) + Send + Sync;

/// Who times the stages of questions; nobody by default.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Stopwatch>>);

impl Watch {
    /// Every stage is run by this stopwatch.
    #[must_use]
    pub fn new(stopwatch: Arc<Stopwatch>) -> Self {
        Self(Some(stopwatch))
    }

    /// What `work` gives, which is a stage of a question.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let Some(stopwatch) = &self.0 else { return work() };
        let (mut work, mut made) = (Some(work), None);
        stopwatch(stage, &mut || {
            if let Some(work) = work.take() {
                made = Some(work());
            }
        });
        match (made, work) {
            (Some(made), _) => made,
            // One that runs nothing is none.
            (None, Some(work)) => work(),
            (None, None) => unreachable!("work that was taken was run"),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watch" } else { "nobody" })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn work_is_done_once_whoever_watches() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let twice = Watch::new(Arc::new(move |stage, work: &mut dyn FnMut()| {
            notes.lock().unwrap().push(stage);
            work();
            work();
        }));
        let idle = Watch::new(Arc::new(|_, _: &mut dyn FnMut()| {}));
        for watch in [&twice, &idle, &Watch::default()] {
            let mut times = 0;
            let made = watch.time(Stage::Fuse, || {
                times += 1;
                7
            });
            assert_eq!((made, times), (7, 1));
        }
        assert_eq!(*seen.lock().unwrap(), [Stage::Fuse]);
    }

    #[test]
    fn every_stage_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = Stage::ALL.into_iter().map(Stage::name).collect();
        assert_eq!(names.len(), Stage::ALL.len());
    }
}
