//! What an oracle expected of a generated desk's agents, from the file beside its tables: how often anybody could have
//! been right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Deserialize;

use super::replay::Replayed;
use crate::error::{Error, Problem, Result};
use crate::generate::ORACLE;

/// Who answers in the file, as [`crate::generate::ORACLE`] says.
pub const ORACLES: [&str; 2] = ["oracle", "insider"];

/// The answers of [`ORACLES`] to each step of a desk.
#[derive(Debug)]
pub struct Oracle {
    path: PathBuf,
    /// By ticket, and by how many messages of agents were before: actions, likeliest first.
    answers: BTreeMap<(String, usize), [Vec<String>; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    ticket_id: String,
    position: usize,
    oracle: String,
    insider: String,
}

impl Oracle {
    /// Reads the answers beside a desk's tables, if there are any.
    ///
    /// # Errors
    /// [`Error::Data`] with file and line; I/O errors.
    pub fn beside(data: &Path) -> Result<Option<Self>> {
        let path = data.join(ORACLE);
        if !path.is_file() {
            return Ok(None);
        }
        let mut answers = BTreeMap::new();
        for row in csv::Reader::from_reader(fs::File::open(&path).map_err(Error::Input)?).deserialize() {
            let row: Row = row.map_err(|error| {
                let line = error.position().map(csv::Position::line);
                fault(&path, line, error.to_string())
            })?;
            answers.insert((row.ticket_id, row.position), [actions(&row.oracle), actions(&row.insider)]);
        }
        Ok(Some(Self { path, answers }))
    }

    /// Where what the agent did stood in the answers of [`ORACLES`] to each step, from 1.
    ///
    /// # Errors
    /// [`Error::Data`] if a step is not in the file: then it is another desk's.
    pub fn ranks(&self, steps: &[Replayed]) -> Result<Vec<[Option<usize>; 2]>> {
        let ranks = |step: &Replayed| {
            let answers = self.answers.get(&(step.ticket_id.clone(), step.position)).ok_or_else(|| {
                let message = format!("no row for message {} of {}", step.position, step.ticket_id);
                fault(&self.path, None, message)
            })?;
            let rank = |answer: &Vec<String>| answer.iter().position(|it| *it == step.action).map(|place| place + 1);
            Ok([rank(&answers[0]), rank(&answers[1])])
        };
        steps.iter().map(ranks).collect()
    }
}

/// From `A=0.6|B=0.4`.
fn actions(ranking: &str) -> Vec<String> {
    ranking.split('|').map(|each| each.split('=').next().unwrap_or_default().to_owned()).collect()
}

fn fault(path: &Path, line: Option<u64>, message: String) -> Error {
    Error::Data {
        problems: vec![Problem { file: path.to_owned(), line, column: None, value: None, message }],
        total: 1,
    }
}
