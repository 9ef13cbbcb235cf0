//! Untrusted input: good files that are damaged at random, given to the commands that read them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use duel_models::random::Stream;
use duel_tests::{
    duel, generator,
    pty::Pty,
    recorded,
    seeds::{self, Door, mutated},
};
use duel_trainer::recipe::Source;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Form,
    small::{STEPS, Small, complaints, start},
    table::{Table, Verdict},
};

/// Memory in bytes that a command may take unless it trains or scores.
const MEMORY_MAX: u64 = 256 << 20;
/// Processor time that a refusal may take, in a build with debug assertions.
const WORK_MAX: Duration = Duration::from_secs(1);
/// Processor time after which `duel eval` has surely accepted its input and scores 10,000 images. The test kills it then.
const SCORES: Duration = Duration::from_secs(3);
/// Time after which a command counts as hanging, even on a busy machine.
const HANGS: Duration = Duration::from_secs(60);

pub fn all(small: &Small, table: &mut Table, form: Form, seed: u64) {
    let times = if form == Form::Full { 300 } else { 12 };
    let few = times / 12;
    let room = Room(small.path("inputs"));
    let stream = |name: &'static str, time: u64| Stream::new(seed, name).item(time);
    table.input("a model: duel sample", times, |time| {
        let file = room.write("model.onnx", &mutated(&models(), &mut stream("sample", time)));
        room.run(&["sample", "--count", "1", "--model", &file], Work::Little)
    });
    table.input("a model: duel eval", few, |time| {
        let file = room.write("model.onnx", &mutated(&models(), &mut stream("eval", time)));
        room.run(&["eval", &file], Work::Scores)
    });
    data(&room, table, times, seed);
    table.input("a recipe: duel recipes", times, |time| {
        let file = room.write("recipe.toml", &mutated(&Door::Recipe.seeds(), &mut stream("recipe", time)));
        room.run(&["recipes", &file], Work::Little)
    });
    table.input("a recipe: duel train --recipe", times, |time| {
        let file = room.write("recipe.toml", &mutated(&[SMALL.as_bytes().to_owned()], &mut stream("trained", time)));
        let data = room.good_images();
        room.train(&["--recipe", &file, "--data", &data])
    });
    table.input("a setting: duel train --set", times, |time| {
        let mut stream = stream("settings", time);
        let settings =
            ["generator.latent=8", "training.batch=4", "training.loss=hinge", "generator.learning_rate=1e-4"];
        let lines = settings.map(|setting| setting.as_bytes().to_owned());
        let setting = String::from_utf8_lossy(&mutated(&lines, &mut stream)).replace('\0', "");
        let data = room.good_images();
        let small =
            ["--set=evaluation.every=0", "--set=data.images=0", "--set=training.batch=2", "--set=generator.hidden=[8]"];
        room.train(&[&["--recipe", "article", "--data", &data][..], &small, &[&format!("--set={setting}")]].concat())
    });
    table.input("a checkpoint: duel train --resume", times, |time| {
        let run = room.run_of_checkpoint(&mut stream("checkpoint", time));
        room.run(&["train", "--plain", "--resume", &run, "--steps", "3"], Work::Trains)
    });
    table.input("a run directory: duel watch --plain", times, |time| {
        let run = room.run_of_lines(&mut stream("watch", time));
        room.run(&["watch", "--plain", &run], Work::Little)
    });
    table.input("a run directory: duel runs", times, |time| {
        room.run_of_lines(&mut stream("runs", time));
        room.run(&["runs", &room.0.display().to_string()], Work::Little)
    });
    table.input("records and samples: the dashboard", few, |time| room.dashboard(&mut stream("pictures", time)));
    table.input("requests: a trainer", few, |time| asked(small, &mut stream("requests", time)));
    let nothing = nothings();
    table.input("a pipe, directory or device in place of a file", nothing.len() as u64, |time| {
        room.no_file(nothing[time as usize])
    });
}

/// Damaged data sets.
fn data(room: &Room, table: &mut Table, times: u64, seed: u64) {
    const SMALL: [&str; 3] = ["--set=data.images=0", "--set=training.batch=2", "--set=evaluation.every=0"];
    let stream = |name: &'static str, time: u64| Stream::new(seed, name).item(time);
    table.input("images: duel train --data", times, |time| {
        let dir = room.images(&mut stream("data", time), ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]);
        room.train(&[&["--recipe", "article", "--data", &dir], &SMALL[..]].concat())
    });
    table.input("a NumPy array: duel train --data", times, |time| {
        let file = room.write("pictures.npy", &mutated(&Door::Npy.seeds(), &mut stream("arrays", time)));
        room.train(&[&["--recipe", "article", "--data", &file], &SMALL[..]].concat())
    });
    table.input("images: duel eval", times / 12, |time| {
        let dir = room.images(&mut stream("drawn", time), ["images-idx3-ubyte", "labels-idx1-ubyte"]);
        room.run(&["eval", &dir], Work::Scores)
    });
}

/// A recipe of small networks, so that it trains fast however it is damaged.
const SMALL: &str = "[generator]\nhidden = [16]\nlatent = 8\nema = 0.9\nlearning_rate = 1e-4\nbatch_norm = \"batch\"\n\n[discriminator]\n\
    hidden = [16]\nspectral_norm = true\nr1 = 0.5\nkeep_hidden = 0.5\n\n[training]\nbatch = 4\nloss = \"hinge\"\nschedule = \"cosine\"\nk_generator = 2\n";

fn models() -> Vec<Vec<u8>> {
    [Door::Onnx.seeds(), vec![generator::onnx()]].concat()
}

/// The work of a command on a good file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Little: the test limits its time and memory.
    Little,
    /// It trains.
    Trains,
    /// It scores 10,000 images.
    Scores,
}

/// The directory of the damaged files.
struct Room(PathBuf);

impl Room {
    /// Writes a file; returns its path.
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let file = self.0.join(name);
        fs::create_dir_all(file.parent().expect("a directory")).expect("space");
        fs::write(&file, bytes).expect("space");
        file.display().to_string()
    }

    /// Creates or empties a directory; returns its path.
    fn empty(&self, name: &str) -> String {
        let dir = self.0.join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("space");
        dir.display().to_string()
    }

    /// A directory with images and labels; one of the two files is damaged.
    fn images(&self, stream: &mut Stream, names: [&str; 2]) -> String {
        let dir = self.empty("images");
        let bad = stream.below(2);
        for (index, (name, good)) in names.into_iter().zip([seeds::images(4), seeds::labels(4)]).enumerate() {
            let (mut bytes, mut name) = (good.clone(), format!("images/{name}"));
            if index == bad {
                let zipped = stream.below(2) == 1;
                name += if zipped { ".gz" } else { "" };
                bytes = mutated(&[if zipped { seeds::gzip(&good) } else { good }], stream);
            }
            self.write(&name, &bytes);
        }
        dir
    }

    fn good_images(&self) -> String {
        self.write("good/train-images-idx3-ubyte", &seeds::images(8));
        self.write("good/train-labels-idx1-ubyte", &seeds::labels(8));
        self.0.join("good").display().to_string()
    }

    /// A recipe that trains with little time and memory.
    fn recipe(&self) -> Vec<u8> {
        let mut recipe = seeds::recipe();
        recipe.data.source = Source::Path(self.good_images().into());
        recipe.to_toml().into_bytes()
    }

    /// A run directory with one checkpoint; the checkpoint or the recipe is damaged.
    fn run_of_checkpoint(&self, stream: &mut Stream) -> String {
        let dir = self.empty("run");
        let (mut recipe, mut checkpoint) = (self.recipe(), Door::Checkpoint.seeds());
        if stream.below(4) == 0 {
            recipe = mutated(&[recipe], stream);
        } else {
            checkpoint = vec![mutated(&checkpoint, stream)];
        }
        self.write("run/recipe.toml", &recipe);
        self.write("run/checkpoints/00000001.safetensors", &checkpoint[0]);
        dir
    }

    /// The directory of an ended run; each of its files is damaged.
    fn run_of_lines(&self, stream: &mut Stream) -> String {
        let dir = self.empty("run");
        for name in ["metrics.jsonl", "events.jsonl", "control.jsonl"] {
            self.write(&format!("run/{name}"), &mutated(&Door::Lines.seeds(), stream));
        }
        self.write("run/recipe.toml", &mutated(&Door::Recipe.seeds(), stream));
        let events = self.0.join("run/events.jsonl");
        let mut text = fs::read(&events).expect("just written");
        text.extend_from_slice(b"\n{\"time\":1,\"step\":5,\"event\":\"stopped\",\"why\":\"done\"}\n");
        fs::write(events, text).expect("space");
        dir
    }

    /// Trains a step in a new run directory.
    fn train(&self, arguments: &[&str]) -> Result<Verdict, String> {
        let _ = fs::remove_dir_all(self.0.join("new"));
        let run = self.0.join("new").display().to_string();
        self.run(&[&["train", "--plain", "--steps", "1", "--run", &run], arguments].concat(), Work::Trains)
    }

    /// Runs duel, which must succeed, or fail with one line. A command that fails or has [`Work::Little`] must stay within the limits of
    /// time and memory.
    fn run(&self, arguments: &[&str], kind: Work) -> Result<Verdict, String> {
        let mut command = Command::new(duel());
        command.args(arguments).current_dir(&self.0);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("duel");
        let began = Instant::now();
        let (mut memory, mut work) = (0, Duration::ZERO);
        while child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let (held, worked) = used(child.id());
            (memory, work) = (memory.max(held), work.max(worked));
            let scores = kind == Work::Scores && work > SCORES;
            if scores || began.elapsed() > HANGS {
                // Killing a process that has just ended is an error without consequence.
                let _ = child.kill();
            }
            if scores {
                return child.wait().map(|_| Verdict::Taken).map_err(|error| error.to_string());
            }
            thread::sleep(Duration::from_millis(2));
        }
        let ended = child.wait_with_output().map_err(|error| error.to_string())?;
        let said = complaints(&ended.stderr);
        let bounded = memory <= MEMORY_MAX && work <= WORK_MAX;
        let quiet = said.len() <= 1 && !said.iter().flat_map(|line| line.chars()).any(char::is_control);
        match ended.status.code() {
            Some(0) if quiet && (bounded || kind != Work::Little) => Ok(Verdict::Taken),
            Some(1) if quiet && bounded && said.len() == 1 => Ok(Verdict::Refused),
            // A damaged checkpoint is reported in its own line, before the line at the end.
            Some(0 | 1) if said.iter().any(|line| line.contains("is damaged")) && bounded => Ok(Verdict::Refused),
            // A damaged setting may look like a flag, which clap refuses.
            Some(2) if ended.stderr.starts_with(b"error:") => Ok(Verdict::Refused),
            _ => {
                let all = String::from_utf8_lossy(&ended.stderr);
                Err(format!("{arguments:?}: {}, {} MB, {work:?}: {all}", ended.status, memory >> 20))
            }
        }
    }

    /// Damages the newest records and samples of a recorded run, and opens the dashboard on it. The key q must end the dashboard.
    fn dashboard(&self, stream: &mut Stream) -> Result<Verdict, String> {
        let dir = self.empty("shown");
        let kind = [recorded::Kind::Killed, recorded::Kind::Numbers][stream.below(2)];
        recorded::record(kind, Path::new(&dir));
        let step = if kind == recorded::Kind::Numbers { 20_000 } else { 10_000 };
        for ending in ["png", "json"] {
            let file = format!("shown/samples/{step:08}.{ending}");
            if let Ok(good) = fs::read(self.0.join(&file)) {
                self.write(&file, &mutated(&[good], stream));
            }
        }
        for name in ["metrics.jsonl", "events.jsonl"] {
            let file = format!("shown/{name}");
            let good = fs::read(self.0.join(&file)).expect("recorded");
            self.write(&file, &[good, mutated(&Door::Lines.seeds(), stream), b"\n".to_vec()].concat());
        }
        let program = duel().display().to_string();
        let mut pty = Pty::start((80, 24), &self.0, &[], &[program.as_str(), "watch", "--read-only", &dir]);
        pty.listen(Duration::from_millis(400));
        pty.press("q");
        match pty.end(HANGS) {
            Some(status) if status.success() => Ok(Verdict::Taken),
            other => Err(format!("{other:?}: {}", pty.text())),
        }
    }

    /// Puts a pipe, a directory or a device where a command expects a file.
    fn no_file(&self, (command, file, kind): Nothing) -> Result<Verdict, String> {
        let dir = self.empty("strange");
        let path = self.0.join("strange").join(file);
        recorded::record(recorded::Kind::Killed, Path::new(&dir));
        self.write("strange/recipe.toml", &self.recipe());
        self.write("strange/train-images-idx3-ubyte", &seeds::images(4));
        self.write("strange/train-labels-idx1-ubyte", &seeds::labels(4));
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("space");
        let made = match kind {
            "pipe" => Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()),
            "directory" => fs::create_dir(&path).is_ok(),
            _ => std::os::unix::fs::symlink("/dev/zero", &path).is_ok(),
        };
        assert!(made, "{kind} {}", path.display());
        let path = path.display().to_string();
        match command {
            "data" => self.train(&["--recipe", "article", "--data", &dir]),
            "recipe" => self.train(&["--recipe", &path]),
            "model" => self.run(&["sample", "--model", &path], Work::Little),
            "eval" => self.run(&["eval", &path], Work::Scores),
            "runs" => self.run(&["runs", &self.0.display().to_string()], Work::Little),
            _ => self.run(&["train", "--plain", "--resume", &dir, "--steps", "1"], Work::Trains),
        }
    }
}

/// A command, a file that the command reads, and the kind of thing that replaces the file: pipe, directory or device.
type Nothing = (&'static str, &'static str, &'static str);

fn nothings() -> Vec<Nothing> {
    let files = [
        ("data", "train-images-idx3-ubyte"),
        ("data", "train-labels-idx1-ubyte.gz"),
        ("recipe", "mine.toml"),
        ("model", "mine.onnx"),
        ("eval", "mine.onnx"),
        ("runs", "metrics.jsonl"),
        ("runs", "events.jsonl"),
        ("runs", "control.jsonl"),
        ("runs", "recipe.toml"),
        ("runs", "lock"),
        ("resume", "recipe.toml"),
        ("resume", "metrics.jsonl"),
        ("resume", "events.jsonl"),
        ("resume", "control.jsonl"),
        ("resume", "lock"),
        ("resume", "checkpoints/00000001.safetensors"),
    ];
    let kinds = |(command, file)| ["pipe", "directory", "device"].map(|kind| (command, file, kind));
    files.into_iter().flat_map(kinds).collect()
}

/// The peak of the resident memory of a process in bytes, and its processor time: proc(5), at 100 ticks a second.
fn used(pid: u32) -> (u64, Duration) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ticks: u64 = stat
        .rsplit(')')
        .next()
        .into_iter()
        .flat_map(|fields| fields.split_whitespace().skip(11).take(2))
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    (memory.unwrap_or(0_u64) * 1024, Duration::from_millis(ticks * 10))
}

/// Gives damaged requests to a trainer. The trainer must ignore invalid requests, fulfil valid ones, and end at SIGTERM.
fn asked(small: &Small, stream: &mut Stream) -> Result<Verdict, String> {
    let dir = small.path("asked");
    let _ = fs::remove_dir_all(&dir);
    let long = |argument: String| if argument == STEPS.to_string() { "1000000".to_owned() } else { argument };
    let arguments: Vec<String> = small.train("asked", &[]).into_iter().map(long).collect();
    let mut trainer = start(&arguments);
    let began = || fs::metadata(dir.join("events.jsonl")).is_ok_and(|file| file.len() > 0);
    while !began() && trainer.try_wait().is_ok_and(|ended| ended.is_none()) {
        thread::yield_now();
    }
    fs::write(dir.join("control.jsonl"), mutated(&Door::Requests.seeds(), stream))
        .map_err(|error| error.to_string())?;
    thread::sleep(Duration::from_millis(250));
    let ended_itself = trainer.try_wait().is_ok_and(|ended| ended.is_some());
    if !ended_itself {
        kill_process(Pid::from_child(&trainer), Signal::TERM).map_err(|error| error.to_string())?;
    }
    let ended = trainer.wait_with_output().map_err(|error| error.to_string())?;
    let verdict = if ended_itself { Verdict::Taken } else { Verdict::Refused };
    match ended.status.success() {
        true => Ok(verdict),
        false => Err(format!("{}: {}", ended.status, String::from_utf8_lossy(&ended.stderr))),
    }
}
