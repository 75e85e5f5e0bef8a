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

/// No rate is taken to be nearer to 0 or 1 than this.
const RAREST: f32 = 0.01;
/// How many standard deviations to either side hold 90 % of a normal distribution.
const NINETY_PERCENT: f32 = 1.645;

impl Value {
    /// From how tickets ended (success, and the probability of it that was to be expected) to how one of which `expected`
    /// is expected would end: the log odds of `expected`, moved by how far those of what was observed lie from those of
    /// what was expected of the same tickets.
    ///
    /// Hard tickets are expected to end badly, so that what is done in them is not blamed for it (indirect
    /// standardization). Both rates are shrunk toward `expected` as if by `strength` tickets that end so: where all are
    /// expected to end alike, this is the mean of a Beta posterior of that prior. The interval is that of a Beta
    /// distribution of this mean and weight n + `strength`: ± 1.645 standard deviations.
    pub(super) fn of(ends: impl Iterator<Item = (bool, f32)>, expected: f32, strength: f32) -> Self {
        let (successes, hoped, count) = ends.fold((0.0, 0.0, 0.0), |(successes, hoped, count), (success, its_hope)| {
            (successes + f32::from(u8::from(success)), hoped + its_hope, count + 1.0)
        });
        let shrunk = |sum: f32| ((sum + expected * strength) / (count + strength)).clamp(RAREST, 1.0 - RAREST);
        let log_odds = |p: f32| (p / (1.0 - p)).ln();
        let at = log_odds(expected.clamp(RAREST, 1.0 - RAREST)) + log_odds(shrunk(successes)) - log_odds(shrunk(hoped));
        let mean = 1.0 / (1.0 + (-at).exp());
        let deviation = (mean * (1.0 - mean) / (count + strength + 1.0)).sqrt() * NINETY_PERCENT;
        Self { mean, interval: ((mean - deviation).max(0.0), (mean + deviation).min(1.0)) }
    }
}

/// What tickets came to in which an action was done. Each figure is `None` where no such
/// ticket tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outlook {
    /// Hours from opening to solution, weighted like votes.
    pub hours: Option<Quartiles>,
    /// The share that kept the promised time, 0 to 1.
    pub sla_kept: Option<Shrunk>,
    /// Satisfaction, 1 to 5.
    pub csat: Option<Shrunk>,
}

/// A mean of few tickets, held near that of many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrunk {
    /// (sum + average × strength) / (n + strength), the average being that of all neighbours; of a share that is the
    /// mean of a Beta posterior.
    pub mean: f32,
    /// n: of how many tickets it is known.
    pub tickets: usize,
}

impl Outlook {
    /// From the cases in which the action was done, each with its weight, beside all neighbours; both rates as if by
    /// `strength` further tickets that are like the average of those.
    pub(super) fn of(cases: &[(&Outcome, f32)], all: &[&Outcome], strength: f32) -> Self {
        let hours = cases.iter().filter_map(|(outcome, weight)| Some((outcome.hours?, f64::from(*weight)))).collect();
        // `before` is what the average starts from: a sum and how many tickets that is of.
        let shrunk = |figure: &dyn Fn(&Outcome) -> Option<f32>, before: (f32, f32)| {
            let add = |(sum, count): (f32, f32), value: f32| (sum + value, count + 1.0);
            let (sum, count) = cases.iter().filter_map(|(outcome, _)| figure(outcome)).fold((0.0, 0.0), add);
            let of_all = all.iter().filter_map(|outcome| figure(outcome)).fold(before, add);
            let mean = (sum + of_all.0 / of_all.1 * strength) / (count + strength);
            (count > 0.0).then_some(Shrunk { mean, tickets: count as usize })
        };
        Self {
            hours: Quartiles::of(hours),
            // One kept and one broken are added, as for success.
            sla_kept: shrunk(&|it| it.sla_breached.map(|breached| f32::from(u8::from(!breached))), (1.0, 2.0)),
            csat: shrunk(&|it| it.csat.map(|csat| csat as f32), (0.0, 0.0)),
        }
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
