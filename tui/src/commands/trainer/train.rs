//! `duel train`: a run from its first step, or from its last checkpoint.

mod notify;
mod resume;

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
use clap_complete::engine::ArgValueCompleter;
use duel_models::text::quoted;
use duel_trainer::{
    data::{DataSet, check_classes, load_training},
    device::{self, device},
    gan::Duel,
    recipe::{BatchNorm, Kind, Recipe},
    run::{
        history::State,
        paths::RunError,
        reader::has_trainer,
        record::Ending,
        writer::{Writer, must_be_new},
    },
    training::{self, Flow, Report, train},
};
use signal_hook::consts::{SIGINT, SIGUSR1, SIGUSR2};

use self::notify::Notifier;
use super::{
    completions::{keys, recipes, runs},
    derived,
};
use crate::{
    commands::usage::seed,
    runs::{decoding, find, sources},
    term::{
        charset::Charset,
        look::Look,
        output::{note, print},
        signals::{ends, is_ignored},
        theme::Theme,
        title::Bell,
        window,
    },
    text::run::next_command,
    watch::{progress::Progress, session, state::action::Mode},
};

/// Arguments of `duel train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// A shipped recipe or a TOML file [default: digits; with --data: pictures, which follows from the data].
    #[arg(long, conflicts_with = "resume", add = ArgValueCompleter::new(recipes))]
    recipe: Option<String>,
    /// The data: a folder or .zip of pictures, whose subfolders are classes; a .npy or .npz of uint8, [N, height, width]
    /// or [N, height, width, channels]; or a directory of IDX files named as MNIST's. `duel data PATH` says what is
    /// there. With --resume: where the data of the run stand now.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// The new run: a name under ./runs, or a path with a slash [default: RECIPE-N, the next N].
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    run: Option<PathBuf>,
    /// The step at which training ends, instead of the recipe's.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// The seed, instead of the recipe's.
    #[arg(long, value_name = "N", conflicts_with = "resume", allow_negative_numbers = true, value_parser = seed)]
    seed: Option<u64>,
    /// The device to train on.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Any key of the recipe, such as training.batch=64; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE", add = ArgValueCompleter::new(keys))]
    set: Vec<String>,
    /// Continue a run from its last checkpoint.
    #[arg(long, value_name = "RUN", add = ArgValueCompleter::new(runs))]
    resume: Option<PathBuf>,
    /// Train in the background; `duel watch` shows it.
    #[arg(long, conflicts_with = "bench")]
    detach: bool,
    /// Show a progress bar instead of the dashboard, or lines where there is no terminal.
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    look: Look,
    /// Whether the terminal's bell rings at a warning and at the end.
    #[arg(long, value_enum, default_value_t)]
    bell: Bell,
    /// A shell command that is started at a warning and when the training is done or fails, with DUEL_RUN, DUEL_EVENT,
    /// DUEL_STEP and DUEL_TEXT in its environment.
    #[arg(long, value_name = "COMMAND", default_value = "", hide_default_value = true)]
    notify: String,
    /// Measure the speed only: write no files, print images/s as JSON.
    #[arg(long, conflicts_with_all = ["resume", "run"])]
    bench: bool,
}

/// The values of `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DeviceChoice {
    /// CUDA or Metal if this build and this machine have it, else the CPU.
    Auto,
    Cpu,
    Cuda,
    Metal,
}

impl DeviceChoice {
    /// Returns the value of `--device`.
    pub(super) fn name(self) -> OsString {
        self.to_possible_value().expect("no device is hidden").get_name().into()
    }
}

/// Trains to the end or to Ctrl-C. With a dashboard, or detached, a process that outlives this one trains.
pub fn run(args: TrainArgs) -> Result<()> {
    if args.bench {
        return bench(&args);
    }
    let dashboard = !args.plain && !args.detach && session::is_possible();
    if dashboard && args.look.charset == Charset::Pixels {
        // An error before the training begins, not after.
        window::ask_for_pixels(args.look.charset, Theme::detect(args.look))?;
    }
    let (mut duel, mut writer) = match &args.resume {
        Some(run) => resume::resume(&args, &find::named(run))?,
        None => start(&args)?,
    };
    let dir = writer.dir().to_owned();
    if args.detach || dashboard {
        // The trainer that is started next takes the lock, and the memory of the device.
        drop(writer);
        drop(duel);
        detach(&args, &dir)?;
        return if args.detach {
            print(&format!("training in {}; watch it with `duel watch {}`\n", dir.display(), quoted(&dir)))
        } else {
            session::watch(&dir, Mode::Attached, args.look, args.bell)
        };
    }
    let stop = stop_on_signals()?;
    let checkpoint = checkpoint_on_signals()?;
    let mut progress = Progress::new(duel.recipe.clone(), duel.step, args.look);
    progress.line(&format!("{} -> {}", duel.recipe.name, dir.display()));
    let mut notifier = Notifier::new(&args.notify, &dir);
    let ended = train(&mut duel, &mut writer, |report| {
        if let Report::Event(event) = &report {
            notifier.tell(event);
        }
        progress.show(&report);
        match stop.load(Ordering::Relaxed) {
            true => Flow::Stop,
            false if checkpoint.swap(false, Ordering::Relaxed) => Flow::Checkpoint,
            false => Flow::Continue,
        }
    })?;
    progress.finish();
    let (said, state) = match ended {
        Ending::Done => ("done".to_owned(), State::Done),
        _ => (format!("stopped at step {} with a checkpoint", duel.step), State::Stopped),
    };
    let (words, command) = next_command(state, duel.recipe.data.source.toy().is_some(), &dir);
    print(&format!("{said}; {words} `{command}`\n"))
}

/// Loads the data of a new run, and sets the settings of its recipe that follow from them.
fn load(recipe: Recipe) -> Result<(Recipe, Option<DataSet>)> {
    Ok(decoding::with_bar(|progress| load_training(recipe, progress))?)
}

/// Refuses a batch of one picture where batch norm follows dense layers: its difference from its own mean is 0, so all
/// pictures would be the same. A convolutional generator has its batch norms behind feature maps of several values.
fn check_batch(recipe: &Recipe) -> Result<()> {
    let generator = &recipe.generator;
    let is_normed = generator.kind == Kind::Mlp && generator.batch_norm == BatchNorm::Batch;
    ensure!(
        recipe.training.batch > 1 || !is_normed,
        "training.batch = 1: batch norm of dense layers needs at least 2 pictures; raise training.batch, or set \
         generator.batch_norm=off"
    );
    Ok(())
}

/// Loads the data of a new run, and makes its networks.
pub(super) fn networks(recipe: Recipe, choice: DeviceChoice) -> Result<Duel> {
    let (recipe, data) = load(recipe)?;
    check_batch(&recipe)?;
    data.iter().try_for_each(|data| check_classes(&recipe, data))?;
    Ok(Duel::new(recipe, data, device(choice.into())?)?)
}

fn start(args: &TrainArgs) -> Result<(Duel, Writer)> {
    let dir = args.run.as_deref().map(find::named);
    if let Some(dir) = &dir {
        // An error before the data are loaded, not after.
        if has_trainer(dir) {
            return Err(RunError::Locked(dir.clone()).into());
        }
        must_be_new(dir)?;
    }
    let duel = networks(new_recipe(args)?, args.device)?;
    if let Some(data) = duel.data() {
        data.survey.warnings().iter().for_each(|line| note(line));
        if duel.recipe.derive {
            derived::describe(&duel, data)?;
        }
    }
    let writer = match &dir {
        Some(dir) => Writer::create(dir, &duel.recipe)?,
        None => create_next(&duel.recipe)?,
    };
    Ok((duel, writer))
}

/// Makes the recipe of the new run that the flags describe.
fn new_recipe(args: &TrainArgs) -> Result<Recipe> {
    let default = if args.data.is_some() { "pictures" } else { "digits" };
    recipe(args.recipe.as_deref().unwrap_or(default), args.data.as_deref(), &settings(&args.set, args.steps, args.seed))
}

/// Makes the recipe of a new run: a shipped recipe or a file, with settings, on the data in `data` if they are given.
pub(super) fn recipe(name: &str, data: Option<&Path>, settings: &[String]) -> Result<Recipe> {
    let mut recipe = Recipe::load(name, &[])?;
    // The recipe of a run trains again on any data.
    recipe.data.fingerprint = Recipe::default().data.fingerprint;
    let recipe = recipe.with(settings)?;
    match data.or(recipe.data.source.path()).map(Path::to_owned) {
        Some(path) => sources::named(recipe, &path),
        None => Ok(recipe),
    }
}

/// Returns the settings of `--set`, of `--steps` and of `--seed`.
pub(super) fn settings(set: &[String], steps: Option<u64>, seed: Option<u64>) -> Vec<String> {
    let steps = steps.map(|steps| format!("training.steps={steps}"));
    let seed = seed.map(|seed| format!("training.seed={seed}"));
    set.iter().cloned().chain(steps).chain(seed).collect()
}

/// Returns the name of a recipe as a part of a file name.
pub(super) fn plain_name(recipe: &Recipe) -> String {
    recipe.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
}

/// Creates runs/NAME-N with the first N that is free.
fn create_next(recipe: &Recipe) -> Result<Writer, RunError> {
    let plain = plain_name(recipe);
    let mut free = (1u64..).map(|n| find::directory().join(format!("{plain}-{n}"))).filter(|dir| !dir.exists());
    loop {
        match Writer::create(&free.next().expect("numbers do not end"), recipe) {
            // Another trainer that starts at the same moment has taken the name.
            Err(RunError::Exists(_) | RunError::Locked(_)) => {}
            made => return made,
        }
    }
}

/// Registers a flag that the first signal of [`ends`] sets. A second SIGINT ends the program at once.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in ends() {
        if signal == SIGINT {
            signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop))?;
        }
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Registers a flag that SIGUSR1 and SIGUSR2 set, one of which a batch system sends before its time limit.
pub(super) fn checkpoint_on_signals() -> Result<Arc<AtomicBool>> {
    let checkpoint = Arc::new(AtomicBool::new(false));
    for signal in [SIGUSR1, SIGUSR2].into_iter().filter(|signal| !is_ignored(*signal)) {
        signal_hook::flag::register(signal, Arc::clone(&checkpoint))?;
    }
    Ok(checkpoint)
}

/// Makes the command that trains in another process, with these flags of `duel train --plain`. Its messages go to `output`.
pub(super) fn process(flags: &[(&str, OsString)], output: File) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot find duel's own binary")?);
    command.args(["train", "--plain"]).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    for (flag, value) in flags {
        // One argument with `=`: the value may begin with a hyphen.
        let mut argument = OsString::from(format!("{flag}="));
        argument.push(value);
        command.arg(argument);
    }
    Ok(command)
}

/// Starts a trainer in a process group of its own, which a closing terminal does not signal, and waits until it holds
/// the run's lock.
fn detach(args: &TrainArgs, dir: &Path) -> Result<()> {
    let log = dir.join("trainer.log");
    // The log of an earlier trainer, or a symbolic link, which could lead to any file.
    let _ = std::fs::remove_file(&log);
    let output = File::create_new(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let flags = [("--device", args.device.name()), ("--resume", dir.into()), ("--notify", args.notify.clone().into())];
    let mut trainer = process(&flags, output)?.process_group(0).spawn().context("cannot start a trainer")?;
    while !has_trainer(dir) {
        if let Some(status) = trainer.try_wait()? {
            if status.success() {
                return Ok(());
            }
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the trainer ended at its start: {}", said.trim());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Trains without writing files, and prints the speed as JSON.
fn bench(args: &TrainArgs) -> Result<()> {
    let (recipe, data) = load(new_recipe(args)?)?;
    let steps = args.steps.unwrap_or(500);
    let mut duel = Duel::new(recipe, data, device(args.device.into())?)?;
    let seconds = training::bench(&mut duel, steps)?;
    let images = (steps * duel.recipe.training.batch as u64) as f64 / seconds;
    let gflops = images * duel.operations_per_image() as f64 / 1e9;
    let line = serde_json::json!({
        "recipe": duel.recipe.name, "device": duel.device_name(), "threads": training::threads(), "steps": steps,
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
