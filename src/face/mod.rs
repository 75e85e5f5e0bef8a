//! The faces: the outside ↔ engine. The only code that prints, reads the clock and the environment, runs async, or
//! knows a wire format.

#[cfg(any(feature = "http", feature = "mcp"))]
mod background;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(any(feature = "cli", feature = "http", feature = "mcp"))]
mod clock;
#[cfg(feature = "http")]
pub mod databricks;
pub mod explain;
#[cfg(feature = "http")]
pub mod http;
pub mod masking;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod question;
pub mod wire;
