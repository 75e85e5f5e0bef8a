//! Where the async faces meet the synchronous engine: the runtime, and work off its threads. Knows no protocol.

use std::any::Any;
use std::num::NonZero;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
#[cfg(feature = "http")]
use tokio::sync::{Semaphore, oneshot};

use crate::error::{Error, Result};

/// A runtime that runs so many pieces of [`blocking`] work at once; others queue, and the thread that ends one takes the next
/// without being told.
pub(super) fn runtime(threads: usize) -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).max_blocking_threads(threads).enable_all().build()?)
}

/// How many threads of this machine run side by side.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
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

/// How much work runs [`aside`] at once.
#[cfg(feature = "http")]
static ASIDE: Semaphore = Semaphore::const_new(4);

/// Runs the server's own work, which must not queue behind questions, nor they behind it: on a thread of its own. A panic there
/// is an error here.
#[cfg(feature = "http")]
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let failed = |error: &dyn std::fmt::Display| Error::internal("looking after the server", error.to_string());
    let place = ASIDE.acquire().await.map_err(|closed| failed(&closed))?;
    let (tell, told) = oneshot::channel();
    let work = move || {
        let _place = place;
        // Nobody may be there any more.
        let _ = tell.send(work());
    };
    std::thread::Builder::new().name("aside".to_owned()).spawn(work)?;
    told.await.unwrap_or_else(|_panicked| Err(failed(&"it panicked")))
}
