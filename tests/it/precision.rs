//! How much of what is planted in a generated corpus is masked, and how much is masked that should not be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nba::desk::{Masker, Person, Placeholder};

use crate::corpus::{KNOWN, messages};

#[derive(Debug, Default)]
struct Counts {
    planted: usize,
    found: usize,
    masked: usize,
    wrong: usize,
    examples: Vec<String>,
}

/// The rules were mended by what the first runs on seed 7 missed; the other seed they had not met.
#[test]
fn nearly_all_that_is_planted_is_masked_and_nearly_nothing_else() {
    for seed in [7, 1007] {
        check(seed);
    }
}

fn check(seed: u64) {
    let people = KNOWN.map(|name| Person { id: "known", name: Some(name), ..Person::default() });
    let masker = Masker::new(people).unwrap();
    let mut by_label: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut by_kind: BTreeMap<Placeholder, Counts> = BTreeMap::new();
    let letters = |text: &str| text.chars().any(char::is_alphanumeric);
    for message in messages(seed, 12_000) {
        let text = &message.text;
        let spans = masker.find(text, None);
        for (range, label, kind) in &message.planted {
            let counts = by_label.entry(label).or_default();
            counts.planted += 1;
            // Every letter and digit of it is under a placeholder of its kind.
            let covered =
                |at: usize| spans.iter().any(|it| it.placeholder == *kind && (it.start..it.end).contains(&at));
            let open =
                text[range.clone()].char_indices().any(|(at, c)| c.is_alphanumeric() && !covered(range.start + at));
            if open {
                counts.examples.push(format!("missed `{}` in `{text}`", &text[range.clone()]));
            } else {
                counts.found += 1;
            }
        }
        for span in &spans {
            let counts = by_kind.entry(span.placeholder).or_default();
            counts.masked += 1;
            let mut at = span.start;
            let mut outside = false;
            let mut right = false;
            for (range, _, kind) in &message.planted {
                if range.end > span.start && range.start < span.end {
                    outside |= letters(&text[at.min(range.start.max(at))..range.start.max(at)]);
                    right |= *kind == span.placeholder;
                    at = at.max(range.end);
                }
            }
            outside |= at < span.end && letters(&text[at..span.end]);
            if outside || !right {
                counts.wrong += 1;
                counts.examples.push(format!("masked `{}` in `{text}`", &text[span.start..span.end]));
            }
        }
    }

    let mut table = format!("Seed {seed}\n\n| planted | values | found | recall |\n|---|---:|---:|---:|\n");
    let share = |part: usize, whole: usize| part as f64 / whole as f64;
    for (label, it) in &by_label {
        let _ = writeln!(table, "| {label} | {} | {} | {:.4} |", it.planted, it.found, share(it.found, it.planted));
    }
    table.push_str("\n| placeholder | masked | wrongly | precision |\n|---|---:|---:|---:|\n");
    for (kind, it) in &by_kind {
        let right = it.masked - it.wrong;
        let _ =
            writeln!(table, "| {} | {} | {} | {:.4} |", kind.as_str(), it.masked, it.wrong, share(right, it.masked));
    }
    let sum = |count: fn(&Counts) -> usize| by_kind.values().map(count).sum::<usize>();
    let (masked, wrong) = (sum(|it| it.masked), sum(|it| it.wrong));
    let _ = writeln!(table, "| all | {masked} | {wrong} | {:.4} |", share(masked - wrong, masked));
    let mut examples = String::new();
    for counts in by_label.values().chain(by_kind.values()) {
        counts.examples.iter().take(6).for_each(|example| examples += &format!("{}\n", example.replace('\n', "⏎")));
    }

    let checked = ["CPF", "CNPJ", "CNPJ with letters", "card"];
    let recalled = by_label.iter().all(|(label, it)| {
        let floor = if checked.contains(label) { 1.0 } else { 0.98 };
        it.planted >= 100 && share(it.found, it.planted) >= floor
    });
    let precise = by_kind.values().all(|it| share(it.masked - it.wrong, it.masked) >= 0.98);
    assert!(recalled && precise, "{table}\n{examples}");
    if std::env::var("NBA_SHOW_TABLE").is_ok_and(|of| of == seed.to_string()) {
        panic!("asked for the table:\n{table}\n{examples}");
    }
}
