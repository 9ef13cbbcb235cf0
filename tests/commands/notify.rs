//! The user's file of defaults, and the command that is told of the end of a training.

use super::*;

/// Runs a command with `text` as the user's file of defaults.
fn with(dir: &Path, text: &str, args: &[&str]) -> Output {
    fs::create_dir_all(dir.join("config/duel"))
        .and_then(|()| fs::write(dir.join("config/duel/config.toml"), text))
        .expect("space");
    let mut command = duel_tests::command();
    command.env("XDG_CONFIG_HOME", dir.join("config")).env("XDG_CACHE_HOME", dir.join("cache")).current_dir(dir);
    command.args(args).stdin(Stdio::null()).output().expect("duel runs")
}

/// Waits until a file that another process writes has a line.
fn line(path: &Path) -> String {
    let since = Instant::now();
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => assert!(since.elapsed() < Duration::from_secs(20), "no line in {}", path.display()),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The arguments of a training of two steps.
fn train<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--recipe", "bell", "--steps", "2", "--run", run], more].concat()
}

#[test]
fn a_command_is_told_of_the_end_and_holds_nobody_up() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let file = r#"notify = "sleep 5; echo file > file""#;
    let told = r#"echo "$DUEL_EVENT|$DUEL_STEP|$DUEL_RUN|$DUEL_TEXT" > told; exit 3"#;
    // The flag wins over the file.
    let output = with(dir, file, &train("a/1", &["--notify", told]));
    assert!(output.status.success(), "{}", err(&output));
    let run = dir.canonicalize().expect("there").join("a/1");
    assert_eq!(line(&dir.join("told")), format!("done|2|{}|all steps are done\n", run.display()));
    // A command that is slow does not hold the training up, and the trainer in the background has the flag, too.
    let began = Instant::now();
    let output = with(dir, file, &train("a/2", &["--notify", "sleep 4; echo slow > slow"]));
    assert!(output.status.success() && began.elapsed() < Duration::from_secs(4), "{}", err(&output));
    fs::remove_file(dir.join("told")).expect("there");
    let output = with(dir, file, &train("a/3", &["--detach", "--notify", told]));
    assert!(output.status.success(), "{}", err(&output));
    assert!(line(&dir.join("told")).starts_with("done|2|"));
    assert!(!dir.join("file").exists());
    with(dir, "notify = \"echo file > file\"", &train("a/4", &[]));
    assert_eq!(line(&dir.join("file")), "file\n");
}

#[test]
fn the_file_of_defaults_names_the_runs_and_is_refused_with_its_key() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let output = with(dir, "runs = \"my runs\"", &["train", "--recipe", "bell", "--steps", "2"]);
    assert!(out(&output).contains("'my runs/bell-1'"), "{} {}", out(&output), err(&output));
    for (args, expected) in [(&["runs", "--csv"][..], "my runs/bell-1,done"), (&["watch", "bell-1"], "done\n")] {
        let output = with(dir, "runs = \"my runs\"", args);
        assert!(out(&output).contains(expected), "{args:?}: {} {}", out(&output), err(&output));
    }
    for (text, expected) in [
        ("charset = \"utf8\"", "config/duel/config.toml, key charset: \"utf8\" is not allowed; use \"auto\""),
        ("colour = 1", "config/duel/config.toml has no key \"colour\": use bell, charset, notify, runs or theme"),
        ("charset", "config/duel/config.toml, line 1: "),
    ] {
        let output = with(dir, text, &["models"]);
        let said = err(&output);
        assert!(
            output.status.code() == Some(1) && said.contains(expected) && said.lines().count() == 1,
            "{text}: {said}"
        );
    }
}
