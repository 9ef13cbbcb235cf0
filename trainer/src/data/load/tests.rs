use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use image::{DynamicImage, ImageFormat};
use tempfile::TempDir;

use super::*;
use crate::data::SILENT;

/// A directory for one test, and files in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().expect("a folder")).expect("space");
        fs::write(self.path(name), bytes).expect("space");
    }

    /// Loads what stands at `name`, with settings of the section `data`.
    fn load(&self, name: &str, split: Split, settings: &[&str]) -> Result<DataSet, DataError> {
        let settings: Vec<String> = settings.iter().map(|setting| format!("data.{setting}")).collect();
        let recipe = recipe(&settings).with_data(self.path(name).to_str().expect("UTF-8")).expect("a path");
        load(&recipe.data, split, SILENT)
    }

    fn refused(&self, name: &str, settings: &[&str]) -> String {
        let error = self.load(name, Split::Train, settings).expect_err(name).to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    }
}

fn recipe(settings: &[String]) -> Recipe {
    Recipe::default().with(settings).expect("good settings")
}

fn idx_file(magic: u32, axes: &[u32], value: u8) -> Vec<u8> {
    let header = [magic].iter().chain(axes).flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    [header, vec![value; axes.iter().product::<u32>() as usize]].concat()
}

fn npy_file(shape: &str, values: &[u8]) -> Vec<u8> {
    npy_of("|u1", shape, values)
}

fn npy_of(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), values].concat()
}

/// A PNG of one colour.
fn png(height: u32, width: u32, colour: [u8; 3]) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb(colour));
    let mut bytes = io::Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture).write_to(&mut bytes, ImageFormat::Png).expect("memory");
    bytes.into_inner()
}

/// A zip archive of stored files.
fn zipped(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("memory");
        archive.write_all(bytes).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

#[test]
fn a_folder_of_pictures_is_read_with_its_classes_and_splits() {
    let place = Place::new();
    for (name, level) in
        [("train/cat/1.png", 10), ("train/dog/2.PNG", 20), ("train/dog/3.png", 30), ("test/dog/4.png", 40)]
    {
        place.write(&format!("set/{name}"), &png(16, 24, [level; 3]));
    }
    place.write("set/train/cat/._1.png", b"Mac");
    place.write("set/train/Thumbs.db", b"Windows");
    let data = place.load("set", Split::Train, &[]).expect("three pictures");
    assert_eq!((data.shape.to_string().as_str(), data.len(), data.survey.ignored), ("1x16x24", 3, 2));
    assert_eq!(data.class_names, ["cat", "dog"]);
    let levels: BTreeMap<u8, u8> = (0..3).map(|at| (data.image(at)[0], data.label(at))).collect();
    assert_eq!(levels, BTreeMap::from([(10, 0), (20, 1), (30, 1)]));
    let test = place.load("set", Split::Test, &[]).expect("one picture");
    assert_eq!((test.len(), test.image(0)[0], test.label(0)), (1, 40, 1));
    assert!(matches!(place.load("set/train", Split::Test, &[]), Err(DataError::NoTest(_))));
}

#[test]
fn pictures_of_several_sizes_become_squares() {
    let place = Place::new();
    for (n, [height, width]) in [[40, 60], [50, 40], [100, 90], [8, 9]].into_iter().enumerate() {
        place.write(&format!("{n}.png"), &png(height, width, [n as u8, 0, 0]));
    }
    for (settings, shape) in [
        (&[][..], "3x32x32"),
        (&["size=48x64"], "3x48x64"),
        (&["size=16", "colour=grey"], "1x16x16"),
        (&["size=16", "crop=fit"], "3x16x16"),
    ] {
        let data = place.load("", Split::Train, settings).expect("four pictures");
        assert_eq!((data.shape.to_string().as_str(), data.len()), (shape, 4));
    }
    let data = place.load("", Split::Train, &[]).expect("four pictures");
    assert_eq!((data.survey.cropped, data.survey.shrunk, data.survey.enlarged), (4, 3, 1));
}

#[test]
fn memory_is_refused_before_it_is_taken() {
    let place = Place::new();
    place.write("tiles/1.png", &png(128, 128, [1, 2, 3]));
    for n in 2..100 {
        fs::hard_link(place.path("tiles/1.png"), place.path(&format!("tiles/{n}.png"))).expect("a link");
    }
    let error = place.refused("tiles", &["memory=0.001"]);
    assert!(error.contains("99 pictures of 3x128x128") && error.contains("data.size=58"), "{error}");
    let data = place.load("tiles", Split::Train, &["memory=0.001", "size=58"]).expect("a megabyte");
    assert_eq!(data.survey.duplicates, 98);
}

#[test]
fn more_than_a_tenth_unreadable_is_an_error_and_less_is_counted() {
    let place = Place::new();
    for n in 0..19 {
        place.write(&format!("{n:02}.png"), &png(16, 16, [n; 3]));
    }
    place.write("a.png", b"");
    let data = place.load("", Split::Train, &[]).expect("19 of 20");
    assert_eq!((data.len(), data.survey.skipped), (19, 1));
    assert_eq!(data.survey.first_skipped.as_ref().map(|[name, why]| (&**name, &**why)), Some(("a.png", "it is empty")));
    place.write("b.jpg", &png(16, 16, [1; 3])[..60]);
    place.write("c.heic", b"ftypheic");
    let error = place.refused("", &[]);
    assert!(error.contains("3 of 22 pictures") && error.contains("a.png: it is empty"), "{error}");
}

#[test]
fn an_archive_is_read_with_the_labels_of_dataset_json() {
    let place = Place::new();
    let pictures = [("00000/1.png", 10), ("00000/2.png", 20), ("00001/3.png", 30)];
    let mut files: Vec<(&str, Vec<u8>)> = pictures.map(|(name, level)| (name, png(16, 16, [level; 3]))).to_vec();
    place.write("plain.zip", &zipped(&files));
    let data = place.load("plain.zip", Split::Train, &[]).expect("three pictures");
    assert_eq!((data.len(), &data.class_names[..]), (3, &["00000".to_owned(), "00001".to_owned()][..]));
    for (json, labels, names) in [
        (
            r#"{"labels": [["00000/1.png", 5], ["00000/2.png", 3], ["00001/3.png", 5]]}"#,
            &[1, 0, 1][..],
            &["3", "5"][..],
        ),
        (r#"{"labels": null}"#, &[], &[]),
        (r#"{"labels": [["00000/1.png", 5]]}"#, &[], &[]),
        (r#"{"labels": [["00000/1.png", [0.5, 1]]]}"#, &[], &[]),
    ] {
        files.truncate(3);
        files.push(("dataset.json", json.into()));
        place.write("labelled.zip", &zipped(&files));
        let data = place.load("labelled.zip", Split::Train, &[]).expect(json);
        let found: BTreeMap<u8, Option<&u8>> = (0..3).map(|at| (data.image(at)[0], data.labels.get(at))).collect();
        let expected: Vec<Option<&u8>> = (0..3).map(|at| labels.get(at)).collect();
        assert_eq!(
            (found.into_values().collect::<Vec<_>>(), &data.class_names[..]),
            (expected, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..])
        );
    }
    files.truncate(3);
    files.push(("dataset.json", b"{".into()));
    place.write("broken.zip", &zipped(&files));
    assert!(place.refused("broken.zip", &[]).contains("dataset.json"));
    place.write("cut.zip", &zipped(&files)[..100]);
    assert!(place.refused("cut.zip", &[]).contains("zip"));
}

#[test]
fn links_and_unreadable_files_neither_hang_nor_end_the_reading() {
    let place = Place::new();
    for n in 0..20 {
        place.write(&format!("{n}.png"), &png(16, 16, [n; 3]));
    }
    std::os::unix::fs::symlink(place.path(""), place.path("loop")).expect("a link");
    std::os::unix::fs::symlink(place.path("nowhere"), place.path("dangling.png")).expect("a link");
    std::os::unix::fs::symlink("/dev/zero", place.path("endless.png")).expect("a link");
    let data = place.load("", Split::Train, &[]).expect("twenty pictures");
    assert_eq!((data.len(), data.survey.skipped), (20, 2));
    assert!(data.survey.notes.iter().any(|note| note.contains("loop is a link")), "{:?}", data.survey.notes);
}

#[test]
fn names_need_not_be_utf_8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let place = Place::new();
    for class in [b"a\xff", b"a\xfe"] {
        let folder = place.0.path().join(OsStr::from_bytes(class));
        fs::create_dir(&folder).expect("space");
        fs::write(folder.join(OsStr::from_bytes(b"\xfd.png")), png(16, 16, [class[1]; 3])).expect("space");
    }
    let data = place.load("", Split::Train, &[]).expect("two pictures");
    assert_eq!(data.class_names, ["a\u{fffd}", "a\u{fffd}-2"]);
}

#[test]
fn a_directory_of_idx_files_is_read_and_its_faults_are_named() {
    let place = Place::new();
    place.write("train-images-idx3-ubyte", &idx_file(0x0803, &[2, 12, 20], 9));
    let data = place.load("", Split::Train, &[]).expect("no labels are needed");
    assert_eq!((data.shape.to_string().as_str(), data.len(), data.labels.len()), ("1x12x20", 2, 0));
    place.write("train-labels.idx1-ubyte", &idx_file(0x0801, &[2], 7));
    let data = place.load("", Split::Train, &["classes=8"]).expect("a good directory");
    assert_eq!((&data.labels[..], data.class_names.len()), (&[7, 7][..], 0));
    let data = place.load("", Split::Train, &[]).expect("a good directory");
    assert_eq!((&data.labels[..], &data.class_names[..]), (&[0, 0][..], &["7".to_owned()][..]));
    assert!(matches!(place.load("", Split::Test, &[]), Err(DataError::NoTest(_))));

    place.write("train-labels.idx1-ubyte", &idx_file(0x0801, &[3], 7));
    assert!(place.refused("", &[]).contains("2 images and 3 labels"));
    place.write("train-images-idx3-ubyte", &idx_file(0x0803, &[2, 12, 200], 9));
    place.write("train-labels.idx1-ubyte", &idx_file(0x0801, &[2], 7));
    let error = place.refused("", &[]);
    assert!(error.contains("12x200") && error.contains("8 to 128"), "{error}");
    assert_eq!(place.load("", Split::Train, &["size=16"]).expect("resized").shape.to_string(), "1x16x16");
    place.write("other-train-images-idx3-ubyte", &idx_file(0x0803, &[2, 12, 20], 9));
    assert_eq!(place.load("", Split::Train, &["size=16"]).expect("the exact name").len(), 2);
    fs::rename(place.path("train-images-idx3-ubyte"), place.path("b-train-images-idx3-ubyte")).expect("space");
    assert!(place.refused("", &[]).contains("both end in train-images-idx3-ubyte"));
}

#[test]
fn what_sample_writes_can_be_trained_on() {
    let place = Place::new();
    place.write("images-idx3-ubyte", &idx_file(0x0803, &[3, 12, 20], 9));
    place.write("labels-idx1-ubyte", &idx_file(0x0801, &[3], 0));
    assert_eq!(place.load("", Split::Train, &[]).expect("a pair").len(), 3);
    assert_eq!(load_generated(place.0.path()).expect("a pair").labels, [0; 3]);
}

#[test]
fn an_array_of_colour_pictures_is_read_with_its_labels() {
    let place = Place::new();
    let values = |count: usize| -> Vec<u8> { (0..count).map(|at| at as u8).collect() };
    place.write("tiles.npy", &npy_file("(4, 16, 24, 3)", &values(4 * 16 * 24 * 3)));
    let data = place.load("tiles.npy", Split::Train, &[]).expect("a good array");
    assert_eq!((data.shape.to_string().as_str(), data.len(), data.labels.len()), ("3x16x24", 4, 0));
    place.write("tiles.labels.npy", &npy_file("(4,)", &[1, 2, 2, 1]));
    let data = place.load("tiles.npy", Split::Train, &[]).expect("with labels");
    assert_eq!(data.class_names, ["1", "2"]);
    assert!(matches!(place.load("tiles.npy", Split::Test, &[]), Err(DataError::NoTest(_))));
    place.write("tiles.test.npy", &npy_file("(2, 16, 24, 3)", &values(2 * 16 * 24 * 3)));
    assert_eq!(place.load("tiles.npy", Split::Test, &[]).expect("a test split").len(), 2);
    place.write("clear.npy", &npy_file("(1, 16, 16, 4)", &[0; 16 * 16 * 4]));
    let clear = place.load("clear.npy", Split::Train, &["background=#010203"]).expect("transparent pixels");
    assert_eq!((clear.image(0)[..3].to_vec(), clear.shape.channels), (vec![1, 2, 3], 3));
    for (shape, bytes, expected) in [
        ("(4, 16)", 64, "expected [N, H, W]"),
        ("(4, 16, 24, 2)", 4 * 16 * 24 * 2, "1, 3 or 4 channels"),
        ("(4, 4, 24, 3)", 4 * 4 * 24 * 3, "height of 4"),
        ("(0, 16, 16)", 0, "no pictures"),
    ] {
        place.write("tiles.npy", &npy_file(shape, &values(bytes)));
        let error = place.refused("tiles.npy", &[]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn arrays_of_a_npz_are_found_by_their_names() {
    let place = Place::new();
    let images = npy_file("(2, 16, 16)", &[5; 512]);
    let labels = npy_of("<i8", "(2,)", &[4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    for [train, wanted] in [["images", "labels"], ["x_train", "y_train"], ["arr_0", "arr_1"]] {
        let files = [(format!("{train}.npy"), images.clone()), (format!("{wanted}.npy"), labels.clone())];
        place.write("a.npz", &zipped(&files.each_ref().map(|(name, bytes)| (name.as_str(), bytes.clone()))));
        let data = place.load("a.npz", Split::Train, &[]).expect(train);
        assert_eq!((data.len(), &data.class_names[..]), (2, &["4".to_owned(), "9".to_owned()][..]));
        assert!(matches!(place.load("a.npz", Split::Test, &[]), Err(DataError::NoTest(_))));
    }
    place.write("b.npz", &zipped(&[("weights.npy", images)]));
    assert!(place.refused("b.npz", &[]).contains("weights.npy; name the arrays images and labels"));
}

#[test]
fn a_path_is_wrong_in_its_own_way() {
    let place = Place::new();
    place.write("page", b"<html>");
    place.write("lfs", b"version https://git-lfs.github.com/spec/v1");
    place.write("zero", b"");
    fs::create_dir(place.path("empty")).expect("space");
    std::os::unix::fs::symlink("nowhere", place.path("link")).expect("a link");
    for (file, bytes) in [
        ("torch/MNIST/raw/train-images-idx3-ubyte", vec![]),
        ("arrays/a.npz", b"PK".to_vec()),
        ("typo/train-image-idx3-ubyte", vec![]),
        ("labels/train-images-idx3-ubyte", idx_file(0x803, &[1, 8, 8], 1)),
        ("labels/train-labels-idx1-ubite", vec![]),
    ] {
        place.write(file, &bytes);
    }
    for (name, expected) in [
        ("page", "a web page"),
        ("lfs", "git lfs pull"),
        ("zero", "it is empty"),
        ("empty", "no pictures"),
        ("link", "is a link to nowhere, which does not exist"),
        ("none", "does not exist: "),
        ("pages", "has page: is that meant?"),
        ("page/deeper", "page is a file, not a folder"),
        ("torch", "no pictures in "),
        ("torch", "torch/MNIST/raw"),
        ("arrays", "arrays/a.npz"),
        ("typo", "typo/train-image-idx3-ubyte is no name of an IDX file: rename it to train-images-idx3-ubyte"),
        ("labels", "labels/train-labels-idx1-ubite is no name of an IDX file: rename it to train-labels-idx1-ubyte"),
        ("~/data", "$HOME"),
    ] {
        let error = place.refused(name, &[]);
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn networks_with_labels_need_labels() {
    let place = Place::new();
    place.write("tiles.npy", &npy_file("(4, 16, 24, 3)", &[1; 4 * 16 * 24 * 3]));
    for key in ["training.conditional", "training.balanced"] {
        let recipe = recipe(&[format!("{key}=true")]).with_data(place.path("tiles.npy").to_str().expect("UTF-8"));
        let error = load_training(recipe.expect("a path"), SILENT).expect_err("no labels").to_string();
        assert!(error.contains(key) && error.contains("tiles.npy"), "{error}");
    }
}

#[test]
fn a_class_without_pictures_is_refused_or_left_out() {
    let place = Place::new();
    place.write("letters.npy", &npy_file("(4, 8, 8)", &(0..=255).collect::<Vec<u8>>()));
    place.write("letters.labels.npy", &npy_file("(4,)", &[1, 2, 3, 3]));
    for (classes, refused) in [("0", None), ("4", Some("class 0 of data.classes = 4")), ("3", Some("data.classes=0"))] {
        let settings = ["training.conditional=true", "training.batch=2", &format!("data.classes={classes}")];
        let recipe = recipe(&settings.map(str::to_owned)).with_data(place.path("letters.npy").to_str().expect("UTF-8"));
        let loaded = load_training(recipe.expect("a path"), SILENT);
        let checked =
            loaded.and_then(|(recipe, data)| check_classes(&recipe, &data.expect("pictures")).map(|()| recipe));
        match refused {
            Some(expected) => assert!(checked.expect_err(expected).to_string().contains(expected)),
            None => assert_eq!(checked.expect("three classes").data.names, ["1", "2", "3"]),
        }
    }
}

#[test]
fn a_recipe_takes_the_shape_of_its_data_or_is_refused() {
    let place = Place::new();
    let values: Vec<u8> = (0..4 * 16 * 24 * 3).map(|at| at as u8).collect();
    place.write("tiles.npy", &npy_file("(4, 16, 24, 3)", &values));
    let settings = ["training.batch=2", "generator.kind=conv", "discriminator.kind=conv", "generator.width=8"];
    let file = place.path("tiles.npy");
    let recipe = recipe(&settings.map(str::to_owned)).with_data(file.to_str().expect("a name")).expect("a path");
    let (settled, data) = load_training(recipe.clone(), SILENT).expect("good data");
    assert_eq!(settled.shape(), data.map(|data| data.shape));
    assert_eq!((settled.generator.channels, settled.discriminator.channels), (vec![16, 8], vec![64, 128]));
    let wrong = recipe.with(&["data.shape=1x28x28".to_owned()]).expect("a shape");
    let error = load_training(wrong, SILENT).expect_err("another shape").to_string();
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
        (180, 0, 9, 164, Some(16)),
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
    let error = split(grey(vec![0; 60]), &recipe(&["evaluation.every=9".to_owned()])).expect_err("15 are left");
    let error = error.to_string();
    assert!(error.contains("15 training images") && error.contains("evaluation.every=0"), "{error}");
}

#[test]
fn a_set_without_a_test_split_keeps_a_tenth_for_tests() {
    let place = Place::new();
    let values: Vec<u8> = (0..400 * 64).map(|at: usize| (at / 64 % 256) as u8 ^ (at / 64 / 256 * 85) as u8).collect();
    place.write("tiles.npy", &npy_file("(400, 8, 8)", &values));
    place.write("tiles.labels.npy", &npy_file("(400,)", &[0; 200].into_iter().chain([1; 200]).collect::<Vec<u8>>()));
    let [train, test] = [Split::Train, Split::Test].map(|split| place.load("tiles.npy", split, &[]).expect("a split"));
    assert_eq!(train.len() + test.len(), 400);
    assert!((SCORED_LEAST..80).contains(&test.len()), "{}", test.len());
    assert_eq!((train.labels.len(), test.labels.len()), (train.len(), test.len()));
    let kept: std::collections::HashSet<&[u8]> = (0..train.len()).map(|at| train.image(at)).collect();
    assert!((0..test.len()).all(|at| !kept.contains(test.image(at))), "equal pictures are on one side");
    assert!(test.survey.notes[0].contains("there is no test split"), "{:?}", test.survey.notes);
    // With a test split every picture of the array trains.
    place.write("tiles.test.npy", &npy_file("(16, 8, 8)", &values[..16 * 64]));
    assert_eq!(place.load("tiles.npy", Split::Train, &[]).expect("all").len(), 400);
}
