//! The activations that the kernels apply.

/// Function applied to the output of a layer's operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// The identity.
    None,
    /// max(0, x).
    Relu,
    /// x above 0, [`LEAK`] · x below.
    LeakyRelu,
    /// The hyperbolic tangent.
    Tanh,
    /// tanh(x / 2): the logistic sigmoid of a picture in [-1, 1] instead of [0, 1].
    Sigmoid,
}

/// Slope of the leaky ReLU below 0: Radford et al. 2015 (DCGAN), section 3.
pub const LEAK: f32 = 0.2;
