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
mod words;

pub(crate) use self::sections::{FINGERPRINT_DIGITS, NO_FINGERPRINT};
pub use self::{
    augment::AugmentPolicy,
    change::{Change, LIVE_SETTINGS},
    derive::{DERIVED, Facts, Given, halvings_to_5},
    error::RecipeError,
    experiment::Recipe,
    overlay::read_text,
    pictures::{Background, DataSize},
    range::{Range, Setting},
    sections::{Data, Discriminator, Evaluation, Generator, Record, Training},
    shipped::SHIPPED,
    source::{DataShape, Source, Toy},
    words::{
        Augment, Balance, BatchNorm, Colour, Crop, Growth, Initial, Kind, Loss, Optimizer, Order, Output, Schedule,
    },
};
