//! Masks against their definition.

mod definition;
mod properties;
mod swin;
mod text;
mod units;
