//! A generator's layers as a graph of tract, by two operations of our own: tract's take each layer in several, of which none
//! knows the next.

use std::sync::Arc;

use duel_models::{Card, SIDE};
use tract_onnx::{
    prelude::*,
    tract_hir::tract_core::{
        internal::*,
        ops::{cast::cast, change_axes::AxisOp},
    },
};

use crate::{
    door::{LABEL, LATENT},
    kernels::{Matrix, Rows, product_in_double, tanh},
    layers::{Activation, Layer, Op as Kind, Weight},
};

/// The graph of those layers, for any number of samples.
pub(crate) fn plan(layers: Vec<Layer>, card: &Card) -> TractResult<Arc<TypedRunnableModel>> {
    let mut model = TypedModel::default();
    let samples = model.symbols.sym("N");
    let mut last = model.add_source(LATENT, f32::fact(dims!(samples, card.latent)))?;
    let label = match card.classes {
        0 => None,
        _ => Some(model.add_source(LABEL, i64::fact(dims!(samples)))?),
    };
    let mut layers = layers.into_iter().enumerate().peekable();
    while let Some((index, layer)) = layers.next() {
        let name = format!("layer{}", index + 1);
        let grows = layers.peek().is_some_and(|(_, next)| matches!(next.op, Kind::Up { .. }));
        last = match layer.op {
            Kind::Dense { weight, bias, double } => {
                let kind = if double { DatumType::F64 } else { DatumType::F32 };
                if model.outlet_fact(last)?.datum_type != kind {
                    last = model.wire_node(format!("{name}.cast"), cast(kind), &[last])?[0];
                }
                let labelled = bias.as_ref().is_some_and(|bias| bias.dims.len() == 2);
                let inputs: TVec<OutletId> = std::iter::once(last).chain(label.filter(|_| labelled)).collect();
                // A transposed convolution takes the channels of a pixel together, ONNX the pixels of a channel.
                let channels = if grows { layer.shape[0] } else { 1 };
                let dense = Dense::new(weight, bias, channels, double, layer.activation);
                model.wire_node(&name, dense, &inputs)?[0]
            }
            Kind::Up { weight, bias } => {
                let up = Up::new(&weight, &bias, (layer.shape[1] / 4).isqrt(), layer.activation);
                model.wire_node(&name, up, &[last])?[0]
            }
        };
    }
    let image = AxisOp::Reshape(1, tvec![(SIDE * SIDE).to_dim()], tvec![1.to_dim(), SIDE.to_dim(), SIDE.to_dim()]);
    last = model.wire_node("image", image, &[last])?[0];
    model.select_output_outlets(&[last])?;
    model.into_runnable()
}

impl Activation {
    /// What the products are finished with: f(y) = max(y, slope y).
    fn slope(self) -> f32 {
        match self {
            Self::Leaky(slope) => slope,
            Self::None | Self::Tanh => 1.0,
        }
    }

    /// What is left to do behind the products.
    fn finish(self, values: &mut [f32]) {
        if self == Self::Tanh {
            tanh(values);
        }
    }
}

/// A dense layer with its activation: [N, inputs] and labels, [N], if its bias has more rows than one -> [N, outputs].
#[derive(Debug, Clone)]
struct Dense(Arc<DenseWeights>);

#[derive(Debug)]
struct DenseWeights {
    inputs: usize,
    outputs: usize,
    weight: Product,
    /// [rows, outputs].
    bias: Vec<f32>,
    activation: Activation,
}

/// The weight of a dense layer, for the precision in which it is used.
#[derive(Debug)]
enum Product {
    Single(Matrix),
    /// [inputs, outputs].
    Double(Vec<f32>),
}

impl Dense {
    /// With the outputs, given as [channels, pixels], as [pixels, channels].
    fn new(weight: Weight, bias: Option<Weight>, channels: usize, double: bool, activation: Activation) -> Self {
        let [inputs, outputs] = [weight.dims[0], weight.dims[1]];
        let pixels = outputs / channels;
        let order: Vec<usize> = (0..outputs).map(|column| column % channels * pixels + column / channels).collect();
        let whole = |tensor: &Weight, rows| -> Vec<f32> {
            (0..rows)
                .flat_map(|row| order.iter().map(move |column| row * outputs + column))
                .map(|at| tensor.value(at))
                .collect()
        };
        let product = if double {
            Product::Double(whole(&weight, inputs))
        } else {
            Product::Single(Matrix::new(inputs, outputs, |row, column| weight.value(row * outputs + order[column])))
        };
        let bias = match bias {
            Some(bias) => whole(&bias, if bias.dims.len() == 2 { bias.dims[0] } else { 1 }),
            None => vec![0.0; outputs],
        };
        Self(Arc::new(DenseWeights { inputs, outputs, weight: product, bias, activation }))
    }
}

impl EvalOp for Dense {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let DenseWeights { inputs: depth, outputs, weight, bias, activation } = &*self.0;
        let samples = inputs[0].shape()[0];
        let labels = inputs.get(1).map(|labels| labels.try_as_plain_ram()).transpose()?;
        let labels = labels.as_ref().map(|labels| labels.as_slice::<i64>()).transpose()?;
        let row = |sample: usize| &bias[labels.map_or(0, |labels| labels[sample] as usize) * outputs..][..*outputs];
        let x = inputs[0].try_as_plain_ram()?;
        let out = match weight {
            Product::Single(matrix) => {
                let mut out = Tensor::zero::<f32>(&[samples, *outputs])?;
                let [from, to] = [depth, outputs].map(|size| (0..samples).map(|at| at * size).collect::<Vec<_>>());
                let rows = Rows { from: &from, taps: &[0], to: &to };
                let mut values = out.try_as_plain_ram_mut()?;
                let values = values.as_slice_mut()?;
                matrix.product(x.as_slice()?, &rows, row, activation.slope(), values);
                activation.finish(values);
                out
            }
            Product::Double(matrix) => {
                let mut out = Tensor::zero::<f64>(&[samples, *outputs])?;
                let values = out.try_as_plain_ram_mut()?;
                product_in_double(
                    x.as_slice()?,
                    matrix,
                    *depth,
                    row,
                    activation.slope().into(),
                    { values }.as_slice_mut()?,
                );
                out
            }
        };
        Ok(tvec![out.into()])
    }

    op_out_of_plan!();
}

impl Op for Dense {
    fn name(&self) -> StaticName {
        "Dense".into()
    }

    op_as_typed_op!();
}

impl TypedOp for Dense {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec![inputs[0].datum_type.fact([inputs[0].shape[0].clone(), self.0.outputs.to_dim()])])
    }

    as_op!();
}

/// A 4×4 transposed convolution of stride 2 and padding 1 with its activation: [N, side, side, inputs] ->
/// [N, 2 side, 2 side, outputs], both flat.
///
/// Each output pixel sees four input pixels, two rows by two columns, and which four of the sixteen weights depends on whether
/// its row and column are even. So it is four products, one for each such phase, of rows that are gathered from four pixels.
/// For a single output channel those would leave most of a vector empty: there one product gives all sixteen parts of every
/// input pixel, and each output pixel adds up its four.
#[derive(Debug, Clone)]
struct Up(Arc<UpWeights>);

#[derive(Debug)]
struct UpWeights {
    inputs: usize,
    outputs: usize,
    side: usize,
    /// For each phase [4 taps × inputs, outputs]; for a single output [inputs, 16].
    weights: Vec<Matrix>,
    bias: Vec<f32>,
    activation: Activation,
}

impl Up {
    fn new(weight: &Weight, bias: &Weight, side: usize, activation: Activation) -> Self {
        let [inputs, outputs] = [weight.dims[0], weight.dims[1]];
        let at = |input: usize, output: usize, y: usize, x: usize| {
            weight.value(((input * outputs + output) * 4 + y) * 4 + x)
        };
        let weights = if outputs == 1 {
            vec![Matrix::new(inputs, 16, |input, tap| at(input, 0, tap / 4, tap % 4))]
        } else {
            // A row that is even takes weight 3 of the pixel above and 1 of its own, one that is odd 2 of its own and 0 of the one below.
            let phase = |y: usize, x: usize| {
                Matrix::new(4 * inputs, outputs, |row, output| {
                    let (tap, input) = (row / inputs, row % inputs);
                    at(input, output, 3 - y - tap / 2 * 2, 3 - x - tap % 2 * 2)
                })
            };
            vec![phase(0, 0), phase(0, 1), phase(1, 0), phase(1, 1)]
        };
        let bias = (0..outputs).map(|at| bias.value(at)).collect();
        Self(Arc::new(UpWeights { inputs, outputs, side, weights, bias, activation }))
    }
}

impl UpWeights {
    /// One sample through four products.
    fn phases(&self, x: &[f32], out: &mut [f32]) {
        let &Self { inputs, outputs, side, .. } = self;
        let padded = side + 2;
        let mut framed = vec![0.0; padded * padded * inputs];
        for (y, row) in x.chunks_exact(side * inputs).enumerate() {
            framed[((y + 1) * padded + 1) * inputs..][..row.len()].copy_from_slice(row);
        }
        let taps = [0, 1, padded, padded + 1].map(|pixel| pixel * inputs);
        for (phase, weights) in self.weights.iter().enumerate() {
            let (down, right) = (phase / 2, phase % 2);
            let pixels = || (0..side).flat_map(|y| (0..side).map(move |x| (y, x)));
            let from: Vec<usize> = pixels().map(|(y, x)| ((y + down) * padded + x + right) * inputs).collect();
            let to: Vec<usize> = pixels().map(|(y, x)| ((2 * y + down) * 2 * side + 2 * x + right) * outputs).collect();
            let rows = Rows { from: &from, taps: &taps, to: &to };
            weights.product(&framed, &rows, |_| &self.bias, self.activation.slope(), out);
        }
    }

    /// One sample of a single output channel.
    fn scatter(&self, x: &[f32], out: &mut [f32]) {
        let side = self.side;
        let mut parts = vec![0.0; side * side * 16];
        let [from, to] = [self.inputs, 16].map(|size| (0..side * side).map(|at| at * size).collect::<Vec<_>>());
        self.weights[0].product(x, &Rows { from: &from, taps: &[0], to: &to }, |_| &[0.0; 16], 1.0, &mut parts);
        let wide = 2 * side;
        out.fill(self.bias[0]);
        for (pixel, parts) in parts.as_chunks::<16>().0.iter().enumerate() {
            let (top, left) = (2 * (pixel / side), 2 * (pixel % side));
            for (tap, part) in parts.iter().enumerate() {
                let (y, x) = (top + tap / 4, left + tap % 4);
                if (1..=wide).contains(&y) && (1..=wide).contains(&x) {
                    out[(y - 1) * wide + x - 1] += part;
                }
            }
        }
        let slope = self.activation.slope();
        out.iter_mut().for_each(|y| *y = y.max(slope * *y));
    }
}

impl EvalOp for Up {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let up = &*self.0;
        let pixels = up.side * up.side;
        let mut out = Tensor::zero::<f32>(&[inputs[0].shape()[0], 4 * pixels * up.outputs])?;
        let mut values = out.try_as_plain_ram_mut()?;
        let x = inputs[0].try_as_plain_ram()?;
        let samples = x.as_slice::<f32>()?.chunks_exact(pixels * up.inputs);
        for (x, out) in samples.zip(values.as_slice_mut::<f32>()?.chunks_exact_mut(4 * pixels * up.outputs)) {
            if up.outputs == 1 {
                up.scatter(x, out)
            } else {
                up.phases(x, out)
            }
            up.activation.finish(out);
        }
        Ok(tvec![out.into()])
    }

    op_out_of_plan!();
}

impl Op for Up {
    fn name(&self) -> StaticName {
        "Up".into()
    }

    op_as_typed_op!();
}

impl TypedOp for Up {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let UpWeights { side, outputs, .. } = *self.0;
        Ok(tvec![f32::fact([inputs[0].shape[0].clone(), (4 * side * side * outputs).to_dim()])])
    }

    as_op!();
}

/// Layers are equal if they are the same.
macro_rules! equal_if_same {
    ($($op:ty),*) => {$(
        impl PartialEq for $op {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
            }
        }

        impl Eq for $op {}
    )*};
}

equal_if_same!(Dense, Up);
