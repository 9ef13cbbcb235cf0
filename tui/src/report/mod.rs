//! `duel report`: one or more runs as a page, and the page's figures as files.

mod chart;
mod curves;
mod densities;
mod figures;
mod html;
mod page;
mod scores;
mod sections;
mod shown;
mod side_by_side;
mod subject;
mod svg;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod well_formed;

pub use self::{
    figures::{compared, figures, file_name},
    page::{is_page, page},
    shown::add_shown,
    subject::Subject,
};
