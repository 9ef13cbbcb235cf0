//! The main screen: curves and the newest samples.

use duel_trainer::run::{grid::Samples, scalars::GRADIENTS};
use ratatui::layout::Rect;

use super::{
    densities,
    panels::{self, Steps},
};
use crate::{
    term::{
        plot::{Chart, Curve, Scale},
        sheet::{Piece, Sheet, piece},
        theme::Role,
        tiles::Tile,
    },
    text::{
        events::{kind, text},
        numbers::{self, short},
        run::has_idle_network,
    },
    watch::state::app::App,
};

/// Rows of a panel; with this many more there is room for another.
const PANEL: u16 = 7;

/// Draws curves at the left, samples at the right, and below them gradient norms and facts as far as there is room.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    // As many whole samples as fit into half of the screen, one at least.
    let tile = Tile::small(app.run.shape(), sheet.theme).width + 1;
    let side = (body.width / 2 / tile).max(1) * tile - 1;
    let line = body.right() - side - 1;
    sheet.down(line, body.y - 1, body.bottom());
    let left = Rect { width: line - body.x, ..body };
    let right = Rect { x: line + 1, width: side, ..body };

    let all = app.run.curves.panels();
    let count = match body.height {
        ..12 => 2,
        rows => usize::from(rows / PANEL).clamp(3, all.len()),
    };
    panels::draw(sheet, left, &all[..count], app, &Steps::in_view(app, None));

    let rest = draw_samples(sheet, right, app);
    sheet.across(line, body.right(), rest.y - 1);
    if all[..count].contains(&&GRADIENTS) {
        return draw_facts(sheet, rest, app);
    }
    draw_gradients(sheet, Rect { height: rest.height.min(2), ..rest }, app);
}

/// Draws the newest samples; returns the area below them and a line.
fn draw_samples(sheet: &mut Sheet, area: Rect, app: &App) -> Rect {
    sheet.label(area.x, area.right(), area.y - 1, vec![piece("samples", Role::Title)]);
    let Some((step, samples)) = &app.time.shown else {
        sheet.put(area.x + 1, area.right(), area.y + 1, &[piece("none yet", Role::Dim)]);
        return below(area, Tile::small(app.run.shape(), sheet.theme).height.min(area.height));
    };
    let label = vec![piece(format!("step {}", numbers::thousands(*step)), Role::Dim)];
    sheet.label_right(area.x + 9, area.right(), area.y - 1, label);
    let reserved = if area.height < 30 { 3 } else { area.height / 3 };
    let grid = match samples {
        Samples::Pictures(grid) => grid,
        Samples::Densities(densities) => {
            let place = Rect { height: area.height.saturating_sub(reserved), ..area };
            densities::draw(densities, place, sheet);
            return below(area, place.height);
        }
    };
    let tile = Tile::readable(grid.shape, sheet.theme);
    let tile = if tile.height + 3 > area.height { Tile::small(grid.shape, sheet.theme) } else { tile };
    let (across, down) = tile.fit(Rect { height: area.height - reserved, ..area });
    let rows = grid.len().div_ceil(across.min(grid.columns).max(1)).clamp(1, down.max(1)) as u16;
    let place = Rect { height: (rows * tile.height).min(area.height), ..area };
    tile.draw_all(&grid.images, grid.columns, place, sheet);
    below(area, place.height)
}

/// Returns the part of an area below `rows` rows and a line.
fn below(area: Rect, rows: u16) -> Rect {
    Rect { y: area.y + rows + 1, height: area.height.saturating_sub(rows + 1), ..area }
}

/// Draws a line for each network: its newest gradient norm, and a curve.
fn draw_gradients(sheet: &mut Sheet, area: Rect, app: &App) {
    sheet.label(area.x, area.right(), area.y - 1, vec![piece(GRADIENTS.title, Role::Title)]);
    let steps = Steps::in_view(app, None);
    for (series, y) in GRADIENTS.series().zip(area.y..area.bottom()) {
        let role = panels::role(series.tone);
        let newest = steps.buckets.last().map(|bucket| f64::from(bucket.span(series).mean));
        let value = match newest {
            Some(norm) if !(norm.is_nan() && has_idle_network(&app.run)) => short(norm),
            _ => "-".into(),
        };
        sheet.put(area.x + 1, area.right(), y, &[piece(format!("{} {value:>5}", series.label), role)]);
        let curve = Curve { buckets: steps.buckets, series, role };
        let scale = Scale::around(panels::ends(&curve), app.view.logarithm);
        let chart = Chart {
            curves: &[curve],
            across: app.view.across,
            range: steps.range,
            scale,
            mark: None,
            cursor: None,
            smoothing: app.view.smoothing(),
        };
        let plot = Rect { x: area.x + 9, y, width: area.width.saturating_sub(10), height: 1 };
        chart.draw_bare(plot, sheet.buffer, sheet.theme);
    }
}

/// Draws the recipe, the scores and the newest events, as many as fit.
fn draw_facts(sheet: &mut Sheet, area: Rect, app: &App) {
    sheet.label(area.x, area.right(), area.y - 1, vec![piece("run", Role::Title)]);
    let mut rows = recipe(app);
    rows.extend(scores(app));
    let room = usize::from(area.height).saturating_sub(rows.len());
    rows.extend(app.run.history.events.iter().rev().take(room).map(|event| {
        vec![
            piece(format!("{} ", numbers::time_of_day(event.time, app.offset)), Role::Dim),
            piece(format!("{} ", kind(event)), Role::Text),
            piece(text(event), Role::Dim),
        ]
    }));
    for (row, y) in rows.into_iter().zip(area.y..area.bottom()) {
        sheet.put(area.x + 1, area.right(), y, &row);
    }
}

fn scores(app: &App) -> Vec<Vec<Piece>> {
    let scores = app.run.history.scores.iter();
    scores
        .map(|(name, score)| vec![piece(format!("{name} "), Role::Dim), piece(format!("{score:.4}"), Role::Title)])
        .collect()
}

fn recipe(app: &App) -> Vec<Vec<Piece>> {
    let run = &app.run;
    let mut rows = Vec::new();
    if let Some(last) = run.last {
        rows.push(vec![
            piece("learning rates  ", Role::Dim),
            piece(format!("D {}  ", numbers::rate(last.d_learning_rate)), Role::D),
            piece(format!("G {}", numbers::rate(last.g_learning_rate)), Role::G),
        ]);
    }
    let setting = |key: &str| run.recipe.get(key);
    let pair = |name: &'static str, value: Option<String>| {
        value.map(|value| vec![piece(format!("{name}  "), Role::Dim), piece(value, Role::Text)])
    };
    let [g, d] = run.history.start.parameters.map(|count| numbers::thousands(count as u64));
    rows.extend(pair("about", setting("about").filter(|about| !about.is_empty())));
    rows.extend(pair("parameters", (g != "0").then(|| format!("D {d}  G {g}"))));
    rows.extend(pair("batch", setting("training.batch")));
    rows.extend(pair("loss", setting("training.loss")));
    rows.extend(pair("seed", setting("training.seed")));
    rows
}
