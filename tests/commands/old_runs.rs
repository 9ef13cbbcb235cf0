//! Run directories and a model that the program wrote at commit 6ff1019 (tests/old-runs/README.md): today's program reads, resumes and
//! exports the runs, and draws with the model.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use duel_runtime::Generator;
use serde_json::Value;

use super::{ok, train};

/// Name, recipe and last step of each old run, and the step to which the old program resumed a copy.
const RUNS: [(&str, &str, u64, u64); 3] =
    [("dense", "article", 60, 80), ("conv", "digits", 40, 60), ("toy", "bell", 100, 140)];

/// The rounding errors in training that are accepted, relative to the number, or to 1 if the number is smaller. A CPU with other vector
/// instructions than the one that wrote the files rounds differently.
const TOLERANCE: f64 = 1e-3;

fn old(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("old-runs").join(name)
}

/// A directory with copies of the old runs in `runs`.
fn copied() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("runs")).expect("space");
    for (name, ..) in RUNS {
        let copied = Command::new("cp").arg("-r").arg(old(name)).arg(dir.path().join("runs")).status().expect("cp");
        assert!(copied.success(), "cp {name}");
    }
    dir
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn an_old_run_is_listed_watched_and_reported() {
    let dir = copied();
    let dir = dir.path();
    let listed = ok(dir, &["runs", "--json"]);
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(listed.len(), RUNS.len());
    for (name, recipe, steps, _) in RUNS {
        let run = listed.iter().find(|run| run["run"] == format!("runs/{name}")).expect(name);
        assert_eq!((&run["state"], &run["recipe"]), (&"done".into(), &recipe.into()), "{name}");
        assert_eq!((&run["step"], &run["steps"]), (&steps.into(), &steps.into()), "{name}");
        let watched = ok(dir, &["watch", "--plain", name]);
        assert!(watched.contains(&format!("checkpoint at step {steps}")) && watched.ends_with("done\n"), "{watched}");
        // The screen with the samples, and the page with the curves.
        assert!(ok(dir, &["watch", "--snapshot", "-", name]).starts_with("<svg"));
        ok(dir, &["report", "--quick", name]);
        let page = fs::read_to_string(dir.join("runs").join(name).join("report.html")).expect("a page");
        assert!(page.contains(&format!("{steps} of {steps}")), "{page}");
        // The loss of this run is one of pairs.
        for (chart, expected) in
            [("Pairs judged right over", name == "conv"), ("D(x) and D(G(z)) over", name != "conv")]
        {
            assert_eq!(page.contains(chart), expected, "{name}, {chart}");
        }
    }
}

#[test]
fn a_setting_by_its_old_name_is_read() {
    let dir = copied();
    let recipe = ok(dir.path(), &["recipes", "runs/conv/recipe.toml"]);
    for (old, new) in [("average", "ema = 0.9"), ("spread", "truncation = 0.8")] {
        let key = |key: &str| recipe.lines().any(|line| line.starts_with(key));
        assert!(key(new) && !key(old), "{recipe}");
    }
    train(dir.path(), "mine", &["--steps", "2", "--set", "generator.average=0.75"]);
    let kept = fs::read_to_string(dir.path().join("mine/recipe.toml")).expect("a recipe");
    assert!(kept.contains("ema = 0.75"), "{kept}");
}

#[test]
fn an_old_run_is_resumed_as_the_old_program_resumed_it() {
    let dir = copied();
    let dir = dir.path();
    for (name, _, _, steps) in RUNS {
        let metrics = dir.join("runs").join(name).join("metrics.jsonl");
        let before = lines(&metrics).len();
        ok(dir, &["train", "--plain", "--resume", name, "--steps", &steps.to_string()]);
        let resumed = lines(&metrics).split_off(before);
        let expected = lines(&old(&format!("{name}-resumed.jsonl")));
        assert_eq!(resumed.len(), expected.len(), "{name}");
        for (resumed, expected) in resumed.iter().zip(&expected) {
            for (key, expected) in expected.as_object().expect("an object") {
                is_close(&resumed[key], expected, &format!("{name}, {key}"));
            }
        }
    }
}

/// Checks that a number equals the expected one except for rounding errors, or that each count of a histogram differs from the expected count
/// by at most one.
fn is_close(found: &Value, expected: &Value, what: &str) {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            let counts = |counts: &[Value]| counts.iter().map(|count| count.as_i64().expect("a count")).collect();
            let [found, expected]: [Vec<i64>; 2] = [counts(found), counts(expected)];
            let close = found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1);
            assert!(close, "{what}: {found:?}, expected {expected:?}");
        }
        (Value::Number(number), Value::Number(wanted)) => {
            let [number, wanted] = [number, wanted].map(|number| number.as_f64().expect("a number"));
            let error = (number - wanted).abs();
            assert!(error <= TOLERANCE * wanted.abs().max(1.0), "{what}: {number}, expected {wanted}");
        }
        _ => assert_eq!(found, expected, "{what}"),
    }
}

#[test]
fn an_old_run_is_exported_with_the_weights_of_the_old_export() {
    let dir = copied();
    let dir = dir.path();
    ok(dir, &["export", "conv", "--out", "out"]);
    // Behind the length and the header of JSON.
    let tensors = |file: PathBuf| {
        let bytes = fs::read(file).expect("a file");
        let header = u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"));
        bytes[8 + header as usize..].to_vec()
    };
    assert!(tensors(dir.join("out/generator.safetensors")) == tensors(old("model/generator.safetensors")));
    let [before, now] = [old("model"), dir.join("out")].map(|dir| {
        let bytes = fs::read(dir.join("generator.onnx")).expect("a model");
        Generator::load(&bytes).expect("a good model").card().clone()
    });
    assert_eq!((before.shape, before.classes, before.steps), (now.shape, now.classes, now.steps));
    assert_eq!((before.shape.to_string(), before.data), ("1x28x28".to_owned(), "mnist".to_owned()));
}

#[test]
fn an_old_model_draws_the_same_pictures() {
    let dir = copied();
    let dir = dir.path();
    ok(dir, &["export", "conv", "--out", "out"]);
    let expected = fs::read(old("model/ten.npy")).expect("an array");
    let old_model = old("model/generator.onnx").display().to_string();
    for model in [old_model.as_str(), "out/generator.onnx"] {
        ok(dir, &["sample", "--model", model, "--count", "10", "--seed", "7", "--out", "ten.npy", "--force"]);
        let drawn = fs::read(dir.join("ten.npy")).expect("an array");
        assert_eq!(drawn[..128], expected[..128], "the header");
        // Another CPU may round a pixel to the next grey level.
        assert!(drawn.len() == expected.len() && drawn.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1));
        let text = ok(dir, &["sample", "--model", model, "--digits", "26", "--charset", "ascii"]);
        assert!(text.is_ascii() && text.lines().count() == 14, "{text}");
    }
}
