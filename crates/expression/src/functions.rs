//! The functions, a file for each family. Every file ends in its part of the table.

pub(crate) mod collection;
pub(crate) mod conversion;
pub(crate) mod date;
pub(crate) mod directory;
pub(crate) mod logic;
pub(crate) mod regex;
pub(crate) mod text;
