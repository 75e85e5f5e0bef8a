//! `nba actions check`, `nba actions discover`.

use std::fmt::Write as _;

use super::args::{ActionsCommand, CheckArgs, DiscoverArgs};
use super::build::catalogue;
use super::printer::{Bar, Printer, write_whole};
use super::render::shortened;
use super::settings::Settings;
use crate::actions::{CheckReport, Example, check as check_catalogue, discover as discover_actions};
use crate::desk;
use crate::desk::discover::DiscoverParams;
use crate::engine::open_model;
use crate::error::{Error, Result};

/// Characters of a message that a line shows.
const SHOWN_CHARS: usize = 90;

pub(super) fn actions(command: ActionsCommand, settings: &Settings, printer: &Printer) -> Result<()> {
    match command {
        ActionsCommand::Check(args) => check(args, settings, printer),
        ActionsCommand::Discover(args) => discover(args, settings, printer),
    }
}

fn check(args: CheckArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let config = &settings.config;
    let catalogue = catalogue(args.actions.or(config.actions.clone()), &args.data)?;
    let desk = desk::load(&args.data, &config.build.read)?;
    let embedder = open_model(&settings.model()?, &config.embed)?;
    let mut bar = Bar::new("embed");
    let report = check_catalogue(&desk, &catalogue, &config.build.assign, embedder.as_ref(), &mut |done, total| {
        bar.show(done, total);
    })?;
    bar.end();
    if printer.json() { printer.document(&report) } else { printer.text(&summary(&report)) }
}

fn discover(args: DiscoverArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    if args.min_size == 0 {
        return Err(Error::argument("--min-size", "it is 1 or more"));
    }
    let config = &settings.config;
    let catalogue = catalogue(args.actions.or(config.actions.clone()), &args.data)?;
    let desk = desk::load(&args.data, &config.build.read)?;
    let embedder = open_model(&settings.model()?, &config.embed)?;
    let params = DiscoverParams { min_tickets: args.min_size, ..DiscoverParams::default() };
    let mut bar = Bar::new("embed");
    let report =
        discover_actions(&desk, &catalogue, (&config.build.assign, &params), embedder.as_ref(), &mut |done, total| {
            bar.show(done, total);
        })?;
    bar.end();
    if let Some(out) = &args.out {
        write_whole(out, |file| Ok(file.write_all(report.toml.as_bytes())?))?;
    }
    if printer.json() {
        return printer.document(&report);
    }
    let told = format!(
        "{} messages, {} of them open (no action, or hardly one), {} different sentences: {} proposals",
        report.messages,
        report.open,
        report.sentences,
        report.proposals.len()
    );
    match &args.out {
        Some(out) => printer.text(&format!("{told}\nwritten to {}\n", out.display())),
        None => {
            printer.note(&told);
            printer.text(&report.toml)
        }
    }
}

fn summary(report: &CheckReport) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut out = format!(
        "{} messages of agents in {} tickets: {} assigned by their words, {} OTHER; {} given in the tables\n",
        report.messages,
        report.tickets,
        percent(report.assigned_share),
        percent(report.other_share),
        report.given
    );
    let width = report.actions.iter().map(|count| count.action.len()).max().unwrap_or_default();
    let _ = writeln!(out, "\n{:<width$}{:>10}{:>9}{:>8}{:>8}", "", "assigned", "share", "given", "right");
    for count in &report.actions {
        let _ = writeln!(
            out,
            "{:<width$}{:>10}{:>9}{:>8}{:>8}",
            count.action,
            count.assigned,
            percent(count.share),
            count.given,
            count.right
        );
    }
    if let Some(accuracy) = &report.accuracy {
        let _ = writeln!(
            out,
            "\nAgainst the {} given: {} right, {} OTHER, {} wrong; most frequent confusions",
            accuracy.labelled,
            percent(accuracy.right),
            percent(accuracy.other),
            percent(accuracy.wrong)
        );
        for confusion in &accuracy.confusions {
            let message = shortened(&confusion.example, SHOWN_CHARS);
            let _ = writeln!(
                out,
                "{:>5}  {} taken for {}: “{message}”",
                confusion.messages, confusion.given, confusion.assigned
            );
        }
    }
    examples(&mut out, "Assigned, least certain first", &report.least_certain);
    examples(&mut out, "OTHER, nearest to an action first", &report.nearest_misses);
    out
}

fn examples(out: &mut String, title: &str, examples: &[Example]) {
    if examples.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for example in examples {
        let message = shortened(&example.message, SHOWN_CHARS);
        let _ = writeln!(out, "{:>6.3}  {}  {}: “{message}”", example.likeness, example.action, example.ticket_id);
    }
}
