//! Sentence vectors from an ONNX graph, on the local CPU. The only folder that names `ort` and `tokenizers` (in `windows`).
//! Knows no index and keeps no vector.

mod operators;
mod rows;
mod runtime;
mod session;
mod windows;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde::{Deserialize, Serialize};

use self::session::SessionPool;
use self::windows::{Window, WindowCutter};
use super::{Embedder, ModelIdentity, ModelSpec, Vector, pool, refuse_empty};
use crate::error::{Error, Result};

/// How to embed; none of it shapes a vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedParams {
    /// Worker threads, each with its own copy of the graph once there is work for it; 0 for the number of cores.
    pub threads: usize,
    /// The shared library of ONNX Runtime; `None` to search for it.
    pub runtime: Option<PathBuf>,
    /// How many tokens, padding included, go through the graph at once; at least one text goes. See
    /// [`EmbedParams::default`].
    pub batch_tokens: usize,
    /// Mebibytes that all workers together may take, besides the program and the tokenizer; 0 for as many as they like.
    /// Fewer workers run where that is too little for all.
    pub memory_mb: usize,
}

impl EmbedParams {
    /// How many workers run, of so many cores.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no room for one.
    pub(super) fn workers(&self, n_cores: usize, spec: &ModelSpec) -> Result<usize> {
        let wanted = if self.threads == 0 { n_cores } else { self.threads };
        let each = self.worker_mb(spec);
        if self.memory_mb > 0 && self.memory_mb < each {
            return Err(Error::argument(
                "embed.memory_mb",
                format!(
                    "a worker with {} takes some {each} MiB; allow that, or set a smaller batch_tokens",
                    spec.model.file
                ),
            ));
        }
        Ok(if self.memory_mb == 0 { wanted } else { wanted.min(self.memory_mb / each) })
    }

    /// Mebibytes that a worker takes: its copy of the graph, and the states of a batch.
    ///
    /// Measured with the default model: 1.3 times its file, and 45 kB for each token of the largest batch, which is 30 states
    /// of 384 numbers.
    fn worker_mb(&self, spec: &ModelSpec) -> usize {
        let graph = spec.model.bytes as f64 * 1.3;
        let states = self.batch_tokens.max(spec.max_tokens) * spec.identity.dimension * 30 * size_of::<f32>();
        ((graph + states as f64) / f64::from(1 << 20)).ceil() as usize
    }
}

impl Default for EmbedParams {
    /// Small batches win, because their states stay in the cache of a core: on 600 lines of some 20 tokens 256 beat 512 by up
    /// to a tenth, and 2,048 by a fifth to a half.
    fn default() -> Self {
        Self { threads: 0, runtime: None, batch_tokens: 256, memory_mb: 0 }
    }
}

/// A model folder's graph and tokenizer, ready to embed.
pub struct OnnxEmbedder {
    spec: ModelSpec,
    cutter: WindowCutter,
    sessions: SessionPool,
    n_threads: usize,
    batch_tokens: usize,
}

/// A window of a text and whose it is.
struct Piece {
    text: usize,
    window: Window,
}

/// What a worker hands back: the pooled windows of a batch, by their place among the pieces.
type Pooled = Vec<(usize, Vec<f32>)>;

impl OnnxEmbedder {
    /// Loads tokenizer and graph.
    ///
    /// # Errors
    /// [`Error::Argument`] when the ceiling on memory leaves no room; [`Error::Runtime`] when ONNX Runtime is missing or too old, with what was tried; [`Error::Model`] when a file
    /// cannot be used or the graph's inputs and outputs are not those of a sentence model.
    pub fn open(spec: &ModelSpec, params: &EmbedParams) -> Result<Self> {
        let n_threads = params.workers(thread::available_parallelism().map_or(1, usize::from), spec)?;
        let open_sessions = || {
            let models_folder = spec.folder.parent().unwrap_or(&spec.folder);
            let environment = runtime::environment(params.runtime.as_deref(), &models_folder.join("runtime"))?;
            SessionPool::open(spec, environment, n_threads)
        };
        // Tokenizer and graph take as long to load as each other, and a query waits for both.
        let (sessions, cutter) = thread::scope(|scope| {
            let sessions = scope.spawn(open_sessions);
            let cutter = WindowCutter::open(spec);
            (sessions.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), cutter)
        });
        Ok(Self {
            sessions: sessions?,
            cutter: cutter?,
            spec: spec.clone(),
            n_threads,
            batch_tokens: params.batch_tokens,
        })
    }

    /// Cuts all texts on all threads, in order; a question on the thread that asks it.
    fn cut_all(&self, texts: &[&str]) -> Result<Vec<Piece>> {
        let cut = |texts: &[&str]| texts.iter().map(|text| self.cutter.cut(text)).collect();
        let per_thread = texts.len().div_ceil(self.n_threads).max(1);
        let windows: Result<Vec<Vec<Vec<Window>>>> = thread::scope(|scope| {
            if texts.len() <= 1 {
                return Ok(vec![cut(texts)?]);
            }
            let cutters: Vec<_> = texts.chunks(per_thread).map(|chunk| scope.spawn(move || cut(chunk))).collect();
            cutters
                .into_iter()
                .map(|cutter| cutter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let by_text = windows?.into_iter().flatten().enumerate();
        Ok(by_text.flat_map(|(text, windows)| windows.into_iter().map(move |window| Piece { text, window })).collect())
    }

    /// The pieces' places, cut into batches of like length, the longest first: little padding, and no worker is left with
    /// a long batch at the end.
    fn batches(&self, pieces: &[Piece]) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(pieces[at].window.len()), at));
        let mut batches: Vec<Vec<usize>> = Vec::new();
        for at in order {
            if let Some(batch) = batches.last_mut() {
                let longest = pieces[batch[0]].window.len();
                if (batch.len() + 1) * longest <= self.batch_tokens {
                    batch.push(at);
                    continue;
                }
            }
            batches.push(vec![at]);
        }
        batches
    }

    /// Takes batches until none is left or nobody listens any more.
    fn work(
        &self,
        pieces: &[Piece],
        batches: &[Vec<usize>],
        next: &AtomicUsize,
        results: &mpsc::Sender<Result<Pooled>>,
    ) {
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let windows: Vec<&[i64]> = batch.iter().map(|&at| pieces[at].window.as_slice()).collect();
            let pooled = self.sessions.run(&windows).map(|vectors| batch.iter().copied().zip(vectors).collect());
            let failed = pooled.is_err();
            if results.send(pooled).is_err() || failed {
                return;
            }
        }
    }

    /// Embeds texts that are all different.
    fn embed_distinct(&self, texts: &[&str], on_done: &mut dyn FnMut(usize)) -> Result<Vec<Vector>> {
        let pieces = self.cut_all(texts)?;
        let batches = self.batches(&pieces);
        let mut n_missing = vec![0_usize; texts.len()];
        for piece in &pieces {
            n_missing[piece.text] += 1;
        }
        let mut pooled: Vec<Option<Vec<f32>>> = vec![None; pieces.len()];
        let next = AtomicUsize::new(0);
        thread::scope(|scope| -> Result<()> {
            let (sender, results) = mpsc::channel();
            if batches.len() > 1 {
                for _ in 0..self.n_threads.min(batches.len()) {
                    let sender = sender.clone();
                    scope.spawn(|| {
                        let sender = sender;
                        self.work(&pieces, &batches, &next, &sender);
                    });
                }
            } else {
                // A question, as a rule, which waits for no thread to begin.
                self.work(&pieces, &batches, &next, &sender);
            }
            drop(sender);
            for result in results {
                for (at, vector) in result? {
                    pooled[at] = Some(vector);
                    let text = pieces[at].text;
                    n_missing[text] -= 1;
                    if n_missing[text] == 0 {
                        on_done(text);
                    }
                }
            }
            Ok(())
        })?;
        // Windows are summed in the order of the text, whichever was ready first.
        let mut sums = vec![vec![0.0; self.spec.identity.dimension]; texts.len()];
        for (piece, window) in pieces.iter().zip(pooled) {
            let window = window.ok_or_else(|| Error::internal("embedding", "a worker stopped early"))?;
            pool::add(&mut sums[piece.text], &window);
        }
        sums.into_iter().map(|sum| self.normalised(sum)).collect()
    }

    fn normalised(&self, sum: Vec<f32>) -> Result<Vector> {
        Vector::new(sum).ok_or_else(|| Error::Model {
            path: self.spec.folder.clone(),
            reason: format!("{} made a vector that is zero or not finite", self.spec.model.file),
        })
    }
}

impl Embedder for OnnxEmbedder {
    fn identity(&self) -> &ModelIdentity {
        &self.spec.identity
    }

    fn embed_with_progress(&self, texts: &[&str], on_progress: &mut dyn FnMut(usize)) -> Result<Vec<Vector>> {
        refuse_empty(texts)?;
        // Desks repeat themselves: equal texts are embedded once.
        let mut distinct: Vec<&str> = Vec::new();
        let mut copies: Vec<usize> = Vec::new();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let places: Vec<usize> = texts
            .iter()
            .map(|&text| {
                let place = *seen.entry(text).or_insert_with(|| {
                    distinct.push(text);
                    copies.push(0);
                    distinct.len() - 1
                });
                copies[place] += 1;
                place
            })
            .collect();
        let mut n_done = 0;
        let vectors = self.embed_distinct(&distinct, &mut |place| {
            n_done += copies[place];
            on_progress(n_done);
        })?;
        Ok(places.into_iter().map(|place| vectors[place].clone()).collect())
    }
}
