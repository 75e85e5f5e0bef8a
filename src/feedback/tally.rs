//! Records → how often an action was shown, taken and refused; and the rate that few verdicts cannot fool. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Kind, Record};

/// How often an action was shown, and what was decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedbackCounts {
    /// Recommendations (or tickets, for records without one) in which it was shown, with a verdict or without.
    pub displayed: usize,
    /// Verdicts that it was carried out.
    pub accepted: usize,
    /// Verdicts that it was not.
    pub rejected: usize,
    /// Verdicts that it was changed first.
    pub edited: usize,
}

impl FeedbackCounts {
    /// How many verdicts there are.
    #[must_use]
    pub const fn verdicts(&self) -> usize {
        self.accepted + self.rejected + self.edited
    }

    /// The acceptance rate, smoothed as Pega's *smooth propensity* is: `strength` verdicts of mean `prior_mean` are
    /// assumed (its starting evidence and starting propensity), and the real ones outweigh them as they come in.
    ///
    /// ```text
    ///                accepted + edited / 2 + prior_mean × strength
    /// rate = ─────────────────────────────────────────────────────────────
    ///          accepted + rejected + edited + ignored × undecided + strength
    /// ```
    ///
    /// A changed recommendation was half right. One that was shown and not decided is a small part of a refusal.
    /// `prior_mean` is 0 to 1, and so is the rate. Without counts the rate is `prior_mean`.
    #[must_use]
    pub fn acceptance(&self, prior_mean: f32, params: &FeedbackParams) -> f32 {
        let undecided = self.displayed.saturating_sub(self.verdicts());
        let weight = self.verdicts() as f32 + params.ignored * undecided as f32 + params.strength;
        if weight <= 0.0 {
            return prior_mean;
        }
        (self.accepted as f32 + self.edited as f32 / 2.0 + prior_mean * params.strength) / weight
    }

    fn merge(&mut self, other: &Self) {
        self.displayed += other.displayed;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.edited += other.edited;
    }

    /// What is left without a part of these counts.
    const fn without(&self, part: &Self) -> Self {
        Self {
            displayed: self.displayed.saturating_sub(part.displayed),
            accepted: self.accepted.saturating_sub(part.accepted),
            rejected: self.rejected.saturating_sub(part.rejected),
            edited: self.edited.saturating_sub(part.edited),
        }
    }

    fn add(&mut self, kind: Kind) {
        self.displayed += 1;
        match kind {
            Kind::Displayed => {}
            Kind::Accepted => self.accepted += 1,
            Kind::Rejected => self.rejected += 1,
            Kind::Edited => self.edited += 1,
        }
    }
}

/// How feedback counts. Part of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedbackParams {
    /// How many verdicts' worth of weight the average has in each acceptance rate. Above 0.
    pub strength: f32,
    /// What part of a rejection it is that an action was shown and nobody decided. 0 to 1.
    pub ignored: f32,
    /// F lies between 1 / this and this. 1 or more; 1 leaves feedback out.
    pub bound: f32,
}

impl Default for FeedbackParams {
    fn default() -> Self {
        Self { strength: 10.0, ignored: 0.1, bound: 3.0 }
    }
}

/// The counts of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// By action, over all categories and none.
    pub actions: BTreeMap<String, FeedbackCounts>,
    /// By category, then action; of records whose category is known.
    pub categories: BTreeMap<String, BTreeMap<String, FeedbackCounts>>,
}

impl Tally {
    /// Counts records, given in the order of the log.
    ///
    /// A record that comes twice counts once. Of several verdicts on the same action of the same recommendation (or of
    /// the same ticket, for records that name no recommendation) the last counts; being shown counts once for each.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut seen = BTreeSet::new();
        let mut last = BTreeMap::new();
        for record in records.iter().filter(|record| seen.insert(record.id())) {
            let event = record.event();
            // What was decided on was shown; that it was shown later does not undo what was decided.
            if event.kind.is_verdict() {
                last.insert(event.subject(), event);
            } else {
                last.entry(event.subject()).or_insert(event);
            }
        }
        let mut tally = Self::default();
        for event in last.into_values() {
            tally.actions.entry(event.action.clone()).or_default().add(event.kind);
            if let Some(category) = &event.category {
                let of_category = tally.categories.entry(category.clone()).or_default();
                of_category.entry(event.action.clone()).or_default().add(event.kind);
            }
        }
        tally
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// F: how much more often than the average action each one is accepted in a category, 1 being as often. Actions that
    /// the log does not have are not in it; theirs is 1.
    ///
    /// The rate of all actions is shrunk toward one half, that of an action outside the category toward that of all, and
    /// its rate in the category toward that outside (see [`FeedbackCounts::acceptance`]). F is the last of these over
    /// the first, held between 1 / `bound` and `bound`.
    #[must_use]
    pub fn relative_acceptance(&self, category: Option<&str>, params: &FeedbackParams) -> BTreeMap<String, f32> {
        let mut all = FeedbackCounts::default();
        self.actions.values().for_each(|counts| all.merge(counts));
        let mean = all.acceptance(0.5, params);
        let factor = |(action, counts): (&String, &FeedbackCounts)| {
            let here = category.map(|category| self.in_category(category, action)).unwrap_or_default();
            let rate = here.acceptance(counts.without(&here).acceptance(mean, params), params);
            (action.clone(), (rate / mean).clamp(1.0 / params.bound, params.bound))
        };
        self.actions.iter().map(factor).collect()
    }

    /// The counts of an action over all categories.
    #[must_use]
    pub fn action(&self, action: &str) -> FeedbackCounts {
        self.actions.get(action).copied().unwrap_or_default()
    }

    /// The counts of an action in a category.
    #[must_use]
    pub fn in_category(&self, category: &str, action: &str) -> FeedbackCounts {
        self.categories.get(category).and_then(|actions| actions.get(action)).copied().unwrap_or_default()
    }
}
