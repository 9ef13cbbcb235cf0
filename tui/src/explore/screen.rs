//! A grid of pictures around a point of latent space.

use ratatui::{Frame, layout::Rect};

use super::{keys::KEYS, state::Explore};
use crate::term::{
    bindings,
    pixels::Picture,
    sheet::{Sheet, piece},
    theme::{Role, Theme},
    tiles::Tile,
};

/// The most pictures across and down: all of them are drawn again at every key.
const MOST: (usize, usize) = (15, 9);

/// Returns the tile, and how many fit across and down into a terminal of `size` columns and rows; odd numbers, so that
/// one is in the middle; or the largest tile, once.
pub fn layout((width, height): (u16, u16), explore: &Explore, theme: Theme) -> (Tile, (usize, usize)) {
    let shape = explore.card.shape;
    let inside = Rect { x: 0, y: 0, width: width.saturating_sub(2), height: height.saturating_sub(3) };
    if explore.large && inside.width > 0 && inside.height > 0 {
        return (Tile::largest(shape, inside, theme), (1, 1));
    }
    let fit = |tile: Tile| {
        let (across, down) = tile.fit(inside);
        let odd = |count: usize, most: usize| count.min(most).saturating_sub(1) / 2 * 2 + usize::from(count > 0);
        (tile, (odd(across, MOST.0), odd(down, MOST.1)))
    };
    let readable = fit(Tile::readable(shape, theme));
    let smaller = [Tile::small(shape, theme), Tile::smallest(shape, theme)].map(fit);
    let mut tiles = std::iter::once(readable).chain(smaller);
    tiles.find(|(_, (across, down))| *across >= 3 && *down >= 3).unwrap_or(smaller[1])
}

/// Draws the grid, a title above it, and a message and the keys below it; returns the pictures that are drawn as pixels.
pub fn draw(frame: &mut Frame, explore: &Explore, theme: Theme) -> Vec<Picture> {
    let area = frame.area();
    let mut sheet = Sheet::new(frame.buffer_mut(), theme);
    let (tile, (across, down)) = layout((area.width, area.height), explore, theme);
    if across == 0 || down == 0 {
        sheet.put_in_the_middle(&[format!("a picture needs {} x {}", tile.width + 2, tile.height + 3)]);
        return sheet.finish();
    }
    sheet.frame(area);
    draw_title(&mut sheet, area, explore);
    if explore.help {
        sheet.put_in_the_middle(&bindings::list(KEYS, theme));
        return sheet.finish();
    }
    let width = across as u16 * (tile.width + 1) - 1;
    let height = down as u16 * tile.height;
    let left = (area.width - width) / 2;
    let place = Rect { x: left, y: 1 + (area.height - 3 - height) / 2, width, height };
    // The picture in the middle is marked: among pixels by a frame, among characters by bars beside it.
    let mark = (!explore.between && !explore.large).then_some(down / 2 * across + across / 2);
    tile.draw_marked(&explore.images, across, mark, place, &mut sheet);
    if mark.is_some() && !sheet.pixels() {
        let middle = left + across as u16 / 2 * (tile.width + 1);
        draw_here(&mut sheet, middle, place.y + down as u16 / 2 * tile.height, tile);
    }
    draw_message(&mut sheet, Rect { x: 2, y: area.bottom() - 2, width: area.width - 4, height: 1 }, explore);
    let keys = bindings::line(KEYS, theme);
    sheet.label(1, area.right() - 1, area.bottom() - 1, vec![piece(keys, Role::Dim)]);
    sheet.finish()
}

/// Draws the name of a class as far as it is typed, else the message about the last key.
fn draw_message(sheet: &mut Sheet, area: Rect, explore: &Explore) {
    let pieces = match &explore.typed {
        Some(typed) => {
            let cursor = sheet.theme.pick("█", "█", "_");
            let found = explore.found().map_or("no such class".into(), |class| explore.class_label(class));
            vec![
                piece("class: ", Role::Dim),
                piece(format!("{typed}{cursor}"), Role::Title),
                piece(format!("  {found}"), Role::G),
                piece("  enter chooses it, esc goes back", Role::Dim),
            ]
        }
        None => vec![piece(explore.note.clone(), Role::Title)],
    };
    sheet.put(area.x, area.right(), area.y, &pieces);
}

fn draw_title(sheet: &mut Sheet, area: Rect, explore: &Explore) {
    let card = &explore.card;
    let mut title = vec![piece("duel ", Role::Title), piece(card.name.clone(), Role::Here)];
    title.push(piece(format!("  latent of {} values", card.latent), Role::Dim));
    if card.classes > 0 {
        title.push(piece(format!("  class {}", explore.class_label(explore.class)), Role::G));
    }
    let what = match explore.between {
        true => "from mark to mark".to_owned(),
        false => format!("{:.3} between neighbours", explore.stride),
    };
    sheet.label(area.x + 2, area.right() - 2, area.y, title);
    sheet.label_right(area.x + 40, area.right() - 2, area.y, vec![piece(what, Role::Dim)]);
}

/// Draws bars beside the picture in the middle.
fn draw_here(sheet: &mut Sheet, x: u16, y: u16, tile: Tile) {
    let bar = sheet.theme.pick("┃", "│", "|");
    for row in y..y + tile.height {
        for column in [x.saturating_sub(1), x + tile.width] {
            sheet.put(column, column + 1, row, &[piece(bar, Role::Good)]);
        }
    }
}
