//! A picture of the dashboard, made without a terminal.

use std::path::Path;

use anyhow::Result;
use ratatui::{Terminal, backend::TestBackend};

use super::{
    files::Files,
    screens::frame,
    state::{action::Mode, app::App},
};
use crate::term::{svg::svg, theme::Theme, zone};

/// Draws the dashboard of the run in `dir` on `size` columns and rows, and returns it as an SVG file.
pub fn snapshot(dir: &Path, size: (u16, u16), theme: Theme) -> Result<String> {
    let (mut files, run) = Files::open(dir);
    let mut app = App::new(dir, run, Mode::Watch, 0.0);
    files.read(&mut app);
    files.read_samples(&mut app);
    app.offset = zone::offset(app.run.history.events.back().map_or(0.0, |event| event.time));
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1))?;
    let mut pictures = Vec::new();
    terminal.draw(|frame| pictures = frame::draw(frame, &app, theme))?;
    Ok(svg(terminal.backend().buffer(), &pictures, &format!("duel watch {}", app.run.name)))
}

#[cfg(test)]
mod tests {
    use duel_tests::recorded::{Kind, record};

    use super::*;
    use crate::term::{charset::Charset, theme::Colors};

    #[test]
    fn the_dashboard_of_a_recorded_run_is_a_picture() {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join("a<b");
        record(Kind::Healthy, &dir);
        let theme = Theme { charset: Charset::Braille, colors: Colors::True, is_light: false };
        let svg = snapshot(&dir, (100, 30), theme).expect("a picture");
        for expected in
            ["<title>duel watch a&lt;b</title>", "width=\"1020\" height=\"620\"", ">losses</text>", "stroke-linecap"]
        {
            assert!(svg.contains(expected), "{expected} in {svg}");
        }
        assert!(svg.len() < 200_000 && !svg.contains("<image"), "{} bytes", svg.len());
        let theme = Theme { charset: Charset::Pixels, ..theme };
        let svg = snapshot(&dir, (100, 30), theme).expect("a picture");
        assert!(svg.contains("<image x=\"") && svg.contains("data:image/png;base64,iVBORw0KGgo"));
    }
}
