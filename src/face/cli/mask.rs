//! `nba mask`: a text line by line, masked. Keeps two lines in memory: a signature's name stands below its greeting.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::json;

use super::args::MaskArgs;
use super::printer::{Lines, Printer};
use crate::desk::{Masker, Placeholder, Span, masker_of, united};
use crate::error::{Error, Problem, Result};

/// Longer lines are refused, so that memory stays bounded.
const MAX_LINE: usize = 1 << 20;

pub(super) fn mask(args: &MaskArgs, printer: &Printer) -> Result<()> {
    let masker = args.names.as_deref().map_or_else(|| Ok(Masker::patterns_only()), masker_of)?;
    let (input, name): (Box<dyn io::Read>, PathBuf) = if args.file == Path::new("-") {
        (Box::new(io::stdin()), PathBuf::from("standard input"))
    } else {
        (Box::new(fs::File::open(&args.file).map_err(Error::Input)?), args.file.clone())
    };
    let mut reader = BufReader::new(input);
    let mut writer = Writer { json: printer.json(), out: Printer::lines(), lines: 0, masked: BTreeMap::new() };
    let mut pending: Vec<Line> = Vec::new();
    let mut number = 0;
    while !writer.out.closed()
        && let Some(text) = next_line(&mut reader, &name, number + 1).inspect_err(|_| {
            // What is complete is said before the fault.
            let _ = pending.drain(..).try_for_each(|line| writer.write(&line));
            let _ = writer.out.end();
        })?
    {
        number += 1;
        let mut line = Line { text, spans: Vec::new() };
        join(&masker, pending.first_mut(), &mut line);
        if line.text.trim().is_empty() && !pending.is_empty() {
            // Between a greeting and a name there may be empty lines; a bounded number of them is waited for.
            pending.push(line);
            if pending.len() <= 4 {
                continue;
            }
            line = pending.pop().unwrap_or_else(|| unreachable!("it was just pushed"));
        }
        pending.drain(..).try_for_each(|line| writer.write(&line))?;
        pending.push(line);
    }
    pending.drain(..).try_for_each(|line| writer.write(&line))?;
    writer.out.end()?;
    if !printer.json() {
        printer.note(&writer.summary());
    }
    Ok(())
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

struct Writer {
    json: bool,
    out: Lines,
    lines: usize,
    masked: BTreeMap<Placeholder, usize>,
}

impl Writer {
    fn write(&mut self, line: &Line) -> Result<()> {
        self.lines += 1;
        let mut text = String::with_capacity(line.text.len());
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let mut copied = 0;
        for span in &line.spans {
            text.push_str(&line.text[copied..span.start]);
            text.push_str(span.placeholder.as_str());
            copied = span.end;
            *found.entry(span.placeholder.name()).or_default() += 1;
            *self.masked.entry(span.placeholder).or_default() += 1;
        }
        text.push_str(&line.text[copied..]);
        if self.json {
            let text = text.trim_end_matches(['\n', '\r']);
            self.out.write(&format!("{}\n", json!({ "line": self.lines, "text": text, "found": found })))
        } else {
            self.out.write(&text)
        }
    }

    fn summary(&self) -> String {
        let total: usize = self.masked.values().sum();
        let kinds: Vec<String> =
            self.masked.iter().map(|(placeholder, count)| format!("{count} {}", placeholder.as_str())).collect();
        let of = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
        format!("{total} masked in {} lines{of}", self.lines)
    }
}

/// The next line, checked. `None` at the end.
fn next_line(reader: &mut impl BufRead, name: &Path, number: u64) -> Result<Option<String>> {
    let fault = |message| {
        Error::Line(Problem { file: name.to_owned(), line: Some(number), column: None, value: None, message })
    };
    let mut bytes = Vec::new();
    reader.take(MAX_LINE as u64 + 1).read_until(b'\n', &mut bytes)?;
    if bytes.len() > MAX_LINE {
        return Err(fault(format!("is longer than {MAX_LINE} bytes")));
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    String::from_utf8(bytes).map(Some).map_err(|_| fault("is not UTF-8; save the file as UTF-8".to_owned()))
}
