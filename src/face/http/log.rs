//! Lines of logs on their way to a file: written by a thread of their own, so that no request waits for a disk.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use fs_err as fs;
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;

use crate::error::{Error, Result};

/// Lines that may wait to be written; what comes beyond is lost and counted.
const WAITING: usize = 8192;

/// A log that lines are added to.
pub(super) struct Log {
    send: Option<SyncSender<Message>>,
    writer: Option<JoinHandle<()>>,
    lost: Counter,
}

enum Message {
    Line(String),
    /// The file may have been moved away: open it by its name again.
    Reopen,
}

impl Log {
    /// Adds to a file, which is made if need be; `-` is standard error.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that cannot be opened.
    pub(super) fn open(path: &Path, lost: Counter) -> Result<Self> {
        let (send, received) = sync_channel(WAITING);
        let out = open(path).map_err(Error::Input)?;
        let (path, counter) = (path.to_owned(), lost.clone());
        let writer = thread::Builder::new()
            .name("nba-log".to_owned())
            .spawn(move || write_all(&received, out, &path, &counter))?;
        Ok(Self { send: Some(send), writer: Some(writer), lost })
    }

    /// Adds one line of JSON.
    pub(super) fn line(&self, value: &impl Serialize) {
        let Ok(text) = serde_json::to_string(value) else { return };
        self.send(Message::Line(text));
    }

    /// Opens the file by its name again.
    pub(super) fn reopen(&self) {
        self.send(Message::Reopen);
    }

    fn send(&self, message: Message) {
        if self.send.as_ref().is_none_or(|send| send.try_send(message).is_err()) {
            self.lost.inc();
        }
    }
}

impl Drop for Log {
    /// Waits until what was added is written.
    fn drop(&mut self) {
        self.send = None;
        if let Some(writer) = self.writer.take() {
            // It has nobody to tell.
            let _ = writer.join();
        }
    }
}

type Out = BufWriter<Box<dyn io::Write + Send>>;

fn open(path: &Path) -> io::Result<Out> {
    let out: Box<dyn io::Write + Send> = if path == Path::new("-") {
        Box::new(io::stderr())
    } else {
        Box::new(fs::OpenOptions::new().create(true).append(true).open(path)?)
    };
    Ok(BufWriter::new(out))
}

/// Writes until nobody sends any more; flushes whenever nothing waits.
fn write_all(received: &Receiver<Message>, mut out: Out, path: &Path, lost: &Counter) {
    while let Ok(first) = received.recv() {
        for message in std::iter::once(first).chain(received.try_iter()) {
            match message {
                Message::Line(text) => {
                    if writeln!(out, "{text}").is_err() {
                        lost.inc();
                    }
                }
                Message::Reopen => {
                    // The old one goes on being written to where there is no new one.
                    if let Ok(new) = open(path) {
                        let _ = out.flush();
                        out = new;
                    }
                }
            }
        }
        if out.flush().is_err() {
            lost.inc();
        }
    }
}
