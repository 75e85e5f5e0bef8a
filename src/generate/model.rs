//! The latent model: what is wrong, what would put it right, how likely an agent is to see it, and what comes of it.
//! Knows no text and no file.
//!
//! A ticket has a *kind* (its category and subcategory in the tables) and a *cause*, which no table shows. The tables of
//! kinds and causes are `problems.toml`. From these and an agent follows all the rest:
//!
//! | quantity | rule |
//! |---|---|
//! | skill `s` | 0.35 to 0.95, one for each agent, uniform |
//! | match `m` | 1 if the agent's specialization is the kind's, 0.4 if it is `GENERAL`, else 0 |
//! | informed `i` | 1 once the customer gave data or the agent looked, else 0 |
//! | hidden `h` | `hard` of the cause, 0 to 1 |
//! | P(right action) | 0.28 + 0.45 s + 0.18 m + 0.14 i − 0.35 h + 0.15 for each failure before, held in 0.05 to 0.97 |
//! | wrong action | `tempting` of the cause (65 %), the right one of another cause of the kind (20 %), level 2 (15 %) |
//! | CSAT | 4.55 + 0.5 (s − 0.65) − 0.95 wrong − 1.3 if unsolved − 0.55 if late − 0.3 if escalated + 0.4 N, 1 to 5 |
//! | NPS | 2.5 (CSAT − 1) + 1.3 N, rounded, 0 to 10 |
//! | hours to solve | promised hours × (0.08 + 1.5 u₁u₂) (1 + 0.7 wrong) (1 + 0.5 h) (1.3 − 0.5 s) |
//! | promised hours | CRITICAL 4, HIGH 8, MEDIUM 24, LOW 48 |
//!
//! `N` is normal with deviation 1, the `u` are uniform. So a right action pays, a wrong one costs time and goodwill, the
//! opening message alone does not always tell the cause, and the same state of a thread recurs in other tickets.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::random::Chance;
use crate::error::{Error, Result};

/// Every kind of problem.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    #[serde(rename = "kind")]
    pub(super) kinds: Vec<Kind>,
}

/// A kind of problem: what the tables call category and subcategory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    pub(super) id: String,
    pub(super) category: String,
    pub(super) skill: String,
    pub(super) weight: u32,
    priority: [u32; 4],
    pub(super) ask: String,
    pub(super) check: String,
    #[serde(rename = "cause")]
    pub(super) causes: Vec<Cause>,
}

/// Why it is wrong, and what puts it right.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cause {
    pub(super) id: String,
    pub(super) weight: u32,
    pub(super) right: String,
    pub(super) tempting: String,
    pub(super) hard: f64,
    #[serde(default)]
    pub(super) slots: BTreeMap<String, Vec<String>>,
}

/// How soon a solution is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    Low,
    Medium,
    High,
    Critical,
}

impl Priority {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    /// Hours that are promised.
    pub(super) const fn promised_hours(self) -> f64 {
        match self {
            Self::Low => 48.0,
            Self::Medium => 24.0,
            Self::High => 8.0,
            Self::Critical => 4.0,
        }
    }
}

/// What the outcome of a ticket depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    pub(super) skill: f64,
    pub(super) hard: f64,
    pub(super) wrong: u32,
    pub(super) solved: bool,
    pub(super) escalated: bool,
}

impl Model {
    /// The model that the program carries.
    pub(super) fn load() -> Result<Self> {
        toml::from_str(include_str!("problems.toml"))
            .map_err(|error| Error::internal("reading the latent model", error))
    }
}

impl Kind {
    /// Draws a priority by the odds of the kind.
    pub(super) fn draw_priority(&self, chance: &mut Chance) -> Priority {
        const ALL: [Priority; 4] = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];
        ALL[chance.weighted(self.priority.into_iter())]
    }

    /// Draws a cause by the odds of the kind.
    pub(super) fn draw_cause(&self, chance: &mut Chance) -> &Cause {
        &self.causes[chance.weighted(self.causes.iter().map(|cause| cause.weight))]
    }

    /// A plausible mistake of one of the sorts of [`MISTAKES`], `other` being the place of some cause of the kind.
    pub(super) fn mistake<'a>(&'a self, cause: &'a Cause, sort: usize, other: usize) -> &'a str {
        let mistake = match sort {
            0 => &cause.tempting,
            1 => &self.causes[other].right,
            _ => "ESCALATE_L2",
        };
        if mistake == cause.right { &cause.tempting } else { mistake }
    }
}

/// How likely each sort of mistake is: what the cause tempts to, what is right for some cause of the kind, the level above.
pub(super) const MISTAKES: [f64; 3] = [0.65, 0.2, 0.15];

/// How well an agent's specialization fits a kind.
pub(super) fn match_of(specialization: &str, skill: &str) -> f64 {
    if specialization == skill {
        1.0
    } else if specialization == "GENERAL" {
        0.4
    } else {
        0.0
    }
}

/// P(right action) before anybody is informed and before any failure.
pub(super) fn insight(skill: f64, fit: f64, hard: f64) -> f64 {
    0.28 + 0.45 * skill + 0.18 * fit - 0.35 * hard
}

/// P(right action) in a state of the thread.
pub(super) fn right_action_probability(insight: f64, informed: bool, failures: u32) -> f64 {
    let information = if informed { 0.14 } else { 0.0 };
    (insight + information + 0.15 * f64::from(failures)).clamp(0.05, 0.97)
}

/// Hours to the solution, at least six minutes.
pub(super) fn hours(course: Course, priority: Priority, chance: &mut Chance) -> f64 {
    let haste = 0.08 + 1.5 * chance.unit() * chance.unit();
    let detours = 1.0 + 0.7 * f64::from(course.wrong);
    (priority.promised_hours() * haste * detours * (1.0 + 0.5 * course.hard) * (1.3 - 0.5 * course.skill)).max(0.1)
}

/// Satisfaction from 1 to 5.
pub(super) fn csat(course: Course, late: bool, chance: &mut Chance) -> f64 {
    let mut score = 4.55 + 0.5 * (course.skill - 0.65) - 0.95 * f64::from(course.wrong) + 0.4 * chance.normal();
    for (holds, cost) in [(!course.solved, 1.3), (late, 0.55), (course.escalated, 0.3)] {
        if holds {
            score -= cost;
        }
    }
    score.clamp(1.0, 5.0)
}

/// Willingness to recommend from 0 to 10.
pub(super) fn nps(csat: f64, chance: &mut Chance) -> u32 {
    (2.5 * (csat - 1.0) + 1.3 * chance.normal()).round().clamp(0.0, 10.0) as u32
}
