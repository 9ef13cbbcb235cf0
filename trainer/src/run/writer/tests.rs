//! The tests of the writer.

use std::{fs::OpenOptions, io::Write};

use super::*;
use crate::run::{
    paths::checkpoints,
    record::{Ending, RequestKind},
};

fn picture(grey: u8) -> Picture {
    Picture { width: 4, height: 3, channels: 1, pixels: vec![grey; 12] }
}

fn recipe() -> Recipe {
    let recipe = Recipe::load("article", &[]).expect("shipped");
    recipe.for_shape("1x28x28".parse().expect("a shape")).expect("the shape of digits")
}

#[test]
fn a_run_is_created_once_locked_and_resumed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let run = dir.path().join("run");
    let writer = Writer::create(&run, &recipe()).expect("a new run");
    assert!(matches!(Writer::create(&run, &recipe()), Err(RunError::Locked(_))));
    assert!(matches!(Writer::resume(&run), Err(RunError::Locked(_))));
    drop(writer);
    assert!(matches!(Writer::create(&run, &recipe()), Err(RunError::Exists(_))));
    assert_eq!(Writer::resume(&run).expect("a run").1, recipe());
    assert!(matches!(Writer::resume(dir.path()), Err(RunError::Missing(_))));
}

#[test]
fn a_resume_removes_a_partial_line() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
    writer.add_event(3, EventKind::Stopped { why: Ending::Asked, error: None }).expect("space");
    drop(writer);
    let path = dir.path().join("events.jsonl");
    let whole = fs::read(&path).expect("events");
    fs::write(&path, [&whole[..], b"{\"time\":1"].concat()).expect("space");
    drop(Writer::resume(dir.path()).expect("a run"));
    assert_eq!(fs::read(&path).expect("events"), whole);
}

#[test]
fn samples_of_later_steps_are_removed_but_nothing_behind_a_link() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (run, other) = (dir.path().join("run"), dir.path().join("other"));
    let writer = Writer::create(&run, &recipe()).expect("a new run");
    let names = ["00000010.png", "00000020.png", "00000030.png", "00000030.json", "notes.txt"];
    let samples = run.join("samples");
    names.iter().for_each(|name| fs::write(samples.join(name), "x").expect("space"));
    let left = |folder: &Path| names.map(|name| folder.join(name).exists());
    writer.remove_samples_after(20);
    assert_eq!(left(&samples), [true, true, false, false, true]);
    fs::rename(&samples, &other).expect("space");
    std::os::unix::fs::symlink(&other, &samples).expect("a link");
    writer.remove_samples_after(0);
    assert_eq!(left(&other), [true, true, false, false, true]);
}

#[test]
fn old_checkpoints_and_temporary_files_are_removed_and_the_best_is_kept() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let recipe = recipe().with(&["record.checkpoints_kept=2".to_owned()]).expect("a key");
    let mut writer = Writer::create(dir.path(), &recipe).expect("a new run");
    writer.write_best(b"best".to_vec()).expect("space");
    for step in 1..=4 {
        writer.write_checkpoint(step, b"bytes".to_vec()).expect("space");
    }
    assert_eq!(writer.take_written().len(), 5);
    let names: Vec<_> = checkpoints(dir.path()).expect("there");
    let expected = [3, 4].map(|step| dir.path().join(format!("checkpoints/{step:08}.safetensors")));
    assert_eq!(names, expected);
    assert_eq!(fs::read_dir(dir.path().join("checkpoints")).expect("there").count(), 3);
    assert_eq!(fs::read(dir.path().join(BEST)).expect("there"), b"best");
}

#[test]
fn requests_before_the_start_are_skipped() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("control.jsonl");
    fs::create_dir_all(dir.path()).expect("space");
    // More bytes than are read at a time.
    fs::write(&path, "{\"id\":\"old\",\"ask\":\"stop\"}\n".repeat(5000)).expect("space");
    let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
    assert_eq!(writer.requests().expect("readable"), []);
    assert_eq!(writer.requests().expect("readable"), []);
    let mut file = OpenOptions::new().append(true).open(&path).expect("there");
    file.write_all(b"nonsense\n{\"id\":\"a\",\"ask\":\"pause\"}\n{\"id\":\"b\",").expect("space");
    assert_eq!(writer.requests().expect("readable"), [Request { id: "a".into(), kind: RequestKind::Pause }]);
    file.write_all(b"\"ask\":\"continue\"}\n").expect("space");
    assert_eq!(writer.requests().expect("readable"), [Request { id: "b".into(), kind: RequestKind::Continue }]);
}

#[test]
fn a_checkpoint_waits_for_earlier_files() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let run = dir.path().join("run");
    let mut writer = Writer::create(&run, &recipe()).expect("a new run");
    fs::remove_dir(run.join("samples")).expect("empty");
    writer.write_samples(50, &picture(7)).expect("it waits");
    writer.write_checkpoint(40, b"older".to_vec()).expect("it waits");
    writer.write_best(b"best".to_vec()).expect("it waits");
    writer.write_checkpoint(50, b"bytes".to_vec()).expect("it replaces the older one");
    assert!(writer.take_written().is_empty() && checkpoints(&run).expect("there").is_empty());
    fs::create_dir(run.join("samples")).expect("space");
    writer.retry().expect("space");
    assert_eq!(writer.take_written(), [BEST, "checkpoints/00000050.safetensors"]);
    assert!(run.join("samples/00000050.png").exists() && checkpoints(&run).expect("there").len() == 1);
}

#[test]
#[cfg(unix)]
fn nothing_is_written_through_a_symbolic_link() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (run, other) = (dir.path().join("run"), dir.path().join("other"));
    drop(Writer::create(&run, &recipe()).expect("a new run"));
    fs::write(&other, "half a line").expect("space");
    for name in ["metrics.jsonl", "events.jsonl", "lock"] {
        let path = run.join(name);
        fs::remove_file(&path).expect("it is there");
        std::os::unix::fs::symlink(&other, &path).expect("space");
        assert!(Writer::resume(&run).expect_err(name).to_string().contains("it is a link"));
        fs::remove_file(&path).expect("it is there");
    }
    let mut writer = Writer::resume(&run).expect("a run").0;
    let temporary = run.join(format!("recipe.toml.{}.tmp", std::process::id()));
    std::os::unix::fs::symlink(&other, temporary).expect("space");
    writer.write_recipe(&recipe(), |_| false).expect("space");
    assert_eq!(fs::read_to_string(&other).expect("it is there"), "half a line");
    drop(writer);
    for folder in ["samples", CHECKPOINTS] {
        let path = run.join(folder);
        fs::remove_dir(&path).expect("empty");
        std::os::unix::fs::symlink(dir.path(), &path).expect("space");
        assert!(Writer::resume(&run).expect_err(folder).to_string().contains("it is a link"));
        fs::remove_file(&path).expect("a link");
    }
}

#[test]
fn a_file_that_cannot_be_written_waits_and_is_reported_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let run = dir.path().join("run");
    let mut writer = Writer::create(&run, &recipe()).expect("a new run");
    fs::remove_dir(run.join("samples")).expect("empty");
    writer.write_samples(50, &picture(7)).expect("it waits");
    assert!(writer.take_failure().is_some_and(|why| why.contains("samples/00000050.png")));
    assert_eq!((writer.take_failure(), writer.check_saved().is_err()), (None, true));
    fs::create_dir(run.join("samples")).expect("space");
    writer.retry().expect("space");
    writer.check_saved().expect("all is written");
    assert!(run.join("samples/00000050.png").exists());
}
