//! A grid of digits around a point of latent space.

use ratatui::{Frame, layout::Rect};

use super::{
    draw_in_the_middle,
    sheet::{Sheet, piece},
    tiles,
};
use crate::{
    explore::Explore,
    keys,
    theme::{Role, Theme},
};

/// Digits that are shown at most, across and down: each is drawn afresh at every step.
const MOST: (usize, usize) = (15, 9);

/// The size of a digit, and how many fit across and down into a terminal of that size: odd numbers, for there is a middle.
pub fn layout(width: u16, height: u16, theme: Theme) -> ((u16, u16), (usize, usize)) {
    let inside = Rect { x: 0, y: 0, width: width.saturating_sub(2), height: height.saturating_sub(3) };
    let odd = |size| {
        let (across, down) = tiles::fit(inside, size);
        let odd = |count: usize, most: usize| count.min(most).saturating_sub(1) / 2 * 2 + usize::from(count > 0);
        (odd(across, MOST.0), odd(down, MOST.1))
    };
    let full = odd(tiles::size(theme));
    if full.0 >= 3 && full.1 >= 3 { (tiles::size(theme), full) } else { (tiles::SMALL, odd(tiles::SMALL)) }
}

/// Draws the grid, what it is above, and below what the last key did and what the others do.
pub fn draw(frame: &mut Frame, explore: &Explore, theme: Theme) {
    let area = frame.area();
    let mut sheet = Sheet::new(frame.buffer_mut(), theme);
    let (size, (across, down)) = layout(area.width, area.height, theme);
    if across == 0 || down == 0 {
        draw_in_the_middle(&mut sheet, &[format!("one digit needs {} x {}", size.0 + 2, size.1 + 3)]);
        return sheet.finish();
    }
    sheet.frame(area);
    draw_title(&mut sheet, area, explore);
    let width = across as u16 * (size.0 + 1) - 1;
    let height = down as u16 * size.1;
    let left = (area.width - width) / 2;
    let place = Rect { x: left, y: 1 + (area.height - 3 - height) / 2, width, height };
    tiles::draw(&explore.digits, across, place, size, sheet.buffer, theme);
    if !explore.between {
        let middle = left + across as u16 / 2 * (size.0 + 1);
        draw_here(&mut sheet, middle, place.y + down as u16 / 2 * size.1, size);
    }
    sheet.put(2, area.right() - 2, area.bottom() - 2, &[piece(explore.note.clone(), Role::Title)]);
    let keys = keys::line(keys::EXPLORE, theme);
    sheet.label(1, area.right() - 1, area.bottom() - 1, vec![piece(keys, Role::Dim)]);
    sheet.finish();
}

fn draw_title(sheet: &mut Sheet, area: Rect, explore: &Explore) {
    let card = &explore.card;
    let mut title = vec![piece("duel ", Role::Title), piece(card.name.clone(), Role::Here)];
    title.push(piece(format!("  latent of {} values", card.latent), Role::Dim));
    if card.classes > 0 {
        title.push(piece(format!("  class {}", explore.class), Role::G));
    }
    let what = match explore.between {
        true => "from mark to mark".to_owned(),
        false => format!("{:.3} between neighbours", explore.stride),
    };
    sheet.label(area.x + 2, area.right() - 2, area.y, title);
    sheet.label_right(area.x + 40, area.right() - 2, area.y, vec![piece(what, Role::Dim)]);
}

/// Marks the digit in the middle, in the columns beside it.
fn draw_here(sheet: &mut Sheet, x: u16, y: u16, (width, height): (u16, u16)) {
    let bar = sheet.theme.pick("┃", "│", "|");
    for row in y..y + height {
        for column in [x.saturating_sub(1), x + width] {
            sheet.put(column, column + 1, row, &[piece(bar, Role::Good)]);
        }
    }
}
