//! The grammar of the command line, and its help. No behaviour.

mod index;
#[cfg(feature = "http")]
mod serve;
mod tune;

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub(super) use self::index::{BuildArgs, DiffArgs, ForgetArgs, IndexCommand, LogFormat, RollbackArgs, VerifyArgs};
use crate::desk::TitleLanguage;
use crate::face::question::DEFAULT_K;
use crate::generate::Locale;
use crate::index::QueryKind;

#[cfg(feature = "http")]
pub(super) use serve::ServeArgs;
pub(super) use tune::TuneArgs;

/// Next best action for customer support, offline: similar resolved tickets and what to do next, with evidence.
#[derive(Debug, Parser)]
#[command(
    name = "nba",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  nba index build --data fixtures --index index\n  nba similar TICKET-0042\n  nba recommend TICKET-0042 --json\n  nba similar --text \"estorno não caiu\" --filter \"category = 'FINANCIAL'\"\n\nIndex, model and config are looked for in this order: flag, environment, nba.toml, the current folder, the folders above the program.\nExit codes: 0 done, 2 the request is wrong, 3 a build had nothing to do, 4 gates keep a build from\nbeing published, 5 data or configuration are wrong, 6 another process writes,\n7 model, index or machine are wrong, 8 a build was stopped, 101 a bug of this program."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, ClapArgs)]
pub(super) struct Global {
    /// Config file [default: nba.toml of the current folder or of a folder above the program, if there is one]
    #[arg(long, global = true, env = "NBA_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Index folder [default: index]
    #[arg(long, global = true, env = "NBA_INDEX", value_name = "DIR")]
    pub(super) index: Option<PathBuf>,
    /// Embedding model: a folder, a name under a models folder, or `hashed` (no model, for trying out)
    #[arg(long, global = true, env = "NBA_MODEL", value_name = "DIR|NAME")]
    pub(super) model: Option<PathBuf>,
    /// Threads for embedding; 0 is one a core
    #[arg(long, global = true, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Language of action titles
    #[arg(long, global = true, value_name = "pt|en")]
    pub(super) language: Option<TitleLanguage>,
    /// Print one JSON document on standard output; errors are JSON on standard error
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Similar resolved tickets: what solved them, how long it took
    Similar(SimilarArgs),
    /// What to do next on an active ticket, with evidence, or why nothing is recommended
    Recommend(RecommendArgs),
    /// Say what became of a recommended action, for the next build to count; or show the counts
    Feedback(FeedbackArgs),
    /// One ticket as the index has it: its facts, the problem, and what was said and done
    Show(ShowArgs),
    /// Query any index: `tickets` or `steps`
    Search(SearchArgs),
    /// Build and inspect the index
    #[command(subcommand)]
    Index(IndexCommand),
    /// Answer over HTTP on this machine: JSON, and the query shape of Databricks Vector Search
    #[cfg(feature = "http")]
    Serve(ServeArgs),
    /// Offer tools to an agent over the Model Context Protocol, on standard input and output
    #[cfg(feature = "mcp")]
    #[command(
        after_help = "Examples:\n  nba mcp\n  nba mcp --index index\n\nTools: similar_tickets, recommend_action, record_feedback, search_index, get_ticket. Each call answers from the newest generation."
    )]
    Mcp,
    /// Hold the action catalogue against what agents wrote
    #[command(subcommand)]
    Actions(ActionsCommand),
    /// Show which words a text is searched by: stems, stop words, synonyms, other spellings
    Analyze(AnalyzeArgs),
    /// Replace personal data in a text by placeholders
    Mask(MaskArgs),
    /// Write a synthetic support desk: five CSV tables
    Generate(GenerateArgs),
    /// Turn lines of text into unit vectors, as a NumPy file
    Embed(EmbedArgs),
    /// Measure retrieval or next actions on labelled files
    #[command(subcommand)]
    Evaluate(EvaluateCommand),
    /// Walk the desk's history: how often the recommendation would have been what the agent did
    Replay(ReplayArgs),
    /// Find better weights and BM25 parameters for this desk by its own history, and write them to the config file
    Tune(TuneArgs),
    /// Look whether this machine can build and answer: model, runtime, index, permissions, room on the disk
    #[command(
        after_help = "Each line says ok, or what is wrong and what to do; the exit code is 7 if anything is. The index is opened as every\nreader opens it; `nba index verify` reads all of it.\n\nExamples:\n  nba doctor\n  nba doctor --index index --json"
    )]
    Doctor,
    /// Print the configuration in force, as TOML
    #[command(after_help = "Examples:\n  nba config > nba.toml\n  nba config --config nba.toml --json")]
    Config,
}

/// A ticket or a text.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(super) struct About {
    /// A ticket of the index
    #[arg(value_name = "TICKET")]
    pub(super) ticket: Option<String>,
    /// A text in place of a ticket; loads the model
    #[arg(long, value_name = "TEXT")]
    pub(super) text: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Personal data are masked, as everywhere in an index. The index keeps no times of messages.\n\nExamples:\n  nba show TICKET-0042\n  nba show TICKET-0042 --json"
)]
pub(super) struct ShowArgs {
    /// A ticket of the index
    #[arg(value_name = "TICKET")]
    pub(super) ticket: String,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "“83 % alike” means: of resolved tickets shown with that figure, 83 in 100 have the same subcategory as the one asked\nabout. It is learnt by each build, and means the same for every question; `nba index status` shows by how far it is off.\nThe order follows the score, which --explain shows and which only compares tickets of one answer.\n\nExamples:\n  nba similar TICKET-0042 -k 5 --explain\n  nba similar TICKET-0042 --min-similarity 0.5\n  nba similar TICKET-0042 --filter \"category = 'FINANCIAL' AND csat_score >= 4\"\n  nba similar --text \"sem conexão\" --filter '{\"priority NOT\": \"LOW\"}' --json"
)]
pub(super) struct SimilarArgs {
    #[command(flatten)]
    pub(super) about: About,
    /// How many tickets
    #[arg(short, long, default_value_t = DEFAULT_K, value_name = "N")]
    pub(super) k: usize,
    /// Only tickets that match: SQL-like text or a JSON object
    #[arg(long, value_name = "FILTER")]
    pub(super) filter: Option<String>,
    /// Show tickets that are nearly the same as a better one for themselves, rather than under it
    #[arg(long)]
    pub(super) every_ticket: bool,
    /// Of these only tickets that are the same problem with at least this probability, 0 to 1
    #[arg(long, value_name = "P")]
    pub(super) min_similarity: Option<f32>,
    /// Show what each leg gave, and say why each ticket is there
    #[arg(long)]
    pub(super) explain: bool,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Nothing is recommended, for the first of these reasons that holds: no_history, index_too_old, nothing_similar,\noutside_catalogue, low_confidence, legs_disagree, too_few_outcomes. `nba config` shows their limits under [recommend].\n\nExamples:\n  nba recommend TICKET-0042\n  nba recommend TICKET-0042 --min-confidence 0.5 --explain\n  nba recommend --text \"o terminal mostra erro 51 em toda venda\" --json"
)]
pub(super) struct RecommendArgs {
    #[command(flatten)]
    pub(super) about: About,
    /// Only evidence that matches: SQL-like text or a JSON object over columns that both indexes have
    #[arg(long, value_name = "FILTER")]
    pub(super) filter: Option<String>,
    /// Recommend nothing when the best action is right less often than this, 0 to 1 [default: recommend.min_confidence]
    #[arg(long, allow_negative_numbers = true, value_name = "P")]
    pub(super) min_confidence: Option<f32>,
    /// Show every piece of evidence and the terms of each score
    #[arg(long)]
    pub(super) explain: bool,
}

#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("verdict").args(["accepted", "rejected", "edited", "displayed", "list"]).required(true),
    after_help = "Examples:\n  nba feedback TICKET-0042 --action RELEASE_PAYOUT --accepted\n  nba feedback TICKET-0042 --action REFUND_FEE --edited --edited-to ESCALATE_L2\n  nba feedback --list --ticket TICKET-0042 --json\n\nVerdicts are appended to a log in the index folder. Of several on the same action of a recommendation (of a ticket,\nwithout --recommendation) the last counts. Ids alone are kept: give no names."
)]
pub(super) struct FeedbackArgs {
    /// A ticket of the index
    #[arg(value_name = "TICKET", required_unless_present = "list")]
    pub(super) ticket: Option<String>,
    /// The action that was recommended: an id of the catalogue
    #[arg(long, value_name = "A", required_unless_present = "list")]
    pub(super) action: Option<String>,
    /// It was carried out as recommended
    #[arg(long)]
    pub(super) accepted: bool,
    /// It was not carried out
    #[arg(long)]
    pub(super) rejected: bool,
    /// It was changed before it was carried out; counts half
    #[arg(long)]
    pub(super) edited: bool,
    /// It was shown, and nobody has decided; a tenth of a rejection
    #[arg(long)]
    pub(super) displayed: bool,
    /// The action that was taken in its place
    #[arg(long, value_name = "B", requires = "edited")]
    pub(super) edited_to: Option<String>,
    /// The id of the recommendation that showed it
    #[arg(long, value_name = "ID")]
    pub(super) recommendation: Option<String>,
    /// The id of whoever decided
    #[arg(long, value_name = "WHO")]
    pub(super) by: Option<String>,
    /// Show the counts by action
    #[arg(long, conflicts_with_all = ["ticket", "action", "edited_to", "recommendation", "by"])]
    pub(super) list: bool,
    /// With --list: of this ticket alone
    #[arg(long = "ticket", value_name = "T", requires = "list")]
    pub(super) only_ticket: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  nba search tickets --text \"chargeback 10.4\" --type full_text --columns subject\n  nba search steps --row TICKET-0042#next --type ann --filter \"resolved = true\"\n  nba search tickets --vector 0.1,-0.2,… --type ann"
)]
pub(super) struct SearchArgs {
    /// Which index
    #[arg(value_name = "INDEX")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) by: ByArgs,
    /// Which legs [default: hybrid; ann for a vector]
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Option<KindArg>,
    /// How many rows
    #[arg(short, long, default_value_t = DEFAULT_K, value_name = "N")]
    pub(super) k: usize,
    /// Only rows that match: SQL-like text or a JSON object
    #[arg(long, value_name = "FILTER")]
    pub(super) filter: Option<String>,
    /// Which columns to print, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(super) columns: Option<Vec<String>>,
    /// Show every row of a ticket, not only its best
    #[arg(long)]
    pub(super) every_row: bool,
    /// Say why each row is there
    #[arg(long)]
    pub(super) explain: bool,
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(super) struct ByArgs {
    /// A text; embedded unless the type is full_text
    #[arg(long, value_name = "TEXT")]
    pub(super) text: Option<String>,
    /// A vector: numbers separated by commas
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, value_name = "NUMBERS")]
    pub(super) vector: Option<Vec<f32>>,
    /// The stored vector and text of a row, by its key
    #[arg(long, value_name = "KEY")]
    pub(super) row: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KindArg {
    /// Nearest vectors
    Ann,
    /// Nearest vectors and keywords, fused
    Hybrid,
    /// Keywords
    #[value(name = "full_text")]
    FullText,
}

impl From<KindArg> for QueryKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Ann => Self::Ann,
            KindArg::Hybrid => Self::Hybrid,
            KindArg::FullText => Self::FullText,
        }
    }
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Placeholders: [CPF], [CNPJ], [SSN], [CARD], [ACCOUNT], [PIX_KEY], [EMAIL], [PHONE], [ADDRESS], [BIRTH_DATE], [NAME].\nNumbers that a payment is traced by (NSU, TID, authorisation, order, terminal), amounts and other dates stay.\n\nThe masked text goes to standard output, a count by kind to standard error. With --json each line becomes one line\nof JSON: {\"found\": {\"CPF\": 1}, \"line\": 1, \"text\": \"…\"}; `found` names the kinds that the line holds.\nA line stays a line. A line that is not UTF-8 or longer than 1 MiB is an error (exit code 5); lines before it have\nbeen written by then.\n\nExamples:\n  nba mask messages.txt > masked.txt\n  nba mask --names customers.csv messages.txt\n  echo 'Meu CPF é 529.982.247-25' | nba mask - --json"
)]
pub(super) struct MaskArgs {
    /// A text file, or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// CSV or Parquet with people to mask wherever they are named, such as customers.csv: column `customer_name` or
    /// `name`, and `email`, `cpf`, `phone` where there are
    #[arg(long, value_name = "FILE")]
    pub(super) names: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Every text is searched in both languages, and the better counts. A stop word is never searched for. A synonym counts\nin place of a word that a row lacks, times its weight; so do other spellings of a word that no row has. `nba config`\nshows the weights under [keyword].\nWith --index (or NBA_INDEX, or `index` in nba.toml), in how many rows each is.\n\nExamples:\n  nba analyze \"estorno não caiu\"\n  nba analyze \"maquinnha sem sinal\" --index index\n  nba analyze \"chargeback 10.4\" --index index --in steps --json"
)]
pub(super) struct AnalyzeArgs {
    /// The text
    #[arg(value_name = "TEXT")]
    pub(super) text: String,
    /// Which index to count rows in
    #[arg(long = "in", default_value = "tickets", value_name = "INDEX")]
    pub(super) name: String,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  nba generate --out desk --seed 42 --tickets 500 --locale pt-BR\n  nba generate --out desk --locale mixed --labels --queries"
)]
pub(super) struct GenerateArgs {
    /// Folder to write the five tables into; made if need be
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 42, value_name = "N")]
    pub(super) seed: u64,
    /// How many tickets
    #[arg(long, default_value_t = 500, value_name = "N")]
    pub(super) tickets: usize,
    /// Language of the texts
    #[arg(long, default_value = "pt-BR", value_name = "pt-BR|en|mixed")]
    pub(super) locale: Locale,
    /// Add the true action of each agent message as a column, and oracle.csv: what could at best be expected of each
    #[arg(long)]
    pub(super) labels: bool,
    /// Add queries.csv: questions whose answers are known, for `nba evaluate queries`
    #[arg(long)]
    pub(super) queries: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  nba embed --in texts.txt --out vectors.npy")]
pub(super) struct EmbedArgs {
    /// A file with one text a line
    #[arg(long = "in", value_name = "FILE")]
    pub(super) input: PathBuf,
    /// Where to write the matrix: one row a line, 32-bit floats
    #[arg(long, value_name = "FILE.npy")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum ActionsCommand {
    /// What share of the messages is assigned to an action, how rightly, and where it is doubtful
    Check(CheckArgs),
    /// Propose new catalogue entries for what agents say and no action covers
    Discover(DiscoverArgs),
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Where the interactions have an `action` column, the assignment is also held against it.\n\nExamples:\n  nba actions check --data fixtures\n  nba actions check --data export/ --actions mine.toml --json"
)]
pub(super) struct CheckArgs {
    /// Folder with the five source tables
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Action catalogue [default: actions.toml in the data folder, else the built-in one]
    #[arg(long, value_name = "FILE")]
    pub(super) actions: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Prints TOML that a catalogue can hold as it is; a person drops what is no action and edits the rest.\n\nExamples:\n  nba actions discover --data fixtures\n  nba actions discover --data export/ --min-size 20 --out proposed.toml"
)]
pub(super) struct DiscoverArgs {
    /// Folder with the five source tables
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Action catalogue [default: actions.toml in the data folder, else the built-in one]
    #[arg(long, value_name = "FILE")]
    pub(super) actions: Option<PathBuf>,
    /// In how many tickets it must be said
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(super) min_size: usize,
    /// Write the TOML there in place of printing it
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum EvaluateCommand {
    /// P@1, P@10, hit@3, hit@5 and kNN accuracy of the dense, keyword and hybrid legs on a labelled CSV
    Retrieval(RetrievalArgs),
    /// Accuracy, weighted F1 and acc@3 of the next action on labelled JSON lines, with floors
    Actions(ActionsArgs),
    /// hit@1, hit@10 and MRR of the dense, keyword and hybrid legs on questions whose answers are known
    Queries(QueriesArgs),
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Each row of the file has a set, a query, and the ids of the tickets that answer it, separated by |; where there is a\ncolumn `ignored`, the tickets named there are passed over. The index is asked as by nba search tickets, among resolved\ntickets; the first right one is looked for among the first hundred.\n\nExamples:\n  nba generate --out desk --locale mixed --queries\n  nba index build --data desk --index index\n  nba evaluate queries --queries desk/queries.csv\n  nba evaluate queries --index index --queries desk/queries.csv --json"
)]
pub(super) struct QueriesArgs {
    /// CSV with the columns `set`, `query` and `answers`, as nba generate --queries writes it
    #[arg(long, value_name = "FILE")]
    pub(super) queries: PathBuf,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  nba evaluate retrieval --train a.csv --test b.csv --text text --label category\n  nba evaluate retrieval --leave-one-out all.csv --text texto --label tema --json"
)]
pub(super) struct RetrievalArgs {
    /// Labelled rows to search in
    #[arg(long, value_name = "FILE", required_unless_present = "leave_one_out", requires = "test")]
    pub(super) train: Option<PathBuf>,
    /// Labelled rows to search for
    #[arg(long, value_name = "FILE", requires = "train")]
    pub(super) test: Option<PathBuf>,
    /// One file: each row is searched for among the others
    #[arg(long, value_name = "FILE", conflicts_with_all = ["train", "test"])]
    pub(super) leave_one_out: Option<PathBuf>,
    /// Column with the text
    #[arg(long, value_name = "COL")]
    pub(super) text: String,
    /// Column with the label
    #[arg(long, value_name = "COL")]
    pub(super) label: String,
    /// Field separator
    #[arg(long, default_value = ",", value_name = "CHAR")]
    pub(super) delimiter: char,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Each line: {\"case\": \"…\", \"category\": \"…\"|null, \"turns\": [{\"author\": \"CUSTOMER\"|\"AGENT\", \"text\": \"…\", \"action\": \"…\"|null}, …], \"action\": \"…\"}\n\nExample:\n  nba evaluate actions --train train.jsonl --test test.jsonl --json"
)]
pub(super) struct ActionsArgs {
    /// Cases to learn from
    #[arg(long, value_name = "FILE")]
    pub(super) train: PathBuf,
    /// Cases to predict
    #[arg(long, value_name = "FILE")]
    pub(super) test: PathBuf,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Each step of an agent is answered with what was known just before: tickets that had ended by then.\nBaselines: the most frequent action (majority), the one in the subcategory, the one after the last action, and what was done at the same place in well-rated tickets of the same kind.\nA desk of `nba generate --labels` also tells how often an oracle is right that knows all odds and what could be read by then, and an insider who also knows what is wrong.\n\nExamples:\n  nba replay --data fixtures\n  nba replay --data export/ --since 2026-03-01 --json\n  nba replay --data export/ --unseen CHARGEBACK --report replay/"
)]
pub(super) struct ReplayArgs {
    /// Folder with the five source tables
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Ask only about steps from this day on; what was before is known
    #[arg(long, value_name = "DATE")]
    pub(super) since: Option<String>,
    /// Ask only about tickets of this category, and take all of them for unknown: a kind of problem never seen before
    #[arg(long, value_name = "CATEGORY")]
    pub(super) unseen: Option<String>,
    /// Write replay.md with its plots (SVG) into this folder too
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// Action catalogue [default: actions.toml in the data folder, else the built-in one]
    #[arg(long, value_name = "FILE")]
    pub(super) actions: Option<PathBuf>,
    /// Skip and count bad rows in place of refusing them
    #[arg(long)]
    pub(super) lenient: bool,
}
