//! `nba similar`, `nba recommend`, `nba search`.

use super::args::{About, ByArgs, RecommendArgs, SearchArgs, SimilarArgs};
use super::printer::Printer;
use super::render;
use super::settings::Settings;
use crate::engine::{By, RecommendRequest, SearchRequest, SimilarRequest, Subject};
use crate::error::{Error, Result};
use crate::face::clock::now_micros;
use crate::face::question::{default_kind, filter};
use crate::face::wire::{RecommendJson, SearchJson, SimilarJson};
use crate::index::QueryKind;

pub(super) fn similar(args: SimilarArgs, settings: Settings, printer: &Printer) -> Result<()> {
    let request = SimilarRequest {
        subject: subject(args.about),
        k: args.k,
        filter: filter(args.filter.as_deref())?,
        every_ticket: args.every_ticket,
        explain: args.explain,
    };
    let answer = settings.engine()?.similar(&request)?;
    let language = settings.config.language;
    if printer.json() {
        return printer.document(&SimilarJson::new(answer, language));
    }
    printer.text(&render::similar(&request.subject, &answer, language, args.explain))
}

pub(super) fn recommend(args: RecommendArgs, settings: Settings, printer: &Printer) -> Result<()> {
    let request = RecommendRequest {
        subject: subject(args.about),
        filter: filter(args.filter.as_deref())?,
        min_confidence: args.min_confidence,
        now: Some(now_micros()),
    };
    let answer = settings.engine()?.recommend(&request)?;
    let language = settings.config.language;
    if printer.json() {
        return printer.document(&RecommendJson::new(answer, language));
    }
    printer.text(&render::recommendation(&request.subject, &answer, language, args.explain))
}

pub(super) fn search(args: SearchArgs, settings: Settings, printer: &Printer) -> Result<()> {
    let by = by(args.by)?;
    let request = SearchRequest {
        index: args.name,
        kind: args.kind.map_or_else(|| default_kind(&by), QueryKind::from),
        by,
        k: args.k,
        filter: filter(args.filter.as_deref())?,
        columns: args.columns,
        one_per_group: !args.every_row,
        explain: args.explain,
    };
    let answer = settings.engine()?.search(&request)?;
    if printer.json() {
        return printer.document(&SearchJson::from(answer));
    }
    printer.text(&render::rows(&answer, args.explain))
}

fn subject(about: About) -> Subject {
    match about {
        About { ticket: Some(ticket), .. } => Subject::Ticket(ticket),
        About { text, .. } => Subject::Text(text.unwrap_or_default()),
    }
}

fn by(args: ByArgs) -> Result<By> {
    match args {
        ByArgs { text: Some(text), .. } => Ok(By::Text(text)),
        ByArgs { row: Some(row), .. } => Ok(By::Row(row)),
        ByArgs { vector: Some(vector), .. } => Ok(By::Vector(vector)),
        ByArgs { .. } => Err(Error::argument("search", "give --text, --vector or --row")),
    }
}
