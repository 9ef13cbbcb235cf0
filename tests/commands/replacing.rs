//! Files that stand where a command writes: those of the same run are replaced, others only with `--force`.

use std::fs;

use duel_tests::seeds;

use super::{entries, ok, refused, train};

#[test]
fn an_export_replaces_earlier_ones_of_its_run_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    for name in ["runs/a", "runs/b"] {
        train(dir, name, &["--steps", "5"]);
    }
    let said = ok(dir, &["export", "a"]);
    assert_eq!(said.lines().next(), Some("export/a/generator.toml"), "{said}");
    ok(dir, &["train", "--resume", "a", "--steps", "8"]);
    ok(dir, &["export", "a"]);
    let onnx = || fs::read(dir.join("export/a/generator.onnx")).expect("a model");
    let before = onnx();
    refused(dir, &["export", "b", "--out", "export/a"], 1, "generator.toml exists and is not of an export of this run");
    assert!(onnx() == before);
    ok(dir, &["export", "b", "--out", "export/a", "--force"]);
    assert!(onnx() != before);
    for file in ["generator.onnx", "README.md", "samples.png"] {
        let place = format!("stranger-{file}");
        fs::create_dir(dir.join(&place)).expect("space");
        fs::write(dir.join(&place).join(file), "mine").expect("space");
        refused(dir, &["export", "a", "--out", &place], 1, &format!("{place}/{file} exists"));
        assert_eq!(entries(&dir.join(&place)), [file]);
    }
    // A README of the user's own in the directory of an export.
    ok(dir, &["export", "b"]);
    fs::write(dir.join("export/b/README.md"), "# Mine").expect("space");
    refused(dir, &["export", "b"], 1, "export/b/README.md exists");
}

#[test]
fn samples_pages_and_packs_replace_nothing_of_others() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    for name in ["runs/a", "runs/b"] {
        train(dir, name, &["--steps", "5"]);
    }
    for file in ["mine.png", "mine.gif", "mine.npy", "labels.labels.npy", "idx/images-idx3-ubyte"] {
        fs::create_dir_all(dir.join("idx")).expect("space");
        fs::write(dir.join(file), "mine").expect("space");
        let out = file.replace("labels.labels", "labels").replace("/images-idx3-ubyte", "");
        let sample = ["sample", "--model", "digits", "--count", "2", "--out", &out];
        refused(dir, &sample, 1, &format!("{file} exists: choose another place, or replace it with --force"));
        assert_eq!(fs::read(dir.join(file)).expect("a file"), b"mine");
        ok(dir, &[&sample[..], &["--force"]].concat());
        assert_ne!(fs::read(dir.join(file)).expect("a file"), b"mine");
    }
    fs::write(dir.join("few.npy"), seeds::npy(&[40, 8, 8], &seeds::pixels(40 * 64))).expect("space");
    for (args, file) in [
        (&["data", "few.npy", "--out", "sheet.png"][..], "sheet.png"),
        (&["watch", "a", "--snapshot", "a.svg"], "a.svg"),
        (&["eval", "a", "--pictures", "."], "nearest.png"),
    ] {
        fs::write(dir.join(file), "mine").expect("space");
        refused(dir, args, 1, &format!("{file} exists: choose another place, or replace it with --force"));
        assert_eq!(fs::read(dir.join(file)).expect("a file"), b"mine");
        // To score the samples of a run takes too long for a test.
        if args[0] != "eval" {
            ok(dir, &[args, &["--force"]].concat());
            assert_ne!(fs::read(dir.join(file)).expect("a file"), b"mine");
        }
    }
    assert!(ok(dir, &["report", "--quick", "a", "--out", "-"]).starts_with("<!DOCTYPE html>"));
    let report = |more: &[&'static str]| [&["report", "--quick"], more].concat();
    for again in [["a"], ["a"]] {
        ok(dir, &report(&again));
        ok(dir, &report(&[&again[..], &["b", "--out", "both.html"]].concat()));
    }
    refused(dir, &report(&["a", "--out", "both.html"]), 1, "both.html exists and is not a page about the same runs");
    ok(dir, &report(&["a", "--out", "both.html", "--force"]));
    ok(dir, &report(&["a", "--figures", "docs"]));
    refused(dir, &report(&["a", "--figures", "docs"]), 1, "docs/a-");
    ok(dir, &report(&["a", "--figures", "docs", "--force"]));
    fs::create_dir(dir.join("pi")).expect("space");
    fs::write(dir.join("pi/duel"), "mine").expect("space");
    refused(dir, &["pack", "--out", "pi"], 1, "pi/duel exists and is not of `duel pack`");
    refused(dir, &["pack", "--out", "pi", "--force"], 1, "duel pack builds from duel's sources");
    let guide = include_str!("../../tui/pack/INSTALL.md");
    fs::write(dir.join("pi/INSTALL.md"), guide).expect("space");
    refused(dir, &["pack", "--out", "pi"], 1, "duel pack builds from duel's sources");
}
