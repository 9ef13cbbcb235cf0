//! The generator as an ONNX graph, with every batch norm folded into a neighbour.

use candle_core::Result;
use candle_onnx::onnx::{
    self, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_proto::DataType, tensor_shape_proto, type_proto,
};
use duel_models::{
    Card, Shape,
    onnx::{BATCH, IMAGE, LABEL, LATENT},
};
use half::f16;

use crate::networks::{
    Activation, Layer, StateDictEntry,
    layers::{Folded, OnnxGraph},
};

const OPSET: i64 = 17;
/// The IR version that came with opset 17: ONNX 1.12.
const IR_VERSION: i64 = 8;

/// The precision in which the graph computes. Its weights are f32 in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// f32 throughout.
    Single,
    /// f64 except for the last layer, for a network that amplifies the rounding errors of its first layers. Two
    /// runtimes that sum in different orders draw pixels that differ by up to 2e-5 in f32 and by up to 2e-6 in this
    /// precision (fully trained network of the recipe `article`).
    Double,
}

/// Builds the model of a generator with this state dict; an error if one of its layers has no ONNX form.
pub(super) fn model(
    layers: &[Layer],
    state_dict: &[StateDictEntry],
    card: &Card,
    precision: Precision,
) -> Result<ModelProto> {
    let metadata = card.to_map().into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect();
    Ok(ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: "duel".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph(&fold(layers, state_dict)?, card, precision)?),
        metadata_props: metadata,
        ..ModelProto::default()
    })
}

/// Returns the model with its weights in f16, half the bytes; nodes cast them to f32 where they are used.
pub(super) fn halved(mut model: ModelProto) -> ModelProto {
    let proto = model.graph.as_mut().expect("`model` sets the graph");
    let mut casts = OnnxGraph::default();
    for tensor in proto.initializer.iter_mut().filter(|tensor| tensor.data_type == i32::from(DataType::Float)) {
        let values = tensor.raw_data.as_chunks().0.iter().map(|&value| f16::from_f32(f32::from_le_bytes(value)));
        tensor.raw_data = values.flat_map(f16::to_le_bytes).collect();
        tensor.data_type = DataType::Float16.into();
        let name = tensor.name.clone();
        tensor.name = format!("{name}.half");
        casts.cast(&tensor.name, DataType::Float);
        casts.proto.node.last_mut().expect("a node was pushed").output = vec![name];
    }
    proto.node.splice(..0, casts.proto.node);
    model
}

/// Returns the layers of a generator without its batch norms. Each batch norm is folded into the layer before it, if no
/// activation stands between them, else into the layer behind it.
fn fold<'a>(layers: &'a [Layer], state_dict: &[StateDictEntry]) -> Result<Vec<(&'a Layer, Folded)>> {
    let mut folded: Vec<(&Layer, Folded)> = Vec::new();
    let mut pending = None;
    for layer in layers {
        let tensor = |tensor: &str| -> Vec<f64> {
            let name = format!("{}.{tensor}", layer.name);
            let entry = state_dict.iter().find(|entry| entry.name == name).expect("a state dict has all tensors");
            entry.values.iter().map(|&value| value.into()).collect()
        };
        if let Some(affine) = layer.op.channel_affine(&tensor) {
            match folded.last_mut().filter(|(_, before)| before.activation == Activation::None) {
                Some((before, tensors)) => {
                    before.op.fold_behind(&affine, tensors)?;
                    tensors.activation = layer.activation;
                }
                None => pending = Some(affine),
            }
            continue;
        }
        let (weight, bias) = (layer.op.onnx_weight(tensor("weight")), tensor("bias"));
        let mut here = Folded { name: layer.name.clone(), weight, bias, activation: layer.activation };
        if let Some(affine) = pending.take() {
            layer.op.fold_before(&affine, &mut here)?;
        }
        if here.activation == Activation::Sigmoid {
            here.weight.iter_mut().chain(&mut here.bias).for_each(|value| *value *= 0.5);
            here.activation = Activation::Tanh;
        }
        folded.push((layer, here));
    }
    assert!(pending.is_none(), "a batch norm behind an activation has a layer behind it");
    Ok(folded)
}

fn graph(layers: &[(&Layer, Folded)], card: &Card, precision: Precision) -> Result<GraphProto> {
    let Shape { channels, height, width, .. } = card.shape;
    let shape = [channels, height, width];
    let mut inputs = vec![value(LATENT, DataType::Float, &[card.latent])];
    if card.classes > 0 {
        inputs.push(value(LABEL, DataType::Int64, &[]));
    }
    let mut graph = OnnxGraph {
        proto: GraphProto {
            name: card.name.clone(),
            input: inputs,
            output: vec![value(IMAGE, DataType::Float, &shape)],
            ..GraphProto::default()
        },
        double: precision == Precision::Double,
        label: (card.classes > 0).then_some((LABEL, card.classes)),
    };
    let mut last = LATENT.to_owned();
    if graph.double {
        last = graph.cast(&last, DataType::Double);
    }
    let mut is_image = false;
    for (index, (layer, folded)) in layers.iter().enumerate() {
        if graph.double && index + 1 == layers.len() {
            last = graph.cast(&last, DataType::Float);
            graph.double = false;
        }
        if let (false, Some(image)) = (is_image, layer.op.onnx_image()) {
            last = graph.reshape(&last, &format!("{}.image", folded.name), image);
            is_image = true;
        }
        last = layer.op.onnx(folded, &mut graph, &last)?;
        last = graph.activation(folded.activation, &folded.name, last);
    }
    if is_image {
        // The last layer gives the picture's shape already: its last node gets the output's name.
        graph.proto.node.last_mut().expect("a generator has layers").output = vec![IMAGE.to_owned()];
    } else {
        graph.reshape(&last, IMAGE, shape);
    }
    Ok(graph.proto)
}

/// Describes an input or output: any number N of rows, and the given shape behind it.
fn value(name: &str, kind: DataType, shape: &[usize]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let batch = Value::DimParam(BATCH.to_owned());
    let dims = std::iter::once(batch).chain(shape.iter().map(|&size| Value::DimValue(size as i64)));
    let dim = dims.map(|value| Dimension { denotation: String::new(), value: Some(value) }).collect();
    let tensor = type_proto::Tensor { elem_type: kind.into(), shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..onnx::ValueInfoProto::default() }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::{
        networks::{LEAK, Mode, Op, generator},
        recipe::Recipe,
    };

    /// Runs folded layers in double precision, as an ONNX runtime would: candle-onnx has no transposed convolution.
    fn run(layers: &[(&Layer, Folded)], latents: &Tensor) -> Result<Tensor> {
        let mut x = latents.to_dtype(DType::F64)?;
        for (layer, folded) in layers {
            let bias = Tensor::new(&folded.bias[..], &Device::Cpu)?;
            let weight = Tensor::new(&folded.weight[..], &Device::Cpu)?;
            x = match layer.op {
                Op::Dense(dense) => {
                    x.matmul(&weight.reshape((dense.outputs, dense.inputs))?.t()?)?.broadcast_add(&bias)?
                }
                _ => {
                    let [channels, height, width] = layer.op.onnx_image().expect("a layer that doubles an image");
                    let weight = weight.reshape((channels, folded.bias.len(), 4, 4))?;
                    let image = x.reshape(((), channels, height, width))?.conv_transpose2d(&weight, 1, 0, 2, 1)?;
                    image.broadcast_add(&bias.reshape((1, folded.bias.len(), 1, 1))?)?
                }
            };
            x = match folded.activation {
                Activation::None => x,
                Activation::LeakyRelu => x.maximum(&(&x * f64::from(LEAK))?)?,
                Activation::Tanh => x.tanh()?,
                other => unreachable!("{other:?}"),
            };
        }
        Ok(x)
    }

    #[test]
    fn folded_layers_draw_what_the_network_draws_at_any_shape() {
        for settings in [
            &["data.shape=1x28x28", "generator.channels=[6, 5]"][..],
            &["data.shape=3x16x24", "generator.channels=[4, 3]", "generator.output=sigmoid"],
            &["data.shape=3x24x32", "generator.channels=[4, 3, 2]", "generator.growth=nearest"],
            &["data.shape=3x24x32", "generator.channels=[4, 3, 2]", "generator.batch_norm=off"],
        ] {
            let all = [&["generator.kind=conv", "generator.latent=5"], settings].concat();
            let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            let recipe = Recipe::default().with(&all).expect("good settings");
            let network = std::sync::Arc::new(generator(&recipe, &Device::Cpu).expect("a small network"));
            let latents = Tensor::randn(0f32, 1.0, (9, 5), &Device::Cpu).expect("memory");
            // Moves the running statistics away from 0 and 1.
            network.forward(&latents, Mode::Frozen).expect("a pass");
            let state_dict = network.state_dict().expect("its tensors");
            let folded = fold(&network.layers, &state_dict).expect("a generator");
            let found = run(&folded, &latents).expect("images");
            let shape = recipe.shape().expect("a shape");
            assert_eq!(found.dims(), [9, shape.channels, shape.height, shape.width]);
            let found = found.permute((0, 2, 3, 1)).and_then(|images| images.flatten_from(1)).expect("memory");
            let expected = network.forward_f64(&latents).expect("images");
            let apart = (found - expected).and_then(|apart| apart.abs()?.max_all()?.to_scalar::<f64>());
            assert!(apart.expect("a number") < 1e-6, "{settings:?}");
        }
    }
}
