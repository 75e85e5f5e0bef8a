//! The one error of the library, cut by what the caller can do about it, and its way to an exit code and an HTTP status.

use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, with what a person needs to put it right.
///
/// Messages are lower-case and without a full stop; a source is kept, never repeated in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A ticket id that the index does not hold.
    #[error("no ticket `{id}` in this index{}", did_you_mean(.nearest))]
    UnknownTicket {
        /// The id that was asked for.
        id: String,
        /// Up to three ids that are spelt like it, nearest first.
        nearest: Vec<String>,
    },
    /// What is to be forgotten and no generation holds.
    #[error(
        "no generation of this index holds {what} `{id}`, and nothing was forgotten; mend the id, or add --ahead to forget what only later tables would bring"
    )]
    NothingToForget {
        /// `customer` or `ticket`.
        what: &'static str,
        /// The id that was given.
        id: String,
    },
    /// An action that the catalogue of the generation does not have.
    #[error("no action `{id}` in the catalogue of this generation{}", did_you_mean(.nearest))]
    UnknownAction {
        /// The id that was given.
        id: String,
        /// Up to three ids that are spelt like it, nearest first.
        nearest: Vec<String>,
    },
    /// An index name that the generation does not hold.
    #[error("no index `{name}` in this generation; it holds {}", listed(.known))]
    UnknownIndex {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A generation that the index folder does not hold.
    #[error("no generation `{name}` in this index folder; it holds {}", listed(.known))]
    UnknownGeneration {
        /// The name that was asked for.
        name: String,
        /// The names there are, oldest first.
        known: Vec<String>,
    },
    /// An endpoint, index or table of the catalogue that does not exist.
    #[error("there is no {what} `{name}`")]
    NotThere {
        /// `endpoint`, `index`, `table` or `model`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
    },
    /// An endpoint or index of the catalogue whose name is taken.
    #[error("{what} `{name}` already exists; choose another name, or delete it first")]
    Exists {
        /// `endpoint` or `index`.
        what: &'static str,
        /// The name that was given.
        name: String,
    },
    /// What is built in, and is changed by `nba index build` alone.
    #[error("{what} `{name}` is built in and cannot be changed; make one of your own")]
    BuiltIn {
        /// `endpoint` or `index`.
        what: &'static str,
        /// The name that was given.
        name: String,
    },
    /// An endpoint or index of the catalogue that is not in the state for what was asked.
    #[error("{what} `{name}` {state}")]
    State {
        /// `endpoint` or `index`.
        what: &'static str,
        /// Which.
        name: String,
        /// The state that it is in, and the way out.
        state: String,
    },
    /// A primary key that the index does not hold.
    #[error("no row `{key}` in index `{index}`")]
    UnknownRow {
        /// The index that was asked.
        index: String,
        /// The primary key that was asked for.
        key: String,
    },
    /// A column that the index or table does not hold.
    #[error("no column `{column}`; there are {}", listed(.known))]
    UnknownColumn {
        /// The column that was named.
        column: String,
        /// The columns there are.
        known: Vec<String>,
    },
    /// An argument outside its range.
    #[error("{name}: {message}")]
    Argument {
        /// The argument's name as the caller knows it.
        name: &'static str,
        /// What is wrong, and the range or form that is right.
        message: String,
    },
    /// A filter that cannot be understood or does not fit the columns.
    #[error("bad filter: {message}\n  {text}\n  {}^", " ".repeat(*.at))]
    Filter {
        /// The filter as written, on one line.
        text: String,
        /// Where in `text` the fault is, in characters from 0.
        at: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Rows of the source tables that break the declared schema.
    #[error("{}", problem_list(.problems, *.total))]
    Data {
        /// The first problems, in file and line order.
        problems: Vec<Problem>,
        /// How many there are in all.
        total: usize,
    },
    /// Too few of what something is learnt or measured by.
    #[error("too little to go by: {found} {what}, and at least {needed} are needed")]
    TooLittle {
        /// What is counted.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A line of a text file that cannot be read.
    #[error("{0}")]
    Line(Problem),
    /// A file that was given cannot be read. The message of `fs_err` names the path.
    #[error(transparent)]
    Input(io::Error),
    /// A configuration file or catalogue that cannot be used.
    #[error("{}: {message}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and key where known.
        message: String,
    },
    /// There is no index in this folder.
    #[error("no index in {}; build one with `nba index build --data DIR --index {}`", .path.display(), .path.display())]
    NoIndex {
        /// The folder that was opened.
        path: PathBuf,
    },
    /// A file of the index is not what its manifest says.
    #[error("{} is damaged: {reason}; rebuild the index", .path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// The ledger of what is forgotten cannot be trusted. Nothing is served then: rows that it hides would be shown again.
    #[error(
        "{} cannot be trusted: {reason}; nothing is served without it, lest forgotten rows be shown again: restore it from a backup, or remove the index folder, build, and forget anew",
        .path.display()
    )]
    Ledger {
        /// The ledger.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// The catalogue of endpoints and indexes cannot be trusted. It is not written again: what it names would be lost.
    #[error(
        "{} is damaged: {reason}; it is left as it is: restore it from a backup, or move its folder away and make its indexes anew",
        .path.display()
    )]
    Catalog {
        /// The catalogue.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// A file of the index holds personal values as they are.
    #[error("{}", leak_list(.places, *.total))]
    PersonalData {
        /// The first places: file, what it is and where, never the value.
        places: Vec<String>,
        /// How many there are in all.
        total: usize,
    },
    /// A new generation that gates keep from being published.
    #[error("{}", refusal(.failed, .serving.as_deref()))]
    Refused {
        /// A line for each gate that does not hold: what it found, its limit, and the key of the limit.
        failed: Vec<String>,
        /// The generation that goes on serving, if there is one.
        serving: Option<String>,
    },
    /// An index format that this program does not read.
    #[error("{} has format {found}, and this program reads formats {oldest} to {newest}; rebuild the index", .path.display())]
    Format {
        /// The manifest that says so.
        path: PathBuf,
        /// The format it names.
        found: u32,
        /// The oldest format that can be read.
        oldest: u32,
        /// The newest format that can be read.
        newest: u32,
    },
    /// The index was built with another embedding model.
    #[error(
        "the index was built with model `{built_with}`, and this is `{opened_with}`; use that model or rebuild the index"
    )]
    ModelMismatch {
        /// The name and fingerprint in the manifest.
        built_with: String,
        /// The name and fingerprint of the model that was given.
        opened_with: String,
    },
    /// The model folder cannot be used.
    #[error("no usable model in {}: {reason}", .path.display())]
    Model {
        /// The model folder.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// ONNX Runtime cannot be used.
    #[error(
        "ONNX Runtime: {reason}\n  get the pinned version with `make runtime`, or set ORT_DYLIB_PATH to a libonnxruntime of 1.{needed_minor} or newer"
    )]
    Runtime {
        /// What was tried and what came of it.
        reason: String,
        /// The oldest minor version of ONNX Runtime 1.x that serves.
        needed_minor: u32,
    },
    /// A build that will take more memory than it may.
    #[error(
        "a build of {tickets} tickets with {steps} steps takes some {needed_mb} MiB, and {allowed_mb} MiB are allowed; allow that with --memory {needed_mb}MiB, or export fewer tickets"
    )]
    Memory {
        /// The desk's tickets.
        tickets: usize,
        /// Their steps.
        steps: usize,
        /// What it will take, in mebibytes.
        needed_mb: usize,
        /// What it may, likewise.
        allowed_mb: usize,
    },
    /// A build was asked to stop, and did.
    #[error("stopped as asked: nothing is published, and the vectors of {kept} texts are kept; go on with --resume")]
    Stopped {
        /// How many texts have a vector that the next build will not make again.
        kept: usize,
    },
    /// Another process is writing this index.
    #[error("{} is being written by {holder}; wait for it to end", .path.display())]
    Busy {
        /// The index folder.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// A file could not be read or written. The message of `fs_err` names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A library below failed in a way that no input should cause.
    #[error("{what} failed")]
    Internal {
        /// What was being done.
        what: &'static str,
        /// The error below.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Who can put an error right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller's words: an argument, a filter, a column.
    Caller,
    /// What the caller named does not exist here.
    NotFound,
    /// What the caller wants to make is there already.
    Conflict,
    /// What nobody may change in this way.
    Denied,
    /// The rows, catalogue or configuration that were given.
    Input,
    /// What came in is well-formed, and too unlike last night's or too poor to be served.
    Gate,
    /// What is installed or lies on the disk.
    Setup,
    /// Whoever stopped it.
    Stop,
    /// Another process, which will be done some time.
    Busy,
    /// This program.
    Bug,
}

impl Fault {
    /// The exit code of the command line. `docs/operations.md` has the table, with the codes that are no fault.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Caller | Self::NotFound | Self::Conflict | Self::Denied => 2,
            Self::Gate => 4,
            Self::Input => 5,
            Self::Busy => 6,
            Self::Setup => 7,
            Self::Stop => 8,
            Self::Bug => 101,
        }
    }

    /// The HTTP status of the server.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Caller | Self::Input => 400,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Denied => 403,
            Self::Gate | Self::Setup | Self::Busy | Self::Stop => 503,
            Self::Bug => 500,
        }
    }
}

impl Error {
    /// Who can put this error right.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::UnknownColumn { .. } | Self::Argument { .. } | Self::Filter { .. } | Self::State { .. } => {
                Fault::Caller
            }
            Self::Exists { .. } => Fault::Conflict,
            Self::BuiltIn { .. } => Fault::Denied,
            Self::UnknownTicket { .. }
            | Self::NothingToForget { .. }
            | Self::UnknownAction { .. }
            | Self::UnknownIndex { .. }
            | Self::UnknownGeneration { .. }
            | Self::NotThere { .. }
            | Self::UnknownRow { .. } => Fault::NotFound,
            Self::Data { .. } | Self::TooLittle { .. } | Self::Line(_) | Self::Input(_) | Self::Config { .. } => {
                Fault::Input
            }
            Self::Refused { .. } => Fault::Gate,
            Self::Stopped { .. } => Fault::Stop,
            Self::Busy { .. } => Fault::Busy,
            Self::NoIndex { .. }
            | Self::Corrupt { .. }
            | Self::Ledger { .. }
            | Self::Catalog { .. }
            | Self::PersonalData { .. }
            | Self::Format { .. }
            | Self::ModelMismatch { .. }
            | Self::Model { .. }
            | Self::Runtime { .. }
            | Self::Memory { .. }
            | Self::Io(_) => Fault::Setup,
            Self::Internal { .. } => Fault::Bug,
        }
    }

    /// The same error, where what could not be read is a file that was given.
    pub(crate) fn of_input(self) -> Self {
        if let Self::Io(error) = self { Self::Input(error) } else { self }
    }

    /// Wraps an error that no input should cause.
    pub(crate) fn internal(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal { what, source: source.into() }
    }

    /// A file of the index that is not what it should be.
    pub(crate) fn corrupt(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), reason: reason.into() }
    }

    /// An argument outside its range.
    pub(crate) fn argument(name: &'static str, message: impl Into<String>) -> Self {
        Self::Argument { name, message: message.into() }
    }
}

/// One fault in a source table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line on which the row starts (CSV, header is line 1) or the row's number from 1 (Parquet); `None` for the file as a whole.
    pub line: Option<u64>,
    /// The column's name in the file.
    pub column: Option<String>,
    /// The offending value, shortened.
    pub value: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ": {column}")?;
        }
        if let Some(value) = &self.value {
            write!(f, " = `{value}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

fn problem_list(first: &[Problem], total: usize) -> String {
    let mut text = format!("{total} problem{} in the data", if total == 1 { "" } else { "s" });
    for problem in first {
        let _ = write!(text, "\n  {problem}");
    }
    if total > first.len() {
        let _ = write!(text, "\n  … and {} more", total - first.len());
    }
    text.push_str("\n  nothing was written; mend the data (a build can skip faulty rows with --lenient)");
    text
}

fn leak_list(first: &[String], total: usize) -> String {
    let mut text = format!("{total} personal value{} in the index", if total == 1 { "" } else { "s" });
    for place in first {
        let _ = write!(text, "\n  {place}");
    }
    if total > first.len() {
        let _ = write!(text, "\n  … and {} more", total - first.len());
    }
    text.push_str("\n  rebuild the index with this program, which masks them");
    text
}

fn refusal(failed: &[String], serving: Option<&str>) -> String {
    let mut text = format!("the new generation is not published: {} gate", failed.len());
    text.push_str(if failed.len() == 1 { " does not hold" } else { "s do not hold" });
    for line in failed {
        let _ = write!(text, "\n  {line}");
    }
    let serving = serving.map_or_else(|| "nothing serves".to_owned(), |name| format!("{name} goes on serving"));
    let _ =
        write!(text, "\n  {serving}; mend the data, or set the limit in the configuration, or publish with --force");
    text
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", listed(nearest)) }
}
