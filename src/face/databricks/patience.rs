//! Work that a request waits for, and that goes on once it has waited long enough: tables are embedded for minutes.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};

/// How long a request waits: less than servers and clients give an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the work comes to, unless that takes too long: then it goes on by itself.
pub(super) fn within<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Option<Result<T>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        // Nobody may be waiting any more.
        _ = send.send(work());
    });
    match receive.recv_timeout(PATIENCE) {
        Ok(done) => Some(done),
        Err(mpsc::RecvTimeoutError::Timeout) => None,
        Err(mpsc::RecvTimeoutError::Disconnected) => Some(Err(Error::internal("syncing an index", "it panicked"))),
    }
}
