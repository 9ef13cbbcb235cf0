//! The dense layer as an operation of tract.

use std::sync::Arc;

use tract_onnx::{prelude::*, tract_hir::tract_core::internal::*};

use crate::{
    kernels::{PackedMatrix, Rows, product_f64},
    layer::{Activation, Weight, equal_if_same},
};

/// A dense layer with its activation: [N, inputs], and labels [N] if its bias is a table by class -> [N, outputs].
#[derive(Debug, Clone)]
pub(crate) struct Dense(Arc<DenseWeights>);

#[derive(Debug)]
struct DenseWeights {
    inputs: usize,
    outputs: usize,
    weight: Matrix,
    /// [outputs], or [classes, outputs].
    bias: Vec<f32>,
    activation: Activation,
}

/// The weight, [inputs, outputs], in the precision of the layer.
#[derive(Debug)]
enum Matrix {
    Single(PackedMatrix),
    Double(Vec<f32>),
}

impl Dense {
    /// The layer with `weight` [inputs, outputs]. Its outputs form a picture of `channels`: they are reordered from
    /// channels-first, as in the file, to channels-last. If the outputs are not a picture, `channels` is the number of
    /// outputs, and their order does not change.
    pub fn new(weight: Weight, bias: Option<Weight>, channels: usize, double: bool, activation: Activation) -> Self {
        let [inputs, outputs] = [weight.dims[0], weight.dims[1]];
        let pixels = outputs / channels;
        let order: Vec<usize> = (0..outputs).map(|column| column % channels * pixels + column / channels).collect();
        let reordered = |tensor: &Weight, rows: usize| {
            let mut values = Vec::with_capacity(rows * outputs);
            for row in 0..rows {
                values.extend(order.iter().map(|column| tensor.value(row * outputs + column)));
            }
            values
        };
        let matrix = if double {
            Matrix::Double(reordered(&weight, inputs))
        } else {
            let at = |row: usize, column: usize| weight.value(row * outputs + order[column]);
            Matrix::Single(PackedMatrix::new(inputs, outputs, at))
        };
        let bias = match bias {
            Some(bias) => reordered(&bias, if bias.dims.len() == 2 { bias.dims[0] } else { 1 }),
            None => vec![0.0; outputs],
        };
        Self(Arc::new(DenseWeights { inputs, outputs, weight: matrix, bias, activation }))
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
            Matrix::Single(matrix) => {
                let mut out = Tensor::zero::<f32>(&[samples, *outputs])?;
                let [from, to] = [depth, outputs].map(|size| (0..samples).map(|at| at * size).collect::<Vec<_>>());
                let rows = Rows { from: &from, taps: &[0], to: &to };
                let mut values = out.try_as_plain_ram_mut()?;
                let values = values.as_slice_mut()?;
                matrix.product(x.as_slice()?, &rows, row, activation.slope(), values);
                activation.finish(values);
                out
            }
            Matrix::Double(matrix) => {
                let mut out = Tensor::zero::<f64>(&[samples, *outputs])?;
                let mut values = out.try_as_plain_ram_mut()?;
                let slope = activation.slope().into();
                product_f64(x.as_slice()?, matrix, *depth, row, slope, values.as_slice_mut()?);
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

equal_if_same!(Dense);
