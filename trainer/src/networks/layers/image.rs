//! Layouts of images for candle's operations, which take them channels-first.

use candle_core::{Result, Tensor};

/// [N, height · width · channels] -> [N, channels, height, width]
pub(crate) fn channels_first(x: &Tensor, [height, width, channels]: [usize; 3]) -> Result<Tensor> {
    x.reshape(((), height, width, channels))?.permute((0, 3, 1, 2))?.contiguous()
}

/// [N, channels, height, width] -> [N, height · width · channels], with each channel's bias added.
pub(crate) fn channels_last(image: &Tensor, bias: &Tensor) -> Result<Tensor> {
    image.permute((0, 2, 3, 1))?.contiguous()?.broadcast_add(bias)?.flatten_from(1)
}
