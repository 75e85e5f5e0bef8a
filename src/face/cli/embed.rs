//! `nba embed`: lines of text → a matrix of unit vectors as a `.npy` file.

use std::path::Path;
use std::time::Instant;

use fs_err as fs;
use serde_json::json;

use super::args::EmbedArgs;
use super::printer::{Bar, Printer, write_whole};
use super::settings::Settings;
use crate::embed::Vector;
use crate::engine::open_model;
use crate::error::{Error, Problem, Result};

pub(super) fn embed(args: EmbedArgs, settings: &Settings, printer: &Printer) -> Result<()> {
    let text = fs::read_to_string(&args.input).map_err(Error::Input)?;
    let lines: Vec<&str> = text.lines().collect();
    if let Some(at) = lines.iter().position(|line| line.trim().is_empty()) {
        let message = "an empty line has no vector".to_owned();
        let problem = Problem { file: args.input, line: Some(at as u64 + 1), column: None, value: None, message };
        return Err(Error::Data { problems: vec![problem], total: 1 });
    }
    let embedder = open_model(&settings.model()?, &settings.config.embed)?;
    let mut bar = Bar::new("embed");
    #[expect(clippy::disallowed_methods, reason = "the command tells how fast it was")]
    let start = Instant::now();
    let vectors = embedder.embed_with_progress(&lines, &mut |done| bar.show(done, lines.len()))?;
    let seconds = start.elapsed().as_secs_f64();
    bar.end();

    write_npy(&args.out, &vectors, embedder.identity().dimension)?;
    let rate = vectors.len() as f64 / seconds;
    if printer.json() {
        return printer.document(&json!({ "texts": vectors.len(), "seconds": seconds, "texts_per_second": rate }));
    }
    printer.text(&format!("{} texts in {seconds:.1} s, {rate:.0} a second: {}\n", vectors.len(), args.out.display()))
}

/// Writes a rows × dimension matrix of little-endian f32 in NumPy's format, version 1.0, whole or not at all.
fn write_npy(path: &Path, vectors: &[Vector], dimension: usize) -> Result<()> {
    // Magic, version and length are 10 bytes; the header ends in a line feed and fills up 64-byte blocks.
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {dimension}), }}", vectors.len());
    let padding = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');

    write_whole(path, |file| {
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(header.len() as u16).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for vector in vectors {
            file.write_all(&vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
        }
        Ok(())
    })
}
