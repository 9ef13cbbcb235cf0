//! A trainer that is killed: at a random moment, at a random system call, in the middle of a write. The files that it leaves must be whole,
//! and the resumed run must equal the reference.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use duel_models::random::Stream;
use duel_tests::duel;

use crate::{
    Form,
    small::{STEPS, Small, newest, start},
    table::Table,
};

/// A way to kill a trainer.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// SIGKILL at this time after its start.
    Moment(Duration),
    /// SIGKILL when it makes this system call for the n-th time.
    Call(&'static str, usize),
    /// SIGXFSZ when a file would grow beyond this number of bytes; a part of the file is left.
    Size(u64),
}

/// System calls that change a run directory, and about how many of each a training makes.
const CALLS: [(&str, usize); 6] =
    [("write", 370), ("openat", 250), ("fsync", 100), ("rename", 50), ("unlink", 28), ("mkdir", 3)];

/// Kills each run one to three times, and then resumes it to its end.
pub fn all(small: &Small, table: &mut Table, form: Form, seed: u64) {
    let runs = if form == Form::Full { 200 } else { 6 };
    let dies = |purpose: &'static str, death: fn(&mut Stream) -> Death| {
        move |time: u64| {
            let mut stream = Stream::new(seed, purpose).item(time);
            let deaths: Vec<Death> = (0..1 + stream.below(3)).map(|_| death(&mut stream)).collect();
            die_and_resume(small, &deaths).map_err(|why| format!("{deaths:?}: {why}"))
        }
    };
    let moment = |stream: &mut Stream| Death::Moment(Duration::from_micros(stream.below(400_000) as u64));
    table.fault("killed at a random moment", runs, dies("moments", moment));
    let call = |stream: &mut Stream| {
        let (call, count) = CALLS[stream.below(CALLS.len())];
        Death::Call(call, 1 + stream.below(count))
    };
    table.fault("killed at a random system call", runs / 2, dies("calls", call));
    let size = |stream: &mut Stream| Death::Size(stream.below(630_000) as u64);
    table.fault("killed in the middle of a write", runs / 2, dies("sizes", size));
}

fn die_and_resume(small: &Small, deaths: &[Death]) -> Result<(), String> {
    let dir = small.path("killed");
    let _ = fs::remove_dir_all(&dir);
    for &death in deaths {
        let ended = die(&small.go_on("killed"), death)?;
        if dir.exists() {
            small.check(&dir)?;
        }
        if ended {
            return small.check_done(&dir);
        }
        if dir.join("checkpoints").exists() && newest(&dir)? == STEPS {
            break;
        }
    }
    if newest(&dir).is_ok_and(|step| step == STEPS) {
        return small.check(&dir);
    }
    let ended = start(&small.go_on("killed")).wait_with_output().map_err(|error| error.to_string())?;
    if !ended.status.success() {
        return Err(format!("it does not go on: {}", String::from_utf8_lossy(&ended.stderr)));
    }
    small.check_done(&dir)
}

/// Starts a trainer and kills it. Returns whether the trainer had already finished.
fn die(arguments: &[String], death: Death) -> Result<bool, String> {
    let mut command = match death {
        Death::Moment(_) => Command::new(duel()),
        Death::Call(call, nth) => {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
            strace.arg(format!("inject={call}:signal=KILL:when={nth}")).arg(duel());
            strace
        }
        Death::Size(bytes) => {
            let mut limited = Command::new("prlimit");
            limited.arg(format!("--fsize={bytes}")).arg("--core=0").arg(duel());
            limited
        }
    };
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut trainer = command.spawn().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if let Death::Moment(after) = death {
        thread::sleep(after);
        // Killing a trainer that has ended is an error without consequence.
        let _ = trainer.kill();
    }
    let ended = trainer.wait_with_output().map_err(|error| error.to_string())?;
    match (ended.status.code(), ended.status.signal()) {
        (Some(0), _) => Ok(true),
        (_, Some(_)) => Ok(false),
        _ => Err(format!("it failed by itself: {}", String::from_utf8_lossy(&ended.stderr))),
    }
}
