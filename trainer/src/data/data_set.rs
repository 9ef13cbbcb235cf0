//! Pictures of one shape with their labels, in memory.

use duel_models::Shape;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::survey::Survey;
use crate::recipe::Facts;

/// The fewest pictures that a score can compare.
pub const SCORED_LEAST: usize = 16;

/// One picture in so many is a test picture of a set without a test split.
const TEST_SHARE: u64 = 10;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Pictures for training, for evaluations during training, and for the choice of a checkpoint.
    Train,
    /// Pictures for the final scores only.
    Test,
}

/// Pictures of one shape with their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// Channels, height and width of each picture.
    pub shape: Shape,
    /// Bytes, [N, height, width, channels].
    pub images: Vec<u8>,
    /// Labels, `[N]`; empty if the pictures have none.
    pub labels: Vec<u8>,
    /// Names of the classes, in the order of the labels; empty for numbers.
    pub class_names: Vec<String>,
    /// What was found where the pictures come from.
    pub survey: Survey,
    /// Pictures of the training split that are not trained on: evaluations compare samples with them, and the diagnosis
    /// finds a memorising discriminator with them.
    pub held_out: Option<Box<DataSet>>,
}

impl DataSet {
    /// Builds a set of `images`, [N, height, width, channels], and `labels`, `[N]` or empty.
    pub fn new(shape: Shape, images: Vec<u8>, labels: Vec<u8>) -> Self {
        Self { shape, images, labels, class_names: Vec::new(), survey: Survey::default(), held_out: None }
    }

    /// Pictures in the set.
    pub fn len(&self) -> usize {
        self.shape.count(&self.images)
    }

    /// Whether the set has no pictures.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The bytes of one picture, [height, width, channels].
    pub fn image(&self, index: usize) -> &[u8] {
        self.shape.image(&self.images, index)
    }

    /// The label of one picture; 0 if the set has no labels.
    pub fn label(&self, index: usize) -> u8 {
        self.labels.get(index).copied().unwrap_or_default()
    }

    /// The first pictures, at most `count`, without what is held out.
    pub fn first(&self, count: usize) -> Self {
        let count = count.min(self.len());
        let labels = self.labels.get(..count).map(<[u8]>::to_vec).unwrap_or_default();
        Self::new(self.shape, self.images[..count * self.shape.size()].to_vec(), labels)
    }

    /// What a recipe needs to know of the pictures.
    pub fn facts(&self) -> Facts {
        let labelled = self.labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
        let classes = labelled.max(self.class_names.len());
        Facts { shape: self.shape, count: self.len(), classes, names: self.class_names.clone() }
    }

    /// The mean picture, [height, width, channels] in [-1, 1].
    pub fn mean(&self) -> Vec<f32> {
        let mut sums = vec![0u64; self.shape.size()];
        for image in self.images.chunks_exact(self.shape.size()) {
            sums.iter_mut().zip(image).for_each(|(sum, &byte)| *sum += u64::from(byte));
        }
        let count = self.len().max(1) as f64;
        sums.iter().map(|&sum| (sum as f64 / count / 127.5 - 1.0) as f32).collect()
    }

    /// Divides a set without a test split: a tenth are test pictures, chosen by the SHA-256 of each picture's bytes, so
    /// that equal pictures are on the same side. None if test pictures are wanted and the set is too small to have any.
    pub(super) fn divided(self, split: Split) -> Option<Self> {
        let tested = |image: &[u8]| {
            let start = *Sha256::digest(image).first_chunk().expect("a SHA-256 has 32 bytes");
            u64::from_le_bytes(start).is_multiple_of(TEST_SHARE)
        };
        let tested: Vec<bool> = self.images.par_chunks_exact(self.shape.size()).map(tested).collect();
        if tested.iter().filter(|&&test| test).count() < SCORED_LEAST {
            return (split == Split::Train).then_some(self);
        }
        let kept: Vec<usize> = (0..self.len()).filter(|&at| tested[at] == (split == Split::Test)).collect();
        let images = kept.iter().flat_map(|&at| self.image(at)).copied().collect();
        let labels = if self.labels.is_empty() { Vec::new() } else { kept.iter().map(|&at| self.label(at)).collect() };
        let survey = match split {
            Split::Train => self.survey,
            Split::Test => {
                let sides = [self.shape.height, self.shape.width];
                let note =
                    "there is no test split: a tenth of the pictures, chosen by hash, is kept for tests".to_owned();
                Survey { notes: vec![note], ..Survey::uniform(&self.survey.kind, sides, kept.len()) }
            }
        };
        Some(Self { images, labels, survey, ..self })
    }

    /// Keeps the first `count` pictures and moves the next ones, up to `end`, into [`held_out`](Self::held_out).
    pub(super) fn hold_out(mut self, count: usize, end: usize) -> Self {
        if count < end {
            let size = self.shape.size();
            let images = self.images[count * size..end * size].to_vec();
            let labels = self.labels.get(count..end).map(<[u8]>::to_vec).unwrap_or_default();
            self.held_out = Some(Box::new(Self::new(self.shape, images, labels)));
            self.images.truncate(count * size);
            self.labels.truncate(count);
        }
        self
    }
}
