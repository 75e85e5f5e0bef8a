//! Offline next-best-action engine for customer support.

pub mod embed;
pub mod error;
pub mod rank;
pub mod vector;
