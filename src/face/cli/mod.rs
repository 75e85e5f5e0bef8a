//! The terminal: parse (cannot fail on the machine) → resolve (files, environment) → run → print → exit code.

mod args;
mod build;
mod evaluate;
mod generate;
mod inspect;
mod printer;
mod query;
mod render;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command, IndexCommand};
use printer::Printer;
use settings::Settings;

use crate::error::Result;

/// Runs the program on its arguments.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let printer = Printer::new(args.global.json);
    match run(args, &printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => printer.error(&error),
    }
}

fn run(args: Args, printer: &Printer) -> Result<()> {
    let settings = Settings::resolve(args.global)?;
    match args.command {
        Command::Similar(args) => query::similar(args, settings, printer),
        Command::Recommend(args) => query::recommend(args, settings, printer),
        Command::Search(args) => query::search(args, settings, printer),
        Command::Index(IndexCommand::Build(args)) => build::build(args, settings, printer),
        Command::Index(IndexCommand::Status) => inspect::status(&settings, printer),
        Command::Index(IndexCommand::Verify) => inspect::verify(&settings, printer),
        Command::Generate(args) => generate::generate(args, printer),
        Command::Evaluate(args) => evaluate::evaluate(args, &settings, printer),
        Command::Config => inspect::config(&settings, printer),
    }
}
