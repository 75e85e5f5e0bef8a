//! The frozen graph: flat arrays on disk, built once, mapped, verified, asked. Knows nobody who built the links, and leaves
//! the walk to `beam`.
//!
//! Rows with equal vectors, of which a desk has many, are one point of the graph: a crowd of equal points would fill each
//! other's links and be cut off from the rest. `graph.u32` holds, as little-endian `u32`:
//!
//! | what | how many |
//! |---|---|
//! | magic, rows, points, gateways, links, `ef_search` | 6 |
//! | start of each point's rows among the rows, and their end | points + 1 |
//! | rows, by point, ascending | rows |
//! | gateways: points from which a walk may begin, the first of them always | gateways |
//! | start of each point's links, and their end | points + 1 |
//! | links: points, as `refine` chose them, then those that were added by `repair` | links |
//!
//! Beside it, `codes.i8` has the code of each point's vector and `scales.f32` the scale of each code.

use std::ops::Range;
use std::path::Path;

use super::beam::{self, Net, Walk};
use super::dot::dot;
use super::hnsw::{self, HnswParams};
use super::map::{Column, Matrix, write_runs};
use super::points::{Lists, Points, starts};
use super::quantize::{QueryCode, quantize};
use super::refine::{refine, two_hops};
use super::repair::{reachable, repair};
use super::{BuildReport, VectorIndex, flat};
use crate::error::{Error, Result};
use crate::rank::{Row, RowSet, Scored, TopK};

const GRAPH_FILE: &str = "graph.u32";
const CODES_FILE: &str = "codes.i8";
const SCALES_FILE: &str = "scales.f32";

/// "nbg1". The digit is bumped in the change that moves a byte.
const MAGIC: u32 = u32::from_le_bytes(*b"nbg1");
const HEADER: usize = 6;

/// Rows that are scanned exactly in the time that a walk takes for a candidate; see [`scan_is_cheaper`].
///
/// Measured on 20,000 utterances, 128 candidates, with a fifth and a half of the rows eligible, where the two cost about the
/// same, 11 to 21; with fewer, 6 to 21. It hardly mattered whether those rows lay together or were scattered.
const ROWS_SCANNED_PER_CANDIDATE: usize = 16;

/// Builds the graph of `vectors` into `folder` and fills in the report.
pub(super) fn build(folder: &Path, vectors: &Matrix, params: &HnswParams, report: &mut BuildReport) -> Result<()> {
    let dimension = vectors.dimension();
    let points = Points::of(vectors);
    let mut codes: Vec<i8> = Vec::with_capacity(points.vectors.len() * dimension);
    let scales: Vec<f32> = points.vectors.iter().map(|vector| quantize(vector, &mut codes)).collect();
    let gateways = gateways(points.vectors.len());
    let unlinked = Net { codes: &codes, scales: &scales, dimension, links: Lists::default(), gateways: &gateways };
    let mut links = linked(&points.vectors, params, unlinked)?;
    if let Some(&entry) = gateways.first() {
        report.unreachable_repaired = repair(&mut links, entry, &points.vectors);
    }
    report.points = points.vectors.len();
    report.links = links.iter().map(Vec::len).sum();

    let counts = [report.rows, report.points, gateways.len(), report.links, params.ef_search];
    let mut header = vec![MAGIC];
    for count in counts {
        header.push(u32::try_from(count).map_err(|_| Error::argument("vectors", "more than 4 billion links"))?);
    }
    let rows = points.rows();
    let link_starts = starts(links.iter().map(Vec::len));
    let runs = [header.as_slice(), rows.starts, rows.items, &gateways, &link_starts].into_iter();
    write_runs(&folder.join(GRAPH_FILE), runs.chain(links.iter().map(Vec::as_slice)))?;

    write_runs(&folder.join(CODES_FILE), [codes.as_slice()].into_iter())?;
    write_runs(&folder.join(SCALES_FILE), [scales.as_slice()].into_iter())
}

/// Links by the library, refined twice: among the neighbours of neighbours, and then among what a walk of the graph finds that
/// this has made. Measured on 100,000 utterances with 256 candidates: recall@10 .984 by the walk alone, .988 by both.
fn linked(points: &[&[f32]], params: &HnswParams, unlinked: Net<'_>) -> Result<Vec<Vec<u32>>> {
    let links = hnsw::link(points, params)?;
    let links = refine(&links, points, params.degree, |point| two_hops(&links, point));
    let (starts, items) = (starts(links.iter().map(Vec::len)), links.concat());
    let net = Net { links: Lists { starts: &starts, items: &items }, ..unlinked };
    Ok(refine(&links, points, params.degree, |point| {
        let walk = Walk { query: QueryCode::new(points[point]), ef: WALK_CANDIDATES };
        beam::nearest(net, &walk, |_| true)
    }))
}

/// So many candidates does a walk find when links are refined.
const WALK_CANDIDATES: usize = 300;

/// For √n points so many gateways. Measured on 100,000 utterances: from 8 to 24 recall@10 rose from .963 to .969 with 64
/// candidates and from .9914 to .9921 with 512.
const GATEWAYS_PER_ROOT: usize = 24;

/// 24 √n points, evenly spread over the order of rows, which is a sample of what there is. A walk begins
/// at all of them, which its candidates soon thin out: that is what the upper layers of an HNSW are for, without the layers.
fn gateways(n_points: usize) -> Vec<u32> {
    let n_gateways = (GATEWAYS_PER_ROOT * n_points.isqrt()).max(1).min(n_points);
    (0..n_gateways).map(|at| (at * n_points / n_gateways) as u32).collect()
}

/// A graph that is open for questions.
pub(super) struct HnswIndex {
    vectors: Matrix,
    codes: Column<i8>,
    scales: Column<f32>,
    graph: Column<u32>,
    layout: Layout,
}

/// Where the parts of `graph.u32` are, and what its header says.
struct Layout {
    n_points: usize,
    ef_search: usize,
    row_starts: Range<usize>,
    rows: Range<usize>,
    gateways: Range<usize>,
    link_starts: Range<usize>,
    links: Range<usize>,
}

impl Layout {
    /// `None` when the header does not describe a file of so many numbers.
    fn read(graph: &[u32], n_rows: usize) -> Option<Self> {
        let &[MAGIC, rows, points, gateways, links, ef_search, ..] = graph else { return None };
        let [n_points, n_gateways, n_links] = [points, gateways, links].map(|count| count as usize);
        if rows as usize != n_rows || n_points > n_rows || (n_points > 0) != (n_gateways > 0) {
            return None;
        }
        let mut end = HEADER;
        let mut part = |len: usize| {
            let start = end;
            end += len;
            start..end
        };
        let layout = Self {
            n_points,
            ef_search: ef_search as usize,
            row_starts: part(n_points + 1),
            rows: part(n_rows),
            gateways: part(n_gateways),
            link_starts: part(n_points + 1),
            links: part(n_links),
        };
        (layout.links.end == graph.len()).then_some(layout)
    }
}

impl HnswIndex {
    /// Maps the graph of `vectors` in `folder`.
    pub(super) fn open(folder: &Path, vectors: Matrix) -> Result<Self> {
        let path = folder.join(GRAPH_FILE);
        let graph = Column::open(&path)?;
        let Some(layout) = Layout::read(graph.as_slice(), vectors.rows()) else {
            return Err(Error::corrupt(path, format!("its header does not fit its size or {} rows", vectors.rows())));
        };
        let codes = Column::open_exact(&folder.join(CODES_FILE), layout.n_points * vectors.dimension())?;
        let scales = Column::open_exact(&folder.join(SCALES_FILE), layout.n_points)?;
        Ok(Self { vectors, codes, scales, graph, layout })
    }

    fn part(&self, part: &Range<usize>) -> &[u32] {
        &self.graph.as_slice()[part.clone()]
    }

    fn lists(&self, starts: &Range<usize>, items: &Range<usize>) -> Lists<'_> {
        Lists { starts: self.part(starts), items: self.part(items) }
    }

    /// The rows that have a point's vector, ascending.
    fn rows_of(&self, point: u32) -> &[Row] {
        self.lists(&self.layout.row_starts, &self.layout.rows).of(point)
    }

    /// The points that a point is linked to.
    pub(super) fn links_of(&self, point: u32) -> &[u32] {
        self.lists(&self.layout.link_starts, &self.layout.links).of(point)
    }

    pub(super) const fn n_points(&self) -> usize {
        self.layout.n_points
    }

    /// Where a walk may begin; the first always does.
    pub(super) fn gateways(&self) -> &[u32] {
        self.part(&self.layout.gateways)
    }

    fn net(&self) -> Net<'_> {
        Net {
            codes: self.codes.as_slice(),
            scales: self.scales.as_slice(),
            dimension: self.vectors.dimension(),
            links: self.lists(&self.layout.link_starts, &self.layout.links),
            gateways: self.gateways(),
        }
    }

    /// Looks at every number; see [`super::verify`].
    pub(super) fn verify(&self, folder: &Path) -> Result<()> {
        let fault = |file: &str, reason: String| Err(Error::corrupt(folder.join(file), reason));
        let n_points = self.n_points();
        let row_lists = self.lists(&self.layout.row_starts, &self.layout.rows);
        if let Some(reason) = row_lists.fault_as_rows(&self.vectors) {
            return fault(GRAPH_FILE, reason);
        }
        if let Some(point) = (0..n_points as u32).find(|&point| row_lists.of(point).is_empty()) {
            return fault(GRAPH_FILE, format!("point {point} has no row"));
        }
        if !self.lists(&self.layout.link_starts, &self.layout.links).lie_end_to_end() {
            return fault(GRAPH_FILE, "the link lists do not lie end to end".to_owned());
        }
        let beyond = |point: &&u32| **point as usize >= n_points;
        if let Some(point) = self.part(&self.layout.links).iter().chain(self.gateways()).find(beyond) {
            return fault(GRAPH_FILE, format!("a link leads to point {point} of {n_points}"));
        }
        let mut code = Vec::with_capacity(self.vectors.dimension());
        for point in 0..n_points as u32 {
            let vector = self.vectors.row(self.rows_of(point)[0]);
            code.clear();
            let scale = quantize(vector, &mut code);
            let start = point as usize * code.len();
            let stored = (&self.codes.as_slice()[start..start + code.len()], self.scales.as_slice()[point as usize]);
            if stored != (code.as_slice(), scale) {
                return fault(CODES_FILE, format!("the code of point {point} is not that of its vector"));
            }
        }
        if let Some(&entry) = self.gateways().first() {
            let reached = reachable(n_points, entry, |point| self.links_of(point));
            if let Some(lost) = reached.iter().position(|reached| !reached) {
                return fault(GRAPH_FILE, format!("no walk reaches point {lost}"));
            }
        }
        Ok(())
    }

    /// Walks, scores what was found exactly, and lays points out as rows.
    pub(super) fn walk(&self, query: &[f32], k: usize, ef: usize, eligible: Option<&RowSet>) -> Vec<Scored> {
        let is_eligible = |row: &Row| match eligible {
            Some(set) => set.contains(*row),
            None => (*row as usize) < self.rows(),
        };
        let walk = Walk { query: QueryCode::new(query), ef };
        let found = beam::nearest(self.net(), &walk, |point| self.rows_of(point).iter().any(is_eligible));
        let mut best = TopK::new(k);
        for point in found {
            let mut rows = self.rows_of(point).iter().copied().filter(is_eligible).peekable();
            let Some(&first) = rows.peek() else { continue };
            let score = dot(query, self.vectors.row(first));
            for row in rows {
                best.push(Scored { row, score });
            }
        }
        best.into_sorted()
    }
}

impl VectorIndex for HnswIndex {
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
        let n_eligible = eligible.map_or(self.rows(), RowSet::count);
        let ef = self.layout.ef_search.max(k.saturating_mul(2));
        if !scan_is_cheaper(n_eligible, self.rows(), ef) {
            assert_eq!(query.len(), self.dimension(), "a query of another dimension");
            let hits = self.walk(query, k, ef, eligible);
            if hits.len() == k.min(n_eligible) {
                return hits;
            }
        }
        flat::scan(&self.vectors, query, k, eligible)
    }
}

/// Whether looking at each eligible row is cheaper than walking; it is exact as well.
///
/// A scan looks at all `eligible` rows. A walk keeps `ef` candidates that are eligible, passing `rows / eligible` points
/// for each, and looks at some [`ROWS_SCANNED_PER_CANDIDATE`] neighbours of every point it passes.
fn scan_is_cheaper(eligible: usize, rows: usize, ef: usize) -> bool {
    let passed = ef.saturating_mul(rows) / eligible.max(1);
    eligible <= passed.saturating_mul(ROWS_SCANNED_PER_CANDIDATE)
}
