//! The integration tests: one binary, through public faces only.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod abuse;
mod actions;
mod advice;
mod alike;
mod analyze;
mod build;
mod contract;
mod corpus;
mod databricks;
mod errors;
mod examples;
mod feed;
mod feedback;
mod forget;
mod formats;
mod gates;
mod generations;
mod help;
mod layering;
mod mask;
mod masking;
mod mcp;
mod mcp_http;
mod mirror_survival;
mod nginx;
mod precision;
mod queries;
mod query;
mod real_model;
mod replay;
mod sdk;
mod seed;
mod serve;
mod service;
mod show;
mod support;
mod survival;
mod tls;
mod tune;
