//! The user's file of defaults: `duel/config.toml` under `$XDG_CONFIG_HOME`, else under `~/.config`. Its keys are the defaults of
//! flags of the same name, so a flag wins over the file.

use std::{
    env, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::{Command, ValueEnum};
use duel_models::{files, text::showable};
use toml::Table;

use crate::{
    runs::find,
    term::{charset::Charset, look::Scheme, title::Bell},
};

/// The most bytes of the file.
const SIZE_MAX: u64 = 1 << 16;

/// The keys, for messages.
const KEYS: &str = "bell, charset, notify, runs or theme";

/// The user's defaults.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Flags and their values.
    flags: Vec<(&'static str, &'static str)>,
    /// The directory of runs.
    runs: Option<PathBuf>,
}

/// Reads the file; without one there are no defaults.
pub fn read() -> Result<Defaults> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG Base Directory Specification ignores relative paths.
    let base = set("XDG_CONFIG_HOME").filter(|base| base.is_absolute());
    let Some(base) = base.or_else(|| Some(set("HOME")?.join(".config"))) else { return Ok(Defaults::default()) };
    let path = base.join("duel/config.toml");
    let shown = path.display();
    match files::read_small(&path, SIZE_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Defaults::default()),
        read => {
            let bytes = read.with_context(|| format!("cannot read {shown}"))?;
            let text = String::from_utf8(bytes).with_context(|| format!("cannot read {shown}"))?;
            parse(&text, &path, set("HOME").as_deref())
        }
    }
}

/// Reads the text of the file at `path`. In the directory of runs, `~/` stands for `home`.
fn parse(text: &str, path: &Path, home: Option<&Path>) -> Result<Defaults> {
    let shown = path.display();
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        anyhow::anyhow!("{shown}, line {line}: {}", showable(error.message().lines().next().unwrap_or_default()))
    })?;
    let mut defaults = Defaults::default();
    for (key, value) in table {
        let wrong = |allowed: &str| {
            let value: String = showable(&value.to_string()).chars().take(60).collect();
            anyhow::anyhow!("{shown}, key {key}: {value} is not allowed; use {allowed}")
        };
        let text = value.as_str().filter(|text| !text.contains('\0'));
        let flag = match key.as_str() {
            "bell" => ("bell", named::<Bell>(text).ok_or_else(|| wrong("\"on\" or \"off\""))?),
            // With `auto`, pixels are used where the terminal shows them; elsewhere a default of pixels would be an error.
            "charset" => match named::<Charset>(text) {
                Some(charset) if charset != "pixels" => ("charset", charset),
                _ => bail!(wrong("\"auto\", \"ascii\", \"half\" or \"braille\"; auto chooses pixels itself")),
            },
            "theme" => ("theme", named::<Scheme>(text).ok_or_else(|| wrong("\"dark\", \"light\" or \"plain\""))?),
            "notify" => {
                let command = text.ok_or_else(|| wrong("a shell command in quotation marks"))?;
                ("notify", &*String::leak(command.to_owned()))
            }
            "runs" => {
                let text =
                    text.filter(|text| !text.is_empty()).ok_or_else(|| wrong("a directory, such as \"~/runs\""))?;
                let under_home = text.strip_prefix("~/").zip(home).map(|(rest, home)| home.join(rest));
                defaults.runs = Some(under_home.unwrap_or_else(|| text.into()));
                continue;
            }
            _ => bail!("{shown} has no key {}: use {KEYS}", showable(&format!("{key:?}"))),
        };
        defaults.flags.push(flag);
    }
    Ok(defaults)
}

/// Returns the name of the value that `text` names; none for another text.
fn named<T: ValueEnum>(text: Option<&str>) -> Option<&'static str> {
    let names =
        T::value_variants().iter().filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()));
    names.into_iter().find(|name| Some(name.as_str()) == text).map(|name| &*String::leak(name))
}

impl Defaults {
    /// Gives the flags of all commands these defaults, and sets the directory of runs.
    pub fn apply(self, command: Command) -> Command {
        if let Some(runs) = self.runs {
            find::set_directory(runs);
        }
        command.mut_subcommands(|command| {
            command.mut_args(|arg| match self.flags.iter().find(|(flag, _)| arg.get_id() == flag) {
                Some((_, value)) => arg.default_value(*value),
                None => arg,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::commands::Args;

    fn defaults(text: &str) -> Result<Defaults> {
        parse(text, Path::new("/c/config.toml"), Some(Path::new("/home/me")))
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = defaults("charset = \"half\"\nbell = \"off\"\nnotify = \"echo $DUEL_TEXT\"").expect("good");
        assert_eq!(defaults("runs = \"~/r\"").expect("good").runs.as_deref(), Some(Path::new("/home/me/r")));
        let command = file.apply(Args::command());
        for (line, expected) in [
            (&["duel", "train"][..], ["Half", "Off", "echo $DUEL_TEXT"]),
            (&["duel", "train", "--charset=ascii", "--bell=on", "--notify="], ["Ascii", "On", "\"\""]),
            (&["duel", "watch"], ["Half", "Off", "Watch"]),
            (&["duel", "sample"], ["Half", "Sample", "Sample"]),
        ] {
            let matches = command.clone().try_get_matches_from(line).expect("good flags");
            let parsed = format!("{:?}", Args::from_arg_matches(&matches).expect("good flags"));
            assert!(expected.iter().all(|part| parsed.contains(part)), "{line:?}: {parsed}");
        }
    }

    #[test]
    fn errors_name_the_file_and_the_key() {
        for (text, expected) in [
            ("charset = \"utf8\"", "/c/config.toml, key charset: \"utf8\" is not allowed; use \"auto\", \"ascii\""),
            ("charset = \"pixels\"", "key charset: \"pixels\" is not allowed"),
            ("charset = 1", "key charset: 1 is not allowed"),
            ("theme = \"blue\"", "key theme: \"blue\" is not allowed; use \"dark\", \"light\" or \"plain\""),
            ("bell = true", "key bell: true is not allowed; use \"on\" or \"off\""),
            ("notify = [\"a\"]", "key notify: [\"a\"] is not allowed; use a shell command"),
            ("runs = \"\"", "key runs: \"\" is not allowed; use a directory"),
            ("colour = \"no\"", "/c/config.toml has no key \"colour\": use bell, charset, notify, runs or theme"),
            ("theme = \"dark\"\ncharset = ", "/c/config.toml, line 2: "),
        ] {
            let error = defaults(text).expect_err(text).to_string();
            assert!(error.contains(expected) && error.lines().count() == 1, "{text}: {error}");
        }
        assert_eq!(defaults("").expect("an empty file"), Defaults::default());
    }
}
