//! The terminal: parse (cannot fail on the machine) → resolve (files, environment) → run → print → exit code.

mod actions;
mod analyze;
mod args;
mod build;
mod doctor;
mod embed;
mod evaluate;
mod feedback;
mod forget;
mod generate;
mod generations;
mod inspect;
mod mask;
mod metrics;
mod plot;
mod printer;
mod query;
mod render;
mod replay;
mod report;
#[cfg(feature = "http")]
mod serve;
mod settings;
mod show;
mod stop;
mod tune;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command, IndexCommand};
use printer::Printer;
use settings::Settings;

use crate::error::Result;

/// Runs the program on its arguments.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // What could not be parsed cannot say that JSON is wanted: the words are looked at as they are.
        Err(error) => return Printer::new(std::env::args_os().any(|word| word == "--json")).usage(&error),
    };
    let printer = Printer::new(args.global.json);
    match run(args, &printer) {
        Ok(code) => code,
        Err(error) => printer.error(&error),
    }
}

fn run(args: Args, printer: &Printer) -> Result<ExitCode> {
    let settings = Settings::resolve(args.global)?;
    match args.command {
        Command::Similar(args) => query::similar(args, settings, printer),
        Command::Recommend(args) => query::recommend(args, settings, printer),
        Command::Feedback(args) => feedback::feedback(args, &settings, printer),
        Command::Show(args) => show::show(&args, &settings, printer),
        Command::Search(args) => query::search(args, settings, printer),
        Command::Index(IndexCommand::Build(args)) => return build::build(args, settings, printer),
        Command::Index(IndexCommand::List) => generations::list(&settings, printer),
        Command::Index(IndexCommand::Rollback(args)) => generations::rollback(&args, &settings, printer),
        Command::Index(IndexCommand::Diff(args)) => generations::diff(&args, &settings, printer),
        Command::Index(IndexCommand::Forget(args)) => forget::forget(args, &settings, printer),
        Command::Index(IndexCommand::Status) => inspect::status(&settings, printer),
        Command::Index(IndexCommand::Verify(args)) => inspect::verify(&args, &settings, printer),
        #[cfg(feature = "http")]
        Command::Serve(args) => serve::serve(&args, &settings, printer),
        #[cfg(feature = "mcp")]
        Command::Mcp => crate::face::mcp::serve(settings.engine()?, settings.config.language),
        Command::Actions(command) => actions::actions(command, &settings, printer),
        Command::Analyze(args) => analyze::analyze(&args, &settings, printer),
        Command::Mask(args) => mask::mask(&args, printer),
        Command::Generate(args) => generate::generate(args, printer),
        Command::Embed(args) => embed::embed(args, &settings, printer),
        Command::Evaluate(args) => evaluate::evaluate(args, &settings, printer),
        Command::Replay(args) => replay::replay(args, &settings, printer),
        Command::Tune(args) => tune::tune(&args, &settings, printer),
        Command::Doctor => return doctor::doctor(&settings, printer),
        Command::Config => inspect::config(&settings, printer),
    }?;
    Ok(ExitCode::SUCCESS)
}
