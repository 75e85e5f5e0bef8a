//! Points in clusters, so that a question looks at the codes of few of them. Knows no code and no file.
//!
//! Lloyd's k-means (1982) from a seeded draw, on a sample; then every point goes to its nearest centre, and each centre
//! becomes the mean of its points.

use rand::SeedableRng as _;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::axes::{difference, mean_of};
use super::dot::{dot, products};

const SEED: u64 = 0x6365_6c6c;

/// Centres are moved so often.
const ROUNDS: usize = 8;

/// So many points of each cluster are enough to place its centre.
const SAMPLED_PER_CLUSTER: usize = 48;

/// A centre and its points, one or more, ascending.
pub(super) struct Cluster {
    pub(super) centre: Vec<f32>,
    pub(super) members: Vec<u32>,
}

/// Puts every point into one of about √n clusters; none is empty.
pub(super) fn partition(points: &[&[f32]], dimension: usize) -> Vec<Cluster> {
    if points.is_empty() {
        return Vec::new();
    }
    let n_clusters = (points.len() as f64).sqrt().ceil() as usize;
    let n_sampled = points.len().min(n_clusters * SAMPLED_PER_CLUSTER);
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let sampled: Vec<&[f32]> = sample(&mut random, points.len(), n_sampled).iter().map(|point| points[point]).collect();
    let mut centres = sampled[..n_clusters].concat();
    for _ in 0..ROUNDS {
        let members = assigned(&sampled, &centres);
        for (centre, members) in centres.chunks_exact_mut(dimension).zip(members) {
            if !members.is_empty() {
                centre.copy_from_slice(&centre_of(&members, &sampled, dimension));
            }
        }
    }
    let members = assigned(points, &centres).into_iter().filter(|members| !members.is_empty());
    members.map(|members| Cluster { centre: centre_of(&members, points, dimension), members }).collect()
}

fn centre_of(members: &[u32], points: &[&[f32]], dimension: usize) -> Vec<f32> {
    mean_of(members.iter().map(|&member| points[member as usize]), dimension)
}

/// The root of the mean square distance of points to their centre.
pub(super) fn radius<'a>(centre: &[f32], points: impl Iterator<Item = &'a [f32]>) -> f32 {
    let (mut sum, mut n) = (0.0_f64, 0.0_f64);
    for point in points {
        let apart = difference(point, centre);
        sum += f64::from(dot(&apart, &apart));
        n += 1.0;
    }
    (sum / n.max(1.0)).sqrt() as f32
}

/// The points that are nearest to each of the centres, which lie one after another; ties fall to the first.
fn assigned(points: &[&[f32]], centres: &[f32]) -> Vec<Vec<u32>> {
    let dimension = points[0].len();
    let halves: Vec<f32> = centres.chunks_exact(dimension).map(|centre| dot(centre, centre) / 2.0).collect();
    let nearest = |point: &&[f32]| {
        let mut best = (f32::NEG_INFINITY, 0);
        for (at, (product, half)) in products(point, centres).into_iter().zip(&halves).enumerate() {
            if product - half > best.0 {
                best = (product - half, at);
            }
        }
        best.1
    };
    let clusters: Vec<usize> = points.par_iter().map(nearest).collect();
    let mut members = vec![Vec::new(); halves.len()];
    for (point, cluster) in clusters.into_iter().enumerate() {
        members[cluster].push(point as u32);
    }
    members
}
