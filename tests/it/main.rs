//! The integration tests: one binary, through public faces only.

mod layering;
