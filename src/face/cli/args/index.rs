//! The grammar of `nba index …`, and its help. No behaviour.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::rebuild::LEAST_MEMORY_MB;
use crate::vector::Kind;

#[derive(Debug, Subcommand)]
pub(in crate::face::cli) enum IndexCommand {
    /// Build a new generation from source tables and publish it
    Build(BuildArgs),
    /// What the serving generation holds
    #[command(after_help = "Examples:\n  nba index status\n  nba index status --index index --json")]
    Status,
    /// Read everything: checksums, counts, every point of every graph
    Verify(VerifyArgs),
    /// The generations that are there
    #[command(
        after_help = "In use is what some process has open; no build removes that.\n\nExamples:\n  nba index list\n  nba index list --index index --json"
    )]
    List,
    /// Make an earlier generation serve again
    Rollback(RollbackArgs),
    /// What differs between two generations: rows, and the best action of active tickets
    Diff(DiffArgs),
    /// Forget customers or tickets: hidden at once, out of every file with the next build
    Forget(ForgetArgs),
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  nba index build --data fixtures --index index\n  nba index build --data export/ --lenient --vector hnsw\n  nba index build --data changes/ --changes\n  nba index build --data lake/ --since last\n\nThe folder holds companies, customers, agents, tickets and ticket_interactions as CSV or Parquet.\nWith --changes, customers must be whole, since personal data is not kept; companies and agents are whole or absent.\nThe old generation serves until the new one is complete and checked; on any error it goes on serving.\nIf what serves was made by this program from the same tables, catalogue, configuration, model and feedback, nothing is\nbuilt, and the exit code is 3. If it is too unlike what serves or too poor, by the limits under [build.gates] of the\nconfiguration, it is not published, and the exit code is 4.\nCtrl-C or SIGTERM stops it where nothing that was embedded is lost, and the exit code is 8; the second ends it at once."
)]
pub(in crate::face::cli) struct BuildArgs {
    /// Folder with the five source tables
    #[arg(long, value_name = "DIR")]
    pub(in crate::face::cli) data: PathBuf,
    /// The tables hold only what has changed since what serves was built: rows to be set, or with _change_type deleted
    #[arg(long)]
    pub(in crate::face::cli) changes: bool,
    /// Of folders of Parquet files read only the partitions after this one, or after the last that was read; implies --changes
    #[arg(long, value_name = "VALUE|last")]
    pub(in crate::face::cli) since: Option<String>,
    /// Read a Delta Lake table as of a version, the newest otherwise; can be given for each table
    #[arg(long, value_name = "TABLE=VERSION", value_parser = version)]
    pub(in crate::face::cli) at: Vec<(String, i64)>,
    /// Action catalogue [default: actions.toml in the data folder, else the built-in one]
    #[arg(long, value_name = "FILE")]
    pub(in crate::face::cli) actions: Option<PathBuf>,
    /// How vectors are searched
    #[arg(long, value_name = "auto|flat|codes|hnsw")]
    pub(in crate::face::cli) vector: Option<Kind>,
    /// Skip and count bad rows in place of refusing them
    #[arg(long)]
    pub(in crate::face::cli) lenient: bool,
    /// How many generations to keep, the new one included; one that is in use stays
    #[arg(long, value_name = "N")]
    pub(in crate::face::cli) keep: Option<usize>,
    /// How much memory of its own the build may take, such as 4GiB [default: 4GiB]
    #[arg(long, value_name = "SIZE", value_parser = mebibytes)]
    pub(in crate::face::cli) memory: Option<usize>,
    /// Go on where a stopped build ended, and say how many texts it had embedded; a build without this goes on too
    #[arg(long)]
    pub(in crate::face::cli) resume: bool,
    /// Build and publish in any case: even if nothing has changed, and even if gates do not hold; who asked is noted then
    #[arg(long)]
    pub(in crate::face::cli) force: bool,
    /// Write a report of the build, as JSON or Markdown by the file's ending; can be given twice
    #[arg(long, value_name = "FILE.json|FILE.md")]
    pub(in crate::face::cli) report: Vec<PathBuf>,
    /// Write figures of the build for Prometheus's textfile collector
    #[arg(long, value_name = "FILE.prom")]
    pub(in crate::face::cli) metrics: Option<PathBuf>,
    /// What is said on standard error: text, or one JSON object a line for each phase, each gate and the end
    #[arg(long, value_enum, default_value_t = LogFormat::Text, hide_possible_values = true, value_name = "text|json")]
    pub(in crate::face::cli) log: LogFormat,
}

/// A size in mebibytes.
fn mebibytes(text: &str) -> Result<usize, String> {
    let form = || format!("it is such as 4GiB or 6000MiB, and {LEAST_MEMORY_MB}MiB or more");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "GiB" | "G" => 1_024,
        "MiB" | "M" => 1,
        _ => return Err(form()),
    };
    let size = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    size.filter(|&size| size >= LEAST_MEMORY_MB).ok_or_else(form)
}

/// A table and a version of it.
fn version(text: &str) -> Result<(String, i64), String> {
    let parts = text.split_once('=').and_then(|(table, version)| Some((table.to_owned(), version.parse().ok()?)));
    parts.filter(|(_, version)| *version >= 0).ok_or_else(|| "must be like `tickets=12`".to_owned())
}

/// What a build says while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::face::cli) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "--pii looks for CPF, CNPJ, card numbers, e-mail addresses and phones that nothing has masked, in every byte of\nevery file; tantivy's term dictionaries and document store are compressed and are read through the index.\nEach is told by file, kind and place, never by its value, and ends the program with exit code 7.\n\nExamples:\n  nba index verify\n  nba index verify --index index --json\n  nba index verify g000041 --pii"
)]
pub(in crate::face::cli) struct VerifyArgs {
    /// Which generation [default: the one that serves]
    #[arg(value_name = "GENERATION")]
    pub(in crate::face::cli) generation: Option<String>,
    /// Look for raw personal values too
    #[arg(long)]
    pub(in crate::face::cli) pii: bool,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "The generation must open, with the checks that every opening makes. Programs that have an index open go on with what\nthey have until they reload it.\n\nExamples:\n  nba index rollback\n  nba index rollback g000041 --index index"
)]
pub(in crate::face::cli) struct RollbackArgs {
    /// Which generation [default: the newest that is older than the one that serves]
    #[arg(value_name = "GENERATION")]
    pub(in crate::face::cli) generation: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Rows are told apart by their key; one is changed if any column differs but what a build learnt of it. A ticket that is\nactive in both generations is asked for its best action in each, with the configuration in force now. What can have\nchanged it is told beside: model, configuration, catalogue, program, ticket, new_evidence, evidence_gone, feedback,\nor learnt where all that is the same and only what was learnt from other tickets differs.\n\nExamples:\n  nba index diff g000041 g000042\n  nba index diff g000041 g000042 --json"
)]
pub(in crate::face::cli) struct DiffArgs {
    /// The earlier generation
    #[arg(value_name = "A")]
    pub(in crate::face::cli) before: String,
    /// The later generation
    #[arg(value_name = "B")]
    pub(in crate::face::cli) after: String,
    /// Show so many rows and tickets of each kind; --json shows all
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(in crate::face::cli) show: usize,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "No question finds a forgotten row, in any generation, once a program opens the index or reloads it. The next\n`nba index build` leaves it out though the tables still have it, and removes it from older generations, cached vectors\nand feedback. A customer is forgotten for good: tickets that later tables bring stay out too. There is no way back.\nIds are kept as salted hashes alone; --list shows who asked when and for how much, and what builds purged.\n\nExamples:\n  nba index forget --customer CUST00017\n  nba index forget --ticket TICKET-0042 --ticket TICKET-0043 --json\n  nba index forget --customer CUST09999 --ahead\n  nba index forget --list"
)]
#[group(id = "what", required = true, multiple = true, args = ["customer", "ticket", "list"])]
pub(in crate::face::cli) struct ForgetArgs {
    /// A customer, with all tickets; can be given several times
    #[arg(long, value_name = "ID")]
    pub(in crate::face::cli) customer: Vec<String>,
    /// One ticket; can be given several times
    #[arg(long, value_name = "ID")]
    pub(in crate::face::cli) ticket: Vec<String>,
    /// Take ids that no generation holds too: later tables may bring them
    #[arg(long, conflicts_with = "list")]
    pub(in crate::face::cli) ahead: bool,
    /// Show what was asked for and what builds purged, in place of forgetting
    #[arg(long, conflicts_with_all = ["customer", "ticket"])]
    pub(in crate::face::cli) list: bool,
}
