//! The events of the run, the newest at the bottom. A warning and a failure are folded into several lines.

use duel_trainer::run::record::{Event, EventKind};
use ratatui::layout::Rect;

use crate::{
    term::{
        sheet::{Sheet, piece},
        theme::Role,
    },
    text::{
        events::{kind, text},
        numbers,
    },
    watch::state::app::App,
};

/// Columns before the text of an event: its time, its step and its kind.
const HEAD: u16 = 34;

/// Draws as many events as fit, and the filter below.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let area = Rect { x: body.x + 1, width: body.width - 2, height: body.height - 1, ..body };
    let shown: Vec<&Event> = app.run.history.events.iter().filter(|event| app.log.shows(event)).collect();
    sheet.label(body.x, body.right(), body.y - 1, vec![piece("log", Role::Title)]);
    let count = format!("{} of {} events", shown.len(), app.run.history.events.len());
    sheet.label_right(body.x + 8, body.right(), body.y - 1, vec![piece(count, Role::Dim)]);

    let end = shown.len().saturating_sub(app.log.below).max(fitting(shown.iter(), area));
    let start = end - fitting(shown[..end].iter().rev(), area);
    let mut y = area.y;
    for event in &shown[start..end] {
        y = draw_event(sheet, Rect { y, height: area.bottom() - y, ..area }, event, app);
    }
    draw_filter(sheet, Rect { y: area.bottom(), height: 1, ..area }, app);
}

/// Returns how many of these events fit, at least one if there is one.
fn fitting<'a>(events: impl ExactSizeIterator<Item = &'a &'a Event>, area: Rect) -> usize {
    let (some, mut left) = (events.len().min(1), usize::from(area.height));
    let fits = |event: &&&Event| {
        let rest = left.checked_sub(folded(event, area).len());
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    events.take_while(fits).count().max(some)
}

/// Returns the text of an event, folded if it is a warning or a failure.
fn folded(event: &Event, area: Rect) -> Vec<String> {
    let text = text(event);
    match event.kind {
        EventKind::Warning { .. } | EventKind::Stopped { error: Some(_), .. } => {
            let width = usize::from(area.width.saturating_sub(HEAD)).max(1);
            textwrap::wrap(&text, width).into_iter().map(String::from).collect()
        }
        _ => vec![text],
    }
}

/// Draws an event and returns the row after it.
fn draw_event(sheet: &mut Sheet, area: Rect, event: &Event, app: &App) -> u16 {
    let role = match event.kind {
        EventKind::Warning { .. } => Role::Warn,
        EventKind::Stopped { error: Some(_), .. } => Role::Bad,
        EventKind::Started { .. } | EventKind::Resumed { .. } | EventKind::Stopped { .. } => Role::Good,
        EventKind::Evaluation { .. } => Role::Title,
        EventKind::Checkpoint { .. } | EventKind::Change { .. } | EventKind::Answer { .. } => Role::Text,
    };
    let head = [
        piece(format!("{}  ", numbers::time_of_day(event.time, app.offset)), Role::Dim),
        piece(format!("{:>10}  ", numbers::thousands(event.step)), Role::Dim),
        piece(format!("{:<10}", kind(event)), role),
    ];
    sheet.put(area.x, area.right(), area.y, &head);
    let mut y = area.y;
    for line in folded(event, area).into_iter().take(usize::from(area.height)) {
        sheet.put(area.x + HEAD, area.right(), y, &[piece(line, Role::Text)]);
        y += 1;
    }
    y
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
        let words = format!("{} lines of the run's files could not be read", numbers::thousands(unreadable));
        let start = area.right().saturating_sub(words.len() as u16).max(x + 2);
        sheet.put(start, area.right(), area.y, &[piece(words, Role::Warn)]);
    }
}
