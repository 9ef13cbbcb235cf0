//! A user's own pictures: a folder, an archive of it, and the recipe that follows from them.

use std::{fs, path::Path};

use duel_models::picture::{Picture, png};
use duel_tests::seeds::zipped;
use serde_json::Value;
use zip::CompressionMethod;

use super::{ok, refused, run};

/// Pictures of each class.
const EACH: u8 = 20;
const CLASSES: [&str; 2] = ["cat", "old dog"];

/// Names and PNG files of 16×16 colour pictures in two class folders.
fn pictures() -> Vec<(String, Vec<u8>)> {
    let picture = |class: u8, n: u8| {
        let pixels = (0..16 * 16 * 3).map(|at| (at % 251) as u8 ^ (n * 7) ^ (class * 128)).collect();
        png(&Picture { width: 16, height: 16, channels: 3, pixels })
    };
    let of = |class: u8| (0..EACH).map(move |n| (format!("{}/{n}.png", CLASSES[class as usize]), picture(class, n)));
    of(0).chain(of(1)).collect()
}

fn write_folder(dir: &Path) {
    for (name, bytes) in pictures() {
        let path = dir.join("pets").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("space");
        fs::write(path, bytes).expect("space");
    }
}

#[test]
fn data_says_what_a_folder_holds() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    write_folder(dir);
    fs::write(dir.join("pets/notes.txt"), b"hello").expect("space");
    fs::write(dir.join("pets/cat/broken.png"), b"hello").expect("space");
    let text = ok(dir, &["data", "pets", "--charset", "ascii"]);
    for line in [
        "training  40 pictures of 3x16x16, 0.0 MB\n",
        "classes   2: cat (20), old dog (20)\n",
        "ignored   1 file that is no picture\n",
        "note      a picture is left out: cat/broken.png: it is no PNG, JPEG, WebP, GIF or BMP\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json: Value =
        serde_json::from_str(&ok(dir, &["data", "pets", "--json", "--set", "data.size=8"])).expect("JSON");
    assert_eq!((&json["train"]["shape"], &json["train"]["found"]["shrunk"]), (&"3x8x8".into(), &40.into()));
    ok(dir, &["data", "pets", "--out", "sheet.png"]);
    assert!(fs::read(dir.join("sheet.png")).expect("a sheet").starts_with(b"\x89PNG"));
    // The cache gives the same, and another setting is not mistaken for it.
    assert_eq!(ok(dir, &["data", "pets", "--charset", "ascii"]), text);
    refused(dir, &["data", "cats"], 1, "cats does not exist");
    refused(dir, &["data", "pets", "--set", "data.size=7"], 1, "data.size");
}

#[test]
fn a_recipe_follows_from_a_folder_and_the_model_draws_classes_by_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    write_folder(dir);
    let files = pictures();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    fs::write(dir.join("pets.zip"), zipped(&files, CompressionMethod::Deflated)).expect("space");
    let train = |data: &str, name: &str, steps: &str| {
        let small = ["generator.width=2", "training.batch=8", "training.schedule=constant"];
        let small: Vec<&str> = small.iter().flat_map(|setting| ["--set", setting]).chain(["--steps", steps]).collect();
        let output =
            run(dir, &[&["train", "--plain", "--data", data, "--run", &format!("./{name}")], &small[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    let said = train("pets", "whole", "6");
    for line in [
        "40 pictures of 3x16x16",
        "drawn by class, of 2",
        "convolutions: generator 8-8, discriminator 8-8",
        "6 steps of 8 pictures",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // The archive has the same pictures under the same names, so the training is the same, with a resume in between.
    train("pets.zip", "broken", "3");
    ok(dir, &["train", "--resume", "broken", "--steps", "6"]);
    for name in ["whole", "broken"] {
        ok(dir, &["export", name, "--out", &format!("{name}-model")]);
    }
    let model = |name: &str| fs::read(dir.join(format!("{name}-model/generator.safetensors"))).expect("a model");
    let weights = |bytes: &[u8]| {
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        bytes[8 + header..].to_vec()
    };
    assert!(weights(&model("whole")) == weights(&model("broken")), "the weights differ");
    let onnx = "whole-model/generator.onnx";
    ok(dir, &["sample", "--model", onnx, "--classes", "cat,old dog,cat", "--out", "three.png"]);
    refused(dir, &["sample", "--model", onnx, "--classes", "cow", "--out", "no.png"], 1, "old dog");
    assert!(ok(dir, &["models", onnx]).contains("old dog"));
}
