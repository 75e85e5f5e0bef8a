//! How tickets ended, as numbers that small samples cannot fool.

/// How a ticket ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Whether it was solved; `None` while it is open.
    pub resolved: Option<bool>,
    /// Whether it came back.
    pub reopened: Option<bool>,
    /// Satisfaction, 1 to 5.
    pub csat: Option<f64>,
    /// Hours from opening to solution.
    pub hours: Option<f64>,
    /// Whether the promised time was exceeded.
    pub sla_breached: Option<bool>,
}

/// The lowest satisfaction that counts as a success, on the scale of 1 to 5.
const SATISFIED: f64 = 3.5;

impl Outcome {
    /// Solved, not reopened, and no dissatisfied customer; `None` while that is open.
    #[must_use]
    pub fn success(&self) -> Option<bool> {
        let resolved = self.resolved?;
        let came_back = self.reopened.unwrap_or(false);
        let satisfied = self.csat.is_none_or(|csat| csat >= SATISFIED);
        Some(resolved && !came_back && satisfied)
    }
}

/// The success rate of all tickets whose end is known; one half where there is none.
pub(super) fn average_success<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> f32 {
    // One success and one failure are added (Laplace), so that the average is never 0 or 1.
    let (successes, known) = tally(outcomes);
    (successes + 1.0) / (known + 2.0)
}

/// The mean of the Beta posterior whose prior has mean `average` and weight `strength`: (successes + average × strength) / (n + strength).
pub(super) fn shrunk_success<'a>(outcomes: impl Iterator<Item = &'a Outcome>, average: f32, strength: f32) -> f32 {
    let (successes, known) = tally(outcomes);
    (successes + average * strength) / (known + strength)
}

/// How a ticket ends when an action is done in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// The probability of a good end, 0 to 1.
    pub mean: f32,
    /// Where it lies with 90 %.
    pub interval: (f32, f32),
}

/// How many standard deviations to either side hold 90 % of a normal distribution.
const NINETY_PERCENT: f32 = 1.645;

impl Value {
    /// From how tickets ended (success, and the probability of it that was to be expected) to how one of which `expected`
    /// is expected would end: expected + Σ (success − its expectation) / (n + strength).
    ///
    /// Hard tickets are expected to end badly, so that what is done in them is not blamed for it (indirect
    /// standardization). Where all are expected to end alike, this is the mean of a Beta posterior whose prior has that
    /// mean and weight `strength`. The interval is that posterior's mean ± 1.645 standard deviations.
    pub(super) fn of(ends: impl Iterator<Item = (bool, f32)>, expected: f32, strength: f32) -> Self {
        let (surplus, count) = ends.fold((0.0, 0.0), |(surplus, count), (success, its_expectation)| {
            (surplus + f32::from(u8::from(success)) - its_expectation, count + 1.0)
        });
        let mean = (expected + surplus / (count + strength)).clamp(0.01, 0.99);
        let deviation = (mean * (1.0 - mean) / (count + strength + 1.0)).sqrt() * NINETY_PERCENT;
        Self { mean, interval: ((mean - deviation).max(0.0), (mean + deviation).min(1.0)) }
    }
}

fn tally<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> (f32, f32) {
    outcomes
        .filter_map(Outcome::success)
        .fold((0.0, 0.0), |(successes, known), success| (successes + f32::from(u8::from(success)), known + 1.0))
}

/// Quartiles of a weighted sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quartiles {
    /// A quarter of the weight lies at or below this.
    pub q1: f64,
    /// Half of the weight lies at or below this.
    pub median: f64,
    /// Three quarters of the weight lie at or below this.
    pub q3: f64,
    /// How many values there are.
    pub count: usize,
}

impl Quartiles {
    /// The quartiles of values with their weights; `None` where no value has a weight above 0.
    #[must_use]
    pub fn of(mut weighted: Vec<(f64, f64)>) -> Option<Self> {
        weighted.retain(|(value, weight)| value.is_finite() && *weight > 0.0);
        weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        let at = |share: f64| {
            let mut sum = 0.0;
            weighted.iter().find(|(_, weight)| {
                sum += weight;
                sum >= share * total
            })
        };
        let last = weighted.last()?.0;
        let value = |share| at(share).map_or(last, |(value, _)| *value);
        Some(Self { q1: value(0.25), median: value(0.5), q3: value(0.75), count: weighted.len() })
    }
}
