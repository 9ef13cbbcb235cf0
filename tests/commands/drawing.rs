//! Pictures of classes with names, as files and on a panel.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use duel_tests::{duel, generator, pty::Pty, seeds};
use rustix::process::{Pid, Signal, kill_process};

use super::{entries, err, ok, refused, run};

/// A directory with the model `m.onnx`, which draws coloured discs of 24×16 pixels.
fn with_model() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("m.onnx"), generator::colour()).expect("space");
    dir
}

/// Width, height, bits per channel and colour type in the header of a PNG.
fn header(png: &[u8]) -> (u32, u32, u8, u8) {
    assert!(png.starts_with(b"\x89PNG"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20), png[24], png[25])
}

/// Colour types of PNG.
const GREY: u8 = 0;
const RGB: u8 = 2;

#[test]
fn classes_are_drawn_by_name() {
    let dir = with_model();
    let dir = dir.path();
    let model = ok(dir, &["models", "m.onnx"]);
    assert!(model.contains("class names    red, green, sky blue") && model.starts_with("m.onnx ("), "{model}");
    let sample = |more: &[&'static str]| [&["sample", "--model", "m.onnx"], more].concat();
    ok(dir, &sample(&["--classes", "red,red,sky blue,1", "--out", "row.png"]));
    assert_eq!(header(&fs::read(dir.join("row.png")).expect("a picture")), (4 * 24, 16, 8, RGB));
    ok(dir, &sample(&["--classes", "sky blue,0", "--out", "x.npy"]));
    let labels = fs::read(dir.join("x.labels.npy")).expect("labels");
    assert_eq!(labels[labels.len() - 2..], [2, 0]);
    for (more, code, expected) in [
        (&["--classes", "rde"][..], 1, "discs has no class \"rde\": is it red? Its classes are red, green, sky blue"),
        (&["--digits", "01"], 1, "the classes of discs are red, green, sky blue; use --classes"),
        (&["--digits", "0", "--classes", "0"], 2, "--classes"),
        (&["--each"], 2, "--out"),
        (&["--scale", "65", "--out", "x.png"], 2, "--scale"),
        (&["--scale", "2", "--out", "x.npy"], 1, "--scale"),
        (&["--each", "--out", "each.png"], 1, "--each"),
        (&["--out", "each"], 1, "add --each"),
    ] {
        refused(dir, &sample(more), code, expected);
    }
    assert!(!dir.join("each").exists());
    refused(dir, &["sample", "--model", "article", "--classes", "1"], 1, "article has no classes");
}

#[test]
fn pictures_are_written_to_folders_and_to_stdout() {
    let dir = with_model();
    let dir = dir.path();
    let sample = |more: &[&'static str]| [&["sample", "--model", "m.onnx", "--count", "9"], more].concat();
    assert_eq!(ok(dir, &sample(&["--classes", "red,green,sky blue", "--each", "--out", "set"])), "set\n");
    assert_eq!(entries(&dir.join("set")), ["green", "red", "sky blue"]);
    assert_eq!(entries(&dir.join("set/sky blue")), ["000002.png", "000005.png", "000008.png"]);
    refused(dir, &sample(&["--each", "--out", "set"]), 1, "set: it is not an empty directory");
    let output = run(dir, &sample(&["--out", "-", "--scale", "3"]));
    assert_eq!(header(&output.stdout), (3 * 3 * 24, 3 * 3 * 16, 8, RGB), "{}", err(&output));
    ok(dir, &sample(&["--out", "ink.png", "--scale", "4", "--dither"]));
    assert_eq!(header(&fs::read(dir.join("ink.png")).expect("a picture")), (4 * 3 * 24, 4 * 3 * 16, 1, GREY));
    ok(dir, &sample(&["--out", "walk.gif", "--scale", "2"]));
    // Little-endian width and height of a GIF.
    assert_eq!(fs::read(dir.join("walk.gif")).expect("a GIF")[6..10], [48, 0, 32, 0]);
}

#[test]
fn stdout_takes_one_file_of_each_format_and_a_terminal_none() {
    let dir = with_model();
    let dir = dir.path();
    fs::write(dir.join("few.npy"), seeds::npy(&[40, 8, 8], &seeds::pixels(40 * 64))).expect("space");
    let sample = |more: &[&'static str]| [&["sample", "--model", "m.onnx", "--count", "2"], more].concat();
    for (format, begins) in [("png", &b"\x89PNG"[..]), ("gif", b"GIF89a"), ("npy", b"\x93NUMPY")] {
        let output = run(dir, &[&sample(&["--out", "-", "--format"])[..], &[format]].concat());
        let file = format!("x.{format}");
        ok(dir, &[&sample(&["--out"])[..], &[&file]].concat());
        assert!(output.stdout.starts_with(begins) && output.stdout == fs::read(dir.join(file)).expect("a file"));
    }
    assert!(run(dir, &["data", "few.npy", "--out", "-"]).stdout.starts_with(b"\x89PNG"));
    for (args, expected) in [
        (&["data", "few.npy", "--out", "-", "--json"][..], "--out - and --json: both write to stdout"),
        (&["eval", "digits", "--pictures", "-"], "--pictures -: several files do not fit into stdout"),
        (&["export", "m", "--out", "-"], "--out -: several files do not fit into stdout; name a directory"),
        (&["man", "--out", "-"], "--out -: several files"),
        (&["pack", "--out", "-"], "--out -: several files"),
    ] {
        refused(dir, args, 1, expected);
    }
    let duel = duel().to_str().expect("a path of text");
    for command in [&["sample", "--model", "m.onnx", "--out", "-"][..], &["data", "few.npy", "--out", "-"]] {
        let mut pty = Pty::start((80, 24), dir, &[], &[&[duel], command].concat());
        pty.expect("--out -: stdout is a terminal; redirect it to a file or a pipe");
        assert!(pty.end(Duration::from_secs(5)).is_some_and(|status| !status.success()) && !pty.text().contains("PNG"));
    }
}

/// A command that writes `show/frame.png` for a panel; killed at the end if it still runs.
struct Frame(Child);

impl Frame {
    fn start(dir: &Path, more: &[&str]) -> Self {
        Self::of("frame", dir, &[&["--seed", "5"], more].concat())
    }

    fn of(command: &str, dir: &Path, more: &[&str]) -> Self {
        let mut process = duel_tests::command();
        process.current_dir(dir).args([command, "--model", "m.onnx", "--out", "show/frame.png"]);
        Self(process.args(more).stdin(Stdio::null()).spawn().expect("duel"))
    }

    /// Waits until the file is not `before`, and returns it.
    fn next(dir: &Path, before: &[u8]) -> Vec<u8> {
        let since = Instant::now();
        loop {
            let png = fs::read(dir.join("show/frame.png")).unwrap_or_default();
            // The last chunk of a PNG: whatever is read, it is whole.
            assert!(png.is_empty() || png.ends_with(b"IEND\xaeB`\x82"), "{png:?}");
            if !png.is_empty() && png != before {
                return png;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "no picture");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // Killing a program that has ended is an error without consequence.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_frame_replaces_its_file_until_it_is_asked_to_end() {
    let dir = with_model();
    let dir = dir.path();
    let sample = ["sample", "--model", "m.onnx", "--seed", "5", "--scale", "2", "--classes", "green,red"];
    ok(dir, &[&sample[..], &["--each", "--out", "all"]].concat());
    let expected = ["all/green/000000.png", "all/red/000001.png"].map(|path| fs::read(dir.join(path)).expect(path));
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut frame = Frame::start(dir, &["--scale", "2", "--classes", "green,red", "--every", "1"]);
        let first = Frame::next(dir, b"");
        assert!(first == expected[0] && Frame::next(dir, &first) == expected[1]);
        kill_process(Pid::from_child(&frame.0), signal).expect("a signal");
        assert!(frame.0.wait().expect("it ends").success(), "{signal:?}");
        assert_eq!(entries(&dir.join("show")), ["frame.png"]);
        fs::remove_dir_all(dir.join("show")).expect("there");
    }
    // On the way to the next picture the file changes several times a second.
    let _frame = Frame::start(dir, &["--dither", "--every", "2", "--morph", "2"]);
    let mut shown = vec![Frame::next(dir, b"")];
    while shown.len() < 5 {
        shown.push(Frame::next(dir, &shown[shown.len() - 1]));
    }
    assert!(shown.iter().all(|png| header(png) == (24, 16, 1, GREY)));
}

#[test]
fn a_clock_replaces_its_file_each_minute() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    fs::write(dir.join("m.onnx"), generator::onnx()).expect("space");
    // A minute takes 0.3 seconds.
    let mut clock = Frame::of("clock", dir, &["--speed", "200", "--scale", "2", "--dither"]);
    let first = Frame::next(dir, b"");
    let second = Frame::next(dir, &first);
    // Four digits of 28×28 pixels and a colon of 9.
    assert_eq!([&first, &second].map(|png| header(png)), [(2 * (4 * 28 + 9), 2 * 28, 1, GREY); 2]);
    kill_process(Pid::from_child(&clock.0), Signal::TERM).expect("a signal");
    assert!(clock.0.wait().expect("it ends").success());
    assert_eq!(entries(&dir.join("show")), ["frame.png"]);
    refused(dir, &["clock", "--model", "m.onnx"], 1, "clock needs a terminal, and stdin is none; with --out FILE.png");
    refused(dir, &["clock", "--model", "m.onnx", "--out", "x.gif"], 1, "--out x.gif: expected an extension of .png");
}

#[test]
fn a_frame_without_a_place_to_show_is_refused() {
    let dir = with_model();
    let dir = dir.path();
    for (more, code, expected) in [
        (&[][..], 1, "frame needs a terminal, and stdin is none; with --out FILE.png"),
        (&["--out", "x.gif"], 1, "--out x.gif: expected an extension of .png"),
        (&["--out", "x.png", "--morph", "9", "--every", "8"], 1, "--morph 9"),
        (&["--out", "x.png", "--classes", "blue"], 1, "no class \"blue\""),
        (&["--out", "m.onnx/x.png"], 1, "cannot write m.onnx/x.png"),
        (&["--every", "0"], 2, "--every"),
        (&["--scale", "2"], 2, "--out"),
    ] {
        refused(dir, &[&["frame", "--model", "m.onnx"], more].concat(), code, expected);
        assert_eq!(entries(dir), ["m.onnx"], "{more:?}");
    }
}
