//! Finds how a desk's similar tickets are best found: what the legs weigh, BM25's parameters and the columns' boosts, chosen
//! by questions whose answers are known, with the gain on questions that had no say and how sure it is. Writes nothing.
//!
//! Questions lie in five parts. Parameters are chosen five times, each time without one part, whose tickets then neither ask
//! nor answer; that part is asked with what was chosen. So no judgement that had a say is counted, although two tickets that
//! one action solved are found from either end.

mod descent;
mod interval;
mod questions;
mod setting;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::queries::Questions;
use super::report::Figure;
use crate::engine::Engine;
use crate::error::Result;
use crate::index::{IndexReader, QueryKind};
use crate::keyword::KeywordParams;
use crate::rebuild::TICKETS;

pub use setting::{Setting, SettingValue, Words};

use descent::{Bench, descend};
use interval::interval;
use questions::Asked;
use setting::differences;

/// In how many parts questions lie.
pub const FOLDS: usize = 5;
/// The folds that may be left out, and the view that leaves out none.
const VIEWS: usize = FOLDS + 1;
const ALL: usize = FOLDS;

/// What says which tickets are right.
#[derive(Debug, Clone)]
pub enum Judge {
    /// A text column: another resolved ticket is right where it holds the same.
    Column(String),
    /// Questions with their answers.
    Questions(Questions),
}

/// What to tune by, and from where.
#[derive(Debug, Clone)]
pub struct TuneParams {
    /// What says which tickets are right.
    pub judge: Judge,
    /// What is in force: the gain is over this.
    pub current: Setting,
    /// How words are scored, besides what is tuned.
    pub keyword: KeywordParams,
    /// The same index and seed tune the same.
    pub seed: u64,
    /// Of more questions than this, so many are drawn. 1 or more.
    pub most: usize,
    /// Deals the judgements out anew by this seed, so that whatever is found is noise.
    pub permute: Option<u64>,
}

/// What one question's answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Metric {
    /// The share of the first ten that is right.
    #[serde(rename = "P@10")]
    Precision,
    /// One by the rank of the first right ticket; 0 where none is among the first hundred.
    #[serde(rename = "MRR")]
    ReciprocalRank,
}

impl Metric {
    /// Its usual name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Precision => "P@10",
            Self::ReciprocalRank => "MRR",
        }
    }

    /// How many tickets are looked at.
    const fn depth(self) -> u32 {
        match self {
            Self::Precision => 10,
            Self::ReciprocalRank => 100,
        }
    }
}

/// A parameter that would be another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Its key in the configuration.
    pub key: &'static str,
    /// What is in force.
    pub from: SettingValue,
    /// What was chosen by all questions.
    pub to: SettingValue,
    /// In how many of the folds the same was chosen.
    pub folds: usize,
    /// Whether it counts only in an index that is built anew.
    pub needs_build: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TuneReport {
    /// What a question's answer is worth.
    pub metric: Metric,
    /// How many questions were asked.
    pub questions: usize,
    /// How many of them are independent: threads, or sets of questions without a common answer.
    pub groups: usize,
    /// How many values the judging column has; none for a file of questions.
    pub labels: Option<usize>,
    /// The metric's mean with what is in force, 0 to 1.
    pub current: f64,
    /// The metric's mean with what was chosen without the question, 0 to 1.
    pub tuned: f64,
    /// The mean difference of the two and its 95 % interval.
    pub gain: Figure,
    /// Whether the interval lies above 0.
    pub is_sure: bool,
    /// Whether the judging column also taught the index's space, so that the vectors have seen the answers.
    pub space_has_seen: bool,
    /// The parameters that would change, chosen by all questions.
    pub changes: Vec<Change>,
    /// All parameters, so chosen.
    #[serde(skip)]
    pub chosen: Setting,
}

/// Looks for better parameters; `on_progress` hears steps done and in all.
///
/// # Errors
/// [`crate::Error::TooLittle`] where there are too few questions to tell a gain from noise; [`crate::Error::UnknownColumn`];
/// [`crate::Error::Data`] for answers that are no ticket of the index; model errors.
pub fn tune(engine: &Engine, params: &TuneParams, on_progress: &mut dyn FnMut(usize, usize)) -> Result<TuneReport> {
    engine.with_snapshot(|snapshot| {
        let index = snapshot.index(TICKETS)?;
        let asked = match &params.judge {
            Judge::Column(column) => {
                let ask = |_row, problem: &str| engine.text_query(problem, QueryKind::Hybrid);
                Asked::of_history(index, &ask, column, params)?
            }
            Judge::Questions(questions) => Asked::of_file(index, engine, questions, params)?,
        };
        tune_by(index, &asked, params, on_progress)
    })
}

fn tune_by(
    index: &IndexReader,
    asked: &Asked,
    params: &TuneParams,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<TuneReport> {
    let current = params.current;
    let mut bench = Bench::new(index, asked, &params.keyword);
    let chosen = descend(&mut bench, &current, on_progress)?;

    // Each question by what was chosen without its fold.
    let (before, gains): (Vec<f64>, Vec<f64>) = (0..asked.questions.len())
        .map(|at| {
            let fold = asked.questions[at].fold;
            let [before, after] = [&current, &chosen[fold]].map(|setting| bench.scores(setting)[at][ALL]);
            (before, after - before)
        })
        .unzip();
    let pairs = asked
        .pairs(|question| Ok([bench.ranked(question, &current)?, bench.ranked(question, &chosen[question.fold])?]))?;
    let gain = interval(asked, &gains, &pairs);
    let mean = before.iter().sum::<f64>() / before.len() as f64;
    let keys = differences(&current, &chosen[ALL]);
    let changes = keys.into_iter().map(|(key, from, to, needs_build)| {
        let agrees = |fold: &&Setting| fold.value(key) == to;
        Change { key, from, to, folds: chosen[..FOLDS].iter().filter(agrees).count(), needs_build }
    });
    let changes: Vec<Change> = changes.collect();
    Ok(TuneReport {
        metric: asked.metric,
        questions: asked.questions.len(),
        groups: asked.asking_groups(),
        labels: asked.labels,
        current: mean,
        tuned: mean + gain.mean,
        gain,
        is_sure: gain.low > 0.0 && !changes.is_empty(),
        space_has_seen: matches!(&params.judge, Judge::Column(column) if index.manifest().labels.as_ref() == Some(column)),
        changes,
        chosen: chosen[ALL],
    })
}
