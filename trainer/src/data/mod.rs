//! The training data: pictures with labels, or the numbers of a toy distribution.

mod arrays;
pub mod batches;
pub(crate) mod cache;
mod collection;
mod data_set;
mod dataset_json;
mod decode;
mod emoji;
mod error;
mod fingerprint;
mod hints;
pub mod idx;
mod images;
mod labels;
mod layout;
mod load;
pub mod mnist;
pub mod npy;
mod oddities;
mod pictures;
mod stacked;
mod survey;
pub mod toy;
mod wanted;

pub use self::{
    data_set::{DataSet, SCORED_LEAST, Split},
    decode::decoded,
    error::DataError,
    fingerprint::check_fingerprint,
    images::Images,
    load::{check_classes, from_zip, load, load_generated, load_test, load_training},
    survey::Survey,
};

/// Learns how many pictures are decoded, of how many; threads call it at the same time.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// A [`Progress`] that shows nothing.
pub const SILENT: Progress = &|_, _| {};
