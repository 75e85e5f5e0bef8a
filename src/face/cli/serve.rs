//! `nba serve`.

use std::sync::Arc;

use serde_json::json;

use super::args::ServeArgs;
use super::printer::Printer;
use super::settings::Settings;
use crate::engine::EngineParams;
use crate::error::Result;
use crate::face::http::{self, Metrics, Serving};

pub(super) fn serve(args: &ServeArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let params = args.params(&settings.config.serve);
    http::check(args.listen, &params)?;
    let metrics = Metrics::new();
    let engine = Arc::new(settings.engine_with(|engine| EngineParams {
        longest_text: Some(params.text_kb * 1024),
        watch: metrics.watch(),
        ..engine
    })?);
    let catalog = Arc::new(settings.catalog(Arc::clone(&engine), args.strict)?);
    let scheme = if params.tls_cert.is_some() { "https" } else { "http" };
    let say = Printer::new(printer.json());
    let note = Arc::new(move |text: &str| say.note(text));
    let language = settings.config.language;
    let serving = Serving { engine, catalog, language, listen: args.listen, params, metrics, note };
    http::serve(serving, |address| {
        let url = format!("{scheme}://{address}");
        if printer.json() {
            return printer.line(&json!({ "listening": url }));
        }
        printer.note(&format!("answering from {} on {url}", settings.index.display()));
        Ok(())
    })
}
