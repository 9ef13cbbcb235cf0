//! What happened to the run, the newest at the bottom.

use duel_trainer::run::record::{Event, What};
use ratatui::layout::Rect;

use super::sheet::{Piece, Sheet, piece};
use crate::{
    app::{self, App},
    theme::Role,
    words,
};

/// Draws it: as many events as there are rows, and the filter at the bottom.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let area = Rect { x: body.x + 1, width: body.width - 2, height: body.height - 1, ..body };
    let shown: Vec<&Event> = app.run.story.events.iter().filter(|event| app.log.shows(event)).collect();
    sheet.label(body.x, body.right(), body.y - 1, vec![piece("log", Role::Title)]);
    let count = format!("{} of {} events", shown.len(), app.run.story.events.len());
    sheet.label_right(body.x + 8, body.right(), body.y - 1, vec![piece(count, Role::Dim)]);

    let rows = usize::from(area.height);
    let end = shown.len().saturating_sub(app.log.below).max(rows.min(shown.len()));
    let start = end.saturating_sub(rows);
    for (event, y) in shown[start..end].iter().zip(area.y..) {
        sheet.put(area.x, area.right(), y, &line(event, app));
    }
    draw_filter(sheet, Rect { y: area.bottom(), height: 1, ..area }, app);
}

fn line(event: &Event, app: &App) -> Vec<Piece> {
    let role = match event.what {
        What::Warning { .. } => Role::Warn,
        What::Stopped { error: Some(_), .. } => Role::Bad,
        What::Started { .. } | What::Resumed { .. } | What::Stopped { .. } => Role::Good,
        What::Evaluation { .. } => Role::Title,
        What::Checkpoint { .. } | What::Answer { .. } => Role::Text,
    };
    vec![
        piece(format!("{}  ", words::clock(event.time, app.offset)), Role::Dim),
        piece(format!("{:>10}  ", words::thousands(event.step)), Role::Dim),
        piece(format!("{:<10}  ", app::kind(event)), role),
        piece(app::text(event), Role::Text),
    ]
}

fn draw_filter(sheet: &mut Sheet, area: Rect, app: &App) {
    let mut pieces = vec![piece("/", Role::Dim), piece(app.log.filter.clone(), Role::Title)];
    match (app.log.typing, app.log.filter.is_empty()) {
        (true, _) => pieces.push(piece(sheet.theme.pick("█", "█", "_"), Role::Title)),
        (false, true) => pieces.push(piece(" filters", Role::Dim)),
        (false, false) => pieces.push(piece("  esc shows all", Role::Dim)),
    }
    let unreadable = app.run.unreadable;
    let x = sheet.put(area.x, area.right(), area.y, &pieces);
    if unreadable > 0 {
        let words = format!("{} lines of the run's files could not be read", words::thousands(unreadable));
        let start = area.right().saturating_sub(words.len() as u16).max(x + 2);
        sheet.put(start, area.right(), area.y, &[piece(words, Role::Warn)]);
    }
}
