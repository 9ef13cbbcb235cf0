//! The training data: pictures with labels, or the numbers of a toy distribution.

pub mod batches;
mod data_set;
mod error;
pub mod idx;
mod images;
mod load;
pub mod mnist;
pub mod npy;
pub mod toy;

pub use self::{
    data_set::{DataSet, Split},
    error::DataError,
    images::Images,
    load::{load_generated, load_test, load_training},
};
