//! The faces: argv ↔ engine. The only code that prints, reads the clock and the environment, or knows a wire format.

#[cfg(feature = "cli")]
pub mod cli;
pub mod wire;
