//! A network's pass by candle's own operations, on any device.

use candle_core::{DType, Result, Tensor};

use super::{Activation, Growth, LEAK, Layer, Network, Op};

impl Network {
    pub(crate) fn by_candle(&self, x: &Tensor, parameters: &Tensor, training: bool) -> Result<Tensor> {
        let mut x = x.clone();
        let masks = self.masks(x.dim(0)?, training);
        for (layer, mask) in self.layers.iter().zip(masks) {
            let [weights, biases] = layer.sizes();
            let weight = parameters.narrow(0, layer.offset, weights)?;
            let bias = parameters.narrow(0, layer.offset + weights, biases)?;
            x = match layer.op {
                Op::Dense { inputs, outputs, .. } => {
                    x.matmul(&weight.reshape((inputs, outputs))?)?.broadcast_add(&bias)?
                }
                Op::Head { inputs, classes, .. } => {
                    let bias = bias.pad_with_zeros(0, 0, classes)?;
                    x.matmul(&weight.reshape((inputs, 1 + classes))?)?.broadcast_add(&bias)?
                }
                Op::BatchNorm { channels, .. } => {
                    let size = x.dim(1)?;
                    let rows = x.reshape(((), channels))?;
                    self.norm_by_candle(layer, &rows, &weight, &bias, training)?.reshape(((), size))?
                }
                Op::Down { wide, inputs, outputs } => {
                    let weight = weight.reshape((4, 4, inputs, outputs))?.permute((3, 2, 0, 1))?.contiguous()?;
                    let image = channels_first(&x, wide, inputs)?;
                    channels_last(&image.conv2d(&weight, 1, 2, 1, 1)?, &bias)?
                }
                Op::Up { side, inputs, outputs, how } => {
                    let weight = weight.reshape((inputs, how.kernel(), how.kernel(), outputs))?;
                    let image = channels_first(&x, side, inputs)?;
                    let image = match how {
                        Growth::Transposed => {
                            let weight = weight.permute((0, 3, 1, 2))?.contiguous()?;
                            image.conv_transpose2d(&weight, 1, 0, 2, 1)?
                        }
                        Growth::Nearest => {
                            let weight = weight.permute((3, 0, 1, 2))?.contiguous()?;
                            image.upsample_nearest2d(2 * side, 2 * side)?.conv2d(&weight, 1, 1, 1, 1)?
                        }
                    };
                    channels_last(&image, &bias)?
                }
                Op::Max { pieces } => x.reshape((x.dim(0)?, layer.size, pieces))?.max(2)?,
                Op::Dropout { image, .. } => {
                    let mask = Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?;
                    (if image { x.affine(0.5, 0.5)? } else { x } * mask)?
                }
            };
            x = match layer.activation {
                Activation::None => x,
                Activation::Relu => x.relu()?,
                Activation::LeakyRelu => ((x.relu()? * f64::from(1.0 - LEAK))? + (x * f64::from(LEAK))?)?,
                Activation::Tanh => x.tanh()?,
                Activation::Sigmoid => x.affine(0.5, 0.0)?.tanh()?,
            };
        }
        Ok(x)
    }

    /// `x` and what it gives are [rows, channels].
    fn norm_by_candle(
        &self,
        layer: &Layer,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        training: bool,
    ) -> Result<Tensor> {
        let Op::BatchNorm { channels, momentum, epsilon, of_batch } = layer.op else { unreachable!("a batch norm") };
        let (mean, variance) = if training && of_batch {
            let mean = x.mean(0)?;
            let variance = x.broadcast_sub(&mean)?.sqr()?.mean(0)?;
            let [batch_mean, batch_variance] =
                [&mean, &variance].map(|figure| figure.detach().to_dtype(DType::F32)?.to_vec1());
            self.update_running(layer, &batch_mean?, &batch_variance?, x.dim(0)?, momentum)?;
            (mean, variance)
        } else {
            let figures = self.running.detach().to_dtype(x.dtype())?;
            let mean = figures.narrow(0, layer.running_offset, channels)?;
            (mean, figures.narrow(0, layer.running_offset + channels, channels)?)
        };
        let factor = (gamma / (variance + epsilon)?.sqrt()?)?;
        x.broadcast_sub(&mean)?.broadcast_mul(&factor)?.broadcast_add(beta)
    }
}

/// [N, side · side · channels] -> [N, channels, side, side]
fn channels_first(x: &Tensor, side: usize, channels: usize) -> Result<Tensor> {
    x.reshape(((), side, side, channels))?.permute((0, 3, 1, 2))?.contiguous()
}

/// [N, channels, side, side] -> [N, side · side · channels], each channel's bias added.
fn channels_last(image: &Tensor, bias: &Tensor) -> Result<Tensor> {
    image.permute((0, 2, 3, 1))?.contiguous()?.broadcast_add(bias)?.flatten_from(1)
}
