//! `duel watch` and `duel runs` without a terminal.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use duel_tests::recorded::{Kind, record};

#[test]
fn without_a_terminal_watch_writes_lines() {
    let home = tempfile::tempdir().expect("a directory");
    record(Kind::Healthy, &home.path().join("runs/recorded"));
    let output = |arguments: &[&str]| {
        let output = duel_tests::command().args(arguments).current_dir(home.path()).output().expect("duel");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let plain = output(&["watch"]);
    assert_eq!(plain, output(&["watch", "--plain", "recorded"]));
    assert!(plain.contains("checkpoint at step 5,000") && plain.ends_with("done\n"), "{plain}");
    let records = output(&["watch", "--json"]);
    let parsed = records.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line));
    assert_eq!(parsed.filter(|record| record.get("d_loss").is_some()).count(), 400);
    let runs = output(&["runs"]);
    assert!(runs.contains("recorded") && runs.contains("20,000 / 20,000") && runs.contains("frechet 14.250"), "{runs}");
    let record: serde_json::Value = serde_json::from_str(&output(&["runs", "--json"])).expect("JSON");
    assert_eq!((&record["state"], &record["step"]), (&"done".into(), &20_000.into()));
    let table = output(&["runs", "--csv"]);
    let touched = record["touched"].to_string();
    let expected = format!(
        "run,state,step,steps,touched,recipe,frechet,precision\r\nruns/recorded,done,20000,20000,{touched},digits,14.25,0.912\r\n"
    );
    assert_eq!(table, expected);
}

#[test]
fn a_watcher_of_an_empty_directory_says_what_it_waits_for() {
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join("empty")).expect("space");
    for format in ["--plain", "--json"] {
        let mut command = duel_tests::command();
        command
            .args(["watch", format, "./empty"])
            .current_dir(home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut watcher = command.spawn().expect("duel");
        let mut said = String::new();
        let stderr = watcher.stderr.take().expect("a pipe");
        BufReader::new(stderr).read_line(&mut said).expect("a line");
        watcher.kill().and_then(|()| watcher.wait()).expect("a watcher that waits");
        assert_eq!(said, "duel: no training has begun in ./empty yet: waiting for one; Ctrl-C ends the wait\n");
    }
}

#[test]
fn a_missing_run_is_named_in_the_error() {
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join("other")).and_then(|()| fs::write(home.path().join("other/x"), "")).expect("space");
    for (arguments, expected) in [
        (&["watch", "nothing"][..], "no run nothing"),
        (&["watch", "other"], "no run other"),
        (&["watch"], "duel train"),
    ] {
        let output = duel_tests::command().args(arguments).current_dir(home.path()).output().expect("duel");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
}
