//! `nba evaluate retrieval`, `nba evaluate actions`, `nba evaluate queries`.

use std::fmt::Write as _;

use super::args::{ActionsArgs, EvaluateCommand, QueriesArgs, RetrievalArgs};
use super::printer::{Bar, Printer};
use super::settings::Settings;
use crate::engine::open_model;
use crate::error::{Error, Result};
use crate::evaluate::{
    RetrievalTask, evaluate_actions, evaluate_queries, evaluate_retrieval, read_cases, read_questions, read_samples,
};

pub(super) fn evaluate(command: EvaluateCommand, settings: &Settings, printer: &Printer) -> Result<()> {
    match command {
        EvaluateCommand::Retrieval(args) => retrieval(args, settings, printer),
        EvaluateCommand::Actions(args) => actions(args, settings, printer),
        EvaluateCommand::Queries(args) => queries(&args, settings, printer),
    }
}

fn retrieval(args: RetrievalArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let delimiter = u8::try_from(args.delimiter)
        .map_err(|_| Error::argument("--delimiter", format!("`{}` is not an ASCII character", args.delimiter)))?;
    let read = |path| read_samples(path, &args.text, &args.label, delimiter);
    let task = match (&args.leave_one_out, &args.train, &args.test) {
        (Some(file), _, _) => RetrievalTask::LeaveOneOut(read(file)?),
        (None, Some(train), Some(test)) => RetrievalTask::Split { train: read(train)?, test: read(test)? },
        (None, _, _) => return Err(Error::argument("--train", "give --train and --test, or --leave-one-out")),
    };
    let embedder = open_model(&settings.model()?, &settings.config.embed)?;
    let mut bar = Bar::new("embed");
    let params = (&settings.config.fusion, &settings.config.keyword);
    let report = evaluate_retrieval(&task, embedder.as_ref(), params, &mut |done, total| bar.show(done, total))?;
    bar.end();
    if printer.json() {
        return printer.document(&report);
    }
    let mut out = format!("{} rows\n{:<9}", report.rows, "");
    for figure in ["P@1", "P@10", "hit@3", "hit@5", "kNN"] {
        let _ = write!(out, "{figure:>8}");
    }
    out.push('\n');
    for (name, leg) in [("dense", report.legs.dense), ("keyword", report.legs.keyword), ("hybrid", report.legs.hybrid)]
    {
        let _ = write!(out, "{name:<9}");
        for figure in [leg.p_at_1, leg.p_at_10, leg.hit_at_3, leg.hit_at_5, leg.knn_accuracy] {
            let _ = write!(out, "{figure:>8.3}");
        }
        out.push('\n');
    }
    printer.text(&out)
}

fn actions(args: ActionsArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let (train, test) = (read_cases(&args.train)?, read_cases(&args.test)?);
    let embedder = open_model(&settings.model()?, &settings.config.embed)?;
    let mut bar = Bar::new("embed");
    let params = (&settings.config.recommend, &settings.config.build.learn);
    let report = evaluate_actions(&train, &test, embedder.as_ref(), params, &mut |done, total| {
        bar.show(done, total);
    })?;
    bar.end();
    if printer.json() {
        return printer.document(&report);
    }
    let mut out = format!("{} rows\n{:<11}{:>9}{:>13}{:>7}\n", report.rows, "", "accuracy", "weighted F1", "acc@3");
    for (name, figures) in
        [("majority", report.floors.majority), ("frequency", report.floors.frequency), ("nba", report.figures)]
    {
        let _ =
            writeln!(out, "{name:<11}{:>9.3}{:>13.3}{:>7.3}", figures.accuracy, figures.weighted_f1, figures.acc_at_3);
    }
    printer.text(&out)
}

fn queries(args: &QueriesArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let questions = read_questions(&args.queries)?;
    let engine = settings.engine()?;
    let mut bar = Bar::new("queries");
    let report = evaluate_queries(&questions, &engine, &mut |done, total| bar.show(done, total))?;
    bar.end();
    if printer.json() {
        return printer.document(&report);
    }
    let mut out = format!("{:<16}{:>8}  {:<8}{:>7}{:>8}{:>7}\n", "set", "queries", "leg", "hit@1", "hit@10", "MRR");
    for report in &report.sets {
        let mut head = format!("{:<16}{:>8}", report.set, report.queries);
        for (name, leg) in [("dense", report.dense), ("keyword", report.keyword), ("hybrid", report.hybrid)] {
            let _ = writeln!(out, "{head:<24}  {name:<8}{:>7.3}{:>8.3}{:>7.3}", leg.hit_at_1, leg.hit_at_10, leg.mrr);
            head.clear();
        }
    }
    printer.text(&out)
}
