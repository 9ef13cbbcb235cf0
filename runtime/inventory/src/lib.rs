//! Stands in for the crate `inventory`, by which tract's crates list what they can do: operations to read and to write,
//! transformations, kernels. The lists fill before `main`, and what stands in them is never dead code: 5 MB of a Raspberry Pi's
//! binary for a runtime that asks tract for the operations of its own plan and for no others. Here they stay empty.

use std::{convert::Infallible, iter::Empty, marker::PhantomData, ops::Deref};

pub use iter::*;

/// The values in the list of `T`, none: `iter::<T>` iterates over them, and so does `iter::<T>()`.
#[allow(non_camel_case_types)]
pub enum iter<T: 'static> {
    /// The only value.
    iter,
    /// No value.
    Never(PhantomData<T>, Infallible),
}

fn none<T>() -> Empty<&'static T> {
    std::iter::empty()
}

impl<T> IntoIterator for iter<T> {
    type Item = &'static T;
    type IntoIter = Empty<&'static T>;

    fn into_iter(self) -> Self::IntoIter {
        none()
    }
}

impl<T> Deref for iter<T> {
    type Target = fn() -> Empty<&'static T>;

    fn deref(&self) -> &Self::Target {
        &(none as fn() -> Empty<&'static T>)
    }
}

/// Would make a list.
#[macro_export]
macro_rules! collect {
    ($type:ty) => {};
}

/// Would add to a list.
#[macro_export]
macro_rules! submit {
    ($($value:tt)*) => {};
}
