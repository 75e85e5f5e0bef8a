//! `nba serve`.

use serde_json::json;

use super::args::ServeArgs;
use super::printer::Printer;
use super::settings::Settings;
use crate::error::Result;
use crate::face::http;

pub(super) fn serve(args: &ServeArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    http::refuse_other_machines(args.listen)?;
    let engine = settings.engine()?;
    http::serve(engine, settings.config.language, args.listen, |address| {
        let url = format!("http://{address}");
        if printer.json() {
            return printer.line(&json!({ "listening": url }));
        }
        printer.note(&format!("answering from {} on {url}", settings.index.display()));
        Ok(())
    })
}
