use super::*;
use crate::recipe::{Augment, Loss};

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
fn settings_override() {
    let settings = ["training.batch=64", "training.loss=minimax", "generator.hidden=[8, 8]", "name=mine"];
    let recipe = Recipe::load("article", &settings.map(str::to_owned)).expect("good settings");
    assert_eq!((recipe.training.batch, recipe.training.loss), (64, Loss::Minimax));
    assert_eq!((recipe.generator.hidden, recipe.name.as_str()), (vec![8, 8], "mine"));
}

#[test]
fn an_invalid_setting_is_refused_with_the_allowed_values() {
    for (setting, expected) in [
        ("training.batches=64", r#"no key "training.batches": is it training.batch or "#),
        ("trainin.batch=64", r#"no key "trainin.batch": is it training.batch or "#),
        ("batch=64", r#"no key "batch": is it training.batch or "#),
        ("learning_rte=1", "is it generator.learning_rate or discriminator.learning_rate?"),
        ("xyz=1", r#"no key "xyz": `duel recipes digits`"#),
        ("training=3", r#"no key "training""#),
        (
            "training.changes=[\"1: training.batch = 8\"]",
            r#"--set, key training.changes: "training.batch" cannot change while"#,
        ),
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
        ("generator.channels=[8, 8, 8, 8, 8, 8]", "at most 5 channel counts"),
        ("training.seed=-1", "a whole number from 0"),
        ("training.augment=on", "off or fixed or adaptive"),
        ("training.augment_policy=color", "colour, translation, cutout, or several of them"),
        ("training.batch", "key=value"),
        ("name=1", "a line of text"),
    ] {
        let error = Recipe::load("article", &[setting.to_owned()]).expect_err(setting).to_string();
        assert!(error.contains(expected), "{setting}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    // Found by tests/fuzz.
    for text in
        ["about = \"\"\"\ntwo\nlines\"\"\"", "about = \"\\u001b[2J\"", "a\u{7f} = 1", "[training]\nloss = '''\n\n'''"]
    {
        let error = Recipe::parse(text, "mine.toml").expect_err(text).to_string();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
    let error = Recipe::parse("[training]\nbatch = 3\nbatch 4\n", "mine.toml").expect_err("no TOML").to_string();
    assert!(error.contains("line 3"), "{error}");
    for text in ["training = [", "[training]\nbatch = \"\"", "[nothing]\nx = 1"] {
        let error = Recipe::parse(text, "mine.toml").expect_err(text).to_string();
        assert!(error.starts_with("mine.toml"), "{error}");
    }
    assert!(Recipe::load("artcle", &[]).expect_err("no such").to_string().contains("one of digits, pictures"));
}

/// The generator's rate at some steps.
fn rates(recipe: &Recipe) -> [f64; 6] {
    [0, 9, 10, 15, 20, 99].map(|step| recipe.at(step).generator.learning_rate)
}

fn planned() -> Recipe {
    let mut recipe = Recipe::default();
    recipe.generator.learning_rate = 4.0;
    for text in ["10: generator.learning_rate = 1", "20: generator.learning_rate = 2"] {
        recipe.change(text.parse().expect(text)).expect("two changes");
    }
    recipe
}

#[test]
fn a_change_applies_from_its_step_on_and_removes_later_changes() {
    let mut recipe = planned();
    assert_eq!(rates(&recipe), [4.0, 4.0, 1.0, 1.0, 2.0, 2.0]);
    recipe.training.changes.reverse();
    assert_eq!(rates(&recipe), [4.0, 4.0, 1.0, 1.0, 2.0, 2.0], "the order of the list does not matter");
    recipe.change("15: generator.learning_rate = 3".parse().expect("a change")).expect("room");
    assert_eq!(rates(&recipe), [4.0, 4.0, 1.0, 3.0, 3.0, 3.0]);
    assert_eq!(recipe.training.changes.len(), 2);
    let again = Recipe::parse(&recipe.to_toml(), "again").expect("its own text");
    assert_eq!(again, recipe);
}

#[test]
fn halved_rates_are_half_of_what_was_planned() {
    let mut recipe = planned();
    recipe.halve_rates(5);
    assert_eq!(rates(&recipe), [4.0, 2.0, 0.5, 0.5, 1.0, 1.0]);
    recipe.halve_rates(10);
    assert_eq!(rates(&recipe), [4.0, 2.0, 0.25, 0.25, 0.5, 0.5]);
    recipe.halve_rates(0);
    assert_eq!(rates(&recipe), [2.0, 1.0, 0.125, 0.125, 0.25, 0.25]);
}

#[test]
fn a_full_list_of_changes_takes_only_changes_by_rollbacks() {
    let mut recipe = Recipe::default();
    for step in 0..CHANGES_MAX as u64 {
        recipe.change(Change::new(step, "training.k_generator", "1").expect("a change")).expect("room");
    }
    let one = |step| Change::new(step, "training.k_generator", "1").expect("a change");
    assert!(matches!(recipe.change(one(5_000)), Err(RecipeError::Full(CHANGES_MAX))));
    // A rollback may still add changes.
    recipe.halve_rates(7);
    assert!(Recipe::parse(&recipe.to_toml(), "again").is_ok_and(|again| again == recipe));
    recipe.change(one(3)).expect("the later changes are removed first");
    assert_eq!(recipe.training.changes.len(), 3 + 1 + 2);
}

fn facts(shape: &str, count: usize, classes: usize) -> Facts {
    Facts { shape: shape.parse().expect("a shape"), count, classes, names: Vec::new() }
}

#[test]
fn a_recipe_that_derives_follows_from_the_pictures() {
    for (facts, generator, discriminator, batch, conditional, augment) in [
        (facts("3x64x64", 60_000, 10), &[192, 96, 48, 24][..], &[24, 48, 96, 192][..], 64, true, Augment::Off),
        (facts("3x32x32", 1_906, 9), &[192, 96, 48], &[48, 96, 192], 64, true, Augment::Adaptive),
        (facts("1x28x28", 200, 0), &[192, 96], &[48, 96, 192], 64, false, Augment::Adaptive),
        (facts("3x128x64", 100, 30), &[192, 96, 48, 24], &[12, 24, 48, 96, 192], 32, false, Augment::Adaptive),
        (facts("3x24x24", 5, 1), &[192, 96, 48], &[48, 96, 192], 5, false, Augment::Adaptive),
        (facts("3x24x24", 20, 1), &[192, 96, 48], &[48, 96, 192], 8, false, Augment::Adaptive),
    ] {
        let recipe = Recipe::load("pictures", &[]).and_then(|recipe| recipe.for_pictures(&facts)).expect("a recipe");
        assert_eq!((&recipe.generator.channels[..], &recipe.discriminator.channels[..]), (generator, discriminator));
        let Training { batch: found, conditional: told, augment: strength, .. } = recipe.training;
        assert_eq!((found, told, strength), (batch, conditional, augment), "{facts:?}");
        assert_eq!(Recipe::parse(&recipe.to_toml(), "again").expect("its own text"), recipe);
    }
}

#[test]
fn what_a_user_gives_is_not_derived() {
    let given =
        ["training.batch=16".to_owned(), "generator.channels=[8, 4]".to_owned(), "generator.width=12".to_owned()];
    let recipe = Recipe::load("pictures", &given).and_then(|recipe| recipe.for_pictures(&facts("3x32x32", 500, 0)));
    let recipe = recipe.expect("a recipe");
    assert_eq!((recipe.training.batch, &recipe.generator.channels[..]), (16, &[8, 4][..]));
    assert_eq!(recipe.discriminator.channels, [12, 24, 48]);
    let explained = Recipe::load("pictures", &given).expect("a recipe").explained();
    assert!(explained.contains("\nbatch = 16\n") && explained.contains("# steps = follows from the pictures\n"));
}

#[test]
fn a_recipe_may_begin_with_a_shipped_one() {
    let recipe = Recipe::parse("base = \"digits\"\n[training]\nbatch = 8\n", "mine.toml").expect("a recipe");
    let digits = Recipe::load("digits", &["training.batch=8".to_owned()]).expect("shipped");
    assert_eq!(recipe, digits);
    for text in ["base = \"mine\"", "base = 3"] {
        let error = Recipe::parse(text, "mine.toml").expect_err(text).to_string();
        assert!(error.contains("mine.toml, key base") && error.contains("digits"), "{error}");
    }
}

#[test]
fn classes_and_their_names_come_from_the_pictures() {
    let names = ["cat", "dog"].map(str::to_owned).to_vec();
    let named = Facts { names: names.clone(), ..facts("1x28x28", 100, 2) };
    let recipe = Recipe::default().for_pictures(&named).expect("a recipe");
    assert_eq!((recipe.data.classes, &recipe.data.names), (2, &names));
    let own = ["data.names=[\"a\", \"b\"]".to_owned()];
    let recipe = Recipe::default().with(&own).and_then(|recipe| recipe.for_pictures(&named)).expect("other names");
    assert_eq!(recipe.data.names, ["a", "b"]);
    let few = ["data.names=[\"a\"]".to_owned()];
    let error = Recipe::default().with(&few).and_then(|recipe| recipe.for_pictures(&named)).expect_err("one name");
    assert!(error.to_string().contains("1 classes have names, but data.classes = 2"), "{error}");
    let twice = ["data.names=[\"a\", \"a\"]".to_owned()];
    let error =
        Recipe::default().with(&twice).and_then(|recipe| recipe.for_pictures(&named)).expect_err("one name twice");
    assert!(error.to_string().contains("two classes are called \"a\""), "{error}");
}

#[test]
fn a_run_differs_from_its_recipe_in_what_was_set_alone() {
    let recipe = |name: &str, settings: &[&str]| {
        Recipe::load(name, &settings.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("good settings")
    };
    let facts = Facts {
        shape: Shape::new(3, 32, 32).expect("a shape"),
        classes: 2,
        names: vec!["cat".to_owned(), "dog".to_owned()],
        count: 100,
    };
    for (name, begun, compared, expected) in [
        ("pictures", &[][..], &[][..], None),
        ("pictures", &["training.batch=8"], &["training.batch=8"], None),
        ("pictures", &[], &["training.batch=8"], Some("training.batch")),
        ("article", &["training.seed=2"], &[], Some("training.seed")),
        ("article", &["about=other"], &[], None),
        ("digits", &["data.classes=2"], &["data.classes=3"], Some("data.classes")),
    ] {
        let mut run = recipe(name, begun).for_pictures(&facts).expect("pictures that fit");
        run.change(Change::new(3, "generator.learning_rate", "1e-5").expect("a change")).expect("room");
        let difference = recipe(name, compared).difference(&run);
        assert_eq!(difference.map(|(key, ..)| key).as_deref(), expected, "{name} {begun:?} {compared:?}");
    }
    let difference = recipe("article", &["generator.hidden=[8]"]).difference(&recipe("article", &[]));
    assert_eq!(difference, Some(("generator.hidden".to_owned(), "[8]".to_owned(), "[256, 256, 256]".to_owned())));
}
