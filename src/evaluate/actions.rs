//! Next-action accuracy on labelled conversations, with the votes that `recommend` ranks by, beside simple floors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::metrics::{Classified, classified};
use crate::desk::{Author, Name, Part, Turn, conversation_parts};
use crate::embed::{Embedder, Vector};
use crate::error::{Error, Problem, Result};
use crate::rank::RowSet;
use crate::recommend::{
    Example, LearnParams, Moment, Outcome, RecommendParams, SimilarState, Situation, TURNS, Vote, learn, mix, votes,
};
use crate::vector::{self, Kind, VectorIndex, VectorParams};

/// A moment in a conversation and what the agent did then.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Which conversation.
    pub case: String,
    /// Its kind, where known.
    pub category: Option<String>,
    /// What was said before, oldest first.
    pub turns: Vec<CaseTurn>,
    /// What the agent did next: the truth.
    pub action: String,
}

/// One turn of a [`Case`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseTurn {
    /// Who spoke.
    pub author: CaseAuthor,
    /// What was said.
    pub text: String,
    /// The action of an agent's turn, where known.
    pub action: Option<String>,
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CaseAuthor {
    /// The one with the problem.
    Customer,
    /// The one who acts.
    Agent,
}

/// The figures of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ActionsReport {
    /// How many cases were predicted.
    pub rows: usize,
    /// How well.
    #[serde(flatten)]
    pub figures: Classified,
    /// What the ranker decided of P, 0 to 1; the votes of similar cases decided the rest.
    pub ranker_share: f32,
    /// What needs no retrieval.
    pub floors: Floors,
}

/// Predictors that look at no text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Floors {
    /// The most frequent actions of all.
    pub majority: Classified,
    /// The most frequent actions after this last action in this category, else after this last action, else of all.
    pub frequency: Classified,
}

/// Reads cases, one JSON object a line.
///
/// # Errors
/// [`Error::Data`] with file and line; I/O errors.
pub fn read_cases(path: &Path) -> Result<Vec<Case>> {
    let fault = |line: Option<u64>, message: String| Error::Data {
        problems: vec![Problem { file: path.to_owned(), line, column: None, value: None, message }],
        total: 1,
    };
    let text = fs::read_to_string(path).map_err(Error::Input)?;
    let mut cases = Vec::new();
    for (line, json) in (1..).zip(text.lines()).filter(|(_, json)| !json.trim().is_empty()) {
        cases.push(serde_json::from_str(json).map_err(|error| fault(Some(line), error.to_string()))?);
    }
    if cases.is_empty() {
        return Err(fault(None, "no cases".to_owned()));
    }
    Ok(cases)
}

/// Predicts every test case from the train cases: by what is learnt from them and by the votes of the most similar ones.
///
/// The order of the train cases stands for time: the last of them are held out at first, to set the share of each.
///
/// # Errors
/// Model errors, I/O errors.
pub fn evaluate_actions(
    train: &[Case],
    test: &[Case],
    embedder: &dyn Embedder,
    params: (&RecommendParams, &LearnParams),
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<ActionsReport> {
    let (params, learning) = params;
    let turns: Vec<Vec<Turn>> = train.iter().chain(test).map(|case| case.turns.iter().map(turn).collect()).collect();
    let states: Vec<Vec<Part<'_>>> = turns.iter().map(|turns| state(turns)).collect();
    let vector_of = embed_parts(&states, embedder, on_progress)?;
    let vectors: Vec<Vector> = states.iter().map(|parts| sum(parts, &vector_of)).collect::<Result<_>>()?;
    let (train_vectors, test_vectors) = vectors.split_at(train.len());
    let folder = tempfile::tempdir()?;
    let index = flat(folder.path(), train_vectors, embedder.identity().dimension)?;
    let vote = |case: &Case, vector: &Vector, among: Option<&RowSet>| {
        by_neighbours(case, vector, train, index.as_ref(), among, params)
    };

    let examples: Vec<Example<'_>> = train
        .iter()
        .zip(&states)
        .zip(later(train))
        .map(|((case, parts), later)| Example {
            moment: moment(case, parts, &vector_of),
            action: &case.action,
            kind: "",
            later,
        })
        .collect();
    let held_out = (train.len() as f64 * (1.0 - learning.held_out)) as usize;
    let before = RowSet::from_fn(train.len(), |row| row < held_out);
    let votes_of = |at: usize| vote(&train[at], &train_vectors[at], Some(&before));
    let learned = learn(&examples, held_out, &votes_of, &|_, votes| votes, learning);

    let ranked: Vec<Vec<Vote>> = test
        .iter()
        .zip(test_vectors)
        .zip(&states[train.len()..])
        .map(|((case, vector), parts)| {
            let by_ranker = learned.predict(&moment(case, parts, &vector_of));
            mix(&by_ranker, &vote(case, vector, None), learned.trust.share)
        })
        .collect();
    let predictions: Vec<Vec<&str>> =
        ranked.iter().map(|votes| votes.iter().map(|vote| vote.action.as_str()).collect()).collect();
    let truths: Vec<&str> = test.iter().map(|case| case.action.as_str()).collect();
    Ok(ActionsReport {
        rows: test.len(),
        figures: classified(&truths, &predictions),
        ranker_share: learned.trust.share,
        floors: floors(train, test, &truths),
    })
}

/// What was done later in the conversation of each case, as the next cases tell it: those that begin with its turns.
fn later(cases: &[Case]) -> Vec<Vec<&str>> {
    let mut later: Vec<Vec<&str>> = vec![Vec::new(); cases.len()];
    for at in (1..cases.len()).rev() {
        let (case, next) = (&cases[at - 1], &cases[at]);
        if next.turns.len() > case.turns.len() && next.turns.starts_with(&case.turns) {
            later[at - 1] = later[at].iter().copied().chain([next.action.as_str()]).collect();
        }
    }
    later
}

/// What was done in the most similar train cases.
fn by_neighbours(
    case: &Case,
    vector: &Vector,
    train: &[Case],
    index: &dyn VectorIndex,
    among: Option<&RowSet>,
    params: &RecommendParams,
) -> Vec<Vote> {
    let done_so_far = done(case).map(str::to_owned).collect();
    let situation = Situation { category: case.category.clone(), done: done_so_far, ..Situation::default() };
    let neighbours = index.search(vector, params.states, among);
    let states: Vec<SimilarState> = neighbours
        .iter()
        .map(|hit| {
            let known = &train[hit.row as usize];
            SimilarState {
                ticket_id: known.case.clone(),
                thread_id: known.case.clone(),
                position: done(known).count(),
                similarity: hit.score,
                action: known.action.clone(),
                last_action: done(known).next_back().map(str::to_owned),
                category: known.category.clone(),
                outcome: Outcome::default(),
                expected_success: None,
                message: String::new(),
            }
        })
        .collect();
    votes(&situation, &states, &[], params)
}

/// What is known of a case, for the ranker.
fn moment<'a>(case: &'a Case, parts: &[Part<'a>], vector_of: &'a BTreeMap<&str, Vector>) -> Moment<'a> {
    let turns = parts.iter().take(TURNS).map(|part| (part.text, vector_of[part.text].as_ref()));
    Moment {
        turns: turns.collect(),
        said: written_by(case, CaseAuthor::Customer),
        told: written_by(case, CaseAuthor::Agent),
        subject: None,
        done: done(case).collect(),
        context: case.category.as_deref().map(|category| ("category", category)).into_iter().collect(),
        customer_spoke_last: case.turns.last().is_none_or(|turn| turn.author == CaseAuthor::Customer),
    }
}

fn written_by(case: &Case, author: CaseAuthor) -> Vec<&str> {
    case.turns.iter().filter(|turn| turn.author == author).map(|turn| turn.text.as_str()).collect()
}

fn flat(folder: &Path, vectors: &[Vector], dimension: usize) -> Result<Box<dyn VectorIndex>> {
    let params = VectorParams { kind: Kind::Flat, ..VectorParams::default() };
    let built = vector::build(folder, vectors, dimension, &params)?;
    vector::open(folder, built.kind, vectors.len(), dimension)
}

/// What stands for a case: what `recommend` compares, without the subject that these files do not have.
fn state(turns: &[Turn]) -> Vec<Part<'_>> {
    let parts = conversation_parts(turns);
    // A conversation that the agent opens has no words yet.
    if parts.is_empty() { vec![Part { text: "…", weight: 1.0 }] } else { parts }
}

/// The vector of every text.
fn embed_parts<'a>(
    states: &[Vec<Part<'a>>],
    embedder: &dyn Embedder,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<BTreeMap<&'a str, Vector>> {
    let distinct: BTreeSet<&str> = states.iter().flatten().map(|part| part.text).collect();
    let texts: Vec<&str> = distinct.into_iter().collect();
    let vectors = embedder.embed_with_progress(&texts, &mut |done| on_progress(done, texts.len()))?;
    Ok(texts.into_iter().zip(vectors).collect())
}

/// The vector of a state.
fn sum(parts: &[Part<'_>], vector_of: &BTreeMap<&str, Vector>) -> Result<Vector> {
    Vector::weighted_sum(parts.iter().map(|part| (&vector_of[part.text], part.weight)))
        .ok_or_else(|| Error::internal("embedding a state", "it has no words"))
}

fn turn(turn: &CaseTurn) -> Turn {
    let author = match turn.author {
        CaseAuthor::Customer => Author::Customer,
        CaseAuthor::Agent => Author::Agent,
    };
    Turn { author, author_id: Name::from(""), at: 0, text: turn.text.clone(), action: None }
}

/// What the agent did so far, oldest first.
fn done(case: &Case) -> impl DoubleEndedIterator<Item = &str> {
    case.turns.iter().filter(|turn| turn.author == CaseAuthor::Agent).filter_map(|turn| turn.action.as_deref())
}

/// How often each action occurs.
pub(super) type Counts<'a> = BTreeMap<&'a str, usize>;

fn floors(train: &[Case], test: &[Case], truths: &[&str]) -> Floors {
    let mut overall = Counts::new();
    let mut after: BTreeMap<Option<&str>, Counts<'_>> = BTreeMap::new();
    let mut after_in: BTreeMap<(Option<&str>, Option<&str>), Counts<'_>> = BTreeMap::new();
    for case in train {
        let last = done(case).next_back();
        *overall.entry(&case.action).or_default() += 1;
        *after.entry(last).or_default().entry(&case.action).or_default() += 1;
        *after_in.entry((case.category.as_deref(), last)).or_default().entry(&case.action).or_default() += 1;
    }
    let majority: Vec<Vec<&str>> = test.iter().map(|_| most_frequent(&[Some(&overall)])).collect();
    let frequency: Vec<Vec<&str>> = test
        .iter()
        .map(|case| {
            let last = done(case).next_back();
            most_frequent(&[after_in.get(&(case.category.as_deref(), last)), after.get(&last), Some(&overall)])
        })
        .collect();
    Floors { majority: classified(truths, &majority), frequency: classified(truths, &frequency) }
}

/// The most frequent actions, those of the first table before those of the next; ties in the alphabet's order.
pub(super) fn most_frequent<'a>(tables: &[Option<&Counts<'a>>]) -> Vec<&'a str> {
    let mut actions: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    for counts in tables.iter().copied().flatten() {
        let mut order: Vec<(&str, usize)> = counts.iter().map(|(action, count)| (*action, *count)).collect();
        order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        actions.extend(order.into_iter().map(|(action, _)| action).filter(|action| seen.insert(*action)));
    }
    actions
}
