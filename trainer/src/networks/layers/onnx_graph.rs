//! An ONNX graph while it is being built.

use candle_onnx::onnx::{
    AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto::AttributeType, tensor_proto::DataType,
};

use crate::kernels::activation::{Activation, LEAK};

/// A graph to which each layer adds its nodes and weights.
#[derive(Default)]
pub(crate) struct OnnxGraph {
    pub proto: GraphProto,
    /// Whether the next layers compute in f64. Their weights are f32 and cast where they are used.
    pub double: bool,
    /// Name of the input with the labels, and the number of classes. The first dense layer takes this and picks a row
    /// of its weight by the label, instead of a product with the label's one-hot.
    pub label: Option<(&'static str, usize)>,
}

impl OnnxGraph {
    /// Adds a node with one output, which has the node's name; returns that name.
    pub(crate) fn push(&mut self, op: &str, name: &str, inputs: &[&str]) -> String {
        self.proto.node.push(NodeProto {
            op_type: op.to_owned(),
            name: name.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.to_owned()],
            ..NodeProto::default()
        });
        name.to_owned()
    }

    /// Adds whole numbers as an attribute of the last node.
    pub(crate) fn integers(&mut self, key: &str, values: &[i64]) {
        self.attribute(AttributeProto {
            name: key.to_owned(),
            r#type: AttributeType::Ints.into(),
            ints: values.to_vec(),
            ..AttributeProto::default()
        });
    }

    fn attribute(&mut self, attribute: AttributeProto) {
        self.proto.node.last_mut().expect("a node was pushed").attribute.push(attribute);
    }

    /// Adds a constant tensor of f32.
    pub(crate) fn floats(&mut self, name: &str, shape: &[usize], values: &[f64]) {
        self.constant(name, shape, DataType::Float, values.iter().flat_map(|&value| (value as f32).to_le_bytes()));
    }

    fn constant(&mut self, name: &str, shape: &[usize], kind: DataType, bytes: impl Iterator<Item = u8>) {
        self.proto.initializer.push(TensorProto {
            name: name.to_owned(),
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type: kind.into(),
            raw_data: bytes.collect(),
            ..TensorProto::default()
        });
    }

    /// Adds a conversion of `input` to another type.
    pub(crate) fn cast(&mut self, input: &str, to: DataType) -> String {
        let name = self.push("Cast", &format!("{input}.{}", to.as_str_name().to_lowercase()), &[input]);
        self.attribute(AttributeProto {
            name: "to".to_owned(),
            r#type: AttributeType::Int.into(),
            i: i32::from(to).into(),
            ..AttributeProto::default()
        });
        name
    }

    /// Adds a view of [N, …] as [N, channels, height, width].
    pub(crate) fn reshape(&mut self, input: &str, name: &str, [channels, height, width]: [usize; 3]) -> String {
        let shape = format!("{name}.shape");
        let sizes = [-1, channels as i64, height as i64, width as i64];
        self.constant(&shape, &[4], DataType::Int64, sizes.iter().flat_map(|size| size.to_le_bytes()));
        self.push("Reshape", name, &[input, &shape])
    }

    /// Adds the activation of the layer `name`. A sigmoid must be folded into a tanh before.
    pub(crate) fn activation(&mut self, activation: Activation, name: &str, input: String) -> String {
        let op = match activation {
            Activation::None => return input,
            Activation::Relu => "Relu",
            Activation::LeakyRelu => "LeakyRelu",
            Activation::Tanh => "Tanh",
            Activation::Sigmoid => unreachable!("folded into a tanh"),
        };
        let output = self.push(op, &format!("{name}.{}", op.to_lowercase()), &[&input]);
        if activation == Activation::LeakyRelu {
            self.attribute(AttributeProto {
                name: "alpha".to_owned(),
                r#type: AttributeType::Float.into(),
                f: LEAK,
                ..AttributeProto::default()
            });
        }
        output
    }
}
