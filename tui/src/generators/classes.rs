//! Classes of a generator, by name or by number.

use anyhow::{Context, Result, bail, ensure};
use duel_models::Card;
use strsim::{damerau_levenshtein, jaro_winkler};

/// The most names that an error lists.
const LISTED: usize = 40;

/// The least similarity by Jaro and Winkler, 0 to 1, of a name that an error suggests. One that differs by a single letter
/// is suggested, too.
const SIMILAR: f64 = 0.85;

/// Parses `--classes`: names or numbers of classes with commas between them. A class whose name is a number is found by
/// the name. Of two ways to read a name with commas, the longer name counts.
pub fn labels(list: &str, card: &Card) -> Result<Vec<u8>> {
    ensure!(card.classes > 0, "--classes: the model {} has no classes; leave --classes out", card.name);
    let label = |text: &str| {
        let number = || text.parse().ok().filter(|&number: &u8| usize::from(number) < card.classes);
        by_name(text, card).or_else(number).with_context(|| unknown(text, card))
    };
    let mut labels = Vec::new();
    let mut rest = Some(list);
    while let Some(list) = rest {
        let mut ends = list.match_indices(',').map(|(at, _)| at).chain([list.len()]);
        let named = ends.rfind(|&end| by_name(list[..end].trim(), card).is_some());
        let end = named.or_else(|| list.find(',')).unwrap_or(list.len());
        labels.push(label(list[..end].trim())?);
        rest = list[end..].strip_prefix(',');
    }
    Ok(labels)
}

/// Parses `--digits`: the digits are the classes.
pub fn digits(digits: &str, card: &Card) -> Result<Vec<u8>> {
    ensure!(card.classes > 0, "--digits: the model {} has no classes; leave --digits out", card.name);
    let named = !card.class_names.is_empty();
    let label = |c: char| {
        let number = || c.to_digit(10).map(|digit| digit as u8).filter(|&digit| usize::from(digit) < card.classes);
        if named { by_name(c.encode_utf8(&mut [0; 4]), card) } else { number() }
    };
    let labels: Option<Vec<u8>> = digits.chars().map(label).collect();
    match labels.filter(|labels| !labels.is_empty()) {
        Some(labels) => Ok(labels),
        None if named => bail!("--digits {digits:?}: the classes of {} are {}; use --classes", card.name, list(card)),
        None => bail!("--digits {digits:?}: expected digits from 0 to {}", card.classes.min(10) - 1),
    }
}

/// The names of a card's classes, or the range of their numbers.
pub fn list(card: &Card) -> String {
    let names = &card.class_names;
    match names.len() {
        0 => format!("0 to {}", card.classes.saturating_sub(1)),
        count if count > LISTED => format!("{} and {} more", names[..LISTED].join(", "), count - LISTED),
        _ => names.join(", "),
    }
}

fn by_name(text: &str, card: &Card) -> Option<u8> {
    card.class_names.iter().position(|name| name == text).map(|label| label as u8)
}

/// The error for a class that the card does not have.
fn unknown(text: &str, card: &Card) -> String {
    // A long text is slow to compare, and resembles no name.
    let short = text.len() <= 64;
    let text_lower = text.to_lowercase();
    let similarity = |name: &String| match name.to_lowercase() {
        name if damerau_levenshtein(&name, &text_lower) <= 1 => 1.0,
        name => jaro_winkler(&name, &text_lower),
    };
    let names = card.class_names.iter().filter(|_| short);
    let mut similar: Vec<(f64, &String)> = names.map(|name| (similarity(name), name)).collect();
    similar.retain(|(similarity, _)| *similarity >= SIMILAR);
    similar.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let names: Vec<&str> = similar.iter().take(3).map(|(_, name)| name.as_str()).collect();
    let hint = if names.is_empty() { String::new() } else { format!("is it {}? ", names.join(" or ")) };
    format!("--classes: {} has no class {text:?}: {hint}Its classes are {}", card.name, list(card))
}

#[cfg(test)]
mod tests {
    use duel_tests::graphs;

    use super::*;

    fn card(classes: usize, names: &[&str]) -> Card {
        let shape = "1x8x8".parse().expect("a shape");
        let class_names = names.iter().map(|name| (*name).to_owned()).collect();
        Card { class_names, ..graphs::card("pets", shape, 4, classes) }
    }

    #[test]
    fn classes_are_found_by_name_and_by_number() {
        let pets = card(3, &["cat", "dog", "0"]);
        for (list, expected) in [("cat,cat,dog", &[0, 0, 1][..]), ("dog , 1", &[1, 1]), ("0", &[2]), ("2", &[2])] {
            assert_eq!(labels(list, &pets).expect(list), expected, "{list}");
        }
        let seasoned = card(3, &["salt", "salt, pepper", "pepper"]);
        for (list, expected) in
            [("salt, pepper", &[1][..]), ("salt,pepper", &[0, 2]), ("pepper,salt, pepper,salt", &[2, 1, 0])]
        {
            assert_eq!(labels(list, &seasoned).expect(list), expected, "{list}");
        }
        assert_eq!(labels("255,7", &card(256, &[])).expect("numbers"), [255, 7]);
        assert_eq!(digits("2026", &card(10, &[])).expect("digits"), [2, 0, 2, 6]);
        let digit_names = ["9", "8", "7"];
        assert_eq!(digits("78", &card(3, &digit_names)).expect("names that are digits"), [2, 1]);
    }

    #[test]
    fn an_unknown_class_is_answered_with_similar_names_and_the_list() {
        let pets = card(3, &["cat", "dog", "canary"]);
        for (list, card, expected) in [
            ("cat,Cta", &pets, "pets has no class \"Cta\": is it cat? Its classes are cat, dog, canary"),
            ("cat,,dog", &pets, "no class \"\": Its classes are cat, dog, canary"),
            ("3", &pets, "no class \"3\": Its classes"),
            ("10", &card(10, &[]), "no class \"10\": Its classes are 0 to 9"),
            ("cat", &card(0, &[]), "pets has no classes; leave --classes out"),
        ] {
            let error = labels(list, card).expect_err(list).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let many: Vec<String> = (0..200).map(|at| format!("class{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let error = labels("x", &card(200, &many)).expect_err("unknown").to_string();
        assert!(error.ends_with("class39 and 160 more"), "{error}");
    }

    #[test]
    fn digits_are_for_classes_that_are_digits() {
        for (text, card, expected) in [
            ("2x", card(10, &[]), "expected digits from 0 to 9"),
            ("", card(10, &[]), "expected digits"),
            ("3", card(3, &[]), "from 0 to 2"),
            ("0", card(2, &["cat", "dog"]), "the classes of pets are cat, dog; use --classes"),
            ("0", card(0, &[]), "leave --digits out"),
        ] {
            let error = digits(text, &card).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains("--digits"), "{error}");
        }
    }
}
