//! How pictures become pictures of the size that is fed.
//!
//! In: made by `resolve` alone. Out: names and sizes; a preset's are the same as written ones. Deliberately not here: doing it,
//! which is the host's.

use std::fmt;

/// How a picture becomes one of a size, as torchvision and timm do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaling {
    /// By which filter.
    pub filter: Filter,
    /// What is done about other proportions.
    pub fit: Fit,
}

/// Filters that make a picture larger or smaller, by the names that they have in PyTorch and Pillow. Where a picture becomes
/// smaller, all but `nearest` widen with the reduction (antialiasing).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// The triangle of radius 1.
    Bilinear,
    /// Keys' cubic of radius 2, a = -1/2.
    Bicubic,
    /// The windowed sinc of radius 3.
    Lanczos,
    /// The mean over the pixel's own area.
    Box,
    /// The nearest pixel.
    Nearest,
}

/// What is done about the proportions of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The whole is scaled until it just covers this height and width, to whole pixels; the middle of that is taken.
    Crop([u64; 2]),
    /// The whole becomes this height and width, whatever its proportions; the middle of that is taken.
    Squash([u64; 2]),
    /// The whole is scaled until it just fits in, to whole pixels; what is left on both sides is black.
    Pad,
}

impl Filter {
    /// Every filter.
    pub const ALL: &[Self] =
        &[Self::Bilinear, Self::Bicubic, Self::Lanczos, Self::Box, Self::Nearest];

    /// As written in a spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Lanczos => "lanczos",
            Self::Box => "box",
            Self::Nearest => "nearest",
        }
    }
}

impl Fit {
    /// As written in a spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crop(_) => "crop",
            Self::Squash(_) => "squash",
            Self::Pad => "pad",
        }
    }
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resize: {}, fit: {}", self.filter.name(), self.fit.name())?;
        match self.fit {
            Fit::Crop([height, width]) | Fit::Squash([height, width]) => {
                write!(f, " of [{height}, {width}]")
            }
            Fit::Pad => Ok(()),
        }
    }
}
