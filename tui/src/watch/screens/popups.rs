//! Popups over a screen.

use ratatui::{
    layout::Rect,
    widgets::{Clear, Widget},
};

use duel_trainer::run::record::RequestKind;

use crate::{
    term::{
        bindings,
        sheet::{self, Piece, Sheet, piece},
        theme::{Role, Theme},
    },
    watch::{
        keys::KEYS,
        state::{
            app::App,
            popup::{CONFIRM, LEAVE, Popup, items, words},
        },
    },
};

/// Columns of the left half of the table of keys.
const HELP: u16 = 39;

/// Draws a popup in the middle, as large as its text.
pub fn draw(mut sheet: Sheet, area: Rect, popup: &Popup, app: &App) {
    let (title, rows) = match popup {
        Popup::Help { above } => ("keys", help(sheet.theme).into_iter().skip(*above).collect()),
        Popup::Control { at } => {
            let items: Vec<String> = items().iter().map(|item| item.label(&app.run)).collect();
            ("ask the trainer to", menu(&items, *at))
        }
        Popup::Set { key, text, refused } => ("a new value", set(key, text, refused.as_deref(), sheet.theme)),
        Popup::Sure { ask, .. } => ("ask the trainer?", sure(ask, sheet.theme)),
        Popup::Leave { at } => ("the training is still running", menu(&LEAVE.map(str::to_owned), *at)),
    };
    let rows: Vec<Vec<Piece>> = rows;
    let widest = rows.iter().map(|row| sheet::width(row)).max().unwrap_or(0).max(title.len() as u16 + 2);
    let (width, height) = ((widest + 4).min(area.width), (rows.len() as u16 + 2).min(area.height));
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    // The popup hides the screen below it.
    Clear.render(place, sheet.buffer);
    sheet.frame(place);
    sheet.label(place.x + 2, place.right() - 1, place.y, vec![piece(title, Role::Title)]);
    for (row, y) in rows.iter().zip(place.y + 1..place.bottom() - 1) {
        sheet.put(place.x + 2, place.right() - 1, y, row);
    }
    if rows.len() as u16 + 2 > height {
        let more = sheet.theme.pick("↓ more", "↓ more", "down: more");
        sheet.label_right(place.x + 2, place.right() - 1, place.bottom() - 1, vec![piece(more, Role::Dim)]);
    }
    // A popup has no pictures.
    drop(sheet.finish());
}

/// Formats a menu with a number before each line.
fn menu(items: &[String], at: usize) -> Vec<Vec<Piece>> {
    let row = |(index, item): (usize, &String)| {
        let role = if index == at { Role::Here } else { Role::Text };
        vec![piece(format!("{} ", index + 1), Role::Dim), piece(item.clone(), role)]
    };
    let mut rows: Vec<Vec<Piece>> = items.iter().enumerate().map(row).collect();
    rows.push(vec![piece("enter chooses, esc goes back", Role::Dim)]);
    rows
}

fn set(key: &'static str, text: &str, refused: Option<&str>, theme: Theme) -> Vec<Vec<Piece>> {
    let cursor = theme.pick("█", "█", "_");
    let about = match refused {
        Some(why) => piece(why.to_owned(), Role::Bad),
        None => piece("enter sends it, esc goes back", Role::Dim),
    };
    vec![vec![piece(format!("{key} = "), Role::Text), piece(format!("{text}{cursor}"), Role::Title)], vec![about]]
}

fn sure(ask: &RequestKind, theme: Theme) -> Vec<Vec<Piece>> {
    let about = match ask {
        RequestKind::Stop => "stop: the trainer finishes its step, writes a checkpoint and ends".to_owned(),
        _ => words(ask),
    };
    let key = bindings::name(CONFIRM, theme);
    vec![
        vec![piece(about, Role::Text)],
        vec![piece(key, Role::Title), piece(" confirms it, any other key goes back", Role::Dim)],
    ]
}

/// Formats the table of keys in two columns.
fn help(theme: Theme) -> Vec<Vec<Piece>> {
    let mut rows = Vec::new();
    for group in KEYS {
        let places: Vec<&str> = group.screens.iter().map(|screen| screen.name()).collect();
        let places = match places.as_slice() {
            [one] if *one == group.title => " screen".to_owned(),
            [] => String::new(),
            all => format!(", on {}", all.join(", ")),
        };
        rows.push(vec![piece(group.title, Role::Title), piece(places, Role::Dim)]);
        for binding in group.bindings {
            let names: Vec<String> = binding.keys.iter().map(|key| bindings::name(*key, theme)).collect();
            rows.push(vec![piece(format!("  {:<10} ", names.join(", ")), Role::G), piece(binding.does, Role::Text)]);
        }
    }
    let mut left = rows;
    let right = left.split_off(left.len().div_ceil(2));
    for (row, other) in left.iter_mut().zip(right) {
        let gap = HELP.saturating_sub(sheet::width(row));
        row.push(piece(" ".repeat(usize::from(gap)), Role::Text));
        row.extend(other);
    }
    left
}
