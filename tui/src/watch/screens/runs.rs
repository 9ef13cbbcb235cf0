//! The list of runs, and the curves of the marked ones.

use std::time::UNIX_EPOCH;

use duel_trainer::run::{history::State, summary::RunSummary};
use ratatui::layout::Rect;

use super::{axis::place, panels};
use crate::{
    term::{
        columns::{fitted, width},
        plot::{Across, Chart, Curve, Scale, letter},
        sheet::{Piece, Sheet, piece},
        theme::Role,
    },
    text::{events::scores, numbers},
    watch::state::{app::App, runs::Overlay},
};

/// Draws the list above, the curves below.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let rows = (app.runs.list.len() as u16 + 1).clamp(2, (body.height / 2).max(3));
    draw_list(sheet, Rect { x: body.x + 1, width: body.width - 1, height: rows, ..body }, app);
    let line = body.y + rows;
    sheet.across(body.x - 1, body.right(), line);
    draw_overlay(sheet, Rect { y: line + 1, height: body.bottom() - line - 1, ..body }, app);
}

fn draw_list(sheet: &mut Sheet, area: Rect, app: &App) {
    sheet.label(area.x - 1, area.right(), area.y - 1, vec![piece("runs", Role::Title)]);
    let longest = app.runs.list.iter().map(|summary| width(&summary.run.name)).max().unwrap_or(0);
    let names = longest.clamp(4, usize::from(area.width / 3));
    let head = format!("  {:<9} {:<names$} {:>17} {:>9}  {:<12} scores", "state", "name", "step", "age", "recipe");
    sheet.put(area.x, area.right(), area.y, &[piece(head, Role::Dim)]);
    if app.runs.list.is_empty() {
        sheet.put(area.x, area.right(), area.y + 1, &[piece("no runs here yet", Role::Dim)]);
    }
    let room = usize::from(area.height - 1);
    // The selected run stays in view.
    let first = (app.runs.at + 1).saturating_sub(room);
    for ((at, summary), y) in app.runs.list.iter().enumerate().skip(first).zip(area.y + 1..area.bottom()) {
        let row = row(sheet, app, summary, names, at == app.runs.at);
        sheet.put(area.x, area.right(), y, &row);
    }
}

fn row(sheet: &Sheet, app: &App, summary: &RunSummary, names: usize, here: bool) -> Vec<Piece> {
    let run = &summary.run;
    let state = run.state();
    let number = app.runs.number(&summary.dir);
    let sign = if number.is_some() { sheet.theme.pick("■", "■", "*") } else { " " };
    let steps = format!("{} / {}", numbers::thousands(run.step()), numbers::thousands(run.steps()));
    let recipe = run.recipe.get("name").unwrap_or_default();
    let cut = sheet.theme.pick("…", "~", "~");
    vec![
        piece(format!("{sign} "), number.map_or(Role::Text, |number| Role::Run(number as u8))),
        piece(format!("{:<9} ", state.name()), role(state)),
        piece(fitted(&run.name, names, cut), if here { Role::Here } else { Role::Text }),
        piece(format!(" {steps:>17} "), Role::Text),
        piece(format!("{:>9}", summary.touched.map_or_else(String::new, |at| since(app.now, at))), Role::Dim),
        piece(format!("  {} ", fitted(&recipe, 12, cut)), Role::Dim),
        piece(scores(&run.history.judge, &run.history.scores, &run.history.real), Role::Text),
    ]
}

fn since(now: f64, touched: std::time::SystemTime) -> String {
    let touched = touched.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    numbers::age(now - touched)
}

fn role(state: State) -> Role {
    match state {
        State::Running | State::Done => Role::Good,
        State::Paused => Role::Warn,
        State::Failed | State::Crashed => Role::Bad,
        State::Waiting | State::Stopped => Role::Dim,
    }
}

fn draw_overlay(sheet: &mut Sheet, area: Rect, app: &App) {
    let series = app.runs.series();
    sheet.label(area.x, area.right(), area.y - 1, vec![piece(series.name, Role::Title)]);
    let runs = &app.runs.overlays;
    if app.runs.marked.is_empty() {
        let hint = "space marks runs to compare their curves; v: another curve";
        sheet.put(area.x + 1, area.right(), area.y, &[piece(hint, Role::Dim)]);
        return;
    }
    let role = |dir: &std::path::Path| Role::Run(app.runs.number(dir).unwrap_or(0) as u8);
    let name = |overlay: &Overlay| {
        let role = role(&overlay.dir);
        let letter = letter(sheet.theme, role).map_or_else(String::new, |letter| format!("{letter} "));
        piece(format!("{letter}{}  ", overlay.run.name), role)
    };
    let names = runs.iter().map(name).collect();
    sheet.label_right(area.x + 20, area.right(), area.y - 1, names);

    let done = runs.iter().map(|overlay| overlay.run.step()).max().unwrap_or(0);
    let (from, to) = app.view.steps(done, 0);
    let curves: Vec<Curve> = runs
        .iter()
        .map(|overlay| Curve { buckets: overlay.run.curves.between(from, to), series, role: role(&overlay.dir) })
        .collect();
    let scale = Scale::around(curves.iter().flat_map(panels::ends), app.view.logarithm);
    let smoothing = app.view.smoothing();
    let across = app.view.across;
    let range = match across {
        Across::Steps => (from as f64, to as f64),
        // From the first to the last second in which one of the runs was in view.
        Across::Time => runs.iter().fold((f64::INFINITY, 0.0), |(first, last), Overlay { run, .. }| {
            let end = run.curves.last_step().unwrap_or(0).min(to);
            (place(across, &run.curves, from).min(first), place(across, &run.curves, end).max(last))
        }),
    };
    let chart = Chart { curves: &curves, across, range, scale, mark: None, cursor: None, smoothing };
    chart.draw(Rect { height: area.height - 1, ..area }, sheet.buffer, sheet.theme);
    let bottom = Rect { y: area.bottom() - 1, height: 1, ..area };
    panels::draw_steps(sheet, bottom, app, range);
}
