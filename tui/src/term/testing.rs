//! Screens as text, for tests.

use ratatui::{Frame, Terminal, backend::TestBackend, buffer::Cell, text::Span};

use super::{
    charset::Charset,
    theme::{Colors, Theme},
};

/// A theme without colours, so that a snapshot shows all there is.
pub const fn plain(charset: Charset) -> Theme {
    Theme { charset, colors: Colors::None, is_light: false }
}

/// Draws a screen of `size` columns and rows and returns it as lines of text.
pub fn draw_with(size: (u16, u16), draw: impl FnOnce(&mut Frame)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("memory");
    terminal.draw(draw).expect("memory");
    let rows = terminal.backend().buffer().content.chunks(usize::from(size.0));
    rows.map(|row| text(row).trim_end().to_owned() + "\n").collect()
}

/// Returns a row of cells as text; cells that a wide character covers are left out.
fn text(row: &[Cell]) -> String {
    let mut text = String::new();
    let mut covered = 0;
    for cell in row {
        if covered == 0 {
            text += cell.symbol();
            covered = Span::raw(cell.symbol()).width().max(1);
        }
        covered -= 1;
    }
    text
}
