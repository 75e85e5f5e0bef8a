//! Which action followed which others how often: tables that back off from long histories to short ones. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::features::Moment;

/// The longest history that has a table.
const LONGEST: usize = 4;
/// What the shorter history says weighs as much as so many moments for each action that followed the longer one.
const BACK_OFF: f32 = 2.0;

/// Counts of what followed a history, within a kind of ticket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Habits {
    /// By history: (class, how often it followed), in the order of the classes.
    followed: BTreeMap<String, Vec<(u32, u32)>>,
}

impl Habits {
    pub(super) fn of<'a>(moments: impl Iterator<Item = (&'a Moment<'a>, usize)>) -> Self {
        let mut counts: BTreeMap<String, BTreeMap<u32, u32>> = BTreeMap::new();
        for (moment, class) in moments {
            for history in histories(moment) {
                *counts.entry(history).or_default().entry(class as u32).or_default() += 1;
            }
        }
        Self { followed: counts.into_iter().map(|(history, of)| (history, of.into_iter().collect())).collect() }
    }

    /// How likely each class is after what was done: the share of each in the longest history that was seen, each mixed
    /// with that of the next shorter one (Witten and Bell 1991). They add up to 1.
    pub(super) fn predict(&self, moment: &Moment<'_>, classes: usize) -> Vec<f32> {
        let mut shares = vec![1.0 / classes as f32; classes];
        for followed in histories(moment).iter().map_while(|history| self.followed.get(history)) {
            let total: u32 = followed.iter().map(|(_, count)| count).sum();
            let shorter = BACK_OFF * followed.len() as f32;
            let all = total as f32 + shorter;
            shares.iter_mut().for_each(|share| *share *= shorter / all);
            for &(class, count) in followed {
                if let Some(share) = shares.get_mut(class as usize) {
                    *share += count as f32 / all;
                }
            }
        }
        shares
    }
}

/// The histories of a moment by name, shortest first: nothing; the last action; then, within its kind of ticket, the last
/// one, two and more.
fn histories(moment: &Moment<'_>) -> Vec<String> {
    let last = |count: usize| {
        let missing = count.saturating_sub(moment.done.len());
        let done = &moment.done[moment.done.len().saturating_sub(count)..];
        format!("{}{}", "^>".repeat(missing), done.join(">"))
    };
    let mut names = vec![String::new(), format!("*:{}", last(1))];
    let kind = moment.kind();
    names.extend((1..=LONGEST).map(|count| format!("{count}:{kind}:{}", last(count))));
    names
}
