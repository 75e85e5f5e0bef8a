//! Vectors → who is linked to whom, by `hnsw_rs`. The only file that names it: the graph is taken out and everything else
//! of it, its search, its files and its levels, stays behind.
//!
//! Read before it was fenced in (0.3.5): it calls `process::exit` above 256 links a point and on bad dump files, panics on
//! a NaN or negative distance, and prints to standard output when its level scale is changed. So parameters are bounded
//! here, vectors are unit vectors, distances are clamped, it is never asked to store anything, and it keeps its own scale.

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;
use serde::{Deserialize, Serialize};

use super::dot::dot;
use crate::error::{Error, Result};

/// As many layers as the library allows. They only help to build: of the frozen graph 1, 2 and 16 layers gave the same
/// recall on 20,000 utterances, since its walks begin at gateways.
const MAX_LAYERS: usize = 16;

/// How to build the graph, and how far to walk it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HnswParams {
    /// Links a point looks for when it is added, 4 to 64.
    pub m: usize,
    /// Candidates among which those links are chosen, 1 to 2,000: more makes a better graph and a longer build.
    pub ef_construction: usize,
    /// Links a point has at most once the graph is refined, 4 to 256.
    pub degree: usize,
    /// Candidates kept while a query walks, 1 to 10,000: more finds more and takes longer.
    pub ef_search: usize,
    /// So many points are added one after another, and the rest on all cores at once.
    ///
    /// A first stretch must be, or threads start with graphs that never meet. Up to this size two builds give the same
    /// graph; beyond it threads race, and two builds answer nearly but not always the same.
    pub serial_points: usize,
}

impl Default for HnswParams {
    /// Measured on 100,000 real utterances and 2,000 queries: recall@10 .989, .992 and .993 with 256, 384 and 512 candidates.
    /// On the first thousand of them, `degree` 32, 64 and 96 gave .976, .988 and .991 with 256; a point has 38 links on
    /// average, since most choose fewer than they may. A graph by 64 candidates in place of 200 was built in a third of the
    /// time and found far less.
    fn default() -> Self {
        Self { m: 16, ef_construction: 200, degree: 96, ef_search: 384, serial_points: 10_000 }
    }
}

impl HnswParams {
    fn check(&self) -> Result<()> {
        let bounds = [
            ("hnsw.m", self.m, 4, 64),
            ("hnsw.ef_construction", self.ef_construction, 1, 2_000),
            ("hnsw.degree", self.degree, 4, 256),
            ("hnsw.ef_search", self.ef_search, 1, 10_000),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(Error::argument(name, format!("{value} is not within {least} to {most}")));
            }
        }
        Ok(())
    }
}

/// 1 − cosine.
struct CosineDistance;

impl Distance<f32> for CosineDistance {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        // Rounding can take the cosine of a vector with itself past 1, and a negative distance panics.
        (1.0 - dot(a, b)).max(0.0)
    }
}

/// Links the points, which are all different: for each, the points it leads to, nearest first. These are the links of the
/// lowest layer, where every point is.
///
/// # Errors
/// [`Error::Argument`] for a parameter out of range.
pub(super) fn link(points: &[&[f32]], params: &HnswParams) -> Result<Vec<Vec<u32>>> {
    params.check()?;
    let mut links: Vec<Vec<u32>> = vec![Vec::new(); points.len()];
    if points.is_empty() {
        return Ok(links);
    }
    let graph = Hnsw::new(params.m, points.len(), MAX_LAYERS, params.ef_construction, CosineDistance);
    let (first, rest) = points.split_at(params.serial_points.clamp(1, points.len()));
    for (id, point) in first.iter().enumerate() {
        graph.insert_slice((point, id));
    }
    let rest: Vec<(&[f32], usize)> = rest.iter().zip(first.len()..).map(|(point, id)| (*point, id)).collect();
    graph.parallel_insert_slice(&rest);
    for point in graph.get_point_indexation() {
        let own = point.get_origin_id();
        let lowest = point.get_neighborhood_id().into_iter().next().unwrap_or_default();
        for neighbour in lowest {
            let other = neighbour.d_id as u32;
            if neighbour.d_id != own && !links[own].contains(&other) {
                links[own].push(other);
            }
        }
    }
    Ok(links)
}
