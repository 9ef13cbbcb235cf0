//! Full disks, and directories that are or become read-only.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Lines},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    thread,
};

use duel_models::random::Stream;
use duel_tests::duel;
use duel_trainer::run::record::{Event, EventKind};
use rustix::process::Signal;

use crate::{
    Form,
    signals::{done, send},
    small::{Small, complaints, lines, names, start},
    table::Table,
};

pub fn all(small: &Small, table: &mut Table, form: Form, seed: u64) {
    let times = if form == Form::Full { 20 } else { 2 };
    let size = |name: &'static str, time| 40 + Stream::new(seed, name).item(time).below(1200);
    table.fault("the disk is full until the end", times, |time| full(small, size("full", time), false));
    table.fault("the disk is full for a while", times, |time| full(small, size("crowded", time), true));
    table.fault("write permission lost until the end", times, |_| without_rights(small, false));
    table.fault("write permission lost for a while", times, |_| without_rights(small, true));
    table.fault("a directory that is read-only", 1, |_| read_only(small));
}

fn command(arguments: &[&str]) -> Result<(), String> {
    let ended = Command::new(arguments[0]).args(&arguments[1..]).output().map_err(|error| error.to_string())?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr))),
    }
}

/// A mount. Dropping the value unmounts it.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(dir: &'a Path, options: &[&str]) -> Result<Self, String> {
        fs::create_dir_all(dir).map_err(|error| error.to_string())?;
        let dir_name = dir.display().to_string();
        command(&[&["mount"], options, &[&dir_name]].concat())?;
        Ok(Self(dir))
    }

    fn change(&self, options: &str) -> Result<(), String> {
        command(&["mount", "-o", &format!("remount,{options}"), &self.0.display().to_string()])
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        // A mount that cannot be removed here ends with the mount namespace of the test.
        let _ = command(&["umount", "--lazy", &self.0.display().to_string()]);
    }
}

/// A trainer whose stderr is read.
struct Heard {
    trainer: Child,
    words: Lines<BufReader<ChildStderr>>,
}

impl Heard {
    fn new(mut command: Command, arguments: &[String]) -> Result<Self, String> {
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut trainer = command.spawn().map_err(|error| error.to_string())?;
        let words = trainer.stderr.take().ok_or("no stderr")?;
        Ok(Self { trainer, words: BufReader::new(words).lines() })
    }

    /// Waits until the trainer reports that something is not saved, and stops it there with SIGSTOP; false if it ended without a report.
    fn stop_when_not_saved(&mut self) -> bool {
        let reported = self.words.by_ref().map_while(Result::ok).any(|line| line.starts_with("not saved since step "));
        if reported {
            send(&mut self.trainer, Signal::STOP);
        }
        reported
    }

    /// Continues the trainer until it ends; returns its exit code and its errors.
    fn end(mut self) -> Result<(Option<i32>, Vec<String>), String> {
        send(&mut self.trainer, Signal::CONT);
        let words: Vec<String> = self.words.map_while(Result::ok).collect();
        let ended = self.trainer.wait().map_err(|error| error.to_string())?;
        Ok((ended.code(), complaints(words.join("\n").as_bytes())))
    }
}

/// Checks the end of a trainer that could not save everything: one line says so, and the exit code is 1.
fn reports_loss((code, said): (Option<i32>, Vec<String>)) -> Result<(), String> {
    if code == Some(1) && said.len() == 1 { Ok(()) } else { Err(format!("exit {code:?}: {said:?}")) }
}

/// Checks the end of a trainer that could save everything.
fn reports_success((code, said): (Option<i32>, Vec<String>)) -> Result<(), String> {
    if code == Some(0) && said.is_empty() { Ok(()) } else { Err(format!("exit {code:?}: {said:?}")) }
}

/// Checks a run that could not be written for a while: it holds everything, and an event reports the trouble.
fn has_recovered(small: &Small, dir: &Path) -> Result<(), String> {
    small.check_done(dir)?;
    let is_report = |event: &Event| matches!(&event.kind, EventKind::Warning { what, .. } if what == "not saved");
    if !lines::<Event>(&dir.join("events.jsonl"))?.iter().any(is_report) {
        return Err("no event says that something was not saved".to_owned());
    }
    Ok(())
}

/// Trains on a disk of `kilobytes` kB. The disk gets more room when the trainer reports that it is full (`for_a_while`), or after the
/// trainer has ended.
fn full(small: &Small, kilobytes: usize, for_a_while: bool) -> Result<(), String> {
    let disk = small.path("disk");
    let _ = fs::remove_dir_all(&disk);
    let mount = Mount::new(&disk, &["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "none"])?;
    let dir = disk.join("run");
    let mut trainer = Heard::new(Command::new(duel()), &small.train("disk/run", &[]))?;
    let reported = trainer.stop_when_not_saved();
    if reported && for_a_while {
        mount.change("size=64m")?;
        reports_success(trainer.end()?).map_err(|why| format!("{kilobytes} kB: {why}"))?;
        return has_recovered(small, &dir).map_err(|why| format!("{kilobytes} kB: {why}"));
    }
    let ended = trainer.end()?;
    small.is_whole(&dir).map_err(|why| format!("{kilobytes} kB: {why}"))?;
    if ended.0 == Some(0) && !reported {
        // The disk was large enough.
        return small.check_done(&dir);
    }
    reports_loss(ended).map_err(|why| format!("{kilobytes} kB: {why}"))?;
    mount.change("size=64m")?;
    done(start(&small.go_on("disk/run")))?;
    small.check_done(&dir).map_err(|why| format!("{kilobytes} kB: {why}"))
}

/// Takes the write permission from a run directory while the trainer runs. The trainer runs without the capabilities with which root can
/// write into a read-only directory.
fn without_rights(small: &Small, for_a_while: bool) -> Result<(), String> {
    let dir = small.path("rights");
    let _ = fs::remove_dir_all(&dir);
    let rights = |mode| {
        let set = |folder| fs::set_permissions(dir.join(folder), Permissions::from_mode(mode));
        ["samples", "checkpoints", ""].into_iter().try_for_each(set).map_err(|error| error.to_string())
    };
    let mut powerless = Command::new("setpriv");
    powerless.arg("--bounding-set=-dac_override,-dac_read_search").arg(duel());
    let mut trainer = Heard::new(powerless, &small.train("rights", &[]))?;
    while fs::metadata(dir.join("events.jsonl")).map_or(0, |file| file.len()) == 0 {
        if trainer.trainer.try_wait().map_or(true, |ended| ended.is_some()) {
            return Err("it ended before it began".to_owned());
        }
        thread::yield_now();
    }
    rights(0o500)?;
    let reported = trainer.stop_when_not_saved();
    if for_a_while {
        rights(0o700)?;
        return match reported {
            true => reports_success(trainer.end()?).and_then(|()| has_recovered(small, &dir)),
            false => Err("it did not say that it cannot save".to_owned()),
        };
    }
    reports_loss(trainer.end()?)?;
    small.is_whole(&dir)?;
    rights(0o700)?;
    done(start(&small.go_on("rights")))?;
    small.check_done(&dir)
}

/// Checks that no run begins or resumes in a read-only directory, and that the files there do not change.
fn read_only(small: &Small) -> Result<(), String> {
    let dir = small.path("reference");
    let before = names(&dir)?;
    let text = dir.display().to_string();
    let mount = Mount::new(&dir, &["--bind", &text])?;
    mount.change("ro,bind")?;
    let more = ["--steps", "700"].map(str::to_owned);
    for arguments in [[&small.go_on("reference")[..], &more].concat(), small.train("reference/new", &[])] {
        reports_loss(Heard::new(Command::new(duel()), &arguments)?.end()?)?;
    }
    if names(&dir)? != before {
        return Err(format!("it holds {:?} now", names(&dir)?));
    }
    Ok(())
}
