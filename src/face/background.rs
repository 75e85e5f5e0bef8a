//! Where the async faces meet the synchronous engine: the runtime, and work off its threads. Knows no protocol.

use std::any::Any;
use std::num::NonZero;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// Threads beyond one a core: standard input and output each keep one waiting.
const WAITING_THREADS: usize = 2;

/// A runtime whose blocking threads are as many as the machine has cores, so that a burst of questions queues.
pub(super) fn runtime() -> Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Ok(Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(cores + WAITING_THREADS)
        .enable_all()
        .build()?)
}

/// What a request holds, such as a place among those that run.
pub(super) type Held = Arc<dyn Any + Send + Sync>;

tokio::task_local! {
    static HELD: Held;
}

/// Runs a future whose [`blocking`] work keeps hold of `held` until it ends, even where nobody waits for it any more.
#[cfg(feature = "http")]
pub(super) async fn holding<T>(held: Held, work: impl Future<Output = T>) -> T {
    HELD.scope(held, work).await
}

/// Runs work that keeps a core busy or waits for a disk. A panic there is an error here, and the server lives on.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let held = HELD.try_with(Arc::clone).ok();
    let work = move || {
        let done = work();
        drop(held);
        done
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(Error::internal("answering a question", panic)))
}
