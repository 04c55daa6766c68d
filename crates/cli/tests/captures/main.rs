//! Captures in, books out: what an import takes in is what the yardstick folds, and nothing is called exact that is not.

#![allow(missing_docs, clippy::unwrap_used)]

mod claims;
mod forms;
mod lab;
mod losses;
mod naive;
mod overlaps;
mod readers;
mod real;
mod sample;
mod wire;
