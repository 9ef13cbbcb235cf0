//! `duel train`: a run from its first step, or from its last checkpoint.

use std::{
    ffi::OsString,
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use duel_trainer::{
    dataset::Dataset,
    device::{self, device},
    duel::Duel,
    gan::state,
    recipe::{Change, Recipe},
    run::{
        directory::{self, RunError},
        reader::alive,
        record::{Ending, What},
        story::State,
        writer::Writer,
    },
    training::{self, Flow, train},
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::watch;
use crate::{
    charset::Charset,
    output::{note, print},
    progress::Progress,
    runs, terminal,
};

/// Arguments of `duel train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// A shipped recipe or a TOML file.
    #[arg(long, default_value = "digits", conflicts_with = "resume")]
    recipe: String,
    /// A directory of IDX files named as MNIST's, gzipped or not, instead of the bundled digits.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    data: Option<PathBuf>,
    /// The run directory [default: runs/RECIPE-N, the next N].
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    run: Option<PathBuf>,
    /// Steps in all, instead of the recipe's.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// The seed, instead of the recipe's.
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    seed: Option<u64>,
    /// Where to train.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Any key of the recipe, such as training.batch=64; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Go on with a run from its last checkpoint.
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Train in the background; `duel watch` shows it.
    #[arg(long, conflicts_with = "bench")]
    detach: bool,
    /// A progress bar instead of the dashboard, or lines where there is no terminal.
    #[arg(long)]
    plain: bool,
    /// Measure only: no files, and images/s as JSON.
    #[arg(long, conflicts_with_all = ["resume", "run"])]
    bench: bool,
}

/// `--device`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum DeviceChoice {
    /// CUDA or Metal where this build and machine have it, else the CPU.
    Auto,
    Cpu,
    Cuda,
    Metal,
}

/// Trains to the end or to Ctrl-C; with a dashboard, or detached, in a process that outlives this one.
pub fn run(args: TrainArgs) -> Result<()> {
    if args.bench {
        return bench(&args);
    }
    let (mut duel, mut writer) = match &args.resume {
        Some(run) => resume(&args, &runs::named(run))?,
        None => start(&args)?,
    };
    let dir = writer.dir().to_owned();
    let dashboard = !args.plain && terminal::is_there();
    if args.detach || dashboard {
        // The lock goes to the trainer that this one starts.
        drop(writer);
        detach(&args, &dir)?;
        return if args.detach {
            print(&format!("training in {0}; see it with `duel watch {0}`\n", dir.display()))
        } else {
            watch::attach(&dir, Charset::Auto).map(drop)
        };
    }
    let stop = stop_on_signals()?;
    let mut progress = Progress::new(duel.recipe.training.steps, duel.step);
    progress.line(&format!("{} -> {}", duel.recipe.name, dir.display()));
    let ended = train(&mut duel, &mut writer, |report| {
        progress.show(&report);
        if stop.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
    })?;
    progress.finish();
    let dir = dir.display();
    let (said, state) = match ended {
        Ending::Done => ("done".to_owned(), State::Done),
        _ => (format!("stopped at step {} with a checkpoint", duel.step), State::Stopped),
    };
    let (words, command) = runs::next(state, duel.recipe.values() == 1, &dir.to_string());
    print(&format!("{said}; {words} `{command}`\n"))
}

fn start(args: &TrainArgs) -> Result<(Duel, Writer)> {
    let recipe = recipe(args)?;
    let duel = Duel::new(recipe.clone(), Dataset::of(&recipe)?, device(args.device.into())?)?;
    let writer = match &args.run {
        Some(dir) => Writer::create(dir, &recipe)?,
        None => create_next(&recipe)?,
    };
    Ok((duel, writer))
}

fn resume(args: &TrainArgs, dir: &Path) -> Result<(Duel, Writer)> {
    let (mut changes, mut settings) = (Vec::new(), Vec::new());
    for setting in &args.set {
        match setting.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            // Held against its range before anything is loaded, and made at the step that is found then.
            Some((key, value)) if Change::takes(key) => changes.push(Change::new(0, key, value)?),
            _ if GOES_ON.iter().any(|key| setting.trim_start().starts_with(key)) => settings.push(setting.clone()),
            _ => bail!(
                "--set {setting}: a run that goes on keeps its networks, data and seed; what may change is {}, and what begins with {}",
                Change::keys().join(", "),
                GOES_ON.join(", ")
            ),
        }
    }
    let (mut writer, kept) = Writer::resume(dir)?;
    let recipe = with_flags(kept.clone(), &settings, args)?;
    let mut duel = Duel::new(recipe.clone(), Dataset::of(&recipe)?, device(args.device.into())?)?;
    // Without one it was killed before its first, or made for a trainer in the background: from the start.
    let begun = !directory::checkpoints(dir)?.is_empty();
    if begun {
        let passed = state::restore(&mut duel, dir)?;
        let step = duel.step;
        for evidence in passed {
            note(&format!("duel: {evidence}; going on from step {step}"));
            let remedy = format!("training goes on from step {step}");
            writer
                .event(step, What::Warning { what: "damaged checkpoint".to_owned(), since: step, evidence, remedy })?;
        }
    }
    ensure!(
        !begun || duel.step < recipe.training.steps,
        "{} has done {} of {} steps: raise them with --steps N",
        dir.display(),
        duel.step,
        recipe.training.steps
    );
    for change in changes {
        duel.recipe.change(Change { step: duel.step, ..change })?;
    }
    if duel.recipe != kept {
        state::keep_recipe(&duel, &mut writer)?;
    }
    Ok((duel, writer))
}

/// What `--set` may change where a run goes on, beside what may change while it trains: how those keys begin.
const GOES_ON: [&str; 3] = ["record.", "training.steps", "training.decay_"];

/// The recipe of a new run. Its images are where they are, whatever the directory that a resume is started from.
fn recipe(args: &TrainArgs) -> Result<Recipe> {
    let recipe = with_flags(Recipe::load(&args.recipe, &[])?, &args.set, args)?;
    let Some(dir) = args.data.as_deref().or(recipe.data_dir()) else { return Ok(recipe) };
    let whole = std::path::absolute(dir).with_context(|| format!("cannot find {}", dir.display()))?;
    let whole = whole.to_str().with_context(|| format!("{}: a path of data is UTF-8", whole.display()))?;
    Ok(recipe.clone().with_data(whole)?)
}

/// A recipe with these settings over it, and with what the other flags say.
fn with_flags(recipe: Recipe, settings: &[String], args: &TrainArgs) -> Result<Recipe> {
    let mut settings = settings.to_vec();
    settings.extend(args.steps.map(|steps| format!("training.steps={steps}")));
    settings.extend(args.seed.map(|seed| format!("training.seed={seed}")));
    Ok(recipe.with(&settings)?)
}

/// A run in runs/NAME-N with the first N that is free.
fn create_next(recipe: &Recipe) -> Result<Writer, RunError> {
    let plain: String = recipe.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let mut free = (1u64..).map(|n| PathBuf::from(format!("runs/{plain}-{n}"))).filter(|dir| !dir.exists());
    loop {
        match Writer::create(&free.next().expect("numbers do not end"), recipe) {
            // Another trainer that begins at this moment was faster.
            Err(RunError::Exists(_) | RunError::Locked(_)) => {}
            made => return made,
        }
    }
}

/// Set by the first SIGINT, SIGTERM or SIGHUP; a second SIGINT ends the program at once.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop))?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Starts a trainer in a process group of its own, which a closing terminal does not signal, and waits until it has the run.
fn detach(args: &TrainArgs, dir: &Path) -> Result<()> {
    let log = dir.join("trainer.log");
    // The last trainer's; or a link, which would lead elsewhere.
    let _ = std::fs::remove_file(&log);
    let output = File::create_new(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let device = args.device.to_possible_value().expect("no device is hidden");
    let mut resume = OsString::from("--resume=");
    resume.push(dir);
    let mut trainer = Command::new(std::env::current_exe().context("cannot find duel's own binary")?)
        .args(["train", "--plain", "--device", device.get_name()])
        // In one word: a directory's name may begin with a hyphen.
        .arg(resume)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .context("cannot start a trainer")?;
    while !alive(dir) {
        if trainer.try_wait()?.is_some() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the trainer ended at once: {}", said.trim());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Steps without a file written; the figures as JSON on stdout.
fn bench(args: &TrainArgs) -> Result<()> {
    let recipe = recipe(args)?;
    let steps = args.steps.unwrap_or(500);
    let mut duel = Duel::new(recipe.clone(), Dataset::of(&recipe)?, device(args.device.into())?)?;
    let seconds = training::bench(&mut duel, steps)?;
    let images = (steps * recipe.training.batch as u64) as f64 / seconds;
    let gflops = images * duel.operations_per_image() as f64 / 1e9;
    let line = serde_json::json!({
        "recipe": recipe.name, "device": duel.device_name(), "threads": training::threads(), "steps": steps,
        "images_per_second": images.round(), "gflops": (10.0 * gflops).round() / 10.0,
    });
    print(&format!("{line}\n"))
}

impl From<DeviceChoice> for device::Choice {
    fn from(choice: DeviceChoice) -> Self {
        match choice {
            DeviceChoice::Auto => Self::Auto,
            DeviceChoice::Cpu => Self::Cpu,
            DeviceChoice::Cuda => Self::Cuda,
            DeviceChoice::Metal => Self::Metal,
        }
    }
}
