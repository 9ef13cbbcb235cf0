//! Stacked MNIST: three random digits as the red, green and blue of one picture.

use duel_models::{Shape, random::Stream};

use super::{
    data_set::{DataSet, Split},
    mnist,
    survey::Survey,
};

/// Channels of a picture, a digit each.
const CHANNELS: usize = 3;

/// Makes 60,000 training or 10,000 test pictures of random digits of the same split, as Srivastava et al. 2017 (VEEGAN,
/// section 4.1) do. A picture has no label: the three digits have 1,000 combinations, and a label is one byte.
pub(super) fn load(split: Split) -> DataSet {
    let digits = mnist::load(split);
    let count = digits.len();
    let mut random = Stream::new(split as u64, "stacked-mnist");
    let mut images = Vec::with_capacity(CHANNELS * digits.images.len());
    for _ in 0..count {
        let chosen: [&[u8]; CHANNELS] = std::array::from_fn(|_| digits.image(random.below(count)));
        for pixel in 0..digits.shape.pixels() {
            images.extend(chosen.map(|digit| digit[pixel]));
        }
    }
    let Shape { height, width, .. } = digits.shape;
    let shape = Shape::new(CHANNELS, height, width).expect("the sides of a digit are allowed");
    let survey = Survey::uniform("bundled", [height, width], count);
    DataSet { survey, ..DataSet::new(shape, images, Vec::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_three_digits_and_the_same_each_time() {
        let data = load(Split::Test);
        assert_eq!((data.shape.to_string().as_str(), data.len()), ("3x28x28", 10_000));
        assert_eq!(data, load(Split::Test));
        let digits = mnist::load(Split::Test);
        let known: std::collections::HashSet<&[u8]> = (0..digits.len()).map(|at| digits.image(at)).collect();
        for at in [0, 1, 9_999] {
            let channels: [Vec<u8>; 3] =
                std::array::from_fn(|channel| data.image(at).iter().skip(channel).step_by(3).copied().collect());
            assert!(channels.iter().all(|channel| known.contains(channel.as_slice())));
            assert!(channels[0] != channels[1] || channels[1] != channels[2]);
        }
    }
}
