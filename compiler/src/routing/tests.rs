//! Masks against their definition.

mod definition;
mod parts;
mod properties;
mod schedule;
mod swin;
mod text;
mod units;
