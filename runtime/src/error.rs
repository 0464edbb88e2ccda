//! What can go wrong where the compiler is right: the machine and the data.
//!
//! Deliberately not here: errors in specs, which are diagnostics; our own mistakes, which are panics.

use std::fmt;

use zorro_compiler::CompileError;

/// The machine cannot do it, or the data does not fit the model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The model cannot be compiled as asked.
    Compile(CompileError),
    /// There is not enough memory.
    Memory {
        /// For what.
        purpose: String,
        /// How many bytes were asked for.
        bytes: usize,
    },
    /// The system gave no threads; with its words.
    Threads(String),
    /// Tensors in half precision, which the device cannot store.
    Half {
        /// The device.
        device: String,
    },
    /// No device is what was asked for.
    NoDevice {
        /// What was asked for.
        wanted: String,
        /// The devices that there are, beside the processor.
        known: Vec<String>,
    },
    /// A device failed.
    Device {
        /// Its name.
        device: String,
        /// When: behind `while`.
        doing: String,
        /// Why, in the words of the system.
        why: String,
    },
    /// A device is gone.
    DeviceLost {
        /// Its name.
        device: String,
        /// Why, in the words of the system.
        why: String,
    },
    /// A device's driver refuses a kernel.
    Kernel {
        /// The name of the device.
        device: String,
        /// The kernel's place in the model.
        path: String,
        /// Why, in the words of the system.
        why: String,
    },
    /// More is needed of a device than it can do.
    Limit {
        /// Its name.
        device: String,
        /// Of what.
        what: String,
        /// How much.
        needs: u64,
        /// How much there may be.
        most: u64,
    },
    /// What was fed has another size than the model takes.
    Length {
        /// The modality or target.
        input: String,
        /// Numbers that the model takes.
        expected: usize,
        /// Numbers that were fed.
        found: usize,
    },
    /// A tensor has another shape than the model takes.
    Shape {
        /// The tensor.
        name: String,
        /// The shape that the model takes, in words.
        expected: String,
        /// The shape that it has.
        found: Vec<usize>,
    },
    /// Numbers were fed where integers are taken, or the other way round.
    Kind {
        /// The modality or target.
        input: String,
        /// Whether integers are taken.
        integers: bool,
    },
    /// An id that was fed is not in the vocabulary.
    Id {
        /// The modality.
        input: String,
        /// The id.
        found: i64,
        /// How many ids there are.
        vocabulary: u64,
    },
    /// A class that was fed does not exist, or is no integer.
    Class {
        /// The target.
        target: String,
        /// How many classes there are.
        classes: u64,
        /// The sample in the batch, from 0.
        sample: usize,
        /// What was fed.
        found: String,
    },
    /// A number that was fed is nothing that a loss can be held to.
    Target {
        /// The target.
        target: String,
        /// What it takes.
        wanted: &'static str,
        /// The sample in the batch, from 0.
        sample: usize,
        /// The place in the sample, from 0: the class, where there are classes.
        place: usize,
        /// What was fed.
        found: String,
    },
    /// Whether a sample has something is neither 0 nor 1.
    Present {
        /// The tensor that says it.
        name: String,
        /// The sample.
        sample: usize,
        /// What is said.
        found: String,
    },
    /// Another number of samples than the batch.
    Samples {
        /// Samples of a batch.
        expected: usize,
        /// Samples that were fed.
        found: usize,
    },
    /// Two tensors of one batch are for different numbers of samples.
    BatchesDiffer {
        /// The first.
        first: String,
        /// Its samples.
        first_size: usize,
        /// The second.
        second: String,
        /// Its samples.
        second_size: usize,
    },
    /// A batch without tensors.
    NothingFed,
    /// A tensor that the model takes nowhere.
    UnknownTensor {
        /// The tensor.
        name: String,
        /// What the model takes.
        known: Vec<String>,
    },
    /// A weight that the model does not have.
    UnknownWeight(String),
    /// Weights that are not there.
    MissingWeights(Vec<String>),
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compile(error) => error.fmt(f),
            Self::Memory { purpose, bytes } => write!(
                f,
                "not enough memory for {purpose}: {bytes} bytes are needed; try a smaller batch"
            ),
            Self::Threads(why) => write!(f, "the system gives no threads: {why}"),
            Self::Half { device } => write!(
                f,
                "{device} stores no numbers in half precision; take single precision, or another device"
            ),
            Self::NoDevice { wanted, known } if known.is_empty() => write!(
                f,
                "there is no device `{wanted}`: this machine has none; look at its drivers, or take `--device cpu`"
            ),
            Self::NoDevice { wanted, known } => write!(
                f,
                "there is no device `{wanted}`; there are {}, by place or a part of the name; or take `--device cpu`",
                known.join(", ")
            ),
            Self::Device { device, doing, why } => {
                write!(f, "`{device}` failed while {doing}: {why}; `--device cpu` does without it")
            }
            Self::DeviceLost { device, why } => write!(
                f,
                "`{device}` was lost ({why}): start again, with a smaller batch where single kernels took long"
            ),
            Self::Kernel { device, path, why } => write!(
                f,
                "`{device}` refuses the kernel of `{path}`: {why}\ntry `--without subgroups,f16`, a newer driver, or `--device cpu`"
            ),
            Self::Limit { device, what, needs, most } => write!(
                f,
                "`{device}` cannot do it: {what} would be {needs}, and may be {most}; make the batch smaller, or take `--device cpu`"
            ),
            Self::Length { input, expected, found } => {
                write!(f, "`{input}` takes {expected} numbers, but {found} were fed")
            }
            Self::Shape { name, expected, found } => {
                write!(f, "`{name}` has the shape {found:?}; the model takes {expected}")
            }
            Self::Kind { input, integers: true } => write!(f, "`{input}` takes integers"),
            Self::Kind { input, integers: false } => write!(f, "`{input}` takes numbers"),
            Self::Id { input, found, vocabulary } => {
                write!(
                    f,
                    "`{input}` was fed the id {found}; its vocabulary has {vocabulary} ids from 0"
                )
            }
            Self::Class { target, classes, sample, found } => write!(
                f,
                "`{target}` was fed {found} for sample {sample}, which is no class: {classes} classes are numbered from 0, as integers"
            ),
            Self::Target { target, wanted, sample, place, found } => write!(
                f,
                "`{target}` was fed {found} for sample {sample}, at {place}; it takes {wanted}"
            ),
            Self::Present { name, sample, found } => {
                write!(
                    f,
                    "`{name}` is {found} for sample {sample}; it is 1 where a sample has it, else 0"
                )
            }
            Self::Samples { expected, found } => {
                write!(f, "a batch has {expected} samples, but {found} were fed")
            }
            Self::BatchesDiffer { first, first_size, second, second_size } => {
                write!(f, "`{first}` is for {first_size} samples, `{second}` for {second_size}")
            }
            Self::NothingFed => f.write_str("no tensor was fed"),
            Self::UnknownTensor { name, known } => {
                write!(f, "the model takes no tensor `{name}`; it takes {}", known.join(", "))
            }
            Self::UnknownWeight(name) => write!(f, "the model has no weight `{name}`"),
            Self::MissingWeights(names) => {
                let (shown, rest) = names.split_at(names.len().min(5));
                let more = if rest.is_empty() {
                    String::new()
                } else {
                    format!(" and {} more", rest.len())
                };
                write!(f, "weights are missing: {}{more}", shown.join(", "))
            }
        }
    }
}

impl std::error::Error for RuntimeError {}
