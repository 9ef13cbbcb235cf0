//! The commands as a user types them: their output, their exit codes, and the files that they write or leave alone.

mod asks;
mod drawing;
mod notify;
mod old_runs;
mod pictures;
mod quotes;
mod replacing;
mod shapes;
mod signals;
mod sweep;
mod watch;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use duel_tests::{duel, seeds};
use rustix::process::{Pid, Signal, kill_process};

/// Settings of networks so small that a training takes a second.
const SMALL: [&str; 14] = [
    "--recipe",
    "article",
    "--set",
    "generator.hidden=[16]",
    "--set",
    "discriminator.hidden=[16]",
    "--set",
    "generator.latent=8",
    "--set",
    "data.images=200",
    "--set",
    "record.metrics_every=5",
    "--set",
    "evaluation.every=0",
];

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = duel_tests::command();
    command.env("XDG_CACHE_HOME", dir.join("cache")).current_dir(dir).args(args).stdin(Stdio::null());
    command.output().expect("duel runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn ok(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert!(output.status.success(), "{args:?}: {}", err(&output));
    out(&output)
}

/// Runs a command that must fail with this exit code. Its error holds `expected`, and is one line unless clap wrote it (code 2).
fn refused(dir: &Path, args: &[&str], code: i32, expected: &str) {
    let output = run(dir, args);
    let said = err(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(expected), "{args:?}: {expected:?} is not in {said:?}");
    if code == 1 {
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    }
}

/// Trains in the directory `run` below `dir`.
fn train(dir: &Path, run: &str, more: &[&str]) -> String {
    ok(dir, &[&["train", "--run", &format!("./{run}")], &SMALL[..], more].concat())
}

#[test]
fn a_duel_is_trained_exported_and_drawn() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let said = train(dir, "run", &["--steps", "40", "--seed", "3"]);
    assert!(said.contains("duel export ./run"), "{said}");
    let metrics = fs::read_to_string(dir.join("run/metrics.jsonl")).expect("metrics");
    assert_eq!(metrics.lines().count(), 8);
    for file in ["recipe.toml", "events.jsonl", "lock", "samples/00000000.png", "samples/00000040.png"] {
        assert!(dir.join("run").join(file).exists(), "{file}");
    }
    ok(dir, &["export", "run", "--out", "out"]);
    for file in ["generator.onnx", "generator.safetensors", "generator.toml", "README.md", "samples.png"] {
        assert!(dir.join("out").join(file).metadata().expect(file).len() > 100, "{file}");
    }
    ok(dir, &["train", "--recipe", "out/generator.toml", "--run", "again", "--steps", "2"]);
    let text = ok(dir, &["sample", "--model", "out/generator.onnx", "--charset", "ascii", "--count", "2"]);
    assert!(text.is_ascii() && text.lines().count() == 14, "{text}");
    for name in ["a.npy", "b.npy"] {
        ok(dir, &["sample", "--model", "out/generator.onnx", "--count", "300", "--seed", "7", "--out", name]);
    }
    let [a, b] = ["a.npy", "b.npy"].map(|name| fs::read(dir.join(name)).expect("an array"));
    assert_eq!(a.len(), 128 + 300 * 784);
    assert!(a == b);
    let output = run(dir, &["sample", "--model", "out/generator.onnx", "--digits", "2026"]);
    assert!(!output.status.success() && err(&output).contains("--digits"), "{}", err(&output));
}

#[test]
fn a_conditional_generator_is_trained_exported_and_drawn() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let small = [
        "generator.channels=[8, 4]",
        "discriminator.kind=conv",
        "discriminator.channels=[4, 8]",
        "training.conditional=true",
        "training.balanced=true",
        "generator.ema=0.9",
    ];
    for kind in ["generator.kind=mlp", "generator.kind=conv", "generator.growth=nearest"] {
        let settings = small.into_iter().chain(["generator.kind=conv", kind]).flat_map(|setting| ["--set", setting]);
        let arguments: Vec<&str> = settings.chain(["--steps", "30"]).collect();
        train(dir, kind, &arguments);
        // The export compares the pictures that tract draws with those of the network.
        ok(dir, &["export", kind, "--out", "out", "--force"]);
        let model = ["sample", "--force", "--model", "out/generator.onnx"];
        ok(dir, &[&model[..], &["--digits", "2026", "--out", "year.png"]].concat());
        // Width and height of a PNG: four digits in a row.
        let year = fs::read(dir.join("year.png")).expect("a picture");
        assert_eq!(year[16..24], [0, 0, 0, 4 * 28, 0, 0, 0, 28]);
        refused(dir, &[&model[..], &["--digits", "2x", "--out", "x.png"]].concat(), 1, "--digits");
        ok(dir, &[&model[..], &["--count", "50", "--out", "x.npy"]].concat());
        let labels = fs::read(dir.join("x.labels.npy")).expect("labels");
        let labels = &labels[labels.len() - 50..];
        assert!(labels.iter().all(|&label| label < 10) && labels.iter().any(|&label| label != labels[0]));
    }
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    train(dir, "straight", &["--steps", "60"]);
    train(dir, "broken", &["--steps", "25"]);
    ok(dir, &["train", "--resume", "broken", "--steps", "60"]);
    let network = |run: &str| {
        ok(dir, &["export", run, "--out", run.trim_start_matches("./")]);
        fs::read(dir.join(run).join("generator.onnx")).expect("exported")
    };
    assert!(network("straight") == network("broken"));
    let samples = |run: &str| fs::read(dir.join(run).join("samples/00000060.png")).expect("samples");
    assert!(samples("straight") == samples("broken"));
    // A setting that a resume changed stands in the recipe, and the recipe trains the same networks again.
    train(dir, "changed", &["--steps", "25"]);
    ok(dir, &["train", "--resume", "changed", "--steps", "60", "--set", "generator.learning_rate=1e-3"]);
    ok(dir, &["train", "--recipe", "changed/recipe.toml", "--run", "again"]);
    assert!(network("again") == network("changed") && network("again") != network("straight"));
    refused(dir, &["train", "--resume", "straight"], 1, "--steps");
    refused(dir, &["train", "--resume", "straight", "--set", "training.seed=2"], 1, "--set training.seed=2");
}

#[test]
fn the_best_checkpoint_is_kept_and_exported_unless_the_last_is_asked_for() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    // A learning rate that ruins the generator after its first steps; 1,000 held-out pictures, which are soon scored.
    let ruined = ["evaluation.every=10", "generator.learning_rate=0.003", "data.images=59000"];
    let ruined = ruined.iter().flat_map(|setting| ["--set", setting]).chain(["--steps"]).collect::<Vec<_>>();
    train(dir, "straight", &[&ruined[..], &["30"]].concat());
    train(dir, "broken", &[&ruined[..], &["20"]].concat());
    ok(dir, &["train", "--resume", "broken", "--steps", "30"]);
    let evaluations = |run: &str| -> Vec<(u64, f64)> {
        let events = fs::read_to_string(dir.join(run).join("events.jsonl")).expect("events");
        let lines = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let scored = lines.filter(|event| event["event"] == "evaluation");
        scored
            .map(|event| (event["step"].as_u64().unwrap_or(0), event["scores"]["frechet"].as_f64().unwrap_or(f64::NAN)))
            .collect()
    };
    let scores = evaluations("straight");
    assert_eq!(scores.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [10, 20, 30]);
    assert_eq!(evaluations("broken"), scores);
    let best = scores.iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("three");
    assert!(best.0 < 30, "{scores:?}");
    let steps = |flags: &[&str]| {
        ok(dir, &[&["export", "straight", "--out", "out"], flags].concat());
        let card = fs::read_to_string(dir.join("out/README.md")).expect("a card");
        let line = card.lines().find(|line| line.starts_with("| training |")).expect("a line").to_owned();
        line.split(' ').nth(3).and_then(|steps| steps.parse::<u64>().ok()).expect("steps")
    };
    assert_eq!((steps(&[]), steps(&["--last"])), (best.0, 30));
    let file = |run: &str| fs::read(dir.join(run).join("checkpoints/best.safetensors")).expect("the best");
    // Without the header, which holds the seconds that the training took.
    let tensors = |run: &str| {
        let bytes = file(run);
        let header = u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"));
        bytes[8 + header as usize..].to_vec()
    };
    assert!(tensors("straight") == tensors("broken"));
}

#[test]
fn an_interrupt_writes_a_checkpoint_and_prints_the_command_that_resumes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let arguments = [&["train", "--run", "./run", "--plain", "--steps", "100000000"], &SMALL[..]].concat();
    let mut command = duel_tests::command();
    command.current_dir(dir).args(arguments);
    let mut trainer = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("duel");
    let since = Instant::now();
    while fs::read(dir.join("run/metrics.jsonl")).map_or(true, |lines| lines.is_empty()) {
        assert!(since.elapsed() < Duration::from_secs(60), "no metrics");
        thread::sleep(Duration::from_millis(10));
    }
    refused(dir, &["train", "--resume", "run"], 1, "another trainer is at work on run");
    refused(dir, &["train", "--run", "run"], 1, "another trainer is at work on run");
    kill_process(Pid::from_child(&trainer), Signal::INT).expect("a signal");
    assert!(trainer.wait().expect("it ends").success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut trainer.stdout.take().expect("piped"), &mut said).expect("text");
    assert!(said.contains("duel train --resume ./run"), "{said}");
    assert_eq!(fs::read_dir(dir.join("run/checkpoints")).expect("there").count(), 1);
}

#[test]
fn a_detached_trainer_trains_to_the_end() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let said = train(dir, "run", &["--detach", "--steps", "30"]);
    assert!(said.contains("duel watch ./run"), "{said}");
    let since = Instant::now();
    while !fs::read_to_string(dir.join("run/events.jsonl")).is_ok_and(|events| events.contains("\"why\":\"done\"")) {
        assert!(since.elapsed() < Duration::from_secs(60), "the training does not end");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn wrong_arguments_are_refused_in_one_line_and_leave_no_files() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    fs::create_dir(dir.join("empty")).expect("space");
    fs::write(dir.join("no.onnx"), "not a model").expect("space");
    fs::write(dir.join("bad.toml"), "[training]\nbatches = 3").expect("space");
    fs::create_dir(dir.join("few")).expect("space");
    fs::write(dir.join("few/images-idx3-ubyte"), seeds::images(15)).expect("space");
    let before = entries(dir);
    for (args, code, expected) in [
        (&["train", "--set", "training.batches=64"][..], 1, "training.batch"),
        (&["train", "--set", "generator.learning_rate=-1"], 1, "generator.learning_rate"),
        (&["train", "--recipe", "article", "--set", "training.batch=6000"], 1, "training.batch"),
        (&["train", "--set", "data.images=60001"], 1, "data.images"),
        (&["train", "--recipe", "article", "--set", "training.batch=1"], 1, "training.batch = 1: batch norm of dense"),
        (&["train", "--recipe", "artcle"], 1, "one of"),
        (&["train", "--recipe", "missing.toml"], 1, "missing.toml"),
        (&["train", "--recipe", "bad.toml"], 1, "training.batches"),
        (&["train", "--data", "empty"], 1, "no pictures in"),
        (&["train", "--data", "nowhere"], 1, "nowhere"),
        (&["train", "--resume", "nowhere"], 1, "nowhere"),
        (&["train", "--device", "abacus"], 2, "--device"),
        (&["train", "--steps", "many"], 2, "--steps"),
        (&["train", "--run", "/proc/run"], 1, "--run"),
        (&["train", "--data", "a\nb"], 1, "data.source"),
        (&["train", "--resume", "empty", "--data", "empty"], 1, "empty holds no run"),
        (&["train", "--bench", "--run", "run"], 2, "--run"),
        (&["watch", "--plain", "--every=-5"], 2, "--every"),
        (&["eval", "few"], 1, "15 images"),
        (&["eval", "empty"], 1, "empty is no run, and has no images-idx3-ubyte"),
        (&["export", "nowhere"], 1, "nowhere"),
        (&["eval", "article", "--cas"], 1, "--cas"),
        (&["sample", "--model", "no.onnx"], 1, "no.onnx"),
        (&["sample", "--model", "missing.onnx"], 1, "missing.onnx"),
        (&["sample", "--count", "0"], 1, "--count"),
        (&["sample", "--count", "2000", "--out", "x.gif"], 1, "--count"),
        (&["frobnicate"], 2, "frobnicate"),
    ] {
        refused(dir, args, code, expected);
        assert_eq!(entries(dir), before, "{args:?}");
    }
}

#[test]
fn bad_idx_files_are_refused_by_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let header = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let good = [header(&[0x803, 40, 28, 28]), vec![0; 40 * 784]].concat();
    let cut = good[..good.len() - 1].to_vec();
    let sized = [header(&[0x803, 40, 28, 200]), vec![0; 40 * 5600]].concat();
    let magic = [header(&[0x801, 40, 28, 28]), vec![0; 40 * 784]].concat();
    let huge = header(&[0x803, u32::MAX, 28, 28]);
    let labels = |count: u32| [header(&[0x801, count]), vec![0; count as usize]].concat();
    for (images, count, expected) in [
        (&cut, 40, "train-images-idx3-ubyte"),
        (&sized, 40, "a width of 200 pixels"),
        (&magic, 40, "magic"),
        (&huge, 40, "4294967295"),
        (&good, 41, "40 images and 41 labels"),
    ] {
        fs::write(dir.join("train-images-idx3-ubyte"), images).expect("space");
        fs::write(dir.join("train-labels-idx1-ubyte"), labels(count)).expect("space");
        refused(dir, &["train", "--data", ".", "--set", "data.images=0"], 1, expected);
        assert!(!dir.join("runs").exists());
    }
}

#[test]
fn a_run_finds_its_images_again_from_anywhere() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    for (at, name) in [("here", "images"), ("there", "none")] {
        fs::create_dir_all(dir.join(at).join(name)).expect("space");
    }
    fs::write(dir.join("here/images/train-images-idx3-ubyte"), seeds::images(200)).expect("space");
    fs::write(dir.join("here/images/train-labels-idx1-ubyte"), seeds::labels(200)).expect("space");
    train(&dir.join("here"), "../run", &["--set", "data.source=images", "--set", "data.images=150", "--steps", "2"]);
    ok(&dir.join("there"), &["train", "--resume", "../run", "--steps", "4"]);
    // The data are moved, and then other data stand in their new place.
    fs::rename(dir.join("here/images"), dir.join("moved")).expect("a directory");
    refused(
        dir,
        &["train", "--resume", "run", "--steps", "6"],
        1,
        "if the data of run were moved, name their new place",
    );
    let moved = |steps| ["train", "--resume", "run", "--data", "moved", "--steps", steps];
    ok(dir, &moved("6"));
    ok(dir, &["train", "--resume", "run", "--steps", "8"]);
    refused(dir, &["train", "--resume", "run", "--data", "mnist", "--steps", "10"], 1, "leave --data out");
    let mut other = seeds::images(200);
    *other.last_mut().expect("pixels") ^= 1;
    fs::write(dir.join("moved/train-images-idx3-ubyte"), other).expect("space");
    refused(dir, &moved("10"), 1, "moved holds other pictures than those of data.fingerprint = ");
    ok(dir, &[&moved("10")[..], &["--set", "data.fingerprint=auto"]].concat());
    ok(dir, &["train", "--resume", "run", "--steps", "12"]);
    // A bundled data set does not move.
    train(dir, "bundled", &["--steps", "2"]);
    refused(dir, &["train", "--resume", "bundled", "--data", "moved", "--steps", "4"], 1, "trains on mnist");
}

#[test]
fn a_resume_that_moves_the_schedule_tells_both_rates_before_it_trains() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let linear = ["training.schedule=linear", "generator.learning_rate=1e-4", "discriminator.learning_rate=1e-4"];
    let linear: Vec<&str> = linear.into_iter().flat_map(|setting| ["--set", setting]).collect();
    train(dir, "run", &[&linear[..], &["--steps", "40"]].concat());
    let said = err(&run(dir, &["train", "--plain", "--resume", "run", "--steps", "80"]));
    let told = "generator.learning_rate from 2e-6 to 1e-4";
    assert!(said.lines().next().is_some_and(|first| first.contains(told)), "{said}");
    assert!(fs::read_to_string(dir.join("run/events.jsonl")).expect("events").contains(told));
    let lines = fs::read_to_string(dir.join("run/metrics.jsonl")).expect("metrics");
    let rates = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let rates: Vec<f64> = rates.filter_map(|line| line["g_learning_rate"].as_f64()).collect();
    // Metrics are of steps 5, 10, …: the ninth is of step 45, after the resume.
    assert!(rates[7] < 7e-6 && rates[8] > 9e-5, "{rates:?}");
}

#[test]
fn a_run_under_runs_is_found_by_its_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    // A directory ./mine without a run does not hide runs/mine.
    fs::create_dir(dir.join("mine")).expect("space");
    let said = ok(dir, &[&["train", "--run", "mine", "--steps", "2"], &SMALL[..]].concat());
    assert!(said.contains("`duel export runs/mine`"), "{said}");
    refused(dir, &["train", "--run", "mine"], 1, "runs/mine holds a run");
    ok(dir, &["train", "--resume", "mine", "--steps", "4"]);
    ok(dir, &["export", "mine", "--out", "out"]);
    assert!(dir.join("out/generator.onnx").exists() && entries(&dir.join("mine")).is_empty());
    // A run in a folder has the name that `duel runs` lists.
    train(dir, "runs/sweep/first", &["--steps", "2"]);
    let listed = ok(dir, &["runs"]);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["RUN", "sweep/first", "mine"]);
    ok(dir, &["train", "--resume", "sweep/first", "--steps", "4"]);
    refused(dir, &["train", "--run", "sweep/first"], 1, "runs/sweep/first holds a run");
    // A run at ./NAME comes before one under ./runs, and a path under neither.
    train(dir, "mine", &["--steps", "2"]);
    assert_eq!(ok(dir, &["report", "--quick", "mine"]), "mine/report.html\n");
    refused(dir, &["report", "./sweep/first"], 1, "no run ./sweep/first");
    // The shell completes the same names.
    let mut shell = Command::new(duel());
    shell.env("DUEL_COMPLETE", "fish").current_dir(dir).args(["--", "duel", "watch", "swee"]);
    let completed = out(&shell.output().expect("duel runs"));
    assert!(completed.starts_with("sweep/first\ta run, done"), "{completed}");
}

#[test]
fn a_folder_without_runs_is_no_error() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let listed = |args: &[&str]| {
        let output = run(dir, args);
        assert!(output.status.success() && err(&output) == "no runs yet: `duel train` begins one\n");
        out(&output)
    };
    for is_there in [false, true] {
        assert_eq!((listed(&["runs"]), listed(&["runs", "--json"])), (String::new(), String::new()), "{is_there}");
        assert_eq!(listed(&["runs", "--csv"]), "run,state,step,steps,touched,recipe\r\n");
        fs::create_dir_all(dir.join("runs")).expect("space");
    }
    refused(dir, &["runs", "rnus"], 1, "cannot list rnus: it does not exist: this folder has runs: is that meant?");
}

#[test]
fn a_report_is_one_file_whose_path_is_printed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    for name in ["runs/a", "runs/b"] {
        train(dir, name, &["--steps", "20"]);
    }
    assert_eq!(ok(dir, &["report", "--quick", "runs/a"]), "runs/a/report.html\n");
    let page = fs::read_to_string(dir.join("runs/a/report.html")).expect("a page");
    assert!(page.contains("20 of 20") && !page.contains("://"), "{page}");
    // Runs may be given by name, as for `duel watch`.
    let said = ok(dir, &["report", "--quick", "a", "b", "--figures", "docs"]);
    assert_eq!(said.lines().last(), Some("report.html"), "{said}");
    for name in ["a-losses.svg", "a-digits.png", "b-opinions.svg", "b-value.svg"] {
        assert!(said.contains(name) && dir.join("docs").join(name).exists(), "{name}: {said}");
    }
    fs::create_dir(dir.join("empty")).expect("a directory");
    refused(dir, &["report", "empty"], 1, "no run empty");
    refused(dir, &["report", "runs/c"], 1, "no run runs/c");
    refused(dir, &["report", "runs/a", "runs/../runs/a"], 1, "the same file names");
    refused(dir, &["report"], 2, "RUN");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let pipe = format!("{} recipes article | head -n 1", duel().display());
    let output = Command::new("bash").args(["-o", "pipefail", "-c", &pipe]).output().expect("bash");
    assert!(output.status.success(), "{}", err(&output));
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .expect("there")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
