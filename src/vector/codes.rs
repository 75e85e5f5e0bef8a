//! The quantized index: files of codes, built once, mapped, verified, asked. Leaves the scan to `scan`, and how much slack it
//! needs to `calibrate`.
//!
//! Rows with equal vectors are one point. Little-endian, beside the vectors:
//!
//! | file | what | how many |
//! |---|---|---|
//! | `points.u32` | magic, rows, points, slack (the bits of an `f32`) | 4 |
//! | | start of each point's rows among the rows, and their end | points + 1 |
//! | | rows, by point, ascending | rows |
//! | | the point of each row | rows |
//! | `axes.f32` | mean, then each direction | dimension × (1 + dimension) |
//! | `codes.u8` | blocks of 32 points, see `bits` | ⌈points / 32⌉ × ⌈dimension / 32⌉ × 128 |
//! | `factors.f32` | shift of 32 points, then scale of 32 points | ⌈points / 32⌉ × 64 |

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use super::axes::{self, Axes};
use super::bits::{BLOCK, Factors, Fold, Tables, encode_block, folds};
use super::calibrate::slack_for;
use super::kernel::Blocks;
use super::map::{Column, Matrix, write_runs};
use super::points::{Lists, Points, starts};
use super::scan::{Question, Scan};
use super::{BuildReport, VectorIndex, flat};
use crate::embed::Vector;
use crate::error::{Error, Result};
use crate::rank::{Row, RowSet, Scored, TopK};

const POINTS_FILE: &str = "points.u32";
const AXES_FILE: &str = "axes.f32";
const CODES_FILE: &str = "codes.u8";
const FACTORS_FILE: &str = "factors.f32";

/// "nbc1". The digit is bumped in the change that moves a byte.
const MAGIC: u32 = u32::from_le_bytes(*b"nbc1");
const HEADER: usize = 4;

/// Scoring an eligible row exactly costs as much as scanning the codes of so many points.
const POINTS_SCANNED_PER_ROW: usize = 32;

/// Builds the codes of `vectors` into `folder` and fills in the report.
pub(super) fn build(
    folder: &Path,
    vectors: &[Vector],
    dimension: usize,
    recall: f64,
    report: &mut BuildReport,
) -> Result<()> {
    if !(0.0..=1.0).contains(&recall) {
        return Err(Error::argument("recall", format!("{recall} is not within 0 to 1")));
    }
    let points = Points::of(vectors);
    let n_points = points.vectors.len();
    report.points = n_points;
    let numbers = axes::learn(&points.vectors, dimension);
    let axes = Axes::read(&numbers, dimension);
    let encoded: Vec<(Vec<Fold>, Factors)> =
        points.vectors.par_chunks(BLOCK).map(|block| encode_block(axes, block.iter().copied())).collect();
    let (codes, factors): (Vec<Vec<Fold>>, Vec<Factors>) = encoded.into_iter().unzip();
    let codes = codes.concat();
    let scan = Scan { axes, blocks: Blocks { codes: &codes, factors: &factors }, n_points };
    let slack = slack_for(scan, &points.vectors, recall);

    let count = |count: usize| u32::try_from(count).map_err(|_| Error::argument("vectors", "more than 4 billion"));
    let header = [MAGIC, count(report.rows)?, count(n_points)?, slack.to_bits()];
    let mut point_of = vec![0; vectors.len()];
    for (point, rows) in points.rows.iter().enumerate() {
        rows.iter().for_each(|&row| point_of[row as usize] = point as u32);
    }
    let row_starts = starts(&points.rows);
    let runs = [header.as_slice(), &row_starts].into_iter().chain(points.rows.iter().map(Vec::as_slice));
    write_runs(&folder.join(POINTS_FILE), runs.chain([point_of.as_slice()]))?;
    write_runs(&folder.join(AXES_FILE), [numbers.as_slice()].into_iter())?;
    write_runs(&folder.join(CODES_FILE), [codes.as_slice()].into_iter())?;
    write_runs(&folder.join(FACTORS_FILE), [factors.as_slice()].into_iter())
}

/// Codes that are open for questions.
pub(super) struct CodesIndex {
    vectors: Matrix,
    points: Column<u32>,
    axes: Column<f32>,
    codes: Column<Fold>,
    factors: Column<Factors>,
    layout: Layout,
}

/// Where the parts of `points.u32` are, and what its header says.
struct Layout {
    n_points: usize,
    slack: f32,
    row_starts: Range<usize>,
    rows: Range<usize>,
    point_of: Range<usize>,
}

impl Layout {
    /// `None` when the header does not describe a file of so many numbers.
    fn read(numbers: &[u32], n_rows: usize) -> Option<Self> {
        let &[MAGIC, rows, points, slack, ..] = numbers else { return None };
        let (n_points, slack) = (points as usize, f32::from_bits(slack));
        let is_empty = n_points == 0;
        if rows as usize != n_rows || n_points > n_rows || is_empty != (n_rows == 0) {
            return None;
        }
        let row_starts = HEADER..HEADER + n_points + 1;
        let rows = row_starts.end..row_starts.end + n_rows;
        let point_of = rows.end..rows.end + n_rows;
        (point_of.end == numbers.len() && slack.is_finite()).then_some(Self {
            n_points,
            slack,
            row_starts,
            rows,
            point_of,
        })
    }
}

impl CodesIndex {
    /// Maps the codes of `vectors` in `folder`.
    pub(super) fn open(folder: &Path, vectors: Matrix) -> Result<Self> {
        let path = folder.join(POINTS_FILE);
        let points = Column::open(&path)?;
        let Some(layout) = Layout::read(points.as_slice(), vectors.rows()) else {
            return Err(Error::corrupt(path, format!("its header does not fit its size or {} rows", vectors.rows())));
        };
        let n_blocks = layout.n_points.div_ceil(BLOCK);
        let axes = Column::open_exact(&folder.join(AXES_FILE), vectors.dimension() * (1 + vectors.dimension()))?;
        let codes = Column::open_exact(&folder.join(CODES_FILE), n_blocks * folds(vectors.dimension()))?;
        let factors = Column::open_exact(&folder.join(FACTORS_FILE), n_blocks)?;
        Ok(Self { vectors, points, axes, codes, factors, layout })
    }

    fn part(&self, part: &Range<usize>) -> &[u32] {
        &self.points.as_slice()[part.clone()]
    }

    fn row_lists(&self) -> Lists<'_> {
        Lists { starts: self.part(&self.layout.row_starts), items: self.part(&self.layout.rows) }
    }

    fn scan(&self) -> Scan<'_> {
        Scan {
            axes: Axes::read(self.axes.as_slice(), self.vectors.dimension()),
            blocks: Blocks { codes: self.codes.as_slice(), factors: self.factors.as_slice() },
            n_points: self.layout.n_points,
        }
    }

    /// Looks at every number; see [`super::verify`].
    pub(super) fn verify(&self, folder: &Path) -> Result<()> {
        let fault = |file: &str, reason: String| Err(Error::corrupt(folder.join(file), reason));
        let lists = self.row_lists();
        if let Some(reason) = lists.fault_as_rows(&self.vectors) {
            return fault(POINTS_FILE, reason);
        }
        for (row, &point) in self.part(&self.layout.point_of).iter().enumerate() {
            if point as usize >= self.layout.n_points || !lists.of(point).contains(&(row as Row)) {
                return fault(POINTS_FILE, format!("row {row} is not a row of point {point}"));
            }
        }
        let Scan { axes, blocks, n_points } = self.scan();
        if !axes.are_orthonormal() {
            return fault(AXES_FILE, "the axes are not orthogonal directions".to_owned());
        }
        let width = folds(self.vectors.dimension());
        for (block, factors) in blocks.factors.iter().enumerate() {
            let points = (block * BLOCK..n_points.min((block + 1) * BLOCK)).map(|point| self.vector_of(point as u32));
            let (codes, expected) = encode_block(axes, points);
            if blocks.codes[block * width..][..width] != codes {
                return fault(CODES_FILE, format!("block {block} is not the code of its vectors"));
            }
            if *factors != expected {
                return fault(FACTORS_FILE, format!("block {block} has not the factors of its vectors"));
            }
        }
        Ok(())
    }

    /// The vector of a point; of one that has no row, which only a damaged file has, the first.
    fn vector_of(&self, point: u32) -> &[f32] {
        self.vectors.row(self.row_lists().of(point).first().copied().unwrap_or(0).min(self.vectors.rows() as Row - 1))
    }

    /// The points that have an eligible row, one word a block.
    fn points_with(&self, eligible: &RowSet) -> Vec<u32> {
        let mut mask = vec![0; self.layout.n_points.div_ceil(BLOCK)];
        let point_of = self.part(&self.layout.point_of);
        for row in eligible.iter() {
            let point = point_of[row as usize];
            if let Some(word) = mask.get_mut(point as usize / BLOCK) {
                *word |= 1 << (point % BLOCK as u32);
            }
        }
        mask
    }

    /// Scans codes, whatever their number.
    pub(super) fn nearest(&self, query: &[f32], k: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
        let scan = self.scan();
        let tables = Tables::new(scan.axes, query).with_slack(self.layout.slack);
        let mask = eligible.map(|set| self.points_with(set));
        let lists = self.row_lists();
        let is_eligible = |row: &Row| match eligible {
            Some(set) => set.contains(*row),
            None => (*row as usize) < self.rows(),
        };
        let keep = |point: u32, score: f32, kept: &mut TopK| {
            let rows = lists.of(point).iter().copied().filter(is_eligible);
            rows.for_each(|row| kept.push(Scored { row, score }));
        };
        let question = Question { query, tables: &tables, k, mask: mask.as_deref() };
        scan.nearest(&question, |point| self.vector_of(point), keep).into_sorted()
    }
}

impl VectorIndex for CodesIndex {
    fn rows(&self) -> usize {
        self.vectors.rows()
    }

    fn dimension(&self) -> usize {
        self.vectors.dimension()
    }

    fn vector(&self, row: Row) -> &[f32] {
        self.vectors.row(row)
    }

    fn search(&self, query: &[f32], k: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
        assert_eq!(query.len(), self.dimension(), "a query of another dimension");
        let n_eligible = eligible.map_or(self.rows(), RowSet::count);
        let k = k.min(n_eligible);
        if n_eligible.saturating_mul(POINTS_SCANNED_PER_ROW) > self.rows() && k > 0 {
            let hits = self.nearest(query, k, eligible);
            if hits.len() == k {
                return hits;
            }
        }
        flat::scan(&self.vectors, query, k, eligible)
    }
}
