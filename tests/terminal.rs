//! `duel` on a pseudo-terminal: the built program gets keys and signals, and its screen is read.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use duel_tests::{
    duel, generator,
    pty::Pty,
    recorded::{Kind, at, json, record, record_long},
};
use duel_trainer::run::paths;
use rustix::process::Signal;

/// Escape sequences: enter the alternate screen, leave it, show the cursor.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";

/// Writes a recorded run; returns the directory that holds `runs`, and the run.
fn run(kind: Kind) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("runs").join("recorded");
    record(kind, &dir);
    (home, dir)
}

/// Starts `duel` with these arguments on a terminal of `size` columns and rows.
fn start(home: &Path, size: (u16, u16), arguments: &[&str]) -> Pty {
    let duel = duel().to_str().expect("a path of text");
    Pty::start(size, home, &[], &[&[duel], arguments].concat())
}

/// A stand-in for a trainer: a process that holds the lock of a run until it is killed.
struct Trainer(Child);

impl Trainer {
    fn on(dir: &Path) -> Self {
        let lock = dir.join("lock");
        let flock = Command::new("flock").arg("--no-fork").arg(&lock).args(["sleep", "1000"]).spawn();
        let trainer = Self(flock.expect("flock, of util-linux"));
        let until = Instant::now() + Duration::from_secs(10);
        while File::open(&lock).expect("a lock").try_lock_shared().is_ok() {
            assert!(Instant::now() < until, "flock does not take the lock");
            std::thread::sleep(Duration::from_millis(10));
        }
        trainer
    }

    /// Kills it as the kernel does when memory runs out.
    fn kill(&mut self) {
        self.0.kill().expect("a child");
        self.0.wait().expect("a child");
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Checks that the program has restored the screen, the cursor and the mode of the terminal.
fn assert_restored(pty: &Pty) {
    let (left, shown) = (pty.text().rfind(LEAVE), pty.text().rfind(CURSOR));
    assert!(left.is_some() && shown.is_some(), "screen and cursor are restored: {:?}", pty.text());
    assert!(left > pty.text().rfind(ENTER), "the alternate screen is not entered again");
    assert!(pty.is_cooked(), "lines and echo are as before");
}

#[test]
fn the_dashboard_starts_takes_keys_and_leaves_a_summary() {
    let (home, _dir) = run(Kind::Healthy);
    let mut pty = start(home.path(), (80, 24), &["watch"]);
    pty.expect("losses");
    pty.expect("draw -1.386");
    assert!(pty.text().contains(ENTER) && !pty.is_cooked());
    for (keys, text) in
        [("2", "grids"), ("\x1b[D", "19,000"), ("3", "log(1 - D)"), ("4", "frechet"), ("5/stop\r", "1 of 7 events")]
    {
        pty.press(keys);
        pty.expect(text);
    }
    pty.press("?");
    pty.expect("everywhere");
    pty.press("qq");
    assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
    assert_restored(&pty);
    pty.expect("recorded is done: step 20,000 of 20,000");
    assert!(pty.shows("duel export runs/recorded"));
}

#[test]
fn the_dashboard_follows_the_size_of_the_terminal() {
    let (home, _dir) = run(Kind::Killed);
    let mut pty = start(home.path(), (80, 24), &["watch"]);
    pty.expect("gradient norms");
    pty.resize(200, 50);
    pty.expect("parameters");
    pty.resize(40, 10);
    pty.expect("duel needs 60 x 16");
    pty.press("q");
    assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
}

#[test]
fn a_terminal_that_says_0x0_is_drawn_on_as_80x24_until_it_knows_better() {
    let (home, _dir) = run(Kind::Healthy);
    fs::write(home.path().join("m.onnx"), generator::onnx()).expect("a write");
    for (command, text, later) in [
        (&["watch"][..], "losses", "parameters"),
        (&["explore", "--model", "m.onnx"], "between neighbours", "between neighbours"),
        (&["clock", "--model", "m.onnx"], "▀▀▀▀", "▀▀▀▀"),
    ] {
        let mut pty = start(home.path(), (0, 0), command);
        pty.expect(text);
        pty.resize(200, 50);
        pty.expect(later);
        pty.press("q");
        assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
    }
}

#[test]
fn the_dashboard_shows_a_killed_trainer_within_two_seconds() {
    let (home, dir) = run(Kind::Killed);
    let mut trainer = Trainer::on(&dir);
    let mut pty = start(home.path(), (80, 24), &["watch", "runs/recorded"]);
    pty.expect("running");
    trainer.kill();
    let killed = Instant::now();
    pty.expect("duel train --resume runs/recorded");
    assert!(pty.shows("crashed") && killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
}

#[test]
fn the_title_says_run_and_step_and_the_bell_rings_at_the_end_unless_it_is_off() {
    for (bell, rings) in [("on", true), ("off", false)] {
        let (home, dir) = run(Kind::Killed);
        let (mut trainer, mut pty) = (Trainer::on(&dir), start(home.path(), (80, 24), &["watch", "--bell", bell]));
        pty.receive("\x1b[22;2t\x1b]2;recorded: step 10,000 of 20,000\x07");
        trainer.kill();
        pty.receive("\x1b]2;recorded: crashed at step 10,000\x07");
        pty.press("q");
        assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
        assert!(pty.text().contains("\x1b[23;2t"), "the title is restored");
        let others = pty.text().replace("10,000 of 20,000\x07", "").replace("at step 10,000\x07", "");
        assert_eq!(others.contains('\x07'), rings, "--bell {bell}: {others:?}");
    }
}

#[test]
fn signals_end_the_dashboard_and_the_terminal_is_restored() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let (home, _dir) = run(Kind::Healthy);
        let mut pty = start(home.path(), (80, 24), &["watch"]);
        pty.expect("losses");
        pty.signal(signal);
        assert!(pty.end(Duration::from_secs(2)).is_some(), "{signal:?} ends it");
        assert_restored(&pty);
    }
}

#[test]
fn the_dashboard_ends_with_its_terminal_and_the_training_goes_on() {
    let (home, dir) = run(Kind::Killed);
    let mut trainer = Trainer::on(&dir);
    let duel = duel().to_str().expect("a path of text");
    // Once with SIGHUP, once where SIGHUP is ignored, as under nohup.
    for ignored in ["", "trap '' HUP; "] {
        let script = format!("{ignored}exec {duel} watch");
        let mut pty = Pty::start((80, 24), home.path(), &[], &["sh", "-c", &script]);
        pty.expect("running");
        pty.vanish();
        assert!(pty.end(Duration::from_secs(2)).is_some(), "{ignored:?}");
    }
    assert!(trainer.0.try_wait().expect("a child").is_none());
}

#[test]
fn the_dashboard_suspends_and_continues() {
    let (home, _dir) = run(Kind::Healthy);
    let variables = [("PS1", "$ "), ("HISTFILE", "/dev/null")];
    let mut pty = Pty::start((80, 24), home.path(), &variables, &["bash", "--norc", "--noprofile", "-i"]);
    pty.press(&format!("{} watch\n", duel().display()));
    pty.expect("losses");
    pty.forget();
    pty.press("\x1a");
    pty.expect("Stopped");
    assert!(pty.text().find(LEAVE) < pty.text().find("Stopped") && pty.text().contains(CURSOR));
    pty.press("fg\n");
    pty.expect("losses");
    pty.press("q");
    pty.expect("is done");
    pty.press("echo $((40 + 2)) back\n");
    pty.expect("42 back");
}

#[test]
fn the_dashboard_writes_little_and_nothing_when_idle() {
    let (home, dir) = run(Kind::Killed);
    let _trainer = Trainer::on(&dir);
    let mut pty = start(home.path(), (80, 24), &["watch"]);
    pty.expect("running");
    pty.listen(Duration::from_secs(1));
    let mut metrics = OpenOptions::new().append(true).open(dir.join("metrics.jsonl")).expect("a file");
    pty.forget();
    let (began, cpu) = (Instant::now(), pty.cpu());
    for line in 1..=32 {
        metrics.write_all(json(&at(Kind::Killed, 10_000 + line * 50)).as_bytes()).expect("a write");
        pty.listen(Duration::from_millis(250));
    }
    let seconds = began.elapsed().as_secs_f64();
    let (bytes, load) = (pty.output.len() as f64 / seconds, (pty.cpu() - cpu).as_secs_f64() / seconds);
    println!("four lines a second: {bytes:.0} bytes/s, {:.1} % of a core", load * 100.0);
    assert!(bytes < 10_000.0, "{bytes} bytes/s");
    // 2 % of a core when built for release.
    assert!(load < 0.05, "{load}");

    pty.listen(Duration::from_secs(1));
    pty.forget();
    let cpu = pty.cpu();
    pty.listen(Duration::from_secs(5));
    println!("idle: {} bytes, {:?} of a core in 5 s", pty.output.len(), pty.cpu() - cpu);
    assert_eq!(pty.output.len(), 0, "{:?}", pty.text());
}

#[test]
fn a_million_lines_open_soon_and_take_little_memory() {
    let home = tempfile::tempdir().expect("a directory");
    // The build must not count as time to open.
    duel();
    let open = |name: &str, lines: u64, shown: &str| {
        record_long(&home.path().join(name), lines);
        let began = Instant::now();
        let mut pty = start(home.path(), (80, 24), &["watch", name]);
        pty.expect(shown);
        let (opened, cpu) = (began.elapsed(), pty.cpu());
        println!("{shown} lines: {opened:?}, {cpu:?} of cores, {} MB", pty.peak_memory() / 1_000_000);
        assert!(pty.peak_memory() < 60_000_000, "{}", pty.peak_memory());
        pty.press("q");
        pty.end(Duration::from_secs(5)).expect("q leaves");
        cpu
    };
    // The time grows with the number of lines, and no faster; docs/speed.md has the measured times.
    let (tenth, whole) = (open("tenth", 100_000, "100,000"), open("long", 1_000_000, "1,000,000"));
    assert!(whole < 20 * tenth, "{tenth:?} {whole:?}");
}

#[test]
fn requests_reach_the_trainer_and_its_answers_reach_the_screen() {
    let (home, dir) = run(Kind::Killed);
    let _trainer = Trainer::on(&dir);
    let mut pty = start(home.path(), (80, 24), &["watch"]);
    pty.expect("running");
    // A paste without brackets, one with brackets, and an answer of the terminal (OSC 11) in two pieces.
    pty.receive("\x1b[?2004h");
    for text in
        ["cd runs/first\r", "\x1b", "c7y", "\x1b", "\x1b[200~c7\x19\x1b[201~", "\x1b]11;rgb:1", "c1c/1c1c/1c1c\x1b\\"]
    {
        pty.press(text);
        pty.listen(Duration::from_millis(200));
    }
    assert!(!dir.join("control.jsonl").exists(), "text that nobody typed asks the trainer");
    pty.press("c1\x19");
    pty.expect("asked the trainer to pause");
    let request = fs::read_to_string(dir.join("control.jsonl")).expect("a request");
    let id = request.split('"').nth(3).expect("an id");
    assert!(request.contains(r#""ask":"pause""#), "{request}");
    let answer = format!(r#"{{"time":1,"step":10000,"event":"answer","id":"{id}","done":true,"message":"waiting"}}"#);
    let mut events = OpenOptions::new().append(true).open(dir.join("events.jsonl")).expect("a file");
    writeln!(events, "{answer}").expect("a write");
    pty.expect("trainer: waiting");
    assert!(pty.shows("paused"));
    pty.press("q");
    pty.end(Duration::from_secs(5)).expect("q leaves");

    let mut pty = start(home.path(), (80, 24), &["watch", "--read-only"]);
    pty.expect("paused");
    pty.press("c1\x19");
    pty.listen(Duration::from_millis(500));
    assert_eq!(fs::read_to_string(dir.join("control.jsonl")).expect("requests").lines().count(), 1);
}

#[test]
fn leaving_the_dashboard_of_train_keeps_the_trainer_running() {
    let home = tempfile::tempdir().expect("a directory");
    let mut pty =
        start(home.path(), (80, 24), &["train", "--recipe", "article", "--run", "runs/mine", "--steps", "1000000"]);
    pty.expect("running");
    pty.expect("images/s");
    pty.press("q");
    pty.expect("the training is still running");
    pty.press("1");
    assert!(pty.end(Duration::from_secs(5)).expect("it leaves").success());
    assert_restored(&pty);
    pty.expect("come back with `duel watch runs/mine`");

    let mut pty = start(home.path(), (80, 24), &["watch"]);
    pty.expect("running");
    for (keys, text) in [
        ("c1\x19", "paused"),
        ("c1\x19", "running"),
        ("c33e-4\r\x19", "trainer: discriminator.learning_rate = 3e-4"),
        ("c3-1\r", "-1 is not allowed; use a number from 0 to 10"),
        ("\x7f\x7f2e-4\r\x19", "trainer: discriminator.learning_rate = 2e-4"),
        ("c2\x19", "checkpoint written"),
        ("c", "discriminator.learning_rate, now 0.0002"),
        ("7", "stop: the trainer"),
        ("\x19", "stopped"),
    ] {
        pty.press(keys);
        pty.expect(text);
    }
    pty.press("q");
    assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
    pty.expect("go on with `duel train --resume runs/mine`");
    // The new learning rate stands in the recipe, so a resume uses it.
    let kept = paths::read_recipe(&home.path().join("runs/mine")).expect("a recipe");
    assert_eq!(kept.at(u64::MAX).discriminator.learning_rate, 2e-4);
}

#[test]
fn explore_takes_keys_and_writes_pictures() {
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("m.onnx"), generator::onnx()).expect("a write");
    let mut pty = start(home.path(), (80, 24), &["explore", "--model", "m.onnx"]);
    pty.expect("between neighbours");
    for (keys, text) in [
        ("7", "class 7"),
        ("i", "mark two points first"),
        ("m\x1b[C\x1b[Bw", "wrote explore-1.png"),
        ("nmi", "from mark to mark"),
        ("w", "wrote explore-1.gif"),
    ] {
        pty.press(keys);
        pty.expect(text);
    }
    pty.resize(40, 5);
    pty.expect("needs");
    pty.listen(Duration::from_millis(500));
    pty.forget();
    pty.listen(Duration::from_secs(2));
    assert_eq!(pty.output.len(), 0, "nothing is drawn without a key");
    pty.press("q");
    assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
    assert_restored(&pty);
    let file = |name: &str| fs::read(home.path().join(name)).expect(name);
    assert!(file("explore-1.png").starts_with(b"\x89PNG") && file("explore-1.gif").starts_with(b"GIF89a"));
}

#[test]
fn the_clock_takes_little_processor_time() {
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("m.onnx"), generator::onnx()).expect("a write");
    let mut pty = start(home.path(), (200, 24), &["clock", "--model", "m.onnx"]);
    pty.expect("▀▀▀▀");
    pty.listen(Duration::from_secs(1));
    let cpu = pty.cpu();
    pty.forget();
    pty.listen(Duration::from_secs(10));
    let (bytes, load) = (pty.output.len() / 10, (pty.cpu() - cpu).as_secs_f64() / 10.0);
    println!("the clock, with seconds: {bytes} bytes/s, {:.1} % of a core", load * 100.0);
    assert!(bytes > 0, "the time is drawn");
    // 1 % of a core when built for release.
    assert!(load < 0.02, "{load}");
    pty.press("q");
    assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
    assert_restored(&pty);
}

#[test]
fn a_frame_shows_pictures_at_any_size_and_restores_the_terminal() {
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("m.onnx"), generator::colour()).expect("a write");
    let arguments = ["frame", "--model", "m.onnx", "--seed", "1", "--classes", "red,sky blue", "--every", "60"];
    let mut pty = start(home.path(), (80, 24), &arguments);
    pty.expect("▀▀▀▀");
    pty.listen(Duration::from_secs(1));
    pty.forget();
    pty.listen(Duration::from_secs(1));
    assert_eq!(pty.output.len(), 0, "nothing is drawn while a picture rests");
    // Space begins the morph, and ends it.
    for _ in 0..2 {
        pty.press(" ");
        pty.listen(Duration::from_millis(500));
        assert!(!pty.output.is_empty(), "another picture is drawn");
        pty.forget();
    }
    for (columns, rows) in [(3, 2), (200, 50), (1, 1), (40, 10)] {
        pty.resize(columns, rows);
        pty.expect("▀");
    }
    pty.press("q");
    assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
    assert_restored(&pty);

    let mut pty = start(home.path(), (80, 24), &arguments);
    pty.expect("▀▀▀▀");
    println!("peak memory: {} kB", pty.peak_memory() / 1024);
    pty.signal(Signal::TERM);
    assert!(pty.end(Duration::from_secs(2)).expect("SIGTERM ends it").success());
    assert_restored(&pty);
}

#[test]
fn a_terminal_without_term_is_told_so() {
    let (home, _dir) = run(Kind::Healthy);
    let duel = duel().to_str().expect("a path of text");
    for (command, expected) in [
        (&["watch"][..], "lines in place of the dashboard: TERM is not set (try TERM=xterm-256color)"),
        (&["explore"], "explore needs a terminal, and TERM is not set"),
        (&["clock"], "clock needs a terminal, and TERM is not set"),
        (&["frame"], "frame needs a terminal, and TERM is not set"),
    ] {
        let mut pty = Pty::start((120, 24), home.path(), &[("TERM", "")], &[&[duel], command].concat());
        pty.expect(expected);
    }
}
