//! The words that arguments choose from. A param can hold any of them unquoted.

use crate::model::{Elementwise, Filter, WindowType};

use super::presets::Preset;

pub(super) const SHORT: &[&str] = &["pad", "loop"];
pub(super) const FIT: &[&str] = &["crop", "squash", "pad"];
pub(super) const MEL_SCALE: &[&str] = &["htk", "slaney"];
pub(super) const MEL_NORM: &[&str] = &["none", "slaney"];
pub(super) const NEGATIVES: &[&str] = &["both", "forward", "joint"];
pub(super) const COLLAPSE: &[&str] = &["refuse", "allow"];
pub(super) const ABSENT: &[&str] = &["learned"];
pub(super) const MISSING: &[&str] = &["zero", "absent"];
pub(super) const POOLING: &[&str] = &["mean", "first", "last"];
pub(super) const POSITION: &[&str] = &["learned", "sinusoidal", "fourier"];

/// Whether some argument knows this word.
pub(super) fn is_word(text: &str) -> bool {
    let choices =
        [SHORT, FIT, MEL_SCALE, MEL_NORM, NEGATIVES, COLLAPSE, ABSENT, MISSING, POOLING, POSITION];
    choices.iter().any(|words| words.contains(&text))
        || Elementwise::find(text).is_some()
        || Filter::ALL.iter().any(|filter| filter.name() == text)
        || WindowType::ALL.iter().any(|kind| kind.name() == text)
        || Preset::ALL.iter().any(|preset| preset.name() == text)
}
