//! A recipe as TOML, `--recipe FILE`, and its first lines as a `--set KEY=VALUE`.
#![no_main]

use duel_fuzz::is_a_line;
use duel_trainer::recipe::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let settings = text.lines().take(2).map(|line| Recipe::default().with(&[line.to_owned()]));
    for recipe in [Recipe::parse(text, "recipe.toml")].into_iter().chain(settings) {
        match recipe {
            Ok(recipe) => assert_eq!(Recipe::parse(&recipe.to_toml(), "again").expect("its own text"), recipe),
            Err(error) => is_a_line(&error),
        }
    }
});
