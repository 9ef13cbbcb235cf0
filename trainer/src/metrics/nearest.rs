//! What a generator learned by heart would show here: of each image, the training image that is nearest to it.

use duel_models::{
    PIXELS, SIDE,
    grid::{Picture, grid},
    pixels,
};
use pulp::Arch;

use super::{Images, SAMPLES, distances, unit};
use crate::data::Dataset;

/// Pairs in a row of the picture.
const COLUMNS: usize = 10;

/// The training image that is nearest to an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Which it is.
    pub index: usize,
    /// The squared Euclidean distance to it, pixels from 0 to 1.
    pub squared: f32,
}

/// Of each image, [N, 784] in [0, 1], the nearest of training images of which there is one at least.
///
/// Coarse forms rule most of them out: `duel eval` of 10,000 digits takes 36 s of a processor for 55 (an AMD EPYC, 26 November 2026).
pub(super) fn nearest(images: &[f32], train: &Dataset) -> Vec<Nearest> {
    let forms = coarse(images);
    let image = |index: usize| &images[index * PIXELS..][..PIXELS];
    let mut found = vec![Nearest { index: 0, squared: f32::INFINITY }; images.len() / PIXELS];
    for start in (0..train.len()).step_by(SAMPLES) {
        let some = unit(&Images::of(train, start..train.len().min(start + SAMPLES)).values);
        let mut here = distances::each(&forms, &coarse(&some), COARSE, |index, row| {
            few_left(row, found[index].squared, &some, image(index))
        });
        // Noise is nearly as far from each as from the next.
        let left: Vec<usize> = (0..here.len()).filter(|&index| here[index].is_none()).collect();
        let rows: Vec<&[f32]> = left.iter().map(|&index| image(index)).collect();
        let whole = distances::each(&rows.concat(), &some, PIXELS, |_, row| least(row));
        left.into_iter().zip(whole).for_each(|(index, nearest)| here[index] = Some(nearest));
        for (found, Nearest { index, squared }) in found.iter_mut().zip(here.into_iter().flatten()) {
            if squared < found.squared {
                *found = Nearest { index: start + index, squared };
            }
        }
    }
    found
}

/// Values of a coarse form.
const COARSE: usize = PIXELS / 4 + 1;

/// Forms of images whose distances are at most the images' own: of each 2×2 pixels half the sum, which is an orthonormal projection, and the
/// length of what that leaves over, which differs by no more than the rests do.
fn coarse(images: &[f32]) -> Vec<f32> {
    let mut forms = Vec::with_capacity(images.len() / PIXELS * COARSE);
    for image in images.chunks_exact(PIXELS) {
        let mut rest = 0.0;
        for lines in image.chunks_exact(2 * SIDE) {
            let (upper, lower) = lines.split_at(SIDE);
            for (upper, lower) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
                let four = [upper[0], upper[1], lower[0], lower[1]];
                let half = 0.5 * four.iter().sum::<f32>();
                rest += four.iter().map(|value| (value - 0.5 * half).powi(2)).sum::<f32>();
                forms.push(half);
            }
        }
        forms.push(rest.sqrt());
    }
    forms
}

/// The nearest of `others` to an image, by the distances of their coarse forms, if it is nearer than `bound`; none where those leave so many to look
/// at that one product for all is faster.
fn few_left(row: &[f32], bound: f32, others: &[f32], image: &[f32]) -> Option<Nearest> {
    /// More than rounding makes of a coarse distance: 1e-6 of both lengths' squares, which are 784 at most.
    const SLACK: f32 = 1e-2;
    const FEW: usize = 16;
    Arch::new().dispatch(|| {
        let of = |index: usize| Nearest { index, squared: squared(image, &others[index * PIXELS..][..PIXELS]) };
        let mut found = of(least(row).index);
        let bound = bound.min(found.squared) + SLACK;
        if row.iter().filter(|&&coarse| coarse < bound).count() > row.len() / FEW {
            return None;
        }
        for (index, &coarse) in row.iter().enumerate() {
            if coarse < bound.min(found.squared + SLACK) {
                let here = of(index);
                if here.squared < found.squared {
                    found = here;
                }
            }
        }
        Some(found)
    })
}

/// The least of distances. Twice along the row is faster than once with an index in hand.
fn least(row: &[f32]) -> Nearest {
    let squared = row.iter().copied().fold(f32::INFINITY, f32::min);
    Nearest { index: row.iter().position(|&other| other == squared).unwrap_or(0), squared }
}

/// The squared distance of two images, summed in sixteen columns, which a processor does at once.
#[inline(always)]
fn squared(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b) * (a - b));
    }
    sums.iter().sum()
}

/// Images in rows of ten, and below each its nearest training image, black on white; and what was found.
pub fn beside(images: &Images, train: &Dataset) -> (Picture, Vec<Nearest>) {
    let found = nearest(&unit(&images.values), train);
    let mut pairs = Vec::with_capacity(2 * images.values.len());
    for (images, found) in images.values.chunks(COLUMNS * PIXELS).zip(found.chunks(COLUMNS)) {
        let blank = (COLUMNS - found.len()) * PIXELS;
        pairs.extend(images.iter().map(|&value| pixels::to_byte(value)));
        pairs.extend(std::iter::repeat_n(0, blank));
        let trained = found.iter().flat_map(|found| &train.images[found.index * PIXELS..][..PIXELS]);
        pairs.extend(trained.map(|&grey| 255 - grey));
        pairs.extend(std::iter::repeat_n(0, blank));
    }
    (grid(&pairs, COLUMNS), found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use duel_models::random::Stream;

    #[test]
    fn the_nearest_is_that_of_all_distances() {
        let train = Dataset::mnist(Split::Train);
        // Digits, noise, and digits under more and more of it.
        let mut images = unit(&Images::of(&train, 20_000..20_060).values);
        let mut stream = Stream::new(1, "nearest");
        for (index, image) in images.chunks_exact_mut(PIXELS).enumerate().skip(20) {
            let share = (index as f32 - 19.0) / 40.0;
            image.iter_mut().for_each(|value| *value += share * (stream.uniform() as f32 - *value));
        }
        let found = nearest(&images, &train);
        let all =
            distances::each(&images, &unit(&Images::of(&train, 0..train.len()).values), PIXELS, |_, row| least(row));
        for (row, (found, expected)) in found.iter().zip(&all).enumerate() {
            assert!((found.squared - expected.squared).abs() < 1e-3, "{row}: {found:?} {expected:?}");
            assert!(found.index == expected.index || row < 20, "{row}: {found:?} {expected:?}");
        }
    }

    #[test]
    fn a_copy_finds_what_it_is_a_copy_of() {
        let train = Dataset::mnist(Split::Train);
        // Beyond the first part, and in an order of its own.
        let which = [59_999, 3, 10_000, 25_001];
        let mut copies = Images { values: Vec::new(), labels: Vec::new() };
        for index in which {
            copies.values.extend(Images::of(&train, index..index + 1).values);
        }
        // A little lighter: still nearest to what it was.
        copies.values.iter_mut().for_each(|value| *value = 0.9 * (*value + 1.0) - 1.0);
        let (picture, found) = beside(&copies, &train);
        assert_eq!(found.iter().map(|found| found.index).collect::<Vec<_>>(), which);
        let ink: f32 = train.images[3 * PIXELS..][..PIXELS].iter().map(|&grey| (f32::from(grey) / 255.0).powi(2)).sum();
        assert!((found[1].squared - 0.01 * ink).abs() < 1e-3 * ink, "{} {ink}", found[1].squared);
        assert_eq!((picture.width, picture.height), (280, 56));
        let row = |y: usize| &picture.pixels[y * 280..][..4 * 28];
        let trained: Vec<u8> = which
            .iter()
            .flat_map(|index| &train.images[index * PIXELS + 14 * 28..][..28])
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
}
