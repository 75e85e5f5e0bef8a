//! Token ids → pooled vectors: the graph, run by as many sessions as there are threads. Knows no text.

use std::sync::{Condvar, Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;

use super::super::model::ModelSpec;
use super::operators;
use crate::error::{Error, Result};

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPE_IDS: &str = "token_type_ids";

/// Sessions of one graph, each with a single thread, opened when they are first needed.
///
/// Sessions beside each other beat threads within one: measured 5–10 % on two cores with small batches, and batches of
/// some hundred tokens do not divide well among more.
pub(super) struct SessionPool {
    spec: ModelSpec,
    environment: Environment,
    input_names: Vec<String>,
    limit: usize,
    state: Mutex<PoolState>,
    returned: Condvar,
}

struct PoolState {
    idle: Vec<Session>,
    n_open: usize,
}

impl SessionPool {
    /// Opens the first session, and looks whether the graph is one that we can feed.
    pub(super) fn open(spec: &ModelSpec, environment: Environment, limit: usize) -> Result<Self> {
        let first = open_session(spec, &environment)?;
        let input_names: Vec<String> = first.inputs().iter().map(|input| input.name().to_owned()).collect();
        if let Some(unknown) = input_names.iter().find(|name| !is_known(name)) {
            return Err(model_fault(
                spec,
                format!(
                    "the graph asks for `{unknown}`; only {INPUT_IDS}, {ATTENTION_MASK} and {TOKEN_TYPE_IDS} are fed"
                ),
            ));
        }
        let state = Mutex::new(PoolState { idle: vec![first], n_open: 1 });
        Ok(Self { spec: spec.clone(), environment, input_names, limit: limit.max(1), state, returned: Condvar::new() })
    }

    /// Runs a batch and pools each window over its own tokens; waits while all sessions are at work.
    pub(super) fn run(&self, windows: &[&[i64]]) -> Result<Vec<Vec<f32>>> {
        let mut session = self.take()?;
        let pooled = self.run_in(&mut session, windows);
        self.lock().idle.push(session);
        self.returned.notify_one();
        pooled
    }

    fn take(&self) -> Result<Session> {
        let mut state = self.lock();
        loop {
            if let Some(session) = state.idle.pop() {
                return Ok(session);
            }
            if state.n_open < self.limit {
                break;
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.n_open += 1;
        drop(state);
        open_session(&self.spec, &self.environment).inspect_err(|_| {
            self.lock().n_open -= 1;
            self.returned.notify_one();
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_in(&self, session: &mut Session, windows: &[&[i64]]) -> Result<Vec<Vec<f32>>> {
        let n_columns = windows.iter().map(|window| window.len()).max().unwrap_or(0);
        let mut ids = vec![0; windows.len() * n_columns];
        let mut mask = vec![0; windows.len() * n_columns];
        for (at, window) in windows.iter().enumerate() {
            let start = at * n_columns;
            ids[start..start + window.len()].copy_from_slice(window);
            mask[start..start + window.len()].fill(1);
        }
        let types = vec![0; windows.len() * n_columns];
        let shape = [windows.len(), n_columns];
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(self.input_names.len());
        for name in &self.input_names {
            let values: &[i64] = match name.as_str() {
                INPUT_IDS => &ids,
                ATTENTION_MASK => &mask,
                _ => &types,
            };
            let tensor = TensorRef::from_array_view((shape, values)).map_err(run_fault)?;
            inputs.push((name, tensor.into()));
        }
        let outputs = session.run(inputs).map_err(run_fault)?;
        let (found, states) = outputs[0].try_extract_tensor::<f32>().map_err(run_fault)?;
        let dimension = self.spec.identity.dimension;
        if **found != [windows.len() as i64, n_columns as i64, dimension as i64] {
            return Err(model_fault(
                &self.spec,
                format!(
                    "the graph's first output is {found:?} for {shape:?} tokens; expected {dimension} numbers a token"
                ),
            ));
        }
        let pooled = windows.iter().zip(states.chunks_exact(n_columns * dimension));
        Ok(pooled.map(|(window, rows)| self.spec.pooling.pool(&rows[..window.len() * dimension], dimension)).collect())
    }
}

fn is_known(input: &str) -> bool {
    [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS].contains(&input)
}

/// Held while a session is opened: ONNX Runtime looks whether it knows our operators' domain and then notes it, and of two
/// threads that do so at once one fails.
static OPENING: Mutex<()> = Mutex::new(());

fn open_session(spec: &ModelSpec, environment: &Environment) -> Result<Session> {
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let open = || -> ort::Result<Session> {
        Session::builder(environment)?
            .with_intra_threads(1)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_operators(operators::domain()?)?
            .commit_from_file(spec.folder.join(&spec.model.file))
    };
    open().map_err(|error| model_fault(spec, format!("{}: {error}", spec.model.file)))
}

fn model_fault(spec: &ModelSpec, reason: String) -> Error {
    Error::Model { path: spec.folder.clone(), reason }
}

fn run_fault(error: ort::Error) -> Error {
    Error::internal("running the model", error)
}
