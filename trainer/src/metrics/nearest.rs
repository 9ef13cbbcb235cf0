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

/// Finds the training picture nearest to each picture, [N, size] in [0, 1]. `train` has at least one picture.
///
/// Distances of reduced pictures rule out most training pictures: `duel eval` of 10,000 digits takes 36 s of CPU time
/// instead of 55 s (AMD EPYC, 26 November 2026).
pub(super) fn nearest(images: &[f32], train: &DataSet) -> Vec<Nearest> {
    let size = train.shape.size();
    let reduced = reduce(images, train.shape);
    let image = |index: usize| &images[index * size..][..size];
    let mut found = vec![Nearest { index: 0, squared: f32::INFINITY }; images.len() / size];
    for start in (0..train.len()).step_by(BLOCK) {
        let block = to_unit(&Images::slice(train, start..train.len().min(start + BLOCK)).values);
        let mut here =
            distances::map(&reduced, &reduce(&block, train.shape), reduced_size(train.shape), |index, row| {
                among_candidates(row, found[index].squared, &block, image(index))
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

/// Values of a reduced picture: one for each cell of 2×2 pixels and channel, and one for what the cells leave out.
fn reduced_size(shape: Shape) -> usize {
    shape.height.div_ceil(2) * shape.width.div_ceil(2) * shape.channels + 1
}

/// Reduces pictures so that the distance of two reduced ones is never more than that of the pictures. The cells are an
/// orthonormal projection: a cell's n values become their sum / √n (n is 4, or less at an odd edge). The last value is
/// the norm of the remainder that the projection leaves out. The norms of two remainders differ by no more than the
/// distance of the remainders.
fn reduce(images: &[f32], shape: Shape) -> Vec<f32> {
    let Shape { channels, height, width, .. } = shape;
    let mut reduced = Vec::with_capacity(images.len() / shape.size() * reduced_size(shape));
    for image in images.chunks_exact(shape.size()) {
        let mut rest = 0.0;
        for top in (0..height).step_by(2) {
            for left in (0..width).step_by(2) {
                for channel in 0..channels {
                    let rows = top..height.min(top + 2);
                    let pixels = rows.flat_map(|y| (left..width.min(left + 2)).map(move |x| y * width + x));
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

/// The nearest of `others` to a picture if it is nearer than `bound`, by the distances of the reduced pictures. None if
/// the reduced pictures leave so many candidates that one matrix product with all pictures is faster.
fn among_candidates(row: &[f32], bound: f32, others: &[f32], image: &[f32]) -> Option<Nearest> {
    /// Upper bound on the rounding error of a squared distance between reduced pictures, divided by the number of
    /// values of a picture. The error is at most 1e-6 of the squared norms, and a value adds at most 1 to a squared
    /// norm.
    const SLACK: f32 = 1.3e-5;
    const FEW: usize = 16;
    let (size, slack) = (image.len(), SLACK * image.len() as f32);
    Arch::new().dispatch(|| {
        let measure = |index: usize| Nearest { index, squared: squared(image, &others[index * size..][..size]) };
        let mut found = measure(least(row).index);
        let bound = bound.min(found.squared) + slack;
        if row.iter().filter(|&&reduced| reduced < bound).count() > row.len() / FEW {
            return None;
        }
        for (index, &reduced) in row.iter().enumerate() {
            if reduced < bound.min(found.squared + slack) {
                let here = measure(index);
                if here.squared < found.squared {
                    found = here;
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
            let reduced = reduce(&images, shape);
            let size = reduced_size(shape);
            for (one, other) in [(0, 1), (7, 200), (299, 4)] {
                let [a, b] = [one, other].map(|at: usize| &reduced[at * size..][..size]);
                let [x, y] = [one, other].map(|at: usize| &images[at * shape.size()..][..shape.size()]);
                assert!(squared(a, b) <= squared(x, y) + 1e-3, "{shape}");
            }
        }
    }
}
