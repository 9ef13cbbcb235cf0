//! The values of contiguous `f32` tensors on the CPU as slices, to read and to write in place.

use std::{
    cell::Cell,
    ops::{Deref, Range},
};

use candle_core::{CpuStorage, Error, InplaceOp1, Layout, Result, Storage, Tensor, bail};

/// A tensor's values as a slice, behind candle's lock for reading.
struct Values<Lock> {
    storage: Lock,
    range: Range<usize>,
}

/// Returns the values of a tensor; an error if the tensor is not contiguous, not `f32` or not on the CPU.
pub(crate) fn values(tensor: &Tensor) -> Result<impl Deref<Target = [f32]>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(CpuStorage::F32(_)) = &*storage else {
        bail!("a CPU kernel was given values other than f32 on the CPU")
    };
    let range = contiguous(layout, "kernel")?;
    Ok(Values { storage, range })
}

impl<Lock: Deref<Target = Storage>> Deref for Values<Lock> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => unreachable!("`values` checked the storage"),
        }
    }
}

/// Calls `body` with the tensor's values, which `body` may change.
pub(crate) fn write<T>(tensor: &Tensor, body: impl FnOnce(&mut [f32]) -> T) -> Result<T> {
    let write = Write { body: Cell::new(Some(body)), returned: Cell::new(None) };
    tensor.inplace_op1(&write)?;
    Ok(write.returned.into_inner().expect("candle runs an operation once"))
}

/// Calls `body` with the values of several different tensors, which `body` may change.
pub(crate) fn write_all<const N: usize, T>(
    tensors: [&Tensor; N],
    body: impl FnOnce([&mut [f32]; N]) -> T,
) -> Result<T> {
    write_rest(&tensors, Vec::with_capacity(N), |opened| body(opened.try_into().expect("every tensor was opened")))
}

/// Opens the first of `tensors` inside the call that opened those before, because candle lends one tensor at a time.
fn write_rest<T>(tensors: &[&Tensor], opened: Vec<&mut [f32]>, body: impl FnOnce(Vec<&mut [f32]>) -> T) -> Result<T> {
    let Some((tensor, rest)) = tensors.split_first() else { return Ok(body(opened)) };
    write(tensor, |values| {
        let mut opened: Vec<&mut [f32]> = opened;
        opened.push(values);
        write_rest(rest, opened, body)
    })?
}

/// Returns the values that candle gave a custom operation.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    Ok(&storage.as_slice::<f32>()?[contiguous(layout, "kernel")?])
}

fn contiguous(layout: &Layout, op: &'static str) -> Result<Range<usize>> {
    let (from, to) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op }.bt())?;
    Ok(from..to)
}

struct Write<F, T> {
    body: Cell<Option<F>>,
    returned: Cell<Option<T>>,
}

impl<T, F: FnOnce(&mut [f32]) -> T> InplaceOp1 for Write<F, T> {
    fn name(&self) -> &'static str {
        "write"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let range = contiguous(layout, "write")?;
        let CpuStorage::F32(values) = storage else { bail!("a CPU kernel was given values other than f32") };
        self.returned.set(self.body.take().map(|body| body(&mut values[range])));
        Ok(())
    }
}

/// Returns the first `length` values of `buffer`, which only grows; their contents are left over from earlier use.
pub(crate) fn grown(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}
