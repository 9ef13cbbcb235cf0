//! Small generators made by hand, good ones and bad ones.

use std::collections::BTreeMap;

use duel_models::LatentLaw;
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};

use super::*;

const LATENT: usize = 3;

fn weight(row: usize, column: usize) -> f32 {
    ((row * 7 + column * 3) % 11) as f32 * 0.1 - 0.5
}

fn bias(row: usize) -> f32 {
    (row % 5) as f32 * 0.05
}

/// image = reshape(tanh(W latent + b))
fn model() -> ModelProto {
    let weights = (0..LATENT).flat_map(|column| (0..PIXELS).map(move |row| weight(row, column))).collect();
    let graph = GraphProto {
        name: "small".into(),
        node: vec![
            node("Gemm", &["latent", "w", "b"], "dense"),
            node("Tanh", &["dense"], "tanh"),
            node("Reshape", &["tanh", "shape"], "image"),
        ],
        initializer: vec![
            floats("w", &[LATENT as i64, PIXELS as i64], weights),
            floats("b", &[PIXELS as i64], (0..PIXELS).map(bias).collect()),
            TensorProto {
                name: "shape".into(),
                dims: vec![4],
                data_type: DataType::Int64.into(),
                raw_data: [-1, 1, 28, 28].into_iter().flat_map(i64::to_le_bytes).collect(),
                ..Default::default()
            },
        ],
        input: vec![value("latent", &[LATENT])],
        output: vec![value("image", &[1, 28, 28])],
        ..Default::default()
    };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        graph: Some(graph),
        metadata_props: card().to_map().into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect(),
        ..Default::default()
    }
}

fn card() -> Card {
    Card {
        name: "small".into(),
        latent: LATENT,
        latent_law: LatentLaw::Normal,
        classes: 0,
        recipe: "none".into(),
        seed: 0,
        steps: 0,
        images: 0,
        data: "none".into(),
        made_by: "a test".into(),
        checked_by: "nobody".into(),
        scores: BTreeMap::new(),
    }
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|&input| input.into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

fn floats(name: &str, dims: &[i64], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float.into(),
        raw_data: values.into_iter().flat_map(f32::to_le_bytes).collect(),
        ..Default::default()
    }
}

fn value(name: &str, sizes: &[usize]) -> ValueInfoProto {
    let batch = Value::DimParam("N".into());
    let dims = std::iter::once(batch).chain(sizes.iter().map(|&size| Value::DimValue(size as i64)));
    let dim = dims.map(|value| Dimension { value: Some(value), ..Default::default() }).collect();
    let tensor = type_proto::Tensor { elem_type: DataType::Float.into(), shape: Some(TensorShapeProto { dim }) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..Default::default() }
}

#[test]
fn it_draws_what_a_plain_loop_draws() {
    let generator = Generator::load(&model().encode_to_vec()).expect("a good model");
    assert_eq!(*generator.card(), card());
    let samples = Samples::of(&card(), 7, 0..70, None);
    let images = generator.draw(&samples.latents, &[]).expect("latents of the card");
    assert_eq!(images.len(), 70 * PIXELS);
    for (latent, image) in samples.latents.chunks_exact(LATENT).zip(images.chunks_exact(PIXELS)) {
        for (row, pixel) in image.iter().enumerate() {
            let sum: f32 = latent.iter().enumerate().map(|(column, z)| weight(row, column) * z).sum();
            assert!((pixel - (sum + bias(row)).tanh()).abs() < 1e-5);
        }
    }
}

#[test]
fn a_sample_is_the_same_whatever_is_drawn_with_it() {
    let generator = Generator::load(&model().encode_to_vec()).expect("a good model");
    let draw = |range| generator.draw(&Samples::of(&card(), 7, range, None).latents, &[]).expect("good latents");
    let all = draw(0..70);
    assert_eq!(draw(0..1), all[..PIXELS]);
    assert_eq!(draw(33..35), all[33 * PIXELS..35 * PIXELS]);
}

#[test]
fn what_does_not_fit_the_card_is_not_drawn() {
    let generator = Generator::load(&model().encode_to_vec()).expect("a good model");
    assert!(matches!(generator.draw(&[0.0; 4], &[]), Err(DrawError::Latents { values: 4, latent: LATENT })));
    assert!(matches!(generator.draw(&[0.0; 3], &[1]), Err(DrawError::Labels { given: 1, .. })));
}

/// A change to the good model's graph.
type Spoil = fn(&mut GraphProto);

#[test]
fn bad_graphs_are_refused_in_a_line_that_says_why() {
    let spoils: [(&str, Spoil); 13] = [
        ("no operation gives", |graph| graph.node[2].output[0] = "imagE".into()),
        ("\"Loop\"", |graph| graph.node[1].op_type = "Loop".into()),
        ("operations", |graph| graph.node.clear()),
        ("operations", |graph| graph.node = vec![graph.node[1].clone(); 257]),
        ("not finite", |graph| graph.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
        ("as many values", |graph| graph.initializer[0].raw_data.truncate(40)),
        ("as many values", |graph| graph.initializer[0].dims = vec![i64::MAX, i64::MAX]),
        ("neither f32, f16 nor i64", |graph| graph.initializer[0].data_type = DataType::Double.into()),
        ("another file", |graph| graph.initializer[0].data_location = Some(1)),
        ("inputs are", |graph| graph.input[0].name = "noise\u{1b}".repeat(1000)),
        ("outputs", |graph| graph.output.clear()),
        ("latent has the shape", |graph| graph.input[0] = value("latent", &[4])),
        ("out of range", |graph| {
            graph.node[0].op_type = "Gemm\u{1b}[2J".into();
            graph.node[0].attribute.push(AttributeProto { name: "transA".into(), i: 1 << 40, ..Default::default() });
        }),
    ];
    for (expected, spoil) in spoils {
        let mut model = model();
        spoil(model.graph.as_mut().expect("a graph"));
        refused(&model.encode_to_vec(), expected);
    }
}

#[test]
fn a_graph_that_does_not_do_what_its_card_says_is_refused() {
    let mut wide = model();
    let graph = wide.graph.as_mut().expect("a graph");
    graph.initializer[2].raw_data = [-1, 1, 14, 56].into_iter().flat_map(i64::to_le_bytes).collect();
    refused(&wide.encode_to_vec(), "shape");
    let mut cut = model();
    cut.graph.as_mut().expect("a graph").node.remove(1);
    refused(&cut.encode_to_vec(), "graph");
    let mut lying = model();
    let latent = lying.metadata_props.iter_mut().find(|entry| entry.key == "duel.latent").expect("a latent");
    latent.value = "4".into();
    refused(&lying.encode_to_vec(), "latent");
}

#[test]
fn a_bias_behind_a_reshape_is_refused() {
    let mut model = model();
    let graph = model.graph.as_mut().expect("a graph");
    graph.initializer.push(floats("late", &[1], vec![0.0]));
    graph.node = vec![
        node("MatMul", &["latent", "w"], "dense"),
        node("Reshape", &["dense", "shape"], "shaped"),
        node("Add", &["shaped", "late"], "image"),
    ];
    refused(&model.encode_to_vec(), "adds to an image");
}

#[test]
fn thin_weights_that_would_fill_the_memory_are_refused() {
    const WIDE: usize = 100_000;
    let mut model = model();
    let graph = model.graph.as_mut().expect("a graph");
    let mut nodes = vec![node("MatMul", &["latent", "first"], "out0")];
    graph.initializer.push(floats("first", &[LATENT as i64, 1], vec![0.0; LATENT]));
    for turn in 0..10 {
        let [wide, thin] = ["wide", "thin"].map(|name| format!("{name}{turn}"));
        graph.initializer.push(floats(&wide, &[1, WIDE as i64], vec![0.0; WIDE]));
        graph.initializer.push(floats(&thin, &[WIDE as i64, 1], vec![0.0; WIDE]));
        let [from, between, to] = [format!("out{turn}"), format!("between{turn}"), format!("out{}", turn + 1)];
        nodes.push(node("MatMul", &[&from, &wide], &between));
        nodes.push(node("MatMul", &[&between, &thin], &to));
    }
    graph.initializer.push(floats("last", &[1, PIXELS as i64], vec![0.0; PIXELS]));
    nodes.push(node("MatMul", &["out10", "last"], "dense"));
    nodes.push(node("Reshape", &["dense", "shape"], "image"));
    graph.node = nodes;
    refused(&model.encode_to_vec(), "more memory");
}

#[test]
fn what_is_no_generator_file_is_refused() {
    let good = model().encode_to_vec();
    refused(b"", "no ONNX file");
    refused(b"\x89PNG\r\n\x1a\n not a model", "no ONNX file");
    refused(&good[..good.len() / 2], "ONNX");
    let mut bare = model();
    bare.metadata_props.clear();
    refused(&bare.encode_to_vec(), "no duel card");
}

fn refused(onnx: &[u8], expected: &str) {
    let error = Generator::load(onnx).expect_err(expected).to_string();
    assert!(error.contains(expected), "{expected}: {error}");
    assert!(!error.chars().any(char::is_control) && error.len() < 300, "{error:?}");
}
