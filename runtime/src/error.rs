//! What can go wrong where the compiler is right: the machine and the data.
//!
//! Deliberately not here: errors in specs, which are diagnostics; our own mistakes, which are panics.

use std::fmt;

/// The machine cannot do it, or the data does not fit the model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeError {
    /// There is not enough memory.
    Memory {
        /// For what.
        purpose: String,
        /// How many bytes were asked for.
        bytes: usize,
    },
    /// The system gave no threads; with its words.
    Threads(String),
    /// What was fed has another size than the model takes.
    Length {
        /// The modality or target.
        input: String,
        /// Numbers that the model takes.
        expected: usize,
        /// Numbers that were fed.
        found: usize,
    },
    /// Numbers were fed where integers are taken, or the other way round.
    Kind {
        /// The modality or target.
        input: String,
        /// Whether integers are taken.
        integers: bool,
    },
    /// An integer that was fed is too large for the table that it points into.
    Id {
        /// The modality.
        input: String,
        /// The integer.
        found: u32,
        /// The largest that is allowed.
        largest: u32,
    },
    /// A step has another number of samples than the batch.
    Samples {
        /// Samples of a batch.
        expected: usize,
        /// Samples of the step.
        found: usize,
    },
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { purpose, bytes } => {
                write!(
                    f,
                    "not enough memory for {purpose}: {bytes} bytes are needed; try a smaller batch"
                )
            }
            Self::Threads(why) => write!(f, "the system gives no threads: {why}"),
            Self::Length { input, expected, found } => {
                write!(f, "`{input}` takes {expected} numbers, but {found} were fed")
            }
            Self::Kind { input, integers: true } => write!(f, "`{input}` takes integers"),
            Self::Kind { input, integers: false } => write!(f, "`{input}` takes numbers"),
            Self::Id { input, found, largest } => {
                write!(f, "`{input}` was fed {found}, but at most {largest} exists")
            }
            Self::Samples { expected, found } => {
                write!(f, "a batch has {expected} samples, but the step has {found}; fill it up")
            }
        }
    }
}

impl std::error::Error for RuntimeError {}
