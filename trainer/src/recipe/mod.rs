//! Every setting of an experiment, once: its name, default, range and meaning. A recipe file lists only the settings
//! that differ from the defaults.

mod as_text;
mod augment;
mod change;
mod derive;
mod error;
mod experiment;
mod overlay;
mod pictures;
mod range;
mod schedule;
mod sections;
mod shipped;
mod source;

pub use self::{
    augment::AugmentPolicy,
    change::{Change, LIVE_SETTINGS},
    derive::{Facts, Given},
    error::RecipeError,
    experiment::Recipe,
    overlay::read_text,
    pictures::{Background, DataSize},
    range::{Range, Setting},
    sections::{
        Augment, Balance, BatchNorm, Colour, Crop, Data, Discriminator, Evaluation, Generator, Growth, Initial, Kind,
        Loss, Optimizer, Order, Output, Record, Schedule, Training,
    },
    shipped::SHIPPED,
    source::{DataShape, Source, Toy},
};
