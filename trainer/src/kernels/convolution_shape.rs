//! The sizes of a convolution, which both ways to compute it share.

/// Sizes of a convolution's images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Convolution {
    /// Rows of the input; the output has half as many, rounded down.
    pub height: usize,
    /// Columns of the input; the output has half as many, rounded down.
    pub width: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
}

impl Convolution {
    /// Pixels of an output image.
    pub(super) fn output_pixels(self) -> usize {
        (self.height / 2) * (self.width / 2)
    }

    /// Values of an output image.
    pub(super) fn output_size(self) -> usize {
        self.output_pixels() * self.outputs
    }

    /// Values of an input image.
    pub(super) fn input_size(self) -> usize {
        self.height * self.width * self.inputs
    }
}
