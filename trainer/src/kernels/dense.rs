//! A dense layer, y = activation(x W + b), with W as [inputs, outputs] and b behind W, and its gradients.

use super::{
    activation::Activation,
    elementwise::{activate, bias_gradient},
    gemm::{Matrix, Write, product},
};

/// Computes y, [N, outputs], from x, [N, inputs]. A bias shorter than `outputs` belongs to the first of them.
pub(crate) fn forward(x: &[f32], [weight, bias]: [&[f32]; 2], outputs: usize, activation: Activation, y: &mut [f32]) {
    let inputs = weight.len() / outputs;
    let weight = Matrix::new(weight, inputs, outputs);
    product(Matrix::new(x, x.len() / inputs, inputs), weight, y, Write::Replace);
    activate(y, bias, outputs, activation);
}

/// Gradient of W and b from the gradient of x W + b, [N, outputs]: dW = xᵀ g and db = Σ g.
pub(crate) fn parameter_gradient(x: &[f32], gradient: &[f32], outputs: usize, sink: &mut [f32], write: Write) {
    let rows = gradient.len() / outputs;
    let inputs = x.len() / rows;
    let (weight, bias) = sink.split_at_mut(inputs * outputs);
    product(Matrix::new(x, rows, inputs).transposed(), Matrix::new(gradient, rows, outputs), weight, write);
    bias_gradient(gradient, outputs, bias, write);
}

/// Gradient of x, [N, inputs], from the gradient of x W + b, [N, outputs]: dx = g Wᵀ.
pub(crate) fn input_gradient(weight: &[f32], gradient: &[f32], outputs: usize, below: &mut [f32]) {
    let weight = Matrix::new(weight, weight.len() / outputs, outputs).transposed();
    product(Matrix::new(gradient, gradient.len() / outputs, outputs), weight, below, Write::Replace);
}
