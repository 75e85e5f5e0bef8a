//! `nba generate`.

use super::args::GenerateArgs;
use super::printer::{Bar, Printer};
use crate::error::Result;
use crate::generate::{GenerateParams, generate as write_desk};

pub(super) fn generate(args: GenerateArgs, printer: &Printer) -> Result<()> {
    let GenerateArgs { tickets, seed, locale, labels, queries, .. } = args;
    let params = GenerateParams { tickets, seed, locale, labels, queries };
    let mut bar = Bar::new("tickets");
    let report = write_desk(&args.out, &params, &mut |done, total| bar.show(done, total))?;
    bar.end();
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
