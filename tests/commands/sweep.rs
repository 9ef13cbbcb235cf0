//! Sweeps: runs with each combination of some settings and seeds.

use super::*;

/// A sweep of two learning rates and two seeds, so small that its trainings take no time, with one evaluation each.
const SWEEP: [&str; 21] = [
    "sweep",
    "bell",
    "--set",
    "generator.hidden=[8],[16,16]",
    "--set",
    "discriminator.hidden=[8]",
    "--set",
    "training.batch=8",
    "--set",
    "record.metrics_every=5",
    "--set",
    "record.samples_every=1000",
    "--set",
    "record.checkpoint_every=10",
    "--seeds",
    "1..2",
    "--dir",
    "./all runs",
    "--steps",
    "20",
    "--jobs=2",
];

fn sweep(dir: &Path, more: &[&str]) -> Output {
    run(dir, &[&SWEEP[..], more].concat())
}

fn events(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join("all runs").join(name).join("events.jsonl")).unwrap_or_default()
}

const NAMES: [&str; 4] = [
    "generator.hidden=8,seed=1",
    "generator.hidden=8,seed=2",
    "generator.hidden=16-16,seed=1",
    "generator.hidden=16-16,seed=2",
];

#[test]
fn a_sweep_trains_what_is_not_done_and_tells_what_has_failed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    // The scheduler of a cluster starts the first run.
    let list = ok(dir, &[&SWEEP[..20], &["--list"]].concat());
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 4, "{list}");
    assert_eq!(
        lines[2],
        "duel train --plain --recipe bell --set 'discriminator.hidden=[8]' --set training.batch=8 --set record.metrics_every=5 \
         --set record.samples_every=1000 --set record.checkpoint_every=10 --set 'generator.hidden=[16,16]' --steps 20 --seed 1 \
         --run './all runs/generator.hidden=16-16,seed=1'"
    );
    shell(dir, lines[0]);
    let first = events(dir, NAMES[0]);
    assert!(first.contains("\"done\""), "{first}");

    // The second run was interrupted after its first checkpoint, and the third has failed.
    for (name, seed, hidden, ending) in [(NAMES[1], "2", "[8]", "asked"), (NAMES[2], "1", "[16,16]", "failed")] {
        let (recipe, run) = (format!("all runs/{}/recipe.toml", NAMES[0]), format!("all runs/{name}"));
        let hidden = format!("generator.hidden={hidden}");
        ok(dir, &["train", "--recipe", &recipe, "--seed", seed, "--set", &hidden, "--run", &run]);
        fs::write(dir.join(&run).join("events.jsonl"), events(dir, name).replace("done", ending)).expect("space");
        fs::remove_file(dir.join(&run).join("checkpoints/00000020.safetensors")).expect("the last checkpoint");
    }
    let list = ok(dir, &[&SWEEP[..20], &["--list"]].concat());
    assert!(list.starts_with("duel train --plain --resume './all runs/generator.hidden=8,seed=2'\n"), "{list}");
    assert_eq!(list.lines().count(), 2, "{list}");

    let output = sweep(dir, &[]);
    let said = err(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("2 of 4 runs to train, 2 at a time") && said.contains("[2/2] "), "{said}");
    assert!(
        said.contains("16-16,seed=1 has failed, and is left as it is: `duel train --resume './all runs/"),
        "{said}"
    );
    assert!(said.ends_with("duel: 1 of 4 runs are not done: `duel runs './all runs'` shows them\n"), "{said}");
    assert!(out(&output).contains("No scores") && dir.join("all runs/report.html").exists(), "{}", out(&output));
    assert_eq!(events(dir, NAMES[0]), first, "a run that is done is trained again");
    assert!(events(dir, NAMES[1]).contains(r#""step":10,"event":"resumed""#), "{}", events(dir, NAMES[1]));
    assert_eq!(NAMES.iter().filter(|name| events(dir, name).contains("\"done\"")).count(), 3);
    let threads = std::thread::available_parallelism().map_or(1, |all| (all.get() / 2).max(1));
    assert!(events(dir, NAMES[3]).contains(&format!("\"threads\":{threads},")), "{}", events(dir, NAMES[3]));

    // Other settings do not take the runs of this sweep for their own.
    let other = [&SWEEP[..18], &["--steps", "30"]].concat();
    refused(dir, &other, 1, "is a run with training.steps = 20, and this sweep has 30: choose another directory");
}

/// Runs a command line in a shell that finds `duel`.
fn shell(dir: &Path, command: &str) {
    let paths =
        format!("{}:{}", duel().parent().expect("a directory").display(), std::env::var("PATH").expect("a PATH"));
    let mut shell = Command::new("sh");
    shell.env("XDG_CONFIG_HOME", duel_tests::NO_DEFAULTS);
    let output = shell.args(["-c", command]).current_dir(dir).env("PATH", paths).stdin(Stdio::null()).output();
    let output = output.expect("sh");
    assert!(output.status.success(), "{command}: {}", err(&output));
}

#[test]
fn a_signal_stops_all_trainers_with_checkpoints() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let mut command = duel_tests::command();
    command.args(&SWEEP[..18]).args(["--steps", "100000000", "--jobs", "3"]).current_dir(dir);
    let mut sweep = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("duel");
    let trains = |name: &&&str| {
        let metrics = dir.join("all runs").join(name).join("metrics.jsonl");
        metrics.metadata().is_ok_and(|metrics| metrics.len() > 0)
    };
    let since = Instant::now();
    while NAMES.iter().filter(trains).count() < 3 {
        assert!(since.elapsed() < Duration::from_secs(60), "three trainers do not train");
        thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&sweep), Signal::INT).expect("a signal");
    assert!(sweep.wait().expect("it ends").success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut sweep.stdout.take().expect("piped"), &mut said).expect("text");
    assert_eq!(said, "stopped; 0 of 4 runs are done: the same command goes on with the others\n");
    for name in NAMES.iter().filter(|name| dir.join("all runs").join(name).exists()) {
        let events = events(dir, name);
        assert!(events.contains("\"checkpoint\"") && events.contains("\"why\":\"asked\""), "{name}: {events}");
    }
    assert!(!dir.join("all runs").join(NAMES[3]).exists(), "a run is begun after the signal");
}

#[test]
fn nonsense_is_refused_before_anything_is_started() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let long = format!("about={},b", "a".repeat(260));
    for (args, code, expected) in [
        (&["--set", "training.batches=1,2"][..], 1, "training.batch"),
        (&["--set", "training.batch=1,0"], 1, "training.batch: 0 is not allowed"),
        (&["--set", "training.batch=1,,2"], 2, "a value of training.batch is empty"),
        (&["--set", "generator.hidden=[1,2"], 2, "no counterpart"),
        (&["--set", "training.batch=8,8"], 1, "seed=1 and training.batch=8,seed=1 are the same run"),
        (&["--set", "about=a b,ab"], 1, "two runs would be called about=ab,seed=1"),
        (&["--set", &long], 1, "too long for the name of a directory"),
        (&["--set", "training.batch=8", "--set", "training.batch=9"], 1, "given twice"),
        (&["--set", "training.seed=8,9"], 1, "--seeds 1..5"),
        (&["--seeds", "5..1"], 2, "--seeds"),
        (&["--jobs", "0"], 2, "--jobs"),
        (&["--jobs", "2", "--list"], 2, "--list"),
        (&["--data", "nowhere"], 1, "nowhere"),
        (&["--set", "discriminator.kind=mlp,conv"], 1, "discriminator.kind=conv,seed=1: "),
    ] {
        refused(dir, &[&["sweep", "bell"], args].concat(), code, expected);
        assert_eq!(entries(dir), Vec::<String>::new(), "{args:?}");
    }
    refused(dir, &["sweep", "artcle"], 1, "one of");
}
