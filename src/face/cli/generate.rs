//! `nba generate`.

use indicatif::ProgressBar;

use super::args::GenerateArgs;
use super::printer::Printer;
use crate::error::Result;
use crate::generate::{GenerateParams, generate as write_desk};

pub(super) fn generate(args: GenerateArgs, printer: &Printer) -> Result<()> {
    let params = GenerateParams { tickets: args.tickets, seed: args.seed, locale: args.locale, labels: args.labels };
    let bar = Printer::watched().then(|| ProgressBar::new(args.tickets as u64));
    let report = write_desk(&args.out, &params, &mut |done, _| {
        if let Some(bar) = &bar {
            bar.set_position(done as u64);
        }
    })?;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    if printer.json() {
        return printer.document(&report);
    }
    printer.text(&format!(
        "{}: {} companies, {} customers, {} agents, {} tickets, {} interactions\n",
        args.out.display(),
        report.companies,
        report.customers,
        report.agents,
        report.tickets,
        report.interactions
    ))
}
