//! Which characters a terminal can be trusted with.

use clap::ValueEnum;

/// Characters, from the plainest to the finest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Charset {
    /// By the locale and the terminal.
    #[default]
    Auto,
    /// ASCII alone.
    Ascii,
    /// Line and block characters, as on the console of a PC.
    Half,
    /// Braille dots, and all of the above.
    Braille,
}

impl Charset {
    /// What `Auto` stands for in this environment: ASCII unless the locale is UTF-8 and the terminal is one that shows it.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        if self != Self::Auto {
            return self;
        }
        // POSIX, 8.2: the first of these that is set and not empty.
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default().to_lowercase();
        let utf8 = locale.ends_with("utf-8") || locale.ends_with("utf8");
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
            ("xterm", "C", Charset::Ascii),
            ("xterm", "", Charset::Ascii),
            ("linux", "en_US.UTF-8", Charset::Ascii),
            ("dumb", "en_US.UTF-8", Charset::Ascii),
            ("unknown", "en_US.UTF-8", Charset::Ascii),
            ("", "en_US.UTF-8", Charset::Ascii),
        ] {
            let of = |name: &str| match name {
                "TERM" => Some(term.to_owned()),
                "LC_ALL" => Some(String::new()),
                "LANG" => Some(locale.to_owned()),
                _ => None,
            };
            assert_eq!(Charset::Auto.resolve(of), expected, "{term} {locale}");
            assert_eq!(Charset::Half.resolve(of), Charset::Half);
        }
    }
}
