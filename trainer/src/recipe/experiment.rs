//! A whole experiment: the sections of a recipe, read from a file and changed by `--set`, by the data, or while it
//! trains.

use std::path::Path;

use duel_models::Shape;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{
    change::Change,
    derive::{DERIVED, Facts, Given, derived},
    error::RecipeError,
    overlay::{merge, parse_setting, parse_table, read_text},
    range::Setting,
    sections::{Data, Discriminator, Evaluation, Generator, Record, STAGES_MAX, Training, all_settings},
    shipped::SHIPPED,
    source::{DataShape, Source},
    words::Kind,
};

/// The most entries of `training.changes`. Only a rollback may add more.
const CHANGES_MAX: usize = 1000;

/// A whole experiment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The recipe's name.
    pub name: String,
    /// What the recipe shows, in a line.
    pub about: String,
    /// Whether settings that nobody gave follow from the pictures.
    pub derive: bool,
    /// The training data.
    pub data: Data,
    /// The network that draws pictures from latents.
    pub generator: Generator,
    /// The network that tells generated pictures from real ones.
    pub discriminator: Discriminator,
    /// The adversarial training.
    pub training: Training,
    /// The evaluation of the generator while it trains.
    pub evaluation: Evaluation,
    /// The contents of the run directory.
    pub record: Record,
    /// The settings that a file or a flag gave. They stand in no file.
    #[serde(skip)]
    pub given: Given,
}

impl Recipe {
    /// Loads a recipe by the name of a shipped recipe or by the path of a file, and then applies each `key=value` of
    /// `settings`.
    pub fn load(name_or_file: &str, settings: &[String]) -> Result<Self, RecipeError> {
        let shipped = SHIPPED.iter().find(|(name, _)| *name == name_or_file);
        let text = match shipped {
            Some((_, text)) => (*text).to_owned(),
            None if name_or_file.contains(['.', '/', '\\']) => read_text(Path::new(name_or_file))
                .map_err(|why| RecipeError::Unreadable { file: name_or_file.to_owned(), why })?,
            None => return Err(RecipeError::Unknown { name: name_or_file.to_owned(), known: known() }),
        };
        Self::parse(&text, name_or_file)?.with(settings)
    }

    /// Reads a TOML text; `origin` names the text in errors. A text with `base = NAME` at its top lists what differs from
    /// that shipped recipe; other texts list what differs from the defaults.
    pub fn parse(text: &str, origin: &str) -> Result<Self, RecipeError> {
        let mut table = parse_table(text, origin)?;
        let base = match table.remove("base") {
            None => Self::default(),
            Some(base) => {
                let shipped = SHIPPED.iter().find(|(name, _)| base.as_str() == Some(name));
                let (name, text) =
                    shipped.ok_or_else(|| RecipeError::Base { origin: origin.to_owned(), known: known() })?;
                // A base has no base itself.
                Self::default().overlaid(parse_table(text, name)?, name)?
            }
        };
        base.overlaid(table, origin)
    }

    /// Applies each `key=value` to this recipe.
    pub fn with(self, settings: &[String]) -> Result<Self, RecipeError> {
        settings.iter().try_fold(self, |recipe, setting| recipe.overlaid(parse_setting(setting)?, "--set"))
    }

    fn overlaid(self, overlay: Table, origin: &str) -> Result<Self, RecipeError> {
        let mut table = Table::try_from(&self).expect("a recipe is a TOML table");
        let mut given = self.given;
        given.0.extend(merge(&mut table, overlay, origin)?);
        let recipe: Self = table.try_into().expect("each key and value was checked");
        Ok(Self { given, ..recipe })
    }

    /// Sets `data.source` to the file or directory `path`. The path should be absolute, because a relative path such as
    /// `mnist` may be the name of a bundled source.
    pub fn with_data(self, path: &str) -> Result<Self, RecipeError> {
        let source = Table::from_iter([("source".to_owned(), Value::String(path.to_owned()))]);
        self.overlaid(Table::from_iter([("data".to_owned(), Value::Table(source))]), "--data")
    }

    /// Sets the settings that follow from the training pictures: `data.shape`, `data.classes`, `data.names`, and for a
    /// recipe that derives those of [`derived`] that nobody gave. Another shape or other classes in the recipe are an
    /// error.
    pub fn for_pictures(mut self, facts: &Facts) -> Result<Self, RecipeError> {
        let data = &mut self.data;
        if data.classes == 0 {
            data.classes = facts.classes;
        }
        if data.names.is_empty() {
            data.names.clone_from(&facts.names);
        }
        if !data.names.is_empty() && data.names.len() != data.classes {
            return Err(RecipeError::Names { names: data.names.len(), classes: data.classes });
        }
        if let Some(twice) = data.names.iter().enumerate().find(|(index, name)| data.names[..*index].contains(name)) {
            return Err(RecipeError::NameTwice(twice.1.clone()));
        }
        if self.derive {
            let mut overlay = Table::new();
            for (path, value) in DERIVED.into_iter().zip(derived(self.generator.width, facts)) {
                let (section, key) = path.split_once('.').expect("a derived setting stands in a section");
                if !self.given.0.contains(path) {
                    let section = overlay.entry(section).or_insert_with(|| Value::Table(Table::new()));
                    section.as_table_mut().expect("just made").insert(key.to_owned(), value);
                }
            }
            self = self.overlaid(overlay, "the settings that follow from the pictures")?;
        }
        self.for_shape(facts.shape)
    }

    /// Sets `data.shape` to the shape of the data's pictures, and derives the channels of convolutional networks from
    /// the shape if the recipe gives none. Another shape in the recipe is an error.
    pub fn for_shape(mut self, shape: Shape) -> Result<Self, RecipeError> {
        match self.data.shape {
            DataShape::Is(wanted) if wanted != shape => return Err(RecipeError::Shape { wanted, shape }),
            _ => self.data.shape = DataShape::Is(shape),
        }
        let stages = shape.halvings().clamp(1, STAGES_MAX);
        let (generator, discriminator) = (&mut self.generator, &mut self.discriminator);
        if generator.kind == Kind::Conv && generator.channels.is_empty() {
            generator.channels = doubled(generator.width, stages);
            generator.channels.reverse();
        }
        if discriminator.kind == Kind::Conv && discriminator.channels.is_empty() {
            discriminator.channels = doubled(discriminator.width, stages);
        }
        Ok(self)
    }

    /// The shape of a picture; none for a toy distribution, and before the shape is known.
    pub fn shape(&self) -> Option<Shape> {
        match (&self.data.source, self.data.shape) {
            (Source::Toy(_), _) | (_, DataShape::Auto) => None,
            (_, DataShape::Is(shape)) => Some(shape),
        }
    }

    /// Classes that the networks are conditioned on; 0 if they are not.
    pub fn classes(&self) -> usize {
        if self.training.conditional { self.data.classes } else { 0 }
    }

    /// Every setting, in the order of the file.
    pub fn settings() -> impl Iterator<Item = &'static Setting> {
        all_settings()
    }

    /// Writes the whole recipe as TOML: enough to run it again.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is TOML")
    }

    /// Writes the whole recipe as TOML, with a comment above each key that gives its meaning and its range.
    pub fn explained(&self) -> String {
        let table = Table::try_from(self).expect("a recipe is a TOML table");
        let mut text = String::new();
        let mut section = "";
        for setting in all_settings() {
            if setting.section != section {
                section = setting.section;
                text += &format!("[{section}]\n");
            }
            let scope = if section.is_empty() { Some(&table) } else { table[section].as_table() };
            let value = &scope.expect("a section is a table")[setting.key];
            text += &format!("#{} Allowed: {}.\n", setting.meaning, setting.range);
            text += &if self.derive && DERIVED.contains(&&*setting.path()) && !self.given.0.contains(&setting.path()) {
                format!("# {} = follows from the pictures\n\n", setting.key)
            } else {
                format!("{} = {value}\n\n", setting.key)
            };
        }
        text
    }

    /// Returns the first key in which the recipe of a run differs from this recipe, this recipe's value and that of the run;
    /// none if the run can have begun with this recipe. Settings that follow from the data, and changes while the run
    /// trained, do not count.
    pub fn difference(&self, run: &Self) -> Option<(String, String, String)> {
        /// Settings that the data set unless the recipe has values for them.
        const FILLED: [&str; 6] = [
            "data.shape",
            "data.fingerprint",
            "data.classes",
            "data.names",
            "generator.channels",
            "discriminator.channels",
        ];
        let [own, theirs, default] =
            [self, run, &Self::default()].map(|recipe| Table::try_from(recipe).expect("a recipe is a TOML table"));
        let differs = |setting: &&Setting| {
            let path = setting.path();
            let [own, theirs, default] = [&own, &theirs, &default].map(|table| &table[setting.section][setting.key]);
            let derived = self.derive && DERIVED.contains(&&*path) && !self.given.0.contains(&path);
            own != theirs && !derived && !(FILLED.contains(&&*path) && own == default) && path != "training.changes"
        };
        let setting = all_settings().filter(|setting| !setting.section.is_empty()).find(differs)?;
        let [own, theirs] = [own, theirs].map(|table| table[setting.section][setting.key].to_string());
        Some((setting.path(), own, theirs))
    }

    /// Returns this recipe as it stands after `step` steps, with the changes until then applied.
    pub fn at(&self, step: u64) -> Self {
        let mut now = self.clone();
        let mut made: Vec<&Change> = self.training.changes.iter().filter(|change| change.step <= step).collect();
        made.sort_by_key(|change| change.step);
        made.into_iter().for_each(|change| now.set_live(&change.key, change.value));
        now
    }

    fn set_live(&mut self, key: &str, value: f64) {
        match key {
            "generator.learning_rate" => self.generator.learning_rate = value,
            "discriminator.learning_rate" => self.discriminator.learning_rate = value,
            "training.k_generator" => self.training.k_generator = value as usize,
            "training.k_discriminator" => self.training.k_discriminator = value as usize,
            _ => unreachable!("a change holds one of the live settings"),
        }
    }

    /// Adds a change, and removes the changes of the same key at the same step and at later steps.
    pub fn change(&mut self, change: Change) -> Result<(), RecipeError> {
        let changes = &mut self.training.changes;
        changes.retain(|other| other.key != change.key || other.step < change.step);
        if changes.len() >= CHANGES_MAX {
            return Err(RecipeError::Full(CHANGES_MAX));
        }
        changes.push(change);
        Ok(())
    }

    /// Halves both learning rates from `step` on, including the learning rates that later changes set.
    pub(crate) fn halve_rates(&mut self, step: u64) {
        let Self { generator, discriminator, .. } = self.at(step);
        for (key, rate) in [
            ("generator.learning_rate", generator.learning_rate),
            ("discriminator.learning_rate", discriminator.learning_rate),
        ] {
            let changes = &mut self.training.changes;
            changes.retain(|change| change.key != key || change.step != step);
            let later = changes.iter_mut().filter(|change| change.key == key && change.step > step);
            later.for_each(|change| change.value *= 0.5);
            changes.push(Change { step, key: key.to_owned(), value: 0.5 * rate });
        }
    }
}

/// The names of the shipped recipes.
fn known() -> String {
    SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Channels of each stage: `width`, doubled from stage to stage, 512 at most.
fn doubled(width: usize, stages: usize) -> Vec<usize> {
    (0..stages).map(|stage| (width << stage).min(512)).collect()
}

#[cfg(test)]
mod tests;
