//! The client's core, tested through its public face.

mod keys;
mod signing;
