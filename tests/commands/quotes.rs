//! Commands that are printed to be copied.

use super::*;

/// Returns the command that stands between the backticks of a message.
fn command(said: &str) -> String {
    said.split('`').nth(1).unwrap_or_else(|| panic!("no command in {said:?}")).to_owned()
}

#[test]
fn a_printed_command_is_run_by_a_shell_whatever_the_name_of_the_run() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let path =
        format!("{}:{}", duel().parent().expect("a directory").display(), std::env::var("PATH").expect("a PATH"));
    let shell = |command: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(dir).env("PATH", &path).env("XDG_CACHE_HOME", dir.join("cache"));
        shell.env("XDG_CONFIG_HOME", duel_tests::NO_DEFAULTS);
        let output = shell.stdin(Stdio::null()).output().expect("sh");
        assert!(output.status.success(), "{command}: {}", err(&output));
    };
    // A folder called ~ is written to only if it is there.
    fs::create_dir(dir.join("~")).expect("space");
    for (name, place) in [
        ("r/my run", "r/my run"),
        ("it's $HOME;x", "runs/it's $HOME;x"),
        ("~/(a|b)*", "~/(a|b)*"),
        ("a\nb", "runs/a\nb"),
    ] {
        let said = ok(dir, &[&["train", "--run", name, "--steps", "5"], &SMALL[..]].concat());
        let export = command(&said);
        assert!(export.starts_with("duel export "), "{export}");
        shell(&export);
        // The remedies of errors: a run that is there, and one whose checkpoints are gone.
        let output = run(dir, &["train", "--run", name]);
        let said = err(&output);
        let resume = said.split("--resume ").nth(1).and_then(|rest| rest.split(", or choose").next());
        shell(&format!("duel train --steps 10 --resume {}", resume.unwrap_or_else(|| panic!("{said}"))));
        fs::remove_dir_all(dir.join(place).join("checkpoints")).expect("there");
        fs::create_dir(dir.join(place).join("checkpoints")).expect("space");
        shell(&command(&err(&run(dir, &["export", name]))));
    }
}
