//! What a generator learned by heart would show here: of each image, the training image that is nearest to it.

use duel_models::{
    PIXELS,
    grid::{Picture, grid},
    pixels,
};

use super::{Images, SAMPLES, distances, unit};
use crate::dataset::Dataset;

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
pub(super) fn nearest(images: &[f32], train: &Dataset) -> Vec<Nearest> {
    let mut found = vec![Nearest { index: 0, squared: f32::INFINITY }; images.len() / PIXELS];
    for start in (0..train.len()).step_by(SAMPLES) {
        let some = unit(&Images::of(train, start..train.len().min(start + SAMPLES)).values);
        let here = distances::each(images, &some, PIXELS, |_, row| {
            // Twice along the row is faster than once with an index in hand.
            let squared = row.iter().copied().fold(f32::INFINITY, f32::min);
            Nearest { index: start + row.iter().position(|&other| other == squared).unwrap_or(0), squared }
        });
        for (found, here) in found.iter_mut().zip(here) {
            if here.squared < found.squared {
                *found = here;
            }
        }
    }
    found
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
    use crate::dataset::Split;

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
