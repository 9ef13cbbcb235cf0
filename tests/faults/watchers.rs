//! A benchmark: the speed of a trainer alone and with ten watchers, measured in turn. The trainer has one thread and a core of
//! its own: the watchers stay on the core on which the benchmark was started.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use duel_tests::{duel, pty::Pty};
use duel_trainer::run::record::Metrics;
use rustix::process::Signal;

use crate::{signals::done, small::lines};

/// The core of the trainer.
const CORE: &str = "0";

/// Measurements without watchers, and as many with them.
const TURNS: usize = 5;

/// Prints images per second without watchers, and with ten: eight that print each record, a dashboard, and a stopped dashboard.
pub fn bench() {
    let room = tempfile::tempdir().expect("a temporary directory");
    let mut ratios = Vec::new();
    println!("| turn | alone, images/s | ten watchers, images/s | ratio |\n|---|---|---|---|");
    for turn in 1..=TURNS {
        let [alone, watched] = [false, true].map(|watched| speed(&room.path().join("run"), watched));
        ratios.push(watched / alone);
        println!("| {turn} | {alone:.0} | {watched:.0} | {:.3} |", watched / alone);
    }
    ratios.sort_by(f64::total_cmp);
    let [least, median, greatest] = [0, TURNS / 2, TURNS - 1].map(|at| ratios[at]);
    println!("the median of the ratios: {median:.3}, all from {least:.3} to {greatest:.3}");
}

fn speed(run: &Path, watched: bool) -> f64 {
    let _ = fs::remove_dir_all(run);
    fs::create_dir(run).expect("space");
    let path = run.display().to_string();
    let program = duel().display().to_string();
    let arguments = [
        "--cpu-list",
        CORE,
        &program,
        "train",
        "--plain",
        "--recipe",
        "article",
        "--run",
        &path,
        "--steps",
        "4000",
        "--set",
        "record.metrics_every=10",
    ];
    let mut trainer = Command::new("taskset");
    trainer.args(arguments).env("RAYON_NUM_THREADS", "1").stdin(Stdio::null()).stdout(Stdio::null());
    let trainer = trainer.stderr(Stdio::piped()).spawn().expect("taskset, of util-linux");
    let (mut watchers, mut screens) = (Vec::new(), Vec::new());
    if watched {
        for _ in 0..8 {
            let watch = Command::new(duel()).args(["watch", "--json", &path]).stdout(Stdio::null()).spawn();
            watchers.push(watch.expect("duel"));
        }
        let screen = || Pty::start((80, 24), run, &[], &[program.as_str(), "watch", "--read-only", &path]);
        screens.extend([screen(), screen()]);
        screens[0].listen(Duration::from_millis(200));
        screens[1].signal(Signal::STOP);
    }
    let reads = std::thread::spawn(move || {
        // Reads the output of the dashboard: if nobody read it, the dashboard would wait for its terminal.
        if let Some(screen) = screens.first_mut() {
            screen.listen(Duration::from_secs(5));
        }
        screens
    });
    done(trainer).expect("a training");
    drop(reads.join());
    for mut watcher in watchers {
        watcher.wait().expect("a watcher");
    }
    let metrics = lines::<Metrics>(&run.join("metrics.jsonl")).expect("metrics");
    metrics.last().map_or(0.0, |last| last.images as f64 / last.seconds)
}
