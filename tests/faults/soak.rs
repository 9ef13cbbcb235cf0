//! Hours of training with a dashboard: checks that neither process grows in memory or open files.

use std::{
    fs,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use duel_tests::{duel, pty::Pty};
use rustix::process::Signal;

use crate::signals::send;

/// Allowed growth of memory in MB an hour. The first third of the time does not count.
const GROWTH_MAX: f64 = 1.0;

/// Resources of a process: resident memory in MB, and open files.
#[derive(Debug, Clone, Copy)]
struct Held {
    megabytes: f64,
    files: usize,
}

impl Held {
    fn read(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let kilobytes: f64 =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())?;
        Some(Self { megabytes: kilobytes / 1024.0, files: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() })
    }
}

/// Trains the recipe `digits` for `hours` with a dashboard, and prints a line each minute. Succeeds if neither process grows.
pub fn soak(hours: f64) -> ExitCode {
    let room = tempfile::tempdir().expect("a temporary directory");
    let run = room.path().join("run");
    let path = run.display().to_string();
    let mut trainer = Command::new(duel())
        .args(["train", "--plain", "--run", &path, "--steps", "100000000", "--set", "record.checkpoint_every=500"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("duel");
    while !run.join("recipe.toml").exists() && trainer.try_wait().is_ok_and(|ended| ended.is_none()) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let program = duel().display().to_string();
    let mut watcher = Pty::start((120, 40), room.path(), &[], &[program.as_str(), "watch", "--read-only", &path]);
    let whole = Duration::from_secs_f64(3600.0 * hours);
    let apart = Duration::from_secs(60).min(whole / 20);
    let began = Instant::now();
    let mut seen = Vec::new();
    println!("| minutes | trainer MB | files | dashboard MB | files |\n|---|---|---|---|---|");
    while began.elapsed() < whole {
        watcher.listen(apart);
        watcher.forget();
        let Some(both) = Held::read(trainer.id()).zip(Held::read(watcher.pid())) else { break };
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        let (a, b) = both;
        println!("| {minutes:.1} | {:.1} | {} | {:.1} | {} |", a.megabytes, a.files, b.megabytes, b.files);
        seen.push((minutes / 60.0, both));
    }
    let lived = lives(&mut trainer);
    send(&mut trainer, Signal::TERM);
    let ended = trainer.wait().is_ok_and(|status| status.success());
    watcher.press("q");
    let left = watcher.end(Duration::from_secs(20)).is_some_and(|status| status.success());
    let steps = last_step(&run);
    // Buffers and caches fill in the first third of the time.
    let late = &seen[seen.len() / 3..];
    let held_by = |pick: fn(&(Held, Held)) -> Held| -> Vec<(f64, Held)> {
        late.iter().map(|(at, both)| (*at, pick(both))).collect()
    };
    let flat = [("trainer", held_by(|both| both.0)), ("dashboard", held_by(|both| both.1))].map(|(name, held)| {
        let growth = slope(&held);
        let files = |held: &[(f64, Held)]| held.iter().map(|(_, held)| held.files).min();
        let (before, after) = held.split_at(held.len() / 2);
        let flat = growth <= GROWTH_MAX && files(before) >= files(after);
        println!(
            "{name}: {growth:+.2} MB an hour, files {:?} and then {:?}: {}",
            files(before),
            files(after),
            if flat { "flat" } else { "not flat" }
        );
        flat
    });
    println!("{steps} steps in {:.2} hours", began.elapsed().as_secs_f64() / 3600.0);
    if lived && ended && left && flat == [true; 2] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn lives(trainer: &mut Child) -> bool {
    trainer.try_wait().is_ok_and(|ended| ended.is_none())
}

fn last_step(run: &Path) -> u64 {
    crate::small::newest(run).unwrap_or_default()
}

/// Growth of memory in MB an hour: the slope of a line fitted by least squares.
fn slope(held: &[(f64, Held)]) -> f64 {
    let count = held.len() as f64;
    let mean = |value: fn(&(f64, Held)) -> f64| held.iter().map(value).sum::<f64>() / count;
    let (hours, megabytes) = (mean(|(at, _)| *at), mean(|(_, held)| held.megabytes));
    let (mut along, mut across) = (0.0, 0.0);
    for (at, held) in held {
        along += (at - hours) * (held.megabytes - megabytes);
        across += (at - hours).powi(2);
    }
    along / across
}
