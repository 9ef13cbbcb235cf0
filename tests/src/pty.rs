//! A pseudo-terminal on which a test runs the program, presses keys and reads the screen.

use std::{
    ffi::OsStr,
    fs::{self, File},
    num::NonZero,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, openpt, ptsname, unlockpt},
    termios::{self, LocalModes, Winsize},
};

/// Time that a test waits for a text on the screen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program on its own terminal, as the leader of its own session.
pub struct Pty {
    master: Option<OwnedFd>,
    child: Child,
    screen: vt100::Parser,
    /// Bytes that the program has written since the last [`forget`](Self::forget).
    pub output: Vec<u8>,
}

impl Pty {
    /// Starts a program on a terminal of these columns and rows (80×24 if it says 0×0), in the directory `dir`, with these environment variables set.
    pub fn start<S: AsRef<OsStr>>(
        (columns, rows): (u16, u16),
        dir: &Path,
        variables: &[(&str, &str)],
        command: &[S],
    ) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        unlockpt(&master).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("a name");
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty());
        let slave = File::from(slave.expect("a terminal"));
        resize(&master, columns, rows);
        let stdio = || slave.try_clone().expect("a terminal");
        // `setsid --ctty` becomes the program without forking: its process id is the program's.
        let child = Command::new("setsid")
            .arg("--ctty")
            .args(command)
            .current_dir(dir)
            .env_remove("NO_COLOR")
            .envs([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LC_ALL", "C.UTF-8")])
            .env("XDG_CONFIG_HOME", crate::NO_DEFAULTS)
            .envs(variables.iter().copied())
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .expect("setsid, of util-linux");
        Self {
            master: Some(master),
            child,
            screen: vt100::Parser::new(cells(rows, 24), cells(columns, 80), 0),
            output: Vec::new(),
        }
    }

    fn master(&self) -> &OwnedFd {
        self.master.as_ref().expect("a terminal that is still there")
    }

    /// Reads the output of the program for `time`.
    pub fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if !self.read(left) {
                std::thread::sleep(left.min(Duration::from_millis(20)));
            }
        }
    }

    /// Reads once, and waits for output at most for `wait`. Returns false if the terminal has no writer any more.
    fn read(&mut self, wait: Duration) -> bool {
        let timespec = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
        let mut fds = [PollFd::new(self.master(), PollFlags::IN)];
        if poll(&mut fds, Some(&timespec)).unwrap_or(0) == 0 {
            return true;
        }
        let mut bytes = [0; 65536];
        match rustix::io::read(self.master(), &mut bytes) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.output.extend_from_slice(&bytes[..count]);
                self.screen.process(&bytes[..count]);
                true
            }
        }
    }

    /// Waits until this text is on the screen.
    ///
    /// # Panics
    /// If it is not there in time.
    pub fn expect(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.shows(text) {
            let left = until.checked_duration_since(Instant::now());
            let left =
                left.unwrap_or_else(|| panic!("no {text:?} on the screen:\n{}", self.screen.screen().contents()));
            if !self.read(left) {
                assert!(self.shows(text), "no {text:?} at the end:\n{}", self.screen.screen().contents());
            }
        }
    }

    /// Waits until the program has written these bytes since the last [`forget`](Self::forget).
    ///
    /// # Panics
    /// If it has not in time.
    pub fn receive(&mut self, bytes: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.text().contains(bytes) {
            let left = until.checked_duration_since(Instant::now());
            self.read(left.unwrap_or_else(|| panic!("no {bytes:?} in {:?}", self.text())));
        }
    }

    /// Tells whether this text is on the screen, in one row.
    pub fn shows(&self, text: &str) -> bool {
        self.screen.screen().contents().contains(text)
    }

    /// The output since the last [`forget`](Self::forget) as text, escape sequences included.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Forgets the output so far.
    pub fn forget(&mut self) {
        self.output.clear();
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        rustix::io::write(self.master(), keys.as_bytes()).expect("a write");
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.screen_mut().set_size(cells(rows, 24), cells(columns, 80));
        resize(self.master(), columns, rows);
    }

    /// Closes the terminal while the program runs.
    pub fn vanish(&mut self) {
        self.master = None;
    }

    /// Tells whether the terminal is in the mode that a shell expects: it gives input line by line, and echoes it.
    pub fn is_cooked(&self) -> bool {
        let modes = termios::tcgetattr(self.master()).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("a process");
    }

    /// Waits until the program ends; none if it still runs after `within`.
    pub fn end(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                while self.master.is_some() && self.has_more() && self.read(Duration::ZERO) {}
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            match self.master {
                Some(_) => drop(self.read(Duration::from_millis(10))),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn has_more(&self) -> bool {
        let mut fds = [PollFd::new(self.master(), PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).unwrap_or(0) > 0 && fds[0].revents().contains(PollFlags::IN)
    }

    /// The processor time that the program has used.
    pub fn cpu(&self) -> Duration {
        cpu(self.pid())
    }

    /// The peak of the resident memory of the program, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Killing a program that has ended is an error without consequence.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the rows or columns of the screen for those that the terminal says.
fn cells(count: u16, default: u16) -> NonZero<u16> {
    NonZero::new(count).or(NonZero::new(default)).expect("not zero")
}

fn resize(master: &OwnedFd, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    termios::tcsetwinsize(master, size).expect("a terminal");
}

/// Processor time of a process, in user and system mode: proc(5), /proc/pid/stat, at 100 ticks a second.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}
