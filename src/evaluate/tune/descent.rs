//! Coordinate descent: from what is in force, one parameter after the other is set to its best value, for every fold that is
//! left out at once. What a setting is worth is found out once.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::questions::{Asked, Question};
use super::setting::{Coordinate, Room, Setting, SettingKey, WordsKey};
use super::{ALL, Metric, VIEWS};
use crate::error::Result;
use crate::index::{Fused, IndexReader, Legs, Query};
use crate::keyword::KeywordParams;
use crate::rank::Row;

/// How often all parameters are gone through at most.
const PASSES: usize = 3;

/// What a question's answer is worth: with each fold's tickets left out, and with all.
pub(super) type Scores = [f64; VIEWS];

/// Asks all questions with any setting.
pub(super) struct Bench<'a> {
    index: &'a IndexReader,
    asked: &'a Asked,
    keyword: &'a KeywordParams,
    known: BTreeMap<SettingKey, Vec<Scores>>,
}

impl<'a> Bench<'a> {
    pub(super) const fn new(index: &'a IndexReader, asked: &'a Asked, keyword: &'a KeywordParams) -> Self {
        Self { index, asked, keyword, known: BTreeMap::new() }
    }

    /// Whether words are searched for in a column.
    fn has(&self, column: &str) -> bool {
        self.index.manifest().text_fields.iter().any(|field| field.name == column)
    }

    /// What a question's legs find. They know no fusion.
    fn legs(&self, question: &Question, setting: &Setting) -> Result<Legs> {
        let words = setting.words;
        let keyword = KeywordParams { k1: words.k1, b: words.b, ..self.keyword.clone() };
        let query = Query { keyword, ..question.query.clone() };
        self.index.legs(&query, &words.boosts(&|column| self.has(column)))
    }

    /// Finds out what settings are worth. The legs are asked once for all that differ in their fusion alone, and a
    /// question's candidates are kept no longer than that.
    pub(super) fn measure(&mut self, settings: &[Setting]) -> Result<()> {
        let mut by_words: BTreeMap<WordsKey, Vec<Setting>> = BTreeMap::new();
        for setting in settings.iter().filter(|setting| !self.known.contains_key(&setting.key())) {
            let alike = by_words.entry(setting.words.key()).or_default();
            if !alike.contains(setting) {
                alike.push(*setting);
            }
        }
        for alike in by_words.values() {
            let each = |question: &Question| -> Result<Vec<Scores>> {
                let legs = self.legs(question, &alike[0])?;
                Ok(alike.iter().map(|setting| self.asked.scores(question, &legs.fused(&setting.fusion))).collect())
            };
            let scores: Vec<Vec<Scores>> = self.asked.questions.par_iter().map(each).collect::<Result<_>>()?;
            for (at, setting) in alike.iter().enumerate() {
                self.known.insert(setting.key(), scores.iter().map(|of_question| of_question[at]).collect());
            }
        }
        Ok(())
    }

    /// What each question's answer is worth with a setting that was measured.
    ///
    /// # Panics
    /// If it was not, which is a bug of the caller.
    pub(super) fn scores(&self, setting: &Setting) -> &[Scores] {
        &self.known[&setting.key()]
    }

    /// The rows that answer a question, best first.
    pub(super) fn ranked(&self, question: &Question, setting: &Setting) -> Result<Vec<Row>> {
        let fused: Vec<Fused> = self.legs(question, setting)?.fused(&setting.fusion);
        Ok(fused.into_iter().map(|it| it.scored.row).collect())
    }

    /// The best of settings where a fold is left out: the first unless another gains more than the standard error of its
    /// gain; so what changes little stays as it is.
    fn best(&self, settings: &[Setting], view: usize) -> Setting {
        let here = self.scores(&settings[0]);
        let has_say = |at: &usize| view == ALL || self.asked.questions[*at].fold != view;
        let gain = |setting: &Setting| {
            let there = self.scores(setting);
            let gains: Vec<f64> = (0..here.len()).filter(has_say).map(|at| there[at][view] - here[at][view]).collect();
            let n = gains.len() as f64;
            let mean = gains.iter().sum::<f64>() / n;
            let squares: f64 = gains.iter().map(|gain| (gain - mean).powi(2)).sum();
            (mean, squares.sqrt() / n)
        };
        let mut best = (settings[0], 0.0);
        for setting in &settings[1..] {
            let (mean, error) = gain(setting);
            if mean > error && mean > best.1 {
                best = (*setting, mean);
            }
        }
        best.0
    }
}

/// What is chosen without each fold, and by all questions.
pub(super) fn descend(
    bench: &mut Bench<'_>,
    start: &Setting,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<[Setting; VIEWS]> {
    let steps = PASSES * Coordinate::ALL.len();
    let mut points = [*start; VIEWS];
    bench.measure(&points)?;
    for pass in 0..PASSES {
        let before = points;
        for (at, coordinate) in Coordinate::ALL.into_iter().enumerate() {
            let around = points.map(|point| {
                let room =
                    Room { has: &|column| bench.has(column), asks_codes: bench.asked.metric == Metric::ReciprocalRank };
                let others = coordinate.others(&point, &room);
                [vec![point], others].concat()
            });
            bench.measure(&around.concat())?;
            for (view, settings) in around.iter().enumerate() {
                points[view] = bench.best(settings, view);
            }
            on_progress(pass * Coordinate::ALL.len() + at + 1, steps);
        }
        if points == before {
            break;
        }
    }
    on_progress(steps, steps);
    // What is asked of the result: every question with what was chosen without it, and with what is in force.
    bench.measure(&points)?;
    Ok(points)
}
