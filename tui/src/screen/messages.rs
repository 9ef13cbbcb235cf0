//! The two lines at the bottom: what matters most, and what to do about it.

use duel_trainer::run::{
    grid::Samples,
    reader::Run,
    record::{Event, What},
    story::State,
};

use super::sheet::{Piece, piece};
use crate::{
    app::{self, App},
    runs,
    theme::Role,
    words,
};

type Lines = [Vec<Piece>; 2];

/// What matters most now.
pub fn messages(app: &App) -> Lines {
    let mut lines = state_of(app);
    if let Some(note) = &app.note {
        lines[1] = vec![piece(note.clone(), Role::Title)];
    }
    lines
}

fn state_of(app: &App) -> Lines {
    let run = &app.run;
    let dir = duel_trainer::run::story::showable(&app.dir.display().to_string());
    match run.state() {
        State::Crashed => [crash(app), next(run, &dir)],
        State::Waiting => [
            vec![piece("no trainer has begun here yet", Role::Dim)],
            vec![piece(format!("looking at {dir}"), Role::Dim)],
        ],
        _ if run.story.warning().is_some() => run.story.warning().map(warning).unwrap_or_default(),
        State::Done if matches!(app.time.shown, Some((_, Samples::Numbers(_)))) => {
            [last_event(app, 0), vec![piece("walk through its steps on screen ", Role::Dim), piece("2", Role::Title)]]
        }
        State::Done => [last_event(app, 0), next(run, &dir)],
        State::Stopped => [last_event(app, 0), next(run, &dir)],
        State::Running | State::Paused => {
            [last_event(app, 0), held_back(&app.run).unwrap_or_else(|| last_event(app, 1))]
        }
    }
}

fn next(run: &Run, dir: &str) -> Vec<Piece> {
    let (words, command) = runs::next(run.state(), runs::over_numbers(run), dir);
    vec![piece(format!("{words}  "), Role::Dim), piece(command, Role::Title)]
}

/// What the balance does, if the recipe has one: what is left of the discriminator's rate, beside what is left of the generator's.
fn held_back(run: &Run) -> Option<Vec<Piece>> {
    let rate = |key: &str| run.setting(key)?.parse::<f64>().ok();
    run.recipe.get("training.balance").filter(|balance| balance == "adaptive")?;
    let last = run.last?;
    let left = last.d_learning_rate / rate("discriminator.learning_rate")?;
    let share = 100.0 * left * rate("generator.learning_rate")? / last.g_learning_rate;
    Some(vec![
        piece("balance: the discriminator learns at ", Role::Dim),
        piece(format!("{share:.1} %"), Role::Title),
        piece(" of its rate", Role::Dim),
    ])
}

fn crash(app: &App) -> Vec<Piece> {
    let why = app.run.story.events.iter().rev().find_map(|event| match &event.what {
        What::Stopped { error: Some(error), .. } => Some(error.as_str()),
        What::Started { .. } | What::Resumed { .. } => Some("its trainer is gone without a word"),
        _ => None,
    });
    let step = words::thousands(app.run.step());
    vec![piece(format!("crashed at step {step}: "), Role::Bad), piece(why.unwrap_or_default().to_owned(), Role::Text)]
}

fn warning(event: &Event) -> Lines {
    let What::Warning { what, since, evidence, remedy } = &event.what else { return Lines::default() };
    [
        vec![
            piece(format!("! {what} "), Role::Warn),
            piece(format!("since step {}: {evidence}", words::thousands(*since)), Role::Text),
        ],
        vec![piece("remedy: ", Role::Dim), piece(remedy.clone(), Role::Title)],
    ]
}

/// The newest event, or one before it.
fn last_event(app: &App, back: usize) -> Vec<Piece> {
    let Some(event) = app.run.story.events.iter().rev().nth(back) else { return Vec::new() };
    let role = if back == 0 { Role::Text } else { Role::Dim };
    vec![
        piece(format!("{} ", words::clock(event.time, app.offset)), Role::Dim),
        piece(format!("{} ", app::kind(event)), role),
        piece(app::text(event), Role::Dim),
    ]
}
