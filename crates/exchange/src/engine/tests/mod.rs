//! What the engine promises, shown rule by rule, and against a second engine.

mod properties;
mod reference;
mod rules;
