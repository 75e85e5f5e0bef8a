//! `nba index status`, `nba index verify`, `nba config`.

use std::fmt::Write as _;

use serde_json::json;

use super::args::VerifyArgs;
use super::printer::Printer;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::face::explain::plural;
use crate::face::wire::{HiddenJson, StatusJson};
use crate::index::SegmentEntry;
use crate::privacy;
use crate::similarity::{Fit, Measured, WHY_NONE};
use crate::snapshot::Snapshot;

pub(super) fn status(settings: &Settings, printer: &Printer) -> Result<()> {
    let snapshot = Snapshot::open(&settings.index)?;
    let status = StatusJson::new(&snapshot)?;
    if printer.json() {
        return printer.document(&status);
    }
    let StatusJson { generation, indexes, similarity, forgotten } = status;
    let mut out = format!("index       {}\n", settings.index.display());
    let _ =
        writeln!(out, "generation  {}, built {} by {}", generation.name, generation.created_at, generation.built_by);
    let model = &generation.model;
    let fingerprint: String = model.fingerprint.chars().take(8).collect();
    let _ = writeln!(out, "model       {}@{fingerprint}, {} dimensions", model.name, model.dimension);
    let _ = writeln!(out, "size        {:.1} MB", generation.bytes() as f64 / 1e6);
    for manifest in indexes {
        let kind = |segment: &SegmentEntry| format!("{} vectors ({})", segment.vector.as_str(), segment.vector_why);
        let kinds: Vec<String> = manifest.segments.iter().map(kind).collect();
        let fields: Vec<&str> = manifest.text_fields.iter().map(|field| field.name.as_str()).collect();
        let _ = writeln!(
            out,
            "{:<11} {} rows, {}, keywords over {}",
            manifest.name,
            manifest.rows(),
            kinds.join(" + "),
            fields.join(", ")
        );
    }
    if let Some(HiddenJson { tickets, rows, pending }) = forgotten {
        let purged = if pending { "the next build purges them" } else { "all is purged" };
        let _ = writeln!(
            out,
            "forgotten   {tickets} ticket{}, {rows} row{} hidden; {purged}",
            plural(tickets),
            plural(rows)
        );
    }
    out.push_str(&held(similarity.as_ref()));
    printer.text(&out)
}

/// How well similarities hold, a line a group.
fn held(similarity: Option<&Measured>) -> String {
    let Some(Measured { queries, all, groups }) = similarity else {
        return format!("similarity  no percentages: {WHY_NONE}\n");
    };
    let mut out = format!("similarity  asked for {queries} tickets that were held out\n");
    let all = ("all".to_owned(), all);
    let groups = groups.iter().map(|group| (format!("{} {}", group.by, group.value), &group.fit));
    for (name, Fit { pairs, said, seen, error }) in std::iter::once(all).chain(groups) {
        let _ =
            writeln!(out, "  {name:<28}{pairs:>7} pairs: said {said:.3}, so {seen:.3}, calibration error {error:.3}");
    }
    out
}

pub(super) fn verify(args: &VerifyArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let snapshot = match &args.generation {
        Some(name) => Snapshot::open_named(&settings.index, name)?,
        None => Snapshot::open(&settings.index)?,
    };
    snapshot.verify()?;
    let searched = if args.pii { Some(privacy::search(&snapshot)?) } else { None };
    let generation = snapshot.generation();
    let rows = generation.rows();
    if printer.json() {
        let mut document = json!({ "generation": generation.name, "rows": rows, "ok": true });
        if let Some(searched) = searched {
            document["pii"] =
                json!({ "found": 0, "files": searched.files, "bytes": searched.bytes, "texts": searched.texts });
        }
        return printer.document(&document);
    }
    printer.text(&format!(
        "generation {} is whole: {rows} rows, {:.1} MB, every checksum, count and graph point\n",
        generation.name,
        generation.bytes() as f64 / 1e6
    ))?;
    if let Some(searched) = searched {
        printer.text(&format!(
            "no raw CPF, CNPJ, card, e-mail or phone: {} files, {:.1} MB, {} texts and terms\n",
            searched.files,
            searched.bytes as f64 / 1e6,
            searched.texts
        ))?;
    }
    Ok(())
}

pub(super) fn config(settings: &Settings, printer: &Printer) -> Result<()> {
    if printer.json() {
        return printer.document(&settings.config);
    }
    let text = toml::to_string_pretty(&settings.config).map_err(|error| Error::internal("writing TOML", error))?;
    printer.text(&text)
}
