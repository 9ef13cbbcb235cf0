//! The training picture nearest to each generated picture: shows whether the generator copies training pictures.

use duel_models::{
    Shape,
    picture::{Picture, grid, to_bytes},
};
use pulp::Arch;

use super::distances;
use crate::data::{DataSet, Images};

/// Pairs in a row of the picture.
const COLUMNS: usize = 10;

/// Training pictures whose distances are computed at a time.
const BLOCK: usize = 10_000;

/// The training picture that is nearest to a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// The index of the training picture.
    pub index: usize,
    /// The squared Euclidean distance of both, with values from 0 to 1.
    pub squared: f32,
}

/// [-1, 1] -> [0, 1]
pub(super) fn to_unit(values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| 0.5 * (value + 1.0)).collect()
}

/// Sides of the cells of a coarse and of a fine reduced picture, in pixels.
const CELLS: [usize; 2] = [4, 2];

/// Finds the training picture nearest to each picture, [N, size] in [0, 1]. `train` has at least one picture.
///
/// Distances of reduced pictures rule out most training pictures: first coarse ones, by a matrix product, then fine ones.
pub(super) fn nearest(images: &[f32], train: &DataSet) -> Vec<Nearest> {
    let (shape, size) = (train.shape, train.shape.size());
    let reduced = CELLS.map(|side| reduce(images, shape, side));
    let image = |index: usize| &images[index * size..][..size];
    let mut found = vec![Nearest { index: 0, squared: f32::INFINITY }; images.len() / size];
    for start in (0..train.len()).step_by(BLOCK) {
        let block = to_unit(&Images::slice(train, start..train.len().min(start + BLOCK)).values);
        let [coarse, fine] = CELLS.map(|side| reduce(&block, shape, side));
        let [coarse_size, fine_size] = CELLS.map(|side| reduced_size(shape, side));
        let mut here = distances::map(&reduced[0], &coarse, coarse_size, |index, row| {
            let pairs = [
                Pairs { one: &reduced[1][index * fine_size..][..fine_size], others: &fine },
                Pairs { one: image(index), others: &block },
            ];
            among_candidates(row, found[index].squared, pairs)
        });
        // Noise is almost equally far from every training picture, so that reduced pictures rule out too few.
        let left: Vec<usize> = (0..here.len()).filter(|&index| here[index].is_none()).collect();
        let rows: Vec<&[f32]> = left.iter().map(|&index| image(index)).collect();
        let whole = distances::map(&rows.concat(), &block, size, |_, row| least(row));
        left.into_iter().zip(whole).for_each(|(index, nearest)| here[index] = Some(nearest));
        for (found, Nearest { index, squared }) in found.iter_mut().zip(here.into_iter().flatten()) {
            if squared < found.squared {
                *found = Nearest { index: start + index, squared };
            }
        }
    }
    found
}

/// Values of a reduced picture: one for each cell of `side` × `side` pixels and channel, and one for what the cells leave
/// out.
fn reduced_size(shape: Shape, side: usize) -> usize {
    shape.height.div_ceil(side) * shape.width.div_ceil(side) * shape.channels + 1
}

/// Reduces pictures so that the distance of two reduced ones is never more than that of the pictures. The cells are an
/// orthonormal projection: a cell's n values become their sum / √n (n is side², or less at an edge). The last value is
/// the norm of the remainder that the projection leaves out. The norms of two remainders differ by no more than the
/// distance of the remainders.
fn reduce(images: &[f32], shape: Shape, side: usize) -> Vec<f32> {
    let Shape { channels, height, width, .. } = shape;
    let mut reduced = Vec::with_capacity(images.len() / shape.size() * reduced_size(shape, side));
    for image in images.chunks_exact(shape.size()) {
        let mut rest = 0.0;
        for top in (0..height).step_by(side) {
            for left in (0..width).step_by(side) {
                for channel in 0..channels {
                    let rows = top..height.min(top + side);
                    let pixels = rows.flat_map(|y| (left..width.min(left + side)).map(move |x| y * width + x));
                    let cell = pixels.map(|pixel| image[pixel * channels + channel]);
                    let scale = 1.0 / (cell.clone().count() as f32).sqrt();
                    let projected = scale * cell.clone().sum::<f32>();
                    rest += cell.map(|value| (value - scale * projected).powi(2)).sum::<f32>();
                    reduced.push(projected);
                }
            }
        }
        reduced.push(rest.sqrt());
    }
    reduced
}

/// A point, [size], and others, [N, size].
#[derive(Clone, Copy)]
struct Pairs<'a> {
    one: &'a [f32],
    others: &'a [f32],
}

impl Pairs<'_> {
    #[inline(always)]
    fn squared(&self, index: usize) -> f32 {
        squared(self.one, &self.others[index * self.one.len()..][..self.one.len()])
    }
}

/// The nearest of a block of pictures to one picture if it is nearer than `bound`. `row` has the distances of coarse
/// reduced pictures; those of the fine ones and of the pictures are computed for candidates only. None if the coarse ones
/// leave so many candidates that one matrix product with all pictures is faster.
fn among_candidates(row: &[f32], bound: f32, [fine, whole]: [Pairs; 2]) -> Option<Nearest> {
    /// Upper bound on the rounding error of a squared distance between reduced pictures, divided by the number of
    /// values of a picture. The error is at most 1e-6 of the squared norms, and a value adds at most 1 to a squared
    /// norm.
    const SLACK: f32 = 1.3e-5;
    const FEW: usize = 3;
    let slack = SLACK * whole.one.len() as f32;
    Arch::new().dispatch(|| {
        let first = least(row).index;
        let mut found = Nearest { index: first, squared: whole.squared(first) };
        let bound = bound + slack;
        let mut limit = bound.min(found.squared + slack);
        if row.iter().filter(|&&coarse| coarse < limit).count() > row.len() / FEW {
            return None;
        }
        for (index, &coarse) in row.iter().enumerate() {
            if coarse < limit && fine.squared(index) < limit {
                let squared = whole.squared(index);
                if squared < found.squared {
                    found = Nearest { index, squared };
                    limit = bound.min(squared + slack);
                }
            }
        }
        Some(found)
    })
}

/// The least distance of a row. Two passes are faster than one that carries the index.
fn least(row: &[f32]) -> Nearest {
    let squared = row.iter().copied().fold(f32::INFINITY, f32::min);
    Nearest { index: row.iter().position(|&other| other == squared).unwrap_or(0), squared }
}

/// The squared distance of two pictures. Sixteen partial sums let the compiler use SIMD instructions.
#[inline(always)]
fn squared(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b) * (a - b));
    }
    sums.iter().sum()
}

/// Shows pictures in rows of ten with the nearest training picture below each, inverted if it is grey: in colour it would
/// not be recognised. Returns the nearest training pictures, too.
pub fn beside(images: &Images, train: &DataSet) -> (Picture, Vec<Nearest>) {
    let found = nearest(&to_unit(&images.values), train);
    let size = images.size;
    let mut pairs = Vec::with_capacity(2 * images.values.len());
    for (images, found) in images.values.chunks(COLUMNS * size).zip(found.chunks(COLUMNS)) {
        let blank = (COLUMNS - found.len()) * size;
        pairs.extend(to_bytes(images));
        pairs.extend(std::iter::repeat_n(0, blank));
        let trained = found.iter().flat_map(|found| train.image(found.index));
        pairs.extend(trained.map(|&byte| if train.shape.channels == 1 { 255 - byte } else { byte }));
        pairs.extend(std::iter::repeat_n(0, blank));
    }
    (grid(&pairs, train.shape, COLUMNS), found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Split, mnist};
    use duel_models::random::Stream;

    #[test]
    fn the_nearest_picture_equals_a_search_of_all_distances() {
        let train = mnist::load(Split::Train);
        // 20 digits, then 40 digits under more and more noise; the last one is noise alone.
        let mut images = to_unit(&Images::slice(&train, 20_000..20_060).values);
        let mut stream = Stream::new(1, "nearest");
        for (index, image) in images.chunks_exact_mut(mnist::SHAPE.size()).enumerate().skip(20) {
            let share = (index as f32 - 19.0) / 40.0;
            image.iter_mut().for_each(|value| *value += share * (stream.uniform() as f32 - *value));
        }
        let found = nearest(&images, &train);
        let all = distances::map(
            &images,
            &to_unit(&Images::slice(&train, 0..train.len()).values),
            mnist::SHAPE.size(),
            |_, row| least(row),
        );
        for (row, (found, expected)) in found.iter().zip(&all).enumerate() {
            assert!((found.squared - expected.squared).abs() < 1e-3, "{row}: {found:?} {expected:?}");
            assert!(found.index == expected.index || row < 20, "{row}: {found:?} {expected:?}");
        }
    }

    #[test]
    fn the_nearest_picture_of_a_copy_is_its_original() {
        let train = mnist::load(Split::Train);
        // Three of the pictures are beyond the first block, and the order is not sorted.
        let which = [59_999, 3, 10_000, 25_001];
        let mut copies = Images { size: 784, values: Vec::new(), labels: Vec::new() };
        for index in which {
            copies.values.extend(Images::slice(&train, index..index + 1).values);
        }
        // A little darker: the original is still the nearest picture.
        copies.values.iter_mut().for_each(|value| *value = 0.9 * (*value + 1.0) - 1.0);
        let (picture, found) = beside(&copies, &train);
        assert_eq!(found.iter().map(|found| found.index).collect::<Vec<_>>(), which);
        let ink: f32 = train.images[3 * mnist::SHAPE.size()..][..mnist::SHAPE.size()]
            .iter()
            .map(|&grey| (f32::from(grey) / 255.0).powi(2))
            .sum();
        assert!((found[1].squared - 0.01 * ink).abs() < 1e-3 * ink, "{} {ink}", found[1].squared);
        assert_eq!((picture.width, picture.height), (280, 56));
        let row = |y: usize| &picture.pixels[y * 280..][..4 * 28];
        let trained: Vec<u8> = which
            .iter()
            .flat_map(|index| &train.images[index * mnist::SHAPE.size() + 14 * 28..][..28])
            .map(|&grey| 255 - grey)
            .collect();
        assert_eq!(row(28 + 14), trained);
        assert!(
            row(14)
                .iter()
                .zip(&trained)
                .all(|(drawn, trained)| drawn.abs_diff((f32::from(255 - trained) * 0.9) as u8) <= 1)
        );
    }

    #[test]
    fn the_nearest_picture_equals_a_search_of_all_distances_at_any_shape() {
        for (channels, height, width) in [(1, 9, 9), (3, 8, 13), (3, 16, 10)] {
            let shape = Shape::new(channels, height, width).expect("a good shape");
            let mut stream = Stream::new(1, "shapes");
            let bytes = (0..300 * shape.size()).map(|_| stream.below(256) as u8).collect();
            let train = DataSet::new(shape, bytes, Vec::new());
            let mut images = to_unit(&Images::slice(&train, 0..300).values);
            images.iter_mut().for_each(|value| *value = 0.95 * *value + 0.05 * stream.uniform() as f32);
            let all = to_unit(&Images::slice(&train, 0..300).values);
            let exact = distances::map(&images, &all, shape.size(), |_, row| least(row));
            for (index, (found, exact)) in nearest(&images, &train).iter().zip(exact).enumerate() {
                assert_eq!((found.index, exact.index), (index, index), "{shape}");
                assert!((found.squared - exact.squared).abs() < 1e-3, "{shape}: {found:?} {exact:?}");
            }
            for side in CELLS {
                let (reduced, size) = (reduce(&images, shape, side), reduced_size(shape, side));
                for (one, other) in [(0, 1), (7, 200), (299, 4)] {
                    let [a, b] = [one, other].map(|at: usize| &reduced[at * size..][..size]);
                    let [x, y] = [one, other].map(|at: usize| &images[at * shape.size()..][..shape.size()]);
                    assert!(squared(a, b) <= squared(x, y) + 1e-3, "{shape}");
                }
            }
        }
    }
}
