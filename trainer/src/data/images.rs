//! Pictures as the values that networks take.

use duel_models::picture;

use super::data_set::DataSet;

/// Pictures with the labels that they are meant to have.
#[derive(Debug, Clone)]
pub struct Images {
    /// Values of one picture: height × width × channels.
    pub size: usize,
    /// [N, size] in [-1, 1].
    pub values: Vec<f32>,
    /// `[N]`; empty for pictures without labels.
    pub labels: Vec<u8>,
}

impl Images {
    /// Pictures `range` of a data set.
    pub fn slice(data: &DataSet, range: std::ops::Range<usize>) -> Self {
        let size = data.shape.size();
        let values = picture::from_bytes(&data.images[range.start * size..range.end * size]);
        Self { size, values, labels: data.labels.get(range).map(<[u8]>::to_vec).unwrap_or_default() }
    }

    /// The number of pictures.
    pub fn len(&self) -> usize {
        self.values.len() / self.size
    }

    /// Whether there are no pictures.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
