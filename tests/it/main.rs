//! The integration tests: one binary, through public faces only.

mod build;
mod errors;
mod help;
mod layering;
mod masking;
mod query;
mod real_model;
mod seed;
mod support;
