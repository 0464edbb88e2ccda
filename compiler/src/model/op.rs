//! The closed vocabulary of the model: operations, sources, starts.

use std::fmt;

use crate::number::Number;

use super::{ModalityId, Scaling};

/// What a step does. Beside each: its weights in order, where it has any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// The fed tensor.
    Input(ModalityId),
    /// Learned tokens. Weight: the tokens.
    Latents,
    /// A learned scalar (grid `[]`, width 1) or vector (grid `[]`). Weight: itself.
    Learned,
    /// Patches of these sizes become tokens; row-major inside the patch, channels last.
    Patches(Vec<u64>),
    /// A linear map of each token. Weights: matrix `[out, in]`, then the bias if there is one.
    Linear,
    /// Ids to learned vectors. Weight: the table `[vocabulary, width]`.
    Embed,
    /// Positions, added or joined. Weight: the table `[tokens, width]` if learned.
    Position {
        /// Which.
        kind: PositionKind,
        /// Beside the features instead of added to them.
        join: bool,
    },
    /// Tokens of a sample that lacks the modality become one learned vector. Weight: the vector.
    Absent,
    /// Layer norm over the width. Weights: scale and bias, where there are.
    Norm {
        /// Added to the variance.
        eps: Number,
        /// Whether it has a scale.
        scale: bool,
        /// Whether it has a bias.
        bias: bool,
    },
    /// Root-mean-square norm over the width. Weights: scale and bias, where there are.
    RmsNorm {
        /// Added to the mean square.
        eps: Number,
        /// Whether it has a scale.
        scale: bool,
        /// Whether it has a bias.
        bias: bool,
    },
    /// Each channel times a weight. Weight: the vector.
    Scale,
    /// A function of each number.
    Elementwise(Elementwise),
    /// Softmax over the width.
    Softmax,
    /// First half of the width times a function of the second half.
    Gated(Elementwise),
    /// The sum of two values; a grid of `[]` counts for every token, a width of 1 with it for every number.
    Add,
    /// The difference of two values, likewise.
    Sub,
    /// The product of two values, likewise.
    Mul,
    /// The quotient of two values, likewise.
    Div,
    /// `factor * value + term`.
    Affine {
        /// The factor.
        factor: Number,
        /// The term.
        term: Number,
    },
    /// A number divided by the value.
    Reciprocal(Number),
    /// Mean of several values of one shape, over those that are present.
    Mean,
    /// In training: numbers become 0 at this rate, the others grow to make up for it.
    Dropout(Number),
    /// In training: the value of a whole sample becomes 0 at this rate.
    DropPath {
        /// The rate.
        rate: Number,
        /// Whether the others grow to make up for it.
        rescale: bool,
    },
    /// Scaled dot-product attention of projected queries, keys and values. A linear map of its result is its own: it gives 0 for
    /// what may read nothing. Operands: query, then key and value of each
    /// group read. Weight: with `window`, the bias table `[heads, positions]`.
    Attend {
        /// How many heads; they divide the width.
        heads: u64,
        /// The window within which scores have a relative bias, if they have.
        window: Option<Vec<u64>>,
        /// What comes of it for samples that lack all that is read.
        missing: Missing,
    },
    /// Tokens of all operands after one another.
    Concat,
    /// Widths of all operands side by side.
    Join,
    /// These tokens, from and up to.
    Slice(u64, u64),
    /// These tokens.
    Gather(Vec<u64>),
    /// All tokens become one.
    Pool(Pooling),
    /// Zeros after the grid, up to the result's.
    Pad,
    /// The leading part of the grid.
    Crop,
}

impl Op {
    /// Whether it brings several values together.
    pub(crate) fn is_mixing(&self) -> bool {
        match self {
            Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Div
            | Self::Mean
            | Self::Attend { .. }
            | Self::Concat
            | Self::Join => true,
            Self::Input(_)
            | Self::Latents
            | Self::Learned
            | Self::Patches(_)
            | Self::Linear
            | Self::Embed
            | Self::Position { .. }
            | Self::Absent
            | Self::Norm { .. }
            | Self::RmsNorm { .. }
            | Self::Scale
            | Self::Elementwise(_)
            | Self::Softmax
            | Self::Gated(_)
            | Self::Affine { .. }
            | Self::Reciprocal(_)
            | Self::Dropout(_)
            | Self::DropPath { .. }
            | Self::Slice(..)
            | Self::Gather(_)
            | Self::Pool(_)
            | Self::Pad
            | Self::Crop => false,
        }
    }
}

/// Functions of single numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Elementwise {
    /// Exact, with the error function.
    Gelu,
    /// The tanh approximation.
    GeluTanh,
    /// v * sigmoid(1.702 v)
    QuickGelu,
    /// max(v, 0)
    Relu,
    /// max(v, 0)^2
    SquaredRelu,
    /// v * sigmoid(v)
    Silu,
    /// 1 / (1 + exp(-v))
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
}

impl Elementwise {
    /// Every function.
    pub const ALL: &[Self] = &[
        Self::Gelu,
        Self::GeluTanh,
        Self::QuickGelu,
        Self::Relu,
        Self::SquaredRelu,
        Self::Silu,
        Self::Sigmoid,
        Self::Tanh,
        Self::Exp,
        Self::Log,
    ];

    /// The function of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name() == name)
    }

    /// As written in a spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::QuickGelu => "quick_gelu",
            Self::Relu => "relu",
            Self::SquaredRelu => "squared_relu",
            Self::Silu => "silu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Exp => "exp",
            Self::Log => "log",
        }
    }
}

/// Kinds of position.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PositionKind {
    /// One learned vector a token.
    Learned,
    /// Sines and cosines of geometric frequencies, the axes sharing the width.
    Sinusoidal,
    /// Sines and cosines of linear frequencies up to a maximum, and the coordinate itself, for each axis.
    Fourier {
        /// Frequencies an axis.
        bands: u64,
        /// The highest; 0 for the Nyquist rate of the axis.
        max: Number,
    },
}

/// What attention makes for samples that lack all that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Missing {
    /// Zeros: reading nobody adds nothing.
    #[default]
    Zero,
    /// Nothing: the result is absent.
    Absent,
}

/// How many tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first.
    First,
    /// The last.
    Last,
}

/// Who the negatives of a contrastive loss are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Negatives {
    /// The mean of a to b and b to a.
    Both,
    /// a to b alone.
    Forward,
    /// Rows and columns in one softmax.
    Joint,
}

/// How a weight starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Init {
    /// All the same.
    Constant(Number),
    /// Normal with this deviation, cut at two of them.
    Truncated(Number),
    /// Normal with this deviation.
    Normal(Number),
    /// Uniform between minus and plus this bound.
    Uniform(Number),
    /// Uniform with the bound sqrt(6 / (in + out)) (Glorot).
    Xavier,
}

/// What a weight is for; it decides whether weight decay usually applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WeightKind {
    /// A linear map.
    Matrix,
    /// Added to each token.
    Bias,
    /// The factor of a norm or a layer scale.
    Scale,
    /// Positions.
    Position,
    /// Learned tokens.
    Latents,
    /// Vectors for ids.
    Embedding,
    /// The bias of attention scores.
    Scores,
    /// Declared with `learned` or `absent`.
    Learned,
}

/// Where a modality's data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A clip of a video.
    Frames {
        /// How many frames.
        count: u64,
        /// Frames a second.
        fps: Number,
        /// Height and width.
        size: [u64; 2],
        /// 1 or 3.
        channels: u64,
        /// How frames become so large; where it is not said, the largest part in the middle that has these proportions, to the
        /// fraction of a pixel, is scaled by the bilinear filter and rounded to 256 levels.
        scaling: Option<Scaling>,
    },
    /// A picture.
    Image {
        /// Height and width.
        size: [u64; 2],
        /// 1 or 3.
        channels: u64,
        /// How it becomes so large, as for frames.
        scaling: Option<Scaling>,
    },
    /// Sound.
    Wave {
        /// Samples a second.
        rate: u64,
        /// Length.
        seconds: Number,
        /// What is done when the sound is shorter.
        short: Short,
        /// How many channels.
        channels: u64,
    },
    /// Token ids.
    Text {
        /// How many.
        length: u64,
        /// They are below this.
        vocabulary: u64,
    },
    /// Anything.
    Tensor,
}

/// What is done when a sound is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// Zeros follow.
    Pad,
    /// It is repeated.
    Loop,
}

/// How the windows of a filterbank fade towards their ends; each is symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowType {
    /// A Hann window to the power of 0.85.
    Povey,
    /// `0.5 - 0.5 cos`.
    Hanning,
    /// `0.54 - 0.46 cos`.
    Hamming,
    /// Not at all.
    Rectangular,
}

impl WindowType {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Povey, Self::Hanning, Self::Hamming, Self::Rectangular];

    /// As written in a spec.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Povey => "povey",
            Self::Hanning => "hanning",
            Self::Hamming => "hamming",
            Self::Rectangular => "rectangular",
        }
    }
}

/// What the host does to the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostStep {
    /// `(v - mean) / std`, a number for each channel or one for all.
    Normalize {
        /// The means.
        mean: Vec<Number>,
        /// The deviations.
        std: Vec<Number>,
    },
    /// Logarithm of the mel power spectrum.
    LogMel {
        /// Samples a second of the sound it is made of.
        rate: u64,
        /// Mel bins.
        bins: u64,
        /// Samples in a window.
        window: u64,
        /// Samples from one window to the next.
        hop: u64,
        /// Size of the Fourier transform.
        fft: u64,
        /// Lowest frequency, hertz.
        low: Number,
        /// Highest frequency, hertz.
        high: Number,
        /// True for Slaney's mel scale, false for HTK's.
        slaney_scale: bool,
        /// True for filters of equal area (Slaney), false for equal height.
        slaney_norm: bool,
        /// Added before the logarithm.
        floor: Number,
    },
    /// Power spectrum.
    Spectrogram {
        /// Samples in a window.
        window: u64,
        /// Samples from one window to the next.
        hop: u64,
        /// Size of the Fourier transform.
        fft: u64,
        /// Exponent of the magnitude.
        power: Number,
    },
    /// Kaldi's logarithmic filterbank, without dither. Frames that do not lie within a sound that is too short are 0.
    Fbank {
        /// Samples a second of the sound it is made of.
        rate: u64,
        /// Mel bins.
        bins: u64,
        /// Samples in a window.
        window: u64,
        /// Samples from one window to the next.
        hop: u64,
        /// Size of the Fourier transform.
        fft: u64,
        /// Lowest frequency, hertz.
        low: Number,
        /// Highest frequency, hertz.
        high: Number,
        /// How windows fade.
        window_type: WindowType,
        /// So much of the sample before is taken away from each.
        preemphasis: Number,
    },
    /// Whisper's logarithm of the mel power spectrum, of windows of [`crate::mel::WHISPER_WINDOW`] samples.
    WhisperMel {
        /// Mel bins.
        bins: u64,
    },
    /// The leading part of the grid.
    Crop(Vec<u64>),
    /// Zeros after the grid.
    Pad(Vec<u64>),
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(f, "{value}"),
            Self::Truncated(std) => write!(f, "truncated({std})"),
            Self::Normal(std) => write!(f, "normal({std})"),
            Self::Uniform(bound) => write!(f, "uniform({bound})"),
            Self::Xavier => f.write_str("xavier"),
        }
    }
}
