//! Builds tract's graph of a generator, with one operation of our own per layer: tract's own operations pass over the
//! values of a layer several times, because they are not fused.
//!
//! Values are channels-last between the layers, [N, height, width, channels]: a transposed convolution reads all
//! channels of a pixel together.

use std::sync::Arc;

use duel_models::{
    Card,
    onnx::{BATCH, LABEL, LATENT},
};
use tract_onnx::{
    prelude::*,
    tract_hir::tract_core::{internal::*, ops::cast::cast},
};

use crate::{
    conv_transpose::ConvTranspose,
    dense::Dense,
    layer::{Layer, Op},
};

/// Builds the graph of `layers` for any number of samples: latents and labels -> [N, height × width × channels].
pub(crate) fn plan(layers: Vec<Layer>, card: &Card) -> TractResult<Arc<TypedRunnableModel>> {
    let mut model = TypedModel::default();
    let samples = model.symbols.sym(BATCH);
    let mut last = model.add_source(LATENT, f32::fact(dims!(samples, card.latent)))?;
    let label = match card.classes {
        0 => None,
        _ => Some(model.add_source(LABEL, i64::fact(dims!(samples)))?),
    };
    for (index, Layer { op, activation, shape }) in layers.into_iter().enumerate() {
        let name = format!("layer{}", index + 1);
        last = match op {
            Op::Dense { weight, bias, double } => {
                let kind = if double { DatumType::F64 } else { DatumType::F32 };
                if model.outlet_fact(last)?.datum_type != kind {
                    last = model.wire_node(format!("{name}.cast"), cast(kind), &[last])?[0];
                }
                let by_class = bias.as_ref().is_some_and(|bias| bias.dims.len() == 2);
                let inputs: TVec<OutletId> = std::iter::once(last).chain(label.filter(|_| by_class)).collect();
                model.wire_node(&name, Dense::new(weight, bias, shape[0], double, activation), &inputs)?[0]
            }
            Op::ConvTranspose { weight, bias } => {
                let [_, height, width] = shape;
                let op = ConvTranspose::new(&weight, &bias, [height / 2, width / 2], activation);
                model.wire_node(&name, op, &[last])?[0]
            }
        };
    }
    model.select_output_outlets(&[last])?;
    model.into_runnable()
}
