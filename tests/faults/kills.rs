//! Killed anywhere: at a random moment, at a random system call, in the middle of a write. What is there is whole, and the run that
//! goes on equals one that was never touched.

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

/// How a trainer dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// By SIGKILL, so long after its start.
    Moment(Duration),
    /// By SIGKILL, as it makes such a system call for the n-th time.
    Call(&'static str, usize),
    /// By SIGXFSZ, when a file would have more bytes than this: half of it is there.
    Size(u64),
}

/// System calls that change a run directory, and about as many of them as a training makes.
const CALLS: [(&str, usize); 6] =
    [("write", 370), ("openat", 250), ("fsync", 100), ("rename", 50), ("unlink", 28), ("mkdir", 3)];

/// Each run dies up to three times, then goes on to its end.
pub fn all(small: &Small, table: &mut Table, form: Form, seed: u64) {
    let runs = if form == Form::Full { 200 } else { 6 };
    let dies = |purpose: &'static str, of: fn(&mut Stream) -> Death| {
        move |time: u64| {
            let mut stream = Stream::new(seed, purpose).item(time);
            let deaths: Vec<Death> = (0..1 + stream.below(3)).map(|_| of(&mut stream)).collect();
            dies_and_goes_on(small, &deaths).map_err(|why| format!("{deaths:?}: {why}"))
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

fn dies_and_goes_on(small: &Small, deaths: &[Death]) -> Result<(), String> {
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

/// Whether the trainer came to its end before it died.
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
        // One that has ended already cannot be killed.
        let _ = trainer.kill();
    }
    let ended = trainer.wait_with_output().map_err(|error| error.to_string())?;
    match (ended.status.code(), ended.status.signal()) {
        (Some(0), _) => Ok(true),
        (_, Some(_)) => Ok(false),
        _ => Err(format!("it failed by itself: {}", String::from_utf8_lossy(&ended.stderr))),
    }
}
