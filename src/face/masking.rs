//! A text masked line by line, as it comes. Keeps a few lines in memory: a signature's name stands below its greeting.

use std::collections::BTreeMap;

use crate::desk::{Masker, Placeholder, Span, united};

/// How many lines are held back at most: between a greeting and a name there may be empty ones.
const HELD_BACK: usize = 4;

/// A text without personal data.
#[derive(Debug)]
pub struct Masked {
    /// The text, with its line feed where it has one.
    pub text: String,
    /// How often each kind was found.
    pub found: BTreeMap<Placeholder, usize>,
}

/// One line of several.
#[derive(Debug)]
pub struct MaskedLine {
    /// Which, from 1.
    pub number: usize,
    /// What is left of it.
    pub masked: Masked,
}

/// Masks lines in their order.
pub struct LineMasker<'a> {
    masker: &'a Masker,
    pending: Vec<Line>,
    /// How many lines have been given back.
    done: usize,
}

impl<'a> LineMasker<'a> {
    /// Before the first line.
    #[must_use]
    pub const fn new(masker: &'a Masker) -> Self {
        Self { masker, pending: Vec::new(), done: 0 }
    }

    /// Takes the next line, with its line feed, and gives back those that nothing after it can change.
    pub fn push(&mut self, text: String) -> Vec<MaskedLine> {
        let mut line = Line { text, spans: Vec::new() };
        join(self.masker, self.pending.first_mut(), &mut line);
        let waits = line.text.trim().is_empty() && !self.pending.is_empty() && self.pending.len() < HELD_BACK;
        let complete = if waits { Vec::new() } else { self.end() };
        self.pending.push(line);
        complete
    }

    /// Gives back what is held back.
    pub fn end(&mut self) -> Vec<MaskedLine> {
        let mut lines = Vec::with_capacity(self.pending.len());
        for line in self.pending.drain(..) {
            self.done += 1;
            lines.push(MaskedLine { number: self.done, masked: without(&line.text, &line.spans) });
        }
        lines
    }
}

/// A text of any number of lines, line by line.
#[must_use]
pub fn masked_lines(masker: &Masker, text: &str) -> Vec<MaskedLine> {
    let mut lines = LineMasker::new(masker);
    let mut masked: Vec<MaskedLine> = text.split_inclusive('\n').flat_map(|line| lines.push(line.to_owned())).collect();
    masked.extend(lines.end());
    masked
}

/// A text as a whole.
#[must_use]
pub fn masked_text(masker: &Masker, text: &str) -> Masked {
    without(text, &masker.find(text, None))
}

/// A line with its line feed, if it has one, and what is to be masked in it.
struct Line {
    text: String,
    spans: Vec<Span>,
}

/// Finds what is personal in a line, alone or together with the one before; what crosses is cut at the line's end.
fn join(masker: &Masker, before: Option<&mut Line>, line: &mut Line) {
    let Some(before) = before else {
        line.spans = masker.find(&line.text, None);
        return;
    };
    let border = before.text.len();
    let both = format!("{}{}", before.text, line.text);
    let mut of_before = std::mem::take(&mut before.spans);
    for span in masker.find(&both, None) {
        let content = before.text.trim_end_matches(['\n', '\r']).len();
        if span.start < content {
            of_before.push(Span { end: span.end.min(content), ..span });
        }
        if span.end > border {
            let start = span.start.max(border) - border;
            line.spans.push(Span { start, end: span.end - border, ..span });
        }
    }
    before.spans = united(of_before);
}

fn without(text: &str, spans: &[Span]) -> Masked {
    let mut masked = Masked { text: String::with_capacity(text.len()), found: BTreeMap::new() };
    let mut copied = 0;
    for span in spans {
        masked.text.push_str(&text[copied..span.start]);
        masked.text.push_str(span.placeholder.as_str());
        copied = span.end;
        *masked.found.entry(span.placeholder).or_default() += 1;
    }
    masked.text.push_str(&text[copied..]);
    masked
}
