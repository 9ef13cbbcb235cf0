//! The batches that a training draws from its images.

use duel_models::{PIXELS, pixels, random::Stream};

use crate::{data::Dataset, recipe::Training};

/// Which images stand in which batch: every epoch a new order, made of the seed and the epoch alone, so that
/// batch `index` is the same whether or not the ones before it were asked for.
#[derive(Debug, Clone)]
pub struct Batches {
    /// All images; or those of each label, from which places are filled in turn.
    decks: Vec<Deck>,
    size: usize,
}

/// Images in an order that changes from epoch to epoch.
#[derive(Debug, Clone)]
struct Deck {
    stream: Stream,
    /// In rising order; the epoch's is made of it.
    images: Vec<u32>,
    order: Vec<u32>,
    epoch: Option<u64>,
}

impl Batches {
    /// The batches of a training, which has at least as many images as a batch.
    pub fn new(recipe: &Training, data: &Dataset) -> Self {
        let stream = Stream::new(recipe.seed, "batches");
        let deck = |stream, images: Vec<u32>| Deck { stream, order: images.clone(), images, epoch: None };
        let all = 0..data.len() as u32;
        let decks = if recipe.balanced {
            let of = |label: u8| all.clone().filter(|&image| data.labels[image as usize] == label).collect::<Vec<_>>();
            let decks = (0..=u8::MAX).map(|label| deck(stream.item(label.into()), of(label)));
            decks.filter(|deck| !deck.images.is_empty()).collect()
        } else {
            vec![deck(stream, all.collect())]
        };
        Self { decks, size: recipe.batch }
    }

    /// The images of batch `index` as values in [-1, 1], [size, 784], and their labels, [size]. A batch may straddle two epochs.
    pub fn take(&mut self, index: u64, data: &Dataset) -> (Vec<f32>, Vec<u8>) {
        let first = index * self.size as u64;
        let images: Vec<usize> = (first..first + self.size as u64).map(|position| self.at(position) as usize).collect();
        let mut values = Vec::with_capacity(self.size * PIXELS);
        for &image in &images {
            values.extend(data.images[image * PIXELS..][..PIXELS].iter().map(|&byte| pixels::from_byte(byte)));
        }
        (values, images.into_iter().map(|image| data.labels[image]).collect())
    }

    fn at(&mut self, position: u64) -> u32 {
        let decks = self.decks.len() as u64;
        self.decks[(position % decks) as usize].at(position / decks)
    }
}

impl Deck {
    fn at(&mut self, position: u64) -> u32 {
        let (epoch, place) = (position / self.order.len() as u64, position % self.order.len() as u64);
        if self.epoch != Some(epoch) {
            self.order.clone_from(&self.images);
            self.stream.item(epoch).shuffle(&mut self.order);
            self.epoch = Some(epoch);
        }
        self.order[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_shows_every_image_once_and_batches_need_no_history() {
        let recipe = Training { seed: 1, batch: 3, ..Training::default() };
        let data = Dataset { images: vec![0; 10 * PIXELS], labels: vec![0; 10], ..Dataset::default() };
        let mut batches = Batches::new(&recipe, &data);
        let mut epoch: Vec<u32> = (0..10).map(|position| batches.at(position)).collect();
        let second: Vec<u32> = (10..20).map(|position| batches.at(position)).collect();
        assert_ne!(epoch, second);
        epoch.sort_unstable();
        assert!(epoch.into_iter().eq(0..10));
        assert_eq!(Batches::new(&recipe, &data).at(15), second[5]);
    }

    #[test]
    fn balanced_batches_have_each_label_as_often_as_the_next() {
        let recipe = Training { batch: 6, balanced: true, ..Training::default() };
        let labels = vec![0, 0, 0, 0, 0, 0, 0, 3, 3, 7];
        let data = Dataset { images: vec![0; 10 * PIXELS], labels, ..Dataset::default() };
        let mut batches = Batches::new(&recipe, &data);
        for index in 0..5 {
            let (images, labels) = batches.take(index, &data);
            assert_eq!((images.len(), &labels[..]), (6 * PIXELS, &[0, 3, 7, 0, 3, 7][..]));
        }
        let mut zeros: Vec<u32> = (0..7).map(|turn| batches.at(3 * turn)).collect();
        zeros.sort_unstable();
        assert!(zeros.into_iter().eq(0..7));
    }
}
