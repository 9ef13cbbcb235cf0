//! Exports a trained generator for other tools: ONNX, safetensors, a model card and a picture of samples. Returns bytes
//! and writes no files.

mod graph;
mod model_card;

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor};
use candle_onnx::onnx::ModelProto;
use duel_models::{
    Card, Latents, Shape, onnx,
    picture::{grid, png, to_byte, to_bytes},
};
use prost::Message;

pub use self::model_card::CARD_BEGINS;

use self::graph::Precision;
use crate::{
    gan::Duel,
    networks::{Network, StateDictEntry, tensor_file::safetensors},
    recipe::{Kind, Recipe, Source},
    run::grid::{SAMPLE_COLUMNS, SAMPLES},
};

/// The files that `duel export` writes.
#[derive(Debug)]
pub struct Export {
    /// The card, which all files contain.
    pub card: Card,
    /// `generator.onnx`: opset 17, batch norm folded into the weights, the card in `metadata_props`.
    pub onnx: Vec<u8>,
    /// `generator.safetensors`: names and layouts of PyTorch, the card in `__metadata__`.
    pub safetensors: Vec<u8>,
    /// `generator.toml`: the recipe, as the card shows it.
    pub recipe: String,
    /// `README.md`.
    pub readme: String,
    /// `samples.png`.
    pub samples: Vec<u8>,
    /// Reference outputs of the trained network, to check readers of the files.
    pub probe: Probe,
}

/// The precision of the weights in the ONNX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// f32: pixels differ by at most [`TOLERANCE`] between readers.
    Single,
    /// f16: half the size; the share [`SAME`] of the pixels changes by at most one level of 255.
    Half,
}

/// The least share of pixels that weights in half precision change by at most one level of 255.
pub const SAME: f32 = 0.999;

/// Latents, and the images that the trained network generates from them in double precision.
#[derive(Debug)]
pub struct Probe {
    /// [64, latent].
    pub latents: Vec<f32>,
    /// [64]; empty for an unconditional generator.
    pub labels: Vec<u8>,
    /// [64, height, width, channels] in [-1, 1].
    pub images: Vec<f32>,
    /// The precision of the weights in the file that is checked.
    pub weights: Weights,
}

/// The number of latents of a probe.
pub const PROBES: usize = 64;

/// The largest accepted difference of a pixel between two readers of a generator; pixels are in [-1, 1].
pub const TOLERANCE: f32 = 1e-5;

/// The errors of an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A reader of the graph generates other images than the network.
    #[error(
        "the ONNX file was not written: with {reader}, pixels differ by {by:e} from those of the trained network, more \
         than {TOLERANCE:e}; export another checkpoint, or report this as a bug"
    )]
    Differs {
        /// The reader.
        reader: &'static str,
        /// The largest difference.
        by: f32,
    },
    /// Weights in half precision change the images too much.
    #[error(
        "--half: weights in half precision change a share of {share:.4} of the pixels by more than one level of 255; \
         leave --half out"
    )]
    Coarse {
        /// The share of changed pixels, 0 to 1.
        share: f32,
    },
    /// The generator is of a toy distribution.
    #[error("a generator of a toy distribution cannot be exported: look at its densities with `duel watch`")]
    Toy,
    /// Some weights are not finite.
    #[error("the generator's weights are not finite: export an earlier checkpoint")]
    NotFinite,
    /// candle failed.
    #[error("{0}")]
    Candle(#[from] candle_core::Error),
    /// safetensors failed.
    #[error("{0}")]
    Safetensors(#[from] safetensors::SafeTensorError),
}

impl Probe {
    /// Checks the images that `reader` generated from [`Self::latents`].
    pub fn check(&self, reader: &'static str, generated: &[f32]) -> Result<(), ExportError> {
        let by = self.distance(generated);
        if by <= TOLERANCE {
            return Ok(());
        }
        if self.weights == Weights::Single || by.is_infinite() {
            return Err(ExportError::Differs { reader, by });
        }
        let changed =
            self.images.iter().zip(generated).filter(|(a, b)| to_byte(**a).abs_diff(to_byte(**b)) > 1).count();
        let share = changed as f32 / generated.len() as f32;
        if share <= 1.0 - SAME { Ok(()) } else { Err(ExportError::Coarse { share }) }
    }

    /// Returns the largest difference of a pixel; infinity if a pixel is NaN or if the numbers of pixels differ.
    fn distance(&self, generated: &[f32]) -> f32 {
        if self.images.len() != generated.len() {
            return f32::INFINITY;
        }
        let differences = self.images.iter().zip(generated).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, |most, by| if by.is_nan() { f32::INFINITY } else { most.max(by) })
    }
}

/// Scores for the card of a generator.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Scored {
    /// The judge, its name and the start of its hash.
    pub judge: String,
    /// Scores by name.
    pub scores: BTreeMap<String, f64>,
    /// The same scores of real pictures.
    pub real: BTreeMap<String, f64>,
}

/// Exports the generator of a duel, with scores in its card. `weights` is the precision of the ONNX file; safetensors
/// are f32. candle-onnx checks the graph if it supports its operators.
pub fn export(duel: &Duel, scored: Scored, weights: Weights) -> Result<Export, ExportError> {
    let Some(shape) = duel.recipe.shape() else { return Err(ExportError::Toy) };
    let Scored { judge, scores, real } = scored;
    let card = Card { judge, scores, real, ..card(duel, shape, weights) };
    let sampler = duel.sampler()?;
    let state_dict = sampler.state_dict()?;
    if !state_dict.iter().flat_map(|entry| &entry.values).all(|value| value.is_finite()) {
        return Err(ExportError::NotFinite);
    }
    let mut probe = probe(duel, &sampler, &card)?;
    let mut model = checked(duel, &state_dict, &card, &probe)?;
    if weights == Weights::Half {
        model = graph::halved(model);
        probe.weights = weights;
    }
    let recipe = for_others(&duel.recipe).to_toml();
    let images = to_bytes(&duel.sample(duel.recipe.training.seed, SAMPLES)?.values);
    Ok(Export {
        onnx: model.encode_to_vec(),
        safetensors: safetensors(&state_dict, Some(card.to_map().into_iter().collect()))?,
        readme: model_card::model_card(&card, &state_dict, &duel.recipe, &recipe, &sampler.layers),
        recipe,
        samples: png(&grid(&images, shape, SAMPLE_COLUMNS)),
        probe,
        card,
    })
}

/// Returns the recipe without the directory of its data, which says something about the machine and its user.
fn for_others(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    if recipe.data.source.path().is_some() {
        recipe.data.source = Source::Path(recipe.data.source.name().into());
    }
    recipe
}

/// Returns the graph in single precision if its pixels differ by at most a quarter of the tolerance, which leaves the
/// rest to other runtimes; else in double precision. candle-onnx does not support transposed convolution: such a graph
/// is in single precision, and only tract checks it.
fn checked(duel: &Duel, state_dict: &[StateDictEntry], card: &Card, probe: &Probe) -> Result<ModelProto, ExportError> {
    let layers = &duel.generator.network.layers;
    let single = graph::model(layers, state_dict, card, Precision::Single)?;
    if is_convolutional(duel) || probe.distance(&run_candle_onnx(&single, probe, card)?) <= TOLERANCE / 4.0 {
        return Ok(single);
    }
    let double = graph::model(layers, state_dict, card, Precision::Double)?;
    probe.check("candle-onnx", &run_candle_onnx(&double, probe, card)?)?;
    Ok(double)
}

fn is_convolutional(duel: &Duel) -> bool {
    duel.recipe.generator.kind == Kind::Conv
}

fn card(duel: &Duel, shape: Shape, weights: Weights) -> Card {
    let recipe = &duel.recipe;
    let within = match weights {
        Weights::Single => format!("within {TOLERANCE:e}"),
        Weights::Half => format!("weights in f16, {} of pixels within 1 of 255", SAME),
    };
    let readers = if is_convolutional(duel) { "tract" } else { "candle-onnx and tract" };
    Card {
        name: recipe.name.clone(),
        latent: recipe.generator.latent,
        latent_law: recipe.generator.latent_law,
        classes: recipe.classes(),
        class_names: if recipe.training.conditional { recipe.data.names.clone() } else { Vec::new() },
        recipe: recipe.name.clone(),
        seed: recipe.training.seed,
        steps: duel.step,
        images: duel.batches_seen * recipe.training.batch as u64,
        data: recipe.data.source.name(),
        shape,
        made_by: concat!("duel ", env!("CARGO_PKG_VERSION")).to_owned(),
        checked_by: format!("{readers}, {PROBES} latents, {within}"),
        judge: String::new(),
        scores: Default::default(),
        real: Default::default(),
    }
}

fn probe(duel: &Duel, sampler: &Network, card: &Card) -> Result<Probe, ExportError> {
    let source = Latents::new(duel.recipe.training.seed, card);
    let latents = source.latents(0..PROBES as u64);
    let labels: Vec<u8> = (0..PROBES as u64).map(|index| source.label(index).unwrap_or_default()).collect();
    let inputs = duel.generator_input(&latents, &labels)?;
    let images = sampler.forward_f64(&inputs)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    Ok(Probe { latents, labels: if card.classes > 0 { labels } else { Vec::new() }, images, weights: Weights::Single })
}

fn run_candle_onnx(model: &ModelProto, probe: &Probe, card: &Card) -> Result<Vec<f32>, ExportError> {
    let latents = Tensor::from_slice(&probe.latents, (PROBES, card.latent), &Device::Cpu)?;
    let mut inputs = HashMap::from([(onnx::LATENT.to_owned(), latents)]);
    if card.classes > 0 {
        let labels = Tensor::from_iter(probe.labels.iter().map(|&label| i64::from(label)), &Device::Cpu)?;
        inputs.insert(onnx::LABEL.to_owned(), labels);
    }
    let mut outputs = candle_onnx::simple_eval(model, inputs)?;
    let image = outputs.remove(onnx::IMAGE).ok_or_else(|| candle_core::Error::Msg("no image".to_owned()))?;
    // [N, channels, height, width] -> [N, height, width, channels]
    Ok(image.permute((0, 2, 3, 1))?.flatten_all()?.to_vec1()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataSet, mnist::SHAPE};

    fn duel(settings: &[&str], steps: usize) -> Duel {
        let small = [
            "data.classes=10",
            "generator.hidden=[16, 12]",
            "discriminator.hidden=[16]",
            "generator.latent=4",
            "training.batch=4",
        ];
        let settings: Vec<String> = small.iter().chain(settings).map(|&setting| setting.to_owned()).collect();
        let recipe = Recipe::default().with(&settings).expect("good settings");
        let shape = recipe.shape().unwrap_or(SHAPE);
        let recipe = recipe.for_shape(shape).expect("the shape of the pictures");
        let images = (0..10 * shape.size()).map(|at| (at % 251) as u8).collect();
        let data = DataSet::new(shape, images, vec![0; 10]);
        let mut duel = Duel::new(recipe, Some(data), Device::Cpu).expect("small networks");
        for _ in 0..steps {
            duel.advance(false).expect("a step");
        }
        duel
    }

    #[test]
    fn graphs_generate_the_images_of_the_network_and_contain_the_card() {
        for (settings, steps) in [
            (&[][..], 20),
            (&["generator.batch_norm=off", "generator.output=sigmoid"], 5),
            (&["generator.batch_norm=frozen"], 5),
            (&["training.conditional=true", "generator.ema=0.9"], 20),
            (&["data.shape=3x8x12", "training.conditional=true"], 20),
        ] {
            let export =
                export(&duel(settings, steps), Scored::default(), Weights::Single).expect("candle-onnx agrees");
            let model = ModelProto::decode(&export.onnx[..]).expect("protobuf");
            let map = model.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect();
            assert_eq!(Card::from_map(&map), Ok(export.card.clone()));
            let (_, header) = safetensors::SafeTensors::read_metadata(&export.safetensors).expect("safetensors");
            let sigmoid = settings.contains(&"generator.output=sigmoid");
            assert_eq!(export.readme.contains("the output activation is 2 sigmoid(x) - 1"), sigmoid);
            let map = header.metadata().clone().expect("a card").into_iter().collect();
            assert_eq!(Card::from_map(&map), Ok(export.card));
        }
    }

    #[test]
    fn nothing_in_an_export_names_the_directory_of_the_data() {
        let mut duel = duel(&["data.source=/home/me/my digits (v2)"], 0);
        let export = export(&duel, Scored::default(), Weights::Single).expect("candle-onnx agrees");
        let all = [&export.onnx[..], &export.safetensors, export.readme.as_bytes(), export.recipe.as_bytes()].concat();
        assert!(!String::from_utf8_lossy(&all).contains("/home"), "{}", export.readme);
        assert!(
            export.readme.contains("my digits (v2)") && export.readme.contains(&export.recipe),
            "{}",
            export.readme
        );
        let read = Recipe::parse(&export.recipe, "generator.toml").expect("a recipe");
        duel.recipe.data.source = Source::Path("my digits (v2)".into());
        assert_eq!(read, duel.recipe);
    }

    #[test]
    fn truncation_is_part_of_the_graph() {
        let wide = |latents: &[f32]| latents.iter().map(|z| 1.5 * z).collect::<Vec<f32>>();
        let plain = duel(&["training.conditional=true"], 20);
        let mut truncated = duel(&["training.conditional=true"], 20);
        truncated.recipe.generator.truncation = 1.5;
        let probe = export(&truncated, Scored::default(), Weights::Single).expect("candle-onnx agrees").probe;
        let inputs = plain.generator_input(&wide(&probe.latents), &probe.labels).expect("memory");
        let images = plain.sampler().and_then(|sampler| sampler.forward_f64(&inputs)).expect("images");
        let images = images.to_dtype(DType::F32).and_then(|images| images.flatten_all()?.to_vec1()).expect("floats");
        assert!(probe.distance(&images) < 1e-6);
    }

    #[test]
    fn double_precision_generates_the_same_images() {
        let duel = duel(&[], 20);
        let sampler = duel.sampler().expect("a network");
        let (card, state_dict) = (card(&duel, SHAPE, Weights::Single), sampler.state_dict().expect("its tensors"));
        let probe = probe(&duel, &sampler, &card).expect("latents");
        let model = graph::model(&sampler.layers, &state_dict, &card, Precision::Double).expect("a generator");
        let drawn = run_candle_onnx(&model, &probe, &card).expect("candle-onnx supports the graph");
        assert!(probe.distance(&drawn) < 1e-6);
    }

    #[test]
    fn a_reader_with_other_images_is_an_error() {
        let probe = Probe { latents: vec![], labels: vec![], images: vec![0.5, -0.5], weights: Weights::Single };
        assert!(probe.check("a reader", &[0.5, -0.500_009]).is_ok());
        for drawn in [&[0.5, -0.500_02][..], &[0.5, f32::NAN], &[0.5]] {
            assert!(matches!(probe.check("a reader", drawn), Err(ExportError::Differs { .. })), "{drawn:?}");
        }
    }

    #[test]
    fn half_precision_generates_nearly_the_same_images_from_half_the_bytes() {
        let duel = duel(&[], 20);
        let whole = export(&duel, Scored::default(), Weights::Single).expect("candle-onnx agrees");
        let half = export(&duel, Scored::default(), Weights::Half).expect("candle-onnx agrees");
        let weights: usize = half.safetensors.len();
        assert!(whole.onnx.len() - half.onnx.len() > weights / 3, "{} {}", whole.onnx.len(), half.onnx.len());
        let model = ModelProto::decode(&half.onnx[..]).expect("protobuf");
        let types = model.graph.expect("a graph").initializer.into_iter().map(|tensor| tensor.data_type);
        assert!(types.eq([10, 10, 10, 10, 10, 10, 7]), "f16 but for a shape");
        let mut drawn = half.probe.images.clone();
        drawn[0] += 0.1;
        assert!(half.probe.check("a reader", &drawn).is_ok());
        drawn.iter_mut().for_each(|value| *value += 0.1);
        assert!(matches!(half.probe.check("a reader", &drawn), Err(ExportError::Coarse { .. })));
    }

    #[test]
    fn weights_that_are_not_finite_are_refused() {
        let duel = duel(&["generator.learning_rate=10", "discriminator.learning_rate=10"], 1);
        crate::kernels::write(&duel.generator.network.parameters, |values| values[3] = f32::NAN).expect("on the CPU");
        assert!(matches!(export(&duel, Scored::default(), Weights::Single), Err(ExportError::NotFinite)));
    }
}
