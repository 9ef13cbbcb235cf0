//! The characters and colours of a screen.

use ratatui::style::{Color, Modifier, Style};

use super::charset::Charset;

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
}

/// The colour of a role: of 24 bits, of the 256, of the 16.
type Paint = ((u8, u8, u8), u8, Color);

/// Colours of runs in one chart, apart in hue and in lightness so that the colour-blind can tell them apart (after
/// Okabe and Ito 2008).
const RUNS: [Paint; 6] = [
    ((86, 180, 233), 75, Color::Cyan),
    ((230, 159, 0), 214, Color::Yellow),
    ((0, 178, 130), 36, Color::Green),
    ((204, 121, 167), 175, Color::Magenta),
    ((240, 228, 66), 227, Color::LightYellow),
    ((213, 94, 0), 166, Color::Red),
];

impl Theme {
    /// Makes a theme of these characters and the colours that this terminal shows.
    pub fn detect(charset: Charset) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        Self { charset: charset.resolve(variable), colors: Colors::detect(variable) }
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
                let ((r, g, b), many, sixteen) = paint(role);
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

fn paint(role: Role) -> Paint {
    match role {
        Role::D => ((95, 175, 255), 75, Color::Cyan),
        Role::G => ((255, 167, 81), 215, Color::Yellow),
        Role::Even | Role::Good => ((126, 200, 126), 114, Color::Green),
        Role::Warn => ((242, 201, 76), 221, Color::LightYellow),
        Role::Bad => ((244, 109, 109), 203, Color::LightRed),
        Role::Dim => ((139, 148, 158), 246, Color::Gray),
        Role::Border => ((84, 93, 105), 240, Color::DarkGray),
        Role::Run(number) => RUNS[usize::from(number) % RUNS.len()],
        Role::Text | Role::Title | Role::Here => ((230, 237, 243), 254, Color::White),
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
}
