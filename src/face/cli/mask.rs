//! `nba mask`: a text line by line, masked.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::json;

use super::args::MaskArgs;
use super::printer::{Lines, Printer};
use crate::desk::{Masker, Placeholder, masker_of};
use crate::error::{Error, Problem, Result};
use crate::face::masking::{LineMasker, MaskedLine};
use crate::face::wire::MaskedLineJson;

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
    let mut lines = LineMasker::new(&masker);
    let mut number = 0;
    while !writer.out.closed()
        && let Some(text) = next_line(&mut reader, &name, number + 1).inspect_err(|_| {
            // What is complete is said before the fault.
            let _ = lines.end().into_iter().try_for_each(|line| writer.write(line));
            let _ = writer.out.end();
        })?
    {
        number += 1;
        lines.push(text).into_iter().try_for_each(|line| writer.write(line))?;
    }
    lines.end().into_iter().try_for_each(|line| writer.write(line))?;
    writer.out.end()?;
    if !printer.json() {
        printer.note(&writer.summary());
    }
    Ok(())
}

struct Writer {
    json: bool,
    out: Lines,
    lines: usize,
    masked: BTreeMap<Placeholder, usize>,
}

impl Writer {
    fn write(&mut self, line: MaskedLine) -> Result<()> {
        self.lines += 1;
        for (&placeholder, count) in &line.masked.found {
            *self.masked.entry(placeholder).or_default() += count;
        }
        if self.json {
            self.out.write(&format!("{}\n", json!(MaskedLineJson::from(line))))
        } else {
            self.out.write(&line.masked.text)
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
