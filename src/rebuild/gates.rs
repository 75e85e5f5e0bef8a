//! Whether a new generation may take the place of the one that serves: figures of last night, figures of tonight and limits
//! → verdicts. Pure: reads no file, measures nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::drift::{Spread, psi};
use crate::desk::SourceTable;
use crate::index::Recall;
use crate::recommend::Judged;
use crate::snapshot::Generation;

/// The limits of the gates, each a key of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateParams {
    /// The share of its rows that a table or index may lose since last night, 0 to 1.
    pub rows_drop: f64,
    /// By which share of its rows it may grow; 0 or more, 1 is twice as many.
    pub rows_growth: f64,
    /// Of a table or index that has changed by no more rows than this, and of no more skipped rows, no share is asked.
    pub few_rows: usize,
    /// The share of the rows of all tables that may be skipped, 0 to 1.
    pub skipped: f64,
    /// How many columns of a table may have gone.
    pub columns_gone: usize,
    /// How many columns of a table may have come.
    pub columns_new: usize,
    /// The share of the ten nearest rows that a search has to find in each index, 0 to 1.
    pub recall: f64,
    /// By how many standard errors of the difference hit@3 may be below last night's; 0 or more.
    pub hit_errors: f64,
    /// How far the shares of the categories may drift: PSI, 0 or more.
    pub category_psi: f64,
    /// How far the vectors may drift: PSI of their cosines with last night's mean, 0 or more.
    pub vector_psi: f64,
    /// By which share the size on disk may grow; 0 or more.
    pub size_growth: f64,
    /// Whether personal values are searched for in all that was written, of which none may be found.
    pub personal_data: bool,
}

impl Default for GateParams {
    fn default() -> Self {
        Self {
            rows_drop: 0.2,
            rows_growth: 1.0,
            few_rows: 10,
            skipped: 0.05,
            columns_gone: 0,
            columns_new: 8,
            recall: 0.95,
            hit_errors: 2.0,
            category_psi: 0.25,
            vector_psi: 0.25,
            size_growth: 1.0,
            personal_data: false,
        }
    }
}

/// What a generation keeps of a night, for the next one to be held against. [`super::FIGURES_FILE`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// The source tables.
    pub tables: Vec<SourceTable>,
    /// How many tickets each category has.
    pub categories: BTreeMap<String, usize>,
    /// How what was learnt did at moments that were held out.
    pub judged: Option<Judged>,
    /// Where the vectors of the tickets lie; `None` where they have no mean.
    pub vectors: Option<Spread>,
    /// Who had it published though gates did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
}

/// Who had a generation published though gates did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forced {
    /// Who asked.
    pub by: String,
    /// A line for each gate that did not hold.
    pub failed: Vec<String>,
}

/// The generation that serves while another is built.
#[derive(Debug, Clone)]
pub struct LastNight {
    /// What it says of itself.
    pub generation: Generation,
    /// Its figures; `None` of generations that kept none.
    pub figures: Option<Figures>,
}

/// What was measured of the new generation.
pub(super) struct Tonight<'a> {
    pub(super) generation: &'a Generation,
    pub(super) figures: &'a Figures,
    /// PSI of the cosines with last night's mean, and what chance alone makes; `None` where there is nothing to compare.
    pub(super) vector_drift: Option<Drift>,
    /// By index.
    pub(super) recall: BTreeMap<String, Recall>,
    /// How many personal values were found, where it was looked.
    pub(super) personal_values: Option<usize>,
}

/// How far something has drifted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Drift {
    pub(super) psi: f64,
    /// What one of a thousand samples of the same would exceed.
    pub(super) chance: f64,
}

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Which gate.
    pub gate: &'static str,
    /// Of which table or index; empty where of all.
    pub of: String,
    /// What was found, in the unit of the limit; `None` where there is nothing to measure or to compare with.
    pub value: Option<f64>,
    /// The limit that was overstepped, or else the nearer one.
    pub limit: f64,
    /// Whether the gate holds.
    pub passed: bool,
    /// What was found, in words.
    pub found: String,
    /// The limit's key in the configuration.
    pub key: &'static str,
}

impl Verdict {
    /// The verdict in a line: what was found, the limit and its key.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { gate, of, found, limit, key, .. } = self;
        let of = if of.is_empty() { String::new() } else { format!(" of {of}") };
        format!("{gate}{of}: {found} (build.gates.{key}: {limit})")
    }

    fn at_most(gate: &'static str, of: &str, value: f64, (key, limit): (&'static str, f64), found: String) -> Self {
        Self { gate, of: of.to_owned(), value: Some(value), limit, passed: value <= limit, found, key }
    }

    fn at_least(gate: &'static str, of: &str, value: f64, (key, limit): (&'static str, f64), found: String) -> Self {
        Self { gate, of: of.to_owned(), value: Some(value), limit, passed: value >= limit, found, key }
    }

    fn open(gate: &'static str, (key, limit): (&'static str, f64), found: &str) -> Self {
        Self { gate, of: String::new(), value: None, limit, passed: true, found: found.to_owned(), key }
    }
}

/// Every gate's verdict, in a fixed order. A gate that compares passes where there is nothing to compare with, and says so.
pub(super) fn judge(last: Option<&LastNight>, tonight: &Tonight<'_>, limits: &GateParams) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let before = last.and_then(|last| last.figures.as_ref());
    rows(last, tonight, limits, &mut verdicts);
    verdicts.push(skipped(&tonight.figures.tables, limits));
    columns(before, tonight.figures, limits, &mut verdicts);
    for (index, recall) in &tonight.recall {
        let found = format!("{:.4} of the ten nearest found, by {} rows", recall.share, recall.asked);
        verdicts.push(Verdict::at_least("recall", index, recall.share, ("recall", limits.recall), found));
    }
    verdicts.push(hits(before, tonight.figures, limits));
    verdicts.push(categories(before, tonight.figures, limits));
    let key = ("vector_psi", limits.vector_psi);
    verdicts.push(match tonight.vector_drift {
        Some(drift) => drifted("vectors", drift, key),
        None => Verdict::open("vectors", key, "nothing to compare with, or another model"),
    });
    verdicts.push(size(last, tonight.generation, limits));
    if let Some(values) = tonight.personal_values {
        let found = format!("{values} personal values found");
        verdicts.push(Verdict::at_most("personal_data", "", values as f64, ("personal_data", 0.0), found));
    }
    verdicts
}

/// One verdict for each table and index.
fn rows(last: Option<&LastNight>, tonight: &Tonight<'_>, limits: &GateParams, verdicts: &mut Vec<Verdict>) {
    let Some(last) = last else {
        return verdicts.push(Verdict::open("rows", ("rows_drop", limits.rows_drop), "nothing to compare with"));
    };
    let tables_before = last.figures.iter().flat_map(|figures| &figures.tables);
    for before in tables_before {
        let now = tonight.figures.tables.iter().find(|table| table.name == before.name).map_or(0, |table| table.rows);
        verdicts.push(row_count(&format!("table {}", before.name), before.rows, now, limits));
    }
    for (name, before) in &last.generation.indexes {
        let now = tonight.generation.indexes.get(name).map_or(0, |index| index.rows);
        verdicts.push(row_count(&format!("index {name}"), before.rows, now, limits));
    }
}

fn row_count(of: &str, before: usize, now: usize, limits: &GateParams) -> Verdict {
    let change = share_of_change(before as f64, now as f64);
    let found = format!("{before} → {now}, {:+.1} %", change * 100.0);
    let mut verdict = if change < 0.0 {
        Verdict::at_most("rows", of, -change, ("rows_drop", limits.rows_drop), found)
    } else {
        Verdict::at_most("rows", of, change, ("rows_growth", limits.rows_growth), found)
    };
    verdict.passed |= before.abs_diff(now) <= limits.few_rows;
    verdict
}

/// What has changed as a share of what was; of nothing, a thing is as much as it is itself.
fn share_of_change(before: f64, now: f64) -> f64 {
    (now - before) / before.max(1.0)
}

fn skipped(tables: &[SourceTable], limits: &GateParams) -> Verdict {
    let skipped: usize = tables.iter().map(|table| table.skipped).sum();
    let all = skipped + tables.iter().map(|table| table.rows).sum::<usize>();
    let share = skipped as f64 / all.max(1) as f64;
    let found = format!("{skipped} of {all} rows, {:.2} %", share * 100.0);
    let mut verdict = Verdict::at_most("skipped", "", share, ("skipped", limits.skipped), found);
    verdict.passed |= skipped <= limits.few_rows;
    verdict
}

/// Two verdicts for each table: columns that have gone, and that have come.
fn columns(before: Option<&Figures>, now: &Figures, limits: &GateParams, verdicts: &mut Vec<Verdict>) {
    let gone_key = ("columns_gone", limits.columns_gone as f64);
    let new_key = ("columns_new", limits.columns_new as f64);
    let Some(before) = before else {
        return verdicts.push(Verdict::open("columns", gone_key, "nothing to compare with"));
    };
    for table in &now.tables {
        let Some(then) = before.tables.iter().find(|then| then.name == table.name) else { continue };
        let missing = |from: &[String], of: &[String]| -> Vec<String> {
            of.iter().filter(|column| !from.contains(column)).cloned().collect()
        };
        let of = format!("table {}", table.name);
        let [gone, new] = [missing(&table.columns, &then.columns), missing(&then.columns, &table.columns)];
        let found = |columns: &[String], what: &str| match columns {
            [] => format!("none {what}"),
            some => format!("{} {what}", some.join(", ")),
        };
        verdicts.push(Verdict::at_most("columns_gone", &of, gone.len() as f64, gone_key, found(&gone, "gone")));
        verdicts.push(Verdict::at_most("columns_new", &of, new.len() as f64, new_key, found(&new, "new")));
    }
}

/// How far hit@3 has fallen, in standard errors of the difference of two shares, each with a hit and a miss added
/// (Agresti and Caffo 2000), so that few moments promise no certainty. Moments of one ticket are alike and two nights share
/// most of them; the first makes the true error larger, the second smaller.
fn hits(before: Option<&Figures>, now: &Figures, limits: &GateParams) -> Verdict {
    let key = ("hit_errors", limits.hit_errors);
    let (Some(then), Some(now)) = (before.and_then(|before| before.judged), now.judged) else {
        return Verdict::open("hit@3", key, "nothing to compare with, or too little to learn from");
    };
    let share = |judged: Judged| judged.hits as f64 / judged.moments as f64;
    let smoothed = |judged: Judged| {
        let n = judged.moments as f64 + 2.0;
        let p = (judged.hits as f64 + 1.0) / n;
        (p, p * (1.0 - p) / n)
    };
    let ((p_then, var_then), (p_now, var_now)) = (smoothed(then), smoothed(now));
    let fall = (p_then - p_now) / (var_then + var_now).sqrt();
    let found = format!(
        "{:.3} → {:.3} at {} moments held out, {fall:+.1} standard errors lower",
        share(then),
        share(now),
        now.moments
    );
    Verdict::at_most("hit@3", "", fall, key, found)
}

fn categories(before: Option<&Figures>, now: &Figures, limits: &GateParams) -> Verdict {
    let key = ("category_psi", limits.category_psi);
    let Some(before) = before else { return Verdict::open("categories", key, "nothing to compare with") };
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    before.categories.iter().for_each(|(name, &count)| counts.entry(name).or_default().0 = count);
    now.categories.iter().for_each(|(name, &count)| counts.entry(name).or_default().1 = count);
    let counts: Vec<(usize, usize)> = counts.into_values().collect();
    drifted("categories", psi(&counts), key)
}

/// A drift is judged against the limit, or against what chance alone makes where that is more: few tickets drift by nothing.
fn drifted(gate: &'static str, Drift { psi, chance }: Drift, (key, limit): (&'static str, f64)) -> Verdict {
    let mut verdict =
        Verdict::at_most(gate, "", psi, (key, limit), format!("PSI {psi:.3}; by chance up to {chance:.3}"));
    verdict.passed |= psi <= chance;
    verdict
}

fn size(last: Option<&LastNight>, now: &Generation, limits: &GateParams) -> Verdict {
    let key = ("size_growth", limits.size_growth);
    let Some(last) = last else { return Verdict::open("size", key, "nothing to compare with") };
    let (before, now) = (last.generation.bytes() as f64, now.bytes() as f64);
    let growth = share_of_change(before, now);
    let found = format!("{:.1} → {:.1} MB, {:+.1} %", before / 1e6, now / 1e6, growth * 100.0);
    let mut verdict = Verdict::at_most("size", "", growth, key, found);
    // A few rows more are no sign of anything, and an index has files that hold no row.
    verdict.passed |= now - before <= SMALL_GROWTH;
    verdict
}

/// Growth by no more bytes than this says nothing.
const SMALL_GROWTH: f64 = 1e6;

#[cfg(test)]
mod tests;
