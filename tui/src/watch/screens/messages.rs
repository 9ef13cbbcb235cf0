//! The two lines at the bottom: the most important message, and what to do about it.

use std::path::Path;

use duel_models::text::showable;
use duel_trainer::run::{
    grid::Samples,
    history::State,
    reader::Run,
    record::{Event, EventKind},
};

use crate::{
    term::{
        sheet::{Piece, piece},
        theme::Role,
    },
    text::{
        events::{kind, text},
        numbers,
        run::next_command,
    },
    watch::state::app::App,
};

type Lines = [Vec<Piece>; 2];

/// Returns the two lines.
pub fn messages(app: &App) -> Lines {
    let mut lines = state_of(app);
    if let Some(note) = &app.note {
        lines[1] = vec![piece(note.clone(), Role::Title)];
    }
    lines
}

fn state_of(app: &App) -> Lines {
    let run = &app.run;
    match run.state() {
        State::Failed | State::Crashed => [broken_off(app), next(run, &app.dir)],
        State::Waiting => [
            vec![piece("the training has not started yet", Role::Dim)],
            vec![piece(format!("watching {}", showable(&app.dir.display().to_string())), Role::Dim)],
        ],
        _ if run.history.warning().is_some() => run.history.warning().map(warning).unwrap_or_default(),
        State::Done if matches!(app.time.shown, Some((_, Samples::Densities(_)))) => {
            [last_event(app, 0), vec![piece("walk through its steps on screen ", Role::Dim), piece("2", Role::Title)]]
        }
        State::Done => [last_event(app, 0), next(run, &app.dir)],
        State::Stopped => [last_event(app, 0), next(run, &app.dir)],
        State::Running | State::Paused => {
            [last_event(app, 0), held_back(&app.run).unwrap_or_else(|| last_event(app, 1))]
        }
    }
}

fn next(run: &Run, dir: &Path) -> Vec<Piece> {
    let (words, command) = next_command(run.state(), run.recipe.is_toy(), dir);
    vec![piece(format!("{words}  "), Role::Dim), piece(command, Role::Title)]
}

/// Describes an adaptive balance: the discriminator's learning rate as a share of the rate it would have without the
/// balance.
fn held_back(run: &Run) -> Option<Vec<Piece>> {
    let rate = |key: &str| run.setting(key)?.parse::<f64>().ok();
    run.recipe.get("training.balance").filter(|balance| balance == "adaptive")?;
    let last = run.last?;
    let left = last.d_learning_rate / rate("discriminator.learning_rate")?;
    let share = 100.0 * left * rate("generator.learning_rate")? / last.g_learning_rate;
    Some(vec![
        piece("balance: the discriminator learns at ", Role::Dim),
        piece(format!("{share:.1} %"), Role::Title),
        piece(" of its learning rate", Role::Dim),
    ])
}

fn broken_off(app: &App) -> Vec<Piece> {
    let why = app.run.history.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Stopped { error: Some(error), .. } => Some(error.as_str()),
        EventKind::Started { .. } | EventKind::Resumed { .. } => Some("the trainer ended without a message"),
        _ => None,
    });
    let step = numbers::thousands(app.run.step());
    vec![
        piece(format!("{} at step {step}: ", app.run.state().name()), Role::Bad),
        piece(why.unwrap_or_default().to_owned(), Role::Text),
    ]
}

fn warning(event: &Event) -> Lines {
    let EventKind::Warning { what, since, evidence, remedy } = &event.kind else { return Lines::default() };
    [
        vec![
            piece(format!("! {what} "), Role::Warn),
            piece(format!("since step {}: {evidence}", numbers::thousands(*since)), Role::Text),
        ],
        vec![piece("remedy: ", Role::Dim), piece(remedy.clone(), Role::Title)],
    ]
}

/// Describes an event, counted back from the newest.
fn last_event(app: &App, back: usize) -> Vec<Piece> {
    let Some(event) = app.run.history.events.iter().rev().nth(back) else { return Vec::new() };
    let role = if back == 0 { Role::Text } else { Role::Dim };
    vec![
        piece(format!("{} ", numbers::time_of_day(event.time, app.offset)), Role::Dim),
        piece(format!("{} ", kind(event)), role),
        piece(text(event), Role::Dim),
    ]
}
