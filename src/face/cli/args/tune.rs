//! The grammar of `nba tune`, and its help.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Tuned are method, k and keyword_weight of [fusion], k1 and b of [keyword], and the boosts of [build.keyword], which\ncount from the next build on; by questions also exact_weight, since whole tickets cannot tell what codes need. Where tickets judge each other, one ticket of each resolved thread\nasks for resolved tickets of other threads that the same action solved: the more of the first ten, the better (P@10).\nQuestions of a file are judged by the rank of the first right ticket (MRR).\n\nParameters are chosen on four fifths of the threads and judged on the fifth that had no say, five times. They are\nwritten only where the 95 % interval of that gain lies above 0; else the file stays as it is and says so, which is an\nanswer and no error (exit code 0; with --json, is_sure is false). Comments and other keys of the file stay. At least 60\nthreads, or sets of questions without a common answer, are needed.\n\nExamples:\n  nba tune --dry-run\n  nba tune --index index --config nba.toml\n  nba tune --judge subcategory --json\n  nba tune --queries desk/queries.csv"
)]
pub(in crate::face::cli) struct TuneArgs {
    /// Text column of `tickets`: right is another resolved ticket that holds the same
    #[arg(long, default_value = "solved_by", value_name = "COLUMN")]
    pub(in crate::face::cli) judge: String,
    /// CSV of questions and their answers, as nba evaluate queries reads it, in place of a column
    #[arg(long, value_name = "FILE", conflicts_with = "judge")]
    pub(in crate::face::cli) queries: Option<PathBuf>,
    /// The same index, configuration and seed tune the same
    #[arg(long, default_value_t = 42, value_name = "N")]
    pub(in crate::face::cli) seed: u64,
    /// Of more questions, ask so many
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub(in crate::face::cli) most: usize,
    /// Print what was found and write nothing
    #[arg(long)]
    pub(in crate::face::cli) dry_run: bool,
    /// Deal the judgements out at random by this seed first: whatever is found then is noise. Writes nothing
    #[arg(long, value_name = "SEED")]
    pub(in crate::face::cli) permute: Option<u64>,
}
