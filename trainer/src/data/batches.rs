//! The order in which training pictures form batches.

use duel_models::{Shape, picture, random::Stream};

use super::data_set::DataSet;
use crate::recipe::Training;

/// The pictures of each batch. Every epoch has a new order, made of the seed and the epoch alone, so that batch `index`
/// is the same whether or not earlier batches were asked for.
#[derive(Debug, Clone)]
pub struct Batches {
    /// One order of all pictures. For balanced batches, one order for each label: successive rows of a batch take a
    /// picture from successive orders.
    orders: Vec<ShuffledOrder>,
    size: usize,
    /// The coins that mirror pictures; none if none is mirrored.
    flips: Option<Stream>,
}

/// Pictures in an order that changes from epoch to epoch.
#[derive(Debug, Clone)]
struct ShuffledOrder {
    stream: Stream,
    /// The pictures in rising order, which each epoch shuffles.
    images: Vec<u32>,
    shuffled: Vec<u32>,
    epoch: Option<u64>,
}

impl Batches {
    /// The batches of a training on `data`. The data must have at least as many pictures as a batch, or exactly one
    /// picture.
    pub fn new(recipe: &Training, flip: bool, data: &DataSet) -> Self {
        let stream = Stream::new(recipe.seed, "batches");
        let order = |stream, images: Vec<u32>| ShuffledOrder { stream, shuffled: images.clone(), images, epoch: None };
        let all = 0..data.len() as u32;
        let orders = if recipe.balanced {
            let labelled =
                |label: u8| all.clone().filter(|&image| data.label(image as usize) == label).collect::<Vec<_>>();
            let orders = (0..=u8::MAX).map(|label| order(stream.item(label.into()), labelled(label)));
            orders.filter(|order| !order.images.is_empty()).collect()
        } else {
            vec![order(stream, all.collect())]
        };
        Self { orders, size: recipe.batch, flips: flip.then(|| Stream::new(recipe.seed, "flips")) }
    }

    /// Returns the pictures of batch `index` as values in [-1, 1], [size, height · width · channels], and their labels,
    /// `[size]`. A batch may straddle two epochs.
    pub fn take(&mut self, index: u64, data: &DataSet) -> (Vec<f32>, Vec<u8>) {
        let first = index * self.size as u64;
        let mut values = Vec::with_capacity(self.size * data.shape.size());
        let mut labels = Vec::with_capacity(self.size);
        for position in first..first + self.size as u64 {
            let image = self.image_at(position) as usize;
            let begin = values.len();
            values.extend(data.image(image).iter().map(|&byte| picture::from_byte(byte)));
            if self.flips.is_some_and(|flips| flips.item(position).below(2) == 1) {
                mirror(&mut values[begin..], data.shape);
            }
            labels.push(data.label(image));
        }
        (values, labels)
    }

    fn image_at(&mut self, position: u64) -> u32 {
        let orders = self.orders.len() as u64;
        self.orders[(position % orders) as usize].image_at(position / orders)
    }
}

/// Mirrors a picture, [height, width, channels], left to right.
fn mirror(picture: &mut [f32], Shape { width, channels, .. }: Shape) {
    for row in picture.chunks_exact_mut(width * channels) {
        for x in 0..width / 2 {
            (0..channels).for_each(|c| row.swap(x * channels + c, (width - 1 - x) * channels + c));
        }
    }
}

impl ShuffledOrder {
    fn image_at(&mut self, position: u64) -> u32 {
        let (epoch, place) = (position / self.shuffled.len() as u64, position % self.shuffled.len() as u64);
        if self.epoch != Some(epoch) {
            self.shuffled.clone_from(&self.images);
            self.stream.item(epoch).shuffle(&mut self.shuffled);
            self.epoch = Some(epoch);
        }
        self.shuffled[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::mnist::SHAPE;

    fn data(labels: Vec<u8>) -> DataSet {
        DataSet::new(SHAPE, vec![0; labels.len() * SHAPE.size()], labels)
    }

    #[test]
    fn an_epoch_shows_every_picture_once_and_batches_need_no_history() {
        let recipe = Training { seed: 1, batch: 3, ..Training::default() };
        let data = data(vec![0; 10]);
        let mut batches = Batches::new(&recipe, false, &data);
        let mut epoch: Vec<u32> = (0..10).map(|position| batches.image_at(position)).collect();
        let second: Vec<u32> = (10..20).map(|position| batches.image_at(position)).collect();
        assert_ne!(epoch, second);
        epoch.sort_unstable();
        assert!(epoch.into_iter().eq(0..10));
        assert_eq!(Batches::new(&recipe, false, &data).image_at(15), second[5]);
    }

    #[test]
    fn balanced_batches_have_each_label_equally_often() {
        let recipe = Training { batch: 6, balanced: true, ..Training::default() };
        let data = data(vec![0, 0, 0, 0, 0, 0, 0, 3, 3, 7]);
        let mut batches = Batches::new(&recipe, false, &data);
        for index in 0..5 {
            let (images, labels) = batches.take(index, &data);
            assert_eq!((images.len(), &labels[..]), (6 * SHAPE.size(), &[0, 3, 7, 0, 3, 7][..]));
        }
        let mut zeros: Vec<u32> = (0..7).map(|turn| batches.image_at(3 * turn)).collect();
        zeros.sort_unstable();
        assert!(zeros.into_iter().eq(0..7));
    }

    #[test]
    fn half_of_the_pictures_are_mirrored_and_the_others_are_not() {
        let recipe = Training { batch: 64, ..Training::default() };
        let shape: Shape = "3x8x9".parse().expect("a shape");
        let bytes: Vec<u8> = (0..shape.size()).map(|at| at as u8).collect();
        let data = DataSet::new(shape, bytes.clone(), vec![0]);
        let (values, _) = Batches::new(&recipe, true, &data).take(0, &data);
        let plain = picture::from_bytes(&bytes);
        let mut mirrored = plain.clone();
        mirror(&mut mirrored, shape);
        assert_eq!(mirrored[..6], [plain[24..27].to_vec(), plain[21..24].to_vec()].concat());
        let found: Vec<bool> = values.chunks_exact(shape.size()).map(|picture| picture == mirrored).collect();
        assert!(values.chunks_exact(shape.size()).all(|picture| picture == mirrored || picture == plain));
        let count = found.iter().filter(|mirrored| **mirrored).count();
        assert!((20..=44).contains(&count), "{count} of 64");
        assert_eq!(Batches::new(&recipe, true, &data).take(0, &data).0, values);
    }
}
