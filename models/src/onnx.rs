//! Names in the ONNX graph of an exported generator: the trainer writes them, the runtime reads them.

/// Input of every generator: f32 `[N, latent]`.
pub const LATENT: &str = "latent";

/// Second input of a generator with classes: i64 `[N]`.
pub const LABEL: &str = "label";

/// Output: f32 `[N, channels, height, width]` in [-1, 1].
pub const IMAGE: &str = "image";

/// Name of the batch dimension, which may have any size.
pub const BATCH: &str = "N";

/// Attributes of every `ConvTranspose`: a kernel of 4×4, padding 1, stride 2. Its output is twice as high and twice as
/// wide.
pub const CONV_TRANSPOSE: [(&str, &[i64]); 3] =
    [("kernel_shape", &[4, 4]), ("pads", &[1, 1, 1, 1]), ("strides", &[2, 2])];
