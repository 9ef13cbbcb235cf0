//! The values of a contiguous `f32` tensor on the CPU as a slice, to read and to write in place.

use std::cell::Cell;

use candle_core::{CpuStorage, Error, InplaceOp1, Layout, Result, Storage, Tensor, bail};

/// Calls `body` with the tensor's values.
pub(crate) fn read<T>(tensor: &Tensor, body: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(body(slice(storage, layout)?)),
        _ => bail!("a CPU kernel was given a tensor on another device"),
    }
}

/// Calls `body` with the tensor's values, which it may change.
pub(crate) fn write<T>(tensor: &Tensor, body: impl FnOnce(&mut [f32]) -> T) -> Result<T> {
    let write = Write { body: Cell::new(Some(body)), told: Cell::new(None) };
    tensor.inplace_op1(&write)?;
    Ok(write.told.into_inner().expect("candle runs an operation once"))
}

/// The values that a custom operation was given.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (from, to) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op: "kernel" }.bt())?;
    Ok(&storage.as_slice::<f32>()?[from..to])
}

struct Write<F, T> {
    body: Cell<Option<F>>,
    told: Cell<Option<T>>,
}

impl<T, F: FnOnce(&mut [f32]) -> T> InplaceOp1 for Write<F, T> {
    fn name(&self) -> &'static str {
        "write"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (from, to) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op: "write" }.bt())?;
        let CpuStorage::F32(values) = storage else { bail!("a CPU kernel was given values other than f32") };
        self.told.set(self.body.take().map(|body| body(&mut values[from..to])));
        Ok(())
    }
}

/// The first `length` values of `room`, which only grows: what they hold is left from before.
pub(crate) fn grown(room: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if room.len() < length {
        room.resize(length, 0.0);
    }
    &mut room[..length]
}
