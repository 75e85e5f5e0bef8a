//! Whether an index finds the tickets that answer questions whose answers are known. Asks an engine as anybody would.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::csv_rows::{fault, read_rows};
use crate::engine::{By, Engine, SearchRequest};
use crate::error::Result;
use crate::filter::Filter;
use crate::index::QueryKind;

/// How deep the first right ticket is looked for.
const DEPTH: usize = 100;
/// The index that is asked, and which of its rows may answer.
const INDEX: &str = "tickets";
pub(super) const RESOLVED: &str = "status IN ('RESOLVED', 'CLOSED')";

/// Questions of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    file: PathBuf,
    pub(super) rows: Vec<Question>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    line: u64,
    set: String,
    pub(super) query: String,
    /// Tickets of which any is right.
    pub(super) answers: Vec<String>,
    /// Tickets that are passed over.
    pub(super) ignored: Vec<String>,
}

/// How well one leg found the answers of a set. Means over its questions, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Ranked {
    /// The first ticket is right.
    pub hit_at_1: f64,
    /// One of the first ten is.
    pub hit_at_10: f64,
    /// One by the rank of the first right ticket; 0 where none is among the first hundred.
    pub mrr: f64,
}

/// The figures of one set of questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetReport {
    /// The set's name in the file.
    pub set: String,
    /// How many questions.
    pub queries: usize,
    /// Nearest vectors.
    pub dense: Ranked,
    /// BM25.
    pub keyword: Ranked,
    /// What a search answers by default.
    pub hybrid: Ranked,
}

/// The figures of every set, in the order of the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueriesReport {
    /// Set by set.
    pub sets: Vec<SetReport>,
}

/// Reads the columns `set`, `query`, `answers` and, where there is one, `ignored` of a CSV file: what
/// `nba generate --queries` writes. Ids are separated by `|`.
///
/// # Errors
/// [`crate::Error::UnknownColumn`] with the columns there are, [`crate::Error::Data`] with file and line, I/O errors.
pub fn read_questions(path: &Path) -> Result<Questions> {
    let rows = read_rows(path, &["set", "query", "answers"], &["ignored"], b',')?;
    let ids = |joined: &str| -> Vec<String> {
        joined.split('|').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
    };
    let mut questions = Vec::with_capacity(rows.len());
    for row in rows {
        let [set, query, answers, ignored] = &row.cells[..] else { continue };
        let (answers, ignored) = (ids(answers), ids(ignored));
        if answers.is_empty() {
            return Err(fault(path, Some(row.line), "answers names no ticket".to_owned()));
        }
        if let Some(both) = answers.iter().find(|id| ignored.contains(id)) {
            return Err(fault(path, Some(row.line), format!("`{both}` is both an answer and ignored")));
        }
        questions.push(Question { line: row.line, set: set.clone(), query: query.clone(), answers, ignored });
    }
    Ok(Questions { file: path.to_owned(), rows: questions })
}

/// Asks each question with each leg, among resolved tickets; `on_progress` hears questions done and in all.
///
/// # Errors
/// [`crate::Error::Data`] with file and line if an answer is no ticket of the index; those of [`Engine::search`].
pub fn evaluate_queries(
    questions: &Questions,
    engine: &Engine,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<QueriesReport> {
    check(questions, engine)?;
    let resolved = Filter::from_sql(RESOLVED)?;
    let mut sets: Vec<SetReport> = Vec::new();
    for (done, question) in questions.rows.iter().enumerate() {
        let at = sets.iter().position(|report| report.set == question.set).unwrap_or_else(|| {
            let none = Ranked::default();
            sets.push(SetReport { set: question.set.clone(), queries: 0, dense: none, keyword: none, hybrid: none });
            sets.len() - 1
        });
        let report = &mut sets[at];
        report.queries += 1;
        for (kind, leg) in [
            (QueryKind::Ann, &mut report.dense),
            (QueryKind::FullText, &mut report.keyword),
            (QueryKind::Hybrid, &mut report.hybrid),
        ] {
            leg.add(rank(question, kind, engine, &resolved)?);
        }
        on_progress(done + 1, questions.rows.len());
    }
    for report in &mut sets {
        let queries = report.queries as f64;
        for leg in [&mut report.dense, &mut report.keyword, &mut report.hybrid] {
            *leg =
                Ranked { hit_at_1: leg.hit_at_1 / queries, hit_at_10: leg.hit_at_10 / queries, mrr: leg.mrr / queries };
        }
    }
    Ok(QueriesReport { sets })
}

impl Ranked {
    /// Adds what one question found.
    fn add(&mut self, rank: Option<usize>) {
        let share = |holds: bool| f64::from(u8::from(holds));
        self.hit_at_1 += share(rank == Some(1));
        self.hit_at_10 += share(rank.is_some_and(|rank| rank <= 10));
        self.mrr += rank.map_or(0.0, |rank| 1.0 / rank as f64);
    }
}

/// Refuses questions about another desk: every one of their answers would count as not found.
pub(super) fn check(questions: &Questions, engine: &Engine) -> Result<()> {
    engine.with_snapshot(|snapshot| {
        let index = snapshot.index(INDEX)?;
        for question in &questions.rows {
            for id in &question.answers {
                if index.row_of(id)?.is_none() {
                    let message = format!("the index has no ticket `{id}`");
                    return Err(fault(&questions.file, Some(question.line), message));
                }
            }
        }
        Ok(())
    })
}

/// The place of the first right ticket among those that are not passed over, from 1.
fn rank(question: &Question, kind: QueryKind, engine: &Engine, resolved: &Filter) -> Result<Option<usize>> {
    let request = SearchRequest {
        index: INDEX.to_owned(),
        by: By::Text(question.query.clone()),
        kind,
        k: DEPTH + question.ignored.len(),
        filter: Some(resolved.clone()),
        columns: Some(Vec::new()),
        // A right ticket must not stay hidden behind one that says the same.
        one_per_group: false,
        explain: false,
    };
    let answer = engine.search(&request)?;
    let judged = answer.rows.iter().map(|(hit, _)| &hit.key).filter(|key| !question.ignored.contains(key));
    Ok(judged.take(DEPTH).position(|key| question.answers.contains(key)).map(|before| before + 1))
}
