//! A training that takes half a second, and the checks of its run directory.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use duel_models::random::Stream;
use duel_tests::duel;
use duel_trainer::{
    data::mnist::SHAPE,
    run::{
        paths,
        record::{Event, Metrics},
    },
};
use serde_json::Value;
use tempfile::TempDir;

/// Steps of the training.
pub const STEPS: u64 = 600;
/// Steps from one checkpoint to the next.
pub const CHECKPOINT_EVERY: u64 = 20;
/// Steps from one line of metrics to the next.
const METRICS_EVERY: u64 = 5;
/// Steps from one grid to the next.
const SAMPLES_EVERY: u64 = 30;

/// The training, done once without a fault as the reference for the others.
pub struct Small {
    room: TempDir,
    metrics: BTreeMap<u64, Value>,
}

impl Small {
    /// Writes the images, and trains the reference.
    pub fn new() -> Self {
        let small = Self { room: tempfile::tempdir().expect("a temporary directory"), metrics: BTreeMap::new() };
        let data = small.path("data");
        fs::create_dir(&data).expect("space");
        let mut stream = Stream::new(1, "images");
        let header = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        // A tenth are test pictures.
        let images = (0..250 * SHAPE.size()).map(|_| stream.bits() as u8).collect();
        fs::write(data.join("train-images-idx3-ubyte"), [header(&[0x803, 250, 28, 28]), images].concat())
            .expect("space");
        let labels = (0..250).map(|index| (index % 10) as u8).collect();
        fs::write(data.join("train-labels-idx1-ubyte"), [header(&[0x801, 250]), labels].concat()).expect("space");
        let trainer = start(&small.train("reference", &["--set", "record.checkpoints_kept=1000000"]));
        let ended = trainer.wait_with_output().expect("duel runs");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let metrics = metrics(&small.path("reference")).expect("the reference is whole");
        Self { metrics, ..small }
    }

    /// The path of a run by its name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// The arguments of `duel` that begin the training as the run `name`.
    pub fn train(&self, name: &str, more: &[&str]) -> Vec<String> {
        let mut arguments: Vec<String> = ["train", "--plain", "--recipe", "article", "--run"].map(str::to_owned).into();
        arguments.extend([self.path(name).display().to_string(), "--data".to_owned()]);
        arguments.extend([self.path("data").display().to_string(), "--steps".to_owned(), STEPS.to_string()]);
        let settings = [
            "data.images=200".to_owned(),
            "generator.hidden=[16]".to_owned(),
            "generator.latent=8".to_owned(),
            "generator.ema=0.9".to_owned(),
            "discriminator.hidden=[16]".to_owned(),
            "training.batch=4".to_owned(),
            "evaluation.every=0".to_owned(),
            format!("record.metrics_every={METRICS_EVERY}"),
            format!("record.samples_every={SAMPLES_EVERY}"),
            format!("record.checkpoint_every={CHECKPOINT_EVERY}"),
        ];
        arguments.extend(settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]));
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    }

    /// The arguments of `duel` that resume the run `name`, or begin it if it has no recipe yet.
    pub fn go_on(&self, name: &str) -> Vec<String> {
        let dir = self.path(name);
        if dir.join("recipe.toml").exists() {
            ["train", "--plain", "--resume"].map(str::to_owned).into_iter().chain([dir.display().to_string()]).collect()
        } else {
            self.train(name, &[])
        }
    }

    /// Checks a run of a trainer that could write all the time: as [`is_whole`](Self::is_whole), and the last checkpoint is at most
    /// [`CHECKPOINT_EVERY`] steps older than the last line of metrics.
    pub fn check(&self, dir: &Path) -> Result<(), String> {
        self.is_whole(dir)?;
        if !dir.join("recipe.toml").exists() {
            return Ok(());
        }
        let last = metrics(dir)?.last_key_value().map_or(0, |(step, _)| *step);
        let kept = newest(dir)?;
        if last > kept + CHECKPOINT_EVERY {
            return Err(format!("step {last} was measured, and the last checkpoint is of step {kept}"));
        }
        Ok(())
    }

    /// Checks that each file with a final name equals that of the reference to the bit. This holds whatever happened to the trainer.
    pub fn is_whole(&self, dir: &Path) -> Result<(), String> {
        if !dir.join("recipe.toml").exists() {
            return Ok(());
        }
        paths::read_recipe(dir).map_err(|error| error.to_string())?;
        lines::<Event>(&dir.join("events.jsonl"))?;
        let metrics = metrics(dir)?;
        for (step, line) in &metrics {
            if self.metrics.get(step) != Some(line) {
                return Err(format!("the metrics of step {step} differ"));
            }
        }
        for (folder, ending) in [("samples", ".png"), ("checkpoints", ".safetensors")] {
            for name in names(&dir.join(folder))?.into_iter().filter(|name| !name.ends_with(".tmp")) {
                let found = fs::read(dir.join(folder).join(&name)).map_err(|error| error.to_string())?;
                let found = tensors(&found)?;
                let step = name.strip_suffix(ending).and_then(|step| step.parse::<u64>().ok());
                if folder == "checkpoints" && step.is_some_and(|step| !step.is_multiple_of(CHECKPOINT_EVERY)) {
                    // An interrupted trainer wrote it; the run that is resumed from it shows whether it is good.
                    continue;
                }
                let expected =
                    fs::read(self.path("reference").join(folder).join(&name)).map_err(|_| format!("stray {name}"))?;
                if found != tensors(&expected)? {
                    return Err(format!("{folder}/{name} differs"));
                }
            }
        }
        records(dir).map(drop)
    }

    /// Checks that a run that has ended holds the same as the reference, and nothing else.
    pub fn check_done(&self, dir: &Path) -> Result<(), String> {
        self.check(dir)?;
        if newest(dir)? != STEPS {
            return Err(format!("it ended at step {}", newest(dir)?));
        }
        if metrics(dir)? != self.metrics {
            return Err("its metrics are not all there".to_owned());
        }
        let (shown, expected) = (records(dir)?, records(&self.path("reference"))?);
        if shown < expected {
            return Err(format!("it has {shown} of {expected} records for TensorBoard"));
        }
        let samples = dir.join("samples");
        if names(&samples)? != names(&self.path("reference/samples"))? {
            return Err(format!("its samples are {:?}", names(&samples)?));
        }
        match names(&dir.join("checkpoints"))? {
            three if three.len() == 3 && three.iter().all(|name| name.ends_with(".safetensors")) => Ok(()),
            others => Err(format!("its checkpoints are {others:?}")),
        }
    }
}

/// The step of the newest checkpoint; 0 without checkpoints.
pub fn newest(dir: &Path) -> Result<u64, String> {
    let names = names(&dir.join("checkpoints"))?;
    let step = |name: &String| name.strip_suffix(".safetensors")?.parse().ok();
    Ok(names.iter().filter_map(step).max().unwrap_or(0))
}

/// The sorted names in a directory.
pub fn names(dir: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

/// The lines of a file, parsed; an unfinished last line is left out.
pub fn lines<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{}: {error}: {line}", path.display())))
        .collect()
}

/// The last metrics of each step, without times, speeds and what the trainer took of the machine.
fn metrics(dir: &Path) -> Result<BTreeMap<u64, Value>, String> {
    let path = dir.join("metrics.jsonl");
    lines::<Metrics>(&path)?;
    let mut metrics = BTreeMap::new();
    for mut line in lines::<Value>(&path)? {
        let step = line["step"].as_u64().unwrap_or(0);
        for clock in ["seconds", "images_per_second", "processors", "memory"] {
            line[clock] = Value::Null;
        }
        metrics.insert(step, line);
    }
    Ok(metrics)
}

/// The number of TensorBoard records in all files of a run; an unfinished last record of a file is not counted.
fn records(dir: &Path) -> Result<usize, String> {
    let mut count = 0;
    for name in names(dir)?.into_iter().filter(|name| name.starts_with("events.out.tfevents.")) {
        let file = fs::read(dir.join(&name)).map_err(|error| error.to_string())?;
        let mut rest = &file[..];
        // A record: length, checksum of the length, message (its first field is the time), checksum of the message.
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = u64::from_le_bytes(*length);
            if length > 1 << 20 || after.get(4).is_some_and(|&field| field != 0x09) {
                return Err(format!("{name} has no record at {}", file.len() - rest.len()));
            }
            let Some(next) = after.get(8 + length as usize..) else { break };
            count += 1;
            rest = next;
        }
    }
    Ok(count)
}

/// The tensors of a checkpoint without its header, which holds the seconds of training; other files as they are.
fn tensors(bytes: &[u8]) -> Result<&[u8], String> {
    if bytes.starts_with(b"\x89PNG") {
        return Ok(bytes);
    }
    let length = bytes.first_chunk().ok_or("a checkpoint of less than 8 bytes")?;
    let after = usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|length| length.checked_add(8));
    after.and_then(|after| bytes.get(after..)).ok_or_else(|| "a checkpoint without its header".to_owned())
}

/// Starts duel with these arguments.
pub fn start(arguments: &[String]) -> Child {
    start_with(arguments, &[])
}

/// Starts duel with these arguments and environment variables.
pub fn start_with(arguments: &[String], variables: &[(&str, &OsStr)]) -> Child {
    let mut command = Command::new(duel());
    command.args(arguments).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("duel starts")
}

/// The lines of stderr that report errors; without a dashboard a trainer prints its progress there, too.
pub fn complaints(stderr: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    text.lines().filter(|line| line.starts_with("duel: ")).map(str::to_owned).collect()
}
