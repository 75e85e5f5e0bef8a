//! Spaces in which directions that tell the groups of points apart count more than those in which one group scatters.
//! Knows vectors, and not what they stand for.

/// How far the scatter within groups is shrunk towards the same in every direction, for [`discriminant`].
const SHRINKAGE: f64 = 10.0;
/// What a direction in which groups do not differ keeps, beside the one in which they differ most: see [`discriminant`].
const FLOOR: f64 = 0.1;
/// Groups beyond the largest so many have no say in which directions tell groups apart.
const MOST_GROUPS: usize = 256;

/// The linear map under which the pooled scatter within the groups, plus a multiple of the identity, is the identity: the
/// space of Fisher's linear discriminant, with the scatter shrunk because there are fewer points than directions
/// (J. H. Friedman 1989, Regularized Discriminant Analysis).
#[derive(Debug, Clone)]
pub(crate) struct Whitening {
    /// The mean of all points.
    centre: Vec<f64>,
    /// The lower triangle L of L·Lᵀ = scatter, row by row; `None` where no group scatters.
    factor: Option<Vec<Vec<f64>>>,
}

impl Whitening {
    /// Learns from points in groups of these sizes, one group after another. `shrinkage` is what is added to the scatter
    /// in every direction, in units of its mean; above 0.
    pub(crate) fn new(points: &[&[f32]], group_sizes: &[usize], shrinkage: f64) -> Self {
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

    /// What the map makes of differences of vectors, `N` side by side: as many numbers of each as there are dimensions.
    fn whiten<const N: usize>(&self, mut away: Vec<[f64; N]>) -> Vec<[f64; N]> {
        if let Some(factor) = &self.factor {
            for (row, line) in factor.iter().enumerate() {
                let (before, diagonal) = line.split_at(row);
                let mut known = [0.0; N];
                for (l, x) in before.iter().zip(&away) {
                    (0..N).for_each(|lane| known[lane] += l * x[lane]);
                }
                (0..N).for_each(|lane| away[row][lane] = (away[row][lane] - known[lane]) / diagonal[0]);
            }
        }
        away
    }

    /// A vector seen in that space, from the centre and of unit length; zeros for one that is the centre.
    pub(crate) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        self.apply_each([vector]).into_iter().map(|[x]| x).collect()
    }

    /// [`Whitening::apply`] of `N` vectors side by side: the same numbers, in a fraction of the time.
    pub(crate) fn apply_each<const N: usize>(&self, vectors: [&[f32]; N]) -> Vec<[f32; N]> {
        let away = |(at, centre): (usize, &f64)| vectors.map(|vector| f64::from(vector[at]) - centre);
        let seen = self.whiten(self.centre.iter().enumerate().map(away).collect());
        let mut scales = [0.0; N];
        for (lane, scale) in scales.iter_mut().enumerate() {
            let length = seen.iter().map(|x| x[lane] * x[lane]).sum::<f64>().sqrt();
            *scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        }
        seen.into_iter().map(|x| std::array::from_fn(|lane| (x[lane] * scales[lane]) as f32)).collect()
    }

    /// [`Whitening::whiten`] of one.
    fn whiten_one(&self, away: impl IntoIterator<Item = f64>) -> Vec<f64> {
        self.whiten(away.into_iter().map(|x| [x]).collect()).into_iter().map(|[x]| x).collect()
    }
}

/// A linear map, row by row, under which points of one group lie close and groups far apart; `None` where no group scatters.
///
/// First the scatter within groups becomes the same in every direction ([`Whitening`], shrunk). Then each principal
/// direction i of the group means, with their variance u_i, is stretched by ((u_i / u_max + f) / f)^¼ with f =
/// 0.1, and what is orthogonal to all of them stays: Fisher's discriminant with its directions weighed, and none cut off,
/// so that groups that nobody has seen stay apart too. Points come one group after another, in groups of these sizes.
pub(crate) fn discriminant(points: &[&[f32]], group_sizes: &[usize]) -> Option<Vec<f32>> {
    let whitening = Whitening::new(points, group_sizes, SHRINKAGE);
    whitening.factor.as_ref()?;
    let mut groups: Vec<&[&[f32]]> = Vec::with_capacity(group_sizes.len());
    let mut rest = points;
    for &size in group_sizes {
        let (group, others) = rest.split_at(size);
        rest = others;
        groups.push(group);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups.truncate(MOST_GROUPS);
    let middles: Vec<Vec<f64>> = groups
        .iter()
        .map(|group| {
            let weight = (group.len() as f64 / points.len() as f64).sqrt();
            let middle = mean(group);
            whitening.whiten_one(middle.iter().zip(&whitening.centre).map(|(x, centre)| weight * (x - centre)))
        })
        .collect();
    let gram = middles.iter().map(|a| middles.iter().map(|b| product(a, b)).collect()).collect();
    let (variances, combinations) = eigen(gram);
    let largest = variances.iter().copied().fold(0.0, f64::max);
    let mut stretched: Vec<(f64, Vec<f64>)> = Vec::new();
    for (variance, combination) in variances.into_iter().zip(combinations) {
        if variance > 1e-9 * largest {
            let mut direction = vec![0.0; whitening.centre.len()];
            for (middle, part) in middles.iter().zip(combination) {
                direction.iter_mut().zip(middle).for_each(|(sum, x)| *sum += part * x / variance.sqrt());
            }
            stretched.push((((variance / largest + FLOOR) / FLOOR).powf(0.25) - 1.0, direction));
        }
    }
    let dimension = whitening.centre.len();
    let mut map = vec![0.0; dimension * dimension];
    for column in 0..dimension {
        let mut unit = vec![0.0; dimension];
        unit[column] = 1.0;
        let mut seen = whitening.whiten_one(unit);
        let along: Vec<f64> = stretched.iter().map(|(gain, direction)| gain * product(direction, &seen)).collect();
        for ((_, direction), along) in stretched.iter().zip(along) {
            seen.iter_mut().zip(direction).for_each(|(x, part)| *x += along * part);
        }
        seen.into_iter().enumerate().for_each(|(row, x)| map[row * dimension + column] = x as f32);
    }
    Some(map)
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The eigenvalues of a symmetric matrix and their eigenvectors of unit length, by Jacobi's rotations.
fn eigen(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = matrix.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|row| (0..n).map(|at| f64::from(u8::from(row == at))).collect()).collect();
    let whole: f64 = matrix.iter().flatten().map(|x| x * x).sum();
    // A sweep turns every pair once; the rest shrinks quadratically, and ten sweeps are plenty.
    for _ in 0..30 {
        let beside: f64 = (0..n).flat_map(|p| (0..p).map(move |q| (p, q))).map(|(p, q)| matrix[p][q].powi(2)).sum();
        if beside <= 1e-24 * whole {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut matrix, &mut vectors, p, q);
            }
        }
    }
    ((0..n).map(|at| matrix[at][at]).collect(), vectors)
}

/// Turns rows and columns p and q so that they no longer mix; the rows of `vectors` turn with them.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    if matrix[p][q] == 0.0 {
        return;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for line in matrix.iter_mut() {
        let (x, y) = (line[p], line[q]);
        (line[p], line[q]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
    for lines in [matrix, vectors] {
        let (above, below) = lines.split_at_mut(q);
        for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
            (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
        }
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
    fn eigenvectors_make_the_matrix_again() {
        let matrix = vec![vec![4.0, 1.0, -2.0], vec![1.0, 2.0, 0.5], vec![-2.0, 0.5, 3.0]];
        let (values, vectors) = eigen(matrix.clone());
        for row in 0..3 {
            for column in 0..3 {
                let again: f64 = (0..3).map(|k| values[k] * vectors[k][row] * vectors[k][column]).sum();
                assert!((again - matrix[row][column]).abs() < 1e-9, "{again}");
                let unit = f64::from(u8::from(row == column));
                assert!((product(&vectors[row], &vectors[column]) - unit).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_discriminant_stretches_what_tells_groups_apart() {
        let points: [[f32; 3]; 4] = [[0.3, -1.0, 0.2], [0.3, 1.0, -0.2], [-0.3, -1.0, -0.2], [-0.3, 1.0, 0.2]];
        let points: Vec<&[f32]> = points.iter().map(<[f32; 3]>::as_slice).collect();
        let map = discriminant(&points, &[2, 2]).unwrap();
        let seen = |point: &[f32]| -> Vec<f32> {
            map.chunks(3).map(|row| row.iter().zip(point).map(|(a, b)| a * b).sum()).collect()
        };
        let length = |point: &[f32]| seen(point).iter().map(|x| x * x).sum::<f32>().sqrt();
        let (apart, within, beside) = (length(&[1.0, 0.0, 0.0]), length(&[0.0, 1.0, 0.0]), length(&[0.0, 0.0, 1.0]));
        assert!(apart > 1.5 * beside && beside > within, "{apart} {beside} {within}");
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
