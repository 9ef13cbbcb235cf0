//! Pictures in colour on a pseudo-terminal: as characters, and as pixels where the terminal answers that it shows them.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use duel_tests::{
    duel, generator,
    pty::Pty,
    recorded::{Kind, at, json, record, write_colour_grid},
};

/// The end of the questions that `duel` asks a terminal.
const ASKED: &str = "\x1b[c";

/// Answers of terminals: kitty, WezTerm (images of iTerm2), foot (sixel), and one without pixels.
const KITTY: &str = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.42.1)\x1b\\\x1b[6;20;10t\x1b[?62;52;c";
const WEZTERM: &str = "\x1bP>|WezTerm 20240203\x1b\\\x1b[6;20;10t\x1b[?65;4;6c";
const FOOT: &str = "\x1bP>|foot(1.21.0)\x1b\\\x1b[6;20;10t\x1b[?62;4;22c";
const XTERM: &str = "\x1bP>|XTerm(390)\x1b\\\x1b[6;20;10t\x1b[?64;1;2;6;9c";

/// The beginnings of pictures in each protocol.
const PICTURES: [&str; 3] = ["\x1b_Ga=T", "\x1b]1337;File=inline=1", "\x1bP0;0;0q"];

/// Writes a recorded run in colour; returns the directory that holds `runs`, and the run.
fn run() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("runs").join("recorded");
    record(Kind::Colour, &dir);
    (home, dir)
}

fn start(home: &Path, size: (u16, u16), variables: &[(&str, &str)], arguments: &[&str]) -> Pty {
    let duel = duel().to_str().expect("a path of text");
    // The tests themselves may run in a tmux.
    let outside = [("TMUX", ""), ("STY", ""), ("ZELLIJ", "")];
    Pty::start(size, home, &[&outside, variables].concat(), &[&[duel], arguments].concat())
}

/// Starts a program and answers its questions.
fn answered(home: &Path, size: (u16, u16), arguments: &[&str], answer: &str) -> Pty {
    let mut pty = start(home, size, &[], arguments);
    pty.receive(ASKED);
    pty.press(answer);
    pty
}

fn has_pixels(pty: &Pty) -> bool {
    PICTURES.iter().any(|picture| pty.text().contains(picture))
}

#[test]
fn pixels_are_sent_only_to_a_terminal_that_says_that_it_shows_them() {
    let (home, _dir) = run();
    for (answer, expected) in [
        (KITTY, Some(PICTURES[0])),
        (WEZTERM, Some(PICTURES[1])),
        (FOOT, Some(PICTURES[2])),
        (XTERM, None),
        // No answer at all.
        ("", None),
    ] {
        let mut pty = answered(home.path(), (80, 24), &["watch"], answer);
        pty.expect("q leave");
        pty.listen(Duration::from_millis(500));
        assert_eq!(has_pixels(&pty), expected.is_some(), "{answer:?}");
        assert!(expected.is_none_or(|picture| pty.text().contains(picture)), "{answer:?}");
        assert_eq!(pty.shows("▀▀▀▀▀▀▀▀"), expected.is_none(), "characters where there are no pixels");
        // No byte of the answer is a key, and the keys work.
        assert!(pty.shows("samples") && !pty.shows("everywhere"), "{answer:?}");
        for (keys, text) in [("z", "picture 1 of 40"), ("\x1b[C\x1b[B", "picture 12 of 40"), ("?", "everywhere")] {
            pty.forget();
            pty.press(keys);
            pty.expect(text);
        }
        // Something covers the screen: the picture below it is characters.
        pty.listen(Duration::from_millis(300));
        assert!(!has_pixels(&pty), "{answer:?}");
        pty.press("\x1b");
        pty.listen(Duration::from_millis(500));
        assert_eq!(has_pixels(&pty), expected.is_some(), "{answer:?}");
        pty.press("z");
        pty.expect("samples");
        pty.press("q");
        assert!(pty.end(Duration::from_secs(5)).expect("q leaves").success());
    }
}

#[test]
fn tmux_and_screen_are_not_asked() {
    let (home, _dir) = run();
    for variables in
        [("TMUX", "/tmp/tmux-0/default,1,0"), ("TERM", "tmux-256color"), ("TERM", "screen"), ("STY", "1.a")]
    {
        let mut pty = start(home.path(), (80, 24), &[variables], &["watch"]);
        pty.expect("samples");
        assert!(!pty.text().contains(ASKED), "{variables:?}");
        pty.press("z");
        pty.expect("picture 1 of 40");
        let mut pty = start(home.path(), (80, 24), &[variables], &["watch", "--charset", "pixels"]);
        pty.expect("do not pass pictures on");
        assert_eq!(pty.end(Duration::from_secs(5)).expect("an error").code(), Some(1));
    }
}

#[test]
fn keys_before_the_answer_count_and_answers_that_come_late_are_no_keys() {
    let (home, _dir) = run();
    let mut pty = answered(home.path(), (80, 24), &["watch"], &format!("z{KITTY}"));
    pty.expect("picture 1 of 40");
    let mut pty = answered(home.path(), (80, 24), &["watch"], "");
    pty.expect("samples");
    // It contains the letters q, c and z among others.
    pty.press("\x1b_Gi=31;OKqcz\x1b\\\x1bP>|kitty(0.42.1)qz");
    pty.press("\x1b\\\x1b[6;20;10t\x1b[?62;52;c");
    pty.listen(Duration::from_millis(500));
    assert!(pty.shows("samples") && !has_pixels(&pty));
    pty.press("z");
    pty.expect("picture 1 of 40");
}

#[test]
fn pixels_that_are_demanded_and_not_to_be_had_are_an_error() {
    let (home, _dir) = run();
    fs::write(home.path().join("m.onnx"), generator::onnx()).expect("a write");
    for arguments in [&["watch"][..], &["explore", "--model", "m.onnx"], &["sample", "--model", "m.onnx"]] {
        let arguments = [arguments, &["--charset", "pixels"]].concat();
        let mut pty = answered(home.path(), (120, 24), &arguments, XTERM);
        pty.expect("--charset pixels: the terminal does not answer");
        assert_eq!(pty.end(Duration::from_secs(5)).expect("an error").code(), Some(1));
        assert!(pty.is_cooked());
    }
    let output = duel_tests::command().args(["sample", "--charset", "pixels"]).output().expect("duel");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("needs a terminal"));
}

#[test]
fn sample_and_explore_show_pixels() {
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("m.onnx"), generator::onnx()).expect("a write");
    let mut pty = answered(home.path(), (80, 24), &["sample", "--model", "m.onnx", "--count", "5"], KITTY);
    assert!(pty.end(Duration::from_secs(5)).expect("it ends").success());
    assert_eq!(pty.text().matches(PICTURES[0]).count(), 2, "four in the first row, one in the second");
    assert!(pty.is_cooked());
    let mut pty = answered(home.path(), (80, 24), &["explore", "--model", "m.onnx"], KITTY);
    pty.expect("between neighbours");
    pty.receive(PICTURES[0]);
    pty.forget();
    pty.press("]");
    pty.expect("class 1");
    pty.receive(PICTURES[0]);
}

/// Prints the bytes a second of a run that writes a grid of 40 pictures of 64×64 in colour every second. Pixels take less
/// than 50 kB a second.
#[test]
fn a_grid_a_second_takes_few_bytes() {
    // The build must not count as time.
    duel();
    let (home, dir) = run();
    const SECONDS: u64 = 12;
    for second in 1..=SECONDS {
        fs::create_dir_all(home.path().join("samples")).expect("a directory");
        write_colour_grid(home.path(), 10_000 + 50 * second);
    }
    let cases = [
        ("ascii", "truecolor", ""),
        ("braille", "", ""),
        ("half", "", ""),
        ("half", "truecolor", ""),
        ("auto", "truecolor", KITTY),
        ("auto", "truecolor", WEZTERM),
        ("auto", "truecolor", FOOT),
    ];
    let measure = |charset: &str, colours: &str, answer: &str, size: (u16, u16)| {
        let mut pty = start(home.path(), size, &[("COLORTERM", colours)], &["watch", "--charset", charset]);
        if !answer.is_empty() {
            pty.receive(ASKED);
            pty.press(answer);
        }
        // What was saved at the start is used up after a few grids.
        pty.listen(Duration::from_secs(SECONDS - 6));
        pty.forget();
        pty.listen(Duration::from_secs(5));
        pty.output.len() / 5
    };
    let measure = &measure;
    thread::scope(|scope| {
        let measured: Vec<_> = [(80, 24), (200, 50)]
            .into_iter()
            .flat_map(|size| cases.map(|(charset, colours, answer)| (size, charset, colours, answer)))
            .map(|case| (case, scope.spawn(move || measure(case.1, case.2, case.3, case.0))))
            .collect();
        let mut metrics = OpenOptions::new().append(true).open(dir.join("metrics.jsonl")).expect("a file");
        for second in 1..=SECONDS {
            let (step, name) = (10_000 + 50 * second, format!("samples/{:08}.png", 10_000 + 50 * second));
            fs::rename(home.path().join(&name), dir.join(name)).expect("a file");
            metrics.write_all(json(&at(Kind::Colour, step)).as_bytes()).expect("a write");
            thread::sleep(Duration::from_secs(1));
        }
        for (((columns, rows), charset, colours, answer), bytes) in measured {
            let bytes = bytes.join().expect("a measurement");
            let name = answer.split(['|', '(', ' ']).nth(1).unwrap_or_default();
            println!("{columns}x{rows} {charset} {colours} {name}: {bytes} bytes/s");
            assert!(bytes > 200, "{charset} {name}: {bytes}");
            assert!(answer.is_empty() || bytes < 50_000, "{charset} {name}: {bytes}");
        }
    });
}
