//! Requests to a trainer from a script, and the removal of runs.

use super::{signals::begin, *};

#[test]
fn a_script_controls_a_trainer_and_removes_its_run() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let mut trainer = begin(dir, "");
    let recipe = || fs::read_to_string(dir.join("run/recipe.toml")).expect("a recipe");
    assert_eq!(ok(dir, &["pause", "run"]), "paused\n");
    let paused = fs::read(dir.join("run/metrics.jsonl")).expect("metrics");
    assert_eq!(ok(dir, &["set", "run", "generator.learning_rate=1e-5"]), "generator.learning_rate = 1e-5\n");
    assert!(recipe().contains(": generator.learning_rate = 0.00001"), "{}", recipe());
    refused(dir, &["set", "run", "generator.learning_rate=-1"], 1, "did not set generator.learning_rate = -1: use ");
    refused(dir, &["set", "run", "training.batch=4"], 1, "training.batch");
    refused(dir, &["set", "run", "training.batch"], 2, "key=value");
    assert_eq!(ok(dir, &["checkpoint", "run"]), "checkpoint written\n");
    assert_eq!(fs::read_dir(dir.join("run/checkpoints")).expect("there").count(), 1);
    assert!(paused == fs::read(dir.join("run/metrics.jsonl")).expect("metrics"), "a paused training goes on");
    assert_eq!(ok(dir, &["continue", "run"]), "training goes on\n");
    refused(dir, &["rm", "run"], 1, "a trainer is at work on run: `duel stop run`");
    assert_eq!(ok(dir, &["stop", "run"]), "stopped with a checkpoint\n");
    assert!(trainer.wait().expect("it ends").success());
    refused(dir, &["stop", "run"], 1, "no trainer is at work on run: `duel train --resume run`");
    refused(dir, &["pause", "nowhere"], 1, "no run nowhere");

    train(dir, "other", &["--steps", "5"]);
    fs::write(dir.join("run/mine.txt"), "mine").expect("space");
    refused(dir, &["rm", "other", "run"], 1, "run/mine.txt is no file of a run");
    fs::create_dir(dir.join("empty")).expect("space");
    refused(dir, &["rm", "./empty"], 1, "./empty holds no recipe.toml");
    fs::remove_file(dir.join("run/mine.txt")).expect("it is there");
    ok(dir, &["report", "--quick", "other"]);
    assert_eq!(ok(dir, &["rm", "other", "run"]), "other\nrun\n");
    assert!(!dir.join("run").exists() && !dir.join("other").exists());
}
