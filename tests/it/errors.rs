//! Everything that can go wrong, once each, with its exit code: the message says the way out, and nothing panics.

mod damage;
mod disk;
mod model;
mod requests;
mod tables;
