//! A trained generator as files that other tools read: ONNX, safetensors, a model card and a picture. As bytes: somebody
//! else writes them.

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
    recipe::{Kind, Source},
    run::grid::{SAMPLE_COLUMNS, SAMPLES},
};

/// What `duel export` writes.
#[derive(Debug)]
pub struct Export {
    /// What the files say of themselves.
    pub card: Card,
    /// `generator.onnx`: opset 17, batch norm folded, the card in `metadata_props`.
    pub onnx: Vec<u8>,
    /// `generator.safetensors`: PyTorch's names and layouts, the card in `__metadata__`.
    pub safetensors: Vec<u8>,
    /// `README.md`.
    pub readme: String,
    /// `samples.png`.
    pub samples: Vec<u8>,
    /// What the trained network draws, to hold other readers of the files against.
    pub probe: Probe,
}

/// How the graph keeps its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// f32: readers agree within [`TOLERANCE`].
    Single,
    /// f16: half the bytes, and pixels within one grey level for [`SAME`] of them.
    Half,
}

/// The share of pixels that weights in half precision may change by no more than one grey level of 255.
pub const SAME: f32 = 0.999;

/// Some latents, and what the trained network draws of them, computed in double precision.
#[derive(Debug)]
pub struct Probe {
    /// [64, latent].
    pub latents: Vec<f32>,
    /// `[64]`; empty for a generator without classes.
    pub labels: Vec<u8>,
    /// [64, 784] in [-1, 1].
    pub images: Vec<f32>,
    /// How the weights are kept of which a reader draws.
    pub weights: Weights,
}

/// Latents of a probe.
pub const PROBES: usize = 64;

/// The most that two readers of one generator may differ in a pixel, of a range of 2.
pub const TOLERANCE: f32 = 1e-5;

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The graph does not draw what the network draws.
    #[error("{judge} draws pixels that are {by:e} from the trained network's, over {TOLERANCE:e}: nothing was written")]
    Differs {
        /// Which reader of the graph.
        judge: &'static str,
        /// The largest difference.
        by: f32,
    },
    /// Weights in half precision draw other digits.
    #[error("weights in half precision change {share:.4} of the pixels by more than a grey level: leave --half out")]
    Coarse {
        /// Of all pixels.
        share: f32,
    },
    /// The generator draws the numbers of a toy distribution.
    #[error("this generator draws numbers, not images, which no model file holds: see its densities with `duel watch`")]
    Toy,
    /// Training left weights that are not finite.
    #[error("the generator's weights are not finite: export an earlier checkpoint")]
    NotFinite,
    /// candle failed.
    #[error("{0}")]
    Candle(#[from] candle_core::Error),
    /// The files could not be made.
    #[error("{0}")]
    Safetensors(#[from] safetensors::SafeTensorError),
}

impl Probe {
    /// Holds the images that `judge` drew of [`Self::latents`] against the trained network's.
    pub fn hold(&self, judge: &'static str, drawn: &[f32]) -> Result<(), ExportError> {
        let by = self.distance(drawn);
        if by <= TOLERANCE {
            return Ok(());
        }
        if self.weights == Weights::Single || by.is_infinite() {
            return Err(ExportError::Differs { judge, by });
        }
        let changed = self.images.iter().zip(drawn).filter(|(a, b)| to_byte(**a).abs_diff(to_byte(**b)) > 1).count();
        let share = changed as f32 / drawn.len() as f32;
        if share <= 1.0 - SAME { Ok(()) } else { Err(ExportError::Coarse { share }) }
    }

    /// The largest difference of a pixel; infinite where one is NaN, or where there are not as many.
    fn distance(&self, drawn: &[f32]) -> f32 {
        if self.images.len() != drawn.len() {
            return f32::INFINITY;
        }
        let differences = self.images.iter().zip(drawn).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, |most, by| if by.is_nan() { f32::INFINITY } else { most.max(by) })
    }
}

/// The generator of a duel as files, the graph checked by candle-onnx where that can run it; `scores` go into its card. `weights`
/// are those of the ONNX file: safetensors keep f32.
pub fn export(duel: &Duel, scores: BTreeMap<String, f64>, weights: Weights) -> Result<Export, ExportError> {
    let Some(shape) = duel.recipe.shape() else { return Err(ExportError::Toy) };
    let card = Card { scores, ..card(duel, shape, weights) };
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
    let images = to_bytes(&duel.sample(duel.recipe.training.seed, SAMPLES)?.values);
    Ok(Export {
        onnx: model.encode_to_vec(),
        safetensors: safetensors(&state_dict, Some(card.to_map().into_iter().collect()))?,
        readme: model_card::model_card(&card, &state_dict, &duel.recipe, &sampler.layers),
        samples: png(&grid(&images, shape, SAMPLE_COLUMNS)),
        probe,
        card,
    })
}

/// The graph in single precision if that draws well within the tolerance of the network, so that every other runtime of f32
/// may as well; else in double. candle-onnx evaluates no transposed convolution: a graph with one is in single precision, and
/// checked by tract alone.
fn checked(duel: &Duel, state_dict: &[StateDictEntry], card: &Card, probe: &Probe) -> Result<ModelProto, ExportError> {
    let layers = &duel.generator.network.layers;
    let single = graph::model(layers, state_dict, card, Precision::Single)?;
    if grows(duel) || probe.distance(&by_candle_onnx(&single, probe, card)?) <= TOLERANCE / 4.0 {
        return Ok(single);
    }
    let double = graph::model(layers, state_dict, card, Precision::Double)?;
    probe.hold("candle-onnx", &by_candle_onnx(&double, probe, card)?)?;
    Ok(double)
}

fn grows(duel: &Duel) -> bool {
    duel.recipe.generator.kind == Kind::Conv
}

fn card(duel: &Duel, shape: Shape, weights: Weights) -> Card {
    let recipe = &duel.recipe;
    let within = match weights {
        Weights::Single => format!("within {TOLERANCE:e}"),
        Weights::Half => format!("weights in f16, {} of pixels within 1 of 255", SAME),
    };
    let judges = if grows(duel) { "tract" } else { "candle-onnx and tract" };
    Card {
        name: recipe.name.clone(),
        latent: recipe.generator.latent,
        latent_law: recipe.generator.latent_law,
        classes: recipe.classes(),
        recipe: recipe.name.clone(),
        seed: recipe.training.seed,
        steps: duel.step,
        images: duel.batches_seen * recipe.training.batch as u64,
        data: data_name(&recipe.data.source),
        shape,
        made_by: concat!("duel ", env!("CARGO_PKG_VERSION")).to_owned(),
        checked_by: format!("{judges}, {PROBES} latents, {within}"),
        scores: Default::default(),
    }
}

/// The name of the data in the card: that of a source, or the last part of a path.
fn data_name(source: &Source) -> String {
    match source.path() {
        Some(path) => path.file_name().map_or("data".into(), |name| name.to_string_lossy().into()),
        None => source.to_string(),
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

fn by_candle_onnx(model: &ModelProto, probe: &Probe, card: &Card) -> Result<Vec<f32>, ExportError> {
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
    use crate::{
        data::{DataSet, mnist::SHAPE},
        recipe::Recipe,
    };

    fn duel(settings: &[&str], steps: usize) -> Duel {
        let small =
            ["generator.hidden=[16, 12]", "discriminator.hidden=[16]", "generator.latent=4", "training.batch=4"];
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
    fn graphs_draw_what_the_network_draws_and_carry_the_card() {
        for (settings, steps) in [
            (&[][..], 20),
            (&["generator.batch_norm=off", "generator.output=sigmoid"], 5),
            (&["generator.batch_norm=frozen"], 5),
            (&["training.conditional=true", "generator.ema=0.9"], 20),
            (&["data.shape=3x8x12", "training.conditional=true"], 20),
        ] {
            let export = export(&duel(settings, steps), BTreeMap::new(), Weights::Single).expect("candle-onnx agrees");
            let model = ModelProto::decode(&export.onnx[..]).expect("protobuf");
            let map = model.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect();
            assert_eq!(Card::from_map(&map), Ok(export.card.clone()));
            let (_, header) = safetensors::SafeTensors::read_metadata(&export.safetensors).expect("safetensors");
            let sigmoid = settings.contains(&"generator.output=sigmoid");
            assert_eq!(export.readme.contains("2 sigmoid(x) - 1 ends it"), sigmoid);
            let map = header.metadata().clone().expect("a card").into_iter().collect();
            assert_eq!(Card::from_map(&map), Ok(export.card));
        }
    }

    #[test]
    fn a_spread_goes_into_the_graph() {
        let wide = |latents: &[f32]| latents.iter().map(|z| 1.5 * z).collect::<Vec<f32>>();
        let plain = duel(&["training.conditional=true"], 20);
        let mut spread = duel(&["training.conditional=true"], 20);
        spread.recipe.generator.truncation = 1.5;
        let probe = export(&spread, BTreeMap::new(), Weights::Single).expect("candle-onnx agrees").probe;
        let inputs = plain.generator_input(&wide(&probe.latents), &probe.labels).expect("memory");
        let images = plain.sampler().and_then(|sampler| sampler.forward_f64(&inputs)).expect("images");
        let images = images.to_dtype(DType::F32).and_then(|images| images.flatten_all()?.to_vec1()).expect("floats");
        assert!(probe.distance(&images) < 1e-6);
    }

    #[test]
    fn double_precision_draws_the_same() {
        let duel = duel(&[], 20);
        let sampler = duel.sampler().expect("a network");
        let (card, state_dict) = (card(&duel, SHAPE, Weights::Single), sampler.state_dict().expect("its tensors"));
        let probe = probe(&duel, &sampler, &card).expect("latents");
        let model = graph::model(&sampler.layers, &state_dict, &card, Precision::Double).expect("a generator");
        let drawn = by_candle_onnx(&model, &probe, &card).expect("candle-onnx runs it");
        assert!(probe.distance(&drawn) < 1e-6);
    }

    #[test]
    fn a_reader_that_differs_is_an_error() {
        let probe = Probe { latents: vec![], labels: vec![], images: vec![0.5, -0.5], weights: Weights::Single };
        assert!(probe.hold("a twin", &[0.5, -0.500_009]).is_ok());
        for drawn in [&[0.5, -0.500_02][..], &[0.5, f32::NAN], &[0.5]] {
            assert!(matches!(probe.hold("a reader", drawn), Err(ExportError::Differs { .. })), "{drawn:?}");
        }
    }

    #[test]
    fn half_precision_draws_nearly_the_same_of_half_the_bytes() {
        let duel = duel(&[], 20);
        let whole = export(&duel, BTreeMap::new(), Weights::Single).expect("candle-onnx agrees");
        let half = export(&duel, BTreeMap::new(), Weights::Half).expect("candle-onnx agrees");
        let weights: usize = half.safetensors.len();
        assert!(whole.onnx.len() - half.onnx.len() > weights / 3, "{} {}", whole.onnx.len(), half.onnx.len());
        let model = ModelProto::decode(&half.onnx[..]).expect("protobuf");
        let types = model.graph.expect("a graph").initializer.into_iter().map(|tensor| tensor.data_type);
        assert!(types.eq([10, 10, 10, 10, 10, 10, 7]), "f16 but for a shape");
        let mut drawn = half.probe.images.clone();
        drawn[0] += 0.1;
        assert!(half.probe.hold("a reader", &drawn).is_ok());
        drawn.iter_mut().for_each(|value| *value += 0.1);
        assert!(matches!(half.probe.hold("a reader", &drawn), Err(ExportError::Coarse { .. })));
    }

    #[test]
    fn weights_that_are_not_finite_are_not_exported() {
        let duel = duel(&["generator.learning_rate=10", "discriminator.learning_rate=10"], 1);
        crate::kernels::write(&duel.generator.network.parameters, |values| values[3] = f32::NAN).expect("on the CPU");
        assert!(matches!(export(&duel, BTreeMap::new(), Weights::Single), Err(ExportError::NotFinite)));
    }
}
