//! Pictures of other shapes than MNIST's, from the data to the drawing: grey IDX files of 20×32, and colour NumPy arrays of 16×24.

use std::{fs, path::Path};

use duel_models::Shape;
use duel_runtime::Generator;
use duel_tests::seeds::{npy, pixels};
use serde_json::Value;

use super::{SMALL, err, ok, out, refused, run, train};

/// Pictures of each data set.
const PICTURES: usize = 200;
/// Classes of the labels.
const CLASSES: usize = 3;

/// Pictures of the colour set: enough that a classifier learns their labels.
const COLOURED: usize = 300;

fn labels(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % CLASSES) as u8).collect()
}

/// Writes a directory `grey` of IDX files: 1x20x32, with labels.
fn write_grey(dir: &Path) -> Shape {
    let shape: Shape = "1x20x32".parse().expect("a shape");
    let header = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let count = PICTURES as u32;
    let images = [header(&[0x803, count, 20, 32]), pixels(PICTURES * shape.size())].concat();
    fs::create_dir(dir.join("grey")).expect("space");
    fs::write(dir.join("grey/train-images-idx3-ubyte"), images).expect("space");
    fs::write(dir.join("grey/train-labels-idx1-ubyte"), [header(&[0x801, count]), labels(PICTURES)].concat())
        .expect("space");
    shape
}

/// Writes `colour.npy`, 3x16x24, and `colour.labels.npy`.
fn write_colour(dir: &Path) -> Shape {
    let shape: Shape = "3x16x24".parse().expect("a shape");
    fs::write(dir.join("colour.npy"), npy(&[COLOURED, 16, 24, 3], &pixels(COLOURED * shape.size()))).expect("space");
    fs::write(dir.join("colour.labels.npy"), npy(&[COLOURED], &labels(COLOURED))).expect("space");
    shape
}

/// Settings of small conditional convolutional networks with an EMA.
const CONV: [&str; 8] = [
    "generator.kind=conv",
    "generator.channels=[6, 4]",
    "discriminator.kind=conv",
    "discriminator.channels=[4, 6]",
    "training.conditional=true",
    "training.balanced=true",
    "data.classes=3",
    "generator.ema=0.9",
];

fn settings<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    settings.iter().flat_map(|setting| ["--set", setting]).collect()
}

/// Trains on `data` without a pause, and with an interruption and a resume: both runs must end equal to the bit.
fn train_both_ways(dir: &Path, name: &str, data: &str, more: &[&str]) {
    let broken = format!("{name}-broken");
    let arguments = |steps| [&["--data", data, "--steps", steps], more].concat();
    train(dir, name, &arguments("30"));
    train(dir, &broken, &arguments("15"));
    ok(dir, &["train", "--resume", &broken, "--steps", "30"]);
    let metrics = |run: &str| {
        let text = fs::read_to_string(dir.join(run).join("metrics.jsonl")).expect("metrics");
        let timeless = |line: &str| {
            let mut line: Value = serde_json::from_str(line).expect(line);
            for clock in ["seconds", "images_per_second", "processors", "memory"] {
                line[clock] = Value::Null;
            }
            line
        };
        text.lines().map(timeless).collect::<Vec<Value>>()
    };
    assert_eq!(metrics(name), metrics(&broken));
    assert_eq!(metrics(name).len(), 6);
    let exported = |run: &str| {
        ok(dir, &["export", run, "--out", &format!("{run}-model")]);
        fs::read(dir.join(format!("{run}-model/generator.onnx"))).expect("a model")
    };
    assert!(exported(name) == exported(&broken), "{name}");
    let grid = |run: &str| fs::read(dir.join(run).join("samples/00000030.png")).expect("samples");
    assert!(grid(name) == grid(&broken), "{name}");
}

/// Checks the card of the exported model and each kind of file that it is drawn into.
fn draw(dir: &Path, name: &str, data: &str, shape: Shape, classes: usize) {
    let Shape { channels, height, width, .. } = shape;
    let model = format!("{name}-model/generator.onnx");
    let bytes = fs::read(dir.join(&model)).expect("a model");
    let generator = Generator::load(&bytes).expect("a good model");
    let card = generator.card();
    assert_eq!((card.shape, card.classes), (shape, classes));
    assert!(card.data.ends_with(data), "{}", card.data);
    let readme = fs::read_to_string(dir.join(format!("{name}-model/README.md"))).expect("a card");
    let colour = if channels == 1 { "grey" } else { "colour" };
    for expected in
        [format!("[N, {channels}, {height}, {width}]"), format!("{height}×{width} {colour}"), data.to_owned()]
    {
        assert!(readme.contains(&expected), "{expected}: {readme}");
    }
    let sample = |file: &str, count: &str| {
        ok(dir, &["sample", "--model", &model, "--count", count, "--out", file, "--force"]);
        fs::read(dir.join(file)).expect(file)
    };
    // Width and height in the header of a PNG: four pictures make a square.
    let sides = [2 * width, 2 * height].map(|side| (side as u32).to_be_bytes()).concat();
    assert_eq!(sample("four.png", "4")[16..24], sides);
    let axes: &[usize] = if channels == 1 { &[6, height, width] } else { &[6, height, width, channels] };
    let array = sample("six.npy", "6");
    assert!(
        array == npy(axes, &array[array.len() - 6 * shape.size()..]),
        "{:?}",
        String::from_utf8_lossy(&array[..128])
    );
    assert!(sample("walk.gif", "3").starts_with(b"GIF89a"));
    assert!(!ok(dir, &["sample", "--model", &model, "--charset", "ascii", "--count", "2"]).is_empty());
    let idx = ["sample", "--model", &model, "--count", "2", "--out", "idx", "--force"];
    if channels == 1 {
        ok(dir, &idx);
        assert_eq!(fs::read(dir.join("idx/images-idx3-ubyte")).expect("pictures").len(), 16 + 2 * shape.size());
    } else {
        refused(dir, &idx, 1, "--out idx: IDX files hold grey pictures only");
    }
}

/// Checks that the run is listed, watched, reported and scored, each time by the judge of its own data.
fn look_at(dir: &Path, name: &str, data: &str, judged_by: &str) {
    let path = format!("runs/{name}");
    assert!(ok(dir, &["runs"]).lines().any(|line| line.starts_with(name)));
    assert!(ok(dir, &["watch", "--plain", &path]).ends_with("done\n"));
    ok(dir, &["watch", "--snapshot", "screen.svg", &path]);
    ok(dir, &["report", &path]);
    let page = fs::read_to_string(dir.join(&path).join("report.html")).expect("a page");
    assert!(page.contains(&format!("Scores by {judged_by} {data}")), "{page}");
    let events = fs::read_to_string(dir.join(&path).join("events.jsonl")).expect("events");
    assert!(!events.contains("\"warning\""), "{events}");
    let evaluation = events.lines().find(|line| line.contains("\"evaluation\"")).expect("an evaluation");
    let evaluation: Value = serde_json::from_str(evaluation).expect("JSON");
    let judge = evaluation["judge"].as_str().expect("a judge").to_owned();
    assert!(judge.starts_with(&format!("{judged_by} {data} ")), "{judge}");
    assert!(evaluation["scores"]["kid"].is_number() && evaluation["real"]["frechet"].is_number(), "{evaluation}");
    assert!(ok(dir, &["runs", "--csv"]).contains(&format!("frechet ({judge})")));
    let said = ok(dir, &["eval", &path]);
    for expected in [&format!("test images of {data}\n"), &format!("Judge: {judge}."), "The run's discriminator"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("digit") && !said.contains("parzen"), "{said}");
    let json: Value = serde_json::from_str(&ok(dir, &["eval", "--json", &path])).expect("JSON");
    let hash = json["judge"]["hash"].as_str().expect("a hash");
    assert!(judge.ends_with(&hash[..16]) && json["no_scores"].is_null(), "{json}");
    for score in ["frechet", "frechet_spread", "kid", "kid_spread", "recall"] {
        assert!(json["scores"][score].is_number() && json["real"][score].is_number(), "{score}: {json}");
    }
    // A model's card names its data, but not where they are.
    let model = format!("{path}-model/generator.onnx");
    let unnamed = ok(dir, &["eval", &model]);
    assert!(unnamed.starts_with("no scores for") && unnamed.contains("--data PATH"), "{unnamed}");
    let directory = format!("{path}-model");
    assert_eq!(ok(dir, &["eval", &directory]), unnamed.replace(&model, &directory), "an export is a model, too");
    let named: Value = serde_json::from_str(&ok(dir, &["eval", &model, "--data", data, "--json"])).expect("JSON");
    assert_eq!((&named["scores"], &named["judge"]), (&json["scores"], &json["judge"]));
    ok(dir, &["export", &path, "--scores", "--out", "scored", "--force"]);
    assert!(ok(dir, &["models", "scored/generator.onnx"]).contains(&format!("judge          {judge}\n")));
    let card = fs::read_to_string(dir.join("scored/README.md")).expect("a card");
    assert!(card.contains(&format!("Judge: {judge}.")) && card.contains(" real |"), "{card}");
}

#[test]
fn grey_pictures_of_20x32_are_trained_exported_and_drawn() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let shape = write_grey(dir);
    let evaluated = settings(&["evaluation.every=10", "data.images=0"]);
    train_both_ways(dir, "runs/dense", "grey", &evaluated);
    draw(dir, "runs/dense", "grey", shape, 0);
    look_at(dir, "dense", "grey", "random features for");
    train_both_ways(dir, "runs/conv", "grey", &[settings(&CONV), evaluated].concat());
    draw(dir, "runs/conv", "grey", shape, CLASSES);
}

#[test]
fn colour_pictures_of_16x24_are_trained_exported_and_drawn() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let shape = write_colour(dir);
    let evaluated = settings(&["evaluation.every=10", "data.images=0"]);
    train_both_ways(dir, "runs/conv", "colour.npy", &[settings(&CONV), evaluated.clone()].concat());
    draw(dir, "runs/conv", "colour.npy", shape, CLASSES);
    look_at(dir, "conv", "colour.npy", "classifier of");
    train_both_ways(dir, "runs/dense", "colour.npy", &evaluated);
    draw(dir, "runs/dense", "colour.npy", shape, 0);
    // The other kind of upsampling, and channels that are derived from the width.
    let grown = ["generator.growth=nearest", "generator.channels=[]", "generator.width=4"];
    train_both_ways(dir, "runs/nearest", "colour.npy", &settings(&[&CONV[..], &grown].concat()));
    draw(dir, "runs/nearest", "colour.npy", shape, CLASSES);
}

#[test]
fn labels_give_a_classifier_and_too_few_test_pictures_give_no_scores() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let shape = write_colour(dir);
    let test = |count: usize| npy(&[count, 16, 24, 3], &pixels(count * shape.size()));
    fs::write(dir.join("colour.test.npy"), test(20)).expect("space");
    fs::write(dir.join("colour.test.labels.npy"), npy(&[20], &labels(20))).expect("space");
    train(dir, "runs/tested", &["--data", "colour.npy", "--steps", "5"]);
    let json: Value = serde_json::from_str(&ok(dir, &["eval", "tested", "--json"])).expect("JSON");
    assert_eq!((&json["judge"]["name"], &json["tests"]), (&"classifier of colour.npy".into(), &20.into()));
    assert!(json["scores"]["class_balance"].is_number() && json["real"]["label_accuracy"].is_number(), "{json}");
    fs::write(dir.join("colour.test.npy"), test(8)).expect("space");
    fs::remove_file(dir.join("colour.test.labels.npy")).expect("just written");
    let said = ok(dir, &["eval", "tested"]);
    assert!(said.starts_with("no scores for tested: there are 8 test pictures"), "{said}");
    assert!(said.contains("The run's discriminator"), "{said}");
    refused(dir, &["eval", "--cas", "tested"], 1, "--cas: a classifier learns from labelled pictures");
    train(dir, "runs/told", &["--data", "colour.npy", "--steps", "5", "--set", "training.conditional=true"]);
    let output = run(dir, &["eval", "told"]);
    assert!(output.status.success() && out(&output).starts_with("no scores for told"), "{output:?}");
    let why = "no verdicts of the discriminator: the test pictures have no labels, which it was trained with";
    assert!(err(&output).contains(why), "{output:?}");
    refused(dir, &["eval", "--cas", "told"], 1, "--cas: no scores for told");
}

#[test]
fn a_run_keeps_the_shape_and_refuses_pictures_of_another_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    write_colour(dir);
    train(dir, "kept", &["--data", "colour.npy", "--steps", "2"]);
    let kept = fs::read_to_string(dir.join("kept/recipe.toml")).expect("a recipe");
    assert!(kept.lines().any(|line| line == "shape = \"3x16x24\""), "{kept}");
    fs::write(dir.join("colour.npy"), npy(&[COLOURED, 16, 16, 3], &pixels(COLOURED * 768))).expect("space");
    let other = "data.shape = 3x16x24, but the pictures of the data are 3x16x16";
    refused(dir, &["train", "--resume", "kept", "--steps", "4"], 1, other);
}

#[test]
fn a_shape_that_does_not_fit_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    write_colour(dir);
    for (name, axes) in [
        ("wide", &[PICTURES, 8, 200, 3][..]),
        ("two", &[PICTURES, 8, 8, 2]),
        ("flat", &[PICTURES, 64]),
        ("few", &[PICTURES - 1, 16, 24, 3]),
    ] {
        fs::write(dir.join(format!("{name}.npy")), npy(axes, &pixels(axes.iter().product()))).expect("space");
    }
    fs::write(dir.join("few.labels.npy"), npy(&[PICTURES], &labels(PICTURES))).expect("space");
    let stages = "generator.channels: 3 stages need sides that are multiples of 8; 28x28 is not: use 24x24 or 32x32";
    for (args, expected) in [
        (&["--recipe", "digits", "--set", "generator.channels=[4, 4, 4]"][..], stages),
        (&["--set", "data.shape=3x32x32"], "data.shape = 3x32x32, but the pictures of the data are 1x28x28"),
        (&["--set", "data.shape=28x28"], "data.shape"),
        (&["--data", "wide.npy"], "wide.npy holds pictures of 8x200 pixels with 3 channels: a width of 200 pixels"),
        (&["--data", "two.npy"], "with 1, 3 or 4 channels"),
        (&["--data", "flat.npy"], "expected [N, H, W] or [N, H, W, C]"),
        (&["--data", "few.npy"], "199 images and 200 labels"),
        (
            &["--data", "colour.npy", "--set", "training.conditional=true", "--set", "data.classes=2"],
            "data.classes = 2",
        ),
    ] {
        let recipe: &[&str] = if args[0] == "--recipe" { &[] } else { &SMALL };
        refused(dir, &[&["train", "--steps", "2"], recipe, args].concat(), 1, expected);
        assert!(!dir.join("runs").exists(), "{args:?}");
    }
}
