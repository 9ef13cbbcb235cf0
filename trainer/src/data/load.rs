//! The pictures that a recipe names.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use duel_models::{Shape, files};

use super::{
    data_set::{DataSet, Split},
    error::DataError,
    idx, mnist, npy,
};
use crate::recipe::{Kind, Recipe, Source, Toy};

/// The most held-out pictures.
const HELD_OUT: usize = 5_000;
/// The fewest held-out pictures with which an evaluation is meaningful.
const HELD_OUT_LEAST: usize = 16;

/// File names of a split's images and labels, as LeCun, Cortes and Burges chose them.
const NAMES: [[&str; 2]; 2] =
    [["train-images-idx3-ubyte", "train-labels-idx1-ubyte"], ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]];

/// File names of the pair that `duel sample --out DIR` writes.
const GENERATED: [&str; 2] = ["images-idx3-ubyte", "labels-idx1-ubyte"];

/// Loads the training pictures of a recipe, and sets the settings of the recipe that depend on the shape of the
/// pictures. A toy distribution has no pictures.
pub fn load_training(recipe: Recipe) -> Result<(Recipe, Option<DataSet>), DataError> {
    if let Some(toy) = recipe.data.source.toy() {
        return check_toy(&recipe, toy).map(|()| (recipe, None));
    }
    let data = load(&recipe, Split::Train)?;
    let recipe = recipe.for_shape(data.shape)?;
    let data = split(data, &recipe)?;
    Ok((recipe, Some(data)))
}

/// Loads the test pictures of a recipe's source; none for a toy distribution.
pub fn load_test(recipe: &Recipe) -> Result<Option<DataSet>, DataError> {
    recipe.data.source.toy().is_none().then(|| load(recipe, Split::Test)).transpose()
}

/// Loads the pair of IDX files that `duel sample --out DIR` writes; without labels where the directory has none.
pub fn load_generated(dir: &Path) -> Result<DataSet, DataError> {
    let (shape, images) = idx_images(dir, GENERATED[0])?;
    let labels = match idx_labels(dir, GENERATED[1]) {
        Err(DataError::Missing { .. }) => Vec::new(),
        labels => labels?,
    };
    pair(dir, shape, images, labels)
}

/// Loads a split of a recipe's source, and checks that its labels fit the recipe.
fn load(recipe: &Recipe, split: Split) -> Result<DataSet, DataError> {
    let data = match &recipe.data.source {
        Source::Path(path) if path.is_file() => from_npy(path, split)?,
        Source::Path(dir) => from_directory(dir, split)?,
        Source::Mnist | Source::Toy(_) => mnist::load(split),
    };
    let path = || recipe.data.source.path().unwrap_or(Path::new("the data")).to_owned();
    for (wanted, key) in
        [(recipe.training.conditional, "training.conditional"), (recipe.training.balanced, "training.balanced")]
    {
        if wanted && data.labels.is_empty() {
            return Err(DataError::Unlabelled { key, path: path() });
        }
    }
    match data.labels.iter().max() {
        Some(&label) if recipe.training.conditional && usize::from(label) >= recipe.data.classes => {
            Err(DataError::Label { label, classes: recipe.data.classes })
        }
        _ => Ok(data),
    }
}

/// The pair of IDX files of a split, gzipped or not.
fn from_directory(dir: &Path, split: Split) -> Result<DataSet, DataError> {
    let [images, labels] = NAMES[split as usize];
    let (shape, images) = idx_images(dir, images)?;
    let labels = idx_labels(dir, labels)?;
    let data = pair(dir, shape, images, labels)?;
    if data.labels.is_empty() {
        Err(DataError::Unequal { path: dir.into(), images: data.len(), labels: 0 })
    } else {
        Ok(data)
    }
}

/// A NumPy array of pictures, and the labels beside it: `garments.labels.npy` beside `garments.npy`. The test split of
/// `garments.npy` is `garments.test.npy`.
fn from_npy(path: &Path, split: Split) -> Result<DataSet, DataError> {
    let file = match split {
        Split::Train => path.to_owned(),
        Split::Test => path.with_extension("test.npy"),
    };
    if split == Split::Test && !file.exists() {
        return Err(DataError::NoTest(path.to_owned()));
    }
    let array = read_npy(&file)?;
    let [height, width, channels] = match array.shape[..] {
        [_, height, width] => [height, width, 1],
        [_, height, width, channels] => [height, width, channels],
        _ => {
            let why = format!("its shape is {:?}, expected [N, H, W] or [N, H, W, 3]", array.shape);
            return Err(DataError::Malformed { file, format: "NumPy", why });
        }
    };
    let shape = shape(&file, channels, height, width)?;
    let labels = file.with_extension("labels.npy");
    let labels = if labels.exists() { read_npy(&labels)?.bytes } else { Vec::new() };
    pair(&file, shape, array.bytes, labels)
}

fn read_npy(file: &Path) -> Result<npy::Array, DataError> {
    let array = npy::read(opened(file)?);
    array.map_err(|why| DataError::Malformed { file: file.into(), format: "NumPy", why })
}

fn idx_images(dir: &Path, name: &'static str) -> Result<(Shape, Vec<u8>), DataError> {
    let file = find(dir, name)?;
    let images = idx::read_images(opened(&file)?).map_err(|why| malformed_idx(&file, why))?;
    Ok((shape(&file, 1, images.height, images.width)?, images.bytes))
}

fn idx_labels(dir: &Path, name: &'static str) -> Result<Vec<u8>, DataError> {
    let file = find(dir, name)?;
    idx::read_labels(opened(&file)?).map_err(|why| malformed_idx(&file, why))
}

fn malformed_idx(file: &Path, why: String) -> DataError {
    DataError::Malformed { file: file.into(), format: "IDX", why }
}

fn shape(file: &Path, channels: usize, height: usize, width: usize) -> Result<Shape, DataError> {
    let shape = Shape::new(channels, height, width);
    shape.map_err(|why| DataError::Shape { file: file.into(), channels, height, width, why })
}

/// Finds the file `name` in `dir`, or `name.gz` if there is no `name`.
fn find(dir: &Path, name: &'static str) -> Result<PathBuf, DataError> {
    let candidates = [dir.join(name), dir.join(format!("{name}.gz"))];
    let found = candidates.into_iter().find(|file| file.exists());
    found.ok_or_else(|| DataError::Missing { dir: dir.into(), file: name })
}

fn opened(file: &Path) -> Result<BufReader<File>, DataError> {
    let opened = files::open(file).map_err(|why| DataError::Unreadable { file: file.into(), why })?;
    Ok(BufReader::new(opened))
}

/// Builds a data set, and checks that it has one label for each image, or no labels.
fn pair(path: &Path, shape: Shape, images: Vec<u8>, labels: Vec<u8>) -> Result<DataSet, DataError> {
    let data = DataSet::new(shape, images, labels);
    let (images, labels) = (data.len(), data.labels.len());
    if labels == 0 || images == labels {
        Ok(data)
    } else {
        Err(DataError::Unequal { path: path.into(), images, labels })
    }
}

/// Splits off the held-out pictures. A batch must fit into the training pictures, except that a single picture fills
/// any batch.
fn split(data: DataSet, recipe: &Recipe) -> Result<DataSet, DataError> {
    let (wanted, batch, there) = (recipe.data.images, recipe.training.batch, data.len());
    if wanted > there {
        return Err(DataError::TooFew { key: "data.images", wanted, there });
    }
    let mut count = if wanted == 0 { there } else { wanted };
    let every = recipe.evaluation.every;
    if every > 0 && count == there {
        count -= (there / 12).min(HELD_OUT);
    }
    let end = there.min(count + HELD_OUT);
    if every > 0 && end - count < HELD_OUT_LEAST {
        return Err(DataError::HeldOut { every, left: end - count });
    }
    if batch > count && count != 1 {
        return Err(DataError::TooFew { key: "training.batch", wanted: batch, there: count });
    }
    Ok(data.hold_out(count, end))
}

/// Checks that the networks of a recipe fit a toy distribution: from one latent value to one number, so that the figure
/// can show arrows.
fn check_toy(recipe: &Recipe, toy: Toy) -> Result<(), DataError> {
    let mlp = [recipe.generator.kind, recipe.discriminator.kind].map(|kind| kind == Kind::Mlp);
    for (fits, key, wanted) in [
        (mlp[0], "generator.kind", "mlp"),
        (mlp[1], "discriminator.kind", "mlp"),
        (recipe.generator.latent == 1, "generator.latent", "1"),
        (!recipe.training.conditional, "training.conditional", "false"),
    ] {
        if !fits {
            return Err(DataError::Toy { toy: toy.name(), key, wanted });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx_file(magic: u32, axes: &[u32], value: u8) -> Vec<u8> {
        let header = [magic].iter().chain(axes).flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        [header, vec![value; axes.iter().product::<u32>() as usize]].concat()
    }

    fn npy_file(shape: &str, values: usize) -> Vec<u8> {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &vec![1; values]].concat()
    }

    fn recipe(settings: &[String]) -> Recipe {
        Recipe::default().with(settings).expect("good settings")
    }

    #[test]
    fn a_directory_of_idx_files_is_read_and_its_faults_are_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("space");
        write("train-images-idx3-ubyte", &idx_file(0x0803, &[2, 12, 20], 9));
        write("train-labels-idx1-ubyte", &idx_file(0x0801, &[2], 7));
        let data = from_directory(dir.path(), Split::Train).expect("a good directory");
        assert_eq!((data.shape.to_string().as_str(), data.len(), &data.labels[..]), ("1x12x20", 2, &[7, 7][..]));

        write("train-labels-idx1-ubyte", &idx_file(0x0801, &[3], 7));
        let error = from_directory(dir.path(), Split::Train).expect_err("three labels").to_string();
        assert!(error.contains("2 images and 3 labels"), "{error}");
        write("train-images-idx3-ubyte", &idx_file(0x0803, &[2, 12, 200], 9));
        let error = from_directory(dir.path(), Split::Train).expect_err("a width of 200").to_string();
        assert!(error.contains("12x200") && error.contains("8 to 128"), "{error}");
        let error = from_directory(dir.path(), Split::Test).expect_err("no test files").to_string();
        assert!(error.contains("t10k-images-idx3-ubyte(.gz)") && error.contains("--data"), "{error}");
    }

    #[test]
    fn an_array_of_colour_pictures_is_read_with_its_labels() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("tiles.npy");
        let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("space");
        write("tiles.npy", &npy_file("(4, 16, 24, 3)", 4 * 16 * 24 * 3));
        let data = from_npy(&file, Split::Train).expect("a good array");
        assert_eq!((data.shape.to_string().as_str(), data.len(), data.labels.len()), ("3x16x24", 4, 0));
        write("tiles.labels.npy", &npy_file("(4,)", 4));
        assert_eq!(from_npy(&file, Split::Train).expect("with labels").labels, [1; 4]);
        assert!(matches!(from_npy(&file, Split::Test), Err(DataError::NoTest(_))));
        write("tiles.test.npy", &npy_file("(2, 16, 24, 3)", 2 * 16 * 24 * 3));
        assert_eq!(from_npy(&file, Split::Test).expect("a test split").len(), 2);
        for (shape, values, expected) in [
            ("(4, 16)", 64, "expected [N, H, W]"),
            ("(4, 16, 24, 4)", 4 * 16 * 24 * 4, "4 channels"),
            ("(4, 4, 24, 3)", 4 * 4 * 24 * 3, "height of 4"),
        ] {
            write("tiles.npy", &npy_file(shape, values));
            let error = from_npy(&file, Split::Train).expect_err(shape).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn networks_with_labels_need_labels() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("tiles.npy");
        std::fs::write(&file, npy_file("(4, 16, 24, 3)", 4 * 16 * 24 * 3)).expect("space");
        for key in ["training.conditional", "training.balanced"] {
            let recipe = recipe(&[format!("{key}=true"), "training.batch=2".to_owned()]);
            let recipe = recipe.with_data(file.to_str().expect("a temporary name")).expect("a path");
            let error = load_training(recipe).expect_err("no labels").to_string();
            assert!(error.contains(key) && error.contains("tiles.npy"), "{error}");
        }
    }

    #[test]
    fn a_recipe_takes_the_shape_of_its_data_or_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("tiles.npy");
        std::fs::write(&file, npy_file("(4, 16, 24, 3)", 4 * 16 * 24 * 3)).expect("space");
        let settings = ["training.batch=2", "generator.kind=conv", "discriminator.kind=conv", "generator.width=8"];
        let recipe = recipe(&settings.map(str::to_owned)).with_data(file.to_str().expect("a name")).expect("a path");
        let (settled, data) = load_training(recipe.clone()).expect("good data");
        assert_eq!(settled.shape(), data.map(|data| data.shape));
        assert_eq!((settled.generator.channels, settled.discriminator.channels), (vec![16, 8], vec![64, 128]));
        let wrong = recipe.with(&["data.shape=1x28x28".to_owned()]).expect("a shape");
        let error = load_training(wrong).expect_err("another shape").to_string();
        assert!(error.contains("1x28x28") && error.contains("3x16x24"), "{error}");
    }

    fn grey(labels: Vec<u8>) -> DataSet {
        DataSet::new(mnist::SHAPE, vec![0; labels.len() * mnist::SHAPE.size()], labels)
    }

    #[test]
    fn a_recipe_cannot_ask_for_more_than_there_is() {
        let data = grey(vec![0; 4]);
        let split = |images: usize, batch: usize| {
            split(data.clone(), &recipe(&[format!("data.images={images}"), format!("training.batch={batch}")]))
        };
        assert_eq!(split(2, 2).map(|data| data.len()).expect("two of four"), 2);
        assert!(split(5, 2).expect_err("five of four").to_string().contains("data.images"));
        assert!(split(0, 5).expect_err("a batch of five").to_string().contains("training.batch"));
    }

    #[test]
    fn held_out_pictures_never_train() {
        for (there, wanted, every, trained, held_out) in [
            (240, 0, 0, 240, None),
            (240, 0, 9, 220, Some(20)),
            (240, 240, 9, 220, Some(20)),
            (240, 100, 9, 100, Some(140)),
            (70_000, 0, 9, 65_000, Some(5_000)),
            (60_000, 50_000, 9, 50_000, Some(5_000)),
        ] {
            let labels: Vec<u8> = (0..there).map(|at| (at % 251) as u8).collect();
            let settings = [format!("data.images={wanted}"), format!("evaluation.every={every}")];
            let data = split(grey(labels.clone()), &recipe(&settings)).expect("enough");
            assert_eq!((data.len(), data.held_out.as_ref().map(|held_out| held_out.len())), (trained, held_out));
            assert_eq!(data.labels, labels[..trained]);
            if let Some(held_out) = data.held_out {
                assert_eq!(held_out.labels, labels[trained..trained + held_out.len()]);
            }
        }
        let error = split(grey(vec![0; 180]), &recipe(&["evaluation.every=9".to_owned()])).expect_err("15 are left");
        let error = error.to_string();
        assert!(error.contains("15 training images") && error.contains("evaluation.every=0"), "{error}");
    }
}
