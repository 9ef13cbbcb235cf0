//! The characters and colours of a screen.

use ratatui::style::{Color, Modifier, Style};

use super::{
    charset::Charset,
    look::{Look, Scheme},
};

/// The number of colours that a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// No colours: bold, dim and reversed text only.
    None,
    /// The 16 colours of the terminal's own palette.
    Sixteen,
    /// The 256 colours of xterm.
    Many,
    /// Colours of 24 bits.
    True,
}

impl Colors {
    /// Detects the colours by the environment variables `NO_COLOR` (no-color.org), `COLORTERM` and `TERM`.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name| variable(name).unwrap_or_default();
        let term = get("TERM");
        if !get("NO_COLOR").is_empty() || matches!(term.as_str(), "" | "dumb" | "unknown" | "vt100" | "vt220") {
            Self::None
        } else if matches!(get("COLORTERM").as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") {
            Self::Many
        } else {
            Self::Sixteen
        }
    }
}

/// The role of a piece of the screen, which decides its style.
#[allow(dead_code, reason = "a build without the trainer draws no curves and no run's state")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Ordinary text.
    #[default]
    Text,
    /// A heading.
    Title,
    /// Text that matters less.
    Dim,
    /// Lines between panels.
    Border,
    /// The discriminator.
    D,
    /// The generator.
    G,
    /// The value of an even duel.
    Even,
    /// Something that goes well.
    Good,
    /// Something that deserves a look.
    Warn,
    /// Something that has failed.
    Bad,
    /// The place where the user is.
    Here,
    /// One of several runs, by its number.
    Run(u8),
}

/// The characters and colours of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// The characters; never [`Charset::Auto`].
    pub charset: Charset,
    /// The colours.
    pub colors: Colors,
    /// Whether the colours are for a light background.
    pub is_light: bool,
}

/// The colour of a role: of 24 bits, of the 256, of the 16.
type Paint = ((u8, u8, u8), u8, Color);

/// Colours of runs in one chart, on a dark and on a light background: apart in hue and in lightness so that the colour-blind
/// can tell them apart (after Okabe and Ito 2008); on a light background the same hues, darker.
const RUNS: [[Paint; 2]; 6] = [
    [((86, 180, 233), 75, Color::Cyan), ((0, 114, 178), 25, Color::Blue)],
    [((230, 159, 0), 214, Color::Yellow), ((150, 95, 0), 94, Color::Yellow)],
    [((0, 178, 130), 36, Color::Green), ((0, 120, 88), 29, Color::Green)],
    [((204, 121, 167), 175, Color::Magenta), ((160, 60, 120), 126, Color::Magenta)],
    [((240, 228, 66), 227, Color::LightYellow), ((105, 100, 0), 58, Color::Cyan)],
    [((213, 94, 0), 166, Color::Red), ((185, 70, 0), 130, Color::Red)],
];

impl Theme {
    /// Makes a theme of these characters and the colours that this terminal shows.
    pub fn detect(look: Look) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let colors = if look.theme == Scheme::Plain { Colors::None } else { Colors::detect(variable) };
        Self { charset: look.charset.resolve(variable), colors, is_light: look.theme == Scheme::Light }
    }

    /// Tells whether pictures are pixels.
    pub fn pixels(&self) -> bool {
        self.charset == Charset::Pixels
    }

    /// Tells whether only ASCII may be drawn.
    pub fn ascii(&self) -> bool {
        self.charset == Charset::Ascii
    }

    /// Picks one of three texts: for a terminal with braille, for the console of a PC, for ASCII.
    pub fn pick<T>(&self, full: T, blocks: T, ascii: T) -> T {
        match self.charset {
            Charset::Ascii => ascii,
            Charset::Half => blocks,
            _ => full,
        }
    }

    /// Returns the style of a role.
    pub fn style(&self, role: Role) -> Style {
        let style = match (role, self.colors) {
            (Role::Text, _) | (Role::Title | Role::Here, Colors::True | Colors::Many | Colors::Sixteen) => Style::new(),
            (role, Colors::None) => Style::new().add_modifier(plain(role)),
            (role, colors) => {
                let ((r, g, b), many, sixteen) = paints(role)[usize::from(self.is_light)];
                Style::new().fg(match colors {
                    Colors::True => Color::Rgb(r, g, b),
                    Colors::Many => Color::Indexed(many),
                    _ => sixteen,
                })
            }
        };
        match role {
            Role::Title => style.add_modifier(Modifier::BOLD),
            Role::Here => style.add_modifier(Modifier::REVERSED),
            Role::Bad | Role::Warn => style.add_modifier(Modifier::BOLD),
            _ => style,
        }
    }
}

/// Returns the colours of a role on a dark and on a light background. On a light one each has a contrast of at least 4.5 with
/// white, but for lines.
fn paints(role: Role) -> [Paint; 2] {
    match role {
        Role::D => [((95, 175, 255), 75, Color::Cyan), ((0, 95, 175), 25, Color::Blue)],
        Role::G => [((255, 167, 81), 215, Color::Yellow), ((168, 84, 0), 130, Color::Red)],
        Role::Even | Role::Good => [((126, 200, 126), 114, Color::Green), ((0, 118, 40), 28, Color::Green)],
        Role::Warn => [((242, 201, 76), 221, Color::LightYellow), ((135, 95, 0), 94, Color::Magenta)],
        Role::Bad => [((244, 109, 109), 203, Color::LightRed), ((175, 0, 0), 124, Color::Red)],
        Role::Dim => [((139, 148, 158), 246, Color::Gray), ((88, 96, 105), 241, Color::DarkGray)],
        Role::Border => [((84, 93, 105), 240, Color::DarkGray), ((150, 158, 168), 247, Color::Gray)],
        Role::Run(number) => RUNS[usize::from(number) % RUNS.len()],
        Role::Text | Role::Title | Role::Here => {
            [((230, 237, 243), 254, Color::White), ((28, 32, 36), 234, Color::Black)]
        }
    }
}

/// Returns the style of a role without colours.
fn plain(role: Role) -> Modifier {
    match role {
        Role::D => Modifier::BOLD,
        Role::Dim | Role::Border | Role::Even => Modifier::DIM,
        Role::Bad => Modifier::REVERSED,
        _ => Modifier::empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_the_terminal_shows() {
        for (variables, expected) in [
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..], Colors::True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Colors::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Colors::Many),
            (&[("TERM", "screen-256color")], Colors::Many),
            (&[("TERM", "linux")], Colors::Sixteen),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Colors::None),
            (&[], Colors::None),
        ] {
            let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(Colors::detect(get), expected, "{variables:?}");
        }
    }

    #[test]
    fn colours_for_a_light_background_can_be_read_on_white() {
        // WCAG 2.1, relative luminance and contrast ratio.
        let linear = |level: u8| match f64::from(level) / 255.0 {
            dark if dark <= 0.04045 => dark / 12.92,
            level => ((level + 0.055) / 1.055).powf(2.4),
        };
        let contrast = |(r, g, b)| 1.05 / (0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05);
        let roles = [Role::D, Role::G, Role::Even, Role::Good, Role::Warn, Role::Bad, Role::Dim, Role::Text];
        for role in roles.into_iter().chain((0..6).map(Role::Run)) {
            let colour = paints(role)[1].0;
            assert!(contrast(colour) >= 4.5, "{role:?}: {}", contrast(colour));
        }
    }
}
