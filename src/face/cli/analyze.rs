//! `nba analyze`: what a text is searched by, and in how many rows that is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::args::AnalyzeArgs;
use super::printer::Printer;
use super::settings::Settings;
use crate::desk::{Masker, sure_language};
use crate::error::{Error, Result};
use crate::keyword::{KeywordParams, Language, Occurrences, synonyms, words};
use crate::snapshot::Snapshot;

/// What becomes of a text.
#[derive(Debug, Serialize)]
struct AnalysisJson {
    /// The text as it is searched for: without personal data.
    text: String,
    /// The language that the text is in, where that is clear.
    language: Option<&'static str>,
    /// The index whose rows are counted.
    index: Option<String>,
    /// The text in each language.
    analyzers: Vec<AnalyzerJson>,
}

#[derive(Debug, Serialize)]
struct AnalyzerJson {
    language: &'static str,
    words: Vec<WordJson>,
}

#[derive(Debug, Serialize)]
struct WordJson {
    word: String,
    /// Null for a stop word.
    term: Option<String>,
    /// By column; null without an index.
    rows: Option<BTreeMap<String, u64>>,
    synonyms: Vec<OtherJson>,
    /// Spellings that are looked for since no row has the word.
    fuzzy: Vec<OtherJson>,
}

/// What is looked for besides a word.
#[derive(Debug, Serialize)]
struct OtherJson {
    /// The word of the list of synonyms.
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    term: String,
    weight: f32,
    rows: Option<BTreeMap<String, u64>>,
}

pub(super) fn analyze(args: &AnalyzeArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    if args.text.trim().is_empty() {
        return Err(Error::argument("text", "it is empty; give at least one word"));
    }
    let params = &settings.config.keyword;
    let text = Masker::patterns_only().mask(&args.text, None).into_owned();
    // An index that merely lies near says nothing about a text: it must have been named.
    let counted = match &settings.config.index {
        None => None,
        Some(folder) => {
            let snapshot = Snapshot::open(folder)?;
            Some(Counted(snapshot.index(&args.name)?.occurrences(&text, params)?))
        }
    };
    let analysis = AnalysisJson {
        language: sure_language(&text),
        index: counted.is_some().then(|| args.name.clone()),
        analyzers: [Language::Portuguese, Language::English]
            .map(|language| analyzer(&text, language, params, counted.as_ref()))
            .into(),
        text,
    };
    if printer.json() { printer.document(&analysis) } else { printer.text(&screen(&analysis)) }
}

fn analyzer(text: &str, language: Language, params: &KeywordParams, counted: Option<&Counted>) -> AnalyzerJson {
    let rows = |term: &str| counted.map(|counted| counted.rows(language, term));
    let word = |word: crate::keyword::Word| {
        let term = word.term.as_deref();
        let of_term = term.into_iter().flat_map(|term| synonyms(term, language, params));
        let synonyms = of_term.map(|synonym| OtherJson {
            word: Some(synonym.word.clone()),
            term: synonym.term.clone(),
            weight: params.synonym_weight,
            rows: rows(&synonym.term),
        });
        let spellings = term.zip(counted).map(|(term, counted)| counted.spellings(language, term));
        let fuzzy = spellings.unwrap_or_default().into_iter().map(|(term, rows)| OtherJson {
            word: None,
            term,
            weight: params.fuzzy_weight,
            rows: Some(rows),
        });
        WordJson {
            synonyms: synonyms.collect(),
            fuzzy: fuzzy.collect(),
            rows: term.and_then(rows),
            word: word.text,
            term: word.term,
        }
    };
    AnalyzerJson { language: language.code(), words: words(text, language).into_iter().map(word).collect() }
}

/// In how many rows of an index the terms of a text are.
struct Counted(Occurrences);

impl Counted {
    /// By column, those left out that lack the term.
    fn rows(&self, language: Language, term: &str) -> BTreeMap<String, u64> {
        let of_term =
            self.0.iter().filter(|((_, its_language, its_term), _)| *its_language == language && its_term == term);
        of_term.filter(|(_, found)| found.rows > 0).map(|((column, ..), found)| (column.clone(), found.rows)).collect()
    }

    /// By spelling and column.
    fn spellings(&self, language: Language, term: &str) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut spellings: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for ((column, its_language, its_term), found) in &self.0 {
            if *its_language == language && its_term == term {
                for (spelling, &rows) in &found.spellings {
                    spellings.entry(spelling.clone()).or_default().insert(column.clone(), rows);
                }
            }
        }
        spellings
    }
}

fn screen(analysis: &AnalysisJson) -> String {
    let mut out = format!("{}\nlanguage: {}\n", analysis.text, analysis.language.unwrap_or("unclear"));
    if let Some(index) = &analysis.index {
        let _ = writeln!(out, "rows of index {index}");
    }
    for analyzer in &analysis.analyzers {
        let _ = writeln!(out, "\n{}", analyzer.language);
        let width = analyzer.words.iter().map(|word| word.word.chars().count()).max().unwrap_or_default();
        for word in &analyzer.words {
            let term = word.term.as_deref().unwrap_or("– not searched for");
            let _ = writeln!(out, "  {:width$}  {term}{}", word.word, counts(word.rows.as_ref()));
            for (what, others) in [("synonym", &word.synonyms), ("spelling", &word.fuzzy)] {
                for other in others {
                    let named = other.word.as_ref().map_or_else(String::new, |word| format!("{word} → "));
                    let counts = counts(other.rows.as_ref());
                    let _ = writeln!(out, "  {:width$}    {what} {named}{} × {}{counts}", "", other.term, other.weight);
                }
            }
        }
    }
    out
}

fn counts(rows: Option<&BTreeMap<String, u64>>) -> String {
    let Some(rows) = rows else { return String::new() };
    if rows.is_empty() {
        return ": in no row".to_owned();
    }
    let columns: Vec<String> = rows.iter().map(|(column, rows)| format!("{column} {rows}")).collect();
    format!(": {}", columns.join(", "))
}
