//! The model card: `README.md` beside an exported generator.

use duel_models::{Card, Shape, score_digits};

use crate::{
    networks::{Layer, StateDictEntry},
    recipe::{BatchNorm, Kind, Output, Recipe, SHIPPED},
};

/// Writes the model card of a generator. `toml` is the text of the recipe for others.
pub(super) fn model_card(
    card: &Card,
    state_dict: &[StateDictEntry],
    recipe: &Recipe,
    toml: &str,
    layers: &[Layer],
) -> String {
    let Card { name, latent, latent_law, seed, steps, images, data, made_by, checked_by, .. } = card;
    let Shape { channels, height, width, .. } = card.shape;
    let colour = if channels == 1 { "grey" } else { "colour" };
    let front_matter = front_matter(card);
    let [title, about, data] = [name, &about(recipe), data].map(|text| escape_markdown(text));
    let parameters: usize = state_dict.iter().filter(|t| !t.name.contains("running")).map(|t| t.values.len()).sum();
    let tensors: String =
        state_dict.iter().map(|tensor| format!("| `{}` | {:?} |\n", tensor.name, tensor.shape)).collect();
    let command = command(recipe);
    let layers = layers_in_words(recipe, layers);
    let ending = ending(recipe);
    let (takes, label) = match card.classes {
        0 => (format!("`latent` [N, {latent}] and gives `image`"), String::new()),
        _ => (format!("`latent` [N, {latent}] and `label`, int64 [N], and gives `image`"), label_row(card)),
    };
    let scores = scores(card);
    format!(
        "{front_matter}
# {title}

{about}A generator of {parameters} parameters that draws {height}×{width} {colour} images, trained by {made_by} on {data}.

![samples](samples.png)

| | |
|---|---|
| latent | {latent} values, {latent_law} distribution |
{label}| image | [N, {channels}, {height}, {width}], values in [-1, 1] |
| training | {steps} steps, {images} images, seed {seed} |
| graph checked by | {checked_by} |
{scores}
```sh
{command}
duel sample --model generator.onnx
```

`generator.onnx` takes {takes}; batch norm is folded into the neighbouring layers.
`generator.safetensors` holds the same network unfolded, under PyTorch's names and in its layouts: {layers}; {ending}.

| tensor | shape |
|---|---|
{tensors}
## Recipe

`generator.toml` holds it, too.

```toml
{toml}```
"
    )
}

/// The table of the scores, beside those of real pictures if the card has them; empty without scores.
fn scores(card: &Card) -> String {
    if card.scores.is_empty() {
        return String::new();
    }
    let row = |(name, score): (&String, &f64)| {
        let digits = score_digits(name);
        let real = match card.real.get(name) {
            _ if card.real.is_empty() => String::new(),
            Some(real) => format!(" {real:.digits$} |"),
            None => " - |".to_owned(),
        };
        format!("| {} | {score:.digits$} |{real}\n", name.replace('_', " "))
    };
    let head = match card.real.is_empty() {
        true => "\n| score | by `duel eval` |\n|---|---|\n".to_owned(),
        false => format!(
            "\nScores by `duel eval`, beside those of as many real images. Judge: {}.\n\n| score | here | real |\n|---|---|---|\n",
            escape_markdown(&card.judge)
        ),
    };
    head + &card.scores.iter().map(row).collect::<String>()
}

/// The row of the labels: their range, or each label with the name of its class.
fn label_row(card: &Card) -> String {
    let named = card.class_names.iter().enumerate().map(|(label, name)| format!("{label}: {}", escape_markdown(name)));
    let labels = match card.class_names.is_empty() {
        true => format!("0 to {}", card.classes - 1),
        false => named.collect::<Vec<_>>().join(", "),
    };
    format!("| label | {labels} |\n")
}

/// The `about` text of the recipe. Empty for a shipped recipe that was trained on other data: its text describes the
/// data that the recipe ships with.
fn about(recipe: &Recipe) -> String {
    let mut shipped = SHIPPED.iter().filter_map(|(name, _)| Recipe::load(name, &[]).ok());
    let of_other_data = shipped.any(|it| it.about == recipe.about && it.data.source != recipe.data.source);
    if of_other_data || recipe.about.is_empty() { String::new() } else { format!("{}. ", recipe.about) }
}

/// Escapes untrusted text for Markdown: CommonMark takes a backslash before any ASCII punctuation.
fn escape_markdown(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\`*_[]<>#|&".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The first lines of every model card.
pub const CARD_BEGINS: &str = "---\nlibrary_name: duel\n";

/// The front matter that a model hub reads: YAML, with the scores as the `model-index` of Hugging Face's documentation
/// (<https://huggingface.co/docs/hub/model-cards#evaluation-results>).
fn front_matter(card: &Card) -> String {
    // Every JSON string is a YAML string.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    // Hubs take ids of their own data sets there, and know no others.
    let datasets = match &*card.data {
        "mnist" | "stacked-mnist" => "datasets: [\"mnist\"]\n",
        _ => "",
    };
    let mut yaml = format!(
        "{CARD_BEGINS}pipeline_tag: unconditional-image-generation\n{datasets}tags: [gan, onnx, safetensors]\n"
    );
    if !card.scores.is_empty() {
        let [data, name] = match &*card.data {
            "mnist" => ["mnist", "MNIST"].map(str::to_owned),
            other => [quoted(&hub_id(other)), quoted(other)],
        };
        yaml += &format!(
            "model-index:\n- name: {}\n  results:\n  - task:\n      type: unconditional-image-generation\n    dataset:\n      \
             type: {data}\n      name: {name}\n      split: test\n    metrics:\n",
            quoted(&card.name)
        );
        for (name, score) in card.scores.iter().filter(|(_, score)| score.is_finite()) {
            let digits = score_digits(name);
            yaml +=
                &format!("    - type: {name}\n      name: {}\n      value: {score:.digits$}\n", name.replace('_', " "));
        }
    }
    yaml + "---\n"
}

/// Returns a name as the name of a repository on a hub: letters, digits, `_`, `-` and `.` of ASCII, at most 96, neither `-`
/// nor `.` at an end or twice in a row (`validate_repo_id` of huggingface_hub).
fn hub_id(name: &str) -> String {
    let mut id = String::new();
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
        let joins = matches!(c, '-' | '.');
        if id.len() < 96 && !(joins && (id.is_empty() || id.ends_with(['-', '.']))) {
            id.push(c);
        }
    }
    let id = id.trim_end_matches(['-', '.']);
    if id.is_empty() { "data".to_owned() } else { id.to_owned() }
}

/// Describes the layers by the names of PyTorch's modules.
fn layers_in_words(recipe: &Recipe, layers: &[Layer]) -> String {
    let generator = &recipe.generator;
    let epsilon = generator.batch_norm_epsilon;
    let norm = |module: &str, place: &str| match generator.batch_norm {
        BatchNorm::Off => String::new(),
        _ => format!(",\n`normI` the `torch.nn.{module}` {place} (ε {epsilon})"),
    };
    let conditioned = if recipe.classes() > 0 { " takes the latent followed by the one-hot label" } else { "" };
    match generator.kind {
        Kind::Mlp => {
            let first = if conditioned.is_empty() { String::new() } else { format!("; `dense1`{conditioned}") };
            format!("`denseI` is a\n`torch.nn.Linear`{}{first}", norm("BatchNorm1d", "after its ReLU"))
        }
        Kind::Conv => {
            let first = layers.iter().find_map(|layer| Some((layer.op.onnx_image()?, layer.op.pytorch())));
            let ([channels, height, width], growth) = first.expect("a convolutional generator doubles an image");
            let norm = norm("BatchNorm2d", "before it, followed by a leaky ReLU of slope 0.2");
            format!(
                "`dense1`, a\n`torch.nn.Linear`,{conditioned}{} gives [N, {channels}, {height}, {width}];\n`upI` is {growth}{norm}",
                if conditioned.is_empty() { "" } else { " and" }
            )
        }
    }
}

/// Describes the activation of the last layer.
fn ending(recipe: &Recipe) -> &'static str {
    match recipe.generator.output {
        Output::Tanh => "the output activation is tanh",
        Output::Sigmoid => "the output activation is 2 sigmoid(x) - 1",
        Output::Linear => "there is no output activation",
    }
}

/// The command that trains the generator again: by the shipped recipe if only the seed differs, else by generator.toml.
fn command(recipe: &Recipe) -> String {
    let seed = recipe.training.seed;
    // The fingerprint is of the run.
    let mut recipe = recipe.clone();
    recipe.data.fingerprint = Recipe::default().data.fingerprint;
    let shipped = SHIPPED.iter().find(|(name, _)| *name == recipe.name);
    let shipped = shipped.map(|(name, _)| {
        let shipped = Recipe::load(name, &[format!("training.seed={seed}")])?;
        recipe.shape().map_or(Ok(shipped.clone()), |shape| shipped.for_shape(shape))
    });
    match shipped {
        Some(Ok(shipped)) if shipped == recipe => format!("duel train --recipe {} --seed {seed}", recipe.name),
        _ if recipe.data.source.path().is_some() => {
            "duel train --recipe generator.toml --data PATH      # PATH: the pictures".to_owned()
        }
        _ => "duel train --recipe generator.toml".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use candle_onnx::onnx::ModelProto;
    use prost::Message;

    use super::*;

    /// Returns the directory of a shipped model, and the card in its ONNX file.
    fn shipped_card(name: &str) -> (PathBuf, Card) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name);
        let model = ModelProto::decode(&*std::fs::read(dir.join("generator.onnx")).expect("a model")).expect("ONNX");
        let map = model.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect();
        (dir, Card::from_map(&map).expect("a card"))
    }

    #[test]
    fn labels_are_listed_with_the_names_of_their_classes() {
        let mut card = shipped_card("digits").1;
        assert_eq!(label_row(&card), "| label | 0 to 9 |\n");
        (card.classes, card.class_names) = (2, vec!["cat".into(), "a|b".into()]);
        assert_eq!(label_row(&card), "| label | 0: cat, 1: a\\|b |\n");
    }

    #[test]
    fn the_front_matter_names_data_as_a_hub_takes_them() {
        let long = "x".repeat(200);
        for (data, id) in [
            ("my digits (v2)", "my-digits-v2"),
            ("./mnist", "mnist"),
            ("--a..b--", "a.b"),
            ("emoji", "emoji"),
            ("Блины", "data"),
            (long.as_str(), &long[..96]),
        ] {
            // python3 -c "from huggingface_hub.utils import validate_repo_id; validate_repo_id('my-digits-v2')" for each id
            assert_eq!(hub_id(data), id);
            let card = Card { data: data.to_owned(), ..shipped_card("digits").1 };
            let text = front_matter(&card);
            assert!(text.contains(&format!("type: \"{id}\"\n")) && !text.contains("datasets:"), "{text}");
        }
        for data in ["mnist", "stacked-mnist"] {
            let card = Card { data: data.to_owned(), ..shipped_card("digits").1 };
            assert!(front_matter(&card).contains("\ndatasets: [\"mnist\"]\n"), "{data}");
        }
    }

    #[test]
    fn the_text_of_a_shipped_recipe_is_of_its_own_data_alone() {
        let recipe = Recipe::load("digits", &[]).expect("shipped");
        assert!(about(&recipe).starts_with("Any digit"));
        for source in ["/home/me/garments", "emoji"] {
            assert_eq!(about(&recipe.clone().with_data(source).expect("a source")), "");
        }
        let fashion = Recipe::load("fashion", &[]).expect("shipped");
        assert!(about(&fashion).contains("garments") && command(&fashion).contains("--recipe fashion"));
    }

    #[test]
    fn shipped_model_cards_hold_the_scores_of_their_models() {
        for name in ["digits", "article"] {
            let (dir, card) = shipped_card(name);
            assert!(card.scores.len() > 9, "{name}");
            let readme = std::fs::read_to_string(dir.join("README.md")).expect("a card");
            assert_eq!(readme[..readme.find("\n# ").expect("a heading")], front_matter(&card), "{name}");
            for (score, value) in &card.scores {
                assert!(readme.contains(&format!("| {} | {value:.3} |\n", score.replace('_', " "))), "{name} {score}");
            }
        }
    }
}
