//! Questions whose answers are known: resolved tickets of the desk, or those of a file. Which rows are right, which questions
//! belong together, and in which fold they lie.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rayon::prelude::*;
use serde_json::json;

use super::super::queries::{self, Questions};
use super::descent::Scores;
use super::interval::Pair;
use super::{FOLDS, Metric, TuneParams, VIEWS};
use crate::desk::{OTHER, Status};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::{Codes, Fused, IndexReader, Query, QueryKind, QueryVector};
use crate::rank::Row;

/// Threads, or sets of questions, that it takes to tell a gain from noise.
const FEWEST: usize = 60;
/// How many hits are asked for: the legs then go as deep as for any usual question.
const K: usize = 10;

/// How the problem of a row is asked for: vector, text and codes.
pub(super) type Ask<'a> = dyn Fn(Row, &str) -> Result<(Option<QueryVector>, String, Codes)> + Sync + 'a;

/// Every question, and what is known of the rows that may answer.
pub(super) struct Asked {
    pub(super) metric: Metric,
    pub(super) questions: Vec<Question>,
    /// How many groups there are that ask or answer.
    pub(super) groups: usize,
    /// How many values the judging column has.
    pub(super) labels: Option<usize>,
    /// What is known of each row, where tickets judge each other.
    rows: Vec<Option<Judged>>,
}

/// A question.
pub(super) struct Question {
    /// As an engine would ask it; how legs are fused and words are scored is set later.
    pub(super) query: Query,
    /// Questions of one group are not independent, and lie in one fold.
    pub(super) group: usize,
    pub(super) fold: usize,
    truth: Truth,
}

enum Truth {
    /// Rows with this label, of other threads.
    Label(usize),
    /// These rows; some are passed over.
    Rows { right: BTreeSet<Row>, ignored: BTreeSet<Row> },
}

/// What is known of a resolved ticket.
#[derive(Debug, Clone, Copy)]
struct Judged {
    label: usize,
    /// Its thread's.
    group: usize,
    fold: usize,
}

impl Asked {
    /// One question a thread: the first ticket's problem. Right are resolved tickets of other threads that hold the same in
    /// a column. Codes are those of the problem: what a thread tells later was not known when it was asked.
    pub(super) fn of_history(index: &IndexReader, ask: &Ask<'_>, column: &str, params: &TuneParams) -> Result<Self> {
        let resolved = |status: &str| Status::parse(status).is_some_and(Status::is_resolved);
        let ended: BTreeSet<Row> =
            index.text_values("status")?.into_iter().filter(|(_, status)| resolved(status)).map(|it| it.0).collect();
        // What is in no catalogue has nothing in common.
        let labels: BTreeMap<Row, &str> =
            index.text_values(column)?.into_iter().filter(|(_, label)| *label != OTHER).collect();
        let threads: BTreeMap<Row, &str> = index.text_values("thread_id")?.into_iter().collect();
        // The tickets of each thread, in the order of their first; and each thread's label, that of its first.
        let mut tickets: Vec<Vec<Row>> = Vec::new();
        let mut group_of: BTreeMap<&str, usize> = BTreeMap::new();
        for row in ended.iter().filter(|row| labels.contains_key(row)) {
            let group = *group_of.entry(threads.get(row).copied().unwrap_or_default()).or_insert(tickets.len());
            tickets.resize(tickets.len().max(group + 1), Vec::new());
            tickets[group].push(*row);
        }
        let mut label_of: Vec<&str> = tickets.iter().map(|rows| labels[&rows[0]]).collect();
        if let Some(seed) = params.permute {
            label_of.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        }
        let mut threads_with: BTreeMap<&str, usize> = BTreeMap::new();
        label_of.iter().for_each(|label| *threads_with.entry(label).or_default() += 1);
        let names: Vec<&str> = threads_with.keys().copied().collect();
        let folds = folds(tickets.len(), params.seed);
        let label = |group: usize| names.binary_search(&label_of[group]).unwrap_or_default();

        let mut rows = vec![None; index.manifest().rows()];
        for (group, tickets) in tickets.iter().enumerate() {
            for &row in tickets {
                rows[row as usize] = Some(Judged { label: label(group), group, fold: folds[group] });
            }
        }
        // Of too many, those that come first when all are shuffled.
        let mut asking: Vec<usize> = (0..tickets.len()).filter(|&group| threads_with[label_of[group]] > 1).collect();
        if names.len() < 2 {
            let message =
                format!("all resolved tickets with a value in `{column}` have the same; judge by another column");
            return Err(Error::argument("judge", message));
        }
        if asking.len() < FEWEST {
            return Err(Error::TooLittle {
                what: format!("resolved threads whose `{column}` another one has too"),
                found: asking.len(),
                needed: FEWEST,
            });
        }
        asking.shuffle(&mut ChaCha8Rng::seed_from_u64(params.seed));
        asking.truncate(params.most);
        asking.sort_unstable();
        let question = |group: usize| -> Result<Question> {
            let query = ticket_query(index, ask, tickets[group][0])?;
            Ok(Question { query, group, fold: folds[group], truth: Truth::Label(label(group)) })
        };
        let questions = asking.into_par_iter().map(question).collect::<Result<_>>()?;
        Ok(Self { metric: Metric::Precision, questions, groups: tickets.len(), labels: Some(names.len()), rows })
    }

    /// The questions of a file, asked as `nba evaluate queries` asks them. Those with a common answer belong together.
    pub(super) fn of_file(
        index: &IndexReader,
        engine: &Engine,
        questions: &Questions,
        params: &TuneParams,
    ) -> Result<Self> {
        queries::check(questions, engine)?;
        let mut order: Vec<usize> = (0..questions.rows.len()).collect();
        let mut dealt = order.clone();
        if let Some(seed) = params.permute {
            dealt.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        }
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(params.seed));
        order.truncate(params.most);
        order.sort_unstable();
        let rows_of = |ids: &[String]| -> Result<BTreeSet<Row>> {
            let rows = ids.iter().map(|id| index.row_of(id)).collect::<Result<Vec<_>>>()?;
            Ok(rows.into_iter().flatten().collect())
        };
        let truths: Vec<(BTreeSet<Row>, BTreeSet<Row>)> = order
            .iter()
            .map(|&at| &questions.rows[dealt[at]])
            .map(|answered| Ok((rows_of(&answered.answers)?, rows_of(&answered.ignored)?)))
            .collect::<Result<_>>()?;
        let groups = components(truths.iter().map(|(right, _)| right));
        let n_groups = groups.iter().max().map_or(0, |last| last + 1);
        if n_groups < FEWEST {
            let what = "sets of questions without a common answer".to_owned();
            return Err(Error::TooLittle { what, found: n_groups, needed: FEWEST });
        }
        let folds = folds(n_groups, params.seed);
        let filter = Filter::from_sql(queries::RESOLVED)?;
        let mut asked = Vec::with_capacity(order.len());
        for ((at, group), (right, ignored)) in order.into_iter().zip(groups).zip(truths) {
            let (vector, text, codes) = engine.text_query(&questions.rows[at].query, QueryKind::Hybrid)?;
            let query = Query {
                filter: Some(filter.clone()),
                codes,
                one_per_group: false,
                ..Query::new(QueryKind::Hybrid, vector, Some(text), K)
            };
            asked.push(Question { query, group, fold: folds[group], truth: Truth::Rows { right, ignored } });
        }
        Ok(Self { metric: Metric::ReciprocalRank, questions: asked, groups: n_groups, labels: None, rows: Vec::new() })
    }

    /// How many groups ask.
    pub(super) fn asking_groups(&self) -> usize {
        self.questions.iter().map(|question| question.group).collect::<BTreeSet<_>>().len()
    }

    fn judged(&self, row: Row) -> Option<Judged> {
        self.rows.get(row as usize).copied().flatten()
    }

    /// Whether a row is right; `None` where it is passed over.
    fn verdict(&self, question: &Question, row: Row) -> Option<bool> {
        match &question.truth {
            Truth::Label(label) => match self.judged(row) {
                Some(judged) => (judged.group != question.group).then_some(judged.label == *label),
                None => Some(false),
            },
            Truth::Rows { right, ignored } => (!ignored.contains(&row)).then(|| right.contains(&row)),
        }
    }

    /// What an answer is worth: with the tickets of each fold left out, and with all.
    pub(super) fn scores(&self, question: &Question, fused: &[Fused]) -> Scores {
        let depth = self.metric.depth();
        let mut seen = [0_u32; VIEWS];
        let mut scores: Scores = [0.0; VIEWS];
        for it in fused {
            let row = it.scored.row;
            let Some(right) = self.verdict(question, row) else { continue };
            let left_out = self.judged(row).map(|judged| judged.fold);
            for view in (0..VIEWS).filter(|view| left_out != Some(*view)) {
                if seen[view] == depth {
                    continue;
                }
                seen[view] += 1;
                match self.metric {
                    Metric::Precision if right => scores[view] += 1.0,
                    Metric::ReciprocalRank if right && scores[view] == 0.0 => {
                        scores[view] = 1.0 / f64::from(seen[view])
                    }
                    Metric::Precision | Metric::ReciprocalRank => {}
                }
            }
            if seen.iter().all(|&seen| seen == depth) {
                break;
            }
        }
        match self.metric {
            Metric::Precision => scores.map(|right| right / f64::from(depth)),
            Metric::ReciprocalRank => scores,
        }
    }

    /// What each answer gave to the gain of the second of two rankings of each question, where tickets answer each other;
    /// none for the questions of a file.
    pub(super) fn pairs(&self, ranked: impl Fn(&Question) -> Result<[Vec<Row>; 2]> + Sync) -> Result<Vec<Pair>> {
        if self.metric != Metric::Precision {
            return Ok(Vec::new());
        }
        let depth = self.metric.depth();
        let share = 1.0 / f64::from(depth);
        let of_question = |question: &Question| -> Result<Vec<Pair>> {
            let mut pairs = Vec::new();
            for (rows, gain) in ranked(question)?.into_iter().zip([-share, share]) {
                let judged = rows.into_iter().filter_map(|row| Some((row, self.verdict(question, row)?)));
                for (row, _) in judged.take(depth as usize).filter(|(_, right)| *right) {
                    let answers = self.judged(row).map(|judged| judged.group);
                    pairs.extend(answers.map(|answers| Pair { asks: question.group, answers, gain }));
                }
            }
            Ok(pairs)
        };
        Ok(self.questions.par_iter().map(of_question).collect::<Result<Vec<_>>>()?.concat())
    }
}

/// A resolved ticket as a question for others: its problem as a text, since its row has what was said later besides.
fn ticket_query(index: &IndexReader, ask: &Ask<'_>, row: Row) -> Result<Query> {
    let manifest = index.manifest();
    let key = index.text(row, &manifest.key)?.unwrap_or_default();
    let problem = index.text(row, &manifest.embedded)?.unwrap_or_default();
    let filter = Filter::from_json(&json!([{ "status": Status::resolved_words() }, { "ticket_id NOT": key }]))?;
    let (vector, text, codes) = ask(row, problem)?;
    Ok(Query { filter: Some(filter), codes, ..Query::new(QueryKind::Hybrid, vector, Some(text), K) })
}

/// The fold of each group: as many groups in each as can be.
fn folds(groups: usize, seed: u64) -> Vec<usize> {
    let mut folds: Vec<usize> = (0..groups).map(|group| group % FOLDS).collect();
    folds.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    folds
}

/// The number of each set's component, from 0 in the order of the sets: sets with a common member are in one.
fn components<'a>(sets: impl Iterator<Item = &'a BTreeSet<Row>>) -> Vec<usize> {
    // A set's root is the first set that it hangs together with, as far as is known.
    let mut roots: Vec<usize> = Vec::new();
    let mut set_with: BTreeMap<Row, usize> = BTreeMap::new();
    fn root(roots: &[usize], mut set: usize) -> usize {
        while roots[set] != set {
            set = roots[set];
        }
        set
    }
    for (at, set) in sets.enumerate() {
        roots.push(at);
        for &row in set {
            let (one, other) = (root(&roots, *set_with.entry(row).or_insert(at)), root(&roots, at));
            roots[one.max(other)] = one.min(other);
        }
    }
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    (0..roots.len())
        .map(|set| {
            let next = numbers.len();
            *numbers.entry(root(&roots, set)).or_insert(next)
        })
        .collect()
}
