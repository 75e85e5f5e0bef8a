//! The quantized index: files of codes, built once, mapped, verified, asked. Leaves the scan to `scan`, and how much slack it
//! needs to `calibrate`.
//!
//! Rows with equal vectors are one point, and points lie by cluster: each cluster begins a block of 32, so that its last one
//! may have room for points that are not there and have no row. Little-endian, beside the vectors:
//!
//! | file | what | how many |
//! |---|---|---|
//! | `points.u32` | magic, rows, blocks, clusters, slack of clusters and of codes (the bits of an `f32` each) | 6 |
//! | | first block of each cluster, and the end of the last | clusters + 1 |
//! | | start of each point's rows among the rows, and their end | blocks × 32 + 1 |
//! | | rows, by point, ascending | rows |
//! | `axes.f32` | mean, then the signs of four turns, see `axes` | dimension × 5 |
//! | `clusters.f32` | centre of each cluster, radius of each, squared length of each centre | clusters × (dimension + 2) |
//! | `codes.u8` | blocks of 32 points, see `bits` | blocks × ⌈dimension / 32⌉ × 128 |
//! | `factors.f32` | shift of 32 points, then scale of 32 points | blocks × 64 |

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use super::axes::{self, Axes, mean_of};
use super::bits::{BLOCK, Factors, Fold, encode_block, folds};
use super::calibrate::{scored_share, slacks_for};
use super::dot::dot;
use super::kernel::Blocks;
use super::map::{Column, Matrix, write_runs};
use super::partition::{Cluster, partition, radius};
use super::points::{Lists, Points, starts};
use super::scan::{Clusters, Question, Scan, Slacks};
use super::{AsQuery, BuildReport, Kind, VectorIndex, VectorParams, flat};
use crate::error::{Error, Result};
use crate::rank::{Row, RowSet, Scored, TopK};

const POINTS_FILE: &str = "points.u32";
const AXES_FILE: &str = "axes.f32";
const CLUSTERS_FILE: &str = "clusters.f32";
const CODES_FILE: &str = "codes.u8";
const FACTORS_FILE: &str = "factors.f32";

/// "nbc3". The digit is bumped in the change that moves a byte.
const MAGIC: u32 = u32::from_le_bytes(*b"nbc3");
const HEADER: usize = 6;

/// Scoring an eligible row exactly costs as much as scanning the codes of so many points.
const POINTS_SCANNED_PER_ROW: usize = 32;

/// When more than this share of the points is scored exactly, the flat scan, which reads in order, is not slower. Measured on
/// 20,000 vectors of 384 numbers without any structure: with 19 % codes take half the time, with 54 % the same.
const WORTHWHILE: f64 = 0.4;

/// Builds the codes of `vectors` into `folder` and fills in the report. Where they would be slower than no codes and the kind
/// is to be chosen, there are none, and the report says why.
pub(super) fn build(
    folder: &Path,
    vectors: &Matrix,
    params: &VectorParams,
    as_query: AsQuery<'_>,
    report: &mut BuildReport,
) -> Result<()> {
    let dimension = vectors.dimension();
    let points = Points::of(vectors);
    report.points = points.vectors.len();
    let numbers = axes::learn(&points.vectors, dimension);
    let axes = Axes::read(&numbers, dimension);

    let mut blocks: Vec<(usize, Vec<u32>)> = Vec::new();
    let mut block_starts = vec![0];
    let (mut centres, mut lengths) = (Vec::new(), Vec::new());
    let clusters = partition(&points.vectors, dimension);
    let radius_of =
        |cluster: &Cluster| radius(&cluster.centre, cluster.members.iter().map(|&at| points.vectors[at as usize]));
    let radii: Vec<f32> = clusters.par_iter().map(radius_of).collect();
    for (at, cluster) in clusters.into_iter().enumerate() {
        lengths.push(dot(&cluster.centre, &cluster.centre));
        centres.extend(cluster.centre);
        blocks.extend(cluster.members.chunks(BLOCK).map(|members| (at, members.to_vec())));
        block_starts.push(blocks.len() as u32);
    }
    let encode = |(cluster, members): &(usize, Vec<u32>)| {
        let centre = &centres[cluster * dimension..][..dimension];
        encode_block(axes, centre, members.iter().map(|&member| points.vectors[member as usize]))
    };
    let (codes, factors): (Vec<Vec<Fold>>, Vec<Factors>) = blocks.par_iter().map(encode).unzip();
    let codes = codes.concat();
    let clusters = Clusters { centres: &centres, radii: &radii, lengths: &lengths, starts: &block_starts };
    let scan = Scan { axes, blocks: Blocks { codes: &codes, factors: &factors }, clusters };
    let places = || blocks.iter().flat_map(|(_, members)| (0..BLOCK).map(|at| members.get(at).map(|&at| at as usize)));
    let placed: Vec<&[f32]> =
        places().map(|point| point.map_or([].as_slice(), |point| points.vectors[point])).collect();
    let slacks = slacks_for(scan, &placed, as_query, params.recall);
    let scored = scored_share(scan, &placed, as_query, slacks);
    let percent = scored * 100.0;
    if scored > WORTHWHILE && params.kind == Kind::Auto {
        let why = format!("auto: codes would leave {percent:.0} % of the points to be scored exactly");
        *report = BuildReport { kind: Kind::Flat, why, points: 0, ..report.clone() };
        return Ok(());
    }
    let verdict = if scored > WORTHWHILE { ", and `flat` is faster" } else { "" };
    report.why += &format!("; codes leave {percent:.1} % of the points to be scored exactly{verdict}");

    let count = |count: usize| u32::try_from(count).map_err(|_| Error::argument("vectors", "more than 4 billion"));
    let n_rows = count(report.rows)?;
    count(blocks.len() * BLOCK)?;
    let header =
        [MAGIC, n_rows, blocks.len() as u32, radii.len() as u32, slacks.clusters.to_bits(), slacks.codes.to_bits()];
    let row_lists = points.rows();
    let rows = || places().map(|point| point.map_or([].as_slice(), |at| row_lists.of(at as u32)));
    let row_starts = starts(rows().map(<[Row]>::len));
    let runs = [header.as_slice(), &block_starts, &row_starts].into_iter().chain(rows());
    write_runs(&folder.join(POINTS_FILE), runs)?;
    write_runs(&folder.join(AXES_FILE), [numbers.as_slice()].into_iter())?;
    write_runs(&folder.join(CLUSTERS_FILE), [centres.as_slice(), &radii, &lengths].into_iter())?;
    write_runs(&folder.join(CODES_FILE), [codes.as_slice()].into_iter())?;
    write_runs(&folder.join(FACTORS_FILE), [factors.as_slice()].into_iter())
}

/// Codes that are open for questions.
pub(super) struct CodesIndex {
    vectors: Matrix,
    points: Column<u32>,
    axes: Column<f32>,
    clusters: Column<f32>,
    codes: Column<Fold>,
    factors: Column<Factors>,
    layout: Layout,
}

/// Where the parts of `points.u32` are, and what its header says.
struct Layout {
    n_blocks: usize,
    n_clusters: usize,
    slacks: Slacks,
    block_starts: Range<usize>,
    row_starts: Range<usize>,
    rows: Range<usize>,
}

impl Layout {
    /// `None` when the numbers are not such a file: queries index blocks by what it says.
    fn read(numbers: &[u32], n_rows: usize) -> Option<Self> {
        let &[MAGIC, rows, blocks, clusters, cluster_slack, code_slack, ..] = numbers else { return None };
        let (n_blocks, n_clusters) = (blocks as usize, clusters as usize);
        let slacks = Slacks { clusters: f32::from_bits(cluster_slack), codes: f32::from_bits(code_slack) };
        let is_finite = slacks.clusters.is_finite() && slacks.codes.is_finite();
        if rows as usize != n_rows || !is_finite || n_clusters > n_blocks || (n_clusters == 0) != (n_rows == 0) {
            return None;
        }
        let block_starts = HEADER..HEADER + n_clusters + 1;
        let row_starts = block_starts.end..block_starts.end + n_blocks * BLOCK + 1;
        let rows = row_starts.end..row_starts.end + n_rows;
        if rows.end != numbers.len() {
            return None;
        }
        let starts = &numbers[block_starts.clone()];
        let are_whole = starts[0] == 0 && starts[n_clusters] == blocks && starts.is_sorted_by(|a, b| a < b);
        are_whole.then_some(Self { n_blocks, n_clusters, slacks, block_starts, row_starts, rows })
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
        let dimension = vectors.dimension();
        let axes = Column::open_exact(&folder.join(AXES_FILE), axes::numbers(dimension))?;
        let clusters = Column::open_exact(&folder.join(CLUSTERS_FILE), layout.n_clusters * (dimension + 2))?;
        let codes = Column::open_exact(&folder.join(CODES_FILE), layout.n_blocks * folds(dimension))?;
        let factors = Column::open_exact(&folder.join(FACTORS_FILE), layout.n_blocks)?;
        Ok(Self { vectors, points, axes, clusters, codes, factors, layout })
    }

    fn part(&self, part: &Range<usize>) -> &[u32] {
        &self.points.as_slice()[part.clone()]
    }

    fn row_lists(&self) -> Lists<'_> {
        Lists { starts: self.part(&self.layout.row_starts), items: self.part(&self.layout.rows) }
    }

    fn scan(&self) -> Scan<'_> {
        let dimension = self.vectors.dimension();
        let (centres, rest) = self.clusters.as_slice().split_at(self.layout.n_clusters * dimension);
        let (radii, lengths) = rest.split_at(self.layout.n_clusters);
        Scan {
            axes: Axes::read(self.axes.as_slice(), dimension),
            blocks: Blocks { codes: self.codes.as_slice(), factors: self.factors.as_slice() },
            clusters: Clusters { centres, radii, lengths, starts: self.part(&self.layout.block_starts) },
        }
    }

    /// Looks at every number; see [`super::verify`].
    pub(super) fn verify(&self, folder: &Path) -> Result<()> {
        let fault = |file: &str, reason: String| Err(Error::corrupt(folder.join(file), reason));
        let lists = self.row_lists();
        if let Some(reason) = lists.fault_as_rows(&self.vectors) {
            return fault(POINTS_FILE, reason);
        }
        let Scan { axes, blocks, clusters } = self.scan();
        if !axes.are_orthonormal() {
            return fault(AXES_FILE, "the axes are not orthogonal directions".to_owned());
        }
        let dimension = self.vectors.dimension();
        let width = folds(dimension);
        let check = |cluster: usize| {
            let range = clusters.blocks(cluster);
            let centre = &clusters.centres[cluster * dimension..][..dimension];
            let expected = mean_of(self.vectors_in(range.clone()), dimension);
            let is_alike = clusters.radii[cluster] == radius(centre, self.vectors_in(range.clone()))
                && clusters.lengths[cluster] == dot(centre, centre);
            if centre != expected || !is_alike {
                return fault(CLUSTERS_FILE, format!("cluster {cluster} is not that of its vectors"));
            }
            for block in range {
                let (codes, expected) = encode_block(axes, centre, self.vectors_in(block..block + 1));
                if blocks.codes[block * width..][..width] != codes {
                    return fault(CODES_FILE, format!("block {block} is not the code of its vectors"));
                }
                if blocks.factors[block] != expected {
                    return fault(FACTORS_FILE, format!("block {block} has not the factors of its vectors"));
                }
            }
            Ok(())
        };
        let faults = (0..self.layout.n_clusters).into_par_iter().map(check).find_first(Result::is_err);
        faults.unwrap_or(Ok(()))
    }

    /// The vectors of the points in some blocks.
    fn vectors_in(&self, blocks: Range<usize>) -> impl Iterator<Item = &[f32]> {
        let lists = self.row_lists();
        let points = (blocks.start * BLOCK) as u32..(blocks.end * BLOCK) as u32;
        points.filter_map(move |point| lists.of(point).first()).map(|&row| self.vectors.row(row))
    }

    /// The vector of a point; of one that has no row, which is never asked for unless a file is damaged, the first.
    fn vector_of(&self, point: u32) -> &[f32] {
        self.vectors.row(self.row_lists().of(point).first().copied().unwrap_or(0).min(self.vectors.rows() as Row - 1))
    }

    /// Scans codes, whatever their number.
    pub(super) fn nearest(&self, query: &[f32], k: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
        let lists = self.row_lists();
        let is_eligible = |row: &Row| match eligible {
            Some(set) => set.contains(*row),
            None => (*row as usize) < self.rows(),
        };
        let keep = |point: u32, score: f32, kept: &mut TopK| {
            let rows = lists.of(point).iter().copied().filter(is_eligible);
            rows.for_each(|row| kept.push(Scored { row, score }));
        };
        let has_eligible = |point: u32| lists.of(point).iter().any(is_eligible);
        let question = Question { query, k, slacks: self.layout.slacks, least: f32::NEG_INFINITY };
        self.scan().nearest(&question, has_eligible, |point| self.vector_of(point), keep).into_sorted()
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
