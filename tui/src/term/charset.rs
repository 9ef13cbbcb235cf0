//! The characters that a terminal can show.

use clap::ValueEnum;

/// Sets of characters, each a superset of the one before; then pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Charset {
    /// Chosen by the locale and the terminal; pixels if the terminal answers that it shows them.
    #[default]
    Auto,
    /// ASCII only.
    Ascii,
    /// Line and block characters, as on the console of a PC.
    Half,
    /// Braille dots, lines and blocks.
    Braille,
    /// Pictures as pixels, on terminals with kitty's graphics, iTerm2's images or sixel; all else as with braille.
    Pixels,
}

impl Charset {
    /// Resolves `Auto` by the environment: ASCII, unless the locale is UTF-8 and `TERM` names a terminal that shows
    /// Unicode.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        if self != Self::Auto {
            return self;
        }
        // POSIX, section 8.2: the first variable that is set and not empty counts.
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default().to_lowercase();
        // A modifier may follow: ca_ES.UTF-8@valencia.
        let codeset = locale.split('@').next().unwrap_or_default();
        let utf8 = codeset.ends_with("utf-8") || codeset.ends_with("utf8");
        let plain = matches!(variable("TERM").unwrap_or_default().as_str(), "" | "linux" | "dumb" | "unknown");
        if utf8 && !plain { Self::Braille } else { Self::Ascii }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_ascii_unless_all_is_known() {
        for (term, locale, expected) in [
            ("xterm", "en_US.UTF-8", Charset::Braille),
            ("screen", "C.utf8", Charset::Braille),
            ("xterm", "ca_ES.UTF-8@valencia", Charset::Braille),
            ("xterm", "C", Charset::Ascii),
            ("xterm", "", Charset::Ascii),
            ("linux", "en_US.UTF-8", Charset::Ascii),
            ("dumb", "en_US.UTF-8", Charset::Ascii),
            ("unknown", "en_US.UTF-8", Charset::Ascii),
            ("", "en_US.UTF-8", Charset::Ascii),
        ] {
            let get = |name: &str| match name {
                "TERM" => Some(term.to_owned()),
                "LC_ALL" => Some(String::new()),
                "LANG" => Some(locale.to_owned()),
                _ => None,
            };
            assert_eq!(Charset::Auto.resolve(get), expected, "{term} {locale}");
            assert_eq!(Charset::Half.resolve(get), Charset::Half);
        }
    }
}
