//! The support desk: source tables → tickets with masked threads → texts to embed and rows to index; the action catalogue.
//! Knows no embedding model and no index.
//!
//! Suggested reading order: [`ticket`], [`tables`], [`load`], [`mask`], [`document`], [`action`], [`row`].

pub mod action;
pub mod document;
pub mod load;
pub mod mask;
pub mod row;
pub mod tables;
#[cfg(test)]
mod tests;
pub mod ticket;

pub use load::{Desk, load, personal_values};
