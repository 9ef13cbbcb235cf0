//! Every hyperparameter, once: its default, its range and its meaning. An experiment is a TOML file that says what differs.

mod changes;
mod knob;
mod sections;

use std::{io, path::Path};

use duel_models::PIXELS;
use serde::{Deserialize, Serialize};
use strsim::jaro_winkler;
use toml::{Table, Value};

pub use changes::Change;
pub use knob::{Knob, Range};
pub use sections::*;

use crate::{
    data::laws::Bell,
    run::{files, history::showable},
};

/// A whole experiment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
    /// The images to learn from.
    pub data: Data,
    /// The network that draws.
    pub generator: Generator,
    /// The network that tells drawn from real.
    pub discriminator: Discriminator,
    /// The duel itself.
    pub training: Training,
    /// What judges the generator while it trains.
    pub evaluation: Evaluation,
    /// What the run directory gets, and when.
    pub record: Record,
}

const TOP: &[Knob] = &[
    Knob { section: "", key: "name", range: Range::Text(200), meaning: " The recipe's name." },
    Knob { section: "", key: "about", range: Range::Text(200), meaning: " What it shows, in a line." },
];

/// The recipes that ship with duel, the default first: name and text.
pub const SHIPPED: &[(&str, &str)] = &[
    ("digits", include_str!("../../recipes/digits.toml")),
    ("article", include_str!("../../recipes/article.toml")),
    ("paper", include_str!("../../recipes/paper.toml")),
    ("bell", include_str!("../../recipes/bell.toml")),
    ("bell-two", include_str!("../../recipes/bell-two.toml")),
    ("one-five", include_str!("../../recipes/one-five.toml")),
    ("one-five-steady", include_str!("../../recipes/one-five-steady.toml")),
    ("hot", include_str!("../../recipes/hot.toml")),
    ("strong-discriminator", include_str!("../../recipes/strong-discriminator.toml")),
    ("minimax", include_str!("../../recipes/minimax.toml")),
    ("collapse", include_str!("../../recipes/collapse.toml")),
];

/// Why there is no recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Neither a shipped name nor a file.
    #[error("no recipe {name:?}: give a TOML file, or one of {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The shipped ones.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        why: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{origin} is not TOML: {why}")]
    NotToml {
        /// Where the text came from.
        origin: String,
        /// What the parser says, in a line.
        why: String,
    },
    /// There is no such hyperparameter.
    #[error("{origin} has no key {key:?}: {}`duel recipes digits` prints them all", resembling(.near))]
    UnknownKey {
        /// Where the key stands.
        origin: String,
        /// The key.
        key: String,
        /// Those that it resembles, the most alike first.
        near: Vec<String>,
    },
    /// A hyperparameter cannot have that value.
    #[error("{origin}: {key} = {value} is out of range; expected {range}")]
    OutOfRange {
        /// Where it stands.
        origin: String,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        range: Range,
    },
    /// Training cannot change it.
    #[error("\"{key}\" does not change while it trains, only {known} do")]
    Fixed {
        /// The key.
        key: String,
        /// Those that may.
        known: String,
    },
    /// A change without its step, or without its setting.
    #[error("\"{0}\" is no change: expected a step and a setting, such as \"12000: generator.learning_rate = 1e-4\"")]
    NotAChange(String),
    /// It was changed too often.
    #[error("it has changed {0} times, and does so no more: begin a run with what it should be")]
    Full(usize),
    /// Something in its list of changes is none.
    #[error("{origin}: {why}")]
    Changes {
        /// Where the list stands.
        origin: String,
        /// What is wrong with the first that is.
        why: Box<RecipeError>,
    },
    /// `--set` without an equals sign.
    #[error("--set {0:?}: expected key=value, such as training.batch=64")]
    NotASetting(String),
}

impl Recipe {
    /// The shipped recipe of that name, or the one in that file; then each `key=value` of `settings` over it.
    pub fn load(name_or_file: &str, settings: &[String]) -> Result<Self, RecipeError> {
        let shipped = SHIPPED.iter().find(|(name, _)| *name == name_or_file);
        let text = match shipped {
            Some((_, text)) => (*text).to_owned(),
            None if name_or_file.contains(['.', '/', '\\']) => read(Path::new(name_or_file))
                .map_err(|why| RecipeError::Unreadable { file: name_or_file.to_owned(), why })?,
            None => {
                let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
                return Err(RecipeError::Unknown { name: name_or_file.to_owned(), known: known.join(", ") });
            }
        };
        Self::parse(&text, name_or_file)?.with(settings)
    }

    /// The recipe of a TOML text; `origin` names the text in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, RecipeError> {
        Self::default().merge(table(text, origin)?, origin)
    }

    /// This recipe with each `key=value` over it.
    pub fn with(self, settings: &[String]) -> Result<Self, RecipeError> {
        settings.iter().try_fold(self, |recipe, setting| recipe.set(setting))
    }

    fn set(self, setting: &str) -> Result<Self, RecipeError> {
        let not_a_setting = || RecipeError::NotASetting(setting.to_owned());
        let (path, text) = setting.split_once('=').ok_or_else(not_a_setting)?;
        let value = value_of(text.trim());
        let (section, key) = path.trim().rsplit_once('.').unwrap_or(("", path.trim()));
        let mut overlay = Table::from_iter([(key.to_owned(), value)]);
        if !section.is_empty() {
            overlay = Table::from_iter([(section.to_owned(), Value::Table(overlay))]);
        }
        self.merge(overlay, "--set")
    }

    /// The one door for what a user wrote: each key must exist, each value lie in its range.
    fn merge(self, overlay: Table, origin: &str) -> Result<Self, RecipeError> {
        let mut table = Table::try_from(&self).expect("a recipe is a TOML table");
        for (key, value) in overlay {
            match (table.get_mut(&key), value) {
                (Some(Value::Table(section)), Value::Table(changes)) => {
                    for (inner, value) in changes {
                        check(origin, &key, &inner, &value)?;
                        section.insert(inner, value);
                    }
                }
                (_, value) => {
                    match value.as_table().and_then(|section| section.iter().next()) {
                        // Of a section that is not there, a key tells more.
                        Some((inner, value)) => check(origin, &key, inner, value)?,
                        None => check(origin, "", &key, &value)?,
                    }
                    table.insert(key, value);
                }
            }
        }
        Ok(table.try_into().expect("each key and value was checked"))
    }

    /// This recipe with the images of a directory.
    pub fn with_data(self, dir: &str) -> Result<Self, RecipeError> {
        let source = Table::from_iter([("source".to_owned(), Value::String(dir.to_owned()))]);
        self.merge(Table::from_iter([("data".to_owned(), Value::Table(source))]), "--data")
    }

    /// The directory whose images it trains on, if it names one.
    pub fn data_dir(&self) -> Option<&Path> {
        let source = self.data.source.as_str();
        (source != "mnist" && Bell::of(source).is_none()).then(|| Path::new(source))
    }

    /// Labels that the networks are told; 0 if they are not.
    pub fn classes(&self) -> usize {
        if self.training.conditional { self.data.classes } else { 0 }
    }

    /// Values of what the networks draw and judge: an image's pixels, or one number.
    pub fn values(&self) -> usize {
        if Bell::of(&self.data.source).is_some() { 1 } else { PIXELS }
    }

    /// Every hyperparameter, in the order of the file.
    pub fn knobs() -> impl Iterator<Item = &'static Knob> {
        let sections =
            [Data::KNOBS, Generator::KNOBS, Discriminator::KNOBS, Training::KNOBS, Evaluation::KNOBS, Record::KNOBS];
        TOP.iter().chain(sections.into_iter().flatten())
    }

    /// The whole recipe as TOML: enough to run it again.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is TOML")
    }

    /// The whole recipe as TOML, above each key its meaning and range.
    pub fn explained(&self) -> String {
        let table = Table::try_from(self).expect("a recipe is a TOML table");
        let mut text = String::new();
        let mut section = "";
        for knob in Self::knobs() {
            if knob.section != section {
                section = knob.section;
                text += &format!("[{section}]\n");
            }
            let scope = if section.is_empty() { Some(&table) } else { table[section].as_table() };
            let value = &scope.expect("a section is a table")[knob.key];
            text += &format!("#{} Range: {}.\n{} = {value}\n\n", knob.meaning, knob.range, knob.key);
        }
        text
    }
}

/// The text of a file; no recipe is longer than a megabyte.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    String::from_utf8(files::read_small(path, 1 << 20)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A value as somebody writes it in a setting: a word needs no quotes, so what is no TOML value is text.
fn value_of(text: &str) -> Value {
    let parsed = table(&format!("value = {text}"), "a setting").ok();
    let value = parsed.and_then(|mut parsed| if parsed.len() == 1 { parsed.remove("value") } else { None });
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn table(text: &str, origin: &str) -> Result<Table, RecipeError> {
    text.parse::<Table>().map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let message = showable(error.message().lines().next().unwrap_or_default());
        RecipeError::NotToml { origin: origin.to_owned(), why: format!("line {line}: {message}") }
    })
}

/// The keys that resemble what somebody wrote, as a whole or in its last word, the most alike first.
fn near(path: &str, key: &str) -> Vec<String> {
    /// Jaro-Winkler: 1 is the same.
    const ALIKE: f64 = 0.85;
    const MOST: usize = 3;
    // What is longer than any key resembles none, and takes long to compare.
    if path.len() > 100 {
        return Vec::new();
    }
    let alike = |knob: &Knob| jaro_winkler(&knob.path(), path).max(jaro_winkler(knob.key, key));
    let mut found: Vec<(f64, String)> = Recipe::knobs().map(|knob| (alike(knob), knob.path())).collect();
    found.retain(|(alike, _)| *alike >= ALIKE);
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    found.into_iter().map(|(_, path)| path).take(MOST).collect()
}

fn resembling(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("is it {}? ", near.join(" or ")) }
}

fn check(origin: &str, section: &str, key: &str, value: &Value) -> Result<(), RecipeError> {
    let Some(knob) = Recipe::knobs().find(|knob| knob.section == section && knob.key == key) else {
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        return Err(RecipeError::UnknownKey { origin: origin.to_owned(), near: near(&path, key), key: path });
    };
    if knob.range.holds(value) {
        return Ok(());
    }
    if let (Range::Changes, Some(changes)) = (knob.range, value.as_array()) {
        let wrong = |why| RecipeError::Changes { origin: origin.to_owned(), why: Box::new(why) };
        changes
            .iter()
            .filter_map(Value::as_str)
            .try_for_each(|text| text.parse::<Change>().map(drop).map_err(wrong))?;
    }
    let shown: String = showable(&value.to_string()).chars().take(60).collect();
    Err(RecipeError::OutOfRange { origin: origin.to_owned(), key: knob.path(), value: shown, range: knob.range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_recipes_are_whole_and_survive_the_round_trip() {
        for (name, _) in SHIPPED {
            let recipe = Recipe::load(name, &[]).expect(name);
            assert_eq!(recipe.name, *name);
            assert!(!recipe.about.is_empty());
            for text in [recipe.to_toml(), recipe.explained()] {
                assert_eq!(Recipe::parse(&text, name).expect(name), recipe);
            }
        }
    }

    #[test]
    fn defaults_lie_in_their_ranges() {
        let text = Recipe::default().to_toml();
        assert_eq!(Recipe::parse(&text, "defaults").expect("the defaults"), Recipe::default());
    }

    #[test]
    fn rates_stay_and_then_fall_to_their_end() {
        let mut training = Training { steps: 100, ..Training::default() };
        assert_eq!((training.rate_at(0), training.rate_at(100)), (1.0, 1.0));
        for (schedule, between) in [(Schedule::Linear, 0.265), (Schedule::Cosine, 0.02 + 0.98 * 0.146_446_6)] {
            training.schedule = schedule;
            for (step, expected) in [(0, 1.0), (50, 1.0), (75, 0.51), (100, 0.02), (200, 0.02)] {
                assert!((training.rate_at(step) - expected).abs() < 1e-9, "{schedule:?} {step}");
            }
            training.decay_from = 0.0;
            assert!((training.rate_at(75) - between).abs() < 1e-6, "{schedule:?} {}", training.rate_at(75));
            training.decay_from = 0.5;
        }
    }

    #[test]
    fn the_papers_rates_and_momentum_are_its_own() {
        let training = Recipe::load("paper", &[]).expect("shipped").training;
        assert_eq!((training.rate_at(0), training.momentum_at(0)), (1.0, 0.5));
        assert!((training.rate_at(1_000) - 1.000_004f64.powi(-1_000)).abs() < 1e-12);
        assert!((training.rate_at(10_000_000) - 1e-5).abs() < 1e-12);
        assert!((training.momentum_at(62_500) - 0.6).abs() < 1e-12);
        assert_eq!((training.momentum_at(125_000), training.momentum_at(200_000)), (0.7, 0.7));
        let whole = Training { momentum_steps: 0, ..training };
        assert!((whole.momentum_at(whole.steps / 2) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn settings_override() {
        let settings = ["training.batch=64", "training.loss=minimax", "generator.hidden=[8, 8]", "name=mine"];
        let recipe = Recipe::load("article", &settings.map(str::to_owned)).expect("good settings");
        assert_eq!((recipe.training.batch, recipe.training.loss), (64, Loss::Minimax));
        assert_eq!((recipe.generator.hidden, recipe.name.as_str()), (vec![8, 8], "mine"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        for (setting, expected) in [
            ("training.batches=64", r#"no key "training.batches": is it training.batch or "#),
            ("trainin.batch=64", r#"no key "trainin.batch": is it training.batch or "#),
            ("batch=64", r#"no key "batch": is it training.batch or "#),
            ("learning_rte=1", "is it generator.learning_rate or discriminator.learning_rate?"),
            ("xyz=1", r#"no key "xyz": `duel recipes digits`"#),
            ("training=3", r#"no key "training""#),
            ("training.changes=[\"1: training.batch = 8\"]", r#"--set: "training.batch" does not change while"#),
            ("training.changes=[\"1: training.k_generator = 1000\"]", "a whole number from 0 to 100"),
            ("training.changes=[1]", "a list of changes, such as"),
            ("training.batch=0", "a whole number from 1 to 65536"),
            ("training.batch=1.5", "a whole number"),
            ("training.batch=many", "a whole number"),
            ("generator.learning_rate=-1", "a number from 0 to 10"),
            ("generator.learning_rate=nan", "a number from 0 to 10"),
            ("generator.hidden=[]", "widths"),
            ("training.loss=wasserstein", "non-saturating or minimax"),
            ("training.conditional=1", "true or false"),
            ("generator.channels=[8, 8, 8]", "1 to 2 channel counts"),
            ("training.seed=-1", "a whole number from 0"),
            ("training.batch", "key=value"),
            ("name=1", "a line of text"),
        ] {
            let error = Recipe::load("article", &[setting.to_owned()]).expect_err(setting).to_string();
            assert!(error.contains(expected), "{setting}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        // Found by tests/fuzz.
        for text in [
            "about = \"\"\"\ntwo\nlines\"\"\"",
            "about = \"\\u001b[2J\"",
            "a\u{7f} = 1",
            "[training]\nloss = '''\n\n'''",
        ] {
            let error = Recipe::parse(text, "mine.toml").expect_err(text).to_string();
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
        let error = Recipe::parse("[training]\nbatch = 3\nbatch 4\n", "mine.toml").expect_err("no TOML").to_string();
        assert!(error.contains("line 3"), "{error}");
        for text in ["training = [", "[training]\nbatch = \"\"", "[nothing]\nx = 1"] {
            let error = Recipe::parse(text, "mine.toml").expect_err(text).to_string();
            assert!(error.starts_with("mine.toml"), "{error}");
        }
        assert!(Recipe::load("artcle", &[]).expect_err("no such").to_string().contains("one of digits, article"));
    }
}
