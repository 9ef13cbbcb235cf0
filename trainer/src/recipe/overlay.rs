//! Reads and checks all settings that a user wrote: each key must exist, and each value must be in its range.

use std::{io, path::Path};

use duel_models::{files, text::showable};
use strsim::jaro_winkler;
use toml::{Table, Value};

use super::{
    change::Change,
    error::RecipeError,
    range::{Range, Setting},
    sections::all_settings,
};

/// Keys of older recipes, and their names today.
const RENAMED: [(&str, &str, &str); 2] = [("generator", "average", "ema"), ("generator", "spread", "truncation")];

/// Reads a file of at most a megabyte: no recipe is longer.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(files::read_small(path, 1 << 20)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Parses TOML; `origin` names the file or flag in errors.
pub(super) fn parse_table(text: &str, origin: &str) -> Result<Table, RecipeError> {
    text.parse::<Table>().map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let message = showable(error.message().lines().next().unwrap_or_default());
        RecipeError::NotToml { origin: origin.to_owned(), why: format!("line {line}: {message}") }
    })
}

/// Parses a `key=value` of `--set`.
pub(super) fn parse_setting(setting: &str) -> Result<Table, RecipeError> {
    let not_a_setting = || RecipeError::NotASetting(setting.to_owned());
    let (path, text) = setting.split_once('=').ok_or_else(not_a_setting)?;
    let value = parse_value(text.trim());
    let (section, key) = path.trim().rsplit_once('.').unwrap_or(("", path.trim()));
    let overlay = Table::from_iter([(key.to_owned(), value)]);
    if section.is_empty() { Ok(overlay) } else { Ok(Table::from_iter([(section.to_owned(), Value::Table(overlay))])) }
}

/// Parses the value of a setting. A word needs no quotes: whatever is no TOML value is text.
pub(super) fn parse_value(text: &str) -> Value {
    let parsed = parse_table(&format!("value = {text}"), "a setting").ok();
    let value = parsed.and_then(|mut parsed| if parsed.len() == 1 { parsed.remove("value") } else { None });
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Checks each key and value of `overlay`, and writes it into a recipe's table. Returns the keys, as `section.key`.
pub(super) fn merge(table: &mut Table, overlay: Table, origin: &str) -> Result<Vec<String>, RecipeError> {
    let mut keys = Vec::new();
    for (key, value) in overlay {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(section)), Value::Table(settings)) => {
                for (inner, value) in settings {
                    let inner = todays_name(&key, inner);
                    check(origin, &key, &inner, &value)?;
                    keys.push(format!("{key}.{inner}"));
                    section.insert(inner, value);
                }
            }
            (_, value) => {
                match value.as_table().and_then(|section| section.iter().next()) {
                    // The error names the whole path of a key in a section that does not exist.
                    Some((inner, value)) => check(origin, &key, inner, value)?,
                    None => check(origin, "", &key, &value)?,
                }
                keys.push(key.clone());
                table.insert(key, value);
            }
        }
    }
    Ok(keys)
}

fn todays_name(section: &str, key: String) -> String {
    let renamed = RENAMED.iter().find(|(of, old, _)| *of == section && *old == key);
    renamed.map_or(key, |(_, _, new)| (*new).to_owned())
}

/// Checks that a key exists and that its value is in its range.
pub(super) fn check(origin: &str, section: &str, key: &str, value: &Value) -> Result<(), RecipeError> {
    let Some(setting) = all_settings().find(|setting| setting.section == section && setting.key == key) else {
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        let similar_keys = similar_keys(&path, key);
        return Err(RecipeError::UnknownKey { origin: origin.to_owned(), key: path, similar_keys });
    };
    if setting.range.contains(value) {
        return Ok(());
    }
    if let (Range::ParsedList(..), "changes", Some(changes)) = (setting.range, key, value.as_array()) {
        let wrong = |why| RecipeError::Changes { origin: origin.to_owned(), why: Box::new(why) };
        changes
            .iter()
            .filter_map(Value::as_str)
            .try_for_each(|text| text.parse::<Change>().map(drop).map_err(wrong))?;
    }
    let shown: String = showable(&value.to_string()).chars().take(60).collect();
    Err(RecipeError::OutOfRange { origin: origin.to_owned(), key: setting.path(), value: shown, range: setting.range })
}

/// The keys whose spelling is similar as a whole or in the last word, the most similar first.
fn similar_keys(path: &str, key: &str) -> Vec<String> {
    /// Jaro-Winkler similarity; 1 is equal.
    const SIMILAR: f64 = 0.85;
    const MOST: usize = 3;
    // A text longer than any key resembles none, and takes long to compare.
    if path.len() > 100 {
        return Vec::new();
    }
    let similarity = |setting: &Setting| jaro_winkler(&setting.path(), path).max(jaro_winkler(setting.key, key));
    let mut found: Vec<(f64, String)> = all_settings().map(|setting| (similarity(setting), setting.path())).collect();
    found.retain(|(similarity, _)| *similarity >= SIMILAR);
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    found.into_iter().map(|(_, path)| path).take(MOST).collect()
}
