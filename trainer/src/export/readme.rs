//! The model card that people read.

use duel_models::Card;

use crate::{networks::Named, recipe::Recipe};

/// `README.md` beside an exported generator.
pub(super) fn readme(card: &Card, named: &[Named], recipe: &Recipe) -> String {
    let Card { name, latent, latent_law, seed, steps, images, data, made_by, checked_by, .. } = card;
    let about = &recipe.about;
    let parameters: usize = named.iter().filter(|t| !t.name.contains("running")).map(|t| t.values.len()).sum();
    let tensors: String = named.iter().map(|tensor| format!("| `{}` | {:?} |\n", tensor.name, tensor.shape)).collect();
    let command = command(recipe);
    let epsilon = recipe.generator.batch_norm_epsilon;
    let recipe = recipe.to_toml();
    format!(
        "---
library_name: duel
pipeline_tag: unconditional-image-generation
datasets: [{data}]
tags: [gan, onnx, safetensors]
---

# {name}

{about}. A generator of {parameters} parameters that draws 28×28 grey images, trained by {made_by} on {data}.

![samples](samples.png)

| | |
|---|---|
| latent | {latent} values, {latent_law} law |
| image | [N, 1, 28, 28], values in [-1, 1] |
| training | {steps} steps, {images} images, seed {seed} |
| graph checked by | {checked_by} |

```sh
{command}
duel sample --model generator.onnx
```

`generator.onnx` takes `latent` [N, {latent}] and gives `image`; batch norm is folded into the dense layers.
`generator.safetensors` holds the same network unfolded, under PyTorch's names and in its layouts: `denseI` is a
`torch.nn.Linear`, `normI` the `torch.nn.BatchNorm1d` behind its ReLU (ε {epsilon}); a tanh ends it.

| tensor | shape |
|---|---|
{tensors}
## Recipe

```toml
{recipe}```
"
    )
}

/// What trains it again: the shipped recipe, if the run's differs in nothing but its seed, else the one in the card.
fn command(recipe: &Recipe) -> String {
    let seed = recipe.training.seed;
    let shipped = Recipe::load(&recipe.name, &[format!("training.seed={seed}")]);
    match shipped {
        Ok(shipped) if shipped == *recipe => format!("duel train --recipe {} --seed {seed}", recipe.name),
        _ => "duel train --recipe recipe.toml      # the recipe below".to_owned(),
    }
}
