//! A space in which directions that tell the groups of points apart count more than those in which one group scatters.
//! Knows vectors, and not what they stand for.

/// The linear map under which the pooled scatter within the groups, plus a multiple of the identity, is the identity: the
/// space of Fisher's linear discriminant, with the scatter shrunk because there are fewer points than directions
/// (J. H. Friedman 1989, Regularized Discriminant Analysis).
#[derive(Debug, Clone)]
pub(super) struct Whitening {
    /// The mean of all points.
    centre: Vec<f64>,
    /// The lower triangle L of L·Lᵀ = scatter, row by row; `None` where no group scatters.
    factor: Option<Vec<Vec<f64>>>,
}

impl Whitening {
    /// Learns from points in groups of these sizes, one group after another. `shrinkage` is what is added to the scatter
    /// in every direction, in units of its mean; above 0.
    pub(super) fn new(points: &[&[f32]], group_sizes: &[usize], shrinkage: f64) -> Self {
        let centre = mean(points);
        let dimension = centre.len();
        let mut scatter: Vec<Vec<f64>> = (0..dimension).map(|row| vec![0.0; row + 1]).collect();
        let mut rest = points;
        for &size in group_sizes {
            let (group, others) = rest.split_at(size);
            rest = others;
            let middle = mean(group);
            for point in group {
                let away: Vec<f64> = point.iter().zip(&middle).map(|(x, middle)| f64::from(*x) - middle).collect();
                for (row, line) in scatter.iter_mut().enumerate() {
                    line.iter_mut().zip(&away).for_each(|(sum, x)| *sum += away[row] * x);
                }
            }
        }
        let trace: f64 = (0..dimension).map(|row| scatter[row][row]).sum();
        let added = shrinkage * trace / dimension as f64;
        (0..dimension).for_each(|row| scatter[row][row] += added);
        Self { centre, factor: cholesky(scatter) }
    }

    /// A vector seen in that space, from the centre and of unit length; zeros for one that is the centre.
    pub(super) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let mut seen: Vec<f64> = vector.iter().zip(&self.centre).map(|(x, centre)| f64::from(*x) - centre).collect();
        if let Some(factor) = &self.factor {
            for (row, line) in factor.iter().enumerate() {
                let (before, diagonal) = line.split_at(row);
                let known: f64 = before.iter().zip(&seen).map(|(l, x)| l * x).sum();
                seen[row] = (seen[row] - known) / diagonal[0];
            }
        }
        let length = seen.iter().map(|x| x * x).sum::<f64>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        seen.into_iter().map(|x| (x * scale) as f32).collect()
    }
}

fn mean(points: &[&[f32]]) -> Vec<f64> {
    let mut sum = vec![0.0; points.first().map_or(0, |point| point.len())];
    for point in points {
        sum.iter_mut().zip(*point).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sum.iter_mut().for_each(|sum| *sum /= points.len() as f64);
    sum
}

/// The lower triangle L of a symmetric matrix L·Lᵀ given by its own, or `None` if it is not positive definite.
fn cholesky(mut lower: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    for row in 0..lower.len() {
        let (above, from_here) = lower.split_at_mut(row);
        let line = &mut from_here[0];
        for column in 0..row {
            let known: f64 = line[..column].iter().zip(&above[column]).map(|(a, b)| a * b).sum();
            line[column] = (line[column] - known) / above[column][column];
        }
        let pivot = line[row] - line[..row].iter().map(|x| x * x).sum::<f64>();
        if !pivot.is_finite() || pivot <= 0.0 {
            return None;
        }
        line[row] = pivot.sqrt();
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_factor_times_itself_is_the_matrix(numbers in prop::collection::vec(-2.0..2.0_f64, 10)) {
            // A·Aᵀ + I is positive definite whatever A is.
            let a = |row: usize, column: usize| if column <= row { numbers[row * (row + 1) / 2 + column] } else { 0.0 };
            let product = |row: usize, column: usize, of: &dyn Fn(usize, usize) -> f64| -> f64 {
                (0..4).map(|k| of(row, k) * of(column, k)).sum()
            };
            let matrix = |row: usize, column: usize| product(row, column, &a) + f64::from(u8::from(row == column));
            let lower = (0..4).map(|row| (0..=row).map(|column| matrix(row, column)).collect()).collect();
            let factor = cholesky(lower).unwrap();
            let l = |row: usize, column: usize| factor[row].get(column).copied().unwrap_or(0.0);
            for row in 0..4 {
                for column in 0..=row {
                    prop_assert!((product(row, column, &l) - matrix(row, column)).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn a_direction_in_which_groups_scatter_counts_less() {
        // Two groups that differ in x and scatter widely in y.
        let points: [[f32; 2]; 4] = [[1.0, -2.0], [1.0, 2.0], [-1.0, -2.0], [-1.0, 2.0]];
        let points: Vec<&[f32]> = points.iter().map(<[f32; 2]>::as_slice).collect();
        let seen = |shrinkage: f64| Whitening::new(&points, &[2, 2], shrinkage).apply(&[1.0, 2.0]);
        assert!(seen(0.01)[0] > 0.95, "{:?}", seen(0.01));
        // With much shrinkage directions stay as they are.
        assert!((seen(1e6)[1] / seen(1e6)[0] - 2.0).abs() < 0.01, "{:?}", seen(1e6));
    }

    #[test]
    fn where_nothing_scatters_directions_stay() {
        let points: [&[f32]; 2] = [&[1.0, 0.0], &[0.0, 1.0]];
        let whitening = Whitening::new(&points, &[1, 1], 2.0);
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert_eq!(whitening.apply(&[1.0, 0.0]), [half, -half]);
        assert_eq!(whitening.apply(&[0.5, 0.5]), [0.0, 0.0], "the centre has no direction");
    }
}
