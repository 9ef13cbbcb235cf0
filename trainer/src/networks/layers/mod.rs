//! The layers. Each has a file with everything that the program knows about it.
//!
//! To add a layer, write a file that implements the trait `Operation`, and name the file and its type below. A layer
//! that doubles the sides of an image also gets a name in the recipe's [`Growth`] and a line in the function `growth`.

mod batch_norm;
mod conv;
mod conv_transpose;
mod dense;
mod dropout;
mod fold;
mod image;
mod maxout;
mod onnx_graph;
mod operation;
mod parameters;
mod pass;
mod projection_head;
mod upsample_conv;

use candle_core::{Result, Tensor};
use duel_models::random::Stream;

use self::operation::Operation;
pub use self::{
    batch_norm::BatchNorm, conv::Conv, conv_transpose::ConvTranspose, dense::Dense, dropout::Dropout, maxout::Maxout,
    projection_head::ProjectionHead, upsample_conv::UpsampleConv,
};
pub(crate) use self::{
    fold::{ChannelAffine, Folded},
    onnx_graph::OnnxGraph,
    parameters::{EntryLayout, FirstWeights, Stored},
    pass::{Backward, Forward, GradientSink, Gradients, Running, Saved, Scratch, TensorForward},
};
use crate::recipe::Growth;

/// Declares [`Op`], with a variant for each layer, and passes each call on to the layer in the variant: a static call,
/// without a trait object. The methods are described at [`Operation`].
macro_rules! layers {
    ($($layer:ident),+ $(,)?) => {
        /// The operation of a layer. Images are channels-last: [N, height, width, channels].
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum Op {
            $(#[doc = concat!("[`", stringify!($layer), "`](struct@", stringify!($layer), ").")] $layer($layer),)+
        }

        $(impl From<$layer> for Op {
            fn from(layer: $layer) -> Self {
                Self::$layer(layer)
            }
        })+

        impl Op {
            pub(crate) fn module(&self) -> &'static str {
                match self { $(Self::$layer(layer) => layer.module(),)+ }
            }

            pub(crate) fn outputs(&self, inputs: usize) -> usize {
                match self { $(Self::$layer(layer) => layer.outputs(inputs),)+ }
            }

            pub(crate) fn sizes(&self) -> [usize; 2] {
                match self { $(Self::$layer(layer) => layer.sizes(),)+ }
            }

            pub(crate) fn running_size(&self) -> usize {
                match self { $(Self::$layer(layer) => layer.running_size(),)+ }
            }

            pub(crate) fn matrix(&self) -> Option<[usize; 2]> {
                match self { $(Self::$layer(layer) => layer.matrix(),)+ }
            }

            pub(crate) fn multiplications(&self) -> usize {
                match self { $(Self::$layer(layer) => layer.multiplications(),)+ }
            }

            pub(crate) fn initialise(
                &self,
                first: FirstWeights,
                stream: Stream,
                parameters: [&mut [f32]; 2],
                running: &mut [f32],
            ) {
                match self { $(Self::$layer(layer) => layer.initialise(first, stream, parameters, running),)+ }
            }

            pub(crate) fn entries(&self, name: &str) -> Vec<EntryLayout> {
                match self { $(Self::$layer(layer) => layer.entries(name),)+ }
            }

            pub(crate) fn mask(&self, rows: usize, size: usize, stream: Option<Stream>) -> Vec<f32> {
                match self { $(Self::$layer(layer) => layer.mask(rows, size, stream),)+ }
            }

            pub(crate) fn forward(&self, pass: Forward) -> Result<()> {
                match self { $(Self::$layer(layer) => layer.forward(pass),)+ }
            }

            pub(crate) fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
                match self { $(Self::$layer(layer) => layer.forward_candle(pass),)+ }
            }

            pub(crate) fn in_place(&self) -> bool {
                match self { $(Self::$layer(layer) => layer.in_place(),)+ }
            }

            pub(crate) fn backward(&self, pass: &Backward, gradients: Gradients, scratch: &mut Scratch) {
                match self { $(Self::$layer(layer) => layer.backward(pass, gradients, scratch),)+ }
            }

            pub(crate) fn channel_affine(&self, tensor: &dyn Fn(&str) -> Vec<f64>) -> Option<ChannelAffine> {
                match self { $(Self::$layer(layer) => layer.channel_affine(tensor),)+ }
            }

            pub(crate) fn onnx_weight(&self, weight: Vec<f64>) -> Vec<f64> {
                match self { $(Self::$layer(layer) => layer.onnx_weight(weight),)+ }
            }

            pub(crate) fn fold_behind(&self, affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
                match self { $(Self::$layer(layer) => layer.fold_behind(affine, folded),)+ }
            }

            pub(crate) fn fold_before(&self, affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
                match self { $(Self::$layer(layer) => layer.fold_before(affine, folded),)+ }
            }

            pub(crate) fn onnx_image(&self) -> Option<[usize; 3]> {
                match self { $(Self::$layer(layer) => layer.onnx_image(),)+ }
            }

            pub(crate) fn onnx(&self, folded: &Folded, graph: &mut OnnxGraph, input: &str) -> Result<String> {
                match self { $(Self::$layer(layer) => layer.onnx(folded, graph, input),)+ }
            }

            pub(crate) fn pytorch(&self) -> &'static str {
                match self { $(Self::$layer(layer) => layer.pytorch(),)+ }
            }
        }
    };
}

layers!(Dense, ProjectionHead, BatchNorm, Conv, ConvTranspose, UpsampleConv, Maxout, Dropout);

/// The layer that doubles the sides of an image of [height, width, inputs], with `outputs` output channels.
pub(crate) fn growth(how: Growth, [height, width, inputs]: [usize; 3], outputs: usize) -> Op {
    match how {
        Growth::Transposed => ConvTranspose { height, width, inputs, outputs }.into(),
        Growth::Nearest => UpsampleConv { height, width, inputs, outputs }.into(),
    }
}
