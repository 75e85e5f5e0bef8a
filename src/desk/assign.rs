//! Which action of the catalogue a message carries out: the one whose examples are nearest. Knows vectors, and no model that
//! makes them.

use serde::{Deserialize, Serialize};

use crate::desk::action::Catalogue;
use crate::discriminant::Whitening;

/// When a message is taken for an action.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssignParams {
    /// The least likeness to the examples of an action, -1 to 1; see [`Assigner`].
    pub threshold: f32,
    /// How many of an action's nearest examples are averaged, from 1.
    pub neighbours: usize,
    /// How far the scatter of the examples is shrunk towards the same in every direction; above 0.
    pub shrinkage: f32,
}

impl Default for AssignParams {
    fn default() -> Self {
        Self { threshold: 0.16, neighbours: 2, shrinkage: 2.0 }
    }
}

/// An action, and how like its examples a message is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Which action of the catalogue.
    pub action: usize,
    /// The mean cosine to its nearest examples, -1 to 1, in the space of [`Assigner`].
    pub likeness: f32,
}

/// Tells the action of a message. What it tells follows from catalogue and message alone, never from other messages.
///
/// Vectors of a model all lie near each other, and what they have in common (a language, a greeting, the trade) hides what
/// makes an action. So they are first seen from the mean of all examples, in the space in which the examples of one action
/// scatter alike in every direction; `benches/README.md` ("Actions of messages") has what that gains.
///
/// An action's likeness is the mean cosine, there, of the message to its `neighbours` nearest examples, or to all if it has
/// fewer: one stray example cannot win alone, and many examples give no advantage. Of equals the first in the catalogue
/// wins. Actions that do not suit the ticket's category take no part.
#[derive(Debug, Clone)]
pub struct Assigner<'a> {
    catalogue: &'a Catalogue,
    whitening: Whitening,
    /// The examples of each action.
    examples: Vec<Vec<Vec<f32>>>,
    params: AssignParams,
}

impl<'a> Assigner<'a> {
    /// Learns the examples of a catalogue: `example_vectors` are the unit vectors of [`Catalogue::examples`], in that order.
    ///
    /// # Panics
    /// If there are not as many vectors as examples.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, example_vectors: &[impl AsRef<[f32]>], params: &AssignParams) -> Self {
        let sizes: Vec<usize> = catalogue.actions.iter().map(|action| action.examples.len()).collect();
        assert_eq!(example_vectors.len(), sizes.iter().sum::<usize>(), "one vector for each example");
        let points: Vec<&[f32]> = example_vectors.iter().map(AsRef::as_ref).collect();
        let whitening = Whitening::new(&points, &sizes, f64::from(params.shrinkage));
        let mut seen = points.into_iter().map(|point| whitening.apply(point));
        let examples = sizes.iter().map(|&size| seen.by_ref().take(size).collect()).collect();
        Self { catalogue, examples, params: *params, whitening }
    }

    /// A vector in the space in which likeness is measured; of unit length, or zero.
    #[must_use]
    pub fn seen(&self, vector: &[f32]) -> Vec<f32> {
        self.whitening.apply(vector)
    }

    /// The action that the unit vector of a message is most like, however little; `None` if none suits the category.
    #[must_use]
    pub fn nearest(&self, message: &[f32], category: &str) -> Option<Likeness> {
        self.nearest_seen(&self.seen(message), Some(category))
    }

    /// The same of a vector that was [`Assigner::seen`]; without a category every action takes part.
    pub(super) fn nearest_seen(&self, message: &[f32], category: Option<&str>) -> Option<Likeness> {
        let seen: Vec<[f32; 1]> = message.iter().map(|&x| [x]).collect();
        let [nearest] = self.nearest_each(&seen, [category]);
        nearest
    }

    /// The same of `N` vectors side by side.
    fn nearest_each<const N: usize>(&self, seen: &[[f32; N]], categories: [Option<&str>; N]) -> [Option<Likeness>; N] {
        let mut best: [Option<Likeness>; N] = [None; N];
        for (at, (action, examples)) in self.catalogue.actions.iter().zip(&self.examples).enumerate() {
            let suits = categories.map(|category| category.is_none_or(|category| action.suits(category)));
            if !suits.contains(&true) {
                continue;
            }
            let cosines: Vec<[f32; N]> = examples.iter().map(|example| dots(example, seen)).collect();
            for lane in (0..N).filter(|&lane| suits[lane]) {
                let mut cosines: Vec<f32> = cosines.iter().map(|of| of[lane]).collect();
                cosines.sort_unstable_by(|a, b| b.total_cmp(a));
                cosines.truncate(self.params.neighbours.max(1));
                let likeness = cosines.iter().sum::<f32>() / cosines.len() as f32;
                if best[lane].is_none_or(|best| likeness > best.likeness) {
                    best[lane] = Some(Likeness { action: at, likeness });
                }
            }
        }
        best
    }

    /// Whether an action is near enough to be what the message carries out.
    #[must_use]
    pub fn is_assigned(&self, nearest: Likeness) -> bool {
        nearest.likeness >= self.params.threshold
    }

    /// The least likeness of a message that is taken for an action.
    #[must_use]
    pub fn threshold(&self) -> f32 {
        self.params.threshold
    }

    /// Which action a message carries out, or `None` ([`crate::desk::OTHER`]) when none is near enough.
    #[must_use]
    pub fn assign(&self, message: &[f32], category: &str) -> Option<usize> {
        self.assign_all(&[(message, category)])[0]
    }

    /// [`Assigner::assign`] of each message with its ticket's category, in a fraction of the time.
    #[must_use]
    pub fn assign_all(&self, messages: &[(&[f32], &str)]) -> Vec<Option<usize>> {
        let assigned = |nearest: Option<Likeness>| {
            nearest.filter(|&nearest| self.is_assigned(nearest)).map(|nearest| nearest.action)
        };
        let mut actions = Vec::with_capacity(messages.len());
        let (whole, rest) = messages.as_chunks::<SIDE_BY_SIDE>();
        for lanes in whole {
            let seen = self.whitening.apply_each(lanes.map(|(message, _)| message));
            actions.extend(self.nearest_each(&seen, lanes.map(|(_, category)| Some(category))).map(assigned));
        }
        actions.extend(rest.iter().map(|(message, category)| assigned(self.nearest(message, category))));
        actions
    }
}

/// So many messages are looked at side by side: as many numbers as the widest registers hold.
const SIDE_BY_SIDE: usize = 8;

/// The dot product of a vector with each of `N` side by side, in the order of [`dot`].
fn dots<const N: usize>(a: &[f32], each: &[[f32; N]]) -> [f32; N] {
    let mut sums = [0.0; N];
    for (a, each) in a.iter().zip(each) {
        (0..N).for_each(|lane| sums[lane] += a * each[lane]);
    }
    sums
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
