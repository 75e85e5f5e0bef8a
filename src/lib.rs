//! Offline next-best-action engine for customer support.

pub mod desk;
pub mod error;
pub mod rank;
pub mod table;
