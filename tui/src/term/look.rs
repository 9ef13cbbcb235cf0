//! The flags by which a user chooses characters and colours.

use clap::{Args, ValueEnum};

use super::charset::Charset;

/// The colours that a user has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Scheme {
    /// Light colours, for a dark background.
    #[default]
    Dark,
    /// Dark colours, for a light background.
    Light,
    /// No colours.
    Plain,
}

/// Flags of each command that draws in the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
pub struct Look {
    /// The characters to draw with.
    #[arg(long, value_enum, default_value_t)]
    pub charset: Charset,
    /// The colours: for a dark or for a light background, or none.
    #[arg(long, value_enum, default_value_t)]
    pub theme: Scheme,
}
