//! Masks against their definition.

mod definition;
mod properties;
mod schedule;
mod swin;
mod text;
mod units;
