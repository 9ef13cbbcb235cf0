//! Hours of training with a dashboard: checks that neither process grows in memory or open files. The hours may be divided
//! into sessions, which add up.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use duel_tests::{duel, pty::Pty, recorded::json};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::{signals::send, small};

/// Allowed growth of memory in MB an hour.
const GROWTH_MAX: f64 = 1.0;
/// Hours at the start of a session in which buffers and caches fill, which do not count; a third of a soak of less than an
/// hour and a half.
const FILLING: f64 = 0.5;

/// A row of the table, and a line of `held.jsonl`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Row {
    /// Sessions before this one.
    session: usize,
    /// Hours since the session began.
    hours: f64,
    trainer: Held,
    dashboard: Held,
}

/// Resources of a process: resident memory in MB, and open files.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
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

/// Trains the recipe `digits` with a dashboard until the sessions in `place` last `hours` together, and prints a line each
/// minute. Succeeds if neither process grows within a session. A session that ends early is continued by the next soak in
/// the same place: `place` holds the run and `held.jsonl`.
pub fn soak(hours: f64, place: &Path) -> ExitCode {
    fs::create_dir_all(place).expect("space");
    let file = place.join("held.jsonl");
    let mut rows: Vec<Row> = small::lines(&file).expect("rows of earlier sessions");
    let session = rows.last().map_or(0, |row| row.session + 1);
    let before = hours_of(&rows);
    if before < hours {
        println!("session {}, after {before:.2} of {hours} hours", session + 1);
        let file = OpenOptions::new().append(true).create(true).open(&file).expect("space");
        if !train(session, hours - before, place, file, &mut rows) {
            return ExitCode::FAILURE;
        }
    }
    println!("{} steps in {:.2} hours, {} sessions", last_step(place), hours_of(&rows), session + 1);
    if is_flat(&rows, FILLING.min(hours / 3.0)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Trains for `hours`, and adds rows to the file and to `rows`. Returns whether both processes lived, and ended as they were
/// asked to.
fn train(session: usize, hours: f64, place: &Path, mut file: File, rows: &mut Vec<Row>) -> bool {
    let path = place.join("run").display().to_string();
    let begin = ["--run", &path, "--steps", "100000000", "--set", "record.checkpoint_every=500"];
    let go_on = ["--resume", &path];
    let flags = if place.join("run/recipe.toml").exists() { &go_on[..] } else { &begin[..] };
    let mut trainer = Command::new(duel())
        .args(["train", "--plain"])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("duel");
    while !place.join("run/recipe.toml").exists() && lives(&mut trainer) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let program = duel().display().to_string();
    let mut watcher = Pty::start((120, 40), place, &[], &[program.as_str(), "watch", "--read-only", &path]);
    let whole = Duration::from_secs_f64(3600.0 * hours);
    let apart = Duration::from_secs(60).min(whole / 20);
    let began = Instant::now();
    println!("| minutes | trainer MB | files | dashboard MB | files |\n|---|---|---|---|---|");
    while began.elapsed() < whole {
        watcher.listen(apart);
        watcher.forget();
        let Some((a, b)) = Held::read(trainer.id()).zip(Held::read(watcher.pid())) else { break };
        let hours = began.elapsed().as_secs_f64() / 3600.0;
        let minutes = 60.0 * hours;
        println!("| {minutes:.1} | {:.1} | {} | {:.1} | {} |", a.megabytes, a.files, b.megabytes, b.files);
        let row = Row { session, hours, trainer: a, dashboard: b };
        file.write_all(json(&row).as_bytes()).expect("space");
        rows.push(row);
    }
    let lived = lives(&mut trainer);
    send(&mut trainer, Signal::TERM);
    let ended = trainer.wait().is_ok_and(|status| status.success());
    watcher.press("q");
    let left = watcher.end(Duration::from_secs(20)).is_some_and(|status| status.success());
    lived && ended && left
}

/// Returns the hours of all sessions together.
fn hours_of(rows: &[Row]) -> f64 {
    rows.chunk_by(|a, b| a.session == b.session)
        .filter_map(|session| session.last())
        .fold(0.0, |sum, row| sum + row.hours)
}

/// Prints the growth of both processes after the first `filling` hours of each session, and returns whether there is none.
fn is_flat(rows: &[Row], filling: f64) -> bool {
    let late: Vec<Row> = rows.iter().filter(|row| row.hours > filling).copied().collect();
    let sessions: Vec<&[Row]> = late.chunk_by(|a, b| a.session == b.session).filter(|rows| rows.len() > 2).collect();
    if sessions.is_empty() {
        println!("no session is longer than {:.0} minutes: growth is not known", 60.0 * filling);
        return false;
    }
    type Pick = fn(&Row) -> Held;
    let picks: [(&str, Pick); 2] = [("trainer", |row| row.trainer), ("dashboard", |row| row.dashboard)];
    let flat = picks.map(|(name, pick)| {
        let growth = slope(&sessions, |row| pick(row).megabytes);
        let least = |rows: &[Row]| rows.iter().map(|row| pick(row).files).min();
        let files = sessions.iter().map(|rows| rows.split_at(rows.len() / 2));
        let files: Vec<_> = files.map(|(before, after)| (least(before), least(after))).collect();
        let flat = growth <= GROWTH_MAX && files.iter().all(|(before, after)| before >= after);
        println!("{name}: {growth:+.2} MB an hour, files {files:?}: {}", if flat { "flat" } else { "not flat" });
        flat
    });
    flat == [true; 2]
}

fn lives(trainer: &mut Child) -> bool {
    trainer.try_wait().is_ok_and(|ended| ended.is_none())
}

fn last_step(place: &Path) -> u64 {
    small::newest(&place.join("run")).unwrap_or_default()
}

/// Growth of memory in MB an hour: the common slope, by least squares, of lines that begin anew in each session, because each
/// session has new processes.
fn slope(sessions: &[&[Row]], megabytes: impl Fn(&Row) -> f64) -> f64 {
    let (mut along, mut across) = (0.0, 0.0);
    for rows in sessions {
        let mean = |value: &dyn Fn(&Row) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
        let (hours, level) = (mean(&|row| row.hours), mean(&megabytes));
        for row in *rows {
            along += (row.hours - hours) * (megabytes(row) - level);
            across += (row.hours - hours).powi(2);
        }
    }
    along / across
}
