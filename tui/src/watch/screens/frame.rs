//! The frame around every screen of the dashboard.

use duel_trainer::run::history::State;
use ratatui::{Frame, layout::Rect};

use super::{duel, log, messages, picture, popups, runs, time, value};
use crate::{
    term::{
        pixels::Picture,
        sheet::{self, Piece, Sheet, piece},
        theme::{Role, Theme},
    },
    text::{numbers, run::seconds_left},
    watch::state::{
        action::{Mode, Screen},
        app::App,
    },
};

/// The fewest columns and rows that a dashboard needs.
pub const LEAST: (u16, u16) = (60, 16);

/// Draws the dashboard; returns the pictures that are drawn as pixels.
pub fn draw(frame: &mut Frame, app: &App, theme: Theme) -> Vec<Picture> {
    let area = frame.area();
    let mut sheet = Sheet::new(frame.buffer_mut(), theme);
    sheet.is_covered = app.popup.is_some();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        draw_too_small(&mut sheet, area);
        return sheet.finish();
    }
    sheet.frame(area);
    let body = draw_surroundings(&mut sheet, area, app);
    match app.screen {
        Screen::Duel => duel::draw(&mut sheet, body, app),
        Screen::Time => time::draw(&mut sheet, body, app),
        Screen::Value => value::draw(&mut sheet, body, app),
        Screen::Runs => runs::draw(&mut sheet, body, app),
        Screen::Log => log::draw(&mut sheet, body, app),
        Screen::Picture => picture::draw(&mut sheet, body, app),
    }
    let pictures = sheet.finish();
    if let Some(popup) = &app.popup {
        popups::draw(Sheet::new(frame.buffer_mut(), theme), area, popup, app);
    }
    pictures
}

fn draw_too_small(sheet: &mut Sheet, area: Rect) {
    let lines = [
        format!("duel needs {} x {}", LEAST.0, LEAST.1),
        format!("this terminal is {} x {}", area.width, area.height),
        "q leaves".to_owned(),
    ];
    sheet.put_in_the_middle(&lines);
}

/// Draws the run's name and state, its progress, messages and keys. Returns the area that is left for the screen; the
/// line above this area is already drawn.
fn draw_surroundings(sheet: &mut Sheet, area: Rect, app: &App) -> Rect {
    let (left, right) = (area.x + 1, area.right() - 1);
    draw_name(sheet, area, app);
    draw_progress(sheet, Rect { x: left + 1, y: area.y + 1, width: right - left - 2, height: 1 }, app);
    sheet.across(area.x, right, area.y + 2);
    let messages = area.bottom() - 3;
    sheet.across(area.x, right, messages - 1);
    for (message, y) in messages::messages(app).into_iter().zip(messages..) {
        sheet.put(left + 1, right - 1, y, &message);
    }
    draw_keys(sheet, area, app);
    Rect { x: left, y: area.y + 3, width: right - left, height: messages - 1 - (area.y + 3) }
}

fn draw_name(sheet: &mut Sheet, area: Rect, app: &App) {
    let theme = sheet.theme;
    let state = app.run.state();
    let badge = badge(state, theme);
    let badge_width = sheet::width(&badge) + 2;
    let end = area.right() - 2;
    let mut name = vec![piece("duel ", Role::Title), piece(app.run.name.clone(), Role::Here)];
    let start = &app.run.history.start;
    let recipe = app.run.recipe.get("name").filter(|recipe| *recipe != app.run.name);
    let device = match (start.device.as_str(), start.threads) {
        ("", _) => None,
        ("cpu", threads) => Some(format!("cpu, {}", numbers::threads(threads))),
        (device, _) => Some(device.to_owned()),
    };
    for fact in [recipe.map(|recipe| format!("recipe {recipe}")), device].into_iter().flatten() {
        name.push(piece(format!("  {fact}"), Role::Dim));
    }
    let name_end = end.saturating_sub(badge_width + 1);
    let usage = usage(app);
    // Two columns are the spaces around the label.
    if area.x + 4 + sheet::width(&name) + sheet::width(&usage) <= name_end {
        name.extend(usage);
    }
    sheet.label(area.x + 2, name_end, area.y, name);
    sheet.label_right(area.x + 2, end, area.y, badge);
}

/// Describes what the trainer takes of the machine; empty if no trainer is at work, or if it does not record that.
fn usage(app: &App) -> Vec<Piece> {
    match app.run.last.filter(|last| app.run.has_trainer && last.processors.is_finite()) {
        Some(last) => {
            let (processors, memory) = (last.processors.max(0.0), numbers::bytes(last.memory));
            vec![piece(format!("  {processors:.1} processors, {memory}"), Role::Dim)]
        }
        None => Vec::new(),
    }
}

/// Formats a state as a sign and a word.
fn badge(state: State, theme: Theme) -> Vec<Piece> {
    let (signs, role) = match state {
        State::Waiting => (("○", "-", "-"), Role::Dim),
        State::Running => (("●", "•", "*"), Role::Good),
        State::Paused => (("◐", "=", "="), Role::Warn),
        State::Done => (("✓", "√", "+"), Role::Good),
        State::Stopped => (("■", "■", "#"), Role::Dim),
        State::Failed | State::Crashed => (("✗", "x", "x"), Role::Bad),
    };
    vec![piece(format!("{} {}", theme.pick(signs.0, signs.1, signs.2), state.name()), role)]
}

/// Draws the progress bar, the step, the speed, the time elapsed and left.
fn draw_progress(sheet: &mut Sheet, area: Rect, app: &App) {
    let run = &app.run;
    let (step, steps) = (run.step(), run.steps());
    let mut words = vec![piece(format!("step {}", numbers::thousands(step)), Role::Title)];
    if steps > 0 {
        words.push(piece(format!(" / {}", numbers::thousands(steps)), Role::Dim));
    }
    if let Some(last) = run.last {
        let speed = numbers::thousands(last.images_per_second.clamp(0.0, 1e12) as u64);
        words.push(piece(format!("   {speed} images/s"), Role::Text));
        words.push(piece(format!("   after {}", numbers::duration(last.seconds)), Role::Dim));
    } else if let (State::Running, Some(first)) = (run.state(), run.recipe.get("record.metrics_every")) {
        words.push(piece(format!("   first figures at step {first}"), Role::Dim));
    }
    if let (State::Running | State::Paused, Some(left)) = (run.state(), seconds_left(run)) {
        words.push(piece(format!("  {} left", numbers::duration(left)), Role::Text));
    }
    let start = area.right().saturating_sub(sheet::width(&words)).max(area.x);
    if steps > 0 && start > area.x + 8 {
        draw_bar(sheet, Rect { width: start - area.x - 2, ..area }, step as f64 / steps as f64);
    }
    sheet.put(start, area.right(), area.y, &words);
}

fn draw_bar(sheet: &mut Sheet, area: Rect, share: f64) {
    let percent = format!("{:>4.0} %", (share * 100.0).floor().min(100.0));
    let width = usize::from(area.width).saturating_sub(percent.len());
    let done = ((share.clamp(0.0, 1.0) * width as f64) as usize).min(width);
    let (full, empty) = sheet.theme.pick(("━", "─"), ("█", "░"), ("#", "."));
    let bar = [piece(full.repeat(done), Role::G), piece(empty.repeat(width - done), Role::Border)];
    let x = sheet.put(area.x, area.right(), area.y, &bar);
    sheet.put(x, area.right(), area.y, &[piece(percent, Role::Text)]);
}

fn draw_keys(sheet: &mut Sheet, area: Rect, app: &App) {
    let y = area.bottom() - 1;
    let mut screens = Vec::new();
    for (number, screen) in (1..).zip(Screen::ALL) {
        let role = if screen == app.screen { Role::Here } else { Role::Dim };
        screens.push(piece(format!("{number}"), Role::Title));
        screens.push(piece(format!(" {}", screen.name()), role));
        screens.push(piece(" ", Role::Text));
    }
    screens.pop();
    sheet.label(area.x + 2, area.right() - 2, y, screens);
    let control = if app.mode == Mode::ReadOnly { "" } else { "c control  " };
    let keys = match app.screen {
        Screen::Picture => format!("{} choose  z all  ", sheet.theme.pick("←↑↓→", "←↑↓→", "arrows")),
        Screen::Duel | Screen::Time if app.grid().is_some() => format!("z large  {control}"),
        _ => control.to_owned(),
    };
    sheet.label_right(area.x + 41, area.right() - 2, y, vec![piece(format!("{keys}? keys  q leave"), Role::Dim)]);
}
