//! IDX files, gzipped or not, or the bundled MNIST, as images and labels in memory.

pub mod batches;
pub mod images;
pub mod laws;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use duel_models::{PIXELS, SIDE};
use flate2::read::GzDecoder;

use crate::{
    data::laws::Bell,
    recipe::{Kind, Recipe},
    run::files,
};

/// Grey images of [`SIDE`] × [`SIDE`] with their labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dataset {
    /// Grey levels, [N, 28, 28].
    pub images: Vec<u8>,
    /// Labels, [N]; none for images that were drawn without.
    pub labels: Vec<u8>,
    /// Training images that a recipe leaves out, some of them: what judges the generator while it trains, and what a discriminator
    /// that memorises does not know.
    pub held_out: Option<Box<Dataset>>,
}

/// Which half of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What may train and select.
    Train,
    /// What judges, and does nothing else.
    Test,
}

/// Why there is no data.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The directory lacks a file of the pair.
    #[error(
        "no {file}(.gz) in {dir}: name a directory of IDX files, or leave --data out and train on the bundled digits"
    )]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// The file's name, without `.gz`.
        file: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A file is not what its name says.
    #[error("{file} is not the IDX file that its name says: {why}")]
    NotIdx {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Images without labels, or labels without images.
    #[error("{dir} has {images} images and {labels} labels: they must be as many")]
    Unequal {
        /// The directory.
        dir: PathBuf,
        /// Images.
        images: usize,
        /// Labels.
        labels: usize,
    },
    /// The data has a label that the recipe does not know.
    #[error("the data has the label {label}, and data.classes = {classes}: raise it with --set data.classes=N")]
    Label {
        /// The largest label.
        label: u8,
        /// The recipe's classes.
        classes: usize,
    },
    /// Numbers need networks for numbers.
    #[error("data.source = {law} is numbers, not images: set {key} = {wanted}")]
    Numbers {
        /// The law they follow.
        law: String,
        /// The recipe's key.
        key: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// Nothing is left to judge with.
    #[error(
        "evaluation.every = {every}, and {left} training images are left to judge with: lower data.images, or set evaluation.every=0"
    )]
    HeldOut {
        /// Steps from one evaluation to the next.
        every: u64,
        /// Images that are left.
        left: usize,
    },
    /// The recipe wants more than there is.
    #[error("{key} = {wanted}, and the data has {there} training images: lower it with --set {key}=N")]
    TooFew {
        /// The recipe's key.
        key: &'static str,
        /// Its value.
        wanted: usize,
        /// What there is.
        there: usize,
    },
}

/// File names of a split, as LeCun, Cortes and Burges chose them.
const NAMES: [[&str; 2]; 2] =
    [["train-images-idx3-ubyte", "train-labels-idx1-ubyte"], ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]];

static BUNDLED: [[&[u8]; 2]; 2] = [
    [
        include_bytes!("../../data/mnist/train-images-idx3-ubyte.gz"),
        include_bytes!("../../data/mnist/train-labels-idx1-ubyte.gz"),
    ],
    [
        include_bytes!("../../data/mnist/t10k-images-idx3-ubyte.gz"),
        include_bytes!("../../data/mnist/t10k-labels-idx1-ubyte.gz"),
    ],
];

impl Dataset {
    /// The training images that a recipe asks for; none for numbers.
    pub fn of(recipe: &Recipe) -> Result<Self, DatasetError> {
        if Bell::of(&recipe.data.source).is_some() {
            return numbers(recipe).map(|()| Self::default());
        }
        Self::source(recipe, Split::Train)?.split(recipe)
    }

    /// The test images beside those that a recipe learns from.
    pub fn test_of(recipe: &Recipe) -> Result<Self, DatasetError> {
        Self::source(recipe, Split::Test)
    }

    /// The images that a recipe names, whose labels its networks know.
    fn source(recipe: &Recipe, split: Split) -> Result<Self, DatasetError> {
        let data = match recipe.data_dir() {
            Some(dir) => Self::from_dir(dir, split)?,
            None => Self::mnist(split),
        };
        match data.labels.iter().max() {
            Some(&label) if recipe.training.conditional && usize::from(label) >= recipe.data.classes => {
                Err(DatasetError::Label { label, classes: recipe.data.classes })
            }
            _ => Ok(data),
        }
    }

    /// The bundled MNIST.
    pub fn mnist(split: Split) -> Self {
        let [images, labels] = BUNDLED[split as usize];
        let read =
            |bytes, header: &[u32]| idx(bytes, header).expect("the bundled files are whole: a test checks their MD5");
        Self { images: read(images, &IMAGES), labels: read(labels, &LABELS), held_out: None }
    }

    /// The pair of IDX files in `dir`, gzipped or not.
    pub fn from_dir(dir: &Path, split: Split) -> Result<Self, DatasetError> {
        let [images, labels] = NAMES[split as usize];
        let images = read(dir, images, &IMAGES)?;
        let labels = read(dir, labels, &LABELS)?;
        if images.len() != labels.len() * PIXELS {
            return Err(DatasetError::Unequal { dir: dir.into(), images: images.len() / PIXELS, labels: labels.len() });
        }
        Ok(Self { images, labels, held_out: None })
    }

    /// The pair of IDX files in `dir` that `duel sample --out` writes; without labels where it has none.
    pub fn drawn(dir: &Path) -> Result<Self, DatasetError> {
        let images = read(dir, "images-idx3-ubyte", &IMAGES)?;
        let labels = match read(dir, "labels-idx1-ubyte", &LABELS) {
            Err(DatasetError::Missing { .. }) => Vec::new(),
            labels => labels?,
        };
        if !labels.is_empty() && images.len() != labels.len() * PIXELS {
            return Err(DatasetError::Unequal { dir: dir.into(), images: images.len() / PIXELS, labels: labels.len() });
        }
        Ok(Self { images, labels, held_out: None })
    }

    /// Images it has.
    pub fn len(&self) -> usize {
        self.images.len() / PIXELS
    }

    /// The mean image, [784] in [-1, 1].
    pub fn mean(&self) -> Vec<f32> {
        let mut sums = vec![0u64; PIXELS];
        for image in self.images.chunks_exact(PIXELS) {
            sums.iter_mut().zip(image).for_each(|(sum, &byte)| *sum += u64::from(byte));
        }
        let count = self.len().max(1) as f64;
        sums.iter().map(|&sum| (sum as f64 / count / 127.5 - 1.0) as f32).collect()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The images that a recipe trains on, and some that it leaves out. The batch must fit into them, but that a single image fills
    /// any batch.
    fn split(mut self, recipe: &Recipe) -> Result<Self, DatasetError> {
        let (wanted, batch, there) = (recipe.data.images, recipe.training.batch, self.len());
        if wanted > there {
            return Err(DatasetError::TooFew { key: "data.images", wanted, there });
        }
        let mut count = if wanted == 0 { there } else { wanted };
        let every = recipe.evaluation.every;
        if every > 0 && count == there {
            count -= (there / 12).min(HELD_OUT);
        }
        let until = there.min(count + HELD_OUT);
        if every > 0 && until - count < HELD_OUT_LEAST {
            return Err(DatasetError::HeldOut { every, left: until - count });
        }
        if count < until {
            let (images, labels) =
                (self.images[count * PIXELS..until * PIXELS].to_vec(), self.labels[count..until].to_vec());
            self.held_out = Some(Box::new(Self { images, labels, held_out: None }));
            self.images.truncate(count * PIXELS);
            self.labels.truncate(count);
        }
        if batch > count && count != 1 {
            return Err(DatasetError::TooFew { key: "training.batch", wanted: batch, there: count });
        }
        Ok(self)
    }
}

/// Images held out at most.
const HELD_OUT: usize = 5_000;
/// Images of which an evaluation says anything.
const HELD_OUT_LEAST: usize = 16;

/// Checks that the networks of a recipe are for numbers: from one latent value to one number, so that an arrow shows it.
fn numbers(recipe: &Recipe) -> Result<(), DatasetError> {
    let mlp = [recipe.generator.kind, recipe.discriminator.kind].map(|kind| kind == Kind::Mlp);
    for (fits, key, wanted) in [
        (mlp[0], "generator.kind", "mlp"),
        (mlp[1], "discriminator.kind", "mlp"),
        (recipe.generator.latent == 1, "generator.latent", "1"),
        (!recipe.training.conditional, "training.conditional", "false"),
    ] {
        if !fits {
            return Err(DatasetError::Numbers { law: recipe.data.source.clone(), key, wanted });
        }
    }
    Ok(())
}

/// The header of a file of images: magic, then rows and columns after the count.
pub(crate) const IMAGES: [u32; 3] = [0x0803, SIDE as u32, SIDE as u32];
/// The header of a file of labels.
pub(crate) const LABELS: [u32; 1] = [0x0801];

/// More items than this are refused, so that a small file cannot ask for more than 784 MB: the largest set of this layout has 814,255
/// (EMNIST, Cohen et al. 2017).
const ITEMS_MAX: usize = 1_000_000;

fn read(dir: &Path, name: &'static str, header: &[u32]) -> Result<Vec<u8>, DatasetError> {
    let candidates = [dir.join(name), dir.join(format!("{name}.gz"))];
    let Some(file) = candidates.into_iter().find(|file| file.exists()) else {
        return Err(DatasetError::Missing { dir: dir.into(), file: name });
    };
    let opened = files::open(&file).map_err(|why| DatasetError::Unreadable { file: file.clone(), why })?;
    idx(io::BufReader::new(opened), header).map_err(|why| DatasetError::NotIdx { file, why })
}

/// The one door for IDX: `header` is the expected magic and the sizes after the count. Gzip is told by its first bytes.
///
/// Memory is taken only as bytes arrive, and never beyond what the header promises, so a header that lies costs nothing.
pub(crate) fn idx(mut bytes: impl Read, header: &[u32]) -> Result<Vec<u8>, String> {
    let mut start = [0; 2];
    bytes.read_exact(&mut start).map_err(|_| "it is shorter than its header".to_owned())?;
    let whole = start.chain(bytes);
    if start == [0x1f, 0x8b] { idx_payload(GzDecoder::new(whole), header) } else { idx_payload(whole, header) }
}

fn idx_payload(mut bytes: impl Read, header: &[u32]) -> Result<Vec<u8>, String> {
    let mut word = || {
        let mut word = [0; 4];
        bytes.read_exact(&mut word).map_err(|_| "it is damaged, or shorter than its header".to_owned())?;
        Ok::<u32, String>(u32::from_be_bytes(word))
    };
    let magic = word()?;
    if magic != header[0] {
        return Err(format!("its magic number is {magic:#010x}, expected {:#010x}", header[0]));
    }
    let items = word()? as usize;
    if items == 0 || items > ITEMS_MAX {
        return Err(format!("its header promises {items} items, expected 1 to {ITEMS_MAX}"));
    }
    let mut size = items;
    for &expected in &header[1..] {
        let found = word()?;
        if found != expected {
            return Err(format!("its images have a side of {found}, expected {expected}"));
        }
        size *= expected as usize;
    }
    let mut payload = Vec::new();
    let read = bytes.take(size as u64 + 1).read_to_end(&mut payload);
    read.map_err(|error| format!("its gzip is damaged ({error})"))?;
    match payload.len() {
        length if length < size => Err(format!("it ends after {length} of {size} bytes")),
        length if length > size => Err(format!("it goes on after the {size} bytes that its header promises")),
        _ => Ok(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use md5::{Digest, Md5};
    use std::io::Write;

    #[test]
    fn the_bundled_files_are_the_canonical_ones() {
        let expected = [
            ["6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"],
            ["2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"],
        ];
        for (gzipped, md5) in BUNDLED.iter().flatten().zip(expected.iter().flatten()) {
            let mut raw = Vec::new();
            GzDecoder::new(*gzipped).read_to_end(&mut raw).expect("gzip");
            let found: String = Md5::digest(&raw).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, *md5);
        }
    }

    #[test]
    fn the_bundled_set_is_whole() {
        let (train, test) = (Dataset::mnist(Split::Train), Dataset::mnist(Split::Test));
        assert_eq!((train.len(), test.len()), (60_000, 10_000));
        assert_eq!(train.images.len(), 60_000 * PIXELS);
        assert_eq!(train.labels[..5], [5, 0, 4, 1, 9]);
    }

    fn labels(count: u32, there: usize) -> Vec<u8> {
        [&0x0801u32.to_be_bytes()[..], &count.to_be_bytes(), &vec![7; there]].concat()
    }

    fn images(header: [u32; 4], there: usize) -> Vec<u8> {
        let header: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        [header, vec![9; there]].concat()
    }

    fn gzip(raw: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(raw).expect("memory");
        encoder.finish().expect("memory")
    }

    /// With another checksum at its end.
    fn damaged(mut gzipped: Vec<u8>) -> Vec<u8> {
        let crc = gzipped.len() - 8;
        gzipped[crc] ^= 1;
        gzipped
    }

    #[test]
    fn a_directory_is_read_gzipped_or_not() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("space");
        write("train-images-idx3-ubyte.gz", &gzip(&images([0x0803, 2, 28, 28], 2 * PIXELS)));
        write("train-labels-idx1-ubyte", &labels(2, 2));
        let data = Dataset::from_dir(dir.path(), Split::Train).expect("a good directory");
        assert_eq!((data.len(), data.images.len(), data.labels[0]), (2, 2 * PIXELS, 7));

        write("train-labels-idx1-ubyte", &labels(3, 3));
        let error = Dataset::from_dir(dir.path(), Split::Train).expect_err("three labels").to_string();
        assert!(error.contains("2 images and 3 labels"), "{error}");
        let error = Dataset::from_dir(dir.path(), Split::Test).expect_err("no test files").to_string();
        assert!(error.contains("t10k-images-idx3-ubyte(.gz)") && error.contains("--data"), "{error}");
    }

    #[test]
    fn what_is_no_idx_file_is_refused_with_the_reason() {
        for (bytes, expected) in [
            (vec![], "shorter than its header"),
            (images([0x0803, 2, 28, 28], 0)[..15].to_vec(), "shorter than its header"),
            (images([0x0801, 2, 28, 28], 2 * PIXELS), "magic"),
            (images([0x0803, 2, 28, 28], 2 * PIXELS - 1), "ends after 1567 of 1568 bytes"),
            (images([0x0803, 2, 28, 28], 2 * PIXELS + 1), "goes on"),
            (images([0x0803, 2, 32, 28], 2 * PIXELS), "side of 32"),
            (images([0x0803, 0, 28, 28], 0), "0 items"),
            (images([0x0803, u32::MAX, 28, 28], 10), "4294967295 items"),
            (images([0x0803, 999_999, 28, 28], 10), "ends after 10 of"),
            (gzip(&images([0x0803, 2, 28, 28], 2 * PIXELS))[..26].to_vec(), "it is damaged"),
            ([gzip(&images([0x0803, 2, 28, 28], 2 * PIXELS)), vec![1; 9]].concat()[4..].to_vec(), "magic"),
            (damaged(gzip(&images([0x0803, 2, 28, 28], 2 * PIXELS))), "gzip is damaged"),
        ] {
            let error = idx(&bytes[..], &IMAGES).expect_err(expected);
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn a_recipe_cannot_want_more_than_there_is() {
        let data = Dataset { images: vec![0; 4 * PIXELS], labels: vec![0; 4], ..Dataset::default() };
        let split = |images: usize, batch: usize| {
            let data = data.clone();
            data.split(&recipe(&[format!("data.images={images}"), format!("training.batch={batch}")]))
        };
        assert_eq!(split(2, 2).map(|data| data.len()).expect("two of four"), 2);
        assert!(split(5, 2).expect_err("five of four").to_string().contains("data.images"));
        assert!(split(0, 5).expect_err("a batch of five").to_string().contains("training.batch"));
    }

    #[test]
    fn what_judges_never_trains() {
        for (there, wanted, every, trained, held_out) in [
            (240, 0, 0, 240, None),
            (240, 0, 9, 220, Some(20)),
            (240, 240, 9, 220, Some(20)),
            (240, 100, 9, 100, Some(140)),
            (70_000, 0, 9, 65_000, Some(5_000)),
            (60_000, 50_000, 9, 50_000, Some(5_000)),
        ] {
            let labels: Vec<u8> = (0..there).map(|at| (at % 251) as u8).collect();
            let data = Dataset { images: vec![0; there * PIXELS], labels: labels.clone(), ..Dataset::default() };
            let settings = [format!("data.images={wanted}"), format!("evaluation.every={every}")];
            let data = data.split(&recipe(&settings)).expect("enough");
            assert_eq!((data.len(), data.held_out.as_ref().map(|held_out| held_out.len())), (trained, held_out));
            assert_eq!(data.labels, labels[..trained]);
            if let Some(held_out) = data.held_out {
                assert_eq!(held_out.labels, labels[trained..trained + held_out.len()]);
            }
        }
        let data = Dataset { images: vec![0; 180 * PIXELS], labels: vec![0; 180], ..Dataset::default() };
        let error = data.split(&recipe(&["evaluation.every=9".to_owned()])).expect_err("15 are left").to_string();
        assert!(error.contains("15 training images") && error.contains("evaluation.every=0"), "{error}");
    }

    fn recipe(settings: &[String]) -> Recipe {
        Recipe::default().with(settings).expect("good settings")
    }
}
