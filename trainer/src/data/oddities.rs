//! What is odd about pictures that can be trained on.

use rayon::prelude::*;

use super::data_set::DataSet;

/// The brightest pixel of a set that counts as nearly black, of 255.
const DARK: u8 = 63;
/// The mean of the outermost pixels from which on a set is on a bright ground, of 255.
const BRIGHT: u64 = 192;

/// Sentences on pictures that a user may not have meant, each with what to do.
pub(super) fn oddities(data: &DataSet) -> Vec<String> {
    if data.is_empty() {
        return Vec::new();
    }
    let (count, size) = (data.len(), data.shape.size());
    let range = data.images.par_iter().fold(|| (255, 0), |(low, high), &byte| (byte.min(low), byte.max(high)));
    let (low, high) = range.reduce(|| (255, 0), |(a, b), (c, d)| (a.min(c), b.max(d)));
    let mut odd = Vec::new();
    if low == high {
        odd.push(format!("every pixel is {low} of 255: the pictures are empty; look for the right data"));
    } else if high <= DARK {
        let factor = 255 / high;
        odd.push(format!(
            "the brightest pixel is {high} of 255: the pictures are nearly black; multiply their bytes by {factor} before training"
        ));
    }
    let first = data.image(0);
    if count > 1 && low != high && data.images.par_chunks_exact(size).all(|image| image == first) {
        odd.push(format!(
            "all {count} pictures are equal: a generator learns one picture from them; look for the right data"
        ));
    }
    // Only IDX files are meant to be MNIST's digits or like them.
    if data.survey.kind == "idx" && low != high && ground(data) >= BRIGHT {
        odd.push("the pictures are dark on a bright ground, and MNIST's are bright on black: subtract their bytes from 255 if they are to be like MNIST's".to_owned());
    }
    odd
}

/// The mean of the first and last row of every picture, 0 to 255.
fn ground(data: &DataSet) -> u64 {
    let row = data.shape.width * data.shape.channels;
    let sum = |row: &[u8]| row.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    let rows = |image: &[u8]| sum(&image[..row]) + sum(&image[image.len() - row..]);
    let all: u64 = data.images.par_chunks_exact(data.shape.size()).map(rows).sum();
    all / (2 * row * data.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Split, Survey, mnist};

    #[test]
    fn pictures_that_nobody_means_are_named_and_real_ones_are_not() {
        let digits = mnist::load(Split::Test).first(100);
        let with = |change: fn(usize, u8) -> u8| {
            let images = digits.images.iter().enumerate().map(|(at, &byte)| change(at % mnist::SHAPE.size(), byte));
            let images: Vec<u8> = images.collect();
            let survey = Survey::uniform("idx", [28, 28], digits.len());
            DataSet { survey, ..DataSet::new(mnist::SHAPE, images, Vec::new()) }
        };
        for (data, expected) in [
            (with(|_, byte| byte), None),
            (with(|_, _| 0), Some("every pixel is 0 of 255")),
            (
                with(|_, byte| byte / 128),
                Some("the brightest pixel is 1 of 255: the pictures are nearly black; multiply their bytes by 255"),
            ),
            (with(|at, _| at as u8), Some("all 100 pictures are equal")),
            (with(|_, byte| 255 - byte), Some("dark on a bright ground")),
        ] {
            let found = oddities(&data);
            assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
            assert!(expected.is_none_or(|expected| found[0].contains(expected)), "{found:?}");
        }
    }
}
