//! Every screen of recorded runs after scripted keys, in one table.

use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
};

use duel_models::random::Stream;
use duel_tests::recorded::{BEGAN, Kind, at, json, record, record_long};
use duel_trainer::run::record::Metrics;
use ratatui::{Terminal, backend::TestBackend, style::Color};

use super::frame::draw;
use crate::{
    term::{
        charset::Charset,
        input::Key,
        pixels::Picture,
        testing::{draw_with, plain},
        theme::{Colors, Theme},
    },
    watch::{
        files::Files,
        keys::KEYS,
        state::{
            action::{Effect, Event, Mode, Screen},
            app::App,
        },
    },
};

/// A dashboard without a terminal.
struct Bench {
    app: App,
    files: Files,
    size: (u16, u16),
}

impl Bench {
    fn on(dir: &Path, mode: Mode, size: (u16, u16)) -> Self {
        let (files, run) = Files::open(dir);
        let mut bench = Self { app: App::new(dir, run, mode, BEGAN as f64 + 3600.0), files, size };
        bench.read();
        bench
    }

    fn read(&mut self) {
        self.files.read(&mut self.app);
        self.files.read_samples(&mut self.app);
    }

    /// Presses keys: each character is a key, some signs stand for keys without a character.
    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            let key = match key {
                '←' => Key::Left,
                '→' => Key::Right,
                '↑' => Key::Up,
                '↓' => Key::Down,
                '⏎' => Key::Enter,
                '⌂' => Key::Home,
                '⎋' => Key::Escape,
                '⇞' => Key::PageUp,
                c => Key::Char(c),
            };
            if let Some(Effect::Open(dir)) = self.app.update(Event::Key(key)) {
                let run;
                (self.files, run) = Files::open(&dir);
                self.app.open(&dir, run);
            }
            self.read();
        }
    }

    /// Draws the screen; pictures that are pixels stand below it as a line each.
    fn draw(&self, theme: Theme) -> String {
        let mut pictures = Vec::new();
        let mut drawn = draw_with(self.size, |frame| pictures = draw(frame, &self.app, theme));
        for Picture { area, tile, across, shape, images, mark } in pictures {
            let count = images.len() / shape.size();
            let frame = if mark.is_some() { ", one marked" } else { "" };
            writeln!(drawn, "{count} pictures of {shape}, {across} across, tiles of {tile:?}, at {area}{frame}")
                .expect("memory");
        }
        drawn
    }
}

#[test]
fn what_the_balance_does_is_on_the_screen() {
    let dir = tempfile::tempdir().expect("a directory");
    record(Kind::Killed, dir.path());
    let lock = File::open(dir.path().join("lock")).expect("a lock");
    lock.lock().expect("nobody else's");
    let file = dir.path().join("recipe.toml");
    let recipe = std::fs::read_to_string(&file).expect("a recipe");
    let adaptive = recipe.replace("balance = \"fixed\"", "balance = \"adaptive\"");
    // In this recipe both networks learn at 1e-4.
    let (before, after) = adaptive.split_once("[discriminator]").expect("its section");
    let faster = after.replacen("learning_rate = 0.0001", "learning_rate = 0.0002", 1);
    let adaptive = format!("{before}[discriminator]{faster}");
    for (text, expected) in [(recipe, false), (adaptive, true)] {
        std::fs::write(&file, text).expect("space");
        let screen = Bench::on(dir.path(), Mode::Watch, (80, 24)).draw(plain(Charset::Ascii));
        assert_eq!(screen.contains("the discriminator learns at 50.0 % of its learning rate"), expected, "{screen}");
    }
}

#[test]
fn what_the_trainer_takes_is_shown_where_there_is_room() {
    let dir = tempfile::tempdir().expect("a directory");
    record(Kind::Killed, dir.path());
    let metrics = Metrics { processors: 1.94, memory: 640e6, ..at(Kind::Killed, 10_050) };
    let mut file = OpenOptions::new().append(true).open(dir.path().join("metrics.jsonl")).expect("a file");
    file.write_all(json(&metrics).as_bytes()).expect("space");
    let lock = File::open(dir.path().join("lock")).expect("a lock");
    lock.lock().expect("nobody else's");
    for (size, expected) in [((100, 30), true), ((60, 16), false)] {
        let screen = Bench::on(dir.path(), Mode::Watch, size).draw(plain(Charset::Ascii));
        assert_eq!(screen.contains("  1.9 processors, 640 MB"), expected, "{screen}");
    }
    drop(lock);
    let screen = Bench::on(dir.path(), Mode::Watch, (100, 30)).draw(plain(Charset::Ascii));
    assert!(!screen.contains("processors"), "no trainer is at work:\n{screen}");
}

#[test]
fn the_bell_rings_at_a_new_warning_and_at_the_end() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("run");
    record(Kind::Collapsed, &dir);
    let lock = File::open(dir.join("lock")).expect("a lock");
    lock.lock().expect("nobody else's");
    let mut bench = Bench::on(&dir, Mode::Watch, (80, 24));
    let rings = |line: &str, bench: &mut Bench| {
        let mut events = OpenOptions::new().append(true).open(dir.join("events.jsonl")).expect("a file");
        events.write_all(line.as_bytes()).expect("space");
        bench.read();
        std::mem::take(&mut bench.app.rings)
    };
    assert!(!rings("", &mut bench), "the warning is an old one");
    assert_eq!(bench.app.title(), "run: step 10,000 of 20,000");
    for (line, expected) in [
        (r#"{"time":1,"step":10001,"event":"checkpoint","file":"f"}"#, false),
        (r#"{"time":1,"step":10002,"event":"warning","what":"w","since":1,"evidence":"e","remedy":"r"}"#, true),
        (r#"{"time":1,"step":10003,"event":"checkpoint","file":"f"}"#, false),
        (r#"{"time":1,"step":20000,"event":"stopped","why":"done"}"#, true),
    ] {
        assert_eq!(rings(&format!("{line}\n"), &mut bench), expected, "{line}");
    }
    assert_eq!(bench.app.title(), "run: done at step 20,000");
}

/// Title, run, whether a trainer holds the run, mode, and keys of each screen.
const TABLE: &[(&str, Kind, bool, Mode, &str)] = &[
    ("duel, running", Kind::Killed, true, Mode::Watch, ""),
    ("duel, collapsed, logarithmic, smooth", Kind::Collapsed, true, Mode::Watch, "yss"),
    ("duel, lost among the numbers", Kind::Diverged, false, Mode::Watch, ""),
    ("duel, zoomed and panned", Kind::Healthy, false, Mode::ReadOnly, "++←"),
    ("duel, empty", Kind::Empty, false, Mode::Watch, ""),
    ("duel, half a line at the end", Kind::HalfALine, false, Mode::Watch, ""),
    ("time, at the fourth grid", Kind::Healthy, false, Mode::Watch, "2⌂→→→"),
    ("time, over the time of training", Kind::Healthy, false, Mode::Watch, "t2⌂→→→"),
    ("duel, over numbers", Kind::Numbers, false, Mode::Watch, ""),
    ("time, over numbers", Kind::Numbers, false, Mode::Watch, "2⌂→→→"),
    ("duel, in colour", Kind::Colour, true, Mode::Watch, ""),
    ("time, in colour", Kind::Colour, true, Mode::Watch, "2⌂→→→"),
    ("one picture, in colour, chosen by arrows, at an earlier step", Kind::Colour, true, Mode::Watch, "z→→↓←⇞⇞⇞"),
    ("help over a picture in colour", Kind::Colour, true, Mode::Watch, "z?"),
    ("duel after one picture, in colour", Kind::Colour, true, Mode::Watch, "zz"),
    ("value, resumed", Kind::Resumed, true, Mode::Watch, "3"),
    ("runs, two marked", Kind::Healthy, false, Mode::Watch, "4 ↓↓ v"),
    ("log, filtered", Kind::Collapsed, true, Mode::Watch, "5/check⏎"),
    ("log, hostile", Kind::Hostile, true, Mode::Watch, "5"),
    ("help", Kind::Killed, true, Mode::Watch, "?"),
    ("control", Kind::Killed, true, Mode::Watch, "c↓↓"),
    ("leaving", Kind::Killed, true, Mode::Attached, "q"),
];

/// Titles of the screens that are drawn on a large terminal, too.
const LARGE: &[&str] = &[
    "duel, running",
    "duel, over numbers",
    "time, at the fourth grid",
    "value, resumed",
    "runs, two marked",
    "log, hostile",
];

/// Titles of the screens of pictures in colour that are drawn on a large terminal.
const IN_COLOUR: &[&str] = &["duel, in colour", "one picture, in colour, chosen by arrows, at an earlier step"];

#[test]
fn a_training_that_has_just_begun_says_when_its_figures_come() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("recipe.toml"), "[record]\nmetrics_every = 50\n").expect("space");
    let lock = File::create(dir.path().join("lock")).expect("space");
    for is_held in [false, true] {
        let screen = Bench::on(dir.path(), Mode::Watch, (80, 24)).draw(plain(Charset::Ascii));
        assert_eq!(screen.contains("first figures at step 50"), is_held, "{screen}");
        lock.lock().expect("nobody else's");
    }
}

#[test]
fn pictures_have_the_colours_that_the_terminal_has() {
    let home = tempfile::tempdir().expect("a directory");
    record(Kind::Colour, home.path());
    for keys in ["", "2", "z"] {
        for (colors, is_right) in [
            (Colors::True, (|color| matches!(color, Color::Rgb(..))) as fn(Color) -> bool),
            (Colors::Many, |color| matches!(color, Color::Indexed(16..=231))),
            (Colors::Sixteen, |color| matches!(color, Color::Indexed(1..=6 | 9..=14))),
        ] {
            for size in [(80, 24), (200, 50)] {
                let mut bench = Bench::on(home.path(), Mode::Watch, size);
                bench.press(keys);
                let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("memory");
                let theme = Theme { charset: Charset::Braille, colors, is_light: false };
                terminal.draw(|frame| drop(draw(frame, &bench.app, theme))).expect("memory");
                let cells = terminal.backend().buffer().content.iter().filter(|cell| cell.symbol() == "▀");
                let (right, all) =
                    cells.fold((0, 0), |(right, all), cell| (right + usize::from(is_right(cell.fg)), all + 1));
                assert!(all >= 2 * 128 && right > all / 8, "{keys:?} {colors:?} {size:?}: {right} of {all}");
            }
        }
    }
}

#[test]
fn screens() {
    let home = tempfile::tempdir().expect("a directory");
    for kind in Kind::ALL {
        record(kind, &home.path().join(format!("{kind:?}").to_lowercase()));
    }
    for (size, charset) in [
        ((80, 24), Charset::Braille),
        ((80, 24), Charset::Ascii),
        ((80, 24), Charset::Half),
        ((80, 24), Charset::Pixels),
        ((200, 50), Charset::Braille),
        ((200, 50), Charset::Ascii),
        ((200, 50), Charset::Half),
        ((200, 50), Charset::Pixels),
    ] {
        let mut all = String::new();
        // A large terminal shows more of a screen, and the same popups. Pixels differ in the pictures only.
        let shown = TABLE.iter().filter(|(title, ..)| match (size.0, charset) {
            (80, Charset::Pixels) => title.contains("in colour"),
            (80, _) => !title.contains("over a picture") && !title.contains("after one picture"),
            (_, Charset::Half | Charset::Pixels) => IN_COLOUR.contains(title),
            _ => LARGE.contains(title) || IN_COLOUR.contains(title),
        });
        for (title, kind, alive, mode, keys) in shown {
            let name = format!("{kind:?}").to_lowercase();
            let dir = home.path().join(&name);
            let lock = alive.then(|| File::open(dir.join("lock")).expect("a lock"));
            lock.iter().for_each(|lock| lock.lock().expect("a lock"));
            let mut bench = Bench::on(&dir, *mode, size);
            bench.press(keys);
            bench.app.dir = Path::new("runs").join(&name);
            let drawn = bench.draw(plain(charset));
            assert!(charset != Charset::Ascii || drawn.is_ascii(), "{title} in ASCII:\n{drawn}");
            write!(all, "--- {title} ---\n{drawn}").expect("memory");
        }
        let name = format!("{}x{}_{charset:?}", size.0, size.1).to_lowercase();
        insta::assert_snapshot!(name, all);
    }
}

#[test]
fn a_hostile_run_is_shown_and_not_obeyed() {
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("a\u{1b}[2Jb");
    record(Kind::Hostile, &dir);
    for screen in "12345c?".chars() {
        for charset in [Charset::Braille, Charset::Half, Charset::Ascii] {
            let mut bench = Bench::on(&dir, Mode::Watch, (200, 50));
            bench.press(&screen.to_string());
            let drawn = bench.draw(plain(charset));
            assert!(!drawn.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{drawn}");
            assert!(drawn.contains(r"a\u{1b}[2Jb"), "its name is shown:\n{drawn}");
        }
    }
}

#[test]
fn a_small_terminal_is_told_what_is_needed() {
    let home = tempfile::tempdir().expect("a directory");
    record(Kind::Killed, home.path());
    let mut bench = Bench::on(home.path(), Mode::Watch, (59, 16));
    assert!(bench.draw(plain(Charset::Braille)).contains("duel needs 60 x 16"));
    for size in [(1, 1), (3, 2), (60, 15), (10, 100)] {
        bench.size = size;
        bench.draw(plain(Charset::Ascii));
    }
    for keys in ["1", "2", "3", "4", "5", "?", "⎋c", "⎋"] {
        bench.press(keys);
        for size in [(60, 16), (61, 17), (60, 100), (500, 16), (300, 100)] {
            bench.size = size;
            bench.draw(plain(Charset::Half));
        }
    }
}

#[test]
fn no_spike_of_a_long_run_is_lost() {
    let home = tempfile::tempdir().expect("a directory");
    record_long(home.path(), 200_000);
    let bench = Bench::on(home.path(), Mode::Watch, (80, 24));
    assert!(bench.draw(plain(Charset::Braille)).contains(" 100 ⠀".trim_end_matches('⠀')), "the scale holds the spike");
    assert_eq!(bench.app.run.step(), 200_000);
}

/// Applies 100,000 random events of all kinds and draws now and then at random sizes: no panic, and the state stays
/// valid.
#[test]
fn random_events() {
    let home = tempfile::tempdir().expect("a directory");
    for kind in [Kind::Healthy, Kind::Collapsed, Kind::Hostile, Kind::Empty, Kind::Colour] {
        record(kind, &home.path().join(format!("{kind:?}")));
    }
    let mut bench = Bench::on(&home.path().join("Healthy"), Mode::Attached, (80, 24));
    let keys: Vec<Key> = KEYS.iter().flat_map(|group| group.bindings).flat_map(|one| one.keys).copied().collect();
    let mut random = Stream::new(2014, "events");
    for round in 0..100_000 {
        let event = match random.below(20) {
            0 => Event::Tick(random.uniform() * 2e9),
            1 => Event::Fresh,
            2 => Event::Samples(random.bits() >> random.below(64), None),
            3 => Event::Asked(if random.below(2) == 0 { Ok(round.to_string()) } else { Err("no".into()) }),
            4 => Event::Summaries(Vec::new()),
            5 => Event::Key(Key::Char(char::from_u32(random.below(0x3000) as u32).unwrap_or('x'))),
            6 => Event::Key([Key::Enter, Key::Escape, Key::Backspace, Key::Delete][random.below(4)]),
            _ => Event::Key(keys[random.below(keys.len())]),
        };
        bench.app.update(event);
        if round % 100 == 0 {
            bench.read();
            bench.size = (random.below(150) as u16 + 1, random.below(60) as u16 + 1);
            let charset = [Charset::Ascii, Charset::Half, Charset::Braille, Charset::Pixels][random.below(4)];
            let colors = [Colors::None, Colors::Sixteen, Colors::Many, Colors::True][random.below(4)];
            bench.draw(Theme { charset, colors, is_light: false });
        }
    }
    assert!(Screen::ALL.contains(&bench.app.screen));
}
