//! Points in clusters, so that a question looks at the codes of few of them. Knows no code and no file.
//!
//! Lloyd's k-means (1982) from a seeded draw, on a sample; then every point goes to its nearest centre, and each centre
//! becomes the mean of its points.

use rand::SeedableRng as _;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::axes::{difference, mean_of};
use super::dot::dot;
use super::nearest::Centres;

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
        let members = assigned(&sampled, &centres, dimension);
        centres
            .par_chunks_exact_mut(dimension)
            .zip(members)
            .filter(|(_, members)| !members.is_empty())
            .for_each(|(centre, members)| centre.copy_from_slice(&centre_of(&members, &sampled, dimension)));
    }
    let members: Vec<Vec<u32>> = assigned(points, &centres, dimension);
    let members = members.into_par_iter().filter(|members| !members.is_empty());
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
fn assigned(points: &[&[f32]], centres: &[f32], dimension: usize) -> Vec<Vec<u32>> {
    let mut members = vec![Vec::new(); centres.len() / dimension];
    for (point, cluster) in Centres::new(centres, dimension).nearest(points).into_iter().enumerate() {
        members[cluster as usize].push(point as u32);
    }
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The members of every cluster, after looking at what must hold of any partition.
    fn checked(points: &[&[f32]], dimension: usize) -> Vec<Vec<u32>> {
        let clusters = partition(points, dimension);
        assert_eq!(clusters.is_empty(), points.is_empty());
        assert!(clusters.len() <= (points.len() as f64).sqrt().ceil() as usize);
        for cluster in &clusters {
            assert!(!cluster.members.is_empty() && cluster.members.is_sorted_by(|a, b| a < b));
            assert_eq!(cluster.centre, centre_of(&cluster.members, points, dimension));
        }
        let mut all: Vec<u32> = clusters.iter().flat_map(|cluster| cluster.members.iter().copied()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..points.len() as u32).collect::<Vec<u32>>());
        clusters.into_iter().map(|cluster| cluster.members).collect()
    }

    proptest! {
        #[test]
        fn every_point_is_in_one_cluster_and_none_is_empty(
            dimension in 1_usize..20,
            // Few different numbers, so that points are equal and distances tie.
            numbers in prop::collection::vec(-3_i8..=3, 0..900),
        ) {
            let numbers: Vec<f32> = numbers.into_iter().map(f32::from).collect();
            let points: Vec<&[f32]> = numbers.chunks_exact(dimension).collect();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            prop_assert_eq!(checked(&points, dimension), pool.install(|| checked(&points, dimension)));
        }
    }

    #[test]
    fn heaps_that_lie_apart_are_not_torn() {
        let numbers: Vec<f32> = (0..400).map(|at| (at % 4) as f32 * 100.0 + (at / 4) as f32 / 1_000.0).collect();
        let points: Vec<&[f32]> = numbers.chunks_exact(1).collect();
        assert!(checked(&points, 1).iter().all(|members| members.iter().all(|member| member % 4 == members[0] % 4)));
    }

    #[test]
    fn equal_points_and_one_point_are_one_cluster() {
        assert_eq!(checked(&[[0.5, 2.0].as_slice(); 50], 2).len(), 1);
        assert_eq!(checked(&[&[0.5]], 1), [[0]]);
    }
}
