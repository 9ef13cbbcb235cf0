//! The judge of a data set: the network whose features the scores compare.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use duel_models::Shape;

use super::classifier::{BATCH, Classifier, ClassifierTraining, FEATURES, Reading, train};
use crate::{
    data::{DataError, DataSet, Progress, Split, cache, load},
    networks::{
        Mode, Network, random_features,
        tensor_file::{float_bytes, sha256},
    },
    recipe::{Data, Source},
};

/// The seed of the random weights, and of the training of a classifier.
const SEED: u64 = 1;
/// The fewest pictures of which a classifier learns.
const PICTURES_LEAST: usize = 200;
/// The fewest pictures of a class, on average, of which a classifier learns.
const CLASS_LEAST: usize = 10;
/// The most pictures of which a classifier learns: the first ones.
const PICTURES_MOST: usize = 60_000;
/// Changes whenever the same pictures would give another classifier.
const VERSION: &str = "duel classifier 1";
/// The most bytes of a kept classifier.
const BYTES_MOST: u64 = 1 << 26;

/// A judge. Scores of two judges cannot be compared, so its name and its hash stand beside every score.
#[derive(Debug)]
pub struct Judge {
    /// `digits`, the bundled classifier of MNIST's digits; `classifier of NAME`, which learned the labels of these data;
    /// or `random features for NAME`, a network with random weights.
    pub name: String,
    /// A SHA-256 in hexadecimal: of the bundled classifier's file; of the pictures and labels that a classifier learned
    /// from and of the version of its training; or of the random weights and the pictures.
    pub hash: String,
    network: Features,
}

/// The network that gives the features.
#[derive(Debug)]
enum Features {
    Classifier(Classifier),
    Random(Arc<Network>),
}

/// Why there is no judge.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The pictures that it learns from cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A network failed.
    #[error(transparent)]
    Network(#[from] candle_core::Error),
}

impl Judge {
    /// Loads the training pictures of a recipe's data, and returns their judge, as [`of`](Self::of).
    pub fn load(data: &Data, progress: Progress) -> std::result::Result<Self, JudgeError> {
        if data.source == Source::Mnist {
            return Ok(Self::digits()?);
        }
        Ok(Self::of(data, &load(data, Split::Train, progress)?)?)
    }

    /// Returns the judge of a recipe's data, whose training pictures are `train`. The bundled classifier judges MNIST; a
    /// classifier that learned their labels judges other labelled pictures; random features judge the rest. A classifier
    /// is kept in the cache; without it the training takes up to two minutes.
    pub fn of(data: &Data, train: &DataSet) -> Result<Self> {
        if data.source == Source::Mnist {
            return Self::digits();
        }
        let pictures = if train.len() > PICTURES_MOST { &train.first(PICTURES_MOST) } else { train };
        let name = data.source.name();
        let labelled = data.classes > 1 && !pictures.labels.is_empty();
        if labelled && pictures.len() >= PICTURES_LEAST.max(CLASS_LEAST * data.classes) {
            return Self::classifier(&name, pictures, data.classes);
        }
        // Every set of a shape has the same random features; but scores of two sets cannot be compared.
        let random = Self::random(pictures.shape)?;
        let hash = sha256([random.hash.as_bytes(), &pictures.images]);
        Ok(Self { name: format!("random features for {name}"), hash, ..random })
    }

    /// Returns the bundled classifier, the judge of MNIST's digits.
    pub fn digits() -> Result<Self> {
        let (classifier, hash) = Classifier::shipped()?;
        Ok(Self { name: "digits".to_owned(), hash, network: Features::Classifier(classifier) })
    }

    /// Returns a classifier of labelled pictures, from the cache or trained now.
    fn classifier(name: &str, pictures: &DataSet, classes: usize) -> Result<Self> {
        let how = ClassifierTraining::fitting(pictures.shape, pictures.len());
        let about = format!("{VERSION} {} {classes}", pictures.shape);
        let hash = sha256([about.as_bytes(), &pictures.images, &pictures.labels]);
        let key = format!("classifier-{hash}");
        let read = |bytes: Vec<u8>| Classifier::from_safetensors(&bytes, pictures.shape, classes, how).ok();
        let classifier = match cache::load_bytes(&key, BYTES_MOST).and_then(read) {
            Some(classifier) => classifier,
            None => {
                // In a thread of rayon's pool the kernels start without waking another thread first.
                let trained = rayon::scope(|_| train(pictures, classes, how, SEED, |_, _| ()))?;
                cache::store_bytes(&key, &trained.to_safetensors()?);
                trained
            }
        };
        Ok(Self { name: format!("classifier of {name}"), hash, network: Features::Classifier(classifier) })
    }

    /// Returns the random features, the judge of pictures without labels.
    pub fn random(shape: Shape) -> Result<Self> {
        let network = random_features(shape, FEATURES, SEED)?;
        let weights = float_bytes(&network.parameters.to_vec1::<f32>()?);
        let hash = sha256([shape.to_string().as_bytes(), &weights]);
        Ok(Self { name: "random features".to_owned(), hash, network: Features::Random(Arc::new(network)) })
    }

    /// The name and the first 16 digits of the hash, as they stand beside scores.
    pub fn label(&self) -> String {
        format!("{} {}", self.name, &self.hash[..16])
    }

    /// The number of classes that it reads; 0 for random features.
    pub fn classes(&self) -> usize {
        match &self.network {
            Features::Classifier(classifier) => classifier.classes,
            Features::Random(_) => 0,
        }
    }

    /// Reads pictures, [N, height · width · channels] in [-1, 1]. Random features read no labels.
    pub fn read(&self, values: &[f32]) -> Result<Reading> {
        let network = match &self.network {
            Features::Classifier(classifier) => return classifier.read(values),
            Features::Random(network) => network,
        };
        let mut reading = Reading { features: Vec::new(), labels: Vec::new() };
        for values in values.chunks(BATCH * network.inputs) {
            let images = Tensor::from_slice(values, (values.len() / network.inputs, network.inputs), &Device::Cpu)?;
            let features = network.forward(&images, Mode::Evaluate)?;
            reading.features.extend(features.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use duel_models::random::Stream;

    use super::*;
    use crate::{
        data::{DataSet, Images, Split, mnist},
        metrics::frechet,
    };

    /// The Fréchet distance between the first 2,000 digits that `keep` keeps, changed by `change`, and the test digits.
    fn distance(judge: &Judge, digits: &DataSet, keep: fn(u8) -> bool, change: impl Fn(usize, &mut [f32])) -> f64 {
        let size = digits.shape.size();
        let kept = (0..digits.len()).filter(|&at| keep(digits.label(at))).take(2_000);
        let mut values: Vec<f32> = kept.flat_map(|at| Images::slice(digits, at..at + 1).values).collect();
        values.chunks_exact_mut(size).enumerate().for_each(|(at, image)| change(at, image));
        let test = Images::slice(&mnist::load(Split::Test), 0..2_000).values;
        let [real, mine] = [&test, &values].map(|values| judge.read(values).expect("a CPU").features);
        frechet::distance(&real, &mine, FEATURES)
    }

    #[test]
    fn random_features_tell_sets_with_known_failures_from_real_digits() {
        let digits = mnist::load(Split::Train);
        let judge = Judge::random(mnist::SHAPE).expect("a small network");
        assert!(judge.read(&Images::slice(&digits, 0..1).values).expect("a CPU").labels.is_empty());
        let three = Images::slice(&digits, 7..8).values;
        let side = mnist::SHAPE.width;
        let blur = |_, image: &mut [f32]| {
            let sharp = image.to_vec();
            for (at, pixel) in image.iter_mut().enumerate().take(sharp.len() - side - 1).skip(side + 1) {
                let near = [0, 1, 2].into_iter().flat_map(|y| [0, 1, 2].map(|x| at + y * side + x - side - 1));
                *pixel = near.map(|at| sharp[at]).sum::<f32>() / 9.0;
            }
        };
        let noise = |at, image: &mut [f32]| {
            let mut stream = Stream::new(1, "noise").item(at as u64);
            image.fill_with(|| 2.0 * stream.uniform() as f32 - 1.0);
        };
        let all: fn(u8) -> bool = |_| true;
        let real = distance(&judge, &digits, all, |_, _| ());
        let found = [
            ("noise", distance(&judge, &digits, all, noise), 15.0),
            ("one digit repeated", distance(&judge, &digits, all, |_, image| image.copy_from_slice(&three)), 15.0),
            ("blur", distance(&judge, &digits, all, blur), 2.0),
            ("no 7", distance(&judge, &digits, |label| label != 7, |_, _| ()), 1.1),
        ];
        for (name, distance, least) in found {
            assert!(distance > least * real, "{name}: {distance}, real digits {real}; all: {found:?}");
        }
    }

    #[test]
    fn a_classifier_learns_the_labels_of_any_pictures_and_has_a_name_of_its_own() {
        let shape: Shape = "3x12x16".parse().expect("in range");
        // Class 0 is brighter to the left, class 1 to the right.
        let picture = |at: usize| {
            let mut stream = Stream::new(1, "pictures").item(at as u64);
            let value = move |x: usize| {
                let bright = (x < shape.width / 2) == at.is_multiple_of(2);
                (if bright { 150 } else { 50 } + stream.below(100)) as u8
            };
            let columns = (0..shape.height).flat_map(|_| 0..shape.width).flat_map(|x| [x; 3]);
            columns.map(value).collect::<Vec<u8>>()
        };
        let set = |range: std::ops::Range<usize>| {
            let labels = range.clone().map(|at| (at % 2) as u8).collect();
            DataSet::new(shape, range.flat_map(picture).collect(), labels)
        };
        let judge = Judge::classifier("sides", &set(0..240), 2).expect("a small network");
        let unseen = set(1000..1100);
        let read = judge.read(&Images::slice(&unseen, 0..100).values).expect("a CPU");
        let right = read.labels.iter().zip(&unseen.labels).filter(|(read, label)| read == label).count();
        assert!(right >= 98, "{right} of 100");
        assert_eq!((read.features.len(), judge.classes(), &*judge.name), (100 * FEATURES, 2, "classifier of sides"));
        let other = Judge::classifier("sides", &set(2..242), 2).expect("a small network");
        assert_ne!(judge.hash, other.hash);
        let again = Judge::classifier("sides", &set(0..240), 2).expect("a small network");
        assert_eq!(
            (&again.hash, again.read(&Images::slice(&unseen, 0..9).values).expect("a CPU").features.len()),
            (&judge.hash, 9 * FEATURES)
        );
        assert_eq!(again.read(&Images::slice(&unseen, 0..100).values).expect("a CPU").features, read.features);
    }
}
