//! Data sets in arrays: NumPy's .npy and .npz, and directories of IDX files.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use duel_models::{Shape, files, text::showable};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use strsim::damerau_levenshtein;

use super::{
    collection::{Collection, Entry},
    data_set::{DataSet, Split},
    decode::{Target, is_grey, prepare_pixels},
    error::DataError,
    idx, labels, npy,
    survey::Survey,
    wanted::{Wanted, fits_memory},
};
use crate::recipe::{Colour, Data, DataSize};

/// Names of the arrays of pictures and labels in a .npz, for training and for tests: NumPy's own, Keras', MedMNIST's.
const NPZ: [[[&str; 2]; 2]; 4] = [
    [["images", "labels"], ["test_images", "test_labels"]],
    [["train_images", "train_labels"], ["test_images", "test_labels"]],
    [["x_train", "y_train"], ["x_test", "y_test"]],
    [["arr_0", "arr_1"], ["arr_2", "arr_3"]],
];

/// Names of a split's IDX files as LeCun, Cortes and Burges chose them, and of the pair that `duel sample` writes. A
/// file may also have a dot before `idx`, an ending `.gz`, and a beginning such as `emnist-letters-`.
const IDX: [[[&str; 2]; 2]; 2] = [
    [["train-images-idx3-ubyte", "train-labels-idx1-ubyte"], ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]],
    [["images-idx3-ubyte", "labels-idx1-ubyte"], ["test-images-idx3-ubyte", "test-labels-idx1-ubyte"]],
];

/// Pictures of any size as an array has them.
struct Stored {
    /// Height, width, channels.
    sides: [usize; 3],
    bytes: Vec<u8>,
    /// Labels of this split, and of the training split, which defines the classes; empty without labels.
    labels: [Vec<i64>; 2],
}

/// A NumPy array of pictures, and the labels beside it: `garments.labels.npy` beside `garments.npy`. The test split of
/// `garments.npy` is `garments.test.npy`.
pub(super) fn npy(wanted: Wanted) -> Result<DataSet, DataError> {
    let train = wanted.path.to_owned();
    let test = train.with_extension("test.npy");
    let has_test = test.exists();
    let file = match wanted.read(has_test) {
        Split::Train => train.clone(),
        Split::Test => test,
    };
    let array = npy::read(opened(&file)?, wanted.most()).map_err(wanted.malformed(&file, "NumPy"))?;
    let labels = |file: &Path| -> Result<Vec<i64>, DataError> {
        let file = file.with_extension("labels.npy");
        if !file.exists() {
            return Ok(Vec::new());
        }
        npy::read_integers(opened(&file)?, wanted.most()).map_err(wanted.malformed(&file, "NumPy"))
    };
    let labels = [labels(&file)?, labels(&train)?];
    let stored = stored(array, labels).map_err(wanted.malformed(&file, "NumPy"))?;
    wanted.divided(shuffled(data_set(stored, "npy", wanted)?), has_test)
}

/// The arrays of a .npz, by the names in [`NPZ`].
pub(super) fn npz(wanted: Wanted, collection: &Collection) -> Result<DataSet, DataError> {
    let malformed = wanted.malformed(wanted.path, "NumPy");
    let names = NPZ.iter().find(|names| member(collection, names[0][0]).is_some());
    let Some(names) = names else {
        let there: Vec<String> = collection.entries.iter().take(8).map(Entry::name).collect();
        return Err(malformed(format!("it holds {}; name the arrays images and labels", there.join(", "))));
    };
    let mut reader = collection.reader();
    let has_test = member(collection, names[Split::Test as usize][0]).is_some();
    let split = wanted.read(has_test);
    let entry = member(collection, names[split as usize][0]).expect("the names were chosen by the first");
    let array = npy::read(reader.member(entry).map_err(&malformed)?, wanted.most()).map_err(&malformed)?;
    let mut labels = |split: Split| -> Result<Vec<i64>, DataError> {
        let Some(entry) = member(collection, names[split as usize][1]) else { return Ok(Vec::new()) };
        npy::read_integers(reader.member(entry).map_err(&malformed)?, wanted.most()).map_err(&malformed)
    };
    let labels = [labels(split)?, labels(Split::Train)?];
    let stored = stored(array, labels).map_err(&malformed)?;
    wanted.divided(shuffled(data_set(stored, "npz", wanted)?), has_test)
}

/// The array `name` of a .npz.
fn member<'a>(collection: &'a Collection, name: &str) -> Option<&'a Entry> {
    collection.entries.iter().find(|entry| entry.is_at_top(&format!("{name}.npy")))
}

/// Whether a directory holds IDX files.
pub(super) fn is_idx(dir: &Path) -> bool {
    IDX.iter().any(|names| matches!(find(dir, names[0][0]), Ok(Some(_)) | Err(_)))
}

/// The pictures of a directory of IDX files, gzipped or not; labels may be missing.
pub(super) fn idx(wanted: Wanted) -> Result<DataSet, DataError> {
    let dir = wanted.path;
    let named = |names: &&[[&'static str; 2]; 2]| matches!(find(dir, names[0][0]), Ok(Some(_)) | Err(_));
    let names = IDX.iter().find(named).unwrap_or(&IDX[0]);
    let has_test = find(dir, names[Split::Test as usize][0])?.is_some();
    wanted.divided(idx_pair(wanted, names, wanted.read(has_test))?, has_test)
}

/// The pair of IDX files of a split.
fn idx_pair(wanted: Wanted, names: &[[&'static str; 2]; 2], split: Split) -> Result<DataSet, DataError> {
    let dir = wanted.path;
    let [images, _] = names[split as usize];
    let file = find(dir, images)?.ok_or_else(|| DataError::Missing { dir: dir.into(), file: images })?;
    let array = idx::read_images(opened(&file)?, wanted.most()).map_err(wanted.malformed(&file, "IDX"))?;
    let labels = |split: Split| -> Result<Vec<i64>, DataError> {
        let name = names[split as usize][1];
        let Some(file) = find(dir, name)? else {
            return misspelt(dir, name).map_or(Ok(Vec::new()), |file| Err(DataError::Misspelt { file, name }));
        };
        let labels = idx::read_labels(opened(&file)?).map_err(wanted.malformed(&file, "IDX"))?;
        Ok(labels.into_iter().map(i64::from).collect())
    };
    let labels = [labels(split)?, labels(Split::Train)?];
    let mut data =
        data_set(Stored { sides: [array.height, array.width, 1], bytes: array.bytes, labels }, "idx", wanted)?;
    if file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"emnist-")) {
        // Cohen et al. 2017 kept the order of MATLAB, columns first.
        data.survey.notes.push(
            "EMNIST's files hold pictures with rows and columns exchanged: exchange them to train on upright letters"
                .to_owned(),
        );
    }
    Ok(data)
}

/// Loads the pair of IDX files, or their images alone, that `duel sample --out DIR` writes.
pub(super) fn generated(dir: &Path) -> Result<DataSet, DataError> {
    let [images, _] = IDX[1][0];
    if find(dir, images)?.is_none() {
        return Err(DataError::Missing { dir: dir.into(), file: images });
    }
    let settings = &Data { classes: 256, ..Data::default() };
    idx_pair(Wanted { path: dir, settings, split: Split::Train }, &IDX[1], Split::Train)
}

/// The error for a directory without IDX files where the name of a file of pictures is wrong by a letter or two.
pub(super) fn misspelt_images(dir: &Path) -> Option<DataError> {
    let mut names = IDX.iter().map(|names| names[0][0]);
    names.find_map(|name| Some(DataError::Misspelt { file: misspelt(dir, name)?, name }))
}

/// Finds a file whose name differs from `name` by one or two letters.
fn misspelt(dir: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let mut similar = entries.filter(|path| {
        let found = path.file_name().and_then(|found| found.to_str()).unwrap_or_default().replace(".idx", "-idx");
        let found = found.strip_suffix(".gz").unwrap_or(&found);
        found.len() < 2 * name.len() && (1..=2).contains(&damerau_levenshtein(found, name))
    });
    similar.next()
}

/// Finds the file `name` in `dir` by one of its spellings. Several files that fit are an error.
fn find(dir: &Path, name: &'static str) -> Result<Option<PathBuf>, DataError> {
    let entries = fs::read_dir(dir).map_err(|why| DataError::Unreadable { file: dir.into(), why })?;
    let spelled = |path: &Path| {
        let found = path.file_name()?.to_str()?.replace(".idx", "-idx");
        let found = found.strip_suffix(".gz").unwrap_or(&found);
        let begins = found.strip_suffix(name)?;
        // `t10k-images…` does not end `train-images…`, but it ends `images…`.
        (begins.is_empty() || (begins.ends_with('-') && !name.starts_with("images") && !name.starts_with("labels")))
            .then_some(begins.len())
    };
    let mut fitting: Vec<(usize, PathBuf)> =
        entries.flatten().filter_map(|entry| Some((spelled(&entry.path())?, entry.path()))).collect();
    // The shortest beginning, and the file that is not gzipped, come first.
    fitting.sort();
    match &fitting[..] {
        [] => Ok(None),
        [(0, first), ..] => Ok(Some(first.clone())),
        [(_, only)] => Ok(Some(only.clone())),
        [(_, first), (_, second), ..] => {
            Err(DataError::Ambiguous { name, first: first.clone(), second: second.clone() })
        }
    }
}

fn opened(file: &Path) -> Result<impl Read + use<>, DataError> {
    let opened = files::open(file).map_err(|why| DataError::Unreadable { file: file.into(), why })?;
    Ok(BufReader::new(opened) as BufReader<File>)
}

fn stored(array: npy::Array, labels: [Vec<i64>; 2]) -> Result<Stored, String> {
    let sides = match array.shape[..] {
        [_, height, width] => [height, width, 1],
        [_, height, width, channels @ (1 | 3 | 4)] => [height, width, channels],
        _ => {
            return Err(format!(
                "its shape is {:?}, expected [N, H, W] or [N, H, W, C] with 1, 3 or 4 channels",
                array.shape
            ));
        }
    };
    Ok(Stored { sides, bytes: array.bytes, labels })
}

/// Brings stored pictures to the shape of the settings, and their labels to bytes.
fn data_set(stored: Stored, kind: &str, wanted: Wanted) -> Result<DataSet, DataError> {
    let Stored { sides: [height, width, channels], bytes, labels: [labels, all] } = stored;
    let count = if bytes.is_empty() { 0 } else { bytes.len() / (height * width * channels) };
    if count == 0 {
        return Err(DataError::NoPictures { path: wanted.path.into(), ignored: 0 });
    }
    if !labels.is_empty() && labels.len() != count {
        return Err(DataError::Unequal { path: wanted.path.into(), images: count, labels: labels.len() });
    }
    let settings = wanted.settings;
    let shape = shape([height, width, channels], &bytes, settings);
    let shape = shape.map_err(|why| DataError::Shape { file: wanted.path.into(), channels, height, width, why })?;
    let mut survey = Survey::uniform(kind, [height, width], count);
    let images = if [shape.height, shape.width, shape.channels] == [height, width, channels] {
        bytes
    } else {
        fits_memory(shape, count, settings, wanted.path)?;
        let target = Target { shape, crop: settings.crop, background: settings.background };
        let resized = [shape.height, shape.width] != [height, width];
        survey.shrunk = if resized && height >= shape.height { count } else { 0 };
        survey.enlarged = if resized && height < shape.height { count } else { 0 };
        let pictures = bytes.par_chunks_exact(height * width * channels);
        pictures.flat_map_iter(|pixels| prepare_pixels(pixels, [height, width, channels], target).pixels).collect()
    };
    let (labels, names) = bytes_of(&labels, &all, settings).map_err(wanted.malformed(wanted.path, "labels"))?;
    let data = DataSet::new(shape, images, labels);
    Ok(DataSet { class_names: names, survey, ..data })
}

/// The shape that pictures of an array get.
fn shape(sides: [usize; 3], bytes: &[u8], settings: &Data) -> Result<Shape, duel_models::ShapeError> {
    let [height, width, channels] = sides;
    let channels = match settings.colour {
        Colour::Grey => 1,
        Colour::Colour => 3,
        Colour::Auto if channels == 3 && is_grey(bytes) => 1,
        Colour::Auto => channels.min(3),
    };
    match settings.size {
        DataSize::Is { height, width } => Shape::new(channels, height, width),
        DataSize::Auto => Shape::new(channels, height, width),
    }
}

/// Labels as bytes, and the names of their classes. Labels keep their numbers if the recipe gives the number of classes
/// and no names; otherwise they count from 0.
fn bytes_of(labels: &[i64], all: &[i64], settings: &Data) -> Result<(Vec<u8>, Vec<String>), String> {
    if settings.classes == 0 || !settings.names.is_empty() {
        return labels::numbered(labels, all);
    }
    let byte = |&label: &i64| u8::try_from(label).map_err(|_| format!("label {label} is not from 0 to 255"));
    Ok((labels.iter().map(byte).collect::<Result<_, _>>()?, Vec::new()))
}

/// The same pictures in an order that depends on their numbers alone: arrays are often sorted by class, and the last
/// pictures, which are held out, must be of every class.
fn shuffled(mut data: DataSet) -> DataSet {
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.sort_by_cached_key(|&at| Sha256::digest(at.to_le_bytes()).to_vec());
    permute(&mut data.images, data.shape.size(), &order);
    if !data.labels.is_empty() {
        permute(&mut data.labels, 1, &order);
    }
    data
}

/// Puts item `order[at]` at each place `at`, of items of `size` bytes. In place: the array may take half of the memory.
fn permute(items: &mut [u8], size: usize, order: &[usize]) {
    let mut is_done = vec![false; order.len()];
    for start in 0..order.len() {
        if is_done[start] {
            continue;
        }
        let first = items[start * size..][..size].to_vec();
        let mut at = start;
        while order[at] != start {
            items.copy_within(order[at] * size..(order[at] + 1) * size, at * size);
            is_done[at] = true;
            at = order[at];
        }
        items[at * size..][..size].copy_from_slice(&first);
        is_done[at] = true;
    }
}

/// Describes a file that is none of the arrays, for an error.
pub(super) fn described(start: &[u8]) -> String {
    let line: String =
        String::from_utf8_lossy(&start[..start.len().min(40)]).lines().next().unwrap_or_default().to_owned();
    match start {
        [] => "it is empty".to_owned(),
        [0x1f, 0x8b, ..] => "it is a gzip file".to_owned(),
        [b'<', ..] => "it is a web page".to_owned(),
        _ if start.starts_with(b"version https://git-lfs") => "it is a pointer of Git LFS: run git lfs pull".to_owned(),
        _ => format!("it begins with {:?}", showable(&line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_permuted_in_place() {
        for (order, expected) in [
            (&[0, 1, 2, 3][..], b"aAbBcCdD"),
            (&[1, 0, 3, 2], b"bBaAdDcC"),
            (&[2, 0, 1, 3], b"cCaAbBdD"),
            (&[3, 2, 1, 0], b"dDcCbBaA"),
        ] {
            let mut items = *b"aAbBcCdD";
            permute(&mut items, 2, order);
            assert_eq!(&items, expected, "{order:?}");
        }
    }
}
