//! Every screen, from scripted keys over recorded runs, in one table.

use std::{fmt::Write as _, fs::File, path::Path};

use duel_models::{Card, LatentLaw, random::Stream};
use duel_tests::recorded::{BEGAN, Kind, record, record_long};
use ratatui::{Frame, Terminal, backend::TestBackend, buffer::Cell, text::Span};

use super::draw;
use crate::{
    app::{App, Effect, Event, Mode, Screen},
    charset::Charset,
    clock::Clock,
    dashboard::Files,
    event::Key,
    explore::Explore,
    theme::{Colors, Theme},
};

/// Plain black on white, so that a snapshot shows all there is.
const fn theme(charset: Charset) -> Theme {
    Theme { charset, colors: Colors::None }
}

/// A dashboard without a terminal.
struct Bench {
    app: App,
    files: Files,
    size: (u16, u16),
}

impl Bench {
    fn on(dir: &Path, mode: Mode, size: (u16, u16)) -> Self {
        let (files, run) = Files::of(dir);
        let mut bench = Self { app: App::new(dir, run, mode, BEGAN as f64 + 3600.0), files, size };
        bench.look();
        bench
    }

    fn look(&mut self) {
        self.files.look(&mut self.app);
        self.files.look_at_samples(&mut self.app);
    }

    /// Presses keys, each a character, or one of these signs for a key without one.
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
                c => Key::Char(c),
            };
            if let Some(Effect::Open(dir)) = self.app.update(Event::Key(key)) {
                let run;
                (self.files, run) = Files::of(&dir);
                self.app.open(&dir, run);
            }
            self.look();
        }
    }

    fn draw(&self, theme: Theme) -> String {
        draw_with(self.size, |frame| draw(frame, &self.app, theme))
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
    // Both learn at 1e-4.
    let (before, after) = adaptive.split_once("[discriminator]").expect("its section");
    let faster = after.replacen("learning_rate = 0.0001", "learning_rate = 0.0002", 1);
    let adaptive = format!("{before}[discriminator]{faster}");
    for (text, expected) in [(recipe, false), (adaptive, true)] {
        std::fs::write(&file, text).expect("space");
        let screen = Bench::on(dir.path(), Mode::Watch, (80, 24)).draw(theme(Charset::Ascii));
        assert_eq!(screen.contains("the discriminator learns at 50.0 % of its rate"), expected, "{screen}");
    }
}

fn draw_with(size: (u16, u16), draw: impl FnOnce(&mut Frame)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("memory");
    terminal.draw(draw).expect("memory");
    let rows = terminal.backend().buffer().content.chunks(usize::from(size.0));
    rows.map(|row| text(row).trim_end().to_owned() + "\n").collect()
}

/// A row of cells; what a wide character covers is left out.
fn text(row: &[Cell]) -> String {
    let mut text = String::new();
    let mut covered = 0;
    for cell in row {
        if covered == 0 {
            text += cell.symbol();
            covered = Span::raw(cell.symbol()).width().max(1);
        }
        covered -= 1;
    }
    text
}

/// What is pressed, on which run, and whether a trainer holds it.
const TABLE: &[(&str, Kind, bool, Mode, &str)] = &[
    ("duel, running", Kind::Killed, true, Mode::Watch, ""),
    ("duel, collapsed, logarithmic, smooth", Kind::Collapsed, true, Mode::Watch, "yss"),
    ("duel, lost among the numbers", Kind::Diverged, false, Mode::Watch, ""),
    ("duel, zoomed and panned", Kind::Healthy, false, Mode::ReadOnly, "++←"),
    ("duel, empty", Kind::Empty, false, Mode::Watch, ""),
    ("duel, half a line at the end", Kind::HalfALine, false, Mode::Watch, ""),
    ("time, at the fourth grid", Kind::Healthy, false, Mode::Watch, "2⌂→→→"),
    ("duel, over numbers", Kind::Numbers, false, Mode::Watch, ""),
    ("time, over numbers", Kind::Numbers, false, Mode::Watch, "2⌂→→→"),
    ("value, resumed", Kind::Resumed, true, Mode::Watch, "3"),
    ("runs, two marked", Kind::Healthy, false, Mode::Watch, "4 ↓↓ v"),
    ("log, filtered", Kind::Collapsed, true, Mode::Watch, "5/check⏎"),
    ("log, hostile", Kind::Hostile, true, Mode::Watch, "5"),
    ("help", Kind::Killed, true, Mode::Watch, "?"),
    ("control", Kind::Killed, true, Mode::Watch, "c↓↓"),
    ("leaving", Kind::Killed, true, Mode::Attached, "q"),
];

/// The rows that are drawn on a large terminal too: each screen once.
const LARGE: &[&str] = &[
    "duel, running",
    "duel, over numbers",
    "time, at the fourth grid",
    "value, resumed",
    "runs, two marked",
    "log, hostile",
];

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
        ((200, 50), Charset::Braille),
        ((200, 50), Charset::Ascii),
    ] {
        let mut all = String::new();
        // A large terminal shows more of the screens themselves; what lies over them is the same.
        let shown = TABLE.iter().filter(|(title, ..)| size.0 == 80 || LARGE.contains(title));
        for (title, kind, alive, mode, keys) in shown {
            let name = format!("{kind:?}").to_lowercase();
            let dir = home.path().join(&name);
            let lock = alive.then(|| File::open(dir.join("lock")).expect("a lock"));
            lock.iter().for_each(|lock| lock.lock().expect("a lock"));
            let mut bench = Bench::on(&dir, *mode, size);
            bench.press(keys);
            bench.app.dir = Path::new("runs").join(&name);
            let drawn = bench.draw(theme(charset));
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
            let drawn = bench.draw(theme(charset));
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
    assert!(bench.draw(theme(Charset::Braille)).contains("duel needs 60 x 16"));
    for size in [(1, 1), (3, 2), (60, 15), (10, 100)] {
        bench.size = size;
        bench.draw(theme(Charset::Ascii));
    }
    for keys in ["1", "2", "3", "4", "5", "?", "⎋c", "⎋"] {
        bench.press(keys);
        for size in [(60, 16), (61, 17), (60, 100), (500, 16), (300, 100)] {
            bench.size = size;
            bench.draw(theme(Charset::Half));
        }
    }
}

#[test]
fn no_spike_of_a_long_run_is_lost() {
    let home = tempfile::tempdir().expect("a directory");
    record_long(home.path(), 200_000);
    let bench = Bench::on(home.path(), Mode::Watch, (80, 24));
    assert!(bench.draw(theme(Charset::Braille)).contains(" 100 ⠀".trim_end_matches('⠀')), "the scale holds the spike");
    assert_eq!(bench.app.run.step(), 200_000);
}

/// The digits of a walk and of the clock, without a generator: what is drawn is the state.
#[test]
fn explore_and_clock() {
    let card = card();
    let mut all = String::new();
    for (size, charset) in [((80, 24), Charset::Braille), ((80, 24), Charset::Ascii), ((200, 50), Charset::Ascii)] {
        let theme = theme(charset);
        let mut walk = Explore::new(card.clone(), 1);
        let (_, (across, down)) = super::explore::layout(size.0, size.1, theme);
        walk.resize((across, down));
        walk.press(Key::Char('4'));
        walk.digits = (0..across * down).map(|at| duel_tests::recorded::digit(at % 10)).collect();
        let drawn = draw_with(size, |frame| super::explore::draw(frame, &walk, theme));
        assert!(charset != Charset::Ascii || drawn.is_ascii(), "{drawn}");
        write!(all, "--- explore, {size:?}, {charset:?} ---\n{drawn}").expect("memory");

        let mut clock = Clock::default();
        for (place, digit) in clock.changes(13 * 3600 + 37 * 60 + 42, 6) {
            clock.images[place] = Some(duel_tests::recorded::digit(digit.into()));
        }
        let drawn = draw_with(size, |frame| super::clock::draw(frame, &clock, theme));
        assert!(charset != Charset::Ascii || drawn.is_ascii(), "{drawn}");
        write!(all, "--- clock, {size:?}, {charset:?} ---\n{drawn}").expect("memory");
    }
    insta::assert_snapshot!("explore_and_clock", all);
}

fn card() -> Card {
    Card {
        name: "test".into(),
        latent: 8,
        latent_law: LatentLaw::Normal,
        classes: 10,
        recipe: "test".into(),
        seed: 1,
        steps: 1,
        images: 1,
        data: "mnist".into(),
        made_by: "duel".into(),
        checked_by: "nothing".into(),
        scores: Default::default(),
    }
}

#[test]
fn random_keys_on_a_walk() {
    let mut walk = Explore::new(card(), 1);
    let keys: Vec<Key> = crate::keys::EXPLORE.iter().flat_map(|one| one.keys).copied().collect();
    let mut random = Stream::new(2015, "keys");
    for round in 0..100_000 {
        walk.press(keys[random.below(keys.len())]);
        if round % 500 == 0 {
            let size = (random.below(250) as u16 + 1, random.below(80) as u16 + 1);
            let theme = theme([Charset::Ascii, Charset::Half, Charset::Braille][random.below(3)]);
            walk.resize(super::explore::layout(size.0, size.1, theme).1);
            assert_eq!(walk.latents().len(), walk.size.0 * walk.size.1 * 8);
            assert!(walk.latents().iter().all(|value| value.is_finite()));
            draw_with(size, |frame| super::explore::draw(frame, &walk, theme));
            draw_with(size, |frame| super::clock::draw(frame, &Clock::default(), theme));
        }
    }
}

/// 100,000 random events of all kinds, drawn now and then at random sizes: no panic, and the state stays sound.
#[test]
fn random_events() {
    let home = tempfile::tempdir().expect("a directory");
    for kind in [Kind::Healthy, Kind::Collapsed, Kind::Hostile, Kind::Empty] {
        record(kind, &home.path().join(format!("{kind:?}")));
    }
    let mut bench = Bench::on(&home.path().join("Healthy"), Mode::Attached, (80, 24));
    let keys: Vec<Key> =
        crate::keys::WATCH.iter().flat_map(|group| group.bindings).flat_map(|one| one.keys).copied().collect();
    let mut random = Stream::new(2014, "events");
    for round in 0..100_000 {
        let event = match random.below(20) {
            0 => Event::Tick(random.uniform() * 2e9),
            1 => Event::Fresh,
            2 => Event::Samples(random.bits() >> random.below(64), None),
            3 => Event::Asked(if random.below(2) == 0 { Ok(round.to_string()) } else { Err("no".into()) }),
            4 => Event::Glances(Vec::new()),
            5 => Event::Key(Key::Char(char::from_u32(random.below(0x3000) as u32).unwrap_or('x'))),
            6 => Event::Key([Key::Enter, Key::Escape, Key::Backspace, Key::Delete][random.below(4)]),
            _ => Event::Key(keys[random.below(keys.len())]),
        };
        bench.app.update(event);
        if round % 100 == 0 {
            bench.look();
            bench.size = (random.below(150) as u16 + 1, random.below(60) as u16 + 1);
            let charset = [Charset::Ascii, Charset::Half, Charset::Braille][random.below(3)];
            let colors = [Colors::None, Colors::Sixteen, Colors::Many, Colors::True][random.below(4)];
            bench.draw(Theme { charset, colors });
        }
    }
    assert!(Screen::ALL.contains(&bench.app.screen));
}
