//! Pictures as the values that networks take.

use duel_models::PIXELS;

use super::Dataset;

/// Images with the labels they are meant to have.
#[derive(Debug, Clone)]
pub struct Images {
    /// [N, 784] in [-1, 1].
    pub values: Vec<f32>,
    /// [N]; empty if they are meant to have none.
    pub labels: Vec<u8>,
}

impl Images {
    /// Images `range` of a data set.
    pub fn of(data: &Dataset, range: std::ops::Range<usize>) -> Self {
        let values = &data.images[range.start * PIXELS..range.end * PIXELS];
        Self {
            values: values.iter().map(|&byte| duel_models::pixels::from_byte(byte)).collect(),
            labels: data.labels.get(range).map(<[u8]>::to_vec).unwrap_or_default(),
        }
    }

    /// Images there are.
    pub fn len(&self) -> usize {
        self.values.len() / PIXELS
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
